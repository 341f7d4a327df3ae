package gpu

import (
	"fmt"

	"tensoros/hw/ptx"
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
	"tensoros/traces"
)

// computeEngine runs grids, one after the other.
type computeEngine struct {
	gpu     *GPU
	queue   sim.Queue[order]
	current order
	grid    *sm.Grid
	begin   int64 // cycle
	prog    *sm.Program
	name    uint64
	gauges  [][]gauge       // by SM
	before  memory.Counters // when the grid began
}

// order is a launch descriptor that a channel has sent.
type order struct {
	channel *channel
	qmd     uint64
	launch  spec.Launch
}

// order takes a descriptor's address. The front end reads it through L2, then the grid waits its
// turn.
func (e *computeEngine) order(c *channel, qmd uint64) {
	c.pending++
	e.queue.Push(order{channel: c, qmd: qmd})
	if e.queue.Len() == 1 && e.grid == nil {
		e.fetch(e.gpu.eng.Now())
	}
}

func (e *computeEngine) fetch(now sim.Time) {
	g := e.gpu
	done := now + g.cycles(int64(g.Chip.Get("l2.latency"))+int64(g.iface.QMD.Len/128)-1)
	g.rec.Span(traces.GPUFetch, g.hostTrk, now, done, nil, e.queue.Peek().qmd,
		uint64(g.iface.QMD.Len))
	g.at(done, evLaunch, 0)
}

// start begins the oldest grid.
func (e *computeEngine) start(now sim.Time) {
	e.current = e.queue.Pop()
	c := e.current.channel
	if err := e.prepare(now); err != nil {
		c.fault("launch: %v", err)
		e.finish(now)
		return
	}
	e.advance(now)
}

func (e *computeEngine) prepare(now sim.Time) error {
	g, c := e.gpu, e.current.channel
	p := make([]byte, g.iface.QMD.Len)
	if err := c.space.read(e.current.qmd, p); err != nil {
		return err
	}
	l, ok := g.iface.QMD.Decode(p)
	if !ok {
		return fmt.Errorf("no %s descriptor at %#x", g.iface.QMD.Name, e.current.qmd)
	}
	e.current.launch = l
	prog, err := g.program(c, l.Program)
	if err != nil {
		return err
	}
	params := make([]byte, prog.Params)
	if len(params) > 0 {
		if err := c.space.read(l.Constants+uint64(g.iface.ParamOffset), params); err != nil {
			return fmt.Errorf("constant buffer 0: %w", err)
		}
	}
	sp := c.space
	launch := &sm.Launch{Prog: prog, Grid: l.Grid, Block: l.Block, Shared: int(l.Shared),
		Params: params, Mem: &sp}
	e.begin = g.cycle(now) + 1
	e.prog, e.name = prog, g.rec.Text(prog.Name)
	e.grid, err = sm.NewGrid(g.core, len(g.smTrk), g.memory, launch,
		min(int(l.Registers), prog.Registers()), e.begin)
	if err != nil {
		return err
	}
	if g.rec != nil {
		e.observe()
	}
	return nil
}

// program reads, parses and decodes code in VRAM; equal code is decoded once.
func (g *GPU) program(c *channel, va uint64) (*sm.Program, error) {
	head := make([]byte, spec.CodeHeaderLen)
	if err := c.space.read(va, head); err != nil {
		return nil, err
	}
	n, err := spec.CodeLen(head)
	if err != nil {
		return nil, fmt.Errorf("%#x: %w", va, err)
	}
	code := make([]byte, n)
	if err := c.space.read(va, code); err != nil {
		return nil, err
	}
	if p, ok := g.programs[string(code)]; ok {
		return p, nil
	}
	entry, text, err := spec.UnpackCode(code)
	if err != nil {
		return nil, err
	}
	m, err := ptx.Parse(entry+".ptx", []byte(text))
	if err != nil {
		return nil, err
	}
	if err := ptx.Verify(m); err != nil {
		return nil, err
	}
	p, err := sm.LoadAt(m, entry, g.core.Target(), sm.ModuleWindow)
	if err == nil {
		g.programs[string(code)] = p
	}
	return p, err
}

// advance runs the grid as far as the rest of the machine allows: up to the next event of anybody.
func (e *computeEngine) advance(now sim.Time) {
	g := e.gpu
	for {
		limit := int64(1) << 62
		if t := g.eng.NextAt(); t < sim.Forever {
			limit = g.cycle(t-1) + 1 // cycles that start before it
		}
		done, next, err := e.grid.Run(limit)
		if err != nil {
			e.current.channel.fault("%v", err)
			e.finish(now)
			return
		}
		if done {
			e.end(now)
			return
		}
		at := max(g.moment(next), now)
		if at < g.eng.NextAt() {
			continue
		}
		g.at(at, evGrid, 0)
		return
	}
}

// end reports the grid and schedules what follows its last instruction.
func (e *computeEngine) end(now sim.Time) {
	g := e.gpu
	at := max(g.moment(e.grid.End()), now)
	if at > now {
		g.at(at, evGrid, 0) // Run will say done again
		return
	}
	s := e.grid.Stats()
	g.rec.Span(traces.GPUGrid, g.gridTrk, g.moment(e.begin), at, nil, e.name, uint64(s.CTAs),
		s.Instructions)
	if g.rec != nil {
		e.account(at)
	}
	e.finish(at)
}

// finish releases the grid's semaphore and turns to the next.
func (e *computeEngine) finish(now sim.Time) {
	o := e.current
	e.rest(now)
	e.grid, e.current = nil, order{}
	if o.launch.Release && !o.channel.faulted {
		o.channel.release(o.launch.ReleaseAddr, o.launch.ReleaseValue, 8, true)
	}
	if e.queue.Len() > 0 {
		e.fetch(now)
	}
	o.channel.ended(now)
}
