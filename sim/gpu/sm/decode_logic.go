package sm

import (
	"math"

	"tensoros/hw/ptx"
)

// relation is a comparison of lanes of one width; nil if not modelled.
func relation(in *ptx.Inst, t ptx.Type) (narrow func(a, b uint32) bool,
	long func(a, b uint64) bool) {
	c := in.Compare()
	if t.IsFloat() {
		return floatRelation(in, c, t)
	}
	signed := t.IsSigned()
	n := uint32(t.Bits())
	if n == 64 {
		return nil, func(a, b uint64) bool {
			if signed {
				return holds(c, int64(a) < int64(b), a == b)
			}
			return holds(c, a < b, a == b)
		}
	}
	return func(a, b uint32) bool {
		if signed {
			return holds(c, sext(a, n) < sext(b, n), trunc(a, n) == trunc(b, n))
		}
		return holds(c, trunc(a, n) < trunc(b, n), trunc(a, n) == trunc(b, n))
	}, nil
}

// holds evaluates a comparison from less and equal.
func holds(c ptx.Mod, less, equal bool) bool {
	switch c {
	case ptx.ModEq, ptx.ModEqu:
		return equal
	case ptx.ModNe, ptx.ModNeu:
		return !equal
	case ptx.ModLt, ptx.ModLo, ptx.ModLtu:
		return less
	case ptx.ModLe, ptx.ModLs, ptx.ModLeu:
		return less || equal
	case ptx.ModGt, ptx.ModHi, ptx.ModGtu:
		return !less && !equal
	case ptx.ModGe, ptx.ModHs, ptx.ModGeu:
		return !less
	}
	return false
}

func floatRelation(in *ptx.Inst, c ptx.Mod, t ptx.Type) (narrow func(a, b uint32) bool,
	long func(a, b uint64) bool) {
	compare := func(x, y float64) bool {
		if x != x || y != y {
			switch c {
			case ptx.ModEqu, ptx.ModNeu, ptx.ModLtu, ptx.ModLeu, ptx.ModGtu, ptx.ModGeu,
				ptx.ModCmpNan:
				return true
			}
			return false
		}
		return c == ptx.ModNum || holds(c, x < y, x == y)
	}
	if t == ptx.F64 {
		return nil, func(a, b uint64) bool {
			return compare(math.Float64frombits(a), math.Float64frombits(b))
		}
	}
	fl, ok := floatOf(t)
	if !ok || fl.two {
		return nil, nil
	}
	ftz := in.Has(ptx.ModFtz) && t == ptx.F32
	return func(a, b uint32) bool {
		if ftz {
			a, b = flush32(a), flush32(b)
		}
		return compare(fl.get(a), fl.get(b))
	}, nil
}

// setp: p|q = (a cmp b) bool c.
func (d *decoder) setp() func(*Warp) {
	compare, halves := d.lanesOf(d.in.Type(0))
	if compare == nil {
		return nil
	}
	return d.setpWith(compare, halves)
}

func (d *decoder) setpWith(compare func(w *Warp, half int) uint32, halves bool) func(*Warp) {
	in := d.in
	combine := d.combination()
	dst := in.Args[0]
	second := -1
	if dst.Kind == ptx.KindPair {
		if dst.List[1].Kind == ptx.KindReg {
			second = d.dst(&dst.List[1])
		}
		dst = dst.List[0]
	}
	p := d.dst(&dst)
	return func(w *Warp) {
		m := w.mask
		v := compare(w, 0)
		other := ^v
		if halves {
			other = compare(w, 1)
		}
		v, other = combine(w, v), combine(w, other)
		if second >= 0 {
			w.pred[second] = w.pred[second]&^m | other&m
		}
		w.pred[p] = w.pred[p]&^m | v&m
	}
}

// combination is the boolean part of setp: with the last operand by and, or, xor.
func (d *decoder) combination() func(w *Warp, v uint32) uint32 {
	in := d.in
	op := in.Bool()
	if op == 0 || len(in.Args) < 4 {
		return func(_ *Warp, v uint32) uint32 { return v }
	}
	row, not := d.pred(&in.Args[3])
	return func(w *Warp, v uint32) uint32 {
		c := w.pred[row]
		if not {
			c = ^c
		}
		switch op {
		case ptx.ModAnd:
			return v & c
		case ptx.ModOr:
			return v | c
		}
		return v ^ c
	}
}

func (d *decoder) selp() func(*Warp) {
	in := d.in
	p, not := d.pred(&in.Args[3])
	flip := uint32(0)
	if not {
		flip = allLanes
	}
	if in.Type(0).Bits() == 64 {
		a, b, dst := d.src64(1), d.src64(2), d.dst(&in.Args[0])
		return func(w *Warp) { choosing(w.mask, w.pred[p]^flip, &w.x[dst], &w.x[a], &w.x[b]) }
	}
	a, b, dst := d.src32(1), d.src32(2), d.dst(&in.Args[0])
	return func(w *Warp) { choosing(w.mask, w.pred[p]^flip, &w.r[dst], &w.r[a], &w.r[b]) }
}

func choosing[T word](m, p uint32, d, a, b *[Lanes]T) {
	for ; m != 0; m &= m - 1 {
		l := first(m)
		if p>>l&1 == 1 {
			d[l] = a[l]
		} else {
			d[l] = b[l]
		}
	}
}

// predicate is and, or, xor, not and mov on predicates.
func (d *decoder) predicate() func(*Warp) {
	in := d.in
	var rows [2]int
	var flips [2]uint32
	n := len(in.Args) - 1
	if n < 1 || n > 2 {
		return nil
	}
	for i := range n {
		row, not := d.pred(&in.Args[i+1])
		rows[i] = row
		if not {
			flips[i] = allLanes
		}
	}
	dst := d.dst(&in.Args[0])
	id := in.Op.ID
	switch id {
	case ptx.OpAnd, ptx.OpOr, ptx.OpXor, ptx.OpNot, ptx.OpMov:
	default:
		return nil
	}
	return func(w *Warp) {
		a, b := w.pred[rows[0]]^flips[0], w.pred[rows[1]]^flips[1]
		switch id {
		case ptx.OpAnd:
			a &= b
		case ptx.OpOr:
			a |= b
		case ptx.OpXor:
			a ^= b
		case ptx.OpNot:
			a = ^a
		}
		w.pred[dst] = w.pred[dst]&^w.mask | a&w.mask
	}
}
