package cuda

import (
	"math"
	"math/big"

	"tensoros/hw/num"
)

func fma64(a, b, c float64) float64 { return math.FMA(a, b, c) }

// format is a binary floating-point format, to round to.
type format struct {
	bits, least int // of the significand; exponent of the smallest normal number
	most        float64
}

var (
	fmtF32  = format{24, -126, math.MaxFloat32}
	fmtF16  = format{11, -14, 65504}
	fmtBF16 = format{8, -126, 0x1.fep127}
	fmtE4M3 = format{4, -6, 448}
	fmtE5M2 = format{3, -14, 57344}
)

// modes are the ways to round to an integer.
var (
	nearest = math.RoundToEven
	zero    = math.Trunc
	up      = math.Ceil
	down    = math.Floor
)

// round is the number of a format that is next to x, by mode.
func (f format) round(x float64, mode func(float64) float64) float64 {
	if x == 0 || x != x || math.IsInf(x, 0) {
		return x
	}
	_, e := math.Frexp(x)
	ulp := math.Ldexp(1, max(e-1, f.least)-f.bits+1)
	q := mode(x/ulp) * ulp
	if q == 0 {
		return math.Copysign(0, x)
	}
	if math.Abs(q) <= f.most {
		return q
	}
	// Beyond the largest: infinite, unless the mode looks to zero. Half of 1 says which.
	if away := mode(math.Copysign(0.75, x)); away == 0 {
		return math.Copysign(f.most, x)
	}
	return math.Copysign(math.Inf(1), x)
}

func f32(x float64, mode func(float64) float64) float32 { return float32(fmtF32.round(x, mode)) }

func f16(x float64, mode func(float64) float64) uint16 {
	return num.F32ToF16(float32(fmtF16.round(x, mode)))
}

func bf16(x float64, mode func(float64) float64) uint16 {
	return num.F32ToBF16(float32(fmtBF16.round(x, mode)))
}

// odd makes a result of which something was lost odd, so that it can be rounded again.
func odd(q, lost float64) float64 {
	if lost == 0 || lost != lost || math.Float64bits(q)&1 == 1 {
		return q
	}
	if lost > 0 {
		return math.Nextafter(q, math.Inf(1))
	}
	return math.Nextafter(q, math.Inf(-1))
}

func quotient(x, y float64) float64 {
	q := x / y
	return odd(q, math.FMA(-q, y, x)*math.Copysign(1, y))
}

func root(x float64) float64 {
	q := math.Sqrt(x)
	return odd(q, math.FMA(-q, q, x))
}

// finite are wild floats without infinities and NaN; nonzero has no zeros either.
func finite(n int, seed uint64) []float32 {
	return convert(wild(n, seed), func(x float32) float32 {
		if x-x != 0 {
			return 3.5
		}
		return x
	})
}

func nonzero(n int, seed uint64) []float32 {
	return convert(finite(n, seed), func(x float32) float32 {
		if x == 0 {
			return -0.75
		}
		return x
	})
}

// rows calls f for each pair of elements and joins what it returns.
func rows[T, U, V any](a []T, b []U, f func(x T, y U) []V) (all []V) {
	for i := range a {
		all = append(all, f(a[i], b[i])...)
	}
	return all
}

var floatCases = []Case{
	{Name: "convert/convert_int", Grid: line(3, 64), Args: func() []any {
		v := finite(192, 1)
		return []any{out(rows(v, v, func(x, _ float32) []int32 { return toInts(x) })), in(v)}
	}},
	{Name: "convert/convert_float", Grid: line(3, 64), Args: func() []any {
		v := convert(words(192, 2), func(w uint32) int32 { return int32(w) >> (w % 23) })
		return []any{out(rows(v, v, func(x, _ int32) []float32 { return toFloats(x) })), in(v)}
	}},
	{Name: "convert/convert_half", Grid: line(3, 64), Args: func() []any {
		v := wild(192, 3)
		return []any{out(rows(v, v, func(s, _ float32) []uint16 {
			x := float64(s)
			return []uint16{f16(x, nearest), f16(x, zero), f16(x, up), f16(x, down),
				bf16(x, nearest), bf16(x, zero), f16(-x, nearest), bf16(-x, nearest)}
		})), in(v)}
	}},
	{Name: "convert/round_float", Grid: line(3, 64), Args: func() []any {
		a, b := finite(192, 4), nonzero(192, 5)
		return []any{out(rows(a, b, roundRow)), in(a), in(b)}
	}},
	{Name: "half/half_ops", Grid: line(2, 64), Args: func() []any {
		a, b := halfValues(256, 6), halfValues(256, 7)
		return []any{out(pairs(a, b, 10, halfRow)), in(halves(a)), in(halves(b))}
	}},
	{Name: "half/bfloat_ops", Grid: line(2, 64), Args: func() []any {
		b16 := func(x float32) float32 { return num.BF16ToF32(num.F32ToBF16(x)) }
		a, b := convert(floats(256, 8), b16), convert(floats(256, 9), b16)
		return []any{out(pairs(a, b, 6, bfloatRow)), in(bfloats(a)), in(bfloats(b))}
	}},
	{Name: "half/half_dot", Grid: line(1, 32), Args: func() []any {
		a, b := halfValues(400, 10), halfValues(400, 11)
		want := table(32, func(t int) uint16 {
			var sum [2]float64
			for i := t; i < 200; i += 32 {
				for h := range sum {
					p := float64(a[2*i+h]) * float64(b[2*i+h])
					sum[h] = fmtF16.round(p+sum[h], nearest)
				}
			}
			return f16(sum[0]+sum[1], nearest)
		})
		return []any{out(want), in(halves(a)), in(halves(b)), int32(200)}
	}},
	{Name: "double/double_ops", Grid: line(2, 64), Args: func() []any {
		a, b := doubles(128, 12), doubles(128, 13)
		for i := range b {
			b[i] *= 5
		}
		return []any{out(rows(a, b, doubleRow)), in(a), in(b)}
	}},
	{Name: "double/horner", Grid: line(2, 64), Args: func() []any {
		v := doubles(128, 14)
		return []any{out(convert(v, func(x float64) float64 {
			p := 1.0 / 5040
			for _, c := range []float64{1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1} {
				p = fma64(p, x, c)
			}
			return p
		})), in(v)}
	}},
	{Name: "double/kahan", Grid: line(1, 32), Args: func() []any {
		v := doubles(1000, 15)
		want := table(32, func(t int) (sum float64) {
			lost := 0.0
			for i := t; i < len(v); i += 32 {
				y := v[i] - lost
				next := sum + y
				lost = next - sum - y
				sum = next
			}
			return sum
		})
		return []any{out(want), in(v), int32(1000)}
	}},
	{Name: "double/double_math", Grid: line(2, 64), Args: func() []any {
		v := convert(doubles(128, 16), func(x float64) float64 { return 9 * x })
		return []any{near(rows(v, v, func(x, _ float64) []float64 {
			return []float64{math.Exp(x), math.Log(math.Abs(x)), math.Sin(x),
				math.Pow(math.Abs(x), 1.5)}
		}), 1e-14), in(v)}
	}},
	{Name: "blackscholes/approximate", Grid: line(2, 64), Args: func() []any {
		v := convert(floats(128, 17), func(x float32) float32 { return 3 * x })
		return []any{near(rows(v, v, approximations), 2e-6), in(v)}
	}},
	{Name: "blackscholes/accurate", Grid: line(2, 64), Args: func() []any {
		v := convert(floats(128, 18), func(x float32) float32 { return 9 * x })
		v[0], v[1] = 200.25, -1234.5 // beyond 105615: reduced by the digits of pi in local memory
		v[2], v[3] = 80, -80
		return []any{near(rows(v, v, functions), 4e-6), in(v)}
	}},
	{Name: "blackscholes/options", Grid: line(2, 64), Args: options},
}

// whole numbers: rounded, then as near as the type allows.
func clamp(x float64, mode func(float64) float64, least, most float64) float64 {
	return min(max(mode(x), least), most)
}

func toInts(s float32) []int32 {
	x := float64(s)
	i32 := func(mode func(float64) float64) int32 {
		return int32(clamp(x, mode, math.MinInt32, math.MaxInt32))
	}
	u32 := func(x float64, mode func(float64) float64) uint32 {
		return uint32(clamp(x, mode, 0, math.MaxUint32))
	}
	i64 := func(x float64, mode func(float64) float64) int64 {
		if x = mode(x); x >= 1<<63 {
			return math.MaxInt64
		}
		return int64(max(x, -1<<63))
	}
	return []int32{i32(nearest), i32(zero), i32(up), i32(down), int32(u32(x, nearest)),
		int32(u32(x, zero)), int32(i64(x, nearest) >> 7),
		int32(i64(float64(mul32(s, 65536)), down) >> 16), int32(int8(i32(zero))),
		int32(uint16(u32(math.Abs(x), zero))), int32(clamp(x, nearest, -128, 127)),
		int32(clamp(x, zero, 0, 255))}
}

// exact24 rounds a number that is known exactly to f32.
func exact24(x *big.Float, mode big.RoundingMode) float32 {
	v, _ := new(big.Float).SetMode(mode).SetPrec(24).Set(x).Float32()
	return v
}

func toFloats(x int32) []float32 {
	s, u := big.NewFloat(float64(x)), big.NewFloat(float64(uint32(x)))
	long := new(big.Float).SetPrec(64).SetInt64(int64(x) * 1000003)
	unsigned := new(big.Float).SetPrec(64).SetUint64(uint64(uint32(x)) * 1000003)
	d := big.NewFloat(float64(x) * 1.000000123)
	return []float32{exact24(s, big.ToNearestEven), exact24(s, big.ToZero),
		exact24(s, big.ToPositiveInf), exact24(s, big.ToNegativeInf), exact24(u, big.ToNearestEven),
		exact24(u, big.ToZero), exact24(long, big.ToNearestEven),
		exact24(unsigned, big.ToPositiveInf), exact24(d, big.ToNegativeInf),
		exact24(d, big.ToPositiveInf), float32(int8(x)), float32(uint16(x))}
}

func roundRow(a, b float32) []float32 {
	x, y := float64(a), float64(b)
	sum := fmaOdd(a, 1, b)
	fused := fmaOdd(a, b, a)
	saturated := float32(min(max(x, 0), 1))
	return []float32{float32(nearest(x)), float32(zero(x)), float32(up(x)), float32(down(x)),
		saturated, f32(sum, zero), f32(sum, up), f32(sum, down), f32(x*y, zero), f32(x*y, up),
		f32(fused, down), f32(fused, up), a / b, f32(quotient(1, y), zero),
		f32(root(math.Abs(x)), up), float32(math.Copysign(x, y))}
}

// pairs computes rows of n packed results: element h of a pair is f of the pair's elements h.
func pairs(a, b []float32, n int, f func(x, y float64) []uint16) []uint16 {
	v := make([]uint16, len(a)*n)
	for i := range a {
		for k, r := range f(float64(a[i]), float64(b[i])) {
			v[(i/2*n+k)*2+i%2] = r
		}
	}
	return v
}

func halfRow(x, y float64) []uint16 {
	r := func(x float64) uint16 { return f16(x, nearest) }
	truth := 0.0
	if x > y {
		truth = 1
	}
	return []uint16{r(x + y), r(x * y), r(x - y), r(x*y + x), r(max(x*y+y, 0)), r(min(x, y)),
		r(max(x, y)), r(math.Abs(x)), r(truth), r(min(max(x*y+x, 0), 1))}
}

func bfloatRow(x, y float64) []uint16 {
	r := func(x float64) uint16 { return bf16(x, nearest) }
	return []uint16{r(x + y), r(x * y), r(x*y + x), r(min(x, y)), r(max(x, y)), r(math.Abs(x))}
}

// doubleRow rounds exact results to 53 bits.
func doubleRow(x, y float64) []float64 {
	to := func(mode big.RoundingMode, op func(z, x, y *big.Float) *big.Float) float64 {
		z := new(big.Float).SetPrec(53).SetMode(mode)
		v, _ := op(z, big.NewFloat(x), big.NewFloat(y)).Float64()
		return v
	}
	return []float64{x + y, to(big.ToZero, (*big.Float).Add),
		to(big.ToPositiveInf, (*big.Float).Mul), to(big.ToNegativeInf, (*big.Float).Mul),
		fma64(x, y, 1), x / y,
		math.Sqrt(math.Abs(x)), min(x, y), max(x, -y), math.Floor(x), math.RoundToEven(y),
		float64(float32(x)), float64(int64(x)), 1 / y}
}

func approximations(s, _ float32) []float32 {
	x, p := float64(s), float64(add32(float32(math.Abs(float64(s))), 0.125))
	return single([]float64{math.Exp2(x), math.Log2(p), math.Sin(x), math.Cos(x), 1 / math.Sqrt(p),
		1 / p, x / p, math.Pow(p, x)})
}

func functions(s, _ float32) []float32 {
	x, p := float64(s), float64(add32(float32(math.Abs(float64(s))), 0.125))
	return single([]float64{math.Exp(x), math.Log(p), math.Sin(x),
		math.Cos(float64(mul32(s, 1000))), math.Tan(x), math.Atan(x), math.Cbrt(x), math.Mod(x,
			float64(float32(0.3)))})
}

func options() []any {
	const rate, volatility = 0.02, 0.3
	price := convert(floats(128, 19), func(x float32) float32 { return 17.5 + 12.5*x })
	strike := convert(floats(128, 20), func(x float32) float32 { return 50.5 + 49.5*x })
	years := convert(floats(128, 21), func(x float32) float32 { return 5.2 + 4.9*x })
	var want []float32
	for i := range price {
		s, x, t := float64(price[i]), float64(strike[i]), float64(years[i])
		d1 := (math.Log(s/x) + (rate+volatility*volatility/2)*t) / (volatility * math.Sqrt(t))
		d2 := d1 - volatility*math.Sqrt(t)
		n := func(d float64) float64 { return 0.5 * math.Erfc(-d/math.Sqrt2) }
		e := math.Exp(-rate * t)
		want = append(want, float32(s*n(d1)-x*e*n(d2)), float32(x*e*n(-d2)-s*n(-d1)))
	}
	// The polynomial of the normal distribution is good to 7.5e-8 of the strike.
	return []any{near(want, 2e-5), in(price), in(strike), in(years), float32(rate),
		float32(volatility)}
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// normals: of u near one, lg2.approx is good to 2^-22 of one, and the root widens that.
func normals() []any {
	key := [2]uint32{99, 100}
	var want []float32
	for i := range uint32(192) {
		v := philox([4]uint32{i}, key)
		u := float64(mul32(add32(float32(v[0]), 0.5), 2.3283064e-10))
		angle := float64(mul32(float32(v[1]), 1.4629181e-9))
		r := math.Sqrt(-2 * math.Log(u))
		want = append(want, float32(r*math.Cos(angle)), float32(r*math.Sin(angle)))
	}
	return []any{near(want, rough), Pair(key)}
}
