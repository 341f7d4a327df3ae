package syntax

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
)

// maxDepth bounds nesting, so that no input exhausts the stack.
const maxDepth = 200

type parser struct {
	file       *source.File
	sc         *Scanner
	errs       *diag.List
	tok        Token
	prev       source.Span // of the token before tok
	depth      int
	panicking  bool // an error was reported and no statement or item has begun since
	failed     bool // a syntax error in the current function
	statements bool
	incomplete bool
}

// Mode chooses what stands at top level.
type Mode uint8

// Modes: Items takes functions only, Statements (the REPL) functions and statements.
const (
	Items Mode = iota
	Statements
)

// Parse parses a file and reports to errs. The tree is complete enough to check whatever the
// input. Incomplete tells that the only trouble is that the text ends too early.
func Parse(f *source.File, mode Mode, errs *diag.List) (file *File, incomplete bool) {
	before := errs.Len()
	p := &parser{file: f, sc: NewScanner(f, errs), errs: errs, statements: mode == Statements}
	p.next()
	file = p.parseFile()
	incomplete = p.sc.open || p.incomplete
	return file, incomplete && errs.Len() == before+1
}

func (p *parser) next() {
	p.prev = p.tok.Span
	for {
		p.tok = p.sc.Next()
		if p.tok.Kind != Space && p.tok.Kind != Comment && p.tok.Kind != Invalid {
			return
		}
		if p.tok.Kind == Invalid {
			p.failed, p.panicking = true, true
			// The scanner has spoken; an operand is missing where the text stood, but saying so
			// again helps nobody.
		}
	}
}

func (p *parser) text(t source.Span) string {
	return string(p.file.Src[p.file.Offset(t.Pos):p.file.Offset(t.End)])
}

func (p *parser) got(k Kind) bool {
	if p.tok.Kind != k {
		return false
	}
	p.next()
	return true
}

// describe names the current token in messages.
func (p *parser) describe() string {
	switch p.tok.Kind {
	case Ident, Int, Float, String:
		return "`" + p.text(p.tok.Span) + "`"
	}
	return p.tok.Kind.String()
}

// expected reports that what was needed here; silent while recovering.
func (p *parser) expected(what string) *diag.Diagnostic {
	p.failed = true
	if p.panicking {
		return &diag.Diagnostic{}
	}
	p.panicking = true
	if p.tok.Kind == EOF {
		p.incomplete = true
		return p.errs.Errorf(diag.Incomplete, p.tok.Span, "text ends where %s is expected", what)
	}
	return p.errs.Errorf(diag.Unexpected, p.tok.Span, "expected %s, found %s", what, p.describe()).
		Label("expected %s", what)
}

func (p *parser) want(k Kind) bool {
	if p.got(k) {
		return true
	}
	p.expected(k.String())
	return false
}

// wantClose is want for a closing bracket and points at the opening one.
func (p *parser) wantClose(k Kind, open source.Span) {
	if !p.got(k) {
		p.expected(k.String()).With(open, "opened here")
	}
}

func (p *parser) wantSemi() {
	if p.got(Semi) {
		p.panicking = false
		return
	}
	if p.panicking || p.statements && p.depth == 0 && p.tok.Kind == EOF {
		return
	}
	if p.tok.Kind == EOF {
		p.expected(Semi.String())
		return
	}
	// Point behind the statement, where the `;` belongs.
	p.failed, p.panicking = true, true
	at := source.Span{Pos: p.prev.End, End: p.prev.End}
	p.errs.Errorf(diag.Unexpected, at, "expected `;`, found %s", p.describe()).
		Label("`;` is missing here")
}

// enter bounds the depth; leave undoes it.
func (p *parser) enter() bool {
	p.depth++
	if p.depth <= maxDepth {
		return true
	}
	p.tooDeep()
	return false
}

func (p *parser) tooDeep() {
	if !p.panicking {
		p.errs.Errorf(diag.TooDeep, p.tok.Span, "nested more than %d levels deep", maxDepth)
	}
	p.failed, p.panicking = true, true
}

func (p *parser) leave() { p.depth-- }

func (p *parser) name() *Name {
	n := &Name{node{p.tok.Span}, ""}
	if p.tok.Kind == Ident {
		n.Text = p.text(p.tok.Span)
		p.next()
		return n
	}
	d := p.expected("a name")
	if k := p.tok.Kind; k >= KwFn && k <= KwFalse {
		d.Note("%s is a reserved word", k)
	}
	n.span.End = n.span.Pos
	return n
}

func (p *parser) parseFile() *File {
	f := &File{Source: p.file}
	for p.tok.Kind != EOF {
		p.panicking = false
		switch {
		case p.tok.Kind == KwFn || p.tok.Kind == At:
			if d := p.fnDecl(); d != nil {
				f.Fns = append(f.Fns, d)
			}
		case p.statements:
			p.topStmt(f)
		default:
			p.expected("`fn` or `@`").Hint(
				"statements belong into a function, for example `fn main`")
			p.skipToItem()
		}
	}
	return f
}

func (p *parser) topStmt(f *File) {
	before := p.tok.Span
	if s := p.stmt(); s != nil {
		f.Stmts = append(f.Stmts, s)
	}
	if p.panicking {
		p.recoverStmt()
	}
	if p.tok.Span == before {
		p.next()
	}
}

// skipToItem moves to the next token that can begin an item at this depth.
func (p *parser) skipToItem() {
	depth := 0
	for p.tok.Kind != EOF {
		switch p.tok.Kind {
		case KwFn, At:
			if depth <= 0 {
				return
			}
		case LBrace:
			depth++
		case RBrace:
			depth--
		}
		p.next()
	}
}

func (p *parser) fnDecl() *FnDecl {
	d := &FnDecl{node: node{p.tok.Span}}
	p.failed = false
	for p.got(At) {
		d.Attrs = append(d.Attrs, p.name())
	}
	if !p.want(KwFn) {
		p.next()
		p.skipToItem()
		return nil
	}
	d.Name = p.name()
	open := p.tok.Span
	if p.want(LParen) {
		for p.tok.Kind != RParen && p.tok.Kind != EOF && !p.panicking {
			d.Params = append(d.Params, p.param())
			if p.tok.Kind != RParen && !p.want(Comma) {
				break
			}
		}
		p.skipTo(RParen, LBrace, KwFn, At)
		p.wantClose(RParen, open)
	}
	if p.got(Arrow) {
		d.Result = p.typeExpr()
	}
	p.skipTo(LBrace, KwFn, At)
	d.Body = p.block()
	d.span = d.span.To(p.prev)
	d.Bad = p.failed
	return d
}

// skipTo moves to one of the kinds, while recovering only.
func (p *parser) skipTo(kinds ...Kind) {
	for p.panicking && p.tok.Kind != EOF {
		for _, k := range kinds {
			if p.tok.Kind == k {
				return
			}
		}
		p.next()
	}
}

func (p *parser) param() *Param {
	a := &Param{Name: p.name()}
	if !p.want(Colon) {
		a.Type = &BadType{node{p.tok.Span}}
		return a
	}
	a.Type = p.typeExpr()
	return a
}

func (p *parser) typeExpr() TypeExpr {
	if !p.enter() {
		defer p.leave()
		return &BadType{node{p.tok.Span}}
	}
	defer p.leave()
	switch p.tok.Kind {
	case Ident:
	case Int:
		at := node{p.tok.Span}
		return &DimType{at, p.intValue()}
	default:
		bad := &BadType{node{p.tok.Span}}
		p.expected("a type")
		return bad
	}
	n := p.name()
	if p.got(PathSep) {
		t := &PathType{Module: n, Name: p.name()}
		t.span = n.span.To(p.prev)
		return t
	}
	t := &NamedType{node{n.span}, n, nil}
	open := p.tok.Span
	if !p.got(Lt) {
		return t
	}
	for p.tok.Kind != Gt && p.tok.Kind != EOF && !p.panicking {
		t.Args = append(t.Args, p.typeExpr())
		if p.tok.Kind != Gt && !p.want(Comma) {
			break
		}
	}
	p.wantClose(Gt, open)
	t.span = t.span.To(p.prev)
	if p.panicking {
		return &BadType{node{t.span}} // its arguments are not all there
	}
	return t
}
