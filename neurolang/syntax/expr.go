package syntax

import (
	"strings"

	"tensoros/neurolang/source"
)

// power is the binding power of binary operators; all bind to the left. Ranges bind weakest.
var power = map[Kind]int{
	OrOr: 2, AndAnd: 3, Eq: 4, Ne: 4, Lt: 5, Le: 5, Gt: 5, Ge: 5, Or: 6, Xor: 7, And: 8,
	Shl: 9, Shr: 9, Add: 10, Sub: 10, Mul: 11, Div: 11, Rem: 11, At: 11, KwAs: 12,
}

// Powers with names. Above shiftPower, `>` and `>>` end an expression: it stands in <...>.
const (
	rangePower   = 1
	comparePower = 9
)

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
		if p.foreign() {
			return &BadExpr{node{x.Span()}}
		}
		if p.panicking {
			return x // what stands here has been reported
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
		if op.Kind == KwAs {
			t := p.typeExpr()
			x = &CastExpr{node{x.Span().To(p.prev)}, x, t}
			continue
		}
		y := p.binary(pw)
		x = &BinaryExpr{node{x.Span().To(y.Span())}, op.Kind, op.Span, x, y}
	}
}

func (p *parser) unary() Expr {
	start := p.tok.Span
	switch k := p.tok.Kind; k {
	case Sub, Not, And:
		if !p.enter() {
			defer p.leave()
			return &BadExpr{node{start}}
		}
		defer p.leave()
		p.next()
		mut := k == And && p.got(KwMut)
		x := p.unary()
		at := node{start.To(x.Span())}
		if k == And {
			return &RefExpr{at, mut, x}
		}
		if k == Sub {
			return negative(at, x)
		}
		return &UnaryExpr{at, k, x}
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
			e := &IndexExpr{X: x}
			p.unrestricted(func() {
				p.list(RBracket, func() {
					e.Indices = append(e.Indices, p.index())
					if p.tok.Kind == Colon {
						p.expected("`..`").Hint("a part is written x[a..b]")
					}
				})
			})
			p.wantClose(RBracket, open)
			e.span = x.Span().To(p.prev)
			x = e
		case Dot:
			p.next()
			x = p.field(x)
		case Question:
			if p.foreign() {
				return &BadExpr{node{x.Span()}}
			}
			p.next()
			x = &TryExpr{node{x.Span().To(p.prev)}, x}
		default:
			return x
		}
	}
}

// index is an expression, or `..` for the whole dimension.
func (p *parser) index() Expr {
	at := node{p.tok.Span}
	if p.got(DotDot) {
		return &WholeExpr{at}
	}
	return p.expr()
}

func (p *parser) field(x Expr) Expr {
	switch at := p.tok.Span; p.tok.Kind {
	case Int:
		n := &Name{node{at}, p.text(at)}
		p.next()
		return &FieldExpr{node: node{x.Span().To(at)}, X: x, Name: n}
	case Float: // t.0.1
		a, b, ok := strings.Cut(p.text(at), ".")
		if ok && isDigit(b[0]) {
			p.next()
			mid := at.Pos + source.Pos(len(a))
			n := &Name{node{source.Span{Pos: at.Pos, End: mid}}, a}
			m := &Name{node{source.Span{Pos: mid + 1, End: at.End}}, b}
			in := &FieldExpr{node: node{x.Span().To(n.span)}, X: x, Name: n}
			return &FieldExpr{node: node{x.Span().To(at)}, X: in, Name: m}
		}
	}
	f := &FieldExpr{X: x, Name: p.name()}
	if p.tok.Kind == PathSep && p.peek(1) == Lt {
		p.next()
		f.Args = p.typeArgs()
	}
	f.span = x.Span().To(p.prev)
	if f.Name.Text == "" {
		f.span = x.Span().To(f.Name.span)
	}
	return f
}

func (p *parser) call(fn Expr) Expr {
	open := p.tok.Span
	e := &CallExpr{Fn: fn}
	p.next()
	e.Args = p.args()
	p.wantClose(RParen, open)
	e.span = fn.Span().To(p.prev)
	return e
}

func (p *parser) args() (out []Arg) {
	p.unrestricted(func() {
		p.list(RParen, func() {
			a := Arg{Value: p.expr()}
			id, ok := a.Value.(*PathExpr)
			if ok && len(id.Parts) == 1 && id.Args == nil && p.got(Assign) {
				a.Name = id.Parts[0]
				a.Value = p.expr()
			}
			out = append(out, a)
		})
	})
	return out
}

func (p *parser) primary() Expr {
	at := node{p.tok.Span}
	if p.panicking {
		return &BadExpr{at}
	}
	switch p.tok.Kind {
	case Ident:
		if p.habit(exprWords) {
			return &BadExpr{at}
		}
		return p.path()
	case KwSelf:
		p.next()
		return &PathExpr{node: at, Parts: []*Name{{at, "self"}}}
	case LParen:
		return p.paren()
	case LBracket:
		return p.array()
	case Or, OrOr:
		return p.closure()
	case KwIf, KwMatch, LBrace:
		if p.braced() {
			return &BadExpr{at}
		}
		var x Expr
		p.unrestricted(func() { x = p.blockLike() })
		return x
	}
	if x := p.literal(); x != nil {
		return x
	}
	d := p.expected("an expression")
	switch p.tok.Kind {
	case KwReturn, KwLet, KwVar, KwFor, KwWhile:
		d.Note("%s is a statement, not an expression", p.tok.Kind)
	case KwFn:
		d.Hint(closureHelp)
	case Colon:
		d.Hint("a part is written x[a..b], a whole dimension x[..]")
	}
	return &BadExpr{at}
}

func (p *parser) path() Expr {
	e := &PathExpr{node: node{p.tok.Span}}
	e.Parts = []*Name{p.name()}
	for p.got(PathSep) {
		if p.tok.Kind == Lt {
			e.Args = p.typeArgs()
			if p.tok.Kind != PathSep || p.peek(1) != Ident || e.Owner != nil {
				break
			}
			e.Owner, e.Args = e.Args, nil
			continue
		}
		e.Parts = append(e.Parts, p.name())
	}
	e.span = e.span.To(p.prev)
	if p.tok.Kind == LBrace && p.startsStruct() &&
		(!p.noStruct || p.peek(1) == Ident && p.peek(2) == Colon) {
		return p.structLit(e)
	}
	return e
}

// startsStruct tells a struct from a block: `{ }` or `{ name:` or `{ name,` or `{ name }`.
func (p *parser) startsStruct() bool {
	switch p.peek(1) {
	case RBrace:
		return true
	case Ident:
		k := p.peek(2)
		return k == Colon || k == Comma || k == RBrace
	}
	return false
}

func (p *parser) structLit(name *PathExpr) Expr {
	e := &StructLit{Name: name}
	open := p.tok.Span
	p.next()
	p.unrestricted(func() {
		p.list(RBrace, func() {
			f := FieldInit{Name: p.name()}
			if p.got(Colon) {
				f.Value = p.expr()
			} else {
				f.Value = &PathExpr{node: f.Name.node, Parts: []*Name{f.Name}}
			}
			e.Fields = append(e.Fields, f)
		})
	})
	p.wantClose(RBrace, open)
	e.span = name.span.To(p.prev)
	return e
}

// paren parses (x), (a, b) and ().
func (p *parser) paren() Expr {
	open := p.tok.Span
	p.next()
	t := &TupleLit{}
	comma := false
	p.unrestricted(func() {
		p.list(RParen, func() {
			t.Elems = append(t.Elems, p.expr())
			comma = comma || p.tok.Kind == Comma
		})
	})
	if len(t.Elems) == 0 && p.tok.Kind != RParen {
		p.expected("an expression")
	}
	p.wantClose(RParen, open)
	at := node{open.To(p.prev)}
	if len(t.Elems) == 1 && !comma {
		return &ParenExpr{at, t.Elems[0]}
	}
	t.node = at
	return t
}

func (p *parser) array() Expr {
	open := p.tok.Span
	p.next()
	e := &ArrayLit{Elems: []Expr{}}
	p.unrestricted(func() {
		p.list(RBracket, func() {
			e.Elems = append(e.Elems, p.index()) // `..` in x.load([i, ..])
			if len(e.Elems) == 1 && p.got(Semi) {
				e.Count = p.expr()
			}
		})
	})
	p.wantClose(RBracket, open)
	e.span = open.To(p.prev)
	return e
}

func (p *parser) closure() Expr {
	e := &ClosureExpr{node: node{p.tok.Span}}
	open := p.tok.Span
	if !p.got(OrOr) {
		p.next()
		p.list(Or, func() {
			a := &Param{Name: p.name()}
			if p.got(Colon) {
				a.Type = p.typeExpr()
			}
			e.Params = append(e.Params, a)
		})
		p.wantClose(Or, open)
	}
	e.Body = p.expr()
	e.span = e.span.To(p.prev)
	return e
}
