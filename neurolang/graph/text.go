package graph

import (
	"fmt"
	"strconv"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

func dimText(d abi.Dim) string {
	if d.Sym != "" {
		return d.Sym
	}
	return strconv.Itoa(d.Const)
}

// String returns for example f16[M, 64] col; of a scalar its element type.
func (t Type) String() string {
	if !t.Tensor {
		return t.Elem.String()
	}
	dims := make([]string, len(t.Dims))
	for i, d := range t.Dims {
		dims[i] = dimText(d)
	}
	s := t.Elem.String() + "[" + strings.Join(dims, ", ") + "]"
	if t.Layout == tile.ColMajor && len(t.Dims) >= 2 {
		s += " col"
	}
	return s
}

// fillNames are the contents of new tensors as the text form spells them.
var fillNames = map[vm.FillKind]string{vm.FillNone: "open", vm.FillZero: "zeros",
	vm.FillValue: "full", vm.FillRandn: "randn", vm.FillUniform: "uniform", vm.FillIota: "iota"}

// String returns the text form without the kernels.
func (g *Graph) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "graph @%s {\n", g.Name)
	for _, p := range g.Params {
		fmt.Fprintf(&b, "  param %s", p.def())
		if p.Lent {
			b.WriteString(" lent")
		}
		if p.Seen {
			b.WriteString(" seen")
		}
		if p.Name != "" {
			fmt.Fprintf(&b, " %q", p.Name)
		}
		b.WriteByte('\n')
	}
	for _, n := range g.Nodes {
		b.WriteString("  " + n.String() + "\n")
	}
	fmt.Fprintf(&b, "  return%s\n}\n", idList(g.Results))
	return b.String()
}

// Text returns the text form with the kernels, which Parse reads.
func (g *Graph) Text() string {
	var b strings.Builder
	b.WriteString(g.String())
	for _, k := range g.Kernels {
		b.WriteString("\n" + k.String())
	}
	return b.String()
}

func idList(vs []*Value) string {
	var b strings.Builder
	for i, v := range vs {
		b.WriteString([]string{" ", ", "}[min(i, 1)] + "%" + strconv.Itoa(v.ID))
	}
	return b.String()
}

func (v *Value) def() string {
	s := fmt.Sprintf("%%%d: %s", v.ID, v.Type)
	if v.Offset >= 0 {
		s += fmt.Sprintf(" at %d", v.Offset)
	}
	return s
}

// String returns the node's line of the text form.
func (n *Node) String() string {
	var b strings.Builder
	for i, r := range n.Results {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(r.def())
	}
	if len(n.Results) > 0 {
		b.WriteString(" = ")
	}
	b.WriteString(n.Op.String())
	switch n.Op {
	case Launch:
		b.WriteString(" @" + n.Kernel.Name)
	case Slice:
		fmt.Fprintf(&b, " %d..%d", n.Lo, n.Hi)
	case Scalar:
		b.WriteString(" " + number(n.Num))
	case Fill:
		b.WriteString(" " + fillNames[n.Fill.Kind])
		switch n.Fill.Kind {
		case vm.FillValue:
			b.WriteString(" " + number(n.Fill.Value))
		case vm.FillRandn, vm.FillUniform:
			fmt.Fprintf(&b, " %d", n.Fill.Seed)
		}
	}
	return b.String() + idList(n.Args)
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
