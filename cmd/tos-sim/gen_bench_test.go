package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tensoros/neurolang/gen"
	"tensoros/neurolang/tir"
	"tensoros/sim/gpu"
)

// genTime times a kernel on a chip: seconds, and the kernel for its costs.
func genTime(b *testing.B, text string, cc int, dims map[string]int, scalars []float64) (
	float64, *genLaunch) {
	b.Helper()
	k, err := tir.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	ak, err := gen.Compile(k, cc, gen.Options{})
	if err != nil {
		b.Fatal(err)
	}
	a, err := gpu.Open(genChips[cc], gpu.Options{Timed: true, Dry: true, Threads: gemmThreads})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	l := &genLaunch{k: ak, a: a, dims: dims, scalars: scalars, sms: map[int]int{80: 108, 89: 128,
		90: 132}[cc]}
	c := &genCase{dims: dims}
	for i := range len(k.Params) + len(k.Outs) {
		p := k.Tensor(i)
		n := p.Elem.Size()
		shape := c.shape(p)
		for _, d := range shape {
			n *= d
		}
		at, err := a.Alloc(n)
		if err != nil {
			b.Fatal(err)
		}
		l.at, l.shapes = append(l.at, at), append(l.shapes, shape)
	}
	for v := range ak.Variants {
		if l.v = &ak.Variants[v]; l.holds(l.v) {
			break
		}
	}
	r, err := l.run()
	if err != nil {
		b.Fatal(err)
	}
	dim := func(s string) int { return dims[s] }
	b.Logf("%s: %.1f us, %.1f TFLOP/s, %.0f GB/s, %d registers, %d spilled, %d CTAs an SM by %s",
		ak.Name, r.Elapsed/1e3, ak.FLOPs.Eval(dim)/r.Elapsed/1e3, ak.Bytes.Eval(dim)/r.Elapsed,
		r.Registers, r.Spilled, r.CTAsPerSM, r.LimitedBy)
	return r.Elapsed * 1e-9, l
}

func genReport(b *testing.B, seconds float64, l *genLaunch) {
	dim := func(s string) int { return l.dims[s] }
	b.ReportMetric(math.Round(l.k.FLOPs.Eval(dim)/seconds/1e11)/10, "TFLOP/s")
	b.ReportMetric(math.Round(l.k.Bytes.Eval(dim)/seconds/1e9), "GB/s")
	b.ReportMetric(seconds*1e6, "us")
}

func BenchmarkGenGEMM80(b *testing.B) {
	for range b.N {
		s, l := genTime(b, genGEMM("f16", "row", "row", "f32", "f16", 128, 128, 32), 80,
			map[string]int{"M": 4096, "N": 4096, "K": 4096}, nil)
		genReport(b, s, l)
	}
}

func BenchmarkGenGEMM90(b *testing.B) {
	for range b.N {
		s, l := genTime(b, genGEMM("bf16", "row", "row", "f32", "bf16", 128, 256, 64), 90,
			map[string]int{"M": 4096, "N": 4096, "K": 4096}, nil)
		genReport(b, s, l)
	}
}

// genRows normalises rows that a program holds whole: softmax, or RMSNorm.
func genRows(e string, rows, n int, norm bool) string {
	body := `
  %8 = reduce {by=max, axis=1} %7 : f32[@R,1]
  %9 = broadcast %8 : f32[@R,@N]
  %10 = sub %7, %9 : f32[@R,@N]
  %11 = exp %10 : f32[@R,@N]
  %12 = reduce {by=add, axis=1} %11 : f32[@R,1]
  %13 = rcp %12 : f32[@R,1]
  %14 = broadcast %13 : f32[@R,@N]
  %15 = mul %11, %14 : f32[@R,@N]`
	if norm {
		body = `
  %8 = mul %7, %7 : f32[@R,@N]
  %9 = reduce {by=add, axis=1} %8 : f32[@R,1]
  %10 = const {value=0.000244140625} : f32[@R,1]
  %11 = mul %9, %10 : f32[@R,1]
  %12 = rsqrt %11 : f32[@R,1]
  %14 = broadcast %12 : f32[@R,@N]
  %15 = mul %7, %14 : f32[@R,@N]`
	}
	return strings.NewReplacer("@E", e, "@R", fmt.Sprint(rows), "@N", fmt.Sprint(n)).Replace(
		`kernel @rows {
  param x: @E[M,@N] row read
  out y: @E[M,@N] row write
  axis i: M / @R
} () {
  %1 = program {axis=0} : i32
  %2 = const {value=@R} : i32
  %3 = mul %1, %2 : i32
  %4 = const {value=0} : i32
  %5 = load {param=0, sizes=@R @N} %3, %4 : @E[@R,@N]
  %7 = cast %5 : f32[@R,@N]` + body + `
  %16 = cast %15 : @E[@R,@N]
  store {param=1, sizes=@R @N} %16, %3, %4
  yield
}`)
}

const genVector = `kernel @vector {
  param x: @E[N] row read
  param y: @E[N] row read
  out z: @E[N] row write
  axis i: N / @B
} () {
  %1 = program {axis=0} : i32
  %2 = const {value=@B} : i32
  %3 = mul %1, %2 : i32
  %4 = load {param=0, sizes=@B} %3 : @E[@B]
  %5 = load {param=1, sizes=@B} %3 : @E[@B]
  %6 = add %4, %5 : @E[@B]
  store {param=2, sizes=@B} %6, %3
  yield
}`

func BenchmarkGenMemory(b *testing.B) {
	for _, c := range []struct {
		name, text string
		dims       map[string]int
	}{
		{"add f32", strings.NewReplacer("@E", "f32", "@B", "1024").Replace(genVector),
			map[string]int{"N": 1 << 25}},
		{"add bf16", strings.NewReplacer("@E", "bf16", "@B", "4096").Replace(genVector),
			map[string]int{"N": 1 << 26}},
		{"softmax f32 4096", genRows("f32", 1, 4096, false), map[string]int{"M": 8192}},
		{"softmax bf16 1024", genRows("bf16", 4, 1024, false), map[string]int{"M": 65536}},
		{"rmsnorm bf16 4096", genRows("bf16", 1, 4096, true), map[string]int{"M": 16384}},
		{"rmsnorm bf16 8192", genRows("bf16", 1, 8192, true), map[string]int{"M": 8192}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				s, l := genTime(b, c.text, 90, c.dims, nil)
				genReport(b, s, l)
			}
		})
	}
}
