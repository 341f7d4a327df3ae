package syntax

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
)

// literal parses a literal; nil if none stands here.
func (p *parser) literal() Expr {
	at := node{p.tok.Span}
	switch p.tok.Kind {
	case Int:
		return &IntLit{at, p.intValue()}
	case Float:
		return &FloatLit{at, p.floatValue()}
	case String:
		s := p.unquote(p.text(p.tok.Span), p.tok.Span, 1)
		p.next()
		return &StringLit{at, s}
	case FString:
		return p.fstring()
	case KwTrue, KwFalse:
		v := p.tok.Kind == KwTrue
		p.next()
		return &BoolLit{at, v}
	}
	return nil
}

func (p *parser) intValue() int64 {
	text := strings.ReplaceAll(p.text(p.tok.Span), "_", "")
	v, err := strconv.ParseInt(text, 0, 64)
	if len(text) > 1 && text[0] == '0' && isDigit(text[1]) {
		// No octal: a leading zero is too easily a slip.
		v, err = strconv.ParseInt(text, 10, 64)
	}
	if text == "9223372036854775808" && p.behindMinus() {
		v, err = math.MinInt64, nil // and minus that is the same
	}
	if err != nil {
		d := p.errs.Errorf(diag.BadNumber, p.tok.Span, "%s does not fit 64 bits", text)
		if !strings.Contains(err.Error(), "range") {
			d.Message = text + " is not a number"
		}
		p.failed = true
	}
	p.next()
	return v
}

// negative makes -x; the least int has no positive one.
func negative(at node, x Expr) Expr {
	if n, ok := x.(*IntLit); ok && n.Value == math.MinInt64 {
		return &IntLit{at, n.Value}
	}
	return &UnaryExpr{at, Sub, x}
}

// behindMinus tells that a minus stands right before the current token.
func (p *parser) behindMinus() bool { return p.at > 0 && p.toks[p.at-1].Kind == Sub }

func (p *parser) floatValue() float64 {
	text := strings.TrimSuffix(strings.ReplaceAll(p.text(p.tok.Span), "_", ""), "f")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.errs.Errorf(diag.BadNumber, p.tok.Span, "%s is beyond the range of a float", text)
		p.failed = true
	}
	p.next()
	return v
}

var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', '"': '"', '0': 0}

// unquote resolves the escapes of a string whose text begins after skip bytes.
func (p *parser) unquote(text string, at source.Span, skip int) string {
	end := len(text)
	if end > skip && text[end-1] == '"' {
		end--
	}
	return p.escapes(text[skip:end], at.Pos+source.Pos(skip))
}

func (p *parser) escapes(text string, at source.Pos) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 >= len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if c, ok := escapes[text[i]]; ok {
			b.WriteByte(c)
			continue
		}
		if n := p.unicode(&b, text[i:]); n > 0 {
			i += n - 1
			continue
		}
		from := at + source.Pos(i) - 1
		_, n := utf8.DecodeRuneInString(text[i:])
		p.errs.Errorf(diag.BadEscape, source.Span{Pos: from, End: from + 1 + source.Pos(n)},
			"unknown escape \\%s", text[i:i+n]).Hint(`the escapes are \n \t \r \0 \\ \" \u{1F600}`)
		p.failed = true
		b.WriteByte(text[i])
	}
	return b.String()
}

// unicode resolves u{hex} and tells its length; 0 if it is none.
func (p *parser) unicode(b *strings.Builder, text string) int {
	if !strings.HasPrefix(text, "u{") {
		return 0
	}
	hex, _, ok := strings.Cut(text[2:], "}")
	v, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil || !utf8.ValidRune(rune(v)) {
		return 0
	}
	b.WriteRune(rune(v))
	return len(hex) + 3
}

// fstring parses f"text {x:spec}".
func (p *parser) fstring() Expr {
	e := &FStringLit{node: node{p.tok.Span}}
	text := p.text(p.tok.Span)
	base := p.tok.Pos
	end := len(text)
	if end > 2 && text[end-1] == '"' {
		end--
	}
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			e.Parts = append(e.Parts, FPart{Text: lit.String()})
			lit.Reset()
		}
	}
	for i := 2; i < end; {
		c := text[i]
		switch {
		case (c == '{' || c == '}') && i+1 < end && text[i+1] == c:
			lit.WriteByte(c)
			i += 2
		case c == '{':
			flush()
			part, n := p.hole(text[i:end], base+source.Pos(i))
			e.Parts = append(e.Parts, part)
			i += n
		case c == '}':
			at := base + source.Pos(i)
			p.errs.Errorf(diag.Unexpected, source.Span{Pos: at, End: at + 1},
				"a } without its {").Hint("write }} for a brace")
			p.failed = true
			i++
		default:
			n := strings.IndexAny(text[i:end], "{}")
			if n < 0 {
				n = end - i
			}
			n = wholeEscape(text[i:end], n)
			lit.WriteString(p.escapes(text[i:i+n], base+source.Pos(i)))
			i += n
		}
	}
	flush()
	p.next()
	return e
}

// wholeEscape moves the end of a piece of text behind \u{...} and its like.
func wholeEscape(text string, n int) int {
	for n < len(text) && n >= 2 && text[n] == '{' && text[n-2:n] == `\u` {
		close := strings.IndexByte(text[n:], '}')
		if close < 0 {
			return len(text)
		}
		n += close + 1
		if next := strings.IndexAny(text[n:], "{}"); next >= 0 {
			n += next
		} else {
			n = len(text)
		}
	}
	return max(n, 1)
}

// hole parses {expr:spec} and tells its length.
func (p *parser) hole(text string, at source.Pos) (FPart, int) {
	depth, spec, end := 0, -1, -1
	for i := 1; i < len(text) && end < 0; i++ {
		switch c := text[i]; {
		case c == '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == '}' && depth == 0:
			end = i
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == ':' && i+1 < len(text) && text[i+1] == ':':
			i++
		case c == ':' && depth == 0 && spec < 0:
			spec = i
		}
	}
	if end < 0 {
		p.errs.Errorf(diag.Unexpected, source.Span{Pos: at, End: at + 1},
			"this { is never closed").Hint("write {{ for a brace")
		p.failed = true
		return FPart{X: &BadExpr{node{source.Span{Pos: at, End: at + 1}}}}, len(text)
	}
	part := FPart{}
	stop := end
	if spec >= 0 {
		stop = spec
		part.Spec = text[spec+1 : end]
		part.SpecAt = source.Span{Pos: at + source.Pos(spec) + 1, End: at + source.Pos(end)}
	}
	part.X = p.inner(at+1, at+source.Pos(stop))
	return part, end + 1
}

// inner parses a piece of the file as an expression.
func (p *parser) inner(from, to source.Pos) Expr {
	sc := NewScanner(p.file, p.errs)
	sc.off, sc.src = p.file.Offset(from), p.file.Src[:p.file.Offset(to)]
	q := &parser{file: p.file, errs: p.errs, depth: p.depth, at: -1}
	q.toks, _ = sc.all()
	q.next()
	if q.tok.Kind == EOF {
		p.errs.Errorf(diag.Unexpected, source.Span{Pos: from - 1, End: to + 1},
			"an expression belongs between { and }").Hint("write {{ for a brace")
		p.failed = true
		return &BadExpr{node{source.Span{Pos: from, End: to}}}
	}
	x := q.expr()
	if q.tok.Kind != EOF {
		q.expected("`}`")
	}
	p.failed = p.failed || q.failed
	return x
}
