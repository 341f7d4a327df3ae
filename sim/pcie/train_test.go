package pcie

import (
	"bytes"
	"fmt"
	"testing"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
)

// traffic is random requests of several functions and a processor, at random moments.
type traffic struct {
	eng  *sim.Engine
	f    *Fabric
	fns  []*Function
	rnd  *sim.Rand
	left int
	step int // mean distance of requests, ns
	host uint64
	mem  []byte
	ends []sim.Time
	bufs [][]byte
	want [][]byte
	bad  int
	mix  string // of: w, r host memory; p, q write and read peers; d doorbells
}

func (x *traffic) Fire(now sim.Time, kind uint32, arg uint64) {
	if kind == 1 {
		x.ends[arg] = now
		if x.want[arg] != nil && !bytes.Equal(x.bufs[arg], x.want[arg]) {
			x.bad++
		}
		return
	}
	if x.left == 0 {
		return
	}
	x.left--
	x.request()
	x.eng.At(now+sim.Time(1+x.rnd.Intn(2*x.step))*sim.Nanosecond, x, 0, 0)
}

func (x *traffic) request() {
	id := uint64(len(x.ends))
	n := 1 + x.rnd.Intn([]int{8, 64, 512, 4096, 20000}[x.rnd.Intn(5)])
	off := x.rnd.Intn(len(x.mem)/2 - n)
	if x.rnd.Intn(2) == 0 {
		off &^= 63
	}
	fn := x.fns[x.rnd.Intn(len(x.fns))]
	peer := x.fns[x.rnd.Intn(len(x.fns))]
	base, _ := peer.BAR(0)
	buf := make([]byte, n)
	done := Done{x, 1, id}
	x.ends, x.bufs, x.want = append(x.ends, 0), append(x.bufs, buf), append(x.want, nil)
	what := x.mix[x.rnd.Intn(len(x.mix))]
	if (what == 'p' || what == 'q') && fn == peer {
		what = 'w'
	}
	switch what {
	case 'w':
		fn.Write(x.host+uint64(len(x.mem)/2+off), buf, done)
	case 'r':
		x.want[id] = x.mem[off : off+n]
		fn.Read(x.host+uint64(off), buf, done)
	case 'p':
		fn.Write(base+uint64(off), buf, done)
	case 'q':
		fn.Read(base+uint64(off), buf, done)
	case 'd':
		x.f.CPU(0).Write(base+uint64(off&^7), buf[:min(n, 4)], done)
	}
}

func runTraffic(seed uint64, mix string, step int, single bool) *traffic {
	x := &traffic{eng: sim.NewEngine(), rnd: sim.NewRand(seed, "traffic"), left: 300, step: step,
		mix: mix}
	host := mem.NewHost(1<<20, 1<<30)
	x.f = New(x.eng, nil, host, DefaultTiming, func(uint64, uint32) {})
	x.f.single = single
	x.host, x.mem, _ = host.Alloc(1 << 20)
	copy(x.mem, pattern(len(x.mem)/2))
	links := []pcie.Link{gen5x16, gen4x4, {Gen: 3, Lanes: 8, MPS: 128, MRRS: 512}, gen5x16}
	sw, _ := x.f.Switch(x.f.Root(), gen5x16, "sw0")
	for i, l := range links {
		at := x.f.Root()
		if i >= 2 {
			at = sw
		}
		fn, err := x.f.Add(at, fmt.Sprint("f", i), pcie.Endpoint{Link: l,
			BARs: []pcie.BAR{{Index: 0, Size: 1 << 21, Is64: true}}},
			&scratch{mem: mem.NewSparse(1 << 21)})
		if err != nil {
			panic(err)
		}
		x.f.CPU(0).ConfigWrite(fn, pcie.Command, []byte{6, 0}, Done{})
		ctl := 0x2810 | uint64(pcie.SizeCode(l.MPS))<<5
		x.f.CPU(0).ConfigWrite(fn, devCtlAt, bytesOf(ctl, 2), Done{})
		x.fns = append(x.fns, fn)
	}
	x.eng.Run(sim.Forever)
	x.eng.At(x.eng.Now(), x, 0, 0)
	x.eng.Run(sim.Forever)
	return x
}

// TestTrainsKeepTheTimesOfPackets runs the same traffic in trains and packet by packet. The only
// thing a train changes is that the answers of up to 4 KiB of reads are one behind the other, and
// that their tags come back together: what meets them may be late or early by that.
func TestTrainsKeepTheTimesOfPackets(t *testing.T) {
	slow := pcie.Link{Gen: 3, Lanes: 8, MPS: 128, MRRS: 512}
	train := sim.Rate(slow.TLPRate(1)).Span(4096 + 32*pcie.OverheadMW)
	for _, c := range []struct {
		mix   string
		step  int
		exact bool
	}{{"w", 300, true}, {"w", 2000, true}, {"wd", 500, true}, {"wpd", 3000, true},
		{"wp", 600, true}, {"wpq", 5000, true}, {"r", 500, false}, {"wr", 1000, false},
		{"wp", 50, true}, {"wrpqd", 4000, false}, {"wrpqd", 200, false}} {
		var worst sim.Time
		for seed := range uint64(6) {
			a, b := runTraffic(seed, c.mix, c.step, false), runTraffic(seed, c.mix, c.step, true)
			if a.bad+b.bad > 0 || a.f.InFlight()+b.f.InFlight() > 0 {
				t.Fatalf("%s: %d, %d reads differ", c.mix, a.bad, b.bad)
			}
			for i := range a.ends {
				worst = max(worst, a.ends[i]-b.ends[i], b.ends[i]-a.ends[i])
			}
			for _, h := range append(a.f.halves, b.f.halves...) {
				for k := range h.credits {
					if !h.credits[k].whole() {
						t.Fatalf("%s: credits of %s are lost", c.mix, h.path)
					}
				}
			}
		}
		t.Logf("%s every %d ns: worst %v", c.mix, c.step, worst)
		if c.exact && worst != 0 || worst > train {
			t.Errorf("%s every %d ns: times differ by %v, a train is %v", c.mix, c.step, worst, train)
		}
	}
}
