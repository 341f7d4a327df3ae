package sm

import (
	"fmt"
	"io"
	"slices"
)

// Memory is the address space of kernels beyond the SM.
type Memory interface {
	// Span returns a view of n bytes at addr, which lie in one 64 KiB page, and their physical
	// address; nil if nothing is mapped there.
	Span(addr uint64, n int, write bool) (view []byte, physical uint64)
}

// Launch is a grid to run.
type Launch struct {
	Prog   *Program
	Grid   [3]uint32 // CTAs
	Block  [3]uint32 // threads a CTA
	Shared int       // bytes of dynamic shared memory
	// Cluster is the CTAs of a cluster; zeros mean what the kernel says, else 1.
	Cluster [3]uint32
	Params  []byte
	Mem     Memory
	// Globals holds the module's .global variables. If nil it is made with their initial values
	// when the launch starts; a caller hands it to the next launch to keep them.
	Globals []byte
	// Heap is where malloc of the kernel finds memory; if nil, one of DefaultHeap bytes is made for
	// this launch.
	Heap *Heap
	// Stdout takes what printf of the kernel says, lane by lane as warps come to it; nil drops it.
	Stdout io.Writer
	// Watch, if set, hears what threads do.
	Watch Watcher

	// Dry leaves the arithmetic of matrix instructions out: for timing kernels whose course does
	// not depend on their data.
	Dry bool

	pages *pages
	fault fault

	workspace [workspaceBytes]byte // of a cooperative grid
}

// FaultError is a kernel that broke: where, and what it did.
type FaultError struct {
	Kernel string
	Line   int // of the PTX
	CTA    [3]uint32
	Warp   int
	Detail string
}

func (e *FaultError) Error() string {
	return fmt.Sprintf("kernel %s, PTX line %d, CTA (%d,%d,%d), warp %d: %s",
		e.Kernel, e.Line, e.CTA[0], e.CTA[1], e.CTA[2], e.Warp, e.Detail)
}

// Check reports a launch that no SM can take.
func (l *Launch) Check() error {
	threads := l.Threads()
	for i := range 3 {
		if l.Grid[i] == 0 || l.Block[i] == 0 {
			return fmt.Errorf("kernel %s: a grid of %v CTAs of %v threads has a zero in it",
				l.Prog.Name, l.Grid, l.Block)
		}
	}
	// Limits of all compute capabilities since 3.0 (CUDA C++ programming guide, table 27).
	if l.Block[2] > 64 || l.Grid[1] > 65535 || l.Grid[2] > 65535 {
		return fmt.Errorf("kernel %s: a grid of %v CTAs of %v threads: at most 64 threads along z, "+
			"65535 CTAs along y and z", l.Prog.Name, l.Grid, l.Block)
	}
	if threads > 1024 {
		return fmt.Errorf("kernel %s: %d threads a CTA, 1024 at most", l.Prog.Name, threads)
	}
	if limit := l.Prog.MaxThread; limit > 0 && threads > limit {
		return fmt.Errorf("kernel %s: %d threads a CTA, but it is compiled for %d at most",
			l.Prog.Name, threads, limit)
	}
	if len(l.Params) < l.Prog.Params {
		return fmt.Errorf("kernel %s takes %d bytes of parameters, got %d",
			l.Prog.Name, l.Prog.Params, len(l.Params))
	}
	if l.Globals == nil {
		l.Globals = append([]byte(nil), l.Prog.globals...)
	}
	if l.Heap == nil {
		l.Heap = NewHeap(DefaultHeap)
	}
	l.pages = &pages{mem: l.Mem}
	return l.checkCluster()
}

// Threads is the number of threads of a CTA; CTAs that of the grid.
func (l *Launch) Threads() int { return int(l.Block[0]) * int(l.Block[1]) * int(l.Block[2]) }

// CTAs is the number of CTAs of the grid.
func (l *Launch) CTAs() int { return int(l.Grid[0]) * int(l.Grid[1]) * int(l.Grid[2]) }

// sharedBytes is the shared memory of a CTA, with what the runtime keeps of it.
func (l *Launch) sharedBytes() int {
	n := l.Prog.Static + l.Shared
	if l.Prog.reserved > 0 {
		n = (n+15)&^15 + l.Prog.reserved
	}
	return n
}

const (
	pageBytes  = 1 << 16
	windowBase = 1 << 47 // physical, above any memory

	cachedPages = 8 // that a CTA remembers
)

// span is Memory.Span behind a cache of a few pages.
func (c *CTA) span(addr uint64, n int, write bool) []byte {
	base := addr &^ (pageBytes - 1)
	g := &c.pages[base/pageBytes%cachedPages]
	if off := addr - g.base; g.view != nil && off < uint64(len(g.view)) &&
		off+uint64(n) <= uint64(len(g.view)) {
		return g.view[off:]
	}
	switch addr & windowMask {
	case ModuleWindow:
		return window(c.launch.Globals, addr&^windowMask, n)
	case GridWindow:
		return window(c.launch.workspace[:], addr&^windowMask, n)
	case HeapWindow:
		return window(c.launch.Heap.data, addr&^windowMask, n)
	}
	*g = c.launch.pages.find(base, write)
	off := addr - base
	if off+uint64(n) > uint64(len(g.view)) {
		return nil
	}
	return g.view[off:]
}

type barrierState struct {
	arrived, expected int
	yes               int // threads that brought a true predicate (bar.red)
	waiting           []*Warp
}

// CTA is a cooperative thread array in residence.
type CTA struct {
	launch  *Launch
	prog    *Program
	index   int // in the grid
	id      [3]uint32
	smid    int
	sms     int // of the chip
	shared  []byte
	warps   []*Warp
	threads int // that have not exited
	running int // warps with live lanes
	bars    [16]barrierState
	freed   []*Warp // warps that a barrier has let go, for the timing layer
	clock   func() uint64
	core    *Core // nil without time
	fault   *fault
	pages   [cachedPages]page
	cluster *cluster
	rank    int // in the cluster
	maps    tensorMaps
	box     []byte // see scratch
	gaveUp  int    // try_wait that expired since a phase last ended
	phased  int64  // when a phase of an mbarrier ended last
	start   int64
	skew    int64 // cycles of waves that were not timed before it began
	issued  uint64
}

// newCTA makes the room for CTAs of a launch; place puts one into it.
func newCTA(l *Launch, p *Program) *CTA {
	c := &CTA{launch: l, prog: p, shared: make([]byte, l.sharedBytes()),
		fault: &l.fault}
	c.cluster = &cluster{ctas: []*CTA{c}, size: [3]uint32{1, 1, 1}}
	threads := l.Threads()
	for i := range (threads + Lanes - 1) / Lanes {
		c.warps = append(c.warps, newWarp(c, i))
	}
	return c
}

// place makes c the CTA of the given linear index, with x running fastest.
func (c *CTA) place(index, smid int) {
	l := c.launch
	c.index, c.smid = index, smid
	n := uint32(index)
	c.id = [3]uint32{n % l.Grid[0], n / l.Grid[0] % l.Grid[1], n / l.Grid[0] / l.Grid[1]}
	clear(c.shared)
	c.threads = l.Threads()
	c.running = len(c.warps)
	for i := range c.bars {
		c.bars[i] = barrierState{waiting: c.bars[i].waiting[:0]}
	}
	for i, w := range c.warps {
		w.reset(min(Lanes, c.threads-i*Lanes))
	}
	c.freed, c.issued, c.gaveUp = c.freed[:0], 0, 0
	if l.Watch != nil {
		l.Watch.Watch(&Event{Kind: EvPlace, CTA: c.id, Rank: c.rank, Warps: len(c.warps),
			Size: len(c.shared)})
	}
	if len(c.cluster.ctas) == 1 {
		c.cluster.phase, c.cluster.came, c.cluster.over = 0, 0, false
	}
}

// cycles is the length of some nanoseconds.
func (c *CTA) cycles(ns uint32) int64 {
	if c.core == nil {
		return 0
	}
	return int64(float64(ns) * c.core.grid.cfg.GHz)
}

// suspension is how long a test of an mbarrier that fails holds a warp, at most.
func (c *CTA) suspension() int64 {
	if c.core == nil {
		return 0
	}
	return c.core.grid.cfg.Suspend
}

func (c *CTA) fail(w *Warp, format string, args ...any) {
	if c.fault.err != nil {
		return
	}
	line := 0
	if int(w.pc) < len(c.prog.insts) {
		line = int(c.prog.insts[w.pc].line)
	}
	c.fault.err = &FaultError{c.prog.Name, line, c.id, w.id, fmt.Sprintf(format, args...)}
}

// left notes that lanes have exited: a barrier of all may be complete without them.
func (c *CTA) left(w *Warp, lanes uint32) {
	c.threads -= popcount(lanes)
	for id := range c.bars {
		if len(c.bars[id].waiting) > 0 {
			c.complete(id)
		}
	}
	c.cluster.leave(w, lanes)
}

func (c *CTA) retire(*Warp) {
	c.running--
	if c.core != nil {
		c.core.resident += c.core.now + 1 - c.start
	}
}

// arrive counts threads at a barrier; expected 0 means all threads of the CTA.
func (c *CTA) arrive(id, expected, n int, w *Warp) {
	b := &c.bars[id]
	b.arrived += n
	b.expected = expected
	if w != nil {
		b.waiting = append(b.waiting, w)
	}
	c.complete(id)
}

func (c *CTA) complete(id int) {
	b := &c.bars[id]
	want := b.expected
	if want == 0 {
		want = c.threads
	}
	if b.arrived < want {
		return
	}
	total, yes := b.arrived, b.yes
	b.arrived, b.yes = 0, 0
	for _, w := range b.waiting {
		if w.reducing != nil {
			w.reducing.result(w, w.waiting, yes, total)
			w.reducing = nil
		}
		if c.launch.Watch != nil {
			w.tell(Event{Kind: EvResume, ID: id})
		}
		w.release()
		c.freed = append(c.freed, w)
	}
	b.waiting = b.waiting[:0]
}

// Stats counts what ran.
type Stats struct {
	CTAs         int
	Instructions uint64 // warp instructions
}

// Run executes a grid without time: clusters in order, the CTAs of each together. One that does not
// end for long may wait for those after it, which then run beside it.
func (l *Launch) Run() (Stats, error) {
	if err := l.Check(); err != nil {
		return Stats{}, err
	}
	return l.compute(l.Prog, &l.fault, 0, l.CTAs()/l.clusterCTAs(), 1)
}

// compute executes every stride-th of the clusters from first to last-1 without time.
func (l *Launch) compute(p *Program, f *fault, first, last, stride int) (s Stats, err error) {
	var resident, rooms []*cluster
	rounds := 0
	for first < last || len(resident) > 0 {
		if first < last && (len(resident) == 0 || rounds >= alone) {
			if len(rooms) == 0 {
				rooms = append(rooms, newCluster(l, p, f))
			}
			k := rooms[len(rooms)-1]
			rooms = rooms[:len(rooms)-1]
			k.place(l, first, 0)
			resident, first, rounds = append(resident, k), first+stride, 0
		}
		rounds++
		resident = slices.DeleteFunc(resident, func(k *cluster) bool {
			if err != nil || k.round(&err) {
				return false
			}
			for _, c := range k.ctas {
				s.CTAs++
				s.Instructions += c.issued
			}
			rooms = append(rooms, k)
			return true
		})
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// alone is how many rounds the clusters that run have before another joins them.
const alone = 64

// quantum is how many instructions a warp runs before the others have their turn, so that one may
// spin on what another will write.
const quantum = 4096

// stepLimit ends warps that loop for ever: far beyond any kernel that ends.
const stepLimit = 1 << 32

const deadlock = "deadlock: every warp waits at a barrier that nobody else will reach"

// patience is how often each warp may give up waiting while no mbarrier ends a phase.
const patience = 1 << 12

// turn gives each warp of the CTA its turn; it reports whether any could run.
func (c *CTA) turn() (progress bool, err error) {
	c.freed = c.freed[:0]
	for _, w := range c.warps {
		if w.dash(quantum) > 0 {
			progress = true
		}
		if c.issued > stepLimit {
			c.fail(w, "no end after %d instructions (without time CTAs run one after the other: if "+
				"they wait for one another, run them with time)", uint64(stepLimit))
		}
		if c.fault.err != nil {
			return false, c.fault.err
		}
	}
	return progress, nil
}
