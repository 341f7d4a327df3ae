package program

import "fmt"

// Op is an opcode. R[x] is register x, K the constants of the function, G the globals.
type Op uint8

// Opcodes, each with its meaning in the table below.
const (
	Nop Op = iota
	LoadK
	LoadI
	LoadB
	LoadU
	Move
	Take
	Copy
	Drop
	Borrow
	GetG
	SetG
	TakeG
	DropG
	AddI
	SubI
	MulI
	DivI
	RemI
	AddN
	NegI
	AndI
	OrI
	XorI
	ShlI
	ShrI
	AddF
	SubF
	MulF
	DivF
	RemF
	NegF
	IntF
	FltI
	Cat
	Not
	EqI
	NeI
	LtI
	LeI
	EqF
	NeF
	LtF
	LeF
	LtS
	LeS
	EqX
	NeX
	Jmp
	JT
	JF
	Prep
	Loop
	Call
	CallV
	Closure
	Builtin
	Launch
	LaunchTo
	Ret
	Trap
	Tuple
	Array
	Fill
	Make
	Range
	Lo
	Hi
	Field
	TakeF
	SetF
	Tag
	Index
	TakeI
	SetI
	Slice
	Len
	Box
	RefF
	RefI
	RefG
	Deref
	TakeD
	SetD
	TIndex
	TView
	TSlice
	Dim
	Same
	numOps
)

// role is what an operand is.
type role uint8

const (
	none   role = iota
	set         // a register that is written
	get         // a register that is read
	both        // a register that is written and read
	first       // B is the first of C registers that are read
	count       // C of first
	imm         // a number: signed in C, a bool in B
	field       // the number of a field
	konst       // wide: a constant
	global      // wide: a global
	fn          // wide: a function; its arguments begin in A
	site        // wide: a site; its arguments begin in A
	launch      // wide: a kernel; its arguments begin in A
	into        // wide: a kernel; arguments and results begin in A
	shape       // wide: a shape; its fields begin in A
	number      // wide: a signed number
	jump        // wide: instructions to skip
	window      // A is the first of C registers that are read, then written
	loop        // A is the first of three registers: counter, end, item
	pair        // A and A+1 are read
)

// ops is the table of opcodes: name, what A, B and C (or A and the wide operand) are, meaning.
var ops = [numOps]struct {
	name string
	args [3]role
	what string
}{
	Nop:      {"nop", [3]role{}, "nothing"},
	LoadK:    {"loadk", [3]role{set, konst}, "R[A] = K[Bx]"},
	LoadI:    {"loadi", [3]role{set, number}, "R[A] = int SBx"},
	LoadB:    {"loadb", [3]role{set, imm}, "R[A] = bool B"},
	LoadU:    {"loadu", [3]role{set}, "R[A] = absent, which is also the value of unit"},
	Move:     {"move", [3]role{set, get}, "R[A] = R[B]"},
	Take:     {"take", [3]role{set, both}, "R[A] = R[B], R[B] = absent"},
	Copy:     {"copy", [3]role{set, get}, "R[A] = a copy of R[B] that shares no fields with it"},
	Drop:     {"drop", [3]role{both}, "free what R[A] owns, R[A] = absent"},
	Borrow:   {"borrow", [3]role{set, get}, "R[A] = R[B], not owned"},
	GetG:     {"getg", [3]role{set, global}, "R[A] = G[Bx]"},
	SetG:     {"setg", [3]role{get, global}, "G[Bx] = R[A]"},
	TakeG:    {"takeg", [3]role{set, global}, "R[A] = G[Bx], G[Bx] = absent"},
	DropG:    {"dropg", [3]role{none, global}, "free what G[Bx] owns, G[Bx] = absent"},
	AddI:     {"add.i", [3]role{set, get, get}, "R[A] = R[B] + R[C], overflow is an error"},
	SubI:     {"sub.i", [3]role{set, get, get}, "R[A] = R[B] - R[C], overflow is an error"},
	MulI:     {"mul.i", [3]role{set, get, get}, "R[A] = R[B] * R[C], overflow is an error"},
	DivI:     {"div.i", [3]role{set, get, get}, "R[A] = R[B] / R[C] toward zero"},
	RemI:     {"rem.i", [3]role{set, get, get}, "R[A] = R[B] % R[C], sign of R[B]"},
	AddN:     {"add.n", [3]role{set, get, imm}, "R[A] = R[B] + C, overflow is an error"},
	NegI:     {"neg.i", [3]role{set, get}, "R[A] = -R[B], overflow is an error"},
	AndI:     {"and.i", [3]role{set, get, get}, "R[A] = R[B] & R[C]"},
	OrI:      {"or.i", [3]role{set, get, get}, "R[A] = R[B] | R[C]"},
	XorI:     {"xor.i", [3]role{set, get, get}, "R[A] = R[B] ^ R[C]"},
	ShlI:     {"shl.i", [3]role{set, get, get}, "R[A] = R[B] << R[C], 0 <= R[C] < 64"},
	ShrI:     {"shr.i", [3]role{set, get, get}, "R[A] = R[B] >> R[C] with sign, 0 <= R[C] < 64"},
	AddF:     {"add.f", [3]role{set, get, get}, "R[A] = R[B] + R[C]"},
	SubF:     {"sub.f", [3]role{set, get, get}, "R[A] = R[B] - R[C]"},
	MulF:     {"mul.f", [3]role{set, get, get}, "R[A] = R[B] * R[C]"},
	DivF:     {"div.f", [3]role{set, get, get}, "R[A] = R[B] / R[C]"},
	RemF:     {"rem.f", [3]role{set, get, get}, "R[A] = R[B] % R[C], sign of R[B]"},
	NegF:     {"neg.f", [3]role{set, get}, "R[A] = -R[B]"},
	IntF:     {"int.f", [3]role{set, get}, "R[A] = float R[B] toward zero, overflow is an error"},
	FltI:     {"float.i", [3]role{set, get}, "R[A] = int R[B] as float"},
	Cat:      {"cat", [3]role{set, get, get}, "R[A] = R[B] then R[C], strings or arrays"},
	Not:      {"not", [3]role{set, get}, "R[A] = !R[B], bits of an int"},
	EqI:      {"eq.i", [3]role{set, get, get}, "R[A] = R[B] == R[C]"},
	NeI:      {"ne.i", [3]role{set, get, get}, "R[A] = R[B] != R[C]"},
	LtI:      {"lt.i", [3]role{set, get, get}, "R[A] = R[B] < R[C]"},
	LeI:      {"le.i", [3]role{set, get, get}, "R[A] = R[B] <= R[C]"},
	EqF:      {"eq.f", [3]role{set, get, get}, "R[A] = R[B] == R[C]"},
	NeF:      {"ne.f", [3]role{set, get, get}, "R[A] = R[B] != R[C]"},
	LtF:      {"lt.f", [3]role{set, get, get}, "R[A] = R[B] < R[C]"},
	LeF:      {"le.f", [3]role{set, get, get}, "R[A] = R[B] <= R[C]"},
	LtS:      {"lt.s", [3]role{set, get, get}, "R[A] = R[B] < R[C], by bytes"},
	LeS:      {"le.s", [3]role{set, get, get}, "R[A] = R[B] <= R[C], by bytes"},
	EqX:      {"eq.x", [3]role{set, get, get}, "R[A] = R[B] equals R[C], part by part"},
	NeX:      {"ne.x", [3]role{set, get, get}, "R[A] = R[B] differs from R[C]"},
	Jmp:      {"jmp", [3]role{none, jump}, "skip SBx instructions"},
	JT:       {"jt", [3]role{get, jump}, "if R[A] skip SBx instructions"},
	JF:       {"jf", [3]role{get, jump}, "if !R[A] skip SBx instructions"},
	Prep:     {"prep", [3]role{loop, jump}, "if R[A] < R[A+1] then R[A+2] = R[A], else skip SBx"},
	Loop:     {"loop", [3]role{loop, jump}, "R[A]++; if R[A] < R[A+1] then R[A+2] = R[A], skip SBx"},
	Call:     {"call", [3]role{both, fn}, "R[A] = Funcs[Bx](R[A], R[A+1], ...)"},
	CallV:    {"callv", [3]role{window, get, count}, "R[A] = R[B](R[A], ... C of them)"},
	Closure:  {"closure", [3]role{both, fn}, "R[A] = Funcs[Bx] with what it captured: R[A], R[A+1], ..."},
	Builtin:  {"builtin", [3]role{both, site}, "R[A] = Sites[Bx](R[A], R[A+1], ...)"},
	Launch:   {"launch", [3]role{both, launch}, "R[A] = Kernels[Bx](R[A], R[A+1], ...)"},
	LaunchTo: {"launchto", [3]role{both, into}, "Kernels[Bx](R[A], R[A+1], ...), the results to the tensors after them"},
	Ret:      {"ret", [3]role{get}, "return R[A]"},
	Trap:     {"trap", [3]role{none, konst}, "fail with the message K[Bx]"},
	Tuple:    {"tuple", [3]role{set, first, count}, "R[A] = (R[B], ... C of them)"},
	Array:    {"array", [3]role{set, first, count}, "R[A] = [R[B], ... C of them]"},
	Fill:     {"fill", [3]role{set, get, get}, "R[A] = [R[B]; R[C]]"},
	Make:     {"make", [3]role{both, shape}, "R[A] = Shapes[Bx]{R[A], R[A+1], ...}"},
	Range:    {"range", [3]role{set, get, get}, "R[A] = R[B]..R[C]"},
	Lo:       {"lo", [3]role{set, get}, "R[A] = start of R[B]"},
	Hi:       {"hi", [3]role{set, get}, "R[A] = end of R[B]"},
	Field:    {"field", [3]role{set, get, field}, "R[A] = field C of R[B]"},
	TakeF:    {"takef", [3]role{set, get, field}, "R[A] = field C of R[B], which is absent then"},
	SetF:     {"setf", [3]role{get, field, get}, "field B of R[A] = R[C]"},
	Tag:      {"tag", [3]role{set, get}, "R[A] = number of the variant of R[B]"},
	Index:    {"index", [3]role{set, get, get}, "R[A] = array R[B] [ R[C] ]"},
	TakeI:    {"takei", [3]role{set, get, get}, "R[A] = array R[B] [ R[C] ], which is absent then"},
	SetI:     {"seti", [3]role{get, get, get}, "array R[A] [ R[B] ] = R[C]"},
	Slice:    {"slice", [3]role{set, get, get}, "R[A] = a copy of array R[B] [ range R[C] ]"},
	Len:      {"len", [3]role{set, get}, "R[A] = length of the array or string R[B]"},
	Box:      {"box", [3]role{set, get}, "R[A] = a box of one field, R[B]"},
	RefF:     {"reff", [3]role{set, get, field}, "R[A] = &mut field C of R[B]"},
	RefI:     {"refi", [3]role{set, get, get}, "R[A] = &mut array R[B] [ R[C] ]"},
	RefG:     {"refg", [3]role{set, global}, "R[A] = &mut G[Bx]"},
	Deref:    {"deref", [3]role{set, get}, "R[A] = *R[B]"},
	TakeD:    {"taked", [3]role{set, get}, "R[A] = *R[B], which is absent then"},
	SetD:     {"setd", [3]role{get, get}, "*R[A] = R[B]"},
	TIndex:   {"tindex", [3]role{window, get, count}, "R[A] = elements of tensor R[B] [ R[A], ... C of them ]"},
	TView:    {"tview", [3]role{window, get, count}, "R[A] = tensor R[B] [ R[A], ... C of them ], sharing its memory"},
	TSlice:   {"tslice", [3]role{window, get, count}, "R[A] = tview, not owned"},
	Dim:      {"dim", [3]role{set, get, field}, "R[A] = dimension C of the tensor R[B]"},
	Same:     {"same", [3]role{pair, konst}, "fail with the message K[Bx] unless R[A] == R[A+1]"},
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

// wide tells that B and C are one operand.
func (o Op) wide() bool { return ops[o].args[1] >= konst && ops[o].args[1] <= jump }
