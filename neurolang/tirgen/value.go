package tirgen

import (
	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// value is what a variable holds: a *tir.Value, a span, a tuple (structs too), a closure, or nil
// for unit.
type value any

// span is size indices from start.
type span struct {
	start *tir.Value
	size  int
}

type tuple []value

type closure struct {
	fn       *hir.Fn
	captured []value
}

// elem returns the element type that a hir type has inside of kernels.
func elem(t *hir.Type) tile.Elem {
	switch t.Kind {
	case hir.Int:
		return tile.I32
	case hir.Float:
		return tile.F32
	case hir.Bool:
		return tile.Bool
	}
	return t.Elem
}

// typeOf returns the tile IR's type of a number or tile.
func typeOf(t *hir.Type) tir.Type {
	out := tir.Type{Elem: elem(t)}
	if t.Kind == hir.Tile {
		for _, d := range t.Dims {
			out.Dims = append(out.Dims, d.Const)
		}
	}
	return out
}

// flatten appends the SSA values in v; unflatten puts others in their places.
func flatten(v value, out []*tir.Value) []*tir.Value {
	switch v := v.(type) {
	case *tir.Value:
		return append(out, v)
	case span:
		return append(out, v.start)
	case tuple:
		for _, x := range v {
			out = flatten(x, out)
		}
	case closure:
		for _, x := range v.captured {
			out = flatten(x, out)
		}
	}
	return out
}

func unflatten(v value, from *[]*tir.Value) value {
	take := func() *tir.Value {
		x := (*from)[0]
		*from = (*from)[1:]
		return x
	}
	switch v := v.(type) {
	case *tir.Value:
		return take()
	case span:
		return span{take(), v.size}
	case tuple:
		out := make(tuple, len(v))
		for i, x := range v {
			out[i] = unflatten(x, from)
		}
		return out
	case closure:
		out := closure{v.fn, make([]value, len(v.captured))}
		for i, x := range v.captured {
			out.captured[i] = unflatten(x, from)
		}
		return out
	}
	return v
}

// assigned lists the variables that a block sets and that exist outside of it, in order.
func (g *gen) assigned(blocks ...*hir.Block) []*hir.Var {
	var out []*hir.Var
	seen := map[*hir.Var]bool{}
	for _, b := range blocks {
		hir.Walk(b, func(s hir.Stmt) {
			a, ok := s.(*hir.Assign)
			if !ok {
				return
			}
			v := root(a.Place)
			if _, known := g.env[v]; v != nil && known && !seen[v] {
				seen[v] = true
				out = append(out, v)
			}
		}, nil)
	}
	return out
}

// root is the variable that a place is a part of; nil for views of tensors.
func root(e hir.Expr) *hir.Var {
	switch e := e.(type) {
	case *hir.Local:
		return e.Var
	case *hir.FieldOf:
		return root(e.Arg)
	case *hir.Deref:
		return root(e.Arg)
	}
	return nil
}
