package graph

import (
	"fmt"
	"strconv"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/vm"
)

// Parse reads what Text writes, and verifies it.
func Parse(text string) (*Graph, error) {
	p := &parser{g: &Graph{}, vals: map[int]*Value{}, kernels: map[string]*tir.Kernel{}}
	head, rest, _ := strings.Cut(text, "\n}\n")
	for i, part := range strings.Split("\n"+rest, "\nkernel @")[1:] {
		k, err := tir.Parse("kernel @" + part)
		if err == nil {
			err = k.Verify()
		}
		if err != nil {
			return nil, fmt.Errorf("kernel %d: %w", i, err)
		}
		p.kernels[k.Name] = k
	}
	for i, line := range strings.Split(head, "\n") {
		p.rest = line
		p.line()
		if p.err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, p.err)
		}
	}
	if p.g.Name == "" {
		return nil, fmt.Errorf("there is no graph")
	}
	return p.g, p.g.Verify()
}

type parser struct {
	g       *Graph
	vals    map[int]*Value
	kernels map[string]*tir.Kernel
	rest    string
	err     error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.rest = ""
}

// got takes a word or sign if it is next.
func (p *parser) got(w string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r")
	rest, ok := strings.CutPrefix(p.rest, w)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *parser) want(w string) {
	if !p.got(w) {
		p.fail("%q is missing before %q", w, p.rest)
	}
}

// word takes what stands before the next space or sign.
func (p *parser) word() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r")
	n := strings.IndexAny(p.rest, " ,;:[]\t\r")
	if n < 0 {
		n = len(p.rest)
	}
	w := p.rest[:n]
	p.rest = p.rest[n:]
	if w == "" {
		p.fail("a word is missing before %q", p.rest)
	}
	return w
}

func (p *parser) int() int {
	w := p.word()
	n, err := strconv.ParseInt(w, 10, 64)
	if err != nil {
		p.fail("%q is no number", w)
	}
	return int(n)
}

func (p *parser) float() float64 {
	w := p.word()
	x, err := strconv.ParseFloat(w, 64)
	if err != nil {
		p.fail("%q is no number", w)
	}
	return x
}

func (p *parser) line() {
	switch {
	case p.got("graph @"):
		p.g.Name = p.word()
		p.want("{")
	case p.got("param "):
		v := p.def()
		v.Lent = p.got("lent")
		v.Seen = p.got("seen")
		if p.got(`"`) {
			name, rest, _ := strings.Cut(p.rest, `"`)
			v.Name, p.rest = name, rest
		}
		p.g.Params = append(p.g.Params, v)
	case p.got("return"):
		p.g.Results = p.args()
	case strings.TrimSpace(p.rest) != "":
		p.node()
	}
	if p.err == nil && strings.TrimSpace(p.rest) != "" {
		p.fail("%q is too much", p.rest)
	}
}

// def reads %1: f32[N] at 0.
func (p *parser) def() *Value {
	p.want("%")
	id := p.int()
	p.want(":")
	v := &Value{ID: id, Type: p.typ(), Offset: -1}
	if p.got("at ") {
		v.Offset = p.int()
	}
	if p.vals[id] != nil || id < 0 || id > 1<<30 {
		p.fail("%%%d is defined twice, or no name", id)
	}
	p.vals[id] = v
	p.g.next = max(p.g.next, id+1)
	return v
}

func (p *parser) typ() Type {
	name := p.word()
	e, ok := tile.ParseElem(name)
	if !ok {
		p.fail("%q is no element type", name)
	}
	t := Type{Elem: e}
	if !p.got("[") {
		return t
	}
	t.Tensor, t.Layout = true, tile.RowMajor
	for p.err == nil && !p.got("]") {
		if len(t.Dims) > 0 {
			p.want(",")
		}
		w := p.word()
		n, err := strconv.Atoi(w)
		switch {
		case err != nil:
			t.Dims = append(t.Dims, abi.Dim{Sym: w})
		case n < 0 || n > 1<<30:
			p.fail("a dimension of %d", n)
		default:
			t.Dims = append(t.Dims, abi.Dim{Const: n})
		}
	}
	if p.got("col") {
		t.Layout = tile.ColMajor
	}
	return t
}

func (p *parser) args() (out []*Value) {
	for p.got("%") {
		id := p.int()
		v := p.vals[id]
		if v == nil {
			p.fail("%%%d is not there yet", id)
		}
		out = append(out, v)
		if !p.got(",") {
			break
		}
	}
	return out
}

func (p *parser) node() {
	n := &Node{}
	p.rest = strings.TrimLeft(p.rest, " \t\r")
	for strings.HasPrefix(p.rest, "%") && p.err == nil {
		v := p.def()
		v.Node = n
		n.Results = append(n.Results, v)
		if !p.got(";") {
			p.want("=")
		}
		p.rest = strings.TrimLeft(p.rest, " \t\r")
	}
	name := p.word()
	for o, s := range opNames {
		if s == name && s != "" {
			n.Op = Op(o)
		}
	}
	switch n.Op {
	case BadOp:
		p.fail("no operation %q", name)
	case Launch:
		p.want("@")
		name := p.word()
		if n.Kernel = p.kernels[name]; n.Kernel == nil {
			p.fail("no kernel @%s", name)
			return
		}
		p.g.addKernel(n.Kernel)
	case Slice:
		lo, hi, _ := strings.Cut(p.word(), "..")
		var err1, err2 error
		n.Lo, err1 = strconv.Atoi(lo)
		n.Hi, err2 = strconv.Atoi(hi)
		if err1 != nil || err2 != nil {
			p.fail("%s..%s is no range", lo, hi)
		}
	case Scalar:
		n.Num = p.float()
	case Fill:
		p.fill(n)
	}
	n.Args = p.args()
	if p.err != nil {
		return
	}
	for _, r := range n.Results {
		r.Lent = len(n.Args) == 1 && n.Args[0].Lent && n.view(r.Type)
	}
	p.g.Nodes = append(p.g.Nodes, n)
}

func (p *parser) fill(n *Node) {
	name := p.word()
	known := false
	for k := vm.FillNone; k <= vm.FillIota; k++ {
		if fillNames[k] == name {
			n.Fill.Kind, known = k, true
		}
	}
	if !known {
		p.fail("no contents %q", name)
	}
	switch n.Fill.Kind {
	case vm.FillValue:
		n.Fill.Value = p.float()
	case vm.FillRandn, vm.FillUniform:
		n.Fill.Seed = uint64(p.int())
	}
}
