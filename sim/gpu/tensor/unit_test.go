package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// problem is one fragment problem in matrix form: storage bits.
type problem struct {
	a [rows][]uint32
	b [cols][]uint32
	c [rows][cols]uint32
}

// element draws the bits of one element of a format.
type element func(r *rand.Rand, f num.Format) uint32

func anyBits(r *rand.Rand, f num.Format) uint32 { return r.Uint32() >> (32 - f.Bits) }

// near draws finite values whose exponent fields lie within a window of the given width.
func near(width int, middle float64) element {
	return func(r *rand.Rand, f num.Format) uint32 {
		top := 1<<f.ExpBits - 2
		lo := int(middle*float64(top)) - width/2
		field := min(max(lo+r.IntN(width+1), 0), top)
		man := r.Uint32() & (1<<f.ManBits - 1)
		return (r.Uint32()&1<<(f.Bits-1-f.Pad) | uint32(field)<<f.ManBits | man) << f.Pad
	}
}

// rough mixes a generator with zeros of both signs, ones, extremes and, rarely, Inf and NaN.
func rough(base element, special int) element {
	return func(r *rand.Rand, f num.Format) uint32 {
		sign := r.Uint32() & 1 << (f.Bits - 1)
		switch r.IntN(12) {
		case 0:
			return sign
		case 1:
			return sign | f.Max()
		case 2:
			return sign | 1<<f.Pad
		}
		if special > 0 && r.IntN(special) == 0 {
			return []uint32{f.Inf(), f.Inf() | f.SignBit(), f.NaN}[r.IntN(3)]
		}
		return base(r, f)
	}
}

var generators = []struct {
	name string
	ab   element
	c    element
}{
	{"any bits", anyBits, anyBits},
	{"one exponent", near(0, 0.5), near(3, 0.5)},
	{"spread", near(12, 0.5), near(24, 0.5)},
	{"wide", near(300, 0.5), near(300, 0.5)},
	{"small", near(6, 0.1), near(60, 0.1)},
	{"tiny", near(4, 0), near(30, 0)},
	{"products near 2^-126", near(8, 0.25), near(3, 0)},
	{"large", near(2, 1), near(2, 1)},
	{"rough", rough(near(4, 0.5), 0), rough(near(9, 0.5), 0)},
	{"non-finite", rough(near(4, 0.5), 40), rough(near(9, 0.5), 40)},
}

func draw(r *rand.Rand, fa, fb, fc num.Format, k int, ab, c element, cancel bool) *problem {
	p := &problem{}
	for m := range rows {
		for range k {
			p.a[m] = append(p.a[m], ab(r, fa))
		}
	}
	for n := range cols {
		for range k {
			p.b[n] = append(p.b[n], ab(r, fb))
		}
		for m := range rows {
			p.c[m][n] = c(r, fc)
		}
	}
	if cancel { // every second product is the negative of the one before, to one low bit or so
		for k := 0; k+1 < len(p.b[0]); k += 2 {
			for m := range rows {
				p.a[m][k+1] = p.a[m][k] ^ fa.SignBit() ^ r.Uint32()&r.Uint32()&r.Uint32()&1<<fa.Pad
			}
			for n := range cols {
				p.b[n][k+1] = p.b[n][k]
			}
		}
	}
	return p
}

func regs(n int) []*Reg {
	r := make([]*Reg, n)
	for i := range r {
		r[i] = new(Reg)
	}
	return r
}

// fragments lays the problem out in registers, after the formulas of the PTX ISA (written per
// element here, per register in the code under test).
func (p *problem) fragments(fa num.Format, acc num.Format, k int) (a, b, c []*Reg) {
	w := fa.Bits
	per := 32 / w
	a, b = regs(k*w/64), regs(k*w/128)
	for i := range k {
		t, slot := i%(4*per)/per, i%per*w
		for m := range rows {
			reg := i/(4*per)*2 + m/8
			a[reg][m%8*4+t] |= p.a[m][i] << slot
		}
		for n := range cols {
			b[i/(4*per)][n*4+t] |= p.b[n][i] << slot
		}
	}
	c = regs(4)
	if acc == num.F16 {
		c = regs(2)
	}
	for m := range rows {
		for n := range cols {
			lane := m%8*4 + n/2
			if acc == num.F16 {
				c[m/8][lane] |= p.c[m][n] << (n % 2 * 16)
			} else {
				c[m/8*2+n%2][lane] = p.c[m][n]
			}
		}
	}
	return a, b, c
}

func readC(d []*Reg, acc num.Format, m, n int) uint32 {
	lane := m%8*4 + n/2
	if acc == num.F16 {
		return d[m/8][lane] >> (n % 2 * 16) & 0xffff
	}
	return d[m/8*2+n%2][lane]
}

// floatRules calls f for every floating rule that Unit serves, with its shapes.
func floatRules(f func(r gpu.MMARule, k int)) {
	for _, r := range gpu.MMARules {
		if r.Method != gpu.MMADot && r.Method != gpu.MMATwoHMMA {
			continue
		}
		for _, bits := range []int{128, 256} {
			f(r, bits/r.In.Bits)
		}
	}
}

func mustUnit(t testing.TB, r gpu.MMARule, k int, a, b num.Format, o ...Option) *Unit {
	t.Helper()
	u, err := NewUnit(r, Shape{rows, cols, k}, a, b, o...)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestThreeWays holds assembly, pure Go and the big-integer reference together on every rule.
func TestThreeWays(t *testing.T) {
	seed := uint64(1)
	floatRules(func(rule gpu.MMARule, k int) {
		fb := rule.In
		if rule.In == num.E4M3 {
			fb = num.E5M2 // mixed operands
		}
		threeWays(t, rule, k, fb, &seed)
	})
}

// TestOpenParameters does so for other values of the parameters that the hardware has not settled.
func TestOpenParameters(t *testing.T) {
	seed := uint64(1000)
	floatRules(func(rule gpu.MMARule, k int) {
		for _, x := range [][2]int{{-20, -999}, {-133, -999}, {-20, -126}, {-300, -14}} {
			rule.EminAlign, rule.ZeroExp = x[0], x[1]
			if rule.SM == 80 || rule.SM == 90 {
				threeWays(t, rule, k, rule.In, &seed)
			}
		}
	})
}

// TestOneSubnormal: one column alone has results below 2^-126; its lane must call for pure Go.
func TestOneSubnormal(t *testing.T) {
	rule, err := gpu.LookupMMA(90, gpu.MMASync, num.BF16, num.F32)
	if err != nil {
		t.Fatal(err)
	}
	fast := mustUnit(t, rule, 16, num.BF16, num.BF16)
	for n := range cols {
		r := rand.New(rand.NewPCG(uint64(n), 1))
		near136 := near(4, 0.235) // products near 2^-136: their bits reach below 2^-149
		p := draw(r, num.BF16, num.BF16, num.F32, 16, near136, anyBits, false)
		for i := range cols {
			for k := range p.b[i] {
				if i != n {
					p.b[i][k] += 64 << 7 // 2^64 times as large
				}
			}
			for m := range rows {
				p.c[m][i] = 0
			}
		}
		a, b, c := p.fragments(num.BF16, num.F32, 16)
		fast.MMA(c, a, b, c)
		for m := range rows {
			want := refDot(rule, num.BF16, num.BF16, p.a[m], p.b[n], 0)
			if got := readC(c, num.F32, m, n); got != want {
				t.Fatalf("[%d][%d] = %#x, want %#x", m, n, got, want)
			}
		}
	}
}

// TestLargestSum: 32 products as large as fp8 has them, more than 32 bits hold.
func TestLargestSum(t *testing.T) {
	rule, err := gpu.LookupMMA(120, gpu.MMASync, num.E4M3, num.F32)
	if err != nil {
		t.Fatal(err)
	}
	largest := func(_ *rand.Rand, f num.Format) uint32 { return f.Max() }
	p := draw(rand.New(rand.NewPCG(1, 1)), num.E4M3, num.E4M3, num.F32, 32, largest, anyBits, false)
	p.c = [rows][cols]uint32{}
	a, b, c := p.fragments(num.E4M3, num.F32, 32)
	mustUnit(t, rule, 32, num.E4M3, num.E4M3).MMA(c, a, b, c)
	if got, want := readC(c, num.F32, 3, 5), math.Float32bits(448*448*32); got != want {
		t.Errorf("32 * 448^2 = %#x, want %#x", got, want)
	}
}

func threeWays(t *testing.T, rule gpu.MMARule, k int, fb num.Format, seed *uint64) {
	t.Helper()
	fast := mustUnit(t, rule, k, rule.In, fb)
	slow := mustUnit(t, rule, k, rule.In, fb, Portable)
	for g, gen := range generators {
		*seed++
		r := rand.New(rand.NewPCG(*seed, 7))
		cancel := g%2 == int(*seed/uint64(len(generators))%2)
		p := draw(r, rule.In, fb, rule.Acc, k, gen.ab, gen.c, cancel)
		a, b, c := p.fragments(rule.In, rule.Acc, k)
		d1, d2 := regs(len(c)), regs(len(c))
		fast.MMA(d1, a, b, c)
		slow.MMA(d2, a, b, c)
		for m := range rows {
			for n := range cols {
				x, y := readC(d1, rule.Acc, m, n), readC(d2, rule.Acc, m, n)
				w := x
				if (m+n)%3 == 0 { // the reference is slow: a third of the outputs
					w = refDot(rule, rule.In, fb, p.a[m], p.b[n], p.c[m][n])
				}
				if x != y || x != w {
					t.Fatalf("sm_%d %v %v->%v k%d %s: [%d][%d] assembly %#x, Go %#x, want %#x",
						rule.SM, rule.Op, rule.In, rule.Acc, k, gen.name, m, n, x, y, w)
				}
			}
		}
	}
}

// TestAssembly compares assembly and pure Go alone, on many problems.
func TestAssembly(t *testing.T) {
	if !haveAVX2 {
		t.Skip("no AVX2 here")
	}
	reps := 40
	if testing.Short() {
		reps = 4
	}
	floatRules(func(rule gpu.MMARule, k int) {
		fast := mustUnit(t, rule, k, rule.In, rule.In)
		slow := mustUnit(t, rule, k, rule.In, rule.In, Portable)
		if !fast.fast {
			t.Errorf("sm_%d %v %v: the assembly does not serve it", rule.SM, rule.Op, rule.In)
		}
		for i := range reps {
			r := rand.New(rand.NewPCG(uint64(i), uint64(rule.SM)))
			gen := generators[i%len(generators)]
			p := draw(r, rule.In, rule.In, rule.Acc, k, gen.ab, gen.c, i%3 == 0)
			a, b, c := p.fragments(rule.In, rule.Acc, k)
			d1, d2 := regs(len(c)), regs(len(c))
			fast.MMA(d1, a, b, c)
			slow.MMA(d2, a, b, c)
			for j := range d1 {
				if *d1[j] != *d2[j] {
					t.Fatalf("sm_%d %v %v->%v k%d %s: register %d\n%x\n%x", rule.SM, rule.Op,
						rule.In, rule.Acc, k, gen.name, j, *d1[j], *d2[j])
				}
			}
		}
	})
}

// TestAlias: D may be C, and may be A's registers.
func TestAlias(t *testing.T) {
	rule, _ := gpu.LookupMMA(80, gpu.MMASync, num.F16, num.F32)
	for _, opts := range [][]Option{nil, {Portable}} {
		u := mustUnit(t, rule, 16, num.F16, num.F16, opts...)
		r := rand.New(rand.NewPCG(3, 3))
		// "non-finite" makes the unit start again from C after the assembly gave up.
		gen := generators[len(generators)-1]
		p := draw(r, num.F16, num.F16, num.F32, 16, gen.ab, gen.c, false)
		a, b, c := p.fragments(num.F16, num.F32, 16)
		want := regs(4)
		u.MMA(want, a, b, c)
		u.MMA(c, a, b, c)
		for i := range want {
			if *want[i] != *c[i] {
				t.Fatalf("register %d differs when D is C", i)
			}
		}
		_, _, c = p.fragments(num.F16, num.F32, 16)
		u.MMA(a, a, b, c)
		for i := range want {
			if *want[i] != *a[i] {
				t.Fatalf("register %d differs when D is A", i)
			}
		}
	}
}

// TestKeptA: A loaded once serves many B, as in wgmma.
func TestKeptA(t *testing.T) {
	rule, _ := gpu.LookupMMA(90, gpu.WGMMA, num.BF16, num.F32)
	u, w := mustUnit(t, rule, 16, num.BF16, num.BF16), mustUnit(t, rule, 16, num.BF16, num.BF16)
	r := rand.New(rand.NewPCG(5, 5))
	p := draw(r, num.BF16, num.BF16, num.F32, 16, near(5, .5), near(5, .5), false)
	a, _, c := p.fragments(num.BF16, num.F32, 16)
	u.LoadA(a)
	for range 8 {
		p = draw(r, num.BF16, num.BF16, num.F32, 16, near(5, .5), near(5, .5), false)
		_, b, _ := p.fragments(num.BF16, num.F32, 16)
		got, want := regs(4), regs(4)
		u.LoadB(b)
		u.Run(got, c)
		w.MMA(want, a, b, c)
		if *got[0] != *want[0] || *got[3] != *want[3] {
			t.Fatal("a kept A gives another result")
		}
	}
}

func TestInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	rule, err := gpu.LookupMMA(80, gpu.MMASync, num.S8, num.S32)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 64 {
		fa, fb := []num.Format{num.S8, num.U8}[i%2], []num.Format{num.S8, num.U8}[i/2%2]
		k := 16 << (i / 4 % 2)
		var opts []Option
		if i >= 32 {
			opts = []Option{Satfinite}
		}
		if i/8%2 == 1 {
			opts = append(opts, Portable)
		}
		u := mustUnit(t, rule, k, fa, fb, opts...)
		p := draw(r, fa, fb, num.S32, k, anyBits, anyBits, false)
		for m := range rows {
			p.c[m][0], p.c[m][1] = 0x7fffffff, 0x80000000
		}
		a, b, c := p.fragments(fa, num.S32, k)
		u.MMA(c, a, b, c)
		for m := range rows {
			for n := range cols {
				sum := int64(int32(p.c[m][n]))
				for j := range k {
					sum += int64(fa.Decode(p.a[m][j]) * fb.Decode(p.b[n][j]))
				}
				if i >= 32 {
					sum = min(max(sum, math.MinInt32), math.MaxInt32)
				}
				if got := readC(c, num.S32, m, n); got != uint32(sum) {
					t.Fatalf("%v x %v k%d [%d][%d]: %d, want %d", fa, fb, k, m, n,
						int32(got), int32(sum))
				}
			}
		}
	}
}

func TestNewUnitErrors(t *testing.T) {
	rule, _ := gpu.LookupMMA(80, gpu.MMASync, num.F16, num.F32)
	wide := rule
	wide.F = 35
	for _, x := range []struct {
		rule gpu.MMARule
		s    Shape
		a    num.Format
	}{
		{rule, Shape{16, 8, 4}, num.F16}, {rule, Shape{8, 8, 16}, num.F16},
		{rule, Shape{16, 8, 16}, num.BF16}, {gpu.MMARule{}, Shape{16, 8, 16}, num.F16},
		{wide, Shape{16, 8, 16}, num.F16},
	} {
		if _, err := NewUnit(x.rule, x.s, x.a, x.a); err == nil {
			t.Errorf("%v of %v with %v: no error", x.s, x.a, x.rule.In)
		}
	}
}

func BenchmarkMMA(b *testing.B) {
	for _, x := range []struct {
		sm      int
		in, acc num.Format
		k       int
	}{
		{90, num.F16, num.F32, 16}, {80, num.F16, num.F32, 16}, {80, num.F16, num.F16, 16},
		{90, num.BF16, num.F32, 16}, {80, num.TF32, num.F32, 8}, {89, num.E4M3, num.F32, 32},
		{90, num.E4M3, num.F32, 32}, {80, num.S8, num.S32, 32},
	} {
		for _, o := range [][]Option{nil, {Portable}} {
			rule, err := gpu.LookupMMA(x.sm, gpu.MMASync, x.in, x.acc)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("sm_%d/%v-%v/portable=%t", x.sm, x.in, x.acc, o != nil),
				func(b *testing.B) {
					u := mustUnit(b, rule, x.k, x.in, x.in, o...)
					r := rand.New(rand.NewPCG(1, 1))
					gen := near(8, 0.5)
					p := draw(r, x.in, x.in, x.acc, x.k, gen, gen, false)
					if x.in.IsInt() {
						p = draw(r, x.in, x.in, x.acc, x.k, anyBits, anyBits, false)
					}
					fa, fb, fc := p.fragments(x.in, x.acc, x.k)
					d := regs(len(fc))
					b.ReportAllocs()
					for b.Loop() {
						u.MMA(d, fa, fb, fc)
					}
					macs := float64(rows*cols*x.k) * float64(b.N)
					b.ReportMetric(macs/b.Elapsed().Seconds()/1e6, "MMAC/s")
				})
		}
	}
}
