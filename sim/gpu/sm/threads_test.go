package sm

import (
	"bytes"
	"fmt"
	"testing"

	"tensoros/sim/gpu/memory"
)

// account is everything that a run may say.
func account(t *testing.T, l *Launch, threads int, cut int64) string {
	t.Helper()
	mem := memory.New(testMemory)
	cfg := testConfig
	cfg.Threads = threads
	g, err := NewGrid(cfg, 8, mem, l, l.Prog.Registers(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	g.KeepProfile()
	var log bytes.Buffer
	g.OnCTA = func(sm, cta int, start, end int64, warps int, n uint64) {
		fmt.Fprintln(&log, sm, cta, start, end, warps, n)
	}
	g.OnLevel = func(l *Level) { fmt.Fprintln(&log, *l) }
	for at := cut; ; at += cut {
		done, next, err := g.Run(at)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			break
		}
		at = max(at, next/cut*cut)
	}
	fmt.Fprintln(&log, g.End(), g.Stats(), mem.Hits, mem.FarHits, mem.Misses, mem.Writebacks)
	fmt.Fprintln(&log, g.Profile(), g.Report())
	return log.String()
}

// TestThreadsChangeNothing runs a grid on one, two and more threads, and with the run cut into
// pieces of several lengths: cycles, order, caches and stalls are the same.
func TestThreadsChangeNothing(t *testing.T) {
	l, mem := smallMatmul(t)
	before := bytes.Clone(mem.data)
	want := account(t, l, 1, far)
	result := bytes.Clone(mem.data)
	for _, c := range []struct {
		threads int
		cut     int64
	}{{2, far}, {3, far}, {8, far}, {1, 1777}, {2, 64}, {1, 128}} {
		copy(mem.data, before)
		if got := account(t, l, c.threads, c.cut); got != want {
			t.Errorf("%d threads, cut every %d cycles: another outcome", c.threads, c.cut)
		}
		if !bytes.Equal(mem.data, result) {
			t.Errorf("%d threads, cut every %d cycles: another result", c.threads, c.cut)
		}
	}
}
