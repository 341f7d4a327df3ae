package tir

import (
	"fmt"
	"strconv"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
)

// accesses and layouts as the text form spells them.
var (
	accesses = []string{abi.Read: "read", abi.Write: "write", abi.Update: "update",
		abi.Atomic: "atomic"}
	layouts = []string{tile.NoLayout: "row", tile.RowMajor: "row", tile.ColMajor: "col"}
)

// String returns the text form, which Parse reads.
func (k *Kernel) String() string {
	p := &printer{}
	p.line("kernel @%s {", k.Name)
	p.depth++
	for _, x := range k.Params {
		p.param("param", x)
	}
	for _, x := range k.Outs {
		p.param("out", x)
	}
	for _, a := range k.Axes {
		p.line("axis %s: %s / %d", a.Name, dimText(a.Dim), a.Block)
	}
	if k.Deterministic {
		p.line("deterministic")
	}
	if k.Loc.File != "" {
		p.line("file %q", k.Loc.File)
	}
	p.depth--
	p.line("} (%s) {", argText(k.Body.Args))
	p.block(k.Body)
	p.line("}")
	return p.b.String()
}

type printer struct {
	b     strings.Builder
	depth int
}

func (p *printer) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat("  ", p.depth))
	fmt.Fprintf(&p.b, format, args...)
	p.b.WriteByte('\n')
}

func dimText(d abi.Dim) string {
	if d.Sym != "" {
		return d.Sym
	}
	return fmt.Sprint(d.Const)
}

func (p *printer) param(word string, x abi.Param) {
	if !x.Tensor {
		p.line("%s %s: %s", word, x.Name, x.Elem)
		return
	}
	dims := make([]string, len(x.Dims))
	for i, d := range x.Dims {
		dims[i] = dimText(d)
	}
	p.line("%s %s: %s[%s] %s %s", word, x.Name, x.Elem, strings.Join(dims, ","),
		layouts[x.Layout], accesses[x.Access])
}

func argText(vs []*Value) string {
	s := make([]string, len(vs))
	for i, v := range vs {
		s[i] = fmt.Sprintf("%%%d: %s", v.ID, v.Type)
	}
	return strings.Join(s, ", ")
}

func valueText(vs []*Value) string {
	s := make([]string, len(vs))
	for i, v := range vs {
		s[i] = fmt.Sprintf("%%%d", v.ID)
	}
	return strings.Join(s, ", ")
}

func (p *printer) block(b *Block) {
	p.depth++
	for _, op := range b.Ops {
		p.op(op)
	}
	p.depth--
}

func (p *printer) op(op *Op) {
	var s strings.Builder
	if len(op.Results) > 0 {
		s.WriteString(valueText(op.Results) + " = ")
	}
	s.WriteString(op.Kind.String())
	if at := op.attrText(); at != "" {
		s.WriteString(" {" + at + "}")
	}
	if len(op.Args) > 0 {
		s.WriteString(" " + valueText(op.Args))
	}
	for i, r := range op.Results {
		s.WriteString([]string{" : ", ", "}[min(i, 1)] + r.Type.String())
	}
	if op.Loc.Line > 0 {
		fmt.Fprintf(&s, " @%d:%d", op.Loc.Line, op.Loc.Col)
	}
	for _, b := range op.Blocks {
		s.WriteString(" (" + argText(b.Args) + ") {")
		p.line("%s", s.String())
		p.block(b)
		s.Reset()
		s.WriteString("}")
	}
	p.line("%s", s.String())
}

// attr is a constant of an operation in the text form.
type attr struct {
	name string
	get  func(op *Op) string // "" if it is not there
	set  func(a *Attrs, text string) error
}

func intAttr(name string, at func(a *Attrs) *int) attr {
	return attr{name, func(op *Op) string {
		return strconv.Itoa(*at(&op.Attrs))
	}, func(a *Attrs, text string) (err error) {
		*at(a), err = strconv.Atoi(text)
		return err
	}}
}

func listAttr(name string, at func(a *Attrs) *[]int) attr {
	return attr{name, func(op *Op) string {
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(*at(&op.Attrs)), "[]"), " ", " ")
	}, func(a *Attrs, text string) error {
		for _, f := range strings.Fields(text) {
			n, err := strconv.Atoi(f)
			if err != nil {
				return err
			}
			*at(a) = append(*at(a), n)
		}
		return nil
	}}
}

var (
	valueAttr = attr{"value", func(op *Op) string {
		if e := op.Results[0].Type.Elem; !IsFloat(e) {
			return strconv.FormatInt(op.Int, 10)
		}
		return strconv.FormatFloat(op.Num, 'g', -1, 64)
	}, func(a *Attrs, text string) error {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			a.Int, a.Num = n, float64(n)
			if text == "-0" {
				a.Num, _ = strconv.ParseFloat(text, 64)
			}
			return nil
		}
		x, err := strconv.ParseFloat(text, 64)
		a.Num = x
		return err
	}}
	fromAttr = attr{"from", func(op *Op) string { return strconv.FormatInt(op.Int, 10) },
		func(a *Attrs, text string) (err error) {
			a.Int, err = strconv.ParseInt(text, 10, 64)
			return err
		}}
	axisAttr   = intAttr("axis", func(a *Attrs) *int { return &a.Axis })
	paramAttr  = intAttr("param", func(a *Attrs) *int { return &a.Param })
	maskAttr   = intAttr("mask", func(a *Attrs) *int { return &a.Mask })
	stagesAttr = intAttr("stages", func(a *Attrs) *int { return &a.Stages })
	sizesAttr  = listAttr("sizes", func(a *Attrs) *[]int { return &a.Sizes })
	permAttr   = listAttr("perm", func(a *Attrs) *[]int { return &a.Perm })
	symAttr    = attr{"sym", func(op *Op) string { return op.Sym },
		func(a *Attrs, text string) error { a.Sym = text; return nil }}
	combAttr = attr{"by", func(op *Op) string { return op.Comb.String() },
		func(a *Attrs, text string) error {
			k, ok := kindOf[text]
			if !ok {
				return fmt.Errorf("no operation %q", text)
			}
			a.Comb = k
			return nil
		}}
)

// attrs are the constants that the operations have.
var attrs = map[Kind][]attr{
	Const: {valueAttr}, Iota: {axisAttr}, Program: {axisAttr}, Extent: {symAttr},
	Load: {paramAttr, sizesAttr}, Store: {paramAttr, sizesAttr},
	Atomic: {paramAttr, sizesAttr, combAttr}, Transpose: {permAttr},
	XorShuffle: {axisAttr, maskAttr}, Join: {axisAttr}, Slice: {axisAttr, fromAttr},
	Reduce: {combAttr, axisAttr}, ArgReduce: {combAttr, axisAttr}, Scan: {combAttr, axisAttr},
	Sort: {axisAttr}, For: {stagesAttr},
}

func (op *Op) attrText() string {
	var out []string
	for _, a := range attrs[op.Kind] {
		if text := a.get(op); text != "" {
			out = append(out, a.name+"="+text)
		}
	}
	return strings.Join(out, ", ")
}
