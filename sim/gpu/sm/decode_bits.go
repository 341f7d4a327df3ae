package sm

import (
	"math"

	"tensoros/hw/ptx"
)

// bitOperation is what works on bits and bytes of words beyond the common forms.
func (d *decoder) bitOperation() func(*Warp) {
	in := d.in
	switch in.Op.ID {
	case ptx.OpSlct:
		return d.selectBySign()
	case ptx.OpSet:
		return d.set()
	case ptx.OpTestp:
		return d.testProperty()
	case ptx.OpCvtPack:
		return d.packSaturated()
	}
	f := wordFunction(in)
	if f == nil {
		return nil
	}
	a, b, c := d.src32(1), d.src32(2), d.const32(0)
	if len(in.Args) > 3 {
		c = d.src32(3)
	}
	dst := d.dst(&in.Args[0])
	return func(w *Warp) { map3(w.mask, &w.r[dst], &w.r[a], &w.r[b], &w.r[c], f) }
}

// wordFunction is a function of two or three words; nil if not known.
func wordFunction(in *ptx.Inst) func(a, b, c uint32) uint32 {
	wrap := in.Has(ptx.ModWrap)
	signed := in.Type(0).IsSigned()
	switch in.Op.ID {
	case ptx.OpFns:
		return findNthSet
	case ptx.OpBmsk:
		return func(a, b, _ uint32) uint32 { return bitMask(a, b, wrap) }
	case ptx.OpSzext:
		return func(a, b, _ uint32) uint32 { return extendBits(a, b, wrap, signed) }
	case ptx.OpDp4a, ptx.OpDp2a:
		return dotBytes(in)
	case ptx.OpMul24, ptx.OpMad24:
		return mul24(in)
	}
	return video(in)
}

// mul24 multiplies the low 24 bits; .hi gives bits 47..16 (PTX ISA 9.7.1.5).
func mul24(in *ptx.Inst) func(a, b, c uint32) uint32 {
	signed, hi, sat := in.Type(0).IsSigned(), in.Has(ptx.ModHi), in.Has(ptx.ModSat)
	return func(a, b, c uint32) uint32 {
		p := int64(a&0xffffff) * int64(b&0xffffff)
		if signed {
			p = int64(sext(a, 24)) * int64(sext(b, 24))
		}
		if hi {
			p >>= 16
		}
		if sat {
			return clampS32(int64(int32(p)) + int64(int32(c)))
		}
		return uint32(p) + c
	}
}

// findNthSet is fns (PTX ISA 9.7.1.17): the offset-th set bit from base, up or down.
func findNthSet(mask, base, offset uint32) uint32 {
	n, step := int32(offset), int32(1)
	switch {
	case n == 0:
		n = 1
		mask &= 1 << (base & 31)
		if base > 31 {
			mask = 0
		}
	case n < 0:
		n, step = -n, -1
	}
	for pos := int32(base); pos >= 0 && pos < 32; pos += step {
		if mask>>pos&1 == 0 {
			continue
		}
		if n--; n == 0 {
			return uint32(pos)
		}
	}
	return ^uint32(0)
}

// bitMask is bmsk (PTX ISA 9.7.1.22): b ones from bit a.
func bitMask(a, b uint32, wrap bool) uint32 {
	if wrap {
		a, b = a&31, b&31
	}
	a, b = min(a, 32), min(b, 32)
	return uint32((uint64(1)<<b - 1) << a)
}

// extendBits is szext (PTX ISA 9.7.1.21): the low b bits of a, sign- or zero-extended.
func extendBits(a, b uint32, wrap, signed bool) uint32 {
	if wrap {
		b &= 31
	}
	switch {
	case b >= 32:
		return a
	case b == 0:
		return 0
	case signed:
		return uint32(sext(a, b))
	}
	return trunc(a, b)
}

// dotBytes is dp4a and dp2a (PTX ISA 9.7.1.23-24); dp2a takes 16-bit elements of a.
func dotBytes(in *ptx.Inst) func(a, b, c uint32) uint32 {
	n, size, skip := 4, uint32(8), uint32(0)
	if in.Op.ID == ptx.OpDp2a {
		n, size = 2, 16
		if in.Has(ptx.ModHi) {
			skip = 16
		}
	}
	signedA, signedB := in.Type(0).IsSigned(), in.Type(1).IsSigned()
	part := func(v, bits uint32, signed bool) uint32 {
		if signed {
			return uint32(sext(v, bits))
		}
		return trunc(v, bits)
	}
	return func(a, b, c uint32) uint32 {
		b >>= skip
		for range n {
			c += part(a, size, signedA) * part(b, 8, signedB)
			a, b = a>>size, b>>8
		}
		return c
	}
}

// selectBySign is slct: a where c is not negative, else b; a NaN selects b.
func (d *decoder) selectBySign() func(*Warp) {
	in := d.in
	isFloat, ftz := in.Type(1) == ptx.F32, in.Has(ptx.ModFtz)
	c := d.src32(3)
	a, b := d.slots(&in.Args[1], false)[0], d.slots(&in.Args[2], false)[0]
	dst := d.slots(&in.Args[0], true)[0]
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			v := w.r[c][l]
			if ftz {
				v = flush32(v)
			}
			yes := int32(v) >= 0
			if isFloat {
				yes = math.Float32frombits(v) >= 0
			}
			if yes {
				dst.set(w, l, a.get(w, l))
			} else {
				dst.set(w, l, b.get(w, l))
			}
		}
	}
}

// set is set: the truth as all ones, or as 1.0 in a float.
func (d *decoder) set() func(*Warp) {
	in := d.in
	to, from := in.Type(0), in.Type(1)
	fl, isFloat := floatOf(to)
	yes := ^uint64(0)
	if isFloat {
		yes = uint64(fl.put(1))
	}
	compare, halves := d.lanesOf(from)
	if compare == nil {
		return nil
	}
	combine := d.combination()
	dst := d.slots(&in.Args[0], true)[0]
	return func(w *Warp) {
		low := combine(w, compare(w, 0))
		var high uint32
		if halves {
			high = combine(w, compare(w, 1))
		}
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			var v uint64
			if low>>l&1 == 1 {
				v = yes
			}
			if high>>l&1 == 1 {
				v |= yes << 16
			}
			dst.set(w, l, v)
		}
	}
}

// lanesOf compares operands 1 and 2 in every lane; halves says that it compares pairs.
func (d *decoder) lanesOf(t ptx.Type) (compare func(w *Warp, half int) uint32, halves bool) {
	switch t {
	case ptx.F16x2:
		t, halves = ptx.F16, true
	case ptx.Bf16x2:
		t, halves = ptx.Bf16, true
	}
	narrow, long := relation(d.in, t)
	switch {
	case long != nil:
		a, b := d.src64(1), d.src64(2)
		return func(w *Warp, _ int) uint32 {
			return test(w.mask, 0, &w.x[a], &w.x[b], long)
		}, false
	case narrow == nil:
		return nil, false
	}
	a, b := d.src32(1), d.src32(2)
	if !halves {
		return func(w *Warp, _ int) uint32 {
			return test(w.mask, 0, &w.r[a], &w.r[b], narrow)
		}, false
	}
	return func(w *Warp, half int) uint32 {
		return test(w.mask, 0, &w.r[a], &w.r[b], func(x, y uint32) bool {
			return narrow(x>>(16*half)&0xffff, y>>(16*half)&0xffff)
		})
	}, true
}

// testProperty is testp.
func (d *decoder) testProperty() func(*Warp) {
	in := d.in
	get, least := getFloat(in.Type(0), false), 0x1p-126
	if in.Type(0) == ptx.F64 {
		least = 0x1p-1022
	}
	what := in.Mods[0]
	src := d.slots(&in.Args[1], false)[0]
	dst := d.dst(&in.Args[0])
	return func(w *Warp) {
		var out uint32
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			if hasProperty(what, get(src.get(w, l)), least) {
				out |= 1 << l
			}
		}
		w.pred[dst] = w.pred[dst]&^w.mask | out
	}
}

func hasProperty(what ptx.Mod, x, least float64) bool {
	switch what {
	case ptx.ModFinite:
		return x-x == 0
	case ptx.ModInfinite:
		return math.IsInf(x, 0)
	case ptx.ModNumber:
		return x == x
	case ptx.ModNotanumber:
		return x != x
	case ptx.ModNormal:
		return x-x == 0 && math.Abs(x) >= least
	}
	return x != 0 && math.Abs(x) < least
}

// packSaturated is cvt.pack.sat: a, then b, below c shifted up
func (d *decoder) packSaturated() func(*Warp) {
	in := d.in
	to := in.Type(0)
	n := uint(to.Bits())
	lo, hi := limits(to)
	one := func(v uint32) uint32 {
		return uint32(cut(uint64(min(max(int64(int32(v)), int64(lo)), int64(hi))), to))
	}
	a, b, c := d.src32(1), d.src32(2), d.const32(0)
	if len(in.Args) > 3 {
		c = d.src32(3)
	}
	dst := d.dst(&in.Args[0])
	f := func(a, b, c uint32) uint32 { return c<<(2*n) | one(a)<<n | one(b) }
	return func(w *Warp) { map3(w.mask, &w.r[dst], &w.r[a], &w.r[b], &w.r[c], f) }
}

// bitField64 is bfe and bfi of 64 bits.
func (d *decoder) bitField64(t ptx.Type) func(*Warp) {
	in := d.in
	if in.Op.ID == ptx.OpBfe {
		signed := t.IsSigned()
		a, b, c, dst := d.src64(1), d.src32(2), d.src32(3), d.dst(&in.Args[0])
		f := func(a uint64, pos, n uint32) uint64 { return extract64(a, pos&0xff, n&0xff, signed) }
		return func(w *Warp) { map3(w.mask, &w.x[dst], &w.x[a], &w.r[b], &w.r[c], f) }
	}
	a, b, c, e, dst := d.src64(1), d.src64(2), d.src32(3), d.src32(4), d.dst(&in.Args[0])
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			pos, n := w.r[c][l]&0xff, min(w.r[e][l]&0xff, 64)
			mask := uint64(1)<<n - 1
			if n == 64 {
				mask = ^uint64(0)
			}
			w.x[dst][l] = w.x[b][l]&^(mask<<pos) | w.x[a][l]&mask<<pos
		}
	}
}

// extract64 is bfe of 64 bits: positions beyond the top read the sign.
func extract64(a uint64, pos, n uint32, signed bool) uint64 {
	if n == 0 {
		return 0
	}
	sign := signed && a>>min(pos+n-1, 63)&1 == 1
	v := a >> pos
	if sign && pos > 0 {
		v |= ^uint64(0) << (64 - min(pos, 64))
	}
	if n >= 64 {
		return v
	}
	v &= 1<<n - 1
	if sign {
		v |= ^uint64(0) << n
	}
	return v
}

// permuteMode is prmt with a mode: the selector's low two bits say where to begin
// (PTX ISA 9.7.9.7).
func permuteMode(in *ptx.Inst) func(a, b, c uint32) uint32 {
	sel := func(uint32) uint32 { return 0 }
	switch in.Mods[len(in.Mods)-1] {
	case ptx.ModF4e:
		sel = func(n uint32) uint32 { return 0x3210 + n*0x1111 }
	case ptx.ModB4e:
		sel = func(n uint32) uint32 { return [4]uint32{0x5670, 0x6701, 0x7012, 0x0123}[n] }
	case ptx.ModRc8:
		sel = func(n uint32) uint32 { return n * 0x1111 }
	case ptx.ModEcl:
		sel = func(n uint32) uint32 { return [4]uint32{0x3210, 0x3211, 0x3222, 0x3333}[n] }
	case ptx.ModEcr:
		sel = func(n uint32) uint32 { return [4]uint32{0x0000, 0x1110, 0x2210, 0x3210}[n] }
	case ptx.ModRc16:
		sel = func(n uint32) uint32 { return [4]uint32{0x1010, 0x3232, 0x1010, 0x3232}[n] }
	}
	return func(a, b, c uint32) uint32 { return permute(a, b, sel(c&3)) }
}

// pairs16 is add, min and max of u16x2 and s16x2.
func pairs16(in *ptx.Inst, t ptx.Type) func(a, b uint32) uint32 {
	signed := t == ptx.S16x2
	var f func(a, b uint32) uint32
	switch in.Op.ID {
	case ptx.OpAdd:
		f = func(a, b uint32) uint32 { return a + b }
	case ptx.OpMin, ptx.OpMax:
		f = choose(in.Op.ID == ptx.OpMin, signed, 16)
	default:
		return nil
	}
	relu := in.Has(ptx.ModRelu)
	one := func(a, b uint32) uint32 {
		v := f(a, b) & 0xffff
		if relu && v&0x8000 != 0 {
			return 0
		}
		return v
	}
	return func(a, b uint32) uint32 {
		return one(a&0xffff, b&0xffff) | one(a>>16, b>>16)<<16
	}
}
