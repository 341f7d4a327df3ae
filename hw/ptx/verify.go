package ptx

import (
	"fmt"
	"strconv"
	"strings"
)

// Verify checks what the grammar cannot: names, operand counts, kinds and widths, labels, guards,
// targets. It binds the module anew first, so a module built by hand may be given. The error is
// an [ErrorList] with every fault.
func Verify(m *Module) error {
	v := &verifier{m: m}
	v.head()
	m.bind(v.fault)
	for _, f := range m.Funcs {
		v.function(f)
	}
	for _, x := range m.Vars {
		v.variable(x)
	}
	return v.errs.err()
}

type verifier struct {
	m    *Module
	f    *Func
	arch Arch
	errs ErrorList
}

func (v *verifier) fault(pos Pos, msg, hint string) { v.errs.add(v.m.Name, pos, msg, hint) }

// Arch returns the module's target architecture, 0 if .target names none.
func (m *Module) Arch() Arch {
	for _, t := range m.Target {
		digits, ok := strings.CutPrefix(t, "sm_")
		if !ok {
			continue
		}
		digits, special := strings.CutSuffix(digits, "a")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 10 || n > 999 {
			continue
		}
		a := Arch(n * 10)
		if special {
			a++
		}
		return a
	}
	return 0
}

func (v *verifier) head() {
	start := Pos{1, 1}
	v.arch = v.m.Arch()
	if v.m.Version == 0 {
		v.fault(start, "module lacks .version", "begin with .version 8.4")
	}
	if v.arch == 0 {
		v.fault(start, "module lacks a .target architecture", "such as .target sm_90a")
	}
	if v.m.AddressSize != 0 && v.m.AddressSize != 32 && v.m.AddressSize != 64 {
		v.fault(start, "address size "+strconv.Itoa(v.m.AddressSize)+" does not exist", "32 or 64")
	}
}

func (v *verifier) addressBits() int {
	if v.m.AddressSize == 64 {
		return 64
	}
	return 32
}

func (v *verifier) function(f *Func) {
	v.f = f
	for _, list := range [2][]*Var{f.Return, f.Params} {
		for _, p := range list {
			v.param(f, p)
		}
	}
	if f.Entry && len(f.Return) > 0 {
		v.fault(f.Pos, "a kernel returns nothing", "use .func")
	}
	if f.Defined && f.Linkage == LinkExtern {
		v.fault(f.Pos, ".extern function "+quote(f.Name)+" has a body", "drop .extern or the body")
	}
	v.body(f.Body)
}

func (v *verifier) param(f *Func, p *Var) {
	if f.Entry && p.Space == SpaceReg {
		v.fault(p.Pos, "kernel parameter "+quote(p.Name)+" is in registers", "use .param")
	}
	v.variable(p)
}

func (v *verifier) variable(x *Var) {
	switch {
	case x.Type == Pred && x.Space != SpaceReg:
		v.fault(x.Pos, "variable "+quote(x.Name)+" cannot be .pred", "predicates live in registers")
	case x.Init != nil && x.Space != SpaceGlobal && x.Space != SpaceConst:
		v.fault(x.Pos, "variable "+quote(x.Name)+" cannot have an initialiser",
			"only .global and .const can")
	}
	for i, d := range x.Dims {
		if d == 0 && i > 0 {
			v.fault(x.Pos, "only the first dimension of "+quote(x.Name)+" may be open", "")
		}
	}
	if len(x.Dims) > 0 && x.Dims[0] == 0 && x.Init == nil && x.Linkage != LinkExtern &&
		x.Space != SpaceParam {
		v.fault(x.Pos, "array "+quote(x.Name)+" has no size", "give it one, or make it .extern")
	}
}

func (v *verifier) body(body []Stmt) {
	for _, s := range body {
		switch s := s.(type) {
		case *Inst:
			v.inst(s)
		case *Var:
			v.variable(s)
		case *Block:
			v.body(s.Body)
		case *RegDecl:
			v.regDecl(s)
		case *Targets:
			v.targets(s)
		case *Loc:
			v.loc(s)
		}
	}
}

func (v *verifier) regDecl(d *RegDecl) {
	t := d.Type
	switch {
	case t == Pred || t.Bits() >= 16 && (t.IsInt() || t.IsBits()):
	case t == F16 || t == F16x2 || t == F32 || t == F64:
	default:
		v.fault(d.Pos, "registers cannot be ."+t.String(),
			"use .b16, .b32 or .b64 for narrow, packed and alternate types")
	}
}

func (v *verifier) targets(t *Targets) {
	want, what := KindLabel, "label"
	if t.Call {
		want, what = KindFunc, "function"
	}
	for i := range t.Names {
		n := &t.Names[i]
		if n.Kind != want && n.Kind != KindName {
			v.fault(n.Pos, quote(n.Name)+" is not a "+what, "")
		}
	}
}

func (v *verifier) loc(l *Loc) {
	for _, f := range v.m.Files {
		if f.Index == l.File {
			return
		}
	}
	v.fault(l.Pos, ".loc names file "+strconv.Itoa(l.File)+", which no .file declares", "")
}

func (v *verifier) inst(in *Inst) {
	v.guard(&in.Guard)
	v.needs(in)
	if in.Op.ID == OpCall {
		v.call(in)
		return
	}
	sig := in.signature()
	if sig == nil && !v.emptyFits(in) {
		v.count(in)
		return
	}
	for i := range sig {
		v.arg(in, &sig[i], &in.Args[i])
	}
	v.special(in)
}

func (v *verifier) emptyFits(in *Inst) bool {
	return len(in.Args) == 0 && len(in.Op.sigs) == 1 && len(in.Op.sigs[0]) == 0
}

func (v *verifier) count(in *Inst) {
	var want []string
	for _, sig := range in.Op.sigs {
		low, high := 0, 0
		for i := range sig {
			if !sig[i].present(in) {
				continue
			}
			high++
			if !sig[i].optional {
				low++
			}
		}
		s := strconv.Itoa(high)
		if low < high {
			s = strconv.Itoa(low) + " to " + s
		}
		if len(want) == 0 || want[len(want)-1] != s {
			want = append(want, s)
		}
	}
	v.fault(in.Pos, fmt.Sprintf("%s takes %s operands, has %d", in.Opcode(),
		strings.Join(want, " or "), len(in.Args)), "")
}

func (v *verifier) guard(g *Guard) {
	if g.Name == "" || g.Index < 0 {
		return
	}
	if t := v.f.Regs.typeAt(int32(g.Index)); t != Pred {
		v.fault(g.Pos, "guard "+g.Name+" is ."+t.String(), "a guard must be a .pred register")
	}
}

// needs checks the target and PTX version, of the row and of single modifiers.
func (v *verifier) needs(in *Inst) {
	sm, ptx, who := in.Op.SM, in.Op.PTX, in.Opcode
	for _, m := range in.Mods {
		n, ok := modNeeds[m]
		if ok && in.Op.SM < n.sm {
			sm = max(sm, n.sm)
		}
		if ok {
			ptx = max(ptx, n.ptx)
		}
	}
	if v.arch != 0 && !v.arch.Has(sm) {
		v.fault(in.Pos, fmt.Sprintf("%s needs target %v, the module's is %v", who(), sm, v.arch),
			"raise .target")
	}
	if v.m.Version != 0 && v.m.Version < ptx {
		v.fault(in.Pos, fmt.Sprintf("%s needs PTX %d.%d, the module's is %d.%d", who(), ptx/10,
			ptx%10, v.m.Version/10, v.m.Version%10), "raise .version")
	}
}

// modNeeds: modifiers that need more than their row (PTX ISA 8.4, target notes of ld, st, atom,
// mbarrier, mma).
var modNeeds = map[Mod]struct {
	sm  Arch
	ptx int
}{
	ModWeak:              {700, 60},
	ModRelaxed:           {700, 60},
	ModAcquire:           {700, 60},
	ModRelease:           {700, 60},
	ModAcqRel:            {700, 60},
	ModParamEntry:        {0, 83},
	ModParamFunc:         {0, 83},
	ModCluster:           {900, 78},
	ModSharedCluster:     {900, 78},
	ModSharedCta:         {300, 78},
	ModMulticastCluster:  {900, 80},
	ModL264B:             {750, 74},
	ModL2128B:            {750, 74},
	ModL2256B:            {800, 74},
	ModL2CacheHint:       {800, 74},
	ModL1NoAllocate:      {700, 74},
	ModL1EvictFirst:      {700, 74},
	ModL1EvictLast:       {700, 74},
	ModL1EvictNormal:     {700, 74},
	ModL1EvictUnchanged:  {700, 74},
	ModNaN:               {800, 70},
	ModXorsign:           {860, 72},
	ModNoinc:             {800, 70},
	ModSpOrderedMetadata: {800, 85},
	Mod(B128):            {700, 83},
}

func (v *verifier) call(in *Inst) {
	if len(in.Args) < 3 {
		v.fault(in.Pos, "call lacks a callee", "")
		return
	}
	callee := &in.Args[1]
	switch callee.Kind {
	case KindFunc:
		f := v.m.Funcs[callee.Index]
		if f.Entry {
			v.fault(callee.Pos, "cannot call kernel "+quote(f.Name), "")
			return
		}
		v.callCount(in, len(f.Return), len(f.Params))
	case KindReg:
		if len(in.Args) < 4 {
			v.fault(callee.Pos, "indirect call lacks a prototype",
				"name the label of a .callprototype or .calltargets last")
		}
		v.prototype(in)
	case KindName:
	default:
		v.fault(callee.Pos, quote(callee.Name)+" is not a function", "")
	}
	for _, i := range [2]int{0, 2} {
		for j := range in.Args[i].List {
			v.callArg(&in.Args[i].List[j], i == 0)
		}
	}
}

func (v *verifier) callArg(o *Operand, result bool) {
	switch o.Kind {
	case KindReg, KindName, KindSink:
	case KindLocal:
		if s := v.f.Vars[o.Index].Space; s != SpaceParam {
			v.fault(o.Pos, quote(o.Name)+" is in ."+s.String(), "calls pass .param variables")
		}
	case KindInt, KindF32, KindF64:
		if result {
			v.fault(o.Pos, "a constant cannot take a result", "")
		}
	default:
		v.fault(o.Pos, o.String()+" cannot be passed", "")
	}
}

func (v *verifier) callCount(in *Inst, ret, args int) {
	if n := len(in.Args[0].List); n != ret {
		v.fault(in.Pos, fmt.Sprintf("call takes %d results, the function returns %d", n, ret), "")
	}
	if n := len(in.Args[2].List); n != args {
		v.fault(in.Pos, fmt.Sprintf("call passes %d arguments, the function takes %d", n, args), "")
	}
}

// prototype checks an indirect call against its .callprototype, if that is what the label names.
func (v *verifier) prototype(in *Inst) {
	if len(in.Args) < 4 || in.Args[3].Kind == KindName {
		return
	}
	t := &in.Args[3]
	if t.Kind != KindTable {
		v.fault(t.Pos, quote(t.Name)+" is not a prototype", "")
		return
	}
	if p := findPrototype(v.f.Body, t.Name); p != nil {
		v.callCount(in, len(p.Return), len(p.Params))
	}
}

func findPrototype(body []Stmt, name string) *Prototype {
	for _, s := range body {
		switch s := s.(type) {
		case *Prototype:
			if s.Label == name {
				return s
			}
		case *Block:
			if p := findPrototype(s.Body, name); p != nil {
				return p
			}
		}
	}
	return nil
}
