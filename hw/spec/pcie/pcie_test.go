package pcie

import (
	"math"
	"testing"
)

// The expected values are written by hand from the published model's outputs for 4 KiB transfers
// (pcie-bench equations), in GB/s: raw, TLP rate, write, read.
func TestRatesOfThePublishedModel(t *testing.T) {
	for _, c := range []struct {
		link                  Link
		raw, tlp, write, read float64
	}{
		{Link{3, 8, 256, 512}, 7.88, 7.24, 6.62, 6.71},
		{Link{4, 4, 256, 512}, 7.88, 7.27, 6.64, 6.74},
		{Link{4, 16, 256, 512}, 31.51, 28.43, 25.99, 26.37},
		{Link{4, 16, 128, 512}, 31.51, 27.92, 23.52, 24.15},
		{Link{5, 4, 256, 512}, 15.75, 14.54, 13.29, 13.48},
		{Link{5, 16, 256, 512}, 63.02, 56.85, 51.98, 52.73},
	} {
		got := []float64{c.link.Raw(), c.link.TLPRate(1), c.link.WriteRate(1), c.link.ReadRate(1)}
		for i, want := range []float64{c.raw, c.tlp, c.write, c.read} {
			if math.Abs(got[i]/1e9-want) > 0.006 {
				t.Errorf("%+v: figure %d is %.3f GB/s, want %.2f", c.link, i, got[i]/1e9, want)
			}
		}
	}
}

// Measured on Gen5 x16 parts, GB/s: peer to peer 55.6-56.6 (RTX PRO 6000), 56.1 (2 x H100).
func TestGen5ShareMeetsMeasurement(t *testing.T) {
	l := Link{5, 16, 256, 512}
	got := l.ReadRate(AckShare(5)) / 1e9
	if math.Abs(got-56.1)/56.1 > 0.03 {
		t.Errorf("Gen5 x16 reads %.2f GB/s, measured 56.1", got)
	}
}

func TestTablesAreWellFormed(t *testing.T) {
	e := Endpoint{Vendor: 0x10de, Device: 0x2330, Class: 0x030200, Vectors: 9,
		Link: Link{5, 16, 256, 512},
		BARs: []BAR{{Index: 0, Size: 1 << 24},
			{Index: 1, Size: 1 << 37, Is64: true, Prefetchable: true}}}
	if err := e.Header().Check(); err != nil {
		t.Error(err)
	}
	if err := e.Capabilities().Check(); err != nil {
		t.Error(err)
	}
}

func TestImpossibleLinksAreNamed(t *testing.T) {
	for _, l := range []Link{{0, 16, 256, 512}, {8, 16, 256, 512}, {5, 3, 256, 512},
		{5, 16, 100, 512}} {
		if l.Check() == nil {
			t.Errorf("%+v passes", l)
		}
	}
}

// Flits by hand: 64 GT/s x16 are 128 GB/s, 236 of 256 bytes are TLPs; a write of 256 bytes has a
// header of 16, a completion one of 12.
func TestFlitsByArithmetic(t *testing.T) {
	l := Link{6, 16, 256, 512}
	for i, c := range []struct{ got, want float64 }{
		{l.TLPRate(1), 118.0}, {l.WriteRate(1), 111.06}, {l.ReadRate(0), 112.72},
		{Link{7, 16, 256, 512}.TLPRate(1), 236.0}, {l.Raw(), 121.0},
	} {
		if math.Abs(c.got/1e9-c.want) > 0.006 {
			t.Errorf("figure %d is %.3f GB/s, want %.2f", i, c.got/1e9, c.want)
		}
	}
}

// Every optional capability at once: the chains end, and each table is well formed.
func TestOptionalTablesAreWellFormed(t *testing.T) {
	e := Endpoint{Link: Link{5, 16, 256, 512}, MSI: 32, Serial: 1, ATS: true, Vectors: 4,
		Virtual:   &Virtual{Total: 4, BARs: []BAR{{Index: 0, Size: 1 << 20, Is64: true}}},
		Resizable: []Resizable{{BAR: 0, Sizes: 7}},
		BARs:      []BAR{{Index: 0, Size: 1 << 20, Is64: true}}}
	if err := e.Capabilities().Check(); err != nil {
		t.Error(err)
	}
	for _, k := range []PortKind{RootPort, UpstreamPort, DownstreamPort} {
		if err := e.Link.Bridge(k).Check(); err != nil {
			t.Errorf("port of kind %d: %v", k, err)
		}
	}
}
