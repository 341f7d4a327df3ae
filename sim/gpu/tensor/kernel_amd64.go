package tensor

import (
	"math"

	"golang.org/x/sys/cpu"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
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
	turned                      [2 * maxK]uint32 // B transposed, before decoding
}

// codecParams are the constants of the operand decoders, one vector each: the assembly knows their
// order.
type codecParams struct {
	magMask, fracMask, hidden, bias, zeroExp, infField, one [8]uint32
	manRight, shift                                         [4]uint64
	nanMag                                                  [8]uint32
	keep                                                    [8]uint32 // A: all, B: low 16 bits
	order                                                   [32]uint8 // of 16 bytes along k
}

//go:noescape
func groupAVX2(t *tile, p *kernelParams, k0, k1 int, half bool) (redo int)

//go:noescape
func decodeA16AVX2(t *tile, p *codecParams, regs **Reg, n int) (odd int)

//go:noescape
func decodeB16AVX2(t *tile, p *codecParams, regs **Reg, n int) (odd int)

//go:noescape
func decode8AVX2(dst *int32, p *codecParams, src *uint32, n, step, off2, offE int) (odd int)

//go:noescape
func decode32AVX2(dst *int32, p *codecParams, src *uint32, n, step, off2, offE int) (odd int)

//go:noescape
func intAVX2(c *[rows][cols]uint32, a *[rows][maxK / 2]uint32, b *[maxK / 2][cols]uint32, pairs int)

func all32(v int) (x [8]uint32) {
	for i := range x {
		x[i] = uint32(int32(v))
	}
	return x
}

// all16 fills a vector with 16-bit words.
func all16(v int) [8]uint32 { return all32(int(uint32(uint16(v)) * 0x10001)) }

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
	p.b.keep = all32(0xffff)
	if u.rule.Method == gpu.MMATwoHMMA {
		p.a.order = [32]uint8{0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15}
	}
	return p
}

func newCodecParams(c *codec) codecParams {
	fill, pad := all16, 0
	if c.bits == 32 {
		fill, pad = all32, int(c.pad)
	}
	p := codecParams{
		magMask: fill(1<<(c.bits-1) - 1<<pad), fracMask: fill(int(c.mask) << pad),
		hidden: fill(int(c.mask+1) << pad), bias: fill(int(c.bias)), zeroExp: fill(int(c.zeroExp)),
		infField: fill(int(c.infField)), one: fill(1), nanMag: fill(int(c.nanMag)),
		manRight: count(c.man + c.pad), shift: count(c.shift), keep: all32(-1),
	}
	if c.bits == 32 {
		p.shift = count(c.pad - c.shift)
	}
	for i := range 16 {
		p.order[i] = uint8(i)
	}
	return p
}

func (u *Unit) decodeA() {
	u.oddA = !u.fast || u.fastA()
	if u.oddA {
		u.oddA = u.decodeAGo()
	}
}

// fastA decodes A in assembly and reports an Inf or NaN.
func (u *Unit) fastA() bool {
	t, p, odd := &u.tile, &u.kern.a, 0
	if u.a.bits == 16 {
		return decodeA16AVX2(t, p, &u.aRegs[0], len(u.aRegs)) != 0
	}
	for r, reg := range u.aRegs {
		m := r % 2 * 8
		if u.a.bits == 32 {
			odd |= decode32AVX2(&t.as[m][r/2*4], p, &reg[0], 4, 256, 128, 2048)
			continue
		}
		// The run of 16 goes to two places 8 long: side by side, or one in each half of K.
		at := u.order[r/2*16:]
		first, second := at[p.order[0]], at[p.order[8]]
		odd |= decode8AVX2(&t.as[m][first], p, &reg[0], 8, 128, 4*int(second-first), 2048)
	}
	return odd != 0
}

func (u *Unit) decodeB() {
	if u.fast {
		u.oddB, u.hasB = u.fastB(), false
		return
	}
	u.oddB, u.hasB = u.decodeBGo(), true
}

// fastB decodes B in assembly and reports an Inf or NaN.
func (u *Unit) fastB() bool {
	t, p, k := &u.tile, &u.kern.b, u.shape.K
	switch u.b.bits {
	case 16:
		return decodeB16AVX2(t, p, &u.bRegs[0], len(u.bRegs)) != 0
	case 32:
		for r, reg := range u.bRegs {
			for lane, w := range reg {
				u.kern.turned[(r*32+lane%4*8+column(lane/4))&63] = w
			}
		}
		return decode32AVX2(&t.bs[0][0], p, &u.kern.turned[0], k, 32, 16, 1024) != 0
	}
	for r, reg := range u.bRegs {
		for h := range 2 {
			for i, w := range turn8(reg, h) {
				at := u.order[(r*16+h*8+i)&(maxK-1)] & (maxK - 1)
				u.kern.turned[2*at], u.kern.turned[2*at+1] = uint32(w), uint32(w>>32)
			}
		}
	}
	return decode8AVX2(&t.bs[0][0], p, &u.kern.turned[0], k/2, 64, 32, 1024) != 0
}

// turn8 transposes half h of a register of 8-bit elements: 8 columns of 8 elements come as 8 words
// along k, one byte a tile column.
func turn8(reg *Reg, h int) (x [8]uint64) {
	for n := range 8 {
		x[column(n)] = uint64(reg[4*n+2*h]) | uint64(reg[4*n+2*h+1])<<32
	}
	for i := range 4 {
		t := (x[i]>>32 ^ x[i+4]) & 0x00000000ffffffff
		x[i], x[i+4] = x[i]^t<<32, x[i+4]^t
	}
	for _, i := range [4]int{0, 1, 4, 5} {
		t := (x[i]>>16 ^ x[i+2]) & 0x0000ffff0000ffff
		x[i], x[i+2] = x[i]^t<<16, x[i+2]^t
	}
	for i := 0; i < 8; i += 2 {
		t := (x[i]>>8 ^ x[i+1]) & 0x00ff00ff00ff00ff
		x[i], x[i+1] = x[i]^t<<8, x[i+1]^t
	}
	return x
}

// runPairs adds the products of A and B, as pairs of integers, to the tile's accumulators.
func (u *Unit) runPairs(a *[rows][maxK / 2]uint32, b *[maxK / 2][cols]uint32) {
	if haveAVX2 && !u.portable {
		intAVX2(&u.tile.c, a, b, u.shape.K*int(u.a.bits)/16)
		return
	}
	u.runPairsGo(a, b)
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
