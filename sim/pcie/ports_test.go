package pcie

import (
	"testing"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
)

func TestBridgesDescribeTheTree(t *testing.T) {
	b := newBench(t, DefaultTiming)
	sw, _ := b.fabric.Switch(b.fabric.Root(), gen5x16, "sw0")
	one, _ := b.add(sw, "one", gen5x16)
	two, _ := b.add(sw, "two", gen4x4)
	root, usp := b.fabric.Root().Ports()[0], sw.Upstream()
	for _, c := range []struct {
		p              *Port
		kind           pcie.PortKind
		pri, sec, subo uint64
	}{
		{root, pcie.RootPort, 0, 1, 4}, {usp, pcie.UpstreamPort, 1, 2, 4},
		{one.Port(), pcie.DownstreamPort, 2, 3, 3}, {two.Port(), pcie.DownstreamPort, 2, 4, 4},
	} {
		if c.p.ConfigRead(pcie.HeaderType, 1) != 1 || c.p.Kind != c.kind ||
			c.p.ConfigRead(pcie.ExpressAt+pcie.ExpFlags, 2)>>4 != uint64(c.kind) ||
			c.p.ConfigRead(pcie.PrimaryBus, 1) != c.pri ||
			c.p.ConfigRead(pcie.SecondaryBus, 1) != c.sec ||
			c.p.ConfigRead(pcie.SubordinateBus, 1) != c.subo {
			t.Errorf("%s: kind %d, buses %#x", c.p.Path(), c.p.Kind,
				c.p.ConfigRead(pcie.PrimaryBus, 4))
		}
	}
	base1, size := one.BAR(0)
	base2, _ := two.BAR(0)
	window := func(p *Port) (lo, hi uint64) {
		lo = p.ConfigRead(pcie.PrefetchBase, 2)&0xfff0<<16 |
			p.ConfigRead(pcie.PrefetchBaseHi, 4)<<32
		hi = p.ConfigRead(pcie.PrefetchLimit, 2)&0xfff0<<16 | 0xfffff |
			p.ConfigRead(pcie.PrefetchLimitHi, 4)<<32
		return lo, hi
	}
	if lo, hi := window(root); lo != base1 || hi != base2+size-1 {
		t.Errorf("root window %#x to %#x, want %#x to %#x", lo, hi, base1, base2+size-1)
	}
	if lo, hi := window(one.Port()); lo != base1 || hi != base1+size-1 {
		t.Errorf("window %#x to %#x, want %#x to %#x", lo, hi, base1, base1+size-1)
	}
}

func TestSecondaryBusResetIsAHotReset(t *testing.T) {
	b := newBench(t, DefaultTiming)
	sw, _ := b.fabric.Switch(b.fabric.Root(), gen5x16, "sw0")
	one, s1 := b.add(sw, "one", gen5x16)
	two, s2 := b.add(sw, "two", gen5x16)
	base, _ := one.BAR(0)
	one.set(pcie.AERAt+pcie.AERCorrectable, 4, 1<<6)
	one.Port().ConfigWrite(pcie.BridgeControl, 2, pcie.SecondaryReset)
	if s1.resets != 1 || s2.resets != 0 || one.get(pcie.Command, 2) != 0 {
		t.Errorf("%d, %d resets after a reset of the first", s1.resets, s2.resets)
	}
	if again, _ := one.BAR(0); again != base || one.get(pcie.AERAt+pcie.AERCorrectable, 4) != 1<<6 {
		t.Error("a hot reset moved the BAR or cleared a sticky bit")
	}
	root := b.fabric.Root().Ports()[0]
	root.ConfigWrite(pcie.BridgeControl, 2, pcie.SecondaryReset)
	root.ConfigWrite(pcie.BridgeControl, 2, 0)
	if s1.resets != 2 || s2.resets != 1 || two.get(pcie.Command, 2) != 0 {
		t.Errorf("%d, %d resets after a reset of the tree", s1.resets, s2.resets)
	}
	if sw.Upstream().ConfigRead(pcie.SecondaryBus, 1) != 2 {
		t.Error("the switch has lost its bus numbers")
	}
}

// peerTime is how long a write of one cache line between two functions below a switch takes.
func peerTime(b *bench, src, dst *Function) sim.Time {
	base, _ := dst.BAR(0)
	var c clock
	start := b.eng.Now()
	src.Write(base, make([]byte, 64), Done{To: &c})
	b.eng.Run(sim.Forever)
	return c.at[0] - start
}

func TestAccessControlRedirectsAndBlocks(t *testing.T) {
	b := newBench(t, DefaultTiming)
	sw, _ := b.fabric.Switch(b.fabric.Root(), gen5x16, "sw0")
	src, _ := b.add(sw, "src", gen5x16)
	dst, s := b.add(sw, "dst", gen5x16)
	direct := peerTime(b, src, dst)
	port := src.Port()
	port.ConfigWrite(pcie.ACSAt+pcie.ACSControl, 2, pcie.ACSRedirect)
	wire := sim.Rate(gen5x16.TLPRate(pcie.AckShare(5))).Span(64 + pcie.OverheadMW)
	more := 2*(wire+DefaultTiming.Link) + DefaultTiming.Root + DefaultTiming.Switch
	if d := peerTime(b, src, dst); d != direct+more {
		t.Errorf("redirected: %v, want %v + %v", d, direct, more)
	}
	seen := len(s.writes)
	port.ConfigWrite(pcie.ACSAt+pcie.ACSVector, 4, 1<<dst.Port().number)
	port.ConfigWrite(pcie.ACSAt+pcie.ACSControl, 2, pcie.ACSEgress)
	peerTime(b, src, dst)
	base, _ := dst.BAR(0)
	buf := make([]byte, 4)
	src.Read(base, buf, Done{})
	b.eng.Run(sim.Forever)
	if len(s.writes) != seen || little(buf) != 0xffffffff {
		t.Errorf("blocked: %d writes came through, a read gives %#x", len(s.writes)-seen, little(buf))
	}
	if port.ConfigRead(pcie.AERAt+pcie.AERUncorrectable, 4) != 1<<pcie.ACSViolation.Bit ||
		src.get(pcie.Status, 2)&pcie.StatusMasterAbort == 0 {
		t.Error("the violation is not logged")
	}
}

func TestOptionalCapabilities(t *testing.T) {
	b := newBench(t, DefaultTiming)
	e := pcie.Endpoint{Link: gen4x4, MSI: 4, Serial: 0x1122334455667788, ATS: true, Tags10: true,
		Virtual: &pcie.Virtual{Total: 8, Offset: 1, Stride: 1, Device: 9,
			BARs: []pcie.BAR{{Index: 0, Size: 1 << 14, Is64: true}}},
		Resizable: []pcie.Resizable{{BAR: 0, Sizes: 0x7}},
		BARs:      []pcie.BAR{{Index: 0, Size: 1 << 20, Is64: true}}}
	if err := e.Capabilities().Check(); err != nil {
		t.Fatal(err)
	}
	fn, err := b.fabric.Add(b.fabric.Root(), "dev", e, &scratch{mem: mem.NewSparse(1 << 22)})
	if err != nil {
		t.Fatal(err)
	}
	var ids []uint64
	for at := uint64(fn.get(pcie.CapPointer, 1)); at != 0; at = fn.get(int(at)+1, 1) {
		ids = append(ids, fn.get(int(at), 1))
	}
	for at := uint64(0x100); at != 0; at = fn.get(int(at), 4) >> 20 {
		ids = append(ids, fn.get(int(at), 2))
	}
	want := []uint64{1, 0x10, 5, 1, 3, 0x10, 0x15, 0xf}
	if len(ids) != len(want) {
		t.Fatalf("capabilities %#x, want %#x", ids, want)
	}
	for i := range want {
		if ids[i] != want[i] {
			t.Fatalf("capabilities %#x, want %#x", ids, want)
		}
	}
	b.config(fn, pcie.ResizableAt+8, 4, 2<<8) // 4 MiB
	if _, size := fn.BAR(0); size != 4<<20 {
		t.Errorf("BAR of %d bytes after resizing", size)
	}
	b.config(fn, pcie.BAR0, 4, 0xffffffff)
	if got := fn.get(pcie.BAR0, 4); got != 0xffc00004 {
		t.Errorf("sizing gives %#x", got)
	}
	b.config(fn, pcie.ResizableAt+8, 4, 9<<8) // not offered
	control := fn.get(pcie.ResizableAt+8, 4)
	if _, size := fn.BAR(0); size != 4<<20 || pcie.ResizableSize.Get(control) != 2 {
		t.Errorf("a size that is not offered: %d", size)
	}
	b.config(fn, 0x30, 4, 0xfffff800)
	if fn.get(0x30, 4) != 0 {
		t.Error("there is a ROM")
	}
	b.config(fn, pcie.ExpressAt+pcie.ExpDevCtl2, 2, pcie.DevCtl2Tags10)
	if fn.port.tags != 768 {
		t.Errorf("%d tags", fn.port.tags)
	}
}

func TestMSIIsMaskedPendingAndDelivered(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, err := b.fabric.Add(b.fabric.Root(), "dev", pcie.Endpoint{Link: gen4x4, MSI: 4}, &scratch{})
	if err != nil {
		t.Fatal(err)
	}
	b.config(fn, pcie.Command, 2, pcie.CommandMaster)
	fire := func(v int) { fn.Interrupt(v); b.eng.Run(sim.Forever) }
	fire(0)
	b.config(fn, pcie.MSIAt+pcie.MSIAddr, 4, 0xfee02000)
	b.config(fn, pcie.MSIAt+pcie.MSIData, 2, 0x40)
	b.config(fn, pcie.MSIAt+pcie.MSIMask, 4, 1<<3)
	b.config(fn, pcie.MSIAt+pcie.MSIFlags, 2, 2<<4|pcie.MSIEnable)
	fire(3)
	if len(b.messages) != 0 || fn.get(pcie.MSIAt+pcie.MSIPending, 4) != 1<<3 {
		t.Fatalf("messages %v, pending %#x", b.messages, fn.get(pcie.MSIAt+pcie.MSIPending, 4))
	}
	b.config(fn, pcie.MSIAt+pcie.MSIMask, 4, 0)
	fire(1)
	want := []message{{0xfee02000, 0x43}, {0xfee02000, 0x41}}
	if len(b.messages) != 2 || b.messages[0] != want[0] || b.messages[1] != want[1] {
		t.Errorf("messages %v, want %v", b.messages, want)
	}
}
