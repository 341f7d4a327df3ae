package format

import (
	"bytes"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// indent is one level.
const indent = "    "

// Source formats a text. If it does not parse, out is nil and the diagnostics say why, with their
// positions in set.
func Source(name string, src []byte) (out []byte, set *source.Set, ds []diag.Diagnostic) {
	set = &source.Set{}
	errs := &diag.List{}
	f := set.Add(name, src)
	tree, _ := syntax.Parse(f, syntax.Statements, errs)
	if errs.Failed() {
		return nil, set, errs.Sorted()
	}
	p := &printer{file: f, toks: tree.Tokens, angles: angles(tree)}
	p.run()
	return append([]byte{}, p.out.Bytes()...), set, nil
}

// angles finds the `<` that open type arguments, by position.
func angles(tree *syntax.File) map[source.Pos]bool {
	m := map[source.Pos]bool{}
	syntax.Inspect(tree, func(n syntax.Node) {
		if t, ok := n.(*syntax.PathType); ok && len(t.Args) > 0 {
			m[t.Parts[len(t.Parts)-1].Span().End] = true
		}
	})
	return m
}

// class is what a token is where it stands.
type class uint8

const (
	plain   class = iota
	unary         // an operator before its operand
	openGen       // < of type parameters or arguments
	endGen        // > of them
	bar           // | of a closure's parameters
	attr          // @ or # of an attribute
	named         // = of a named argument
)

type opener struct {
	kind syntax.Kind
	line int // of the output
}

type printer struct {
	file   *source.File
	toks   []syntax.Token
	angles map[source.Pos]bool
	out    bytes.Buffer

	line     int // of the output, counted
	open     []opener
	generics int // open <
	bars     int // open |
	// The last two tokens that are no trivia, and what the last one was.
	prev, before syntax.Token
	was          class
	any          bool // a token was printed
	inAttr       bool // the line began with an attribute
	attrAt       int  // 1: behind @ or #, 2: behind an attribute, -n: within its brackets
	tight        bool // the innermost brace lists names of an import
	fresh        bool // at the start of a line
}

func (p *printer) run() {
	p.fresh = true
	newlines := 0
	for _, t := range p.toks {
		text := p.text(t)
		switch t.Kind {
		case syntax.Space:
			newlines += strings.Count(text, "\n")
			continue
		case syntax.Comment:
			p.comment(text, newlines)
		default:
			p.token(t, text, newlines)
		}
		newlines = 0
	}
	if p.out.Len() > 0 && !p.fresh {
		p.out.WriteByte('\n')
	}
}

func (p *printer) text(t syntax.Token) string {
	return string(p.file.Src[p.file.Offset(t.Pos):p.file.Offset(t.End)])
}

// breakLine ends the line, and leaves one empty if blank.
func (p *printer) breakLine(blank bool) {
	if !p.any {
		return
	}
	if !p.fresh {
		p.out.WriteByte('\n')
		p.line++
	}
	if blank {
		p.out.WriteByte('\n')
		p.line++
	}
	p.fresh = true
}

// opened tells that the last thing printed was an opening bracket.
func (p *printer) opened() bool {
	switch p.prev.Kind {
	case syntax.LBrace, syntax.LParen, syntax.LBracket:
		return true
	}
	return !p.any
}

func (p *printer) comment(text string, newlines int) {
	text = strings.TrimRight(text, " \t\r\n")
	if newlines > 0 || !p.any {
		p.breakLine(newlines > 1 && !p.opened())
	}
	if p.fresh {
		p.pad(p.depth(syntax.Comment, false))
	} else {
		p.out.WriteByte(' ')
	}
	p.out.WriteString(text)
	p.line += strings.Count(text, "\n")
	p.fresh, p.any = false, true
	if strings.HasPrefix(text, "//") {
		p.out.WriteByte('\n')
		p.line++
		p.fresh = true
	}
}

func (p *printer) pad(n int) { p.out.WriteString(strings.Repeat(indent, n)) }

func isClose(k syntax.Kind) bool {
	return k == syntax.RBrace || k == syntax.RParen || k == syntax.RBracket
}

func (p *printer) token(t syntax.Token, text string, newlines int) {
	c := p.classify(t)
	if newlines > 0 && p.any {
		p.breakLine(newlines > 1 && !p.opened() && !isClose(t.Kind))
	}
	if p.fresh {
		p.pad(p.depth(t.Kind, p.continues(t)))
		p.inAttr = c == attr
	} else if p.spaced(t, c) {
		p.out.WriteByte(' ')
	}
	p.fresh, p.any = false, true
	p.out.WriteString(text)
	p.line += strings.Count(text, "\n")
	switch t.Kind {
	case syntax.LBrace, syntax.LParen, syntax.LBracket:
		p.open = append(p.open, opener{t.Kind, p.line})
	case syntax.RBrace, syntax.RParen, syntax.RBracket:
		if len(p.open) > 0 {
			p.open = p.open[:len(p.open)-1]
		}
	}
	p.attribute(t, c)
	if t.Kind == syntax.LBrace {
		p.tight = p.prev.Kind == syntax.Dot
	}
	p.before, p.prev, p.was = p.prev, t, c
}

// attribute follows @name(args): what comes behind begins anew.
func (p *printer) attribute(t syntax.Token, c class) {
	switch {
	case c == attr:
		p.attrAt = 1
	case p.attrAt == 1 && t.Kind == syntax.LBracket: // #[
		p.attrAt = -len(p.open)
	case p.attrAt == 1:
		p.attrAt = 2
	case p.attrAt == 2 && t.Kind == syntax.LParen:
		p.attrAt = -len(p.open)
	case p.attrAt < 0 && isClose(t.Kind) && len(p.open) < -p.attrAt:
		p.attrAt = 2
	case p.attrAt == 2:
		p.attrAt = 0
	}
}

// depth is the indent of a line that begins with a token: brackets that were opened on one line
// count once.
func (p *printer) depth(first syntax.Kind, continued bool) int {
	open := p.open
	if isClose(first) && len(open) > 0 {
		open = open[:len(open)-1]
		// The line of a bracket that closes stands where that of its opening one began.
		n := 0
		last := -1
		for _, o := range open {
			if o.line != last {
				n++
				last = o.line
			}
		}
		if len(open) > 0 && p.open[len(open)].line == last {
			n--
		}
		return n
	}
	n, last := 0, -1
	for _, o := range open {
		if o.line != last {
			n++
			last = o.line
		}
	}
	if continued {
		n++
	}
	return n
}

// continues tells whether a line goes on with what the line before began.
func (p *printer) continues(t syntax.Token) bool {
	if !p.any || p.inAttr || isClose(t.Kind) {
		return false
	}
	switch p.prev.Kind {
	case syntax.Semi, syntax.Comma, syntax.LBrace, syntax.RBrace, syntax.LParen, syntax.LBracket,
		syntax.EOF:
		return t.Kind == syntax.Dot && p.prev.Kind == syntax.RBrace
	}
	return true
}

// operand tells whether a value or a type ends with the last token.
func (p *printer) operand() bool {
	if p.attrAt == 2 {
		return false
	}
	switch p.prev.Kind {
	case syntax.Ident, syntax.Int, syntax.Float, syntax.String, syntax.FString, syntax.RParen,
		syntax.RBracket, syntax.KwSelf, syntax.KwTrue, syntax.KwFalse, syntax.Question:
		return p.was != attr
	}
	return p.was == endGen
}

// classify tells what a token is where it stands, and keeps count of brackets that look like
// operators.
func (p *printer) classify(t syntax.Token) class {
	switch t.Kind {
	case syntax.Lt:
		if p.angles[t.Pos] || p.prev.Kind == syntax.PathSep || p.generics > 0 || p.declares() {
			p.generics++
			return openGen
		}
	case syntax.Gt, syntax.Shr:
		if p.generics > 0 {
			p.generics--
			if t.Kind == syntax.Shr {
				p.generics = max(p.generics-1, 0)
			}
			return endGen
		}
	case syntax.Sub, syntax.Not, syntax.And, syntax.AndAnd:
		if !p.operand() {
			return unary
		}
	case syntax.Or:
		if p.bars > 0 {
			p.bars--
			return bar
		}
		if !p.operand() {
			p.bars++
			return bar
		}
	case syntax.At, syntax.Hash:
		if !p.operand() {
			return attr
		}
	case syntax.Assign:
		opens := p.before.Kind == syntax.LParen || p.before.Kind == syntax.Comma
		if opens && len(p.open) > 0 && p.open[len(p.open)-1].kind == syntax.LParen &&
			p.generics == 0 {
			return named
		}
	}
	return plain
}

// declares tells whether type parameters may stand here: fn name<, struct name<, impl<.
func (p *printer) declares() bool {
	switch p.before.Kind {
	case syntax.KwFn, syntax.KwStruct, syntax.KwEnum, syntax.KwType, syntax.KwTrait:
		return true
	}
	return p.prev.Kind == syntax.KwImpl
}

// spaced tells whether a space stands between the last token and this one.
func (p *printer) spaced(t syntax.Token, c class) bool {
	switch p.prev.Kind {
	case syntax.LParen, syntax.LBracket, syntax.Dot, syntax.PathSep, syntax.DotDot, syntax.Hash:
		return false
	case syntax.LBrace:
		return t.Kind != syntax.RBrace && !p.tight
	}
	if p.was == unary || p.was == openGen || p.was == attr || p.was == named ||
		p.was == bar && p.bars > 0 {
		return false
	}
	switch t.Kind {
	case syntax.RParen, syntax.RBracket, syntax.Comma, syntax.Semi, syntax.Dot, syntax.PathSep,
		syntax.Question, syntax.Colon:
		return false
	case syntax.DotDot:
		return !p.operand()
	case syntax.RBrace:
		return !p.tight
	case syntax.LParen:
		return !p.operand() && p.prev.Kind != syntax.KwFn && p.attrAt != 2
	case syntax.LBracket:
		return !p.operand() || p.word("by") || p.word("over")
	}
	switch c {
	case openGen, endGen, named:
		return false
	case bar:
		return p.bars > 0 // the one that opens
	}
	return true
}

// word tells whether the last token is a word that is reserved in places only.
func (p *printer) word(w string) bool {
	return p.prev.Kind == syntax.Ident && p.text(p.prev) == w
}
