package ptx

// Module is one PTX file.
type Module struct {
	Name        string   // as given to Parse, for messages
	Version     int      // .version times ten: 84 is 8.4
	Target      []string // .target words, the first the architecture
	AddressSize int      // 64 or 32; 0 when the directive is absent (32 by the ISA)

	Items []Item  // everything at module scope, in order
	Files []*File // the .file directives among them
	Vars  []*Var  // the variables among them
	Funcs []*Func // the functions and kernels among them, declarations included
}

// Item is *File, *Var, *Func, *Pragma, *Alias or *Section.
type Item interface{ item() }

// File is .file: an index that .loc uses.
type File struct {
	Pos   Pos
	Index int
	Name  string
	Extra []int64 // optional timestamp and size
}

// Pragma is .pragma "text", at module or statement level.
type Pragma struct {
	Pos  Pos
	Text []string
}

// Alias is .alias name, target.
type Alias struct {
	Pos          Pos
	Name, Target string
}

// Section is .section name { ... }, debugging data kept as written.
type Section struct {
	Pos  Pos
	Name string
	Text string
}

// Linkage is how a symbol is seen from other modules.
type Linkage uint8

// The linking directives (PTX ISA 11.6).
const (
	LinkNone Linkage = iota
	LinkExtern
	LinkVisible
	LinkWeak
	LinkCommon
)

var linkNames = [...]string{"", ".extern", ".visible", ".weak", ".common"}

// Func is a .func or .entry, defined or only declared.
type Func struct {
	Pos      Pos
	Name     string
	Entry    bool
	Linkage  Linkage
	NoReturn bool
	Return   []*Var
	Params   []*Var
	Perf     []Perf // .maxntid and friends, in the written order
	Defined  bool   // has a body
	Body     []Stmt

	// What the names of the body mean; filled by Parse and by Module.Bind.
	Regs   Regs
	Labels []*Label
	Vars   []*Var // parameters, return parameters, then variables of the body
}

// Perf is a performance-tuning directive: .maxntid, .reqntid, .minnctapersm, .maxnctapersm,
// .maxnreg, .explicitcluster, .reqnctapercluster, .maxclusterrank, .pragma.
type Perf struct {
	Pos  Pos
	Name string // without its dot
	Args []int
	Text []string // of .pragma
}

// PerfArgs returns the numbers of the named directive and whether it is there.
func (f *Func) PerfArgs(name string) ([]int, bool) {
	for i := range f.Perf {
		if f.Perf[i].Name == name {
			return f.Perf[i].Args, true
		}
	}
	return nil, false
}

// Var is a variable or a parameter.
type Var struct {
	Pos     Pos
	Linkage Linkage
	Space   Space
	Align   int  // bytes, 0 if not given
	Vec     int  // 2 or 4 for .v2/.v4, else 0
	Type    Type // element type
	Name    string
	Dims    []int // array dimensions; 0 is [] (unsized)
	Init    *Operand
	PtrTo   Space // of a kernel parameter's .ptr, SpaceGeneric if unnamed
	Ptr     bool  // .ptr was given
	PtrAlgn int   // its .align
}

// Stmt is *RegDecl, *Var, *Label, *Loc, *Pragma, *Targets, *Prototype, *Block or *Inst.
type Stmt interface{ stmt() }

// RegDecl is .reg: plain names, or a family %r<100>.
type RegDecl struct {
	Pos   Pos
	Type  Type
	Vec   int // 2 or 4 for .v2/.v4, else 0
	Names []RegName
}

// RegName declares one register, or Count of them named Name0 .. Name(Count-1).
type RegName struct {
	Pos   Pos
	Name  string
	Count int // 0: a single register of exactly this name
	Index int // dense index of the (first) register, set by binding
}

// Label marks a place in the code.
type Label struct {
	Pos   Pos
	Name  string
	Index int // dense number within the function, set by binding
}

// Loc is .loc: the source line of what follows.
type Loc struct {
	Pos             Pos
	File, Line, Col int
	Inlined         string // the rest of the directive (function_name ..., inlined_at ...)
}

// Targets is .branchtargets or .calltargets under a label.
type Targets struct {
	Pos   Pos
	Label string
	Call  bool
	Names []Operand
}

// Prototype is .callprototype under a label.
type Prototype struct {
	Pos      Pos
	Label    string
	Return   []*Var
	Params   []*Var
	NoReturn bool
}

// Block is { ... }: a scope for names, nothing else.
type Block struct {
	Pos  Pos
	Body []Stmt
}

// Inst is one instruction.
type Inst struct {
	Pos   Pos
	Guard Guard
	Op    *Op
	Mods  []Mod  // all modifiers, types included, in canonical order; shared, do not change
	Types []Type // the types among them, in order; shared, do not change
	Args  []Operand
	Loc   *Loc // the .loc in force, or nil

	regs *Regs
}

// Guard is @p or @!p; Name is empty when there is none.
type Guard struct {
	Pos   Pos
	Name  string
	Not   bool
	Index int // dense register index, -1 if unknown
}

// Kind says what an operand is.
type Kind uint8

// Operand kinds. KindName is a name that nothing declares; Verify reports it.
const (
	KindNone    Kind = iota
	KindName         // unresolved
	KindReg          // Index into Func.Regs; Not if written !p
	KindSpecial      // Index is a Special
	KindInt          // Imm, sign-extended
	KindF32          // Imm holds the 32 bits
	KindF64          // Imm holds the 64 bits; also decimal literals
	KindAddr         // [List[0] + Imm]; List is empty for an absolute address
	KindTensor       // [List[0], ..., vector]: tensor map or texture, coordinates last
	KindVector       // {List...}
	KindPair         // List[0]|List[1]: two results
	KindList         // (List...): call arguments
	KindLocal        // variable or parameter: Index into Func.Vars, plus Imm bytes
	KindGlobal       // Index into Module.Vars, plus Imm bytes
	KindFunc         // Index into Module.Funcs
	KindLabel        // Index into Func.Labels
	KindTable        // label of a .branchtargets, .calltargets or .callprototype; by Name
	KindSink         // _
)

// Operand is one operand. Which fields count depends on Kind.
type Operand struct {
	Pos     Pos
	Kind    Kind
	Not     bool  // !p
	Generic bool  // generic(sym), in initialisers
	Index   int32 // see the kinds; -1 for none
	Name    string
	Imm     int64
	List    []Operand
}

func (*File) item()    {}
func (*Var) item()     {}
func (*Func) item()    {}
func (*Pragma) item()  {}
func (*Alias) item()   {}
func (*Section) item() {}

func (*RegDecl) stmt()   {}
func (*Var) stmt()       {}
func (*Label) stmt()     {}
func (*Loc) stmt()       {}
func (*Pragma) stmt()    {}
func (*Targets) stmt()   {}
func (*Prototype) stmt() {}
func (*Block) stmt()     {}
func (*Inst) stmt()      {}
