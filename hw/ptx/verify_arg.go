package ptx

import (
	"fmt"
	"strconv"
)

// arg checks one operand against its place in the signature.
func (v *verifier) arg(in *Inst, p *param, o *Operand) {
	if o.Kind == KindPair {
		v.pair(in, p, o)
		return
	}
	if p.second != NoType && !p.mayOne {
		v.fault(o.Pos, in.Op.Base+" needs two results", "write d|p")
		return
	}
	if o.Not && p.rule != ruleNotPred && (p.write || p.regType(in) != Pred) {
		v.fault(o.Pos, "only a predicate source may be negated", "drop the !")
		return
	}
	if o.Kind == KindName {
		return // binding has reported it
	}
	argRules[p.rule](v, in, p, o)
}

func (v *verifier) pair(in *Inst, p *param, o *Operand) {
	if p.second == NoType {
		v.fault(o.Pos, in.Opcode()+" has one result", "drop what follows |")
		return
	}
	v.value(&o.List[0], p.typeOf(in), true, sameWidth)
	v.value(&o.List[1], p.second, true, sameWidth)
}

var argRules [ruleCall + 1]func(*verifier, *Inst, *param, *Operand)

func init() {
	argRules = [ruleCall + 1]func(*verifier, *Inst, *param, *Operand){
		ruleType: func(v *verifier, in *Inst, p *param, o *Operand) {
			if o.Kind == KindSink && !discards[in.Op.ID] {
				v.fault(o.Pos, in.Opcode()+" cannot drop its result", "")
				return
			}
			v.value(o, p.typeOf(in), p.write, sameWidth)
		},
		ruleWide: func(v *verifier, in *Inst, p *param, o *Operand) {
			v.value(o, wider(p.typeOf(in)), p.write, sameWidth)
		},
		ruleRelaxed: func(v *verifier, in *Inst, p *param, o *Operand) {
			if o.Kind == KindSpecial && !p.write {
				return // cvt reads special registers of any width
			}
			v.value(o, p.typeOf(in), p.write, atLeastWidth)
		},
		ruleVector:  (*verifier).vector,
		ruleMove:    (*verifier).move,
		ruleAddress: (*verifier).address,
		ruleMemory:  (*verifier).memory,
		ruleTensor:  (*verifier).tensor,
		ruleConst:   func(v *verifier, _ *Inst, _ *param, o *Operand) { v.constant(o) },
		ruleNotPred: (*verifier).predicate,
		ruleCount32: func(v *verifier, in *Inst, p *param, o *Operand) {
			v.list(in, o, in.Vec(), B32, p.write)
		},
		ruleFragA: (*verifier).fragment,
		ruleFragB: (*verifier).fragment,
		ruleFragC: (*verifier).fragment,
		ruleFragD: (*verifier).fragment,
		ruleShort: func(v *verifier, in *Inst, p *param, o *Operand) {
			v.list(in, o, in.Dim()-2, U16, false) // im2col offsets: one a spatial dimension
		},
		ruleLabel: (*verifier).label,
		ruleCall:  func(*verifier, *Inst, *param, *Operand) {},
	}
}

// discards: operations whose whole result may be _ (measured with ptxas 12.4; add may not).
var discards = map[OpID]bool{OpAtom: true, OpMbarrierArrive: true, OpMbarrierArriveExpectTx: true,
	OpMbarrierArriveNoComplete: true, OpMbarrierArriveDrop: true,
	OpMbarrierArriveDropExpectTx: true, OpMbarrierArriveDropNoComplete: true}

// widthRule is one of the two ways a register may relate to an instruction type.
type widthRule uint8

const (
	sameWidth    widthRule = iota // PTX ISA 9.4, table "operand type checking"
	atLeastWidth                  // 9.4.1, operand size exceeding instruction-type size
)

// agrees: same size; then bits go with anything, integers with integers, floats with floats.
func agrees(inst, reg Type, w widthRule) bool {
	if inst == Pred || reg == Pred {
		return inst == reg
	}
	if w == atLeastWidth && reg.Bits() > inst.Bits() {
		return inst.IsBits() || reg.IsBits() || inst.IsInt() && reg.IsInt()
	}
	if inst.Bits() != reg.Bits() {
		return false
	}
	if inst.IsBits() || reg.IsBits() {
		return true
	}
	return inst.IsFloat() == reg.IsFloat()
}

// value checks a register or constant of type t.
func (v *verifier) value(o *Operand, t Type, write bool, w widthRule) {
	switch o.Kind {
	case KindReg:
		v.reg(o, t, w)
	case KindSink:
		if !write {
			v.fault(o.Pos, "_ is not a value", "it can only take a result")
		}
	case KindSpecial:
		if write {
			v.fault(o.Pos, o.Name+" is read-only", "")
			return
		}
		v.fault(o.Pos, o.Name+" cannot stand here", "read special registers with mov or cvt")
	case KindInt, KindF32, KindF64:
		v.literal(o, t, write)
	case KindName:
	default:
		v.fault(o.Pos, "operand "+o.String()+" is not a register or constant", "")
	}
}

func (v *verifier) reg(o *Operand, t Type, w widthRule) {
	got := v.f.Regs.typeAt(o.Index)
	if t != NoType && got != NoType && !agrees(t, got, w) {
		v.fault(o.Pos, fmt.Sprintf("register %s is .%v where .%v is needed", o.Name, got, t), "")
	}
}

func (v *verifier) literal(o *Operand, t Type, write bool) {
	switch {
	case write:
		v.fault(o.Pos, "a constant cannot take a result", "")
	case o.Kind == KindInt && t.IsFloat():
		v.fault(o.Pos, "integer constant where ."+t.String()+" is needed",
			"write 0f3F800000 or 1.0")
	case o.Kind != KindInt && (t.IsInt() || t == Pred):
		v.fault(o.Pos, "float constant where ."+t.String()+" is needed", "")
	}
}

// vector: ld and st take as many registers as .v2/.v4 says, each at least as wide as the type.
func (v *verifier) vector(in *Inst, p *param, o *Operand) {
	t, n := p.typeOf(in), in.Vec()
	if n == 1 {
		if o.Kind == KindVector && len(o.List) == 1 {
			o = &o.List[0]
		}
		v.value(o, t, p.write, atLeastWidth)
		return
	}
	if o.Kind != KindVector {
		v.fault(o.Pos, fmt.Sprintf("%s needs a vector of %d", in.Opcode(), n), "write {a, b}")
		return
	}
	if len(o.List) != n {
		v.fault(o.Pos, fmt.Sprintf("vector has %d elements, %s needs %d", len(o.List), in.Opcode(),
			n), "")
		return
	}
	for i := range o.List {
		v.value(&o.List[i], t, p.write, atLeastWidth)
	}
}

// list checks n registers of type t; n < 0 takes any number.
func (v *verifier) list(in *Inst, o *Operand, n int, t Type, write bool) {
	if o.Kind != KindVector {
		if n == 1 || n < 0 {
			v.value(o, t, write, sameWidth)
			return
		}
		v.fault(o.Pos, fmt.Sprintf("%s needs a vector of %d registers", in.Opcode(), n), "")
		return
	}
	if n >= 0 && len(o.List) != n {
		v.fault(o.Pos, fmt.Sprintf("vector has %d registers, %s needs %d of .%v here", len(o.List),
			in.Opcode(), n, t), "")
		return
	}
	for i := range o.List {
		v.value(&o.List[i], t, write, sameWidth)
	}
}

func (v *verifier) fragment(in *Inst, p *param, o *Operand) {
	n, t := in.fragment(p.rule)
	if t == B32 {
		t = U32 // packed elements: ptxas refuses .f32 registers
	}
	v.list(in, o, n, t, p.write)
}

// move: mov also reads special registers and addresses, packs and unpacks (9.7.9.5, 9.7.9.6).
func (v *verifier) move(in *Inst, p *param, o *Operand) {
	t := in.Type(0)
	switch o.Kind {
	case KindSpecial:
		if p.write {
			v.fault(o.Pos, o.Name+" is read-only", "")
			return
		}
		v.specialReg(o, t)
	case KindVector:
		v.pack(o, t, p.write)
	case KindLocal, KindGlobal, KindFunc:
		if p.write {
			v.fault(o.Pos, quote(o.Name)+" is not a register", "use st to write memory")
		} else if t.Bits() != 32 && t.Bits() != 64 || t.IsFloat() {
			v.fault(o.Pos, "an address does not fit ."+t.String(), "use mov.u64")
		}
	default:
		v.value(o, t, p.write, sameWidth)
	}
}

func (v *verifier) specialReg(o *Operand, t Type) {
	s := specials[o.Index]
	if v.arch != 0 && !v.arch.Has(s.sm) {
		v.fault(o.Pos, fmt.Sprintf("%s needs target %v, the module's is %v", s.name, s.sm,
			v.arch), "")
	}
	if v.m.Version != 0 && v.m.Version < s.ptx {
		v.fault(o.Pos, fmt.Sprintf("%s needs PTX %d.%d", s.name, s.ptx/10, s.ptx%10), "")
	}
	if t.Bits() != s.typ.Bits() {
		v.fault(o.Pos, fmt.Sprintf("%s is %d bits wide, .%v is %d", s.name, s.typ.Bits(), t,
			t.Bits()), "use mov."+s.typ.String())
	}
}

// pack checks mov.b32 {a,b}, c and its reverse: the parts together are as wide as the type.
func (v *verifier) pack(o *Operand, t Type, write bool) {
	if !t.IsBits() {
		v.fault(o.Pos, "mov of a vector needs a .b type", "such as mov.b32")
	}
	bits, known := 0, true
	for i := range o.List {
		e := &o.List[i]
		switch {
		case e.Kind == KindReg:
			bits += v.f.Regs.typeAt(e.Index).Bits()
		case e.Kind == KindSink && !write:
			v.fault(e.Pos, "_ is not a value", "it can only take a result")
			known = false
		case (e.Kind == KindInt || e.Kind == KindF32) && write:
			v.fault(e.Pos, "a constant cannot take a result", "")
			known = false
		default:
			known = false
		}
	}
	if known && bits != t.Bits() {
		v.fault(o.Pos, fmt.Sprintf("vector is %d bits wide, .%v is %d", bits, t, t.Bits()), "")
	}
}

// address: an address by value, in a register or as a symbol.
func (v *verifier) address(in *Inst, p *param, o *Operand) {
	switch o.Kind {
	case KindReg:
		t := v.f.Regs.typeAt(o.Index)
		if t == Pred || t.IsFloat() || t.Bits() != 32 && t.Bits() != 64 {
			v.fault(o.Pos, "register "+o.Name+" is ."+t.String()+", not an address", "")
			return
		}
		if p.slot >= 0 {
			v.reg(o, in.Type(int(p.slot)), sameWidth)
		}
	case KindLocal, KindGlobal, KindFunc, KindInt:
	default:
		v.fault(o.Pos, "operand "+o.String()+" is not an address", "")
	}
}

// memory: [register or symbol + offset]. The register is as wide as the space's addresses; 32-bit
// ones serve shared, local, const and param even in 64-bit code (9.7.9.1).
func (v *verifier) memory(in *Inst, _ *param, o *Operand) {
	if o.Kind != KindAddr {
		v.fault(o.Pos, "operand "+o.String()+" is not a memory address", "write ["+o.String()+"]")
		return
	}
	if len(o.List) == 0 {
		return
	}
	v.base(in, &o.List[0])
}

func (v *verifier) base(in *Inst, b *Operand) {
	switch b.Kind {
	case KindReg:
		v.baseReg(in, b)
	case KindLocal:
		v.symbolSpace(in, b, v.f.Vars[b.Index])
	case KindGlobal:
		v.symbolSpace(in, b, v.m.Vars[b.Index])
	case KindName:
	default:
		v.fault(b.Pos, "operand "+b.String()+" cannot address memory",
			"use a register or a variable")
	}
}

func (v *verifier) baseReg(in *Inst, b *Operand) {
	t := v.f.Regs.typeAt(b.Index)
	if t == Pred || t.IsFloat() || t.Bits() < 32 || t.Bits() > 64 {
		v.fault(b.Pos, "register "+b.Name+" is ."+t.String()+", not an address",
			"addresses are 32 or 64 bits, .u or .b")
		return
	}
	s := in.Space()
	wide := (s == SpaceGlobal || s == SpaceGeneric && !sharedOnly[in.Op.ID]) && !manySpaces(in)
	if wide && v.addressBits() == 64 && t.Bits() != 64 {
		v.fault(b.Pos, "register "+b.Name+" is 32 bits, the address space has 64",
			"use a .u64 register")
	}
}

// sharedOnly: without a space word these address shared memory, or an address given for it.
var sharedOnly = map[OpID]bool{OpLdmatrix: true, OpStmatrix: true, OpStAsync: true,
	OpRedAsync:              true,
	OpCpAsyncMbarrierArrive: true, OpMbarrierInit: true, OpMbarrierArrive: true,
	OpMbarrierTryWait: true, OpMbarrierTestWait: true}

// symbolSpace refuses ld.global [sharedVar]. Instructions with several spaces or none are left
// alone: the operand may be any of them.
func (v *verifier) symbolSpace(in *Inst, b *Operand, x *Var) {
	s := in.Space()
	if s == SpaceGeneric || x.Space == s || manySpaces(in) || x.Space == SpaceReg {
		return
	}
	if s == SpaceSharedCluster && x.Space == SpaceShared {
		return
	}
	v.fault(b.Pos, fmt.Sprintf("%s addresses .%v, %s is in .%v", in.Opcode(), s, quote(b.Name),
		x.Space), "")
}

func manySpaces(in *Inst) bool {
	n := 0
	for _, m := range in.Mods {
		if m.Space() != SpaceGeneric {
			n++
		}
	}
	return n > 1
}

func (v *verifier) tensor(in *Inst, _ *param, o *Operand) {
	if o.Kind != KindTensor || len(o.List) < 2 {
		v.fault(o.Pos, in.Opcode()+" needs a tensor address", "write [map, {c0, c1}]")
		return
	}
	coords := &o.List[len(o.List)-1]
	n := 1
	if coords.Kind == KindVector {
		n = len(coords.List)
	}
	want := in.Dim()
	if in.Op.Base == "cp" && n != want { // textures pad theirs to four
		v.fault(coords.Pos, strconv.Itoa(n)+" coordinates for a "+strconv.Itoa(want)+"d tensor", "")
	}
	if coords.Kind == KindVector {
		for i := range coords.List {
			v.coordinate(&coords.List[i])
		}
	}
}

func (v *verifier) coordinate(o *Operand) {
	if o.Kind == KindReg {
		if t := v.f.Regs.typeAt(o.Index); t.Bits() != 32 {
			v.fault(o.Pos, "coordinate "+o.Name+" is ."+t.String(), "coordinates are 32 bits")
		}
	}
}

func (v *verifier) constant(o *Operand) {
	if o.Kind != KindInt {
		v.fault(o.Pos, "operand "+o.String()+" must be an integer constant", "")
	}
}

func (v *verifier) predicate(_ *Inst, _ *param, o *Operand) {
	if o.Kind == KindInt {
		return
	}
	v.value(o, Pred, false, sameWidth)
}

func (v *verifier) label(in *Inst, _ *param, o *Operand) {
	want, what := KindLabel, "label"
	if in.Op.ID == OpBrx {
		want, what = KindTable, "list of .branchtargets"
	}
	if o.Kind != want {
		v.fault(o.Pos, "operand "+o.String()+" is not a "+what, "")
	}
}

// special holds the rules of single instructions that no table column expresses.
func (v *verifier) special(in *Inst) {
	switch in.Op.ID {
	case OpCpAsync:
		v.cpSize(in)
	case OpMbarrierArrive, OpMbarrierArriveExpectTx, OpMbarrierArriveDrop,
		OpMbarrierArriveDropExpectTx:
		if d := &in.Args[0]; in.Has(ModSharedCluster) && d.Kind != KindSink {
			v.fault(d.Pos, "a remote arrival has no result", "write _")
		}
		if len(in.Args) == 3 && v.arch != 0 && !v.arch.Has(900) {
			v.fault(in.Pos, in.Opcode()+" with a count needs target sm_90", "write .noComplete")
		}
	case OpSetmaxnreg:
		// PTX ISA 9.7.18.5: a multiple of 8 in 24..256.
		if n := &in.Args[0]; n.Kind == KindInt && (n.Imm < 24 || n.Imm > 256 || n.Imm%8 != 0) {
			v.fault(n.Pos, strconv.FormatInt(n.Imm, 10)+" registers cannot be asked for",
				"a multiple of 8 in 24..256")
		}
	}
}

// cpSize: 4, 8 or 16 bytes; .cg takes 16 only (9.7.9.25.3.1).
func (v *verifier) cpSize(in *Inst) {
	n := &in.Args[2]
	if n.Kind != KindInt {
		return
	}
	ok := n.Imm == 16 || in.Has(ModCa) && (n.Imm == 4 || n.Imm == 8)
	if !ok {
		v.fault(n.Pos, "cp.async cannot copy "+strconv.FormatInt(n.Imm, 10)+" bytes",
			".ca copies 4, 8 or 16, .cg 16")
	}
}
