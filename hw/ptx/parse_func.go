package ptx

import "strconv"

func (p *parser) function(link Linkage) {
	f := &Func{Pos: p.tok.pos, Linkage: link, Entry: p.tok.text == ".entry"}
	p.advance()
	if p.at("(") {
		f.Return = p.params(SpaceParam)
	}
	f.Pos = p.tok.pos
	f.Name = p.name("a function name")
	if !p.bad && p.at("(") {
		f.Params = p.params(SpaceParam)
	}
	if !p.bad {
		p.perf(f)
	}
	if p.bad {
		p.skipFunction()
		return
	}
	if p.at("{") {
		f.Defined = true
		f.Body = p.block()
	} else {
		p.expect(";")
	}
	p.m.Funcs = append(p.m.Funcs, f)
	p.m.Items = append(p.m.Items, f)
}

// skipFunction leaves a function whose head is unreadable: past its ; or its whole body.
func (p *parser) skipFunction() {
	p.bad = false
	for p.tok.kind != tokEOF && !p.at("{") && !p.at(";") {
		p.skip()
	}
	depth := 0
	for p.tok.kind != tokEOF {
		if p.at("{") {
			depth++
		}
		if p.at("}") {
			depth--
		}
		p.skip()
		if depth <= 0 {
			return
		}
	}
}

// params reads ( .param .u64 a, .reg .b32 %r, ... ); a prototype may write _ for a name.
func (p *parser) params(def Space) []*Var {
	var vars []*Var
	p.advance()
	if p.accept(")") {
		return nil
	}
	for {
		v := &Var{Pos: p.tok.pos, Space: def}
		switch {
		case p.tok.kind == tokDir && p.tok.text == ".reg":
			v.Space = SpaceReg
			p.advance()
		case p.tok.kind == tokDir && p.tok.text == ".param":
			p.advance()
		default:
			p.fail(p.tok.pos, "expected .param or .reg, found "+p.tok.describe(), "")
			return nil
		}
		p.varAttrs(v)
		v.Name = p.name("a parameter name")
		if !p.bad {
			p.dims(v)
		}
		if p.bad {
			return nil
		}
		vars = append(vars, v)
		if p.accept(")") {
			return vars
		}
		if !p.expect(",") {
			return nil
		}
	}
}

var perfNames = []string{".maxntid", ".reqntid", ".minnctapersm", ".maxnctapersm", ".maxnreg",
	".explicitcluster", ".reqnctapercluster", ".maxclusterrank", ".noreturn", ".pragma"}

func (p *parser) perf(f *Func) {
	for p.tok.kind == tokDir && !p.bad {
		d := Perf{Pos: p.tok.pos, Name: p.tok.text[1:]}
		if !contains(perfNames, p.tok.text) {
			p.fail(p.tok.pos, "unknown function directive "+quote(p.tok.text),
				suggest(p.tok.text, perfNames))
			return
		}
		switch d.Name {
		case "noreturn":
			f.NoReturn = true
			p.advance()
			continue
		case "pragma":
			d.Text = p.pragma().Text
		default:
			p.advance()
			d.Args = p.numbers(d.Name)
		}
		f.Perf = append(f.Perf, d)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (p *parser) numbers(name string) []int {
	var out []int
	if name == "explicitcluster" {
		return nil
	}
	for !p.bad {
		n, ok := p.integer("a number for ." + name)
		if ok {
			out = append(out, int(n))
		}
		if !p.accept(",") {
			break
		}
	}
	return out
}

// variables reads .space .align n .v2 .type name[dims] = init, more; up to and with the ;.
func (p *parser) variables(link Linkage) []*Var {
	head := Var{Linkage: link, Space: spaceOf(p.tok.text)}
	if p.tok.kind != tokDir || head.Space == SpaceGeneric {
		p.fail(p.tok.pos, "expected a state space, found "+p.tok.describe(),
			"such as .global, .const or .shared")
		return nil
	}
	p.advance()
	p.varAttrs(&head)
	var vars []*Var
	for !p.bad {
		v := head
		v.Pos = p.tok.pos
		v.Name = p.name("a variable name")
		if !p.bad {
			p.dims(&v)
		}
		if !p.bad && p.accept("=") {
			init := p.initialiser()
			v.Init = &init
		}
		if p.bad {
			return nil
		}
		vars = append(vars, &v)
		if !p.accept(",") {
			break
		}
	}
	if !p.bad {
		p.expect(";")
	}
	return vars
}

// varAttrs reads .align, .ptr, .v2/.v4, .attribute and the type, in any order.
func (p *parser) varAttrs(v *Var) {
	for p.tok.kind == tokDir && !p.bad {
		word := p.tok.text[1:]
		switch {
		case word == "align":
			p.align(v)
			continue
		case word == "ptr":
			v.Ptr = true
		case v.Ptr && modIndex[word].Space() != SpaceGeneric:
			v.PtrTo = modIndex[word].Space()
		case word == "v2" || word == "v4":
			v.Vec = int(word[1] - '0')
		case typeNamed(word) != NoType:
			if v.Type != NoType {
				p.fail(p.tok.pos, "second type ."+word, "the variable is already ."+v.Type.String())
			}
			v.Type = typeNamed(word)
		default:
			p.fail(p.tok.pos, "unknown attribute "+quote(p.tok.text), suggest(word, typeWords()))
		}
		p.advance()
	}
	if !p.bad && v.Type == NoType {
		p.fail(p.tok.pos, "variable lacks a type", "such as .u32 or .b8")
	}
}

func typeWords() []string {
	var w []string
	for t := Type(1); t < typeEnd; t++ {
		w = append(w, types[t].name)
	}
	return w
}

func (p *parser) align(v *Var) {
	p.advance()
	pos := p.tok.pos
	n, ok := p.integer("an alignment")
	if !ok {
		return
	}
	if n <= 0 || n&(n-1) != 0 {
		p.fail(pos, "alignment "+strconv.FormatInt(n, 10)+" is not a power of two", "")
		return
	}
	if v.Ptr {
		v.PtrAlgn = int(n)
		return
	}
	v.Align = int(n)
}

func (p *parser) dims(v *Var) {
	for !p.bad && p.accept("[") {
		if p.accept("]") {
			v.Dims = append(v.Dims, 0)
			continue
		}
		pos := p.tok.pos
		n, ok := p.constant()
		if !ok {
			return
		}
		if n.Kind != KindInt || n.Imm < 0 || n.Imm > 1<<40 {
			p.fail(pos, "array size must be a non-negative integer", "")
			return
		}
		v.Dims = append(v.Dims, int(n.Imm))
		p.expect("]")
	}
}

func (p *parser) initialiser() Operand {
	pos := p.tok.pos
	if !p.at("{") {
		return p.initValue()
	}
	if !p.enter() {
		return Operand{}
	}
	defer p.leave()
	p.open++
	p.advance()
	mark := len(p.stack)
	for !p.bad && !p.at("}") {
		p.stack = append(p.stack, p.initialiser())
		if !p.accept(",") {
			break
		}
	}
	list := p.take(mark)
	if !p.bad && p.expect("}") {
		p.open--
	}
	return Operand{Pos: pos, Kind: KindVector, Index: -1, List: list}
}

// initValue reads a constant, a symbol, symbol+n, generic(symbol) or generic(symbol)+n.
func (p *parser) initValue() Operand {
	if p.tok.kind != tokName || p.tok.text == "WARP_SZ" {
		v, _ := p.constant()
		return v
	}
	o := Operand{Pos: p.tok.pos, Kind: KindName, Index: -1, Name: p.tok.text}
	p.advance()
	if o.Name == "generic" && p.accept("(") {
		o.Generic = true
		o.Name = p.name("a symbol")
		if p.bad || !p.expect(")") {
			return o
		}
	}
	o.Imm = p.offset()
	return o
}

// block reads { statements }.
func (p *parser) block() []Stmt {
	openPos := p.tok.pos
	p.advance()
	if !p.enter() {
		p.leave()
		return nil
	}
	defer p.leave()
	var body []Stmt
	for p.tok.kind != tokEOF && len(p.errs) < maxErrors {
		if p.accept("}") {
			return body
		}
		body = p.statement(body)
		if p.bad {
			p.sync()
		}
		p.open = 0
	}
	p.fail(openPos, "scope is not closed", "add }")
	return body
}

func (p *parser) statement(body []Stmt) []Stmt {
	p.began = p.tok.pos
	switch {
	case p.tok.kind == tokName:
		return p.nameStatement(body)
	case p.at("@"):
		if in := p.guarded(); in != nil {
			return append(body, in)
		}
	case p.at("{"):
		b := &Block{Pos: p.tok.pos}
		b.Body = p.block()
		return append(body, b)
	case p.tok.kind == tokDir:
		return p.directive(body)
	case p.accept(";"):
	default:
		p.fail(p.tok.pos, "expected a statement, found "+p.tok.describe(), "")
	}
	return body
}

func (p *parser) nameStatement(body []Stmt) []Stmt {
	t := p.tok
	if !p.labelFollows() {
		if in := p.inst(Guard{Index: -1}, t.pos); in != nil {
			body = append(body, in)
		}
		return body
	}
	p.advance()
	p.advance()
	if p.tok.kind == tokDir {
		switch p.tok.text {
		case ".branchtargets", ".calltargets":
			return append(body, p.targets(t))
		case ".callprototype":
			return append(body, p.prototype(t))
		}
	}
	return append(body, &Label{Pos: t.pos, Name: t.text})
}

// labelFollows looks past the current name for a single colon.
func (p *parser) labelFollows() bool {
	if p.off < len(p.src) && p.src[p.off] != ':' && p.src[p.off] > ' ' {
		return false
	}
	mark := p.lexer
	p.space()
	ok := p.off < len(p.src) && p.src[p.off] == ':' &&
		!(p.off+1 < len(p.src) && p.src[p.off+1] == ':')
	p.lexer = mark
	return ok
}

func (p *parser) targets(label token) *Targets {
	t := &Targets{Pos: label.pos, Label: label.text, Call: p.tok.text == ".calltargets"}
	p.advance()
	for {
		pos := p.tok.pos
		n := p.name("a target")
		if p.bad {
			return t
		}
		t.Names = append(t.Names, Operand{Pos: pos, Kind: KindName, Index: -1, Name: n})
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
	return t
}

func (p *parser) prototype(label token) *Prototype {
	t := &Prototype{Pos: label.pos, Label: label.text}
	p.advance()
	if p.at("(") {
		t.Return = p.params(SpaceParam)
	}
	if !p.bad {
		p.name("_")
	}
	if !p.bad && p.at("(") {
		t.Params = p.params(SpaceParam)
	}
	if !p.bad && p.tok.kind == tokDir && p.tok.text == ".noreturn" {
		t.NoReturn = true
		p.advance()
	}
	if !p.bad {
		p.expect(";")
	}
	return t
}

func (p *parser) directive(body []Stmt) []Stmt {
	switch p.tok.text {
	case ".reg":
		return append(body, p.regDecl())
	case ".loc":
		return append(body, p.loc())
	case ".pragma":
		return append(body, p.pragma())
	case ".callprototype", ".branchtargets", ".calltargets":
		p.fail(p.tok.pos, p.tok.text+" lacks a label", "write name: "+p.tok.text)
		return body
	}
	link := linkOf(p.tok.text)
	if link != LinkNone {
		p.advance()
	}
	if spaceOf(p.tok.text) == SpaceGeneric {
		p.fail(p.tok.pos, "unknown directive "+quote(p.tok.text),
			suggest(p.tok.text, directiveNames()))
		return body
	}
	for _, v := range p.variables(link) {
		body = append(body, v)
	}
	return body
}

// maxFamily bounds .reg %r<n>: the largest surveyed kernel stays below a hundred thousand.
const maxFamily = 1 << 20

func (p *parser) regDecl() *RegDecl {
	d := &RegDecl{Pos: p.tok.pos}
	p.advance()
	v := Var{Space: SpaceReg}
	p.varAttrs(&v)
	d.Type, d.Vec = v.Type, v.Vec
	for !p.bad {
		n := RegName{Pos: p.tok.pos}
		n.Name = p.name("a register name")
		if !p.bad && p.accept("<") {
			c, ok := p.integer("a register count")
			if ok && c > maxFamily {
				p.fail(n.Pos, "register family of "+strconv.FormatInt(c, 10)+" is too large",
					"at most "+strconv.Itoa(maxFamily))
			}
			n.Count = int(c)
			if ok && !p.bad {
				p.expect(">")
			}
			if c == 0 {
				p.fail(n.Pos, "register family is empty", "")
			}
		}
		d.Names = append(d.Names, n)
		if !p.accept(",") {
			break
		}
	}
	if !p.bad {
		p.expect(";")
	}
	return d
}

func (p *parser) loc() *Loc {
	l := &Loc{Pos: p.tok.pos}
	line := p.tok.pos.Line
	p.advance()
	var v [3]int64
	for i := range v {
		v[i], _ = p.integer("file, line and column of .loc")
	}
	l.File, l.Line, l.Col = int(v[0]), int(v[1]), int(v[2])
	if !p.bad && p.at(",") && p.tok.pos.Line == line {
		l.Inlined = p.restOfLine()
	}
	return l
}

// restOfLine returns what stands between the current token and the end of its line.
func (p *parser) restOfLine() string {
	start := p.off
	for p.tok.kind != tokEOF && p.tok.pos.Line == p.line {
		end := p.off
		mark := p.line
		p.advance()
		if p.tok.pos.Line != mark || p.tok.kind == tokEOF {
			return trimSpace(p.src[start:end])
		}
	}
	return trimSpace(p.src[start:p.off])
}
