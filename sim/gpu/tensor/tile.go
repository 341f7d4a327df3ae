package tensor

import "tensoros/hw/num"

const (
	rows = 16 // of A and C
	cols = 8  // of B and C
	maxK = 32
	maxF = 27 // scaled significands must fit 16 bits: see preShift
)

// never is a field value that no element has.
const never = 1<<32 - 1

// Exponents that mark operands which are not finite; far above any sum of finite ones, and small
// enough for 16-bit arithmetic.
const (
	expInf = 4096
	expNaN = 8192
)

// tile is one 16x8xK problem after decoding. Column j of the tile is column n of the matrix in the
// order 0 2 4 6 1 3 5 7, so that a row of C is two runs of four lanes as they lie in the registers.
// The assembly knows this layout: see the offsets in kernel_amd64.s.
type tile struct {
	as [rows][maxK]int32 // significands with sign, scaled by 2^(fracBits+aShift)
	ae [rows][maxK]int32 // exponents
	//lint:ignore U1000 only the assembly reads it
	bs [maxK][cols]int32 // significands, the low 16 bits (high bits 0, for VPMADDWD)
	//lint:ignore U1000 only the assembly reads it
	be [maxK][cols]int32
	c  [rows][cols]uint32 // accumulator bits in, result bits out
}

// column gives the tile column of matrix column n.
func column(n int) int { return n&1*4 + n>>1 }

// fracBits is the number of fraction bits every significand is brought to: that of f16 and tf32,
// the longest.
const fracBits = 10

// codec decodes one operand format to (significand, exponent).
type codec struct {
	format        num.Format
	bits          uint   // element width in the register
	pad, man      uint   // dropped low bits, fraction bits
	expMask, mask uint32 // of the exponent field, of the fraction, both shifted down
	bias          int32
	shift         uint // brings the significand to its scale
	zeroExp       int32
	infField      uint32 // exponent field of Inf and NaN; beyond the mask where there is none
	nanMag        uint32 // NaN magnitude of formats without Inf

	table []element8 // whole domain of an 8-bit format, or nil
}

// element8 is a decoded element of an 8-bit format.
type element8 struct{ s, e int32 }

// newCodec scales significands by 2^(fracBits+extra).
func newCodec(f num.Format, zeroExp, extra int) codec {
	c := codec{
		format: f, bits: uint(f.Bits), pad: uint(f.Pad), man: uint(f.ManBits),
		expMask: 1<<f.ExpBits - 1, mask: 1<<f.ManBits - 1, bias: int32(f.Bias),
		shift: uint(fracBits - f.ManBits + extra), zeroExp: int32(zeroExp),
		infField: 1<<f.ExpBits - 1, nanMag: never,
	}
	if f.Special == num.NaNOnly {
		c.infField, c.nanMag = never, f.NaN
	}
	if f.Bits == 8 {
		table := make([]element8, 256)
		for i := range table {
			table[i].s, table[i].e = c.decode(uint32(i))
		}
		c.table = table
	}
	return c
}

// decodeRun decodes the elements of the words; element i goes to place at[i]. It reports an Inf or
// NaN.
func (c *codec) decodeRun(words []uint32, at []uint8, s, e *[maxK]int32) (odd bool) {
	per := len(at) / 4
	top := int32(0)
	for i, w := range words {
		for _, p := range at[i*per:][:per] {
			var sig, exp int32
			if c.table != nil {
				x := c.table[w&0xff]
				sig, exp = x.s, x.e
			} else {
				sig, exp = c.decode(w)
			}
			s[p&(maxK-1)], e[p&(maxK-1)] = sig, exp
			top = max(top, exp)
			w >>= c.bits & 31
		}
	}
	return top >= expInf
}

// decode gives the scaled significand with its sign and the exponent; Inf and NaN have exponents
// from expInf and a significand that is not zero.
func (c *codec) decode(w uint32) (s, e int32) {
	mag := w >> c.pad & (1<<(c.bits-1-c.pad) - 1)
	neg := -int32(w >> (c.bits - 1) & 1)
	field := mag >> c.man
	frac := mag & c.mask
	if mag == 0 {
		return 0, c.zeroExp
	}
	if field == c.infField || mag == c.nanMag {
		return nonFinite(field == c.infField && frac == 0, neg)
	}
	if field == 0 {
		field = 1
	} else {
		frac |= c.mask + 1
	}
	return (int32(frac<<c.shift) ^ neg) - neg, int32(field) - c.bias
}

func nonFinite(inf bool, neg int32) (s, e int32) {
	if inf {
		return 1 ^ neg - neg, expInf
	}
	return 1, expNaN
}
