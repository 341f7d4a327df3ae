package pci

import (
	"errors"
	"slices"
	"testing"

	"tensoros/hw"
	"tensoros/hw/reg"
	"tensoros/hw/spec/pcie"
)

// space is a configuration space behind a hw.Window; other methods are not called.
type space struct {
	hw.Window
	file  *reg.File
	sized bool // all ones were written while memory decoding was on
}

func open(e *pcie.Endpoint) *space {
	return &space{file: reg.NewFile(pcie.ConfigLen, e.Header(), e.Capabilities())}
}

func (s *space) Read8(off int) uint8       { return uint8(s.file.Get(off, 1)) }
func (s *space) Read16(off int) uint16     { return uint16(s.file.Get(off, 2)) }
func (s *space) Read32(off int) uint32     { return uint32(s.file.Get(off, 4)) }
func (s *space) Write16(off int, v uint16) { s.file.Write(off, 2, uint64(v)) }

func (s *space) Write32(off int, v uint32) {
	if v == 0xffffffff && s.Read16(pcie.Command)&pcie.CommandMemory != 0 {
		s.sized = true
	}
	s.file.Write(off, 4, uint64(v))
}

// absent is a slot with nothing in it.
type absent struct{ hw.Window }

func (absent) Read32(int) uint32 { return 0xffffffff }

func endpoint() *pcie.Endpoint {
	return &pcie.Endpoint{Vendor: 0x10de, Device: 0x2330, Class: 0x030200, Revision: 0xa1,
		Vectors: 9, Link: pcie.Link{Gen: 5, Lanes: 16, MPS: 256, MRRS: 512},
		BARs: []pcie.BAR{{Index: 0, Size: 1 << 24},
			{Index: 1, Size: 1 << 37, Is64: true, Prefetchable: true},
			{Index: 4, Size: 1 << 20, Is64: true}}}
}

func TestIdentifyReadsTheHeader(t *testing.T) {
	at := hw.Address{Bus: 3}
	got, err := Identify(at, open(endpoint()))
	want := Identity{Addr: at, Vendor: 0x10de, Device: 0x2330, Class: 0x030200, Revision: 0xa1}
	if err != nil || got != want {
		t.Errorf("identity %+v, %v, want %+v", got, err, want)
	}
	if got.Base() != ClassDisplay {
		t.Errorf("base class %#x", got.Base())
	}
	if _, err := Identify(at, absent{}); !errors.Is(err, hw.ErrNotPresent) {
		t.Errorf("an empty slot: %v", err)
	}
}

func TestCapabilityWalksTheList(t *testing.T) {
	with, without := endpoint(), endpoint()
	without.Vectors = 0
	for _, c := range []struct {
		name string
		e    *pcie.Endpoint
		id   uint8
		want int
	}{
		{"first", with, pcie.CapPM, 0x40},
		{"second", with, pcie.CapMSIX, 0x50},
		{"last", with, pcie.CapPCIe, 0x60},
		{"absent", with, pcie.CapMSI, 0},
		{"left out", without, pcie.CapMSIX, 0},
		{"after one left out", without, pcie.CapPCIe, 0x60},
	} {
		if got := Capability(open(c.e), c.id); got != c.want {
			t.Errorf("%s: at %#x, want %#x", c.name, got, c.want)
		}
	}
}

func TestCapabilityEndsOnBrokenLists(t *testing.T) {
	for name, c := range map[string]struct {
		off, size int
		v         uint64
	}{
		"a loop":             {0x61, 1, 0x40},
		"a loop of one":      {0x41, 1, 0x40},
		"into the header":    {0x41, 1, 0x10},
		"an empty list":      {pcie.CapPointer, 1, 0},
		"no list at all":     {pcie.Status, 2, 0},
		"beyond the pointer": {0x61, 1, 0xfc},
	} {
		s := open(endpoint())
		s.file.Set(c.off, c.size, c.v)
		if got := Capability(s, pcie.CapMSI); got != 0 {
			t.Errorf("%s: found at %#x", name, got)
		}
	}
	s := open(endpoint())
	s.file.Set(pcie.CapPointer, 1, 0x43) // the low bits are reserved
	if got := Capability(s, pcie.CapPCIe); got != 0x60 {
		t.Errorf("reserved bits of the pointer: found at %#x", got)
	}
}

func TestBARsAreSizedAndPutBack(t *testing.T) {
	s := open(endpoint())
	const low, high = 0xc100_0000, 0x120_0000_0000
	s.Write32(pcie.BAR0, low)
	s.Write32(pcie.BAR0+8, high>>32)
	s.Write16(pcie.Command, pcie.CommandMemory|pcie.CommandMaster)
	s.file.Set(pcie.BAR0+12, 4, 1) // BAR 3 is I/O space
	before := make([]uint32, 6)
	for i := range before {
		before[i] = s.Read32(pcie.BAR0 + 4*i)
	}
	want := []BAR{{Index: 0, Base: low, Size: 1 << 24},
		{Index: 1, Base: high, Size: 1 << 37, Is64: true, Prefetchable: true},
		{Index: 4, Size: 1 << 20, Is64: true}}
	if got := BARs(s); !slices.Equal(got, want) {
		t.Errorf("BARs %+v, want %+v", got, want)
	}
	for i, v := range before {
		if got := s.Read32(pcie.BAR0 + 4*i); got != v {
			t.Errorf("BAR %d is left at %#x, was %#x", i, got, v)
		}
	}
	if s.sized {
		t.Error("sized with decoding on")
	}
	if got := s.Read16(pcie.Command); got != pcie.CommandMemory|pcie.CommandMaster {
		t.Errorf("command register left at %#x", got)
	}
}

func TestEnableSetsPayloadRequestAndMastering(t *testing.T) {
	for _, c := range []struct {
		mps           int
		payload, read uint64 // codes: 128 << code bytes
	}{{128, 0, 2}, {256, 1, 2}, {512, 2, 2}, {4096, 5, 5}} {
		e := endpoint()
		e.Link.MPS = c.mps
		s := open(e)
		Enable(s)
		control := uint64(s.Read16(0x60 + pcie.ExpDevCtl))
		if got := pcie.DevCtlMPS.Get(control); got != c.payload {
			t.Errorf("MPS %d: payload code %d, want %d", c.mps, got, c.payload)
		}
		if got := pcie.DevCtlMRRS.Get(control); got != c.read {
			t.Errorf("MPS %d: read request code %d, want %d", c.mps, got, c.read)
		}
		const want = pcie.CommandMemory | pcie.CommandMaster | pcie.CommandINTxOff
		if got := s.Read16(pcie.Command); got != want {
			t.Errorf("command register %#x, want %#x", got, want)
		}
	}
	s := open(endpoint())
	s.file.Set(pcie.Status, 2, 0) // no capabilities: Device Control is not touched
	Enable(s)
	if got := s.Read16(0x60 + pcie.ExpDevCtl); got != 0x2810 {
		t.Errorf("Device Control %#x of a function without the capability", got)
	}
}
