package sm

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/memory"
)

// kernelFile decodes a kernel of testdata; slow leaves the fast forms out.
func kernelFile(t testing.TB, file string, slow bool) *Program {
	t.Helper()
	src, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ptx.Parse(file, src)
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	load := Load
	if slow {
		load = loadSlow
	}
	p, err := load(m, "", 80)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// loadSlow is Load without the forms over rows.
func loadSlow(m *ptx.Module, entry string, sm int) (*Program, error) {
	f, err := findEntry(m, entry)
	if err != nil {
		return nil, err
	}
	d := &decoder{mod: m, sm: sm, target: plainTarget(sm), base: ModuleWindow, slow: true,
		p: &Program{Name: f.Name}}
	d.program(f)
	if len(d.faults) > 0 {
		return nil, &UnsupportedError{m.Name, f.Name, d.faults}
	}
	return d.p, nil
}

// floats fills memory with values of a small integer range, so that sums are exact.
func floats(mem *flat, n int) {
	for i := range n {
		binary.LittleEndian.PutUint32(mem.data[4*i:], math.Float32bits(float32(i*7%31-15)))
	}
}

func tiled(p *Program, n int) (*Launch, *flat) {
	mem := newFlat(3 * 4 * n * n)
	floats(mem, 2*n*n)
	a, size := mem.base, uint64(4*n*n)
	return &Launch{Prog: p, Grid: [3]uint32{uint32(n / 16), uint32(n / 16), 1},
		Block: [3]uint32{16, 16, 1}, Mem: mem,
		Params: params(a, a+size, a+2*size, uint32(n))}, mem
}

func vectors(p *Program, n int) (*Launch, *flat) {
	mem := newFlat(3 * 4 * n)
	floats(mem, 2*n)
	a, size := mem.base, uint64(4*n)
	return &Launch{Prog: p, Grid: [3]uint32{uint32((n + 255) / 256), 1, 1},
		Block: [3]uint32{256, 1, 1}, Mem: mem,
		Params: params(a, a+size, a+2*size, uint32(n))}, mem
}

// TestReferenceKernels checks the kernels of the benchmarks against plain loops.
func TestReferenceKernels(t *testing.T) {
	for _, slow := range []bool{false, true} {
		const n = 64
		l, mem := tiled(kernelFile(t, "matmul_f32.ptx", slow), n)
		if _, err := l.Run(); err != nil {
			t.Fatal(err)
		}
		at := func(i int) float32 { return math.Float32frombits(mem.u32(4 * i)) }
		for i := range n {
			for j := range n {
				want := float32(0)
				for k := range n {
					want += at(i*n+k) * at(n*n+k*n+j)
				}
				if got := at(2*n*n + i*n + j); got != want {
					t.Fatalf("slow %t: c[%d,%d] = %v, want %v", slow, i, j, got, want)
				}
			}
		}
		const m = 1000 // the last CTA is not full
		l, mem = vectors(kernelFile(t, "vecadd.ptx", slow), m)
		if _, err := l.Run(); err != nil {
			t.Fatal(err)
		}
		for i := range m {
			at := func(i int) float32 { return math.Float32frombits(mem.u32(4 * i)) }
			if got := at(2*m + i); got != at(i)+at(m+i) {
				t.Fatalf("slow %t: sum %d is %v", slow, i, got)
			}
		}
	}
}

func benchmarkLaunch(b *testing.B, l *Launch) {
	var n uint64
	for b.Loop() {
		s, err := l.Run()
		if err != nil {
			b.Fatal(err)
		}
		n += s.Instructions
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mwarp-instr/s")
}

func BenchmarkTiledF32(b *testing.B) {
	for name, slow := range map[string]bool{"fast": false, "slow": true} {
		b.Run(name, func(b *testing.B) {
			l, _ := tiled(kernelFile(b, "matmul_f32.ptx", slow), 256)
			benchmarkLaunch(b, l)
		})
	}
}

func BenchmarkVectorAdd(b *testing.B) {
	for name, slow := range map[string]bool{"fast": false, "slow": true} {
		b.Run(name, func(b *testing.B) {
			l, _ := vectors(kernelFile(b, "vecadd.ptx", slow), 512*512)
			benchmarkLaunch(b, l)
		})
	}
}

// The same kernels with time, on all SMs of a chip, on one and on two threads.

func benchmarkTimed(b *testing.B, l *Launch) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads%d", threads), func(b *testing.B) {
			cfg := testConfig
			cfg.Threads = threads
			var n uint64
			for b.Loop() {
				g, err := NewGrid(cfg, 132, memory.New(testMemory), l, l.Prog.Registers(), 0)
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := g.Run(far); err != nil {
					b.Fatal(err)
				}
				n += g.Stats().Instructions
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mwarp-instr/s")
		})
	}
}

func BenchmarkTiledF32Timed(b *testing.B) {
	l, _ := tiled(kernelFile(b, "matmul_f32.ptx", false), 256)
	benchmarkTimed(b, l)
}

func BenchmarkVectorAddTimed(b *testing.B) {
	l, _ := vectors(kernelFile(b, "vecadd.ptx", false), 512*512)
	benchmarkTimed(b, l)
}
