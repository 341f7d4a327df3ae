package sm

import "tensoros/sim/gpu/memory"

// Config is what an SM has and what its pipes cost, in cycles.
type Config struct {
	SubCores  int
	Warps     int // resident a SM, at most
	CTAs      int
	Registers int // 32-bit, a SM
	Shared    int // bytes of shared memory a SM
	Reserved  int // bytes of it that every CTA loses
	Latency   [Classes]int64
	Interval  [Classes]float64 // between two instructions of a sub-core
	Predicate int64            // from a comparison to its use by a branch or guard
	Taken     int64            // cost of a taken branch
	Release   int64            // from the last arrival at a barrier to the next issue
	Access    int64            // cycles between two requests to the memory pipe of the SM
	Shuffle   int64            // latency of shfl
	CopyIssue int64            // cycles of the memory pipe a cp.async takes
}

// timing is a warp's part in time.
type timing struct {
	ready []int64 // by token: when the register's value is there
	at    int64   // when the next instruction may issue, dependencies aside
	next  int64   // the same with dependencies; far if blocked or done
	sub   int
	wake  int64 // when a parked warp gives up
}

const (
	far  = int64(1) << 62
	fine = 64 // pipes are booked in 1/64 cycles: a tensor instruction takes 6.4
)

type subCore struct {
	warps []*Warp
	last  *Warp
	free  [Classes]int64 // in 1/fine cycles
	best  *Warp
	next  int64
}

// Core is one SM.
type Core struct {
	grid  *Grid
	id    int
	subs  []subCore
	pipe  int64 // memory pipe, in cycles
	ctas  []*CTA
	spare []*CTA
	next  int64
	now   int64
	Busy  [Classes]int64 // booked, in 1/fine cycles
	lines []lineAccess
	due   []arrival // by time
	tma   int64     // when the copy engine is free
}

type lineAccess struct {
	addr    uint64
	sectors uint8
}

func newCore(g *Grid, id int) *Core {
	c := &Core{grid: g, id: id, subs: make([]subCore, g.cfg.SubCores), next: far}
	for i := range c.subs {
		c.subs[i].next = far
	}
	return c
}

// admit places a CTA at cycle now.
func (c *Core) admit(index int, now int64) {
	var cta *CTA
	if n := len(c.spare); n > 0 {
		cta, c.spare = c.spare[n-1], c.spare[:n-1]
	} else {
		cta = newCTA(c.grid.launch)
		cta.clock = func() uint64 { return uint64(c.now) }
		tokens := c.grid.launch.Prog.tokens()
		for i, w := range cta.warps {
			w.ready = make([]int64, tokens)
			w.sub = i % len(c.subs)
		}
	}
	cta.sms = len(c.grid.cores)
	cta.place(index, c.id)
	cta.start = now
	c.ctas = append(c.ctas, cta)
	for _, w := range cta.warps {
		clear(w.ready)
		w.at, w.next = now, now
		s := &c.subs[w.sub]
		s.warps = append(s.warps, w)
		s.choose()
	}
	c.next = min(c.next, now)
}

// choose finds the warp that issues next: the last one while it is ready, else the youngest of
// those ready first (compiler-guided greedy then youngest, Huerta et al., MICRO 2025).
func (s *subCore) choose() {
	s.best, s.next = nil, far
	for i := len(s.warps) - 1; i >= 0; i-- {
		w := s.warps[i]
		if w.next == far {
			continue
		}
		t := max(w.next, (s.free[w.class()]+fine-1)/fine)
		if t < s.next || t == s.next && w == s.last {
			s.best, s.next = w, t
		}
	}
}

func (w *Warp) class() Class { return w.prog.insts[w.pc].class }

// advance issues everything that is due before limit.
func (c *Core) advance(limit int64) {
	for c.grid.launch.err == nil {
		var s *subCore
		t := far
		for i := range c.subs {
			if c.subs[i].next < t {
				s, t = &c.subs[i], c.subs[i].next
			}
		}
		if len(c.due) > 0 && c.due[0].at <= t && c.due[0].at < limit {
			c.land()
			continue
		}
		if len(c.due) > 0 {
			t = min(t, c.due[0].at)
		}
		c.next = t
		if t >= limit {
			return
		}
		c.issue(s, s.best, t)
	}
}

func (c *Core) issue(s *subCore, w *Warp, t int64) {
	cfg := &c.grid.cfg
	in := &w.prog.insts[w.pc]
	if uses := in.class == Shared || in.class == Global || in.class == Async; uses && c.pipe > t {
		s.free[in.class] = max(s.free[in.class], c.pipe*fine)
		s.choose()
		return
	}
	c.now = t
	pc := w.pc
	cta := w.cta
	w.step()
	cta.issued++
	s.last = w
	c.book(s, in, t)
	if in.cost.tail > 0 {
		w.join(mmaQueue, s.free[Tensor]/fine+in.cost.tail)
	}
	done := t + cfg.Latency[in.class]
	switch in.class {
	case Shared:
		done = c.shared(w, in, t)
	case Global, Async:
		done = c.global(w, in, t)
	}
	if in.cost.commit {
		w.commit(in.cost.queue)
	}
	c.send(cta, w, t)
	for _, d := range in.dst {
		w.ready[d] = max(w.ready[d], done)
	}
	w.at = t + 1
	if in.kind.jumps() && w.pc != pc+1 {
		w.at = t + cfg.Taken
	}
	c.settle(w)
	if len(cta.freed) > 0 {
		c.unblock(cta, t)
	}
	if cta.running == 0 {
		c.finish(cta, t)
	}
	s.choose()
}

// book takes the instruction's slot in its pipe.
func (c *Core) book(s *subCore, in *inst, t int64) {
	n := int64(c.grid.cfg.Interval[in.class] * fine)
	if in.cost.exact > 0 {
		n = int64(in.cost.exact * fine)
	} else if in.class == Tensor {
		n = int64(c.grid.cfg.Interval[Tensor] * float64(in.cost.cycles) * fine)
	}
	start := s.free[in.class]
	if t*fine-start >= fine { // idle, and not only waiting for the next whole cycle
		start = t * fine
	}
	s.free[in.class] = start + n
	c.Busy[in.class] += n
}

// settle finds when w's next instruction may issue.
func (c *Core) settle(w *Warp) {
	if w.done() || w.blocked() {
		w.next = far
		if w.parked && w.waiting != w.live {
			w.next = w.wake
		}
		return
	}
	cfg := &c.grid.cfg
	in := &w.prog.insts[w.pc]
	at := w.at
	for _, r := range in.src {
		at = max(at, w.ready[r])
	}
	for _, r := range in.dst {
		at = max(at, w.ready[r])
	}
	if in.guard >= 0 {
		// A predicate reaches the guard later than it reaches data.
		token := w.prog.rows32 + w.prog.rows64 + int(in.guard)
		at = max(at, w.ready[token]+cfg.Predicate-cfg.Latency[ALU])
	}
	if in.cost.waiting {
		at = max(at, w.copies(in.cost.queue, int(in.cost.wait)))
	}
	w.next = at
}

// commit ends the group that is open.
func (w *Warp) commit(q queue) {
	if n := len(w.group[q]); n > 0 && !w.group[q][n-1].committed {
		w.group[q][n-1].committed = true
		return
	}
	w.group[q] = append(w.group[q], asyncCopy{committed: true})
}

// join adds work that ends at done to the open group.
func (w *Warp) join(q queue, done int64) {
	n := len(w.group[q])
	if n == 0 || w.group[q][n-1].committed {
		w.group[q] = append(w.group[q], asyncCopy{})
		n++
	}
	g := &w.group[q][n-1]
	g.done = max(g.done, done)
}

// copies is when all but the latest n groups have ended; those are forgotten.
func (w *Warp) copies(q queue, n int) int64 {
	k := len(w.group[q]) - n
	if k <= 0 {
		return 0
	}
	var at int64
	for i := range k {
		at = max(at, w.group[q][i].done)
	}
	w.group[q] = append(w.group[q][:0], w.group[q][k:]...)
	return at
}

// shared is an access to shared memory: as many turns of the pipe as wavefronts.
func (c *Core) shared(w *Warp, in *inst, t int64) int64 {
	cfg := &c.grid.cfg
	if w.touch == 0 {
		return t + 1
	}
	waves := w.wavefronts()
	turn := max(waves, cfg.Access)
	c.pipe = t + turn
	c.Busy[Shared] += (turn - 1) * fine
	if !in.cost.load {
		return t + 1
	}
	if w.phases == 1 && w.size == 4 {
		return t + cfg.Shuffle
	}
	return t + cfg.Latency[Shared] + waves - 1
}

// global is an access beyond the SM, one request for each line of 128 bytes.
func (c *Core) global(w *Warp, in *inst, t int64) int64 {
	cfg := &c.grid.cfg
	if w.touch == 0 {
		return t + 1
	}
	if w.space == inShared ||
		w.space == inGeneric && w.addr[first(w.touch)]&windowMask == SharedWindow {
		return c.shared(w, in, t)
	}
	c.coalesce(w)
	turn := max(int64(len(c.lines)), cfg.Access)
	if in.class == Async {
		turn = max(turn, cfg.CopyIssue)
	}
	c.pipe = t + turn
	write := !in.cost.load && in.class == Global || in.cost.atomic
	var done int64
	for i, l := range c.lines {
		at := c.grid.launch.physical(l.addr)
		done = max(done, c.grid.mem.Access(t+int64(i), at, l.sectors, write))
	}
	if in.class == Async {
		w.join(copyQueue, done)
		return t + 1
	}
	if in.cost.load {
		return done
	}
	return t + 1
}

// coalesce gathers the sectors that a warp touches, by line, in order of first touch.
func (c *Core) coalesce(w *Warp) {
	c.lines = c.lines[:0]
	for m := w.touch; m != 0; m &= m - 1 {
		a := w.placed(first(m))
		for at := a &^ (memory.SectorLen - 1); at < a+uint64(w.size); at += memory.SectorLen {
			c.sector(at)
		}
	}
}

// placed is a lane's address as the memory system sees it: local memory lies word by word across
// the lanes of a warp (CUDA C++ Programming Guide, local memory).
func (w *Warp) placed(l int) uint64 {
	a := w.addr[l]
	if w.space == inLocal || w.space == inGeneric && a&windowMask == LocalWindow {
		warp := uint64(w.cta.index*len(w.cta.warps) + w.id)
		return LocalWindow + warp*uint64(w.prog.Local*Lanes) + (a&^windowMask)/4*128 + uint64(l)*4
	}
	return a
}

func (c *Core) sector(at uint64) {
	line, bit := at&^(memory.LineLen-1), uint8(1)<<(at%memory.LineLen/memory.SectorLen)
	for i := len(c.lines) - 1; i >= 0; i-- {
		if c.lines[i].addr == line {
			c.lines[i].sectors |= bit
			return
		}
	}
	c.lines = append(c.lines, lineAccess{line, bit})
}

// wavefronts counts the turns that a shared access needs: 32 banks of 4 bytes, one word of each a
// turn, words read by several lanes once. Wide accesses go in groups of lanes of 128 bytes.
func (w *Warp) wavefronts() int64 {
	if w.phases > 0 && w.size == 4 {
		return 1
	}
	group := Lanes
	if w.size > 4 {
		group = Lanes * 4 / int(w.size)
	}
	lanes := Lanes
	if w.phases > 0 {
		lanes = int(w.phases) * 8 // ldmatrix: eight rows a matrix
	}
	var waves int64
	for l := 0; l < lanes; l += group {
		waves += w.conflicts(l, min(l+group, lanes))
	}
	return max(waves, 1)
}

// conflicts is the largest number of different words that lanes lo to hi ask of one bank.
func (w *Warp) conflicts(lo, hi int) int64 {
	var words [64]uint64 // all that are asked for: 32, or 64 if what is misaligned will fault
	var older [64]uint8  // the word before in the same bank, plus one
	var latest [32]uint8 // of each bank, plus one so that 0 is none
	var count [32]int64
	var n uint8
	var worst int64
	for l := lo; l < hi; l++ {
		if w.touch>>l&1 == 0 {
			continue
		}
		for at := w.addr[l] / 4; at <= (w.addr[l]+uint64(w.size)-1)/4; at++ {
			bank := at % 32
			i := latest[bank]
			for i > 0 && words[i-1] != at {
				i = older[i-1]
			}
			if i > 0 {
				continue
			}
			words[n], older[n] = at, latest[bank]
			n++
			latest[bank] = n
			count[bank]++
			worst = max(worst, count[bank])
		}
	}
	return worst
}

// unblock lets the warps that a barrier has freed go on.
func (c *Core) unblock(cta *CTA, t int64) {
	for _, w := range cta.freed {
		w.at = max(w.at, t+c.grid.cfg.Release)
		c.settle(w)
		c.subs[w.sub].choose()
	}
	cta.freed = cta.freed[:0]
}

// finish ends a CTA and asks for the next.
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
		s.choose()
	}
	for i := range c.ctas {
		if c.ctas[i] == cta {
			c.ctas = append(c.ctas[:i], c.ctas[i+1:]...)
			break
		}
	}
	c.spare = append(c.spare, cta)
	c.grid.finished(c, cta, t+1)
}
