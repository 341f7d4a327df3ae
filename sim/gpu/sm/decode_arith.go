package sm

import (
	"math/bits"

	"tensoros/hw/ptx"
)

// arithmetic decodes what maps lanes to lanes: one to three operands of one width, or the
// widening and counting forms.
func (d *decoder) arithmetic() func(*Warp) {
	in := d.in
	t := in.Type(0)
	if in.MulPart() == ptx.ModWide {
		return d.wideMul(t)
	}
	if usesCarry(in) {
		return d.carry(t)
	}
	switch in.Op.ID {
	case ptx.OpShl, ptx.OpShr:
		return d.shift(t)
	case ptx.OpPopc, ptx.OpClz, ptx.OpBfind:
		return d.count(t)
	case ptx.OpBfe, ptx.OpBfi:
		return d.bitField(t)
	case ptx.OpLop3:
		return d.lop3()
	}
	if t.Bits() == 64 {
		return d.map64(in, t)
	}
	return d.map32(in, t)
}

func (d *decoder) map32(in *ptx.Inst, t ptx.Type) func(*Warp) {
	n := len(in.Args) - 1
	switch n {
	case 1:
		f := unary32(in, t)
		if f == nil {
			return nil
		}
		a, dst := d.src32(1), d.dst(&in.Args[0])
		return func(w *Warp) { map1(w.mask, &w.r[dst], &w.r[a], f) }
	case 2:
		f := binary32(in, t)
		if f == nil {
			return nil
		}
		a, b, dst := d.src32(1), d.src32(2), d.dst(&in.Args[0])
		return func(w *Warp) { map2(w.mask, &w.r[dst], &w.r[a], &w.r[b], f) }
	case 3:
		f := ternary32(in, t)
		if f == nil {
			return nil
		}
		a, b, c, dst := d.src32(1), d.src32(2), d.src32(3), d.dst(&in.Args[0])
		return func(w *Warp) { map3(w.mask, &w.r[dst], &w.r[a], &w.r[b], &w.r[c], f) }
	}
	return nil
}

func (d *decoder) map64(in *ptx.Inst, t ptx.Type) func(*Warp) {
	switch len(in.Args) - 1 {
	case 1:
		f := unary64(in, t)
		if f == nil {
			return nil
		}
		a, dst := d.src64(1), d.dst(&in.Args[0])
		return func(w *Warp) { map1(w.mask, &w.x[dst], &w.x[a], f) }
	case 2:
		f := binary64(in, t)
		if f == nil {
			return nil
		}
		a, b, dst := d.src64(1), d.src64(2), d.dst(&in.Args[0])
		return func(w *Warp) { map2(w.mask, &w.x[dst], &w.x[a], &w.x[b], f) }
	case 3:
		f := ternary64(in, t)
		if f == nil {
			return nil
		}
		a, b, c, dst := d.src64(1), d.src64(2), d.src64(3), d.dst(&in.Args[0])
		return func(w *Warp) { map3(w.mask, &w.x[dst], &w.x[a], &w.x[b], &w.x[c], f) }
	}
	return nil
}

// wideMul is mul.wide and mad.wide: the result is twice as wide as the operands.
func (d *decoder) wideMul(t ptx.Type) func(*Warp) {
	in := d.in
	mad := in.Op.ID == ptx.OpMad
	signed := t.IsSigned()
	if t.Bits() == 16 {
		f := func(a, b, c uint32) uint32 {
			if signed {
				return uint32(int32(int16(a))*int32(int16(b))) + c
			}
			return (a&0xffff)*(b&0xffff) + c
		}
		a, b, c := d.src32(1), d.src32(2), d.const32(0)
		if mad {
			c = d.src32(3)
		}
		dst := d.dst(&in.Args[0])
		return func(w *Warp) { map3(w.mask, &w.r[dst], &w.r[a], &w.r[b], &w.r[c], f) }
	}
	f := func(a, b uint32, c uint64) uint64 { return uint64(a)*uint64(b) + c }
	if signed {
		f = func(a, b uint32, c uint64) uint64 {
			return uint64(int64(int32(a))*int64(int32(b))) + c
		}
	}
	a, b, c := d.src32(1), d.src32(2), d.const64(0)
	if mad {
		c = d.src64(3)
	}
	dst := d.dst(&in.Args[0])
	return func(w *Warp) { map3(w.mask, &w.x[dst], &w.r[a], &w.r[b], &w.x[c], f) }
}

// shift is shl and shr: amounts beyond the width shift everything out (PTX ISA 9.7.7).
func (d *decoder) shift(t ptx.Type) func(*Warp) {
	in := d.in
	left := in.Op.ID == ptx.OpShl
	n := uint32(t.Bits())
	signed := t.IsSigned()
	if n == 64 {
		f := func(a uint64, b uint32) uint64 {
			switch {
			case left:
				return a << min(b, 64)
			case signed:
				return uint64(int64(a) >> min(b, 63))
			}
			return a >> min(b, 64)
		}
		a, b, dst := d.src64(1), d.src32(2), d.dst(&in.Args[0])
		return func(w *Warp) { map2(w.mask, &w.x[dst], &w.x[a], &w.r[b], f) }
	}
	f := func(a, b uint32) uint32 {
		switch {
		case left:
			return trunc(a<<min(b, 32), n)
		case signed:
			return trunc(uint32(sext(a, n)>>min(b, 31)), n)
		}
		return trunc(a, n) >> min(b, 32)
	}
	a, b, dst := d.src32(1), d.src32(2), d.dst(&in.Args[0])
	return func(w *Warp) { map2(w.mask, &w.r[dst], &w.r[a], &w.r[b], f) }
}

// count is popc, clz and bfind: the result has 32 bits whatever the operand has.
func (d *decoder) count(t ptx.Type) func(*Warp) {
	in := d.in
	id, signed, shift := in.Op.ID, t.IsSigned(), in.Has(ptx.ModShiftamt)
	n := t.Bits()
	f := func(a uint64) uint32 {
		switch id {
		case ptx.OpPopc:
			return uint32(bits.OnesCount64(a))
		case ptx.OpClz:
			return uint32(bits.LeadingZeros64(a) - 64 + n)
		}
		if signed && a>>(n-1)&1 == 1 {
			a = ^a & (1<<n - 1)
		}
		if a == 0 {
			return ^uint32(0)
		}
		at := uint32(63 - bits.LeadingZeros64(a))
		if shift {
			return uint32(n-1) - at
		}
		return at
	}
	if n == 64 {
		a, dst := d.src64(1), d.dst(&in.Args[0])
		return func(w *Warp) { map1(w.mask, &w.r[dst], &w.x[a], f) }
	}
	a, dst := d.src32(1), d.dst(&in.Args[0])
	return func(w *Warp) {
		map1(w.mask, &w.r[dst], &w.r[a], func(a uint32) uint32 { return f(uint64(a)) })
	}
}

// bitField is bfe and bfi.
func (d *decoder) bitField(t ptx.Type) func(*Warp) {
	in := d.in
	if t.Bits() == 64 {
		return d.bitField64(t)
	}
	if in.Op.ID == ptx.OpBfe {
		signed := t.IsSigned()
		f := func(a, pos, length uint32) uint32 { return extract(a, pos&0xff, length&0xff, signed) }
		a, b, c, dst := d.src32(1), d.src32(2), d.src32(3), d.dst(&in.Args[0])
		return func(w *Warp) { map3(w.mask, &w.r[dst], &w.r[a], &w.r[b], &w.r[c], f) }
	}
	a, b, c, e, dst := d.src32(1), d.src32(2), d.src32(3), d.src32(4), d.dst(&in.Args[0])
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			w.r[dst][l] = insert(w.r[a][l], w.r[b][l], w.r[c][l]&0xff, w.r[e][l]&0xff)
		}
	}
}

// extract is bfe (PTX ISA 9.7.1.19): positions beyond the top read the sign.
func extract(a, pos, length uint32, signed bool) uint32 {
	if length == 0 {
		return 0
	}
	var sign uint32
	if signed {
		sign = a >> min(pos+length-1, 31) & 1
	}
	v := uint64(a)
	if sign == 1 {
		v |= 0xffffffff00000000
	}
	v = v >> min(pos, 63) & (1<<min(length, 32) - 1)
	if sign == 1 && length < 32 {
		v |= ^uint64(0) << length
	}
	return uint32(v)
}

// insert is bfi (PTX ISA 9.7.1.20).
func insert(a, b, pos, length uint32) uint32 {
	mask := uint32(uint64(1)<<min(length, 32)-1) << min(pos, 32)
	return b&^mask | a<<min(pos, 32)&mask
}

func (d *decoder) lop3() func(*Warp) {
	in := d.in
	if in.Args[4].Kind != ptx.KindInt {
		return nil
	}
	f := tableFunction(uint32(in.Args[4].Imm))
	a, b, c := d.src32(1), d.src32(2), d.src32(3)
	if len(in.Args) > 5 {
		return d.lop3Pred(a, b, c, f)
	}
	dst := d.dst(&in.Args[0])
	return func(w *Warp) { map3(w.mask, &w.r[dst], &w.r[a], &w.r[b], &w.r[c], f) }
}

// lop3Pred is lop3.and and lop3.or: the predicate is (result != 0) combined with another.
func (d *decoder) lop3Pred(a, b, c int, f func(a, b, c uint32) uint32) func(*Warp) {
	in := d.in
	or := in.Has(ptx.ModOr)
	p, not := d.pred(&in.Args[5])
	pair := in.Args[0].List
	dst, q := d.slots(&pair[0], true)[0], d.dst(&pair[1])
	return func(w *Warp) {
		old := w.pred[p]
		if not {
			old = ^old
		}
		var set uint32
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			v := f(w.r[a][l], w.r[b][l], w.r[c][l])
			if v != 0 {
				set |= 1 << l
			}
			dst.set(w, l, uint64(v))
		}
		if or {
			set |= old
		} else {
			set &= old
		}
		w.pred[q] = w.pred[q]&^w.mask | set&w.mask
	}
}

// tableFunction evaluates the truth table of lop3 (PTX ISA 9.7.7.6).
func tableFunction(table uint32) func(a, b, c uint32) uint32 {
	return func(a, b, c uint32) (out uint32) {
		for i := range uint32(8) {
			if table>>i&1 == 0 {
				continue
			}
			x, y, z := a, b, c
			if i&4 == 0 {
				x = ^x
			}
			if i&2 == 0 {
				y = ^y
			}
			if i&1 == 0 {
				z = ^z
			}
			out |= x & y & z
		}
		return out
	}
}

// trunc keeps the low n bits; sext extends their sign.
func trunc(a, n uint32) uint32 { return uint32(uint64(a) & (1<<n - 1)) }
func sext(a, n uint32) int32   { return int32(a<<(32-n)) >> (32 - n) }

func unary32(in *ptx.Inst, t ptx.Type) func(uint32) uint32 {
	if t.IsFloat() {
		return floatUnary(in, t)
	}
	n := uint32(t.Bits())
	switch in.Op.ID {
	case ptx.OpNot:
		return func(a uint32) uint32 { return trunc(^a, n) }
	case ptx.OpCnot:
		return func(a uint32) uint32 {
			if trunc(a, n) == 0 {
				return 1
			}
			return 0
		}
	case ptx.OpNeg:
		return func(a uint32) uint32 { return trunc(-a, n) }
	case ptx.OpAbs:
		return func(a uint32) uint32 {
			if v := sext(a, n); v < 0 {
				return trunc(-a, n)
			}
			return trunc(a, n)
		}
	case ptx.OpBrev:
		return bits.Reverse32
	}
	return nil
}

func binary32(in *ptx.Inst, t ptx.Type) func(a, b uint32) uint32 {
	if t.IsFloat() {
		return floatBinary(in, t)
	}
	if t == ptx.U16x2 || t == ptx.S16x2 {
		return pairs16(in, t)
	}
	n := uint32(t.Bits())
	signed := t.IsSigned()
	sat := in.Has(ptx.ModSat)
	switch in.Op.ID {
	case ptx.OpAdd:
		if sat {
			return func(a, b uint32) uint32 { return clampS32(int64(int32(a)) + int64(int32(b))) }
		}
		return func(a, b uint32) uint32 { return trunc(a+b, n) }
	case ptx.OpSub:
		if sat {
			return func(a, b uint32) uint32 { return clampS32(int64(int32(a)) - int64(int32(b))) }
		}
		return func(a, b uint32) uint32 { return trunc(a-b, n) }
	case ptx.OpMul:
		return mulPart(in.MulPart() == ptx.ModHi, signed, n)
	case ptx.OpDiv, ptx.OpRem:
		return divide(in.Op.ID == ptx.OpRem, signed, n)
	case ptx.OpMin, ptx.OpMax:
		f := choose(in.Op.ID == ptx.OpMin, signed, n)
		if !in.Has(ptx.ModRelu) {
			return f
		}
		return func(a, b uint32) uint32 { return uint32(max(int32(f(a, b)), 0)) }
	case ptx.OpAnd:
		return func(a, b uint32) uint32 { return a & b }
	case ptx.OpOr:
		return func(a, b uint32) uint32 { return a | b }
	case ptx.OpXor:
		return func(a, b uint32) uint32 { return a ^ b }
	}
	return nil
}

func clampS32(v int64) uint32 { return uint32(int32(min(max(v, -1<<31), 1<<31-1))) }

func mulPart(hi, signed bool, n uint32) func(a, b uint32) uint32 {
	return func(a, b uint32) uint32 {
		p := uint64(trunc(a, n)) * uint64(trunc(b, n))
		if signed {
			p = uint64(int64(sext(a, n)) * int64(sext(b, n)))
		}
		if hi {
			p >>= n
		}
		return trunc(uint32(p), n)
	}
}

// divide gives all ones for a zero divisor, as the hardware's sequence does; PTX leaves it open.
func divide(rem, signed bool, n uint32) func(a, b uint32) uint32 {
	return func(a, b uint32) uint32 {
		if trunc(b, n) == 0 {
			if rem {
				return trunc(a, n)
			}
			return trunc(^uint32(0), n)
		}
		if !signed {
			if rem {
				return trunc(a, n) % trunc(b, n)
			}
			return trunc(a, n) / trunc(b, n)
		}
		x, y := int64(sext(a, n)), int64(sext(b, n))
		if rem {
			return trunc(uint32(x%y), n)
		}
		return trunc(uint32(x/y), n)
	}
}

func choose(least, signed bool, n uint32) func(a, b uint32) uint32 {
	return func(a, b uint32) uint32 {
		less := trunc(a, n) < trunc(b, n)
		if signed {
			less = sext(a, n) < sext(b, n)
		}
		if less == least {
			return trunc(a, n)
		}
		return trunc(b, n)
	}
}

func ternary32(in *ptx.Inst, t ptx.Type) func(a, b, c uint32) uint32 {
	if t.IsFloat() {
		return floatTernary(in, t)
	}
	n := uint32(t.Bits())
	signed := t.IsSigned()
	switch in.Op.ID {
	case ptx.OpMad:
		f := mulPart(in.MulPart() == ptx.ModHi, signed, n)
		if in.Has(ptx.ModSat) {
			return func(a, b, c uint32) uint32 {
				return clampS32(int64(int32(f(a, b))) + int64(int32(c)))
			}
		}
		if in.MulPart() == ptx.ModLo {
			return func(a, b, c uint32) uint32 { return trunc(a*b+c, n) }
		}
		return func(a, b, c uint32) uint32 { return trunc(f(a, b)+c, n) }
	case ptx.OpSad:
		f := choose(false, signed, n)
		g := choose(true, signed, n)
		return func(a, b, c uint32) uint32 { return trunc(c+f(a, b)-g(a, b), n) }
	case ptx.OpPrmt:
		if len(in.Mods) > 1 {
			return permuteMode(in)
		}
		return permute
	case ptx.OpShf:
		return funnel(in)
	}
	return nil
}

// permute is prmt.b32 in its default mode (PTX ISA 9.7.9.7).
func permute(a, b, sel uint32) (out uint32) {
	src := uint64(a) | uint64(b)<<32
	for i := range 4 {
		s := sel >> (4 * i) & 15
		v := uint32(src>>(8*(s&7))) & 0xff
		if s&8 != 0 {
			v = uint32(int32(v<<24)>>31) & 0xff
		}
		out |= v << (8 * i)
	}
	return out
}

func funnel(in *ptx.Inst) func(a, b, c uint32) uint32 {
	left, wrap := in.Has(ptx.ModL), in.Has(ptx.ModWrap)
	return func(a, b, c uint32) uint32 {
		if wrap {
			c &= 31
		}
		c = min(c, 32)
		v := uint64(b)<<32 | uint64(a)
		if left {
			return uint32(v << c >> 32)
		}
		return uint32(v >> c)
	}
}

func unary64(in *ptx.Inst, t ptx.Type) func(uint64) uint64 {
	if t == ptx.F64 {
		return doubleUnary(in)
	}
	switch in.Op.ID {
	case ptx.OpNot:
		return func(a uint64) uint64 { return ^a }
	case ptx.OpNeg:
		return func(a uint64) uint64 { return -a }
	case ptx.OpAbs:
		return func(a uint64) uint64 { return uint64(max(int64(a), -int64(a))) }
	case ptx.OpBrev:
		return bits.Reverse64
	case ptx.OpCnot:
		return func(a uint64) uint64 {
			if a == 0 {
				return 1
			}
			return 0
		}
	}
	return nil
}

func binary64(in *ptx.Inst, t ptx.Type) func(a, b uint64) uint64 {
	if t == ptx.F64 {
		return doubleBinary(in)
	}
	signed := t.IsSigned()
	switch in.Op.ID {
	case ptx.OpAdd:
		return func(a, b uint64) uint64 { return a + b }
	case ptx.OpSub:
		return func(a, b uint64) uint64 { return a - b }
	case ptx.OpMul:
		if in.MulPart() == ptx.ModLo {
			return func(a, b uint64) uint64 { return a * b }
		}
		return mulHigh64(signed)
	case ptx.OpDiv, ptx.OpRem:
		return divide64(in.Op.ID == ptx.OpRem, signed)
	case ptx.OpMin, ptx.OpMax:
		least := in.Op.ID == ptx.OpMin
		return func(a, b uint64) uint64 {
			less := a < b
			if signed {
				less = int64(a) < int64(b)
			}
			if less == least {
				return a
			}
			return b
		}
	case ptx.OpAnd:
		return func(a, b uint64) uint64 { return a & b }
	case ptx.OpOr:
		return func(a, b uint64) uint64 { return a | b }
	case ptx.OpXor:
		return func(a, b uint64) uint64 { return a ^ b }
	}
	return nil
}

func mulHigh64(signed bool) func(a, b uint64) uint64 {
	return func(a, b uint64) uint64 {
		hi, _ := bits.Mul64(a, b)
		if signed {
			if int64(a) < 0 {
				hi -= b
			}
			if int64(b) < 0 {
				hi -= a
			}
		}
		return hi
	}
}

func divide64(rem, signed bool) func(a, b uint64) uint64 {
	return func(a, b uint64) uint64 {
		switch {
		case b == 0 && rem:
			return a
		case b == 0:
			return ^uint64(0)
		case signed && rem:
			return uint64(int64(a) % int64(b))
		case signed:
			return uint64(int64(a) / int64(b))
		case rem:
			return a % b
		}
		return a / b
	}
}

func ternary64(in *ptx.Inst, t ptx.Type) func(a, b, c uint64) uint64 {
	if t == ptx.F64 {
		return doubleTernary(in)
	}
	if in.Op.ID == ptx.OpMad {
		if in.MulPart() == ptx.ModLo {
			return func(a, b, c uint64) uint64 { return a*b + c }
		}
		f := mulHigh64(t.IsSigned())
		return func(a, b, c uint64) uint64 { return f(a, b) + c }
	}
	if in.Op.ID == ptx.OpSad {
		return func(a, b, c uint64) uint64 {
			if less := a < b; t.IsSigned() && int64(a) < int64(b) || !t.IsSigned() && less {
				a, b = b, a
			}
			return c + a - b
		}
	}
	return nil
}
