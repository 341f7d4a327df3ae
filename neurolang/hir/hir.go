package hir

import (
	"tensoros/neurolang/source"
)

// Program is everything reachable from main, the tests and what was asked for, instantiated.
type Program struct {
	Funcs   []*Fn // host functions; those that only kernels call are not among them
	Kernels []*Kernel
	Main    *Fn // nil if there is none
	Tests   []*Fn
	Library Library
}

// Library makes calls for passes that come after checking: with the arguments' own types, inferred
// and instantiated as if they stood in the source. What is instantiated joins the program.
type Library interface {
	// Call calls a function or kernel of a module; nil if there is none for these arguments.
	Call(module, name string, args []Expr, at source.Span) Expr
	// VJP calls what is declared @vjp of a kernel, with its arguments, its result and the
	// derivative by the result; nil if there is nothing.
	VJP(k *Kernel, args []Expr, at source.Span) Expr
}

// Var is a local variable or parameter.
type Var struct {
	Name    string
	Type    *Type
	Mutable bool
	Global  bool // of a session
	At      source.Span
}

// Fn is a host function, or one that kernels inline.
type Fn struct {
	Name   string // unique; with its type arguments: mean<float>
	Params []*Var
	Result *Type
	Body   *Block
	Graph  bool // @graph: straight-line over tensors, planned as a whole
	VJP    *Fn  // its pullback, declared by @vjp, if derivatives are asked for
	// Derived: made by grad, a straight line; planned like a @graph where that is possible.
	Derived bool
	Attrs   []Attr
	At      source.Span
}

// Attr is an attribute with its arguments, evaluated.
type Attr struct {
	Name string
	Args []AttrArg
	At   source.Span
}

// AttrArg is one argument; its value is an int64, float64, string, bool, a name as string, or a
// list of these as []any.
type AttrArg struct {
	Name  string
	Value any
}

// Kernel is an instantiated @kernel function over tensors.
type Kernel struct {
	Name    string  // spelled as PTX allows, unique in the program
	Source  string  // as written: matmul<f16, 128, 128, 64>
	Params  []*Var  // Tensor (read), Ref to Tensor (Exclusive: in place; AtomicRef), Scalar
	Parts   []*Part // of Params that are partitioned; nil entries for the others
	Results []Result
	Axes    []Axis
	Body    *Block   // its value is what is stored: a tile, or a tuple of tiles
	Dims    []string // symbols of the tensors' shapes, in order of appearance
	// Lifted: written over tiles; Body is then the tile expression of the old form and
	// Params are the tiles. See docs/language.md, "Lifted kernels".
	Lifted bool
	Attrs  []Attr
	At     source.Span
}

// Axis is an axis of the grid: programs at 0, Block, 2*Block ... below Dim. Var is bound in the
// body: a Span of Block, or a Scalar i32 if Index.
type Axis struct {
	Name  string
	Dim   Dim
	Block int
	Index bool
	Var   *Var
}

// Result is a tensor that a kernel makes.
type Result struct {
	Type *Type
	Part *Part
}

// Part says which piece of a tensor a program owns: for each dimension the axis (an index into
// Axes), or -1 for the whole dimension.
type Part struct{ Axis []int }

// Block is statements and the value of the last expression (nil: unit).
type Block struct {
	Stmts []Stmt
	Value Expr
	At    source.Span
}

// Stmt is one of Let, Assign, Do, While, For, Break, Continue, Return, Drop.
type Stmt interface{ stmt() }

// Let binds a variable. Value nil: declared, set later on every path.
type Let struct {
	Var   *Var
	Value Expr
}

// Assign sets a place. What a variable held is dropped before, by a Drop; what a field or element
// held is dropped by the assignment.
type Assign struct {
	Place Expr // Local, FieldOf, IndexOf, Deref, or in kernels Load (then it is a store)
	Value Expr
	At    source.Span
}

// Do evaluates for effect.
type Do struct{ X Expr }

// While loops while Cond.
type While struct {
	Cond Expr
	Body *Block
	At   source.Span
}

// For loops over a Range, a Ref to an Array (host; Var is an element if it is copied, else a Ref to
// it), or Spans (kernels; Over is an Array of Span).
type For struct {
	Var    *Var
	Over   Expr
	Body   *Block
	Stages int // asked for by pipeline(stages=n); 0: the compiler chooses
	At     source.Span
}

// Break leaves the innermost loop.
type Break struct{ At source.Span }

// Continue goes to its next turn.
type Continue struct{ At source.Span }

// Return leaves the function.
type Return struct {
	Value Expr // nil: unit
	At    source.Span
}

// Drop ends a variable's life where its owner leaves scope without having moved it on all paths;
// only of types that own something (tensors, arrays, function values, and what holds them). A
// variable that was moved on the way is empty: dropping it does nothing.
type Drop struct{ Var *Var }

func (*Let) stmt()      {}
func (*Assign) stmt()   {}
func (*Do) stmt()       {}
func (*While) stmt()    {}
func (*For) stmt()      {}
func (*Break) stmt()    {}
func (*Continue) stmt() {}
func (*Return) stmt()   {}
func (*Drop) stmt()     {}

// Expr is an expression with its type and place.
type Expr interface {
	Type() *Type
	Span() source.Span
}

// X is what all expressions have.
type X struct {
	T  *Type
	At source.Span
}

// Type returns the type of the value.
func (x *X) Type() *Type { return x.T }

// Span returns where the expression stands.
func (x *X) Span() source.Span { return x.At }

// Const is a literal or a folded constant: int64, float64, bool, string, tile.Elem, tile.Layout.
type Const struct {
	X
	Value any
}

// Local reads a variable. Move: the variable is empty afterwards.
type Local struct {
	X
	Var  *Var
	Move bool
}

// DimOf reads a dimension symbol of the function (Int on the host, Scalar i32 in kernels).
type DimOf struct {
	X
	Sym string
}

// Unary is -x or !x.
type Unary struct {
	X
	Op  Op
	Arg Expr
}

// Binary is arithmetic or a comparison of two values of one type (int, float, string, bool on the
// host; scalars and tiles in kernels, already broadcast by rule "numpy": see docs/language.md).
// AndAnd and OrOr are evaluated lazily.
type Binary struct {
	X
	Op   Op
	L, R Expr
}

// Call calls a function of the program.
type Call struct {
	X
	Fn   *Fn
	Args []Expr
}

// CallValue calls a function value.
type CallValue struct {
	X
	Fn   Expr
	Args []Expr
}

// FuncValue is a function as a value, with what a closure captured.
type FuncValue struct {
	X
	Fn       *Fn
	Captured []Expr // passed before the arguments
}

// Intrinsic calls what the language itself provides; Name is from the table in package builtin.
// Absent optional arguments are nil.
type Intrinsic struct {
	X
	Name string
	Args []Expr
}

// Launch runs a kernel over tensors; its value is the result tensor or a tuple of them. Tensor
// arguments are Refs, numbers are the host's (int, float, bool).
type Launch struct {
	X
	Kernel *Kernel
	Args   []Expr
	// Into: tensors that the results are written to, in whole; then the value is unit. Only the
	// plans of graphs have it; nil: the launch makes its results.
	Into []Expr
}

// Ref borrows a place.
type RefOf struct {
	X
	Place Expr
}

// Deref reads through a reference.
type Deref struct {
	X
	Arg Expr
}

// TupleOf, ArrayOf, StructOf and EnumOf make values.
type TupleOf struct {
	X
	Elems []Expr
}

// ArrayOf is [a, b, c]; with Count it is [a; n].
type ArrayOf struct {
	X
	Elems []Expr
	Count Expr
}

// StructOf has the fields in the order of the definition.
type StructOf struct {
	X
	Fields []Expr
}

// EnumOf is a variant with what it carries.
type EnumOf struct {
	X
	Tag  int
	Args []Expr
}

// RangeOf is lo..hi.
type RangeOf struct {
	X
	Lo, Hi Expr
}

// FieldOf is a field of a struct or a part of a tuple, by number.
type FieldOf struct {
	X
	Arg   Expr
	Index int
}

// TagOf is the number of an enum's variant, an int.
type TagOf struct {
	X
	Arg Expr
}

// PayloadOf is what a variant carries, known to be of that Tag.
type PayloadOf struct {
	X
	Arg        Expr
	Tag, Index int
}

// IndexOf indexes on the host: arrays by int or Range, tensors by one int or Range a dimension, nil
// for a whole one. By ints alone it is an element (of a tensor: a number); by others, a new array
// or tensor, or, inside of RefOf, a view of that part.
type IndexOf struct {
	X
	Arg     Expr
	Indices []Expr
}

// Load is a kernel's view of a tensor: one index a dimension, each a Span, a Scalar i32 (drops the
// dimension), a Tile of i32 of rank 1 (gathers), or nil for the whole dimension (then constant).
// Other is read where the view leaves the tensor; nil: zero.
type Load struct {
	X
	Tensor  *Var
	Indices []Expr
	Other   Expr
}

// If chooses. Its value is that of the branch taken; Else may be nil for unit.
type If struct {
	X
	Cond       Expr
	Then, Else *Block
}

// BlockExpr is a block as an expression.
type BlockExpr struct {
	X
	Block *Block
}

// CastTo converts: host numbers, scalars, tiles (to X.T).
type CastTo struct {
	X
	Arg Expr
}

// Op is an operator.
type Op uint8

// Operators.
const (
	NoOp Op = iota
	Neg
	Not
	Add
	Sub
	Mul
	Div
	Rem
	And
	Or
	Xor
	Shl
	Shr
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	AndAnd
	OrOr
)
