package vm

import (
	"math"
	"testing"

	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

func TestIntegerOverflow(t *testing.T) {
	const lo, hi = math.MinInt64, math.MaxInt64
	for _, c := range []struct {
		op   program.Op
		x, y int64
		want int64
		ok   bool
	}{
		{program.AddI, hi, 0, hi, true}, {program.AddI, hi, 1, 0, false}, {program.AddI, lo, -1, 0,
			false},
		{program.AddI, lo, hi, -1, true}, {program.SubI, lo, 1, 0, false}, {program.SubI, 0, lo, 0,
			false},
		{program.SubI, -1, lo, hi, true}, {program.MulI, lo, -1, 0, false}, {program.MulI, -1, lo,
			0, false},
		{program.MulI, lo, 1, lo, true}, {program.MulI, 1 << 32, 1 << 31, 0, false},
		{program.MulI, 1 << 31, 1 << 31, 1 << 62, true}, {program.DivI, lo, -1, 0, false},
		{program.RemI, lo, -1, 0, true}, {program.DivI, 7, -2, -3, true}, {program.RemI, 7, -2, 1,
			true},
		{program.DivI, 1, 0, 0, false}, {program.RemI, 1, 0, 0, false},
	} {
		v, err := arithI(c.op, c.x, c.y)
		if (err == nil) != c.ok || c.ok && v.Int() != c.want {
			t.Errorf("%s %d %d = %v, %v", c.op, c.x, c.y, v, err)
		}
	}
}

func TestFormatFloat(t *testing.T) {
	for f, want := range map[float64]string{0: "0.0", 1: "1.0", -2.5: "-2.5", 0.1: "0.1",
		1e21:                  "1e+21",
		float64(float32(0.1)): "0.1", math.Inf(1): "+Inf", 1.0 / 3: "0.3333333333333333"} {
		if got := formatFloat(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func TestRandn(t *testing.T) {
	s := Spec{Shape: []int{64, 64}, Elem: tile.F32, Layout: tile.RowMajor}
	f := Fill{FillRandn, 1}
	var sum, square float64
	for i := range uint64(4096) {
		v := float64(f.normal(i))
		sum += v
		square += v * v
	}
	// Standard errors of mean and variance of 4096 samples are 1/64 and sqrt(2)/64.
	if math.Abs(sum/4096) > 4.0/64 || math.Abs(square/4096-1) > 4*math.Sqrt2/64 {
		t.Errorf("mean %v, variance %v", sum/4096, square/4096)
	}
	a, err := f.Bytes(s)
	if err != nil || len(a) != s.Bytes() {
		t.Fatal(err)
	}
	s.Layout = tile.ColMajor
	b, _ := f.Bytes(s)
	if string(a[4:8]) != string(b[4*64:4*64+4]) || string(a) == string(b) {
		t.Error("values depend on the layout")
	}
	s.Elem = tile.F64
	if _, err := f.Bytes(s); err == nil {
		t.Error("f64 is accepted")
	}
}

func BenchmarkRandn(b *testing.B) {
	s := Spec{Shape: []int{512, 512}, Elem: tile.F16, Layout: tile.RowMajor}
	b.SetBytes(int64(s.Bytes()))
	for b.Loop() {
		_, _ = Fill{FillRandn, 1}.Bytes(s)
	}
}
