package cuda

import "math"

// Inputs come from a counter, so element i of a seed is always the same.

// word is a permutation of a counter (SplitMix64, Steele et al., OOPSLA 2014).
func word(seed, i uint64) uint64 {
	z := seed<<40 + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// make1 is a slice whose elements f makes of random words.
func make1[T any](n int, seed uint64, f func(w uint64) T) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = f(word(seed, uint64(i)))
	}
	return v
}

func words(n int, seed uint64) []uint32 {
	return make1(n, seed, func(w uint64) uint32 { return uint32(w >> 32) })
}

func longs(n int, seed uint64) []uint64 {
	return make1(n, seed, func(w uint64) uint64 { return w })
}

func octets(n int, seed uint64) []uint8 {
	return make1(n, seed, func(w uint64) uint8 { return uint8(w >> 32) })
}

// ints are within -limit .. limit-1.
func ints(n int, seed uint64, limit int32) []int32 {
	return make1(n, seed, func(w uint64) int32 {
		return int32(w>>33)%(2*limit) - limit
	})
}

// below are within 0 .. limit-1.
func below(n int, seed uint64, limit uint32) []uint32 {
	return make1(n, seed, func(w uint64) uint32 { return uint32(w>>32) % limit })
}

// floats are within -1 .. 1, with all bits of their significands in use.
func floats(n int, seed uint64) []float32 {
	return make1(n, seed, func(w uint64) float32 { return float32(int64(w)) * 0x1p-63 })
}

func doubles(n int, seed uint64) []float64 {
	return make1(n, seed, func(w uint64) float64 { return float64(int64(w)) * 0x1p-63 })
}

// wholes are floats that are integers within -limit .. limit-1: their sums are exact in any order.
func wholes(n int, seed uint64, limit int32) []float32 {
	return convert(ints(n, seed, limit), func(v int32) float32 { return float32(v) })
}

// wild are floats of all magnitudes, with zeros, infinities and NaN among them.
func wild(n int, seed uint64) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -2.5, 1.5, 0x1p-149,
		-0x1p-126, math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)),
		float32(math.NaN()), 65504, 65520, -65536, 448, 480, 57344, 2147483648, -2147483904,
		8388607.5, 255.5, -128.5}
	v := make1(n, seed, func(w uint64) float32 { return math.Float32frombits(uint32(w >> 32)) })
	for i := range v {
		if i < len(special) {
			v[i] = special[i]
		} else if i%2 == 0 {
			v[i] = float32(int64(word(seed+1, uint64(i)))) * 0x1p-52 // within 2048
		}
	}
	return v
}

func convert[T, U any](v []T, f func(T) U) []U {
	w := make([]U, len(v))
	for i := range v {
		w[i] = f(v[i])
	}
	return w
}

// table is n values of a function of their index.
func table[T any](n int, f func(i int) T) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = f(i)
	}
	return v
}

// fma32 is a*b+c with one rounding. The product is exact in double precision; the sum is rounded to
// odd there, so that rounding it again is as if from the exact sum (Boldo and Melquiond, 2008).
func fma32(a, b, c float32) float32 { return float32(fmaOdd(a, b, c)) }

func fmaOdd(a, b, c float32) float64 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	if math.IsInf(s, 0) || s != s {
		return s
	}
	v := s - p
	lost := (p - (s - v)) + (z - v)
	if lost == 0 || math.Float64bits(s)&1 == 1 {
		return s
	}
	if (lost > 0) == (s > 0) {
		return math.Float64frombits(math.Float64bits(s) + 1)
	}
	return math.Float64frombits(math.Float64bits(s) - 1)
}

// mul32 and add32 round at once, so that no compiler of Go fuses them.
func mul32(a, b float32) float32 { return float32(a * b) }
func add32(a, b float32) float32 { return float32(a + b) }

// butterfly adds 32 lanes as __shfl_xor_sync from 16 down to 1 does; all lanes get the same.
func butterfly(lanes [32]float32) float32 {
	for d := 16; d > 0; d /= 2 {
		var next [32]float32
		for l := range lanes {
			next[l] = add32(lanes[l], lanes[l^d])
		}
		lanes = next
	}
	return lanes[0]
}
