package sm

import (
	"math"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
)

// Floats are kept as bits. f32 arithmetic is IEEE; .ftz flushes subnormal operands and results to
// zero of their sign; a NaN result is the canonical 0x7fffffff (PTX ISA 5.2.3, 9.7.3).

const nan32 = 0x7fffffff

type float struct {
	get func(uint32) float64 // exact
	put func(float64) uint32 // one rounding, from a value that holds enough bits
	two bool                 // packed pairs
}

var (
	asF32  = float{get: getF32, put: putF32}
	asF16  = float{get: getF16, put: putF16}
	asBF16 = float{get: getBF16, put: putBF16}
)

func getF32(b uint32) float64  { return float64(math.Float32frombits(b)) }
func getF16(b uint32) float64  { return float64(num.F16ToF32(uint16(b))) }
func getBF16(b uint32) float64 { return float64(num.BF16ToF32(uint16(b))) }

func putF32(v float64) uint32 {
	if v != v {
		return nan32
	}
	return math.Float32bits(float32(v))
}

func putF16(v float64) uint32  { return num.F16.Round(v, num.RNE) }
func putBF16(v float64) uint32 { return num.BF16.Round(v, num.RNE) }

func floatOf(t ptx.Type) (float, bool) {
	switch t {
	case ptx.F32:
		return asF32, true
	case ptx.F16:
		return asF16, true
	case ptx.Bf16:
		return asBF16, true
	case ptx.F16x2:
		return float{getF16, putF16, true}, true
	case ptx.Bf16x2:
		return float{getBF16, putBF16, true}, true
	}
	return float{}, false
}

// flush32 flushes a subnormal f32 to zero of its sign.
func flush32(b uint32) uint32 {
	if b&0x7f800000 == 0 {
		return b & 0x80000000
	}
	return b
}

// finish wraps f with flushing and saturation to [0, 1], and applies it to both halves of pairs.
func finish(in *ptx.Inst, fl float, f func(a, b, c uint32) uint32) func(a, b, c uint32) uint32 {
	g := f
	if in.Has(ptx.ModFtz) && in.Type(0) == ptx.F32 {
		g = func(a, b, c uint32) uint32 { return flush32(f(flush32(a), flush32(b), flush32(c))) }
	}
	h := g
	if in.Has(ptx.ModSat) {
		h = func(a, b, c uint32) uint32 {
			v := fl.get(g(a, b, c))
			if v != v {
				v = 0
			}
			return fl.put(min(max(v, 0), 1))
		}
	}
	if !fl.two {
		return h
	}
	return func(a, b, c uint32) uint32 {
		return h(a&0xffff, b&0xffff, c&0xffff)&0xffff | h(a>>16, b>>16, c>>16)<<16
	}
}

// rounded reports whether the instruction rounds to nearest even, or asks for a mode of its own.
func rounded(in *ptx.Inst) (mode num.Rounding, nearest, ok bool) {
	switch in.Rounding() {
	case 0, ptx.ModRn:
		return num.RNE, true, true
	case ptx.ModRz:
		return num.RZ, false, true
	case ptx.ModRm:
		return num.RM, false, true
	case ptx.ModRp:
		return num.RP, false, true
	}
	return 0, false, false
}

func floatUnary(in *ptx.Inst, t ptx.Type) func(uint32) uint32 {
	fl, ok := floatOf(t)
	if !ok {
		return nil
	}
	var f func(a, _, _ uint32) uint32
	sign := uint32(1) << 31
	if t != ptx.F32 {
		sign = 1 << 15
	}
	switch in.Op.ID {
	case ptx.OpNeg:
		f = func(a, _, _ uint32) uint32 { return a ^ sign }
	case ptx.OpAbs:
		f = func(a, _, _ uint32) uint32 { return a &^ sign }
	default:
		g := specialFunction(in.Op.ID)
		if g == nil {
			return nil
		}
		if mode, nearest, ok := rounded(in); ok && !nearest {
			return directed(in, mode)
		}
		f = func(a, _, _ uint32) uint32 { return fl.put(g(fl.get(a))) }
	}
	f = finish(in, fl, f)
	return func(a uint32) uint32 { return f(a, 0, 0) }
}

// directed is rcp and sqrt with a rounding mode of its own.
func directed(in *ptx.Inst, mode num.Rounding) func(uint32) uint32 {
	g := func(x float64) float64 { return divOdd(1, x) }
	if in.Op.ID == ptx.OpSqrt {
		g = sqrtOdd
	}
	f := finish(in, asF32, func(a, _, _ uint32) uint32 { return num.F32.Round(g(getF32(a)), mode) })
	return func(a uint32) uint32 { return f(a, 0, 0) }
}

// divOdd and sqrtOdd round to odd: a further rounding in any mode is as if from the exact value.
func divOdd(x, y float64) float64 {
	q := x / y
	r := math.FMA(-q, y, x) // exact: x = q*y + r
	return oddFrom(q, r, (r > 0) == (y > 0))
}

func sqrtOdd(x float64) float64 {
	q := math.Sqrt(x)
	r := math.FMA(-q, q, x)
	return oddFrom(q, r, r > 0)
}

// oddFrom makes q odd if there is a rest; more says that the exact value is above q.
func oddFrom(q, rest float64, more bool) float64 {
	if rest == 0 || rest != rest || math.IsInf(q, 0) || math.Float64bits(q)&1 == 1 {
		return q
	}
	if more == (q > 0) {
		return math.Float64frombits(math.Float64bits(q) + 1)
	}
	return math.Float64frombits(math.Float64bits(q) - 1)
}

// specialFunction gives the value in double precision; one rounding follows. The .approx forms are
// hardware tables whose bits are not published: these results are nearer than their error bounds
// (ex2 2 ulp, rcp 1 ulp, rsqrt 2^-22.9, tanh 2^-11: PTX ISA 9.7.3), not equal to the silicon's.
func specialFunction(id ptx.OpID) func(float64) float64 {
	switch id {
	case ptx.OpRcp:
		return func(x float64) float64 { return 1 / x }
	case ptx.OpSqrt:
		return math.Sqrt
	case ptx.OpRsqrt:
		return func(x float64) float64 { return 1 / math.Sqrt(x) }
	case ptx.OpSin:
		return math.Sin
	case ptx.OpCos:
		return math.Cos
	case ptx.OpLg2:
		return math.Log2
	case ptx.OpEx2:
		return math.Exp2
	case ptx.OpTanh:
		return math.Tanh
	}
	return nil
}

func floatBinary(in *ptx.Inst, t ptx.Type) func(a, b uint32) uint32 {
	fl, ok := floatOf(t)
	if !ok {
		return nil
	}
	f := binaryCore(in, fl, t)
	if f == nil {
		return nil
	}
	g := finish(in, fl, func(a, b, _ uint32) uint32 { return f(a, b) })
	return func(a, b uint32) uint32 { return g(a, b, 0) }
}

func binaryCore(in *ptx.Inst, fl float, t ptx.Type) func(a, b uint32) uint32 {
	mode, nearest, ok := rounded(in)
	if !ok {
		return nil
	}
	switch in.Op.ID {
	case ptx.OpAdd, ptx.OpSub, ptx.OpMul:
		return sumOrProduct(in.Op.ID, fl, t, mode, nearest)
	case ptx.OpDiv:
		if !nearest {
			return func(a, b uint32) uint32 {
				return num.F32.Round(divOdd(fl.get(a), fl.get(b)), mode)
			}
		}
		// The quotient of two f32 in double precision rounds to f32 as if exact: 53 >= 2*24 + 2
		// (Figueroa, "When is double rounding innocuous?", 1995).
		return func(a, b uint32) uint32 { return fl.put(fl.get(a) / fl.get(b)) }
	case ptx.OpMin, ptx.OpMax:
		if in.Has(ptx.ModXorsign) {
			return extremeXorsign(in, fl, t)
		}
		return extreme(in, fl)
	case ptx.OpCopysign:
		return func(a, b uint32) uint32 { return b&0x7fffffff | a&0x80000000 }
	}
	return nil
}

func sumOrProduct(id ptx.OpID, fl float, t ptx.Type, mode num.Rounding,
	nearest bool) func(a, b uint32) uint32 {
	if t == ptx.F32 && nearest {
		switch id { // float32 arithmetic rounds once by itself
		case ptx.OpAdd:
			return func(a, b uint32) uint32 {
				return canon(math.Float32frombits(a) + math.Float32frombits(b))
			}
		case ptx.OpSub:
			return func(a, b uint32) uint32 {
				return canon(math.Float32frombits(a) - math.Float32frombits(b))
			}
		}
		return func(a, b uint32) uint32 {
			return canon(float32(math.Float32frombits(a) * math.Float32frombits(b)))
		}
	}
	put := fl.put
	if !nearest {
		put = func(v float64) uint32 { return num.F32.Round(v, mode) }
	}
	switch id {
	case ptx.OpAdd:
		return func(a, b uint32) uint32 { return put(addOdd(fl.get(a), fl.get(b))) }
	case ptx.OpSub:
		return func(a, b uint32) uint32 { return put(addOdd(fl.get(a), -fl.get(b))) }
	}
	return func(a, b uint32) uint32 { return put(fl.get(a) * fl.get(b)) } // exact in double
}

func canon(v float32) uint32 {
	if v != v {
		return nan32
	}
	return math.Float32bits(v)
}

// addOdd adds with rounding to odd, so that a further rounding to fewer bits, in any mode, is as
// if from the exact sum (Boldo and Melquiond, 2008).
func addOdd(x, y float64) float64 {
	s := x + y
	if math.IsInf(s, 0) || s != s {
		return s
	}
	v := s - x // TwoSum, Knuth
	err := (x - (s - v)) + (y - v)
	if err == 0 || math.Float64bits(s)&1 == 1 {
		return s
	}
	if (err > 0) == (s > 0) {
		return math.Float64frombits(math.Float64bits(s) + 1)
	}
	return math.Float64frombits(math.Float64bits(s) - 1)
}

// extreme is min and max: a NaN loses unless .NaN; -0 is below +0.
func extreme(in *ptx.Inst, fl float) func(a, b uint32) uint32 {
	return extremum(fl, in.Op.ID == ptx.OpMin, in.Has(ptx.ModNaN))
}

func extremum(fl float, least, propagate bool) func(a, b uint32) uint32 {
	return func(a, b uint32) uint32 {
		x, y := fl.get(a), fl.get(b)
		switch {
		case x != x || y != y:
			if propagate || x != x && y != y {
				return fl.put(math.NaN())
			}
			if x != x {
				return b
			}
			return a
		case x == y:
			if math.Signbit(x) == least {
				return a
			}
			return b
		case (x < y) == least:
			return a
		}
		return b
	}
}

// extremeXorsign is min and max .xorsign.abs: of the magnitudes, with the signs' exclusive or.
func extremeXorsign(in *ptx.Inst, fl float, t ptx.Type) func(a, b uint32) uint32 {
	f := extreme(in, fl)
	sign := uint32(1) << 15
	if t == ptx.F32 {
		sign = 1 << 31
	}
	return func(a, b uint32) uint32 { return f(a&^sign, b&^sign)&^sign | (a^b)&sign }
}

func floatTernary(in *ptx.Inst, t ptx.Type) func(a, b, c uint32) uint32 {
	fl, ok := floatOf(t)
	mode, nearest, known := rounded(in)
	if !ok || !known || in.Op.ID != ptx.OpFma && in.Op.ID != ptx.OpMad {
		return nil
	}
	put := fl.put
	if !nearest {
		put = func(v float64) uint32 { return num.F32.Round(v, mode) }
	}
	relu := in.Has(ptx.ModRelu)
	return finish(in, fl, func(a, b, c uint32) uint32 {
		// The product of two 24-bit significands is exact in 53.
		v := addOdd(fl.get(a)*fl.get(b), fl.get(c))
		if relu && !(v > 0) && v == v {
			v = 0
		}
		return put(v)
	})
}
