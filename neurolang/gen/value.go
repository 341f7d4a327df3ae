package gen

import (
	"math"

	"tensoros/hw/num"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// val is a value in registers. Elements of 16 bits lie two in a register, neighbours by the first
// register bit of the layout, unless there is none; bytes lie alone, extended to 32 bits; bools are
// predicates. A value may instead know how to be made in any layout (make), as constants do, or lie
// in shared memory (mem).
type val struct {
	t    tir.Type
	l    *layout.Layout // nil: a scalar
	r    []wir.Arg
	make func(l *layout.Layout, reg int) wir.Arg
	mem  *stored
	wait *pending // an instruction of a Tensor Core that has not ended
}

// stored is a tile in shared memory.
type stored struct {
	base wir.Arg // address
	s    *layout.Shared
	done func() // called once the tile has been read
}

func half(e tile.Elem) bool { return e == tile.F16 || e == tile.BF16 }

// regClass is the class of an element alone.
func regClass(e tile.Elem) wir.Class {
	switch {
	case e == tile.F64:
		return wir.D
	case half(e):
		return wir.H
	case e == tile.Bool:
		return wir.P
	}
	return wir.R
}

// packed tells whether a tile's elements lie two in a register.
func packed(e tile.Elem, l *layout.Layout) bool { return half(e) && l != nil && len(l.Reg) > 0 }

// count is how many registers a tile takes, and their class.
func count(e tile.Elem, l *layout.Layout) (int, wir.Class) {
	switch {
	case l == nil:
		return 1, regClass(e)
	case packed(e, l):
		return l.Size() / 2, wir.R
	}
	return l.Size(), regClass(e)
}

// floatBits are the bits of a number in an element type.
func floatBits(e tile.Elem, x float64) uint64 {
	switch e {
	case tile.F64:
		return math.Float64bits(x)
	case tile.F16:
		return uint64(num.F32ToF16(float32(x)))
	case tile.BF16:
		return uint64(num.F32ToBF16(float32(x)))
	case tile.TF32:
		return uint64(num.F32ToTF32(float32(x)))
	case tile.E4M3:
		return uint64(num.F32ToE4M3(float32(x)))
	case tile.E5M2:
		return uint64(num.F32ToE5M2(float32(x)))
	}
	return uint64(math.Float32bits(float32(x)))
}

// number is a constant of an element type.
func number(e tile.Elem, f float64, n int64) wir.Arg {
	switch e {
	case tile.F64:
		return wir.Arg{Kind: wir.F64, Off: int64(floatBits(e, f))}
	case tile.F32, tile.TF32:
		return wir.Arg{Kind: wir.F32, Off: int64(floatBits(e, f))}
	case tile.F16, tile.BF16, tile.E4M3, tile.E5M2:
		return wir.Int(int(floatBits(e, f)))
	case tile.Bool:
		return wir.Int(int(min(max(n, -n), 1)))
	case tile.I8:
		return wir.Int(int(int8(n)))
	case tile.U8:
		return wir.Int(int(uint8(n)))
	}
	return wir.Int(int(int32(n)))
}

// elems are a value's elements, one for each register of its layout.
func (g *gen) elems(v *val) []wir.Arg {
	if !packed(v.t.Elem, v.l) {
		return v.r
	}
	out := make([]wir.Arg, 0, 2*len(v.r))
	for _, r := range v.r {
		h := g.unpack(r)
		out = append(out, h[0], h[1])
	}
	return out
}

// unpack gives the halves of a register.
func (g *gen) unpack(r wir.Arg) [2]wir.Arg {
	if r.Kind == wir.Imm {
		return [2]wir.Arg{wir.Int(int(uint16(r.Off))), wir.Int(int(uint16(r.Off >> 16)))}
	}
	h := g.b.Ops(wir.H, 2, "mov.b32", r)
	return [2]wir.Arg{h[0], h[1]}
}

// pack puts two halves into a register; if they came out of one, it is that.
func (g *gen) pack(lo, hi wir.Arg) wir.Arg {
	if lo.Kind == wir.Imm && hi.Kind == wir.Imm {
		return wir.Int(int(int32(uint32(uint16(lo.Off)) | uint32(hi.Off)<<16)))
	}
	if r, ok := g.b.Whole(lo, hi); ok {
		return r
	}
	return g.b.Op(wir.R, "mov.b32", wir.List(g.b.Reg(wir.H, lo), g.b.Reg(wir.H, hi)))
}

// join makes a value of elements, one for each register of the layout.
func (g *gen) join(t tir.Type, l *layout.Layout, e []wir.Arg) *val {
	g.room(t, l)
	v := &val{t: t, l: l, r: e}
	if packed(t.Elem, l) {
		v.r = make([]wir.Arg, len(e)/2)
		for i := range v.r {
			v.r[i] = g.pack(e[2*i], e[2*i+1])
		}
	}
	return v
}

// mostRegisters is what a thread can have.
const mostRegisters = 255

// room checks that a tile fits the registers of the threads that hold it.
func (g *gen) room(t tir.Type, l *layout.Layout) {
	n, c := count(t.Elem, l)
	if c == wir.D {
		n *= 2
	}
	if n > mostRegisters {
		panic(fail(diag.Registers, g.loc, "use a smaller tile, or split the work along another axis",
			"a tile of %s takes %d registers of each of %d threads, which have %d", t, n,
			32<<g.warps, mostRegisters))
	}
}

// splat is a scalar everywhere.
func splat(t tir.Type, a wir.Arg) *val {
	return &val{t: t, make: func(*layout.Layout, int) wir.Arg { return a }}
}

// in gives a value in a layout, converting it if it has another.
func (g *gen) in(v *val, l *layout.Layout) *val {
	g.settleVal(v)
	switch {
	case l == nil:
		return v
	case v.make != nil:
		e := make([]wir.Arg, l.Size())
		for r := range e {
			e[r] = v.make(l, r)
		}
		return g.join(v.t, l, e)
	case v.mem != nil:
		out := g.fetch(v.t, l, v.mem.base, v.mem.s)
		if v.mem.done != nil {
			v.mem.done()
		}
		return out
	}
	return g.convert(v, l)
}

// convert brings a value from one layout to another.
func (g *gen) convert(v *val, l *layout.Layout) *val {
	switch layout.Convert(v.l, l) {
	case layout.Same:
		return v
	case layout.Rename:
		from := g.elems(v)
		e := make([]wir.Arg, l.Size())
		for r := range e {
			e[r] = from[v.l.Find(l.Register(r))]
		}
		return g.join(v.t, l, e)
	case layout.Shuffle:
		x, _ := layout.Lanes(v.l, l)
		return g.exchange(v, l, x)
	}
	return g.throughMemory(v, l)
}

// exchange brings elements from other lanes.
func (g *gen) exchange(v *val, l *layout.Layout, x *layout.Exchange) *val {
	from := g.elems(v)
	lane := g.linear(x.Lane[:], g.lane)
	e := make([]wir.Arg, l.Size())
	for r := range e {
		e[r] = g.shuffle(v.t.Elem, "idx", from[x.Regs[r]], g.b.Xor(lane, wir.Int(x.Flip[r])))
	}
	return g.join(v.t, l, e)
}

// linear combines constants by the bits of a register.
func (g *gen) linear(v []int, of wir.Arg) wir.Arg {
	terms := make([]uint32, len(v))
	for i, x := range v {
		terms[i] = uint32(x)
	}
	return g.spread(terms, of)
}

// spread maps the bits of a register to vectors: bits that move alike go together.
func (g *gen) spread(v []uint32, of wir.Arg) wir.Arg {
	out := wir.Int(0)
	masks := map[int]uint32{} // by the distance that bits move to the left
	var order []int
	for i, x := range v {
		for b := range 32 {
			if x>>b&1 == 0 {
				continue
			}
			if masks[b-i] == 0 {
				order = append(order, b-i)
			}
			masks[b-i] |= 1 << i
		}
	}
	for _, d := range order {
		m := masks[d]
		t := of
		if m != uint32(1)<<len(v)-1 {
			t = g.b.And(of, wir.Int(int(m)))
		}
		if d >= 0 {
			t = g.b.Shl(t, d)
		} else {
			t = g.b.Shr(t, -d)
		}
		out = g.b.Xor(out, t)
	}
	return out
}

// shuffle moves an element between lanes.
func (g *gen) shuffle(e tile.Elem, kind string, x, lane wir.Arg) wir.Arg {
	op := "shfl.sync." + kind + ".b32"
	word := func(r wir.Arg) wir.Arg {
		return g.b.Get(wir.R, op, g.b.Reg(wir.R, r), lane, wir.Int(31), wir.Int(-1))
	}
	switch regClass(e) {
	case wir.P:
		r := word(g.b.Select(wir.R, x, wir.Int(1), wir.Int(0)))
		return g.b.Op(wir.P, "setp.ne.s32", r, wir.Int(0))
	case wir.H:
		r := word(g.b.Op(wir.R, "cvt.u32.u16", g.b.Reg(wir.H, x)))
		return g.b.Op(wir.H, "cvt.u16.u32", r)
	case wir.D:
		w := g.b.Ops(wir.R, 2, "mov.b64", g.b.Reg(wir.D, x))
		return g.b.Op(wir.D, "mov.b64", wir.List(word(w[0]), word(w[1])))
	}
	return word(x)
}

// threadPlace is the part of a place that this thread's lane and warp give.
func (g *gen) threadPlace(l *layout.Layout) wir.Arg {
	return g.b.Xor(g.spread(l.Lane, g.lane), g.spread(l.Warp, g.warp))
}

// coordinate is the thread's part of a coordinate.
func (g *gen) coordinate(l *layout.Layout, d int) wir.Arg {
	shift, mask := layout.Shift(l.Dims, d), layout.Mask(l.Dims, d)
	part := func(list []uint32) []uint32 {
		out := make([]uint32, len(list))
		for i, v := range list {
			out[i] = v & mask >> shift
		}
		return out
	}
	return g.b.Xor(g.spread(part(l.Lane), g.lane), g.spread(part(l.Warp), g.warp))
}

// regCoordinate is the register's part.
func regCoordinate(l *layout.Layout, d, r int) int {
	return int(l.Register(r) & layout.Mask(l.Dims, d) >> layout.Shift(l.Dims, d))
}

// place is a coordinate of a register's element.
func (g *gen) place(l *layout.Layout, d, r int) wir.Arg {
	at, c := g.coordinate(l, d), regCoordinate(l, d, r)
	if l.Disjoint() {
		return g.b.Add(at, wir.Int(c))
	}
	return g.b.Xor(at, wir.Int(c))
}

// inside is the predicate that a register's element is no padding along a dimension of n.
func (g *gen) inside(l *layout.Layout, d, r, n int) wir.Arg {
	if n == 1<<l.Dims[d] {
		return wir.True
	}
	return g.b.Compare("lt", "s32", g.place(l, d, r), wir.Int(n))
}
