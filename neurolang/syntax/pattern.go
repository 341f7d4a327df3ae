package syntax

func (p *parser) pattern() Pattern {
	if !p.enter() {
		defer p.leave()
		return &BadPat{node{p.tok.Span}}
	}
	defer p.leave()
	start := p.tok.Span
	first := p.onePattern()
	if p.tok.Kind != Or {
		return first
	}
	o := &OrPat{Alts: []Pattern{first}}
	for p.got(Or) {
		o.Alts = append(o.Alts, p.onePattern())
	}
	o.span = start.To(p.prev)
	return o
}

func (p *parser) onePattern() Pattern {
	start := p.tok.Span
	switch p.tok.Kind {
	case Ident:
		return p.namePattern()
	case Int, Float, String, KwTrue, KwFalse, Sub:
		x := p.patternLit()
		if p.got(DotDot) {
			r := &RangePat{Lo: x, Hi: p.patternLit()}
			r.span = start.To(p.prev)
			return r
		}
		return &LitPat{node{start.To(p.prev)}, x}
	case LParen:
		p.next()
		t := &TuplePat{}
		p.list(RParen, func() { t.Elems = append(t.Elems, p.pattern()) })
		p.wantClose(RParen, start)
		t.span = start.To(p.prev)
		if len(t.Elems) == 1 {
			return t.Elems[0]
		}
		return t
	}
	p.expected("a pattern")
	return &BadPat{node{start}}
}

func (p *parser) patternLit() Expr {
	start := p.tok.Span
	if p.got(Sub) {
		x := p.primary()
		return negative(node{start.To(p.prev)}, x)
	}
	return p.primary()
}

func (p *parser) namePattern() Pattern {
	start := p.tok.Span
	n := p.name()
	if n.Text == "_" {
		return &WildPat{node{start}}
	}
	path := &PathExpr{Parts: []*Name{n}}
	for p.got(PathSep) {
		path.Parts = append(path.Parts, p.name())
	}
	path.span = start.To(p.prev)
	open := p.tok.Span
	switch {
	case p.got(LParen):
		v := &VariantPat{Path: path}
		p.list(RParen, func() { v.Elems = append(v.Elems, p.pattern()) })
		p.wantClose(RParen, open)
		v.span = start.To(p.prev)
		return v
	case p.tok.Kind == LBrace && !p.noStruct:
		return p.structPattern(path)
	case len(path.Parts) > 1:
		return &VariantPat{node: path.node, Path: path}
	}
	return &NamePat{n.node, n}
}

func (p *parser) structPattern(path *PathExpr) Pattern {
	s := &StructPat{Path: path}
	open := p.tok.Span
	p.next()
	p.list(RBrace, func() {
		if p.got(DotDot) {
			s.Rest = true
			return
		}
		n := p.name()
		f := FieldPat{n, &NamePat{n.node, n}}
		if p.got(Colon) {
			f.Pattern = p.pattern()
		}
		s.Fields = append(s.Fields, f)
	})
	p.wantClose(RBrace, open)
	s.span = path.span.To(p.prev)
	return s
}
