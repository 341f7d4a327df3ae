package pcie

import (
	"encoding/binary"
	"testing"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
)

// bounded is a device that fails the test when it is asked for what it has not.
type bounded struct {
	t    *testing.T
	data []byte
}

func (b *bounded) Read(bar int, off uint64, p []byte) sim.Time {
	if bar != 0 || off+uint64(len(p)) > uint64(len(b.data)) {
		b.t.Fatalf("read of %d bytes at BAR %d + %#x", len(p), bar, off)
	}
	copy(p, b.data[off:])
	return 0
}

func (b *bounded) Write(bar int, off uint64, p []byte) {
	if bar != 0 || off+uint64(len(p)) > uint64(len(b.data)) {
		b.t.Fatalf("write of %d bytes at BAR %d + %#x", len(p), bar, off)
	}
	copy(b.data[off:], p)
}

func (b *bounded) Reset() {}

// fuzzed is a tree for fuzzing: two functions below a switch, one at the root.
type fuzzed struct {
	eng  *sim.Engine
	f    *Fabric
	fns  []*Function
	sw   Bridge
	host uint64
	mem  []byte
}

const fuzzBAR = 1 << 20

func newFuzzed(t *testing.T) *fuzzed {
	z := &fuzzed{eng: sim.NewEngine()}
	host := mem.NewHost(1<<20, 1<<24)
	z.f = New(z.eng, nil, host, DefaultTiming, func(uint64, uint32) {})
	z.host, z.mem, _ = host.Alloc(1 << 16)
	z.sw, _ = z.f.Switch(z.f.Root(), gen5x16, "sw0")
	for i, at := range []Bridge{z.sw, z.sw, z.f.Root()} {
		fn, err := z.f.Add(at, string(rune('a'+i)), pcie.Endpoint{Vendor: 0x1234, Link: gen4x4,
			Vectors: 2, VectorTable: 0x1000, VectorPending: 0x2000, MSI: 2, Serial: 5, Tags10: true,
			Resizable: []pcie.Resizable{{BAR: 0, Sizes: 1}},
			BARs:      []pcie.BAR{{Index: 0, Size: fuzzBAR, Is64: true}}},
			&bounded{t, make([]byte, fuzzBAR)})
		if err != nil {
			t.Fatal(err)
		}
		z.f.CPU(0).ConfigWrite(fn, pcie.Command, []byte{6, 0}, Done{})
		z.fns = append(z.fns, fn)
	}
	z.eng.Run(sim.Forever)
	return z
}

// settle runs all and checks that nothing is lost.
func (z *fuzzed) settle(t *testing.T) {
	for n := 0; z.eng.Step(); n++ {
		if n > 200_000 {
			t.Fatal("the fabric does not come to rest")
		}
	}
	if z.eng.NextAt() != sim.Forever || z.f.InFlight() != 0 {
		t.Fatalf("%d packets and reads have not ended", z.f.InFlight())
	}
	for _, h := range z.f.halves {
		for c := range h.credits {
			if !h.credits[c].whole() {
				t.Fatalf("%s leaks credits of class %d", h.path, c)
			}
		}
	}
}

// FuzzConfig writes configuration space of functions and ports, and uses them in between.
func FuzzConfig(f *testing.F) {
	f.Add([]byte{0, 4, 2, 7, 0, 0, 0, 1, 0x68, 2, 0, 0x80, 0, 0, 2, 0x44, 2, 3, 0, 0, 0})
	f.Add([]byte{3, 0x3e, 2, 0x40, 0, 0, 0, 0, 0xa8, 4, 0, 9, 0, 0, 0, 0x10, 4, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		z := newFuzzed(t)
		for ; len(in) >= 7; in = in[7:] {
			size := []int{1, 2, 4}[in[2]%3]
			off := int(in[0]>>3)<<8 | int(in[1])
			off = off &^ (size - 1) % pcie.ConfigLen
			v := binary.LittleEndian.Uint32(in[3:])
			if k := int(in[0] & 7); k < 3 {
				z.f.CPU(0).ConfigWrite(z.fns[k], off, bytesOf(uint64(v), size), Done{})
			} else {
				ports := []*Port{z.sw.Upstream(), z.f.Root().Ports()[0], z.f.Root().Ports()[1],
					z.sw.Ports()[0], z.sw.Ports()[1]}
				ports[k-3].ConfigWrite(off, size, uint64(v))
			}
			z.fns[0].Interrupt(int(v & 1))
			z.fns[1].Write(z.host+64, []byte{1, 2, 3}, Done{})
			z.fns[2].Read(z.host, make([]byte, 9), Done{})
			z.f.CPU(0).Read(uint64(v)<<8, make([]byte, 4), Done{})
			z.settle(t)
		}
		for _, fn := range z.fns {
			if fn.get(pcie.VendorID, 2) != 0x1234 || fn.get(pcie.CapPointer, 1) != pcie.PMAt {
				t.Fatal("a read-only register has changed")
			}
		}
	})
}

// FuzzAccess reads and writes BARs and what lies beside them, with any size and place.
func FuzzAccess(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 4, 1, 0xff, 0xff, 0x0f, 60, 2, 0, 0x10, 0, 16})
	f.Fuzz(func(t *testing.T, in []byte) {
		z := newFuzzed(t)
		for ; len(in) >= 5; in = in[5:] {
			fn := z.fns[in[0]&3%3]
			base, _ := fn.BAR(0)
			addr := base + uint64(in[1]) | uint64(in[2])<<8 | uint64(in[3])<<16
			buf := make([]byte, in[4])
			switch in[0] >> 2 & 3 {
			case 0:
				z.f.CPU(0).Read(addr, buf, Done{})
			case 1:
				z.f.CPU(0).Write(addr, buf, Done{})
			case 2:
				z.fns[2].Read(addr, buf, Done{})
			case 3:
				z.fns[0].WritePoisoned(addr, buf, Done{})
			}
		}
		z.settle(t)
	})
}

// counted counts the events of each transfer and keeps their order.
type counted struct{ seen []uint64 }

func (c *counted) Fire(_ sim.Time, _ uint32, arg uint64) { c.seen = append(c.seen, arg) }

// FuzzTraffic sends random requests with few credits and faults: none is lost, none ends twice,
// writes of one function to one place come in order, and trains end as packets do.
func FuzzTraffic(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, uint8(3), false)
	f.Add([]byte{0, 255, 16, 1, 255, 32, 2, 255, 0, 0, 1, 1}, uint8(0), true)
	f.Fuzz(func(t *testing.T, in []byte, few uint8, bad bool) {
		var last [2][]uint64
		for k := range last {
			z := newFuzzed(t)
			z.f.single = k == 1
			for _, h := range z.f.halves {
				for c := range h.credits {
					h.credits[c] = newCredits(1+int64(few), 16*(1+int64(few)))
				}
			}
			if bad {
				z.fns[0].Port().Inject(&Faults{Seed: 1, BadTLP: 200_000, LostAck: 300_000},
					&Faults{Seed: 2, BadTLP: 300_000, LostAck: 100_000})
			}
			last[k] = z.traffic(t, in)
		}
		if len(last[0]) != len(last[1]) {
			t.Fatalf("%d transfers end in trains, %d by packet", len(last[0]), len(last[1]))
		}
	})
}

// traffic sends what the bytes say and gives the transfers in order of their ends.
func (z *fuzzed) traffic(t *testing.T, in []byte) []uint64 {
	c := &counted{}
	id := uint64(0)
	for ; len(in) >= 3; in = in[3:] {
		fn, peer := z.fns[in[0]&3%3], z.fns[in[0]>>2&3%3]
		base, _ := peer.BAR(0)
		buf := make([]byte, 1+int(in[1])*7)
		at := uint64(in[2]) << 4
		done := Done{c, 0, id | uint64(in[0]&0x3f)<<32}
		id++
		switch {
		case in[0]>>4&3 == 0:
			fn.Write(z.host+at, buf, done)
		case in[0]>>4&3 == 1:
			fn.Read(z.host+at, buf, done)
		case in[0]>>4&3 == 2 && fn != peer:
			fn.Write(base+at, buf, done)
		case in[0]>>4&3 == 3 && fn != peer:
			fn.Read(base+at, buf, done)
		default:
			z.f.CPU(0).Write(base+at&^7, buf[:min(4, len(buf))], done)
		}
		if in[0]>>6 != 0 {
			z.eng.Run(z.eng.Now() + sim.Time(in[1])*sim.Nanosecond)
		}
	}
	z.settle(t)
	if uint64(len(c.seen)) != id {
		t.Fatalf("%d of %d transfers have ended", len(c.seen), id)
	}
	newest := map[uint64]uint64{}
	for _, v := range c.seen {
		way, n := v>>32, v&0xffff_ffff
		if way>>4&1 == 0 && newest[way] > n {
			t.Fatalf("write %d ends after write %d of the same way", n, newest[way])
		}
		newest[way] = max(newest[way], n)
	}
	return c.seen
}
