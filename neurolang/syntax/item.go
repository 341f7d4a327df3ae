package syntax

import "tensoros/neurolang/source"

// startsItem tells whether the current token begins an item. A `#` does only before `[`.
func (p *parser) startsItem() bool {
	switch p.tok.Kind {
	case KwFn, KwStruct, KwEnum, KwTrait, KwImpl, KwType, KwConst, KwPub, At:
		return true
	case Hash:
		return p.peek(1) == LBracket
	}
	return false
}

func (p *parser) importDecl() *Import {
	d := &Import{node: node{p.tok.Span}}
	p.next()
	if p.tok.Kind == String {
		d.Quoted = true
		d.Path = []*Name{{node{p.tok.Span}, p.unquote(p.text(p.tok.Span), p.tok.Span, 1)}}
		p.next()
	} else {
		d.Path = append(d.Path, p.name())
		for p.got(Dot) {
			if open := p.tok.Span; p.got(LBrace) {
				p.list(RBrace, func() { d.Names = append(d.Names, p.name()) })
				p.wantClose(RBrace, open)
				break
			}
			d.Path = append(d.Path, p.name())
		}
	}
	if p.got(KwAs) {
		d.As = p.name()
	}
	failed := p.panicking
	p.wantSemi()
	d.span = d.span.To(p.prev)
	if failed || p.panicking {
		p.lost = true
		for p.panicking && p.tok.Kind != EOF && p.tok.Kind != Semi && !p.startsItem() {
			p.next()
		}
		p.got(Semi)
		return nil
	}
	return d
}

// item parses one item; nil if none could be made out.
func (p *parser) item() Item {
	h := ItemHead{node: node{p.tok.Span}, Doc: p.doc()}
	p.failed = false
	p.attrs(&h)
	h.Pub = p.got(KwPub)
	var it Item
	switch p.tok.Kind {
	case KwFn:
		it = p.fnDecl(h)
	case KwStruct:
		it = p.structDecl(h)
	case KwEnum:
		it = p.enumDecl(h)
	case KwTrait:
		it = p.traitDecl(h)
	case KwImpl:
		it = p.implDecl(h)
	case KwConst:
		it = p.constDecl(h)
	case KwType:
		it = p.aliasDecl(h)
	default:
		p.expected("`fn` or another item")
		p.next()
		p.skipToItem()
		p.spoiled = len(h.Attrs) > 0 // which belong to what follows
		return nil
	}
	head := it.Head()
	p.lost = p.lost || head.Name != nil && head.Name.Text == ""
	head.span = head.span.To(p.prev)
	head.Bad = p.failed
	if _, fn := it.(*FnDecl); p.panicking && !fn {
		p.skipToItem()
	}
	return it
}

func (p *parser) attrs(h *ItemHead) {
	for !p.panicking {
		start := p.tok.Span
		hash := p.tok.Kind == Hash
		switch {
		case hash:
			p.next()
			p.want(LBracket)
		case !p.got(At):
			return
		}
		a := &Attr{Name: p.name()}
		if open := p.tok.Span; p.got(LParen) {
			a.Args = p.args()
			p.wantClose(RParen, open)
		}
		if hash {
			p.wantClose(RBracket, start)
		}
		a.span = start.To(p.prev)
		h.Attrs = append(h.Attrs, a)
	}
}

func (p *parser) fnDecl(h ItemHead) *FnDecl {
	d := &FnDecl{ItemHead: h}
	p.next()
	d.Name = p.name()
	d.Generics = p.generics()
	open := p.tok.Span
	if p.want(LParen) {
		p.list(RParen, func() { d.Params = append(d.Params, p.param(len(d.Params) == 0)) })
		p.skipTo(RParen, LBrace, KwFn, At)
		d.Closing = p.tok.Span
		p.wantClose(RParen, open)
	}
	switch {
	case p.got(Arrow):
		p.results(d)
	case p.tok.Kind == Ident && !p.isWord("over") && !p.panicking:
		p.expected("`{`").Hint("`->` stands before the result").
			Replace(source.Span{Pos: p.tok.Pos, End: p.tok.Pos}, "-> ", "write ->")
		p.panicking = false
		p.results(d)
	case p.tok.Kind == Colon && !p.panicking:
		p.wrong(p.tok.Span, "expected `->`, found `:`").Hint("a result is written -> int").
			Replace(p.tok.Span, " ->", "write ->")
		p.panicking = false
		p.next()
		p.results(d)
	}
	if p.word("over") {
		open := p.tok.Span
		if p.want(LBracket) {
			p.list(RBracket, func() { d.Over = append(d.Over, p.part()) })
			p.wantClose(RBracket, open)
		}
	}
	p.skipTo(LBrace, KwFn, At)
	d.BadHead = p.failed || p.spoiled || p.tok.Kind != LBrace && p.tok.Kind != Semi
	p.spoiled = false
	if !p.got(Semi) {
		d.Body = p.fnBody()
	}
	return d
}

func (p *parser) fnBody() *Block {
	if p.tok.Kind != LBrace {
		d := p.expected("`{`")
		if p.tok.Kind == Assign {
			d.Hint("a body stands in braces")
		}
		p.skipTo(LBrace, KwFn, At)
	}
	return p.block()
}

func (p *parser) results(d *FnDecl) {
	open := p.tok.Span
	if p.tok.Kind != LParen {
		r := &Result{Type: p.typeExpr()}
		r.By = p.by()
		d.Results = append(d.Results, r)
		return
	}
	p.next()
	p.list(RParen, func() {
		r := &Result{Type: p.typeExpr()}
		r.By = p.by()
		d.Results = append(d.Results, r)
	})
	p.wantClose(RParen, open)
	d.Tuple = true
}

func (p *parser) by() *By {
	if !p.isWord("by") {
		return nil
	}
	b := &By{node: node{p.tok.Span}}
	p.next()
	open := p.tok.Span
	if p.want(LBracket) {
		p.list(RBracket, func() { b.Parts = append(b.Parts, p.part()) })
		p.wantClose(RBracket, open)
	}
	b.span = b.span.To(p.prev)
	return b
}

func (p *parser) part() *Part {
	a := &Part{node: node{p.tok.Span}}
	if p.got(DotDot) {
		a.Rest = true
		return a
	}
	if p.tok.Kind == Int {
		p.expected("a name").Hint("pieces have names: by [i: 64]")
	}
	a.Name = p.name()
	if p.got(Colon) {
		a.Block = p.expr()
	}
	if p.got(KwIn) {
		a.In = p.expr()
	}
	a.span = a.span.To(p.prev)
	return a
}

func (p *parser) generics() (out []*Generic) {
	open := p.tok.Span
	if !p.got(Lt) {
		return nil
	}
	for !p.atGt() && p.tok.Kind != EOF && !p.panicking {
		out = append(out, p.generic())
		if !p.atGt() && !p.want(Comma) {
			break
		}
	}
	p.wantGt(open)
	return out
}

func (p *parser) generic() *Generic {
	g := &Generic{Const: p.got(KwConst)}
	g.Name = p.name()
	if p.got(Colon) {
		if g.Const {
			g.Type = p.typeExpr()
		} else {
			g.Bounds = append(g.Bounds, p.pathType())
			for p.got(Add) {
				g.Bounds = append(g.Bounds, p.pathType())
			}
		}
	}
	if g.Const && p.got(Assign) {
		g.Default = p.binary(comparePower)
	}
	return g
}

func (p *parser) param(first bool) *Param {
	if first {
		if a := p.selfParam(); a != nil {
			return a
		}
	}
	a := &Param{Name: p.name()}
	if !p.got(Colon) {
		p.expected(Colon.String()).Hint("a parameter is written x: int")
		a.Type = &BadType{node{p.tok.Span}}
		return a
	}
	a.Type = p.typeExpr()
	a.By = p.by()
	if p.got(Assign) {
		a.Default = p.expr()
	}
	return a
}

// selfParam parses self, &self, &mut self; nil if none stands here.
func (p *parser) selfParam() *Param {
	start := p.tok.Span
	isRef := p.tok.Kind == And
	mut := isRef && p.peek(1) == KwMut
	switch {
	case p.tok.Kind == KwSelf, isRef && p.peek(1) == KwSelf, mut && p.peek(2) == KwSelf:
	default:
		return nil
	}
	for p.tok.Kind != KwSelf {
		p.next()
	}
	n := &Name{node{p.tok.Span}, "self"}
	p.next()
	self := &PathType{node: n.node, Parts: []*Name{{n.node, "Self"}}}
	a := &Param{Name: n, Type: self, Self: true}
	if isRef {
		a.Type = &RefType{node: node{start.To(n.span)}, Mut: mut, Elem: self}
	}
	return a
}

func (p *parser) structDecl(h ItemHead) *StructDecl {
	d := &StructDecl{ItemHead: h}
	p.next()
	d.Name = p.name()
	d.Generics = p.generics()
	open := p.tok.Span
	if p.want(LBrace) {
		p.list(RBrace, func() {
			f := &Field{Doc: p.doc(), Name: p.name()}
			if p.got(Colon) {
				f.Type = p.typeExpr()
			} else {
				p.expected(Colon.String()).Hint("a field is written x: int")
				f.Type = &BadType{node{p.tok.Span}}
			}
			d.Fields = append(d.Fields, f)
			if p.tok.Kind == Semi {
				p.expected(Comma.String()).Hint("commas stand between fields")
			}
		})
		p.skipTo(RBrace, KwFn, KwStruct, At)
		p.wantClose(RBrace, open)
	}
	return d
}

func (p *parser) enumDecl(h ItemHead) *EnumDecl {
	d := &EnumDecl{ItemHead: h}
	p.next()
	d.Name = p.name()
	d.Generics = p.generics()
	open := p.tok.Span
	if p.want(LBrace) {
		p.list(RBrace, func() {
			v := &Variant{Doc: p.doc(), Name: p.name()}
			if open := p.tok.Span; p.got(LParen) {
				p.list(RParen, func() { v.Types = append(v.Types, p.typeExpr()) })
				p.wantClose(RParen, open)
			}
			d.Variants = append(d.Variants, v)
		})
		p.skipTo(RBrace, KwFn, KwEnum, At)
		p.wantClose(RBrace, open)
	}
	return d
}

func (p *parser) traitDecl(h ItemHead) *TraitDecl {
	d := &TraitDecl{ItemHead: h}
	p.next()
	d.Name = p.name()
	d.Fns = p.fns()
	return d
}

func (p *parser) implDecl(h ItemHead) *ImplDecl {
	d := &ImplDecl{ItemHead: h}
	p.next()
	d.Generics = p.generics()
	d.Type = p.typeExpr()
	if p.got(KwFor) {
		if t, ok := d.Type.(*PathType); ok {
			d.Trait = t
		} else {
			p.failed = true
		}
		d.Type = p.typeExpr()
	}
	d.Fns = p.fns()
	return d
}

// fns parses { functions }.
func (p *parser) fns() (out []*FnDecl) {
	open := p.tok.Span
	if !p.want(LBrace) {
		return nil
	}
	for p.tok.Kind != RBrace && p.tok.Kind != EOF {
		p.panicking = false
		before := p.at
		h := ItemHead{node: node{p.tok.Span}, Doc: p.doc()}
		failed := p.failed
		p.failed = false
		p.attrs(&h)
		h.Pub = p.got(KwPub)
		if p.tok.Kind == KwFn {
			d := p.fnDecl(h)
			d.span = d.span.To(p.prev)
			d.Bad = p.failed
			out = append(out, d)
		} else {
			p.expected("`fn`")
			p.skipTo(KwFn, RBrace, At)
		}
		p.failed = p.failed || failed
		if p.at == before {
			p.next()
		}
	}
	p.wantClose(RBrace, open)
	return out
}

func (p *parser) constDecl(h ItemHead) *ConstDecl {
	d := &ConstDecl{ItemHead: h}
	p.next()
	d.Name = p.name()
	if p.got(Colon) {
		d.Type = p.typeExpr()
	}
	if p.want(Assign) {
		d.Value = p.expr()
		p.wantSemi()
	} else {
		d.Value = &BadExpr{node{p.tok.Span}}
	}
	return d
}

func (p *parser) aliasDecl(h ItemHead) *AliasDecl {
	d := &AliasDecl{ItemHead: h}
	p.next()
	d.Name = p.name()
	d.Generics = p.generics()
	if p.want(Assign) {
		d.Type = p.typeExpr()
		p.wantSemi()
	} else {
		d.Type = &BadType{node{p.tok.Span}}
	}
	return d
}
