package vm

import (
	"errors"
	"math"
	"strings"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
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
		{program.AddI, hi, 0, hi, true}, {program.AddI, hi, 1, 0, false},
		{program.AddI, lo, -1, 0, false}, {program.AddI, lo, hi, -1, true},
		{program.SubI, lo, 1, 0, false}, {program.SubI, 0, lo, 0, false},
		{program.SubI, -1, lo, hi, true}, {program.SubI, 5, 7, -2, true},
		{program.MulI, lo, -1, 0, false}, {program.MulI, -1, lo, 0, false},
		{program.MulI, lo, 1, lo, true}, {program.MulI, 1 << 32, 1 << 31, 0, false},
		{program.MulI, 1 << 31, 1 << 31, 1 << 62, true}, {program.MulI, -3, -4, 12, true},
		{program.MulI, -3, 4, -12, true}, {program.MulI, 0, lo, 0, true},
		{program.DivI, lo, -1, 0, false}, {program.RemI, lo, -1, 0, true},
		{program.DivI, 7, -2, -3, true}, {program.RemI, 7, -2, 1, true},
		{program.DivI, 1, 0, 0, false}, {program.RemI, 1, 0, 0, false},
		{program.ShlI, 1, 62, 1 << 62, true}, {program.ShlI, 1, 63, 0, false},
		{program.ShlI, 1, 64, 0, false}, {program.ShrI, -8, 1, -4, true},
	} {
		v, err := run(t, func(f *program.Func) {
			f.Consts = []any{c.x, c.y}
			f.Code = []program.Instr{program.ABx(program.LoadK, 0, 0),
				program.ABx(program.LoadK, 1, 1), program.ABC(c.op, 0, 0, 1),
				program.ABC(program.Ret, 0, 0, 0)}
		})
		if (err == nil) != c.ok || c.ok && v.Int() != c.want {
			t.Errorf("%s %d %d = %v, %v", c.op, c.x, c.y, v, err)
		}
	}
}

// run runs a function of a few registers.
func run(t testing.TB, fill func(f *program.Func)) (Value, error) {
	t.Helper()
	return New(built(t, fill), nil, Options{}).Call(0)
}

func built(t testing.TB, fill func(f *program.Func)) *program.Program {
	t.Helper()
	f := &program.Func{Name: "f", Regs: 8}
	fill(f)
	f.Pos = make([]source.Pos, len(f.Code))
	p := &program.Program{Name: "t", Main: 0, Funcs: []*program.Func{f}, Sources: &source.Set{}}
	if err := p.Verify(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoopsEnd(t *testing.T) {
	forever := built(t, func(f *program.Func) {
		f.Code = []program.Instr{program.ABC(program.Nop, 0, 0, 0), program.ABx(program.Jmp, 0, -2)}
	})
	var e *Error
	if _, err := New(forever, nil, Options{Steps: 1000}).Call(0); !errors.As(err, &e) ||
		e.Code != diag.StepLimit {
		t.Error(err)
	}
	deep := built(t, func(f *program.Func) {
		f.Code = []program.Instr{program.ABx(program.Call, 0, 0), program.ABC(program.Ret, 0, 0, 0)}
	})
	if _, err := New(deep, nil, Options{}).Call(0); !errors.As(err, &e) ||
		e.Code != diag.StackOverflow || len(e.Stack) != 1001 {
		t.Error(err)
	}
	if n := len(e.Diagnostic().Notes); n != maxFrames+1 {
		t.Errorf("%d notes", n)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		v          Value
		spec, want string
	}{
		{FloatValue(3.14159265), ".2", "3.14"}, {FloatValue(3.14159265), "3e", "3.142e+00"},
		{IntValue(42), "6", "    42"}, {StringValue("ab"), "4", "ab  "},
		{FloatValue(2), "8.1", "     2.0"}, {FloatValue(0.1), "", "0.1"},
		{IntValue(3), ".1", "3.0"}, {IntValue(1), "x", ""}, {IntValue(1), ".99999", ""},
		{IntValue(1), "-5", ""},
	} {
		got, err := format(c.v, c.spec)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v:%s = %q, %v", c.v, c.spec, got, err)
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

func TestFills(t *testing.T) {
	s := Spec{Shape: []int{64, 64}, Elem: tile.F32, Layout: tile.RowMajor}
	f := Fill{Kind: FillRandn, Seed: 1}
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
	a := f.Bytes(&s)
	s.Layout = tile.ColMajor
	b := f.Bytes(&s)
	if string(a[4:8]) != string(b[4*64:4*64+4]) || string(a) == string(b) {
		t.Error("values depend on the layout")
	}
	for e := tile.F16; e.Size() > 0; e++ {
		s := Spec{Shape: []int{3, 1000}, Elem: e, Layout: tile.RowMajor}
		p := Fill{Kind: FillUniform, Seed: 5}.Bytes(&s)
		sum = 0
		for i := 0; i < len(p); i += e.Size() {
			v := Decode(e, p[i:])
			if v < 0 || v >= 1 && !integer(e) {
				t.Fatalf("%s: %v is not in [0, 1)", e, v)
			}
			sum += v
		}
		if !integer(e) && math.Abs(sum/3000-0.5) > 4.0/math.Sqrt(12*3000)+1.0/16 {
			t.Errorf("%s: mean %v", e, sum/3000)
		}
		one := Fill{Kind: FillValue, Value: 1}.Bytes(&s)
		if Decode(e, one[len(one)-e.Size():]) != 1 {
			t.Errorf("%s: full of %v", e, one[:8])
		}
		if e == tile.Bool {
			break
		}
	}
}

func TestPlacesOfElements(t *testing.T) {
	s := Spec{Shape: []int{2, 3, 4}, Elem: tile.F32, Layout: tile.ColMajor}
	seen := map[int]bool{}
	i := 0
	s.places(func(logical, at int) {
		index := []int{logical / 12, logical / 4 % 3, logical % 4}
		if logical != i || at != s.place(index) || seen[at] {
			t.Errorf("%d at %d, want %d", logical, at, s.place(index))
		}
		seen[at] = true
		i++
	})
	for _, c := range []struct {
		layout tile.Layout
		lo, n  []int
		at     int
		ok     bool
	}{
		{tile.RowMajor, []int{1, 0, 0}, []int{1, 3, 4}, 12, true},
		{tile.RowMajor, []int{1, 1, 0}, []int{1, 2, 4}, 16, true},
		{tile.RowMajor, []int{0, 1, 0}, []int{2, 2, 4}, 0, false},
		{tile.RowMajor, []int{0, 1, 2}, []int{1, 1, 2}, 6, true},
		{tile.RowMajor, []int{0, 1, 2}, []int{1, 2, 2}, 0, false},
		{tile.ColMajor, []int{1, 0, 1}, []int{1, 3, 2}, 15, true},
		{tile.ColMajor, []int{1, 1, 0}, []int{1, 1, 4}, 0, false},
	} {
		s.Layout = c.layout
		if at, ok := s.whole(c.lo, c.n); ok != c.ok || ok && at != c.at {
			t.Errorf("%v %v %v: %d %v", c.layout, c.lo, c.n, at, ok)
		}
	}
}

func TestDamagedBytecodeIsAnError(t *testing.T) {
	for op := program.Op(0); !strings.HasPrefix(op.String(), "op"); op++ {
		f := &program.Func{Name: "f", Regs: 8, Consts: []any{"x"}, Pos: make([]source.Pos, 2)}
		p := &program.Program{Name: "t", Funcs: []*program.Func{f}, Globals: []string{"g"},
			Sites: []program.Site{{Name: "print", Args: 1}}, Sources: &source.Set{},
			Shapes: []program.Shape{{Type: "P", Fields: []string{"x"}}}}
		f.Code = []program.Instr{program.ABC(op, 0, 0, 0), program.ABC(program.Ret, 0, 0, 0)}
		if op == program.Builtin || op == program.Launch || p.Verify() != nil {
			continue
		}
		_, _ = New(p, nil, Options{Depth: 10}).Call(0) // no panic is all that is asked
	}
}

func BenchmarkRandn(b *testing.B) {
	s := Spec{Shape: []int{512, 512}, Elem: tile.F16, Layout: tile.RowMajor}
	b.SetBytes(int64(s.Bytes()))
	for b.Loop() {
		_ = Fill{Kind: FillRandn, Seed: 1}.Bytes(&s)
	}
}

// BenchmarkLoop is five instructions a turn; ns/op divided by 5 is the cost of one.
func BenchmarkLoop(b *testing.B) {
	p := built(b, func(f *program.Func) {
		f.Consts = []any{int64(b.N)}
		f.Code = []program.Instr{
			program.ABx(program.LoadI, 0, 0), program.ABx(program.LoadK, 1, 0),
			program.ABx(program.LoadI, 3, 0), program.ABx(program.Prep, 0, 5),
			program.ABC(program.AddI, 3, 3, 2), program.ABC(program.LtI, 4, 3, 2),
			program.ABx(program.JT, 4, 1), program.ABC(program.AddN, 3, 3, 1),
			program.ABx(program.Loop, 0, -5), program.ABC(program.Ret, 3, 0, 0)}
	})
	m := New(p, nil, Options{Steps: 1 << 62})
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := m.Call(0); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCall is a call and a return.
func BenchmarkCall(b *testing.B) {
	p := built(b, func(f *program.Func) {
		f.Consts = []any{int64(b.N)}
		f.Code = []program.Instr{
			program.ABx(program.LoadI, 0, 0), program.ABx(program.LoadK, 1, 0),
			program.ABx(program.Prep, 0, 2), program.ABx(program.Call, 3, 0),
			program.ABx(program.Loop, 0, -2), program.ABC(program.Ret, 3, 0, 0)}
	})
	p.Funcs[0].Code[3] = program.ABx(program.Call, 3, 1)
	p.Funcs = append(p.Funcs, &program.Func{Name: "g", Params: 1, Regs: 2,
		Pos: make([]source.Pos, 1), Code: []program.Instr{program.ABC(program.Ret, 0, 0, 0)}})
	m := New(p, nil, Options{Steps: 1 << 62})
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := m.Call(0); err != nil {
		b.Fatal(err)
	}
}
