package sm

import (
	"tensoros/sim/gpu/lower"
	"tensoros/sim/gpu/memory"
)

// requests are what an SM has asked of L2 in the present window, and what waits for the answers.
type requests struct {
	list    []request
	waiters []waiter
	place   []int32 // of each request in slots
	moved   []int32 // where requests go that stay
	slots   []int64 // when the latest requests are answered, far if that is not known: a ring
	hand    int
	lines   []lineAccess
	port    int64 // when the port from L2 is free, in 1/fine cycles
}

// waiter is what a request ends: a token of a warp, a group of copies, or a bulk transfer.
type waiter struct {
	request int32
	kind    waiterKind
	index   int32 // of the token, or of the flight
	queue   queue
	group   uint32
	w       *Warp
}

type waiterKind uint8

const (
	onToken waiterKind = iota
	onGroup
	onFlight
	onLine // of L1
)

type lineAccess struct {
	addr    uint64
	sectors uint8
	turns   uint8
}

// room is when there is room for another instruction's requests.
func (r *requests) room(t int64) int64 {
	return max(t, r.slots[r.hand])
}

// memory is a load, store, atomic, shuffle or other use of the memory pipe.
func (c *Core) memory(w *Warp, in *inst, token uint8, t int64) {
	cfg := &c.grid.cfg
	if in.class == beyond || in.class == async {
		c.global(w, in, token, t)
		return
	}
	if w.touch == 0 || in.class != inPipe {
		done := c.turn(t, cfg.Access*fine) + 1
		if in.fence {
			done += cfg.Fence
			w.at, w.why = done, Membar
		}
		w.result(token, done, ShortScoreboard)
		return
	}
	switch in.cost.barrier {
	case arrives:
		w.at = t + max(cfg.Arrive, 1)
	case tests:
		w.result(token, c.turn(t, cfg.Access*fine)+c.test(w, t), ShortScoreboard)
		return
	}
	if in.wide > 0 { // the lanes' addresses are those of its first word
		w.size = in.wide
	}
	c.shared(w, in, token, t)
}

// test is the latency of a test of an mbarrier. It comes before the arrival that has just been made
// here, and waits as if it had found none.
func (c *Core) test(w *Warp, t int64) int64 {
	cfg := &c.grid.cfg
	if t-w.cta.phased <= cfg.Arrive {
		return cfg.Test + cfg.Release
	}
	return cfg.Test
}

// turn takes the memory pipe for some time, in 1/fine cycles, and returns the cycle it begins.
func (c *Core) turn(t, work int64) int64 {
	start := max(t*fine, c.pipe)
	c.pipe = start + work
	c.busy[lower.Memory] += work
	return (start + fine - 1) / fine
}

func (w *Warp) result(token uint8, at int64, why Reason) {
	if token < lower.NoToken {
		w.tokens[token].raise(at, why)
	}
}

// shared is an access to shared memory: as many turns of the pipe as wavefronts.
func (c *Core) shared(w *Warp, in *inst, token uint8, t int64) {
	cfg := &c.grid.cfg
	waves := w.wavefronts()
	work := max(waves, cfg.Access) * fine
	lat := cfg.Latency[lower.Memory] + waves - 1
	switch w.reach() {
	case another:
		each := cfg.RemotePut
		if in.cost.load {
			each = cfg.RemoteGet
		}
		lat, work = cfg.Remote, max(work, int64(float64(waves)*each*fine))
	case itself:
		lat = cfg.RemoteOwn + waves - 1
	case none:
		lat = cfg.Shuffle
	}
	w.result(token, c.turn(t, work)+lat, ShortScoreboard)
}

// reach is whose shared memory an access goes to, and how it says so.
type reach uint8

const (
	inside  reach = iota // by an address of the CTA
	itself               // by one of the cluster, which is the CTA
	another              // another CTA of the cluster
	none                 // a shuffle has no address; the warp's last one says nothing
)

func (w *Warp) reach() reach {
	if w.phases == 1 && w.size == 4 {
		return none
	}
	a := w.addr[first(w.touch)] &^ windowMask
	switch {
	case len(w.cta.cluster.ctas) == 1 || a < 1<<rankShift:
		return inside
	case int(a>>rankShift)-1 == w.cta.rank:
		return itself
	}
	return another
}

// global is an access beyond the SM, a request for each line of 128 bytes that L1 does not have.
func (c *Core) global(w *Warp, in *inst, token uint8, t int64) {
	cfg := &c.grid.cfg
	if w.touch == 0 {
		w.result(token, c.turn(t, cfg.Access*fine)+1, ShortScoreboard)
		return
	}
	if w.space == inShared ||
		w.space == inGeneric && w.addr[first(w.touch)]&windowMask == SharedWindow {
		c.shared(w, in, token, t)
		return
	}
	if c.l1.lines == nil {
		c.l1.size(cfg.l1Bytes(c.grid.perCore * (len(w.cta.shared) + cfg.Reserved)))
	}
	c.coalesce(w, in.cost.atomic)
	start := c.turn(t, c.lineWork(w, in))
	wait := waiter{kind: onToken, index: int32(token), w: w}
	load := in.cost.load && token < lower.NoToken
	if in.class == async {
		wait = waiter{kind: onGroup, queue: copyQueue, group: w.groups[copyQueue].open(), w: w}
		load = true
	}
	for i, l := range c.lsu.lines {
		at := start + int64(i)
		switch {
		case in.cost.atomic:
			c.ask(l, at, memory.Atomic, load, wait)
		case !in.cost.load && in.class == beyond:
			c.store(w, l, at)
		case load:
			c.load(w, in, l, at, wait)
		}
	}
}

// lineWork is the time of the memory pipe that a global access takes: its bank conflicts, or the
// lines that it looks up, whichever is more.
func (c *Core) lineWork(w *Warp, in *inst) int64 {
	cfg := &c.grid.cfg
	n := len(c.lsu.lines)
	work := max(cfg.Access, 1) * fine
	switch {
	case in.class == async:
		return max(work, cfg.CopyIssue*fine, int64(n)*fine)
	case !in.cost.load:
		return max(work, int64(n)*fine)
	case n > 1:
		work = max(work, w.wavefronts()*fine, int64((cfg.LineBase+cfg.LineEach*float64(n))*fine))
	}
	return work
}

// load takes a line from L1 or asks L2 for it.
func (c *Core) load(w *Warp, in *inst, l lineAccess, at int64, wait waiter) {
	if in.uncached {
		c.ask(l, at, memory.Read, true, wait)
		return
	}
	line, missing := c.l1.touch(l.addr, l.sectors)
	c.l1Asked += uint64(popcount(uint32(l.sectors)))
	c.l1Hits += uint64(popcount(uint32(l.sectors &^ missing)))
	if have := l.sectors &^ missing; have != 0 {
		if line.request >= 0 { // asked for in this window
			c.lsu.wait(line.request, wait)
		} else {
			wait.finish(max(at+c.grid.cfg.L1Latency, line.ready))
		}
	}
	if missing == 0 {
		return
	}
	if local(l.addr) { // spills and stacks live in L1 until they are evicted
		wait.finish(at + c.grid.cfg.L1Latency)
		return
	}
	l.sectors = missing
	k := c.ask(l, at, memory.Read, true, wait)
	c.lsu.waiters = append(c.lsu.waiters, waiter{request: k, kind: onLine, index: line.index})
	line.request = k
}

func local(addr uint64) bool { return addr&windowMask == LocalWindow }

// store writes through L1; a line that is there is brought up to date.
func (c *Core) store(w *Warp, l lineAccess, at int64) {
	if local(l.addr) {
		c.l1.touch(l.addr, l.sectors)
		return
	}
	c.ask(l, at, memory.Write, false, waiter{})
}

// ask sends a request to L2.
func (c *Core) ask(l lineAccess, at int64, kind memory.Kind, load bool, wait waiter) int32 {
	r := &c.lsu
	k := int32(len(r.list))
	n := int64(popcount(uint32(l.sectors)))
	start := max(at*fine, r.port)
	r.port = start + int64(float64(n*memory.SectorLen*fine)/c.grid.cfg.Port)
	r.list = append(r.list, request{At: start / fine, Addr: c.grid.physical(c, l.addr),
		Sectors: l.sectors, Kind: kind, Side: c.side, Turns: l.turns})
	r.place = append(r.place, int32(r.hand))
	r.slots[r.hand] = far
	r.hand = (r.hand + 1) % len(r.slots)
	if load {
		r.wait(k, wait)
	}
	return k
}

// wait lets something wait for request k.
func (r *requests) wait(k int32, wait waiter) {
	wait.request = k
	r.waiters = append(r.waiters, wait)
	switch wait.kind {
	case onToken:
		t := &wait.w.tokens[wait.index]
		t.open++
		t.why = LongScoreboard
	case onGroup:
		wait.w.groups[wait.queue].hold(wait.group)
	}
}

// finish gives a waiter a time without a request.
func (wait *waiter) finish(at int64) {
	switch wait.kind {
	case onToken:
		wait.w.tokens[wait.index].raise(at, LongScoreboard)
	case onGroup:
		wait.w.groups[wait.queue].raise(wait.group, at)
	}
}

// answer passes the answers of a window on to what waits for them. Requests that are for a later
// window stay.
func (c *Core) answer() {
	r := &c.lsu
	if len(r.list) == 0 && len(c.lagging) == 0 {
		return
	}
	r.moved = r.moved[:0]
	kept := int32(0)
	for i := range r.list {
		if r.list[i].Done == 0 {
			r.moved = append(r.moved, kept)
			kept++
			continue
		}
		r.moved = append(r.moved, -1)
		r.slots[r.place[i]] = r.list[i].Done
	}
	c.wake()
	for i, to := range r.moved {
		if to >= 0 {
			r.list[to], r.place[to] = r.list[i], r.place[i]
		}
	}
	r.list, r.place = r.list[:kept], r.place[:kept]
	c.depart()
	for i := range c.subs {
		s := &c.subs[i]
		for _, w := range s.warps {
			if w.dirty {
				w.dirty = false
				c.settle(w)
			}
		}
		c.choose(s)
		c.next = min(c.next, s.next)
	}
	if len(c.due) > 0 {
		c.next = min(c.next, c.due[0].at)
	}
}

// wake tells the waiters of answered requests.
func (c *Core) wake() {
	r := &c.lsu
	waiting := r.waiters[:0]
	for _, k := range r.waiters {
		if to := r.moved[k.request]; to >= 0 {
			if k.kind == onLine {
				c.l1.rename(k.index, k.request, to)
			}
			k.request = to
			waiting = append(waiting, k)
			continue
		}
		done := r.list[k.request].Done
		switch k.kind {
		case onToken:
			t := &k.w.tokens[k.index]
			t.open--
			t.raise(done, LongScoreboard)
			k.w.dirty = true
		case onGroup:
			k.w.groups[k.queue].answer(k.group, done)
			k.w.dirty = true
		case onLine:
			c.l1.fill(k.index, k.request, done)
		case onFlight:
			c.flights[k.index].arrived(done)
		}
	}
	r.waiters = waiting
}

// coalesce gathers the sectors that a warp touches, by line, in order of first touch.
func (c *Core) coalesce(w *Warp, atomic bool) {
	c.lsu.lines = c.lsu.lines[:0]
	for m := w.touch; m != 0; m &= m - 1 {
		a := w.placed(first(m))
		for at := a &^ (memory.SectorLen - 1); at < a+uint64(w.size); at += memory.SectorLen {
			c.sector(at)
		}
	}
	if atomic {
		for i := range c.lsu.lines {
			c.lsu.lines[i].turns = w.turns(c.lsu.lines[i].addr)
		}
	}
}

// turns is how many lanes want the word most wanted of a line: atomics on it take turns.
func (w *Warp) turns(line uint64) uint8 {
	var count [memory.LineLen / 4]uint8
	var most uint8
	for m := w.touch; m != 0; m &= m - 1 {
		if a := w.addr[first(m)]; a&^(memory.LineLen-1) == line {
			k := a % memory.LineLen / 4
			count[k]++
			most = max(most, count[k])
		}
	}
	return most
}

func (c *Core) sector(at uint64) {
	line, bit := at&^(memory.LineLen-1), uint8(1)<<(at%memory.LineLen/memory.SectorLen)
	list := c.lsu.lines
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].addr == line {
			list[i].sectors |= bit
			return
		}
	}
	c.lsu.lines = append(list, lineAccess{addr: line, sectors: bit})
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

// wavefronts counts the turns that a shared access needs: 32 banks of 4 bytes, one word of each a
// turn, words read by several lanes once. Wide accesses go in groups of lanes of 128 bytes.
func (w *Warp) wavefronts() int64 {
	if w.phases > 0 && w.size == 4 {
		return 1
	}
	if w.phases == 0 && w.row() {
		return max(int64(w.size)/4, 1)
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

// row reports whether the lanes access one element after another, from an aligned place on: then
// there are no conflicts.
func (w *Warp) row() bool {
	if w.touch != allLanes || w.addr[0]%uint64(w.size) != 0 {
		return false
	}
	at := w.addr[0]
	for l := range w.addr {
		if w.addr[l] != at {
			return false
		}
		at += uint64(w.size)
	}
	return true
}

// conflicts is the largest number of different words that lanes lo to hi ask of one bank.
func (w *Warp) conflicts(lo, hi int) int64 {
	if w.near(lo, hi) {
		return 1
	}
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

// near reports whether all lanes lo to hi access words of one stretch of 32, each in a bank of its
// own.
func (w *Warp) near(lo, hi int) bool {
	if w.touch != allLanes {
		return false
	}
	least, most := w.addr[lo], w.addr[lo]
	for _, a := range w.addr[lo+1 : hi] {
		least, most = min(least, a), max(most, a)
	}
	return (most+uint64(w.size)-1)/4-least/4 < 32
}
