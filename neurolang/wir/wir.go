package wir

// Class is a class of registers.
type Class uint8

// Classes: predicates, and registers of 16, 32 and 64 bits of any type.
const (
	P Class = iota
	H
	R
	D
)

// Reg is a virtual register, counted over all classes.
type Reg int32

// ArgKind is what an operand is.
type ArgKind uint8

// Kinds of operands. None is no operand.
const (
	None  ArgKind = iota
	InReg         // Reg
	Imm           // Off, an integer; of predicates 0 or 1
	F32           // the bits of an f32 in Off
	F64           // the bits of an f64 in Off
	Sym           // Text: a special register, parameter or variable
	Mem           // [Reg + Off], or [Text + Off] without a register
	Vec           // {List}
	Map           // [Reg, {List}]: a tensor map and coordinates
)

// Arg is an operand.
type Arg struct {
	Kind ArgKind
	Reg  Reg
	Off  int64
	Text string
	List []Arg
}

// Int is an integer constant.
func Int(n int) Arg { return Arg{Kind: Imm, Off: int64(n)} }

// True and False are the constant predicates.
var (
	True  = Int(1)
	False = Int(0)
)

// Symbol names a special register or a variable.
func Symbol(s string) Arg { return Arg{Kind: Sym, Text: s} }

// List makes a vector of operands.
func List(v ...Arg) Arg { return Arg{Kind: Vec, List: v} }

// At is the memory at a register and a distance.
func At(a Arg, off int) Arg {
	if a.Kind == Sym {
		return Arg{Kind: Mem, Text: a.Text, Off: int64(off)}
	}
	return Arg{Kind: Mem, Reg: a.Reg, Off: a.Off + int64(off)}
}

// IsReg tells whether the operand is a register.
func (a Arg) IsReg() bool { return a.Kind == InReg }

// Is tells whether the operand is this integer constant.
func (a Arg) Is(n int) bool { return a.Kind == Imm && a.Off == int64(n) }

// NodeKind is what a node of code is.
type NodeKind uint8

// Kinds of nodes.
const (
	Inst NodeKind = iota
	Loop          // Body once, and again while Guard holds
	If            // Body if Guard holds, else Else
	Note          // a comment, Op
)

// Node is an instruction or a structure of them.
type Node struct {
	Kind  NodeKind
	Op    string // of instructions: as PTX writes it
	Dst   []Arg
	Src   []Arg
	Guard Arg // of instructions: None or the predicate under which they execute
	Not   bool
	Body  []*Node
	Else  []*Node
	Line  int // of source text; 0 unknown
	Col   int
}

// Param is a parameter of the entry: its declaration without the name.
type Param struct {
	Decl string // ".u64", ".align 64 .b8[128]"
	Name string
}

// Func is one entry point.
type Func struct {
	Name    string
	File    string // of the source, for .loc
	Target  string // "sm_80", "sm_90a"
	Version string
	Threads int
	MinCTAs int // resident on an SM; 0: not said
	Cluster int // CTAs of a cluster; 0: none
	Params  []Param
	Shared  int // bytes of dynamic shared memory
	Align   int // of it
	Class   []Class
	Body    []*Node
}
