package tensor

import (
	"math"

	"tensoros/hw/num"
)

// Fragment layouts: PTX ISA, "Matrix fragments for mma". Lane 4g+t of register r of A holds row
// g + 8*(r mod 2) and the elements k = (r/2)*4e + t*e ..., e elements a register; of B, column g
// and k = r*4e + t*e ...; of C, row g + 8*(r/2), column 2t + r mod 2 (f16: a register holds both).
// So eight lanes' runs of four registers are rows of a row-major 8 x 4e matrix.

// decodeAGo fills the A half of the tile in pure Go and reports an Inf or NaN.
func (u *Unit) decodeAGo() (odd bool) {
	run := 128 / int(u.a.bits) // elements of a row in one register
	for r, reg := range u.aRegs {
		at := u.order[r/2*run:][:run]
		for g := range 8 {
			m := g + r%2*8
			odd = u.a.decodeRun(reg[4*g:4*g+4], at, &u.tile.as[m], &u.tile.ae[m]) || odd
		}
	}
	return odd
}

// decodeBGo fills B by columns in pure Go and reports an Inf or NaN.
func (u *Unit) decodeBGo() (odd bool) {
	run := 128 / int(u.b.bits)
	for r, reg := range u.bRegs {
		at := u.order[r*run:][:run]
		for g := range 8 {
			b := &u.goB[column(g)]
			odd = u.b.decodeRun(reg[4*g:4*g+4], at, &b.s, &b.e) || odd
		}
	}
	return odd
}

// loadC copies the accumulator registers to the tile.
func (u *Unit) loadC(c []*Reg) {
	t := &u.tile
	if u.rule.Acc == num.F16 {
		for r, reg := range c[:2] {
			for lane, w := range reg {
				t.c[lane/4+8*r][lane%4] = w & 0xffff
				t.c[lane/4+8*r][lane%4+4] = w >> 16
			}
		}
		return
	}
	for g := range 8 {
		lo, hi := &t.c[g], &t.c[g+8]
		copy(lo[:4], c[0][4*g:4*g+4])
		copy(lo[4:], c[1][4*g:4*g+4])
		copy(hi[:4], c[2][4*g:4*g+4])
		copy(hi[4:], c[3][4*g:4*g+4])
	}
}

// storeD copies the results to the registers.
func (u *Unit) storeD(d []*Reg) {
	t := &u.tile
	if u.rule.Acc == num.F16 {
		for r, reg := range d[:2] {
			for lane := range reg {
				row := &t.c[lane/4+8*r]
				reg[lane] = row[lane%4] | row[lane%4+4]<<16
			}
		}
		return
	}
	for g := range 8 {
		lo, hi := &t.c[g], &t.c[g+8]
		copy(d[0][4*g:4*g+4], lo[:4])
		copy(d[1][4*g:4*g+4], lo[4:])
		copy(d[2][4*g:4*g+4], hi[:4])
		copy(d[3][4*g:4*g+4], hi[4:])
	}
}

// runInt is D = A*B + C on 8-bit integers: exact, wrapping at 32 bits or clamped (.satfinite).
func (u *Unit) runInt(d, c []*Reg) {
	var a [rows][maxK / 2]uint32 // pairs of 16-bit elements along k
	var b [maxK / 2][cols]uint32
	for r, reg := range u.aRegs {
		for lane, w := range reg {
			row := &a[lane/4+r%2*8]
			i := r / 2 * 8 & 8
			row[i+lane%4*2], row[i+lane%4*2+1] = u.a.pairs(w)
		}
	}
	for r, reg := range u.bRegs {
		for lane, w := range reg {
			i, n := r*8&8+lane%4*2, column(lane/4)
			b[i][n], b[i+1][n] = u.b.pairs(w)
		}
	}
	u.tile.c = [rows][cols]uint32{}
	if !u.sat {
		u.loadC(c)
	}
	u.runPairs(&a, &b)
	if u.sat {
		u.clampC(c)
	}
	u.storeD(d)
}

// pairs widens the four bytes of w to two pairs of 16-bit integers.
func (c *codec) pairs(w uint32) (lo, hi uint32) {
	lo = w&0xff | w&0xff00<<8
	hi = w>>16&0xff | w>>8&0xff0000
	if c.format == num.S8 { // 0x80 * 0x1fe = 0xff00
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
	half := u.shape.K / 2
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

// runF64 is m8n8k4 on f64: A row g, k t; B column g, k t; C row g, columns 2t and 2t+1; a chain of
// fused multiply-adds in the order of k. Registers are pairs of words, low first.
func (u *Unit) runF64(d, c []*Reg) {
	var out [2]([32]float64)
	for lane := range 32 {
		for i := range 2 {
			acc := word64(c[2*i:], lane)
			for k := range 4 {
				a := word64(u.aRegs, lane/4*4+k)
				b := word64(u.bRegs, (lane%4*2+i)*4+k)
				acc = math.FMA(a, b, acc)
			}
			out[i][lane] = acc
		}
	}
	for i := range 2 {
		for lane, v := range out[i] {
			w := math.Float64bits(v)
			if v != v {
				w = 0x7ff8000000000000
			}
			d[2*i][lane], d[2*i+1][lane] = uint32(w), uint32(w>>32)
		}
	}
}

func word64(r []*Reg, lane int) float64 {
	return math.Float64frombits(uint64(r[1][lane])<<32 | uint64(r[0][lane]))
}
