package sim

import (
	"hash/fnv"
	"runtime"
	"strings"
	"testing"
)

type recorder struct {
	at   []Time
	args []uint64
}

func (r *recorder) Fire(now Time, _ uint32, arg uint64) {
	r.at = append(r.at, now)
	r.args = append(r.args, arg)
}

func TestEventsRunInTimeThenSchedulingOrder(t *testing.T) {
	e := NewEngine()
	var r recorder
	for i, at := range []Time{5, 3, 5, 1, 3, 3} {
		e.At(at, &r, 0, uint64(i))
	}
	e.Run(Forever)
	want := []uint64{3, 1, 4, 5, 0, 2}
	for i, w := range want {
		if r.args[i] != w {
			t.Fatalf("order %v, want %v", r.args, want)
		}
	}
}

func TestManyEventsComeOutSorted(t *testing.T) {
	e := NewEngine()
	var r recorder
	rnd := NewRand(1, "test")
	for range 5000 {
		e.At(Time(rnd.Intn(1000)), &r, 0, 0)
	}
	e.Run(Forever)
	for i := 1; i < len(r.at); i++ {
		if r.at[i] < r.at[i-1] {
			t.Fatalf("event %d at %v after %v", i, r.at[i], r.at[i-1])
		}
	}
}

// spawner schedules more events as it runs, near and far, and keeps what it was promised.
type spawner struct {
	e    *Engine
	rnd  *Rand
	due  []Time // by number of event
	seen []uint64
	left int
}

func (s *spawner) Fire(now Time, _ uint32, arg uint64) {
	if s.due[arg] != now {
		panic("an event came at another time than it was due")
	}
	s.seen = append(s.seen, arg)
	for range s.rnd.Intn(3) {
		s.spawn(now)
	}
}

func (s *spawner) spawn(now Time) {
	if s.left == 0 {
		return
	}
	s.left--
	s.due = append(s.due, now+Time(s.rnd.Intn(1<<s.rnd.Intn(40))))
	s.e.At(s.due[len(s.due)-1], s, 0, uint64(len(s.due)-1))
}

// TestQueueAgainstASort: the order is that of a stable sort by time, and with shuffled ties that of
// a sort by time and hash, however far apart the events are.
func TestQueueAgainstASort(t *testing.T) {
	for seed := range uint64(20) {
		e := NewEngine()
		if seed%2 == 1 {
			e.ShuffleTies(seed)
		}
		s := &spawner{e: e, rnd: NewRand(seed, "spawner"), left: 4000}
		for range 200 {
			s.spawn(Time(s.rnd.Intn(8)))
		}
		for e.NextAt() < Forever {
			if at := e.NextAt(); !e.Step() || e.Now() != at {
				t.Fatalf("seed %d: NextAt %v, ran at %v", seed, at, e.Now())
			}
		}
		if len(s.seen) != len(s.due) || len(s.due) < 1000 {
			t.Fatalf("seed %d: %d of %d events ran", seed, len(s.seen), len(s.due))
		}
		for i := 1; i < len(s.seen); i++ {
			a, b := s.seen[i-1], s.seen[i]
			if s.due[a] > s.due[b] {
				t.Fatalf("seed %d: event %d at %v before %d at %v", seed, a, s.due[a], b, s.due[b])
			}
			if s.due[a] == s.due[b] && seed%2 == 0 && a > b {
				t.Fatalf("seed %d: events %d and %d at %v out of order", seed, a, b, s.due[a])
			}
		}
	}
}

func TestShuffledTiesKeepTimeButNotArrival(t *testing.T) {
	order := func(seed uint64) (out []uint64) {
		e := NewEngine()
		if seed != 0 {
			e.ShuffleTies(seed)
		}
		var r recorder
		for i := range 64 {
			e.At(Time(i/32), &r, 0, uint64(i))
		}
		e.Run(Forever)
		return r.args
	}
	plain, shuffled := order(0), order(7)
	same := true
	for i := range plain {
		if shuffled[i]/32 != plain[i]/32 {
			t.Fatal("a tie shuffle moved an event in time")
		}
		same = same && shuffled[i] == plain[i]
	}
	if same {
		t.Fatal("ties were not shuffled")
	}
}

func TestSchedulingInThePastIsABug(t *testing.T) {
	e := NewEngine()
	var r recorder
	e.At(10, &r, 0, 0)
	e.Run(Forever)
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	e.At(9, &r, 0, 0)
}

// worker mixes everything that processes may do, and hashes what it saw.
func simulate(ties uint64) uint64 {
	e := NewEngine()
	defer e.Close()
	if ties != 0 {
		e.ShuffleTies(ties)
	}
	h := fnv.New64a()
	note := func(p *Proc) {
		var b [8]byte
		for i := range b {
			b[i] = byte(p.Now() >> (8 * i))
		}
		h.Write(b[:])
		h.Write([]byte(p.Name()))
	}
	var bus Lane
	procs := make([]*Proc, 4)
	for i := range procs {
		rnd := NewRand(9, "worker"+string(rune('a'+i)))
		procs[i] = e.Go("worker"+string(rune('a'+i)), func(p *Proc) {
			for range 200 {
				// Distinct residues keep the workers' clocks apart: no ties to lean on.
				p.Spend(Time(rnd.Intn(100))*8 + 8)
				p.Sync()
				start := bus.Reserve(p.Now(), 16)
				p.Spend(start - p.Now())
				p.Sync()
				note(p)
				if rnd.Intn(4) == 0 {
					procs[(i+1)%4].Wake()
				}
				p.Wait(p.Now() + 8*Time(1+rnd.Intn(50)))
			}
		})
		procs[i].Spend(Time(i))
	}
	e.Run(Forever)
	return h.Sum64()
}

func TestSameBytesWhateverGOMAXPROCS(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	want := simulate(0)
	for procs := 1; procs <= 4; procs++ {
		runtime.GOMAXPROCS(procs)
		for range 3 {
			if got := simulate(0); got != want {
				t.Fatalf("GOMAXPROCS %d: %x, want %x", procs, got, want)
			}
		}
	}
}

func TestWakeEndsWaitEarly(t *testing.T) {
	e := NewEngine()
	defer e.Close()
	var sleeper *Proc
	var at Time
	var woken bool
	sleeper = e.Go("sleeper", func(p *Proc) {
		woken = p.Wait(1000)
		at = p.Now()
	})
	e.Go("waker", func(p *Proc) {
		p.Spend(300)
		p.Sync()
		sleeper.Wake()
	})
	e.Run(Forever)
	if !woken || at != 300 {
		t.Fatalf("woken %v at %v", woken, at)
	}
}

func TestWaitTimesOut(t *testing.T) {
	e := NewEngine()
	defer e.Close()
	var at Time
	woken := true
	e.Go("sleeper", func(p *Proc) {
		woken = p.Wait(1000)
		at = p.Now()
	})
	e.Run(Forever)
	if woken || at != 1000 {
		t.Fatalf("woken %v at %v", woken, at)
	}
}

func TestPanicInAProcessKeepsItsStack(t *testing.T) {
	e := NewEngine()
	defer e.Close()
	e.Go("faulty", func(*Proc) { explode() })
	defer func() {
		f, ok := recover().(*Failure)
		if !ok || !strings.Contains(f.Error(), "explode") {
			t.Fatalf("failure %v lost its stack", f)
		}
	}()
	e.Run(Forever)
}

func explode() { panic("boom") }

func TestCloseLeavesNoProcessParked(t *testing.T) {
	before := runtime.NumGoroutine()
	e := NewEngine()
	for range 50 {
		e.Go("waiter", func(p *Proc) { p.Wait(Forever) })
	}
	e.Run(Forever)
	if e.Parked() != 50 {
		t.Fatalf("%d parked", e.Parked())
	}
	if err := e.RunUntil(func() bool { return false }); err != ErrStuck {
		t.Fatalf("RunUntil gave %v", err)
	}
	e.Close()
	if e.Parked() != 0 || runtime.NumGoroutine() > before {
		t.Fatalf("%d parked, %d goroutines", e.Parked(), runtime.NumGoroutine()-before)
	}
}

func TestRateIsExactOverLongTimes(t *testing.T) {
	for _, mhz := range []Rate{1410, 1755, 2619, 1980} {
		r := mhz * Megahertz
		hour := uint64(r) * 3600
		if got := r.Span(hour); got != 3600*Second {
			t.Errorf("%d MHz: an hour of cycles lasts %v", mhz, got)
		}
		if got := r.Count(3600 * Second); got != hour {
			t.Errorf("%d MHz: %d cycles in an hour, want %d", mhz, got, hour)
		}
	}
}

func TestRateSpanAndCountAreInverse(t *testing.T) {
	r := 1755 * Megahertz
	for n := range uint64(10000) {
		if got := r.Count(r.Span(n)); got != n {
			t.Fatalf("cycle %d starts at %v, which is in cycle %d", n, r.Span(n), got)
		}
	}
}

type chain struct {
	e    *Engine
	left int
}

func (c *chain) Fire(now Time, _ uint32, arg uint64) {
	if c.left > 0 {
		c.left--
		c.e.At(now+Time(arg%97)+1, c, 0, arg*6364136223846793005+1)
	}
}

// BenchmarkEngine runs 1,024 chains of events: push, pop and fire at that depth of the queue.
func BenchmarkEngine(b *testing.B) {
	e := NewEngine()
	c := &chain{e: e, left: b.N}
	for i := range 1024 {
		e.At(Time(i), c, 0, uint64(i))
	}
	b.ReportAllocs()
	b.ResetTimer()
	e.Run(Forever)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkSwitch(b *testing.B) {
	e := NewEngine()
	defer e.Close()
	for range 2 {
		e.Go("ping", func(p *Proc) {
			for range b.N / 2 {
				p.Spend(10)
				p.Sync()
			}
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	e.Run(Forever)
}

func TestEngineLoopDoesNotAllocate(t *testing.T) {
	e := NewEngine()
	c := &chain{e: e}
	for i := range 64 {
		e.At(Time(i), c, 0, uint64(i))
	}
	c.left = 1 << 30
	for range 10000 {
		e.Step()
	}
	if n := testing.AllocsPerRun(1000, func() { e.Step() }); n != 0 {
		t.Fatalf("%v allocations an event", n)
	}
}
