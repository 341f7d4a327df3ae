package sm

import (
	"math"

	"tensoros/hw/ptx"
)

// warpOperation is match.sync, redux.sync, elect.sync and movmatrix: what lanes of a warp do
// together.
func (d *decoder) warpOperation() func(*Warp) {
	d.out.class = inPipe // like shuffles, through the memory pipe
	d.out.cost.load = true
	switch d.in.Op.ID {
	case ptx.OpMatch:
		return d.bySet(2, d.match())
	case ptx.OpRedux:
		return d.bySet(2, d.redux())
	case ptx.OpElect:
		return d.bySet(1, d.elect())
	}
	return d.movmatrix()
}

// exchanged notes a use of the memory pipe like a shuffle's.
func (w *Warp) exchanged() { w.touch, w.space, w.size, w.phases = w.mask, inShared, 4, 1 }

// second splits a result d|p.
func (d *decoder) second() (dst *ptx.Operand, p int) {
	dst, p = &d.in.Args[0], -1
	if dst.Kind == ptx.KindPair {
		if dst.List[1].Kind == ptx.KindReg {
			p = d.dst(&dst.List[1])
		}
		dst = &dst.List[0]
	}
	return dst, p
}

func (d *decoder) match() func(*Warp) {
	all := d.in.Has(ptx.ModAll)
	a := d.slots(&d.in.Args[1], false)[0]
	op, p := d.second()
	dst := d.slots(op, true)[0]
	return func(w *Warp) {
		var same [Lanes]uint32
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			for o := w.mask; o != 0; o &= o - 1 {
				if a.get(w, first(o)) == a.get(w, l) {
					same[l] |= o & -o
				}
			}
		}
		equal := same[first(w.mask)] == w.mask
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			if all && !equal {
				same[l] = 0
			}
			dst.set(w, l, uint64(same[l]))
		}
		if p >= 0 {
			w.setPred(p, equal)
		}
		w.exchanged()
	}
}

// setPred gives the executing lanes one truth value.
func (w *Warp) setPred(p int, yes bool) {
	w.pred[p] &^= w.mask
	if yes {
		w.pred[p] |= w.mask
	}
}

func (d *decoder) redux() func(*Warp) {
	f := atomicOp(d.in.AtomOp(), d.in.Type(0))
	if f == nil {
		return nil
	}
	a, dst := d.src32(1), d.dst(&d.in.Args[0])
	return func(w *Warp) {
		v := uint64(w.r[a][first(w.mask)])
		for m := w.mask & (w.mask - 1); m != 0; m &= m - 1 {
			v = f(v, uint64(w.r[a][first(m)]), 0)
		}
		w.spread(dst, uint32(v))
		w.exchanged()
	}
}

// elect names one lane: the lowest, as a deterministic choice.
func (d *decoder) elect() func(*Warp) {
	d.out.class, d.out.cost.load = elsewhere, false
	op, p := d.second()
	dst := d.slots(op, true)[0]
	return func(w *Warp) {
		leader := w.mask & -w.mask
		for m := w.mask; m != 0; m &= m - 1 {
			dst.set(w, first(m), uint64(first(leader)))
		}
		if p >= 0 {
			w.pred[p] = w.pred[p]&^w.mask | leader
		}
	}
}

// movmatrix transposes an 8x8 matrix of 16-bit elements held as ldmatrix gives it.
func (d *decoder) movmatrix() func(*Warp) {
	a, dst := d.src32(1), d.dst(&d.in.Args[0])
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "movmatrix needs all 32 lanes, %d execute it", popcount(w.mask))
			return
		}
		from := w.r[a]
		at := func(r, c int) uint32 { return from[4*r+c/2] >> (16 * (c % 2)) & 0xffff }
		for l := range from {
			r, c := l/4, 2*(l%4)
			w.r[dst][l] = at(c, r) | at(c+1, r)<<16
		}
		w.exchanged()
	}
}

// stmatrix is the inverse of ldmatrix.
func (d *decoder) stmatrix() func(*Warp) {
	in := d.in
	n, trans := in.Vec(), in.Has(ptx.ModTrans)
	d.out.class = inPipe
	addr := d.address(&in.Args[0])
	var src []int
	for _, s := range d.slots(&in.Args[1], false) {
		src = append(src, s.row)
	}
	if len(src) != n {
		return nil
	}
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "stmatrix needs all 32 lanes, %d execute it", popcount(w.mask))
			return
		}
		addr(w)
		w.touch, w.space, w.size, w.phases = w.mask, inShared, 16, int32(n)
		for i := range n {
			if !w.storeMatrix(i, &w.r[src[i]], trans) {
				return
			}
		}
	}
}

func (w *Warp) storeMatrix(i int, v *row, trans bool) bool {
	for j := range 8 {
		p := w.bytesAt(inShared, 8*i+j, 16, true)
		if p == nil {
			return false
		}
		for c := range 8 {
			e := v[4*j+c/2] >> (16 * (c % 2))
			if trans {
				e = v[4*c+j/2] >> (16 * (j % 2))
			}
			p[2*c], p[2*c+1] = byte(e), byte(e>>8)
		}
	}
	return true
}

// spaceTest is isspacep: whether a generic address lies in a state space.
func (d *decoder) spaceTest() func(*Warp) {
	in := d.in
	var low, high uint64
	switch {
	case in.Space() == ptx.SpaceShared, in.Space() == ptx.SpaceSharedCluster:
		low, high = SharedWindow, SharedWindow|^windowMask
	case in.Space() == ptx.SpaceLocal:
		low, high = LocalWindow, LocalWindow|^windowMask
	case in.Space() == ptx.SpaceConst:
		low, high = ConstWindow, ConstWindow|^windowMask
	case in.Space() == ptx.SpaceParam:
		low, high = ParamWindow, ParamWindow|^windowMask
	default:
		high = ParamWindow - 1
	}
	a := d.slots(&in.Args[1], false)[0]
	dst := d.dst(&in.Args[0])
	own := in.Space() == ptx.SpaceShared // shared::cta: not the peers'
	return func(w *Warp) {
		var out uint32
		for m := w.mask; m != 0; m &= m - 1 {
			v := a.get(w, first(m))
			if v < low || v > high {
				continue
			}
			if c, _ := w.cta.peer(v &^ windowMask); !own || c == w.cta {
				out |= m & -m
			}
		}
		w.pred[dst] = w.pred[dst]&^w.mask | out
	}
}

// pairAtomic is atomicOp's addition on packed halves and on f64.
func pairAtomic(t ptx.Type) func(old, a, b uint64) uint64 {
	fl, ok := floatOf(t)
	if t == ptx.F64 {
		return func(old, a, _ uint64) uint64 {
			return math.Float64bits(math.Float64frombits(old) + math.Float64frombits(a))
		}
	}
	if !ok {
		return nil
	}
	one := func(x, y uint64) uint64 {
		return uint64(fl.put(addOdd(fl.get(uint32(x&0xffff)), fl.get(uint32(y&0xffff)))))
	}
	return func(old, a, _ uint64) uint64 { return one(old, a) | one(old>>16, a>>16)<<16 }
}
