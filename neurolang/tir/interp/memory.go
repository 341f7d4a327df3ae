package interp

import (
	"tensoros/neurolang/tir"
)

// memory performs Load, Store and Atomic.
func (m *machine) memory(op *tir.Op) {
	t := m.tensors[op.Param]
	args := op.Args
	var view *Tile
	var other float64
	if op.Kind == tir.Load {
		view = newTile(op.Results[0].Type)
		m.vals[op.Results[0]] = view
		if len(args) > len(t.Dims) {
			other = m.scalar(args[len(t.Dims)])
		}
	} else {
		view = m.vals[args[0]]
		args = args[1:]
	}
	index := make([]int, len(t.Dims))
	at := make([]int, len(view.Type.Dims))
	for i := range view.V {
		m.place(op.Sizes, args, at, index)
		off := t.Offset(index)
		switch {
		case op.Kind == tir.Load && off < 0:
			view.V[i] = other
		case op.Kind == tir.Load:
			view.V[i] = t.At(off)
		case off < 0:
		case op.Kind == tir.Store:
			t.Set(off, view.V[i])
		default:
			t.Set(off, round(t.Elem, pair(op.Comb, t.Elem, t.At(off), view.V[i])))
		}
		next(at, view.Type.Dims)
	}
}

// place gives the index in the tensor of an element of a view.
func (m *machine) place(sizes []int, args []*tir.Value, at, index []int) {
	kept := 0
	for d, n := range sizes {
		x := m.vals[args[d]].V
		switch {
		case n == 0:
			index[d] = int(x[0])
			continue
		case n > 0:
			index[d] = int(x[0]) + at[kept]
		default:
			index[d] = int(x[at[kept]])
		}
		kept++
	}
}
