package ptx

import (
	"sort"
	"strconv"
)

// Regs is the register table of a function: every register of every scope, densely numbered in
// the order of declaration. Two scopes may hold registers of the same name.
type Regs struct {
	types  []Type
	ranges []regRange
}

type regRange struct {
	first int
	name  *RegName
	owner *RegDecl // nil for a .reg parameter
	param *Var
}

// Len returns how many registers there are.
func (r *Regs) Len() int { return len(r.types) }

// Type returns the declared type of register i.
func (r *Regs) Type(i int) Type { return r.types[i] }

// Types returns the declared types by dense index; do not change it.
func (r *Regs) Types() []Type { return r.types }

// Name returns the declared name of register i, such as %r7.
func (r *Regs) Name(i int) string {
	k := sort.Search(len(r.ranges), func(k int) bool { return r.ranges[k].first > i }) - 1
	if k < 0 || i >= len(r.types) {
		return "%reg?"
	}
	g := &r.ranges[k]
	switch {
	case g.param != nil:
		return g.param.Name
	case g.name.Count == 0:
		return g.name.Name
	}
	return g.name.Name + strconv.Itoa(i-g.first)
}

// Find returns the index of the first register of that name, or -1. Names of inner scopes may
// repeat; operands carry the right index already.
func (r *Regs) Find(name string) int {
	stem, n, numbered := splitNumber(name)
	for k := range r.ranges {
		g := &r.ranges[k]
		switch {
		case g.param != nil:
			if g.param.Name == name {
				return g.first
			}
		case g.name.Count == 0:
			if g.name.Name == name {
				return g.first
			}
		case numbered && g.name.Name == stem && n < g.name.Count:
			return g.first + n
		}
	}
	return -1
}

func (r *Regs) typeAt(i int32) Type {
	if i < 0 || int(i) >= len(r.types) {
		return NoType
	}
	return r.types[i]
}

// maxRegs bounds the registers of one function, so that no text can exhaust memory.
const maxRegs = 1 << 22

func (r *Regs) add(g regRange, t Type, count int) bool {
	if len(r.types)+count > maxRegs {
		return false
	}
	r.ranges = append(r.ranges, g)
	for range count {
		r.types = append(r.types, t)
	}
	return true
}

// splitNumber cuts %r12 into %r and 12. A family has no member with leading zeros.
func splitNumber(name string) (stem string, n int, ok bool) {
	i := len(name)
	for i > 0 && isDigit(name[i-1]) {
		i--
	}
	digits := name[i:]
	if digits == "" || len(digits) > 7 || len(digits) > 1 && digits[0] == '0' {
		return "", 0, false
	}
	for _, c := range []byte(digits) {
		n = n*10 + int(c-'0')
	}
	return name[:i], n, true
}

// Bind resolves every name of the module: operands get their Kind and Index, functions their
// Regs, Labels and Vars, instructions their Loc. Parse has done it; call it after building or
// changing a module by hand. Unknown names become KindName.
func (m *Module) Bind() { m.bind(nil) }

// report receives a fault; nil stays silent.
type report func(pos Pos, msg, hint string)

func (m *Module) bind(rep report) {
	b := &binder{m: m, rep: rep, globals: map[string]binding{}}
	for i, f := range m.Funcs {
		b.globalFunc(i, f)
	}
	for i, v := range m.Vars {
		b.globalVar(i, v)
	}
	for _, v := range m.Vars {
		if v.Init != nil {
			b.operand(v.Init)
		}
	}
	for _, f := range m.Funcs {
		b.function(f)
	}
}

type binding struct {
	kind  Kind
	index int32
	pos   Pos
}

type family struct {
	first, count int
	pos          Pos
}

type nameScope struct {
	names    map[string]binding
	families map[string]family
}

type binder struct {
	m       *Module
	rep     report
	globals map[string]binding
	scopes  []nameScope
	f       *Func
	loc     *Loc
	hints   int // unknown names reported so far
}

func (b *binder) fault(pos Pos, msg, hint string) {
	if b.rep != nil {
		b.rep(pos, msg, hint)
	}
}

func (b *binder) globalFunc(i int, f *Func) {
	old, ok := b.globals[f.Name]
	if ok && old.kind == KindFunc {
		if !f.Defined {
			return
		}
		if b.m.Funcs[old.index].Defined {
			b.fault(f.Pos, "function "+quote(f.Name)+" is defined twice", firstAt(old.pos))
			return
		}
	}
	b.globals[f.Name] = binding{KindFunc, int32(i), f.Pos}
}

func (b *binder) globalVar(i int, v *Var) {
	old, ok := b.globals[v.Name]
	if ok && (old.kind != KindGlobal || b.m.Vars[old.index].Linkage != LinkExtern) {
		b.fault(v.Pos, "symbol "+quote(v.Name)+" is declared twice", firstAt(old.pos))
		return
	}
	b.globals[v.Name] = binding{KindGlobal, int32(i), v.Pos}
}

func firstAt(p Pos) string {
	return "first at " + strconv.Itoa(int(p.Line)) + ":" + strconv.Itoa(int(p.Col))
}

func (b *binder) function(f *Func) {
	f.Regs, f.Labels, f.Vars = Regs{}, nil, nil
	b.f, b.loc = f, nil
	b.push()
	for _, list := range [2][]*Var{f.Return, f.Params} {
		for _, v := range list {
			b.variable(v)
		}
	}
	b.body(f.Body)
	b.pop()
}

func (b *binder) push() { b.scopes = append(b.scopes, nameScope{}) }
func (b *binder) pop()  { b.scopes = b.scopes[:len(b.scopes)-1] }

func (b *binder) declare(name string, k Kind, index int, pos Pos) {
	s := &b.scopes[len(b.scopes)-1]
	if old, ok := s.names[name]; ok {
		b.fault(pos, quote(name)+" is declared twice in this scope", firstAt(old.pos))
		return
	}
	if s.names == nil {
		s.names = map[string]binding{}
	}
	s.names[name] = binding{k, int32(index), pos}
}

func (b *binder) variable(v *Var) {
	if v.Name == "_" {
		return
	}
	if v.Space == SpaceReg {
		first := b.f.Regs.Len()
		if b.f.Regs.add(regRange{first: first, param: v}, v.Type, 1) {
			b.declare(v.Name, KindReg, first, v.Pos)
		}
		return
	}
	b.declare(v.Name, KindLocal, len(b.f.Vars), v.Pos)
	b.f.Vars = append(b.f.Vars, v)
}

// body binds one scope: first what it declares, since labels are used before they stand.
func (b *binder) body(body []Stmt) {
	for _, s := range body {
		switch s := s.(type) {
		case *RegDecl:
			b.regDecl(s)
		case *Var:
			b.variable(s)
		case *Label:
			s.Index = len(b.f.Labels)
			b.declare(s.Name, KindLabel, s.Index, s.Pos)
			b.f.Labels = append(b.f.Labels, s)
		case *Targets:
			b.declare(s.Label, KindTable, -1, s.Pos)
		case *Prototype:
			b.declare(s.Label, KindTable, -1, s.Pos)
		}
	}
	for _, s := range body {
		switch s := s.(type) {
		case *Inst:
			b.inst(s)
		case *Loc:
			b.loc = s
		case *Targets:
			for i := range s.Names {
				b.operand(&s.Names[i])
			}
		case *Var:
			if s.Init != nil {
				b.operand(s.Init)
			}
		case *Block:
			b.push()
			b.body(s.Body)
			b.pop()
		}
	}
}

func (b *binder) regDecl(d *RegDecl) {
	for i := range d.Names {
		n := &d.Names[i]
		n.Index = b.f.Regs.Len()
		if !b.f.Regs.add(regRange{first: n.Index, name: n, owner: d}, d.Type, max(n.Count, 1)) {
			b.fault(n.Pos, "function "+quote(b.f.Name)+" has too many registers", "")
			return
		}
		if n.Count == 0 {
			b.declare(n.Name, KindReg, n.Index, n.Pos)
			continue
		}
		b.family(n)
	}
}

func (b *binder) family(n *RegName) {
	s := &b.scopes[len(b.scopes)-1]
	if old, ok := s.families[n.Name]; ok {
		b.fault(n.Pos, "registers "+quote(n.Name)+" are declared twice in this scope",
			firstAt(old.pos))
		return
	}
	if s.families == nil {
		s.families = map[string]family{}
	}
	s.families[n.Name] = family{n.Index, n.Count, n.Pos}
}

func (b *binder) inst(in *Inst) {
	in.Loc, in.regs = b.loc, &b.f.Regs
	if in.Guard.Name != "" {
		in.Guard.Index = -1
		if x := b.lookup(in.Guard.Name); x.kind == KindReg {
			in.Guard.Index = int(x.index)
		} else {
			b.unknown(in.Guard.Pos, in.Guard.Name, "predicate")
		}
	}
	for i := range in.Args {
		b.operand(&in.Args[i])
	}
}

func (b *binder) operand(o *Operand) {
	switch o.Kind {
	case KindName, KindReg, KindSpecial, KindLocal, KindGlobal, KindFunc, KindLabel, KindTable:
		x := b.lookup(o.Name)
		o.Kind, o.Index = x.kind, x.index
		if x.kind == KindName {
			b.unknown(o.Pos, o.Name, "name")
		}
	}
	for i := range o.List {
		b.operand(&o.List[i])
	}
}

func (b *binder) lookup(name string) binding {
	stem, n, numbered := splitNumber(name)
	for i := len(b.scopes) - 1; i >= 0; i-- {
		s := &b.scopes[i]
		if numbered {
			if f, ok := s.families[stem]; ok && n < f.count {
				return binding{kind: KindReg, index: int32(f.first + n)}
			}
		}
		if x, ok := s.names[name]; ok {
			return x
		}
	}
	if x, ok := specialIndex[name]; ok {
		return binding{kind: KindSpecial, index: int32(x)}
	}
	if x, ok := b.globals[name]; ok {
		return x
	}
	return binding{kind: KindName, index: -1}
}

func (b *binder) unknown(pos Pos, name, what string) {
	if b.rep == nil {
		return
	}
	const most = 20 // looking for near names is slow, and a page of faults needs no more help
	hint := ""
	if b.hints < most {
		hint = b.hintFor(name)
	}
	b.hints++
	b.fault(pos, "unknown "+what+" "+quote(name), hint)
}

// hintFor looks for a near name among what is visible; a family member out of range gets its
// bound named.
func (b *binder) hintFor(name string) string {
	var near []string
	stem, _, numbered := splitNumber(name)
	for i := len(b.scopes) - 1; i >= 0; i-- {
		if f, ok := b.scopes[i].families[stem]; ok && numbered {
			return "declared are " + stem + "0 to " + stem + strconv.Itoa(f.count-1)
		}
		for n := range b.scopes[i].names {
			near = append(near, n)
		}
		for n := range b.scopes[i].families {
			near = append(near, n+"0")
		}
	}
	for n := range b.globals {
		near = append(near, n)
	}
	for n := range specialIndex {
		near = append(near, n)
	}
	sort.Strings(near)
	return suggest(name, near)
}
