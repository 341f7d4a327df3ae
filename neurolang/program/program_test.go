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
