package nvme

import (
	"slices"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// health reads the SMART page.
func (g *guest) health() spec.SMART {
	var p [512]byte
	g.ctl.encodeSMART(p[:])
	return spec.DecodeSMART(p[:])
}

// Wear survives power, is told as percentage used, and ends in bad blocks, lost spare, a warning,
// and a drive that takes no more writes but still reads.
func TestWearOut(t *testing.T) {
	p := small(false)
	p.Endurance = 40
	store := NewMemory(2 << 20)
	g := ready(t, p, store, nil)
	g.ctl.Age(2<<20, 30, 1)
	used := g.health().Used
	if used < 30 {
		t.Fatalf("%d %% used", used)
	}
	want := g.ctl.flash.ftl.erases()
	g.ctl.save()
	g = ready(t, p, store, nil)
	if got := g.ctl.flash.ftl.erases(); !slices.Equal(got, want) || g.health().Used != used {
		t.Fatalf("erase counts or percentage used (%d, %d) differ after a restart", g.health().Used, used)
	}
	for i := uint64(2); !g.ctl.flash.worn; i++ {
		if i == 200 {
			t.Fatal("it never wears out")
		}
		g.ctl.Age(2<<20, 20, i)
	}
	g.ctl.flash.ftl.sound(t)
	s := g.health()
	if s.Spare != 0 || s.Warning&spec.WarnSpare == 0 || s.Warning&spec.WarnReadOnly == 0 {
		t.Errorf("worn out: %+v", s)
	}
	at, _ := g.alloc(4096)
	failed := false
	for i := range uint64(512) {
		e := g.do(1, g.rw(spec.Write, i*8, at, 4096))
		failed = failed || e.Status.Code() == spec.WriteFault
	}
	if !failed {
		t.Error("every write was taken")
	}
	if e := g.do(1, g.rw(spec.Read, 8, at, 4096)); !e.Status.OK() {
		t.Error(e)
	}
	g.quiet()
}

// Retries make a tail, and in the end what no retry reads is an error of the medium.
func TestReadRetry(t *testing.T) {
	p := MQSim
	p.RetryPPM = 100_000
	g := ready(t, &p, NewMemory(64<<20), nil)
	g.ctl.Age(64<<20, 0, 0)
	var took []sim.Time
	for range 300 {
		took = append(took, latency(g, spec.Read))
	}
	slices.Sort(took)
	plain := took[0]
	slow := 300 - slices.IndexFunc(took, func(d sim.Time) bool { return d > plain })
	if slow < 15 || slow > 50 || took[299] < plain+p.Read4K {
		t.Errorf("%d of 300 reads retried, expected about 30; the slowest took %v", slow, took[299])
	}
	p.RetryPPM = 1_000_000
	at, _ := g.alloc(4096)
	failed := 0
	for range 50 {
		if e := g.do(1, g.rw(spec.Read, 8, at, 4096)); e.Status.Code() == spec.UnrecoveredRead {
			failed++
		}
	}
	if failed == 0 || g.ctl.smart.MediaErrors != uint64(failed) {
		t.Errorf("%d unrecovered reads, %d media errors", failed, g.ctl.smart.MediaErrors)
	}
	g.quiet()
}

// Collection under way changes nothing about a run being a function of its input.
func TestCollectionIsDeterministic(t *testing.T) {
	run := func() (sim.Time, FTLCounts) {
		g := newGuest(t, small(true), NewMemory(8<<20), nil)
		g.enable()
		g.queue(1, guestRing)
		g.ctl.Age(8<<20, 2, 1)
		r := sim.NewRand(3, "writes")
		stream(g, spec.Write, 4096, 16, 2000, func(int) uint64 { return r.Uint64() % 2048 * 8 })
		g.quiet()
		g.ctl.flash.ftl.sound(t)
		return g.eng.Now(), g.ctl.FTL()
	}
	at, counts := run()
	again, same := run()
	if at != again || counts != same || counts.MovedUnits == 0 || counts.Erases == 0 {
		t.Errorf("%v %+v, then %v %+v", at, counts, again, same)
	}
}

// FuzzWear: whatever the packed erase counts are, they are taken or left, and what is packed comes
// back.
func FuzzWear(f *testing.F) {
	f.Add([]byte{3, 7, 1, 0})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 1, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		list := unpackWear(p)
		if got := unpackWear(packWear(list)); !slices.Equal(got, list) {
			t.Fatal("packed differs")
		}
	})
}
