package num

import "math"

// Special says which encodings of a floating format are not finite.
type Special uint8

const (
	IEEE     Special = iota // top exponent: Inf (mantissa 0) and NaN
	NaNOnly                 // no Inf; all ones below the sign is NaN (OCP OFP8 1.0, E4M3)
	Signed                  // an integer in two's complement
	Unsigned                // an unsigned integer
)

// Format describes one number format. Values are comparable; use the variables below.
type Format struct {
	Name    string
	Bits    int     // storage width in bits (tf32 lives in 32)
	ExpBits int     // exponent field, 0 for integers
	ManBits int     // explicit fraction bits, 0 for integers
	Bias    int     // exponent bias
	Pad     int     // low storage bits that carry nothing (tf32: 13)
	Special Special // what is not finite
	NaN     uint32  // the NaN that rounding produces: the canonical one of the PTX ISA
}

// The formats. NaN encodings: PTX ISA, "cvt" and "Floating-Point Formats" (canonical NaN); E4M3 and
// E5M2: OCP 8-bit Floating Point Specification 1.0, section 5.
var (
	F16  = Format{"f16", 16, 5, 10, 15, 0, IEEE, 0x7fff}
	BF16 = Format{"bf16", 16, 8, 7, 127, 0, IEEE, 0x7fff}
	TF32 = Format{"tf32", 32, 8, 10, 127, 13, IEEE, 0x7fffffff}
	E4M3 = Format{"e4m3", 8, 4, 3, 7, 0, NaNOnly, 0x7f}
	E5M2 = Format{"e5m2", 8, 5, 2, 15, 0, IEEE, 0x7f}
	F32  = Format{"f32", 32, 8, 23, 127, 0, IEEE, 0x7fffffff}

	// Names for operand types that hold no rounding here: Decode works on the integers, F64 is
	// math.Float64bits and has neither Decode nor Round.
	S8  = Format{Name: "s8", Bits: 8, Special: Signed}
	S4  = Format{Name: "s4", Bits: 4, Special: Signed}
	U4  = Format{Name: "u4", Bits: 4, Special: Unsigned}
	B1  = Format{Name: "b1", Bits: 1, Special: Unsigned}
	U8  = Format{Name: "u8", Bits: 8, Special: Unsigned}
	S32 = Format{Name: "s32", Bits: 32, Special: Signed}
	F64 = Format{Name: "f64", Bits: 64, ExpBits: 11, ManBits: 52, Bias: 1023}
)

// Formats lists the floating formats that Decode and Round serve, narrow to wide.
var Formats = []Format{E4M3, E5M2, F16, BF16, TF32, F32}

// String is the PTX spelling without its dot.
func (f Format) String() string { return f.Name }

// IsInt reports whether f is an integer type.
func (f Format) IsInt() bool { return f.ExpBits == 0 }

// Emin is the exponent of the smallest normal number, which subnormals share.
func (f Format) Emin() int { return 1 - f.Bias }

// SignBit is the mask of the sign in the storage word.
func (f Format) SignBit() uint32 { return 1 << (f.Bits - 1) }

// Inf is the positive infinity of f, or its NaN where it has none.
func (f Format) Inf() uint32 {
	if f.Special == NaNOnly {
		return f.NaN
	}
	return (1<<f.ExpBits - 1) << (f.ManBits + f.Pad)
}

// Max is the largest finite value of f, in storage bits.
func (f Format) Max() uint32 {
	top := uint32(1)<<(f.ExpBits+f.ManBits) - 1 // all ones below the sign
	if f.Special == NaNOnly {
		return (top - 1) << f.Pad
	}
	return (top - 1<<f.ManBits) << f.Pad
}

// IsNaN reports whether the storage word holds a NaN of f.
func (f Format) IsNaN(bits uint32) bool {
	mag := bits & (f.SignBit() - 1) >> f.Pad
	switch f.Special {
	case IEEE:
		return mag > f.Inf()>>f.Pad
	case NaNOnly:
		return mag == f.NaN
	}
	return false
}

// IsInf reports whether the storage word holds an infinity of f.
func (f Format) IsInf(bits uint32) bool {
	return f.Special == IEEE && bits&(f.SignBit()-1)>>f.Pad == f.Inf()>>f.Pad
}

// Split gives the fields of a finite floating value: its value is (-1)^neg * sig * 2^exp, where exp
// is the exponent of the lowest fraction bit, so sig keeps ManBits fraction bits (subnormals have
// no hidden bit). Bits above the format's width are ignored.
func (f Format) Split(bits uint32) (neg bool, sig uint32, exp int) {
	field := int(bits >> (f.ManBits + f.Pad) & (1<<f.ExpBits - 1))
	sig = bits >> f.Pad & (1<<f.ManBits - 1)
	if field > 0 {
		sig |= 1 << f.ManBits
	}
	return bits&f.SignBit() != 0, sig, max(field, 1) - f.Bias - f.ManBits
}

// Decode is the value of the storage word, exact. Every NaN becomes Go's NaN; bits above the
// format's width are ignored.
func (f Format) Decode(bits uint32) float64 {
	switch {
	case f.Bits == 64:
		panic("num: Decode of f64: use math.Float64frombits")
	case f.Special == Signed:
		return float64(int32(bits<<(32-f.Bits)) >> (32 - f.Bits))
	case f.Special == Unsigned:
		return float64(bits << (32 - f.Bits) >> (32 - f.Bits))
	case f.IsNaN(bits):
		return math.NaN()
	}
	neg, sig, exp := f.Split(bits)
	v := float64(sig) * math.Float64frombits(uint64(exp+1023)<<52)
	if f.IsInf(bits) {
		v = math.Inf(1)
	}
	if neg {
		return -v
	}
	return v
}
