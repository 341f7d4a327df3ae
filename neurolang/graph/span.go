package graph

import (
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tir"
)

// whole marks a dimension that a program reads or writes from its start to its end; no other value
// of a piece is negative.
const whole = -1

// piece says which part of a tensor a view is: for each dimension the grid's axis whose piece it
// is, or whole.
type piece struct {
	axes  []int
	sizes []int
}

// start tells which axis' piece begins at an index.
func start(k *tir.Kernel, v *tir.Value) (axis int, ok bool) {
	if v.Op == nil {
		return 0, false
	}
	switch v.Op.Kind {
	case tir.Program:
		return v.Op.Axis, k.Axes[v.Op.Axis].Block == 1
	case tir.Mul:
		for i, a := range v.Op.Args {
			b := v.Op.Args[1-i]
			if a.Op != nil && a.Op.Kind == tir.Program && b.Op != nil && b.Op.Kind == tir.Const {
				return a.Op.Axis, int(b.Op.Int) == k.Axes[a.Op.Axis].Block
			}
		}
	}
	return 0, false
}

// pieceOf is the piece that a Load or Store touches, if it is one of the program's own.
func pieceOf(k *tir.Kernel, op *tir.Op) (p piece, ok bool) {
	index := op.Args
	if op.Kind == tir.Store {
		index = index[1:]
	}
	for d, size := range op.Sizes {
		if axis, ok := start(k, index[d]); ok {
			if b := k.Axes[axis].Block; size != b && (size != 0 || b != 1) ||
				slices.Contains(p.axes, axis) {
				return p, false
			}
			p.axes = append(p.axes, axis)
			continue
		}
		c, dim := index[d].Op, k.Tensor(op.Param).Dims[d]
		if c == nil || c.Kind != tir.Const || c.Int != 0 || dim.Sym != "" || size != dim.Const {
			return p, false
		}
		p.axes = append(p.axes, whole)
	}
	p.sizes = op.Sizes
	return p, true
}

func (p piece) equal(q piece) bool {
	return slices.Equal(p.axes, q.axes) && slices.Equal(p.sizes, q.sizes)
}

// touches are the operations that touch a tensor.
func touches(k *tir.Kernel, tensor int) (out []*tir.Op) {
	k.Body.Walk(func(op *tir.Op) {
		switch op.Kind {
		case tir.Load, tir.Store, tir.Atomic:
			if op.Param == tensor {
				out = append(out, op)
			}
		}
	})
	return out
}

// onlyPiece is the one piece of a tensor that all of a kind touch; nothing else touches it.
func onlyPiece(k *tir.Kernel, tensor int, kind tir.Kind) (piece, bool) {
	var first piece
	ops := touches(k, tensor)
	for i, op := range ops {
		p, ok := pieceOf(k, op)
		if !ok || op.Kind != kind || i > 0 && !p.equal(first) {
			return p, false
		}
		first = p
	}
	return first, len(ops) > 0
}

// pointwise tells that each element of the results depends on the same element of the operands
// only, and that blocks of any size do.
func pointwise(k *tir.Kernel) bool {
	ok := true
	for _, op := range k.Body.Ops {
		switch {
		case op.Kind.Elementwise():
		case op.Kind == tir.Load || op.Kind == tir.Store:
			_, own := pieceOf(k, op)
			ok = ok && own
		case op.Kind == tir.Const, op.Kind == tir.Program, op.Kind == tir.Extent,
			op.Kind == tir.Broadcast, op.Kind == tir.Reshape, op.Kind == tir.Yield:
		default:
			return false
		}
	}
	return ok
}

// bind is what the launch's arguments make of a kernel's dimensions.
func (n *Node) bind() map[string]abi.Dim {
	dims := map[string]abi.Dim{}
	for i, p := range n.Kernel.Params {
		for d, x := range p.Dims {
			if x.Sym != "" {
				dims[x.Sym] = n.Args[i].Type.Dims[d]
			}
		}
	}
	return dims
}

func resolve(d abi.Dim, dims map[string]abi.Dim) abi.Dim {
	if d.Sym == "" {
		return d
	}
	return dims[d.Sym]
}

func resolveAll(ds []abi.Dim, dims map[string]abi.Dim) []abi.Dim {
	out := make([]abi.Dim, len(ds))
	for i, d := range ds {
		out[i] = resolve(d, dims)
	}
	return out
}
