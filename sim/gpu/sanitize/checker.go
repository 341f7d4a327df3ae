package sanitize

import (
	"cmp"
	"errors"
	"slices"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/sm"
)

// Checker implements sm.Watcher. It lives as long as the memory that it knows.
type Checker struct {
	Findings []Finding

	kernel string
	block  [3]uint32
	seen   map[place]int
	global globalMemory
	world  world
}

// New makes a checker that knows no memory.
func New() *Checker {
	return &Checker{seen: map[place]int{}, global: globalMemory{pages: map[uint64]*written{}}}
}

// Begin says which kernel runs next, with what shape of CTA.
func (c *Checker) Begin(kernel string, block [3]uint32) { c.kernel, c.block = kernel, block }

// End takes the error that a launch ended with: a fault that no finding tells of becomes one.
func (c *Checker) End(err error) {
	var f *sm.FaultError
	if !errors.As(err, &f) {
		return
	}
	for _, x := range c.Findings {
		if x.Kernel == f.Kernel && x.Line == f.Line && x.Kind != Race && x.Kind != Uninitialised {
			return
		}
	}
	e := sm.Event{Line: f.Line, CTA: f.CTA, Warp: f.Warp}
	c.report(Fault, &e, 0, "%s", f.Detail)
}

// Alloc, Free and Wrote say what the host does with global memory.
func (c *Checker) Alloc(base uint64, n int) { c.global.alloc(base, uint64(n)) }
func (c *Checker) Free(base uint64)         { c.global.free(base) }
func (c *Checker) Wrote(addr uint64, n int) { c.global.mark(addr, n) }

// Watch implements sm.Watcher.
func (c *Checker) Watch(e *sm.Event) {
	w := &c.world
	switch e.Kind {
	case sm.EvPlace:
		w.place(e)
	case sm.EvAccess:
		c.access(e)
	case sm.EvOutside:
		c.outside(e)
	case sm.EvPartial:
		c.report(Divergent, e, 0, "lanes %#08x of the warp reach a barrier that all must reach "+
			"together", e.Lanes)
	case sm.EvMbarMisuse:
		c.report(Mbarrier, e, 0, "%s", e.Detail)
	case sm.EvArrive:
		w.release(w.agent(e), key{kind: 'b', owner: e.Rank, addr: uint64(e.ID)})
	case sm.EvResume:
		w.acquire(w.agent(e), key{kind: 'b', owner: e.Rank, addr: uint64(e.ID)})
	case sm.EvClusterArrive:
		w.release(w.agent(e), key{kind: 'c'})
	case sm.EvClusterResume:
		w.acquire(w.agent(e), key{kind: 'c'})
	case sm.EvMbarArrive:
		w.release(w.agent(e), key{kind: 'm', owner: e.Owner, addr: e.Addr})
	case sm.EvMbarWait:
		w.acquire(w.agent(e), key{kind: 'm', owner: e.Owner, addr: e.Addr})
	case sm.EvLand:
		if e.ID != 0 {
			w.wait(w.agent(e), -1) // on behalf of the mbarrier: an early read goes unseen
		}
		w.land(w.agent(e), key{kind: 'm', owner: e.Owner, addr: e.Addr})
	case sm.EvDrained:
		w.drained(w.agent(e))
	case sm.EvCommit:
		w.commit(w.agent(e))
	case sm.EvWaitGroup:
		w.wait(w.agent(e), e.ID)
	case sm.EvProxyFence:
		w.fence(w.agent(e))
	}
}

func (c *Checker) access(e *sm.Event) {
	switch {
	case synchronises(e.Op):
	case e.Space == ptx.SpaceGlobal:
		c.globalAccess(e)
	default:
		c.sharedAccess(e)
	}
}

// globalMemory is what is known of global memory: allocations, and the bytes that were written.
type globalMemory struct {
	list  []extent // by address
	pages map[uint64]*written
}

type extent struct{ base, size uint64 }

const pageLen = 1 << 16

// written has a bit for every byte of a page.
type written [pageLen / 64]uint64

func (g *globalMemory) alloc(base, n uint64) {
	i, _ := g.search(base)
	g.list = slices.Insert(g.list, i, extent{base, n})
}

func (g *globalMemory) free(base uint64) {
	if i, ok := g.search(base); ok {
		g.list = slices.Delete(g.list, i, i+1)
	}
}

func (g *globalMemory) search(addr uint64) (int, bool) {
	return slices.BinarySearchFunc(g.list, addr, func(x extent, a uint64) int {
		return cmp.Compare(x.base, a)
	})
}

// around are the last allocation that begins at or before addr, and the next.
func (g *globalMemory) around(addr uint64) (before, after *extent) {
	i, ok := g.search(addr)
	if ok {
		i++
	}
	if i > 0 {
		before = &g.list[i-1]
	}
	if i < len(g.list) {
		after = &g.list[i]
	}
	return before, after
}

func (g *globalMemory) mark(addr uint64, n int) {
	for a := addr; a < addr+uint64(n); a++ {
		p := g.pages[a/pageLen]
		if p == nil {
			p = new(written)
			g.pages[a/pageLen] = p
		}
		p[a%pageLen/64] |= 1 << (a % 64)
	}
}

// missing is the first byte of n that nobody has written.
func (g *globalMemory) missing(addr uint64, n int) (uint64, bool) {
	for a := addr; a < addr+uint64(n); a++ {
		if p := g.pages[a/pageLen]; p == nil || p[a%pageLen/64]>>(a%64)&1 == 0 {
			return a, true
		}
	}
	return 0, false
}

func (c *Checker) globalAccess(e *sm.Event) {
	before, _ := c.global.around(e.Addr)
	if before == nil || e.Addr-before.base >= before.size {
		return // the heap of malloc
	}
	if !e.Write || e.Atomic {
		if a, ok := c.global.missing(e.Addr, e.Size); ok {
			c.report(Uninitialised, e, 0, "%s of global memory at %#x, byte %d of the allocation of "+
				"%d bytes at %#x: nobody has written there", verb(e), a, a-before.base, before.size,
				before.base)
		}
	}
	if e.Write {
		c.global.mark(e.Addr, e.Size)
	}
	if e.Atomic {
		c.world.meet(c.world.agent(e), key{kind: 'g', addr: e.Addr})
	}
}

// outside is an access that failed: how far from what.
func (c *Checker) outside(e *sm.Event) {
	if e.Addr%uint64(e.Size) != 0 {
		c.report(Misaligned, e, 0, "%s of %v memory at %#x: want a multiple of %d", verb(e),
			e.Space, e.Addr, e.Size)
		return
	}
	if e.Space != ptx.SpaceGlobal {
		c.report(OutOfBounds, e, 0, "%s at %#x of shared memory: the CTA has %d bytes", verb(e),
			e.Addr, e.Lanes)
		return
	}
	before, after := c.global.around(e.Addr)
	switch {
	case before != nil && (after == nil || e.Addr-before.base-before.size < after.base-e.Addr):
		c.report(OutOfBounds, e, 0, "%s of global memory at %#x: %d bytes behind the allocation of "+
			"%d bytes at %#x", verb(e), e.Addr, e.Addr-before.base-before.size, before.size,
			before.base)
	case after != nil:
		c.report(OutOfBounds, e, 0, "%s of global memory at %#x: %d bytes before the allocation of "+
			"%d bytes at %#x", verb(e), e.Addr, after.base-e.Addr, after.size, after.base)
	default:
		c.report(OutOfBounds, e, 0, "%s of global memory at %#x: there are no allocations", verb(e),
			e.Addr)
	}
}
