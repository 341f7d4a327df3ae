package tir

import (
	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
)

// Type is the type of a value: a tile, or with no dimensions a scalar that all threads agree on.
type Type struct {
	Dims []int // each >= 1; rank 0 is a scalar
	Elem tile.Elem
}

// Loc is a place in source text, 1-based; zero if unknown.
type Loc struct {
	File      string
	Line, Col int
}

// Value is an SSA value: the result of an operation or the argument of a block.
type Value struct {
	ID   int // its name in the text form: %ID
	Type Type
	Op   *Op    // nil for arguments of blocks
	Arg  *Block // not nil for arguments of blocks
}

// Op is one operation. What Args, Attrs and Blocks mean says the table in ops.go.
type Op struct {
	Kind    Kind
	Args    []*Value
	Results []*Value
	Blocks  []*Block
	Attrs
	Loc Loc
}

// Attrs are the constants of an operation; which it has says the table.
type Attrs struct {
	Num    float64 // Const of floats, exact
	Int    int64   // Const of integers and bool
	Param  int     // Load, Store, Atomic: index into Params, then Outs
	Sizes  []int   // Load, Store, Atomic: for each dimension of the tensor, see Load
	Axis   int     // Reduce, Scan, ArgReduce, Iota, Program, XorShuffle, Sort
	Perm   []int   // Transpose
	Mask   int     // XorShuffle
	Sym    string  // Extent
	Comb   Kind    // Reduce, Scan, Atomic: the combining operation
	Stages int     // For: pipeline stages asked for; 0: the compiler chooses
}

// Block is a list of operations with arguments; the last one is a Yield.
type Block struct {
	Args []*Value
	Ops  []*Op
}

// Kernel is a kernel over tensors. Every program runs Body once; its only arguments are the
// scalar parameters, in order. Body ends with a Yield of nothing: results are stored.
type Kernel struct {
	Name   string
	Params []abi.Param
	Outs   []abi.Param
	Axes   []abi.Axis
	Body   *Block
	// Deterministic: @deterministic was asked for; no operation whose order is open may be left.
	Deterministic bool
	Loc           Loc
	next          int
}
