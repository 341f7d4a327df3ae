package sm

import (
	"strings"
	"testing"

	"tensoros/sim/gpu/memory"
)

func TestMbarrierEncoding(t *testing.T) {
	for _, b := range []mbarrier{{1, 1, 0, 0}, {countMask, countMask, -1<<20 + 1, 1},
		{0, 3, 1<<20 - 1, 0}, {0, 1, -16, 1}} {
		if got := unpackBarrier(b.pack()); got != b {
			t.Errorf("%+v comes back as %+v", b, got)
		}
	}
}

const barrierVars = ".shared .align 16 .b8 buf[256]; .shared .align 8 .b8 bar[16];"

// start initialises bar with the given count.
func start(count string) string {
	return "mov.u32 %r10, bar; mov.u32 %r11, buf; setp.ne.u32 %p1, %r4, 0;" +
		"@!%p1 mbarrier.init.shared.b64 [%r10], " + count + ";" +
		"fence.mbarrier_init.release.cluster; bar.sync 0;"
}

const wait0 = `
w: mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r10], 0; @!%p2 bra w;
`

func TestMbarriers(t *testing.T) {
	in := func(i int) uint32 { return uint32(i * 3) }
	for _, c := range []struct {
		name, body string
		want       func(x uint32, i int) uint32
	}{
		{"all arrive", start("64") + "shl.b32 %r7, %r4, 2; add.u32 %r7, %r7, %r11;" +
			"st.shared.u32 [%r7], %r5; mbarrier.arrive.shared.b64 %rd4, [%r10];" + wait0 +
			"xor.b32 %r7, %r7, 128; ld.shared.u32 %r6, [%r7];",
			func(x uint32, i int) uint32 { return uint32(i^32) * 3 }},
		{"the parity before the first phase has ended", start("1") +
			"mbarrier.test_wait.parity.shared.b64 %p2, [%r10], 1; selp.u32 %r6, 1, 0, %p2;" +
			"mbarrier.test_wait.parity.shared.b64 %p2, [%r10], 0; @%p2 add.u32 %r6, %r6, 2;",
			func(uint32, int) uint32 { return 1 }},
		{"bytes complete before they are expected", start("1") +
			"@!%p1 mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [%r10], 48;" +
			"@!%p1 mbarrier.arrive.expect_tx.shared.b64 %rd4, [%r10], 48;" + wait0 + "mov.u32 %r6, 5;",
			func(uint32, int) uint32 { return 5 }},
		{"states", start("2") + "mov.u64 %rd5, 0; @%p1 bra t;" +
			"mbarrier.arrive.shared.b64 %rd4, [%r10];" +
			"mbarrier.test_wait.shared.b64 %p2, [%r10], %rd4; mbarrier.arrive.shared.b64 %rd5, [%r10];" +
			"mbarrier.test_wait.shared.b64 %p3, [%r10], %rd4;" +
			"t: mbarrier.pending_count.b64 %r6, %rd5; @%p2 add.u32 %r6, %r6, 10;" +
			"@%p3 add.u32 %r6, %r6, 100;",
			func(_ uint32, i int) uint32 {
				if i%64 == 0 {
					return 101
				}
				return 0
			}},
		{"asynchronous copies arrive", start("64") + "shl.b32 %r7, %r4, 2;" +
			"add.u32 %r7, %r7, %r11;" +
			"cp.async.ca.shared.global [%r7], [%rd1], 4;" +
			"cp.async.mbarrier.arrive.noinc.shared.b64 [%r10];" + wait0 +
			"xor.b32 %r7, %r7, 4; ld.shared.u32 %r6, [%r7];",
			func(_ uint32, i int) uint32 { return uint32(i^1) * 3 }},
		{"a bulk copy in and out", start("1") + `@%p1 bra w0;
	mbarrier.arrive.expect_tx.shared.b64 %rd4, [%r10], 256;
	cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r11], [%rd1], 256, [%r10];
w0:` + wait0 + `shl.b32 %r7, %r4, 2; add.u32 %r7, %r7, %r11; ld.shared.u32 %r6, [%r7];
	add.u32 %r6, %r6, 1; st.shared.u32 [%r7], %r6; fence.proxy.async.shared::cta; bar.sync 0;
	@%p1 bra e; cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r11], 256;
	cp.async.bulk.commit_group; cp.async.bulk.wait_group.read 0;
e: bar.sync 0; ld.global.u32 %r6, [%rd2]; add.u32 %r6, %r6, 1;`,
			func(x uint32, _ int) uint32 { return x + 2 }},
		{"a cluster of one", "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.wait.aligned;" +
			"mov.u32 %r6, 8; barrier.cluster.arrive; barrier.cluster.wait;",
			func(uint32, int) uint32 { return 8 }},
		{"a lane waits for another of its warp", start("1") + "setp.eq.u32 %p3, %r4, 7;" +
			"@%p3 bra late;" + wait0 + "bra x; late: mbarrier.arrive.shared.b64 %rd4, [%r10]; x:" +
			"mov.u32 %r6, 3;",
			func(uint32, int) uint32 { return 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := "ld.global.u32 %r5, [%rd1];" + c.body + "\nst.global.u32 [%rd2], %r6;"
			for i, got := range run(t, kernel(barrierVars, body), 128, in) {
				if want := c.want(in(i), i); got != want {
					t.Fatalf("thread %d: %d, want %d", i, got, want)
				}
			}
		})
	}
}

func TestMbarrierFaults(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"mov.u32 %r10, bar; mbarrier.arrive.shared.b64 %rd4, [%r10];", "not initialised"},
		{start("2") + wait0, "deadlock: nobody completes the phase"},
		{start("1") + "mbarrier.arrive.shared.b64 %rd4, [%r10], 2;", "overflow"},
	} {
		mem := newFlat(4096)
		for timing := range 2 {
			l := &Launch{Prog: load(t, kernel(barrierVars, c.body), "k"), Grid: [3]uint32{1, 1, 1},
				Block: [3]uint32{32, 1, 1}, Mem: mem, Params: params(mem.base, mem.base, uint32(0))}
			err := outcome(l, timing == 1)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %q", c.body, err, c.want)
			}
		}
	}
}

func outcome(l *Launch, inTime bool) error {
	if !inTime {
		_, err := l.Run()
		return err
	}
	g, err := NewGrid(testConfig, 1, memory.New(testMemory), l, 32, 0)
	if err != nil {
		return err
	}
	_, _, err = g.Run(far)
	return err
}

// A consumer that waits for a bulk copy issues a handful of instructions, not one a cycle.
func TestFailingWaitsDoNotSpin(t *testing.T) {
	body := start("1") + `@%p1 bra w;
	mbarrier.arrive.expect_tx.shared.b64 %rd4, [%r10], 256;
	cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r11], [%rd1], 256, [%r10];
` + wait0
	mem := newFlat(4096)
	l := &Launch{Prog: load(t, kernel(barrierVars, body), "k"), Grid: [3]uint32{1, 1, 1}, Mem: mem,
		Block: [3]uint32{32, 1, 1}, Params: params(mem.base, mem.base, uint32(0))}
	g := timed(t, l)
	if n, took := g.Stats().Instructions, g.End()-1000; n > 40 || took < 850 || took > 1600 {
		t.Errorf("%d instructions in %d cycles", n, took)
	}
}
