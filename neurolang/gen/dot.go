package gen

import (
	"strings"

	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// dot emits c + a*b.
func (g *gen) dot(op *tir.Op) {
	switch g.method(op) {
	case byWGMMA:
		g.wgmma(op)
	case byMMA:
		g.mma(op)
	default:
		g.fmas(op)
	}
}

// sums are the registers that a dot adds to: those of c if it may take them over, else copies.
func (g *gen) sums(op *tir.Op, l *layout.Layout) *val {
	if home, ok := g.target(op, l); ok {
		return home
	}
	out := g.hold(op.Results[0])
	out.l = l
	for i, a := range g.in(g.vals[op.Args[2]], l).r {
		g.b.Set(out.r[i], a)
	}
	return out
}

// mmaNames are shapes and types of mma.sync by operand.
var mmaNames = map[tile.Elem]string{tile.F16: "m16n8k16.row.col.f32.f16.f16.f32",
	tile.BF16: "m16n8k16.row.col.f32.bf16.bf16.f32",
	tile.TF32: "m16n8k8.row.col.f32.tf32.tf32.f32",
	tile.E4M3: "m16n8k32.row.col.f32.e4m3.e4m3.f32",
	tile.E5M2: "m16n8k32.row.col.f32.e5m2.e5m2.f32",
	tile.I8:   "m16n8k32.row.col.s32.s8.s8.s32", tile.U8: "m16n8k32.row.col.s32.u8.u8.s32"}

// mma emits mma.sync for all pieces, k outermost, so that sums grow in the order of k. Bytes of
// floats become f16 where there is no instruction for them, which is exact.
func (g *gen) mma(op *tir.Op) {
	a, b := g.vals[op.Args[0]], g.vals[op.Args[1]]
	e := a.t.Elem
	if (e == tile.E4M3 || e == tile.E5M2) && (!g.t.fp8 || g.t.hopper || a.t.Dims[1] < 32) {
		a, b = g.halved(op.Args[0]), g.halved(op.Args[1])
		e = tile.F16
	}
	size := layout.Log2(e.Size())
	dims := layout.Logs(op.Results[0].Type.Dims)
	k := layout.Log2(a.t.Dims[1])
	la := layout.Left([]int{dims[0], k}, size, g.warpsM, g.warps-g.warpsM)
	lb := layout.Right([]int{k, dims[1]}, size, g.warpsM, g.warps-g.warpsM)
	lc := g.sum(op.Results[0].Type.Dims)
	c := g.sums(op, lc)
	a, b = g.throughShared(a, la, b, lb)
	fa := g.fragments(a, la, 1, kStep(e), func(k int) uint32 { return uint32(k) })
	fb := g.fragments(b, lb, 0, kStep(e), func(k int) uint32 { return uint32(k) << dims[1] })
	name := "mma.sync.aligned." + mmaNames[e]
	per := 1 << (2 - size)
	kSteps := max(1, 1<<k/kStep(e))
	for s := range kSteps {
		wa, wb := fa(s), fb(s)
		for i := 0; i < lc.Size(); i += 4 {
			row, col := mmaAt(lc, i)
			ra := la.Find(uint32(row<<k|s*kStep(e))) / per
			rb := lb.Find(uint32(s*kStep(e)<<dims[1]|col)) / per
			d := wir.List(c.r[i : i+4]...)
			n := g.b.Do(name, wir.List(wa[ra:ra+4]...), wir.List(wb[rb:rb+2]...), d)
			n.Dst = []wir.Arg{d}
			for _, v := range c.r[i : i+4] {
				g.b.Touch(v)
			}
		}
	}
	g.vals[op.Results[0]] = &val{t: op.Results[0].Type, l: lc, r: c.r}
}

// mmaAt is the row and column of the piece that begins with register r of a sum.
func mmaAt(l *layout.Layout, r int) (row, col int) {
	at := l.Register(r)
	return int(at >> l.Dims[1]), int(at & (1<<l.Dims[1] - 1))
}

// halved is a value of bytes as f16.
func (g *gen) halved(v *tir.Value) *val {
	x := g.vals[v]
	t := tir.Type{Dims: x.t.Dims, Elem: tile.F16}
	if x.make != nil {
		inner := x.make
		return &val{t: t, make: func(l *layout.Layout, r int) wir.Arg {
			return g.cast(x.t.Elem, tile.F16, inner(l, r))
		}}
	}
	l := x.l
	if l == nil {
		l = g.layoutOf(v)
	}
	x = g.in(x, l)
	e := make([]wir.Arg, 0, l.Size())
	for _, a := range g.elems(x) {
		e = append(e, g.cast(x.t.Elem, tile.F16, a))
	}
	return g.join(t, l, e)
}

// throughShared leaves sides that other threads hold in shared memory, zero where they are padded
// along k, so that a step's share of them can be read at a time.
func (g *gen) throughShared(a *val, la *layout.Layout, b *val, lb *layout.Layout) (x, y *val) {
	sides := []*val{a, b}
	at := 0
	var places []int
	var orders []*layout.Shared
	for i, l := range []*layout.Layout{la, lb} {
		v := sides[i]
		g.settleVal(v)
		orders, places = append(orders, nil), append(places, at)
		if v.l == nil || layout.Convert(v.l, l) != layout.Memory {
			continue
		}
		orders[i] = g.exchangeOrder(v.l, l, layout.Log2(v.t.Elem.Size()), 0)
		at += orders[i].Bytes()
	}
	if at == 0 {
		return a, b
	}
	base := g.borrow(at)
	for i, s := range orders {
		if s == nil {
			continue
		}
		v := sides[i]
		axis := 1 - i // k
		t := v.t.Keep(axis, 1<<v.l.Dims[axis])
		full := g.join(t, v.l, g.padded(v, axis, number(v.t.Elem, 0, 0)))
		to := g.b.Add(base, wir.Int(places[i]))
		g.put(full, to, s, nil)
		sides[i] = &val{t: t, mem: &stored{base: to, s: s}}
	}
	g.sync()
	g.dirty = true
	return sides[0], sides[1]
}

// fragments gives the words of a side for each step of k: from shared memory step by step, so that
// few are live; else all at once. at is the place of an index of k.
func (g *gen) fragments(v *val, l *layout.Layout, k, step int, at func(int) uint32) (
	words func(s int) []wir.Arg) {
	if v.mem == nil || v.t.Dims[k]&(v.t.Dims[k]-1) != 0 {
		all := g.operand(v, l, k)
		return func(int) []wir.Arg { return all }
	}
	per := 4 / v.t.Elem.Size()
	mask := layout.Mask(l.Dims, k) &^ (at(step) - at(1))
	e := make([]wir.Arg, l.Size())
	return func(s int) []wir.Arg {
		part := at(s*step) & mask
		keep := func(r int) bool { return l.Register(r)&mask == part }
		g.fetchSome(v.t.Elem, l, v.mem.base, v.mem.s, e, keep)
		out := make([]wir.Arg, len(e)/per)
		for i := range out {
			if keep(i * per) {
				out[i] = g.encode(v.t.Elem, e[i*per:i*per+per])[0]
			}
		}
		return out
	}
}

// operand is a side of a dot as words in a layout, zero where the tile is padded along k.
func (g *gen) operand(v *val, l *layout.Layout, k int) []wir.Arg {
	v = g.in(v, l)
	e := g.padded(v, k, number(v.t.Elem, 0, 0))
	var out []wir.Arg
	per := 4 / v.t.Elem.Size()
	for i := 0; i < len(e); i += per {
		out = append(out, g.encode(v.t.Elem, e[i:i+per])...)
	}
	return out
}

// fmas emits a dot as multiply-adds in increasing k: both sides lie in shared memory, and a loop
// takes a row of b and a column of a at a time.
func (g *gen) fmas(op *tir.Op) {
	out := op.Results[0]
	e, acc := op.Args[0].Type.Elem, out.Type.Elem
	a := g.in(g.vals[op.Args[0]], g.layoutFor(op.Args[0]))
	b := g.in(g.vals[op.Args[1]], g.layoutFor(op.Args[1]))
	lc := g.layoutOf(out)
	size := layout.Log2(e.Size())
	sa, sb := layout.Linear(a.l.Dims, size, 0), layout.Linear(b.l.Dims, size, 0)
	base := g.borrow(sa.Bytes() + sb.Bytes())
	to := g.b.Add(base, wir.Int(sa.Bytes()))
	c := g.sums(op, lc)
	g.put(a, base, sa, nil)
	g.put(b, to, sb, nil)
	g.sync()
	kk := a.t.Dims[1]
	kBits, nBits := a.l.Dims[1], b.l.Dims[1]
	name, _, cl := form(e.Size(), e.Size() == 8)
	rowAt := g.b.Add(base, g.b.Shl(g.coordinate(lc, 0), kBits+size))
	colAt := g.b.Add(to, g.b.Shl(g.coordinate(lc, 1), size))
	g.meetsAt(lc, 0, kBits+size, size)
	g.meetsAt(lc, 1, size, size)
	i := g.b.Var(wir.R)
	g.b.Set(i, wir.Int(0))
	g.b.Loop(func() (wir.Arg, bool) {
		ra := g.b.Add(rowAt, g.b.Shl(i, size))
		rb := g.b.Add(colAt, g.b.Shl(i, nBits+size))
		read := func(at wir.Arg, off int) wir.Arg {
			w := g.b.Op(cl, "ld.shared."+name, g.near(at, off))
			return g.cast(e, acc, g.decode(e, []wir.Arg{w}, 1)[0])
		}
		for r := range lc.Size() {
			x := read(ra, regCoordinate(lc, 0, r)<<(kBits+size))
			y := read(rb, regCoordinate(lc, 1, r)<<size)
			g.b.Become(c.r[r], g.fused(acc, x, y, c.r[r]))
		}
		g.b.Set(i, g.b.Add(i, wir.Int(1)))
		return g.b.Compare("lt", "s32", i, wir.Int(kk)), false
	})
	g.dirty = true
	g.vals[out] = &val{t: out.Type, l: lc, r: c.r}
}

// fused is x*y + z rounded once; integers wrap.
func (g *gen) fused(e tile.Elem, x, y, z wir.Arg) wir.Arg {
	if tir.IsInt(e) {
		return g.b.Op(wir.R, "mad.lo.s32", x, y, z)
	}
	return g.b.Op(regClass(e), strings.Join([]string{"fma.rn", e.String()}, "."), x, y, z)
}

// layoutFor is the layout that a value has, or should have.
func (g *gen) layoutFor(v *tir.Value) *layout.Layout {
	if x := g.vals[v]; x.l != nil {
		return x.l
	}
	return g.layoutOf(v)
}
