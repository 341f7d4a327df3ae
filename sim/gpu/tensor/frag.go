package tensor

import "tensoros/hw/num"

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
