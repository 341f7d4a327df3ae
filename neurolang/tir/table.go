package tir

import "tensoros/neurolang/tile"

// class is the shape of a kind's rule.
type class uint8

const (
	leaf    class = iota // result type is free within check
	memory               // indices
	unary                // T -> T
	convert              // T -> U of one shape
	binary               // T, T -> T
	compare              // T, T -> bool
	ternary              // T, T, T -> T
	shape                // T -> T of another shape
	across               // own rules
	control              // blocks
)

// domain is which element types an operation takes.
type domain uint8

const (
	anyElem  domain = iota
	numbers         // all but bool
	floats          // f64 f32 bf16 f16
	integers        // i32 i8 u8
	bits            // integers and bool
)

// row is what the table knows of a kind.
type row struct {
	name  string
	class class
	dom   domain
	// args is the number of operands; -1: counted elsewhere.
	args int
	doc  string
}

var table = [...]row{
	BadKind: {"bad", leaf, anyElem, 0, ""},
	Const:   {"const", leaf, anyElem, 0, "a constant everywhere"},
	Iota:    {"iota", leaf, integers, 0, "0, 1, 2 ... along axis"},
	Program: {"program", leaf, integers, 0, "this program's number on a grid axis"},
	Extent:  {"extent", leaf, integers, 0, "a dimension"},
	Bits:    {"bits", across, integers, 2, "philox4x32-10 of a seed and counters"},

	Load:   {"load", memory, anyElem, -1, "a view of a tensor"},
	Store:  {"store", memory, anyElem, -1, "write a view"},
	Atomic: {"atomic", memory, anyElem, -1, "combine into a view"},

	Neg:     {"neg", unary, numbers, 1, "-x"},
	Not:     {"not", unary, bits, 1, "bitwise, of bool logical"},
	Abs:     {"abs", unary, numbers, 1, ""},
	Exp:     {"exp", unary, floats, 1, ""},
	Exp2:    {"exp2", unary, floats, 1, ""},
	Log:     {"log", unary, floats, 1, ""},
	Log2:    {"log2", unary, floats, 1, ""},
	Sqrt:    {"sqrt", unary, floats, 1, ""},
	Rsqrt:   {"rsqrt", unary, floats, 1, "1/sqrt(x)"},
	Rcp:     {"rcp", unary, floats, 1, "1/x"},
	Sin:     {"sin", unary, floats, 1, ""},
	Cos:     {"cos", unary, floats, 1, ""},
	Tanh:    {"tanh", unary, floats, 1, ""},
	Erf:     {"erf", unary, floats, 1, ""},
	Floor:   {"floor", unary, floats, 1, ""},
	Ceil:    {"ceil", unary, floats, 1, ""},
	Round:   {"round", unary, floats, 1, "to nearest even"},
	Cast:    {"cast", convert, anyElem, 1, "to another element type"},
	Bitcast: {"bitcast", convert, anyElem, 1, "the same bits"},

	Add:  {"add", binary, numbers, 2, ""},
	Sub:  {"sub", binary, numbers, 2, ""},
	Mul:  {"mul", binary, numbers, 2, ""},
	Div:  {"div", binary, numbers, 2, ""},
	Rem:  {"rem", binary, numbers, 2, ""},
	Max:  {"max", binary, numbers, 2, ""},
	Min:  {"min", binary, numbers, 2, ""},
	And:  {"and", binary, bits, 2, ""},
	Or:   {"or", binary, bits, 2, ""},
	Xor:  {"xor", binary, bits, 2, ""},
	Shl:  {"shl", binary, integers, 2, ""},
	Shr:  {"shr", binary, integers, 2, "arithmetic where signed"},
	ShrU: {"shru", binary, integers, 2, "logical"},
	Eq:   {"eq", compare, anyElem, 2, ""},
	Ne:   {"ne", compare, anyElem, 2, ""},
	Lt:   {"lt", compare, numbers, 2, ""},
	Le:   {"le", compare, numbers, 2, ""},
	Gt:   {"gt", compare, numbers, 2, ""},
	Ge:   {"ge", compare, numbers, 2, ""},

	Fma:    {"fma", ternary, floats, 3, "a*b + c, rounded once"},
	Select: {"select", ternary, anyElem, 3, "where"},

	Broadcast:  {"broadcast", shape, anyElem, 1, "stretch dimensions of 1"},
	Reshape:    {"reshape", shape, anyElem, 1, ""},
	Transpose:  {"transpose", shape, anyElem, 1, ""},
	XorShuffle: {"xor_shuffle", shape, anyElem, 1, "element i is the operand's i ^ mask"},
	Join:       {"join", shape, anyElem, 2, "one after the other along axis"},
	Slice:      {"slice", shape, anyElem, 1, "a part along axis"},

	Dot:       {"dot", across, numbers, 3, "c + a*b"},
	Reduce:    {"reduce", across, anyElem, 1, ""},
	ArgReduce: {"arg_reduce", across, numbers, 1, ""},
	Scan:      {"scan", across, anyElem, 1, ""},
	Sort:      {"sort", across, numbers, -1, ""},

	For:   {"for", control, anyElem, -1, ""},
	If:    {"if", control, anyElem, 1, ""},
	While: {"while", control, anyElem, -1, ""},
	Yield: {"yield", control, anyElem, -1, ""},
}

// kindOf finds a kind by its name in the text form.
var kindOf = func() map[string]Kind {
	m := map[string]Kind{}
	for k, r := range table {
		m[r.name] = Kind(k)
	}
	return m
}()

// String returns the name in the text form.
func (k Kind) String() string {
	if int(k) < len(table) {
		return table[k].name
	}
	return "bad"
}

// Kinds returns how many kinds there are; they are numbered from 1.
func Kinds() int { return len(table) }

// Elementwise tells whether each element of the result depends on the same element of each operand
// only.
func (k Kind) Elementwise() bool {
	switch table[k].class {
	case unary, convert, binary, compare, ternary:
		return true
	}
	return false
}

// Pure tells whether an operation without use may go, and equal ones are one.
func (k Kind) Pure() bool {
	return table[k].class != control && k != Store && k != Atomic && k != BadKind
}

// Commutes tells whether a binary operation's operands may be exchanged.
func (k Kind) Commutes() bool {
	switch k {
	case Add, Mul, Max, Min, And, Or, Xor, Eq, Ne:
		return true
	}
	return false
}

// has tells whether an element type belongs to a domain.
func (d domain) has(e tile.Elem) bool {
	switch d {
	case anyElem:
		return e != tile.NoElem
	case numbers:
		return e != tile.NoElem && e != tile.Bool
	case floats:
		return e == tile.F64 || e == tile.F32 || e == tile.F16 || e == tile.BF16
	case integers:
		return IsInt(e)
	}
	return IsInt(e) || e == tile.Bool
}

// IsInt tells integers from the rest.
func IsInt(e tile.Elem) bool { return e == tile.I32 || e == tile.I8 || e == tile.U8 }

// IsFloat tells floats, those of 8 bits and tf32 included.
func IsFloat(e tile.Elem) bool { return e != tile.NoElem && e != tile.Bool && !IsInt(e) }

// Computes tells element types that arithmetic is defined on: all but those that only Tensor Cores
// and casts take.
func Computes(e tile.Elem) bool {
	return e != tile.TF32 && e != tile.E4M3 && e != tile.E5M2 && e != tile.NoElem
}
