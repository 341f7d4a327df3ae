package main

import (
	"bytes"
	"math"
	"os"
	"testing"

	"tensoros/internal/golden"
	"tensoros/neurolang"
	"tensoros/neurolang/ir"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
)

// BenchmarkBench runs what the bench subcommand runs; a gate that is missed fails only there.
func BenchmarkBench(b *testing.B) {
	for _, x := range benches {
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
			b.ReportMetric(done/b.Elapsed().Seconds(), x.unit)
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
	p, _, _ := neurolang.Compile("matmul.nl", seedProgramText, neurolang.Options{})
	k := p.Kernels[0]
	var in []ir.Matrix
	for i, a := range k.Params {
		m := ir.NewMatrix(n, n, a.Tile.Elem, a.Tile.Layout)
		var err error
		m.Data, err = vm.Fill{Kind: vm.FillRandn, Seed: uint64(i + 1)}.Bytes(vm.Spec{
			Shape: []int{n, n}, Elem: a.Tile.Elem, Layout: a.Tile.Layout})
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, m)
	}
	out, err := ir.Interpret(k.IR, k.Target, in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Data
}
