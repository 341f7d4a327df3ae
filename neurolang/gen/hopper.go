package gen

import (
	"fmt"
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// hopper is the shape of a kernel with roles: a warp group that loads by TMA and others that
// compute by wgmma, with rings of stages between them.
type hopper struct {
	groups int // warp groups that compute
	wide   map[*tir.Op]bool
	rings  []*ring
	after  map[*tir.Op][]*ring // rings whose stage an operation is the last to read
	bars   int                 // barriers so far
	barAt  int                 // their place in shared memory
	wanted map[*tir.Value]bool // scalars that the loading role computes
	maps   map[string]wir.Arg
	issued []*pending // products under way, the oldest first
	lag    *lag
	origin map[*tir.Op]*tir.Op // of operations that rotation has copied
	pair   bool                // clusters of two CTAs, neighbours along an axis
	axis   int                 // that one
	common map[*tir.Op]bool    // loads that both CTAs of a pair want: each brings a half
	rank   wir.Arg             // of the CTA in the pair
	uneven bool                // programs along an axis take unlike times
	long   int                 // that axis
	up     bool                // later ones take longer
}

const (
	consumerBarrier = 1
	few, many       = 24, 240 // registers of a thread that loads, and that computes
)

// fits tells whether a dot is computed by wgmma.
func (h *hopper) fits(op *tir.Op) bool { return h.wide[op] }

// planHopper finds dots for wgmma and the loads that feed them; false if there are none.
func (g *gen) planHopper(dots []*tir.Op) bool {
	h := &hopper{wide: map[*tir.Op]bool{}, after: map[*tir.Op][]*ring{},
		wanted: map[*tir.Value]bool{}, maps: map[string]wir.Arg{}}
	rows := 0
	for _, d := range dots {
		if m := d.Results[0].Type.Dims[0]; g.wide(d) && (rows == 0 || m < rows) {
			rows = m
		}
	}
	if rows == 0 {
		return false
	}
	h.groups = min(2, rows/64)
	h.origin = map[*tir.Op]*tir.Op{}
	whole := g.k
	if chained(dots) {
		g.k, h.origin = rotate(g.k)
		dots = g.dots()
	}
	for _, d := range dots {
		h.wide[d] = g.wide(d)
	}
	g.findRings(h, g.k.Body, nil)
	brought := map[*tir.Op]bool{}
	for _, r := range h.rings {
		for _, l := range slices.Concat(append(r.others, r.loads)...) {
			brought[l] = true
		}
	}
	for d := range h.wide {
		h.wide[d] = h.wide[d] && brought[feeds(d.Args[1])]
	}
	if len(h.rings) == 0 || !g.placeRings(h) {
		g.k, g.static = whole, 0
		return false
	}
	g.hop = h
	g.warps = 2 + layout.Log2(h.groups)
	g.warpsM = g.warps
	for _, r := range h.rings {
		for _, l := range slices.Concat(append(r.others, r.loads)...) {
			g.rings[l.Results[0]] = r
			for _, i := range indices(l) {
				h.want(i)
			}
		}
	}
	h.wantControl(g.k.Body, g.rings)
	g.planPair()
	g.planUneven()
	return true
}

// wide tells whether wgmma has the shape and types of a dot, and its operands come as it wants
// them: b by TMA, a by TMA or out of registers.
func (g *gen) wide(op *tir.Op) bool {
	t, k := op.Results[0].Type, op.Args[0].Type.Dims[1]
	e := op.Args[0].Type.Elem
	m, n := t.Dims[0], t.Dims[1]
	if m%64 != 0 || m&(m-1) != 0 || n < 8 || n > 256 || n&(n-1) != 0 || k&(k-1) != 0 ||
		e == tile.F32 || e == tile.F64 || k < kStep(e) {
		return false
	}
	b := feeds(op.Args[1])
	if b == nil || !g.tensorLoad(b) || !g.free(op.Args[1], 0, e) {
		return false
	}
	a := feeds(op.Args[0])
	if a == nil {
		return half(e)
	}
	return g.tensorLoad(a) && g.free(op.Args[0], 1, e)
}

// free tells whether an operand's order in memory suits wgmma: only halves may lie across k.
func (g *gen) free(v *tir.Value, k int, e tile.Elem) bool {
	if half(e) {
		return true
	}
	l := feeds(v)
	in := slices.Index(view(l), inner(g.k.Tensor(l.Param)))
	for v.Op != l {
		in = slices.Index(v.Op.Perm, in)
		v = v.Op.Args[0]
	}
	return in == k
}

// tensorLoad tells whether a load can be made by TMA.
func (g *gen) tensorLoad(op *tir.Op) bool {
	t := op.Results[0].Type
	p := g.k.Tensor(op.Param)
	in := slices.Index(view(op), inner(p))
	if t.Rank() != 2 || in < 0 || len(op.Args) > len(op.Sizes) || slices.Contains(op.Sizes, -1) ||
		len(p.Dims) > 5 || len(p.Dims) < 2 || t.Elem == tile.Bool || p.Access != abi.Read {
		return false
	}
	for _, n := range t.Dims {
		if n&(n-1) != 0 || n < 8 {
			return false
		}
	}
	size := t.Elem.Size()
	d := p.Dims[inner(p)]
	if t.Dims[in]*size < 32 || t.Dims[1-in] > 256 || d.Sym == "" && d.Const*size%16 != 0 {
		return false
	}
	return g.multiple(d, 16/size, vector) && g.aligned(op.Param, 16)
}

// findRings gives loads that feed wgmma places in rings: those of one block that feed the same dot
// share stages.
func (g *gen) findRings(h *hopper, b *tir.Block, loop *tir.Op) {
	here := map[*tir.Op]bool{}
	g.k.Body.Walk(func(d *tir.Op) {
		if d.Kind != tir.Dot || !h.wide[d] {
			return
		}
		var loads []*tir.Op
		for _, a := range d.Args[:2] {
			l := feeds(a)
			if l != nil && slices.Contains(b.Ops, l) && !here[l] && g.steady(l) {
				loads = append(loads, l)
				here[l] = true
			}
		}
		if len(loads) > 0 {
			g.joinRing(h, loads, loop)
		}
	})
	for _, op := range b.Ops {
		inner, n := loop, len(op.Args)
		if op.Kind == tir.For {
			inner, n = op, 3
		}
		// The loading role has to follow: bounds and conditions must be its to compute.
		if op.Kind == tir.While || slices.ContainsFunc(op.Args[:n], func(v *tir.Value) bool {
			return !g.scalarOnly(v)
		}) {
			continue
		}
		for _, blk := range op.Blocks {
			g.findRings(h, blk, inner)
		}
	}
}

// joinRing gives loads a ring: one that loads of the same shape in other places take their turns
// in, or a new one.
func (g *gen) joinRing(h *hopper, loads []*tir.Op, loop *tir.Op) {
	for _, r := range h.rings {
		if !g.takesTurns(h, r, loads) {
			continue
		}
		r.others = append(r.others, loads)
		for i, l := range loads {
			r.store[l] = r.store[r.loads[i]]
		}
		if r.loop == nil {
			r.loop = loop
		}
		return
	}
	r := &ring{loop: loop, store: map[*tir.Op]*layout.Shared{}}
	for _, l := range loads {
		r.add(l, g.boxes(l))
	}
	h.rings = append(h.rings, r)
}

// takesTurns tells whether loads may share a ring: they bring the same tiles of the same tensors,
// and whoever has a stage gives it back before the others' turn comes: copies that rotation made,
// and loads of which none is around the other.
func (g *gen) takesTurns(h *hopper, r *ring, loads []*tir.Op) bool {
	for _, group := range append([][]*tir.Op{r.loads}, r.others...) {
		if len(group) != len(loads) {
			return false
		}
		for i, l := range loads {
			if l.Param != group[i].Param || !slices.Equal(l.Sizes, group[i].Sizes) {
				return false
			}
		}
		a, b := g.blockOf(loads[0]), g.blockOf(group[0])
		twins := h.origin[loads[0]] != nil && h.origin[loads[0]] == h.origin[group[0]]
		if !twins && (a == b || encloses(a, b) || encloses(b, a)) {
			return false
		}
	}
	return true
}

// encloses tells whether block b is inside of an operation of block a.
func encloses(a, b *tir.Block) bool {
	for _, op := range a.Ops {
		for _, inner := range op.Blocks {
			if inner == b || encloses(inner, b) {
				return true
			}
		}
	}
	return false
}

// steady tells whether the loading role can compute a load's indices.
func (g *gen) steady(l *tir.Op) bool {
	return !slices.ContainsFunc(indices(l), func(v *tir.Value) bool { return !g.scalarOnly(v) })
}

// scalarOnly tells whether a scalar comes from parameters, programs and indices of loops alone.
func (g *gen) scalarOnly(v *tir.Value) bool {
	if v.Op == nil {
		return v.Arg == g.k.Body || g.loopOf(v) != nil
	}
	switch {
	case v.Type.Rank() > 0 || v.Op.Kind == tir.For || v.Op.Kind == tir.If ||
		v.Op.Kind == tir.While:
		return false
	case v.Op.Kind == tir.Load && g.k.Tensor(v.Op.Param).Access != abi.Read:
		return false
	}
	return !slices.ContainsFunc(v.Op.Args, func(a *tir.Value) bool { return !g.scalarOnly(a) })
}

// spare is shared memory that is left for exchanges among threads.
const spare = 32 << 10

// placeRings fits stages into shared memory: one for what is loaded once, and equally many, up to
// eight, for the others.
func (g *gen) placeRings(h *hopper) bool {
	once, each, most := 0, 0, 8
	for _, r := range h.rings {
		if r.loop == nil {
			once += r.bytes
			continue
		}
		each += r.bytes
		if r.loop.Stages > 0 {
			most = min(most, r.loop.Stages)
		}
	}
	if each == 0 {
		return false
	}
	n := min((g.t.shared-spare-2048-once)/each, most)
	if n < 2 {
		return false
	}
	for _, r := range h.rings {
		r.stages = n
		if r.loop == nil {
			r.stages = 1
		}
		r.base = g.static
		g.static += r.bytes * r.stages
		r.full, r.empty = h.bars, h.bars+r.stages
		h.bars += 2 * r.stages
	}
	h.barAt = g.static
	g.static += (8*h.bars + 1023) &^ 1023
	return true
}

// want notes a scalar that the loading role computes, and what it comes from.
func (h *hopper) want(v *tir.Value) {
	if h.wanted[v] {
		return
	}
	h.wanted[v] = true
	if v.Op != nil {
		for _, a := range v.Op.Args {
			h.want(a)
		}
	}
}

// wantControl notes the bounds and conditions around loads of rings.
func (h *hopper) wantControl(b *tir.Block, rings map[*tir.Value]*ring) bool {
	found := false
	for _, op := range b.Ops {
		if len(op.Results) == 1 && rings[op.Results[0]] != nil {
			found = true
		}
		inside := false
		for _, blk := range op.Blocks {
			inside = h.wantControl(blk, rings) || inside
		}
		if inside {
			found = true
			n := len(op.Args)
			if op.Kind == tir.For {
				n = 3
			}
			for _, a := range op.Args[:n] {
				h.want(a)
			}
		}
	}
	return found
}

// roles emits a kernel with roles.
func (g *gen) roles() {
	h, b := g.hop, g.b
	g.grid, g.perSM = abi.Persistent, 1
	g.f.MinCTAs = 1
	g.f.Threads = 128 * (h.groups + 1)
	tid := b.Op(wir.R, "mov.u32", wir.Symbol("%tid.x"))
	name := g.slot(abi.Slot{Kind: abi.Programs}, ".u32")
	programs := b.Op(wir.R, "ld.param.b32", wir.At(wir.Symbol(name), 0))
	g.declareMaps()
	b.If(b.Compare("eq", "s32", tid, wir.Int(0)), func() {
		for _, r := range h.rings {
			for s := range r.stages {
				b.Do("mbarrier.init.shared::cta.b64", g.bar(r.full+s), wir.Int(1))
				n := 4 * h.groups
				if r.common(h) {
					n *= 2
				}
				b.Do("mbarrier.init.shared::cta.b64", g.bar(r.empty+s), wir.Int(n))
			}
		}
		b.Do("fence.mbarrier_init.release.cluster")
	}, nil)
	g.meet()
	b.If(b.Compare("lt", "u32", tid, wir.Int(128)), func() {
		if h.groups > 1 { // two warp groups have all the registers there are
			b.Do("setmaxnreg.dec.sync.aligned.u32", wir.Int(few))
		}
		b.If(b.Compare("eq", "s32", tid, wir.Int(0)), func() {
			g.persist(programs, func() { g.produce(g.k.Body) })
		}, nil)
		b.Do("bar.warp.sync", wir.Int(-1))
	}, func() {
		if h.groups > 1 {
			b.Do("setmaxnreg.inc.sync.aligned.u32", wir.Int(many))
		}
		g.thread = b.Sub(tid, wir.Int(128))
		g.identify()
		g.persist(programs, func() { g.block(g.k.Body) })
	})
	if h.pair { // nobody leaves while the other may still write to it
		g.meet()
	}
}

// persist walks over this CTA's programs.
func (g *gen) persist(programs wir.Arg, body func()) {
	b := g.b
	for _, r := range g.hop.rings {
		r.start(g)
	}
	t := b.Var(wir.R)
	first := b.Op(wir.R, "mov.u32", wir.Symbol("%ctaid.x"))
	step := b.Op(wir.R, "mov.u32", wir.Symbol("%nctaid.x"))
	if g.hop.pair {
		first, step, programs = b.Shr(first, 1), b.Shr(step, 1), b.Shr(programs, 1)
	}
	b.Set(t, first)
	// Programs that take unlike times are dealt out to and fro, the longest first.
	near, far := b.Var(wir.R), b.Var(wir.R)
	if g.hop.uneven {
		b.Set(near, b.Add(b.Shl(first, 1), wir.Int(1)))
		b.Set(far, b.Sub(b.Shl(step, 1), near))
	}
	old := map[*tir.Value]*val{}
	for v, x := range g.vals {
		old[v] = x
	}
	b.If(b.Compare("lt", "u32", t, programs), func() {
		b.Loop(func() (wir.Arg, bool) {
			g.dirty = true
			g.number(t)
			body()
			g.waitAll()
			if g.hop.uneven {
				b.Set(t, b.Add(t, far))
				next := b.Get(wir.R, "mov.b32", near)
				b.Set(near, far)
				b.Set(far, next)
			} else {
				b.Set(t, b.Add(t, step))
			}
			return b.Compare("lt", "u32", t, programs), false
		})
	}, nil)
	g.vals = old
}

// bar is the memory of a barrier.
func (g *gen) bar(i int) wir.Arg { return g.near(g.shared(), g.hop.barAt+8*i) }

// start makes a ring's place: the address of the stage, of its full barrier, and the parity of the
// turn.
func (r *ring) start(g *gen) {
	b := g.b
	r.stage, r.bar, r.phase = b.Var(wir.R), b.Var(wir.R), b.Var(wir.R)
	b.Set(r.stage, b.Add(g.shared(), wir.Int(r.base)))
	b.Set(r.bar, b.Add(g.shared(), wir.Int(g.hop.barAt+8*r.full)))
	b.Set(r.phase, wir.Int(0))
}

// step moves on to the next stage.
func (r *ring) step(g *gen) {
	b := g.b
	if r.stages == 1 {
		b.Set(r.phase, b.Xor(r.phase, wir.Int(1)))
		return
	}
	stage := b.Add(r.stage, wir.Int(r.bytes))
	end := b.Compare("eq", "s32", stage, b.Add(g.shared(), wir.Int(r.base+r.stages*r.bytes)))
	bar := b.Add(r.bar, wir.Int(8))
	b.Set(r.stage, b.Select(wir.R, end, b.Add(g.shared(), wir.Int(r.base)), stage))
	b.Set(r.bar, b.Select(wir.R, end, b.Add(g.shared(), wir.Int(g.hop.barAt+8*r.full)), bar))
	b.Set(r.phase, b.Xor(r.phase, b.Select(wir.R, end, wir.Int(1), wir.Int(0))))
}

// waitBar waits for the phase of a barrier.
func (g *gen) waitBar(at, parity wir.Arg) {
	g.b.Loop(func() (wir.Arg, bool) {
		return g.b.Get(wir.P, "mbarrier.try_wait.parity.shared::cta.b64", at, parity), true
	})
}

// memoryOrder lists a tensor's dimensions, innermost first.
func memoryOrder(p *abi.Param) []int {
	order := rowMajor(len(p.Dims))
	if len(order) >= 2 && p.Layout == tile.ColMajor {
		order[0], order[1] = order[1], order[0]
	}
	return order
}

// mapOf describes the tensor map of a load or store.
func (g *gen) mapOf(op *tir.Op, s *layout.Shared, rows int) *abi.Map {
	p := g.k.Tensor(op.Param)
	m := &abi.Map{Swizzle: s.Span}
	kept := 0
	for i, d := range memoryOrder(p) {
		n := 1
		switch {
		case i == 0:
			n = s.Span >> s.Size
		case op.Sizes[d] > 0:
			n = rows
		}
		if op.Sizes[d] > 0 {
			kept++
		}
		m.Box = append(m.Box, n)
		if kept == 2 {
			break
		}
	}
	return m
}

// declareMaps adds the tensor maps' slots and takes their addresses.
func (g *gen) declareMaps() {
	for _, r := range g.hop.rings {
		for _, l := range r.loads {
			g.mapAddress(l, r.store[l], g.boxRows(l, r.store[l]))
		}
	}
}

// rowsOf is the length of a tile across its rows in memory.
func rowsOf(l *tir.Op, g *gen) int {
	dims := view(l)
	in := slices.Index(dims, inner(g.k.Tensor(l.Param)))
	return l.Sizes[dims[1-in]]
}

func (g *gen) mapAddress(l *tir.Op, s *layout.Shared, rows int) wir.Arg {
	m := g.mapOf(l, s, rows)
	key := fmt.Sprint(l.Param, *m)
	if a, ok := g.hop.maps[key]; ok {
		return a
	}
	name := g.slot(abi.Slot{Kind: abi.TensorMap, Index: l.Param, Map: m}, ".align 64 .b8[128]")
	at := g.b.Op(wir.D, "mov.b64", wir.Symbol(name))
	at = g.b.Op(wir.D, "cvta.param.u64", at)
	g.hop.maps[key] = at
	return at
}

// produce emits the loading role's part of a block.
func (g *gen) produce(blk *tir.Block) {
	for _, op := range blk.Ops {
		g.b.Line(op.Loc.Line, op.Loc.Col)
		var r *ring
		if len(op.Results) == 1 {
			r = g.rings[op.Results[0]]
		}
		switch {
		case r != nil && r.group(blk)[0] == op:
			loads := r.group(blk)
			g.later(blk, loads)
			g.fillStage(r, loads)
		case r != nil || op.Kind == tir.Yield:
		case op.Kind == tir.For && g.loads(op):
			g.produceLoop(op)
		case op.Kind == tir.If && g.loads(op):
			side := func(b *tir.Block) func() { return func() { g.produce(b) } }
			g.b.If(g.b.Reg(wir.P, g.vals[op.Args[0]].r[0]), side(op.Blocks[0]),
				side(op.Blocks[1]))
		case len(op.Results) == 1 && g.hop.wanted[op.Results[0]] && g.vals[op.Results[0]] == nil:
			g.op(op)
		}
	}
}

// later computes the indices of a ring's further loads before their turn in the block.
func (g *gen) later(blk *tir.Block, loads []*tir.Op) {
	need := map[*tir.Value]bool{}
	var mark func(v *tir.Value)
	mark = func(v *tir.Value) {
		if v.Op != nil && slices.Contains(blk.Ops, v.Op) && !need[v] {
			need[v] = true
			for _, a := range v.Op.Args {
				mark(a)
			}
		}
	}
	for _, l := range loads {
		for _, v := range indices(l) {
			mark(v)
		}
	}
	for _, op := range blk.Ops {
		if len(op.Results) == 1 && need[op.Results[0]] && g.vals[op.Results[0]] == nil {
			g.op(op)
		}
	}
}

// loads tells whether loads of rings are inside of an operation.
func (g *gen) loads(op *tir.Op) bool {
	found := false
	for _, b := range op.Blocks {
		b.Walk(func(o *tir.Op) {
			found = found || len(o.Results) == 1 && g.rings[o.Results[0]] != nil
		})
	}
	return found
}

func (g *gen) produceLoop(op *tir.Op) {
	b := g.b
	lo, hi, step := g.vals[op.Args[0]].r[0], g.vals[op.Args[1]].r[0], g.vals[op.Args[2]].r[0]
	i := b.Var(wir.R)
	b.Set(i, lo)
	blk := op.Blocks[0]
	old := map[*tir.Value]*val{}
	for v, x := range g.vals {
		old[v] = x
	}
	b.If(b.Compare("lt", "s32", lo, hi), func() {
		b.Loop(func() (wir.Arg, bool) {
			g.vals[blk.Args[0]] = &val{t: blk.Args[0].Type, r: []wir.Arg{i}}
			g.produce(blk)
			b.Set(i, b.Add(i, step))
			return b.Compare("lt", "s32", i, hi), false
		})
	}, nil)
	g.vals = old
}

// fillStage waits until a stage is empty and starts its loads.
func (g *gen) fillStage(r *ring, loads []*tir.Op) {
	b := g.b
	g.waitBar(wir.At(r.bar, 8*r.stages), b.Xor(r.phase, wir.Int(1)))
	bytes := 0
	for _, l := range r.loads {
		bytes += r.store[l].Bytes()
	}
	b.Do("mbarrier.arrive.expect_tx.shared::cta.b64", wir.Symbol("_"), wir.At(r.bar, 0),
		wir.Int(bytes))
	for i, l := range loads {
		g.tensorCopy(l, r.store[l], b.Add(r.stage, wir.Int(r.at[i])), r.bar)
	}
	r.step(g)
}

// tensorCopy starts a TMA load, box by box; of what a pair has in common only this CTA's half, for
// both.
func (g *gen) tensorCopy(l *tir.Op, s *layout.Shared, to, bar wir.Arg) {
	b := g.b
	rows := rowsOf(l, g)
	wide, box := l.Sizes[inner(g.k.Tensor(l.Param))], g.boxRows(l, s)
	at := g.mapAddress(l, s, box)
	per := s.Span >> s.Size
	along, across := wir.Int(0), wir.Int(0)
	name := fmt.Sprintf("cp.async.bulk.tensor.%dd.shared::cluster.global.tile."+
		"mbarrier::complete_tx::bytes", len(memoryOrder(g.k.Tensor(l.Param))))
	var mask []wir.Arg
	if g.hop.common[l] {
		name += ".multicast::cluster"
		mask = []wir.Arg{b.Reg(wir.H, wir.Int(3))}
		if box < rows {
			across = b.Mul(g.hop.rank, wir.Int(box))
			to = b.Add(to, b.Mul(g.hop.rank, wir.Int(box*s.Span)))
		} else {
			wide /= 2
			along = b.Mul(g.hop.rank, wir.Int(wide))
			to = b.Add(to, b.Mul(g.hop.rank, wir.Int(wide/per*rows*s.Span)))
		}
	}
	for c := 0; c < wide; c += per {
		m := wir.Arg{Kind: wir.Map, Reg: at.Reg,
			List: g.coords(l, b.Add(along, wir.Int(c)), across)}
		args := []wir.Arg{g.near(to, c/per*rows*s.Span), m, wir.At(bar, 0)}
		b.Do(name, append(args, mask...)...)
	}
}

// coords are the coordinates of a box, innermost first, that begins so far into the view along the
// inner dimension and across it.
func (g *gen) coords(op *tir.Op, along, across wir.Arg) []wir.Arg {
	p := g.k.Tensor(op.Param)
	index := indices(op)
	var out []wir.Arg
	for _, d := range memoryOrder(p) {
		x := g.vals[index[d]].r[0]
		switch {
		case d == inner(p):
			x = g.b.Add(x, along)
		case op.Sizes[d] > 0:
			x = g.b.Add(x, across)
		}
		out = append(out, g.b.Reg(wir.R, x))
	}
	return out
}
