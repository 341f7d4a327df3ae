package ir

import (
	"fmt"
	"strconv"
	"strings"

	"tensoros/neurolang/tile"
)

// String returns the text form, which Parse reads back:
//
//	kernel @name(%A: 128x128xf16.row, ...) -> 128x128xf32.row at 2:4 {
//	  %0 = dot %A, %B : 128x128xf32.row at 6:12
//	  return %0
//	}
func (k *Kernel) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kernel @%s(", k.Name)
	for i, p := range k.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%%%s: %s", p.Name, typeText(p.Type))
	}
	fmt.Fprintf(&b, ") -> %s%s {\n", typeText(k.Out), k.Loc)
	for _, op := range k.Ops {
		fmt.Fprintf(&b, "  %%%s = %s", op.Result.Name, op.Kind)
		for i, a := range op.Args {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %%%s", a.Name)
		}
		if op.Kind == Splat {
			fmt.Fprintf(&b, " %s", strconv.FormatFloat(float64(op.Imm), 'g', -1, 32))
		}
		fmt.Fprintf(&b, " : %s%s\n", typeText(op.Result.Type), op.Loc)
	}
	fmt.Fprintf(&b, "  return %%%s\n}\n", k.Ret.Name)
	return b.String()
}

// String returns " at line:col", or nothing if unknown.
func (l Loc) String() string {
	if l == (Loc{}) {
		return ""
	}
	return fmt.Sprintf(" at %d:%d", l.Line, l.Col)
}

func typeText(t tile.Type) string {
	l := "row"
	if t.Layout == tile.ColMajor {
		l = "col"
	}
	return fmt.Sprintf("%dx%dx%s.%s", t.Rows, t.Cols, t.Elem, l)
}

// reader parses the text form by words.
type reader struct {
	words []string
	at    int
}

// Parse reads one kernel in text form and verifies it.
func Parse(text string) (*Kernel, error) {
	r := &reader{words: split(text)}
	k, err := r.kernel()
	if err != nil {
		return nil, fmt.Errorf("tile IR, word %d: %w", r.at, err)
	}
	if r.at < len(r.words) {
		return nil, fmt.Errorf("tile IR: %q after the kernel", r.words[r.at])
	}
	return k, k.Verify()
}

// split cuts text into words and the punctuation ( ) { } , = :, keeping 6:12 and -> together.
func split(text string) []string {
	for _, p := range []string{"(", ")", "{", "}", ","} {
		text = strings.ReplaceAll(text, p, " "+p+" ")
	}
	text = strings.ReplaceAll(text, ": ", " : ")
	return strings.Fields(text)
}

func (r *reader) next() string {
	if r.at < len(r.words) {
		r.at++
		return r.words[r.at-1]
	}
	return ""
}

func (r *reader) peek(w string) bool { return r.at < len(r.words) && r.words[r.at] == w }

func (r *reader) want(ws ...string) error {
	for _, w := range ws {
		if got := r.next(); got != w {
			return fmt.Errorf("%q where %q is expected", got, w)
		}
	}
	return nil
}

func (r *reader) sigil(c string) (string, error) {
	w := r.next()
	name, ok := strings.CutPrefix(w, c)
	if !ok || name == "" {
		return "", fmt.Errorf("%q where %sname is expected", w, c)
	}
	return name, nil
}

func (r *reader) kernel() (*Kernel, error) {
	k := &Kernel{}
	values := map[string]*Value{}
	err := r.want("kernel")
	if err == nil {
		k.Name, err = r.sigil("@")
	}
	if err == nil {
		err = r.want("(")
	}
	for err == nil && !r.peek(")") {
		if len(k.Params) > 0 {
			if err = r.want(","); err != nil {
				break
			}
		}
		err = r.param(k, values)
	}
	if err == nil {
		err = r.want(")", "->")
	}
	if err == nil {
		k.Out, err = r.typ()
	}
	if err == nil {
		k.Loc, err = r.loc()
	}
	if err == nil {
		err = r.want("{")
	}
	for err == nil && !r.peek("return") {
		err = r.op(k, values)
	}
	if err == nil {
		err = r.want("return")
	}
	if err == nil {
		k.Ret, err = r.value(values)
	}
	if err == nil {
		err = r.want("}")
	}
	return k, err
}

func (r *reader) param(k *Kernel, values map[string]*Value) error {
	name, err := r.sigil("%")
	if err == nil {
		err = r.want(":")
	}
	if err != nil {
		return err
	}
	t, err := r.typ()
	v := &Value{Name: name, Type: t}
	values[name] = v
	k.Params = append(k.Params, v)
	return err
}

func (r *reader) value(values map[string]*Value) (*Value, error) {
	name, err := r.sigil("%")
	if err != nil {
		return nil, err
	}
	if v := values[name]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("%%%s is not defined", name)
}

func (r *reader) op(k *Kernel, values map[string]*Value) error {
	name, err := r.sigil("%")
	if err == nil {
		err = r.want("=")
	}
	if err != nil {
		return err
	}
	word := r.next()
	op := &Op{Kind: parseKind(word)}
	if op.Kind == BadKind {
		return fmt.Errorf("unknown operation %q", word)
	}
	for i := 0; i < kinds[op.Kind].args; i++ {
		if i > 0 {
			if err := r.want(","); err != nil {
				return err
			}
		}
		v, err := r.value(values)
		if err != nil {
			return err
		}
		op.Args = append(op.Args, v)
	}
	if op.Kind == Splat {
		f, err := strconv.ParseFloat(r.next(), 32)
		if err != nil {
			return err
		}
		op.Imm = float32(f)
	}
	if err := r.want(":"); err != nil {
		return err
	}
	op.Result = &Value{Name: name, Op: op}
	if op.Result.Type, err = r.typ(); err != nil {
		return err
	}
	op.Loc, err = r.loc()
	values[name] = op.Result
	k.Ops = append(k.Ops, op)
	return err
}

func parseKind(name string) Kind {
	for i := range kinds {
		if kinds[i].name == name {
			return Kind(i)
		}
	}
	return BadKind
}

func (r *reader) typ() (t tile.Type, err error) {
	w := r.next()
	shape, layout, _ := strings.Cut(w, ".")
	parts := strings.Split(shape, "x")
	if len(parts) != 3 || layout != "row" && layout != "col" {
		return t, fmt.Errorf("%q is no type such as 128x128xf16.row", w)
	}
	t.Rows, err = strconv.Atoi(parts[0])
	if err == nil {
		t.Cols, err = strconv.Atoi(parts[1])
	}
	t.Elem, _ = tile.ParseElem(parts[2])
	t.Layout = tile.RowMajor
	if layout == "col" {
		t.Layout = tile.ColMajor
	}
	return t, err
}

func (r *reader) loc() (l Loc, err error) {
	if !r.peek("at") {
		return l, nil
	}
	r.next()
	line, col, _ := strings.Cut(r.next(), ":")
	if l.Line, err = strconv.Atoi(line); err == nil {
		l.Col, err = strconv.Atoi(col)
	}
	return l, err
}
