package syntax

import (
	"strconv"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
)

// power is the binding power of binary operators; all bind to the left. Ranges bind weakest.
var power = map[Kind]int{
	OrOr: 2, AndAnd: 3, Eq: 4, Ne: 4, Lt: 5, Le: 5, Gt: 5, Ge: 5,
	Add: 6, Sub: 6, Mul: 7, Div: 7, Rem: 7,
}

const rangePower = 1

// maxChain bounds chains such as a+b+c+..., which make trees as deep as they are long.
const maxChain = 2000

func (p *parser) expr() Expr { return p.binary(0) }

func (p *parser) binary(least int) Expr {
	if !p.enter() {
		defer p.leave()
		return &BadExpr{node{p.tok.Span}}
	}
	defer p.leave()
	x := p.unary()
	for steps := 0; ; steps++ {
		op := p.tok
		if steps > maxChain {
			p.tooDeep()
			return x
		}
		if op.Kind == DotDot && least < rangePower {
			p.next()
			y := p.binary(rangePower)
			x = &RangeExpr{node{x.Span().To(y.Span())}, x, y}
			continue
		}
		pw, ok := power[op.Kind]
		if !ok || pw <= least {
			return x
		}
		p.next()
		y := p.binary(pw)
		x = &BinaryExpr{node{x.Span().To(y.Span())}, op.Kind, op.Span, x, y}
	}
}

func (p *parser) unary() Expr {
	if k := p.tok.Kind; k == Sub || k == Not {
		start := p.tok.Span
		if !p.enter() {
			defer p.leave()
			return &BadExpr{node{start}}
		}
		defer p.leave()
		p.next()
		x := p.unary()
		return &UnaryExpr{node{start.To(x.Span())}, k, x}
	}
	return p.postfix(p.primary())
}

// postfix parses calls, fields and indices. Each step nests the tree one level, so they count as
// depth: passes over the tree recurse.
func (p *parser) postfix(x Expr) Expr {
	for steps := 0; ; steps++ {
		if steps > maxChain {
			p.tooDeep()
			return x
		}
		switch p.tok.Kind {
		case LParen:
			x = p.call(x)
		case LBracket:
			open := p.tok.Span
			p.next()
			e := &IndexExpr{X: x, Indices: p.exprList(RBracket)}
			p.wantClose(RBracket, open)
			e.span = x.Span().To(p.prev)
			x = e
		case Dot:
			p.next()
			n := p.name()
			x = &FieldExpr{node{x.Span().To(n.span)}, x, n}
		default:
			return x
		}
	}
}

func (p *parser) exprList(end Kind) []Expr {
	var out []Expr
	for p.tok.Kind != end && p.tok.Kind != EOF && !p.panicking {
		out = append(out, p.expr())
		if p.tok.Kind != end && !p.want(Comma) {
			break
		}
	}
	return out
}

func (p *parser) call(fn Expr) Expr {
	open := p.tok.Span
	e := &CallExpr{Fn: fn}
	p.next()
	for p.tok.Kind != RParen && p.tok.Kind != EOF && !p.panicking {
		a := Arg{Value: p.expr()}
		if id, ok := a.Value.(*IdentExpr); ok && p.got(Assign) {
			a.Name = &Name{node{id.span}, id.Name}
			a.Value = p.expr()
		}
		e.Args = append(e.Args, a)
		if p.tok.Kind != RParen && !p.want(Comma) {
			break
		}
	}
	p.wantClose(RParen, open)
	e.span = fn.Span().To(p.prev)
	return e
}

func (p *parser) primary() Expr {
	at := node{p.tok.Span}
	switch p.tok.Kind {
	case Ident:
		n := p.name()
		if p.got(PathSep) {
			e := &PathExpr{Module: n, Name: p.name()}
			e.span = n.span.To(p.prev)
			return e
		}
		return &IdentExpr{at, n.Text}
	case Int:
		return &IntLit{at, p.intValue()}
	case Float:
		return &FloatLit{at, p.floatValue()}
	case String:
		s := p.unquote(p.text(p.tok.Span), p.tok.Span)
		p.next()
		return &StringLit{at, s}
	case KwTrue, KwFalse:
		v := p.tok.Kind == KwTrue
		p.next()
		return &BoolLit{at, v}
	case LParen:
		p.next()
		x := p.expr()
		p.wantClose(RParen, at.span)
		return x
	case LBracket:
		p.next()
		e := &ArrayLit{Elems: p.exprList(RBracket)}
		p.wantClose(RBracket, at.span)
		e.span = at.span.To(p.prev)
		return e
	}
	d := p.expected("an expression")
	if p.tok.Kind == KwIf {
		d.Note("if is a statement here, not an expression")
	}
	return &BadExpr{at}
}

func (p *parser) intValue() int64 {
	text := strings.ReplaceAll(p.text(p.tok.Span), "_", "")
	v, err := strconv.ParseInt(text, 0, 64)
	if len(text) > 1 && text[0] == '0' && isDigit(text[1]) {
		// No octal: a leading zero is too easily a slip.
		v, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil {
		p.errs.Errorf(diag.BadNumber, p.tok.Span, "%s does not fit 64 bits", text)
		p.failed = true
	}
	p.next()
	return v
}

func (p *parser) floatValue() float64 {
	text := strings.ReplaceAll(p.text(p.tok.Span), "_", "")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.errs.Errorf(diag.BadNumber, p.tok.Span, "%s is beyond the range of a float", text)
		p.failed = true
	}
	p.next()
	return v
}

var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', '"': '"', '0': 0}

func (p *parser) unquote(text string, at source.Span) string {
	text = strings.TrimPrefix(text, `"`)
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String()
		case text[i] != '\\' || i+1 >= len(text):
			b.WriteByte(text[i])
			continue
		}
		i++
		c, ok := escapes[text[i]]
		if !ok {
			pos := at.Pos + source.Pos(i)
			p.errs.Errorf(diag.BadEscape, source.Span{Pos: pos, End: pos + 2},
				"unknown escape \\%c", text[i]).Hint(`the escapes are \n \t \r \0 \\ \"`)
			p.failed = true
		}
		b.WriteByte(c)
	}
	return b.String()
}
