package gen

import (
	"math"
	"slices"

	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// fold is a reduction under way: several values go along, as value and index of ArgReduce do.
type folding struct {
	g    *gen
	l    *layout.Layout
	axis int
	elem []tile.Elem
	// join combines a pair of elements, lower places first.
	join func(x, y []wir.Arg) []wir.Arg
}

// along tells whether a vector moves along the axis.
func (f *folding) along(v uint32) bool { return v&layout.Mask(f.l.Dims, f.axis) != 0 }

// run combines x[i] for all registers of the layout along the axis; the result has those of the
// sliced layout.
func (f *folding) run(x [][]wir.Arg) [][]wir.Arg {
	to := f.l.Slice(f.axis)
	var inner []int // register bits along the axis
	for i, v := range f.l.Reg {
		if f.along(v) {
			inner = append(inner, i)
		}
	}
	out := make([][]wir.Arg, to.Size())
	for r := range out {
		// to's registers are those of l without the axis' bits, in order.
		at, k := 0, 0
		for i, v := range f.l.Reg {
			if w := v &^ layout.Mask(f.l.Dims, f.axis); w != 0 {
				at |= r >> k & 1 << i
				k++
			}
		}
		list := make([][]wir.Arg, 1<<len(inner))
		for n := range list {
			reg := at
			for k, i := range inner {
				reg |= n >> k & 1 << i
			}
			list[n] = x[reg]
		}
		out[r] = f.tree(list)
	}
	f.lanes(out)
	f.warps(out, to)
	return out
}

// tree combines by halves.
func (f *folding) tree(list [][]wir.Arg) []wir.Arg {
	for len(list) > 1 {
		half := len(list) / 2
		next := make([][]wir.Arg, half)
		for i := range next {
			next[i] = f.join(list[i], list[i+half])
		}
		list = next
	}
	return list[0]
}

// lanes exchanges by butterflies, from the lowest lane bit.
func (f *folding) lanes(out [][]wir.Arg) {
	for i, v := range f.l.Lane {
		if !f.along(v) {
			continue
		}
		for r, x := range out {
			y := make([]wir.Arg, len(x))
			for k := range x {
				y[k] = f.g.shuffle(f.elem[k], "bfly", x[k], wir.Int(1<<i))
			}
			out[r] = f.join(x, y)
		}
	}
}

// warps leaves each warp's part in shared memory and combines all of them in the order of warps.
func (f *folding) warps(out [][]wir.Arg, to *layout.Layout) {
	g := f.g
	var mine []int
	for i, v := range f.l.Warp {
		if f.along(v) {
			mine = append(mine, i)
		}
	}
	if len(mine) == 0 {
		return
	}
	// The warp's part, and the place among those that meet.
	index, rest := make([]int, len(f.l.Warp)), make([]uint32, len(f.l.Warp))
	for k, i := range mine {
		index[i] = 1 << k
	}
	held := slices.Clone(to.Warp)
	for i := range rest {
		if slices.Contains(mine, i) {
			held[i] = 1 // all of these write
		} else {
			rest[i] = to.Warp[i]
		}
	}
	lead := g.once(&layout.Layout{Lane: to.Lane, Warp: held})
	n := 1
	for _, d := range to.Dims {
		n <<= d
	}
	part := g.b.Xor(g.spread(to.Lane, g.lane), g.spread(rest, g.warp))
	first := g.borrow(n * 8 << len(mine) * len(f.elem))
	for k, e := range f.elem {
		size := e.Size()
		name, _, _ := form(size, size == 8)
		base := g.b.Add(first, wir.Int(k*n*8<<len(mine)))
		own := g.b.Add(base, g.b.Mul(g.linear(index, g.warp), wir.Int(n*size)))
		at := func(from wir.Arg, r int) wir.Arg {
			return g.near(g.b.Add(from, g.b.Mul(part, wir.Int(size))),
				int(to.Register(r))*size)
		}
		g.meets(shifted(to.Lane, layout.Log2(size)), layout.Log2(size))
		for r := range out {
			g.b.When(lead, false, "st.shared."+name, at(own, r),
				g.encode(e, out[r][k:k+1])[0])
		}
		if k == len(f.elem)-1 {
			g.sync()
		}
	}
	for r := range out {
		list := make([][]wir.Arg, 1<<len(mine))
		for i := range list {
			list[i] = make([]wir.Arg, len(f.elem))
			for k, e := range f.elem {
				size := e.Size()
				name, _, c := form(size, size == 8)
				base := g.b.Add(first, wir.Int(k*n*8<<len(mine)+i*n*size))
				at := g.near(g.b.Add(base, g.b.Mul(part, wir.Int(size))),
					int(to.Register(r))*size)
				w := g.b.Get(c, "ld.shared."+name, at)
				list[i][k] = g.decode(e, []wir.Arg{w}, 1)[0]
			}
		}
		out[r] = f.tree(list)
	}
	g.dirty = true
}

// identity is what leaves an element as it is.
func identity(k tir.Kind, e tile.Elem) wir.Arg {
	inf := math.Inf(1)
	low := map[tile.Elem]int64{tile.I32: -1 << 31, tile.I8: -128, tile.U8: 0, tile.Bool: 0}[e]
	high := map[tile.Elem]int64{tile.I32: 1<<31 - 1, tile.I8: 127, tile.U8: 255, tile.Bool: 1}[e]
	switch k {
	case tir.Mul:
		return number(e, 1, 1)
	case tir.Max:
		return number(e, -inf, low)
	case tir.Min:
		return number(e, inf, high)
	case tir.And:
		return number(e, 0, -1)
	}
	return number(e, 0, 0)
}

// padded replaces a tile's padding along an axis.
func (g *gen) padded(x *val, axis int, by wir.Arg) []wir.Arg {
	e := g.elems(x)
	n := x.t.Dims[axis]
	if n == 1<<x.l.Dims[axis] {
		return e
	}
	e = slices.Clone(e)
	c := regClass(x.t.Elem)
	for r := range e {
		e[r] = g.b.Select(c, g.inside(x.l, axis, r, n), e[r], by)
	}
	return e
}

func (g *gen) reduce(op *tir.Op) {
	x, out := g.vals[op.Args[0]], op.Results[0]
	l := g.layoutOf(op.Args[0])
	if x.l != nil && x.make == nil {
		l = x.l
	}
	x = g.in(x, l)
	e := x.t.Elem
	f := &folding{g: g, l: l, axis: op.Axis, elem: []tile.Elem{e},
		join: func(x, y []wir.Arg) []wir.Arg {
			return []wir.Arg{g.apply(op.Comb, e, []wir.Arg{x[0], y[0]})}
		}}
	var list [][]wir.Arg
	for _, a := range g.padded(x, op.Axis, identity(op.Comb, e)) {
		list = append(list, []wir.Arg{a})
	}
	var r []wir.Arg
	for _, a := range f.run(list) {
		r = append(r, a[0])
	}
	g.vals[out] = g.join(out.Type, l.Slice(op.Axis), r)
}

// argReduce carries value and index; the first of equals wins, and numbers win over NaN.
func (g *gen) argReduce(op *tir.Op) {
	x, out := g.vals[op.Args[0]], op.Results[0]
	l := g.layoutOf(op.Args[0])
	x = g.in(x, l)
	e := x.t.Elem
	f := &folding{g: g, l: l, axis: op.Axis, elem: []tile.Elem{e, tile.I32},
		join: func(x, y []wir.Arg) []wir.Arg {
			p := g.better(op.Comb, e, y, x)
			return []wir.Arg{g.b.Select(regClass(e), p, y[0], x[0]),
				g.b.Select(wir.R, p, y[1], x[1])}
		}}
	var list [][]wir.Arg
	n := x.t.Dims[op.Axis]
	for r, a := range g.elems(x) {
		i := g.place(l, op.Axis, r)
		if n != 1<<l.Dims[op.Axis] {
			ok := g.inside(l, op.Axis, r, n)
			a = g.b.Select(regClass(e), ok, a, identity(op.Comb, e))
			i = g.b.Select(wir.R, ok, i, wir.Int(1<<30))
		}
		list = append(list, []wir.Arg{a, i})
	}
	var r []wir.Arg
	for _, a := range f.run(list) {
		r = append(r, a[1])
	}
	g.vals[out] = g.join(out.Type, l.Slice(op.Axis), r)
}

// better tells whether y goes before x.
func (g *gen) better(k tir.Kind, e tile.Elem, y, x []wir.Arg) wir.Arg {
	rel := "gt"
	if k == tir.Min {
		rel = "lt"
	}
	v := []wir.Arg{y[0], x[0]}
	p := g.compare(rel, e, v)
	same := g.compare("eq", e, v)
	if tir.IsFloat(e) {
		nanX := g.b.Reg(wir.P, g.compare("ne", e, []wir.Arg{x[0], x[0]}))
		nanY := g.b.Reg(wir.P, g.compare("ne", e, []wir.Arg{y[0], y[0]}))
		p = g.b.Op(wir.P, "or.pred", g.b.Reg(wir.P, p), g.b.Both(nanX, g.b.Not(nanY)))
		same = g.b.Op(wir.P, "or.pred", g.b.Reg(wir.P, same), g.b.Both(nanX, nanY))
	}
	first := g.b.Compare("lt", "s32", y[1], x[1])
	return g.b.Op(wir.P, "or.pred", g.b.Reg(wir.P, p), g.b.Reg(wir.P, g.b.Both(same, first)))
}

// scan combines bit by bit of the place along the axis: an element whose bit is set takes in the
// last one of the half before it, which has already all of that half.
func (g *gen) scan(op *tir.Op) {
	out := op.Results[0]
	l := g.layoutOf(out)
	x := g.in(g.vals[op.Args[0]], l)
	e := x.t.Elem
	list := slices.Clone(g.elems(x))
	shift := layout.Shift(l.Dims, op.Axis)
	for bit := range l.Dims[op.Axis] {
		lower := uint32(1<<bit-1) << shift
		from, upper := g.fromHalf(x.t, l, list, uint32(1)<<(shift+bit), lower)
		for r := range list {
			y := g.apply(op.Comb, e, []wir.Arg{from[r], list[r]})
			list[r] = g.b.Select(regClass(e), upper(r), y, list[r])
		}
	}
	g.vals[out] = g.join(out.Type, l, list)
}

// fromHalf gives each register the element whose place has the bit cleared and all lower ones set,
// and says which registers have the bit.
func (g *gen) fromHalf(t tir.Type, l *layout.Layout, list []wir.Arg, bit, lower uint32) (
	from []wir.Arg, upper func(r int) wir.Arg) {
	from = make([]wir.Arg, len(list))
	lane := g.b.Or(g.lane, wir.Int(bitsOf(l.Lane, lower)))
	lane = g.b.And(lane, wir.Int(^bitsOf(l.Lane, bit)))
	clear, set := bitsOf(l.Reg, bit), bitsOf(l.Reg, lower)
	warp := bitsOf(l.Warp, bit|lower)
	var base wir.Arg
	s := layout.Linear(l.Dims, layout.Log2(t.Elem.Size()), 0)
	name, _, c := form(t.Elem.Size(), t.Elem.Size() == 8)
	if warp != 0 {
		base = g.borrow(s.Bytes())
		g.put(g.join(t, l, list), base, s, nil)
		g.sync()
		g.meets(s.Offsets(l.Lane), s.Size)
	}
	read := map[uint32]wir.Arg{}
	for r := range list {
		q := r&^clear | set
		switch {
		case warp != 0:
			at := g.b.Xor(g.threadPlace(l), wir.Int(int(l.Register(r))))
			at = g.b.Or(g.b.And(at, wir.Int(int(^bit))), wir.Int(int(lower)))
			at = g.b.Shl(at, s.Size)
			key := l.Register(r)&^bit | lower
			w, ok := read[key]
			if !ok {
				w = g.b.Get(c, "ld.shared."+name, g.near(g.b.Add(base, at), 0))
				read[key] = w
			}
			from[r] = g.decode(t.Elem, []wir.Arg{w}, 1)[0]
		case bitsOf(l.Lane, bit|lower) != 0:
			from[r] = g.shuffle(t.Elem, "idx", list[q], lane)
		default:
			from[r] = list[q]
		}
	}
	if warp != 0 {
		g.dirty = true
	}
	return from, func(r int) wir.Arg { return g.hasBit(l, bit, r) }
}

// bitsOf are the bits of a number whose vectors lie in a mask.
func bitsOf(v []uint32, mask uint32) int {
	m := 0
	for i, x := range v {
		if x&mask != 0 {
			m |= 1 << i
		}
	}
	return m
}

// hasBit is the predicate that a register's place has a bit.
func (g *gen) hasBit(l *layout.Layout, bit uint32, r int) wir.Arg {
	if bitsOf(l.Reg, bit) != 0 {
		return wir.Int(min(int(l.Register(r)&bit), 1))
	}
	of, m := g.lane, bitsOf(l.Lane, bit)
	if m == 0 {
		of, m = g.warp, bitsOf(l.Warp, bit)
	}
	return g.b.Compare("ne", "s32", g.b.And(of, wir.Int(m)), wir.Int(0))
}

// sort is bitonic; places break ties, so that equals keep their order.
func (g *gen) sort(op *tir.Op) {
	l := g.layoutOf(op.Results[0])
	var tiles []*val
	for _, a := range op.Args {
		tiles = append(tiles, g.in(g.vals[a], l))
	}
	index := &val{t: tir.Type{Dims: tiles[0].t.Dims, Elem: tile.I32}, l: l}
	for r := range l.Size() {
		index.r = append(index.r, g.b.Reg(wir.R, g.place(l, op.Axis, r)))
	}
	tiles = append(tiles, index)
	shift := layout.Shift(l.Dims, op.Axis)
	for k := range l.Dims[op.Axis] {
		for j := k; j >= 0; j-- {
			tiles = g.comparators(tiles, uint32(1)<<(shift+j), uint32(1)<<(shift+k+1),
				k+1 < l.Dims[op.Axis])
		}
	}
	for i, out := range op.Results {
		g.vals[out] = tiles[i]
	}
}

// comparators lets places that differ in bit meet; those with the bit down, if there is one, sort
// the other way round.
func (g *gen) comparators(tiles []*val, bit, down uint32, both bool) []*val {
	l := tiles[0].l
	e := tiles[0].t.Elem
	n := len(tiles)
	mine, theirs := make([][]wir.Arg, n), make([][]wir.Arg, n)
	out := make([][]wir.Arg, n)
	for i, x := range tiles {
		mine[i], theirs[i] = g.elems(x), g.elems(g.flip(x, bit))
	}
	for r := range l.Size() {
		x := []wir.Arg{mine[0][r], mine[n-1][r]}
		y := []wir.Arg{theirs[0][r], theirs[n-1][r]}
		less := g.b.Reg(wir.P, g.better(tir.Min, e, y, x))
		high := g.hasBit(l, bit, r)
		if both {
			high = g.predXor(high, g.hasBit(l, down, r))
		}
		take := g.predXor(less, high)
		for i, t := range tiles {
			out[i] = append(out[i], g.b.Select(regClass(t.t.Elem), take, theirs[i][r], mine[i][r]))
		}
	}
	list := make([]*val, n)
	for i, t := range tiles {
		list[i] = g.join(t.t, l, out[i])
	}
	return list
}

func (g *gen) predXor(p, q wir.Arg) wir.Arg {
	switch {
	case q.Is(0):
		return p
	case q.Is(1):
		return g.b.Not(p)
	case p.Kind == wir.Imm:
		return g.predXor(q, p)
	}
	return g.b.Op(wir.P, "xor.pred", p, q)
}

// shifted multiplies places by 2^by.
func shifted(places []uint32, by int) []uint32 {
	out := make([]uint32, len(places))
	for i, v := range places {
		out[i] = v << by
	}
	return out
}
