package graph

import (
	"fmt"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/vm"
)

// Arg is an argument or a result of a run: a tensor, or a number if Tensor is nil.
type Arg struct {
	Tensor *interp.Tensor
	Num    float64
}

// Run is the reference interpreter: every node makes tensors of its own, views too. It returns the
// results; what arguments that are not lent become shows in them as well.
func (g *Graph) Run(args []Arg, opt interp.Options) ([]Arg, error) {
	if len(args) != len(g.Params) {
		return nil, fmt.Errorf("graph %s takes %d arguments, not %d", g.Name, len(g.Params),
			len(args))
	}
	m := &runner{vals: map[*Value]Arg{}, dims: map[string]int{}, opt: opt}
	for i, p := range g.Params {
		if (args[i].Tensor != nil) != p.Type.Tensor {
			return nil, fmt.Errorf("graph %s: argument %d is not %s", g.Name, i, p.Type)
		}
		if err := m.bind(p, args[i]); err != nil {
			return nil, fmt.Errorf("graph %s: argument %d: %w", g.Name, i, err)
		}
		m.vals[p] = args[i]
	}
	for _, n := range g.Nodes {
		if err := m.node(n); err != nil {
			return nil, fmt.Errorf("graph %s: %s: %w", g.Name, n, err)
		}
	}
	var out []Arg
	for _, r := range g.Results {
		out = append(out, m.vals[r])
	}
	return out, nil
}

type runner struct {
	vals map[*Value]Arg
	dims map[string]int
	opt  interp.Options
}

func (m *runner) bind(p *Value, a Arg) error {
	if a.Tensor == nil {
		return nil
	}
	if len(a.Tensor.Dims) != len(p.Type.Dims) || a.Tensor.Elem != p.Type.Elem {
		return fmt.Errorf("it is not %s", p.Type)
	}
	for d, x := range p.Type.Dims {
		n := a.Tensor.Dims[d]
		if have, ok := m.dims[x.Sym]; x.Sym == "" && n != x.Const || ok && have != n {
			return fmt.Errorf("it is not %s", p.Type)
		}
		if x.Sym != "" {
			m.dims[x.Sym] = n
		}
	}
	return nil
}

// shape resolves the dimensions of a type.
func (m *runner) shape(t Type) []int {
	out := make([]int, len(t.Dims))
	for i, d := range t.Dims {
		if out[i] = d.Const; d.Sym != "" {
			out[i] = m.dims[d.Sym]
		}
	}
	return out
}

func (m *runner) fresh(t Type) *interp.Tensor {
	return interp.NewTensor(t.Elem, layout(t.Layout), m.shape(t)...)
}

func (m *runner) node(n *Node) error {
	switch n.Op {
	case Launch:
		return m.launch(n)
	case Scalar:
		m.vals[n.Results[0]] = Arg{Num: n.Num}
		return nil
	case Free:
		delete(m.vals, n.Args[0])
		return nil
	}
	r := n.Results[0]
	out := m.fresh(r.Type)
	switch n.Op {
	case Fill:
		s := vm.Spec{Shape: out.Dims, Elem: out.Elem, Layout: out.Layout}
		copy(out.Data, n.Fill.Bytes(&s))
	case Copy:
		copy(out.Data, m.vals[n.Args[0]].Tensor.Data)
	case Transpose:
		transpose(out, m.vals[n.Args[0]].Tensor)
	case Slice:
		from := m.vals[n.Args[0]].Tensor
		if n.Hi > from.Dims[0] {
			return fmt.Errorf("%d..%d of %d", n.Lo, n.Hi, from.Dims[0])
		}
		row := len(from.Data) / max(from.Dims[0], 1)
		copy(out.Data, from.Data[n.Lo*row:n.Hi*row])
	case Reshape:
		from := m.vals[n.Args[0]].Tensor
		if out.Len() != from.Len() {
			return fmt.Errorf("%d elements become %d", from.Len(), out.Len())
		}
		for i := range from.Len() {
			out.Set(out.Offset(unflat(i, out.Dims)), from.At(from.Offset(unflat(i, from.Dims))))
		}
	}
	m.vals[r] = Arg{Tensor: out}
	return nil
}

// transpose swaps the last two dimensions.
func transpose(out, from *interp.Tensor) {
	for i := range out.Len() {
		at := unflat(i, out.Dims)
		place := out.Offset(at)
		n := len(at)
		at[n-1], at[n-2] = at[n-2], at[n-1]
		out.Set(place, from.At(from.Offset(at)))
	}
}

// unflat is the index of element number i in row-major order.
func unflat(i int, dims []int) []int {
	at := make([]int, len(dims))
	for d := len(dims) - 1; d >= 0; d-- {
		at[d] = i % dims[d]
		i /= dims[d]
	}
	return at
}

func (m *runner) launch(n *Node) error {
	k := n.Kernel
	scalars := make([]float64, len(k.Params))
	tensors := make([]*interp.Tensor, len(k.Params)+len(k.Outs))
	results := n.Results
	for i := range k.Outs {
		tensors[len(k.Params)+i] = m.fresh(results[i].Type)
		m.vals[results[i]] = Arg{Tensor: tensors[len(k.Params)+i]}
	}
	results = results[len(k.Outs):]
	for i, p := range k.Params {
		a := m.vals[n.Args[i]]
		if !p.Tensor {
			scalars[i] = a.Num
			continue
		}
		tensors[i] = a.Tensor
		if p.Access == abi.Update || p.Access == abi.Atomic {
			c := *a.Tensor
			c.Data = append([]byte(nil), c.Data...)
			tensors[i] = &c
			m.vals[results[0]] = Arg{Tensor: &c}
			results = results[1:]
		}
		if tensors[i].Layout == tile.NoLayout {
			tensors[i].Layout = tile.RowMajor
		}
	}
	return interp.Run(k, tensors, scalars, m.opt)
}
