package ir

import (
	"math"
	"strings"
	"testing"

	"tensoros/neurolang/tile"
)

const matmulText = "kernel @matmul(%A: 32x32xf16.row, %B: 32x32xf16.col, " +
	"%C: 32x32xf32.row) -> 32x32xf16.row at 2:4 {\n" + `  %0 = dot %A, %B : 32x32xf32.row at 6:12
  %1 = splat 0.5 : 32x32xf32.row
  %2 = mul %0, %1 : 32x32xf32.row
  %3 = add %2, %C : 32x32xf32.row
  %4 = relu %3 : 32x32xf32.row
  %5 = cast %4 : 32x32xf16.row
  return %5
}
`

func mustParse(t testing.TB, text string) *Kernel {
	t.Helper()
	k, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTextRoundTrip(t *testing.T) {
	if got := mustParse(t, matmulText).String(); got != matmulText {
		t.Errorf("got\n%s\nwant\n%s", got, matmulText)
	}
}

func TestVerifierRejects(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"dot %A, %B", "dot %B, %C", "no Tile"},
		{"mul %0, %1", "mul %0, %3", "not defined"},
		{"%B: 32x32", "%B: 64x32", "is no Tile"},
		{"%5 = cast %4 : 32x32xf16.row\n  return %5", "%4 = cast %4 : 32x32xf16.row\n  return %4",
			"defined twice"},
		{"return %5", "return %4", "returns"},
		{"cast %4", "neg %4", "gives no"},
		{"relu", "frobnicate", "unknown operation"},
		{"%C: 32x32xf32", "%C: 32x32xf64", "unusable"},
		{"}\n", "}\nmore", "after the kernel"},
	} {
		_, err := Parse(strings.Replace(matmulText, c.from, c.to, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s: %v, want %q", c.from, c.to, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(matmulText)
	f.Add("kernel @k() -> 1x1xf32.row {\n %0 = splat nan : 1x1xf32.row\n return %0 }")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(k.String())
		if err != nil || again.String() != k.String() {
			t.Fatalf("%v\n%s\n%s", err, k, again)
		}
	})
}

// hand-worked groups: what falls below F bits is lost, and which architecture loses it.
func TestGroupArithmetic(t *testing.T) {
	f16 := formats[tile.F16]
	one, tiny := f16.decode(0x3c00), f16.decode(0x0400) // 1, 2^-14
	zero := f16.decode(0)
	for _, c := range []struct {
		name string
		u    unit
		a, b []number
		acc  float32
		want float32
	}{
		{"exact", unit{8, 24}, []number{one, one}, []number{one, tiny}, 2, 3 + 0x1p-14},
		{"lost at F=24", unit{8, 24}, []number{tiny, tiny}, []number{tiny, tiny}, 1, 1},
		{"zero sum is +0", unit{8, 24}, []number{zero}, []number{one}, float32(math.Copysign(0,
			-1)), 0},
		// 2^-14*2^-11 = 2^-25 twice: F=25 keeps them, but f32 truncates the sum.
		{"kept and truncated", unit{16, 25}, []number{tiny}, []number{f16.decode(0x1000)}, 1, 1},
		{"truncation is toward zero", unit{16, 25}, []number{one}, []number{one}, -0x1p-25,
			1 - 0x1p-24},
	} {
		got := c.u.dot(c.a, c.b, f16.frac, math.Float32bits(c.acc))
		if got != math.Float32bits(c.want) {
			t.Errorf("%s: %x (%v), want %x (%v)", c.name, got, math.Float32frombits(got),
				math.Float32bits(c.want), c.want)
		}
	}
}

func TestSpecials(t *testing.T) {
	f := formats[tile.F16]
	inf, ninf, nan, one, zero := uint32(0x7c00), uint32(0xfc00), uint32(0x7e00), uint32(0x3c00),
		uint32(0)
	for _, c := range []struct{ a, b, acc, want uint32 }{
		{inf, one, 0, 0x7f800000}, {ninf, one, 0, 0xff800000}, {inf, zero, 0, nanBits},
		{inf, one, 0xff800000, nanBits}, {nan, one, 0, nanBits}, {one, one, 0x7f800000, 0x7f800000},
		{one, one, 0x7fc00000, nanBits}, {ninf, ninf, 0, 0x7f800000},
	} {
		got := unit{8, 24}.dot([]number{f.decode(c.a)}, []number{f.decode(c.b)}, f.frac, c.acc)
		if got != c.want {
			t.Errorf("%04x*%04x+%08x = %08x, want %08x", c.a, c.b, c.acc, got, c.want)
		}
	}
}

// random fills a matrix from a fixed linear congruential sequence.
func random(rows, cols int, e tile.Elem, l tile.Layout, seed uint32) Matrix {
	m := NewMatrix(rows, cols, e, l)
	for i := 0; i < rows; i++ {
		for j := 0; j < cols; j++ {
			seed = seed*1664525 + 1013904223
			m.Set(i, j, (float64(seed>>8)/(1<<23)-1)*math.Ldexp(1, int(seed>>4&7)-4))
		}
	}
	return m
}

func TestWithinBound(t *testing.T) {
	for _, e := range []tile.Elem{tile.F16, tile.BF16, tile.TF32} {
		for _, target := range []int{80, 90} {
			k := mustParse(t, strings.ReplaceAll(matmulText, "xf16.row, %B: 32x32xf16.col",
				"x"+e.String()+".row, %B: 32x32x"+e.String()+".col"))
			in := []Matrix{random(64, 96, e, tile.RowMajor, 1), random(96, 32, e, tile.ColMajor, 2),
				random(64, 32, tile.F32, tile.RowMajor, 3)}
			out, err := Interpret(k, target, in)
			if err != nil {
				t.Fatal(err)
			}
			ref, bound, err := Reference(k, target, in)
			if err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i := range ref {
				d := math.Abs(out.At(i/32, i%32) - ref[i])
				if d > bound[i] {
					t.Fatalf("%s sm_%d element %d: |%v - %v| > %v", e, target, i, out.At(i/32,
						i%32),
						ref[i], bound[i])
				}
				worst = max(worst, d/bound[i])
			}
			if worst < 1e-4 {
				t.Errorf("%s sm_%d: the bound is far off: worst use %g", e, target, worst)
			}
		}
	}
}

func TestLayoutsGiveTheSameBits(t *testing.T) {
	k := mustParse(t, matmulText)
	kr := mustParse(t, strings.ReplaceAll(matmulText, "f16.col", "f16.row"))
	a, c := random(32, 64, tile.F16, tile.RowMajor, 1), random(32, 32, tile.F32, tile.RowMajor, 3)
	x, _ := Interpret(k, 90, []Matrix{a, random(64, 32, tile.F16, tile.ColMajor, 2), c})
	y, err := Interpret(kr, 90, []Matrix{a, random(64, 32, tile.F16, tile.RowMajor, 2), c})
	if err != nil || string(x.Data) != string(y.Data) {
		t.Errorf("layouts change the result: %v", err)
	}
}

func TestShapeErrors(t *testing.T) {
	k := mustParse(t, matmulText)
	a, c := random(32, 64, tile.F16, tile.RowMajor, 1), random(32, 32, tile.F32, tile.RowMajor, 3)
	for name, in := range map[string][]Matrix{
		"count": {a}, "inner": {a, random(32, 32, tile.F16, tile.ColMajor, 2), c},
		"layout": {a, random(64, 32, tile.F16, tile.RowMajor, 2), c},
		"tiles":  {a, random(64, 40, tile.F16, tile.ColMajor, 2), c},
		"bytes":  {a, {64, 32, tile.F16, tile.ColMajor, nil}, c},
	} {
		if _, err := Interpret(k, 90, in); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkInterpret512(b *testing.B) {
	k := mustParse(b, "kernel @m(%A: 128x128xf16.row, %B: 128x128xf16.col) -> 128x128xf32.row "+
		"{ %0 = dot %A, %B : 128x128xf32.row return %0 }")
	in := []Matrix{random(512, 512, tile.F16, tile.RowMajor, 1), random(512, 512, tile.F16,
		tile.ColMajor, 2)}
	for b.Loop() {
		if _, err := Interpret(k, 90, in); err != nil {
			b.Fatal(err)
		}
	}
}
