package tensor

import (
	"fmt"
	"math"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

// Reg is one 32-bit register of a warp: the values of its 32 lanes.
type Reg = [32]uint32

// Shape is the m, n, k of an mma instruction.
type Shape struct{ M, N, K int }

// String is the PTX spelling, as m16n8k16.
func (s Shape) String() string { return fmt.Sprintf("m%dn%dk%d", s.M, s.N, s.K) }

// Unit computes one instruction on whole warps. It owns scratch memory: one goroutine at a time.
type Unit struct {
	tile  tile // first, so that it is aligned
	rule  gpu.MMARule
	shape Shape
	a, b  codec
	x     arith
	order [maxK]uint8 // where element k goes: the identity but for MMATwoHMMA
	group int         // products a group
	sat   bool
	xor   bool // of MMAPopc: xor, not and
	fast  bool // the assembly may run this unit (floating point)

	portable bool // pure Go was asked for
	oddA     bool // A holds an Inf or NaN, which the assembly does not do
	oddB     bool
	aRegs    []*Reg
	bRegs    []*Reg
	goB      [cols]operand // B by columns, for pure Go, if hasB
	hasB     bool
	kern     kernelParams
	ints     integers
	pad      [2]Reg // of m8: the rows of A and C that are not there (zeros), and of D (not read)
}

// Option changes a Unit at its making.
type Option func(*Unit)

// Portable makes the unit use pure Go whatever the processor; the results are the same bits.
func Portable(u *Unit) { u.fast, u.portable = false, true }

// Satfinite is the .satfinite modifier of integer mma: the sum is clamped to s32.
func Satfinite(u *Unit) { u.sat = true }

// Xor makes a unit of 1-bit elements count the ones of a xor b (.xor.popc) instead of a and b.
func Xor(u *Unit) { u.xor = true }

// NewUnit makes a Unit for the rule and shape; a and b are the element types of A and B, which may
// differ from rule.In within its family (e4m3/e5m2, s8/u8, s4/u4). Shapes: m16n8 with k of 128 or
// 256 bits, and m8n8 with k of 128 bits for integers. The fragment layout is that of the PTX ISA.
// Other layouts have functions of their own: NewQuad, NewSparse, MMA64.
func NewUnit(rule gpu.MMARule, shape Shape, a, b num.Format, opts ...Option) (*Unit, error) {
	if err := check(rule, shape, a, b); err != nil {
		return nil, err
	}
	u := &Unit{rule: rule, shape: shape, fast: haveAVX2}
	switch rule.Method {
	case gpu.MMADot, gpu.MMATwoHMMA:
		u.setDot(rule, a, b, shape.K)
	case gpu.MMAInt, gpu.MMAPopc:
		u.a = codec{format: a, bits: uint(a.Bits)}
		u.b = codec{format: b, bits: uint(b.Bits)}
	}
	u.aRegs = make([]*Reg, u.RegsA()*rows/shape.M)
	u.bRegs = make([]*Reg, u.RegsB())
	for _, o := range opts {
		o(u)
	}
	u.kern = newKernelParams(u)
	return u, nil
}

func check(rule gpu.MMARule, s Shape, a, b num.Format) error {
	switch rule.Method {
	case 0:
		return fmt.Errorf("tensor: %v: empty rule; take one from gpu.LookupMMA", s)
	case gpu.MMAChain:
		return fmt.Errorf("tensor: %v: f64 has no Unit: use MMA64", s)
	}
	if rule.F > maxF {
		return fmt.Errorf("tensor: F = %d: at most %d fraction bits", rule.F, maxF)
	}
	if family(a) != family(rule.In) || family(b) != family(rule.In) {
		return fmt.Errorf("tensor: %v: operands %v x %v do not fit a rule for %v",
			s, a, b, rule.In)
	}
	if s.N == cols && (s.M == rows && s.K*a.Bits == 256 || s.K*a.Bits == 128 &&
		(s.M == rows || s.M == rows/2 && a.IsInt())) {
		return nil
	}
	return fmt.Errorf("tensor: %v of %v: want m16n8 with k of %d or %d (or m8n8k%d of integers)",
		s, a, 128/a.Bits, 256/a.Bits, 128/a.Bits)
}

// family is the set of element types that one rule serves.
func family(f num.Format) string {
	switch f {
	case num.E4M3, num.E5M2:
		return "fp8"
	case num.S8, num.U8:
		return "int8"
	case num.S4, num.U4:
		return "int4"
	}
	return f.Name
}

func (u *Unit) setDot(rule gpu.MMARule, a, b num.Format, k int) {
	sa, sb := preShift(rule.F)
	u.a = newCodec(a, rule.ZeroExp, sa)
	u.b = newCodec(b, rule.ZeroExp, sb)
	u.x = newArith(rule)
	u.group = rule.G
	for i := range u.order {
		u.order[i] = uint8(i)
	}
	if rule.Method == gpu.MMATwoHMMA {
		u.group = k / 2
		for i := range k {
			u.order[i] = uint8(i/4*2 + i%2 + i%4/2*(k/2))
		}
	}
}

// RegsA, RegsB and RegsC are the numbers of registers a lane gives for A, B, and each of C and D.
func (u *Unit) RegsA() int { return u.shape.M * u.shape.K * int(u.a.bits) / 1024 }

// RegsB: see RegsA.
func (u *Unit) RegsB() int { return u.shape.K * int(u.a.bits) / 128 }

// RegsC: see RegsA.
func (u *Unit) RegsC() int {
	if u.rule.Acc == num.F16 {
		return 2
	}
	return u.shape.M / 4
}

// Rule is the rule the unit was made for.
func (u *Unit) Rule() gpu.MMARule { return u.rule }

// MMA computes D = A*B + C on the registers of one warp, laid out as the PTX ISA says for the
// shape. The slices hold RegsC, RegsA, RegsB and RegsC registers; D may share registers with any
// operand.
func (u *Unit) MMA(d, a, b, c []*Reg) {
	u.LoadA(a)
	u.LoadB(b)
	u.Run(d, c)
}

// LoadA decodes the A fragment for the Runs to come. The registers must stay unchanged until then.
func (u *Unit) LoadA(a []*Reg) {
	for i := range u.aRegs {
		u.aRegs[i] = &u.pad[0] // rows 8 to 15 of m8
	}
	copy(u.aRegs, a[:u.RegsA()])
	switch u.rule.Method {
	case gpu.MMAInt:
		u.loadIntA()
	case gpu.MMADot, gpu.MMATwoHMMA:
		u.decodeA()
	}
}

// LoadB decodes the B fragment for the Runs to come. The registers must stay unchanged until then.
func (u *Unit) LoadB(b []*Reg) {
	copy(u.bRegs, b[:len(u.bRegs)])
	switch u.rule.Method {
	case gpu.MMAInt:
		u.loadIntB()
	case gpu.MMADot, gpu.MMATwoHMMA:
		u.decodeB()
	}
}

// Run computes D = A*B + C with the fragments loaded last: wgmma keeps its A over many B.
func (u *Unit) Run(d, c []*Reg) {
	switch u.rule.Method {
	case gpu.MMAInt, gpu.MMAPopc:
		if u.shape.M < rows {
			none, unread := &u.pad[0], &u.pad[1]
			c, d = []*Reg{c[0], c[1], none, none}, []*Reg{d[0], d[1], unread, unread}
		}
		u.runInt(d, c)
		return
	}
	u.startC(c)
	if !u.runFast() {
		u.startC(c)
		u.runGo()
	}
	if u.rule.Method == gpu.MMATwoHMMA {
		u.addC(c)
	}
	u.storeD(d)
}

// startC gives the first group its accumulators.
func (u *Unit) startC(c []*Reg) {
	if u.rule.Method == gpu.MMATwoHMMA {
		u.tile.c = [rows][cols]uint32{}
		return
	}
	u.loadC(c)
}

// runGo runs all groups in pure Go.
func (u *Unit) runGo() {
	t, k := &u.tile, u.shape.K
	if !u.hasB {
		u.decodeBGo()
		u.hasB = true
	}
	for k0 := 0; k0 < k; k0 += u.group {
		k1 := min(k0+u.group, k)
		for m := range rows {
			as, ae := t.as[m][k0:k1], t.ae[m][k0:k1]
			for n := range cols {
				b := &u.goB[n]
				t.c[m][n] = u.x.dot(as, ae, b.s[k0:k1], b.e[k0:k1], t.c[m][n])
			}
		}
	}
}

// addC adds C to the tile, element by element: the FADD or HADD that ends MMATwoHMMA.
func (u *Unit) addC(c []*Reg) {
	sum, add := u.tile.c, addF32
	if u.rule.Acc == num.F16 {
		add = addF16
	}
	u.loadC(c)
	for m := range rows {
		x, y := &sum[m], &u.tile.c[m]
		for n := range cols {
			y[n] = add(x[n], y[n])
		}
	}
}

// addF32 and addF16 are one IEEE addition, nearest even, with the canonical NaN.
func addF32(a, b uint32) uint32 {
	s := math.Float32frombits(a) + math.Float32frombits(b)
	if s != s {
		return 0x7fffffff
	}
	return math.Float32bits(s)
}

// The f32 sum of two f16 rounds again without error: 24 >= 2*11+2 bits.
func addF16(a, b uint32) uint32 {
	return uint32(num.F32ToF16(num.F16ToF32(uint16(a)) + num.F16ToF32(uint16(b))))
}
