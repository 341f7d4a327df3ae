package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"tensoros/internal/golden"
	"tensoros/neurolang"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
)

// BenchmarkBench runs what the bench subcommand runs; a gate that is missed fails only there.
func BenchmarkBench(b *testing.B) {
	for _, x := range append(slices.Clone(benches), gpuBenches...) {
		b.Run(x.name, func(b *testing.B) {
			portion, err := x.work()
			if err != nil {
				b.Fatal(err)
			}
			if _, err := portion(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var done float64
			for b.Loop() {
				n, err := portion()
				if err != nil {
					b.Fatal(err)
				}
				done += n
			}
			if x.best == nil {
				b.ReportMetric(done/b.Elapsed().Seconds(), x.unit)
			}
		})
	}
}

// TestBenchedProgramIsTheExample: -update copies it.
func TestBenchedProgramIsTheExample(t *testing.T) {
	src, err := os.ReadFile(seedProgram)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "matmul.nl", src)
	for _, file := range []string{"matmul_f32.ptx", "vecadd.ptx"} {
		if src, err = os.ReadFile("../../sim/gpu/sm/testdata/" + file); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "data/"+file, src)
	}
}

// TestBenchedSumIsRight does for the f32 kernels what TestBenchedMatmulIsRight does, on one element
// each that a loop adds up again.
func TestBenchedSumIsRight(t *testing.T) {
	const n = 512 * 512
	at := func(v vram, i int) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(v[4*i:]))
	}
	for i, run := range []func(*sm.Launch) (float64, error){
		func(l *sm.Launch) (float64, error) { return timeGPU(l, 2) },
		func(l *sm.Launch) (float64, error) {
			s, err := l.Run()
			return float64(s.Instructions), err
		},
	} {
		l, err := vectorLaunch()
		if err != nil {
			t.Fatal(err)
		}
		count, err := run(l)
		if err != nil {
			t.Fatal(err)
		}
		v := l.Mem.(vram)
		for k := range n {
			if got := at(v, 2*n+k); got != at(v, k)+at(v, n+k) {
				t.Fatalf("way %d: sum %d is %v", i, k, got)
			}
		}
		if count < n/32*10 {
			t.Errorf("way %d: %v warp instructions", i, count)
		}
	}
}

// TestBenchMeasures: a value that is no rate is the best of its portions, and a gate may be the
// most.
func TestBenchMeasures(t *testing.T) {
	values := []float64{9, 5, 3, 4}
	b := bench{unit: "s", gate: 4, best: math.Min, most: true,
		work: func() (func() (float64, error), error) {
			return func() (float64, error) {
				v := values[0]
				values = append(values[1:], v)
				return v, nil
			}, nil
		}}
	e := &env{err: io.Discard, out: io.Discard}
	p := e.progress("bench")
	defer p.Done()
	for _, c := range []struct {
		gate float64
		pass bool
	}{{4, true}, {2, false}} {
		b.gate = c.gate
		r, err := b.measure(20*time.Millisecond, p)
		if err != nil {
			t.Fatal(err)
		}
		if r.Rate != 3 || r.Pass != c.pass {
			t.Errorf("gate %v: %+v", c.gate, r)
		}
	}
}

// TestBenchedMatmulIsRight: a figure of wrong arithmetic would be worth nothing. Both ways of
// running the kernel must give the bits of the tile-IR interpreter, and as many instructions.
func TestBenchedMatmulIsRight(t *testing.T) {
	const n = 256
	want := interpret(t, n)
	var counts [2]float64
	for i, timed := range []bool{false, true} {
		m, err := newMatmul(n)
		if err != nil {
			t.Fatal(err)
		}
		if timed {
			counts[i], err = m.timed(chip.H100, memory.New(chip.H100.Memory()))
		} else {
			counts[i], err = m.functional()
		}
		if err != nil {
			t.Fatal(err)
		}
		v := m.launch.Mem.(vram)
		if !bytes.Equal(v[len(v)-len(want):], want) {
			t.Errorf("timed %t: not the interpreter's bits", timed)
		}
	}
	if counts[0] != counts[1] || counts[0] == 0 || math.IsNaN(counts[0]) {
		t.Errorf("%v warp instructions without time and with it", counts)
	}
}

func interpret(t *testing.T, n int) []byte {
	t.Helper()
	p, _, _ := neurolang.Compile("matmul.nl", seedProgramText, neurolang.Options{Target: 80})
	k, err := tir.Parse(p.Kernels[0].Source)
	if err != nil {
		t.Fatal(err)
	}
	var tensors []*interp.Tensor
	for i := range len(k.Params) + len(k.Outs) {
		x := interp.NewTensor(k.Tensor(i).Elem, k.Tensor(i).Layout, n, n)
		if i < len(k.Params) {
			x.Data = vm.Fill{Kind: vm.FillRandn, Seed: uint64(i + 1)}.Bytes(&vm.Spec{
				Shape: x.Dims, Elem: x.Elem, Layout: x.Layout})
		}
		tensors = append(tensors, x)
	}
	opt := interp.Options{Target: 90}
	if err := interp.Run(k, tensors, nil, opt); err != nil {
		t.Fatal(err)
	}
	return tensors[len(tensors)-1].Data
}
