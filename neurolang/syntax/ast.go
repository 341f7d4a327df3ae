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
	Source *source.File
	Fns    []*FnDecl
	Stmts  []Stmt
}

// FnDecl is a function or, with the attribute kernel, a kernel.
type FnDecl struct {
	node
	Attrs  []*Name
	Name   *Name
	Params []*Param
	Result TypeExpr // nil for unit
	Body   *Block
	Bad    bool // a syntax error inside: checks that would only echo it are off
}

// Param is one parameter.
type Param struct {
	Name *Name
	Type TypeExpr
}

// TypeExpr is a type as written: a name with arguments, a dimension, or a path such as
// Layout::RowMajor in an argument.
type TypeExpr interface{ Node }

// NamedType is Name<Args...>.
type NamedType struct {
	node
	Name *Name
	Args []TypeExpr
}

// PathType is Layout::RowMajor.
type PathType struct {
	node
	Module, Name *Name
}

// DimType is an integer argument of a type.
type DimType struct {
	node
	Value int64
}

// BadType stands where no type could be parsed.
type BadType struct{ node }

// Stmt is a statement.
type Stmt interface{ Node }

// Block is { statements }.
type Block struct {
	node
	Stmts []Stmt
}

// LetStmt is let or var.
type LetStmt struct {
	node
	Name    *Name
	Mutable bool
	Type    TypeExpr // nil if inferred
	Value   Expr
}

// AssignStmt is target op= value; Op is Assign or one of AddAssign ... DivAssign.
type AssignStmt struct {
	node
	Target Expr
	Op     Kind
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

// IfStmt is if with an optional else, a *Block or another *IfStmt.
type IfStmt struct {
	node
	Cond Expr
	Then *Block
	Else Stmt
}

// WhileStmt is while cond body.
type WhileStmt struct {
	node
	Cond Expr
	Body *Block
}

// ForStmt is for name in range body.
type ForStmt struct {
	node
	Var   *Name
	Range Expr
	Body  *Block
}

// BranchStmt is break or continue.
type BranchStmt struct {
	node
	Kind Kind
}

// Expr is an expression.
type Expr interface{ Node }

// IdentExpr is a name used as a value.
type IdentExpr struct {
	node
	Name string
}

// PathExpr is Module::Name.
type PathExpr struct {
	node
	Module, Name *Name
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

// ArrayLit is [a, b, c].
type ArrayLit struct {
	node
	Elems []Expr
}

// UnaryExpr is -x or !x.
type UnaryExpr struct {
	node
	Op Kind
	X  Expr
}

// BinaryExpr is x op y.
type BinaryExpr struct {
	node
	Op    Kind
	OpPos source.Span
	X, Y  Expr
}

// RangeExpr is lo..hi, hi excluded.
type RangeExpr struct {
	node
	Lo, Hi Expr
}

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

// FieldExpr is x.name.
type FieldExpr struct {
	node
	X    Expr
	Name *Name
}

// IndexExpr is x[indices].
type IndexExpr struct {
	node
	X       Expr
	Indices []Expr
}

// BadExpr stands where no expression could be parsed; checks on it are silent.
type BadExpr struct{ node }
