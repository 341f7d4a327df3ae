package sm

import (
	"tensoros/sim/gpu/lower"
	"tensoros/sim/gpu/memory"
)

const (
	far  = int64(1) << 62
	fine = 64 // units are booked in 1/64 cycles: a tensor instruction takes 6.4
)

// timing is a warp's part in time.
type timing struct {
	last   int64 // when its latest machine instruction issued
	at     int64 // not before this, for reason why
	why    Reason
	next   int64 // when it can issue, its unit aside; far if blocked or done
	reason Reason
	micro  int32 // machine instructions of the present instruction that have issued
	unit   lower.Unit
	sub    int
	wake   int64 // when a parked warp gives up
	tokens [lower.Tokens]token
	groups [numQueues]groups
	dirty  bool

	counted int64 // the cycle that the profile has come to
}

// token is a scoreboard counter: when the last result behind it is there. Results that have been
// asked for in this window are counted in open, and their time is not known yet.
type token struct {
	at   int64
	open int32
	why  Reason
}

func (t *token) raise(at int64, why Reason) {
	if at >= t.at {
		t.at, t.why = at, why
	}
}

// subCore is a quarter of an SM: a scheduler and its units.
type subCore struct {
	warps []*Warp
	last  *Warp
	best  *Warp
	next  int64
	free  [lower.Units]int64 // in 1/fine cycles
	light int64              // the second half of the FMA pipe
	mmas  []int64            // ends of the latest wgmmas
	mma   int

	issued int64 // machine instructions
}

// Core is one SM.
type Core struct {
	prog    *Program // the copy of its thread
	grid    *Grid
	group   *group
	id      int
	side    uint8 // partition of L2
	subs    []subCore
	ctas    []*CTA
	spare   []*CTA
	next    int64
	now     int64
	pipe    int64 // when the memory pipe is free, in 1/fine cycles
	tma     int64 // when the copy engine is
	maps    []mapUse
	l1      l1Cache
	lsu     requests
	due     []arrival // by time
	flights []flight
	lagging []arrival // arrivals that wait for earlier copies
	ended   []ending
	busy    [lower.Units]int64 // booked, in 1/fine cycles
	units   int64              // machine instructions issued
	stall   *Profile

	resident        int64  // cycles of warps that have exited, from the start of their CTAs
	l1Hits, l1Asked uint64 // sectors of loads
}

// ending is a CTA that ended in this window.
type ending struct {
	cta *CTA
	at  int64
}

func newCore(g *Grid, id int) *Core {
	c := &Core{grid: g, id: id, subs: make([]subCore, g.cfg.SubCores), next: far}
	for i := range c.subs {
		c.subs[i].next = far
		c.subs[i].mmas = make([]int64, max(g.cfg.MMADepth, 1))
	}
	c.lsu.slots = make([]int64, max(g.cfg.InFlight, 1))
	return c
}

// room takes a CTA from the spare ones, or makes one.
func (c *Core) room() *CTA {
	if n := len(c.spare); n > 0 {
		cta := c.spare[n-1]
		c.spare = c.spare[:n-1]
		return cta
	}
	cta := newCTA(c.grid.launch, c.prog)
	for i, w := range cta.warps {
		w.sub = i % len(c.subs)
	}
	return cta
}

// admit starts a CTA, which has been placed, at cycle now.
func (c *Core) admit(cta *CTA, now int64) {
	cta.clock = func() uint64 { return uint64(c.now) }
	cta.sms = len(c.grid.cores)
	cta.fault = &c.group.fault
	cta.start = now
	c.ctas = append(c.ctas, cta)
	c.now = max(c.now, now)
	for _, w := range cta.warps {
		sub := w.sub
		w.timing = timing{last: now - 1, at: now, why: Launching, sub: sub, groups: w.groups,
			counted: now}
		for q := range w.groups {
			w.groups[q].reset()
		}
		s := &c.subs[sub]
		s.warps = append(s.warps, w)
		c.settle(w)
		c.choose(s)
	}
	c.next = min(c.next, now)
}

// choose finds the warp that issues next: the last one while it is ready, else the youngest of
// those ready first (compiler-guided greedy then youngest, Huerta et al., MICRO 2025).
func (c *Core) choose(s *subCore) {
	s.best, s.next = nil, far
	for i := len(s.warps) - 1; i >= 0; i-- {
		w := s.warps[i]
		if w.next == far || w.next > s.next {
			continue
		}
		t := max(w.next, c.free(s, w.unit))
		if t < s.next || t == s.next && w == s.last {
			s.best, s.next = w, t
		}
	}
}

// free is the first cycle at which a unit takes an instruction.
func (c *Core) free(s *subCore, u lower.Unit) int64 {
	switch u {
	case lower.Memory:
		return c.pipe/fine - c.grid.cfg.Queue
	case lower.Copy:
		return c.tma
	case lower.Warpgroup:
		return s.mmas[s.mma]
	case lower.FMA:
		return (min(s.light, s.free[lower.Heavy]) + fine - 1) / fine
	case lower.Control, lower.Barrier:
		return 0
	}
	return (s.free[u] + fine - 1) / fine
}

// step issues the next machine instruction or lets the next arrival happen, if that is before
// limit; it reports whether there was one.
func (c *Core) step(limit int64) bool {
	var s *subCore
	t := far
	for i := range c.subs {
		if c.subs[i].next < t {
			s, t = &c.subs[i], c.subs[i].next
		}
	}
	if len(c.due) > 0 && c.due[0].at <= t {
		c.next = c.due[0].at
		if c.next >= limit {
			return false
		}
		c.land()
		return true
	}
	if c.next = t; t >= limit {
		return false
	}
	c.issue(s, s.best, t)
	return true
}

// issue lets a warp's next machine instruction go at cycle t; the last one of an instruction
// executes it.
func (c *Core) issue(s *subCore, w *Warp, t int64) {
	if w.unit == lower.Memory && w.prog.insts[w.pc].class >= beyond {
		if at := c.lsu.room(t); at > t { // no more requests fit
			if c.stall != nil {
				c.charge(s, w, t)
			}
			w.next, w.reason, w.dirty = at, MemoryThrottle, at == far
			c.choose(s)
			return
		}
	}
	p := w.prog
	pc := w.pc
	in := &p.insts[pc]
	k := p.first[pc] + w.micro
	m := &p.micros[k]
	if c.stall != nil {
		c.account(s, w, t)
	}
	c.now, c.units = t, c.units+1
	s.issued++
	s.last = w
	w.last, w.at, w.why = t, t+1, Wait
	c.book(s, m, t)
	if k+1 < p.first[pc+1] {
		w.micro++
		if m.Set < lower.NoToken {
			w.tokens[m.Set].raise(t+c.latency(m.Unit), ShortScoreboard)
		}
		c.settle(w)
		c.choose(s)
		return
	}
	w.micro = 0
	cta := w.cta
	w.step()
	cta.issued++
	c.effects(s, w, in, m, t)
	if in.kind.jumps() && w.pc != pc+1 {
		w.at, w.why = t+c.grid.cfg.Taken, BranchResolving
	}
	c.after(cta, w, t)
	c.choose(s)
}

// after settles what an instruction has changed: its own warp, those it freed, its CTA.
func (c *Core) after(cta *CTA, w *Warp, t int64) {
	c.settle(w)
	for _, peer := range cta.cluster.ctas {
		if len(peer.freed) > 0 {
			c.unblock(peer, t, peer != cta)
		}
	}
	if cta.running == 0 {
		c.finish(cta, t)
	}
}

// book takes the instruction's slot in its unit.
func (c *Core) book(s *subCore, m *lower.Micro, t int64) {
	u := m.Unit
	n := int64(c.grid.cfg.Interval[u] * float64(m.Busy))
	free := &s.free[u]
	switch u {
	case lower.Memory, lower.Copy: // their own pipes
		return
	case lower.FMA: // two halves, each at half the rate; or one
		if n = 2 * n; c.grid.cfg.Interval[lower.FMA] >= c.grid.cfg.Interval[lower.Heavy] {
			s.light, n = far, n/2
		}
		if free = &s.free[lower.Heavy]; s.light < *free {
			free = &s.light
		}
	case lower.Warpgroup:
		free = &s.free[lower.Tensor]
	}
	start := *free
	if t*fine-start >= fine { // idle, and not only waiting for the next whole cycle
		start = t * fine
	}
	*free = start + n
	c.busy[u] += n
	if u == lower.Warpgroup {
		s.mmas[s.mma] = (start + n) / fine
		s.mma = (s.mma + 1) % len(s.mmas)
	}
}

func (c *Core) latency(u lower.Unit) int64 { return c.grid.cfg.Latency[u] }

// effects gives the results of an executed instruction their times.
func (c *Core) effects(s *subCore, w *Warp, in *inst, m *lower.Micro, t int64) {
	q := in.cost.queue
	if in.cost.warpgroup != noWarpgroup {
		c.warpgroup(s, w, in.cost.warpgroup, t)
	}
	switch {
	case m.Unit == lower.Memory:
		c.memory(w, in, m.Set, t)
	case m.Set < lower.NoToken:
		w.tokens[m.Set].raise(t+c.latency(m.Unit), ShortScoreboard)
	}
	if in.sleep != nil && w.mask != 0 {
		w.at, w.why = t+in.sleep(w), Sleeping
	}
	if in.cost.commit {
		w.groups[q].commit()
	}
	if len(w.transfers) > 0 {
		c.send(w, t)
	}
}

// warpgroup gives a wgmma, or the fence before it, its time.
func (c *Core) warpgroup(s *subCore, w *Warp, of warpgroup, t int64) {
	cfg := &c.grid.cfg
	issue, tail := cfg.MMAIssue, cfg.MMATail
	switch of {
	case mmaFence:
		w.at = t + max(cfg.MMAFence, 1)
		return
	case mmaRegisters:
		issue, tail = cfg.MMARegs, cfg.MMATailR
	}
	w.at = t + max(issue, 1)
	w.groups[mmaQueue].join(s.free[lower.Tensor]/fine + tail)
}

// settle finds when w's next machine instruction can issue. Instructions that have folded into
// others execute at once: they take no time.
func (c *Core) settle(w *Warp) {
	p := w.prog
	for !w.done() && !w.blocked() && p.first[w.pc] == p.first[w.pc+1] {
		w.step()
		w.cta.issued++
	}
	if w.done() || w.blocked() {
		w.next, w.reason = far, AtBarrier
		if w.parked && w.waiting != w.live {
			w.next, w.reason = w.wake, AtMbarrier
		}
		return
	}
	m := &p.micros[p.first[w.pc]+w.micro]
	at, why := w.at, w.why
	if t := w.last + int64(m.Gap); t > at {
		at, why = t, Wait
	}
	for mask := m.Wait; mask != 0; mask &= mask - 1 {
		k := &w.tokens[first(uint32(mask))]
		if k.open > 0 {
			at, why = far, k.why
			break
		}
		if k.at > at {
			at, why = k.at, k.why
		}
	}
	if in := &p.insts[w.pc]; in.cost.waiting {
		if t := w.groups[in.cost.queue].ready(int(in.cost.wait), in.cost.read); t > at {
			at, why = t, queueReasons[in.cost.queue]
		}
	}
	w.next, w.reason, w.unit = at, why, m.Unit
}

var queueReasons = [numQueues]Reason{copyQueue: LongScoreboard, bulkQueue: AtMbarrier,
	mmaQueue: Warpgroup}

// account adds the cycles of a warp that issues to the profile.
func (c *Core) account(s *subCore, w *Warp, t int64) {
	c.charge(s, w, t)
	c.stall.Issued[w.pc]++
	c.stall.Cycles[w.pc][Selected]++
	w.counted = t + 1
}

// charge adds the cycles before t that have not been counted yet: to what the warp itself waited
// for, then to its unit while that was busy, then to the warps that went first.
func (c *Core) charge(s *subCore, w *Warp, t int64) {
	n := t - w.counted
	if n <= 0 {
		return
	}
	k := &c.stall.Cycles[w.pc]
	own := min(max(w.next-w.counted, 0), n)
	k[w.reason] += uint64(own)
	busy := min(max(c.free(s, w.unit)-max(w.next, w.counted), 0), n-own)
	why := MathThrottle
	if w.unit == lower.Memory || w.unit == lower.Copy {
		why = MemoryThrottle
	}
	k[why] += uint64(busy)
	k[NotSelected] += uint64(n - own - busy)
	w.counted = t
}

// unblock lets the warps that a barrier has freed go on.
func (c *Core) unblock(cta *CTA, t int64, remote bool) {
	for _, w := range cta.freed {
		why := AtBarrier
		at := t + c.grid.cfg.Release
		if remote {
			at = t + c.grid.cfg.Remote
		}
		if at > w.at {
			w.at, w.why = at, why
		}
		home := cta.core
		home.settle(w)
		home.choose(&home.subs[w.sub])
		home.next = min(home.next, home.subs[w.sub].next)
	}
	cta.freed = cta.freed[:0]
}

// finish ends a CTA; the grid gives its room to another at the end of the window.
func (c *Core) finish(cta *CTA, t int64) {
	for i := range c.subs {
		s := &c.subs[i]
		kept := s.warps[:0]
		for _, w := range s.warps {
			if w.cta != cta {
				kept = append(kept, w)
			}
		}
		s.warps = kept
		if s.last != nil && s.last.cta == cta {
			s.last = nil
		}
		c.choose(s)
	}
	for i := range c.ctas {
		if c.ctas[i] == cta {
			c.ctas = append(c.ctas[:i], c.ctas[i+1:]...)
			break
		}
	}
	c.ended = append(c.ended, ending{cta, t + 1})
}

// request is Request with who waits for it.
type request = memory.Request
