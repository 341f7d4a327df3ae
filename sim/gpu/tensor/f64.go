package tensor

import (
	"fmt"
	"math"
)

// Reg64 is one 64-bit register of a warp.
type Reg64 = [32]uint64

// Regs64 is the numbers of registers a lane gives for A, B and C of an f64 shape: m8n8k4, m16n8k4,
// m16n8k8 or m16n8k16. Others are an error.
func Regs64(s Shape) (a, b, c int, err error) {
	if s != (Shape{8, 8, 4}) && (s.M != 16 || s.N != 8 || s.K != 4 && s.K != 8 && s.K != 16) {
		return 0, 0, 0, fmt.Errorf("tensor: %v of f64: want m8n8k4, or m16n8 with k of 4, 8, 16", s)
	}
	return s.M * s.K / 32, s.K / 4, s.M / 4, nil
}

// MMA64 is D = A*B + C on f64 fragments (PTX ISA, "Matrix Fragments for mma.m8n8k4 with .f64" and
// of m16n8k4, k8, k16): a chain of fused multiply-adds in the order of k; fma is one of them, with
// the rounding of the instruction. Register i of A holds row
// lane/4 + 8*(i mod 2) and k lane%4 + 4*(i/2) (m8: one row), of B column lane/4 and
// k lane%4 + 4i, of C row lane/4 + 8*(i/2) and column 2*(lane%4) + i mod 2. D may share registers.
func MMA64(s Shape, fma func(x, y, z float64) float64, d, a, b, c []*Reg64) {
	half := s.M / 8 // registers of A a step of four k
	var out [4]Reg64
	for i := range c {
		for lane := range 32 {
			acc := math.Float64frombits(c[i][lane])
			col := 4 * (lane%4*2 + i%2)
			for k := range s.K {
				x := a[k/4*half+i/2][lane&^3+k%4]
				y := b[k/4][col+k%4]
				acc = fma(math.Float64frombits(x), math.Float64frombits(y), acc)
			}
			out[i][lane] = math.Float64bits(acc)
			if acc != acc {
				out[i][lane] = 0x7ff8000000000000
			}
		}
	}
	for i := range c {
		*d[i] = out[i]
	}
}
