package gen

import (
	"slices"

	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// sync is a barrier among the threads that compute.
func (g *gen) sync() {
	switch {
	case g.hop != nil:
		g.b.Do("bar.sync", wir.Int(consumerBarrier), wir.Int(32<<g.warps))
	case g.warps == 0:
		g.b.Do("bar.warp.sync", wir.Int(-1))
	default:
		g.b.Do("bar.sync", wir.Int(0))
	}
	g.dirty = false
}

// borrow gives scratch memory of so many bytes, which nobody reads any more.
func (g *gen) borrow(bytes int) wir.Arg {
	if g.dirty {
		g.sync()
	}
	if g.active == 0 && g.hop == nil {
		g.overlap = max(g.overlap, bytes)
		return g.shared()
	}
	g.scratch = max(g.scratch, bytes)
	return g.b.Add(g.shared(), wir.Int(g.static))
}

// shared is the address of the CTA's shared memory.
func (g *gen) shared() wir.Arg { return g.b.Op(wir.R, "mov.u32", wir.Symbol("smem")) }

// near is the memory at an address and a distance; constants that were added go into the distance.
func (g *gen) near(at wir.Arg, off int) wir.Arg {
	if d := g.b.Def(at); d != nil && d.Op == "add.s32" && d.Src[1].Kind == wir.Imm &&
		!g.b.IsVar(d.Src[0]) {
		return wir.At(d.Src[0], off+int(d.Src[1].Off))
	}
	return wir.At(at, off)
}

// threads adds what lanes and warps add to an address.
type threads struct {
	at   wir.Arg // the address with the thread's part
	base wir.Arg
	own  wir.Arg // the thread's part
	bits uint32  // that it may have set
}

func (g *gen) threads(base wir.Arg, lane, warp []uint32) *threads {
	t := &threads{base: base, own: g.b.Xor(g.spread(lane, g.lane), g.spread(warp, g.warp))}
	for _, v := range append(slices.Clone(lane), warp...) {
		t.bits |= v
	}
	t.at = g.b.Add(base, t.own)
	return t
}

// memory is where a register's part of an address lies.
func (t *threads) memory(g *gen, off uint32) wir.Arg {
	if off&t.bits == 0 {
		return g.near(t.at, int(off))
	}
	return g.near(g.b.Add(t.base, g.b.Xor(t.own, wir.Int(int(off&t.bits)))), int(off&^t.bits))
}

// put writes a tile to shared memory. keep, if not nil, says which registers.
func (g *gen) put(v *val, base wir.Arg, s *layout.Shared, keep func(r int) bool) {
	l, e := v.l, v.t.Elem
	x := g.elems(v)
	if g.putMatrix(v, base, s, keep) {
		return
	}
	w := 1 << (s.Width(l) - s.Size)
	g.meets(s.Offsets(l.Lane), s.Width(l))
	size := e.Size()
	name, count, _ := form(w*size, size == 8)
	t := g.threads(base, s.Offsets(l.Lane), s.Offsets(l.Warp))
	first := g.once(l)
	for r := 0; r < l.Size(); r += w {
		if copies(l, r) || keep != nil && !keep(r) {
			continue
		}
		words := g.encode(e, x[r:r+w])
		src := words[0]
		if count > 1 {
			src = wir.List(words...)
		}
		g.b.When(first, false, "st.shared."+name, t.memory(g, s.Offset(l.Register(r))), src)
	}
}

// matrix is how ldmatrix and stmatrix see a layout: lanes that give rows, registers that give
// matrices.
type matrix struct {
	trans bool
	lane  []uint32 // offset that each lane bit adds to a row's address
	first int      // register bits inside of a word
	extra []int    // register bits among matrices of one instruction
}

// each calls f with the first register of every instruction, and the registers of all its words.
func (m *matrix) each(l *layout.Layout, f func(r int, words []int)) {
	mask := 1<<m.first - 1
	for _, b := range m.extra {
		mask |= 1 << b
	}
	for r := range l.Size() {
		if r&mask != 0 {
			continue
		}
		words := []int{r}
		for _, b := range m.extra {
			for _, w := range words {
				words = append(words, w|1<<b)
			}
		}
		f(r, words)
	}
}

// matrixOf finds out whether 8x8 matrices of 16-byte rows make up a layout.
func matrixOf(l *layout.Layout, s *layout.Shared) *matrix {
	k := 2 - s.Size
	if k < 0 || len(l.Reg) < k {
		return nil
	}
	at := s.Offsets(l.Lane)
	reg := s.Offsets(l.Reg)
	plain := true
	for i := range k {
		plain = plain && reg[i] == 1<<(s.Size+i)
	}
	m := &matrix{first: k}
	for i := k; i < len(reg) && len(m.extra) < 2; i++ {
		if reg[i] != 0 {
			m.extra = append(m.extra, i)
		}
	}
	switch {
	case plain && at[0] == 4 && at[1] == 8:
		m.lane = slices.Clone(at[2:5])
	case s.Size == 1 && k == 1 && at[2] == 2 && at[3] == 4 && at[4] == 8:
		m.trans = true
		m.lane = []uint32{reg[0], at[0], at[1]}
	default:
		return nil
	}
	for _, i := range m.extra {
		m.lane = append(m.lane, reg[i])
	}
	for _, v := range m.lane {
		if v&15 != 0 {
			return nil
		}
	}
	for _, v := range reg[k:] {
		if v&15 != 0 {
			return nil
		}
	}
	return m
}

var matrixCounts = [...]string{"x1", "x2", "x4"}

// putMatrix writes with stmatrix where it can.
func (g *gen) putMatrix(v *val, base wir.Arg, s *layout.Shared, keep func(int) bool) bool {
	if !g.t.hopper || !packed(v.t.Elem, v.l) {
		return false
	}
	m := matrixOf(v.l, s)
	if m == nil {
		return false
	}
	op := "stmatrix.sync.aligned.m8n8." + matrixCounts[len(m.extra)]
	if m.trans {
		op += ".trans"
	}
	g.meets(m.lane[:3], 4)
	t := g.threads(base, pad5(m.lane), s.Offsets(v.l.Warp))
	first := g.once(&layout.Layout{Warp: v.l.Warp})
	m.each(v.l, func(r int, list []int) {
		if keep != nil && !keep(r) || copies(v.l, r) {
			return
		}
		words := make([]wir.Arg, len(list))
		for j, w := range list {
			words[j] = g.b.Reg(wir.R, v.r[w/2])
		}
		g.b.When(first, false, op+".shared.b16", t.memory(g, s.Offset(v.l.Register(r))),
			wir.List(words...))
	})
	return true
}

func pad5(v []uint32) []uint32 { return append(slices.Clone(v), make([]uint32, 5-len(v))...) }

// fetch reads a tile from shared memory into a layout.
func (g *gen) fetch(t tir.Type, l *layout.Layout, base wir.Arg, s *layout.Shared) *val {
	e := make([]wir.Arg, l.Size())
	g.fetchSome(t.Elem, l, base, s, e, nil)
	return g.join(t, l, e)
}

// fetchSome fills in the elements of the registers that keep names.
func (g *gen) fetchSome(e tile.Elem, l *layout.Layout, base wir.Arg, s *layout.Shared,
	out []wir.Arg, keep func(r int) bool) {
	if g.fetchMatrix(e, l, base, s, out, keep) {
		return
	}
	w := 1 << (s.Width(l) - s.Size)
	g.meets(s.Offsets(l.Lane), s.Width(l))
	size := e.Size()
	name, count, c := form(w*size, size == 8)
	th := g.threads(base, s.Offsets(l.Lane), s.Offsets(l.Warp))
	for r := 0; r < l.Size(); r += w {
		if keep != nil && !keep(r) {
			continue
		}
		at := th.memory(g, s.Offset(l.Register(r)))
		var words []wir.Arg
		if count == 1 {
			words = []wir.Arg{g.b.Get(c, "ld.shared."+name, at)}
		} else {
			words = g.b.GetAll(c, count, "ld.shared."+name, at)
		}
		copy(out[r:], g.decode(e, words, w))
	}
}

func (g *gen) fetchMatrix(e tile.Elem, l *layout.Layout, base wir.Arg, s *layout.Shared,
	out []wir.Arg, keep func(r int) bool) bool {
	m := matrixOf(l, s)
	if m == nil || e == tile.Bool {
		return false
	}
	op := "ldmatrix.sync.aligned.m8n8." + matrixCounts[len(m.extra)]
	if m.trans {
		op += ".trans"
	}
	g.meets(m.lane[:3], 4)
	th := g.threads(base, pad5(m.lane), s.Offsets(l.Warp))
	per := 1 << m.first
	m.each(l, func(r int, list []int) {
		if keep != nil && !keep(r) {
			return
		}
		words := g.b.GetAll(wir.R, len(list), op+".shared.b16",
			th.memory(g, s.Offset(l.Register(r))))
		for i, w := range words {
			copy(out[list[i]:], g.decode(e, []wir.Arg{w}, per))
		}
	})
	return true
}

// exchangeLimit is the shared memory that one step of an exchange among threads may take.
const exchangeLimit = 64 << 10

// throughMemory brings a tile to another layout, in pieces if it is large.
func (g *gen) throughMemory(v *val, l *layout.Layout) *val {
	size := layout.Log2(v.t.Elem.Size())
	total := 0
	for _, d := range v.l.Dims {
		total += d
	}
	limit := min(exchangeLimit, g.t.shared-g.static-1024)
	var fixed uint32 // bits that only registers give, on both sides
	for i := len(v.l.Reg) - 1; i > 0 && 1<<(total+size) > limit; i-- {
		b := v.l.Reg[i]
		if b != 0 && b&(b-1) == 0 && slices.Contains(l.Reg[min(3, len(l.Reg)):], b) {
			fixed |= b
			total--
		}
	}
	s := g.exchangeOrder(v.l, l, size, fixed)
	out := make([]wir.Arg, l.Size())
	var part uint32
	for {
		base := g.borrow(1 << (total + size))
		g.put(v, base, s, func(r int) bool { return v.l.Register(r)&fixed == part })
		g.sync()
		g.fetchSome(v.t.Elem, l, base, s, out, func(r int) bool {
			return l.Register(r)&fixed == part
		})
		g.dirty = true
		part = (part - fixed) & fixed
		if part == 0 {
			return g.join(v.t, l, out)
		}
	}
}

// exchangeOrder places a tile without its fixed bits in shared memory, with the swizzle that costs
// the fewest wavefronts.
func (g *gen) exchangeOrder(from, to *layout.Layout, size int, fixed uint32) *layout.Shared {
	var best *layout.Shared
	least := 0
	for _, span := range []int{0, 32, 64, 128} {
		full := layout.Linear(from.Dims, size, 0)
		s := &layout.Shared{Dims: from.Dims, Size: size, Vec: make([]uint32, len(full.Vec))}
		at := uint32(1) << size
		for i := range s.Vec {
			if fixed>>i&1 == 0 {
				s.Vec[i] = layout.Swizzle(span, at)
				at <<= 1
			}
		}
		cost := wavefronts(from, s) + wavefronts(to, s)
		if best == nil || cost < least {
			best, least = s, cost
		}
	}
	return best
}

// wavefronts estimates what a tile's access in shared memory costs.
func wavefronts(l *layout.Layout, s *layout.Shared) int {
	if m := matrixOf(l, s); m != nil {
		return layout.Conflicts(m.lane[:3], 4) * l.Size() >> m.first
	}
	w := s.Width(l)
	per := max(w-2, 0)
	return layout.Conflicts(s.Offsets(l.Lane), w) * l.Size() >> (w - s.Size) << per
}
