package pcie

import (
	"bytes"
	"strings"
	"testing"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
)

// faulty runs 1,000 writes of 64 bytes with faults on the link up and gives the time and the bench.
func faulty(t *testing.T, faults *Faults) (sim.Time, *Function, Replays) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "dev", gen4x4)
	if faults != nil {
		fn.Port().Inject(nil, faults)
	}
	addr, memory, _ := b.host.Alloc(64000)
	data := pattern(64000)
	var c clock
	start := b.eng.Now()
	for i := range 1000 {
		fn.Write(addr+uint64(64*i), data[64*i:64*i+64], Done{To: &c})
	}
	b.eng.Run(sim.Forever)
	if !bytes.Equal(memory, data) || len(c.at) != 1000 {
		t.Fatalf("%d writes arrived, or wrong data", len(c.at))
	}
	_, up := fn.Port().Replays()
	return c.at[999] - start, fn, up
}

func TestReplayOfDamagedPackets(t *testing.T) {
	clean, _, _ := faulty(t, nil)
	if same, _, n := faulty(t, &Faults{Seed: 1}); same != clean || n.Naks+n.Replayed != 0 {
		t.Errorf("a link with no faults takes %v, want %v; %+v", same, clean, n)
	}
	// One damaged packet: its wire time, the way there, and the Nak's way back.
	wire := sim.Rate(gen4x4.TLPRate(1)).Span(64 + pcie.OverheadMW)
	nak := sim.Rate(gen4x4.TLPRate(1)).Span(pcie.DLLP)
	one, fn, n := faulty(t, &Faults{Seed: 1, Corrupt: []uint64{500}})
	want := wire + 2*DefaultTiming.Link + nak
	if one-clean != want || n.Naks != 1 || n.Sent != 1000 {
		t.Errorf("one bad packet costs %v, want %v; %+v", one-clean, want, n)
	}
	behind := uint64((want + wire - 1) / wire) // sent before the Nak is heard
	if n.Replayed < behind-1 || n.Replayed > behind+1 {
		t.Errorf("%d packets were sent again, want about %d", n.Replayed, behind)
	}
	rx := fn.Port()
	if rx.get(pcie.AERAt+pcie.AERCorrectable, 4) != 1<<pcie.BadTLP.Bit ||
		rx.get(pcie.ExpressAt+pcie.ExpDevSta, 2)&pcie.DevStaCorrectable == 0 {
		t.Error("the receiver has not logged Bad TLP")
	}
	many, fn, n := faulty(t, &Faults{Seed: 1, BadTLP: 400_000})
	again, _, m := faulty(t, &Faults{Seed: 1, BadTLP: 400_000})
	if many != again || n != m {
		t.Error("the same seed gives other faults")
	}
	rate := float64(n.Naks) / float64(n.Naks+n.Sent)
	within(t, "rate of bad packets", rate, 0.4, 0.1)
	if n.Retrains == 0 || fn.get(pcie.AERAt+pcie.AERCorrectable, 4)&(1<<pcie.ReplayNum.Bit) == 0 {
		t.Errorf("no rollover at a rate of 0.4: %+v", n)
	}
}

func TestLostAcksAreFoundByTheTimer(t *testing.T) {
	clean, _, _ := faulty(t, nil)
	lost, fn, n := faulty(t, &Faults{Seed: 2, LostAck: 1_000_000})
	// Later Acks cover all but the last; its replay comes after everything has arrived.
	if lost != clean || n.Timeouts != 1 || n.Replayed != 1 {
		t.Errorf("%v, want %v; %+v", lost, clean, n)
	}
	const both = 1<<12 | 1<<7 // Replay Timer Timeout, Bad DLLP
	if got := fn.get(pcie.AERAt+pcie.AERCorrectable, 4); got != both {
		t.Errorf("the sender's correctable status is %#x", got)
	}
}

// picky refuses some accesses.
type picky struct{ scratch }

func (p *picky) Check(_ int, off uint64, _ int, _ bool) pcie.CompletionStatus {
	if off == 0x100 {
		return pcie.CompleterAbort
	}
	return pcie.Successful
}

func (b *bench) read(addr uint64, n int) uint64 {
	buf := make([]byte, n)
	b.fabric.CPU(0).Read(addr, buf, Done{})
	b.eng.Run(sim.Forever)
	return little(buf)
}

func TestRefusedRequestsAreLogged(t *testing.T) {
	b := newBench(t, DefaultTiming)
	p := &picky{scratch{mem: mem.NewSparse(1 << 20)}}
	fn, err := b.fabric.Add(b.fabric.Root(), "dev", pcie.Endpoint{Link: gen4x4,
		BARs: []pcie.BAR{{Index: 0, Size: 1 << 20}}}, p)
	if err != nil {
		t.Fatal(err)
	}
	b.config(fn, pcie.Command, 2, pcie.CommandMemory|pcie.CommandMaster)
	b.config(fn, devCtlAt, 2, 0x281f) // all messages
	base, _ := fn.BAR(0)
	if got := b.read(base+0x100, 4); got != 0xffffffff {
		t.Errorf("a completer abort reads %#x", got)
	}
	uc := pcie.AERAt + pcie.AERUncorrectable
	if fn.get(uc, 4) != 1<<pcie.Abort.Bit || fn.get(pcie.AERAt+pcie.AERControl, 4) != 15 {
		t.Errorf("status %#x, first error %d", fn.get(uc, 4), fn.get(pcie.AERAt+0x18, 4))
	}
	// A read of one dword with a 32-bit address; the address is the third dword.
	if h := fn.get(pcie.AERAt+pcie.AERHeader, 4); h != 1 {
		t.Errorf("header log starts with %#x", h)
	}
	if h := fn.get(pcie.AERAt+pcie.AERHeader+8, 4); h != base+0x100 {
		t.Errorf("header log has address %#x, want %#x", h, base+0x100)
	}
	if fn.get(pcie.Status, 2)&pcie.StatusSignaledAbort == 0 {
		t.Error("Signaled Target Abort is not set")
	}
	if n := len(b.fabric.Findings); n != 0 {
		t.Errorf("an advisory error is masked, yet %v", b.fabric.Findings)
	}
	b.config(fn, uc, 4, 1<<15) // RW1C
	if fn.get(uc, 4) != 0 {
		t.Error("the status was not cleared by writing one")
	}
	// A posted write that is refused is a non-fatal error of its own, with a message.
	b.fabric.CPU(0).Write(base+0x100, bytesOf(1, 4), Done{})
	b.eng.Run(sim.Forever)
	if len(b.fabric.Findings) != 1 || !strings.Contains(b.fabric.Findings[0].Detail, "NONFATAL") {
		t.Errorf("findings %v", b.fabric.Findings)
	}
	root := fn.Port()
	if root.get(pcie.AERAt+pcie.AERRootStatus, 4)&pcie.RootNonFatalMsg == 0 ||
		root.get(pcie.AERAt+pcie.AERRootSource+2, 2) != uint64(fn.id) {
		t.Error("the root port has not noted the message and its source")
	}
}

func TestPoisonIsContained(t *testing.T) {
	b := newBench(t, DefaultTiming)
	src, _ := b.add(b.fabric.Root(), "src", gen4x4)
	dst, s := b.add(b.fabric.Root(), "dst", gen4x4)
	base, _ := dst.BAR(0)
	addr, memory, _ := b.host.Alloc(64)
	src.WritePoisoned(base+64, []byte{1, 2, 3, 4}, Done{})
	src.WritePoisoned(addr, []byte{1, 2, 3, 4}, Done{})
	b.eng.Run(sim.Forever)
	if len(s.writes) != 0 || memory[0] != 0 {
		t.Error("poisoned data were stored")
	}
	if dst.get(pcie.AERAt+pcie.AERUncorrectable, 4) != 1<<pcie.PoisonedTLP.Bit ||
		dst.get(pcie.Status, 2)&pcie.StatusParity == 0 {
		t.Error("the receiver has not logged the poison")
	}
	if h := dst.get(pcie.AERAt+pcie.AERHeader, 4); h>>14&1 != 1 {
		t.Errorf("the header log lacks the EP bit: %#x", h)
	}
	if len(b.fabric.Findings) != 1 {
		t.Errorf("findings %v", b.fabric.Findings)
	}
}

func TestRemovalInFlightTimesOut(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "dev", gen4x4)
	base, _ := fn.BAR(0)
	var c clock
	start := b.eng.Now()
	buf := make([]byte, 4)
	b.fabric.CPU(0).Read(base, buf, Done{To: &c})
	b.eng.Run(start + 250*sim.Nanosecond) // it has arrived and is being answered
	fn.Remove()
	b.eng.Run(sim.Forever)
	if len(c.at) != 1 || c.at[0]-start < DefaultTiming.Completion || little(buf) != 0xffffffff {
		t.Fatalf("ended %v, read %#x", c.at, little(buf))
	}
	if len(b.fabric.Findings) != 1 || b.fabric.Findings[0].Rule != pcie.CompletionTimeout.Rule {
		t.Errorf("findings %v", b.fabric.Findings)
	}
	// From now on the port answers at once, and has logged Surprise Down.
	start = b.eng.Now()
	if got := b.read(base, 4); got != 0xffffffff || b.eng.Now()-start != DefaultTiming.Root {
		t.Errorf("read %#x after %v", got, b.eng.Now()-start)
	}
	if fn.Port().get(pcie.AERAt+pcie.AERUncorrectable, 4)&(1<<pcie.SurpriseDown.Bit) == 0 {
		t.Error("the port has not logged Surprise Down")
	}
}

func TestSleepStopsDecodingAndWakingResets(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, s := b.add(b.fabric.Root(), "dev", gen4x4)
	base, _ := fn.BAR(0)
	s.mem.SetU32(0, 7)
	b.config(fn, pcie.PMAt+4, 2, pcie.D3hot)
	if got := b.read(base, 4); got != 0xffffffff {
		t.Errorf("D3hot reads %#x", got)
	}
	if fn.get(pcie.AERAt+pcie.AERUncorrectable, 4) != 1<<pcie.Unsupported.Bit {
		t.Error("the sleeping function has not logged the request")
	}
	addr, _, _ := b.host.Alloc(64)
	fn.Write(addr, []byte{1}, Done{})
	b.eng.Run(sim.Forever)
	if n := len(b.fabric.Findings); n != 2 {
		t.Errorf("findings %v", b.fabric.Findings)
	}
	b.config(fn, pcie.PMAt+4, 2, 0)
	if s.resets != 1 || fn.get(pcie.Command, 2) != 0 {
		t.Errorf("%d resets, command %#x after D3hot to D0", s.resets, fn.get(pcie.Command, 2))
	}
	b.config(fn, pcie.Command, 2, pcie.CommandMemory)
	if got := b.read(base, 4); got != 7 {
		t.Errorf("after waking it reads %#x", got)
	}
}
