package wir

import (
	"strings"
	"testing"
)

const sample = `warp @sample {
  target sm_90a 8.4
  threads 128 1
  shared 1024 1024
  file "a.nl"
  param p: .u64
} {
  %d0 = ld.param.b64 [p]
  // a comment
  %r0 = mov.u32 %tid.x @3:4
  %p0 = setp.lt.s32 %r0, 7
  %r1 = mov.b32 0
  if %p0 {
    %r1 = mov.b32 1
  } else {
    {%r2, %r3} = ld.global.v2.b32 [%d0+8]
    %r1 = add.s32 %r2, %r3
  }
  loop {
    %r1 = add.s32 %r1, -3
    %p1 = setp.gt.s32 %r1, 0
  } while %p1
  @!%p0 st.global.b32 [%d0], %r1
  %r4 = mul.rn.f32 %r1, 0f3F800000
  st.global.b32 [%d0+-4], %r4
}
`

func TestTextRoundTrips(t *testing.T) {
	f, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.String(); got != sample {
		t.Errorf("%s", got)
	}
	p := f.PTX()
	for _, want := range []string{"@%p1 bra L3;", "@!%p0 bra L1;", "\tbra L2;\nL1:", ".loc 1 3 4",
		"ld.global.v2.b32 {%r2, %r3}, [%d0+8];", ".reg .b64 %d<1>;"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %q in\n%s", want, p)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	head := "warp @x {\n  target sm_90a 8.4\n  threads 128 0\n  shared 0 16\n} {\n"
	for _, c := range []struct{ body, want string }{
		{"%r1 = add.s32 %r0, 1", "before it is set"},
		{"%p0 = setp.eq.s32 0, 0\nif %p0 {\n%r0 = mov.b32 1\n}\nst.shared.b32 [0], %r0",
			"before it is set"},
		{"%r0 = mov.b32 1\n@%r0 bar.sync 0", "guard"},
		{"bar.sync 16", "barriers"},
		{"setmaxnreg.inc.sync.aligned.u32 250", "250 registers"},
		{"%r0 = mov.u32 smem\ncp.async.cg.shared.global [%r0], [%r0], 16\ncp.async.wait_group 0",
			"without a commit"},
		{"%d0 = mov.b64 0\n{%r0} = wgmma.mma_async %d0, %d0, 1\nwgmma.commit_group\n" +
			"%r1 = add.s32 %r0, 1", "under way"},
		{"%d0 = mov.b64 0\nloop {\n%r0 = mov.b32 0\n{%r0} = wgmma.mma_async %d0, %d0, 1\n" +
			"wgmma.commit_group\n%p0 = setp.eq.s32 0, 0\n} while %p0", "under way"},
		{"%r0 = mov.b32", "%r0 = mov.b32"},
	} {
		_, err := Parse(head + c.body + "\n}\n")
		if c.want[0] != '%' && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.body, err)
		}
	}
}

func TestBuilderFolds(t *testing.T) {
	b := New(&Func{Name: "x", Threads: 32})
	x := b.Op(R, "mov.u32", Symbol("%tid.x"))
	same := func(what string, a, c Arg) {
		t.Helper()
		if a.Kind != c.Kind || a.Reg != c.Reg || a.Off != c.Off {
			t.Errorf("%s: %+v and %+v", what, a, c)
		}
	}
	same("constants", b.Add(Int(3), b.Mul(Int(4), Int(5))), Int(23))
	same("sums", b.Add(b.Add(x, Int(3)), Int(-3)), x)
	same("once", b.Shl(x, 3), b.Mul(x, Int(8)))
	v := b.Var(R)
	b.Set(v, x)
	old := b.Add(v, Int(1))
	b.Set(v, Int(7))
	if now := b.Add(v, Int(1)); now.Reg == old.Reg {
		t.Error("a variable's old value is taken for its new one")
	}
	h := b.Ops(H, 2, "mov.b32", x)
	if w, ok := b.Whole(h[0], h[1]); !ok || w.Reg != x.Reg {
		t.Error("halves do not find their whole")
	}
}

func TestCleanRemovesChains(t *testing.T) {
	f := &Func{Name: "x", Threads: 32}
	b := New(f)
	x := b.Op(R, "mov.u32", Symbol("%tid.x"))
	b.Op(R, "add.s32", b.Op(R, "mul.lo.s32", x, x), x)
	b.Do("st.shared.b32", At(Symbol("smem"), 0), x)
	Clean(f)
	if len(f.Body) != 2 || len(f.Class) != 1 {
		t.Errorf("%s", f)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Parse(text)
		if err != nil {
			return
		}
		y, err := Parse(x.String())
		if err != nil || y.String() != x.String() {
			t.Errorf("no round trip: %v\n%s", err, x)
		}
		x.PTX()
	})
}
