package sm

import (
	"tensoros/hw/num"
	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

// wmma of m16n16 is two mma of m16n8 beside each other. PTX leaves its fragment layout open
// (PTX ISA 9.7.13.3): here it is that of mma, B and C by halves of eight columns; the f16
// fragments, which have twice the registers they need, hold everything twice.

// fragment is one matrix in registers.
type fragment struct {
	which ptx.Mod // ModA, ModB, or ModC for C and D
	bits  int
	elems int // of a register
	regs  int // different ones
}

func newFragment(which ptx.Mod, t ptx.Type, k int) fragment {
	f := fragment{which: which, bits: t.Bits(), regs: 8}
	if t == ptx.Tf32 {
		f.bits = 32
	}
	f.elems = 32 / f.bits
	if which != ptx.ModC {
		f.regs = 16 * k * f.bits / (32 * Lanes)
	} else if t == ptx.F16 {
		f.regs = 4
	}
	return f
}

// place is where element e of register i of a lane lies: row and column of C, m and k of A, k and
// n of B.
func (f *fragment) place(i, lane, e int) (r, c int) {
	g, t := lane/4, lane%4
	i %= f.regs
	switch f.which {
	case ptx.ModA:
		return g + i%2*8, (i/2*4+t)*f.elems + e
	case ptx.ModB:
		half := f.regs / 2
		return (i%half*4+t)*f.elems + e, i/half*8 + g
	}
	half := f.regs / 2
	i, c = i%half, i/half*8
	if f.elems == 2 {
		return g + 8*i, c + 2*t + e
	}
	return g + i/2*8, c + 2*t + i%2
}

// wmma decodes the family; shapes other than m16n16 are not served.
func (d *decoder) wmma() func(*Warp) {
	m, n, k := d.in.Shape()
	if m != 16 || n != 16 {
		return nil
	}
	switch d.in.Op.ID {
	case ptx.OpWmmaLoad:
		which := d.in.Pick([]ptx.Mod{ptx.ModA, ptx.ModB, ptx.ModC})
		return d.wmmaMemory(newFragment(which, d.in.Type(0), k), 1, 0, k)
	case ptx.OpWmmaStore:
		return d.wmmaMemory(newFragment(ptx.ModC, d.in.Type(0), k), 0, 1, k)
	}
	return d.wmmaMMA(k)
}

// wmmaMemory is load (the address is operand 1) and store (operand 0). Its time is that of one
// access a lane.
func (d *decoder) wmmaMemory(f fragment, at, data, k int) func(*Warp) {
	in := d.in
	store := at == 0
	s, ok := spaceOf(in.Space())
	if !ok {
		return nil
	}
	regs := d.slots(&in.Args[data], !store)
	addr := d.address(&in.Args[at])
	col := in.Has(ptx.ModCol)
	lead := 16 // elements from one row, or column, to the next
	if f.which == ptx.ModA && !col || f.which == ptx.ModB && col {
		lead = k
	}
	stride := d.const32(uint32(lead))
	if len(in.Args) > 2 {
		stride = d.src32(2)
	}
	e := element{size: f.bits / 8}
	note := d.access(s, 4)
	d.out.cost.load = !store
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "wmma needs all 32 lanes, %d execute it", popcount(w.mask))
			return
		}
		addr(w)
		base := w.addr
		for i, reg := range regs {
			for l := range base {
				if !w.wmmaRegister(&f, s, e, reg, i, l, base[l], int(w.r[stride][l]), col, store) {
					return
				}
			}
		}
		w.addr = base
		note(w)
	}
}

// wmmaRegister moves one register of a lane.
func (w *Warp) wmmaRegister(f *fragment, s space, e element, reg slot, i, l int, base uint64,
	stride int, col, store bool) bool {
	if store && i >= f.regs {
		return true
	}
	var v uint64
	if store {
		v = reg.get(w, l)
	}
	for x := range f.elems {
		r, c := f.place(i, l, x)
		if col {
			r, c = c, r
		}
		w.addr[l] = base + uint64((r*stride+c)*e.size)
		p := w.bytesAt(s, l, e.size, store)
		if p == nil {
			return false
		}
		if store {
			e.put(p, v>>(x*f.bits))
		} else {
			v |= e.get(p) << (x * f.bits)
		}
	}
	if !store {
		reg.set(w, l, v)
	}
	return true
}

func (d *decoder) wmmaMMA(k int) func(*Warp) {
	in := d.in
	to, from, last := in.Type(0), ptx.F16, in.Type(1)
	if len(in.Types) == 4 {
		from, last = in.Type(1), in.Type(3)
	}
	ab, ok := elementFormat[from]
	acc, ok2 := elementFormat[to]
	if !ok || !ok2 || to != last || ab == num.F64 {
		return nil
	}
	rule, err := gpu.LookupMMA(d.sm, gpu.MMASync, ab, acc)
	if err != nil {
		d.fault("%v", err)
		return func(*Warp) {}
	}
	var opts []tensor.Option
	if in.Has(ptx.ModSatfinite) {
		opts = append(opts, tensor.Satfinite)
	}
	unit, err := tensor.NewUnit(rule, tensor.Shape{M: 16, N: 8, K: k}, ab, ab, opts...)
	if err != nil {
		d.fault("%v", err)
		return func(*Warp) {}
	}
	d.out.class = Tensor
	var rows [4][]slot
	for i := range rows {
		rows[i] = d.slots(&in.Args[i], i == 0)
	}
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "wmma.mma needs all 32 lanes, %d execute it", popcount(w.mask))
			return
		}
		nb, nc := unit.RegsB(), unit.RegsC()
		unit.LoadA(w.registers(rows[1][:unit.RegsA()]))
		for h := range 2 {
			unit.LoadB(w.registers(rows[2][h*nb:][:nb]))
			unit.Run(w.registers(rows[0][h*nc:][:nc]), w.registers(rows[3][h*nc:][:nc]))
		}
	}
}

func (w *Warp) registers(s []slot) []*tensor.Reg {
	out := make([]*tensor.Reg, len(s))
	for i := range s {
		out[i] = &w.r[s[i].row]
	}
	return out
}
