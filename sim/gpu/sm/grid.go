package sm

import (
	"errors"
	"fmt"
	"sort"

	"tensoros/sim/gpu/memory"
)

// Grid is a launch running in time on all SMs of a chip. Time goes in windows. In a window SMs run
// apart, each for itself; what they ask of L2 is answered between windows, in the order of time,
// and no answer comes sooner than the window's end. So SMs can run on several threads, and the
// outcome does not depend on how many.
type Grid struct {
	launch  *Launch
	cfg     Config
	mem     *memory.Hierarchy
	cores   []*Core
	groups  []group
	next    int // cluster to start
	left    int // CTAs
	perCore int
	end     int64
	window  int64
	start   int64
	now     int64 // start of the present window
	stats   Stats
	merge   merger
	ended   []ended
	err     error
	progs   []*Program // one a thread
	sampler sampler
	// OnCTA, if set, hears of every CTA that ends: SM, linear index, first and last cycle, warps,
	// warp instructions.
	OnCTA func(sm, cta int, start, end int64, warps int, instructions uint64)
	// OnLevel, if set, hears of every SM what it did in each stretch of time.
	OnLevel func(l *Level)
	meter   meter
}

// group is SMs that run together because the CTAs of their clusters reach one another.
type group struct {
	cores []*Core
	fault fault
}

// fault is the first thing that went wrong.
type fault struct{ err error }

type ended struct {
	core *Core
	ending
}

const (
	// windowCycles must be less than the shortest way from one SM to another, by L2 or within a
	// cluster.
	windowCycles = 128
	// shortWindow is for kernels whose CTAs talk to one another: the order in which their atomics
	// come is true to so many cycles.
	shortWindow = 32
)

// Occupancy is how many CTAs of a launch fit on an SM, and what limits them.
func (l *Launch) Occupancy(cfg *Config, registers int) (ctas int, limit string) {
	warps := (l.Threads() + Lanes - 1) / Lanes
	ctas, limit = cfg.CTAs, "CTAs"
	least := func(n int, what string) {
		if n < ctas {
			ctas, limit = n, what
		}
	}
	least(cfg.Warps/warps, "warps")
	if s := l.Prog.Static + l.Shared + cfg.Reserved; s > 0 {
		least(cfg.Shared/s, "shared memory")
	}
	if registers > 0 {
		// Allocated by warp in units of 256 (CUDA occupancy calculator).
		least(cfg.Registers/((registers*Lanes+255)/256*256*warps), "registers")
	}
	return ctas, limit
}

// NewGrid prepares a launch to start at a cycle. registers is the number a thread takes.
func NewGrid(cfg Config, cores int, mem *memory.Hierarchy, l *Launch, registers int,
	start int64) (*Grid, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	n, limit := l.Occupancy(&cfg, registers)
	if n == 0 {
		return nil, fmt.Errorf("kernel %s: a CTA does not fit on an SM (%s): %d threads, "+
			"%d registers each, %d bytes of shared memory", l.Prog.Name, limit, l.Threads(),
			registers, l.Prog.Static+l.Shared)
	}
	g := &Grid{launch: l, cfg: cfg, mem: mem, perCore: n, left: l.CTAs(), now: start, end: start,
		start: start, meter: meter{from: start},
		window: windowCycles}
	if l.Prog.talks {
		g.window = shortWindow
	}
	for i := range cores {
		c := newCore(g, i)
		c.side = uint8(2 * i / cores)
		g.cores = append(g.cores, c)
	}
	if err := g.regroup(l.clusterCTAs()); err != nil {
		return nil, err
	}
	if err := g.threads(); err != nil {
		return nil, err
	}
	g.sampler.begin(g)
	// One CTA a SM and cycle: what simulators use; the hardware's rate is not published.
	for round := range n {
		for i := range g.groups {
			g.admit(&g.groups[i], start+int64(round))
		}
	}
	return g, nil
}

// threads makes a program for each thread. Kernels whose CTAs talk to one another through global
// memory, or to the host, run on one.
func (g *Grid) threads() error {
	g.progs = []*Program{g.launch.Prog}
	most := min(g.cfg.Threads, len(g.groups), (g.launch.CTAs()+1)/2)
	for !g.launch.Prog.talks && len(g.progs) < most {
		p, err := g.launch.Prog.again()
		if err != nil {
			return err
		}
		g.progs = append(g.progs, p)
	}
	for i := range g.groups {
		for _, c := range g.groups[i].cores {
			c.prog = g.progs[i%len(g.progs)]
		}
	}
	return nil
}

// regroup gives each cluster of CTAs as many SMs.
func (g *Grid) regroup(size int) error {
	if size > len(g.cores) {
		return fmt.Errorf("kernel %s: clusters of %d CTAs on %d SMs", g.launch.Prog.Name, size,
			len(g.cores))
	}
	for i := 0; i+size <= len(g.cores); i += size {
		g.groups = append(g.groups, group{cores: g.cores[i : i+size]})
	}
	for i := range g.groups {
		for _, c := range g.groups[i].cores {
			c.group = &g.groups[i]
		}
	}
	return nil
}

// admit starts the next cluster on a group's SMs, one CTA on each.
func (g *Grid) admit(on *group, at int64) {
	size := len(on.cores)
	if g.next >= g.launch.CTAs()/size {
		return
	}
	k := &cluster{size: g.launch.clusterSize()}
	if size == 1 { // a CTA has a cluster of its own
		k = nil
	}
	index := g.next
	g.next++
	for rank, c := range on.cores {
		cta := c.room()
		cta.core, cta.skew = c, g.sampler.skew
		if k == nil {
			cta.place(index, c.id)
			c.admit(cta, at)
			return
		}
		cta.cluster, cta.rank = k, rank
		k.ctas = append(k.ctas, cta)
	}
	k.place(g.launch, index, on.cores[0].id)
	for rank, c := range on.cores {
		c.admit(k.ctas[rank], at)
	}
}

// Run advances to the given cycle, or to the end if that is earlier. It reports whether the grid
// has ended, and else when the next instruction is due.
func (g *Grid) Run(limit int64) (done bool, next int64, err error) {
	w := g.workers()
	defer w.stop()
	for g.left > 0 {
		next, pending := g.due()
		if next == far {
			g.err = &FaultError{Kernel: g.launch.Prog.Name, Detail: g.stuck()}
		}
		if g.err != nil {
			return true, next, g.err
		}
		if next >= limit {
			return false, next, nil
		}
		if !pending {
			g.now += (next - g.now) / g.window * g.window
		}
		// A window that the caller cuts in two is one window all the same.
		end := g.now + g.window
		until := min(end, limit)
		w.run(func(i int) { g.advance(i, until) })
		g.collect()
		if end <= limit {
			g.exchange(end)
			g.levels(end, false)
			g.now = end
			if n := g.sampler.steady(g); n > 0 {
				g.skip(w, n)
			}
		}
	}
	g.levels(g.end, true)
	return true, g.End(), g.err
}

// due is when something happens next: an instruction, or the end of a window whose requests or
// ended CTAs are pending.
func (g *Grid) due() (next int64, pending bool) {
	next = far
	for _, c := range g.cores {
		next = min(next, c.next)
		pending = pending || len(c.lsu.list) > 0 || len(c.ended) > 0
	}
	if pending {
		next = min(next, g.now+g.window)
	}
	return next, pending
}

// collect takes the error of the first group that has one.
func (g *Grid) collect() {
	for i := range g.groups {
		if f := &g.groups[i].fault; f.err != nil && g.err == nil {
			g.err = f.err
		}
	}
}

// stuck says what a grid in which nothing can happen waits for.
func (g *Grid) stuck() string {
	for _, c := range g.cores {
		for _, cta := range c.ctas {
			for _, w := range cta.warps {
				if !w.done() {
					cta.fail(w, deadlock)
					var f *FaultError
					if errors.As(c.group.fault.err, &f) {
						return f.Error()
					}
				}
			}
		}
	}
	return deadlock
}

// advance runs the groups of thread i to the end of a window.
func (g *Grid) advance(i int, until int64) {
	for ; i < len(g.groups); i += len(g.progs) {
		g.groups[i].advance(until)
	}
}

// advance runs a group to the end of a window, its SMs in the order of time.
func (on *group) advance(until int64) {
	if len(on.cores) == 1 {
		c := on.cores[0]
		for on.fault.err == nil && c.step(until) {
		}
		return
	}
	for on.fault.err == nil {
		best := on.cores[0]
		for _, c := range on.cores[1:] {
			if c.next < best.next {
				best = c
			}
		}
		if best.next >= until {
			return
		}
		best.step(until)
	}
}

// exchange is what happens between two windows: requests are served in the order of time, and room
// that CTAs have left goes to others.
func (g *Grid) exchange(until int64) {
	g.merge.serve(g.cores, g.mem, g.now, until)
	for _, c := range g.cores {
		c.answer()
	}
	g.replace(until)
}

// replace reports the CTAs that ended in the window, in the order of time, and starts others.
func (g *Grid) replace(until int64) {
	g.ended = g.ended[:0]
	for _, c := range g.cores {
		for _, e := range c.ended {
			g.ended = append(g.ended, ended{c, e})
		}
		c.ended = c.ended[:0]
	}
	if len(g.ended) == 0 {
		return
	}
	sort.SliceStable(g.ended, func(i, j int) bool { return g.ended[i].at < g.ended[j].at })
	for _, e := range g.ended {
		g.left--
		g.end = max(g.end, e.at)
		g.sampler.note(g, e.at)
		g.stats.CTAs++
		g.stats.Instructions += e.cta.issued
		if skew := e.cta.skew; g.OnCTA != nil {
			g.OnCTA(e.core.id, e.cta.index, e.cta.start+skew, e.at+skew, len(e.cta.warps),
				e.cta.issued)
		}
		if e.cta.cluster.gone() && e.cta.cluster.retire() {
			for _, m := range e.cta.cluster.ctas {
				m.core.spare = append(m.core.spare, m)
			}
			g.admit(e.core.group, max(until, e.at+g.cfg.Refill))
		}
	}
}

// retire marks a cluster as ended; it reports whether it was not yet.
func (k *cluster) retire() bool {
	was := k.over
	k.over = true
	return !was
}

// physical translates an address that a core has found mapped.
func (g *Grid) physical(c *Core, addr uint64) uint64 {
	if addr&windowMask != 0 { // beyond what Memory holds: a place of its own
		return windowBase | addr&(windowBase-1)
	}
	return g.launch.pages.physical(addr)
}

// End is the cycle after the last instruction; Stats what ran. Both are final when Run says done.
func (g *Grid) End() int64   { return g.end + g.sampler.skew }
func (g *Grid) Stats() Stats { return g.stats }

// merger puts the requests of all SMs in the order of time: by cycle, then by SM, then as asked.
type merger struct {
	count []int32
	order []slotOf
}

type slotOf struct{ core, request int32 }

// serve serves the requests that leave before the end of the window.
func (m *merger) serve(cores []*Core, mem *memory.Hierarchy, from, until int64) {
	n := int(until - from)
	if cap(m.count) < n+1 {
		m.count = make([]int32, n+1)
	}
	m.count = m.count[:n+1]
	clear(m.count)
	total := int32(0)
	for _, c := range cores {
		for i := range c.lsu.list {
			if r := &c.lsu.list[i]; r.At < until {
				m.count[max(r.At-from, 0)+1]++
				total++
			}
		}
	}
	if total == 0 {
		return
	}
	for i := range n {
		m.count[i+1] += m.count[i]
	}
	if cap(m.order) < int(total) {
		m.order = make([]slotOf, total)
	}
	m.order = m.order[:total]
	for k, c := range cores {
		for i := range c.lsu.list {
			if r := &c.lsu.list[i]; r.At < until {
				at := &m.count[max(r.At-from, 0)]
				m.order[*at] = slotOf{int32(k), int32(i)}
				*at++
			}
		}
	}
	for _, p := range m.order {
		mem.Serve(&cores[p.core].lsu.list[p.request])
	}
}
