package graph

import (
	"fmt"
	"math/bits"
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// Unflatten lets pointwise kernels over vectors run over the shapes that their vectors were before:
// then they meet the kernels around them.
func (g *Graph) Unflatten() (n int) {
	for i := 0; i < len(g.Nodes); i++ {
		if g.unflatten(i) {
			n++
		}
	}
	g.sweep()
	return n
}

func (g *Graph) unflatten(at int) bool {
	n := g.Nodes[at]
	shape, ok := n.flattened()
	if !ok {
		return false
	}
	k, ok := ranked(n.Kernel, shape)
	if !ok || g.Accept != nil && !g.Accept(k) {
		return false
	}
	n.Kernel = g.intern(k)
	for i, a := range n.Args {
		if a.Type.Tensor {
			n.Args[i] = a.Node.Args[0]
		}
	}
	types, err := n.Infer()
	if err != nil {
		return false
	}
	old := n.Results
	n.Results = nil
	var after []*Node
	for i, r := range old {
		v := g.value(types[i])
		v.Node = n
		n.Results = append(n.Results, v)
		r.Node = &Node{Op: Reshape, Args: []*Value{v}, Results: []*Value{r}, At: n.At}
		after = append(after, r.Node)
	}
	g.Nodes = slices.Insert(g.Nodes, at+1, after...)
	return true
}

// flattened is the shape that all tensors of a launch had before they became vectors.
func (n *Node) flattened() (shape []abi.Dim, ok bool) {
	if n.Op != Launch || len(n.written()) > 0 || len(n.Kernel.Axes) != 1 ||
		!pointwise(n.Kernel) {
		return nil, false
	}
	for _, a := range n.Args {
		if !a.Type.Tensor {
			continue
		}
		if a.Node == nil || a.Node.Op != Reshape || len(a.Type.Dims) != 1 {
			return nil, false
		}
		t := a.Node.Args[0].Type
		if len(t.Dims) < 2 || layout(t.Layout) != tile.RowMajor ||
			shape != nil && !slices.Equal(shape, t.Dims) {
			return nil, false
		}
		shape = t.Dims
	}
	return shape, shape != nil
}

// wide is the longest row of a block whose width is not known.
const wide = 512

// blocksOf cuts a shape into pieces of n elements: rows as long as they are, several of them.
func blocksOf(shape []abi.Dim, n int) []int {
	blocks := make([]int, len(shape))
	for i := range blocks {
		blocks[i] = 1
	}
	last := len(shape) - 1
	row := wide
	if d := shape[last]; d.Sym == "" {
		row = 1 << bits.Len(uint(max(d.Const, 1)-1))
	}
	blocks[last] = min(row, n)
	blocks[last-1] = n / blocks[last]
	return blocks
}

// ranked makes a pointwise kernel over vectors one over tensors of a shape.
func ranked(old *tir.Kernel, shape []abi.Dim) (*tir.Kernel, bool) {
	r := &ranker{old: old, blocks: blocksOf(shape, old.Axes[0].Block)}
	if !r.fits() {
		return nil, false
	}
	k := &tir.Kernel{Name: fmt.Sprintf("%s_%dd", old.Name, len(shape)), Loc: old.Loc,
		Deterministic: old.Deterministic}
	reshape := func(ps []abi.Param) []abi.Param {
		ps = slices.Clone(ps)
		for i := range ps {
			if ps[i].Tensor {
				ps[i].Dims = slices.Clone(shape)
			}
		}
		return ps
	}
	k.Params, k.Outs = reshape(old.Params), reshape(old.Outs)
	for i, d := range shape {
		k.Axes = append(k.Axes, abi.Axis{Name: fmt.Sprintf("d%d", i), Dim: d, Block: r.blocks[i]})
	}
	b := tir.NewBuilder(k)
	var at []*tir.Value
	for i, n := range r.blocks {
		p := b.Op(tir.Program, tir.Attrs{Axis: i}, tir.Scalar(tile.I32))
		if n != 1 {
			p = b.Binary(tir.Mul, p, b.Index(n))
		}
		at = append(at, p)
	}
	r.at = at
	r.c = tir.Copier{B: b, Vals: map[*tir.Value]*tir.Value{}, Hook: r.hook, Type: r.typeOf,
		Param: func(i int) int { return i }}
	for i, a := range old.Body.Args {
		r.c.Vals[a] = k.Body.Args[i]
	}
	r.c.Block(old.Body)
	b.Yield()
	tidy(k)
	return k, k.Verify() == nil
}

type ranker struct {
	old    *tir.Kernel
	blocks []int
	at     []*tir.Value
	c      tir.Copier
}

// fits tells that tiles are the axis' pieces or scalars, and that where pieces start is asked by
// views only.
func (r *ranker) fits() bool {
	start1 := map[*tir.Value]bool{}
	for _, op := range r.old.Body.Ops {
		if op.Kind == tir.Extent || op.Kind == tir.Reshape {
			return false
		}
		for i, a := range op.Args {
			index := op.Kind == tir.Load && i < 1 || op.Kind == tir.Store && i == 1
			if start1[a] && !index && op.Kind != tir.Mul {
				return false
			}
		}
		for _, v := range op.Results {
			d := v.Type.Dims
			if len(d) > 1 || len(d) == 1 && d[0] != r.old.Axes[0].Block && d[0] != 1 {
				return false
			}
			_, starts := start(r.old, v)
			start1[v] = starts || op.Kind == tir.Program
		}
	}
	return true
}

func (r *ranker) typeOf(v *tir.Value) tir.Type {
	t := tir.Type{Elem: v.Type.Elem}
	if len(v.Type.Dims) == 0 {
		return t
	}
	t.Dims = slices.Clone(r.blocks)
	if v.Type.Dims[0] == 1 {
		for i := range t.Dims {
			t.Dims[i] = 1
		}
	}
	return t
}

func (r *ranker) hook(op *tir.Op) bool {
	switch op.Kind {
	case tir.Load:
		var other *tir.Value
		if len(op.Args) > 1 {
			other = r.c.Vals[op.Args[1]]
		}
		r.c.Vals[op.Results[0]] = r.c.B.Load(op.Param, slices.Clone(r.blocks), r.at, other)
		return true
	case tir.Store:
		r.c.B.Store(op.Param, slices.Clone(r.blocks), r.c.Vals[op.Args[0]], r.at...)
		return true
	}
	return false
}
