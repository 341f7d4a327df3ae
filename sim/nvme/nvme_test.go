package nvme

import (
	"bytes"
	"fmt"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/traces"
)

func TestReadWriteAllShapesOfPRP(t *testing.T) {
	for _, prof := range Profiles {
		t.Run(prof.Name, func(t *testing.T) {
			g := ready(t, prof, NewMemory(1<<30), nil)
			for i, c := range []struct{ offset, n int }{{0, 512}, {0, 4096}, {512, 4096}, {4, 8192},
				{0, 8192}, {2048, 12288}, {0, 128 << 10}, {1024, 128 << 10}, {0, 256 << 10}} {
				if c.n > prof.MaxTransfer() {
					continue
				}
				lba := uint64(1000*i + 3)
				data := pattern(uint64(i), c.n)
				at, p := g.alloc(c.n + c.offset)
				copy(p[c.offset:], data)
				if e := g.do(1, g.rw(spec.Write, lba, at+uint64(c.offset), c.n)); !e.Status.OK() {
					t.Fatalf("write of %d: %v", c.n, e.Status)
				}
				clear(p)
				if e := g.do(1, g.rw(spec.Read, lba, at+uint64(c.offset), c.n)); !e.Status.OK() {
					t.Fatalf("read of %d: %v", c.n, e.Status)
				}
				if !bytes.Equal(p[c.offset:], data) {
					t.Fatalf("%d bytes at offset %d differ", c.n, c.offset)
				}
				for j, b := range p[:c.offset] {
					if b != 0 {
						t.Fatalf("byte %d before the buffer was written", j)
					}
				}
			}
			if len(g.ctl.Findings) != 0 {
				t.Fatal(g.ctl.Findings)
			}
			g.quiet()
		})
	}
}

// stream keeps depth transfers of n bytes under way for count of them, and returns the rate in
// bytes a second, between the first and the last completion of the second half.
func stream(g *guest, op uint8, n, depth, count int, next func(i int) uint64) float64 {
	at, _ := g.alloc(n)
	c := g.rw(op, 0, at, n)
	issued, done := 0, 0
	submit := func() {
		c.SetSLBA(next(issued))
		g.put(1, c)
		issued++
	}
	for range depth {
		submit()
	}
	g.bell(1)
	var half sim.Time
	for done < count {
		e, ok := g.wait(1)
		if !ok || !e.Status.OK() {
			g.Fatalf("%d of %d: %+v", done, count, e)
		}
		if done++; done == count/2 {
			half = g.eng.Now()
		}
		if issued < count {
			submit()
			g.bell(1)
		}
	}
	return float64((count-count/2)*n) / (g.eng.Now() - half).Seconds()
}

func latency(g *guest, op uint8) sim.Time {
	at, _ := g.alloc(4096)
	g.quiet()
	start := g.eng.Now()
	g.put(1, g.rw(op, 8, at, 4096))
	g.bell(1)
	if e, ok := g.wait(1); !ok || !e.Status.OK() {
		g.Fatal(e)
	}
	return g.eng.Now() - start
}

// The figures of Micron 9550 are published (StorageReview); sequential reads of the 970 Pro are
// held to the PCIe rate of NVMeVirt's calibration, the rest to the sum or the quotient of its
// parameters: 35.76-6+21.5+5.12 us for a read, 4.46 us for a write, 8*2*32 KiB/185 us for writes,
// and the link by pcie-bench's figures: 0.2 us a posted way, 0.547 us a read, 1.24 us for 4 KiB at
// Gen3 x4. Likewise MQSim: 75 us and 12.3 us on the channel.
func TestProfilesMeetTheirFigures(t *testing.T) {
	for _, c := range []struct {
		prof                  *Profile
		seqRead, seqWrite     float64 // GB/s
		readLat, writeLat     float64 // us
		chunk, reads, writes_ int
	}{
		{&Micron9550, 14.0, 10.0, 60, 15, 128 << 10, 4000, 2400},
		{&Samsung970Pro, 3.36, 2.834, 56.38 + 2.19, 4.46 + 2.73, 128 << 10, 1000, 800},
		{&MQSim, 2.664, 0, 87.3 + 2.19, 2.73, 128 << 10, 800, 0},
	} {
		t.Run(c.prof.Name, func(t *testing.T) {
			check := func(what string, got, want float64) {
				t.Helper()
				t.Logf("%-28s %8.3f  (published or calibrated %.3f, %+.1f %%)", what, got, want,
					100*(got/want-1))
				if got < 0.9*want || got > 1.1*want {
					t.Errorf("%s: %.3f, want %.3f within 10 %%", what, got, want)
				}
			}
			g := ready(t, c.prof, NewMemory(4<<30), nil)
			g.ctl.Age(4<<30, 0, 0)
			check("4 KiB read, depth 1, us", latency(g, spec.Read).Seconds()*1e6, c.readLat)
			check("4 KiB write, depth 1, us", latency(g, spec.Write).Seconds()*1e6, c.writeLat)
			seq := func(i int) uint64 { return uint64(i*c.chunk) >> 9 }
			rate := stream(g, spec.Read, c.chunk, 48, c.reads, seq)
			check("sequential read, GB/s", rate/1e9, c.seqRead)
			if c.writes_ > 0 {
				rate = stream(g, spec.Write, c.chunk, 48, c.writes_, seq)
				check("sequential write, GB/s", rate/1e9, c.seqWrite)
			}
			g.quiet()
		})
	}
}

// Random reads of the fitted drive are a prediction: 3.3 M/s are published, and nothing was fitted
// to them. The bound is loose on purpose; the log tells the figure.
func TestRandomReadPrediction(t *testing.T) {
	g := newGuest(t, &Micron9550, NewMemory(4<<30), nil)
	g.ctl.Age(4<<30, 0, 0)
	g.enable()
	g.queue(1, 1024)
	r := sim.NewRand(1, "random")
	rate := stream(g, spec.Read, 4096, 512, 20000, func(int) uint64 {
		return uint64(r.Intn(4<<30/4096)) * 8
	})
	t.Logf("4 KiB random read at depth 512: %.2f M/s", rate/4096/1e6)
	if iops := rate / 4096; iops < 2.5e6 || iops > 3.9e6 {
		t.Errorf("%.0f IOPS", iops)
	}
}

func TestSameSeedSameTrace(t *testing.T) {
	run := func() []byte {
		rec := traces.NewRecorder()
		g := ready(t, &Samsung970Pro, NewMemory(1<<30), rec)
		stream(g, spec.Read, 64<<10, 8, 40, func(i int) uint64 { return uint64(i * 128) })
		stream(g, spec.Write, 16<<10, 8, 100, func(i int) uint64 { return uint64(i * 32) })
		g.quiet()
		return rec.Bytes()
	}
	if !bytes.Equal(run(), run()) {
		t.Fatal("traces differ")
	}
}

func ExampleFind() {
	p := Find("970pro")
	fmt.Println(p.Channels*p.Dies, "dies,", p.MaxTransfer()>>10, "KiB a command")
	// Output: 16 dies, 256 KiB a command
}
