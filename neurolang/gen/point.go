package gen

import (
	"slices"
	"strings"

	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// point emits an elementwise operation.
func (g *gen) point(op *tir.Op) {
	out := op.Results[0]
	t := out.Type
	args := make([]*val, len(op.Args))
	lazy := true
	for i, a := range op.Args {
		args[i] = g.vals[a]
		lazy = lazy && args[i].make != nil
	}
	if t.Rank() == 0 {
		x := make([]wir.Arg, len(args))
		for i, a := range args {
			x[i] = a.r[0]
		}
		g.vals[out] = &val{t: t, r: []wir.Arg{g.compute(op, x)}}
		return
	}
	if lazy {
		g.vals[out] = &val{t: t, make: func(l *layout.Layout, r int) wir.Arg {
			x := make([]wir.Arg, len(args))
			for i, a := range args {
				x[i] = a.make(l, r)
			}
			return g.compute(op, x)
		}}
		return
	}
	if op.Kind == tir.Select && g.masked(op) {
		return
	}
	l := g.class[out].root().l
	home, keep := g.target(op, l)
	for i, a := range args {
		args[i] = g.in(a, l)
	}
	v := &val{t: t, l: l}
	put := func(i int, a wir.Arg) {
		if keep {
			g.b.Become(home.r[i], a)
			a = home.r[i]
		}
		v.r = append(v.r, a)
	}
	n, _ := count(t.Elem, l)
	switch {
	case packed(t.Elem, l) && packed(args[len(args)-1].t.Elem, l) && op.Kind != tir.Select &&
		op.Kind != tir.Cast && op.Kind != tir.Bitcast:
		g.pairs(op, args, n, put)
	case op.Kind == tir.Cast && packed(t.Elem, l):
		g.narrowPairs(args[0], t.Elem, n, put)
	default:
		g.each(op, args, l, put)
	}
	g.vals[out] = v
}

// target is the registers that an operation's result takes over, if any.
func (g *gen) target(op *tir.Op, l *layout.Layout) (*val, bool) {
	x := g.reuse[op.Results[0]]
	if x == nil {
		return nil, false
	}
	v := g.vals[x]
	if v.l == nil || !v.l.Equal(l) || len(v.r) == 0 || !g.b.IsVar(v.r[0]) ||
		g.heldElsewhere(op, x, v) {
		return nil, false
	}
	g.settleVal(v)
	if op.Kind != tir.Dot {
		g.settleRegs(v)
	}
	return v, true
}

// heldElsewhere tells whether another value that is used after an operation lies in registers of v,
// as one does that x + 0 has become.
func (g *gen) heldElsewhere(op *tir.Op, x *tir.Value, v *val) bool {
	mine := map[wir.Reg]bool{}
	for _, r := range v.r {
		mine[r.Reg] = true
	}
	later := map[*tir.Value]bool{}
	i := slices.Index(g.blk.Ops, op)
	for _, o := range g.blk.Ops[i+1:] {
		for _, a := range o.Args {
			later[a] = true
		}
		for _, b := range o.Blocks {
			b.Walk(func(n *tir.Op) {
				for _, a := range n.Args {
					later[a] = true
				}
			})
		}
	}
	for u := range later {
		w := g.vals[u]
		if u != x && w != nil && w.make == nil && slices.ContainsFunc(w.r, func(r wir.Arg) bool {
			return r.IsReg() && mine[r.Reg]
		}) {
			return true
		}
	}
	return false
}

// each computes elements one by one.
func (g *gen) each(op *tir.Op, args []*val, l *layout.Layout, put func(int, wir.Arg)) {
	e := op.Results[0].Type.Elem
	list := make([][]wir.Arg, len(args))
	for i, a := range args {
		list[i] = g.elems(a)
	}
	x := make([]wir.Arg, len(args))
	at := func(r int) wir.Arg {
		for i := range list {
			x[i] = list[i][r]
		}
		return g.compute(op, x)
	}
	for r := 0; r < l.Size(); r++ {
		a := at(r)
		if packed(e, l) {
			r++
			put(r/2, g.pack(a, at(r)))
			continue
		}
		put(r, a)
	}
}

// pairs computes on two halves at once where there are instructions for it, else in f32.
func (g *gen) pairs(op *tir.Op, args []*val, n int, put func(int, wir.Arg)) {
	e := op.Results[0].Type.Elem
	x := make([]wir.Arg, len(args))
	for i := range n {
		for j, a := range args {
			x[j] = a.r[i]
		}
		if a, ok := g.native(op.Kind, e, wir.R, x); ok {
			put(i, a)
			continue
		}
		var y [2]wir.Arg
		for h := range 2 {
			z := make([]wir.Arg, len(x))
			for j, w := range x {
				z[j] = g.widen(e, w)[h]
			}
			y[h] = g.compute32(op.Kind, z)
		}
		put(i, g.narrow(e, y[0], y[1]))
	}
}

// one and minus zero, twice, by element type: b*1 + a and a*b - 0 round once.
var ones = map[tile.Elem]int{tile.F16: 0x3c003c00, tile.BF16: 0x3f803f80}

// native is an operation that f16 or bf16 has itself, on one (class H) or two.
func (g *gen) native(k tir.Kind, e tile.Elem, c wir.Class, x []wir.Arg) (wir.Arg, bool) {
	name := e.String()
	if c == wir.R {
		name += "x2"
	}
	cut := func(n int) wir.Arg {
		if c == wir.H {
			n &= 0xffff
		}
		return g.b.Reg(c, wir.Int(int(int32(n))))
	}
	r := make([]wir.Arg, len(x))
	for i := range x {
		r[i] = g.b.Reg(c, x[i])
	}
	one := ones[e]
	switch {
	case k == tir.Fma:
		return g.b.Op(c, "fma.rn."+name, r...), true
	case k == tir.Max || k == tir.Min || k == tir.Neg || k == tir.Abs:
		return g.b.Op(c, k.String()+"."+name, r...), true
	case k != tir.Add && k != tir.Sub && k != tir.Mul:
		return wir.Arg{}, false
	case e == tile.F16:
		return g.b.Op(c, k.String()+".rn."+name, r...), true
	case k == tir.Add:
		return g.b.Op(c, "fma.rn."+name, r[1], cut(one), r[0]), true
	case k == tir.Sub:
		return g.b.Op(c, "fma.rn."+name, r[1], cut(one|-0x7fff8000), r[0]), true
	}
	return g.b.Op(c, "fma.rn."+name, r[0], r[1], cut(-0x7fff8000)), true
}

// widen gives the two halves of a register as f32.
func (g *gen) widen(e tile.Elem, w wir.Arg) [2]wir.Arg {
	if e == tile.BF16 && w.IsReg() {
		return [2]wir.Arg{g.b.Shl(w, 16), g.b.And(w, wir.Int(-0x10000))}
	}
	h := g.unpack(w)
	return [2]wir.Arg{g.up(e, h[0]), g.up(e, h[1])}
}

// up is a half as f32.
func (g *gen) up(e tile.Elem, h wir.Arg) wir.Arg {
	if h.Kind == wir.Imm {
		return number(tile.F32, value16(e, uint16(h.Off)), 0)
	}
	return g.b.Op(wir.R, "cvt.f32."+e.String(), h)
}

// down is an f32 as a half.
func (g *gen) down(e tile.Elem, x wir.Arg) wir.Arg {
	return g.b.Op(wir.H, "cvt.rn."+e.String()+".f32", g.b.Reg(wir.R, x))
}

// narrow packs two f32 as halves.
func (g *gen) narrow(e tile.Elem, lo, hi wir.Arg) wir.Arg {
	return g.b.Op(wir.R, "cvt.rn."+e.String()+"x2.f32", g.b.Reg(wir.R, hi), g.b.Reg(wir.R, lo))
}

// narrowPairs is a cast to halves.
func (g *gen) narrowPairs(x *val, e tile.Elem, n int, put func(int, wir.Arg)) {
	list := g.elems(x)
	for i := range n {
		lo, hi := list[2*i], list[2*i+1]
		switch x.t.Elem {
		case tile.F32, tile.TF32:
			put(i, g.narrow(e, lo, hi))
		case e:
			put(i, x.r[i])
		default:
			put(i, g.pack(g.cast(x.t.Elem, e, lo), g.cast(x.t.Elem, e, hi)))
		}
	}
}

// compute is one element of an elementwise operation.
func (g *gen) compute(op *tir.Op, x []wir.Arg) wir.Arg {
	out, from := op.Results[0].Type.Elem, op.Args[len(op.Args)-1].Type.Elem
	switch op.Kind {
	case tir.Cast:
		return g.cast(from, out, x[0])
	case tir.Bitcast:
		return g.bitcast(from, out, x[0])
	case tir.Select:
		return g.b.Select(regClass(out), x[0], x[1], x[2])
	}
	return g.apply(op.Kind, from, x)
}

// apply computes an operation on elements of type e.
func (g *gen) apply(k tir.Kind, e tile.Elem, x []wir.Arg) wir.Arg {
	if rel, ok := relations[k]; ok {
		return g.compare(rel, e, x)
	}
	switch {
	case half(e):
		if a, ok := g.native(k, e, wir.H, x); ok {
			return a
		}
		y := make([]wir.Arg, len(x))
		for i := range x {
			y[i] = g.up(e, x[i])
		}
		return g.down(e, g.compute32(k, y))
	case e == tile.F32:
		return g.compute32(k, x)
	case e == tile.F64:
		return g.compute64(k, x)
	case e == tile.Bool:
		return g.logic(k, x)
	}
	return g.integer(k, e, x)
}

var relations = map[tir.Kind]string{tir.Eq: "eq", tir.Ne: "ne", tir.Lt: "lt", tir.Le: "le",
	tir.Gt: "gt", tir.Ge: "ge"}

func (g *gen) compare(rel string, e tile.Elem, x []wir.Arg) wir.Arg {
	typ := "s32"
	switch {
	case e == tile.Bool:
		p := g.b.Op(wir.P, "xor.pred", g.b.Reg(wir.P, x[0]), g.b.Reg(wir.P, x[1]))
		if rel == "eq" {
			return g.b.Not(p)
		}
		return p
	case half(e):
		x = []wir.Arg{g.up(e, x[0]), g.up(e, x[1])}
		typ = "f32"
	case e == tile.F32 || e == tile.TF32:
		typ = "f32"
	case e == tile.F64:
		typ = "f64"
	case e == tile.E4M3 || e == tile.E5M2:
		x = []wir.Arg{g.cast(e, tile.F32, x[0]), g.cast(e, tile.F32, x[1])}
		typ = "f32"
	default:
		return g.b.Compare(rel, typ, x[0], x[1])
	}
	if rel == "ne" {
		rel = "neu" // NaN is unequal
	}
	return g.b.Op(wir.P, strings.Join([]string{"setp", rel, typ}, "."), x[0], x[1])
}

// logic is and, or, xor, not of predicates.
func (g *gen) logic(k tir.Kind, x []wir.Arg) wir.Arg {
	switch k {
	case tir.Not:
		return g.b.Not(x[0])
	case tir.And:
		return g.b.Both(x[0], x[1])
	}
	return g.b.Op(wir.P, k.String()+".pred", g.b.Reg(wir.P, x[0]), g.b.Reg(wir.P, x[1]))
}

var integerOps = map[tir.Kind]string{tir.Neg: "neg.s32", tir.Not: "not.b32", tir.Abs: "abs.s32",
	tir.Div: "div.s32", tir.Max: "max.s32", tir.Min: "min.s32", tir.Shl: "shl.b32",
	tir.Shr: "shr.s32", tir.ShrU: "shr.u32"}

// integer computes on 32 bits and wraps narrower types.
func (g *gen) integer(k tir.Kind, e tile.Elem, x []wir.Arg) wir.Arg {
	b := g.b
	if len(x) == 2 && (k == tir.Shl || k == tir.Shr || k == tir.ShrU) && e != tile.I32 {
		x[1] = b.And(x[1], wir.Int(255))
		if k == tir.ShrU {
			x[0] = b.And(x[0], wir.Int(255))
		}
	}
	var r wir.Arg
	switch k {
	case tir.Add:
		r = b.Add(x[0], x[1])
	case tir.Sub:
		r = b.Sub(x[0], x[1])
	case tir.Mul:
		r = b.Mul(x[0], x[1])
	case tir.And:
		r = b.And(x[0], x[1])
	case tir.Or:
		r = b.Or(x[0], x[1])
	case tir.Xor:
		r = b.Xor(x[0], x[1])
	case tir.Div, tir.Rem:
		return g.wrap(e, g.divide(k, x[0], x[1]))
	case tir.Max, tir.Min:
		return b.Op(wir.R, integerOps[k], b.Reg(wir.R, x[0]), x[1])
	default:
		y := []wir.Arg{b.Reg(wir.R, x[0])}
		r = b.Op(wir.R, integerOps[k], append(y, x[1:]...)...)
	}
	return g.wrap(e, r)
}

// divide rounds toward zero; by zero it gives -1, and the remainder the dividend.
func (g *gen) divide(k tir.Kind, x, y wir.Arg) wir.Arg {
	b := g.b
	if y.Kind == wir.Imm && y.Off > 0 {
		if x.Kind == wir.Imm {
			if k == tir.Div {
				return wir.Int(int(x.Off / y.Off))
			}
			return wir.Int(int(x.Off % y.Off))
		}
		q := b.Op(wir.R, "div.s32", x, y)
		if k == tir.Div {
			return q
		}
		return b.Sub(x, b.Mul(q, y))
	}
	x, y = b.Reg(wir.R, x), b.Reg(wir.R, y)
	zero := b.Compare("eq", "s32", y, wir.Int(0))
	if k == tir.Div {
		return b.Select(wir.R, zero, wir.Int(-1), b.Op(wir.R, "div.s32", x, y))
	}
	return b.Select(wir.R, zero, x, b.Op(wir.R, "rem.s32", x, y))
}

// wrap keeps the bits of an element type.
func (g *gen) wrap(e tile.Elem, r wir.Arg) wir.Arg {
	switch {
	case e == tile.I8 && r.Kind == wir.Imm:
		return wir.Int(int(int8(r.Off)))
	case e == tile.I8:
		return g.b.Op(wir.R, "cvt.s32.s8", r)
	case e == tile.U8 || e == tile.E4M3 || e == tile.E5M2:
		return g.b.And(r, wir.Int(255))
	}
	return r
}
