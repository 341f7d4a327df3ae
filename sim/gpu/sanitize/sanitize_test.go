package sanitize_test

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/sanitize"
)

const head = `.version 8.0
.target sm_90
.address_size 64
.file 1 "mine.cu"
.visible .entry k(.param .u64 p)
{
	.reg .b32 %r<16>; .reg .b64 %rd<16>; .reg .pred %p<4>; .reg .b16 %h<2>;
	.shared .align 128 .b8 room[1024];
	.shared .align 8 .b64 bar[2];
	ld.param.u64 %rd1, [p];
	mov.u32 %r1, %tid.x;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd2, %rd1, %rd2;
	mov.u32 %r2, room;
	shl.b32 %r3, %r1, 2;
	add.u32 %r3, %r3, %r2;
	mov.u32 %r4, bar;
	setp.eq.u32 %p1, %r1, 0;
`

// check runs a body in one CTA of n threads over 256 written and 256 unwritten bytes.
func check(t *testing.T, body string, n uint32) []sanitize.Finding {
	t.Helper()
	c := sanitize.New()
	a, err := gpu.Open("h100", gpu.Options{Check: c})
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Load("body.ptx", []byte(head+body+"\n\tret;\n}"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := m.Kernel("k")
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Alloc(512)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Write(p, make([]byte, 256)); err != nil {
		t.Fatal(err)
	}
	k.Launch(hw.Grid{Threads: [3]uint32{n},
		Params: binary.LittleEndian.AppendUint64(nil, uint64(p))}) // the finding tells of its error
	return c.Findings
}

// Pieces of the kernels below.
const (
	fill  = "\tst.shared.u32 [%r3], %r1;\n"
	other = "\txor.b32 %r5, %r3, 128;\n\tld.shared.u32 %r6, [%r5];\n" // of the other warp
	sync  = "\tbar.sync 0;\n"
	initB = "\t@%p1 mbarrier.init.shared.b64 [%r4], 64;\n"
	await = "wait:\tmbarrier.try_wait.parity.shared.b64 %p2, [%r4], 0;\n\t@!%p2 bra wait;\n"
	// One thread brings 256 bytes from global memory.
	load = "\t@!%p1 bra loaded;\n" +
		"\tmbarrier.arrive.expect_tx.shared.b64 _, [%r4], 256;\n" +
		"\tcp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd1], 256, [%r4];\n" +
		"loaded:\n"
	init1 = "\t@%p1 mbarrier.init.shared.b64 [%r4], 1;\n"
	// One thread stores 256 bytes to global memory.
	store = "\t@!%p1 bra stored;\n" +
		"\tcp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r2], 256;\n" +
		"\tcp.async.bulk.commit_group;\n\tcp.async.bulk.wait_group.read 0;\n" +
		"stored:\n"
	fence = "\tfence.proxy.async.shared::cta;\n"
)

// Copies of one word a thread.
const (
	cpAsync  = "\tcp.async.ca.shared.global [%r3], [%rd2], 4;\n"
	cpAsync2 = "\tcp.async.ca.shared.global [%r3+256], [%rd2], 4;\n"
	commit   = "\tcp.async.commit_group;\n"
)

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name, body string
		kind       sanitize.Kind
		want       string
	}{
		{"behind", "ld.global.u32 %r5, [%rd2+512];", sanitize.OutOfBounds,
			"4 byte read of global memory at 0x100000000200: 0 bytes behind the allocation of 512 bytes"},
		{"before", "st.global.u32 [%rd2+-65536], %r1;", sanitize.OutOfBounds,
			"4 byte write of global memory at 0xfffffff0000: 65536 bytes before the allocation"},
		{"shared", "st.shared.u32 [%r3+4096], %r1;", sanitize.OutOfBounds,
			"the CTA has 1152 bytes"},
		{"misaligned", "ld.global.u32 %r5, [%rd1+2];", sanitize.Misaligned, "want a multiple of 4"},
		{"unwritten", "ld.global.u32 %r5, [%rd1+256];", sanitize.Uninitialised,
			"byte 256 of the allocation of 512 bytes"},
		{"unwritten shared", "ld.shared.u32 %r5, [%r3];", sanitize.Uninitialised,
			"nobody has written"},
		{"not ordered", fill + other, sanitize.Race, "nothing orders it with a write by warp 0"},
		{"write after read", fill + sync + other + "\tst.shared.u32 [%r3], %r6;", sanitize.Race,
			"4 byte write of shared memory at 0x0: nothing orders it with a read by warp 1"},
		{"write after write", "st.shared.u32 [%r2], %r1;", sanitize.Race, "with a write by warp 0"},
		{"atomic and plain", "\tatom.shared.add.u32 %r5, [%r2], 1;\n\tst.shared.u32 [%r2], %r1;",
			sanitize.Race, "nothing orders it"},
		{"copy not awaited", init1 + sync + load + "\tld.shared.u32 %r5, [%r3];", sanitize.Race,
			"a write by an asynchronous operation"},
		{"copy by cp.async not awaited", cpAsync + commit + cpAsync2 + commit +
			"\tcp.async.wait_group 1;\n\tld.shared.u32 %r5, [%r3+256];", sanitize.Race,
			"with a write by cp.async of warp 0"},
		{"no proxy fence", fill + sync + store, sanitize.ProxyFence,
			"no fence.proxy.async since warp"},
		{"not initialised", "@%p1 mbarrier.arrive.shared.b64 _, [%r4];", sanitize.Mbarrier,
			"is not initialised"},
		{"initialised twice", init1 + init1, sanitize.Mbarrier, "again without mbarrier.inval"},
		{"initialised while pending", initB +
			"\t@%p1 mbarrier.arrive.shared.b64 _, [%r4];\n" + initB, sanitize.Mbarrier,
			"while its phase waits for 63 arrivals"},
		{"arrived too often", init1 + sync + "\tmbarrier.arrive.noComplete.shared.b64 _, [%r4], 2;",
			sanitize.Mbarrier, "overflow"},
		{"divergent", "setp.lt.u32 %p2, %r1, 8;\n\t@%p2 bra aside;\n\tbar.sync 0;\n\tbra all;\n" +
			"aside:\tbar.sync 0;\nall:", sanitize.Divergent, "reach a barrier that all must reach"},
		{"trap", "@%p1 trap;", sanitize.Fault, "the kernel trapped"},
	} {
		got := check(t, c.body, 64)
		if !slices.ContainsFunc(got, func(f sanitize.Finding) bool {
			return f.Kind == c.kind && strings.Contains(f.Message, c.want)
		}) {
			t.Errorf("%s: %v, want %s: %s", c.name, got, c.kind, c.want)
			continue
		}
		for _, f := range got {
			if f.Kernel != "k" || f.Line < 19 {
				t.Errorf("%s: %v has no place", c.name, f)
			}
		}
	}
}

func TestCleanKernelsHaveNone(t *testing.T) {
	for name, body := range map[string]string{
		"barrier": fill + sync + other + sync + "\tst.shared.u32 [%r3], %r6;",
		"own":     fill + "\tld.shared.u32 %r5, [%r3];\n\tst.global.u32 [%rd2], %r5;",
		"counter": "\tst.shared.u32 [%r3], 0;\n" + sync + "\tatom.shared.add.u32 %r5, [%r2], 1;\n",
		"mbarrier": initB + sync + fill + "\tmbarrier.arrive.shared.b64 _, [%r4];\n" +
			await + other,
		"copy": init1 + sync + load + await + "\tld.shared.u32 %r5, [%r3];",
		"cp.async": cpAsync + commit + cpAsync2 + commit + "\tcp.async.wait_group 1;\n" +
			"\tld.shared.u32 %r5, [%r3];\n\tcp.async.wait_all;\n" + sync + other +
			"\tld.shared.u32 %r5, [%r5+256];",
		"store": fill + fence + sync + store + sync + fill,
		"again": init1 + sync + "\t@%p1 mbarrier.inval.shared.b64 [%r4];\n\t" + init1 + sync +
			"\tld.global.u32 %r5, [%rd1];",
		"some":    "setp.lt.u32 %p2, %r1, 32;\n\t@%p2 bra half;\n\tbar.sync 1, 32;\nhalf:",
		"atomics": "\tatom.global.add.u32 %r5, [%rd1], 1;\n\tatom.global.add.u32 %r5, [%rd1], 1;",
	} {
		if got := check(t, body, 64); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestOncePerPlace: a finding counts, and names the source line and the first thread.
func TestOncePerPlace(t *testing.T) {
	got := check(t, "\t.loc 1 42 3\n\tld.global.u32 %r5, [%rd2+256];", 64)
	if len(got) != 1 || got[0].Count != 64 || got[0].Source != "mine.cu:42" {
		t.Fatalf("%v", got)
	}
	want := "uninitialised: kernel k, PTX line 20 (mine.cu:42), CTA (0,0,0), thread (0,0,0): " +
		"4 byte read of global memory at 0x100000000100, byte 256 of the allocation of 512 bytes " +
		"at 0x100000000000: nobody has written there [64 times]"
	if s := got[0].String(); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	if b, err := json.Marshal(got[0]); err != nil || !strings.Contains(string(b), `"line":20`) {
		t.Errorf("%s, %v", b, err)
	}
}
