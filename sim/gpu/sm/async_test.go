package sm

import (
	"fmt"
	"strings"
	"testing"
)

// TestCopyAsyncForms: sizes, source sizes, ignored sources, hints.
func TestCopyAsyncForms(t *testing.T) {
	for _, c := range []struct {
		inst string
		want func(i int) uint32 // the word of thread i, which began as 7
	}{
		{"cp.async.ca.shared.global [%r7], [%rd1], 4;", held},
		{"cp.async.ca.shared::cta.global.L2::128B [%r7], [%rd1], 4;", held},
		{"cp.async.ca.shared.global.L2::cache_hint [%r7], [%rd1], 4, %rd9;", held},
		{"cp.async.ca.shared.global [%r7], [%rd1], 4, 2;",
			func(i int) uint32 { return held(i) & 0xffff }},
		{"cp.async.ca.shared.global.L2::cache_hint [%r7], [%rd1], 4, 0, %rd9;",
			func(int) uint32 { return 0 }},
		{"cp.async.ca.shared.global [%r7], [%rd1], 4, %p3;", func(i int) uint32 {
			if i%2 == 1 {
				return 0
			}
			return held(i)
		}},
		{"cp.async.ca.shared.global [%r7], [%rd1], 4, !%p3;", func(i int) uint32 {
			if i%2 == 0 {
				return 0
			}
			return held(i)
		}},
		{"cp.async.cg.shared.global.L2::64B [%r8], [%rd8], 16;", held},
	} {
		body := `mov.u32 %r11, buf; shl.b32 %r7, %r4, 2; add.u32 %r7, %r7, %r11; and.b32 %r8, %r7, -16;
			and.b64 %rd8, %rd1, -16; mov.u64 %rd9, 0; and.b32 %r9, %r4, 1; setp.eq.u32 %p3, %r9, 1;
			st.shared.u32 [%r7], 7; bar.sync 0;` + c.inst + `cp.async.commit_group; cp.async.wait_group 0;
			bar.sync 0; ld.shared.u32 %r6, [%r7]; st.global.u32 [%rd2], %r6;`
		for i, got := range run(t, kernel(barrierVars, body), 64, held) {
			if want := c.want(i); got != want {
				t.Errorf("%s: thread %d has %#x, want %#x", c.inst, i, got, want)
				break
			}
		}
	}
}

// TestBulkReductions runs every operation and type of cp.reduce.async.bulk to global memory on two
// elements each, chosen so that the operations differ.
func TestBulkReductions(t *testing.T) {
	for _, c := range []struct {
		op, typ        string
		old, add, want uint64
	}{
		{"and", "b32", 0b1100, 0b1010, 0b1000}, {"or", "b32", 0b1100, 0b1010, 0b1110},
		{"xor", "b32", 0b1100, 0b1010, 0b0110}, {"and", "b64", 3 << 40, 6 << 40, 2 << 40},
		{"or", "b64", 3 << 40, 6 << 40, 7 << 40}, {"xor", "b64", 3 << 40, 6 << 40, 5 << 40},
		{"add", "u32", 0xffffffff, 3, 2}, {"min", "u32", 0xffffffff, 3, 3},
		{"max", "u32", 0xffffffff, 3, 0xffffffff}, {"add", "s32", 0xffffffff, 3, 2},
		{"min", "s32", 0xffffffff, 3, 0xffffffff}, {"max", "s32", 0xffffffff, 3, 3},
		{"add", "u64", 1 << 63, 5, 1<<63 + 5}, {"min", "u64", 1 << 63, 5, 5},
		{"max", "u64", 1 << 63, 5, 1 << 63}, {"min", "s64", 1 << 63, 5, 1 << 63},
		{"max", "s64", 1 << 63, 5, 5}, {"inc", "u32", 4, 4, 0}, {"inc", "u32", 3, 4, 4},
		{"dec", "u32", 0, 4, 4}, {"dec", "u32", 9, 4, 4}, {"dec", "u32", 3, 4, 2},
		{"add", "f32", 0x3f800000, 0x40000000, 0x40400000},
		{"add", "f64", 0x3ff0000000000000, 0x4000000000000000, 0x4008000000000000},
		{"add.noftz", "f16", 0x3c00, 0x0001, 0x3c00}, {"add.noftz", "f16", 0x0001, 0x0001, 0x0002},
		{"add.noftz", "bf16", 0x3f80, 0x4000, 0x4040}, {"min", "f16", 0xbc00, 0x3c00, 0xbc00},
		{"max", "f16", 0xbc00, 0x3c00, 0x3c00}, {"min", "bf16", 0xbf80, 0x7fff, 0xbf80},
		{"max", "bf16", 0x0000, 0x8000, 0x0000},
	} {
		var bits int
		fmt.Sscanf(strings.TrimLeft(c.typ, "bfsu"), "%d", &bits)
		e := element{size: bits / 8}
		mem := newFlat(64)
		for i := range 32 / e.size { // the source in the first half, the target in the second
			v := c.add
			if i >= 16/e.size {
				v = c.old
			}
			e.put(mem.data[i*e.size:], v)
		}
		body := `mov.u32 %r11, buf; ld.global.v4.u32 {%r5,%r6,%r7,%r8}, [%rd1];
			st.shared.v4.u32 [%r11], {%r5,%r6,%r7,%r8}; fence.proxy.async.shared::cta;
			cp.reduce.async.bulk.global.shared::cta.bulk_group.OP [%rd1+16], [%r11], 16;
			cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;`
		src := kernel(barrierVars, strings.Replace(body, "OP", c.op+"."+c.typ, 1))
		l := &Launch{Prog: load(t, src, "k"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1},
			Mem: mem, Params: params(mem.base, mem.base, uint32(0))}
		if _, err := l.Run(); err != nil {
			t.Fatal(err)
		}
		for i := 16; i < 32; i += e.size {
			if got := e.get(mem.data[i:]); got != c.want {
				t.Errorf("%s.%s of %#x and %#x: %#x, want %#x", c.op, c.typ, c.old, c.add, got,
					c.want)
				break
			}
		}
	}
}

// TestAsyncFaults: what the copy engine refuses is a fault with its reason.
func TestAsyncFaults(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r11], 24;", "multiples of 16"},
		{"cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r11], 4096;", "outside the cluster's"},
		{"cp.async.bulk.global.shared::cta.bulk_group [0], [%r11], 16;", "nothing is mapped"},
		{"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r11], [%rd1], 16, [%r11];",
			"not initialised"},
		{"cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd1, {%r4,%r4}], [%r11];",
			"these bytes are no tensor map"},
		{"red.async.relaxed.cluster.mbarrier::complete_tx::bytes.shared::cluster.add.u32 [%r11], 1, [%r11];",
			"not initialised"},
	} {
		mem := newFlat(4096)
		l := &Launch{Prog: load(t, kernel(barrierVars, "mov.u32 %r11, buf;"+c.body), "k"),
			Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1}, Mem: mem,
			Params: params(mem.base, mem.base, uint32(0))}
		_, err := l.Run()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.body, err, c.want)
		}
	}
}

// TestNoEffect: fences, hints and requests for registers change no value.
func TestNoEffect(t *testing.T) {
	var forms []string
	each := func(format string, words ...string) {
		for _, w := range words {
			forms = append(forms, strings.ReplaceAll(format, "X", w))
		}
	}
	each("fence.proxy.async.X;", "global", "shared::cta", "shared::cluster")
	each("fence.proxy.X;", "alias", "async")
	each("fence.proxy.tensormap::generic.release.X;", "cta", "cluster", "gpu", "sys")
	each("fence.proxy.tensormap::generic.acquire.X [%rd1], 128;", "cta", "cluster", "gpu", "sys")
	each("fence.mbarrier_init.release.X;", "cluster")
	each("fence.X;", "sc.cta", "acq_rel.cluster", "sc.gpu", "acq_rel.sys")
	each("griddepcontrol.X;", "launch_dependents", "wait")
	each("setmaxnreg.X.sync.aligned.u32 40;", "inc", "dec")
	each("cp.async.bulk.prefetch.L2.global [%rd1], X;", "16", "256")
	each("prefetch.X [%rd1];", "tensormap", "global.L2::evict_last", "global.L2::evict_normal")
	each("cp.async.bulk.wait_group X;", "0", "3")
	each("cp.async.bulk.wait_group.read X;", "0", "7")
	body := "mov.u32 %r6, 21;\n" + strings.Join(forms, "\n") + "\nst.global.u32 [%rd2], %r6;"
	src := strings.Replace(kernel(barrierVars, body), ".target sm_90\n", ".target sm_90a\n", 1)
	src = strings.Replace(src, ".version 8.0", ".version 8.4", 1)
	for i, got := range run(t, src, 64, held) {
		if got != 21 {
			t.Fatalf("thread %d: %d", i, got)
		}
	}
}
