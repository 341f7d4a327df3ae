package program

import (
	"fmt"
	"strings"

	"tensoros/neurolang/source"
)

// Instr is one operation of host code: opcode in bits 0..7, A in 8..15, B in 16..23, C in 24..31;
// Bx is B and C together, unsigned, or signed as SBx.
type Instr uint32

// Op returns the opcode.
func (i Instr) Op() Op { return Op(i) }

// A returns the first operand, mostly the destination register.
func (i Instr) A() int { return int(i >> 8 & 0xff) }

// B returns the second operand.
func (i Instr) B() int { return int(i >> 16 & 0xff) }

// C returns the third operand.
func (i Instr) C() int { return int(i >> 24) }

// Bx returns the wide operand.
func (i Instr) Bx() int { return int(i >> 16) }

// SBx returns the wide operand, signed.
func (i Instr) SBx() int { return int(int16(i >> 16)) }

// ABC makes an instruction of three operands.
func ABC(op Op, a, b, c int) Instr {
	return Instr(op) | Instr(uint8(a))<<8 | Instr(uint8(b))<<16 | Instr(uint8(c))<<24
}

// ABx makes an instruction of a register and a wide operand, signed or not.
func ABx(op Op, a, bx int) Instr { return Instr(op) | Instr(uint8(a))<<8 | Instr(uint16(bx))<<16 }

// Limits of the encoding.
const (
	MaxRegs  = 250
	MaxWide  = 1<<16 - 1
	MaxJump  = 1<<15 - 1
	MinShort = -1 << 15
	MaxShort = 1<<15 - 1
)

// Op is an opcode. R[x] is register x, K constants, G globals.
type Op uint8

// Opcodes, each with its meaning in the table below.
const (
	Nop Op = iota
	LoadK
	LoadI
	LoadB
	LoadU
	Move
	GetG
	SetG
	AddI
	SubI
	MulI
	DivI
	RemI
	NegI
	AddF
	SubF
	MulF
	DivF
	NegF
	Cat
	Not
	EqI
	LtI
	LeI
	EqF
	LtF
	LeF
	EqS
	LtS
	LeS
	EqX
	Jmp
	JT
	JF
	Call
	Builtin
	Launch
	Ret
	MakeArray
	MakeRange
	RangeLo
	RangeHi
	Index
	Slice
	TIndex
	Len
	numOps
)

// form is the operands an opcode has.
type form uint8

const (
	formNone form = iota
	formA
	formAB
	formABC
	formABN // C is a count
	formABx
	formASBx
	formSBx
)

var ops = [numOps]struct {
	name string
	form form
	what string
}{
	Nop:       {"nop", formNone, "nothing"},
	LoadK:     {"loadk", formABx, "R[A] = K[Bx]"},
	LoadI:     {"loadi", formASBx, "R[A] = int SBx"},
	LoadB:     {"loadb", formAB, "R[A] = bool B"},
	LoadU:     {"loadu", formA, "R[A] = absent"},
	Move:      {"move", formAB, "R[A] = R[B]"},
	GetG:      {"getg", formABx, "R[A] = G[Bx]"},
	SetG:      {"setg", formABx, "G[Bx] = R[A]"},
	AddI:      {"add.i", formABC, "R[A] = R[B] + R[C], overflow is an error"},
	SubI:      {"sub.i", formABC, "R[A] = R[B] - R[C], overflow is an error"},
	MulI:      {"mul.i", formABC, "R[A] = R[B] * R[C], overflow is an error"},
	DivI:      {"div.i", formABC, "R[A] = R[B] / R[C] toward zero"},
	RemI:      {"rem.i", formABC, "R[A] = R[B] % R[C], sign of R[B]"},
	NegI:      {"neg.i", formAB, "R[A] = -R[B], overflow is an error"},
	AddF:      {"add.f", formABC, "R[A] = R[B] + R[C]"},
	SubF:      {"sub.f", formABC, "R[A] = R[B] - R[C]"},
	MulF:      {"mul.f", formABC, "R[A] = R[B] * R[C]"},
	DivF:      {"div.f", formABC, "R[A] = R[B] / R[C]"},
	NegF:      {"neg.f", formAB, "R[A] = -R[B]"},
	Cat:       {"cat", formABC, "R[A] = R[B] then R[C]"},
	Not:       {"not", formAB, "R[A] = !R[B]"},
	EqI:       {"eq.i", formABC, "R[A] = R[B] == R[C]"},
	LtI:       {"lt.i", formABC, "R[A] = R[B] < R[C]"},
	LeI:       {"le.i", formABC, "R[A] = R[B] <= R[C]"},
	EqF:       {"eq.f", formABC, "R[A] = R[B] == R[C]"},
	LtF:       {"lt.f", formABC, "R[A] = R[B] < R[C]"},
	LeF:       {"le.f", formABC, "R[A] = R[B] <= R[C]"},
	EqS:       {"eq.s", formABC, "R[A] = R[B] == R[C]"},
	LtS:       {"lt.s", formABC, "R[A] = R[B] < R[C], by bytes"},
	LeS:       {"le.s", formABC, "R[A] = R[B] <= R[C], by bytes"},
	EqX:       {"eq.x", formABC, "R[A] = R[B] is R[C]"},
	Jmp:       {"jmp", formSBx, "skip SBx instructions"},
	JT:        {"jt", formASBx, "if R[A] skip SBx instructions"},
	JF:        {"jf", formASBx, "if !R[A] skip SBx instructions"},
	Call:      {"call", formABx, "R[A] = Funcs[Bx](R[A], R[A+1], ...)"},
	Builtin:   {"builtin", formABx, "R[A] = Sites[Bx](R[A], R[A+1], ...)"},
	Launch:    {"launch", formABx, "R[A] = Kernels[Bx](R[A], R[A+1], ...)"},
	Ret:       {"ret", formA, "return R[A]"},
	MakeArray: {"array", formABN, "R[A] = [R[B], ... C of them]"},
	MakeRange: {"range", formABC, "R[A] = R[B]..R[C]"},
	RangeLo:   {"lo", formAB, "R[A] = start of R[B]"},
	RangeHi:   {"hi", formAB, "R[A] = end of R[B]"},
	Index:     {"index", formABC, "R[A] = array R[B] [ int R[C] ]"},
	Slice:     {"slice", formABC, "R[A] = array R[B] [ range R[C] ]"},
	TIndex:    {"tindex", formABN, "R[A] = tensor R[B] [ R[B+1], ... C of them ]"},
	Len:       {"len", formAB, "R[A] = length of the array R[B]"},
}

// String returns the mnemonic.
func (o Op) String() string {
	if o < numOps {
		return ops[o].name
	}
	return fmt.Sprintf("op%d", uint8(o))
}

// Describe returns what the opcode does.
func (o Op) Describe() string {
	if o < numOps {
		return ops[o].what
	}
	return "unknown"
}

// Func is a function of host code.
type Func struct {
	Name   string
	Params int   // in R[0] ...
	Regs   int   // registers a frame has
	Consts []any // int64, float64, string, tile.Elem, tile.Layout
	Code   []Instr
	Pos    []source.Pos // of each instruction
}

// Site is a builtin as called: its name and how many registers it is given.
type Site struct {
	Name string
	Args int
}

// Disassemble returns the text of a function, one instruction a line with its source line.
func (p *Program) Disassemble(f *Func) string {
	var b strings.Builder
	fmt.Fprintf(&b, "fn %s: %d parameters, %d registers\n", f.Name, f.Params, f.Regs)
	for i, in := range f.Code {
		line := 0
		if i < len(f.Pos) {
			line = p.Sources.Position(f.Pos[i]).Line
		}
		fmt.Fprintf(&b, "%4d  line %-4d %s\n", i, line, p.instr(f, i, in))
	}
	return b.String()
}

func (p *Program) instr(f *Func, at int, in Instr) string {
	op := in.Op()
	if op >= numOps {
		return op.String()
	}
	switch ops[op].form {
	case formA:
		return fmt.Sprintf("%-8s r%d", op, in.A())
	case formAB:
		return fmt.Sprintf("%-8s r%d, r%d", op, in.A(), in.B())
	case formABC:
		return fmt.Sprintf("%-8s r%d, r%d, r%d", op, in.A(), in.B(), in.C())
	case formABN:
		return fmt.Sprintf("%-8s r%d, r%d, %d", op, in.A(), in.B(), in.C())
	case formABx:
		return fmt.Sprintf("%-8s r%d, %s", op, in.A(), p.wide(f, op, in.Bx()))
	case formASBx:
		if op == LoadI {
			return fmt.Sprintf("%-8s r%d, %d", op, in.A(), in.SBx())
		}
		return fmt.Sprintf("%-8s r%d, ->%d", op, in.A(), at+1+in.SBx())
	case formSBx:
		return fmt.Sprintf("%-8s ->%d", op, at+1+in.SBx())
	}
	return op.String()
}

// wide names what a wide operand refers to.
func (p *Program) wide(f *Func, op Op, x int) string {
	switch {
	case op == LoadK && x < len(f.Consts):
		return fmt.Sprintf("%#v", f.Consts[x])
	case op == Call && x < len(p.Funcs):
		return p.Funcs[x].Name
	case op == Launch && x < len(p.Kernels):
		return "@" + p.Kernels[x].Name
	case op == Builtin && x < len(p.Sites):
		return fmt.Sprintf("%s/%d", p.Sites[x].Name, p.Sites[x].Args)
	case (op == GetG || op == SetG) && x < len(p.Globals):
		return p.Globals[x]
	}
	return fmt.Sprint(x)
}
