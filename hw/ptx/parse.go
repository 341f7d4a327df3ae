package ptx

import (
	"strconv"
	"strings"
)

// Parse reads a PTX module and binds its names. The error is an [ErrorList] with every fault of
// the text; the module holds what could be read, so that tools can go on. Names that nothing
// declares are left for [Verify] to report.
func Parse(name string, src []byte) (*Module, error) {
	p := &parser{m: &Module{Name: name}, cache: map[string]*spelling{}}
	p.lexer = lexer{src: string(src), line: 1, fail: p.fail}
	p.advance()
	for p.tok.kind != tokEOF && len(p.errs) < maxErrors {
		p.item()
	}
	p.m.Bind()
	return p.m, p.errs.err()
}

type parser struct {
	lexer
	m     *Module
	tok   token
	prev  Pos // where the token before tok began
	began Pos // where the current statement began
	errs  ErrorList
	bad   bool // the current statement has been reported
	depth int  // nesting of scopes, vectors and parentheses
	open  int  // braces opened inside the current statement

	cache map[string]*spelling
	stack []Operand // operands being collected
	ops   []Operand // slab for operand lists
	insts []Inst    // slab for instructions
}

const maxDepth = 200

func (p *parser) fail(pos Pos, msg, hint string) {
	if !p.bad {
		p.errs.add(p.m.Name, pos, msg, hint)
	}
	p.bad = true
}

func (p *parser) advance() {
	p.prev = p.tok.pos
	p.tok = p.next()
}

func (p *parser) at(s string) bool { return p.tok.kind == tokPunct && p.tok.text == s }

func (p *parser) accept(s string) bool {
	if !p.at(s) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(s string) bool {
	if p.accept(s) {
		return true
	}
	if s == ";" && p.tok.pos.Line > p.prev.Line {
		p.fail(p.prev, "statement lacks ;",
			"it ends before line "+strconv.Itoa(int(p.tok.pos.Line)))
		return false
	}
	p.fail(p.tok.pos, "expected "+quote(s)+", found "+p.tok.describe(), "")
	return false
}

func (t *token) describe() string {
	if t.kind == tokEOF {
		return "end of file"
	}
	return quote(t.text)
}

func (p *parser) name(what string) string {
	if p.tok.kind != tokName {
		p.fail(p.tok.pos, "expected "+what+", found "+p.tok.describe(), "")
		return ""
	}
	s := p.tok.text
	p.advance()
	return s
}

// enter guards the recursion; leave undoes it.
func (p *parser) enter() bool {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.tok.pos, "nested too deeply", "at most "+strconv.Itoa(maxDepth)+" levels")
		return false
	}
	return true
}

func (p *parser) leave() { p.depth-- }

// sync skips the rest of a faulty statement: past its ;, or up to the } that closes its scope.
func (p *parser) sync() {
	p.bad = false
	if p.tok.pos.Line > p.prev.Line && p.open == 0 && p.tok.pos != p.began && p.startsStatement() {
		return
	}
	for ; p.tok.kind != tokEOF; p.skip() {
		switch {
		case p.at(";"):
			p.skip()
			p.open = 0
			return
		case p.at("{"):
			p.open++
		case p.at("}"):
			if p.open == 0 {
				return
			}
			p.open--
		}
	}
	p.open = 0
}

// startsStatement: a new line that begins like a statement was not part of the faulty one.
func (p *parser) startsStatement() bool {
	return p.tok.kind == tokName && !strings.HasPrefix(p.tok.text, "%") || p.tok.kind == tokDir ||
		p.at("@") || p.at("}")
}

// skip advances without reporting what it steps over.
func (p *parser) skip() {
	p.bad = true
	p.advance()
	p.bad = false
}

func (p *parser) item() {
	p.began = p.tok.pos
	if p.tok.kind == tokDir {
		if read := itemReaders[p.tok.text]; read != nil {
			read(p)
		} else if linkOf(p.tok.text) != LinkNone || spaceOf(p.tok.text) != SpaceGeneric {
			p.linked()
		} else {
			p.fail(p.tok.pos, "unknown directive "+quote(p.tok.text),
				suggest(p.tok.text, directiveNames()))
		}
	} else if p.accept(";") {
		return
	} else {
		p.fail(p.tok.pos, "expected a directive, found "+p.tok.describe(),
			"instructions stand inside .entry or .func")
	}
	if p.bad {
		p.sync()
		p.accept("}") // a stray one at module scope
	}
}

var itemReaders map[string]func(*parser)

func init() {
	itemReaders = map[string]func(*parser){
		".version":      (*parser).version,
		".target":       (*parser).target,
		".address_size": (*parser).addressSize,
		".file":         (*parser).file,
		".pragma":       func(p *parser) { p.m.Items = append(p.m.Items, p.pragma()) },
		".alias":        (*parser).alias,
		".section":      (*parser).section,
		".entry":        func(p *parser) { p.function(LinkNone) },
		".func":         func(p *parser) { p.function(LinkNone) },
	}
}

func directiveNames() []string {
	return []string{".version", ".target", ".address_size", ".file", ".pragma", ".alias",
		".section", ".entry", ".func", ".visible", ".extern", ".weak", ".common", ".global",
		".const", ".shared", ".reg", ".local", ".param", ".loc"}
}

func linkOf(s string) Linkage {
	for i, n := range linkNames {
		if i > 0 && n == s {
			return Linkage(i)
		}
	}
	return LinkNone
}

func spaceOf(dir string) Space {
	switch dir {
	case ".tex":
		return SpaceTex
	case ".global", ".const", ".shared", ".local", ".param":
		return modIndex[dir[1:]].Space()
	}
	return SpaceGeneric
}

func (p *parser) version() {
	p.advance()
	// 8.4 reads as a decimal number; its text is exact, its value is not needed.
	major, minor, ok := strings.Cut(p.tok.text, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if !ok || p.tok.kind != tokF64 || err1 != nil || err2 != nil || b > 9 || a > 99 {
		p.fail(p.tok.pos, "unreadable .version "+p.tok.describe(), "write .version 8.4")
		return
	}
	p.m.Version = a*10 + b
	p.advance()
}

func (p *parser) target() {
	p.advance()
	for {
		s := p.name("a target such as sm_90a")
		if p.bad {
			return
		}
		p.m.Target = append(p.m.Target, s)
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) addressSize() {
	p.advance()
	n, ok := p.integer("32 or 64")
	if ok {
		p.m.AddressSize = int(n)
	}
}

// integer reads a plain non-negative number that fits an int32.
func (p *parser) integer(what string) (int64, bool) {
	if p.tok.kind != tokInt || p.tok.val > 1<<31-1 {
		p.fail(p.tok.pos, "expected "+what+", found "+p.tok.describe(), "")
		return 0, false
	}
	v := int64(p.tok.val)
	p.advance()
	return v, true
}

func (p *parser) file() {
	f := &File{Pos: p.tok.pos}
	p.advance()
	n, _ := p.integer("a file number")
	f.Index = int(n)
	f.Name = p.str()
	for !p.bad && p.accept(",") {
		if p.tok.kind != tokInt {
			p.fail(p.tok.pos, "expected a number, found "+p.tok.describe(), "")
			return
		}
		f.Extra = append(f.Extra, int64(p.tok.val))
		p.advance()
	}
	if !p.bad {
		p.m.Files = append(p.m.Files, f)
		p.m.Items = append(p.m.Items, f)
	}
}

func (p *parser) str() string {
	if p.tok.kind != tokString {
		p.fail(p.tok.pos, "expected a string, found "+p.tok.describe(), "")
		return ""
	}
	s := p.tok.text
	p.advance()
	return s
}

func (p *parser) pragma() *Pragma {
	g := &Pragma{Pos: p.tok.pos}
	p.advance()
	for {
		g.Text = append(g.Text, p.str())
		if p.bad || !p.accept(",") {
			break
		}
	}
	if !p.bad {
		p.expect(";")
	}
	return g
}

func (p *parser) alias() {
	a := &Alias{Pos: p.tok.pos}
	p.advance()
	a.Name = p.name("a function name")
	if p.bad || !p.expect(",") {
		return
	}
	a.Target = p.name("a function name")
	if !p.bad && p.expect(";") {
		p.m.Items = append(p.m.Items, a)
	}
}

// section keeps .section name { text } as written: DWARF bytes that nothing here reads.
func (p *parser) section() {
	s := &Section{Pos: p.tok.pos}
	p.advance()
	if p.tok.kind != tokDir && p.tok.kind != tokName {
		p.fail(p.tok.pos, "expected a section name, found "+p.tok.describe(), "")
		return
	}
	s.Name = p.tok.text
	p.advance()
	if !p.at("{") {
		p.expect("{")
		return
	}
	n := strings.IndexByte(p.src[p.off:], '}')
	if n < 0 {
		p.fail(p.tok.pos, "section is not closed", "add }")
		p.off = len(p.src)
		p.advance()
		return
	}
	text := p.src[p.off : p.off+n]
	p.line += int32(strings.Count(text, "\n"))
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		p.lineStart = p.off + i + 1
	}
	s.Text = strings.TrimSpace(text)
	p.off += n + 1
	p.advance()
	p.m.Items = append(p.m.Items, s)
}

// linked reads what may follow .visible and its kin, or a bare variable.
func (p *parser) linked() {
	link := linkOf(p.tok.text)
	pos := p.tok.pos
	if link != LinkNone {
		p.advance()
	}
	if p.tok.kind == tokDir && (p.tok.text == ".entry" || p.tok.text == ".func") {
		p.function(link)
		return
	}
	for _, v := range p.variables(link) {
		v.Pos = pos
		p.m.Vars = append(p.m.Vars, v)
		p.m.Items = append(p.m.Items, v)
	}
}
