package tensor

import (
	"fmt"
	"math"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// Sparse is mma.sp: A holds half of its elements, and metadata says where in the row they belong.
// Its products are those of the dense instruction on the elements held, in their order: that the
// groups of the rule count these, not the zeros, is derived from the halved k, not measured.
type Sparse struct {
	rule   gpu.MMARule
	shape  Shape // with the whole k
	a, b   num.Format
	ca, cb codec
	x      arith
	sat    bool
	order  bool // .sp::ordered_metadata: the indices of a chunk rise
	tile   Unit // for the layout of C alone
	col    [maxSparseK / 2]int
	as, ae [rows][maxSparseK / 2]int32
	bs, be [cols][maxSparseK]int32
}

const maxSparseK = 128

// NewSparse makes the unit of a shape: m16n8 with k of 256 or 512 bits of the element type.
// With ordered the metadata is that of .sp::ordered_metadata, sat is .satfinite.
func NewSparse(rule gpu.MMARule, s Shape, a, b num.Format, sat, ordered bool) (*Sparse, error) {
	switch {
	case rule.Method == gpu.MMATwoHMMA:
		return nil, fmt.Errorf("tensor: %v of %v on sm_%d: how fp8 mma.sp is emulated there is not "+
			"published", s, a, rule.SM)
	case rule.Method != gpu.MMADot && rule.Method != gpu.MMAInt:
		return nil, fmt.Errorf("tensor: %v of %v: no sparse form", s, a)
	case family(a) != family(rule.In) || family(b) != family(rule.In):
		return nil, fmt.Errorf("tensor: %v: operands %v x %v do not fit a rule for %v", s, a, b,
			rule.In)
	case s.M != rows || s.N != cols || s.K*a.Bits != 256 && s.K*a.Bits != 512:
		return nil, fmt.Errorf("tensor: sparse %v of %v: want m16n8 with k of %d or %d", s, a,
			256/a.Bits, 512/a.Bits)
	}
	u := &Sparse{rule: rule, shape: s, a: a, b: b, sat: sat, order: ordered,
		tile: Unit{rule: rule}}
	if rule.Method == gpu.MMADot {
		sa, sb := preShift(rule.F)
		u.ca, u.cb, u.x = newCodec(a, rule.ZeroExp, sa), newCodec(b, rule.ZeroExp, sb),
			newArith(rule)
	}
	return u, nil
}

// RegsA, RegsB and RegsC are the registers a lane gives for A, B, and each of C and D.
func (u *Sparse) RegsA() int { return u.shape.K * u.a.Bits / 128 }

// RegsB: see RegsA.
func (u *Sparse) RegsB() int { return u.shape.K * u.a.Bits / 128 }

// RegsC: see RegsA.
func (u *Sparse) RegsC() int {
	if u.rule.Acc == num.F16 {
		return 2
	}
	return 4
}

// held is how many elements of a row A holds; chunk how many columns one nibble of metadata covers.
func (u *Sparse) held() int { return u.shape.K / 2 }

func (u *Sparse) chunk() int {
	switch u.a.Bits {
	case 32:
		return 2
	case 4:
		return 8
	}
	return 4
}

// Selectors is how many values the sparsity selector has: the metadata takes one, two or all of the
// threads of a group of four (PTX ISA, "Sparse matrix storage").
func (u *Sparse) Selectors() int { return 16 / (u.shape.K / u.chunk()) }

// nibble is the metadata of a chunk of a row. The threads that hold it are those of the figures in
// "Matrix fragments for multiply-accumulate operation with sparse matrix A": 16-bit and tf32
// elements have rows g and g+8 in the halves of a word, narrow ones in words of two threads.
// CUTLASS writes it so (reorder_meta in its host_reorder.h).
func (u *Sparse) nibble(meta *Reg, selector, row, q int) uint32 {
	lane := row%8*4 + selector*(4/u.Selectors())
	if u.a.Bits >= 16 {
		return meta[lane+q/4] >> (row/8*16 + q%4*4) & 15
	}
	return meta[lane+q/8*2+row/8] >> (q % 8 * 4) & 15
}

// columns fills the columns of A's elements in a row.
func (u *Sparse) columns(meta *Reg, selector, row int, out []int) error {
	chunk := u.chunk()
	per := chunk / 2 // elements held of a chunk
	for q := range u.shape.K / chunk {
		v := u.nibble(meta, selector, row, q)
		lo, hi := int(v&3), int(v>>2)
		if lo == hi || u.order && lo > hi || per == 1 && v != 0b0100 && v != 0b1110 {
			return fmt.Errorf("row %d, chunk %d: metadata %04b has no meaning", row, q, v)
		}
		switch at := out[q*per:]; per {
		case 1:
			at[0] = q*2 + lo/2
		case 2:
			at[0], at[1] = q*4+lo, q*4+hi
		default:
			at[0], at[1], at[2], at[3] = q*8+2*lo, q*8+2*lo+1, q*8+2*hi, q*8+2*hi+1
		}
	}
	return nil
}

// MMA computes D = A*B + C. The error tells of metadata or a selector without meaning.
func (u *Sparse) MMA(d, a, b, c []*Reg, meta *Reg, selector int) error {
	if selector < 0 || selector >= u.Selectors() {
		return fmt.Errorf("sparsity selector %d: the shape has 0 to %d", selector, u.Selectors()-1)
	}
	u.tile.loadC(c)
	u.load(a, b)
	for m := range rows {
		col := u.col[:u.held()]
		if err := u.columns(meta, selector, m, col); err != nil {
			return err
		}
		for n := range cols {
			p := &u.tile.tile.c[m][column(n)]
			if u.rule.Method == gpu.MMAInt {
				*p = u.sum(m, n, col, *p)
			} else {
				*p = u.dot(m, n, col, *p)
			}
		}
	}
	u.tile.storeD(d)
	return nil
}

// load decodes A and B; significands of integers are their values.
func (u *Sparse) load(a, b []*Reg) {
	for m := range rows {
		for j := range u.held() {
			u.as[m][j], u.ae[m][j] = u.decode(u.a, &u.ca, fragElement(a, u.a.Bits, m, j, 2))
		}
	}
	for n := range cols {
		for k := range u.shape.K {
			u.bs[n][k], u.be[n][k] = u.decode(u.b, &u.cb, fragElement(b, u.a.Bits, n, k, 1))
		}
	}
}

func (u *Sparse) decode(f num.Format, c *codec, w uint32) (s, e int32) {
	if f.IsInt() {
		return int32(f.Decode(w)), 0
	}
	return c.decode(w)
}

// fragElement is element k of row (or column) i in a fragment that is blocks of eight rows high.
func fragElement(regs []*Reg, bits, i, k, blocks int) uint32 {
	e := 32 / bits
	w := regs[k/(4*e)*blocks+i/8][i%8*4+k%(4*e)/e]
	return w >> (k % e * bits) & (1<<bits - 1)
}

// dot gathers the columns of B that row m of A has.
func (u *Sparse) dot(m, n int, col []int, acc uint32) uint32 {
	var q operand
	bs, be := &u.bs[n], &u.be[n]
	for j0 := 0; j0 < len(col); j0 += u.rule.G {
		j1 := min(j0+u.rule.G, len(col))
		for j, k := range col[j0:j1] {
			q.s[j], q.e[j] = bs[k], be[k]
		}
		g := j1 - j0
		acc = u.x.dot(u.as[m][j0:j1], u.ae[m][j0:j1], q.s[:g], q.e[:g], acc)
	}
	return acc
}

func (u *Sparse) sum(m, n int, col []int, acc uint32) uint32 {
	sum := int64(int32(acc))
	for j, k := range col {
		sum += int64(u.as[m][j]) * int64(u.bs[n][k])
	}
	if u.sat {
		sum = min(max(sum, math.MinInt32), math.MaxInt32)
	}
	return uint32(sum)
}
