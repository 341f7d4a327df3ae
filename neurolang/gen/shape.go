package gen

import (
	"slices"

	"tensoros/neurolang/layout"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// rearrange makes a value whose register r is a register of x in layout from.
func (g *gen) rearrange(out *tir.Value, x *val, l *layout.Layout, pick func(r int) int) {
	from := g.elems(x)
	e := make([]wir.Arg, l.Size())
	for r := range e {
		e[r] = from[pick(r)]
	}
	g.vals[out] = g.join(out.Type, l, e)
}

func (g *gen) layoutOf(v *tir.Value) *layout.Layout { return g.class[v].root().l }

// project drops from a place the dimensions that a broadcast has stretched.
func project(l *layout.Layout, a, r []int, place uint32) uint32 {
	skip := len(r) - len(a)
	var at uint32
	shift := 0
	for d := len(r) - 1; d >= skip; d-- {
		if a[d-skip] != 1 {
			at |= place & layout.Mask(l.Dims, d) >> layout.Shift(l.Dims, d) << shift
			shift += l.Dims[d]
		}
	}
	return at
}

func (g *gen) broadcast(op *tir.Op) {
	x, out := g.vals[op.Args[0]], op.Results[0]
	if out.Type.Rank() == 0 {
		g.vals[out] = x
		return
	}
	if x.t.Rank() == 0 {
		a := x.r[0]
		if g.b.IsVar(a) {
			a = g.b.Get(g.b.Class(a), moveNames[g.b.Class(a)], a)
		}
		g.vals[out] = splat(out.Type, a)
		return
	}
	a, r := x.t.Dims, out.Type.Dims
	if x.make != nil {
		inner := x.make
		g.vals[out] = &val{t: out.Type, make: func(l *layout.Layout, reg int) wir.Arg {
			n := narrow(l, a, r)
			return inner(n, n.Find(project(l, a, r, l.Register(reg))))
		}}
		return
	}
	l := g.layoutOf(out)
	x = g.in(x, narrow(l, a, r))
	g.rearrange(out, x, l, func(reg int) int {
		return x.l.Find(project(l, a, r, l.Register(reg)))
	})
}

// reshape only renames places if nothing is padded; else elements go through shared memory, where
// they lie without padding.
func (g *gen) reshape(op *tir.Op) {
	x, out := g.vals[op.Args[0]], op.Results[0]
	if x.t.Rank() == 0 || out.Type.Rank() == 0 {
		g.reshapeOne(x, out)
		return
	}
	l := g.layoutOf(out)
	if inner := x.make; inner != nil && keepsPlaces(op) {
		dims := layout.Logs(x.t.Dims)
		g.vals[out] = &val{t: out.Type, make: func(l *layout.Layout, r int) wir.Arg {
			return inner(l.Reshape(dims), r)
		}}
		return
	}
	if keepsPlaces(op) {
		from := l.Reshape(layout.Logs(x.t.Dims))
		if x.make == nil && x.mem == nil {
			from = x.l
		}
		x = g.in(x, from)
		g.vals[out] = &val{t: out.Type, l: from.Reshape(layout.Logs(out.Type.Dims)), r: x.r}
		return
	}
	v := g.in(x, g.layoutOf(op.Args[0]))
	g.repack(out, []*val{v}, v.t.Len(), func(_ int, at []wir.Arg) wir.Arg {
		return g.rowMajorPlace(at, x.t.Dims)
	}, func(at []wir.Arg) wir.Arg { return g.rowMajorPlace(at, out.Type.Dims) })
}

// reshapeOne turns a tile of one element into a scalar or back.
func (g *gen) reshapeOne(x *val, out *tir.Value) {
	if x.t.Rank() == 0 {
		a := x.r[0]
		if g.b.IsVar(a) {
			a = g.b.Get(g.b.Class(a), moveNames[g.b.Class(a)], a)
		}
		g.vals[out] = splat(out.Type, a)
		if out.Type.Rank() == 0 {
			g.vals[out] = x
		}
		return
	}
	one := &layout.Layout{Dims: make([]int, x.t.Rank()), Lane: make([]uint32, 5),
		Warp: make([]uint32, g.warps)}
	g.vals[out] = &val{t: out.Type, r: g.elems(g.in(x, one))[:1]}
}

// rowMajorPlace is a place in a tile without padding.
func (g *gen) rowMajorPlace(at []wir.Arg, dims []int) wir.Arg {
	p := wir.Int(0)
	for d, n := range dims {
		p = g.b.Add(g.b.Mul(p, wir.Int(n)), at[d])
	}
	return p
}

// repack writes tiles to shared memory, element by element, and reads the result from there. to
// says where an element of part i goes, from where one of the result is.
func (g *gen) repack(out *tir.Value, parts []*val, total int,
	to func(part int, at []wir.Arg) wir.Arg, from func(at []wir.Arg) wir.Arg) {
	e := out.Type.Elem
	size := e.Size()
	base := g.borrow(total * size)
	name, _, c := form(size, size == 8)
	place := func(l *layout.Layout, r int, dims []int) (at []wir.Arg, ok wir.Arg) {
		ok = wir.True
		for d, n := range dims {
			at = append(at, g.place(l, d, r))
			ok = g.b.Both(ok, g.inside(l, d, r, n))
		}
		return at, ok
	}
	for i, x := range parts {
		g.meetsRows(x.l, x.t.Dims, layout.Log2(size))
		list := g.elems(x)
		first := g.once(x.l)
		for r := range list {
			if copies(x.l, r) {
				continue
			}
			at, ok := place(x.l, r, x.t.Dims)
			ok = g.b.Both(ok, first)
			addr := g.b.Add(base, g.b.Mul(to(i, at), wir.Int(size)))
			g.b.When(ok, false, "st.shared."+name, g.near(addr, 0),
				g.encode(e, list[r:r+1])[0])
		}
	}
	g.sync()
	l := g.layoutOf(out)
	g.meetsRows(l, out.Type.Dims, layout.Log2(size))
	list := make([]wir.Arg, l.Size())
	for r := range list {
		at, ok := place(l, r, out.Type.Dims)
		addr := g.b.Mul(from(at), wir.Int(size))
		addr = g.b.Add(base, g.b.Select(wir.R, ok, addr, wir.Int(0)))
		w := g.b.Get(c, "ld.shared."+name, g.near(addr, 0))
		list[r] = g.decode(e, []wir.Arg{w}, 1)[0]
	}
	g.dirty = true
	g.vals[out] = g.join(out.Type, l, list)
}

func (g *gen) transpose(op *tir.Op) {
	x, out := g.vals[op.Args[0]], op.Results[0]
	back := layout.Inverse(op.Perm)
	switch {
	case x.t.Rank() == 0:
		g.vals[out] = x
	case x.make != nil:
		inner := x.make
		g.vals[out] = &val{t: out.Type, make: func(l *layout.Layout, r int) wir.Arg {
			return inner(l.Transpose(back), r)
		}}
	case x.mem != nil:
		m := *x.mem
		m.s = m.s.Transpose(op.Perm)
		g.vals[out] = &val{t: out.Type, mem: &m}
	default:
		g.settleVal(x)
		g.vals[out] = &val{t: out.Type, l: x.l.Transpose(op.Perm), r: x.r}
	}
}

// xorShuffle exchanges elements whose places differ in the bits of a mask: other registers, other
// lanes, or by shared memory other warps.
func (g *gen) xorShuffle(op *tir.Op) {
	out := op.Results[0]
	l := g.layoutOf(out)
	x := g.in(g.vals[op.Args[0]], l)
	flip := uint32(op.Mask) << layout.Shift(l.Dims, op.Axis)
	g.vals[out] = g.flip(x, flip)
}

// flip is the tile whose element at a place is x's at place ^ by.
func (g *gen) flip(x *val, by uint32) *val {
	l := x.l
	all := &layout.Layout{Reg: append(append(slices.Clone(l.Reg), l.Lane...), l.Warp...)}
	f := all.Find(by)
	n := len(l.Reg)
	reg, lane, warp := f&(1<<n-1), f>>n&31, f>>(n+5)
	from := g.elems(x)
	if warp != 0 {
		s := layout.Linear(l.Dims, layout.Log2(x.t.Elem.Size()), 128)
		base := g.borrow(s.Bytes())
		g.put(x, base, s, nil)
		g.sync()
		v := g.fetchFlipped(x.t, l, base, s, s.Offset(by))
		g.dirty = true
		return v
	}
	e := make([]wir.Arg, len(from))
	for r := range e {
		e[r] = from[r^reg]
		if lane != 0 {
			e[r] = g.shuffle(x.t.Elem, "bfly", e[r], wir.Int(lane))
		}
	}
	return g.join(x.t, l, e)
}

// fetchFlipped reads a tile whose places are exclusive-ored.
func (g *gen) fetchFlipped(t tir.Type, l *layout.Layout, base wir.Arg, s *layout.Shared,
	off uint32) *val {
	th := g.threads(base, s.Offsets(l.Lane), s.Offsets(l.Warp))
	th.bits = ^uint32(0)
	name, _, c := form(t.Elem.Size(), t.Elem.Size() == 8)
	g.meets(s.Offsets(l.Lane), s.Size)
	e := make([]wir.Arg, l.Size())
	for r := range e {
		w := g.b.Get(c, "ld.shared."+name, th.memory(g, s.Offset(l.Register(r))^off))
		e[r] = g.decode(t.Elem, []wir.Arg{w}, 1)[0]
	}
	return g.join(t, l, e)
}

func (g *gen) joinOp(op *tir.Op) {
	out := op.Results[0]
	var parts []*val
	for _, a := range op.Args {
		parts = append(parts, g.in(g.vals[a], g.layoutOf(a)))
	}
	n := op.Args[0].Type.Dims[op.Axis]
	g.repack(out, parts, out.Type.Len(), func(i int, at []wir.Arg) wir.Arg {
		if i == 1 {
			at[op.Axis] = g.b.Add(at[op.Axis], wir.Int(n))
		}
		return g.rowMajorPlace(at, out.Type.Dims)
	}, func(at []wir.Arg) wir.Arg { return g.rowMajorPlace(at, out.Type.Dims) })
}

func (g *gen) slice(op *tir.Op) {
	out := op.Results[0]
	x := g.in(g.vals[op.Args[0]], g.layoutOf(op.Args[0]))
	dims := x.t.Dims
	g.repack(out, []*val{x}, x.t.Len(), func(_ int, at []wir.Arg) wir.Arg {
		return g.rowMajorPlace(at, dims)
	}, func(at []wir.Arg) wir.Arg {
		at[op.Axis] = g.b.Add(at[op.Axis], wir.Int(int(op.Int)))
		return g.rowMajorPlace(at, dims)
	})
}

// bits is the first word of philox4x32-10 (Salmon et al., SC 2011).
func (g *gen) bits(op *tir.Op) {
	out := op.Results[0]
	seed := g.vals[op.Args[0]].r[0]
	counter := g.vals[op.Args[1]]
	if counter.t.Rank() == 0 {
		g.vals[out] = &val{t: out.Type, r: []wir.Arg{g.philox(seed, counter.r[0])}}
		return
	}
	l := g.layoutOf(out)
	x := g.in(counter, l)
	v := &val{t: out.Type, l: l}
	for _, c := range x.r {
		v.r = append(v.r, g.philox(seed, c))
	}
	g.vals[out] = v
}

func (g *gen) philox(seed, counter wir.Arg) wir.Arg {
	const (
		m0, m1 = 0xd2511f53, 0xcd9e8d57
		w0, w1 = 0x9e3779b9, 0xbb67ae85
	)
	b := g.b
	word := func(n uint32) wir.Arg { return wir.Int(int(int32(n))) }
	c := [4]wir.Arg{counter, wir.Int(0), wir.Int(0), wir.Int(0)}
	var k1 uint32
	for i := range uint32(10) {
		high := func(x wir.Arg, m uint32) wir.Arg {
			if x.Kind == wir.Imm {
				return word(uint32(uint64(uint32(x.Off)) * uint64(m) >> 32))
			}
			return b.Op(wir.R, "mul.hi.u32", x, word(m))
		}
		h0, l0 := high(c[0], m0), b.Mul(c[0], word(m0))
		h1, l1 := high(c[2], m1), b.Mul(c[2], word(m1))
		k0 := b.Add(seed, word(i*w0))
		c = [4]wir.Arg{b.Xor(b.Xor(h1, c[1]), k0), l1, b.Xor(b.Xor(h0, c[3]), word(k1)), l0}
		k1 += w1
	}
	return c[0]
}
