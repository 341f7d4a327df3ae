package cuda

import (
	"math"
	"strings"
	"testing"
)

// TestComparisonsCanFail: a wrong bit is found, and named with its place.
func TestComparisonsCanFail(t *testing.T) {
	one := math.Nextafter32(1, 2)
	for _, c := range []struct {
		name string
		b    *Buffer
		got  []byte
		want string
	}{
		{"equal", out([]int32{1, 2}), pack([]int32{1, 2}), ""},
		{"one bit", out([]float32{1, 1}), pack([]float32{1, one}), "1 of 2 elements"},
		{"place", out([]int16{5, 6, 7}), pack([]int16{5, 0, 0}), "[1], is 0"},
		{"minus zero", out([]float64{0}), pack([]float64{math.Copysign(0, -1)}), "1 of 1"},
		{"near", near([]float32{1}, 1e-6), pack([]float32{one}), ""},
		{"too far", near([]float32{1, 100}, 1e-3), pack([]float32{1, 100.2}), "[1] is 100.1"},
		{"lost", near([]float64{1}, 1), pack([]float64{math.NaN()}), "NaN"},
		{"relative", near([]float32{100}, 1e-2), pack([]float32{100.9}), ""},
	} {
		err := c.b.Same(c.got, c.b.After)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestReferences holds the references against what others published.
func TestReferences(t *testing.T) {
	// The first vector of Random123's known answers (kat_vectors, philox4x32 10).
	if v := philox([4]uint32{}, [2]uint32{}); v != [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
		0x9b00dbd8} {
		t.Errorf("philox: %x", v)
	}
	for _, c := range []struct{ a, b, c, want float32 }{
		{1 + 0x1p-12, 1 + 0x1p-12, -1, 0x1p-11 + 0x1p-24},
		{0x1p-24, 1, 1, 1}, // a tie goes to even
		{0x1.000002p-24, 1, 1, 1 + 0x1p-23},
		{math.MaxFloat32, 2, -math.MaxFloat32, math.MaxFloat32},
	} {
		if got := fma32(c.a, c.b, c.c); got != c.want {
			t.Errorf("fma32(%v, %v, %v) = %v, want %v", c.a, c.b, c.c, got, c.want)
		}
	}
	for _, c := range []struct {
		f    format
		x    float64
		mode func(float64) float64
		want float64
	}{
		{fmtF16, 65520, nearest, math.Inf(1)}, {fmtF16, 65519.9, nearest, 65504},
		{fmtF16, 65520, zero, 65504}, {fmtF16, -65520, up, -65504}, {fmtF16, 1e9, down, 65504},
		{fmtF16, 0x1p-25, nearest, 0}, {fmtF16, 0x1p-25, up, 0x1p-24}, {fmtE4M3, 17, nearest, 16},
		{fmtE4M3, 19, nearest, 20}, {fmtE5M2, 0x1p-17, nearest, 0},
		{fmtF32, 1 + 0x1p-24, up, 1 + 0x1p-23},
	} {
		if got := c.f.round(c.x, c.mode); got != c.want {
			t.Errorf("%v to %d bits: %v, want %v", c.x, c.f.bits, got, c.want)
		}
	}
}

func TestInputsAreAlwaysTheSame(t *testing.T) {
	if a, b := word(1, 0), word(2, 3); a != word(1, 0) || a == b || a == 0 {
		t.Errorf("%x %x", a, b)
	}
	for _, c := range Cases() {
		if c.Skip == "" && len(c.Args()) == 0 {
			t.Errorf("%s has no arguments", c.Name)
		}
	}
}
