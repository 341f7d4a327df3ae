package gpu

import (
	"fmt"

	"tensoros/sim"
	"tensoros/sim/gpu/sm"
	"tensoros/traces"
)

// pipeKinds are the pipes whose work is recorded over time.
var pipeKinds = []struct {
	pipe sm.Pipe
	kind traces.Kind
}{{sm.FMAPipe, traces.GPUFMA}, {sm.TensorPipe, traces.GPUMatrix}, {sm.MemoryPipe, traces.GPUMemory}}

// gauge is a recorded quantity and its latest value: only changes are recorded.
type gauge struct {
	kind  traces.Kind
	track traces.Track
	value uint64
}

// gauges are those of one SM: resident warps, the pipes, and issue by sub-core.
func (g *GPU) gauges(id int) []gauge {
	list := []gauge{{kind: traces.GPUWarps, track: g.smTrk[id]}}
	for _, p := range pipeKinds {
		list = append(list, gauge{kind: p.kind, track: g.smTrk[id]})
	}
	for i := range g.core.SubCores {
		sub := g.rec.Track(fmt.Sprintf("%s/sm%d/sub%d", g.fn.Path(), id, i))
		list = append(list, gauge{kind: traces.GPUIssue, track: sub})
	}
	return list
}

func (g *GPU) gauge(at sim.Time, x *gauge, value uint64) {
	if value != x.value {
		x.value = value
		g.rec.Level(x.kind, x.track, at, value)
	}
}

// observe records what the grid does.
func (e *computeEngine) observe() {
	g := e.gpu
	e.before = g.memory.Counters
	e.grid.KeepProfile()
	e.grid.OnCTA = func(id, cta int, start, end int64, warps int, n uint64) {
		g.rec.Span(traces.GPUCTA, g.smTrk[id], g.moment(start), g.moment(end), nil, uint64(cta),
			uint64(warps), n)
	}
	for id := len(e.gauges); id < len(g.smTrk); id++ {
		e.gauges = append(e.gauges, g.gauges(id))
	}
	e.grid.OnLevel = e.level
}

func (e *computeEngine) level(l *sm.Level) {
	g := e.gpu
	at, list := g.moment(l.From), e.gauges[l.SM]
	g.gauge(at, &list[0], uint64(l.Warps))
	for i, p := range pipeKinds {
		g.gauge(at, &list[1+i], uint64(l.Busy[p.pipe]))
	}
	for i, n := range l.Issue {
		g.gauge(at, &list[1+len(pipeKinds)+i], uint64(n))
	}
}

// rest records that the SMs do nothing any more.
func (e *computeEngine) rest(at sim.Time) {
	for _, list := range e.gauges {
		for i := range list {
			e.gpu.gauge(at, &list[i], 0)
		}
	}
}

// account records the sums of a grid that has ended.
func (e *computeEngine) account(at sim.Time) {
	g, r := e.gpu, e.grid.Report()
	g.profiles.add(e.prog, e.grid.Profile())
	permille := func(part float64) uint64 { return uint64(part * 1000) }
	g.rec.Level(traces.GPUTensor, g.gridTrk, at, permille(r.Busy[sm.TensorPipe]))
	for reason, n := range r.Stalls {
		if n > 0 {
			g.rec.Mark(traces.GPUStall, g.gridTrk, at, g.rec.Text(sm.Reason(reason).String()), n)
		}
	}
	for pipe, part := range r.Busy {
		if part > 0 {
			g.rec.Mark(traces.GPUPipe, g.gridTrk, at, g.rec.Text(sm.Pipe(pipe).String()),
				permille(part))
		}
	}
	c := g.memory.Since(e.before)
	g.rec.Mark(traces.GPUCaches, g.gridTrk, at, r.L1Hits, r.L1Misses, c.Hits, c.Misses,
		c.Writebacks)
	if s := r.Sampled; s.Skipped > 0 {
		g.rec.Mark(traces.GPUSampled, g.gridTrk, at, uint64(s.Skipped), uint64(s.Waves),
			uint64(s.Error*1e6))
	}
}
