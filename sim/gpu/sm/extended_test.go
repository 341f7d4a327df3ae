package sm

import (
	"math"
	"math/bits"
	"strings"
	"testing"
)

// mixed spreads small numbers over 32 bits.
func mixed(i int) uint32 { return uint32(i) * 0x9e3779b9 }

// Every body computes %r6 from %r5, the thread's input. Expected values follow the PTX ISA's own
// pseudo-code, 9.7.1 to 9.7.9.
func TestWordOperations(t *testing.T) {
	one := math.Float32bits(1)
	for _, c := range []struct {
		body string
		want func(x uint32) uint32
	}{
		{"add.cc.u32 %r7, %r5, %r5; addc.u32 %r6, 0, 0;", func(x uint32) uint32 { return x >> 31 }},
		{"add.cc.u32 %r7, %r5, %r5; addc.cc.u32 %r7, %r5, 0xffffffff; addc.u32 %r6, 0, 0;",
			func(x uint32) uint32 {
				_, c := bits.Add32(x, ^uint32(0), x>>31)
				return c
			}},
		{"sub.cc.u32 %r7, %r5, 0x80000000; subc.u32 %r6, 7, 0;", func(x uint32) uint32 {
			return 7 - (1 - x>>31)
		}},
		{"cvt.u64.u32 %rd4, %r5; shl.b64 %rd4, %rd4, 32; add.cc.u64 %rd5, %rd4, %rd4;" +
			"addc.u64 %rd5, 5, 0; cvt.u32.u64 %r6, %rd5;",
			func(x uint32) uint32 { return 5 + x>>31 }},
		{"mad.lo.cc.u32 %r7, %r5, %r5, %r5; madc.hi.u32 %r6, %r5, %r5, 0;", func(x uint32) uint32 {
			return uint32((uint64(x)*uint64(x) + uint64(x)) >> 32)
		}},
		{"set.lt.u32.s32 %r6, %r5, 0;", func(x uint32) uint32 { return uint32(int32(x) >> 31) }},
		{"set.ge.f32.u32 %r6, %r5, 0x80000000;", func(x uint32) uint32 { return x >> 31 * one }},
		{"mov.b32 %r7, 0x3c003c00; and.b32 %r8, %r5, 0x7fff7fff;" +
			"set.lt.f16x2.f16x2 %r6, %r8, %r7;", func(x uint32) (v uint32) {
			if x&0x7fff < 0x3c00 {
				v |= 0x3c00
			}
			if x>>16&0x7fff < 0x3c00 {
				v |= 0x3c000000
			}
			return v
		}},
		{"slct.u32.s32 %r6, 1, 2, %r5;", func(x uint32) uint32 { return 1 + x>>31 }},
		{"dp4a.s32.u32 %r6, %r5, 0x01020304, 9;", func(x uint32) uint32 {
			return uint32(int32(int8(x))*4+int32(int8(x>>8))*3+int32(int8(x>>16))*2+
				int32(int8(x>>24))) + 9
		}},
		{"dp2a.hi.s32.s32 %r6, %r5, 0xff020000, 1;", func(x uint32) uint32 {
			return uint32(int32(int16(x))*2 - int32(int16(x>>16)) + 1)
		}},
		{"shf.l.wrap.b32 %r6, %r5, 0x80000001, 36;", func(x uint32) uint32 { return 0x10 | x>>28 }},
		{"shf.r.clamp.b32 %r6, 7, %r5, 99;", func(x uint32) uint32 { return x }},
		{"bmsk.clamp.b32 %r6, 4, 40;", func(uint32) uint32 { return 0xfffffff0 }},
		{"bmsk.wrap.b32 %r6, 36, 35;", func(uint32) uint32 { return 0x70 }},
		{"szext.wrap.s32 %r6, %r5, 37;", func(x uint32) uint32 {
			return uint32(int32(x<<27) >> 27)
		}},
		{"szext.clamp.u32 %r6, %r5, 5;", func(x uint32) uint32 { return x & 31 }},
		{"fns.b32 %r6, 0xf0, 0, 2;", func(uint32) uint32 { return 5 }},
		{"fns.b32 %r6, 0xf0, 31, -1;", func(uint32) uint32 { return 7 }},
		{"fns.b32 %r6, 0xf0, 3, 0;", func(uint32) uint32 { return ^uint32(0) }},
		{"mov.b64 %rd4, {%r5, %r5}; bfe.s64 %rd5, %rd4, 28, 8; cvt.u32.u64 %r6, %rd5;",
			func(x uint32) uint32 {
				return uint32(int8((uint64(x)<<32 | uint64(x)) >> 28))
			}},
		{"mov.b64 %rd4, {%r5, %r5}; bfi.b64 %rd5, 0xff, %rd4, 30, 4; shr.u64 %rd5, %rd5, 28;" +
			"cvt.u32.u64 %r6, %rd5;", func(x uint32) uint32 {
			return uint32(((uint64(x)<<32|uint64(x))&^(15<<30) | 15<<30) >> 28)
		}},
		{"mul24.lo.u32 %r6, %r5, 3;", func(x uint32) uint32 { return x & 0xffffff * 3 }},
		{"mad24.hi.s32 %r6, %r5, 4096, 1;", func(x uint32) uint32 {
			return uint32(int64(int32(x<<8)>>8)*4096>>16) + 1
		}},
		{"cvt.pack.sat.u8.s32.b32 %r6, %r5, 300, 0x1234;", func(x uint32) uint32 {
			return 0x1234<<16 | uint32(min(max(int32(x), 0), 255))<<8 | 255
		}},
		{"cvt.pack.sat.s16.s32 %r6, %r5, -9;", func(x uint32) uint32 {
			return uint32(min(max(int32(x), -32768), 32767))<<16 | 0xfff7
		}},
		{"prmt.b32.f4e %r6, %r5, 0, 1;", func(x uint32) uint32 { return x >> 8 }},
		{"prmt.b32.rc16 %r6, %r5, 0, 1;", func(x uint32) uint32 { return x>>16 | x>>16<<16 }},
		{"max.relu.s32 %r6, %r5, -3;", func(x uint32) uint32 { return uint32(max(int32(x), 0)) }},
		{"add.u16x2 %r6, %r5, 0xffff0001;", func(x uint32) uint32 {
			return (x+1)&0xffff | (x>>16-1)<<16
		}},
		{"mov.b32 %f1, 0fbf800000; mov.b32 %f2, %r5; copysign.f32 %f3, %f1, %f2; mov.b32 %r6, %f3;",
			func(x uint32) uint32 { return x | 1<<31 }},
		{"and.b32 %r7, %r5, 0x7f; mov.b32 %f2, %r7; testp.subnormal.f32 %p1, %f2;" +
			"selp.u32 %r6, 1, 0, %p1;", func(x uint32) uint32 { return min(x&0x7f, 1) }},
		{"setp.ne.u32 %p2, 0, 0; lop3.or.b32 %r7|%p1, %r5, 0x80000000, 0, 0xc0, %p2;" +
			"selp.u32 %r6, 1, 0, %p1;", func(x uint32) uint32 { return x >> 31 }},
		{"and.b32 %r7, %r5, 7; add.u32 %r7, %r7, 1; cvt.rn.f32.u32 %f1, %r7;" +
			"rcp.rm.f32 %f2, %f1; rcp.rp.f32 %f3, %f1; mov.b32 %r7, %f2; mov.b32 %r8, %f3;" +
			"sub.u32 %r6, %r8, %r7;", func(x uint32) uint32 {
			if n := x&7 + 1; n&(n-1) == 0 {
				return 0
			}
			return 1
		}},
		{"and.b32 %r7, %r5, 0xff; cvt.u16.u32 %h1, 0x4038; cvt.rn.f16x2.e4m3x2 %r6, %h1;",
			func(uint32) uint32 { return 0x40003c00 }},
	} {
		body := "ld.global.u32 %r5, [%rd1];\n" + c.body + "\nst.global.u32 [%rd2], %r6;"
		for i, got := range run(t, kernel("", body), 128, mixed) {
			if want := c.want(mixed(i)); got != want {
				t.Fatalf("%s\nof %#x: %#x, want %#x", c.body, mixed(i), got, want)
			}
		}
	}
}

// Here the whole warp takes part: want gets the inputs of the thread's CTA and its place in it.
func TestWarpAndBlockOperations(t *testing.T) {
	const table = ".const .align 4 .u32 table[4] = {10, 20, 30, 40};\n" +
		".global .align 4 .u32 cell = 77;\n.global .align 8 .u64 where = generic(cell);\n"
	in := func(i int) uint32 { return uint32(i*i+3*i) % 5 }
	warp := func(cta []uint32, i int) []uint32 { return cta[i/32*32:][:32] }
	for _, c := range []struct {
		regs, body string
		want       func(cta []uint32, i int) uint32
	}{
		{"", "match.any.sync.b32 %r6, %r5, -1;", func(cta []uint32, i int) (m uint32) {
			for l, v := range warp(cta, i) {
				if v == cta[i] {
					m |= 1 << l
				}
			}
			return m
		}},
		{"", "shr.u32 %r7, %r4, 5; match.all.sync.b32 %r6|%p1, %r7, -1; @!%p1 mov.u32 %r6, 5;",
			func([]uint32, int) uint32 { return allLanes }},
		{"", "redux.sync.add.s32 %r6, %r5, -1;", func(cta []uint32, i int) (s uint32) {
			for _, v := range warp(cta, i) {
				s += v
			}
			return s
		}},
		{"", "mov.u32 %r6, 0; elect.sync %r7|%p1, -1; @%p1 mov.u32 %r6, 1;",
			func(_ []uint32, i int) uint32 { return uint32(1 - min(i%32, 1)) }},
		{"", "setp.eq.u32 %p1, %r5, 3; bar.red.popc.u32 %r6, 0, %p1;",
			func(cta []uint32, _ int) (n uint32) {
				for _, v := range cta {
					if v == 3 {
						n++
					}
				}
				return n
			}},
		{"", "setp.lt.u32 %p1, %r5, 9; barrier.cta.red.and.aligned.pred %p2, 1, 64, %p1;" +
			"bar.warp.sync -1; selp.u32 %r6, 4, 5, %p2;",
			func([]uint32, int) uint32 { return 4 }},
		{"", "movmatrix.sync.aligned.m8n8.trans.b16 %r7, %r5;" +
			"movmatrix.sync.aligned.m8n8.trans.b16 %r6, %r7;",
			func(cta []uint32, i int) uint32 { return cta[i] }},
		{".shared .align 16 .b8 m[2048];", "mov.u32 %r7, m; and.b32 %r8, %r4, 31; " +
			"shl.b32 %r8, %r8, 4; add.u32 %r7, %r7, %r8; shr.u32 %r8, %r4, 5; " +
			"mad.lo.u32 %r7, %r8, 512, %r7;" +
			"stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%r7], {%r5, %r4}; bar.sync 0;" +
			"ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%r6, %r9}, [%r7];",
			func(cta []uint32, i int) uint32 { return cta[i] }},
		{".local .align 8 .b8 own[16];", "mov.u64 %rd4, own; cvta.local.u64 %rd5, %rd4;" +
			"st.u32 [%rd5+4], %r5; ld.local.u32 %r6, [%rd4+4]; isspacep.local %p1, %rd5;" +
			"@!%p1 mov.u32 %r6, 99; isspacep.global %p1, %rd5; @%p1 mov.u32 %r6, 98;",
			func(cta []uint32, i int) uint32 { return cta[i] }},
		{"", "and.b32 %r7, %r5, 3; shl.b32 %r7, %r7, 2; mov.u64 %rd4, table; " +
			"cvt.u64.u32 %rd5, %r7; add.u64 %rd4, %rd4, %rd5; ld.const.u32 %r6, [%rd4];",
			func(cta []uint32, i int) uint32 { return cta[i]%4*10 + 10 }},
		{"", "ld.global.u64 %rd4, [where]; ld.u32 %r6, [%rd4];",
			func([]uint32, int) uint32 { return 77 }},
		{"", "mov.u32 %r6, %clusterid.x; mov.u32 %r7, %ctaid.x; sub.u32 %r6, %r6, %r7;" +
			"mov.u32 %r7, %cluster_nctarank; add.u32 %r6, %r6, %r7; mov.u64 %rd4, %gridid;",
			func([]uint32, int) uint32 { return 1 }},
		{".shared .align 8 .b8 d[8];", "setp.ne.u32 %p1, %r4, 0; @!%p1 st.shared.u64 [d], 0;" +
			"bar.sync 0; mov.u32 %r7, d; red.shared.add.f64 [%r7], 0d3ff0000000000000; bar.sync 0;" +
			"ld.shared.v2.u32 {%r8, %r6}, [d];",
			func([]uint32, int) uint32 { return uint32(math.Float64bits(64) >> 32) }},
		{".shared .align 8 .b8 d[8];", "setp.ne.u32 %p1, %r4, 0; @!%p1 st.shared.u64 [d], 0;" +
			"bar.sync 0; mov.u32 %r7, d; red.shared.add.noftz.f16x2 [%r7], 0x40003c00; bar.sync 0;" +
			"ld.shared.u32 %r6, [d];",
			func([]uint32, int) uint32 { return 0x58005400 }}, // 128 and 64
		{".shared .align 8 .b8 d[8];", "mov.u32 %r7, d; mapa.shared::cluster.u32 %r8, %r7, 0;" +
			"st.shared.u32 [%r7], 5; ld.shared::cluster.u32 %r6, [%r8];",
			func([]uint32, int) uint32 { return 5 }},
	} {
		body := "ld.global.u32 %r5, [%rd1];\n" + c.body + "\nst.global.u32 [%rd2], %r6;"
		src := strings.Replace(kernel(c.regs, body), header, header+table, 1)
		got := run(t, src, 128, in)
		for i := range got {
			var cta []uint32
			for j := range 64 {
				cta = append(cta, in(i/64*64+j))
			}
			if want := c.want(cta, i%64); got[i] != want {
				t.Fatalf("%s\nthread %d: %#x, want %#x", c.body, i, got[i], want)
			}
		}
	}
}
