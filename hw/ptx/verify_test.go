package ptx

import (
	"strings"
	"testing"
)

const verdictHead = `.version 8.4
.target sm_90a
.address_size 64
.global .align 16 .b8 gv[64];
.shared .align 16 .b8 sv[64];
.visible .entry k(.param .u64 pp, .param .align 64 .b8 pk[128])
{
	.reg .pred %p<9>;
	.reg .b16 %h<9>;
	.reg .f16 %hf<9>;
	.reg .b32 %r<40>;
	.reg .u32 %u<9>;
	.reg .f32 %f<40>;
	.reg .b64 %d<9>;
	.reg .f64 %fd<19>;
`

// verdicts: one statement each, and a piece of our message, or "" where it is legal. Every
// verdict is ptxas 12.4's too (TestPtxasVerdicts).
var verdicts = []struct{ text, want string }{
	{"add.f32 %f1, %f1, 1.5;", ""},
	{"add.f32 %f1, %f1, 0d3FF8000000000000;", ""},
	{"add.f64 %fd1, %fd1, 0f3F800000;", ""},
	{"add.f32.rn %f1, %f1, %f1;", ""},
	{"add.ftz.rn.f32 %f1, %f1, %f1;", ""},
	{"ld.nc.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d1];", ""},
	{"ldmatrix.x4.sync.aligned.m8n8.shared.b16 {%r1,%r2,%r3,%r4}, [%r5];", ""},
	{"add.f32 %f1, %f1, 1;", "integer constant where .f32"},
	{"mov.b32 %r1, 0f3F800000;", ""},
	{"mov.f32 %f1, 1;", "integer constant"},
	{"mov.u32 %r1, 0f3F800000;", "float constant"},
	{"add.u32 %r1, %tid.x, 1;", "cannot stand here"},
	{"add.s32 %r1, %f1, 1;", "register %f1 is .f32 where .s32"},
	{"and.b32 %r1, %f1, 1;", ""},
	{"mov.u32 %r1, %f1;", "register %f1"},
	{"mov.f32 %f1, %u1;", "register %u1"},
	{"add.f32 %f1, %r1, %f1;", ""},
	{"add.f32 %f1, %u1, %f1;", "register %u1"},
	{"cvt.f32.f16 %f1, %hf1;", ""},
	{"mov.f16 %hf1, %hf2;", "does not fit mov"},
	{"mov.b16 %hf1, 0x3C00;", ""},
	{"add.f16 %hf1, %h1, %hf2;", ""},
	{"mov.u64 %d1, %clock64;", ""},
	{"mov.u32 %r1, %clock64;", "64 bits wide"},
	{"mov.b32 %r1, %tid.x;", ""},
	{"cvt.u64.u32 %d1, %tid.x;", ""},
	{"ld.global.f32 %r1, [%d1];", ""},
	{"ld.global.u32 %f1, [%d1];", "register %f1"},
	{"ld.global.f32 %d1, [%d1];", ""},
	{"ld.global.u8 %f1, [%d1];", "register %f1"},
	{"ld.global.u32 %d1, [%d1];", ""},
	{"ld.global.b32 %fd1, [%d1];", ""},
	{"st.global.u32 [%d1], 5;", ""},
	{"st.global.f32 [%d1], 5;", "integer constant"},
	{"st.global.u8 [%d1], %r1;", ""},
	{"cvt.u16.u32 %r1, %r2;", ""},
	{"cvt.rn.f32.s32 %d1, %r2;", ""},
	{"cvt.u32.f32 %r1, %f2;", "cvt"},
	{"ld.shared.u32 %r1, [%d1];", ""},
	{"ld.global.u32 %r1, [sv];", "is in .shared"},
	{"mov.u64 %d1, sv+4;", ""},
	{"shfl.sync.bfly.b32 %f1, %f1, 4, 31, -1;", ""},
	{"shfl.sync.bfly.b32 %r1|%p1, %r1, 4, 31, -1;", ""},
	{"shfl.sync.bfly.b32 %r1|%r2, %r1, 4, 31, -1;", "register %r2 is .b32 where .pred"},
	{"add.s32 %r1|%p1, %r1, 4;", "one result"},
	{"elect.sync %r1, -1;", "needs two results"},
	{"setp.eq.and.s32 %p1, %r1, 5, !%p2;", ""},
	{"setp.eq.s32 %p1, %r1, 5, %p2;", "takes 3 operands, has 4"},
	{"setp.eq.and.s32 %p1, %r1, 5;", "takes 4 operands, has 3"},
	{"setp.lt.b32 %p1, %r1, 5;", "setp"},
	{"and.pred %p1, %p2, !%p3;", ""},
	{"and.b32 %r1, %r2, !%r3;", "may be negated"},
	{"selp.b32 %r1, 1, 0, !%p1;", ""},
	{"mov.pred %p1, -1;", ""},
	{"atom.global.add.u32 _, [%d1], 1;", ""},
	{"add.s32 _, %r1, 1;", "cannot drop its result"},
	{"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1,%f2,%f3,%f4}," +
		"{%f1,%f2,%f3,%f4},{%f5,%f6},{%f1,%f2,%f3,%f4};", "where .u32"},
	{"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1,%f2,%f3,%f4}," +
		"{%r1,%r2,%r3},{%r5,%r6},{%f1,%f2,%f3,%f4};", "vector has 3 registers"},
	{"mov.b64 %d1, {%r1, %f1};", ""},
	{"mov.b64 %d1, {%r1, %h1};", "vector is 48 bits"},
	{"mov.b64 {_, %r1}, %d1;", ""},
	{"fma.rn.f32 %f1, %f1, %f1, -1.0;", ""},
	{"fma.f32 %f1, %f1, %f1, %f2;", "fma lacks"},
	{"createpolicy.fractional.L2::evict_last.b64 %d1, 0.5;", ""},
	{"ld.param.u32 %r1, [pk+4];", ""},
	{"ld.global.v4.u32 {%r1, %r2}, [%d1];", "vector has 2 elements"},
	{"ld.global.v2.u32 %r1, [%d1];", "needs a vector of 2"},
	{"mbarrier.arrive.shared::cluster.b64 %d1, [%r1];", "remote arrival"},
	{"cp.async.cg.shared.global [%r1], [%d1], 8;", "cannot copy 8 bytes"},
	{"cp.async.ca.shared.global [%r1], [%d1], 8, 4;", ""},
	{"setmaxnreg.dec.sync.aligned.u32 41;", "multiple of 8"},
	{"bra %r1;", "not a label"},
	{"bra NOWHERE;", "unknown name \"NOWHERE\""},
	{"@%r1 bra END;", "a guard must be a .pred"},
	{"@%p9 bra END;", "declared are %p0 to %p8"},
	{"add.s32 %r1, %r40, 1;", "declared are %r0 to %r39"},
	{"add.s32 %r1, %x1, 1;", "unknown name"},
	{"add.s33 %r1, %r1, 1;", "did you mean s32"},
	{"ad.s32 %r1, %r1, 1;", "did you mean add"},
	{"add.s32.s32 %r1, %r1, 1;", "add"},
	{"add %r1, %r1, 1;", "add lacks type"},
	{"add.s32 %r1, %r1;", "takes 3 operands, has 2"},
	{"END: ret;", "declared twice"},
	{".reg .b32 %r<4>;", "declared twice"},
	{"cvt.rn.f16x2.f32 %r1, %f1, %f2;", ""},
	{"bar.red.popc.u32 %r1, 0, %p1;", ""},
	{"bar.red.popc.u32 %r1, 0, 64, !%p1;", ""},
	{"cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%d1, {%r1}], [%r2];", "1 coordinates"},
	{"wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0,%f1,%f2,%f3}, {%r0,%r1,%r2,%r3}," +
		" %d1, %p1, 1, 1, 0;", ""},
	{"wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0,%f1,%f2,%f3}, %d2," +
		" %d1, 1, 1, 1, 0, 0;", ""},
	{"wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0,%f1,%f2,%f3}, %d2," +
		" %d1, %p1, 1, 1, 0;", "needs a vector of 4"},
}

func verdictModule(text string) string { return verdictHead + "\t" + text + "\nEND:\n\tret;\n}\n" }

func judge(src string) error {
	m, err := Parse("t.ptx", []byte(src))
	if err != nil {
		return err
	}
	return Verify(m)
}

func TestVerdicts(t *testing.T) {
	line := int32(strings.Count(verdictHead, "\n")) + 1
	for _, c := range verdicts {
		err := judge(verdictModule(c.text))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s\n\t%v", c.text, err)
		case c.want != "" && err == nil:
			t.Errorf("%s\n\taccepted, want %q", c.text, c.want)
		case c.want != "" && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s\n\t%v\n\twant %q", c.text, err, c.want)
		case err != nil:
			if p := err.(ErrorList)[0].Pos; p.Line != line && p.Line != line+1 {
				t.Errorf("%s: fault at line %d, want %d", c.text, p.Line, line)
			}
		}
	}
}

func TestPtxasVerdicts(t *testing.T) {
	needPtxas(t)
	for _, c := range verdicts {
		if out := ptxas(t, verdictModule(c.text)); (out == "") != (c.want == "") {
			t.Errorf("%s\n\twe say %q, ptxas says %q", c.text, c.want, out)
		}
	}
}

func TestTargets(t *testing.T) {
	src := func(version, target, text string) string {
		return ".version " + version + "\n.target " + target + "\n.address_size 64\n" +
			".entry k() {\n.reg .b32 %r<9>; .reg .f32 %f<9>; .reg .b16 %h<9>; .reg .b64 %d<9>;\n" +
			text + "\nret;\n}\n"
	}
	cases := []struct{ version, target, text, want string }{
		{"8.0", "sm_90", "wgmma.fence.sync.aligned;", "needs target sm_90a"},
		{"8.0", "sm_90a", "wgmma.fence.sync.aligned;", ""},
		{"8.0", "sm_80", "add.bf16 %h1, %h2, %h3;", "needs target sm_90"},
		{"7.7", "sm_90a", "add.bf16 %h1, %h2, %h3;", "needs PTX 7.8"},
		{"7.0", "sm_75", "cp.async.wait_all;", "needs target sm_80"},
		{"7.0", "sm_80", "cp.async.wait_all;", ""},
		{"8.0", "sm_80", "mov.u32 %r1, %cluster_ctarank;", "needs target sm_90"},
		{"7.0", "sm_80", "max.f32 %f1, %f2, %f3;", ""},
		{"6.0", "sm_80", "max.NaN.f32 %f1, %f2, %f3;", "needs PTX 7.0"},
	}
	for _, c := range cases {
		err := judge(src(c.version, c.target, c.text))
		if c.want == "" && err != nil || c.want != "" &&
			(err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %s %s: %v, want %q", c.version, c.target, c.text, err, c.want)
		}
	}
}

// TestErrors: several faults in one run, each at its place, and what follows them still read.
func TestErrors(t *testing.T) {
	src := `.version 8.4
.target sm_80
.address_size 64
.entry a(.param .u64 p)
{
	.reg .b32 %r<4>;
	add.s33 %r1, %r2, %r3;
	mov.u32 %r1 %r2;
	mul.lo.s32 %r1, {%r2, %r3;
	ld.u32 %r1, [%r2
	@%p add.s32 %r1, %r1, 0x;
	sub.s32 %r1, %r1, 1
	not.b32 %r1, %r1;
	frob %r1;
}
.globl .b32 x;
.entry b() { ret; }
`
	m, err := Parse("f.ptx", []byte(src))
	want := []string{
		"f.ptx:7:2: unknown modifier .s33 of add (did you mean s32?)",
		`f.ptx:8:14: expected ";", found "%r2"`,
		`f.ptx:9:27: expected "}", found ";"`,
		`f.ptx:11:2: expected "]", found "@"`,
		`f.ptx:11:24: unreadable number "0x" (integers are 64 bits: 10, 0x1F, 017, 0b101)`,
		"f.ptx:12:20: statement lacks ; (it ends before line 13)",
		`f.ptx:14:2: unknown instruction "frob"`,
		`f.ptx:16:1: unknown directive ".globl" (did you mean .global?)`,
	}
	list, _ := err.(ErrorList)
	for i := 0; i < len(want) || i < len(list); i++ {
		got := "nothing"
		if i < len(list) {
			got = list[i].Error()
		}
		if i >= len(want) || got != want[i] {
			t.Errorf("fault %d:\n\t%s", i, got)
		}
	}
	if m.Func("b") == nil || m.Func("a") == nil {
		t.Error("functions around the faults are lost")
	}
}
