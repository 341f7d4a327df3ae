package graph

import (
	"fmt"
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
)

// Infer gives the types of a node's results.
func (n *Node) Infer() ([]Type, error) {
	if len(n.Args) > 0 && n.Op != Launch && n.Op != Free && !n.Args[0].Type.Tensor {
		return nil, fmt.Errorf("%s of a scalar", n.Op)
	}
	switch n.Op {
	case Launch:
		return n.inferLaunch()
	case Transpose:
		t := n.Args[0].Type
		d := len(t.Dims)
		if d < 2 {
			return nil, fmt.Errorf("transpose of %d dimensions", d)
		}
		t.Dims = slices.Clone(t.Dims)
		t.Dims[d-1], t.Dims[d-2] = t.Dims[d-2], t.Dims[d-1]
		t.Layout = tile.RowMajor + tile.ColMajor - layout(t.Layout)
		if len(n.Results) == 1 {
			t.Layout = layout(n.Results[0].Type.Layout)
		}
		return []Type{t}, nil
	case Slice:
		t := n.Args[0].Type
		if len(t.Dims) == 0 || n.Lo < 0 || n.Hi < n.Lo ||
			t.Dims[0].Sym == "" && n.Hi > t.Dims[0].Const {
			return nil, fmt.Errorf("slice %d..%d of %s", n.Lo, n.Hi, t)
		}
		if t.Layout == tile.ColMajor && len(t.Dims) == 2 {
			return nil, fmt.Errorf("a slice of columns is no view")
		}
		t.Dims = slices.Clone(t.Dims)
		t.Dims[0] = abi.Dim{Const: n.Hi - n.Lo}
		return []Type{t}, nil
	case Copy:
		return []Type{n.Args[0].Type}, nil
	case Free:
		return nil, nil
	}
	return nil, nil // its result's type is what it says
}

// inferLaunch binds the kernel's dimensions.
func (n *Node) inferLaunch() ([]Type, error) {
	k := n.Kernel
	if len(n.Args) != len(k.Params) {
		return nil, fmt.Errorf("@%s takes %d arguments, not %d", k.Name, len(k.Params), len(n.Args))
	}
	dims := map[string]abi.Dim{}
	for i, p := range k.Params {
		t := n.Args[i].Type
		if t.Tensor != p.Tensor || t.Tensor && (t.Elem != p.Elem || len(t.Dims) != len(p.Dims)) {
			return nil, fmt.Errorf("%s of @%s is %s, not %s", p.Name, k.Name, paramType(p), t)
		}
		if len(t.Dims) >= 2 && t.Layout != layout(p.Layout) {
			return nil, fmt.Errorf("%s of @%s is %s, not %s", p.Name, k.Name, paramType(p), t)
		}
		for d, x := range p.Dims {
			have := x
			if x.Sym != "" {
				known, ok := dims[x.Sym]
				if !ok {
					dims[x.Sym] = t.Dims[d]
					continue
				}
				have = known
			}
			if have != t.Dims[d] {
				return nil, fmt.Errorf("dimension %d of %s of @%s is %s, not %s", d, p.Name, k.Name,
					dimText(have), dimText(t.Dims[d]))
			}
		}
	}
	var out []Type
	for _, p := range k.Outs {
		t := paramType(p)
		for d, x := range t.Dims {
			if x.Sym == "" {
				continue
			}
			known, ok := dims[x.Sym]
			if !ok {
				return nil, fmt.Errorf("no argument of @%s gives the dimension %s", k.Name, x.Sym)
			}
			t.Dims[d] = known
		}
		out = append(out, t)
	}
	for _, i := range n.written() {
		out = append(out, n.Args[i].Type)
	}
	return out, nil
}

func layout(l tile.Layout) tile.Layout {
	if l == tile.NoLayout {
		return tile.RowMajor
	}
	return l
}

// paramType is the type of a kernel's parameter or result.
func paramType(p abi.Param) Type {
	return Type{Tensor: p.Tensor, Elem: p.Elem, Dims: slices.Clone(p.Dims),
		Layout: layout(p.Layout)}
}

func (t Type) equal(u Type) bool {
	return t.Tensor == u.Tensor && t.Elem == u.Elem && slices.Equal(t.Dims, u.Dims) &&
		(len(t.Dims) < 2 || layout(t.Layout) == layout(u.Layout))
}

// Verify checks that a graph is well formed: values are defined before their use, once, types are
// what operations make, and nobody uses what was freed or changed in place.
func (g *Graph) Verify() error {
	state := map[*Value]bool{} // true: alive, false: gone
	for _, p := range g.Params {
		state[p] = true
	}
	for i, n := range g.Nodes {
		if err := g.verify(n, state); err != nil {
			return fmt.Errorf("graph %s, node %d: %s: %w", g.Name, i, n.Op, err)
		}
	}
	for _, r := range g.Results {
		if !state[r] {
			return fmt.Errorf("graph %s: result %%%d is not there", g.Name, r.ID)
		}
		if s := r.source(); s.Lent || s.Seen {
			return fmt.Errorf("graph %s: result %%%d is the caller's", g.Name, r.ID)
		}
	}
	return nil
}

// kill ends the life of a value and of what shares its memory.
func kill(state map[*Value]bool, v *Value) {
	for x := range state {
		if x.source() == v.source() {
			state[x] = false
		}
	}
}

// arity is how many arguments an operation has; -1: as many as the kernel.
var arity = [numOps]int{Launch: -1, Transpose: 1, Reshape: 1, Slice: 1, Copy: 1, Free: 1}

func (g *Graph) verify(n *Node, state map[*Value]bool) error {
	if n.Op == BadOp || n.Op >= numOps || (n.Op == Launch) != (n.Kernel != nil) {
		return fmt.Errorf("no such operation")
	}
	if a := arity[n.Op]; a >= 0 && len(n.Args) != a {
		return fmt.Errorf("%d arguments", len(n.Args))
	}
	for _, a := range n.Args {
		if alive, known := state[a]; !alive {
			if known {
				return fmt.Errorf("%%%d was freed or changed in place", a.ID)
			}
			return fmt.Errorf("%%%d is not there yet", a.ID)
		}
	}
	want, err := n.Infer()
	if err != nil {
		return err
	}
	if want == nil && n.Op != Free && n.Op != Launch {
		if len(n.Results) != 1 || n.Results[0].Type.Tensor != (n.Op != Scalar) {
			return fmt.Errorf("%d results", len(n.Results))
		}
	} else if len(want) != len(n.Results) {
		return fmt.Errorf("%d results, not %d", len(want), len(n.Results))
	}
	for i, t := range want {
		if !t.equal(n.Results[i].Type) {
			return fmt.Errorf("%%%d is %s, not %s", n.Results[i].ID, t, n.Results[i].Type)
		}
	}
	for _, i := range n.written() {
		if n.Args[i].source().Lent {
			return fmt.Errorf("%%%d is lent and cannot be changed", n.Args[i].ID)
		}
		kill(state, n.Args[i])
	}
	if n.Op == Free {
		kill(state, n.Args[0])
	}
	for _, r := range n.Results {
		if _, known := state[r]; known || r.Node != n {
			return fmt.Errorf("%%%d is made twice", r.ID)
		}
		state[r] = true
	}
	return nil
}
