package sm

import (
	"bytes"
	"math"
	"testing"

	"tensoros/sim/gpu/memory"
)

// TestSampling times a grid of many waves whole and by sampling: the results are the same bytes,
// and the cycles lie near one another.
func TestSampling(t *testing.T) {
	sampling(t, testMemory)
	// HBM is what takes the time: more of it once L2, which takes half of what the grid touches, is
	// full and has to write back.
	slow := testMemory
	slow.L2Bytes = 3 << 20
	slow.Rate /= 16
	sampling(t, slow)
}

func sampling(t *testing.T, caches memory.Config) {
	run := func(sample bool, threads int) (cycles int64, s Sampling, out []byte, n Stats) {
		l, mem := vectors(kernelFile(t, "vecadd.ptx", false), 1<<19)
		cfg := testConfig
		cfg.Sample, cfg.Threads = sample, threads
		g, err := NewGrid(cfg, 4, memory.New(caches), l, l.Prog.Registers(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := g.Run(far); err != nil {
			t.Fatal(err)
		}
		return g.End(), g.Sampled(), bytes.Clone(mem.data), g.Stats()
	}
	exact, none, want, all := run(false, 1)
	if none.Skipped != 0 {
		t.Fatalf("%d CTAs not timed without sampling", none.Skipped)
	}
	for threads := 1; threads <= 3; threads++ {
		got, s, out, stats := run(true, threads)
		if s.Skipped == 0 || stats != all {
			t.Fatalf("%d threads: %+v, %+v; want some CTAs not timed, and all run: %+v", threads, s,
				stats, all)
		}
		if !bytes.Equal(out, want) {
			t.Errorf("%d threads: another result", threads)
		}
		if e := float64(got)/float64(exact) - 1; math.Abs(e) > 0.03 {
			t.Errorf("%d threads: %d cycles by sampling, %d in all: %+.1f %%", threads, got, exact, 100*e)
		}
		t.Logf("%d of %d CTAs not timed; %d cycles, %d exactly; confidence %.2f %%", s.Skipped,
			all.CTAs, got, exact, 100*s.Error)
	}
}
