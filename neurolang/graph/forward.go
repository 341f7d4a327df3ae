package graph

import (
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// Forward replaces what only moves values: reshapes of reshapes, copies of tensors that die there,
// and transposes that move elements for a kernel that may as well read the other layout.
func (g *Graph) Forward() (n int) {
	for _, step := range []func() bool{g.forwardReshape, g.forwardCopy, g.forwardLayout} {
		for step() {
			n++
		}
	}
	return n
}

// forwardReshape looks through one reshape.
func (g *Graph) forwardReshape() bool {
	for i, n := range g.Nodes {
		if n.Op != Reshape {
			continue
		}
		a, r := n.Args[0], n.Results[0]
		if a.Type.equal(r.Type) {
			g.Nodes = slices.Delete(g.Nodes, i, i+1)
			g.replace(map[*Value]*Value{r: a})
			return true
		}
		if a.Node != nil && a.Node.Op == Reshape {
			n.Args[0] = a.Node.Args[0]
			return true
		}
	}
	return false
}

// forwardCopy drops one copy: of a tensor that dies there, or one that stays in the graph and is as
// little changed as what it is a copy of.
func (g *Graph) forwardCopy() bool {
	last, changed := g.last(), g.changed()
	for i, n := range g.Nodes {
		a, r := n.moved()
		if a == nil {
			continue
		}
		s := a.source()
		dies := !s.Lent && !s.Seen && last[s] == i
		same := last[r] < len(g.Nodes) && !changed[s] && !changed[r]
		if !dies && !same {
			continue
		}
		g.Nodes = slices.Delete(g.Nodes, i, i+1)
		g.replace(map[*Value]*Value{r: a})
		return true
	}
	return false
}

// moved is the value that a node makes anew without need, and its result: by a copy, or by a
// transpose of a transpose. Nil if it does neither.
func (n *Node) moved() (from, to *Value) {
	switch n.Op {
	case Copy:
		return n.Args[0], n.Results[0]
	case Transpose:
		if t := n.Args[0].Node; t != nil && t.Op == Transpose &&
			t.Args[0].Type.equal(n.Results[0].Type) {
			return t.Args[0], n.Results[0]
		}
	}
	return nil, nil
}

// forwardLayout lets one kernel read a transposed tensor as it lies.
func (g *Graph) forwardLayout() bool {
	changed := g.changed() // moving the elements also keeps them as they were
	for i, n := range g.Nodes {
		if n.Op != Launch {
			continue
		}
		for j, a := range n.Args {
			t := a.Node
			if t == nil || t.Op != Transpose || t.view(a.Type) ||
				n.Kernel.Params[j].Access != abi.Read || changed[t.Args[0].source()] {
				continue
			}
			k := otherLayout(n.Kernel, j)
			if g.Accept != nil && !g.Accept(k) {
				continue
			}
			typ := a.Type
			typ.Layout = tile.RowMajor + tile.ColMajor - layout(typ.Layout)
			v := &Node{Op: Transpose, Args: t.Args, At: t.At}
			g.Append(v, typ)
			g.Nodes = slices.Insert(g.Nodes[:len(g.Nodes)-1], i, v)
			n.Args[j], n.Kernel = v.Results[0], g.intern(k)
			return true
		}
	}
	return false
}

// otherLayout is a kernel that takes a parameter in the other layout.
func otherLayout(old *tir.Kernel, param int) *tir.Kernel {
	k := &tir.Kernel{Name: old.Name + "_t", Params: slices.Clone(old.Params), Outs: old.Outs,
		Axes: old.Axes, Loc: old.Loc, Deterministic: old.Deterministic}
	p := &k.Params[param]
	p.Layout = tile.RowMajor + tile.ColMajor - layout(p.Layout)
	copyBody(k, old, func(i int) int { return i }, nil)
	return k
}

// copyBody gives a kernel the body of another with as many scalars.
func copyBody(k, old *tir.Kernel, param func(int) int, hook func(*tir.Op) bool) {
	b := tir.NewBuilder(k)
	c := &tir.Copier{B: b, Vals: map[*tir.Value]*tir.Value{}, Param: param, Hook: hook}
	for i, a := range old.Body.Args {
		c.Vals[a] = k.Body.Args[i]
	}
	c.Block(old.Body)
	b.Yield()
}

// unused drops a launch's results that nobody wants, from the kernel too.
func (g *Graph) unused() (n int) {
	uses := g.uses()
	for _, x := range g.Nodes {
		if x.Op != Launch || len(x.Kernel.Outs) < 2 {
			continue
		}
		for i := len(x.Kernel.Outs) - 1; i >= 0 && len(x.Kernel.Outs) > 1; i-- {
			if uses[x.Results[i]] > 0 {
				continue
			}
			k := without(x.Kernel, i)
			if g.Accept != nil && !g.Accept(k) {
				continue
			}
			x.Kernel = g.intern(k)
			x.Results = slices.Delete(x.Results, i, i+1)
			n++
		}
	}
	return n
}

// without is a kernel that does not make one of its results.
func without(old *tir.Kernel, out int) *tir.Kernel {
	k := &tir.Kernel{Name: old.Name + "_less", Params: old.Params, Axes: old.Axes, Loc: old.Loc,
		Outs: slices.Delete(slices.Clone(old.Outs), out, out+1), Deterministic: old.Deterministic}
	gone := len(old.Params) + out
	copyBody(k, old, func(i int) int {
		if i > gone {
			return i - 1
		}
		return i
	}, func(op *tir.Op) bool { return op.Kind == tir.Store && op.Param == gone })
	tidy(k)
	return k
}
