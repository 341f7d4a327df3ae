package sm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tensoros/hw/ptx"
)

// Forms of random programs: D and A are 32-bit registers, X and Y 64-bit ones, P and Q predicates;
// every letter is drawn anew. G is an address in global memory, S one in shared memory.
var forms = strings.Split(strings.TrimSpace(`
add.s32 D, A, A;
add.u32 D, A, 77;
sub.s32 D, A, A;
mul.lo.s32 D, A, A;
mul.lo.u32 D, A, 12;
mul.hi.u32 D, A, A;
mad.lo.s32 D, A, A, A;
mad.hi.s32 D, A, A, A;
and.b32 D, A, A;
or.b32 D, A, A;
xor.b32 D, A, A;
not.b32 D, A;
neg.s32 D, A;
abs.s32 D, A;
shl.b32 D, A, A;
shl.b32 D, A, 4;
shr.u32 D, A, A;
shr.s32 D, A, A;
min.s32 D, A, A;
max.s32 D, A, A;
min.u32 D, A, A;
max.u32 D, A, A;
add.sat.s32 D, A, A;
add.cc.u32 D, A, A;
addc.u32 D, A, A;
add.f32 D, A, A;
add.ftz.f32 D, A, A;
add.rz.f32 D, A, A;
add.sat.f32 D, A, A;
sub.rn.f32 D, A, A;
sub.ftz.f32 D, A, A;
mul.f32 D, A, A;
mul.rn.ftz.f32 D, A, A;
mul.f32 D, A, 0f3f000000;
fma.rn.f32 D, A, A, A;
fma.rn.ftz.f32 D, A, A, A;
fma.rm.f32 D, A, A, A;
fma.rn.sat.f32 D, A, A, A;
min.f32 D, A, A;
max.f32 D, A, A;
min.ftz.f32 D, A, A;
max.NaN.f32 D, A, A;
neg.f32 D, A;
neg.ftz.f32 D, A;
abs.f32 D, A;
add.f16x2 D, A, A;
mul.wide.s32 X, A, A;
mul.wide.u32 X, A, 4;
mad.wide.s32 X, A, A, Y;
mad.wide.u32 X, A, A, Y;
add.s64 X, Y, Y;
sub.s64 X, Y, Y;
mul.lo.s64 X, Y, Y;
mul.hi.u64 X, Y, Y;
mad.lo.u64 X, Y, Y, Y;
and.b64 X, Y, Y;
or.b64 X, Y, Y;
xor.b64 X, Y, Y;
shl.b64 X, Y, A;
shr.u64 X, Y, A;
shr.s64 X, Y, 3;
cvta.to.global.u64 X, Y;
cvta.shared.u64 X, Y;
cvt.s64.s32 X, A;
cvt.u64.u32 X, A;
cvt.s64.u32 X, A;
cvt.u64.s32 X, A;
cvt.u32.u64 D, Y;
cvt.s32.s64 D, Y;
cvt.rn.f32.s32 D, A;
cvt.rz.f32.s32 D, A;
cvt.rn.f32.u32 D, A;
cvt.rzi.s32.f32 D, A;
cvt.sat.s32.u32 D, A;
selp.b32 D, A, A, P;
selp.f32 D, A, 0f40000000, P;
selp.b64 X, Y, Y, P;
mov.u32 D, A;
mov.b64 X, Y;
mov.u32 D, %tid.x;
mov.u32 D, %tid.y;
mov.u32 D, %ctaid.x;
mov.u32 D, %ntid.y;
mov.u32 D, %laneid;
setp.eq.s32 P, A, A;
setp.ne.b32 P, A, A;
setp.lt.s32 P, A, A;
setp.le.s32 P, A, A;
setp.gt.s32 P, A, 5;
setp.ge.s32 P, A, A;
setp.lt.u32 P, A, A;
setp.ls.u32 P, A, A;
setp.hi.u32 P, A, A;
setp.ge.u32 P, A, A;
setp.lt.and.s32 P, A, A, Q;
setp.ge.or.u32 P, A, A, !Q;
setp.eq.xor.s32 P|Q, A, A, Q;
setp.lt.s64 P, Y, Y;
setp.ge.u64 P, Y, Y;
setp.eq.b64 P, Y, Y;
setp.gt.u64 P|Q, Y, Y;
setp.eq.f32 P, A, A;
setp.ne.f32 P, A, A;
setp.lt.f32 P, A, A;
setp.le.f32 P, A, A;
setp.gt.f32 P, A, A;
setp.ge.f32 P, A, A;
setp.equ.f32 P, A, A;
setp.neu.f32 P, A, A;
setp.ltu.f32 P, A, A;
setp.leu.f32 P, A, A;
setp.gtu.f32 P, A, A;
setp.geu.f32 P, A, A;
setp.num.f32 P, A, A;
setp.nan.f32 P, A, A;
setp.lt.ftz.f32 P, A, A;
setp.gt.and.f32 P, A, 0f3f800000, Q;
ld.param.u64 X, [in];
ld.param.u32 D, [n];
ld.global.u32 D, [G];
ld.global.f32 D, [G+4];
ld.u32 D, [G];
ld.global.u64 X, [G];
ld.global.v2.u32 {D, D}, [G];
ld.global.v4.f32 {D, D, D, D}, [G];
ld.global.v2.u64 {X, X}, [G];
ld.global.u8 D, [G];
ld.global.v2.f32 {D, _}, [G];
ld.shared.u32 D, [S];
ld.shared.v4.u32 {D, D, D, D}, [S];
ld.shared.u64 X, [S];
st.global.u32 [G], A;
st.global.v4.u32 [G], {A, A, A, A};
st.global.u64 [G], Y;
st.global.u32 [G], 5;
st.u32 [G], A;
st.shared.u32 [S], A;
st.shared.v2.f32 [S+8], {A, A};
st.shared.v2.u64 [S], {Y, Y};
st.shared.u16 [S], A;
ld.global.u32 D, [G+BAD];
st.shared.u32 [S+BAD], A;
`), "\n")

const heap = 3 << 16 // bytes of global memory: three pages

// randomProgram is a body of n forms. Addresses are made from registers: within the memory, aligned
// for any access; now and then at the end of it or not aligned.
func randomProgram(r *rand.Rand, n int) string {
	var b strings.Builder
	reg := func(kind string, k int) string { return fmt.Sprintf("%%%s%d", kind, r.IntN(k)) }
	for range n {
		f := forms[r.IntN(len(forms))]
		bad := "0"
		if strings.Contains(f, "BAD") {
			if r.IntN(20) > 0 {
				continue
			}
			bad = []string{"1", "2", "-65536", "400000", "2048"}[r.IntN(5)]
		}
		pattern := []string{"mov.u32 %r31, %laneid; shl.b32 %r31, %r31, 2;",
			"mov.u32 %r31, %laneid; shl.b32 %r31, %r31, 4;", "mov.u32 %r31, 64;",
			"and.b32 %r31, " + reg("r", 16) + ", 496;"}[r.IntN(4)]
		if strings.Contains(f, "v4") || strings.Contains(f, "64") {
			pattern += " and.b32 %r31, %r31, 496;"
		}
		switch {
		case strings.Contains(f, "G"):
			at := []int{0, 1 << 16, 1<<16 - 256, heap - 1024}[r.IntN(4)]
			fmt.Fprintf(&b, "%s cvt.u64.u32 %%x31, %%r31; add.s64 %%x31, %%x31, %%x30;\n"+
				"add.s64 %%x31, %%x31, %d;\n", pattern, at)
		case strings.Contains(f, "S"):
			fmt.Fprintf(&b, "%s add.u32 %%r31, %%r31, room;\n", pattern)
		}
		var out strings.Builder
		for _, c := range strings.ReplaceAll(f, "BAD", bad) {
			switch c {
			case 'D', 'A':
				out.WriteString(reg("r", 16))
			case 'X', 'Y':
				out.WriteString(reg("x", 8))
			case 'P', 'Q':
				out.WriteString(reg("p", 6))
			case 'G':
				out.WriteString("%x31")
			case 'S':
				out.WriteString("%r31")
			default:
				out.WriteRune(c)
			}
		}
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "@%s ", reg("p", 6))
		case 1:
			fmt.Fprintf(&b, "@!%s ", reg("p", 6))
		}
		b.WriteString(out.String() + "\n")
	}
	return b.String()
}

// state is what a run leaves.
type state struct {
	r, x         any
	pred         []uint32
	mem, shared  []byte
	err          string
	instructions uint64
}

// runFrom executes a program in one warp from random registers.
func runFrom(t *testing.T, src string, slow bool, seed uint64) state {
	t.Helper()
	m, err := ptx.Parse("random.ptx", []byte(src))
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	load := Load
	if slow {
		load = loadSlow
	}
	p, err := load(m, "", 90)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	mem := newFlat(heap)
	for i := range mem.data {
		mem.data[i] = byte(r.Uint32())
	}
	l := &Launch{Prog: p, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{8, 4, 1}, Mem: mem,
		Params: params(mem.base, mem.base, uint32(77))}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	c := newCTA(l, l.Prog)
	c.place(0, 0)
	for i := range c.shared {
		c.shared[i] = byte(r.Uint32())
	}
	w := c.warps[0]
	for i := range p.rows32 {
		for k := range w.r[i] {
			w.r[i][k] = r.Uint32() >> (8 * r.IntN(4))
			if r.IntN(3) == 0 {
				w.r[i][k] = 0x3f800000 + r.Uint32()>>(8+r.IntN(20))
			}
		}
	}
	for i := range p.rows64 {
		for k := range w.x[i] {
			w.x[i][k] = r.Uint64() >> (16 * r.IntN(4))
		}
	}
	for i := range w.pred {
		w.pred[i] = r.Uint32() | uint32(r.IntN(2))*^uint32(0)
	}
	s := state{}
	if err := c.cluster.run(); err != nil {
		s.err = err.Error()
	}
	s.r, s.x = fmt.Sprint(w.r[:p.rows32]), fmt.Sprint(w.x[:p.rows64])
	s.pred, s.mem, s.shared, s.instructions = w.pred, mem.data, c.shared, c.issued
	return s
}

// TestFastIsSlow runs random programs through both forms of every instruction: registers,
// predicates, memory and faults must be the same.
func TestFastIsSlow(t *testing.T) {
	faults := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 0))
		src := header + `.visible .entry k(.param .u64 in, .param .u64 out, .param .u32 n)
{
	.reg .b32 %r<32>; .reg .b64 %x<32>; .reg .pred %p<8>;
	.shared .align 16 .b8 room[2048];
	ld.param.u64 %x30, [in];
` + randomProgram(r, 60) + "ret;\n}"
		fast, slow := runFrom(t, src, false, seed), runFrom(t, src, true, seed)
		if fast.err != "" {
			faults++
		}
		switch {
		case fast.err != slow.err:
			t.Fatalf("seed %d: fast %q, slow %q\n%s", seed, fast.err, slow.err, src)
		case fast.r != slow.r || fast.x != slow.x || fmt.Sprint(fast.pred) != fmt.Sprint(slow.pred):
			t.Fatalf("seed %d: registers differ\n%s", seed, src)
		case !bytes.Equal(fast.mem, slow.mem) || !bytes.Equal(fast.shared, slow.shared):
			t.Fatalf("seed %d: memory differs\n%s", seed, src)
		case fast.instructions != slow.instructions:
			t.Fatalf("seed %d: %d instructions, %d", seed, fast.instructions, slow.instructions)
		}
	}
	if faults == 0 || faults == 400 {
		t.Errorf("%d of 400 programs fault", faults)
	}
	t.Logf("%d of 400 programs fault", faults)
}

// TestEveryFormIsFast: the forms of random programs that are meant to have a second form do.
func TestEveryFormIsFast(t *testing.T) {
	for form, want := range map[string]bool{"add.s32 %r1, %r2, %r3;": true,
		"fma.rn.ftz.f32 %r1, %r2, %r3, %r4;": true, "setp.lt.and.s32 %p1, %r1, %r2, %p2;": true,
		"ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [%r5];": true, "st.global.u64 [%x1], %x2;": true,
		"ld.param.u64 %x1, [in];": true, "mov.u32 %r1, %tid.y;": true,
		"add.rz.f32 %r1, %r2, %r3;": false, "ld.global.u8 %r1, [%x1];": false} {
		m, err := ptx.Parse("form.ptx", []byte(header+".visible .entry k(.param .u64 in) {\n"+
			".reg .b32 %r<8>; .reg .b64 %x<8>; .reg .pred %p<8>;\n"+form+"\nret;\n}"))
		if err != nil {
			t.Fatal(err)
		}
		d := &decoder{mod: m, sm: 90, target: plainTarget(90), base: ModuleWindow, p: &Program{}}
		d.program(m.Funcs[0])
		insts, _ := d.f.Code()
		d.in, d.out = insts[0], inst{}
		if got := d.rows(nil) != nil; got != want {
			t.Errorf("%s: fast %t, want %t", form, got, want)
		}
	}
}
