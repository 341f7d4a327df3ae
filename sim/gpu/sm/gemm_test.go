package sm

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

// gemmKernel is C = A*B as Hopper programs do it: clusters of two CTAs, each with a producer warp
// that feeds two stages by tensor copies, half of B by multicast to both; a warpgroup that
// multiplies tiles of 64x128x64 by wgmma and frees a stage in both CTAs by one thread; and tensor
// copies of the result. Stage s has A at 24576s and B behind it; C takes their place at the end.
const gemmKernel = `.version 8.4
.target sm_90a
.address_size 64
.visible .entry gemm(.param .align 64 .b8 ma[128], .param .align 64 .b8 mb[128],
	.param .align 64 .b8 mc[128], .param .u32 steps)
.explicitcluster .reqnctapercluster 2, 1, 1 .maxntid 160
{
	.shared .align 1024 .b8 tiles[49152]; .shared .align 8 .b8 full[16]; .shared .align 8 .b8 empty[16];
	.reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<8>; .reg .b16 %h<2>; .reg .f32 %f<64>;
	mov.u64 %rd10, ma; cvta.param.u64 %rd10, %rd10; mov.u64 %rd11, mb; cvta.param.u64 %rd11, %rd11;
	mov.u64 %rd12, mc; cvta.param.u64 %rd12, %rd12; ld.param.u32 %r0, [steps]; mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %cluster_ctarank; mov.u32 %r4, tiles; mov.u32 %r5, full; mov.u32 %r6, empty;
	setp.ne.u32 %p0, %r1, 0; @%p0 bra ready;
	mbarrier.init.shared.b64 [%r5], 1; mbarrier.init.shared.b64 [%r5+8], 1;
	mbarrier.init.shared.b64 [%r6], 2; mbarrier.init.shared.b64 [%r6+8], 2;
	fence.mbarrier_init.release.cluster;
ready:
	barrier.cluster.arrive.release; barrier.cluster.wait.acquire;
	mov.u32 %r10, 0; // step
	setp.lt.u32 %p1, %r1, 128; @%p1 bra consumer;
	setmaxnreg.dec.sync.aligned.u32 40;
	setp.ne.u32 %p0, %r1, 128; @%p0 bra done;
	mov.b16 %h0, 3; shl.b32 %r20, %r2, 6; shl.b32 %r21, %r3, 6; shl.b32 %r22, %r3, 13;
produce:
	and.b32 %r11, %r10, 1; shl.b32 %r12, %r11, 3; add.u32 %r13, %r5, %r12; add.u32 %r14, %r6, %r12;
	shr.u32 %r15, %r10, 1; and.b32 %r15, %r15, 1; xor.b32 %r15, %r15, 1;
free:	mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p2, [%r14], %r15; @!%p2 bra free;
	mad.lo.u32 %r16, %r11, 24576, %r4; add.u32 %r17, %r16, 8192; add.u32 %r17, %r17, %r22;
	shl.b32 %r18, %r10, 6;
	mbarrier.arrive.expect_tx.shared.b64 %rd0, [%r13], 24576;
	cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes
		[%r16], [%rd10, {%r18, %r20}], [%r13];
	cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster
		[%r17], [%rd11, {%r18, %r21}], [%r13], %h0;
	add.u32 %r10, %r10, 1; setp.lt.u32 %p3, %r10, %r0; @%p3 bra produce;
	bra done;
consumer:
	setmaxnreg.inc.sync.aligned.u32 240;
	mapa.shared::cluster.u32 %r23, %r6, 0; mapa.shared::cluster.u32 %r24, %r6, 1;
	setp.ne.u32 %p6, 0, 0; // the first product replaces the accumulators
multiply:
	and.b32 %r11, %r10, 1; shl.b32 %r12, %r11, 3; add.u32 %r13, %r5, %r12;
	shr.u32 %r15, %r10, 1; and.b32 %r15, %r15, 1;
there:	mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r13], %r15; @!%p2 bra there;
	mad.lo.u32 %r16, %r11, 24576, %r4; shr.u32 %r17, %r16, 4; cvt.u64.u32 %rd1, %r17;
	or.b64 %rd1, %rd1, 0x4000004000010000; add.s64 %rd2, %rd1, 512;
	wgmma.fence.sync.aligned;
	MULTIPLY
	wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;
	@%p0 bra more;
	add.u32 %r25, %r23, %r12; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r25];
	add.u32 %r25, %r24, %r12; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r25];
more:	add.u32 %r10, %r10, 1; setp.lt.u32 %p3, %r10, %r0; @%p3 bra multiply;
	barrier.cluster.arrive; barrier.cluster.wait; // nobody copies into the tiles any more
	// C lies as four boxes of 64 rows of 32 columns.
	shr.u32 %r26, %r1, 5; shl.b32 %r26, %r26, 4; and.b32 %r27, %r1, 31; shr.u32 %r28, %r27, 2;
	add.u32 %r26, %r26, %r28; shl.b32 %r26, %r26, 7; and.b32 %r27, %r27, 3; shl.b32 %r27, %r27, 3;
	add.u32 %r26, %r26, %r27; add.u32 %r26, %r26, %r4;
	STAGE
	fence.proxy.async.shared::cta; bar.sync 1, 128;
	@%p0 bra end;
	shl.b32 %r20, %r2, 6; mov.u32 %r29, 0; mov.u32 %r30, %r4;
store:	cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd12, {%r29, %r20}], [%r30];
	add.u32 %r30, %r30, 8192; add.u32 %r29, %r29, 32; setp.lt.u32 %p3, %r29, 128; @%p3 bra store;
	cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;
	bra end;
done:
	barrier.cluster.arrive; barrier.cluster.wait;
end:	ret;
}`

func gemmSource() string {
	var multiply, stage strings.Builder
	for range 4 { // of 16 elements, 32 bytes
		fmt.Fprintf(&multiply, "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 %s, %%rd1, %%rd2, "+
			"%%p6, 1, 1, 0, 0;\n", list("f", 0, 64))
		multiply.WriteString("add.s64 %rd1, %rd1, 2; add.s64 %rd2, %rd2, 2; setp.eq.u32 %p6, 0, 0;\n")
	}
	for j := range 16 {
		for h := range 2 { // rows g and g+8
			fmt.Fprintf(&stage, "st.shared.v2.f32 [%%r26+%d], {%%f%d, %%f%d};\n",
				j/4*8192+h*1024+j%4*32, 4*j+2*h, 4*j+2*h+1)
		}
	}
	r := strings.NewReplacer("MULTIPLY", multiply.String(), "STAGE", stage.String())
	return r.Replace(gemmKernel)
}

// TestHopperGemm multiplies 256x320 by 320x128 on two clusters and holds a sample of the elements
// against chains of dot products in the order of k.
func TestHopperGemm(t *testing.T) {
	const m, n, steps = 256, 128, 5
	const k = 64 * steps
	r := rand.New(rand.NewPCG(20, 1))
	value := func() uint16 { return uint16(0x3000 + r.UintN(0x1000) + r.UintN(2)<<15) }
	for mode := range 2 {
		mem := newFlat(2*k*(m+n) + 4*m*n)
		for i := range k * (m + n) {
			binary.LittleEndian.PutUint16(mem.data[2*i:], value())
		}
		ones := [5]uint32{1, 1}
		maps := []gpu.TensorMap{
			{Type: gpu.TensorF16, Rank: 2, Base: mem.base, Dims: [5]uint64{k, m},
				Strides: [4]uint64{2 * k}, Box: [5]uint32{64, 64}, ElementStrides: ones,
				Swizzle: gpu.Swizzle128},
			{Type: gpu.TensorF16, Rank: 2, Base: mem.base + 2*k*m, Dims: [5]uint64{k, n},
				Strides: [4]uint64{2 * k}, Box: [5]uint32{64, 64}, ElementStrides: ones,
				Swizzle: gpu.Swizzle128},
			{Type: gpu.TensorF32, Rank: 2, Base: mem.base + 2*k*(m+n), Dims: [5]uint64{n, m},
				Strides: [4]uint64{4 * n}, Box: [5]uint32{32, 64}, ElementStrides: ones},
		}
		var p []byte
		for _, x := range maps {
			image, err := x.Encode()
			if err != nil {
				t.Fatal(err)
			}
			p = append(p, image[:]...)
		}
		l := &Launch{Prog: load(t, gemmSource(), ""), Grid: [3]uint32{m / 64, 1, 1},
			Block: [3]uint32{160, 1, 1}, Mem: mem, Params: append(p, params(uint32(steps))...)}
		if err := outcome(l, mode == 1); err != nil {
			t.Fatal(err)
		}
		rule, err := gpu.LookupMMA(90, gpu.WGMMA, num.F16, num.F32)
		if err != nil {
			t.Fatal(err)
		}
		row := func(i, k0 int) (v []uint32) {
			for j := range 16 {
				v = append(v, uint32(binary.LittleEndian.Uint16(mem.data[2*(i*k+k0+j):])))
			}
			return v
		}
		for i := 0; i < m*n; i += 53 {
			want := uint32(0)
			for k0 := 0; k0 < k; k0 += 16 {
				want, err = tensor.Dot(rule, num.F16, num.F16, row(i/n, k0), row(m+i%n, k0), want)
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := mem.u32(2*k*(m+n) + 4*i); got != want {
				t.Fatalf("mode %d: C[%d][%d] = %#x, want %#x", mode, i/n, i%n, got, want)
			}
		}
	}
}
