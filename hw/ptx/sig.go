package ptx

import "strings"

// rule says how an operand's type follows from the instruction.
type rule uint8

const (
	ruleType    rule = iota // exactly the type (of slot n, or named)
	ruleWide                // twice the width of slot n
	ruleRelaxed             // at least the width of slot n
	ruleVector              // scalar or .vN vector of slot n, registers may be wider
	ruleMove                // mov
	ruleAddress             // an address without brackets
	ruleMemory              // [address]
	ruleTensor              // [map, {coordinates}]
	ruleConst               // constant
	ruleNotPred             // a predicate, maybe negated
	ruleCount32             // b32 vector counted by .xN
	ruleFragA               // matrix fragments
	ruleFragB
	ruleFragC
	ruleFragD
	ruleShort // vector of 16-bit registers
	ruleLabel
	ruleCall
)

// param is one operand of a signature.
type param struct {
	rule     rule
	write    bool
	read     bool
	optional bool
	slot     int8 // index into Inst.Types, or -1
	typ      Type // when slot is -1
	second   Type // type of the second result, NoType if none may follow
	mayOne   bool // the second result may be left out
	when     []Mod
}

func compileSig(sig string) []param {
	var ps []param
	if sig == "" {
		return ps
	}
	for _, s := range strings.Split(sig, ",") {
		ps = append(ps, compileParam(s))
	}
	return ps
}

func compileParam(s string) param {
	p := param{read: true, slot: -1}
	if s[0] == '=' || s[0] == '+' {
		p.write, p.read = true, s[0] == '+'
		s = s[1:]
	}
	if a, b, ok := strings.Cut(s, "@"); ok {
		s, p.when = a, mustSet(b)
	}
	if a, b, ok := strings.Cut(s, "|"); ok {
		b, p.mayOne = strings.CutSuffix(b, "?")
		s, p.second = a, typeNamed(b)
	} else {
		s, p.optional = strings.CutSuffix(s, "?")
	}
	p.setRule(s)
	return p
}

var wordRules = map[string]rule{
	"[]": ruleMemory, "[t]": ruleTensor, "#": ruleConst, "!pred": ruleNotPred, "n32": ruleCount32,
	"fa": ruleFragA, "fb": ruleFragB, "fc": ruleFragC, "fd": ruleFragD, "u16v": ruleShort,
	"L": ruleLabel, "C": ruleCall, "a": ruleAddress,
}

var slotRules = map[byte]rule{
	'w': ruleWide, 'x': ruleRelaxed, 'v': ruleVector, 'm': ruleMove, 'a': ruleAddress,
}

func (p *param) setRule(s string) {
	if r, ok := wordRules[s]; ok {
		p.rule = r
		return
	}
	if p.typ = typeNamed(s); p.typ != NoType {
		return
	}
	if r, ok := slotRules[s[0]]; ok {
		p.rule, s = r, s[1:]
	}
	if len(s) != 1 || s[0] < '0' || s[0] > '3' {
		panic("ptx: opcode table has an unreadable operand " + s)
	}
	p.slot = int8(s[0] - '0')
}

// present reports whether the operand belongs to this spelling.
func (p *param) present(in *Inst) bool {
	return p.when == nil || in.Pick(p.when) != 0
}

// typeOf is the operand's type before its rule widens it.
func (p *param) typeOf(in *Inst) Type {
	if p.slot < 0 {
		return p.typ
	}
	return in.Type(int(p.slot))
}

// ArgRole says what an instruction does with one of its operands.
type ArgRole struct {
	Type  Type // type of each register of the operand; NoType for addresses, labels, calls
	Write bool // a result
	Read  bool // a source (an accumulator is both)
}

// Roles appends what in does with each of its operands to dst, one entry an operand. It is empty
// for an instruction whose operands do not fit the table, which Verify refuses.
func (in *Inst) Roles(dst []ArgRole) []ArgRole {
	sig := in.signature()
	for i := range sig {
		p := sig[i]
		dst = append(dst, ArgRole{Type: p.regType(in), Write: p.write, Read: p.read})
	}
	return dst
}

// regType is the type a register of the operand should have.
func (p *param) regType(in *Inst) Type {
	switch p.rule {
	case ruleWide:
		return wider(p.typeOf(in))
	case ruleNotPred:
		return Pred
	case ruleConst, ruleMemory, ruleTensor, ruleLabel, ruleCall:
		return NoType
	case ruleCount32:
		return B32
	case ruleShort:
		return U16
	case ruleFragA, ruleFragB, ruleFragC, ruleFragD:
		_, t := in.fragment(p.rule)
		return t
	}
	return p.typeOf(in)
}

func wider(t Type) Type {
	switch t {
	case U16:
		return U32
	case S16:
		return S32
	case U32:
		return U64
	case S32:
		return S64
	}
	return t
}

// layout picks, for n operands, which entries of a signature they are: optional entries fill from
// the left (bar.red.popc.u32 d, a{, b}, c). It reports failure when n does not fit.
func layout(sig []param, in *Inst, n int) ([]param, bool) {
	var buf [16]param
	out := buf[:0]
	need := 0
	for i := range sig {
		if sig[i].present(in) && !sig[i].optional {
			need++
		}
	}
	spare := n - need
	for i := range sig {
		p := &sig[i]
		if !p.present(in) {
			continue
		}
		if p.optional {
			if spare <= 0 {
				continue
			}
			spare--
		}
		out = append(out, *p)
	}
	if len(out) != n {
		return nil, false
	}
	return append([]param(nil), out...), true
}

// signature picks the signature whose count, and where several agree whose kinds, fit.
func (in *Inst) signature() []param {
	var first []param
	for _, sig := range in.Op.sigs {
		ps, ok := layout(sig, in, len(in.Args))
		if !ok {
			continue
		}
		if fitsKinds(in, ps) {
			return ps
		}
		if first == nil {
			first = ps
		}
	}
	return first
}

// fitsKinds compares operand shapes only: a bracketed address against a register, a vector
// against a descriptor.
func fitsKinds(in *Inst, ps []param) bool {
	for i := range ps {
		a := &in.Args[i]
		switch ps[i].rule {
		case ruleMemory, ruleTensor:
			if a.Kind != KindAddr && a.Kind != KindTensor {
				return false
			}
		case ruleFragA, ruleFragB, ruleFragC, ruleFragD:
			if a.Kind != KindVector {
				return false
			}
		case ruleNotPred:
			if a.Kind == KindReg && in.regs != nil && in.regs.typeAt(a.Index) != Pred {
				return false
			}
		default:
			if a.Kind == KindAddr || (a.Kind == KindVector && ps[i].rule == ruleType) {
				return false
			}
			if a.Kind == KindReg && in.regs != nil &&
				(in.regs.typeAt(a.Index) == Pred) != (ps[i].regType(in) == Pred) {
				return false
			}
		}
	}
	return true
}
