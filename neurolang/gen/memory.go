package gen

import (
	"fmt"
	"math/bits"
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// stride is a distance in memory in bytes: a constant, or a register of 32 or 64 bits.
type stride struct {
	c    int
	r, d wir.Arg
}

// extent is a dimension at run time.
func (g *gen) extent(d abi.Dim) wir.Arg {
	if d.Sym == "" {
		return wir.Int(d.Const)
	}
	return g.extents[d.Sym]
}

// strides are those of a tensor's dimensions.
func (g *gen) strides(p *abi.Param) []stride {
	out := make([]stride, len(p.Dims))
	order := rowMajor(len(p.Dims))
	if len(order) >= 2 && p.Layout == tile.ColMajor {
		order[0], order[1] = order[1], order[0]
	}
	s := stride{c: p.Elem.Size()}
	for i, d := range order {
		out[d] = s
		e := p.Dims[d]
		switch {
		case e.Sym == "" && s.c > 0:
			s.c *= e.Const
		case i == 0:
			s = stride{r: g.b.Mul(g.extent(e), wir.Int(s.c))}
		default:
			s = stride{d: g.times(g.extent(e), s)}
		}
	}
	return out
}

// times is a 32-bit index times a stride.
func (g *gen) times(x wir.Arg, s stride) wir.Arg {
	switch {
	case s.c > 0 && s.c < 1<<31:
		return g.b.MulWide(x, wir.Int(s.c))
	case s.r.Kind != wir.None:
		return g.b.MulWide(x, s.r)
	case s.c > 0:
		s.d = wir.Arg{Kind: wir.Imm, Off: int64(s.c)}
	}
	if x.Is(0) {
		return x
	}
	return g.b.Op(wir.D, "mul.lo.s64", g.b.Reg(wir.D, g.b.Wide(x)), s.d)
}

// access is a memory operation's addresses and predicates in a layout.
type access struct {
	g       *gen
	op      *tir.Op
	p       *abi.Param
	l       *layout.Layout
	dims    []int // of the tensor, for each of the tile
	sizes   []int // of the tile
	strides []stride
	base    wir.Arg   // address of the thread's part
	at      []wir.Arg // start and thread's part of each dimension of the tile
	rows    []*val    // indices of gathered dimensions, else nil
	loose   []bool    // dimensions of the tile that have to be checked
	all     wir.Arg   // predicate of what does not depend on the register
}

func (g *gen) access(op *tir.Op, t tir.Type, l *layout.Layout) *access {
	return g.accessIn(op, t, l, nil)
}

// accessIn adds what changes in a loop's block last, so that the rest is computed once.
func (g *gen) accessIn(op *tir.Op, t tir.Type, l *layout.Layout, blk *tir.Block) *access {
	p := g.k.Tensor(op.Param)
	a := &access{g: g, op: op, p: p, l: l, dims: view(op), sizes: t.Dims, strides: g.strides(p),
		base: g.ptrs[op.Param], all: wir.True}
	index := indices(op)
	var late []wir.Arg
	add := func(v *tir.Value, at wir.Arg) {
		if blk != nil && (v.Arg == blk || v.Op != nil && slices.Contains(blk.Ops, v.Op)) {
			late = append(late, at)
			return
		}
		a.base = g.b.Add64(a.base, at)
	}
	for d, n := range op.Sizes {
		if n != 0 {
			continue
		}
		x := g.vals[index[d]].r[0]
		add(index[d], g.times(x, a.strides[d]))
		if !g.within(index[d], 1, p.Dims[d]) {
			a.all = g.b.Both(a.all, g.b.Compare("lt", "u32", x, g.extent(p.Dims[d])))
		}
	}
	for i, d := range a.dims {
		at, rows := wir.Int(0), (*val)(nil)
		loose := true
		if op.Sizes[d] == -1 {
			rows = g.in(g.vals[index[d]], g.alone(l, i))
		} else {
			start := g.vals[index[d]].r[0]
			at = g.b.Add(start, g.coordinate(l, i))
			loose = !g.within(index[d], op.Sizes[d], p.Dims[d])
			add(index[d], g.times(start, a.strides[d]))
			a.base = g.b.Add64(a.base, g.times(g.coordinate(l, i), a.strides[d]))
		}
		a.at, a.rows, a.loose = append(a.at, at), append(a.rows, rows), append(a.loose, loose)
	}
	for _, x := range late {
		a.base = g.b.Add64(a.base, x)
	}
	return a
}

// alone is the layout of one dimension of a tile.
func (g *gen) alone(l *layout.Layout, i int) *layout.Layout {
	for d := range l.Dims {
		if d != i && l.Dims[d] > 0 {
			l = l.Slice(d)
		}
	}
	return l.Reshape([]int{l.Dims[i]})
}

// row is the gathered index of a register.
func (a *access) row(i, r int) wir.Arg {
	v := a.rows[i]
	return v.r[v.l.Find(uint32(regCoordinate(a.l, i, r)))]
}

// address is where a register's element lies.
func (a *access) address(r int) wir.Arg {
	g, at, off := a.g, a.base, 0
	for i, d := range a.dims {
		s := a.strides[d]
		if a.rows[i] != nil {
			at = g.b.Add64(at, g.times(a.row(i, r), s))
			continue
		}
		c := regCoordinate(a.l, i, r)
		if s.c > 0 && c*s.c < 1<<22 {
			off += c * s.c
		} else {
			at = g.b.Add64(at, g.times(wir.Int(c), s))
		}
	}
	return wir.At(at, off)
}

// guard is the predicate under which a register's element is in the tensor and, if writing, in the
// tile.
func (a *access) guard(r int) wir.Arg {
	g, p := a.g, a.all
	for i, d := range a.dims {
		ext := g.extent(a.p.Dims[d])
		switch {
		case a.rows[i] != nil:
			p = g.b.Both(p, g.b.Compare("lt", "u32", a.row(i, r), ext))
		case a.loose[i]:
			x := g.b.Add(a.at[i], wir.Int(regCoordinate(a.l, i, r)))
			p = g.b.Both(p, g.b.Compare("lt", "u32", x, ext))
		}
		p = g.b.Both(p, g.inside(a.l, i, r, a.sizes[i]))
	}
	return p
}

// vector is how many registers one access covers: neighbours along the inner dimension.
func (a *access) vector() int {
	in := slices.Index(a.dims, inner(a.p))
	if in < 0 {
		return 1
	}
	n := 1
	for i := range a.g.vectorBits(a.op) {
		if i >= len(a.l.Reg) || a.l.Reg[i] != 1<<(layout.Shift(a.l.Dims, in)+i) {
			break
		}
		n *= 2
	}
	return n
}

var wordNames = [...]string{1: "u8", 2: "b16", 4: "b32", 8: "b64"}

// form is the type of an access of so many bytes: its name, registers and their class. wide says
// that elements have 8 bytes.
func form(bytes int, wide bool) (name string, n int, c wir.Class) {
	switch {
	case wide && bytes == 16:
		return "v2.b64", 2, wir.D
	case wide:
		return "b64", 1, wir.D
	case bytes == 2:
		return "b16", 1, wir.H
	case bytes <= 4:
		return wordNames[bytes], 1, wir.R
	}
	return fmt.Sprintf("v%d.b32", bytes/4), bytes / 4, wir.R
}

// load emits a load from global memory.
func (g *gen) load(op *tir.Op) {
	out := op.Results[0]
	t := out.Type
	if t.Rank() == 0 {
		a := g.access(op, t, &layout.Layout{})
		e := g.read(a, 0, 1)
		g.vals[out] = &val{t: t, r: e}
		return
	}
	l := g.class[out].root().l
	if own := g.memoryLayout(op, layout.Logs(t.Dims)); g.waste(op, l) > 2*g.waste(op, own) {
		l = own
	}
	g.touches(op, l)
	a := g.access(op, t, l)
	n := a.vector()
	var e []wir.Arg
	for r := 0; r < l.Size(); r += n {
		e = append(e, g.read(a, r, n)...)
	}
	g.vals[out] = g.join(t, l, e)
}

// waste is how much more an access moves in a layout than it needs.
func (g *gen) waste(op *tir.Op, l *layout.Layout) float64 {
	p := g.k.Tensor(op.Param)
	a := &access{g: g, op: op, p: p, l: l, dims: view(op)}
	steps := make([]int, 0, 32)
	in := slices.Index(a.dims, inner(p))
	for d := len(l.Dims) - 1; d >= 0; d-- {
		for b := range l.Dims[d] {
			s := 0
			if d == in {
				s = p.Elem.Size() << b
			}
			steps = append(steps, s)
		}
	}
	return layout.Sectors(l, steps, layout.Log2(a.vector()*p.Elem.Size()))
}

// other is what reads outside of a tensor give.
func (a *access) other() wir.Arg {
	if n := len(a.op.Sizes); len(a.op.Args) > n {
		return a.g.vals[a.op.Args[n]].r[0]
	}
	return number(a.p.Elem, 0, 0)
}

// read loads n elements from register r on.
func (g *gen) read(a *access, r, n int) []wir.Arg {
	e := a.p.Elem
	size := e.Size()
	name, count, c := form(n*size, size == 8)
	op := "ld.global." + name
	if a.p.Access == abi.Read {
		op = "ld.global.nc." + name
	}
	p := a.guard(r)
	if p.Is(1) {
		words := []wir.Arg{}
		if count == 1 {
			words = append(words, g.b.Get(c, op, a.address(r)))
		} else {
			words = g.b.GetAll(c, count, op, a.address(r))
		}
		return g.decode(e, words, n)
	}
	fill := g.encode(e, slices.Repeat([]wir.Arg{a.other()}, n))
	words := make([]wir.Arg, count)
	for i := range words {
		words[i] = g.b.Var(c)
		g.b.Set(words[i], fill[i])
	}
	dst := words[0]
	if count > 1 {
		dst = wir.List(words...)
	}
	if !p.Is(0) {
		node := g.b.Do(op, a.address(r))
		node.Dst, node.Guard = []wir.Arg{dst}, p
	}
	for _, w := range words {
		g.b.Touch(w)
		g.b.Seal(w)
	}
	return g.decode(e, words, n)
}

// decode takes n elements out of words as memory holds them.
func (g *gen) decode(e tile.Elem, words []wir.Arg, n int) []wir.Arg {
	size := e.Size()
	if size >= 4 || n == 1 && size == 2 {
		return words
	}
	var out []wir.Arg
	for i := range n {
		if size == 2 {
			out = append(out, g.unpack(words[i/2])[i%2])
			continue
		}
		w, at := words[i/4], i%4*8
		if n == 2 {
			w = g.b.Op(wir.R, "cvt.u32.u16", w)
		}
		op := "bfe.u32"
		if e == tile.I8 {
			op = "bfe.s32"
		}
		x := w
		if n > 1 || e == tile.I8 {
			x = g.b.Op(wir.R, op, w, wir.Int(at), wir.Int(8))
		}
		if e == tile.Bool {
			x = g.b.Op(wir.P, "setp.ne.s32", x, wir.Int(0))
		}
		out = append(out, x)
	}
	return out
}

// encode puts elements into words as memory holds them.
func (g *gen) encode(e tile.Elem, x []wir.Arg) []wir.Arg {
	var out []wir.Arg
	switch size := e.Size(); {
	case size >= 4 || size == 2 && len(x) == 1:
		c := regClass(e)
		for _, v := range x {
			out = append(out, g.b.Reg(c, v))
		}
	case size == 2:
		for i := 0; i < len(x); i += 2 {
			out = append(out, g.b.Reg(wir.R, g.pack(x[i], x[i+1])))
		}
	default:
		bytes := make([]wir.Arg, len(x))
		for i, v := range x {
			if e == tile.Bool {
				v = g.b.Select(wir.R, v, wir.Int(1), wir.Int(0))
			}
			bytes[i] = g.b.Reg(wir.R, v)
		}
		if len(bytes) == 1 {
			return bytes
		}
		if len(bytes) == 2 {
			w := g.b.Op(wir.R, "prmt.b32", bytes[0], bytes[1], wir.Int(0x40))
			return []wir.Arg{g.b.Op(wir.H, "cvt.u16.u32", w)}
		}
		for i := 0; i < len(bytes); i += 4 {
			out = append(out, g.quad(bytes[i:i+4]))
		}
	}
	return out
}

// quad packs four bytes; if they came out of one word in order, it is that.
func (g *gen) quad(x []wir.Arg) wir.Arg {
	var word wir.Arg
	whole := true
	for i, v := range x {
		d := g.b.Def(v)
		ok := d != nil && (d.Op == "bfe.u32" || d.Op == "bfe.s32") && d.Src[1].Is(8*i) &&
			!g.b.IsVar(d.Src[0])
		whole = whole && ok && (i == 0 || d.Src[0].Reg == word.Reg)
		if ok && i == 0 {
			word = d.Src[0]
		}
	}
	if whole {
		return word
	}
	lo := g.b.Op(wir.R, "prmt.b32", x[0], x[1], wir.Int(0x40))
	hi := g.b.Op(wir.R, "prmt.b32", x[2], x[3], wir.Int(0x40))
	return g.b.Op(wir.R, "prmt.b32", lo, hi, wir.Int(0x5410))
}

// once is the predicate that this thread holds the first copy of its elements.
func (g *gen) once(l *layout.Layout) wir.Arg {
	zero := func(v []uint32) int {
		m := 0
		for i, x := range v {
			if x == 0 {
				m |= 1 << i
			}
		}
		return m
	}
	p := wir.True
	if m := zero(l.Lane); m != 0 {
		p = g.b.Compare("eq", "s32", g.b.And(g.lane, wir.Int(m)), wir.Int(0))
	}
	if m := zero(l.Warp); m != 0 {
		q := g.b.Compare("eq", "s32", g.b.And(g.warp, wir.Int(m)), wir.Int(0))
		p = g.b.Both(p, q)
	}
	return p
}

// copies tells whether a register holds what an earlier one does.
func copies(l *layout.Layout, r int) bool {
	for v := uint(r); v != 0; v &= v - 1 {
		if l.Reg[bits.TrailingZeros(v)] == 0 {
			return true
		}
	}
	return false
}

// store emits a store to global memory, or atomic operations.
func (g *gen) store(op *tir.Op) {
	x := g.vals[op.Args[0]]
	t := x.t
	if t.Rank() == 0 {
		l := &layout.Layout{Lane: make([]uint32, 5), Warp: make([]uint32, g.warps)}
		a := g.access(op, t, l)
		a.all = g.b.Both(a.all, g.once(l))
		g.write(a, 0, x.r)
		return
	}
	l := x.l
	if own := g.memoryLayout(op, layout.Logs(t.Dims)); l == nil ||
		g.waste(op, l) > 1.4*g.waste(op, own) {
		l = own
	}
	g.touches(op, l)
	v := g.in(x, l)
	a := g.access(op, t, l)
	a.all = g.b.Both(a.all, g.once(l))
	n := a.vector()
	e := g.elems(v)
	for r := 0; r < l.Size(); r += n {
		if !copies(l, r) {
			g.write(a, r, e[r:r+n])
		}
	}
}

func (g *gen) write(a *access, r int, x []wir.Arg) {
	p := a.guard(r)
	if a.op.Kind == tir.Atomic {
		g.atomic(a, p, a.address(r), x[0])
		return
	}
	size := a.p.Elem.Size()
	name, count, _ := form(len(x)*size, size == 8)
	words := g.encode(a.p.Elem, x)
	src := words[0]
	if count > 1 {
		src = wir.List(words...)
	}
	g.b.When(p, false, "st.global."+name, a.address(r), src)
}

// atomics that memory does itself, by element type.
var atomics = map[tile.Elem]map[tir.Kind]string{
	tile.I32: {tir.Add: "add.u32", tir.Min: "min.s32", tir.Max: "max.s32", tir.And: "and.b32",
		tir.Or: "or.b32", tir.Xor: "xor.b32"},
	tile.F32: {tir.Add: "add.f32"},
	tile.F64: {tir.Add: "add.f64"},
	tile.F16: {tir.Add: "add.noftz.f16"},
}

// atomic combines an element into memory; what has no instruction loops over compare and swap of
// the word that holds it.
func (g *gen) atomic(a *access, p, at, x wir.Arg) {
	e, k := a.p.Elem, a.op.Comb
	name := atomics[e][k]
	if e == tile.BF16 && k == tir.Add && g.t.cc >= 90 {
		name = "add.noftz.bf16"
	}
	if name != "" {
		g.b.When(p, false, "red.global."+name, at, g.b.Reg(regClass(e), x))
		return
	}
	g.b.If(p, func() { g.swapLoop(e, k, at, x) }, nil)
}

// swapLoop combines x into the element at an address.
func (g *gen) swapLoop(e tile.Elem, k tir.Kind, at, x wir.Arg) {
	b := g.b
	if e == tile.F64 {
		old := b.Var(wir.D)
		b.Set(old, b.Get(wir.D, "ld.global.b64", at))
		b.Loop(func() (wir.Arg, bool) {
			now := b.Get(wir.D, "atom.global.cas.b64", at, old, b.Reg(wir.D,
				g.apply(k, e, []wir.Arg{old, x})))
			again := b.Op(wir.P, "setp.ne.b64", now, old)
			b.Set(old, now)
			return again, false
		})
		return
	}
	addr := b.Get(wir.D, "add.s64", wir.Arg{Kind: wir.InReg, Reg: at.Reg},
		wir.Arg{Kind: wir.Imm, Off: at.Off})
	low := b.Op(wir.R, "cvt.u32.u64", addr)
	shift := b.Shl(b.And(low, wir.Int(4-e.Size())), 3)
	if e.Size() == 4 {
		shift = wir.Int(0)
	}
	word := wir.At(b.Op(wir.D, "and.b64", addr, wir.Int(-4)), 0)
	bits := wir.Int(8 * e.Size())
	old := b.Var(wir.R)
	b.Set(old, b.Get(wir.R, "ld.global.b32", word))
	b.Loop(func() (wir.Arg, bool) {
		part := b.Op(wir.R, "bfe.u32", old, shift, bits)
		have := g.fromBits(e, part)
		want := g.toBits(e, g.apply(k, e, []wir.Arg{have, x}))
		put := b.Op(wir.R, "bfi.b32", want, old, shift, bits)
		now := b.Get(wir.R, "atom.global.cas.b32", word, old, put)
		again := b.Op(wir.P, "setp.ne.s32", now, old)
		b.Set(old, now)
		return again, false
	})
}

// fromBits is an element whose bits lie at the low end of a word, toBits the word.
func (g *gen) fromBits(e tile.Elem, w wir.Arg) wir.Arg {
	switch {
	case half(e):
		return g.b.Op(wir.H, "cvt.u16.u32", w)
	case e == tile.Bool:
		return g.b.Op(wir.P, "setp.ne.s32", w, wir.Int(0))
	}
	return g.wrap(e, w)
}

func (g *gen) toBits(e tile.Elem, x wir.Arg) wir.Arg {
	switch {
	case half(e):
		return g.b.Op(wir.R, "cvt.u32.u16", g.b.Reg(wir.H, x))
	case e == tile.Bool:
		return g.b.Select(wir.R, x, wir.Int(1), wir.Int(0))
	}
	return g.b.Reg(wir.R, x)
}
