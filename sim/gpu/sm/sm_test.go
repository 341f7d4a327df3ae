package sm

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/lower"
	"tensoros/sim/gpu/memory"
)

// flat is memory for tests: one block at an address of its own.
type flat struct {
	base uint64
	data []byte
}

func (f *flat) Span(addr uint64, n int, _ bool) ([]byte, uint64) {
	if addr < f.base || addr >= f.base+uint64(len(f.data)) {
		return nil, 0
	}
	off := addr - f.base
	return f.data[off:][:min(n, len(f.data)-int(off))], off
}

func newFlat(n int) *flat { return &flat{1 << 44, make([]byte, n)} }

func (f *flat) u32(off int) uint32       { return binary.LittleEndian.Uint32(f.data[off:]) }
func (f *flat) setU32(off int, v uint32) { binary.LittleEndian.PutUint32(f.data[off:], v) }

// params lays 64-bit and 32-bit parameters out as PTX does.
func params(args ...any) []byte {
	var p []byte
	for _, a := range args {
		switch v := a.(type) {
		case uint64:
			for len(p)%8 != 0 {
				p = append(p, 0)
			}
			p = binary.LittleEndian.AppendUint64(p, v)
		case uint32:
			p = binary.LittleEndian.AppendUint32(p, v)
		}
	}
	return p
}

func load(t testing.TB, src, entry string) *Program {
	t.Helper()
	m, err := ptx.Parse("test.ptx", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	p, err := LoadAt(m, entry, testConfig.Target(), ModuleWindow)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const header = ".version 8.0\n.target sm_90\n.address_size 64\n"

// kernel wraps a body that gets %rd1 = in, %rd2 = out, %r1 = global thread number.
func kernel(regs, body string) string {
	return header + `.visible .entry k(.param .u64 in, .param .u64 out, .param .u32 n)
{
	.reg .b32 %r<32>; .reg .b64 %rd<16>; .reg .pred %p<8>; .reg .f32 %f<16>; .reg .b16 %h<8>;
	` + regs + `
	ld.param.u64 %rd1, [in];
	ld.param.u64 %rd2, [out];
	mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;
	mad.lo.s32 %r1, %r2, %r3, %r4;
	mul.wide.u32 %rd3, %r1, 4;
	add.s64 %rd1, %rd1, %rd3;
	add.s64 %rd2, %rd2, %rd3;
	` + body + `
	ret;
}`
}

// run executes body over n threads of 64 a CTA, in f(i) -> out[i], functional and timed.
func run(t *testing.T, src string, n int, in func(i int) uint32) []uint32 {
	t.Helper()
	p := load(t, src, "")
	var results [2][]uint32
	for mode := range results {
		mem := newFlat(2 * 4 * n)
		for i := range n {
			mem.setU32(4*i, in(i))
		}
		l := &Launch{Prog: p, Grid: [3]uint32{uint32(n / 64), 1, 1}, Block: [3]uint32{64, 1, 1},
			Mem: mem, Params: params(mem.base, mem.base+uint64(4*n), uint32(n))}
		if mode == 0 {
			if _, err := l.Run(); err != nil {
				t.Fatal(err)
			}
		} else {
			timed(t, l)
		}
		for i := range n {
			results[mode] = append(results[mode], mem.u32(4*(n+i)))
		}
	}
	for i := range results[0] {
		if results[0][i] != results[1][i] {
			t.Fatalf("thread %d: %#x without time, %#x with", i, results[0][i], results[1][i])
		}
	}
	return results[0]
}

// testConfig has round numbers; the chips' tables are elsewhere.
var testConfig = Config{SM: 90, GHz: 1, SubCores: 4, Warps: 64, CTAs: 32, Registers: 65536,
	Shared: 228 << 10, Reserved: 1024, Unified: 256 << 10, L1: 220 << 10, L1Latency: 34,
	Predicate: 13, Reuse: 10, Taken: 12, Release: 20, Access: 2, Queue: 16, Shuffle: 23,
	CopyIssue: 4, InFlight: 384, Port: 64, Fence: 500, Remote: 180, BulkLag: 170, BulkIssue: 33,
	RemoteOwn: 37, RemoteGet: 6, RemotePut: 6, CopyRate: 21, Arrive: 5, Test: 41, Suspend: 7776,
	MMAIssue: 2, MMARegs: 8, MMAFence: 19, MMADepth: 6, MMATail: 44, MMATailR: 40,
	Latency: [lower.Units]int64{lower.ALU: 4, lower.FMA: 4, lower.Heavy: 4, lower.Half: 5,
		lower.Double: 8, lower.Special: 19, lower.Tensor: 24, lower.Warpgroup: 1, lower.Memory: 29,
		lower.Copy: 1, lower.Barrier: 1, lower.Control: 1},
	Interval: [lower.Units]float64{lower.ALU: 2, lower.FMA: 1, lower.Heavy: 2, lower.Half: 1,
		lower.Double: 2, lower.Special: 8, lower.Tensor: 8, lower.Warpgroup: 1, lower.Memory: 1,
		lower.Copy: 1, lower.Barrier: 1, lower.Control: 1}}

var testMemory = memory.Config{L2Bytes: 1 << 20, L2Latency: 250, L2Rate: 3900, Latency: 600,
	Rate: 1700}

func timed(t testing.TB, l *Launch) *Grid {
	t.Helper()
	g, err := NewGrid(testConfig, 4, memory.New(testMemory), l, 32, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Run(far); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestScalarPrograms(t *testing.T) {
	f := func(v float32) uint32 { return math.Float32bits(v) }
	for _, c := range []struct {
		name, regs, body string
		in               func(i int) uint32
		want             func(x uint32, i int) uint32
	}{
		{"copy", "", "ld.global.u32 %r5, [%rd1]; st.global.u32 [%rd2], %r5;",
			func(i int) uint32 { return uint32(i * 7) }, func(x uint32, _ int) uint32 { return x }},
		{"divergent loop", "", `ld.global.u32 %r5, [%rd1]; mov.u32 %r6, 0;
loop:	setp.eq.u32 %p1, %r5, 0; @%p1 bra done;
	add.u32 %r6, %r6, %r5; sub.u32 %r5, %r5, 1; bra loop;
done:	st.global.u32 [%rd2], %r6;`,
			func(i int) uint32 { return uint32(i % 37) },
			func(x uint32, _ int) uint32 { return x * (x + 1) / 2 }},
		{"branches that meet", "", `ld.global.u32 %r5, [%rd1]; and.b32 %r6, %r5, 1;
	setp.ne.u32 %p1, %r6, 0; @%p1 bra odd; shl.b32 %r5, %r5, 1; bra join;
odd:	mul.lo.u32 %r5, %r5, 3;
join:	activemask.b32 %r7; popc.b32 %r7, %r7; mad.lo.u32 %r5, %r7, 1000, %r5;
	st.global.u32 [%rd2], %r5;`,
			func(i int) uint32 { return uint32(i) },
			func(x uint32, _ int) uint32 { return x*(2+x&1) + 32000 }},
		{"butterfly sum", "", `ld.global.u32 %r5, [%rd1];
	shfl.sync.bfly.b32 %r6, %r5, 16, 31, -1; add.u32 %r5, %r5, %r6;
	shfl.sync.bfly.b32 %r6, %r5, 8, 31, -1; add.u32 %r5, %r5, %r6;
	shfl.sync.bfly.b32 %r6, %r5, 4, 31, -1; add.u32 %r5, %r5, %r6;
	shfl.sync.bfly.b32 %r6, %r5, 2, 31, -1; add.u32 %r5, %r5, %r6;
	shfl.sync.bfly.b32 %r6, %r5, 1, 31, -1; add.u32 %r5, %r5, %r6;
	st.global.u32 [%rd2], %r5;`,
			func(i int) uint32 { return uint32(i) },
			func(_ uint32, i int) uint32 { return uint32(i/32*32*32 + 31*16) }},
		{"reverse through shared memory", ".shared .align 4 .b8 buf[256];", `
	ld.global.u32 %r5, [%rd1]; mov.u32 %r6, buf;
	shl.b32 %r7, %r4, 2; add.u32 %r7, %r6, %r7; st.shared.u32 [%r7], %r5;
	bar.sync 0;
	sub.u32 %r8, 63, %r4; shl.b32 %r8, %r8, 2; add.u32 %r8, %r6, %r8; ld.shared.u32 %r5, [%r8];
	st.global.u32 [%rd2], %r5;`,
			func(i int) uint32 { return uint32(i) },
			func(_ uint32, i int) uint32 { return uint32(i/64*64 + 63 - i%64) }},
		{"fma rounds once", "", `ld.global.f32 %f1, [%rd1]; fma.rn.f32 %f2, %f1, %f1, 0fBF800000;
	st.global.f32 [%rd2], %f2;`,
			func(i int) uint32 { return f(1 + float32(i)/8192) },
			func(x uint32, _ int) uint32 {
				v := float64(math.Float32frombits(x))
				return f(float32(v*v - 1))
			}},
		{"halves", "", `ld.global.f32 %f1, [%rd1]; cvt.rn.f16.f32 %h1, %f1; mov.b32 %r5, {%h1, %h1};
	add.rn.f16x2 %r5, %r5, %r5; st.global.u32 [%rd2], %r5;`,
			func(i int) uint32 { return f(float32(i)) },
			func(x uint32, _ int) uint32 {
				h := putF16(2 * float64(math.Float32frombits(x)))
				return h | h<<16
			}},
		{"predicated exit", "", `ld.global.u32 %r5, [%rd1]; st.global.u32 [%rd2], %r5;
	setp.lt.u32 %p1, %r5, 10; @%p1 exit; bar.sync 0; st.global.u32 [%rd2], 99;`,
			func(i int) uint32 { return uint32(i % 64) },
			func(x uint32, _ int) uint32 {
				if x < 10 {
					return x
				}
				return 99
			}},
		{"atomics", ".shared .align 4 .b8 sum[4];", `mov.u32 %r6, sum; setp.ne.u32 %p1, %r4, 0;
	@!%p1 st.shared.u32 [%r6], 0; bar.sync 0; ld.global.u32 %r5, [%rd1];
	atom.shared.add.u32 %r7, [%r6], %r5; bar.sync 0; ld.shared.u32 %r8, [%r6];
	st.global.u32 [%rd2], %r8;`,
			func(i int) uint32 { return uint32(i % 64) },
			func(uint32, int) uint32 { return 63 * 32 }},
		{"asynchronous copy", ".shared .align 16 .b8 buf[256];", `
	mov.u32 %r6, buf; shl.b32 %r7, %r4, 2; add.u32 %r7, %r6, %r7;
	cp.async.ca.shared.global [%r7], [%rd1], 4; cp.async.commit_group;
	cp.async.wait_group 0; bar.sync 0; xor.b32 %r8, %r7, 4; ld.shared.u32 %r5, [%r8];
	st.global.u32 [%rd2], %r5;`,
			func(i int) uint32 { return uint32(i) },
			func(_ uint32, i int) uint32 { return uint32(i ^ 1) }},
		{"wide arithmetic", "", `ld.global.u32 %r5, [%rd1]; mul.wide.s32 %rd4, %r5, %r5;
	shr.u64 %rd4, %rd4, 3; add.s64 %rd4, %rd4, 5; cvt.u32.u64 %r6, %rd4;
	st.global.u32 [%rd2], %r6;`,
			func(i int) uint32 { return uint32(i * 12345) },
			func(x uint32, _ int) uint32 {
				v := int64(int32(x))
				return uint32(uint64(v*v)>>3 + 5)
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, got := range run(t, kernel(c.regs, c.body), 256, c.in) {
				if want := c.want(c.in(i), i); got != want {
					t.Fatalf("thread %d: %#x, want %#x", i, got, want)
				}
			}
		})
	}
}

func TestFaultsNameThePlace(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"nothing mapped": {"mov.u64 %rd4, 64; ld.global.u32 %r5, [%rd4];",
			"0x40: nothing is mapped"},
		"misaligned": {"ld.global.u32 %r5, [%rd1+2];", "not aligned"},
		"beyond shared": {"mov.u32 %r5, 4096; st.shared.u32 [%r5], 1;",
			"outside the CTA's shared"},
		"trap": {"trap;", "trapped"},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, kernel("", c.body), "k")
			mem := newFlat(4096)
			l := &Launch{Prog: p, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{32, 1, 1}, Mem: mem,
				Params: params(mem.base, mem.base, uint32(0))}
			_, err := l.Run()
			if err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), "line ") {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestUnmodelledInstructionsAreListedWithLines(t *testing.T) {
	src := kernel("", "ld.global.u32 %r5, [%rd1];\n\tcvta.to.global.u32 %r6, %r5;")
	m, err := ptx.Parse("test.ptx", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	_, err = LoadAt(m, "", testConfig.Target(), ModuleWindow)
	if err == nil || !strings.Contains(err.Error(), "cvta.to.global.u32") ||
		!strings.Contains(err.Error(), "line 16") {
		t.Fatalf("error %v", err)
	}
}

func TestDependentChainTakesItsLatency(t *testing.T) {
	const n = 100
	body := "ld.global.f32 %f1, [%rd1];\n" + strings.Repeat("fma.rn.f32 %f1, %f1, %f1, %f1;\n", n) +
		"st.global.f32 [%rd2], %f1;"
	short := "ld.global.f32 %f1, [%rd1];\nst.global.f32 [%rd2], %f1;"
	cycles := func(body string) int64 {
		mem := newFlat(4096)
		l := &Launch{Prog: load(t, kernel("", body), "k"), Grid: [3]uint32{1, 1, 1}, Mem: mem,
			Block: [3]uint32{32, 1, 1}, Params: params(mem.base, mem.base, uint32(0))}
		g := timed(t, l)
		return g.End() - 1000
	}
	if got := cycles(body) - cycles(short); got != n*4 {
		t.Errorf("%d dependent fma take %d cycles, want %d", n, got, n*4)
	}
}

func TestSameTimeWhateverTheOrderOfMaps(t *testing.T) {
	src := kernel("", "ld.global.u32 %r5, [%rd1]; st.global.u32 [%rd2], %r5;")
	end := int64(0)
	for range 3 {
		mem := newFlat(1 << 16)
		l := &Launch{Prog: load(t, src, "k"), Grid: [3]uint32{32, 1, 1},
			Block: [3]uint32{64, 1, 1}, Mem: mem,
			Params: params(mem.base, mem.base+1<<15, uint32(0))}
		g := timed(t, l)
		if end != 0 && g.End() != end {
			t.Fatalf("ends at %d, then at %d", end, g.End())
		}
		end = g.End()
	}
}
