package sm

import (
	"encoding/binary"

	"tensoros/hw/ptx"
)

// A 128-bit register is two rows of 64 bits, the low one first. Only mov and atom know them (PTX
// ISA 8.3, .b128).

const quadBytes = 16

func (d *decoder) quad() func(*Warp) {
	switch in := d.in; in.Op.ID {
	case ptx.OpMov:
		return d.quadMove()
	case ptx.OpAtom:
		return d.quadAtomic()
	}
	return nil
}

// halves are the rows of a 128-bit operand: a register, or a vector of two of 64 bits.
func (d *decoder) halves(op *ptx.Operand, result bool) (h [2]slot, ok bool) {
	if op.Kind == ptx.KindVector {
		list := d.slots(op, result)
		if len(list) != 2 || !(list[0].wide || list[0].empty) || !(list[1].wide || list[1].empty) {
			d.fault("a 128-bit vector has two elements of 64 bits here")
			return h, false
		}
		return [2]slot(list), true
	}
	if op.Kind != ptx.KindReg || d.f.Regs.Type(int(op.Index)).Bits() != 8*quadBytes {
		d.fault("operand %s is not a 128-bit register", op.Name)
		return h, false
	}
	row := int(d.place[op.Index])
	return [2]slot{{row: row, wide: true}, {row: row + 1, wide: true}}, true
}

func (d *decoder) quadMove() func(*Warp) {
	src, ok := d.halves(&d.in.Args[1], false)
	dst, ok2 := d.halves(&d.in.Args[0], true)
	if !ok || !ok2 {
		return func(*Warp) {}
	}
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			low, high := src[0].get(w, l), src[1].get(w, l)
			dst[0].set(w, l, low)
			dst[1].set(w, l, high)
		}
	}
}

// quadAtomic is atom.exch and atom.cas.
func (d *decoder) quadAtomic() func(*Warp) {
	in := d.in
	s, known := spaceOf(in.Space())
	dst, ok := d.halves(&in.Args[0], true)
	a, ok2 := d.halves(&in.Args[2], false)
	b, swap := a, in.AtomOp() == ptx.ModCas
	ok3 := true
	if swap {
		b, ok3 = d.halves(&in.Args[3], false)
	}
	if !known || !ok || !ok2 || !ok3 {
		return func(*Warp) {}
	}
	addr := d.address(&in.Args[1])
	note := d.access(s, quadBytes)
	d.out.cost.load, d.out.cost.atomic = true, true
	le := binary.LittleEndian
	return func(w *Warp) {
		addr(w)
		note(w)
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.bytesAt(s, l, quadBytes, true)
			if p == nil {
				return
			}
			low, high := le.Uint64(p), le.Uint64(p[8:])
			if !swap || low == a[0].get(w, l) && high == a[1].get(w, l) {
				le.PutUint64(p, b[0].get(w, l))
				le.PutUint64(p[8:], b[1].get(w, l))
			}
			dst[0].set(w, l, low)
			dst[1].set(w, l, high)
		}
	}
}
