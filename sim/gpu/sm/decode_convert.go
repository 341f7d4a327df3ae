package sm

import (
	"math"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
)

// convert is cvt: Type(0) is the destination, Type(1) the source (PTX ISA 9.7.9.21).
func (d *decoder) convert() func(*Warp) {
	in := d.in
	to, from := in.Type(0), in.Type(1)
	if len(in.Args) == 3 {
		return d.pack(to, from)
	}
	f := conversion(in, to, from)
	if packed8(to) || packed8(from) {
		f = pairsOf8(in, to, from)
	}
	if f == nil {
		return nil
	}
	src, dst := &in.Args[1], &in.Args[0]
	wideSrc := d.wideReg(src) || src.Kind != ptx.KindReg && from.Bits() == 64
	if wideSrc {
		a := d.operand64(src)
		if d.wideReg(dst) {
			row := d.dst(dst)
			return func(w *Warp) { map1(w.mask, &w.x[row], &w.x[a], f) }
		}
		row := d.dst(dst)
		return func(w *Warp) {
			map1(w.mask, &w.r[row], &w.x[a], func(v uint64) uint32 { return uint32(f(v)) })
		}
	}
	a := d.operand32(src)
	if d.wideReg(dst) {
		row := d.dst(dst)
		return func(w *Warp) {
			map1(w.mask, &w.x[row], &w.r[a], func(v uint32) uint64 { return f(uint64(v)) })
		}
	}
	row := d.dst(dst)
	return func(w *Warp) {
		map1(w.mask, &w.r[row], &w.r[a], func(v uint32) uint32 { return uint32(f(uint64(v))) })
	}
}

// pack is cvt.rn.f16x2.f32 d, a, b and its kin: a goes to the upper half.
func (d *decoder) pack(to, from ptx.Type) func(*Warp) {
	in := d.in
	mode, _, ok := rounded(in)
	if from != ptx.F32 || !ok {
		return nil
	}
	relu, ftz := in.Has(ptx.ModRelu), in.Has(ptx.ModFtz)
	var format num.Format
	shift := uint32(16)
	switch to {
	case ptx.F16x2:
		format = num.F16
	case ptx.Bf16x2:
		format = num.BF16
	case ptx.E4m3x2:
		format, shift = num.E4M3, 8
	case ptx.E5m2x2:
		format, shift = num.E5M2, 8
	default:
		return nil
	}
	if in.Has(ptx.ModSatfinite) {
		mode |= num.Sat
	}
	one := func(b uint32) uint32 {
		if ftz {
			b = flush32(b)
		}
		v := getF32(b)
		if relu && v < 0 {
			v = 0
		}
		return format.Round(v, mode)
	}
	a, b, dst := d.src32(1), d.src32(2), d.dst(&in.Args[0])
	f := func(hi, lo uint32) uint32 { return one(hi)<<shift | one(lo) }
	return func(w *Warp) { map2(w.mask, &w.r[dst], &w.r[a], &w.r[b], f) }
}

func packed8(t ptx.Type) bool { return t == ptx.E4m3x2 || t == ptx.E5m2x2 }

// pairsOf8 converts pairs between fp8 and f16.
func pairsOf8(in *ptx.Inst, to, from ptx.Type) func(uint64) uint64 {
	format := func(t ptx.Type) (num.Format, uint) {
		switch t {
		case ptx.E4m3x2:
			return num.E4M3, 8
		case ptx.E5m2x2:
			return num.E5M2, 8
		}
		return num.F16, 16
	}
	src, n := format(from)
	dst, k := format(to)
	mode, relu := num.RNE, in.Has(ptx.ModRelu)
	if in.Has(ptx.ModSatfinite) {
		mode |= num.Sat
	}
	one := func(v uint64) uint64 {
		x := src.Decode(uint32(v & (1<<n - 1)))
		if relu && x < 0 {
			x = 0
		}
		return uint64(dst.Round(x, mode))
	}
	return func(v uint64) uint64 { return one(v>>n)<<k | one(v) }
}

// conversion maps the source's bits to the destination's; nil if the form is not modelled.
func conversion(in *ptx.Inst, to, from ptx.Type) func(uint64) uint64 {
	switch {
	case !to.IsFloat() && !from.IsFloat():
		return intToInt(in, to, from)
	case to.IsFloat() && from.IsFloat():
		return floatToFloat(in, to, from)
	case to.IsFloat():
		return intToFloat(in, to, from)
	}
	return floatToInt(in, to, from)
}

func signed64(v uint64, t ptx.Type) int64 {
	n := uint(t.Bits())
	if t.IsSigned() {
		return int64(v<<(64-n)) >> (64 - n)
	}
	return int64(v << (64 - n) >> (64 - n))
}

func cut(v uint64, t ptx.Type) uint64 {
	n := uint(t.Bits())
	return v << (64 - n) >> (64 - n)
}

func limits(t ptx.Type) (lo, hi float64) {
	n := t.Bits()
	if t.IsSigned() {
		return -math.Ldexp(1, n-1), math.Ldexp(1, n-1) - 1
	}
	return 0, math.Ldexp(1, n) - 1
}

func intToInt(in *ptx.Inst, to, from ptx.Type) func(uint64) uint64 {
	if in.Has(ptx.ModSat) {
		if from.Bits() == 64 || to.Bits() == 64 {
			return nil
		}
		lo, hi := limits(to)
		return func(v uint64) uint64 {
			s := min(max(signed64(v, from), int64(lo)), int64(hi))
			return extend(uint64(s), to)
		}
	}
	return func(v uint64) uint64 { return extend(uint64(signed64(v, from)), to) }
}

// extend fills a destination register wider than its type by the sign of the type, as cvt does;
// registers of up to 32 bits and of 64 hold narrower results so.
func extend(v uint64, t ptx.Type) uint64 {
	if t.Bits() <= 16 && t.Bits() > 8 {
		return cut(v, t) // the register is 16 bits itself
	}
	return uint64(signed64(v, t))
}

func getFloat(t ptx.Type, ftz bool) func(uint64) float64 {
	switch t {
	case ptx.F64:
		return math.Float64frombits
	case ptx.F32:
		if ftz {
			return func(v uint64) float64 { return getF32(flush32(uint32(v))) }
		}
		return func(v uint64) float64 { return getF32(uint32(v)) }
	case ptx.F16:
		return func(v uint64) float64 { return getF16(uint32(v)) }
	case ptx.Bf16:
		return func(v uint64) float64 { return getBF16(uint32(v)) }
	}
	return nil
}

func intToFloat(in *ptx.Inst, to, from ptx.Type) func(uint64) uint64 {
	mode, _, ok := rounded(in)
	if !ok {
		return nil
	}
	// 64-bit integers are rounded to odd first: a double does not hold them.
	value := func(v uint64) float64 {
		if from.IsSigned() {
			s := signed64(v, from)
			if s < 0 {
				return -oddDouble(uint64(-s))
			}
			return oddDouble(uint64(s))
		}
		return oddDouble(cut(v, from))
	}
	switch to {
	case ptx.F64:
		if mode != num.RNE {
			return nil
		}
		return func(v uint64) uint64 {
			if from.IsSigned() {
				return math.Float64bits(float64(signed64(v, from)))
			}
			return math.Float64bits(float64(cut(v, from)))
		}
	case ptx.F32:
		return func(v uint64) uint64 { return uint64(num.F32.Round(value(v), mode)) }
	case ptx.F16:
		return func(v uint64) uint64 { return uint64(num.F16.Round(value(v), mode)) }
	case ptx.Bf16:
		return func(v uint64) uint64 { return uint64(num.BF16.Round(value(v), mode)) }
	}
	return nil
}

// oddDouble converts with rounding to odd.
func oddDouble(v uint64) float64 {
	if v < 1<<53 {
		return float64(v)
	}
	low := v & 0xfff
	v &^= 0xfff
	if low != 0 {
		v |= 1 << 12
	}
	return float64(v)
}

func floatToInt(in *ptx.Inst, to, from ptx.Type) func(uint64) uint64 {
	get := getFloat(from, in.Has(ptx.ModFtz))
	round := toInteger(in.Rounding())
	if get == nil || round == nil || !to.IsInt() {
		return nil
	}
	lo, hi := limits(to)
	return func(v uint64) uint64 {
		x := get(v)
		switch x = round(x); {
		case x != x:
			return 0 // sm_70 and later give 0 for NaN to 32 bits
		case x <= lo:
			return extend(uint64(int64(lo)), to)
		case x >= hi:
			if to == ptx.U64 {
				return ^uint64(0)
			}
			if to == ptx.S64 {
				return 1<<63 - 1
			}
			return extend(uint64(int64(hi)), to)
		case to == ptx.U64:
			return uint64(x)
		}
		return extend(uint64(int64(x)), to)
	}
}

func toInteger(m ptx.Mod) func(float64) float64 {
	switch m {
	case ptx.ModRni:
		return math.RoundToEven
	case ptx.ModRzi:
		return math.Trunc
	case ptx.ModRmi:
		return math.Floor
	case ptx.ModRpi:
		return math.Ceil
	}
	return nil
}

func floatToFloat(in *ptx.Inst, to, from ptx.Type) func(uint64) uint64 {
	get := getFloat(from, in.Has(ptx.ModFtz))
	if get == nil {
		return nil
	}
	sat := in.Has(ptx.ModSat)
	value := func(v uint64) float64 {
		x := get(v)
		if sat {
			if x != x {
				return 0
			}
			x = min(max(x, 0), 1)
		}
		return x
	}
	if round := toInteger(in.Rounding()); round != nil {
		inner := value
		value = func(v uint64) float64 { return round(inner(v)) }
	}
	return putFloat(in, to, value)
}

func putFloat(in *ptx.Inst, to ptx.Type, value func(uint64) float64) func(uint64) uint64 {
	mode := num.RNE
	switch in.Rounding() {
	case ptx.ModRz:
		mode = num.RZ
	case ptx.ModRm:
		mode = num.RM
	case ptx.ModRp:
		mode = num.RP
	case ptx.ModRna:
		mode = num.RNA
	}
	if in.Has(ptx.ModSatfinite) {
		mode |= num.Sat
	}
	ftz := in.Has(ptx.ModFtz)
	if in.Has(ptx.ModRelu) {
		inner := value
		value = func(v uint64) float64 {
			if x := inner(v); !(x < 0) {
				return x
			}
			return 0
		}
	}
	var format num.Format
	switch to {
	case ptx.F64:
		return func(v uint64) uint64 { return math.Float64bits(value(v)) }
	case ptx.F32:
		format = num.F32
	case ptx.F16:
		format = num.F16
	case ptx.Bf16:
		format = num.BF16
	case ptx.Tf32:
		format = num.TF32
	default:
		return nil
	}
	return func(v uint64) uint64 {
		b := format.Round(value(v), mode)
		if ftz && to == ptx.F32 {
			b = flush32(b)
		}
		return uint64(b)
	}
}
