package tir

// Kind is the kind of an operation.
type Kind uint8

// Operations. Elementwise arithmetic on f16 and bf16 rounds every result to nearest even in that
// format, on f32 and f64 as IEEE 754; integers wrap. "T" below is one element type for all
// operands and the result; operands of elementwise operations have one shape.
const (
	BadKind Kind = iota

	// Leaves.
	Const   // -> T, Num or Int everywhere
	Iota    // -> i32, 0, 1, 2 ... along Axis
	Program // -> i32 scalar: this program's index on grid axis Axis (not multiplied by its Block)
	Extent  // -> i32 scalar: dimension Sym
	// (seed i32 scalar, counter i32 tile) -> i32: philox4x32-10, first word, key (seed, 0),
	// counter (c, 0, 0, 0)
	Bits

	// Memory. Args of Load: for each dimension of the tensor one index. Sizes[d] > 0: the index is
	// a scalar, the first element, and the view has Sizes[d] elements; Sizes[d] == 0: the index is
	// a scalar and the dimension is dropped; Sizes[d] == -1: the index is a rank-1 tile of i32 and
	// the view has its length (gather). What lies outside of the tensor reads as the last argument
	// after the indices, a scalar, if there is one, else as 0; stores there do nothing. The
	// result's shape is the kept dimensions in order.
	Load
	Store  // (tile, indices...)
	Atomic // (tile, indices...), Comb: Add, Min, Max, And, Or, Xor; i32, f32 and f16/bf16 Add

	// Unary, elementwise.
	Neg
	Not // bitwise; of bool logical
	Abs
	Exp
	Exp2
	Log
	Log2
	Sqrt
	Rsqrt
	Rcp
	Sin
	Cos
	Tanh
	Erf
	Floor
	Ceil
	Round // to nearest even
	// to the result's element type: to nearest even; floats to integers toward zero,
	// saturating; to bool: != 0
	Cast
	Bitcast

	// Binary, elementwise.
	Add
	Sub
	Mul
	Div // floats: IEEE; integers toward zero
	Rem
	Max // of two numbers; a NaN yields to a number (PTX ISA, max)
	Min
	And
	Or
	Xor
	Shl
	Shr  // arithmetic on i32, i8; logical on u8
	ShrU // logical
	Eq   // comparisons -> bool
	Ne
	Lt
	Le
	Gt
	Ge

	// Ternary, elementwise.
	Fma    // a*b + c, rounded once
	Select // (bool, T, T) -> T

	// Shape.
	Broadcast  // (T) -> T of the result's shape: right-aligned, dimensions of 1 stretch
	Reshape    // row-major order is kept
	Transpose  // Perm: dimension i of the result is dimension Perm[i] of the operand
	XorShuffle // element i along Axis is operand's i ^ Mask
	Join       // (a, b) -> along Axis, one after the other
	Slice      // along Axis from element Int, the result's length

	// Across elements.
	// (a: m x k, b: k x n, c: m x n) -> c + a*b; f16, bf16, tf32, e4m3, e5m2 -> f32; i8, u8 ->
	// i32; f64 -> f64; f32 by FMA in order of k
	Dot
	// along Axis by Comb (Add, Mul, Max, Min, And, Or, Xor); the dimension is kept with length
	// 1
	Reduce
	ArgReduce // (T) -> i32: index of the first Comb (Max, Min) along Axis; kept with length 1
	Scan      // inclusive, along Axis by Comb
	Sort      // ascending along Axis (a power of 2); second operand, if any, i32, goes along

	// Control.
	// (lo, hi, step: i32 scalars, carried...) block(i, carried...) yields carried... ->
	// carried...
	For
	If    // (bool scalar) two blocks without arguments, yielding the results
	While // (carried...) block 0 (carried...) yields (bool scalar, carried...); block 1 the body
	Yield // (values...)
)
