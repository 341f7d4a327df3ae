package interp

import (
	"math"
	"math/big"
	"testing"

	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

const scale = `kernel @scale {
  param x: f32[M,N] row read
  param s: f32
  out y: f32[N,M] row write
  axis i: M / 4
  axis j: N / 8
} (%0: f32) {
  %1 = program {axis=0} : i32
  %2 = const {value=4} : i32
  %3 = mul %1, %2 : i32
  %4 = program {axis=1} : i32
  %5 = const {value=8} : i32
  %6 = mul %4, %5 : i32
  %7 = load {param=0, sizes=4 8} %3, %6 : f32[4,8]
  %8 = broadcast %0 : f32[4,8]
  %9 = mul %7, %8 : f32[4,8]
  %10 = transpose {perm=1 0} %9 : f32[8,4]
  store {param=2, sizes=8 4} %10, %6, %3
  yield
}`

func parse(t *testing.T, text string) *tir.Kernel {
	t.Helper()
	k, err := tir.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestEdgesAreMasked(t *testing.T) {
	x, y := NewTensor(tile.F32, tile.RowMajor, 5, 11), NewTensor(tile.F32, tile.RowMajor, 11, 5)
	for i := range 55 {
		x.Set(i, float64(i))
	}
	err := Run(parse(t, scale), []*Tensor{x, nil, y}, []float64{0, 3, 0}, Options{Target: 90})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		for j := range 11 {
			if got := y.At(j*5 + i); got != float64(3*(i*11+j)) {
				t.Errorf("%d %d: %g", i, j, got)
			}
		}
	}
}

func TestDimensionsMustAgree(t *testing.T) {
	x, y := NewTensor(tile.F32, tile.RowMajor, 4, 8), NewTensor(tile.F32, tile.RowMajor, 8, 5)
	if err := Run(parse(t, scale), []*Tensor{x, nil, y}, []float64{0, 3, 0},
		Options{}); err == nil {
		t.Error("no complaint")
	}
}

// TestFma holds the single rounding against big.Float.
func TestFma(t *testing.T) {
	s := uint32(1)
	random := func() float64 {
		s = s*1664525 + 1013904223
		e := int(s>>20&31) - 16
		return float64(float32(math.Ldexp(float64(int32(s<<8))/0x1p31, e)))
	}
	for range 200000 {
		x, y, z := random(), random(), random()
		p := new(big.Float).SetPrec(400).Mul(big.NewFloat(x), big.NewFloat(y))
		want, _ := new(big.Float).SetPrec(400).Add(p, big.NewFloat(z)).Float32()
		if got := fma(tile.F32, x, y, z); got != float64(want) {
			t.Fatalf("%g*%g+%g = %g, not %g", x, y, z, got, want)
		}
	}
}

// TestNarrow holds the way over binary32 against rounding at once.
func TestNarrow(t *testing.T) {
	for _, x := range []float64{1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11 - 0x1p-40,
		-1 - 0x1p-11 - 0x1p-40,
		3 * 0x1p-25, 0x1p-25 + 0x1p-60, 65519.999999, 65520} {
		lo := round(tile.F16, x)
		p, _ := new(big.Float).SetPrec(11).SetMode(big.ToNearestEven).SetFloat64(x).Float64()
		if math.Abs(x) > 0x1p-14 && math.Abs(x) < 65520 && lo != p {
			t.Errorf("%x: %x, not %x", x, lo, p)
		}
	}
	if round(tile.F16, 0x1p-25+0x1p-60) != 0x1p-24 || !math.IsInf(round(tile.F16, 65520), 1) {
		t.Error("the ends of f16")
	}
}

// TestPhilox holds known answers of Random123 (kat_vectors, philox4x32 10).
func TestPhilox(t *testing.T) {
	if got := Philox(0, 0, 0, 0, 0, 0); got != [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
		0x9b00dbd8} {
		t.Errorf("%x", got)
	}
	if got := Philox(^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0),
		^uint32(0)); got != [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd} {
		t.Errorf("%x", got)
	}
}

func TestLoopsAndSums(t *testing.T) {
	k := parse(t, `kernel @f {
  param x: i32[N] row read
  out y: i32[4] row write
} () {
  %0 = const {value=0} : i32
  %1 = extent {sym=N} : i32
  %2 = const {value=4} : i32
  %3 = const {value=0} : i32[4]
  %4 = for {stages=0} %0, %1, %2, %3 : i32[4] (%5: i32, %6: i32[4]) {
    %7 = load {param=0, sizes=4} %5 : i32[4]
    %8 = add %6, %7 : i32[4]
    yield %8
  }
  %9 = scan {by=add, axis=0} %4 : i32[4]
  %10 = reduce {by=add, axis=0} %4 : i32[1]
  %11 = broadcast %10 : i32[4]
  %12 = sub %11, %9 : i32[4]
  store {param=1, sizes=4} %12, %0
  yield
}`)
	x, y := NewTensor(tile.I32, tile.RowMajor, 10), NewTensor(tile.I32, tile.RowMajor, 4)
	for i := range 10 {
		x.Set(i, float64(i))
	}
	if err := Run(k, []*Tensor{x, y}, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	// columns 0+4+8, 1+5+9, 2+6, 3+7; their sum 45 less the running one
	for i, want := range []float64{33, 18, 10, 0} {
		if y.At(i) != want {
			t.Errorf("%d: %g, not %g", i, y.At(i), want)
		}
	}
}
