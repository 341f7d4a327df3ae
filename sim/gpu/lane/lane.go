package lane

// Lanes is the number of threads of a warp.
const Lanes = 32

// Row is a 32-bit register in all lanes, Wide one of 64 bits.
type (
	Row  = [Lanes]uint32
	Wide = [Lanes]uint64
)

// Operations by shape. A result may be one of the operands.
type (
	Unary     func(d, a *Row)
	Binary    func(d, a, b *Row)
	Ternary   func(d, a, b, c *Row)
	Binary64  func(d, a, b *Wide)
	Ternary64 func(d, a, b, c *Wide)
	Shift64   func(d, a *Wide, b *Row)
	Widening  func(d *Wide, a, b *Row, c *Wide) // d = a * b + c
	Extend    func(d *Wide, a *Row)
	Compare   func(a, b *Row) uint32 // lanes for which it holds
	Compare64 func(a, b *Wide) uint32
)

// Table is all operations. Floats are IEEE 754 binary32, rounded to nearest even; NaN results are
// 0x7fffffff (PTX ISA 9.7.3); the Ftz forms flush subnormal operands and results to zero of their
// sign.
type Table struct {
	Add, Sub, Mul, And, Or, Xor Binary
	MinS, MaxS, MinU, MaxU      Binary
	Shl, ShrU, ShrS             Binary // by any amount
	Mad                         Ternary

	AddF, SubF, MulF, MinF, MaxF Binary
	AddFtz, SubFtz, MulFtz       Binary
	Fma, FmaFtz                  Ternary
	Flush, FromS32               Unary

	MulWideS, MulWideU        Widening
	SignExtend, ZeroExtend    Extend
	Narrow                    func(d *Row, a *Wide)
	Add64, Sub64, Mul64       Binary64
	And64, Or64, Xor64        Binary64
	Shl64, ShrU64             Shift64
	Mad64                     Ternary64
	Eq, GtS, GtU              Compare
	EqF, LtF, LeF, UnorderedF Compare // ordered, but for the last
	Eq64, GtS64, GtU64        Compare64

	// Select is d = a where m, else b. Any of them may be the same row.
	Select   func(d, a, b *Row, m uint32)
	Select64 func(d, a, b *Wide, m uint32)

	// Address is a = x + off, in 32 bits; Address64 in 64.
	Address   func(a *Wide, x *Row, off uint32)
	Address64 func(a *Wide, x *Wide, off uint64)
	// Offsets is d = a - base, cut to 32 bits, and the or of all differences: if that is below a
	// power of two, every one is.
	Offsets func(d *Row, a *Wide, base uint64) uint64
	// Consecutive reports whether each offset is by 4 above the one before.
	Consecutive func(a *Row) bool
	// Gather reads little-endian words at offsets into mem, which must lie in it.
	Gather   func(d *Row, mem []byte, off *Row)
	Gather64 func(d *Wide, mem []byte, off *Row)
	// Scatter writes them, in the order of the lanes.
	Scatter   func(mem []byte, off, s *Row)
	Scatter64 func(mem []byte, off *Row, s *Wide)
}

// Best is what the processor does best.
var Best = choose()
