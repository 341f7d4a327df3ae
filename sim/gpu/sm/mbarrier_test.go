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
	g, err := NewGrid(testConfig, l.clusterCTAs(), memory.New(testMemory), l, 32, 0)
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

// TestMbarrierForms runs every spelling of the PTX table on an mbarrier of 5 arrivals and looks at
// its bits: what is pending, expected and to come, and the phase; and at the state that came back.
func TestMbarrierForms(t *testing.T) {
	const made = 5
	begin := mbarrier{pending: made, expected: made}
	type form struct {
		name, operand string
		want          mbarrier
		cluster       bool // .shared::cluster exists
		ctaOnly       bool
		sem           []string
	}
	release := []string{"", ".release.cta", ".release.cluster"}
	relaxed := []string{"", ".relaxed.cta", ".relaxed.cluster"}
	forms := []form{
		{"arrive", "", mbarrier{made - 1, made, 0, 0}, true, false, release},
		{"arrive", ", 3", mbarrier{made - 3, made, 0, 0}, true, false, release},
		{"arrive", ", 5", mbarrier{made, made, 0, 1}, true, false, release},
		{"arrive.expect_tx", ", 48", mbarrier{made - 1, made, 48, 0}, true, false, release},
		{"arrive.noComplete", ", 2", mbarrier{made - 2, made, 0, 0}, false, true, release[:2]},
		{"arrive_drop", "", mbarrier{made - 1, made - 1, 0, 0}, true, false, release},
		{"arrive_drop", ", 2", mbarrier{made - 2, made - 2, 0, 0}, true, false, release},
		{"arrive_drop.expect_tx", ", 16", mbarrier{made - 1, made - 1, 16, 0}, true, false,
			release},
		{"arrive_drop.noComplete", ", 2", mbarrier{made - 2, made - 2, 0, 0}, false, true,
			release[:2]},
		{"expect_tx", ", 64", mbarrier{made, made, 64, 0}, true, false, relaxed},
		{"complete_tx", ", 64", mbarrier{made, made, -64, 0}, true, false, relaxed},
	}
	n := 0
	for _, f := range forms {
		for _, sem := range f.sem {
			spaces := []string{"", ".shared", ".shared::cta"}
			if f.cluster {
				spaces = append(spaces, ".shared::cluster")
			}
			for _, space := range spaces {
				addr, state := "[%r10]", "%rd4, "
				if space == "" {
					addr = "[%rd6]"
				}
				if space == ".shared::cluster" {
					state = "_, "
				}
				if f.name == "expect_tx" || f.name == "complete_tx" {
					state = ""
				}
				inst := "mbarrier." + f.name + sem + space + ".b64 " + state + addr + f.operand +
					";"
				word, old := onBarrier(t, made, inst)
				if got := unpackBarrier(word); got != f.want {
					t.Errorf("%s leaves %+v, want %+v", inst, got, f.want)
				}
				if state == "%rd4, " && unpackBarrier(old) != begin {
					t.Errorf("%s gives the state %+v", inst, unpackBarrier(old))
				}
				n++
			}
		}
	}
	t.Logf("%d forms", n)
}

// onBarrier runs an instruction in one thread and gives the mbarrier's word after it and %rd4.
func onBarrier(t *testing.T, count int, inst string) (word, state uint64) {
	t.Helper()
	body := start("5") + "cvt.u64.u32 %rd6, %r10; cvta.shared.u64 %rd6, %rd6; mov.u64 %rd4, 0;\n" + inst +
		"\nld.shared.u64 %rd5, [%r10]; st.global.u64 [%rd2], %rd5; st.global.u64 [%rd2+8], %rd4;"
	mem := newFlat(64)
	l := &Launch{Prog: load(t, kernel(barrierVars, body), "k"), Grid: [3]uint32{1, 1, 1},
		Block: [3]uint32{1, 1, 1}, Mem: mem, Params: params(mem.base, mem.base, uint32(0))}
	if _, err := l.Run(); err != nil {
		t.Fatalf("%s: %v", inst, err)
	}
	e := element{size: 8}
	if got := unpackBarrier(e.get(mem.data)); got.expected > int64(count) {
		t.Fatalf("%s: %+v", inst, got)
	}
	return e.get(mem.data), e.get(mem.data[8:])
}

// TestMbarrierWaits runs every spelling of test_wait and try_wait before and after the phase ends.
func TestMbarrierWaits(t *testing.T) {
	n := 0
	for _, kind := range []string{"test_wait", "try_wait"} {
		for _, sem := range []string{"", ".acquire.cta", ".acquire.cluster"} {
			for _, space := range []string{"", ".shared", ".shared::cta"} {
				for _, parity := range []string{"", ".parity"} {
					for _, hint := range []string{"", ", 20"} {
						if kind == "test_wait" && hint != "" {
							continue
						}
						addr, phase := "[%r10]", "%rd4"
						if space == "" {
							addr = "[%rd6]"
						}
						if parity != "" {
							phase = "0"
						}
						wait := "mbarrier." + kind + parity + sem + space + ".b64 %p2, " + addr +
							", " + phase + hint +
							"; selp.u64 %rd7, 1, 0, %p2; shl.b64 %rd8, %rd8, 1; or.b64 %rd8, %rd8, %rd7;"
						_, got := onBarrier(t, 5, "mov.u64 %rd8, 0; mbarrier.arrive.shared.b64 %rd4, [%r10], 2;"+
							wait+"mbarrier.arrive.expect_tx.shared.b64 %rd9, [%r10], 8;"+
							"mbarrier.arrive.shared.b64 %rd9, [%r10], 2;"+wait+
							"mbarrier.complete_tx.shared.b64 [%r10], 8;"+wait+"mov.u64 %rd4, %rd8;")
						if got != 1 {
							t.Errorf("%s tells of phases %03b, want 001", wait, got)
						}
						n++
					}
				}
			}
		}
	}
	t.Logf("%d forms", n)
}

// TestMbarrierLife: an mbarrier that all have dropped still answers; one that is invalid does not.
func TestMbarrierLife(t *testing.T) {
	word, _ := onBarrier(t, 5, "mbarrier.arrive_drop.shared.b64 %rd4, [%r10], 5;"+
		"mbarrier.test_wait.parity.shared.b64 %p2, [%r10], 0; @!%p2 trap;")
	if got := unpackBarrier(word); got.expected != 0 || got.phase != 1 {
		t.Errorf("after all have dropped: %+v", got)
	}
	word, _ = onBarrier(t, 5, "mbarrier.inval.shared::cta.b64 [%r10];")
	if word != 0 {
		t.Errorf("an invalid mbarrier holds %#x", word)
	}
	if _, pending := onBarrier(t, 5, "mbarrier.arrive.shared.b64 %rd4, [%r10], 2;"+
		"mbarrier.arrive.shared.b64 %rd4, [%r10], 1; mbarrier.pending_count.b64 %r6, %rd4;"+
		"cvt.u64.u32 %rd4, %r6;"); pending != 3 {
		t.Errorf("pending_count gives %d, want 3", pending)
	}
}

// TestCopyArrive: with and without .noinc, in each space.
func TestCopyArrive(t *testing.T) {
	for _, space := range []string{"", ".shared", ".shared::cta"} {
		for noinc, want := range map[string]mbarrier{"": {5, 5, 0, 0}, ".noinc": {4, 5, 0, 0}} {
			addr := "[%r10]"
			if space == "" {
				addr = "[%rd6]"
			}
			word, _ := onBarrier(t, 5, "cp.async.mbarrier.arrive"+noinc+space+".b64 "+addr+";")
			if got := unpackBarrier(word); got != want {
				t.Errorf("cp.async.mbarrier.arrive%s%s leaves %+v, want %+v", noinc, space, got, want)
			}
		}
	}
}
