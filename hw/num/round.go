package num

import (
	"math"
	"math/bits"
)

// Rounding is one of the five modes, optionally or'ed with Sat.
type Rounding uint8

const (
	RNE Rounding = iota // to nearest, ties to even (PTX .rn)
	RZ                  // toward zero (.rz)
	RM                  // toward minus infinity (.rm)
	RP                  // toward plus infinity (.rp)
	RNA                 // to nearest, ties away from zero (.rna)

	// Sat is PTX .satfinite: what would overflow, and Inf itself, becomes the largest finite value
	// of its sign; NaN stays NaN.
	Sat Rounding = 8
)

// String is the PTX modifier without its dot.
func (m Rounding) String() string {
	s := [...]string{"rn", "rz", "rm", "rp", "rna", "?", "?", "?"}[m&7]
	if m&Sat != 0 {
		s += ".satfinite"
	}
	return s
}

// up reports whether a magnitude is to be raised by one unit, given its last kept bit and what was
// cut off: half is the first bit cut, rest whether anything below it was set.
func (m Rounding) up(neg, odd, half, rest bool) bool {
	switch m &^ Sat {
	case RNE:
		return half && (rest || odd)
	case RNA:
		return half
	case RM:
		return neg && (half || rest)
	case RP:
		return !neg && (half || rest)
	}
	return false
}

// Round gives the storage bits of x rounded once to f. NaN becomes f.NaN. Overflow gives Inf or the
// largest finite value as IEEE 754 section 7.4 says for the mode; E4M3, which has no Inf, gives NaN
// in its place (OCP OFP8 1.0, section 5.2) and f.Max with Sat.
func (f Format) Round(x float64, mode Rounding) uint32 {
	b := math.Float64bits(x)
	neg := b>>63 != 0
	field := int(b >> 52 & 0x7ff)
	sig := b & (1<<52 - 1)
	if field == 0x7ff {
		if sig != 0 {
			return f.NaN
		}
		return f.beyond(neg, RNE|mode&Sat)
	}
	if field > 0 {
		sig |= 1 << 52
	}
	return f.Pack(neg, sig, max(field, 1)-1075, mode)
}

// Pack gives the storage bits of (-1)^neg * sig * 2^exp rounded once to f; sig is any 64 bits.
func (f Format) Pack(neg bool, sig uint64, exp int, mode Rounding) uint32 {
	var sign uint32
	if neg {
		sign = f.SignBit()
	}
	if sig == 0 {
		return sign
	}
	qmin := f.Emin() - f.ManBits // exponent of the lowest bit of a subnormal
	q := max(exp+bits.Len64(sig)-1-f.ManBits, qmin)
	m := shiftRound(neg, sig, q-exp, mode)
	// The hidden bit adds one to the exponent field; a carry out of the mantissa does so again.
	enc := uint64(q-qmin)<<f.ManBits + m
	if enc > uint64(f.Max()>>f.Pad) {
		return f.beyond(neg, mode)
	}
	return sign | uint32(enc)<<f.Pad
}

// shiftRound is sig / 2^shift rounded to an integer; a negative shift is exact.
func shiftRound(neg bool, sig uint64, shift int, mode Rounding) uint64 {
	if shift <= 0 {
		return sig << -shift
	}
	if shift > 64 {
		if mode.up(neg, false, false, sig != 0) {
			return 1
		}
		return 0
	}
	m := uint64(0)
	if shift < 64 {
		m = sig >> shift
	}
	half := sig>>(shift-1)&1 != 0
	rest := sig&(1<<(shift-1)-1) != 0
	if mode.up(neg, m&1 != 0, half, rest) {
		m++
	}
	return m
}

// beyond is the result of an overflow in the given mode.
func (f Format) beyond(neg bool, mode Rounding) uint32 {
	v := f.Inf()
	switch {
	case mode&Sat != 0, mode == RZ, mode == RM && !neg, mode == RP && neg:
		v = f.Max()
	}
	if neg {
		v |= f.SignBit()
	}
	return v
}
