package tensor

import (
	"fmt"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// TestWholeDomain puts each of the 65,536 f16 values into A, into B and, on f16 accumulators, into
// C, against partners that are exact, that truncate, that cancel, and that are not finite. Assembly
// and pure Go see every element of a fragment; the reference sees one for each value.
func TestWholeDomain(t *testing.T) {
	partners := []struct {
		name           string
		x, y, c16, c32 uint32
	}{
		{"one and its negative beside", 0x3c00, 0xbc00, 0x3c01, 0x3f800001},
		{"far below the accumulator", 0x0403, 0x3555, 0x7bff, 0x4b7fffff},
		{"subnormal", 0x0001, 0x83ff, 0x0001, 0x00000001},
		{"infinite", 0x7c00, 0x0000, 0x0000, 0xff800000},
	}
	for _, sm := range []int{70, 80, 90} {
		for _, acc := range []num.Format{num.F32, num.F16} {
			rule, err := gpu.LookupMMA(sm, gpu.MMASync, num.F16, acc)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range partners {
				if i > 0 && (sm != 90 || acc != num.F32 || testing.Short()) {
					break // every rule once; the rest where time is best spent
				}
				c := p.c32
				if acc == num.F16 {
					c = p.c16
				}
				name := fmt.Sprintf("sm_%d ->%v %s", sm, acc, p.name)
				d := domain{t, rule, mustUnit(t, rule, 16, num.F16, num.F16),
					mustUnit(t, rule, 16, num.F16, num.F16, Portable), name, p.x, p.y, c}
				d.operands(0)
				d.operands(1)
				if acc == num.F16 {
					d.accumulators()
				}
			}
		}
	}
}

type domain struct {
	t          *testing.T
	rule       gpu.MMARule
	fast, slow *Unit
	name       string
	x, y, c    uint32
}

// operands runs v*x + y*y + c for every v, one a row of A (side 0) or a column of B.
func (d *domain) operands(side int) {
	step := [2]int{rows, cols}[side]
	for base := 0; base < 1<<16; base += step {
		p := &problem{}
		for m := range rows {
			p.a[m] = make([]uint32, 16)
			p.a[m][0], p.a[m][9] = d.x, d.y
			if side == 0 {
				p.a[m][0] = uint32(base + m)
			}
			for n := range cols {
				p.c[m][n] = d.c
			}
		}
		for n := range cols {
			p.b[n] = make([]uint32, 16)
			p.b[n][0], p.b[n][9] = d.x, d.y
			if side == 1 {
				p.b[n][0] = uint32(base + n)
			}
		}
		d.both(p, func(m, n int) bool {
			return side == 0 && n == m%cols || side == 1 && m == n
		})
	}
}

// accumulators runs x*y + v for every v in C.
func (d *domain) accumulators() {
	for base := 0; base < 1<<16; base += rows * cols {
		p := &problem{}
		for m := range rows {
			p.a[m] = make([]uint32, 16)
			p.a[m][3] = d.x
			for n := range cols {
				p.c[m][n] = uint32(base + m*cols + n)
			}
		}
		for n := range cols {
			p.b[n] = make([]uint32, 16)
			p.b[n][3] = d.y
		}
		d.both(p, func(int, int) bool { return true })
	}
}

func (d *domain) both(p *problem, look func(m, n int) bool) {
	d.t.Helper()
	a, b, c := p.fragments(num.F16, d.rule.Acc, 16)
	x, y := regs(len(c)), regs(len(c))
	d.fast.MMA(x, a, b, c)
	d.slow.MMA(y, a, b, c)
	for i := range x {
		if *x[i] != *y[i] {
			d.t.Fatalf("%s: assembly and Go differ in register %d", d.name, i)
		}
	}
	for m := range rows {
		for n := range cols {
			if !look(m, n) {
				continue
			}
			want := refDot(d.rule, num.F16, num.F16, p.a[m], p.b[n], p.c[m][n])
			if got := readC(x, d.rule.Acc, m, n); got != want {
				d.t.Fatalf("%s: %#x %#x + %#x = %#x, want %#x", d.name, p.a[m], p.b[n], p.c[m][n],
					got, want)
			}
		}
	}
}
