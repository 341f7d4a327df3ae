package lane

import "golang.org/x/sys/cpu"

// choose takes AVX2 where the processor has it, all of it together: every such processor has FMA.
func choose() Table {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return Portable()
	}
	return vector()
}

// vector is the table in AVX2.
func vector() Table {
	return Table{
		Add: add, Sub: sub, Mul: mul, And: and, Or: or, Xor: xor,
		MinS: minS, MaxS: maxS, MinU: minU, MaxU: maxU,
		Shl: shl, ShrU: shrU, ShrS: shrS, Mad: mad,
		AddF: addF, SubF: subF, MulF: mulF, MinF: minF, MaxF: maxF,
		AddFtz: addFtz, SubFtz: subFtz, MulFtz: mulFtz,
		Fma: fmaF, FmaFtz: fmaFtz, Flush: flushF, FromS32: fromS32,
		MulWideS: mulWideS, MulWideU: mulWideU, SignExtend: signExtend, ZeroExtend: zeroExtend,
		Narrow: narrow, Add64: add64, Sub64: sub64, Mul64: mul64, And64: and64, Or64: or64,
		Xor64: xor64, Shl64: shl64, ShrU64: shrU64, Mad64: mad64,
		Eq: eq, GtS: gtS, GtU: gtU, EqF: eqF, LtF: ltF, LeF: leF, UnorderedF: unorderedF,
		Eq64: eq64, GtS64: gtS64, GtU64: gtU64, Select: select32, Select64: select64,
		Address: address, Address64: address64, Offsets: offsets, Consecutive: consecutive,
		Gather: gather, Gather64: gather64, Scatter: scatter, Scatter64: scatter64,
	}
}

// In lane_amd64.s.

//go:noescape
func add(d, a, b *Row)

//go:noescape
func sub(d, a, b *Row)

//go:noescape
func mul(d, a, b *Row)

//go:noescape
func and(d, a, b *Row)

//go:noescape
func or(d, a, b *Row)

//go:noescape
func xor(d, a, b *Row)

//go:noescape
func minS(d, a, b *Row)

//go:noescape
func maxS(d, a, b *Row)

//go:noescape
func minU(d, a, b *Row)

//go:noescape
func maxU(d, a, b *Row)

//go:noescape
func shl(d, a, b *Row)

//go:noescape
func shrU(d, a, b *Row)

//go:noescape
func shrS(d, a, b *Row)

//go:noescape
func mad(d, a, b, c *Row)

//go:noescape
func addF(d, a, b *Row)

//go:noescape
func subF(d, a, b *Row)

//go:noescape
func mulF(d, a, b *Row)

//go:noescape
func minF(d, a, b *Row)

//go:noescape
func maxF(d, a, b *Row)

//go:noescape
func addFtz(d, a, b *Row)

//go:noescape
func subFtz(d, a, b *Row)

//go:noescape
func mulFtz(d, a, b *Row)

//go:noescape
func fmaF(d, a, b, c *Row)

//go:noescape
func fmaFtz(d, a, b, c *Row)

//go:noescape
func flushF(d, a *Row)

//go:noescape
func fromS32(d, a *Row)

//go:noescape
func mulWideS(d *Wide, a, b *Row, c *Wide)

//go:noescape
func mulWideU(d *Wide, a, b *Row, c *Wide)

//go:noescape
func signExtend(d *Wide, a *Row)

//go:noescape
func zeroExtend(d *Wide, a *Row)

//go:noescape
func narrow(d *Row, a *Wide)

//go:noescape
func add64(d, a, b *Wide)

//go:noescape
func sub64(d, a, b *Wide)

//go:noescape
func mul64(d, a, b *Wide)

//go:noescape
func and64(d, a, b *Wide)

//go:noescape
func or64(d, a, b *Wide)

//go:noescape
func xor64(d, a, b *Wide)

//go:noescape
func shl64(d, a *Wide, b *Row)

//go:noescape
func shrU64(d, a *Wide, b *Row)

//go:noescape
func mad64(d, a, b, c *Wide)

//go:noescape
func eq(a, b *Row) uint32

//go:noescape
func gtS(a, b *Row) uint32

//go:noescape
func gtU(a, b *Row) uint32

//go:noescape
func eqF(a, b *Row) uint32

//go:noescape
func ltF(a, b *Row) uint32

//go:noescape
func leF(a, b *Row) uint32

//go:noescape
func unorderedF(a, b *Row) uint32

//go:noescape
func eq64(a, b *Wide) uint32

//go:noescape
func gtS64(a, b *Wide) uint32

//go:noescape
func gtU64(a, b *Wide) uint32

//go:noescape
func select32(d, a, b *Row, m uint32)

//go:noescape
func select64(d, a, b *Wide, m uint32)

//go:noescape
func address(a *Wide, x *Row, off uint32)

//go:noescape
func address64(a, x *Wide, off uint64)

//go:noescape
func offsets(d *Row, a *Wide, base uint64) uint64

//go:noescape
func consecutive(a *Row) bool

//go:noescape
func gather(d *Row, mem []byte, off *Row)

//go:noescape
func gather64(d *Wide, mem []byte, off *Row)

//go:noescape
func scatter(mem []byte, off, s *Row)

//go:noescape
func scatter64(mem []byte, off *Row, s *Wide)
