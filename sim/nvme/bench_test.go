package nvme

import (
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// poller is a host that keeps a queue full by polling, as SPDK's driver does: each microsecond it
// takes the completions that are there, submits as many commands, and rings both doorbells once.
type poller struct {
	*guest
	c      spec.Command
	next   func() uint64
	flying int
	done   int
	want   int
}

const pollEvery = sim.Microsecond

func (p *poller) submit(n int) {
	for ; n > 0; n-- {
		p.c.SetSLBA(p.next())
		p.put(1, p.c)
		p.flying++
	}
	p.bell(1)
}

// Fire is a turn of the loop.
func (p *poller) Fire(now sim.Time, _ uint32, _ uint64) {
	r := &p.rings[1]
	taken := 0
	for {
		e, ok := p.poll(1)
		if !ok {
			break
		}
		if !e.Status.OK() {
			p.Fatal(e)
		}
		taken++
	}
	p.done += taken
	p.flying -= taken
	if taken > 0 {
		p.write(spec.Doorbell(r.id, true, 0), uint32(r.head))
		if n := min(taken, p.want-p.done-p.flying); n > 0 {
			p.submit(n)
		}
	}
	if p.done < p.want {
		p.eng.At(now+pollEvery, p, 0, 0)
	}
}

// run makes n commands, depth of them at a time.
func (p *poller) run(n, depth int) {
	p.want += n
	p.submit(min(n, depth))
	p.eng.At(p.eng.Now()+pollEvery, p, 0, 0)
	for p.done < p.want {
		if !p.eng.Step() {
			p.Fatal("the drive does not answer")
		}
	}
}

// newPoller is a drive of which the first span bytes were written, and a queue without interrupts.
func newPoller(t testing.TB, prof *Profile, op uint8, n int, span uint64) *poller {
	store := NewMemory(span)
	data := pattern(1, 1<<20)
	for at := uint64(0); at < span; at += 1 << 20 {
		_ = store.WriteAt(at, data)
	}
	g := newGuest(t, prof, store, nil)
	g.enable()
	g.polled(1, 512)
	g.rings[1].acknowledged = false
	at, _ := g.alloc(n)
	r := sim.NewRand(1, "bench")
	return &poller{guest: g, c: g.rw(op, 0, at, n),
		next: func() uint64 {
			return r.Uint64() % (span / uint64(n)) * uint64(
				n) >> prof.BlockShift
		}}
}

// polled creates a pair of I/O queues that raises no interrupts.
func (g *guest) polled(id, size int) {
	r := g.ring(id, size)
	shape := uint32(size-1)<<16 | uint32(id)
	g.must(spec.Command{Opcode: spec.CreateCQ, PRP1: r.cqAt, CDW10: shape, CDW11: 1})
	g.must(spec.Command{Opcode: spec.CreateSQ, PRP1: r.sqAt, CDW10: shape,
		CDW11: uint32(id)<<16 | 1})
	g.rings = append(g.rings, r)
}

const benchDepth = 256

// bench tells how many commands of 4 KiB, at random in span bytes, are simulated a second of wall
// time.
func bench(b *testing.B, prof *Profile, op uint8, span uint64) { benchOf(b, prof, op, 4096, span) }

func benchOf(b *testing.B, prof *Profile, op uint8, n int, span uint64) {
	p := newPoller(b, prof, op, n, span)
	p.run(20000, benchDepth)
	fired := p.eng.Fired
	b.ReportAllocs()
	b.ResetTimer()
	p.run(b.N, benchDepth)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "IO/s")
	b.ReportMetric(float64(p.eng.Fired-fired)/float64(b.N), "events/IO")
}

func BenchmarkRandomRead(b *testing.B)     { bench(b, &Micron9550, spec.Read, 16<<20) }
func BenchmarkRandomRead512(b *testing.B)  { benchOf(b, &Micron9550, spec.Read, 512, 16<<20) }
func BenchmarkRandomReadCold(b *testing.B) { bench(b, &Micron9550, spec.Read, 256<<20) }
func BenchmarkRandomWrite(b *testing.B)    { bench(b, &Micron9550, spec.Write, 16<<20) }

// BenchmarkCollection is random writes to a small drive that is full: most of the time collects.
func BenchmarkCollection(b *testing.B) {
	p, _ := Micron9550.Small(64, 1, 70)
	bench(b, p, spec.Write, 512<<20)
}

// BenchmarkRandomReadSingly rings a doorbell for each command and each completion, and looks for
// completions after every event: the software at its worst.
func BenchmarkRandomReadSingly(b *testing.B) {
	g := ready(b, &Micron9550, NewMemory(4<<30), nil)
	g.ctl.Age(4<<30, 0, 0)
	r := sim.NewRand(1, "bench")
	next := func(int) uint64 { return uint64(r.Intn(1<<19)) * 8 }
	stream(g, spec.Read, 4096, 32, 4000, next)
	b.ReportAllocs()
	b.ResetTimer()
	stream(g, spec.Read, 4096, 32, max(b.N, 64), next)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "IO/s")
}
