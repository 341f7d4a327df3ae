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
