package sm

import (
	"testing"

	"tensoros/sim/gpu/memory"
)

// profiled runs a launch on some SMs and sums up the cycles of its CTAs, and its levels.
func profiled(t *testing.T, l *Launch, cores int) (g *Grid, spans int64, levels []Level) {
	t.Helper()
	g, err := NewGrid(testConfig, cores, memory.New(testMemory), l, l.Prog.Registers(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	g.KeepProfile()
	g.OnCTA = func(_, _ int, start, end int64, _ int, _ uint64) { spans += end - start }
	g.OnLevel = func(l *Level) {
		x := *l
		x.Issue = append([]int(nil), l.Issue...)
		levels = append(levels, x)
	}
	if _, _, err := g.Run(far); err != nil {
		t.Fatal(err)
	}
	return g, spans, levels
}

// TestEveryCycleHasAReason: the cycles in which warps issued and those in which they did not, each
// with its reason, are the cycles that warps were resident. A full memory pipe, barriers, copies
// and tensor instructions all come up in these kernels.
func TestEveryCycleHasAReason(t *testing.T) {
	tensor, _ := smallMatmul(t)
	tile, _ := tiled(kernelFile(t, "matmul_f32.ptx", false), 128)
	sum, _ := vectors(kernelFile(t, "vecadd.ptx", false), 100_000)
	narrow, _ := vectors(kernelFile(t, "vecadd.ptx", false), 3000)
	narrow.Block[0], narrow.Grid[0] = 32, 94 // a warp a CTA: CTAs are resident as long as warps
	for _, c := range []struct {
		name string
		l    *Launch
	}{{"tensor", tensor}, {"tiled", tile}, {"vector add", sum}, {"warps alone", narrow}} {
		g, spans, _ := profiled(t, c.l, 4)
		r := g.Report()
		var total, issued uint64
		for _, n := range r.Stalls {
			total += n
		}
		for _, n := range g.Profile().Issued {
			issued += n
		}
		if total != uint64(r.Resident) || total == 0 {
			t.Errorf("%s: %d warp cycles have a reason, of %d: %v", c.name, total, r.Resident,
				r.Stalls)
		}
		if issued != uint64(r.Issued) || r.Stalls[Selected] != issued {
			t.Errorf("%s: %d of %d machine instructions in the profile", c.name, issued, r.Issued)
		}
		if c.l.Threads() == Lanes && spans != r.Resident {
			t.Errorf("%s: CTAs were there for %d cycles, their warps for %d", c.name, spans,
				r.Resident)
		}
	}
}

// TestLevels: the levels of all stretches together are what the report says of the whole.
func TestLevels(t *testing.T) {
	const cores = 4
	l, _ := tiled(kernelFile(t, "matmul_f32.ptx", false), 256)
	g, _, levels := profiled(t, l, cores)
	r := g.Report()
	var issue, fma float64
	for i, x := range levels {
		end := 1000 + r.Cycles
		if i+cores < len(levels) {
			end = levels[i+cores].From
		}
		for _, n := range x.Issue {
			issue += float64(n) * float64(end-x.From)
		}
		fma += float64(x.Busy[FMAPipe]) * float64(end-x.From)
		if x.Warps < 0 || x.Warps > testConfig.Warps {
			t.Errorf("SM %d has %d warps at cycle %d", x.SM, x.Warps, x.From)
		}
	}
	slots := 1000 * float64(r.Cycles) * cores
	issue, fma = issue/slots/float64(testConfig.SubCores), fma/slots
	if len(levels) < 2*cores {
		t.Fatalf("%d levels", len(levels))
	}
	for _, c := range []struct{ got, want float64 }{{issue, r.Issue}, {fma, r.Busy[FMAPipe]}} {
		if c.want == 0 || c.got < c.want*0.98-0.002 || c.got > c.want*1.02 {
			t.Errorf("levels say %.4f, the report %.4f", c.got, c.want)
		}
	}
}
