package sm

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

// wgmmaCase is one form of wgmma.mma_async. Rows of A and columns of B are 32 bytes of k.
type wgmmaCase struct {
	d, a, b        ptx.Type
	n              int
	registers      bool // A in registers
	modeA, modeB   uint64
	mnA, mnB       bool
	negA, negB     bool
	base           int // where the swizzle pattern starts, in units of 128 bytes
	sat            bool
	rowsA, columns [][32]byte
}

const (
	wgmmaImage = 49152 // A at 0, B at 12288
	wgmmaB     = 12288
)

func (x *wgmmaCase) spelling() string {
	k := 256 / elementFormat[x.a].Bits
	s := fmt.Sprintf("m64n%dk%d.%v.%v.%v", x.n, k, x.d, x.a, x.b)
	switch {
	case x.a == ptx.B1:
		s += ".and.popc"
	case x.sat:
		s += ".satfinite"
	}
	return s
}

func (x *wgmmaCase) String() string {
	return fmt.Sprintf("%s registers %v modes %d %d mn %v %v neg %v %v base %d", x.spelling(), x.registers,
		x.modeA, x.modeB, x.mnA, x.mnB, x.negA, x.negB, x.base)
}

// tail is what follows the predicate: signs for floats, majors for 16-bit elements.
func (x *wgmmaCase) tail() string {
	if elementFormat[x.a].IsInt() {
		return ""
	}
	sign := map[bool]string{false: ", 1", true: ", -1"}
	s := sign[x.negA] + sign[x.negB]
	major := map[bool]string{false: ", 0", true: ", 1"}
	if elementFormat[x.a].Bits == 16 {
		if !x.registers {
			s += major[x.mnA]
		}
		s += major[x.mnB]
	}
	return s
}

// layout is where matrices lie: after the canonical layouts of the PTX ISA ("Strides") and the
// comment of make_gmma_desc in CUTLASS, in bytes.
type layout struct {
	start, lbo, sbo int
	mode            uint64
	mn              bool
	base            int
}

func newLayout(start int, mode uint64, mn bool, base int) layout {
	l := layout{start, 4096, 256, mode, mn, base}
	span := 256 >> mode
	switch {
	case mode == 0 && mn: // 8x8 blocks of 128 bytes
		l.sbo, l.lbo = 128, 6144
	case mn: // blocks of span bytes by 8 k; along mn, then along k
		l.lbo, l.sbo = 2048, 8*span
	case mode != 0:
		l.lbo, l.sbo = 16, 8*span
	}
	if mode != 0 {
		l.start += 128 * base
	}
	return l
}

func (l *layout) descriptor() string {
	v := uint64(l.start>>4) | uint64(l.lbo>>4)<<16 | uint64(l.sbo>>4)<<32 | l.mode<<62
	if l.mode != 0 {
		v |= uint64(l.base) << 49
	}
	return fmt.Sprintf("%#x", v)
}

// place is the byte of byte kb of row r, k-major; of 16-bit elements for mn.
func (l *layout) place(r, kb int) int {
	span := 256 >> l.mode // bytes of a swizzled row
	var row, in, outer int
	switch {
	case l.mode == 0 && l.mn:
		return l.start + r/8*l.sbo + kb/16*l.lbo + kb/2%8*16 + r%8*2 + kb%2
	case l.mode == 0:
		return l.start + r/8*l.sbo + r%8*16 + kb/16*l.lbo + kb%16
	case l.mn:
		per := span / 2
		outer, row, in = r/per*l.lbo+kb/16*l.sbo, kb/2%8, r%per*2+kb%2
	default:
		outer, row, in = r/8*l.sbo, r%8, kb
	}
	// A pattern is 8, 4 or 2 rows of 128 bytes; in each the 16-byte units change places.
	at := row*span + in
	units := map[uint64]int{1: 7, 2: 3, 3: 1}[l.mode]
	return l.start + outer + ((at/16)^(at/128&units))*16 + at%16
}

func drawWgmma(r *rand.Rand, x *wgmmaCase) {
	fill := func(n int, ty ptx.Type) [][32]byte {
		out := make([][32]byte, n)
		f := elementFormat[ty]
		for i := range out {
			for j := 0; j < 32; j += max(f.Bits/8, 1) {
				v := r.Uint32()
				if !f.IsInt() { // four binades around one
					field := uint32(f.Bias - 2 + r.IntN(4))
					v = v>>31<<(f.Bits-1) | (field<<f.ManBits|v>>8&(1<<f.ManBits-1))<<f.Pad
				}
				element{size: max(f.Bits/8, 1)}.put(out[i][j:], uint64(v))
			}
		}
		return out
	}
	x.rowsA, x.columns = fill(64, x.a), fill(x.n, x.b)
}

// want is element (m, n) after the same product was added twice, from zero.
func (x *wgmmaCase) want(t *testing.T, m, n int) uint32 {
	t.Helper()
	fa, fb := elementFormat[x.a], elementFormat[x.b]
	a, b := x.rowsA[m][:], x.columns[n][:]
	if x.a == ptx.B1 {
		ones := 0
		for i := range a {
			ones += bits.OnesCount8(a[i] & b[i])
		}
		return uint32(2 * ones)
	}
	if fa.IsInt() {
		sum := int64(0)
		for i := range a {
			sum += int64(fa.Decode(uint32(a[i])) * fb.Decode(uint32(b[i])))
		}
		return uint32(2 * sum)
	}
	rule, err := gpu.LookupMMA(90, gpu.WGMMA, fa, elementFormat[x.d])
	if err != nil {
		t.Fatal(err)
	}
	e := element{size: fa.Bits / 8}
	var va, vb []uint32
	for i := 0; i < 32; i += e.size {
		p, q := uint32(e.get(a[i:])), uint32(e.get(b[i:]))
		if x.negA {
			p ^= fa.SignBit()
		}
		if x.negB {
			q ^= fb.SignBit()
		}
		va, vb = append(va, p), append(vb, q)
	}
	acc := uint32(0)
	for range 2 {
		if acc, err = tensor.Dot(rule, fa, fb, va, vb, acc); err != nil {
			t.Fatal(err)
		}
	}
	return acc
}

// source gives the accumulators a value first, which scale-d must drop.
func (x *wgmmaCase) source(la, lb layout) string {
	regs := x.n / 2
	if x.d == ptx.F16 {
		regs = x.n / 4
	}
	var s strings.Builder
	fmt.Fprintf(&s, `.version 8.4
.target sm_90a
.address_size 64
.visible .entry k(.param .u64 in, .param .u64 out)
{
	.shared .align 1024 .b8 buf[%d]; .shared .align 8 .b8 bar[8];
	.reg .b32 %%r<16>; .reg .b64 %%rd<16>; .reg .pred %%p<4>; .reg .b32 %%f<128>; .reg .b32 %%a<4>;
	ld.param.u64 %%rd1, [in]; ld.param.u64 %%rd2, [out]; mov.u32 %%r4, %%tid.x;
	mov.u32 %%r10, bar; mov.u32 %%r11, buf; setp.ne.u32 %%p1, %%r4, 0;
	mul.wide.u32 %%rd7, %%r4, 16; add.s64 %%rd8, %%rd1, %%rd7;
	ld.global.v4.b32 {%%a0,%%a1,%%a2,%%a3}, [%%rd8+%d];
	@!%%p1 mbarrier.init.shared.b64 [%%r10], 1;
	bar.sync 0; @%%p1 bra w;
	mbarrier.arrive.expect_tx.shared.b64 %%rd4, [%%r10], %d;
	cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%%r11], [%%rd1], %d, [%%r10];
w:	mbarrier.try_wait.parity.shared.b64 %%p2, [%%r10], 0; @!%%p2 bra w;
	mov.u64 %%rd5, %s; mov.u64 %%rd6, %s; setp.ne.u32 %%p3, 0, 0;
`, wgmmaImage, wgmmaImage, wgmmaImage, wgmmaImage, la.descriptor(), lb.descriptor())
	for i := range regs {
		fmt.Fprintf(&s, "mov.b32 %%f%d, 0x3c003c00;\n", i)
	}
	a := "%rd5"
	if x.registers {
		a = "{%a0,%a1,%a2,%a3}"
	}
	inst := fmt.Sprintf("wgmma.mma_async.sync.aligned.%s %s, %s, %%rd6, ", x.spelling(), list("f",
		0, regs), a)
	fmt.Fprintf(&s, "wgmma.fence.sync.aligned;\n%s%%p3%s;\nsetp.eq.u32 %%p3, 0, 0;\n%s%%p3%s;\n", inst,
		x.tail(), inst, x.tail())
	s.WriteString("wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n" +
		"mul.wide.u32 %rd7, %r4, 512; add.s64 %rd2, %rd2, %rd7;\n")
	for i := range regs {
		fmt.Fprintf(&s, "st.global.b32 [%%rd2+%d], %%f%d;\n", 4*i, i)
	}
	s.WriteString("ret;\n}")
	return s.String()
}

func (x *wgmmaCase) check(t *testing.T, r *rand.Rand) {
	t.Helper()
	drawWgmma(r, x)
	la, lb := newLayout(0, x.modeA, x.mnA, x.base), newLayout(wgmmaB, x.modeB, x.mnB, x.base)
	mem := newFlat(wgmmaImage + 2048 + 128*512)
	for kb := range 32 {
		for m := range 64 {
			if !x.registers {
				mem.data[la.place(m, kb)] = x.rowsA[m][kb]
			}
			// The fragment of a thread: rows g and g+8 of its warp, four bytes of k.
			thread, reg := m/16*32+m%8*4+kb%16/4, m/8%2+kb/16*2
			mem.data[wgmmaImage+16*thread+4*reg+kb%4] = x.rowsA[m][kb]
		}
		for n := range x.n {
			mem.data[lb.place(n, kb)] = x.columns[n][kb]
		}
	}
	l := &Launch{Prog: load(t, x.source(la, lb), ""), Grid: [3]uint32{1, 1, 1},
		Block: [3]uint32{128, 1, 1}, Mem: mem, Params: params(mem.base, mem.base+wgmmaImage+2048)}
	if _, err := l.Run(); err != nil {
		t.Fatalf("%v: %v", x, err)
	}
	out := mem.data[wgmmaImage+2048:]
	for m := range 64 {
		for n := range x.n {
			thread := m/16*32 + m%8*4 + n%8/2
			at, half := 512*thread+4*(n/8*4+m/8%2*2+n%2), 32
			if x.d == ptx.F16 {
				at, half = 512*thread+4*(n/8*2+m/8%2)+n%2*2, 16
			}
			got := binary.LittleEndian.Uint32(out[at:]) << (32 - half) >> (32 - half)
			if want := x.want(t, m, n); got != want {
				t.Fatalf("%v: [%d][%d] = %#x, want %#x", x, m, n, got, want)
			}
		}
	}
}

// TestWgmmaValues: types, places of A, majors, swizzles, base offsets, signs and widths.
func TestWgmmaValues(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	i := 0
	run := func(x wgmmaCase) {
		i++
		if x.n == 0 {
			x.n = []int{8, 24, 64, 16, 32, 48, 128}[i%7]
		}
		x.check(t, r)
	}
	for _, ty := range [][3]ptx.Type{{ptx.F32, ptx.F16, ptx.F16}, {ptx.F16, ptx.F16, ptx.F16},
		{ptx.F32, ptx.Bf16, ptx.Bf16}, {ptx.F32, ptx.Tf32, ptx.Tf32}, {ptx.F32, ptx.E4m3, ptx.E5m2},
		{ptx.F16, ptx.E5m2, ptx.E4m3}, {ptx.F32, ptx.E5m2, ptx.E5m2}, {ptx.S32, ptx.S8, ptx.S8},
		{ptx.S32, ptx.U8, ptx.S8}, {ptx.S32, ptx.S8, ptx.U8}, {ptx.S32, ptx.U8, ptx.U8},
		{ptx.S32, ptx.B1, ptx.B1}} {
		for mode := range uint64(4) {
			for _, base := range []int{0, 3} {
				x := wgmmaCase{d: ty[0], a: ty[1], b: ty[2], modeA: mode, modeB: mode ^ 1,
					base: base}
				run(x)
				x.registers, x.sat = true, ty[0] == ptx.S32 && ty[1] != ptx.B1
				run(x)
				if ty[0] == ptx.S32 {
					continue
				}
				x.negA = true
				run(x)
				x.registers, x.negB = false, true
				run(x)
				if elementFormat[ty[1]].Bits != 16 {
					continue
				}
				for mn := range 3 {
					x.mnA, x.mnB, x.negA = mn != 0, mn != 1, mn == 2
					run(x)
				}
				x.registers = true
				run(x)
			}
		}
	}
	for n := 8; n <= 256; n += 8 {
		run(wgmmaCase{d: ptx.F32, a: ptx.Bf16, b: ptx.Bf16, n: n, modeA: 1, modeB: 1})
	}
	run(wgmmaCase{d: ptx.S32, a: ptx.S8, b: ptx.S8, n: 256, modeA: 1, modeB: 2})
	run(wgmmaCase{d: ptx.S32, a: ptx.B1, b: ptx.B1, n: 256, registers: true, modeB: 3})
	run(wgmmaCase{d: ptx.F16, a: ptx.F16, b: ptx.F16, n: 256, modeA: 1, modeB: 1, mnB: true})
	t.Logf("%d cases", i)
}
