package program

import (
	"strings"
	"testing"

	"tensoros/neurolang/source"
)

func TestInstrFields(t *testing.T) {
	for _, v := range []int{-32768, -1, 0, 1, 32767} {
		in := ABx(Jmp, 255, v)
		if in.Op() != Jmp || in.A() != 255 || in.SBx() != v || in.Bx() != v&0xffff {
			t.Errorf("%d: %v %d %d", v, in.Op(), in.A(), in.SBx())
		}
	}
	in := ABC(TIndex, 1, 250, 255)
	if in.Op() != TIndex || in.A() != 1 || in.B() != 250 || in.C() != 255 || in.SC() != -1 {
		t.Errorf("%08x", uint32(in))
	}
}

func TestEveryOpcodeIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for op := Op(0); op < numOps; op++ {
		if op.String() == "" || op.Describe() == "" || seen[op.String()] {
			t.Errorf("opcode %d has no row of its own", op)
		}
		seen[op.String()] = true
	}
}

// around is a function of one register around code.
func around(code ...Instr) *Program {
	f := &Func{Name: "f", Regs: 4, Consts: []any{int64(1)}, Code: code,
		Pos: make([]source.Pos, len(code))}
	return &Program{Name: "t", Main: 0, Funcs: []*Func{f}, Sites: []Site{{"print", 3}},
		Shapes: []Shape{{"P", "", 0, []string{"x", "y"}}}, Sources: &source.Set{}}
}

func TestVerify(t *testing.T) {
	ret := ABC(Ret, 0, 0, 0)
	for _, c := range []struct {
		want string
		code []Instr
	}{
		{"", []Instr{ret}},
		{"", []Instr{ABx(Builtin, 1, 0), ABx(Make, 2, 0), ABC(Tuple, 0, 1, 3), ret}},
		{"no code", nil},
		{"runs off", []Instr{ABC(Nop, 0, 0, 0)}},
		{"unknown opcode", []Instr{ABC(numOps, 0, 0, 0), ret}},
		{"register r4", []Instr{ABC(Move, 0, 4, 0), ret}},
		{"register r5", []Instr{ABC(Tuple, 0, 3, 3), ret}},
		{"register r4", []Instr{ABx(Builtin, 2, 0), ret}},
		{"register r4", []Instr{ABx(Make, 3, 0), ret}},
		{"register r4", []Instr{ABx(Loop, 2, -1), ret}},
		{"constant 1 of 1", []Instr{ABx(LoadK, 0, 1), ret}},
		{"site 1 of 1", []Instr{ABx(Builtin, 0, 1), ret}},
		{"global 0 of 0", []Instr{ABx(GetG, 0, 0), ret}},
		{"jump to 3", []Instr{ABx(Jmp, 0, 2), ret}},
		{"jump to -1", []Instr{ABx(Jmp, 0, -2), ret}},
	} {
		err := around(c.code...).Verify()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.code, err, c.want)
		}
	}
}

const text = `program "t.nl" target 90 main 1
test 1
global "x"
kernel "gemm" params 2 outs 1
site "print" args 1
shape "Option<int>" "Some" tag 0 ""
shape "Point" "" tag 0 "x" "y"

fn "f, g" params 1 captured 1 regs 3 graph
    0  add.n    r1, r0, -3
    1  ret      r1

fn "main" params 0 captured 0 regs 4
    0  loadk    r0, "a, \"b\" ; c"
    1  loadk    r1, float -0x1.8p+01
    2  loadk    r1, elem f16
    3  loadk    r1, layout ColMajor
    4  loadi    r0, -5
    5  loadb    r2, 1
    6  jf       r2, ->9
    7  closure  r0, #0 f, g
    8  launch   r0, #0 @gemm
    9  prep     r0, ->11
   10  loop     r0, ->10
   11  make     r0, #1 Point
   12  field    r3, r0, 1
   13  builtin  r3, #0 print/1
   14  setg     r3, #0 x
   15  tuple    r3, r0, 3
   16  jmp      ->0
`

func TestTextRoundTrips(t *testing.T) {
	p, err := Assemble(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.String(); got != text {
		t.Errorf("it became\n%s", got)
	}
	if p.Func("f, g") != 0 || p.Func("h") != -1 || p.Kernel("gemm") == nil || p.Kernel("x") != nil {
		t.Error("names are not found")
	}
	for _, bad := range []string{"fn f", "nop", "program x", "shape",
		`fn "f" params 0 captured 0 regs 1`,
		"kernel \"k\" params 999 outs 0", "test 0", text + "   17  nop r1", text + "   18  nop",
		text + "   17  loadk    r0, int x", text + "   17  move     r300, r1",
		text + "   17  jmp      ->99999", text + "   17  nop"} {
		if _, err := Assemble(bad); err == nil {
			t.Errorf("%q is assembled", bad[max(0, len(bad)-30):])
		}
	}
}

func FuzzAssemble(f *testing.F) {
	f.Add(text)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Assemble(text)
		if err != nil {
			return
		}
		q, err := Assemble(p.String())
		if err != nil || q.String() != p.String() {
			t.Errorf("%v: %q", err, p.String())
		}
	})
}
