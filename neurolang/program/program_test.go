package program

import "testing"

func TestInstrFields(t *testing.T) {
	for _, v := range []int{-32768, -1, 0, 1, 32767} {
		in := ABx(Jmp, 255, v)
		if in.Op() != Jmp || in.A() != 255 || in.SBx() != v || in.Bx() != v&0xffff {
			t.Errorf("%d: %v %d %d", v, in.Op(), in.A(), in.SBx())
		}
	}
	in := ABC(TIndex, 1, 250, 255)
	if in.Op() != TIndex || in.A() != 1 || in.B() != 250 || in.C() != 255 {
		t.Errorf("%08x", uint32(in))
	}
}

func TestEveryOpcodeIsDescribed(t *testing.T) {
	for op := Op(0); op < numOps; op++ {
		if op.String() == "" || op.Describe() == "" {
			t.Errorf("opcode %d has no row", op)
		}
	}
}
