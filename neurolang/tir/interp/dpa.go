package interp

import (
	"math/bits"

	"tensoros/neurolang/tile"
)

// unit is the arithmetic of one Tensor Core: groups of G products and the accumulator are aligned
// to F fraction bits below the largest exponent, cut, summed exactly, and rounded once.
type unit struct{ g, f int }

// number is one decoded element: value = sig * 2^(exp - frac), frac fixed for the format.
// Zero is sig 0 with exponent -126, as the hardware takes it in the maximum (MMA-Sim,
// arXiv 2511.10909).
type number struct {
	sig int32
	exp int32
}

// special marks Inf and NaN in exp; no finite exponent comes near.
const (
	expInf  = 1 << 20
	expNaN  = 1 << 21
	zeroExp = -126
	nanBits = 0x7fffffff // the only NaN Tensor Cores and f32 arithmetic give
)

// formatInfo describes the formats that dot multiplies: exponent bits, fraction bits kept, and
// bits below the fraction that the unit ignores (tf32 in a 32-bit word, PTX ISA).
type formatInfo struct {
	exp, frac, drop int
	finite          bool // no infinities, and one NaN: e4m3
}

var formats = map[tile.Elem]formatInfo{
	tile.F16: {exp: 5, frac: 10}, tile.BF16: {exp: 8, frac: 7},
	tile.TF32: {exp: 8, frac: 10, drop: 13}, tile.F32: {exp: 8, frac: 23},
	tile.E4M3: {exp: 4, frac: 3, finite: true}, tile.E5M2: {exp: 5, frac: 2},
}

func (f formatInfo) decode(x uint32) number {
	x >>= f.drop
	frac := int32(x & (1<<f.frac - 1))
	e := int32(x>>f.frac) & (1<<f.exp - 1)
	negative := x>>(f.frac+f.exp)&1 != 0
	bias := int32(1)<<(f.exp-1) - 1
	n := number{frac, 1 - bias}
	switch {
	case f.finite && e == 1<<f.exp-1 && frac == 1<<f.frac-1:
		return number{0, expNaN}
	case f.finite && e != 0:
		n = number{frac | 1<<f.frac, e - bias}
	case e == 1<<f.exp-1 && frac != 0:
		return number{0, expNaN}
	case e == 1<<f.exp-1:
		n = number{1, expInf}
	case e != 0:
		n = number{frac | 1<<f.frac, e - bias}
	case frac == 0:
		return number{0, zeroExp}
	}
	if negative {
		n.sig = -n.sig
	}
	return n
}

// dot returns the accumulator (f32 bits) after all groups of a and b, in order.
func (u unit) dot(a, b []number, frac int, acc uint32) uint32 {
	lift := u.f - 2*frac // products have 2*frac fraction bits; F is wider, so no bit is lost yet
	f32 := formats[tile.F32]
	for len(a) > 0 {
		n := min(u.g, len(a))
		c := f32.decode(acc)
		top := c.exp
		ga, gb := a[:n], b[:n:n]
		for i := range ga {
			top = max(top, ga[i].exp+gb[i].exp)
		}
		if top >= expInf/2 {
			acc = specials(ga, gb, c)
		} else {
			// Units with fewer bits than f32 cut the accumulator too.
			sum := align(int64(c.sig)<<max(u.f-23, 0), top-c.exp+int32(max(23-u.f, 0)))
			for i := range ga {
				p := int64(ga[i].sig) * int64(gb[i].sig) << lift
				sum += align(p, top-ga[i].exp-gb[i].exp)
			}
			acc = truncate(sum, int(top)-u.f)
		}
		a, b = a[n:], b[n:]
	}
	return acc
}

// align shifts a sign-magnitude term right and cuts toward zero.
func align(x int64, by int32) int64 {
	s := x >> 63
	return ((x^s-s)>>uint32(by) ^ s) - s
}

// specials gives the result of a group with an Inf or NaN among its terms.
func specials(a, b []number, c number) uint32 {
	pos, neg := c.exp == expInf && c.sig > 0, c.exp == expInf && c.sig < 0
	nan := c.exp == expNaN
	for i := range a {
		x, y := a[i], b[i]
		switch {
		case x.exp == expNaN || y.exp == expNaN:
			nan = true
		case x.exp != expInf && y.exp != expInf:
		case x.sig == 0 || y.sig == 0:
			nan = true // 0 * Inf
		case (x.sig > 0) == (y.sig > 0):
			pos = true
		default:
			neg = true
		}
	}
	switch {
	case nan || pos && neg:
		return nanBits
	case neg:
		return 0xff800000
	}
	return 0x7f800000
}

// truncate rounds sum * 2^scale toward zero to f32 bits; zero is +0, too large is Inf.
func truncate(sum int64, scale int) uint32 {
	if sum == 0 {
		return 0
	}
	sign, mag := uint32(0), uint64(sum)
	if sum < 0 {
		sign, mag = 1<<31, uint64(-sum)
	}
	e := bits.Len64(mag) - 1 + scale
	if e > 127 {
		return sign | 0x7f800000
	}
	shift := 23 - (e - scale) // left shift that puts the leading bit at 23
	if e < -126 {
		shift = scale + 149 // subnormal: units of 2^-149
	}
	if shift >= 0 {
		mag <<= uint(shift)
	} else {
		mag >>= uint(-shift)
	}
	if e < -126 {
		return sign | uint32(mag)
	}
	return sign | uint32(e+127)<<23 | uint32(mag)&(1<<23-1)
}
