package tensor

import (
	"math"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// arith holds what the inner loops need of a rule of method MMADot.
type arith struct {
	f         int32 // fraction bits kept
	productSh uint  // right shift that brings products of codecs to f bits, before alignment
	accLeft   uint  // left shift that brings the accumulator's significand to f bits,
	accRight  uint  // or right shift, where it is longer
	eminAlign int32
	acc       codec
	out       gpu.MMAOut
	cut       uint64 // bits of a float64 that the f32 or e8m13 result does not keep
}

// preShift splits the left shift of products to F bits over both operands, so that the significands
// still fit 16 bits for every F up to 25.
func preShift(f int) (a, b int) {
	left := max(f-2*fracBits, 0)
	return left / 2, left - left/2
}

func newArith(r gpu.MMARule) arith {
	c := codec{
		format: r.Acc, bits: uint(r.Acc.Bits), man: uint(r.Acc.ManBits),
		expMask: 1<<r.Acc.ExpBits - 1, mask: 1<<r.Acc.ManBits - 1, bias: int32(r.Acc.Bias),
		zeroExp: int32(r.ZeroExp), infField: 1<<r.Acc.ExpBits - 1, nanMag: never,
	}
	x := arith{
		f: int32(r.F), productSh: uint(max(2*fracBits-r.F, 0)),
		accLeft:   uint(max(r.F-r.Acc.ManBits, 0)),
		accRight:  uint(max(r.Acc.ManBits-r.F, 0)),
		eminAlign: int32(r.EminAlign), acc: c, out: r.Out, cut: 1<<(52-23) - 1,
	}
	if r.Out == gpu.MMAOutE8M13 {
		x.cut = 1<<(52-13) - 1
	}
	return x
}

// operand is a run of decoded elements along k.
type operand struct {
	s [maxK]int32 // significands with sign, below 2^15 in magnitude
	e [maxK]int32 // exponents
}

// dot runs one group: the products of a and b (slices of the same length along k: significands,
// exponents) and the accumulator bits c.
func (x *arith) dot(as, ae, bs, be []int32, c uint32) uint32 {
	var exps [maxK]int32
	sc, ec := x.acc.decode(c)
	e := max(ec, x.eminAlign)
	be = be[:len(ae)]
	for k, p := range ae {
		p += be[k]
		exps[k&(maxK-1)] = p
		e = max(e, p)
	}
	if e >= expInf/2 {
		return x.special(as, ae, bs, be, sc, ec)
	}
	sum := alignDown(int64(sc)<<x.accLeft, uint32(e-ec)+uint32(x.accRight))
	base := e + int32(x.productSh)
	bs = bs[:len(as)]
	for k, p := range as {
		p *= bs[k]
		neg := p >> 31
		mag := uint32((p^neg)-neg) >> (uint32(min(base-exps[k&(maxK-1)], 31)) & 31)
		sum += int64((int32(mag) ^ neg) - neg)
	}
	return x.round(sum, e-x.f)
}

// alignDown is v / 2^shift toward zero.
func alignDown(v int64, shift uint32) int64 {
	neg := v >> 63
	mag := uint64((v^neg)-neg) >> (min(shift, 63) & 63)
	return (int64(mag) ^ neg) - neg
}

// round is sum * 2^exp in the format of the result. The float64 in between is exact: |sum| < 2^48
// and exp lies within -200..600.
func (x *arith) round(sum int64, exp int32) uint32 {
	if sum == 0 {
		return 0
	}
	b := math.Float64bits(float64(sum) * math.Float64frombits(uint64(exp+1023)<<52))
	if b&(1<<63-1) < (1023-126)<<52 { // below 2^-126
		return x.roundTiny(sum, exp)
	}
	if x.out == gpu.MMAOutF16 {
		// Round to odd: 24 bits with a sticky last one round once more, to 11, without error.
		if b&x.cut != 0 {
			b |= x.cut + 1
		}
		return uint32(num.F32ToF16(float32(math.Float64frombits(b &^ x.cut))))
	}
	return math.Float32bits(float32(math.Float64frombits(b &^ x.cut))) // overflow becomes Inf
}

// roundTiny is round for results below the smallest normal f32.
func (x *arith) roundTiny(sum int64, exp int32) uint32 {
	neg, mag := sum < 0, uint64(max(sum, -sum))
	if x.out == gpu.MMAOutF16 {
		return num.F16.Pack(neg, mag, int(exp), num.RNE)
	}
	b := num.F32.Pack(neg, mag, int(exp), num.RZ)
	if x.out == gpu.MMAOutE8M13 {
		b &^= 1<<(23-13) - 1
	}
	return b
}

// special is the result of a group with an Inf or a NaN among its operands: NaN for any NaN, 0*Inf
// or opposite infinities, else the Inf there is (MMA-Sim @ c785138; the canonical NaN of the PTX
// ISA).
func (x *arith) special(as, ae, bs, be []int32, sc, ec int32) uint32 {
	var s specials
	s.add(sc, ec)
	for k := range as {
		s.product(as[k], ae[k], bs[k], be[k])
	}
	inf := x.acc.format.Inf()
	switch {
	case s.nan || s.pos && s.neg:
		return x.acc.format.NaN
	case s.pos:
		return inf
	case s.neg:
		return inf | x.acc.format.SignBit()
	}
	panic("tensor: special called on finite operands")
}

// specials gathers which non-finite terms a group has.
type specials struct{ nan, pos, neg bool }

func (s *specials) add(sig, exp int32) {
	switch {
	case exp >= expNaN:
		s.nan = true
	case exp >= expInf:
		s.pos = s.pos || sig > 0
		s.neg = s.neg || sig < 0
	}
}

func (s *specials) product(sa, ea, sb, eb int32) {
	switch {
	case ea < expInf && eb < expInf:
	case ea >= expNaN || eb >= expNaN || sa == 0 || sb == 0:
		s.nan = true
	case (sa < 0) == (sb < 0):
		s.pos = true
	default:
		s.neg = true
	}
}
