package sm

import (
	"fmt"

	"tensoros/sim/gpu/memory"
)

// Grid is a launch running in time on all SMs of a chip.
type Grid struct {
	launch  *Launch
	cfg     Config
	mem     *memory.Hierarchy
	cores   []*Core
	nextCTA int
	left    int
	perCore int
	now     int64
	end     int64
	stats   Stats
	// OnCTA, if set, hears of every CTA that ends: SM, linear index, first and last cycle, warps,
	// warp instructions.
	OnCTA func(sm, cta int, start, end int64, warps int, instructions uint64)
}

// ahead is how many cycles an SM may run ahead of the others: less than the shortest way from one
// SM to another through L2, so that no SM could have seen what it missed.
const ahead = 32

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
	g := &Grid{launch: l, cfg: cfg, mem: mem, perCore: n, left: l.CTAs(), now: start, end: start}
	for i := range cores {
		g.cores = append(g.cores, newCore(g, i))
	}
	// One CTA a SM and cycle: what simulators use; the hardware's rate is not published.
	for round := range n {
		for _, c := range g.cores {
			if g.nextCTA < l.CTAs() {
				c.admit(g.nextCTA, start+int64(round))
				g.nextCTA++
			}
		}
	}
	return g, nil
}

func (g *Grid) finished(c *Core, cta *CTA, t int64) {
	g.left--
	g.end = max(g.end, t)
	g.stats.CTAs++
	g.stats.Instructions += cta.issued
	if g.OnCTA != nil {
		g.OnCTA(c.id, cta.index, cta.start, t, len(cta.warps), cta.issued)
	}
	if g.nextCTA < g.launch.CTAs() {
		c.admit(g.nextCTA, t)
		g.nextCTA++
	}
}

// Run advances to the given cycle, or to the end if that is earlier. It reports whether the grid
// has ended, and else when the next instruction is due.
func (g *Grid) Run(limit int64) (done bool, next int64, err error) {
	for g.left > 0 {
		next = far
		for _, c := range g.cores {
			next = min(next, c.next)
		}
		if next == far {
			g.launch.err = &FaultError{Kernel: g.launch.Prog.Name,
				Detail: deadlock}
		}
		if g.launch.err != nil {
			return true, next, g.launch.err
		}
		if next >= limit {
			return false, next, nil
		}
		until := min(next+ahead, limit)
		for _, c := range g.cores {
			if c.next < until {
				c.advance(until)
			}
		}
	}
	return true, g.end, g.launch.err
}

// End is the cycle after the last instruction; Stats what ran. Both are final when Run says done.
func (g *Grid) End() int64   { return g.end }
func (g *Grid) Stats() Stats { return g.stats }

// Busy is how many cycles a pipe was booked, over all sub-cores of all SMs.
func (g *Grid) Busy(c Class) int64 {
	var n int64
	for _, core := range g.cores {
		n += core.Busy[c]
	}
	return n / fine
}
