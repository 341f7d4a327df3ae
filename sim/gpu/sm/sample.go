package sm

import (
	"math"

	"tensoros/sim/gpu/memory"
)

// sampler decides when a grid has settled: waves of as many CTAs as the chip holds take the same
// time, so those to come are computed but not timed (Photon, MICRO 2023: until per-wave times vary
// by less than a bound). A grid that fills L2 has not settled: what it writes goes to HBM later.
type sampler struct {
	on    bool
	wave  int // CTAs of a wave
	count int // that ended in the present one
	since int64
	times []float64 // cycles of the waves
	seen  memory.Counters
	fills bool  // the last wave filled L2
	skew  int64 // cycles of the waves that were not timed
	out   Sampling
}

// Sampling says what of a grid was timed.
type Sampling struct {
	Skipped int     // CTAs that were computed and not timed
	Waves   int     // that were timed before that
	Cycles  float64 // of a wave
	// Error is half of the 95 % confidence interval of a wave's mean, relative to it.
	Error float64
}

const (
	sampleWaves  = 3    // waves to compare, after the first, which starts cold
	sampleSpread = 0.02 // by which they may differ
	sampleLeast  = 8    // waves that a grid must have
	sampleFresh  = 0.05 // of a wave's sectors that may be in lines new to an L2 with room for them
	confidence95 = 1.96 // standard deviations
)

func (s *sampler) begin(g *Grid) {
	s.wave = len(g.groups) * g.perCore * g.launch.clusterCTAs()
	s.on = g.cfg.Sample && !g.launch.Prog.talks && g.launch.CTAs() >= sampleLeast*s.wave
	s.since, s.seen = g.now, g.mem.Counters
}

// note counts a CTA that has ended.
func (s *sampler) note(g *Grid, at int64) {
	if !s.on {
		return
	}
	if s.count++; s.count == s.wave {
		s.times = append(s.times, float64(at-s.since))
		s.count, s.since = 0, at
		c := g.mem.Since(s.seen)
		s.seen = g.mem.Counters
		s.fills = float64(c.Fresh*memory.LineLen/memory.SectorLen) >
			sampleFresh*float64(c.Hits+c.Misses)
	}
}

// steady is how many clusters need not be timed: whole waves, once the latest ones agree.
func (s *sampler) steady(g *Grid) int {
	n := len(s.times)
	if !s.on || s.fills || n < sampleWaves+1 {
		return 0
	}
	last := s.times[n-sampleWaves:]
	mean, low, high := 0.0, last[0], last[0]
	for _, t := range last {
		mean += t / sampleWaves
		low, high = min(low, t), max(high, t)
	}
	if high-low > sampleSpread*mean {
		return 0
	}
	s.on = false
	size := g.launch.clusterCTAs()
	waves := (g.launch.CTAs()/size - g.next) * size / s.wave
	if waves <= 0 {
		return 0
	}
	var v float64
	for _, t := range last {
		v += (t - mean) * (t - mean) / (sampleWaves - 1)
	}
	s.out = Sampling{Skipped: waves * s.wave, Waves: n, Cycles: mean,
		Error: confidence95 * math.Sqrt(v/sampleWaves) / mean}
	s.skew = int64(math.Round(mean * float64(waves)))
	return waves * s.wave / size
}

// skip computes the next clusters without time.
func (g *Grid) skip(w *workers, clusters int) {
	n := len(g.progs)
	stats, faults := make([]Stats, n), make([]fault, n)
	w.run(func(i int) {
		s, err := g.launch.compute(g.progs[i], &faults[i], g.next+i, g.next+clusters, n)
		stats[i], faults[i].err = s, err
	})
	g.next += clusters
	for i := range stats {
		g.left -= stats[i].CTAs
		g.stats.CTAs += stats[i].CTAs
		g.stats.Instructions += stats[i].Instructions
		if faults[i].err != nil && g.err == nil {
			g.err = faults[i].err
		}
	}
}

// Sampled says what was not timed; its zero value that all was.
func (g *Grid) Sampled() Sampling { return g.sampler.out }
