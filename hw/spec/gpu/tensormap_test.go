package gpu

import (
	"strings"
	"testing"
)

func sampleMaps() []TensorMap {
	ones := func(rank int) (s [5]uint32) {
		for i := range rank {
			s[i] = 1
		}
		return s
	}
	return []TensorMap{
		{Type: TensorF16, Rank: 2, Base: 0x10000, Dims: [5]uint64{64, 1 << 32},
			Strides: [4]uint64{128}, Box: [5]uint32{64, 256}, ElementStrides: ones(2),
			Swizzle: Swizzle128},
		{Type: TensorU8, Rank: 1, Base: 16, Dims: [5]uint64{1000}, Box: [5]uint32{16},
			ElementStrides: ones(1)},
		{Type: TensorF32, Rank: 5, Base: 1 << 48, Dims: [5]uint64{4, 5, 6, 7, 8},
			Strides: [4]uint64{16, 80, 480, 1<<40 - 16}, Box: [5]uint32{4, 1, 2, 3, 4},
			ElementStrides: [5]uint32{1, 2, 3, 4, 8}, Fill: FillNaN},
		{Type: TensorBF16, Rank: 4, Base: 32, Dims: [5]uint64{64, 9, 14, 64},
			Strides: [4]uint64{128, 1152, 16128}, ElementStrides: ones(4), Im2col: true,
			Lower: [3]int16{-1, -1}, Upper: [3]int16{-1, 127}, Channels: 8, Pixels: 64},
		{Type: TensorF16, Rank: 3, Base: 64, Dims: [5]uint64{16, 9, 14},
			Strides: [4]uint64{32, 288}, Box: [5]uint32{8, 3, 3}, ElementStrides: ones(3),
			Interleave: Interleave32, Swizzle: Swizzle32},
	}
}

func TestTensorMapRoundTrip(t *testing.T) {
	for _, m := range sampleMaps() {
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeTensorMap(b[:]); got != m || err != nil {
			t.Errorf("%+v comes back as %+v, %v", m, got, err)
		}
	}
}

// TestTensorMapRefuses: every documented constraint has a map that breaks only that one.
func TestTensorMapRefuses(t *testing.T) {
	for _, c := range []struct {
		sample int
		spoil  func(m *TensorMap)
		want   string
	}{
		{0, func(m *TensorMap) { m.Type = tensorTypes }, "element type"},
		{0, func(m *TensorMap) { m.Rank = 6 }, "rank 6"},
		{0, func(m *TensorMap) { m.Rank = 0 }, "rank 0"},
		{0, func(m *TensorMap) { m.Swizzle = 4 }, "swizzle 4"},
		{0, func(m *TensorMap) { m.Interleave = Interleave16 }, "3 or more"},
		{4, func(m *TensorMap) { m.Swizzle = SwizzleNone }, "swizzle of 32"},
		{1, func(m *TensorMap) { m.Fill = FillNaN }, "NaN fill of u8"},
		{0, func(m *TensorMap) { m.Base += 8 }, "16 byte aligned"},
		{4, func(m *TensorMap) { m.Base += 16 }, "32 byte aligned"},
		{0, func(m *TensorMap) { m.Dims[1]++ }, "2^32"},
		{0, func(m *TensorMap) { m.Dims[0] = 0 }, "0 elements"},
		{0, func(m *TensorMap) { m.Strides[0] += 8 }, "stride 136"},
		{2, func(m *TensorMap) { m.Strides[3] += 16 }, "2^40"},
		{2, func(m *TensorMap) { m.ElementStrides[1] = 9 }, "element stride 9"},
		{2, func(m *TensorMap) { m.ElementStrides[4] = 0 }, "element stride 0"},
		{1, func(m *TensorMap) { m.Box[0] = 8 }, "8 bytes wide"},
		{0, func(m *TensorMap) { m.Box[0] = 72 }, "144 bytes wide"},
		{0, func(m *TensorMap) { m.Box[1] = 257 }, "257 elements"},
		{3, func(m *TensorMap) { m.Pixels = 1025 }, "1025 pixels"},
		{3, func(m *TensorMap) { m.Channels = 0 }, "0 channels"},
		{3, func(m *TensorMap) { m.Upper[1] = 128 }, "corner 128"},
		{3, func(m *TensorMap) { m.Rank = 2 }, "im2col of rank 2"},
	} {
		m := sampleMaps()[c.sample]
		c.spoil(&m)
		if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error with %q, got %v", c.want, err)
		}
	}
	if _, err := DecodeTensorMap(make([]byte, 128)); err == nil {
		t.Error("128 zero bytes pass for a tensor map")
	}
	if _, err := DecodeTensorMap(nil); err == nil {
		t.Error("no bytes pass for a tensor map")
	}
}

// The units of 16 bytes of the first rows, as the PTX ISA draws them.
func TestTensorSwizzle(t *testing.T) {
	for _, c := range []struct {
		s    TensorSwizzle
		row  int // of 128 bytes
		want [8]uint64
	}{
		{SwizzleNone, 3, [8]uint64{0, 1, 2, 3, 4, 5, 6, 7}},
		{Swizzle32, 0, [8]uint64{0, 1, 2, 3, 4, 5, 6, 7}},
		{Swizzle32, 1, [8]uint64{1, 0, 3, 2, 5, 4, 7, 6}},
		{Swizzle64, 2, [8]uint64{2, 3, 0, 1, 6, 7, 4, 5}},
		{Swizzle64, 3, [8]uint64{3, 2, 1, 0, 7, 6, 5, 4}},
		{Swizzle128, 5, [8]uint64{5, 4, 7, 6, 1, 0, 3, 2}},
		{Swizzle128, 7, [8]uint64{7, 6, 5, 4, 3, 2, 1, 0}},
	} {
		for i, want := range c.want {
			base := uint64(c.row * 128)
			if got := c.s.Apply(base + uint64(i)*16 + 5); got != base+want*16+5 {
				t.Errorf("swizzle %d, row %d, unit %d goes to %#x", c.s.Span(), c.row, i, got)
			}
		}
	}
}

// FuzzTensorMap: what decodes is valid and encodes to a map that decodes to the same.
func FuzzTensorMap(f *testing.F) {
	for _, m := range sampleMaps() {
		b, _ := m.Encode()
		f.Add(b[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeTensorMap(b)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatalf("%+v decodes but does not encode: %v", m, err)
		}
		if got, err := DecodeTensorMap(again[:]); got != m || err != nil {
			t.Fatalf("%+v comes back as %+v, %v", m, got, err)
		}
	})
}
