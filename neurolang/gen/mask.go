package gen

import (
	"slices"

	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// Tiles at the edges of what a kernel may see are masked by comparing indices. Most tiles are not
// at an edge: where the bounds of both sides decide the comparison for a whole tile, one branch
// takes the place of a comparison and a choice for every element.

// bounds are the least and the largest element of a tile of indices.
type bounds struct{ lo, hi wir.Arg }

// small tells whether a scalar is made of programs, dimensions and indices of loops, whose sums do
// not overflow.
func (g *gen) small(v *tir.Value) bool {
	if v.Op == nil {
		return g.loopOf(v) != nil
	}
	switch v.Op.Kind {
	case tir.Const:
		return v.Op.Int < 1<<28 && v.Op.Int > -1<<28
	case tir.Program, tir.Extent:
		return true
	case tir.Add, tir.Sub, tir.Mul, tir.Div, tir.Rem, tir.Min, tir.Max:
		return g.small(v.Op.Args[0]) && g.small(v.Op.Args[1])
	}
	return false
}

// boundsOf finds the bounds of indices.
func (g *gen) boundsOf(v *tir.Value) (r bounds, ok bool) {
	if v.Type.Elem != tile.I32 {
		return r, false
	}
	if v.Type.Rank() == 0 {
		x := g.vals[v]
		if x == nil || !g.small(v) {
			return r, false
		}
		return bounds{x.r[0], x.r[0]}, true
	}
	op := v.Op
	if op == nil {
		return r, false
	}
	switch op.Kind {
	case tir.Iota:
		return bounds{wir.Int(0), wir.Int(v.Type.Dims[op.Axis] - 1)}, true
	case tir.Const:
		c := wir.Int(int(op.Int))
		return bounds{c, c}, g.small(v)
	case tir.Broadcast, tir.Reshape, tir.Transpose:
		return g.boundsOf(op.Args[0])
	case tir.Add, tir.Sub:
		x, ok1 := g.boundsOf(op.Args[0])
		y, ok2 := g.boundsOf(op.Args[1])
		if !ok1 || !ok2 {
			return r, false
		}
		if op.Kind == tir.Add {
			return bounds{g.b.Add(x.lo, y.lo), g.b.Add(x.hi, y.hi)}, true
		}
		return bounds{g.b.Sub(x.lo, y.hi), g.b.Sub(x.hi, y.lo)}, true
	}
	return r, false
}

// opposites are the relations that hold where others do not.
var opposites = map[tir.Kind]tir.Kind{tir.Gt: tir.Le, tir.Ge: tir.Lt, tir.Lt: tir.Ge,
	tir.Le: tir.Gt}

// settled is a predicate that holds only if a tile of bools is everywhere what want says.
func (g *gen) settled(v *tir.Value, want bool) (wir.Arg, bool) {
	op := v.Op
	if op == nil {
		return wir.Arg{}, false
	}
	switch k := op.Kind; k {
	case tir.Broadcast, tir.Reshape, tir.Transpose:
		if op.Args[0].Type.Rank() == 0 {
			return wir.Arg{}, false
		}
		return g.settled(op.Args[0], want)
	case tir.Not:
		return g.settled(op.Args[0], !want)
	case tir.And, tir.Or:
		p, ok1 := g.settled(op.Args[0], want)
		q, ok2 := g.settled(op.Args[1], want)
		if !ok1 || !ok2 {
			return p, false
		}
		if (k == tir.And) == want {
			return g.b.Both(p, q), true
		}
		return g.b.Op(wir.P, "or.pred", g.b.Reg(wir.P, p), g.b.Reg(wir.P, q)), true
	case tir.Gt, tir.Ge, tir.Lt, tir.Le:
		x, ok1 := g.boundsOf(op.Args[0])
		y, ok2 := g.boundsOf(op.Args[1])
		if !ok1 || !ok2 {
			return wir.Arg{}, false
		}
		if !want {
			k = opposites[k]
		}
		a, b := x.lo, y.hi
		if k == tir.Lt || k == tir.Le {
			a, b = x.hi, y.lo
		}
		return g.b.Compare(relations[k], "s32", a, b), true
	}
	return wir.Arg{}, false
}

// masked emits a Select whose condition is a mask, in the registers of the tile that it keeps;
// false if it is not like that.
func (g *gen) masked(op *tir.Op) bool {
	cond := g.vals[op.Args[0]]
	if op.Results[0].Type.Elem != tile.F32 && op.Results[0].Type.Elem != tile.I32 ||
		cond.make == nil || op.Results[0].Type.Rank() == 0 {
		return false
	}
	for side := 1; side <= 2; side++ {
		want := side == 1
		kept, other := op.Args[side], g.vals[op.Args[3-side]]
		x := g.vals[kept]
		if other.make == nil || x.l == nil || x.make != nil || !x.l.Equal(g.layoutOf(kept)) ||
			!g.owned(op, kept) || g.heldElsewhere(op, kept, x) {
			continue
		}
		none, ok := g.settled(op.Args[0], want)
		if !ok || none.Kind == wir.Imm {
			continue
		}
		g.settleVal(x)
		g.settleRegs(x)
		for _, r := range x.r {
			g.b.Own(r)
		}
		g.b.Unless(none, func() {
			for i, r := range x.r {
				p := cond.make(x.l, i)
				if !want {
					p = g.b.Not(p)
				}
				g.b.Unset(p, r, g.b.Reg(wir.R, other.make(x.l, i)))
			}
		})
		g.vals[op.Results[0]] = &val{t: op.Results[0].Type, l: x.l, r: x.r}
		return true
	}
	return false
}

// owned tells whether a value's registers are its own and nobody reads them after an operation.
func (g *gen) owned(op *tir.Op, v *tir.Value) bool {
	if v.Op == nil || !slices.Contains(g.blk.Ops, v.Op) || g.reuse[v] != nil {
		return false
	}
	switch v.Op.Kind {
	case tir.Add, tir.Sub, tir.Mul, tir.Fma, tir.Dot:
	case tir.Select:
		if x := g.vals[v]; len(x.r) == 0 || !g.b.IsVar(x.r[0]) {
			return false
		}
	default:
		return false
	}
	uses := 0
	g.blk.Walk(func(o *tir.Op) {
		for _, a := range o.Args {
			if a == v {
				uses++
			}
		}
	})
	return uses == 1
}
