package tir

import (
	"fmt"
	"strconv"
	"strings"
	"text/scanner"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
)

// Parse reads the text form of one kernel and verifies it. Errors name line and column.
func Parse(text string) (*Kernel, error) {
	p := &parser{values: map[int]*Value{}}
	p.sc.Init(strings.NewReader(text))
	p.sc.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings |
		scanner.ScanComments | scanner.SkipComments
	p.sc.Error = func(*scanner.Scanner, string) {}
	p.next()
	k := p.kernel()
	if p.err == nil && p.tok != scanner.EOF {
		p.fail("text goes on after the kernel")
	}
	if p.err != nil {
		return nil, p.err
	}
	return k, k.Verify()
}

type parser struct {
	sc     scanner.Scanner
	tok    rune
	k      *Kernel
	values map[int]*Value
	depth  int
	err    error
}

func (p *parser) next() { p.tok = p.sc.Scan() }

// fail keeps the first error and ends the text.
func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		at := p.sc.Position
		p.err = fmt.Errorf("tile IR %d:%d: %s", at.Line, at.Column, fmt.Sprintf(format, args...))
	}
	p.tok = scanner.EOF
}

func (p *parser) word() string {
	s := p.sc.TokenText()
	if p.tok != scanner.Ident {
		p.fail("a word is expected, not %q", s)
		return ""
	}
	p.next()
	return s
}

func (p *parser) got(r rune) bool {
	if p.tok != r {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(r rune) {
	if !p.got(r) {
		p.fail("%q is expected, not %q", string(r), p.sc.TokenText())
	}
}

func (p *parser) keyword(w string) {
	if p.tok != scanner.Ident || p.sc.TokenText() != w {
		p.fail("%q is expected, not %q", w, p.sc.TokenText())
		return
	}
	p.next()
}

func (p *parser) int() int {
	sign := 1
	if p.got('-') {
		sign = -1
	}
	n, err := strconv.Atoi(p.sc.TokenText())
	if p.tok != scanner.Int || err != nil {
		p.fail("an integer is expected, not %q", p.sc.TokenText())
		return 0
	}
	p.next()
	return sign * n
}

func (p *parser) kernel() *Kernel {
	k := &Kernel{Body: &Block{}}
	p.k = k
	p.keyword("kernel")
	p.want('@')
	k.Name = p.word()
	p.want('{')
	for p.tok == scanner.Ident {
		p.header()
	}
	p.want('}')
	p.blockArgs(k.Body)
	p.block(k.Body)
	return k
}

func (p *parser) header() {
	k := p.k
	switch w := p.word(); w {
	case "param":
		k.Params = append(k.Params, p.param())
	case "out":
		k.Outs = append(k.Outs, p.param())
	case "axis":
		a := abi.Axis{Name: p.word()}
		p.want(':')
		a.Dim = p.dim()
		p.want('/')
		a.Block = p.int()
		k.Axes = append(k.Axes, a)
	case "deterministic":
		k.Deterministic = true
	case "file":
		s, err := strconv.Unquote(p.sc.TokenText())
		if err != nil {
			p.fail("a quoted name is expected")
			return
		}
		k.Loc.File = s
		p.next()
	default:
		p.fail("%q begins no line of a kernel's head", w)
	}
}

func (p *parser) dim() abi.Dim {
	if p.tok == scanner.Ident {
		return abi.Dim{Sym: p.word()}
	}
	return abi.Dim{Const: p.int()}
}

func (p *parser) elem() tile.Elem {
	w := p.word()
	e, ok := tile.ParseElem(w)
	if !ok && p.err == nil {
		p.fail("%q is no element type", w)
	}
	return e
}

func (p *parser) param() abi.Param {
	x := abi.Param{Name: p.word()}
	p.want(':')
	x.Elem = p.elem()
	if !p.got('[') {
		return x
	}
	x.Tensor = true
	for p.tok != ']' && p.tok != scanner.EOF {
		x.Dims = append(x.Dims, p.dim())
		if p.tok != ']' {
			p.want(',')
		}
	}
	p.want(']')
	x.Layout = tile.RowMajor
	if w := p.word(); w == "col" {
		x.Layout = tile.ColMajor
	} else if w != "row" {
		p.fail("%q is no layout (row, col)", w)
	}
	w := p.word()
	for i, s := range accesses {
		if s == w {
			x.Access = abi.Access(i)
			return x
		}
	}
	p.fail("%q is no access (%s)", w, strings.Join(accesses, ", "))
	return x
}

func (p *parser) typ() Type {
	t := Type{Elem: p.elem()}
	if !p.got('[') {
		return t
	}
	for p.tok != ']' && p.tok != scanner.EOF {
		t.Dims = append(t.Dims, p.int())
		if p.tok != ']' {
			p.want(',')
		}
	}
	p.want(']')
	return t
}

// define makes the value of this number.
func (p *parser) define(id int, t Type) *Value {
	if p.values[id] != nil {
		p.fail("%%%d is defined twice", id)
	}
	v := &Value{ID: id, Type: t}
	p.values[id] = v
	p.k.next = max(p.k.next, id+1)
	return v
}

func (p *parser) blockArgs(b *Block) {
	p.want('(')
	for p.tok == '%' {
		p.next()
		id := p.int()
		p.want(':')
		v := p.define(id, p.typ())
		v.Arg = b
		b.Args = append(b.Args, v)
		if p.tok != ')' {
			p.want(',')
		}
	}
	p.want(')')
}

func (p *parser) block(b *Block) {
	if p.depth++; p.depth > maxDepth {
		p.fail("blocks are nested too deeply")
	}
	p.want('{')
	for p.tok == '%' || p.tok == scanner.Ident {
		b.Ops = append(b.Ops, p.op())
	}
	p.want('}')
	p.depth--
}

func (p *parser) ids() []int {
	var out []int
	for p.tok == '%' {
		p.next()
		out = append(out, p.int())
		if p.tok != ',' {
			break
		}
		p.next()
	}
	return out
}

func (p *parser) op() *Op {
	op := &Op{}
	results := p.ids()
	if len(results) > 0 {
		p.want('=')
	}
	name := p.word()
	op.Kind = kindOf[name]
	if op.Kind == BadKind {
		p.fail("%q is no operation", name)
	}
	if p.got('{') {
		p.attrs(op)
	}
	for _, id := range p.ids() {
		v := p.values[id]
		if v == nil {
			p.fail("%%%d is not defined", id)
			return op
		}
		op.Args = append(op.Args, v)
	}
	p.results(op, results)
	if p.got('@') {
		op.Loc.Line = p.int()
		p.want(':')
		op.Loc.Col = p.int()
		op.Loc.File = p.k.Loc.File
	}
	for p.tok == '(' {
		b := &Block{}
		p.blockArgs(b)
		p.block(b)
		op.Blocks = append(op.Blocks, b)
	}
	return op
}

func (p *parser) results(op *Op, ids []int) {
	for i, id := range ids {
		p.want([]rune{':', ','}[min(i, 1)])
		v := p.define(id, p.typ())
		v.Op = op
		op.Results = append(op.Results, v)
	}
}

func (p *parser) attrs(op *Op) {
	for p.tok != '}' && p.tok != scanner.EOF {
		name := p.word()
		p.want('=')
		text := ""
		for p.tok != ',' && p.tok != '}' && p.tok != scanner.EOF {
			if text != "" && !strings.HasSuffix(text, "-") && !strings.HasSuffix(text, "+") {
				text += " "
			}
			text += p.sc.TokenText()
			p.next()
		}
		p.setAttr(op, name, text)
		if p.tok != '}' {
			p.want(',')
		}
	}
	p.want('}')
}

func (p *parser) setAttr(op *Op, name, text string) {
	for _, a := range attrs[op.Kind] {
		if a.name != name {
			continue
		}
		if err := a.set(&op.Attrs, text); err != nil {
			p.fail("%s=%s: %v", name, text, err)
		}
		return
	}
	p.fail("%s has no attribute %q", op.Kind, name)
}
