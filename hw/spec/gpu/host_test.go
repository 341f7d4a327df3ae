package gpu

import (
	"strings"
	"testing"
)

func TestDescriptorsRoundTrip(t *testing.T) {
	want := Launch{Grid: [3]uint32{1 << 20, 333, 7}, Block: [3]uint32{128, 2, 4}, Registers: 168,
		Barriers: 16,
		Shared:   100 << 10, Program: 0x1_2345_6789_ab00, Constants: 0x1_0000_0400,
		ConstantLen: 1024,
		Release:     true, ReleaseAddr: 0xab_cdef_0010, ReleaseValue: 0x1122334455667788}
	for _, l := range []*QMDLayout{&QMDv3, &QMDv4} {
		p := make([]byte, l.Len)
		l.Encode(p, &want)
		if got, ok := l.Decode(p); !ok || got != want {
			t.Errorf("%s: got %+v, want %+v", l.Name, got, want)
		}
		if _, ok := l.Decode(make([]byte, l.Len)); ok {
			t.Errorf("%s: zeros decode", l.Name)
		}
	}
	if _, ok := QMDv4.Decode(make([]byte, 10)); ok {
		t.Error("a short descriptor decodes")
	}
}

// One bit at a time, so that fields that overlap would show.
func TestDescriptorFieldsDoNotOverlap(t *testing.T) {
	for _, l := range []*QMDLayout{&QMDv3, &QMDv4} {
		seen := make([]bool, l.Len*8)
		fields := []MW{l.MajorVersion, l.Type, l.Registers, l.Barriers, l.Shared, l.ConstSize,
			l.ConstValid,
			l.ReleaseEnable, l.ReleaseSize, l.Release64, l.Program[0], l.Program[1], l.ConstAddr[0],
			l.ConstAddr[1], l.ReleaseAddr[0], l.ReleaseAddr[1], l.ReleaseValue[0],
			l.ReleaseValue[1]}
		fields = append(append(fields, l.Grid[:]...), l.Block[:]...)
		for _, f := range fields {
			for b := f.Lo; b <= f.Hi; b++ {
				if seen[b] {
					t.Errorf("%s: bit %d belongs to two fields", l.Name, b)
				}
				seen[b] = true
			}
		}
	}
}

func TestPageTableEntriesRoundTrip(t *testing.T) {
	for _, f := range []*MMUFormat{&MMUv2, &MMUv3} {
		for _, want := range []Entry{
			{},
			{Valid: true, Aperture: VRAM, Addr: 0x1_2345_6000},
			{Valid: true, Aperture: SystemCoherent, Addr: 0xab_cdef_0000},
			{Valid: true, Page: true, Aperture: VRAM, Addr: 0x1f_e000_0000},
			{Valid: true, Page: true, ReadOnly: true, Aperture: SystemCoherent,
				Addr: 0xff_e000_0000},
		} {
			if got := f.Unpack(f.Pack(want)); got != want {
				t.Errorf("%s: got %+v, want %+v", f.Name, got, want)
			}
		}
	}
}

// Bit patterns by hand from the published headers, so that packer and unpacker cannot agree on
// a mistake: a directory says 1 for VRAM, a page 0 with its valid bit.
func TestPageTableEntriesByHand(t *testing.T) {
	for _, c := range []struct {
		f    *MMUFormat
		e    Entry
		want uint64
	}{
		{&MMUv2, Entry{Valid: true, Aperture: VRAM, Addr: 0x5000}, 5<<8 | 1<<1},
		{&MMUv2, Entry{Valid: true, Page: true, Aperture: SystemCoherent, Addr: 0x7000},
			7<<8 | 2<<1 | 1},
		{&MMUv3, Entry{Valid: true, Aperture: VRAM, Addr: 0x5000}, 0x5000 | 1<<1},
		{&MMUv3, Entry{Valid: true, Page: true, Aperture: VRAM, Addr: 0x2000_0000}, 0x2000_0001},
	} {
		if got := c.f.Pack(c.e); got != c.want {
			t.Errorf("%s %+v: %#x, want %#x", c.f.Name, c.e, got, c.want)
		}
	}
}

func TestLevelsCoverTheAddress(t *testing.T) {
	for _, f := range []*MMUFormat{&MMUv2, &MMUv3} {
		next := f.VABits - 1
		for _, l := range f.Levels {
			if l.Hi != next {
				t.Errorf("%s: a level starts at bit %d, want %d", f.Name, l.Hi, next)
			}
			next = l.Lo - 1
		}
	}
}

// The entry that a driver was seen to write: 16 dwords at 0x1025000000, subroutine.
func TestGPEntryAsSeen(t *testing.T) {
	if got := GPSubroutine.Put(GPEntry(0x1025000000, 16), 1); got != 0x421025000000 {
		t.Errorf("%#x", got)
	}
}

func TestCodeRoundTripAndDamage(t *testing.T) {
	p := PackCode("kernel", ".version 8.0")
	name, text, err := UnpackCode(p)
	if err != nil || name != "kernel" || text != ".version 8.0" {
		t.Fatal(name, text, err)
	}
	for _, bad := range [][]byte{nil, p[:10], p[:len(p)-1], []byte(strings.Repeat("x", 64))} {
		if _, _, err := UnpackCode(bad); err == nil {
			t.Errorf("%q unpacks", bad)
		}
	}
}

func FuzzUnpackCode(f *testing.F) {
	f.Add(PackCode("k", "text"))
	f.Fuzz(func(_ *testing.T, p []byte) { UnpackCode(p) })
}
