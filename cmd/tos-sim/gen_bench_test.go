package main

import (
	"math"
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
