package tensor

import (
	"encoding/binary"
	"fmt"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// TestSpecialValues pins single cases by hand: Inf, NaN, overflow, subnormal results, signed zero.
func TestSpecialValues(t *testing.T) {
	const (
		one, two, half = 0x3c00, 0x4000, 0x3800 // f16
		inf, ninf, nan = 0x7c00, 0xfc00, 0x7e01
		maxH           = 0x7bff
	)
	for _, x := range []struct {
		name   string
		sm     int
		acc    num.Format
		a, b   []uint32
		c, out uint32
	}{
		{"nothing", 80, num.F32, []uint32{0}, []uint32{0}, 0, 0},
		{"-0 + 0*0 is +0", 80, num.F32, []uint32{0}, []uint32{0}, 0x80000000, 0},
		{"exact cancellation is +0", 80, num.F32, []uint32{one}, []uint32{one}, 0xbf800000, 0},
		{"1*2 + 1", 90, num.F32, []uint32{one}, []uint32{two}, 0x3f800000, 0x40400000},
		{"NaN operand", 80, num.F32, []uint32{nan}, []uint32{one}, 0, 0x7fffffff},
		{"NaN accumulator", 80, num.F32, []uint32{one}, []uint32{one}, 0xffc00001, 0x7fffffff},
		{"0 * Inf", 80, num.F32, []uint32{0}, []uint32{ninf}, 0, 0x7fffffff},
		{"Inf", 80, num.F32, []uint32{inf}, []uint32{two}, 0, 0x7f800000},
		{"-Inf * -Inf", 80, num.F32, []uint32{ninf}, []uint32{ninf}, 0, 0x7f800000},
		{"Inf - Inf among products", 80, num.F32, []uint32{inf, one}, []uint32{one, ninf}, 0,
			0x7fffffff},
		{"Inf against the accumulator", 90, num.F32, []uint32{inf}, []uint32{one}, 0xff800000,
			0x7fffffff},
		{"-Inf accumulator", 90, num.F32, []uint32{one}, []uint32{one}, 0xff800000, 0xff800000},
		{"largest accumulator, no carry", 90, num.F32, []uint32{maxH}, []uint32{maxH}, 0x7f7fffff,
			0x7f7fffff},
		{"subnormal accumulator kept", 90, num.F32, []uint32{0}, []uint32{0}, 3, 3},
		{"product of subnormals", 80, num.F32, []uint32{1}, []uint32{1}, 0, 0x27800000}, // 2^-48
		{"f16: 65504 + 15.99 is 65504", 80, num.F16, []uint32{0x4bff}, []uint32{one}, maxH, maxH},
		{"f16: 65504 + 16 is Inf", 80, num.F16, []uint32{0x4c00}, []uint32{one}, maxH, inf},
		{"f16: 65504 * 2 is Inf", 80, num.F16, []uint32{maxH}, []uint32{two | 0x8000}, 0, ninf},
		{"f16: NaN", 80, num.F16, []uint32{nan}, []uint32{one}, 0, 0x7fff},
		{"f16: subnormal result", 80, num.F16, []uint32{1}, []uint32{one}, 1, 2},
		{"f16: tie to even below", 80, num.F16, []uint32{1}, []uint32{half}, 2, 2},
		// A zero accumulator has exponent -126, not -14: 2^-48 stays and breaks the tie at 2^-25.
		{"f16: zero does not align", 80, num.F16, []uint32{0x0c00, 1}, []uint32{0x0800, 1}, 0, 1},
		{"f16: tie to even above", 80, num.F16, []uint32{1}, []uint32{half}, 1, 2},
	} {
		rule, err := gpu.LookupMMA(x.sm, gpu.MMASync, num.F16, x.acc)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Dot(rule, num.F16, num.F16, x.a, x.b, x.c)
		if err != nil || got != x.out {
			t.Errorf("%s: %#x (%v), want %#x", x.name, got, err, x.out)
		}
		if ref := refDot(rule, num.F16, num.F16, x.a, x.b, x.c); ref != x.out {
			t.Errorf("%s: the reference says %#x, want %#x", x.name, ref, x.out)
		}
		fillUnit(t, x.name, rule, x.a, x.b, x.c, x.out)
	}
}

// fillUnit puts one case into every element of a fragment, for all lanes of the assembly.
func fillUnit(t *testing.T, name string, rule gpu.MMARule, xa, xb []uint32, xc, want uint32) {
	t.Helper()
	for _, opts := range [][]Option{nil, {Portable}} {
		u := mustUnit(t, rule, 16, num.F16, num.F16, opts...)
		p := &problem{}
		for i := range rows {
			p.a[i] = append(xa, make([]uint32, 16-len(xa))...)
			p.b[i%cols] = append(xb, make([]uint32, 16-len(xb))...)
			for n := range cols {
				p.c[i][n] = xc
			}
		}
		a, b, c := p.fragments(num.F16, rule.Acc, 16)
		u.MMA(c, a, b, c)
		for i := range rows * cols {
			if got := readC(c, rule.Acc, i/cols, i%cols); got != want {
				t.Fatalf("%s: element %d of a Unit is %#x, want %#x", name, i, got, want)
			}
		}
	}
}

// TestOverflowBetweenGroups: the first group of a chain overflows, the second must see the Inf.
func TestOverflowBetweenGroups(t *testing.T) {
	rule, err := gpu.LookupMMA(80, gpu.MMASync, num.BF16, num.F32)
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]uint32, 16), make([]uint32, 16)
	a[0], b[0] = 0x7f00, 0x4080 // 2^127 * 4
	a[8], b[8] = 0xff00, 0x4080
	if d, err := Dot(rule, num.BF16, num.BF16, a, b, 0); d != 0x7f800000 || err != nil {
		t.Errorf("overflow, then its negative: %#x, %v", d, err)
	}
	b[8] = 0x7f80 // -2^127 * Inf
	if d, err := Dot(rule, num.BF16, num.BF16, a, b, 0); d != 0x7fffffff || err != nil {
		t.Errorf("overflow, then -Inf: %#x, %v", d, err)
	}
}

func TestDotErrors(t *testing.T) {
	f16, _ := gpu.LookupMMA(80, gpu.MMASync, num.F16, num.F32)
	s8, _ := gpu.LookupMMA(80, gpu.MMASync, num.S8, num.S32)
	fp8, _ := gpu.LookupMMA(90, gpu.MMASync, num.E4M3, num.F32)
	wide := f16
	wide.G = 64
	for _, x := range []struct {
		rule gpu.MMARule
		f    num.Format
		a, b int
	}{{f16, num.F16, 3, 4}, {f16, num.BF16, 4, 4}, {s8, num.S8, 4, 4}, {wide, num.F16, 4, 4},
		{fp8, num.E5M2, 6, 6}} {
		a, b := make([]uint32, x.a), make([]uint32, x.b)
		if _, err := Dot(x.rule, x.f, x.f, a, b, 0); err == nil {
			t.Errorf("%v[%d] x [%d]: no error", x.f, x.a, x.b)
		}
	}
}

// FuzzUnit feeds raw register contents to assembly and pure Go, and one element to the reference.
func FuzzUnit(f *testing.F) {
	for i := range 8 {
		f.Add(uint8(i*9), make([]byte, 100+i))
		f.Add(uint8(i*7), []byte{0, 0x3c, 0xff, 0x7b, 1, 0, 0, 0x80, byte(i), 0x7c, 0x12, 0x34})
	}
	f.Fuzz(func(t *testing.T, pick uint8, data []byte) {
		var list []gpu.MMARule
		floatRules(func(r gpu.MMARule, _ int) { list = append(list, r) })
		rule := list[int(pick)%len(list)]
		k := 256 / rule.In.Bits
		fast := mustUnit(t, rule, k, rule.In, rule.In)
		slow := mustUnit(t, rule, k, rule.In, rule.In, Portable)
		data = append(data, 1, 2, 3, 4, 5)
		next := func(n int) []*Reg {
			r := regs(n)
			for _, reg := range r {
				for lane := range reg {
					reg[lane] = binary.LittleEndian.Uint32(data)
					data = append(data[3:], data[0], data[1], data[2])
				}
			}
			return r
		}
		a, b, c := next(fast.RegsA()), next(fast.RegsB()), next(fast.RegsC())
		d1, d2 := regs(len(c)), regs(len(c))
		fast.MMA(d1, a, b, c)
		slow.MMA(d2, a, b, c)
		for i := range d1 {
			if *d1[i] != *d2[i] {
				t.Fatalf("sm_%d %v %v->%v: register %d differs", rule.SM, rule.Op, rule.In,
					rule.Acc, i)
			}
		}
	})
}

func ExampleDot() {
	rule, _ := gpu.LookupMMA(90, gpu.MMASync, num.F16, num.F32)
	// 1 + 2^-24 * 2^-1 on a Tensor Core: the product lies below the 25 bits kept.
	d, _ := Dot(rule, num.F16, num.F16, []uint32{0x0001}, []uint32{0x3000}, 0x3f800000)
	fmt.Printf("%#x\n", d)
	// Output: 0x3f800000
}
