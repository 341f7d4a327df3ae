package tensor

import (
	"fmt"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// Quad is mma.m8n8k4 on f16: four products at once, each of a quad pair, lanes 4q to 4q+3 and 16
// lanes on (PTX ISA, "Matrix Fragments for mma.m8n8k4 with .f16 floating point type").
type Quad struct {
	rule       gpu.MMARule
	x          arith
	a, b       codec
	aCol, bCol bool
	accF16     bool // C is f16 where D is f32
}

// NewQuad makes the unit for layouts of A and B; c is the type of C, the rule's or f16.
func NewQuad(rule gpu.MMARule, aCol, bCol bool, c num.Format) (*Quad, error) {
	if rule.Op != gpu.MMASyncQuad || c != rule.Acc && c != num.F16 {
		return nil, fmt.Errorf("tensor: m8n8k4 of f16 with %v and C of %v", rule.Op, c)
	}
	sa, sb := preShift(rule.F)
	return &Quad{rule: rule, x: newArith(rule), a: newCodec(num.F16, rule.ZeroExp, sa),
		b: newCodec(num.F16, rule.ZeroExp, sb), aCol: aCol, bCol: bCol,
		accF16: c == num.F16 && rule.Acc != num.F16}, nil
}

// RegsA, RegsB, RegsC and RegsD are the registers a lane gives for each matrix.
func (q *Quad) RegsA() int { return 2 }

// RegsB: see RegsA.
func (q *Quad) RegsB() int { return 2 }

// RegsC: see RegsA.
func (q *Quad) RegsC() int {
	if q.accF16 {
		return 4
	}
	return q.RegsD()
}

// RegsD: see RegsA.
func (q *Quad) RegsD() int {
	if q.rule.Acc == num.F16 {
		return 4
	}
	return 8
}

// MMA computes D = A*B + C on the registers of a warp. D may share registers with any operand.
func (q *Quad) MMA(d, a, b, c []*Reg) {
	var out [8]Reg
	for pair := range 4 {
		var as, ae, bs, be [8][]int32
		for i := range 8 {
			as[i], ae[i] = q.run(&q.a, a, pair, i, q.aCol)
			bs[i], be[i] = q.run(&q.b, b, pair, i, !q.bCol)
		}
		for h := range 2 {
			for t := range 4 {
				lane := 16*h + 4*pair + t
				for i := range 8 {
					m, n := q.place(q.rule.Acc, h, t, i)
					acc := q.accumulator(c, pair, m, n)
					q.put(&out, lane, i, q.x.dot(as[m], ae[m], bs[n], be[n], acc))
				}
			}
		}
	}
	for i := range d {
		*d[i] = out[i]
	}
}

// run decodes row i of A, or column i of B, along k: held by one lane, four elements in two
// registers, or (across) one element by each of four lanes.
func (q *Quad) run(f *codec, regs []*Reg, pair, i int, across bool) (s, e []int32) {
	s, e = make([]int32, 4), make([]int32, 4)
	for k := range 4 {
		t, x := i%4, k
		if across {
			t, x = k, i%4
		}
		w := regs[x/2][i/4*16+4*pair+t] >> (x % 2 * 16)
		s[k], e[k] = f.decode(w & 0xffff)
	}
	return s, e
}

// place is the row and column of element i of C in half h, lane t of its quad.
func (q *Quad) place(f num.Format, h, t, i int) (m, n int) {
	if f == num.F16 {
		return 4*h + t, i
	}
	return 4*h + t&1 + i&2, i&4 + t&2 + i&1
}

func (q *Quad) put(out *[8]Reg, lane, i int, v uint32) {
	if q.rule.Acc == num.F16 {
		out[i/2][lane] |= v << (i % 2 * 16)
		return
	}
	out[i][lane] = v
}

// accumulator finds C[m][n], in the rule's format.
func (q *Quad) accumulator(c []*Reg, pair, m, n int) uint32 {
	if q.rule.Acc == num.F16 || q.accF16 {
		v := c[n/2][m/4*16+4*pair+m%4] >> (n % 2 * 16) & 0xffff
		if q.accF16 {
			return num.F32.Round(num.F16.Decode(v), num.RNE)
		}
		return v
	}
	lane := m/4*16 + 4*pair + n&2 + m&1
	return c[n&4+m&2+n&1][lane]
}
