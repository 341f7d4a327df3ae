package tensor

import (
	"math"
	"math/bits"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// integers are A and B of the integer methods: pairs of 16-bit elements along k, and for elements
// of 4 bits a second pass: the even k in the first, the odd ones in the second, for the order of
// an exact sum is free.
type integers struct {
	a [2][rows][maxK / 2]uint32
	b [2][maxK / 2][cols]uint32
}

func (u *Unit) loadIntA() {
	for pass := range 8 / u.a.bits {
		for r, reg := range u.aRegs {
			i := r / 2 * 8 & 8
			for g := range 8 {
				row, w := u.ints.a[pass][g+r%2*8][i:i+8:i+8], reg[4*g:4*g+4:4*g+4]
				row[0], row[1] = u.a.pairs(w[0], pass)
				row[2], row[3] = u.a.pairs(w[1], pass)
				row[4], row[5] = u.a.pairs(w[2], pass)
				row[6], row[7] = u.a.pairs(w[3], pass)
			}
		}
	}
}

func (u *Unit) loadIntB() {
	for pass := range 8 / u.b.bits {
		b := &u.ints.b[pass]
		for r, reg := range u.bRegs {
			for g := range cols {
				n, w := column(g), reg[4*g:4*g+4:4*g+4]
				for t, v := range w {
					i := (r*8 + 2*t) & 15
					b[i][n], b[i+1&15][n] = u.b.pairs(v, pass)
				}
			}
		}
	}
}

// runInt is D = A*B + C on integers: exact, wrapping at 32 bits or clamped (.satfinite).
func (u *Unit) runInt(d, c []*Reg) {
	if u.sat {
		u.tile.c = [rows][cols]uint32{}
	} else {
		u.loadC(c)
	}
	if u.rule.Method == gpu.MMAPopc {
		u.runPopc()
		u.storeD(d)
		return
	}
	for pass := range 8 / u.a.bits {
		u.runPairs(&u.ints.a[pass], &u.ints.b[pass])
	}
	if u.sat {
		u.clampC(c)
	}
	u.storeD(d)
}

// runPopc adds the ones of A and B (or of their differing bits) to the tile.
func (u *Unit) runPopc() {
	for r, reg := range u.aRegs {
		for lane, a := range reg {
			row := &u.tile.c[lane/4+r%2*8]
			for g := range cols {
				b := u.bRegs[r/2][4*g+lane%4]
				if u.xor {
					row[column(g)] += uint32(bits.OnesCount32(a ^ b))
				} else {
					row[column(g)] += uint32(bits.OnesCount32(a & b))
				}
			}
		}
	}
}

// pairs widens four elements of w to two pairs of 16-bit integers: its bytes, or the low or high
// halves of them.
func (c *codec) pairs(w uint32, pass uint) (lo, hi uint32) {
	signed := c.format.Special == num.Signed
	if c.bits == 4 {
		w = w >> (4 * pass) & 0x0f0f0f0f
		if signed { // 0x08 * 0x1e = 0xf0
			w |= w & 0x08080808 * 0x1e
		}
	}
	lo = w&0xff | w&0xff00<<8
	hi = w>>16&0xff | w>>8&0xff0000
	if signed { // 0x80 * 0x1fe = 0xff00
		lo |= lo & 0x800080 * 0x1fe
		hi |= hi & 0x800080 * 0x1fe
	}
	return lo, hi
}

func (u *Unit) runPairsGo(a *[rows][maxK / 2]uint32, b *[maxK / 2][cols]uint32) {
	var bt [cols][maxK / 2]uint32
	for i := range b {
		for n := range cols {
			bt[n][i] = b[i][n]
		}
	}
	half := u.shape.K * int(u.a.bits) / 16
	for m := range rows {
		for n := range cols {
			x, y := a[m][:half], bt[n][:half]
			sum := int32(u.tile.c[m][n])
			for i, w := range x {
				v := y[i]
				sum += int32(int16(w))*int32(int16(v)) + int32(w)>>16*(int32(v)>>16)
			}
			u.tile.c[m][n] = uint32(sum)
		}
	}
}

// clampC adds C to the tile, clamped to s32: at most 32*255*255 in size, the sums are exact.
func (u *Unit) clampC(c []*Reg) {
	sums := u.tile.c
	u.loadC(c)
	for m := range rows {
		for n := range cols {
			v := int64(int32(sums[m][n])) + int64(int32(u.tile.c[m][n]))
			u.tile.c[m][n] = uint32(min(max(v, math.MinInt32), math.MaxInt32))
		}
	}
}
