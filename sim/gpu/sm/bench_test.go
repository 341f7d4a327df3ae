package sm

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
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

// BenchmarkWgmma is 16 wgmma of four warps, without time: gather, decode and arithmetic.
func BenchmarkWgmma(b *testing.B) {
	for _, c := range []struct {
		d, a ptx.Type
		n    int
		mn   bool
	}{
		{ptx.F32, ptx.F16, 256, false}, {ptx.F32, ptx.Bf16, 128, false}, {ptx.F32, ptx.F16, 128,
			true},
		{ptx.F32, ptx.Tf32, 128, false}, {ptx.F32, ptx.E4m3, 128, false}, {ptx.S32, ptx.S8, 128,
			false},
	} {
		x := wgmmaCase{d: c.d, a: c.a, b: c.a, n: c.n, modeA: 1, modeB: 1, mnA: c.mn, mnB: c.mn}
		b.Run(x.spelling()+map[bool]string{false: "", true: "/mn"}[c.mn], func(b *testing.B) {
			drawWgmma(rand.New(rand.NewPCG(1, 1)), &x)
			la, lb := newLayout(0, 1, c.mn, 0), newLayout(wgmmaB, 1, c.mn, 0)
			src := x.source(la, lb)
			i := strings.Index(src, "setp.eq.u32 %p3, 0, 0;")
			j := strings.Index(src, "wgmma.commit_group")
			src = src[:i] + strings.Repeat(src[i:j], 15) + src[j:]
			mem := newFlat(wgmmaImage + 2048 + 128*512)
			for kb := range 32 {
				for m := range 64 {
					mem.data[la.place(m, kb)] = x.rowsA[m][kb]
				}
				for n := range x.n {
					mem.data[lb.place(n, kb)] = x.columns[n][kb]
				}
			}
			l := &Launch{Prog: load(b, src, ""), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{128, 1,
				1},
				Mem: mem, Params: params(mem.base, mem.base+wgmmaImage+2048)}
			for b.Loop() {
				if _, err := l.Run(); err != nil {
					b.Fatal(err)
				}
			}
			macs := float64(16*64*x.n*256/elementFormat[x.a].Bits) * float64(b.N)
			b.ReportMetric(macs/b.Elapsed().Seconds()/1e6, "MMAC/s")
		})
	}
}

// BenchmarkTensorLoad is a tile of 64x64 f16 with the swizzle of 128 bytes, 256 times.
func BenchmarkTensorLoad(b *testing.B) {
	m := gpu.TensorMap{Type: gpu.TensorF16, Rank: 2, Base: 1 << 44, Dims: [5]uint64{256, 256},
		Strides: [4]uint64{512}, Box: [5]uint32{64, 64}, ElementStrides: [5]uint32{1, 1},
		Swizzle: gpu.Swizzle128}
	image, err := m.Encode()
	if err != nil {
		b.Fatal(err)
	}
	src := strings.Replace(kernel(".shared .align 1024 .b8 tile[8192]; .shared .align 8 .b8 bar[8];",
		`mov.u32 %r10, bar; mov.u32 %r11, tile; mbarrier.init.shared.b64 [%r10], 1; mov.u32 %r5, 0;
		mov.u64 %rd7, pmap; cvta.param.u64 %rd7, %rd7;
		l: and.b32 %r6, %r5, 127; mbarrier.arrive.expect_tx.shared.b64 %rd8, [%r10], 8192;
		cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r11],
		[%rd7, {%r6, %r6}], [%r10]; and.b32 %r7, %r5, 1;
		w: mbarrier.try_wait.parity.shared.b64 %p2, [%r10], %r7; @!%p2 bra w;
		add.u32 %r5, %r5, 1; setp.lt.u32 %p1, %r5, 256; @%p1 bra l;`), ".param .u32 n)",
		".param .u32 n, .param .align 64 .b8 pmap[128])", 1)
	mem := newFlat(1 << 17)
	p := append(params(mem.base, mem.base, uint32(0)), make([]byte, 64-20)...)
	l := &Launch{Prog: load(b, src, "k"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1},
		Mem: mem, Params: append(p, image[:]...)}
	for b.Loop() {
		if _, err := l.Run(); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(256 * 8192)
	b.ReportAllocs()
}
