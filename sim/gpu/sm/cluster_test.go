package sm

import (
	"strings"
	"testing"
)

// inCluster runs a body (see kernel) on a grid in clusters and gives one word a thread.
func inCluster(t *testing.T, body string, grid, cluster [3]uint32, block uint32,
	inTime bool) []uint32 {
	t.Helper()
	n := int(grid[0] * grid[1] * grid[2] * block)
	mem := newFlat(8 * n)
	for i := range n {
		mem.setU32(4*i, uint32(i*5+1))
	}
	p := load(t, kernel(clusterVars, body+"\nst.global.u32 [%rd2], %r6;"), "k")
	l := &Launch{Prog: p, Grid: grid, Cluster: cluster, Block: [3]uint32{block, 1, 1}, Mem: mem,
		Params: params(mem.base, mem.base+uint64(4*n), uint32(0))}
	if err := outcome(l, inTime); err != nil {
		t.Fatal(err)
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = mem.u32(4*n + 4*i)
	}
	return out
}

// In every body: %r12 rank, %r13 rank of the next CTA, %r10 bar and %r11 buf here, %r20 and %r21
// there; %r5 what the thread read.
const clusterVars = `.shared .align 128 .b8 buf[1024]; .shared .align 8 .b8 bar[16];
	.reg .b16 %m<4>;`

func ring(count string) string {
	return `ld.global.u32 %r5, [%rd1]; mov.u32 %r10, bar; mov.u32 %r11, buf;
	mov.u32 %r12, %cluster_ctarank; mov.u32 %r14, %cluster_nctarank;
	add.u32 %r13, %r12, 1; rem.u32 %r13, %r13, %r14; setp.ne.u32 %p1, %r4, 0;
	mapa.shared::cluster.u32 %r20, %r10, %r13; mapa.shared::cluster.u32 %r21, %r11, %r13;
	shl.b32 %r15, %r4, 2; add.u32 %r22, %r21, %r15; add.u32 %r23, %r11, %r15;
	@!%p1 mbarrier.init.shared::cta.b64 [%r10], ` + count + `;
	st.shared.u32 [%r23], %r5; fence.mbarrier_init.release.cluster;
	barrier.cluster.arrive.release.aligned; barrier.cluster.wait.acquire.aligned;
`
}

const waitHere = `
w: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p2, [%r10], 0; @!%p2 bra w;
	ld.shared.u32 %r6, [%r23];
`

const syncCluster = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;"

// held is what thread i of all has read.
func held(i int) uint32 { return uint32(i*5 + 1) }

// Clusters of four CTAs of 64 threads in a row: what a thread ends with, told from its own number
// and those of its partners in the previous and next CTA of the ring.
func TestClusters(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       func(i, prev, next int) uint32
	}{
		{"load from a peer", ring("1") + "ld.shared::cluster.u32 %r6, [%r22];" + syncCluster,
			func(_, _, next int) uint32 { return held(next) }},
		{"load from a peer, generic", ring("1") + `cvt.u64.u32 %rd4, %r23; cvta.shared.u64 %rd4, %rd4;
			mapa.u64 %rd5, %rd4, %r13; ld.u32 %r6, [%rd5];` + syncCluster,
			func(_, _, next int) uint32 { return held(next) }},
		{"store to a peer", ring("1") + "st.shared::cluster.u32 [%r22], %r12;" + syncCluster +
			"ld.shared.u32 %r6, [%r23];",
			func(_, prev, _ int) uint32 { return uint32(prev / 64 % 4) }},
		{"atomics on a peer", ring("1") + `atom.shared::cluster.add.u32 %r7, [%r22], 3;
			red.relaxed.cluster.shared::cluster.add.u32 [%r22], %r7;` + syncCluster +
			"ld.shared.u32 %r6, [%r23];",
			func(i, _, _ int) uint32 { return 2*held(i) + 3 }},
		{"getctarank", ring("1") + `getctarank.shared::cluster.u32 %r6, %r22;
			getctarank.shared::cluster.u32 %r7, %r23; shl.b32 %r7, %r7, 8; add.u32 %r6, %r6, %r7;` +
			syncCluster,
			func(i, _, next int) uint32 { return uint32(next/64%4 + i/64%4<<8) }},
		{"isspacep", ring("1") + `cvt.u64.u32 %rd4, %r23; cvta.shared.u64 %rd4, %rd4;
			mapa.u64 %rd5, %rd4, %r13; mapa.u64 %rd6, %rd4, %r12; mov.u32 %r6, 0;
			isspacep.shared::cta %p2, %rd5; @%p2 add.u32 %r6, %r6, 1;
			isspacep.shared::cluster %p2, %rd5; @%p2 add.u32 %r6, %r6, 2;
			isspacep.shared::cta %p2, %rd6; @%p2 add.u32 %r6, %r6, 4;
			isspacep.shared %p2, %rd4; @%p2 add.u32 %r6, %r6, 8;` + syncCluster,
			func(int, int, int) uint32 { return 14 }},
		{"remote arrive", ring("64") + "st.shared::cluster.u32 [%r22], %r4;" +
			"mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r20];" + waitHere + syncCluster,
			func(i, _, _ int) uint32 { return uint32(i % 64) }},
		{"remote expect_tx and complete_tx", ring("1") + `@%p1 bra w;
			mbarrier.expect_tx.relaxed.cluster.shared::cluster.b64 [%r20], 32;
			mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r20], 1;
			mbarrier.complete_tx.relaxed.cluster.shared::cluster.b64 [%r20], 32;` + waitHere + syncCluster,
			func(i, _, _ int) uint32 { return held(i) }},
		{"st.async", ring("1") + `@!%p1 mbarrier.arrive.expect_tx.shared::cta.b64 %rd4, [%r10], 256;
			st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r22], %r5, [%r20];` +
			waitHere + syncCluster,
			func(_, prev, _ int) uint32 { return held(prev) }},
		{"st.async of vectors", ring("1") + `@!%p1 mbarrier.arrive.expect_tx.shared::cta.b64 %rd4,
			[%r10], 256; and.b32 %r7, %r4, 3; setp.eq.u32 %p3, %r7, 0; mov.u32 %r8, 8; mov.u32 %r9, 9;
			@%p3 st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%r22],
			{%r5, %r4, %r8, %r9}, [%r20];` + waitHere + syncCluster,
			func(i, prev, _ int) uint32 {
				return []uint32{held(prev), uint32(i%64 - 1), 8, 9}[i%4]
			}},
		{"red.async", ring("1") + `@!%p1 mbarrier.arrive.expect_tx.shared::cta.b64 %rd4, [%r10], 512;
			red.async.relaxed.cluster.mbarrier::complete_tx::bytes.shared::cluster.add.u32 [%r22], %r5,
			[%r20];
			red.async.relaxed.cluster.mbarrier::complete_tx::bytes.shared::cluster.xor.b32 [%r22], 7,
			[%r20];` + waitHere + syncCluster,
			func(i, prev, _ int) uint32 { return (held(i) + held(prev)) ^ 7 }},
		{"bulk copy to a peer", ring("1") + `add.u32 %r7, %r21, 512; add.u32 %r23, %r23, 512;
			@%p1 bra w; mbarrier.arrive.expect_tx.shared::cta.b64 %rd4, [%r10], 256;
			cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r7], [%r11], 256,
			[%r20];` + waitHere + syncCluster,
			func(_, prev, _ int) uint32 { return held(prev) }},
		{"bulk reduction on a peer", ring("1") + `add.u32 %r7, %r21, 512; add.u32 %r23, %r23, 512;
			st.shared.u32 [%r23], 1000;` + syncCluster + `
			@%p1 bra w; mbarrier.arrive.expect_tx.shared::cta.b64 %rd4, [%r10], 256;
			cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.max.u32 [%r7],
			[%r11], 256, [%r20];` + waitHere + syncCluster,
			func(_, prev, _ int) uint32 { return max(held(prev), 1000) }},
		{"multicast", ring("1") + `mov.b16 %m1, 10; setp.ne.u32 %p3, %r12, 2;
			@%p1 bra w; mbarrier.arrive.expect_tx.shared::cta.b64 %rd4, [%r10], 256;
			and.b32 %r7, %r12, 1; setp.eq.u32 %p2, %r7, 1;
			@!%p2 mbarrier.complete_tx.shared::cta.b64 [%r10], 256;
			@!%p3 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster
			[%r11], [%rd1], 256, [%r10], %m1;` + waitHere + syncCluster,
			func(i, _, _ int) uint32 {
				if i/64%2 == 1 { // ranks 1 and 3 get what CTA 2 of the cluster has read
					return held(i/256*256 + 128 + i%64)
				}
				return held(i)
			}},
		{"a barrier without those who left", ring("1") + `setp.gt.u32 %p2, %r4, 40;
			st.global.u32 [%rd2], 77; @%p2 exit; barrier.cluster.arrive.relaxed;
			barrier.cluster.wait; mov.u32 %r6, 5;`,
			func(i, _, _ int) uint32 {
				if i%64 > 40 {
					return 77
				}
				return 5
			}},
		{"one who arrives and leaves", ring("1") + `setp.eq.u32 %p2, %r4, 1; st.global.u32 [%rd2], 78;
			barrier.cluster.arrive; @%p2 exit; st.shared::cluster.u32 [%r22+4], 9;
			barrier.cluster.wait; mov.u32 %r6, 6;`,
			func(i, _, _ int) uint32 {
				if i%64 == 1 {
					return 78
				}
				return 6
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for mode := range 2 {
				got := inCluster(t, c.body, [3]uint32{8, 1, 1}, [3]uint32{4, 1, 1}, 64, mode == 1)
				for i := range got {
					at := i / 64
					prev := (at&^3|(at+3)%4)*64 + i%64
					next := (at&^3|(at+1)%4)*64 + i%64
					if want := c.want(i, prev, next); got[i] != want {
						t.Fatalf("mode %d, thread %d: %d, want %d", mode, i, got[i], want)
					}
				}
			}
		})
	}
}

// TestClusterRegisters: a grid of 4x6x2 CTAs in clusters of 2x3x1.
func TestClusterRegisters(t *testing.T) {
	grid, size := [3]uint32{4, 6, 2}, [3]uint32{2, 3, 1}
	body := "mov.u32 %r6, 0;"
	for _, s := range []string{"%clusterid.x", "%clusterid.y", "%clusterid.z", "%nclusterid.x",
		"%nclusterid.y", "%nclusterid.z", "%cluster_ctaid.x", "%cluster_ctaid.y",
		"%cluster_ctaid.z", "%cluster_nctaid.x", "%cluster_nctaid.y", "%cluster_nctaid.z",
		"%cluster_ctarank", "%cluster_nctarank"} {
		body += "mov.u32 %r7, " + s + "; mad.lo.u32 %r6, %r6, 7, %r7;"
	}
	body += "mov.pred %p1, %is_explicit_cluster; @%p1 add.u32 %r6, %r6, 1;" +
		"mov.u32 %r8, %ctaid.y; mov.u32 %r9, %ctaid.z; mad.lo.u32 %r8, %r9, 6, %r8;" +
		"mad.lo.u32 %r8, %r8, 4, %r2; mul.wide.u32 %rd3, %r8, 4; ld.param.u64 %rd2, [out];" +
		"add.s64 %rd2, %rd2, %rd3;"
	out := inCluster(t, body, grid, size, 1, false)
	out = append(out, inCluster(t, body, grid, size, 1, true)...)
	for i, got := range out {
		i %= len(out) / 2
		x, y, z := uint32(i%4), uint32(i/4%6), uint32(i/24)
		want := uint32(0)
		for _, v := range []uint32{x / 2, y / 3, z, 2, 2, 2, x % 2, y % 3, 0, 2, 3, 1,
			x%2 + y%3*2, 6} {
			want = want*7 + v
		}
		if got != want+1 {
			t.Errorf("CTA %d: %d, want %d", i, got, want+1)
		}
	}
}

func TestClusterErrors(t *testing.T) {
	plain := kernel("", "")
	fixed := strings.Replace(plain, ".param .u32 n)", ".param .u32 n)\n.explicitcluster "+
		".reqnctapercluster 2, 1, 1", 1)
	open := strings.Replace(plain, ".param .u32 n)", ".param .u32 n)\n.explicitcluster", 1)
	most := strings.Replace(plain, ".param .u32 n)", ".param .u32 n)\n.maxclusterrank 4", 1)
	for _, c := range []struct {
		src     string
		grid    uint32
		cluster [3]uint32
		want    string
	}{
		{plain, 8, [3]uint32{4, 1, 1}, ""},
		{plain, 6, [3]uint32{4, 1, 1}, "whole number of clusters"},
		{plain, 32, [3]uint32{32, 1, 1}, "1 to 16"},
		{plain, 8, [3]uint32{0, 1, 1}, "zero"},
		{fixed, 8, [3]uint32{}, ""},
		{fixed, 7, [3]uint32{}, "whole number of clusters"},
		{fixed, 8, [3]uint32{4, 1, 1}, "compiled for"},
		{open, 8, [3]uint32{}, "must say"},
		{open, 8, [3]uint32{8, 1, 1}, ""},
		{most, 8, [3]uint32{8, 1, 1}, "4 at most"},
	} {
		mem := newFlat(4096)
		l := &Launch{Prog: load(t, c.src, "k"), Grid: [3]uint32{c.grid, 1, 1}, Cluster: c.cluster,
			Block: [3]uint32{1, 1, 1}, Mem: mem, Params: params(mem.base, mem.base, uint32(0))}
		_, err := l.Run()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("grid of %d, cluster %v: %v, want %q", c.grid, c.cluster, err, c.want)
		}
	}
}

func TestClusterFaults(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"mov.u32 %r7, 4; mapa.shared::cluster.u32 %r8, 0, %r7;", "the cluster has 4 CTAs"},
		{"mov.u32 %r7, 0x7000000; ld.shared::cluster.u32 %r8, [%r7];", "no such CTA"},
		{ring("1") + "barrier.cluster.wait; @%p1 exit; setp.eq.u32 %p2, %r12, 0; @%p2 exit;" +
			"w: mbarrier.try_wait.parity.shared.b64 %p2, [%r10], 0; @!%p2 bra w;", "deadlock"},
		{ring("1") + "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r22], %r5, [%r10];",
			"both in one CTA"},
		{ring("1") + `mov.b16 %m1, 0x11; cp.async.bulk.shared::cluster.global.mbarrier::` +
			`complete_tx::bytes.multicast::cluster [%r11], [%rd1], 16, [%r10], %m1;`,
			"the cluster has 4"},
	} {
		for mode := range 2 {
			mem := newFlat(1 << 16)
			l := &Launch{Prog: load(t, kernel(clusterVars, c.body), "k"), Grid: [3]uint32{4, 1, 1},
				Cluster: [3]uint32{4, 1, 1}, Block: [3]uint32{4, 1, 1}, Mem: mem,
				Params: params(mem.base, mem.base, uint32(0))}
			err := outcome(l, mode == 1)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("mode %d, %s: %v, want %q", mode, c.body, err, c.want)
			}
		}
	}
}
