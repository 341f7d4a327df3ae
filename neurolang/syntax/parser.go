package syntax

import (
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
)

// maxDepth bounds nesting, so that no input exhausts the stack.
const maxDepth = 200

type parser struct {
	file       *source.File
	errs       *diag.List
	toks       []Token
	at         int // index of tok
	tok        Token
	prev       source.Span // of the token before tok
	depth      int
	panicking  bool // an error was reported and no statement or item has begun since
	failed     bool // a syntax error in the current function
	statements bool
	incomplete bool
	open       bool // the scanner's
	noStruct   bool // `Name {` opens a block: a condition
	spoiled    bool // attributes before the next item were lost
	lost       bool // text between items was skipped, or an item has no name
}

// Mode chooses what stands at top level.
type Mode uint8

// Modes: Items takes items only, Statements (the REPL) items and statements.
const (
	Items Mode = iota
	Statements
)

// Parse parses a file and reports to errs. The tree is complete enough to check whatever the
// input. Incomplete tells that the only trouble is that the text ends too early.
func Parse(f *source.File, mode Mode, errs *diag.List) (file *File, incomplete bool) {
	before := errs.Len()
	p := &parser{file: f, errs: errs, statements: mode == Statements}
	p.toks, p.open = NewScanner(f, errs).all()
	p.at = -1
	p.next()
	file = p.parseFile()
	file.Lost = p.lost
	file.Tokens = p.toks[:len(p.toks)-1]
	incomplete = p.open || p.incomplete
	return file, incomplete && errs.Len() == before+1
}

func (p *parser) next() {
	p.prev = p.tok.Span
	for {
		if p.at < len(p.toks)-1 {
			p.at++
		}
		p.tok = p.toks[p.at]
		if !p.tok.Kind.IsTrivia() {
			return
		}
		if p.tok.Kind == Invalid {
			p.failed, p.panicking = true, true
			// The scanner has spoken; an operand is missing where the text stood, but saying so
			// again helps nobody.
		}
	}
}

// peek is the kind of the nth token behind the current one.
func (p *parser) peek(n int) Kind {
	for i := p.at + 1; i < len(p.toks); i++ {
		if p.toks[i].Kind.IsTrivia() {
			continue
		}
		if n--; n == 0 {
			return p.toks[i].Kind
		}
	}
	return EOF
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

// word takes a word that is reserved only here.
func (p *parser) word(w string) bool { return p.isWord(w) && p.got(Ident) }

func (p *parser) isWord(w string) bool {
	return p.tok.Kind == Ident && p.text(p.tok.Span) == w
}

// splits are tokens that begin with a closing angle bracket: what stays of them.
var splits = map[Kind]Kind{Shr: Gt, Ge: Assign, ShrAssign: Ge}

// wantGt takes one `>`, from a longer token if need be.
func (p *parser) wantGt(open source.Span) {
	if rest, ok := splits[p.tok.Kind]; ok {
		p.prev = source.Span{Pos: p.tok.Pos, End: p.tok.Pos + 1}
		p.tok = Token{rest, source.Span{Pos: p.tok.Pos + 1, End: p.tok.End}}
		return
	}
	p.wantClose(Gt, open)
}

func (p *parser) atGt() bool {
	_, ok := splits[p.tok.Kind]
	return ok || p.tok.Kind == Gt
}

// describe names the current token in messages.
func (p *parser) describe() string {
	switch p.tok.Kind {
	case Ident, Int, Float, String, FString:
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
		p.expected("`;` or `}`")
		return
	}
	if p.arrow() {
		return
	}
	if p.tok.Kind == RParen || p.tok.Kind == RBracket {
		p.wrong(p.tok.Span, "this %s closes nothing", p.describe())
		return
	}
	// Point behind the statement, where the `;` belongs.
	p.failed, p.panicking = true, true
	at := source.Span{Pos: p.prev.End, End: p.prev.End}
	d := p.errs.Errorf(diag.Unexpected, at, "expected `;`, found %s", p.describe()).
		Label("`;` is missing here").Replace(at, ";", "insert the `;`")
	switch k := p.tok.Kind; {
	case k == Colon && p.peek(1) == Assign:
		d.Hint("write let x = ...")
	case (k == Ident || k >= Int && k <= FString) && !startsLine(p):
		d.Hint("the arguments of a call stand in parentheses")
	}
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
	if p.tok.Kind.IsKeyword() {
		d.Note("%s is a reserved word", p.tok.Kind)
	}
	n.span.End = n.span.Pos
	return n
}

// list parses elements with commas between them up to a closing token, which stays.
func (p *parser) list(end Kind, element func()) {
	for p.tok.Kind != end && p.tok.Kind != EOF && !p.panicking {
		before := p.at
		element()
		if p.arrow() {
			return
		}
		if p.tok.Kind != end && !p.want(Comma) || p.at == before {
			return
		}
	}
}

// unrestricted parses inside of brackets, where `Name {` is a struct again.
func (p *parser) unrestricted(parse func()) {
	saved := p.noStruct
	p.noStruct = false
	parse()
	p.noStruct = saved
}

func (p *parser) parseFile() *File {
	f := &File{Source: p.file, Doc: p.fileDoc()}
	for p.tok.Kind != EOF {
		p.panicking = false
		switch {
		case p.tok.Kind == KwImport:
			if i := p.importDecl(); i != nil {
				f.Imports = append(f.Imports, i)
			}
		case p.startsItem():
			if it := p.item(); it != nil {
				f.Items = append(f.Items, it)
			}
		case p.statements:
			p.topStmt(f)
		default:
			p.noItem()
		}
	}
	return f
}

// noItem reports what begins no item and moves to the next that does.
func (p *parser) noItem() {
	help, ok := itemWords[p.text(p.tok.Span)]
	switch {
	case p.tok.Kind == RBrace:
		p.wrong(p.tok.Span, "this } closes nothing").Hint("is there one too many above?")
	case ok:
		p.wrong(p.tok.Span, "there is no %s", p.describe()).Hint("%s", help)
		p.skipLine()
	case p.tok.Kind == KwLet || p.tok.Kind == KwVar:
		p.wrong(p.tok.Span, "variables live in functions").Hint("write const NAME: int = 1;")
	default:
		p.expected("`fn` or another item").Hint(
			"statements belong into a function, for example `fn main`")
	}
	p.skipToItem()
}

func (p *parser) topStmt(f *File) {
	before := p.at
	if s := p.stmt(); s != nil {
		f.Stmts = append(f.Stmts, s)
	}
	if p.panicking {
		p.recoverStmt()
	}
	if p.at == before {
		p.next()
	}
}

// fileDoc collects the //! comments at the start.
func (p *parser) fileDoc() string {
	var lines []string
	for _, t := range p.toks {
		text := p.text(t.Span)
		switch rest, ok := strings.CutPrefix(text, "//!"); {
		case t.Kind == Comment && ok:
			lines = append(lines, strings.TrimPrefix(rest, " "))
		case !t.Kind.IsTrivia():
			return strings.Join(lines, "\n")
		}
	}
	return strings.Join(lines, "\n")
}

// doc collects the /// comments right before the current token.
func (p *parser) doc() string {
	var lines []string
	for i := p.at - 1; i >= 0 && p.toks[i].Kind.IsTrivia(); i-- {
		text := p.text(p.toks[i].Span)
		if rest, ok := strings.CutPrefix(text, "///"); ok {
			lines = append(lines, strings.TrimPrefix(strings.TrimRight(rest, "\r"), " "))
		} else if p.toks[i].Kind == Comment {
			break
		}
	}
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return strings.Join(lines, "\n")
}

// skipTo moves to one of the kinds, while recovering only.
func (p *parser) skipTo(kinds ...Kind) {
	for p.panicking && p.tok.Kind != EOF {
		for _, k := range kinds {
			if p.tok.Kind == k && !p.fnType() {
				return
			}
		}
		p.next()
	}
}

// fnType tells the `fn` of a type from that of an item.
func (p *parser) fnType() bool { return p.tok.Kind == KwFn && p.peek(1) == LParen }

// skipToItem moves to the next token that can begin an item at this depth.
func (p *parser) skipToItem() {
	depth := 0
	for p.tok.Kind != EOF {
		switch p.tok.Kind {
		case LBrace:
			depth++
		case RBrace:
			depth--
		default:
			if depth <= 0 && (p.startsItem() && !p.fnType() || p.tok.Kind == KwImport) {
				return
			}
		}
		p.lost = true
		p.next()
	}
}
