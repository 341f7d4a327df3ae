package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// sparseCase is a sparse product in matrix form.
type sparseCase struct {
	cols [rows][]int // columns of A's elements
	a    [rows][]uint32
	b    [cols][]uint32
}

// metaPlace is the thread and the lowest bit of the nibble of columns col.. of a row, as the
// figures of the PTX ISA draw it for each shape; F is the selector.
func metaPlace(bits, k, row, col, selector int) (lane, bit int) {
	g, low := row%8*4, row < 8
	half := 0
	if !low {
		half = 16
	}
	switch fmt.Sprint(bits, " ", k) {
	case "16 16": // one thread: four chunks of four columns a row
		return g + selector, half + col/4*4
	case "16 32": // a pair: columns 0-15, 16-31
		return g + 2*selector + col/16, half + col%16/4*4
	case "32 8": // one thread: four chunks of two
		return g + selector, half + col/2*4
	case "32 16":
		return g + 2*selector + col/8, half + col%8/2*4
	case "8 32": // a pair: row g, row g+8; eight chunks of four
		return g + 2*selector + half/16, col / 4 * 4
	case "8 64": // all four: columns 0-31 of both rows, then 32-63
		return g + col/32*2 + half/16, col % 32 / 4 * 4
	case "4 64": // a pair; eight chunks of eight
		return g + 2*selector + half/16, col / 8 * 4
	case "4 128":
		return g + col/64*2 + half/16, col % 64 / 8 * 4
	}
	panic("no such shape")
}

// drawSparse chooses columns and writes the metadata.
func drawSparse(r *rand.Rand, fa, fb num.Format, k, selector int, gen element,
	meta *Reg) *sparseCase {
	s := &sparseCase{}
	for l := range meta {
		meta[l] = r.Uint32() // of the threads that are not asked
	}
	for row := range rows {
		chunk := map[int]int{32: 2, 16: 4, 8: 4, 4: 8}[fa.Bits]
		for col := 0; col < k; col += chunk {
			i, j := r.IntN(4), r.IntN(3)
			if j >= i {
				j++
			}
			switch chunk {
			case 2:
				i = r.IntN(2) * 2
				j = i + 1
				s.cols[row] = append(s.cols[row], col+i/2)
			case 4:
				s.cols[row] = append(s.cols[row], col+i, col+j)
			case 8:
				s.cols[row] = append(s.cols[row], col+2*i, col+2*i+1, col+2*j, col+2*j+1)
			}
			lane, bit := metaPlace(fa.Bits, k, row, col, selector)
			meta[lane] = meta[lane]&^(15<<bit) | uint32(j<<2|i)<<bit
		}
		for range k / 2 {
			s.a[row] = append(s.a[row], gen(r, fa))
		}
	}
	for n := range cols {
		for range k {
			s.b[n] = append(s.b[n], gen(r, fb))
		}
	}
	return s
}

// put lays a matrix out as the fragments of the dense instruction.
func (s *sparseCase) put(bits, k int) (a, b []*Reg) {
	a, b = regs(k*bits/128), regs(k*bits/128)
	e := 32 / bits
	for m := range rows {
		for j, v := range s.a[m] {
			a[j/(4*e)*2+m/8][m%8*4+j%(4*e)/e] |= v << (j % e * bits)
		}
	}
	for n := range cols {
		for j, v := range s.b[n] {
			b[j/(4*e)][n*4+j%(4*e)/e] |= v << (j % e * bits)
		}
	}
	return a, b
}

func TestSparse(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, rule := range gpu.MMARules {
		if rule.Op != gpu.MMASync || rule.SM < 80 || rule.Method == gpu.MMATwoHMMA ||
			rule.Method == gpu.MMAChain || rule.Method == gpu.MMAPopc {
			continue
		}
		for _, k := range []int{256 / rule.In.Bits, 512 / rule.In.Bits} {
			if rule.In.Bits == 8 && !rule.In.IsInt() && k == 32 {
				continue // the PTX ISA has k64 only
			}
			for i, gen := range generators {
				sparseProduct(t, r, rule, k, i, gen.ab, gen.c)
			}
		}
	}
}

func sparseProduct(t *testing.T, r *rand.Rand, rule gpu.MMARule, k, i int, ab, cc element) {
	t.Helper()
	fb, sat := rule.In, i%2 == 1 && rule.In.IsInt()
	if rule.In == num.S8 {
		fb = num.U8
	}
	if rule.In.IsInt() {
		ab, cc = anyBits, anyBits
	}
	u, err := NewSparse(rule, Shape{rows, cols, k}, rule.In, fb, sat, false)
	if err != nil {
		t.Fatal(err)
	}
	var meta Reg
	selector := i % u.Selectors()
	s := drawSparse(r, rule.In, fb, k, selector, ab, &meta)
	a, b := s.put(rule.In.Bits, k)
	p := draw(r, num.F16, num.F16, rule.Acc, 16, ab, cc, false)
	_, _, c := p.fragments(num.F16, rule.Acc, 16)
	d := regs(len(c))
	if err := u.MMA(d, a, b, c, &meta, selector); err != nil {
		t.Fatal(err)
	}
	for m := range rows {
		for n := range cols {
			var sel []uint32
			for _, col := range s.cols[m] {
				sel = append(sel, s.b[n][col])
			}
			var want uint32
			if rule.In.IsInt() {
				sum := int64(int32(p.c[m][n]))
				for j := range sel {
					sum += integerProduct(rule.In, fb, s.a[m][j], sel[j], false)
				}
				if sat {
					sum = min(max(sum, math.MinInt32), math.MaxInt32)
				}
				want = uint32(sum)
			} else {
				want = refDot(rule, rule.In, fb, s.a[m], sel, p.c[m][n])
			}
			if got := readC(d, rule.Acc, m, n); got != want {
				t.Fatalf("sm_%d %v->%v k%d selector %d: [%d][%d] = %#x, want %#x", rule.SM, rule.In,
					rule.Acc, k, selector, m, n, got, want)
			}
		}
	}
}

func TestSparseErrors(t *testing.T) {
	rule, err := gpu.LookupMMA(80, gpu.MMASync, num.TF32, num.F32)
	if err != nil {
		t.Fatal(err)
	}
	u, err := NewSparse(rule, Shape{16, 8, 16}, num.TF32, num.TF32, false, false)
	if err != nil {
		t.Fatal(err)
	}
	var meta Reg
	a, b, c := regs(4), regs(4), regs(4)
	for l := range meta {
		meta[l] = 0x4e4e4e4e
	}
	if err := u.MMA(c, a, b, c, &meta, 0); err != nil {
		t.Error(err)
	}
	meta[9] = 0x4e4e9e4e
	for _, x := range []struct {
		selector int
		want     string
	}{{0, "row 2, chunk 7: metadata 1001"}, {2, "selector 2"}} {
		if err := u.MMA(c, a, b, c, &meta, x.selector); err == nil ||
			!strings.Contains(err.Error(), x.want) {
			t.Errorf("selector %d: %v, want %q", x.selector, err, x.want)
		}
	}
	rule, err = gpu.LookupMMA(80, gpu.MMASync, num.F16, num.F32)
	if err != nil {
		t.Fatal(err)
	}
	for l := range meta {
		meta[l] = 0x4444e444
	}
	meta[3] = 0x44144444 // 0b0001: element 1, then element 0
	for _, ordered := range []bool{false, true} {
		u, err := NewSparse(rule, Shape{16, 8, 16}, num.F16, num.F16, false, ordered)
		if err != nil {
			t.Fatal(err)
		}
		if err := u.MMA(c, a, b, c, &meta, 3); (err != nil) != ordered {
			t.Errorf("falling indices, ordered %v: %v", ordered, err)
		}
	}
}

func BenchmarkSparse(b *testing.B) {
	for _, in := range []num.Format{num.F16, num.S8} {
		acc := num.F32
		if in.IsInt() {
			acc = num.S32
		}
		rule, err := gpu.LookupMMA(80, gpu.MMASync, in, acc)
		if err != nil {
			b.Fatal(err)
		}
		k := 512 / in.Bits
		u, err := NewSparse(rule, Shape{rows, cols, k}, in, in, false, false)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(in, " k", k), func(b *testing.B) {
			var meta Reg
			s := drawSparse(rand.New(rand.NewPCG(1, 1)), in, in, k, 0, near(8, 0.5), &meta)
			x, y := s.put(in.Bits, k)
			c := regs(4)
			for b.Loop() {
				if err := u.MMA(c, x, y, c, &meta, 0); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows*cols*k/2)*float64(b.N)/b.Elapsed().Seconds()/1e6, "MMAC/s")
		})
	}
}
