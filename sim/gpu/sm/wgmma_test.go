package sm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
)

const wgmmaKernel = `.version 8.0
.target sm_90a
.address_size 64
.visible .entry k(.param .u64 in, .param .u64 out)
{
	.shared .align 1024 .b8 buf[16384]; .shared .align 8 .b8 bar[8];
	.reg .b32 %r<16>; .reg .b64 %rd<16>; .reg .pred %p<4>; .reg .f32 %f<16>;
	ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out]; mov.u32 %r4, %tid.x;
	mov.u32 %r10, bar; mov.u32 %r11, buf; setp.ne.u32 %p1, %r4, 0;
	@!%p1 mbarrier.init.shared.b64 [%r10], 1;
	bar.sync 0; @%p1 bra w;
	mbarrier.arrive.expect_tx.shared.b64 %rd4, [%r10], 16384;
	cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r11], [%rd1], 16384, [%r10];
w:	mbarrier.try_wait.parity.shared.b64 %p2, [%r10], 0; @!%p2 bra w;
	mov.u64 %rd5, DESC_A; mov.u64 %rd6, DESC_B; setp.ne.u32 %p3, 0, 0;
	wgmma.fence.sync.aligned;
	wgmma.mma_async.sync.aligned.SHAPE {%f0,%f1,%f2,%f3,%f4,%f5,%f6,%f7}, %rd5, %rd6, %p3 TAIL;
	setp.eq.u32 %p3, 0, 0;
	wgmma.mma_async.sync.aligned.SHAPE {%f0,%f1,%f2,%f3,%f4,%f5,%f6,%f7}, %rd5, %rd6, %p3 TAIL;
	wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;
	mul.wide.u32 %rd7, %r4, 32; add.s64 %rd2, %rd2, %rd7;
	st.global.v4.f32 [%rd2], {%f0,%f1,%f2,%f3}; st.global.v4.f32 [%rd2+16], {%f4,%f5,%f6,%f7};
	ret;
}`

// Small integers make every order of summation exact, so that only places can be wrong. The
// layouts here are written as CuTe writes them: strides of 8 rows, groups of rows, and chunks.
func TestWgmmaLayouts(t *testing.T) {
	for _, c := range []struct {
		shape  string
		format num.Format
		mode   uint64
		mn     bool
	}{
		{"m64n16k16.f32.f16.f16", num.F16, 0, false},
		{"m64n16k16.f32.bf16.bf16", num.BF16, 1, false},
		{"m64n16k16.f32.bf16.bf16", num.BF16, 2, false},
		{"m64n16k16.f32.f16.f16", num.F16, 3, false},
		{"m64n16k16.f32.f16.f16", num.F16, 0, true},
		{"m64n16k16.f32.f16.f16", num.F16, 1, true},
		{"m64n16k16.f32.f16.f16", num.F16, 2, true},
		{"m64n16k16.f32.f16.f16", num.F16, 3, true},
		{"m64n16k8.f32.tf32.tf32", num.TF32, 1, false},
		{"m64n16k32.f32.e4m3.e4m3", num.E4M3, 1, false},
	} {
		t.Run(fmt.Sprintf("%s mode %d mn %v", c.shape, c.mode, c.mn), func(t *testing.T) {
			const rowsB, aBytes = 16, 8192
			k := 256 / c.format.Bits
			image := make([]byte, 16384)
			va := func(m, k int) float64 { return float64((m*3+k*5)%7 - 3) }
			vb := func(n, k int) float64 { return float64((n*2+k)%5 - 2) }
			put := func(at int, v float64) {
				var b [4]byte
				binary.LittleEndian.PutUint32(b[:], c.format.Round(v, num.RNE))
				copy(image[at:at+c.format.Bits/8], b[:])
			}
			lbo, sbo := 2048, 256 // of no swizzle: chunks of k, groups of 8 rows
			if c.mode != 0 {
				lbo, sbo = 2048, 1024
			}
			for kk := range k {
				for m := range 64 {
					put(place1(m, kk, c.format.Bits/8, lbo, sbo, c.mode, c.mn), va(m, kk))
				}
				for n := range rowsB {
					put(aBytes+place1(n, kk, c.format.Bits/8, lbo, sbo, c.mode, c.mn), vb(n, kk))
				}
			}
			desc := func(start int) string {
				return fmt.Sprintf("%#x", uint64(start>>4)|uint64(lbo>>4)<<16|
					uint64(sbo>>4)<<32|c.mode<<62)
			}
			tail := ", 1, -1"
			if c.format.Bits == 16 {
				tail += map[bool]string{false: ", 0, 0", true: ", 1, 1"}[c.mn]
			}
			src := strings.NewReplacer("DESC_A", desc(0), "DESC_B", desc(aBytes), "SHAPE", c.shape,
				"TAIL", tail).Replace(wgmmaKernel)
			checkWgmma(t, src, image, func(m, n int) (sum float64) {
				for kk := range k {
					sum -= 2 * va(m, kk) * vb(n, kk)
				}
				return sum
			})
		})
	}
}

// place1 is the byte of element (r, k).
func place1(r, k, size, lbo, sbo int, mode uint64, mn bool) int {
	var at int
	span := 16 // bytes contiguous
	if mode != 0 {
		span = 256 >> mode
	}
	if mn {
		e := span / size
		outer, inner := lbo, sbo
		if mode == 0 {
			outer, inner = sbo, lbo
		}
		at = r%e*size + r/e*outer + k%8*span + k/8*inner
	} else {
		at = r%8*span + r/8*sbo + k*size%16
		if mode == 0 {
			at += k * size / 16 * lbo
		} else {
			at += k * size / 16 * 16
		}
	}
	switch mode {
	case 1:
		at ^= at >> 7 & 7 << 4
	case 2:
		at ^= at >> 7 & 3 << 4
	case 3:
		at ^= at >> 7 & 1 << 4
	}
	return at
}

func checkWgmma(t *testing.T, src string, image []byte, want func(m, n int) float64) {
	t.Helper()
	p := load(t, src, "")
	for mode := range 2 {
		mem := newFlat(16384 + 128*32)
		copy(mem.data, image)
		l := &Launch{Prog: p, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{128, 1, 1}, Mem: mem,
			Params: params(mem.base, mem.base+16384)}
		if err := outcome(l, mode == 1); err != nil {
			t.Fatal(err)
		}
		for thread := range 128 {
			for i := range 8 {
				m := thread/32*16 + thread%32/4 + i%4/2*8
				n := i/4*8 + thread%4*2 + i%2
				got := math.Float32frombits(mem.u32(16384 + 32*thread + 4*i))
				if float64(got) != want(m, n) {
					t.Fatalf("mode %d, element %d,%d: %v, want %v", mode, m, n, got, want(m, n))
				}
			}
		}
	}
}

// TestWgmmaWaitsForItsWarpgroup: warp 0 spoils the operands as soon as its own wait is over, as a
// producer would that one elected thread has told so.
func TestWgmmaWaitsForItsWarpgroup(t *testing.T) {
	x := wgmmaCase{d: ptx.F32, a: ptx.F16, b: ptx.F16, n: 16, modeA: 1, modeB: 1}
	drawWgmma(rand.New(rand.NewPCG(4, 4)), &x)
	la, lb := newLayout(0, 1, false, 0), newLayout(wgmmaB, 1, false, 0)
	spoil := "wgmma.wait_group.sync.aligned 0; setp.gt.u32 %p2, %r4, 31; @%p2 bra kept; mov.u32 %r5, 0;\n" +
		"z: add.u32 %r6, %r11, %r5; st.shared.u32 [%r6], 0xffffffff; add.u32 %r5, %r5, 4;\n" +
		"setp.lt.u32 %p2, %r5, 32768; @%p2 bra z; kept:\n"
	src := strings.Replace(x.source(la, lb), "wgmma.wait_group.sync.aligned 0;", spoil, 1)
	for mode := range 2 {
		mem := newFlat(wgmmaImage + 2048 + 128*512)
		for kb := range 32 {
			for m := range 64 {
				mem.data[la.place(m, kb)] = x.rowsA[m][kb]
			}
			for n := range x.n {
				mem.data[lb.place(n, kb)] = x.columns[n][kb]
			}
		}
		l := &Launch{Prog: load(t, src, ""), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{128, 1, 1},
			Mem: mem, Params: params(mem.base, mem.base+wgmmaImage+2048)}
		if err := outcome(l, mode == 1); err != nil {
			t.Fatal(err)
		}
		for m := range 64 {
			thread := m/16*32 + m%8*4
			got := mem.u32(wgmmaImage + 2048 + 512*thread + 4*(m/8%2*2))
			if want := x.want(t, m, 0); got != want {
				t.Fatalf("mode %d: [%d][0] = %#x, want %#x", mode, m, got, want)
			}
		}
	}
}
