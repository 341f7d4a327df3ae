package tensor

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// matrices reads fragments by the formulas of the PTX ISA for element i of a lane, where e elements
// share a register: A has row g or g+8 by the register's parity, B column g, C columns 2t, 2t+1.
func matrices(m, k, bits int, a, b []*Reg) (am, bm [][]uint32) {
	am, bm = grid(m, k), grid(8, k)
	e := 32 / bits
	mask := uint32(1<<bits - 1)
	for lane := range 32 {
		g, t := lane/4, lane%4
		for i := range len(a) * e {
			reg := i / e
			row, col := g, reg*4*e+t*e+i%e
			if m == 16 {
				row, col = g+reg%2*8, reg/2*4*e+t*e+i%e
			}
			am[row][col] = a[reg][lane] >> (i % e * bits) & mask
		}
		for i := range len(b) * e {
			bm[g][i/e*4*e+t*e+i%e] = b[i/e][lane] >> (i % e * bits) & mask
		}
	}
	return am, bm
}

func grid(m, n int) [][]uint32 {
	x := make([][]uint32, m)
	for i := range x {
		x[i] = make([]uint32, n)
	}
	return x
}

func randomRegs(r *rand.Rand, n int) []*Reg {
	x := regs(n)
	for _, reg := range x {
		for l := range reg {
			reg[l] = r.Uint32()
		}
	}
	return x
}

// cAt is element (m, n) of a 32-bit C fragment.
func cAt(c []*Reg, m, n int) uint32 { return c[m/8*2+n%2][m%8*4+n/2] }

func TestIntegerShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, x := range []struct {
		m, k int
		list []num.Format
	}{
		{8, 16, inInt8}, {16, 16, inInt8}, {16, 32, inInt8},
		{8, 32, inInt4}, {16, 32, inInt4}, {16, 64, inInt4},
		{8, 128, inB1}, {16, 128, inB1}, {16, 256, inB1},
	} {
		for i := range 16 {
			fa, fb := x.list[i%len(x.list)], x.list[i/2%len(x.list)]
			sat, xor := i&4 != 0 && fa != num.B1, i&4 != 0
			name := fmt.Sprintf("m%dn8k%d %v %v sat %v xor %v", x.m, x.k, fa, fb, sat, xor)
			rule, err := gpu.LookupMMA(80, gpu.MMASync, x.list[0], num.S32)
			if err != nil {
				t.Fatal(err)
			}
			var opts []Option
			for j, o := range []Option{Satfinite, Xor, Portable} {
				if []bool{sat, xor, i&8 != 0}[j] {
					opts = append(opts, o)
				}
			}
			u, err := NewUnit(rule, Shape{x.m, 8, x.k}, fa, fb, opts...)
			if err != nil {
				t.Fatal(err)
			}
			a, b, c := randomRegs(r, u.RegsA()), randomRegs(r, u.RegsB()), randomRegs(r, u.RegsC())
			c[0][3], c[1][7] = math.MaxInt32, 1<<31
			d := regs(u.RegsC())
			u.MMA(d, a, b, c)
			am, bm := matrices(x.m, x.k, fa.Bits, a, b)
			for m := range x.m {
				for n := range 8 {
					sum := int64(int32(cAt(c, m, n)))
					for k := range x.k {
						sum += integerProduct(fa, fb, am[m][k], bm[n][k], xor)
					}
					if sat {
						sum = min(max(sum, math.MinInt32), math.MaxInt32)
					}
					if got := cAt(d, m, n); got != uint32(sum) {
						t.Fatalf("%s: [%d][%d] = %d, want %d", name, m, n, int32(got), int32(sum))
					}
				}
			}
		}
	}
}

var (
	inInt8 = []num.Format{num.S8, num.U8}
	inInt4 = []num.Format{num.S4, num.U4}
	inB1   = []num.Format{num.B1}
)

// integerProduct decodes two's complement by hand.
func integerProduct(fa, fb num.Format, a, b uint32, xor bool) int64 {
	if fa == num.B1 {
		if xor {
			a ^= b
		} else {
			a &= b
		}
		return int64(bits.OnesCount32(a))
	}
	value := func(f num.Format, v uint32) int64 {
		if f.Special == num.Signed && v>>(f.Bits-1) == 1 {
			return int64(v) - 1<<f.Bits
		}
		return int64(v)
	}
	return value(fa, a) * value(fb, b)
}

// TestF64 holds the chain of every shape, and its places, against big floats.
func TestF64(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, s := range []Shape{{8, 8, 4}, {16, 8, 4}, {16, 8, 8}, {16, 8, 16}} {
		na, nb, nc, err := Regs64(s)
		if err != nil {
			t.Fatal(err)
		}
		fill := func(n int) (out []*Reg64) {
			for range n {
				x := new(Reg64)
				for l := range x {
					x[l] = math.Float64bits(math.Ldexp(r.NormFloat64(), r.IntN(60)-30))
				}
				out = append(out, x)
			}
			return out
		}
		a, b, c := fill(na), fill(nb), fill(nc)
		d := fill(nc)
		MMA64(s, math.FMA, d, a, b, c)
		for m := range s.M {
			for n := range 8 {
				lane, reg := m%8*4+n/2, m/8*2+n%2
				acc := math.Float64frombits(c[reg][lane])
				for k := range s.K {
					x := math.Float64frombits(a[k/4*(s.M/8)+m/8][m%8*4+k%4])
					y := math.Float64frombits(b[k/4][n*4+k%4])
					p := new(big.Float).SetPrec(400).Mul(big.NewFloat(x), big.NewFloat(y))
					acc, _ = p.Add(p, big.NewFloat(acc)).Float64()
				}
				if got := math.Float64frombits(d[reg][lane]); got != acc {
					t.Fatalf("%v: [%d][%d] = %v, want %v", s, m, n, got, acc)
				}
			}
		}
	}
}

// quadC is the row and column of element i of C as the PTX ISA has it: row = lane%4, four more in
// lanes 16 to 31; f32 accumulators have X = (lane & 1) + (i & 2).
func quadC(lane, i int, f num.Format) (m, n int) {
	m, n = lane%4, i
	if f == num.F32 {
		m, n = lane&1+i&2, i&4+lane&2+i&1
	}
	if lane >= 16 {
		m += 4
	}
	return m, n
}

func TestQuad(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, rule := range gpu.MMARules {
		if rule.Op != gpu.MMASyncQuad {
			continue
		}
		for i := range 8 * len(generators) {
			aCol, bCol, fc := i&1 != 0, i&2 != 0, rule.Acc
			if i&4 != 0 {
				fc = num.F16
			}
			gen := generators[i/8]
			q, err := NewQuad(rule, aCol, bCol, fc)
			if err != nil {
				t.Fatal(err)
			}
			quadCase(t, r, q, gen.ab, gen.c, aCol, bCol, fc,
				fmt.Sprintf("sm_%d ->%v %s a %v b %v c %v", rule.SM, rule.Acc, gen.name, aCol, bCol,
					fc))
		}
	}
}

func quadCase(t *testing.T, r *rand.Rand, q *Quad, ab, cc element, aCol, bCol bool, fc num.Format,
	name string) {
	t.Helper()
	a, b, c, d := regs(2), regs(2), regs(q.RegsC()), regs(q.RegsD())
	var am, bm [4][8][]uint32 // by quad pair and row, or column
	var cm [4][8][8]uint32
	for p := range 4 {
		for i := range 8 {
			am[p][i], bm[p][i] = make([]uint32, 4), make([]uint32, 4)
		}
	}
	for lane := range 32 {
		p, high := lane%16/4, lane/16*4
		for i := range 4 {
			v, w := ab(r, num.F16), ab(r, num.F16)
			a[i/2][lane] |= v << (i % 2 * 16)
			b[i/2][lane] |= w << (i % 2 * 16)
			if aCol {
				am[p][i+high][lane%4] = v
			} else {
				am[p][lane%4+high][i] = v
			}
			if bCol {
				bm[p][lane%4+high][i] = w
			} else {
				bm[p][i+high][lane%4] = w
			}
		}
		for i := range 8 {
			v := cc(r, fc)
			m, n := quadC(lane, i, fc)
			cm[p][m][n] = v
			if fc == num.F16 {
				c[i/2][lane] |= v << (i % 2 * 16)
			} else {
				c[i][lane] = v
			}
		}
	}
	q.MMA(d, a, b, c)
	for lane := range 32 {
		p := lane % 16 / 4
		for i := range 8 {
			m, n := quadC(lane, i, q.rule.Acc)
			acc := cm[p][m][n]
			if fc != q.rule.Acc {
				acc = num.F32.Round(num.F16.Decode(acc), num.RNE)
			}
			want := refDot(q.rule, num.F16, num.F16, am[p][m], bm[p][n], acc)
			got := d[i%len(d)][lane]
			if q.rule.Acc == num.F16 {
				got = d[i/2][lane] >> (i % 2 * 16) & 0xffff
			}
			if got != want {
				t.Fatalf("%s: lane %d, element %d is %#x, want %#x", name, lane, i, got, want)
			}
		}
	}
}

func TestShapeErrors(t *testing.T) {
	rule := func(sm int, op gpu.MMAOp, in, acc num.Format) gpu.MMARule {
		r, err := gpu.LookupMMA(sm, op, in, acc)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, x := range []struct {
		f    func() error
		want string
	}{
		{func() error { _, _, _, err := Regs64(Shape{16, 8, 5}); return err }, "m8n8k4"},
		{func() error {
			_, err := NewQuad(rule(80, gpu.MMASync, num.F16, num.F32), false, false, num.F32)
			return err
		}, "m8n8k4"},
		{func() error {
			_, err := NewSparse(rule(90, gpu.MMASync, num.E4M3, num.F32), Shape{16, 8, 64},
				num.E4M3,
				num.E4M3, false, false)
			return err
		}, "not published"},
		{func() error {
			_, err := NewSparse(rule(80, gpu.MMASync, num.F16, num.F32), Shape{16, 8, 64}, num.F16,
				num.F16, false, false)
			return err
		}, "16 or 32"},
		{func() error {
			_, err := NewUnit(rule(80, gpu.MMASync, num.F64, num.F64), Shape{8, 8, 4}, num.F64,
				num.F64)
			return err
		}, "MMA64"},
		{func() error {
			_, err := NewUnit(rule(80, gpu.MMASync, num.F16, num.F32), Shape{8, 8, 8}, num.F16,
				num.F16)
			return err
		}, "m16n8"},
	} {
		if err := x.f(); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, want %q", err, x.want)
		}
	}
}
