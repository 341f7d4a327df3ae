package gpu

import (
	"fmt"

	"tensoros/hw"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
)

// Kernel is an entry point on an accelerator.
type Kernel struct {
	of   *Module
	prog *sm.Program
}

// Name is the entry point's.
func (k *Kernel) Name() string { return k.prog.Name }

// MostWarps is how many warps an SM can hold.
func (k *Kernel) MostWarps() int { return k.of.on.core.Warps }

// Run is what a launch did.
type Run struct {
	hw.Launched
	sm.Stats
	CTAsPerSM int    // resident at once
	LimitedBy string // what allows no more
	Registers int    // 32-bit, a thread
	Spilled   int    // registers of a thread that did not fit
	Machine   int    // instructions of the code, after lowering
	// What follows is empty without time.
	memory.Counters
	Report  sm.Report
	Profile *sm.Profile // nil without Options.Profile
	// Taken says that the grid only computed, and that its time and all that is said about it are
	// those of an earlier launch (see Options.Cache).
	Taken bool
}

// Launch runs a grid to its end.
func (k *Kernel) Launch(g hw.Grid) (hw.Launched, error) {
	r, err := k.Run(g)
	return r.Launched, err
}

// Run is Launch with all that is known about it.
func (k *Kernel) Run(g hw.Grid) (Run, error) {
	l := &sm.Launch{Prog: k.prog, Grid: ones(g.Blocks), Block: ones(g.Threads), Cluster: g.Cluster,
		Shared: g.Shared, Params: g.Params, Mem: &k.of.on.mem, Heap: k.of.on.heap,
		Stdout: k.of.on.opts.Stdout, Dry: k.of.on.opts.Dry}
	if l.Cluster != [3]uint32{} {
		l.Cluster = ones(l.Cluster)
	}
	if g.Shared < 0 {
		return Run{}, fmt.Errorf("kernel %s: %d bytes of shared memory", k.prog.Name, g.Shared)
	}
	if err := l.Check(); err != nil {
		return Run{}, err
	}
	r, regs, err := k.fit(l)
	if err != nil {
		return r, err
	}
	check := k.of.on.opts.Check
	switch {
	case check != nil:
		l.Watch = check
		check.Begin(k.prog.Name, l.Block)
		r.Stats, err = l.Run()
		check.End(err)
		return r, err
	case k.of.on.caches == nil:
		r.Stats, err = l.Run()
		return r, err
	}
	return k.timed(l, regs, r)
}

// ones reads 0 as 1.
func ones(d [3]uint32) [3]uint32 {
	for i := range d {
		d[i] = max(d[i], 1)
	}
	return d
}

// fit is how many CTAs an SM holds, and the registers that a thread takes: PTX's own count of
// names, as far as the CTA fits at all, for an allocator spills the rest.
func (k *Kernel) fit(l *sm.Launch) (r Run, regs int, err error) {
	cfg := k.of.on.chip.Core()
	warps := (l.Threads() + sm.Lanes - 1) / sm.Lanes
	regs = min(k.prog.Registers(), 255, cfg.Registers/(warps*sm.Lanes)&^7)
	r.CTAsPerSM, r.LimitedBy = l.Occupancy(&cfg, regs)
	r.Registers, r.Spilled, r.Machine = regs, k.prog.Spilled(), k.prog.Machine()
	if r.CTAsPerSM == 0 {
		err = fmt.Errorf("kernel %s: a CTA of %d threads with %d bytes of shared memory does not "+
			"fit an SM of %s (%s)", k.prog.Name, l.Threads(), k.prog.Static+l.Shared,
			k.of.on.chip.Title, r.LimitedBy)
	}
	return r, regs, err
}

// timed runs a launch on all SMs, after what ran before it; or computes it and takes the time over
// from one like it.
func (k *Kernel) timed(l *sm.Launch, regs int, r Run) (Run, error) {
	a := k.of.on
	if a.timings == nil || k.prog.Talks() {
		r, err := a.exact(l, regs, r)
		a.note(k, r, err)
		return r, err
	}
	key, buffers := a.timings.key(k, l)
	if known := a.timings.known[key]; known != nil {
		s, err := l.Run()
		if err != nil {
			return r, err
		}
		r = known.run
		r.Stats, r.Taken = s, true
		a.now += r.Cycles
		a.timings.Taken++
		a.leave(known, buffers)
		a.note(k, r, nil)
		return r, nil
	}
	r, err := a.exact(l, regs, r)
	a.note(k, r, err)
	if err == nil {
		a.timings.Timed++
		a.timings.known[key] = &timing{run: r, after: a.warmth(buffers)}
	}
	return r, err
}

// exact runs a launch in time.
func (a *Accelerator) exact(l *sm.Launch, regs int, r Run) (Run, error) {
	before := a.caches.Counters
	g, err := sm.NewGrid(a.core, int(a.chip.Get("sm.count")), a.caches, l, regs, a.now)
	if err != nil {
		return r, err
	}
	if a.opts.Profile {
		g.KeepProfile()
	}
	if _, _, err := g.Run(1 << 62); err != nil {
		return r, err
	}
	r.Stats, r.Cycles = g.Stats(), g.End()-a.now
	r.Elapsed = float64(a.chip.Clock().Span(uint64(r.Cycles))) / 1e3
	r.Counters, r.Report, r.Profile = a.caches.Since(before), g.Report(), g.Profile()
	a.now = g.End()
	return r, nil
}
