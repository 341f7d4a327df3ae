package gen

import (
	"fmt"
	"slices"

	"tensoros/neurolang/layout"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// pending is a product under way: registers that it writes and reads, and barriers of stages that
// are empty when it has ended.
type pending struct {
	regs    map[wir.Reg]bool
	release map[*ring]wir.Arg
	order   []*ring
	done    bool
}

// lag is a loop in which the products of a turn end during the next one: last is the barrier of the
// stage that the turn before has read, 0 in the first turn.
type lag struct {
	dots  []*tir.Op
	rings []*ring
	last  map[*ring]wir.Arg
	now   map[*ring]wir.Arg // that of this turn
}

// await waits for a ring's stage when the first of its loads comes, and finds out which operation
// is the last one to read it.
func (g *gen) await(op *tir.Op, r *ring) {
	blk := g.blockOf(op)
	loads := r.group(blk)
	if op != loads[0] {
		return
	}
	g.waitBar(wir.At(r.bar, 0), r.phase)
	g.lay(r, loads, r.stage)
	uses := map[*tir.Value]bool{}
	for _, l := range loads {
		uses[l.Results[0]] = true
	}
	var last *tir.Op
	for _, o := range blk.Ops {
		reads := slices.ContainsFunc(o.Args, func(v *tir.Value) bool { return uses[v] })
		for _, b := range o.Blocks {
			b.Walk(func(x *tir.Op) {
				reads = reads || slices.ContainsFunc(x.Args, func(v *tir.Value) bool {
					return uses[v]
				})
			})
		}
		if reads {
			last = o
		}
		if reads && o.Kind == tir.Transpose {
			uses[o.Results[0]] = true
		}
	}
	if last == nil {
		last = op
	}
	g.hop.after[last] = append(g.hop.after[last], r)
}

// blockOf is the block that an operation is in.
func (g *gen) blockOf(op *tir.Op) *tir.Block {
	found := g.k.Body
	g.k.Body.Walk(func(o *tir.Op) {
		for _, b := range o.Blocks {
			if slices.Contains(b.Ops, op) {
				found = b
			}
		}
	})
	return found
}

// finish gives back the stages that an operation was the last to read.
func (g *gen) finish(op *tir.Op) {
	for _, r := range g.hop.after[op] {
		g.waitAll()
		g.b.Do("bar.warp.sync", wir.Int(-1))
		g.release(r, g.b.Add(r.bar, wir.Int(8*r.stages)), wir.True)
		r.step(g)
	}
	delete(g.hop.after, op)
}

// release says that this warp has read a stage, under a condition; to both CTAs of a pair if both
// fill it.
func (g *gen) release(r *ring, bar, cond wir.Arg) {
	b := g.b
	if !r.common(g.hop) {
		p := b.Both(cond, b.Compare("eq", "s32", g.lane, wir.Int(0)))
		b.When(p, false, "mbarrier.arrive.shared::cta.b64", wir.Symbol("_"), wir.At(bar, 0))
		return
	}
	p := b.Both(cond, b.Compare("lt", "u32", g.lane, wir.Int(2)))
	there := b.Get(wir.R, "mapa.shared::cluster.u32", bar, b.And(g.lane, wir.Int(1)))
	b.When(p, false, "mbarrier.arrive.release.cluster.shared::cluster.b64", wir.Symbol("_"),
		wir.At(there, 0))
}

// waitUntil lets at most n products stay under way.
func (g *gen) waitUntil(n int) {
	h := g.hop
	if h == nil || len(h.issued) <= n {
		return
	}
	g.b.Do("wgmma.wait_group.sync.aligned", wir.Int(n))
	old := h.issued[:len(h.issued)-n]
	h.issued = h.issued[len(h.issued)-n:]
	for _, p := range old {
		p.done = true
		for _, r := range p.order {
			g.release(r, p.release[r], wir.True)
		}
	}
}

func (g *gen) waitAll() { g.waitUntil(0) }

// settleVal waits for the product that makes a value.
func (g *gen) settleVal(v *val) {
	if v.wait == nil || v.wait.done {
		return
	}
	g.waitUntil(len(g.hop.issued) - 1 - slices.Index(g.hop.issued, v.wait))
	v.wait = nil
}

// settleRegs waits for products that use registers which are about to change.
func (g *gen) settleRegs(v *val) {
	if g.hop == nil {
		return
	}
	for i := len(g.hop.issued) - 1; i >= 0; i-- {
		p := g.hop.issued[i]
		if slices.ContainsFunc(v.r, func(a wir.Arg) bool { return p.regs[a.Reg] }) {
			g.waitUntil(len(g.hop.issued) - 1 - i)
			return
		}
	}
}

// descriptor is the constant part of a matrix descriptor, without the address, of a tile whose
// dimension along is contiguous if major is set (facts/codegen.md, section 3).
func descriptor(s *layout.Shared, k int) (desc int64, trans int) {
	mode := map[int]int64{128: 1, 64: 2, 32: 3}[s.Span]
	sbo := int64(8*s.Span) >> 4
	lbo := int64(1)
	if s.Vec[layout.Shift(s.Dims, k)] != 1<<s.Size {
		trans = 1
		mn := 1 - k
		if bits := layout.Log2(s.Span) - s.Size; s.Dims[mn] > bits {
			lbo = int64(s.Vec[layout.Shift(s.Dims, mn)+bits]) >> 4
		}
	}
	return mode<<62 | sbo<<32 | lbo<<16, trans
}

// address of a matrix in a descriptor: 16-byte units.
func (g *gen) describe(m *stored, desc int64, place uint32, add wir.Arg) wir.Arg {
	b := g.b
	at := b.Add(b.Shr(b.Add(m.base, add), 4), wir.Int(int(m.s.Offset(place)>>4)))
	wide := b.Op(wir.D, "cvt.u64.u32", at)
	return b.Op(wir.D, "or.b64", wide, wir.Arg{Kind: wir.Imm, Off: desc})
}

var wgmmaTypes = map[tile.Elem]string{tile.F16: "f32.f16.f16", tile.BF16: "f32.bf16.bf16",
	tile.TF32: "f32.tf32.tf32", tile.E4M3: "f32.e4m3.e4m3", tile.E5M2: "f32.e5m2.e5m2",
	tile.I8: "s32.s8.s8", tile.U8: "s32.u8.u8"}

// wgmma emits a dot as asynchronous products of warp groups.
func (g *gen) wgmma(op *tir.Op) {
	b, h := g.b, g.hop
	out := op.Results[0]
	t := out.Type
	l := g.sum(t.Dims)
	zero := isZero(op.Args[2])
	var c *val
	if home, ok := g.target(op, l); ok && !zero {
		c = home
	} else if zero {
		c = g.hold(out)
		c.l = l
	} else {
		c = g.sums(op, l)
	}
	x, y := g.vals[op.Args[0]], g.vals[op.Args[1]]
	e := x.t.Elem
	kk, n := x.t.Dims[1], t.Dims[1]
	p := &pending{regs: map[wir.Reg]bool{}, release: map[*ring]wir.Arg{}}
	for _, r := range c.r {
		p.regs[r.Reg] = true
	}
	var words []wir.Arg
	la := layout.Left(layout.Logs(x.t.Dims), layout.Log2(e.Size()), g.warpsM, 0)
	if x.mem == nil {
		words = slices.Clone(g.operand(x, la, 1))
		for _, w := range words {
			p.regs[w.Reg] = true
		}
	}
	b.Do("wgmma.fence.sync.aligned")
	pieces := t.Dims[0] / (64 * h.groups)
	for m := range pieces {
		for s := range kk / kStep(e) {
			args := g.wgmmaArgs(x, y, words, la, m, s, e)
			scale := wir.Int(1)
			if zero && s == 0 {
				scale = b.Reg(wir.P, wir.False)
			}
			tail := []wir.Arg{scale}
			if !tir.IsInt(e) {
				tail = append(tail, wir.Int(1), wir.Int(1))
			}
			name := fmt.Sprintf("wgmma.mma_async.sync.aligned.m64n%dk%d.%s", n, kStep(e),
				wgmmaTypes[e])
			node := b.Do(name, append(args, append(tail, g.transposed(x, y, e)...)...)...)
			node.Dst = []wir.Arg{wir.List(c.r[m*n/2 : (m+1)*n/2]...)}
		}
	}
	for _, r := range c.r {
		b.Touch(r)
	}
	g.commit(op, p)
	g.vals[out] = &val{t: t, l: l, r: c.r, wait: p}
}

// transposed are the operands that say which sides lie across k.
func (g *gen) transposed(x, y *val, e tile.Elem) (out []wir.Arg) {
	if !half(e) {
		return nil
	}
	if x.mem != nil {
		_, t := descriptor(x.mem.s, 1)
		out = append(out, wir.Int(t))
	}
	_, t := descriptor(y.mem.s, 0)
	return append(out, wir.Int(t))
}

// wgmmaArgs are the sides of piece m and step s.
func (g *gen) wgmmaArgs(x, y *val, words []wir.Arg, la *layout.Layout, m, s int,
	e tile.Elem) []wir.Arg {
	k := layout.Log2(x.t.Dims[1])
	row := m * 64 * g.hop.groups
	var left wir.Arg
	if x.mem == nil {
		at := la.Find(uint32(row<<k|s*kStep(e))) / (4 / e.Size())
		left = wir.List(words[at : at+4]...)
	} else {
		desc, _ := descriptor(x.mem.s, 1)
		group := wir.Int(0)
		if g.hop.groups > 1 {
			group = g.b.Mul(g.b.Shr(g.warp, 2), wir.Int(int(x.mem.s.Offset(64<<k))))
		}
		left = g.describe(x.mem, desc, uint32(row<<k|s*kStep(e)), group)
	}
	desc, _ := descriptor(y.mem.s, 0)
	n := layout.Log2(y.t.Dims[1])
	return []wir.Arg{left, g.describe(y.mem, desc, uint32(s*kStep(e))<<n, wir.Int(0))}
}

// isZero tells whether a value is the constant 0.
func isZero(v *tir.Value) bool {
	return v.Op != nil && v.Op.Kind == tir.Const && v.Op.Num == 0 && v.Op.Int == 0
}

// commit closes a group of products; stages that nobody reads after it go back when it has ended.
func (g *gen) commit(op *tir.Op, p *pending) {
	h, b := g.hop, g.b
	rings := h.after[op]
	delete(h.after, op)
	late := h.lag != nil && slices.Contains(h.lag.dots, op)
	for _, r := range rings {
		bar := b.Get(wir.R, "add.s32", r.bar, wir.Int(8*r.stages))
		if late {
			h.lag.now[r] = bar
		} else {
			p.release[r] = bar
			p.order = append(p.order, r)
		}
		r.step(g)
	}
	switch {
	case !late:
		b.Do("wgmma.commit_group.sync.aligned")
		h.issued = append(h.issued, p)
	case op == h.lag.dots[len(h.lag.dots)-1]:
		b.Do("wgmma.commit_group.sync.aligned")
		b.Do("wgmma.wait_group.sync.aligned", wir.Int(1))
		h.lag.release(g)
		for _, r := range h.lag.rings {
			b.Set(h.lag.last[r], h.lag.now[r])
		}
		p.done = true
	default:
		p.done = true
	}
}

// release gives back the stages of the turn before, if there was one.
func (l *lag) release(g *gen) {
	for _, r := range l.rings {
		g.release(r, l.last[r], g.b.Compare("ne", "s32", l.last[r], wir.Int(0)))
	}
}

// lagging finds out whether the products of a loop's turn may end during the next one: they add to
// carried sums that nothing else touches, and only they read the loop's stages.
func (g *gen) lagging(op *tir.Op) *lag {
	l := &lag{last: map[*ring]wir.Arg{}, now: map[*ring]wir.Arg{}}
	blk := op.Blocks[0]
	uses := map[*tir.Value][]*tir.Op{}
	blk.Walk(func(o *tir.Op) {
		for _, a := range o.Args {
			uses[a] = append(uses[a], o)
		}
	})
	only := func(v *tir.Value, by *tir.Op) bool { return len(uses[v]) == 1 && uses[v][0] == by }
	for _, o := range blk.Ops {
		if len(o.Blocks) > 0 {
			return nil
		}
		if o.Kind != tir.Dot {
			continue
		}
		j := slices.Index(blk.Args, o.Args[2])
		if !g.hop.wide[o] || j < 1 || !only(o.Args[2], o) ||
			!only(o.Results[0], blk.Ops[len(blk.Ops)-1]) ||
			yielded(blk)[j-1] != o.Results[0] || feeds(o.Args[0]) == nil {
			return nil
		}
		l.dots = append(l.dots, o)
		for _, a := range o.Args[:2] {
			r := g.rings[feeds(a).Results[0]]
			if r == nil {
				return nil
			}
			if slices.Contains(blk.Ops, feeds(a)) && !slices.Contains(l.rings, r) {
				l.rings = append(l.rings, r)
			}
		}
	}
	for _, r := range l.rings {
		for _, x := range r.group(blk) {
			for _, u := range uses[x.Results[0]] {
				if u.Kind != tir.Dot && u.Kind != tir.Transpose {
					return nil
				}
			}
		}
	}
	if len(l.dots) == 0 || len(l.rings) == 0 {
		return nil
	}
	return l
}
