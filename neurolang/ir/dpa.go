package ir

import (
	"fmt"
	"math"
	"math/bits"

	"tensoros/hw/num"
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
type formatInfo struct{ exp, frac, drop int }

var formats = map[tile.Elem]formatInfo{
	tile.F16: {5, 10, 0}, tile.BF16: {8, 7, 0}, tile.TF32: {8, 10, 13}, tile.F32: {8, 23, 0},
}

func (f formatInfo) decode(x uint32) number {
	x >>= f.drop
	frac := int32(x & (1<<f.frac - 1))
	e := int32(x>>f.frac) & (1<<f.exp - 1)
	negative := x>>(f.frac+f.exp)&1 != 0
	bias := int32(1)<<(f.exp-1) - 1
	n := number{frac, 1 - bias}
	switch {
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
			sum := align(int64(c.sig)<<(u.f-23), top-c.exp)
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

// Matrix is a whole tensor of a kernel: its memory image, little endian, in its layout.
type Matrix struct {
	Rows, Cols int
	Elem       tile.Elem
	Layout     tile.Layout
	Data       []byte
}

func (m *Matrix) check(name string) error {
	if want := m.Rows * m.Cols * m.Elem.Size(); len(m.Data) != want || m.Rows < 1 || m.Cols < 1 {
		return fmt.Errorf("%s: %dx%d %s takes %d bytes, has %d", name, m.Rows, m.Cols, m.Elem, want,
			len(m.Data))
	}
	return nil
}

// bits returns the raw element at (row, col).
func (m *Matrix) bits(row, col int) uint32 {
	i := m.Layout.Index(row, col, m.Rows, m.Cols)
	if m.Elem.Size() == 2 {
		return uint32(m.Data[2*i]) | uint32(m.Data[2*i+1])<<8
	}
	d := m.Data[4*i:]
	return uint32(d[0]) | uint32(d[1])<<8 | uint32(d[2])<<16 | uint32(d[3])<<24
}

func (m *Matrix) set(row, col int, v uint32) {
	i := m.Layout.Index(row, col, m.Rows, m.Cols)
	if m.Elem.Size() == 2 {
		m.Data[2*i], m.Data[2*i+1] = byte(v), byte(v>>8)
		return
	}
	d := m.Data[4*i:]
	d[0], d[1], d[2], d[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

// NewMatrix returns a zero matrix.
func NewMatrix(rows, cols int, e tile.Elem, l tile.Layout) Matrix {
	return Matrix{rows, cols, e, l, make([]byte, rows*cols*e.Size())}
}

// At returns the element at (row, col) as a number.
func (m *Matrix) At(row, col int) float64 { return float64(toF32(m.Elem, m.bits(row, col))) }

// Set stores v at (row, col), rounded to nearest even.
func (m *Matrix) Set(row, col int, v float64) { m.set(row, col, fromF32(m.Elem, float32(v))) }

// toF32 is exact: every format here is contained in binary32.
func toF32(e tile.Elem, x uint32) float32 {
	switch e {
	case tile.F16:
		return num.F16ToF32(uint16(x))
	case tile.BF16:
		return num.BF16ToF32(uint16(x))
	case tile.TF32:
		return math.Float32frombits(num.TF32Trunc(x))
	}
	return math.Float32frombits(x)
}

// fromF32 rounds to nearest even, tf32 to nearest away from zero (its only cvt is .rna).
func fromF32(e tile.Elem, v float32) uint32 {
	switch e {
	case tile.F16:
		return uint32(num.F32ToF16(v))
	case tile.BF16:
		return uint32(num.F32ToBF16(v))
	case tile.TF32:
		return num.F32ToTF32(v)
	}
	return math.Float32bits(v)
}
