package sm

import (
	"os"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/memory"
)

// smallMatmul is the reference program's kernel over 256^3 of nothing in particular.
func smallMatmul(t testing.TB) (*Launch, *flat) {
	const n = 256
	l, mem := matmulOf(t, n)
	return l, mem
}

// matmul is the reference program's kernel as Neuro-Lang compiles it for sm_90, over 512^3.
func matmul(b *testing.B) *Launch {
	l, _ := matmulOf(b, 512)
	return l
}

func matmulOf(b testing.TB, n int) (*Launch, *flat) {
	src, err := os.ReadFile("testdata/matmul_sm90.ptx")
	if err != nil {
		b.Fatal(err)
	}
	m, err := ptx.Parse("matmul_sm90.ptx", src)
	if err != nil {
		b.Fatal(err)
	}
	p, err := LoadAt(m, "", testConfig.Target(), ModuleWindow)
	if err != nil {
		b.Fatal(err)
	}
	mem := newFlat(2*2*n*n + 4*n*n)
	for i := range 2 * n * n { // f16 in [1, 2) and (-2, -1]
		mem.data[2*i], mem.data[2*i+1] = byte(i*37), 0x3c|byte(i*13)&3|byte(i)<<7
	}
	a, size := mem.base, uint64(2*n*n)
	return &Launch{Prog: p, Grid: [3]uint32{uint32(n / 128), uint32(n / 128), 1},
		Block: [3]uint32{128, 1, 1}, Mem: mem,
		Params: params(a, a+size, a+2*size, uint32(n), uint32(n), uint32(n))}, mem
}

func BenchmarkMatmulFunctional(b *testing.B) {
	l := matmul(b)
	var n uint64
	for b.Loop() {
		s, err := l.Run()
		if err != nil {
			b.Fatal(err)
		}
		n += s.Instructions
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "warp-instr/s")
}

func BenchmarkMatmulTimed(b *testing.B) {
	l := matmul(b)
	var n uint64
	for b.Loop() {
		g, err := NewGrid(testConfig, 132, memory.New(testMemory), l, 168, 1000)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := g.Run(far); err != nil {
			b.Fatal(err)
		}
		n += g.Stats().Instructions
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "warp-instr/s")
}
