package sm

import (
	"math/bits"

	"tensoros/hw/ptx"
)

// The condition code register holds one carry bit a lane (PTX ISA 9.7.2).

// usesCarry reports whether an instruction reads or writes the carry.
func usesCarry(in *ptx.Inst) bool {
	switch in.Op.ID {
	case ptx.OpAddc, ptx.OpSubc, ptx.OpMadc:
		return true
	}
	return in.Has(ptx.ModCc)
}

// carry decodes add.cc, addc, sub.cc, subc, mad.cc and madc: every one is x + y + carry, where a
// subtraction adds the complement. The carry of a subtraction is kept as no borrow and read so.
func (d *decoder) carry(t ptx.Type) func(*Warp) {
	in := d.in
	id := in.Op.ID
	reads := id == ptx.OpAddc || id == ptx.OpSubc || id == ptx.OpMadc
	writes := in.Has(ptx.ModCc)
	sub := id == ptx.OpSub || id == ptx.OpSubc
	x, y := d.carryTerms(t)
	if sub {
		plain := y
		y = func(w *Warp, l int) uint64 { return ^plain(w, l) }
	}
	dst := d.slots(&in.Args[0], true)[0]
	n := uint(t.Bits())
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			var c uint64
			switch {
			case reads:
				c = uint64(w.carry >> l & 1)
			case sub:
				c = 1
			}
			sum, out := addCarry(x(w, l), y(w, l), c, n)
			dst.set(w, l, sum)
			if writes {
				w.carry = w.carry&^(1<<l) | uint32(out)<<l
			}
		}
	}
}

// addCarry adds n-bit numbers.
func addCarry(x, y, c uint64, n uint) (sum, carry uint64) {
	if n == 64 {
		return bits.Add64(x, y, c)
	}
	sum = x&(1<<n-1) + y&(1<<n-1) + c
	return sum & (1<<n - 1), sum >> n & 1
}

// carryTerms gives the two numbers to add: operands 1 and 2, or the product and operand 3.
func (d *decoder) carryTerms(t ptx.Type) (x, y func(w *Warp, l int) uint64) {
	in := d.in
	get := func(i int) func(w *Warp, l int) uint64 {
		s := d.slots(&in.Args[i], false)[0]
		return func(w *Warp, l int) uint64 { return s.get(w, l) }
	}
	a, b := get(1), get(2)
	if len(in.Args) == 3 {
		return a, b
	}
	hi := in.MulPart() == ptx.ModHi
	if t.Bits() == 64 {
		high := mulHigh64(t.IsSigned())
		return func(w *Warp, l int) uint64 {
			if hi {
				return high(a(w, l), b(w, l))
			}
			return a(w, l) * b(w, l)
		}, get(3)
	}
	part := mulPart(hi, t.IsSigned(), 32)
	return func(w *Warp, l int) uint64 {
		return uint64(part(uint32(a(w, l)), uint32(b(w, l))))
	}, get(3)
}
