package graph

import (
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/vm"
)

// Graph is a function. Nodes stand in the order in which they run.
type Graph struct {
	Name    string
	Params  []*Value
	Nodes   []*Node
	Results []*Value
	Kernels []*tir.Kernel // those that nodes launch, in order of appearance
	// Arena is how many bytes all tensors that have an Offset share; 0 before Plan.
	Arena int
	// Accept, if not nil, tells whether a kernel that a pass would make can be compiled.
	Accept func(k *tir.Kernel) bool
	next   int
}

// Value is a tensor or scalar: a parameter, or the result of a node.
type Value struct {
	ID   int
	Type Type
	Node *Node  // nil for parameters
	Name string // as source text has it, "" if it has none
	// Lent: a parameter that the caller keeps, or a view of one; it may not be written.
	Lent bool
	// Seen: a parameter that the caller keeps and that may be written: it sees what it becomes.
	Seen bool
	// Offset is where the value lies in the arena, or -1: in memory of its own.
	Offset int
}

// Type is the type of a value: a tensor, or a scalar if Tensor is false.
type Type struct {
	Tensor bool
	Elem   tile.Elem
	Dims   []abi.Dim
	Layout tile.Layout
}

// Op is what a node does.
type Op uint8

// Operations.
const (
	BadOp     Op = iota
	Launch       // (arguments of Kernel) -> its results, then what its parameters in place became
	Transpose    // the last two dimensions change places; a view if the layout does too
	Reshape      // the elements in row-major order in the result's shape; a view
	Slice        // elements Lo..Hi along the first dimension; a view
	Fill         // -> a new tensor of Fill
	Copy         // -> a new tensor of the same contents
	Scalar       // -> Num as a scalar
	Free         // ends a value's life
	numOps
)

var opNames = [numOps]string{Launch: "launch", Transpose: "transpose", Reshape: "reshape",
	Slice: "slice", Fill: "fill", Copy: "copy", Scalar: "scalar", Free: "free"}

// String returns the name used in the text form.
func (o Op) String() string {
	if o < numOps {
		return opNames[o]
	}
	return "?"
}

// Node is one operation.
type Node struct {
	Op      Op
	Args    []*Value
	Results []*Value
	Kernel  *tir.Kernel // of Launch
	Lo, Hi  int         // of Slice
	Num     float64     // of Scalar
	Fill    vm.Fill     // of Fill
	At      source.Span
}

// view tells that a result of this type shares the memory of the argument. A transpose that keeps
// the layout moves the elements.
func (n *Node) view(t Type) bool {
	return n.Op == Reshape || n.Op == Slice ||
		n.Op == Transpose && layout(t.Layout) != layout(n.Args[0].Type.Layout)
}

// Param adds a parameter.
func (g *Graph) Param(name string, t Type, lent bool) *Value {
	v := g.value(t)
	v.Name, v.Lent = name, lent
	g.Params = append(g.Params, v)
	return v
}

func (g *Graph) value(t Type) *Value {
	v := &Value{ID: g.next, Type: t, Offset: -1}
	g.next++
	return v
}

// Append adds a node whose results have these types.
func (g *Graph) Append(n *Node, results ...Type) *Node {
	for _, t := range results {
		v := g.value(t)
		v.Node = n
		v.Lent = n.view(t) && n.Args[0].Lent
		n.Results = append(n.Results, v)
	}
	g.Nodes = append(g.Nodes, n)
	if n.Kernel != nil {
		g.addKernel(n.Kernel)
	}
	return n
}

func (g *Graph) addKernel(k *tir.Kernel) {
	if !slices.Contains(g.Kernels, k) {
		g.Kernels = append(g.Kernels, k)
	}
}

// sweep drops kernels that no node launches.
func (g *Graph) sweep() {
	g.Kernels = nil
	for _, n := range g.Nodes {
		if n.Kernel != nil {
			g.addKernel(n.Kernel)
		}
	}
}

// written are the indices of the arguments that a launch changes in place.
func (n *Node) written() (out []int) {
	if n.Op != Launch {
		return nil
	}
	for i, p := range n.Kernel.Params {
		if p.Access == abi.Update || p.Access == abi.Atomic {
			out = append(out, i)
		}
	}
	return out
}

// source is the value whose memory a value lies in: through views, and through launches that
// changed it in place.
func (v *Value) source() *Value {
	for v.Node != nil {
		n := v.Node
		switch {
		case n.view(v.Type):
			v = n.Args[0]
			continue
		case n.Op == Launch:
			i := slices.Index(n.Results, v) - len(n.Kernel.Outs)
			if i >= 0 {
				v = n.Args[n.written()[i]]
				continue
			}
		}
		return v
	}
	return v
}

// uses counts how often each value is an argument or a result.
func (g *Graph) uses() map[*Value]int {
	n := map[*Value]int{}
	for _, x := range g.Nodes {
		for _, a := range x.Args {
			n[a]++
		}
	}
	for _, r := range g.Results {
		n[r]++
	}
	return n
}

// replace puts values in the place of others, everywhere after.
func (g *Graph) replace(with map[*Value]*Value) {
	to := func(v *Value) *Value {
		for with[v] != nil {
			v = with[v]
		}
		return v
	}
	for _, n := range g.Nodes {
		for i, a := range n.Args {
			n.Args[i] = to(a)
		}
	}
	for i, r := range g.Results {
		g.Results[i] = to(r)
	}
}
