// Package ptx owns the text of PTX, NVIDIA's virtual instruction set: one opcode table that drives
// parser, printer and verifier.
//
// It does not execute, allocate registers or schedule; the chip model lowers a parsed [Module] and
// the compiler prints one. The law is "Parallel Thread Execution ISA" 8.4; the second witness is
// ptxas 12.4 (see ptxas_test.go).
//
// # Walking a module
//
// [Parse] gives a [Module] whose names are bound: a register operand carries its dense index
// ([Operand.Index] into [Func.RegTypes]), a label its number, a variable its place in
// [Func].Vars or [Module].Vars. A lowering pass reads [Func.Code], switches on [Op].ID, asks
// [Inst.Has] and [Inst.Type] for modifiers and types, and never compares strings.
//
// # The table
//
// Each row of the opcode table (files ops_*.go) is one line in a small notation:
//
//	{OpAdd, "add $rnd? ftz? sat? f32", "=0,0,0", 0, 0}
//
// Words of the second column are slots in canonical printing order: a|b are alternatives, ? marks
// an optional slot, $name a named set ([Set]). Modifiers may be written in any order; they are
// matched to slots and printed in slot order. The third column is the operand signature:
//
//	=x      written          +x   read and written      x?   optional
//	x@m     present exactly when modifier (or set) m is
//	0 1 2   register or constant of the n-th type of the spelling; also a type name (u32, pred)
//	w0      twice as wide as type 0        x0   at least as wide as type 0 (cvt)
//	v0      scalar or .v2/.v4 vector of type 0, registers may be wider (ld, st)
//	m0      as mov takes it: also special registers, addresses, pack and unpack vectors
//	a0 a    an address held in a register or named by a symbol, without brackets
//	[]      a bracketed address            [t]  a tensor or texture address [map, {c0,c1}]
//	#       a constant                     !pred  a predicate that may be negated
//	x|pred  two results                    n32  as many b32 registers as .x1/.x2/.x4 says
//	fa fb fc fd  matrix fragments          u16v a vector of u16 (im2col offsets)
//	L       label                                  C    the operands of a call
//
// Several signatures are separated by ';'. The last two columns are the least target (900 is
// sm_90, 901 is sm_90a) and the least PTX version (78 is 7.8); 0 means any.
package ptx
