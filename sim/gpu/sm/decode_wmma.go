package sm

import (
	"tensoros/hw/num"
	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

// wmma is made of mma of m16n8 (m8n32 of their transposes: products commute, so the bits are the
// same) and, on f64, of m8n8k4. PTX leaves its fragment layout open (PTX ISA 9.7.13.3): here
// fragments are those of the mma, tile after tile; the f16 fragments of A and B, which have more
// registers than they need, hold everything more than once.

// fragment is one matrix in registers.
type fragment struct {
	which   ptx.Mod // ModA, ModB, or ModC for C and D
	bits    int
	elems   int  // of a register
	tile    int  // registers of a tile
	regs    int  // different ones
	swapped bool // m8n32: A and B, rows and columns change places
	tall    bool // of A and B: tiles have 16 rows (columns), not 8
	across  int  // of C: tiles beside each other
}

func newFragment(which ptx.Mod, t ptx.Type, m, n, k int) fragment {
	f := fragment{which: which, bits: max(t.Bits(), 1), swapped: m == 8 && n == 32}
	if t == ptx.Tf32 {
		f.bits = 32
	}
	f.elems = max(32/f.bits, 1)
	if t == ptx.F64 {
		f.tile, f.regs = 1, 1
		if which == ptx.ModC {
			f.tile, f.regs, f.across = 2, 2, 1
		}
		return f
	}
	if which == ptx.ModC {
		f.tile = 4 / f.elems
		f.regs = f.tile * 2 // 256 elements are two tiles of m16n8
		f.across = min(n/8, 2)
		if m != 16 {
			f.across = 1
		}
		return f
	}
	side := m
	if which == ptx.ModB {
		side = n
	}
	f.tall = (which == ptx.ModA) != f.swapped
	high := 8
	if f.tall {
		high = 16
	}
	f.tile = high * k * f.bits / (32 * Lanes)
	f.regs = side / high * f.tile
	return f
}

// place is where element e of register i of a lane lies: row and column of C, m and k of A, k and
// n of B.
func (f *fragment) place(i, lane, e int) (r, c int) {
	g, t := lane/4, lane%4
	i %= f.regs
	tile, i := i/f.tile, i%f.tile
	if f.which == ptx.ModC {
		r, c = tile/f.across*16+g, tile%f.across*8+2*t
		if f.elems == 2 {
			r, c = r+8*i, c+e
		} else {
			r, c = r+i/2*8, c+i%2
		}
		if f.swapped {
			return c, r
		}
		return r, c
	}
	if f.tall {
		r, c = tile*16+g+i%2*8, (i/2*4+t)*f.elems+e
	} else {
		r, c = tile*8+g, (i*4+t)*f.elems+e
	}
	if f.which == ptx.ModB {
		return c, r
	}
	return r, c
}

// wmma decodes the family.
func (d *decoder) wmma() func(*Warp) {
	m, n, k := d.in.Shape()
	switch d.in.Op.ID {
	case ptx.OpWmmaLoad:
		which := d.in.Pick([]ptx.Mod{ptx.ModA, ptx.ModB, ptx.ModC})
		return d.wmmaMemory(newFragment(which, d.in.Type(0), m, n, k), 1, 0)
	case ptx.OpWmmaStore:
		return d.wmmaMemory(newFragment(ptx.ModC, d.in.Type(0), m, n, k), 0, 1)
	}
	if d.in.Type(0) == ptx.F64 {
		return d.mma64(tensor.Shape{M: m, N: n, K: k})
	}
	return d.wmmaMMA(m, n, k)
}

// lead is the elements from one row, or column, to the next where the instruction does not say.
func (d *decoder) lead(f *fragment, col bool) int {
	m, n, k := d.in.Shape()
	rows, columns := m, n
	switch f.which {
	case ptx.ModA:
		columns = k
	case ptx.ModB:
		rows = k
	}
	if col {
		return rows
	}
	return columns
}

// wmmaMemory is load (the address is operand 1) and store (operand 0). Its time is that of one
// access a lane.
func (d *decoder) wmmaMemory(f fragment, at, data int) func(*Warp) {
	in := d.in
	store := at == 0
	s, ok := spaceOf(in.Space())
	if !ok {
		return nil
	}
	regs := d.slots(&in.Args[data], !store)
	addr := d.address(&in.Args[at])
	col := in.Has(ptx.ModCol)
	stride := d.const32(uint32(d.lead(&f, col)))
	if len(in.Args) > 2 {
		stride = d.src32(2)
	}
	e := element{size: f.bits / 8}
	note := d.access(s, e.size*f.elems)
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

// wmmaMMA runs the tiles. f16 and f32 may be mixed in C and D: the sum is then that of f32, D of
// f16 rounded at the end (an assumption: PTX ISA says no more than the types).
func (d *decoder) wmmaMMA(m, n, k int) func(*Warp) {
	in := d.in
	to, from, last := in.Type(0), ptx.F16, in.Type(1)
	if len(in.Types) == 4 {
		from, last = in.Type(1), in.Type(3)
	}
	acc := to
	if last != to {
		acc = ptx.F32
	}
	unit, ok := d.tensorUnit(gpu.MMASync, tensor.Shape{M: 16, N: 8, K: k}, from, from, acc)
	if !ok {
		return nil
	}
	var rows [4][]slot
	for i := range rows {
		rows[i] = d.slots(&in.Args[i], i == 0)
	}
	x := wmmaTiles{unit: unit, d: rows[0], c: rows[3], tall: rows[1], short: rows[2],
		halfC: last == ptx.F16 && acc == ptx.F32, halfD: to == ptx.F16 && acc == ptx.F32}
	x.nTall, x.nShort = max(m/16, 1), max(n/8, 1)
	if m == 8 {
		x.tall, x.short, x.nTall, x.nShort = x.short, x.tall, n/16, 1
	}
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "wmma.mma needs all 32 lanes, %d execute it", popcount(w.mask))
			return
		}
		x.run(w)
	}
}

// wmmaTiles is a wmma as products of a tall and a short tile each.
type wmmaTiles struct {
	unit         *tensor.Unit
	d, c         []slot
	tall, short  []slot
	nTall        int
	nShort       int
	halfC, halfD bool // f16 where the unit has f32
}

func (x *wmmaTiles) run(w *Warp) {
	u := x.unit
	na, nb := u.RegsA(), u.RegsB()
	for i := range x.nTall {
		u.LoadA(w.registers(x.tall[i*na:][:na]))
		for j := range x.nShort {
			u.LoadB(w.registers(x.short[j*nb:][:nb]))
			x.tile(w, i*x.nShort+j)
		}
	}
}

func (x *wmmaTiles) tile(w *Warp, i int) {
	n := x.unit.RegsC()
	var wide [4]tensor.Reg
	scratch := []*tensor.Reg{&wide[0], &wide[1], &wide[2], &wide[3]}
	var c, d []*tensor.Reg
	if x.halfC {
		c = scratch
		for r, reg := range w.registers(x.c[i*n/2:][:n/2]) {
			for l, v := range reg {
				wide[2*r][l] = num.F32.Round(num.F16.Decode(v&0xffff), num.RNE)
				wide[2*r+1][l] = num.F32.Round(num.F16.Decode(v>>16), num.RNE)
			}
		}
	} else {
		c = w.registers(x.c[i*n:][:n])
	}
	if !x.halfD {
		x.unit.Run(w.registers(x.d[i*n:][:n]), c)
		return
	}
	d = scratch
	x.unit.Run(d, c)
	for r, reg := range w.registers(x.d[i*n/2:][:n/2]) {
		for l := range reg {
			lo := num.F16.Round(num.F32.Decode(wide[2*r][l]), num.RNE)
			reg[l] = lo | num.F16.Round(num.F32.Decode(wide[2*r+1][l]), num.RNE)<<16
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
