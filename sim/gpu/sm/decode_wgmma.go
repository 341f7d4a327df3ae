package sm

import (
	"encoding/binary"

	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

// wgmma works on 64 rows of A, 16 a warp of the warpgroup. Data moves at issue, as with cp.async:
// a correct program touches operands and accumulators only after wgmma.wait_group.

// wgmma decodes the family.
func (d *decoder) wgmma() func(*Warp) {
	d.out.cost.queue = mmaQueue
	switch d.in.Op.ID {
	case ptx.OpWgmmaFence:
		d.out.cost.warpgroup = mmaFence
		return func(*Warp) {}
	case ptx.OpWgmmaCommitGroup:
		d.out.cost.commit = true
		return func(w *Warp) {
			w.mmaGroups++
			for _, v := range w.warpgroup() {
				if v.parked {
					v.lookAgain()
					w.cta.freed = append(w.cta.freed, v)
				}
			}
		}
	}
	return d.mmaAsync()
}

// mmaWait is wgmma.wait_group. A wgmma belongs to the whole warpgroup, so it has ended only if all
// four warps have issued it: one of them may then tell the producer that operands can go.
func (d *decoder) mmaWait() {
	d.out.kind, d.out.cost.queue = parking, mmaQueue
	pending := int(d.in.Args[0].Imm)
	d.out.cost.waiting, d.out.cost.wait = true, int32(pending)
	d.out.try = func(w *Warp) bool {
		w.wake = far
		for _, v := range w.warpgroup() {
			if !v.done() && v.mmaGroups < w.mmaGroups-pending {
				return false
			}
		}
		w.drained()
		return true
	}
}

// warpgroup is the four warps that wgmma joins.
func (w *Warp) warpgroup() []*Warp {
	first := w.id &^ 3
	return w.cta.warps[first:min(first+4, len(w.cta.warps))]
}

// matrix is an operand in shared memory.
type matrix struct {
	desc int    // row of the 64-bit register that describes it
	mn   bool   // MN-major: the other dimension than k is contiguous
	flip uint32 // sign bits to turn over
}

type wgmma struct {
	unit   *tensor.Unit
	n      int
	a, b   matrix
	aRegs  []slot // if A is in registers
	acc    []slot
	scale  int // predicate row, -1 if the accumulator always counts
	invert bool
	af, bf [4]row
	zero   row
}

func (d *decoder) mmaAsync() func(*Warp) {
	in := d.in
	_, n, k := in.Shape()
	x := &wgmma{n: n, scale: -1}
	ok := false
	shape := tensor.Shape{M: 16, N: 8, K: k}
	if x.unit, ok = d.tensorUnit(gpu.WGMMA, shape, in.Type(1), in.Type(2), in.Type(0)); !ok {
		return nil
	}
	// m64nNk takes N/2 cycles for 32 bytes of k, whatever the type (Luo et al.).
	d.out.cost.warpgroup = mmaShared
	if !d.wgmmaOperands(x, elementFormat[in.Type(1)].Bits) {
		return nil
	}
	return x.run
}

// wgmmaOperands reads D, A, B, scale-d, the two signs and the transpositions.
func (d *decoder) wgmmaOperands(x *wgmma, bits int) bool {
	args := d.in.Args
	x.acc = d.slots(&args[0], true)
	signs := map[int]uint32{8: 0x80808080, 16: 0x80008000, 32: 0x80000000}
	if args[1].Kind == ptx.KindVector {
		x.aRegs = d.slots(&args[1], false)
		d.out.cost.warpgroup = mmaRegisters
	} else {
		x.a.desc = d.src64(1)
	}
	x.b.desc = d.src64(2)
	if args[3].Kind == ptx.KindReg {
		x.scale, x.invert = d.pred(&args[3])
	} else if args[3].Kind != ptx.KindInt || args[3].Imm == 0 {
		d.fault("wgmma: scale-d is neither a predicate nor 1")
	}
	trans := args[4:]
	if len(trans) >= 2 {
		if trans[0].Imm < 0 {
			x.a.flip = signs[bits]
		}
		if trans[1].Imm < 0 {
			x.b.flip = signs[bits]
		}
		trans = trans[2:]
	}
	if x.aRegs == nil && len(trans) > 0 {
		x.a.mn, trans = trans[0].Imm == 1, trans[1:]
	}
	if len(trans) > 0 {
		x.b.mn = trans[0].Imm == 1
	}
	want := x.n / 8 * x.unit.RegsC()
	return len(x.acc) == want && (x.aRegs == nil || len(x.aRegs) == 4)
}

func (x *wgmma) run(w *Warp) {
	if w.mask != allLanes {
		w.cta.fail(w, "wgmma needs all 32 lanes, %d execute it", popcount(w.mask))
		return
	}
	if len(w.cta.warps)&^3 <= w.id&^3 {
		w.cta.fail(w, "wgmma needs a whole warpgroup of four warps")
		return
	}
	if w.cta.launch.Dry || !x.loadA(w) {
		return
	}
	var d, c [4]*tensor.Reg
	n := x.unit.RegsC()
	fresh := x.scale >= 0 && (w.pred[x.scale]&1 == 0) != x.invert
	for j := range x.n / 8 {
		if !x.b.gather(w, 8*j, x.bf[:2], 1) {
			return
		}
		x.unit.LoadB([]*tensor.Reg{&x.bf[0], &x.bf[1]})
		for i := range n {
			d[i] = &w.r[x.acc[j*n+i].row]
			c[i] = d[i]
			if fresh {
				c[i] = &x.zero
			}
		}
		x.unit.Run(d[:n], c[:n])
	}
}

func (x *wgmma) loadA(w *Warp) bool {
	if x.aRegs == nil {
		if !x.a.gather(w, w.id%4*16, x.af[:], 2) {
			return false
		}
	} else {
		for i, s := range x.aRegs {
			x.af[i] = w.r[s.row]
			for l := range x.af[i] {
				x.af[i][l] ^= x.a.flip
			}
		}
	}
	x.unit.LoadA([]*tensor.Reg{&x.af[0], &x.af[1], &x.af[2], &x.af[3]})
	return true
}

// gather fills fragment registers from shared memory: blocks of eight rows from row on, register
// chunk*blocks + block for 16 bytes of k each.
func (m *matrix) gather(w *Warp, row int, out []row, blocks int) bool {
	desc, shared := w.x[m.desc][0], w.cta.shared
	for i := range out {
		block := m.rowBlock
		if m.mn {
			block = m.columnBlock
		}
		if !block(shared, desc, row+8*(i%blocks), i/blocks, &out[i]) {
			w.cta.fail(w, "wgmma descriptor %#x: outside the CTA's shared memory", desc)
			return false
		}
		if w.cta.launch.Watch != nil {
			m.gathered(w, desc, row+8*(i%blocks), i/blocks)
		}
	}
	return true
}

// rowBlock reads eight rows of 16 bytes of k; inside 16 bytes no swizzle moves anything.
func (m *matrix) rowBlock(shared []byte, desc uint64, r, chunk int, out *row) bool {
	for g := range 8 {
		at := kMajor(desc, r+g, chunk)
		if at+16 > len(shared) {
			return false
		}
		p, q := shared[at:at+16:at+16], out[4*g:4*g+4:4*g+4]
		q[0] = binary.LittleEndian.Uint32(p) ^ m.flip
		q[1] = binary.LittleEndian.Uint32(p[4:]) ^ m.flip
		q[2] = binary.LittleEndian.Uint32(p[8:]) ^ m.flip
		q[3] = binary.LittleEndian.Uint32(p[12:]) ^ m.flip
	}
	return true
}

// columnBlock reads eight depths of k of eight 16-bit elements and turns them over.
func (m *matrix) columnBlock(shared []byte, desc uint64, r, chunk int, out *row) bool {
	for t := range 4 {
		lo, hi := mnMajor(desc, r, 8*chunk+2*t), mnMajor(desc, r, 8*chunk+2*t+1)
		if max(lo, hi)+16 > len(shared) {
			return false
		}
		p, q := shared[lo:lo+16:lo+16], shared[hi:hi+16:hi+16]
		for g := range 8 {
			v := uint32(binary.LittleEndian.Uint16(p[2*g:]))
			out[4*g+t] = (v | uint32(binary.LittleEndian.Uint16(q[2*g:]))<<16) ^ m.flip
		}
	}
	return true
}

// The canonical layouts, from the comment of make_gmma_desc in CUTLASS's mma_traits_sm90_gmma.hpp.
// Bits 62-63 of a descriptor: 0 no swizzle, 1 128 bytes, 2 64, 3 32.

func descriptor(v uint64) (start, lbo, sbo int, mode uint64) {
	return int(v&0x3fff) << 4, int(v>>16&0x3fff) << 4, int(v>>32&0x3fff) << 4, v >> 62
}

// kMajor is where the 16 bytes of chunk k of row r lie.
func kMajor(desc uint64, r, k int) int {
	start, lbo, sbo, mode := descriptor(desc)
	if mode == 0 {
		return start + r%8*16 + r/8*sbo + k*lbo
	}
	return swizzle(start+r%8*(256>>mode)+r/8*sbo+k*16, desc)
}

// mnMajor is where the 16-bit element of row (or column) r and depth k lies.
func mnMajor(desc uint64, r, k int) int {
	start, lbo, sbo, mode := descriptor(desc)
	if mode == 0 {
		return start + r%8*2 + r/8*sbo + k%8*16 + k/8*lbo
	}
	width := 256 >> mode // bytes of a swizzled row
	n := width / 2
	return swizzle(start+r%n*2+r/n*lbo+k%8*width+k/8*sbo, desc)
}

// swizzle is Swizzle<B,4,3> on byte addresses with B = 3, 2, 1 for 128, 64 and 32 bytes. The base
// offset of the descriptor (bits 49 to 51) is where the pattern starts, in units of 128 bytes (PTX
// ISA, "Matrix-descriptor Format").
func swizzle(a int, desc uint64) int {
	mask := 1<<(4-desc>>62) - 1
	row := a>>7 - int(desc>>49&7)
	return a ^ row&mask<<4
}
