package sm

import "tensoros/sim/gpu/lower"

// Report is what a grid did with the cycles that were timed, as profilers tell it.
type Report struct {
	Cycles   int64               // of the grid, less those of waves that were not timed
	Resident int64               // cycles of warps, from the start of their CTA to their exit
	Stalls   [Reasons]uint64     // the same by what the warps did; zeros without KeepProfile
	Issued   int64               // machine instructions
	Warps    float64             // resident on an SM, on average
	Issue    float64             // of the issue slots, the part used
	Busy     [Pipes]float64      // of the time of a pipe, the part it worked
	Units    [lower.Units]uint64 // cycles by unit, over all SMs
	L1Hits   uint64              // sectors of loads that L1 had
	L1Misses uint64
	Sampled  Sampling
}

// Pipe is what instructions compete for, as profilers name it.
type Pipe uint8

// Pipes.
const (
	ALUPipe Pipe = iota
	FMAPipe
	HeavyPipe
	HalfPipe
	DoublePipe
	SpecialPipe
	TensorPipe
	MemoryPipe
	Pipes
)

var pipeNames = [Pipes]string{"alu", "fma", "heavy", "half", "double", "special", "tensor",
	"memory"}

func (p Pipe) String() string { return pipeNames[p] }

// pipes says which units' bookings are a pipe's. Integer multiplications take a half of the FMA
// pipe; wgmma runs on the tensor cores as mma does.
var pipes = [Pipes][]lower.Unit{ALUPipe: {lower.ALU}, FMAPipe: {lower.FMA, lower.Heavy},
	HeavyPipe: {lower.Heavy}, HalfPipe: {lower.Half}, DoublePipe: {lower.Double},
	SpecialPipe: {lower.Special}, TensorPipe: {lower.Tensor, lower.Warpgroup},
	MemoryPipe: {lower.Memory}}

// share is how many of a pipe an SM has: one of memory, two halves of FMA a sub-core where a half
// takes two cycles for what the whole takes in one.
func (c *Config) share(p Pipe) int64 {
	switch {
	case p == MemoryPipe:
		return 1
	case p == FMAPipe && c.Interval[lower.FMA] < c.Interval[lower.Heavy]:
		return 2 * int64(c.SubCores)
	}
	return int64(c.SubCores)
}

// KeepProfile lets the grid count the cycles of warps by instruction.
func (g *Grid) KeepProfile() {
	profiles := make([]*Profile, len(g.progs)) // one a thread
	for i, p := range g.progs {
		profiles[i] = NewProfile(p)
	}
	for i := range g.groups {
		for _, c := range g.groups[i].cores {
			c.stall = profiles[i%len(profiles)]
		}
	}
}

// Profile is what was counted since KeepProfile; nil without it.
func (g *Grid) Profile() *Profile {
	if g.cores[0].stall == nil {
		return nil
	}
	sum := NewProfile(g.launch.Prog)
	for i := range g.progs {
		sum.Add(g.groups[i].cores[0].stall)
	}
	return sum
}

// Report sums up a grid that has ended.
func (g *Grid) Report() Report {
	r := Report{Cycles: g.end - g.start, Sampled: g.Sampled()}
	for _, c := range g.cores {
		r.Resident += c.resident
		r.Issued += c.units
		r.L1Hits += c.l1Hits
		r.L1Misses += c.l1Asked - c.l1Hits
		for u, n := range c.busy {
			r.Units[u] += uint64(n)
		}
	}
	if p := g.Profile(); p != nil {
		r.Stalls = p.Total()
	}
	for u := range r.Units {
		r.Units[u] /= fine
	}
	if r.Cycles == 0 {
		return r
	}
	all := float64(r.Cycles) * float64(len(g.cores))
	r.Warps = float64(r.Resident) / all
	r.Issue = float64(r.Issued) / all / float64(g.cfg.SubCores)
	for p := range pipes {
		for _, u := range pipes[p] {
			r.Busy[p] += float64(r.Units[u]) / all / float64(g.cfg.share(Pipe(p)))
		}
	}
	return r
}

// levelCycles is the length of the stretches that levels are of: short against a kernel, long
// against what a record takes.
const levelCycles = 1024

// Level is what an SM did in a stretch of time.
type Level struct {
	SM    int
	From  int64 // cycle
	Warps int   // resident at its end
	Issue []int // per mille of the issue slots of each sub-core
	Busy  [Pipes]int
}

// meter is where the levels of a grid have come to.
type meter struct {
	from  int64
	cores []reading
	out   Level
}

// reading is what a core's counters said.
type reading struct {
	issued []int64
	worked [Pipes]int64
}

// levels tells OnLevel of the stretch that ends now, if it is long enough or the last one.
func (g *Grid) levels(now int64, last bool) {
	m := &g.meter
	span := now - m.from
	if g.OnLevel == nil || span <= 0 || span < levelCycles && !last {
		return
	}
	for len(m.cores) < len(g.cores) {
		m.cores = append(m.cores, reading{issued: make([]int64, g.cfg.SubCores)})
	}
	m.out.From = m.from + g.sampler.skew
	for i, c := range g.cores {
		c.level(&m.cores[i], &m.out, now, span)
		g.OnLevel(&m.out)
	}
	m.from = now
}

// level turns what the counters have advanced since the last reading into a level.
func (c *Core) level(was *reading, l *Level, now, span int64) {
	l.SM, l.Warps, l.Issue = c.id, 0, l.Issue[:0]
	for i := range c.subs {
		s := &c.subs[i]
		l.Issue = append(l.Issue, int((s.issued-was.issued[i])*1000/span))
		was.issued[i] = s.issued
	}
	for _, cta := range c.ctas {
		l.Warps += cta.running
	}
	for p, worked := range c.worked(now) {
		capacity := span * fine * c.grid.cfg.share(Pipe(p))
		l.Busy[p] = int(max(worked-was.worked[p], 0) * 1000 / capacity)
		was.worked[p] = worked
	}
}

// worked is what was booked of each pipe, less what of it lies ahead.
func (c *Core) worked(now int64) (n [Pipes]int64) {
	for p, units := range pipes {
		ahead := int64(0)
		count := func(free int64) {
			if free < far {
				ahead += max(free-now*fine, 0)
			}
		}
		for _, u := range units {
			n[p] += c.busy[u]
			for i := range c.subs {
				count(c.subs[i].free[u])
			}
		}
		switch Pipe(p) {
		case FMAPipe:
			for i := range c.subs {
				count(c.subs[i].light)
			}
		case MemoryPipe:
			count(c.pipe)
		}
		n[p] -= min(ahead, n[p])
	}
	return n
}
