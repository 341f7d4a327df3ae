package syntax

import "tensoros/neurolang/source"

// Node is any node of the tree. Span covers its text.
type Node interface{ Span() source.Span }

// node carries the span of a node.
type node struct{ span source.Span }

// Span returns the text the node covers.
func (n *node) Span() source.Span { return n.span }

// Name is an identifier at a place.
type Name struct {
	node
	Text string
}

// File is a whole source text. Stmts is non-empty only when parsed with Statements (the REPL).
type File struct {
	Source  *source.File
	Tokens  []Token // all of the text, trivia included
	Doc     string  // of //! comments
	Lost    bool    // a syntax error may have lost an item: who knows its name
	Imports []*Import
	Items   []Item
	Stmts   []Stmt
}

// Import is import path as name; or import path.{names}; Path has one part and Quoted is set if
// it is the name of a file.
type Import struct {
	node
	Path   []*Name
	Quoted bool
	As     *Name   // nil: the last part of the path
	Names  []*Name // of the form with braces
}

// Item is one of FnDecl, StructDecl, EnumDecl, TraitDecl, ImplDecl, ConstDecl, AliasDecl.
type Item interface {
	Node
	Head() *ItemHead
}

// ItemHead is what all items have.
type ItemHead struct {
	node
	Attrs []*Attr
	Pub   bool
	Doc   string
	Name  *Name // of impl: nil
	Bad   bool  // a syntax error inside: checks that would only echo it are off
}

// Head returns the head.
func (h *ItemHead) Head() *ItemHead { return h }

// Attr is @name(args).
type Attr struct {
	node
	Name *Name
	Args []Arg
}

// Generic is a type parameter or, with Const, a constant one.
type Generic struct {
	Name    *Name
	Const   bool
	Type    TypeExpr    // of a constant; may be nil
	Default Expr        // of a constant; may be nil
	Bounds  []*PathType // of a type
}

// FnDecl is a function or, with the attribute kernel, a kernel.
type FnDecl struct {
	ItemHead
	Generics []*Generic
	Params   []*Param
	Results  []*Result // none for unit
	Tuple    bool      // several results, in parentheses
	Over     []*Part
	Body     *Block      // nil: declared only
	Closing  source.Span // of the parenthesis behind the parameters
	BadHead  bool        // a syntax error before the body, which then makes no sense
}

// Param is one parameter; Self is set for self, whose type is Ref Self or Self.
type Param struct {
	Name    *Name
	Type    TypeExpr
	By      *By
	Default Expr
	Self    bool
}

// Result is the type of a result and how it is cut.
type Result struct {
	Type TypeExpr
	By   *By
}

// By is by [parts].
type By struct {
	node
	Parts []*Part
}

// Part is name: block in dim, name in dim, or .. .
type Part struct {
	node
	Name  *Name
	Block Expr
	In    Expr
	Rest  bool
}

// Field is a field of a struct.
type Field struct {
	Name *Name
	Type TypeExpr
	Doc  string
}

// StructDecl is struct Name { fields }.
type StructDecl struct {
	ItemHead
	Generics []*Generic
	Fields   []*Field
}

// Variant is a variant of an enum.
type Variant struct {
	Name  *Name
	Types []TypeExpr
	Doc   string
}

// EnumDecl is enum Name { variants }.
type EnumDecl struct {
	ItemHead
	Generics []*Generic
	Variants []*Variant
}

// TraitDecl is trait Name { functions }.
type TraitDecl struct {
	ItemHead
	Fns []*FnDecl
}

// ImplDecl is impl Trait for Type { functions }.
type ImplDecl struct {
	ItemHead
	Generics []*Generic
	Trait    *PathType // nil: methods of its own
	Type     TypeExpr
	Fns      []*FnDecl
}

// ConstDecl is const Name: Type = Value; Type may be nil.
type ConstDecl struct {
	ItemHead
	Type  TypeExpr
	Value Expr
}

// AliasDecl is type Name = Type.
type AliasDecl struct {
	ItemHead
	Generics []*Generic
	Type     TypeExpr
}

// TypeExpr is a type, or an argument of one, as written.
type TypeExpr interface{ Node }

// PathType is a::b<args> on device; also a constant's name, or Layout::RowMajor, in arguments.
type PathType struct {
	node
	Parts []*Name
	Args  []TypeExpr
	On    *Name
}

// RefType is &T, &mut T, &atomic T.
type RefType struct {
	node
	Mut, Atomic bool
	Elem        TypeExpr
}

// TupleType is (A, B); () is unit.
type TupleType struct {
	node
	Elems []TypeExpr
}

// ListType is [T], an array, or the dimensions of a tensor.
type ListType struct {
	node
	Elems []TypeExpr
}

// FuncType is fn(A, B) -> C.
type FuncType struct {
	node
	Params []TypeExpr
	Result TypeExpr // nil for unit
}

// ConstType is a constant expression as an argument of a type.
type ConstType struct {
	node
	X Expr
}

// RestType is .. among dimensions.
type RestType struct{ node }

// BadType stands where no type could be parsed.
type BadType struct{ node }

// Stmt is a statement.
type Stmt interface{ Node }

// Block is { statements }; a last ExprStmt with Tail is its value.
type Block struct {
	node
	Stmts []Stmt
}

// LetStmt is let or var.
type LetStmt struct {
	node
	Pattern Pattern
	Mutable bool
	Type    TypeExpr // nil if inferred
	Value   Expr
}

// AssignStmt is target op= value; Op is Assign or a compound one.
type AssignStmt struct {
	node
	Target Expr
	Op     Kind
	OpPos  source.Span
	Value  Expr
}

// ExprStmt is an expression as a statement. Tail: it stands without `;` at the end of a block.
type ExprStmt struct {
	node
	X    Expr
	Tail bool
}

// ReturnStmt is return with an optional value.
type ReturnStmt struct {
	node
	Value Expr
}

// WhileStmt is while cond body.
type WhileStmt struct {
	node
	Cond Expr
	Body *Block
}

// ForStmt is for pattern in range body.
type ForStmt struct {
	node
	Pattern Pattern
	Over    Expr
	Body    *Block
}

// BranchStmt is break or continue.
type BranchStmt struct {
	node
	Kind Kind
}

// ItemStmt is an item inside of a block.
type ItemStmt struct {
	node
	Item Item
}

// Expr is an expression.
type Expr interface{ Node }

// PathExpr is a name, or a::b::<args>.
type PathExpr struct {
	node
	Parts []*Name
	Owner []TypeExpr // arguments of the part before the last: Stack::<int>::new
	Args  []TypeExpr
}

// OwnerType is the type with arguments that a path goes through; nil without any.
func (e *PathExpr) OwnerType() *PathType {
	if n := len(e.Parts) - 1; n > 0 && e.Owner != nil {
		at := e.Parts[0].span.To(e.Owner[len(e.Owner)-1].Span())
		return &PathType{node{at}, e.Parts[:n], e.Owner, nil}
	}
	return nil
}

// IntLit is an integer literal.
type IntLit struct {
	node
	Value int64
}

// FloatLit is a floating-point literal.
type FloatLit struct {
	node
	Value float64
}

// StringLit is a string literal, escapes resolved.
type StringLit struct {
	node
	Value string
}

// BoolLit is true or false.
type BoolLit struct {
	node
	Value bool
}

// FStringLit is f"text {expr:spec} ...".
type FStringLit struct {
	node
	Parts []FPart
}

// FPart is text or, if X is not nil, an expression with its format.
type FPart struct {
	Text   string
	X      Expr
	Spec   string
	SpecAt source.Span
}

// ArrayLit is [a, b, c], or with Count [a; n].
type ArrayLit struct {
	node
	Elems []Expr
	Count Expr
}

// TupleLit is (a, b); () is unit.
type TupleLit struct {
	node
	Elems []Expr
}

// StructLit is Name { field: value }.
type StructLit struct {
	node
	Name   *PathExpr
	Fields []FieldInit
}

// FieldInit is field: value; `field` alone means field: field.
type FieldInit struct {
	Name  *Name
	Value Expr
}

// ParenExpr is (x).
type ParenExpr struct {
	node
	X Expr
}

// UnaryExpr is -x or !x.
type UnaryExpr struct {
	node
	Op Kind
	X  Expr
}

// RefExpr is &x or &mut x.
type RefExpr struct {
	node
	Mut bool
	X   Expr
}

// BinaryExpr is x op y; Op At is the matrix product.
type BinaryExpr struct {
	node
	Op    Kind
	OpPos source.Span
	X, Y  Expr
}

// CastExpr is x as T.
type CastExpr struct {
	node
	X    Expr
	Type TypeExpr
}

// RangeExpr is lo..hi, hi excluded.
type RangeExpr struct {
	node
	Lo, Hi Expr
}

// WholeExpr is .. as an index.
type WholeExpr struct{ node }

// Arg is one argument of a call; Name is nil for positional ones.
type Arg struct {
	Name  *Name
	Value Expr
}

// CallExpr is fn(args).
type CallExpr struct {
	node
	Fn   Expr
	Args []Arg
}

// FieldExpr is x.name; a tuple's parts are named by their number.
type FieldExpr struct {
	node
	X    Expr
	Name *Name
	Args []TypeExpr // x.name::<args>(...)
}

// IndexExpr is x[indices].
type IndexExpr struct {
	node
	X       Expr
	Indices []Expr
}

// TryExpr is x?.
type TryExpr struct {
	node
	X Expr
}

// IfExpr is if cond then else; Else is nil, a *Block or an *IfExpr.
type IfExpr struct {
	node
	Cond Expr
	Then *Block
	Else Node
}

// MatchExpr is match x { arms }.
type MatchExpr struct {
	node
	X    Expr
	Arms []*Arm
	Bad  bool // arms may be missing
}

// Arm is pattern if guard => value.
type Arm struct {
	node
	Pattern Pattern
	Guard   Expr
	Value   Expr
}

// ClosureExpr is |params| body.
type ClosureExpr struct {
	node
	Params []*Param // Type may be nil
	Body   Expr
}

// BlockExpr is a block as an expression.
type BlockExpr struct {
	node
	Block *Block
}

// BadExpr stands where no expression could be parsed; checks on it are silent.
type BadExpr struct{ node }

// Pattern is what let, for and match bind.
type Pattern interface{ Node }

// WildPat is _.
type WildPat struct{ node }

// NamePat binds a name, or is a variant or constant of that name.
type NamePat struct {
	node
	Name *Name
}

// LitPat is a literal.
type LitPat struct {
	node
	X Expr
}

// RangePat is lo..hi, hi excluded.
type RangePat struct {
	node
	Lo, Hi Expr
}

// TuplePat is (p, q).
type TuplePat struct {
	node
	Elems []Pattern
}

// VariantPat is Enum::Variant(p, q).
type VariantPat struct {
	node
	Path  *PathExpr
	Elems []Pattern
}

// StructPat is Name { field: p, .. }.
type StructPat struct {
	node
	Path   *PathExpr
	Fields []FieldPat
	Rest   bool
}

// FieldPat is field: pattern; `field` alone binds its name.
type FieldPat struct {
	Name    *Name
	Pattern Pattern
}

// OrPat is p | q.
type OrPat struct {
	node
	Alts []Pattern
}

// BadPat stands where no pattern could be parsed.
type BadPat struct{ node }

// NewPath makes an expression of the parts of a path.
func NewPath(parts []*Name) *PathExpr {
	return &PathExpr{node{parts[0].span.To(parts[len(parts)-1].span)}, parts, nil, nil}
}

// NamedType makes a type of a name.
func NamedType(n *Name) *PathType { return &PathType{node{n.span}, []*Name{n}, nil, nil} }
