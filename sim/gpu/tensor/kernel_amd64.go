package tensor

import (
	"math"

	"golang.org/x/sys/cpu"

	"tensoros/hw/num"
)

var haveAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasF16C

// kernelParams are the constants of groupAVX2, one vector each: the assembly knows their order.
type kernelParams struct {
	magMask, fracMask, hidden   [8]uint32 // of the accumulator's format
	bias, zeroExp, infField     [8]uint32
	one, eminAlign, accRight    [8]uint32
	productSh, scaleBias        [8]uint32 // scaleBias: 1023-F
	keep, cut, sticky           [4]uint64 // bits of a float64 result
	tiny, abs                   [4]uint64 // 2^-126; all but the sign
	signLeft, manRight, accLeft [4]uint64 // shift counts
	a, b                        codecParams
}

// codecParams are the constants of the 16-bit decoders.
type codecParams struct {
	magMask, fracMask, hidden, bias, zeroExp, infField, one [16]uint16
	manRight, shift                                         [4]uint64
}

//go:noescape
func groupAVX2(t *tile, p *kernelParams, k0, k1 int, half bool) (redo int)

//go:noescape
func decodeA16AVX2(t *tile, p *codecParams, regs **Reg, n int) (odd int)

//go:noescape
func decodeB16AVX2(t *tile, p *codecParams, regs **Reg, n int) (odd int)

func all32(v int) (x [8]uint32) {
	for i := range x {
		x[i] = uint32(int32(v))
	}
	return x
}

func all16(v int) (x [16]uint16) {
	for i := range x {
		x[i] = uint16(int16(v))
	}
	return x
}

func all64(v uint64) [4]uint64 { return [4]uint64{v, v, v, v} }

// count is a shift count as VPSLLD and its kin want it: a whole 64-bit word.
func count(v uint) [4]uint64 { return [4]uint64{uint64(v)} }

func newKernelParams(u *Unit) (p kernelParams) {
	if !u.fast || u.x.acc.bits == 0 {
		u.fast = false
		return p
	}
	x, acc := &u.x, &u.x.acc
	// Beyond these bounds sums of 16 products could leave 32 bits, or scales the normal range.
	u.fast = x.f <= 25 && x.eminAlign >= -900 && u.group%4 == 0 && u.shape.K%4 == 0
	signLeft := 32 - acc.bits
	p = kernelParams{
		magMask: all32(1<<(acc.bits-1) - 1), fracMask: all32(int(acc.mask)),
		hidden: all32(int(acc.mask + 1)), bias: all32(int(acc.bias)),
		zeroExp: all32(int(acc.zeroExp)), infField: all32(int(acc.infField)), one: all32(1),
		eminAlign: all32(int(x.eminAlign)), accRight: all32(int(x.accRight)),
		productSh: all32(int(x.productSh)), scaleBias: all32(1023 - int(x.f)),
		keep: all64(^x.cut), cut: all64(x.cut), sticky: all64(x.cut + 1),
		tiny: all64(math.Float64bits(0x1p-126)), abs: all64(1<<63 - 1),
		signLeft: count(signLeft), manRight: count(acc.man), accLeft: count(x.accLeft),
	}
	p.a, p.b = newCodecParams(&u.a), newCodecParams(&u.b)
	return p
}

func newCodecParams(c *codec) codecParams {
	return codecParams{
		magMask: all16(0x7fff), fracMask: all16(int(c.mask)), hidden: all16(int(c.mask + 1)),
		bias: all16(int(c.bias)), zeroExp: all16(int(c.zeroExp)),
		infField: all16(int(c.infField)), one: all16(1),
		manRight: count(c.man), shift: count(c.shift),
	}
}

func (u *Unit) decodeA() {
	u.oddA = !u.fast || u.a.bits != 16 ||
		decodeA16AVX2(&u.tile, &u.kern.a, &u.aRegs[0], len(u.aRegs)) != 0
	if u.oddA {
		u.oddA = u.decodeAGo()
	}
}

func (u *Unit) decodeB() {
	if u.fast && u.b.bits == 16 {
		u.oddB = decodeB16AVX2(&u.tile, &u.kern.b, &u.bRegs[0], len(u.bRegs)) != 0
		u.hasB = false
		return
	}
	u.oddB, u.hasB = u.decodeBGo(), true
	if u.fast {
		u.spreadB()
	}
}

// runFast runs all groups in assembly, or reports that pure Go must: on Inf or NaN, and where a
// result is below the normal range of f32. Then the accumulators in the tile are spoilt.
func (u *Unit) runFast() bool {
	if !u.fast || u.oddA || u.oddB {
		return false
	}
	k, half := u.shape.K, u.rule.Acc == num.F16
	for k0 := 0; k0 < k; k0 += u.group {
		if groupAVX2(&u.tile, &u.kern, k0, min(k0+u.group, k), half) != 0 {
			return false
		}
	}
	return true
}
