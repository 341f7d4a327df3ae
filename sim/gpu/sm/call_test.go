package sm

import (
	"strings"
	"testing"
)

const functions = `.func (.param .b32 out) triple(.param .b32 a)
{
	.reg .b32 %r<4>;
	ld.param.u32 %r1, [a]; mul.lo.u32 %r2, %r1, 3; st.param.b32 [out], %r2; ret;
}
.func (.reg .u32 r) inc(.reg .u32 a) { add.u32 r, a, 1; ret; }
.func (.param .b32 out) fib(.param .b32 n)
{
	.reg .b32 %r<8>; .reg .pred %p<2>; .local .align 4 .b8 keep[4];
	ld.param.u32 %r1, [n]; st.local.u32 [keep], %r1;
	setp.lt.u32 %p1, %r1, 2; @%p1 bra leaf;
	sub.u32 %r2, %r1, 1;
	{ .param .b32 p; .param .b32 q; st.param.b32 [p], %r2;
	call.uni (q), fib, (p); ld.param.b32 %r3, [q]; }
	ld.local.u32 %r4, [keep]; sub.u32 %r4, %r4, 2;
	{ .param .b32 p; .param .b32 q; st.param.b32 [p], %r4;
	call.uni (q), fib, (p); ld.param.b32 %r5, [q]; }
	add.u32 %r1, %r3, %r5;
leaf:	st.param.b32 [out], %r1; ret;
}
`

func withFunctions(body string) string {
	return strings.Replace(kernel("", "ld.global.u32 %r5, [%rd1];\n"+body+
		"\nst.global.u32 [%rd2], %r6;"), header, header+functions, 1)
}

func TestCalls(t *testing.T) {
	fib := []uint32{0, 1, 1, 2, 3, 5, 8, 13}
	for _, c := range []struct {
		name, body string
		want       func(x uint32) uint32
	}{
		{"parameter space", "{ .param .b32 a; .param .b32 b; st.param.b32 [a], %r5;" +
			"call.uni (b), triple, (a); ld.param.b32 %r6, [b]; }",
			func(x uint32) uint32 { return 3 * x }},
		{"registers", "call (%r6), inc, (%r5); call (%r6), inc, (%r6);",
			func(x uint32) uint32 { return x + 2 }},
		{"divergent recursion meets again", "{ .param .b32 a; .param .b32 b; st.param.b32 [a], %r5;" +
			"call.uni (b), fib, (a); ld.param.b32 %r6, [b]; }" +
			"activemask.b32 %r7; popc.b32 %r7, %r7; mad.lo.u32 %r6, %r7, 100, %r6;",
			func(x uint32) uint32 { return 3200 + fib[x] }},
		{"predicated", "mov.u32 %r6, %r5; setp.lt.u32 %p1, %r5, 4; @%p1 call (%r6), inc, (%r5);",
			func(x uint32) uint32 {
				if x < 4 {
					return x + 1
				}
				return x
			}},
		{"indirect", "mov.u64 %rd4, inc; call (%r6), %rd4, (%r5), proto;\n" +
			"proto: .callprototype (.reg .u32 _) _ (.reg .u32 _);",
			func(x uint32) uint32 { return x + 1 }},
		{"branch table", "and.b32 %r7, %r5, 1; ts: .branchtargets even, odd; brx.idx %r7, ts;" +
			"even: mov.u32 %r6, 50; bra join; odd: mov.u32 %r6, 60; join: add.u32 %r6, %r6, %r5;",
			func(x uint32) uint32 { return 50 + x&1*10 + x }},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := func(i int) uint32 { return uint32(i*5) % 8 }
			for i, got := range run(t, withFunctions(c.body), 64, in) {
				if want := c.want(in(i)); got != want {
					t.Fatalf("thread %d: %d, want %d", i, got, want)
				}
			}
		})
	}
}

func TestEndlessRecursionIsAFault(t *testing.T) {
	src := strings.Replace(withFunctions("call again; mov.u32 %r6, 0;"), header,
		header+".func again() { call again; ret; }\n", 1)
	mem := newFlat(4096)
	l := &Launch{Prog: load(t, src, "k"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{32, 1, 1},
		Mem: mem, Params: params(mem.base, mem.base, uint32(0))}
	if _, err := l.Run(); err == nil || !strings.Contains(err.Error(), "call stack overflow") {
		t.Fatalf("error %v", err)
	}
}
