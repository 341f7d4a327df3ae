package num

import "math"

// F16ToF32 widens, exactly; a NaN becomes the canonical f32 NaN 0x7fffffff (PTX ISA: NaN payloads
// are not preserved).
func F16ToF32(h uint16) float32 {
	mag := uint32(h&0x7fff) << 13
	sign := uint32(h&0x8000) << 16
	if mag >= 0x7c00<<13 {
		if mag > 0x7c00<<13 {
			return math.Float32frombits(F32.NaN)
		}
		return math.Float32frombits(sign | 0x7f800000)
	}
	// The fields line up but for the bias, and a multiplication by 2^(127-15) mends subnormals too.
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(mag)*0x1p112))
}

// F32ToF16 rounds to nearest even; overflow gives Inf, NaN gives 0x7fff.
func F32ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return uint16(F16.NaN)
	case b >= 0x477ff000: // 65520, half way between 65504 and 2^16: ties to even, upwards
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: let a float addition round at 2^-24
		m := math.Float32bits(math.Float32frombits(b) + 0.5)
		return sign | uint16(m-0x3f000000)
	}
	b += 0xfff + b>>13&1 // half an ulp, less one bit when the kept part is even
	return sign | uint16((b-0x38000000)>>13)
}

// BF16ToF32 widens: the upper half of the f32. NaN payloads stay.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 rounds to nearest even; overflow gives Inf, NaN gives 0x7fff.
func F32ToBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(BF16.NaN)
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// TF32Trunc drops the 13 low bits, as the Tensor Core does with a register given to it as tf32.
func TF32Trunc(b uint32) uint32 { return b &^ 0x1fff }

// F32ToTF32 is cvt.rna.tf32.f32: to nearest, ties away from zero; NaN gives 0x7fffffff.
func F32ToTF32(x float32) uint32 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 {
		return TF32.NaN
	}
	if b&0x7fffffff == 0x7f800000 {
		return b
	}
	return (b + 0x1000) &^ 0x1fff
}

// e4m3Values and e5m2Values are whole domains: 256 floats each.
var e4m3Values, e5m2Values = fp8Values(E4M3), fp8Values(E5M2)

func fp8Values(f Format) (t [256]float32) {
	for i := range t {
		t[i] = math.Float32frombits(F32.Round(f.Decode(uint32(i)), RNE))
	}
	return t
}

// E4M3ToF32 widens, exactly; NaN becomes 0x7fffffff.
func E4M3ToF32(b uint8) float32 { return e4m3Values[b] }

// E5M2ToF32 widens, exactly; NaN becomes 0x7fffffff.
func E5M2ToF32(b uint8) float32 { return e5m2Values[b] }

// narrow8 says how f32 bits become an 8-bit format, nearest even and saturated.
type narrow8 struct {
	max    uint32  // f32 bits of the largest value: what lies above rounds or saturates to it
	maxOut uint8   // its encoding
	normal uint32  // f32 bits of the smallest normal value
	magic  float32 // 2^23 units of the subnormal: adding it rounds there
	shift  uint8   // mantissa bits to drop
	rebias uint32  // difference of the biases, in the exponent field of f32
}

var (
	toE4M3 = narrow8{0x43e00000, 0x7e, 0x3c800000, 0x1p14, 20, 120 << 23}
	toE5M2 = narrow8{0x47600000, 0x7b, 0x38800000, 0x1p7, 21, 112 << 23}
)

func (n *narrow8) round(x float32) uint8 {
	b := math.Float32bits(x)
	sign := uint8(b >> 24 & 0x80)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return 0x7f
	case b >= n.max:
		return sign | n.maxOut
	case b < n.normal:
		m := math.Float32bits(math.Float32frombits(b) + n.magic)
		return sign | uint8(m-math.Float32bits(n.magic))
	}
	sh := n.shift & 31
	b += 1<<(sh-1) - 1 + b>>sh&1
	return sign | uint8((b-n.rebias)>>sh)
}

// F32ToE4M3 is cvt.rn.satfinite.e4m3x2.f32 on one element: nearest even, saturated to 448.
func F32ToE4M3(x float32) uint8 { return toE4M3.round(x) }

// F32ToE5M2 is cvt.rn.satfinite.e5m2x2.f32 on one element: nearest even, saturated to 57344.
func F32ToE5M2(x float32) uint8 { return toE5M2.round(x) }
