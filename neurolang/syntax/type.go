package syntax

import "tensoros/neurolang/source"

func (p *parser) typeExpr() TypeExpr {
	if !p.enter() {
		defer p.leave()
		return &BadType{node{p.tok.Span}}
	}
	defer p.leave()
	start := p.tok.Span
	switch p.tok.Kind {
	case Ident:
		return p.namedType()
	case And:
		p.next()
		t := &RefType{Mut: p.got(KwMut)}
		t.Atomic = !t.Mut && p.word("atomic")
		t.Elem = p.typeExpr()
		t.span = start.To(p.prev)
		return t
	case AndAnd: // a reference to a reference
		p.tok = Token{And, source.Span{Pos: start.Pos + 1, End: start.End}}
		t := &RefType{Elem: p.typeExpr()}
		t.span = start.To(p.prev)
		return t
	case LParen:
		p.next()
		t := &TupleType{}
		p.list(RParen, func() { t.Elems = append(t.Elems, p.typeExpr()) })
		p.wantClose(RParen, start)
		t.span = start.To(p.prev)
		if len(t.Elems) == 1 && !p.panicking {
			return t.Elems[0]
		}
		return t
	case LBracket:
		p.next()
		t := &ListType{}
		p.list(RBracket, func() { t.Elems = append(t.Elems, p.typeArg()) })
		p.wantClose(RBracket, start)
		t.span = start.To(p.prev)
		return t
	case KwFn:
		return p.funcType()
	}
	p.expected("a type")
	return &BadType{node{start}}
}

func (p *parser) funcType() TypeExpr {
	t := &FuncType{node: node{p.tok.Span}}
	p.next()
	open := p.tok.Span
	if p.want(LParen) {
		p.list(RParen, func() { t.Params = append(t.Params, p.typeExpr()) })
		p.wantClose(RParen, open)
	}
	if p.got(Arrow) {
		t.Result = p.typeExpr()
	}
	t.span = t.span.To(p.prev)
	return t
}

func (p *parser) pathType() *PathType {
	t := &PathType{node: node{p.tok.Span}}
	t.Parts = append(t.Parts, p.name())
	for p.tok.Kind == PathSep && p.peek(1) == Ident {
		p.next()
		t.Parts = append(t.Parts, p.name())
	}
	t.span = t.span.To(p.prev)
	return t
}

func (p *parser) namedType() TypeExpr {
	t := p.pathType()
	if p.tok.Kind == PathSep {
		p.next()
		p.name()
	}
	if p.tok.Kind == Lt {
		t.Args = p.typeArgs()
	}
	if p.word("on") {
		t.On = p.name()
	}
	t.span = t.span.To(p.prev)
	if p.panicking {
		return &BadType{node{t.span}} // its arguments are not all there
	}
	return t
}

// typeArgs parses <args>.
func (p *parser) typeArgs() (out []TypeExpr) {
	open := p.tok.Span
	p.next()
	for !p.atGt() && p.tok.Kind != EOF && !p.panicking {
		out = append(out, p.typeArg())
		if !p.atGt() && !p.want(Comma) {
			break
		}
	}
	p.wantGt(open)
	return out
}

// typeArg parses a type, a constant expression, a dimension or `..`.
func (p *parser) typeArg() TypeExpr {
	start := p.tok.Span
	switch p.tok.Kind {
	case DotDot:
		p.next()
		return &RestType{node{start}}
	case Int, Float, String, Sub, KwTrue, KwFalse:
		x := p.binary(comparePower)
		return &ConstType{node{x.Span()}, x}
	case Ident:
		switch p.peek(1) {
		case Add, Sub, Mul, Div, Rem, LParen:
			x := p.binary(comparePower)
			return &ConstType{node{x.Span()}, x}
		}
	case LParen:
		if k := p.peek(1); k == Int {
			x := p.binary(comparePower)
			return &ConstType{node{x.Span()}, x}
		}
	}
	return p.typeExpr()
}
