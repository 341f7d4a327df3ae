package pcie

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
	"tensoros/traces"
)

var gen5x16 = pcie.Link{Gen: 5, Lanes: 16, MPS: 256, MRRS: 512}
var gen4x4 = pcie.Link{Gen: 4, Lanes: 4, MPS: 256, MRRS: 512}

// scratch is a device with memory behind BAR 0 and nothing else.
type scratch struct {
	mem    *mem.Sparse
	writes []uint64 // offsets, in order of arrival
	resets int
}

func (s *scratch) Read(_ int, off uint64, p []byte) sim.Time { s.mem.Read(off, p); return 0 }
func (s *scratch) Write(_ int, off uint64, p []byte) {
	s.writes = append(s.writes, off)
	s.mem.Write(off, p)
}
func (s *scratch) Reset() { s.resets++ }

type clock struct{ at []sim.Time }

func (c *clock) Fire(now sim.Time, _ uint32, _ uint64) { c.at = append(c.at, now) }

type message struct {
	addr uint64
	data uint32
}

type bench struct {
	*testing.T
	eng      *sim.Engine
	fabric   *Fabric
	host     *mem.Host
	rec      *traces.Recorder
	messages []message
}

func newBench(t *testing.T, tm Timing) *bench {
	b := &bench{T: t, eng: sim.NewEngine(), rec: traces.NewRecorder()}
	b.host = mem.NewHost(1<<20, 1<<30)
	b.fabric = New(b.eng, b.rec, b.host, tm, func(addr uint64, data uint32) {
		b.messages = append(b.messages, message{addr, data})
	})
	t.Cleanup(func() {
		if n := b.fabric.InFlight(); n != 0 {
			t.Errorf("%d packets left in flight", n)
		}
		for _, h := range b.fabric.halves {
			for c := range h.credits {
				if !h.credits[c].whole() {
					t.Errorf("half %d leaks credits of class %d", h.index, c)
				}
			}
		}
	})
	return b
}

func (b *bench) add(at Bridge, name string, link pcie.Link) (*Function, *scratch) {
	s := &scratch{mem: mem.NewSparse(1 << 30)}
	fn, err := b.fabric.Add(at, name, pcie.Endpoint{Vendor: 0x10de, Link: link, Vectors: 2,
		VectorTable: 1 << 29, VectorPending: 1<<29 + 4096,
		BARs: []pcie.BAR{{Index: 0, Size: 1 << 30, Is64: true, Prefetchable: true}}}, s)
	if err != nil {
		b.Fatal(err)
	}
	b.config(fn, pcie.Command, 2, pcie.CommandMemory|pcie.CommandMaster)
	b.config(fn, devCtlAt, 2, 0x2810|uint64(pcie.SizeCode(link.MPS))<<5)
	return fn, s
}

func (b *bench) config(fn *Function, off, size int, v uint64) {
	b.fabric.CPU(0).ConfigWrite(fn, off, bytesOf(v, size), Done{})
	b.eng.Run(sim.Forever)
}

func bytesOf(v uint64, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(v >> (8 * i))
	}
	return p
}

func pattern(n int) []byte {
	p := make([]byte, n)
	r := sim.NewRand(1, "pattern")
	for i := range p {
		p[i] = byte(r.Uint64())
	}
	return p
}

func gbs(n int, d sim.Time) float64 { return float64(n) / d.Seconds() / 1e9 }

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want)/want > tolerance {
		t.Errorf("%s: %.3f, want %.3f within %.1f %%", what, got, want, 100*tolerance)
	}
}

// The expected rates are those of the published equations for large transfers, not of this code.
func TestDMARatesMeetTheEquations(t *testing.T) {
	for _, link := range []pcie.Link{gen5x16, gen4x4, {Gen: 3, Lanes: 8, MPS: 128, MRRS: 512},
		{Gen: 6, Lanes: 16, MPS: 512, MRRS: 4096}} {
		b := newBench(t, DefaultTiming)
		fn, _ := b.add(b.fabric.Root(), "dev", link)
		n := 4 << 20 * max(1, link.Gen-4) // long enough for the first latency not to count
		addr, mem, _ := b.host.Alloc(n)
		data := pattern(n)
		var c clock
		start := b.eng.Now()
		fn.Write(addr, data, Done{To: &c})
		b.eng.Run(sim.Forever)
		within(t, "write", gbs(n, c.at[0]-start), link.WriteRate(pcie.AckShare(link.Gen))/1e9, 0.01)
		if !bytes.Equal(mem, data) {
			t.Fatal("host memory differs from what was written")
		}
		buf := make([]byte, n)
		start = b.eng.Now()
		fn.Read(addr, buf, Done{To: &c})
		b.eng.Run(sim.Forever)
		within(t, "read", gbs(n, c.at[1]-start), link.ReadRate(pcie.AckShare(link.Gen))/1e9, 0.01)
		if !bytes.Equal(buf, data) {
			t.Fatal("read data differs")
		}
	}
}

func TestPeerToPeerUnderASwitchIsWhole(t *testing.T) {
	b := newBench(t, DefaultTiming)
	sw, err := b.fabric.Switch(b.fabric.Root(), gen5x16, "sw0")
	if err != nil {
		t.Fatal(err)
	}
	src, _ := b.add(sw, "nvme0", gen5x16)
	dst, s := b.add(sw, "gpu0", gen5x16)
	base, _ := dst.BAR(0)
	data := pattern(8 << 20)
	var c clock
	start := b.eng.Now()
	src.Write(base+4096, data, Done{To: &c})
	b.eng.Run(sim.Forever)
	// Measured peer to peer under one switch: 55.6-56.6 GB/s (RTX PRO 6000), 56.1 (H100).
	within(t, "peer to peer", gbs(len(data), c.at[0]-start), 56.1, 0.03)
	got := make([]byte, len(data))
	s.mem.Read(4096, got)
	if !bytes.Equal(got, data) {
		t.Fatal("peer memory differs")
	}
}

func TestPeerToPeerThroughTheRootSplitsAt64(t *testing.T) {
	b := newBench(t, DefaultTiming)
	src, _ := b.add(b.fabric.Root(), "nvme0", gen5x16)
	dst, s := b.add(b.fabric.Root(), "gpu0", gen5x16)
	base, _ := dst.BAR(0)
	data := pattern(1 << 20)
	var c clock
	start := b.eng.Now()
	src.Write(base, data, Done{To: &c})
	b.eng.Run(sim.Forever)
	if len(s.writes) != len(data)/64 {
		t.Errorf("%d writes arrived, want %d", len(s.writes), len(data)/64)
	}
	// xnvme/aisio measured 45.2 GB/s.
	within(t, "through the root", gbs(len(data), c.at[0]-start), 45.2, 0.05)
	for i := 1; i < len(s.writes); i++ {
		if s.writes[i] <= s.writes[i-1] {
			t.Fatal("posted writes out of order")
		}
	}
}

func TestASlowSinkHoldsTheSourceBackByCredits(t *testing.T) {
	tm := DefaultTiming
	tm.SplitP2P = 0
	b := newBench(t, tm)
	src, _ := b.add(b.fabric.Root(), "fast", gen5x16)
	dst, _ := b.add(b.fabric.Root(), "slow", gen4x4)
	base, _ := dst.BAR(0)
	var c clock
	start := b.eng.Now()
	src.Write(base, pattern(1<<20), Done{To: &c})
	b.eng.Run(sim.Forever)
	within(t, "slow sink", gbs(1<<20, c.at[0]-start), gen4x4.WriteRate(1)/1e9, 0.02)
	tr, err := traces.Decode(b.rec.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var blocked traces.Time
	for _, r := range tr.Records {
		blocked = max(blocked, r.Waits[traces.Credit])
	}
	if blocked == 0 {
		t.Error("the trace shows no wait for credits")
	}
}

// A root complex that answers in pieces of 64 bytes spends 20 bytes on each, by the equations.
func TestCompletionsOfOneCacheLine(t *testing.T) {
	tm := DefaultTiming
	tm.ReadChunk = pcie.RCB
	b := newBench(t, tm)
	link := pcie.Link{Gen: 4, Lanes: 16, MPS: 256, MRRS: 512}
	fn, _ := b.add(b.fabric.Root(), "dev", link)
	const n = 4 << 20
	addr, memory, _ := b.host.Alloc(n)
	copy(memory, pattern(n))
	buf := make([]byte, n)
	var c clock
	start := b.eng.Now()
	fn.Read(addr, buf, Done{To: &c})
	b.eng.Run(sim.Forever)
	within(t, "read", gbs(n, c.at[0]-start), link.TLPRate(1)*64/84/1e9, 0.01)
	if !bytes.Equal(buf, memory) {
		t.Fatal("read data differs")
	}
}

func TestSmallReadTakesTheRecalledRoundTrip(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "nic", pcie.Link{Gen: 3, Lanes: 8, MPS: 256, MRRS: 512})
	addr, _, _ := b.host.Alloc(64)
	var c clock
	start := b.eng.Now()
	fn.Read(addr, make([]byte, 64), Done{To: &c})
	b.eng.Run(sim.Forever)
	if d := c.at[0] - start; d < 500*sim.Nanosecond || d > 600*sim.Nanosecond {
		t.Errorf("64 B read took %v", d)
	}
}

func TestReadsPushWritesAhead(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "dev", gen4x4)
	addr, mem, _ := b.host.Alloc(1 << 16)
	data := pattern(1 << 16)
	fn.Write(addr, data, Done{})
	buf := make([]byte, 64)
	fn.Read(addr+1<<16-64, buf, Done{})
	b.eng.Run(sim.Forever)
	if !bytes.Equal(buf, data[1<<16-64:]) || !bytes.Equal(mem, data) {
		t.Fatal("a read overtook the write before it")
	}
}

func TestInterruptsAreMaskedPendingAndDelivered(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "dev", gen4x4)
	base, _ := fn.BAR(0)
	table := base + 1<<29 + 16
	write := func(addr, v uint64, n int) {
		b.fabric.CPU(0).Write(addr, bytesOf(v, n), Done{})
		b.eng.Run(sim.Forever)
	}
	fire := func() { fn.Interrupt(1); b.eng.Run(sim.Forever) }
	fire()
	if len(b.messages) != 0 {
		t.Fatal("a message with MSI-X off")
	}
	b.config(fn, 0x52, 2, pcie.MSIXEnable)
	write(table, 0xfee01000, 8)
	write(table+8, 0x42, 4)
	fire()
	pend := make([]byte, 1)
	b.fabric.CPU(0).Read(base+1<<29+4096, pend, Done{})
	b.eng.Run(sim.Forever)
	if len(b.messages) != 0 || pend[0] != 2 {
		t.Fatalf("masked vector: messages %v, pending %#x", b.messages, pend[0])
	}
	write(table+12, 0, 4)
	if len(b.messages) != 1 || b.messages[0] != (message{0xfee01000, 0x42}) {
		t.Fatalf("after unmasking: %v", b.messages)
	}
}

func TestNothingThereReadsAllOnes(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, s := b.add(b.fabric.Root(), "dev", gen4x4)
	base, _ := fn.BAR(0)
	read := func(addr uint64) uint64 {
		buf := make([]byte, 4)
		b.fabric.CPU(0).Read(addr, buf, Done{})
		b.eng.Run(sim.Forever)
		return little(buf)
	}
	s.mem.SetU32(8, 77)
	if got := read(base + 8); got != 77 {
		t.Fatalf("register reads %#x", got)
	}
	if got := read(base - 4096); got != 0xffffffff {
		t.Errorf("a hole reads %#x", got)
	}
	if len(b.fabric.Findings) != 1 {
		t.Errorf("findings %v", b.fabric.Findings)
	}
	fn.Remove()
	if got := read(base + 8); got != 0xffffffff {
		t.Errorf("a removed device reads %#x", got)
	}
	buf := make([]byte, 4)
	b.fabric.CPU(0).ConfigRead(fn, 0, buf, Done{})
	b.eng.Run(sim.Forever)
	if little(buf) != 0xffffffff {
		t.Errorf("its vendor reads %#x", little(buf))
	}
}

func TestDMANeedsBusMastering(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "dev", gen4x4)
	b.config(fn, pcie.Command, 2, pcie.CommandMemory)
	addr, mem, _ := b.host.Alloc(64)
	fn.Write(addr, []byte{1}, Done{})
	b.eng.Run(sim.Forever)
	if mem[0] != 0 || len(b.fabric.Findings) != 1 {
		t.Errorf("wrote %d, findings %v", mem[0], b.fabric.Findings)
	}
}

func TestWhatDoesNotFitIsAnError(t *testing.T) {
	link := pcie.Link{Gen: 5, Lanes: 16, MPS: 256, MRRS: 512}
	for name, c := range map[string]struct {
		bars []pcie.BAR
		fit  int
	}{
		"no room below 4 GiB": {[]pcie.BAR{{Index: 0, Size: 256 << 20}}, 3},
		"256 buses at most":   {nil, 255},
	} {
		b := newBench(t, DefaultTiming)
		for i := 0; ; i++ {
			_, err := b.fabric.Add(b.fabric.Root(), "f", pcie.Endpoint{Link: link, BARs: c.bars},
				&scratch{})
			if err == nil && i < c.fit {
				continue
			}
			if i != c.fit || err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: function %d: %v", name, i, err)
			}
			break
		}
		if c.bars != nil {
			continue
		}
		if _, err := b.fabric.Switch(b.fabric.Root(), link, "s"); err == nil {
			t.Error("a switch on a tree without a free bus")
		}
	}
}

func TestFunctionLevelResetKeepsThePlace(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, s := b.add(b.fabric.Root(), "dev", gen4x4)
	base, _ := fn.BAR(0)
	b.config(fn, devCtlAt, 2, pcie.FunctionReset)
	if again, _ := fn.BAR(0); again != base || s.resets != 1 {
		t.Errorf("BAR %#x after reset, was %#x; %d resets", again, base, s.resets)
	}
	if fn.config.Get(pcie.Command, 2) != 0 || fn.deviceControl()&pcie.FunctionReset != 0 {
		t.Error("reset left the command register or the reset bit set")
	}
}

func TestTieShuffleChangesNothing(t *testing.T) {
	run := func(ties uint64) sim.Time {
		eng := sim.NewEngine()
		if ties != 0 {
			eng.ShuffleTies(ties)
		}
		host := mem.NewHost(1<<20, 1<<30)
		f := New(eng, nil, host, DefaultTiming, func(uint64, uint32) {})
		s := &scratch{mem: mem.NewSparse(1 << 30)}
		fn, _ := f.Add(f.Root(), "dev", pcie.Endpoint{Link: gen5x16}, s)
		f.CPU(0).ConfigWrite(fn, pcie.Command, bytesOf(6, 2), Done{})
		eng.Run(sim.Forever)
		addr, _, _ := host.Alloc(1 << 20)
		var c clock
		fn.Write(addr, pattern(1<<20), Done{To: &c})
		fn.Read(addr, make([]byte, 1<<20), Done{To: &c})
		eng.Run(sim.Forever)
		return c.at[0] + c.at[1]
	}
	want := run(0)
	for seed := range uint64(5) {
		if got := run(seed + 1); got != want {
			t.Fatalf("ties shuffled by %d: %v, want %v", seed+1, got, want)
		}
	}
}

// benchTree is a fabric with two functions below a switch and one at the root.
func benchTree(b *testing.B) (eng *sim.Engine, f *Fabric, fns []*Function, host uint64) {
	eng = sim.NewEngine()
	memory := mem.NewHost(1<<20, 1<<30)
	f = New(eng, nil, memory, DefaultTiming, func(uint64, uint32) {})
	sw, _ := f.Switch(f.Root(), gen5x16, "sw0")
	for i, at := range []Bridge{f.Root(), sw, sw} {
		fn, err := f.Add(at, string(rune('a'+i)), pcie.Endpoint{Link: gen5x16,
			BARs: []pcie.BAR{{Index: 0, Size: 1 << 20, Is64: true}}}, sink{})
		if err != nil {
			b.Fatal(err)
		}
		f.CPU(0).ConfigWrite(fn, pcie.Command, bytesOf(6, 2), Done{})
		f.CPU(0).ConfigWrite(fn, devCtlAt, bytesOf(0x2830, 2), Done{})
		fns = append(fns, fn)
	}
	eng.Run(sim.Forever)
	host, _, _ = memory.Alloc(1 << 20)
	b.ReportAllocs()
	return eng, f, fns, host
}

// sink takes all and has nothing.
type sink struct{}

func (sink) Read(int, uint64, []byte) sim.Time { return 0 }
func (sink) Write(int, uint64, []byte)         {}
func (sink) Reset()                            {}

// BenchmarkDMA moves 1 MiB in 128-byte TLPs, in trains of 32.
func BenchmarkDMA(b *testing.B) {
	eng := sim.NewEngine()
	host := mem.NewHost(1<<20, 1<<30)
	f := New(eng, nil, host, DefaultTiming, func(uint64, uint32) {})
	fn, _ := f.Add(f.Root(), "dev", pcie.Endpoint{Link: gen5x16}, &scratch{})
	f.CPU(0).ConfigWrite(fn, pcie.Command, bytesOf(6, 2), Done{})
	eng.Run(sim.Forever)
	addr, _, _ := host.Alloc(1 << 20)
	data := pattern(1 << 20)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		fn.Write(addr, data, Done{})
		eng.Run(sim.Forever)
	}
}

// BenchmarkDMARead reads 1 MiB of host memory.
func BenchmarkDMARead(b *testing.B) {
	eng, _, fns, host := benchTree(b)
	buf := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		fns[0].Read(host, buf, Done{})
		eng.Run(sim.Forever)
	}
}

// BenchmarkPeer writes 1 MiB below a switch, where trains are taken apart.
func BenchmarkPeer(b *testing.B) {
	eng, _, fns, _ := benchTree(b)
	buf := make([]byte, 1<<20)
	base, _ := fns[2].BAR(0)
	b.SetBytes(1 << 20)
	for b.Loop() {
		fns[1].Write(base, buf, Done{})
		eng.Run(sim.Forever)
	}
}

// BenchmarkDoorbell is a register write by the processor.
func BenchmarkDoorbell(b *testing.B) {
	eng, f, fns, _ := benchTree(b)
	base, _ := fns[0].BAR(0)
	p := make([]byte, 4)
	for b.Loop() {
		f.CPU(0).Write(base, p, Done{})
		eng.Run(sim.Forever)
	}
}
