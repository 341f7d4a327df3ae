package vm

import (
	"fmt"
	"strconv"
	"strings"

	"tensoros/neurolang/tile"
)

// String returns the value as print writes it; of a tensor its type only.
func (v Value) String() string {
	var b strings.Builder
	v.write(&b, maxDepth)
	return b.String()
}

func (v Value) write(b *strings.Builder, depth int) {
	if depth == 0 {
		b.WriteString("...")
		return
	}
	switch v.kind {
	case Bool:
		b.WriteString(strconv.FormatBool(v.n != 0))
	case Int:
		b.WriteString(strconv.FormatInt(int64(v.n), 10))
	case Float:
		b.WriteString(formatFloat(v.Float()))
	case String:
		b.WriteString(v.Str())
	case Range:
		fmt.Fprintf(b, "%d..%d", v.span().lo, v.span().hi)
	case DeviceKind:
		fmt.Fprintf(b, "device %d (%s)", v.Device().Index, v.Device().Name)
	case Elem:
		b.WriteString(tile.Elem(v.n).String())
	case Layout:
		b.WriteString("Layout::" + tile.Layout(v.n).String())
	case TensorKind:
		if t := v.Tensor(); t != nil {
			b.WriteString(t.Spec.String())
		}
	case Func:
		b.WriteString("fn")
	case Ref:
		if p := v.target(); p != nil {
			p.write(b, depth-1)
		}
	case Array:
		list(b, "[", "]", v.Parts(), nil, depth)
	case Tuple:
		list(b, "(", ")", v.Parts(), nil, depth)
	case Struct, Enum:
		v.writeShaped(b, depth)
	default:
		b.WriteString("()")
	}
}

func (v Value) writeShaped(b *strings.Builder, depth int) {
	o := v.object()
	if o == nil || o.Shape == nil {
		b.WriteString("()")
		return
	}
	if v.kind == Struct {
		name, _, _ := strings.Cut(o.Shape.Type, "<")
		list(b, name+" { ", " }", o.Parts, o.Shape.Fields, depth)
		return
	}
	b.WriteString(o.Shape.Variant)
	if len(o.Parts) > 0 {
		list(b, "(", ")", o.Parts, nil, depth)
	}
}

// list writes parts with commas, after their names if they have some.
func list(b *strings.Builder, left, right string, parts []Value, names []string, depth int) {
	b.WriteString(left)
	for i, p := range parts {
		if i > 0 {
			b.WriteString(", ")
		}
		if i < len(names) {
			b.WriteString(names[i] + ": ")
		}
		p.write(b, depth-1)
	}
	b.WriteString(right)
}

// formatFloat writes the shortest decimal that reads back to the same float, as binary32 if the
// value is one: most come from tensors.
func formatFloat(f float64) string {
	size := 64
	if float64(float32(f)) == f {
		size = 32
	}
	s := strconv.FormatFloat(f, 'g', -1, size)
	if strings.Trim(s, "-0123456789") == "" {
		s += ".0"
	}
	return s
}

// format is the value as an f-string's spec wants it: [width][.digits] or [digits]e.
func format(v Value, spec string) (string, error) {
	if spec == "" {
		return v.String(), nil
	}
	mode, digits := byte('f'), -1
	head, tail, dotted := strings.Cut(spec, ".")
	width := head
	if s, ok := strings.CutSuffix(spec, "e"); ok {
		mode, digits = 'e', 6
		width, tail, dotted = "", s, s != ""
		if w, d, ok := strings.Cut(s, "."); ok {
			width, tail = w, d
		}
	}
	var err error
	if dotted {
		if digits, err = small(tail); err != nil {
			return "", badFormat(spec)
		}
	}
	w := 0
	if width != "" {
		if w, err = small(width); err != nil {
			return "", badFormat(spec)
		}
	}
	s := v.String()
	number := v.kind == Int || v.kind == Float
	if number && digits >= 0 {
		s = strconv.FormatFloat(v.number(), mode, digits, 64)
	}
	if number {
		return fmt.Sprintf("%*s", w, s), nil
	}
	return fmt.Sprintf("%-*s", w, s), nil
}

const maxWidth = 1000

func small(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err == nil && n > maxWidth {
		err = strconv.ErrRange
	}
	return int(n), err
}

// edge is how many elements at each end of a dimension are printed of a large tensor; printLine
// how many stand in one line.
const (
	edge       = 3
	printWhole = 1000
	printLine  = 16
)

// printer writes a tensor's elements as nested lists, with dots for the middle of large ones.
type printer struct {
	b     strings.Builder
	shape []int
	at    func(index []int) (Value, error)
	large bool
	line  bool // all in one line
}

// show returns a tensor with its elements, as print writes it.
func (m *Machine) show(t *Tensor) (string, error) {
	p := printer{shape: t.Shape, large: t.Count() > printWhole, line: t.Count() <= printLine}
	p.at = func(index []int) (Value, error) {
		raw, err := m.read(t, t.place(index))
		if err != nil {
			return Value{}, err
		}
		return element(t.Elem, raw), nil
	}
	if p.large { // what is left out can be guessed from the type
		p.b.WriteString(t.Spec.String() + " ")
	}
	if err := p.write(nil); err != nil {
		return "", err
	}
	return p.b.String(), nil
}

func (p *printer) write(index []int) error {
	d := len(index)
	if d == len(p.shape) {
		v, err := p.at(index)
		p.b.WriteString(v.String())
		return err
	}
	inner := d+1 == len(p.shape)
	p.b.WriteByte('[')
	for i := 0; i < p.shape[d]; i++ {
		if i > 0 && (inner || p.line) {
			p.b.WriteString(", ")
		} else if i > 0 {
			p.b.WriteString(",\n" + strings.Repeat(" ", d+1))
		}
		if p.large && i == edge && p.shape[d] > 2*edge {
			p.b.WriteString("...")
			i = p.shape[d] - edge - 1
			continue
		}
		if err := p.write(append(index[:d:d], i)); err != nil {
			return err
		}
	}
	p.b.WriteByte(']')
	return nil
}
