package num

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"
)

var modes = []Rounding{RNE, RZ, RM, RP, RNA}

// grid is the ascending list of all finite non-negative magnitudes of f, by the encoding's order,
// with the value that overflow rounds against (the next one, were the exponent unbounded).
func grid(f Format) []float64 {
	var g []float64
	for m := uint32(0); m <= f.Max()>>f.Pad; m++ {
		g = append(g, f.Decode(m<<f.Pad))
	}
	n := len(g)
	return append(g, g[n-1]+(g[n-1]-g[n-2]))
}

// refRound rounds by searching the grid and comparing exact distances (math/big).
func refRound(f Format, g []float64, x float64, mode Rounding) uint32 {
	neg := math.Signbit(x)
	mag := math.Abs(x)
	lo, hi := 0, len(g)-1
	for lo+1 < hi { // g[lo] <= mag < g[hi]
		if mid := (lo + hi) / 2; g[mid] <= mag {
			lo = mid
		} else {
			hi = mid
		}
	}
	pick := lo
	if mag >= g[len(g)-1] {
		pick = len(g) - 1
	} else if g[lo] != mag {
		down := new(big.Float).SetPrec(2200).Sub(big.NewFloat(mag), big.NewFloat(g[lo]))
		up := new(big.Float).SetPrec(2200).Sub(big.NewFloat(g[hi]), big.NewFloat(mag))
		c := down.Cmp(up)
		switch mode &^ Sat {
		case RNE:
			if c > 0 || c == 0 && lo&1 == 1 {
				pick = hi
			}
		case RNA:
			if c >= 0 {
				pick = hi
			}
		case RM:
			if neg {
				pick = hi
			}
		case RP:
			if !neg {
				pick = hi
			}
		}
	}
	bits := uint32(pick) << f.Pad
	if pick == len(g)-1 { // overflow
		bits = f.Inf()
		toward := mode == RZ || mode == RM && !neg || mode == RP && neg
		if mode&Sat != 0 || toward {
			bits = f.Max()
		}
	}
	if neg {
		bits |= f.SignBit()
	}
	return bits
}

// TestRoundAroundEveryValue rounds every representable value of the narrow formats, every midpoint
// and their nearest float64 neighbours, in every mode, both signs.
func TestRoundAroundEveryValue(t *testing.T) {
	for _, f := range []Format{E4M3, E5M2, F16, BF16} {
		g := grid(f)
		step := 1
		if len(g) > 1000 {
			step = 7 // coprime to the mantissa's length: every residue is met
		}
		for i := 0; i+1 < len(g); i += step {
			mid := g[i] + (g[i+1]-g[i])/2
			for _, x := range []float64{g[i], math.Nextafter(g[i], math.Inf(1)), mid,
				math.Nextafter(mid, 0), math.Nextafter(mid, math.Inf(1)),
				math.Nextafter(g[i+1], 0)} {
				checkRound(t, f, g, x)
			}
		}
		for _, x := range []float64{math.SmallestNonzeroFloat64, 0x1p-1022, math.MaxFloat64,
			g[len(g)-1], g[len(g)-1] * 1.5, g[1] / 4, g[1] / 1024} {
			checkRound(t, f, g, x)
		}
	}
}

func checkRound(t *testing.T, f Format, g []float64, x float64) {
	t.Helper()
	for _, m := range modes {
		for _, m := range []Rounding{m, m | Sat} {
			for _, x := range []float64{x, -x} {
				if got, want := f.Round(x, m), refRound(f, g, x, m); got != want {
					t.Fatalf("%v.Round(%b, %v) = %#x, want %#x", f, x, m, got, want)
				}
			}
		}
	}
}

// TestRoundWide rounds random values to tf32 and f32 against math/big's own rounding.
func TestRoundWide(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bigModes := map[Rounding]big.RoundingMode{RNE: big.ToNearestEven, RZ: big.ToZero,
		RM: big.ToNegativeInf, RP: big.ToPositiveInf, RNA: big.ToNearestAway}
	for range 20000 {
		x := math.Ldexp(1+r.Float64(), r.IntN(250)-125)
		if r.IntN(4) == 0 { // few bits: ties
			x = math.Ldexp(float64(r.IntN(1<<13)), r.IntN(100)-50)
		}
		if r.IntN(2) == 0 {
			x = -x
		}
		for _, f := range []Format{TF32, F32, BF16} {
			for _, m := range modes {
				b := new(big.Float).SetMode(bigModes[m]).SetPrec(uint(f.ManBits + 1)).SetFloat64(x)
				want, _ := b.Float64()
				if got := f.Decode(f.Round(x, m)); got != want {
					t.Fatalf("%v.Round(%b, %v) = %b, want %b", f, x, m, got, want)
				}
			}
		}
	}
	for range 20000 { // Go's own conversion, subnormals and overflow included
		x := math.Float64frombits(r.Uint64()&^(0x7ff<<52) | uint64(1023-160+r.IntN(300))<<52)
		if got, want := F32.Round(x, RNE), math.Float32bits(float32(x)); got != want {
			t.Fatalf("F32.Round(%b) = %#x, want %#x", x, got, want)
		}
	}
}

// domain calls f for every storage word of a narrow format.
func domain(f Format, do func(bits uint32)) {
	for b := range uint32(1) << f.Bits {
		do(b)
	}
}

// TestRoundTrip: every value of a format rounds to itself in every mode; NaN to the canonical one.
func TestRoundTrip(t *testing.T) {
	for _, f := range []Format{E4M3, E5M2, F16, BF16} {
		domain(f, func(b uint32) {
			want := b
			if f.IsNaN(b) {
				want = f.NaN
			}
			for _, m := range modes {
				if got := f.Round(f.Decode(b), m); got != want {
					t.Fatalf("%v %#x %v: comes back as %#x", f, b, m, got)
				}
			}
		})
	}
}

// TestMonotone: on the whole domain, a larger encoding is a larger value.
func TestMonotone(t *testing.T) {
	for _, f := range []Format{E4M3, E5M2, F16, BF16} {
		last := -1.0
		for b := uint32(0); b <= f.Max(); b++ {
			v := f.Decode(b)
			if !(v > last) || f.Decode(b|f.SignBit()) != -v {
				t.Fatalf("%v %#x: %v after %v", f, b, v, last)
			}
			last = v
		}
	}
}

// TestKnown pins values of the OCP OFP8 1.0 and IEEE 754 tables.
func TestKnown(t *testing.T) {
	for _, x := range []struct {
		f    Format
		bits uint32
		want float64
	}{
		{E4M3, 0x7e, 448}, {E4M3, 0x01, 0x1p-9}, {E4M3, 0x08, 0x1p-6}, {E4M3, 0x78, 256},
		{E5M2, 0x7b, 57344}, {E5M2, 0x01, 0x1p-16}, {E5M2, 0x04, 0x1p-14},
		{E5M2, 0x7c, math.Inf(1)}, {E5M2, 0xfc, math.Inf(-1)},
		{F16, 0x7bff, 65504}, {F16, 0x0001, 0x1p-24}, {F16, 0x3c00, 1}, {F16, 0xc000, -2},
		{BF16, 0x3f80, 1}, {BF16, 0x7f7f, 0x1.fep127}, {BF16, 0x0001, 0x1p-133},
		{TF32, 0x3f801fff, 1}, {TF32, 0x3f802000, 1 + 0x1p-10}, {F32, 1, 0x1p-149},
		{S8, 0x80, -128}, {S8, 0x7f, 127}, {U8, 0xff, 255}, {S4, 0x18, -8}, {S4, 0x7, 7},
		{U4, 0xff, 15}, {B1, 3, 1}, {S32, 0xffffffff, -1},
	} {
		if got := x.f.Decode(x.bits); got != x.want {
			t.Errorf("%v.Decode(%#x) = %v, want %v", x.f, x.bits, got, x.want)
		}
	}
	for _, b := range []uint32{0x7f, 0xff} {
		if !math.IsNaN(E4M3.Decode(b)) {
			t.Errorf("e4m3 %#x is not NaN", b)
		}
	}
	for f, n := range map[Format]int{E4M3: 2, E5M2: 6, F16: 2046, BF16: 254} {
		nans := 0
		domain(f, func(b uint32) {
			if f.IsNaN(b) {
				nans++
			}
		})
		if nans != n {
			t.Errorf("%v has %d NaNs, want %d", f, nans, n)
		}
	}
}

// TestFastAgainstTable holds the fast paths to the generic ones: whole domains one way, the
// neighbourhood of every value and midpoint the other.
func TestFastAgainstTable(t *testing.T) {
	widen := map[Format]func(uint32) float32{
		F16:  func(b uint32) float32 { return F16ToF32(uint16(b)) },
		BF16: func(b uint32) float32 { return BF16ToF32(uint16(b)) },
		E4M3: func(b uint32) float32 { return E4M3ToF32(uint8(b)) },
		E5M2: func(b uint32) float32 { return E5M2ToF32(uint8(b)) },
	}
	narrow := map[Format]func(float32) uint32{
		F16:  func(x float32) uint32 { return uint32(F32ToF16(x)) },
		BF16: func(x float32) uint32 { return uint32(F32ToBF16(x)) },
		E4M3: func(x float32) uint32 { return uint32(F32ToE4M3(x)) },
		E5M2: func(x float32) uint32 { return uint32(F32ToE5M2(x)) },
	}
	for _, f := range []Format{F16, BF16, E4M3, E5M2} {
		mode := RNE
		if f.Bits == 8 {
			mode = RNE | Sat
		}
		domain(f, func(b uint32) {
			x, want := widen[f](b), f.Decode(b)
			if math.Float64bits(float64(x)) != math.Float64bits(want) && x == x {
				t.Fatalf("%v %#x widens to %v, want %v", f, b, x, want)
			}
			w := math.Float32bits(x)
			half := uint32(1) << (F32.ManBits - f.ManBits - 1)
			for _, y := range []uint32{w, w + 1, w - 1, w + half, w + half - 1, w + half + 1} {
				y := math.Float32frombits(y)
				if got, want := narrow[f](y), f.Round(float64(y), mode); got != want {
					t.Fatalf("%v of %b = %#x, want %#x", f, y, got, want)
				}
			}
		})
	}
}

// TestNarrow8 covers random floats of the range of fp8, ties among them.
func TestNarrow8(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 300000 {
		b := r.Uint32()&0x807fffff | uint32(100+r.IntN(50))<<23
		if r.IntN(2) == 0 {
			b &^= 0x7ffff
		}
		x := math.Float32frombits(b)
		if got, want := F32ToE4M3(x), E4M3.Round(float64(x), RNE|Sat); uint32(got) != want {
			t.Fatalf("F32ToE4M3(%b) = %#x, want %#x", x, got, want)
		}
		if got, want := F32ToE5M2(x), E5M2.Round(float64(x), RNE|Sat); uint32(got) != want {
			t.Fatalf("F32ToE5M2(%b) = %#x, want %#x", x, got, want)
		}
	}
}

func TestTF32(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 100000 {
		b := r.Uint32()
		x := math.Float32frombits(b)
		if got, want := F32ToTF32(x), TF32.Round(float64(x), RNA); got != want {
			t.Fatalf("F32ToTF32(%#x) = %#x, want %#x", b, got, want)
		}
		if x == x && TF32Trunc(b) != TF32.Round(float64(x), RZ) {
			t.Fatalf("TF32Trunc(%#x) = %#x", b, TF32Trunc(b))
		}
	}
}

// TestWitness compares f16 with an independent implementation: all 65,536 values one way, random
// and boundary floats the other. NaN payloads are a convention and left out.
func TestWitness(t *testing.T) {
	domain(F16, func(b uint32) {
		x, want := F16ToF32(uint16(b)), float16.Frombits(uint16(b)).Float32()
		if x != want && x == x {
			t.Fatalf("%#x: %v, want %v", b, x, want)
		}
	})
	r := rand.New(rand.NewPCG(5, 5))
	for range 300000 {
		b := r.Uint32()
		if r.IntN(2) == 0 { // within the range of f16, near ties
			b = b&0x80000000 | uint32(100+r.IntN(50))<<23 | b&0x7fffff&^uint32(r.IntN(2)*0xfff)
		}
		x := math.Float32frombits(b)
		if got, want := F32ToF16(x), float16.Fromfloat32(x).Bits(); got != want && x == x {
			t.Fatalf("F32ToF16(%#x) = %#x, want %#x", b, got, want)
		}
	}
}

// TestPack: sig * 2^exp with 64-bit significands, against Round where a float64 holds them and
// against truncation by hand where not.
func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for range 50000 {
		sig, exp := r.Uint64()>>r.IntN(64)>>11, r.IntN(400)-200
		x := math.Ldexp(float64(sig), exp)
		for _, f := range Formats {
			for _, m := range modes {
				if got, want := f.Pack(true, sig, exp, m), f.Round(-x, m); got != want {
					t.Fatalf("%v.Pack(%#x, %d, %v) = %#x, want %#x", f, sig, exp, m, got, want)
				}
			}
		}
	}
	// 2^63 + 1: the last bit decides in RP and is lost to a float64.
	if got := F32.Pack(false, 1<<63+1, 0, RP); got != 0x5f000001 {
		t.Errorf("2^63+1 up = %#x", got)
	}
	if got := F32.Pack(false, 1<<63+1<<39+1, 0, RNE); got != 0x5f000001 {
		t.Errorf("just above a tie = %#x", got)
	}
}

func FuzzRound(f *testing.F) {
	for _, x := range []float64{0, 1, 65519.99, 65520, 448, 464, 0x1p-25, math.Inf(1), math.NaN()} {
		f.Add(x, uint8(0))
	}
	f.Fuzz(func(t *testing.T, x float64, m uint8) {
		mode := modes[int(m)%len(modes)]
		for _, f := range Formats {
			down, got, up := f.Decode(f.Round(x, RM)), f.Decode(f.Round(x, mode)),
				f.Decode(f.Round(x, RP))
			if f == E4M3 && math.Abs(x) > 448 || x != x {
				continue
			}
			if !(down <= x && x <= up && (got == down || got == up)) {
				t.Fatalf("%v of %b %v: %v not in [%v, %v]", f, x, mode, got, down, up)
			}
		}
	})
}

func ExampleFormat_Round() {
	fmt.Printf("%#x %#x\n", F16.Round(1.0/3, RNE), F16.Round(1.0/3, RP))
	fmt.Printf("%#x %#x\n", E4M3.Round(1000, RNE), E4M3.Round(1000, RNE|Sat))
	// Output:
	// 0x3555 0x3556
	// 0x7f 0x7e
}

var (
	sink32 uint32
	sinkF  float32
)

func BenchmarkF16ToF32(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sinkF += F16ToF32(uint16(i))
	}
}

func BenchmarkF32ToF16(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sink32 += uint32(F32ToF16(float32(i)))
	}
}

func BenchmarkF32ToBF16(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sink32 += uint32(F32ToBF16(float32(i)))
	}
}

func BenchmarkF32ToE4M3(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sink32 += uint32(F32ToE4M3(float32(i & 1023)))
	}
}

func BenchmarkRound(b *testing.B) {
	for _, f := range Formats {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				sink32 += f.Round(float64(i)*0.001, RNE)
			}
		})
	}
}
