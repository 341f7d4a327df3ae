package syntax

// block parses { statements }.
func (p *parser) block() *Block {
	b := &Block{node: node{p.tok.Span}}
	open := p.tok.Span
	if entered := p.enter(); !entered || !p.got(LBrace) {
		if entered {
			p.braceHelp(p.expected(LBrace.String()))
		}
		p.leave()
		p.skipTo(RBrace, KwFn, At)
		p.got(RBrace)
		return b
	}
	defer p.leave()
	p.unrestricted(func() {
		for p.tok.Kind != RBrace && p.tok.Kind != EOF && !p.forgotten() {
			p.panicking = false
			before := p.at
			if s := p.stmt(); s != nil {
				b.Stmts = append(b.Stmts, s)
			}
			if p.panicking {
				p.recoverStmt()
			}
			if p.at == before {
				p.next()
			}
		}
	})
	closed := p.tok.Kind == RBrace
	p.wantClose(RBrace, open)
	p.panicking = p.panicking && !closed
	b.span = b.span.To(p.prev)
	return b
}

// forgotten tells that the block's end was forgotten: an item that begins its line at column 1
// belongs to the file.
func (p *parser) forgotten() bool {
	return p.startsItem() && p.file.Position(p.tok.Pos).Col == 1 && p.depth > 0
}

// recoverStmt skips to behind the `;` that ends the broken statement, or to the `}` that ends its
// block, or to a token that must begin a statement.
func (p *parser) recoverStmt() {
	depth := 0
	for p.tok.Kind != EOF {
		switch p.tok.Kind {
		case Semi:
			if depth <= 0 {
				p.next()
				return
			}
		case LBrace:
			depth++
		case RBrace:
			if depth <= 0 {
				return
			}
			depth--
			if depth == 0 {
				p.next()
				if p.tok.Kind != KwElse {
					return
				}
			}
		case KwLet, KwVar, KwReturn, KwIf, KwWhile, KwFor, KwBreak, KwContinue, KwFn:
			if depth <= 0 && startsLine(p) {
				return
			}
		}
		if p.forgotten() {
			return
		}
		p.next()
	}
}

// startsLine tells whether only space stands before the current token on its line.
func startsLine(p *parser) bool {
	for i := p.file.Offset(p.tok.Pos) - 1; i >= 0; i-- {
		switch c := p.file.Src[i]; {
		case c == '\n':
			return true
		case !isSpace(c):
			return false
		}
	}
	return true
}

func (p *parser) stmt() Stmt {
	start := p.tok.Span
	switch p.tok.Kind {
	case KwLet, KwVar:
		return p.letStmt()
	case KwReturn, KwBreak, KwContinue:
		s := p.jump()
		p.wantSemi()
		return s
	case KwWhile:
		p.next()
		s := &WhileStmt{Cond: p.condition()}
		s.Body = p.block()
		s.span = start.To(p.prev)
		return s
	case KwFor:
		p.next()
		s := &ForStmt{}
		if p.countedLoop() {
			return nil
		}
		saved := p.noStruct
		p.noStruct = true
		s.Pattern = p.pattern()
		p.want(KwIn)
		s.Over = p.expr()
		p.noStruct = saved
		s.Body = p.block()
		s.span = start.To(p.prev)
		return s
	case Semi:
		p.next()
		return nil
	}
	if p.startsItem() {
		if it := p.item(); it != nil {
			return &ItemStmt{node{it.Span()}, it}
		}
		return nil
	}
	return p.simpleStmt()
}

// jump parses return, break and continue up to their `;`.
func (p *parser) jump() Stmt {
	start := p.tok.Span
	if k := p.tok.Kind; k != KwReturn {
		p.next()
		return &BranchStmt{node{start}, k}
	}
	p.next()
	s := &ReturnStmt{}
	switch p.tok.Kind {
	case Semi, RBrace, Comma:
	default:
		s.Value = p.expr()
	}
	s.span = start.To(p.prev)
	return s
}

// condition parses an expression before a block.
func (p *parser) condition() Expr {
	saved := p.noStruct
	p.noStruct = true
	x := p.expr()
	if p.tok.Kind == Assign && !p.panicking {
		p.wrong(p.tok.Span, "= assigns, and has no value").Hint("== compares").
			Replace(p.tok.Span, "==", "write ==")
		p.next()
		x = &BadExpr{node{x.Span().To(p.expr().Span())}}
		p.panicking = p.tok.Kind != LBrace
	}
	p.noStruct = saved
	if p.tok.Kind != LBrace {
		return &BadExpr{node{x.Span()}} // an error follows; what stands here is not all
	}
	return x
}

func (p *parser) letStmt() Stmt {
	s := &LetStmt{node: node{p.tok.Span}, Mutable: p.tok.Kind == KwVar}
	p.next()
	if p.tok.Kind == KwMut {
		p.wrong(s.span.To(p.tok.Span), "what changes is bound with var").Hint("write var x = ...").
			Replace(s.span.To(p.tok.Span), "var", "write var")
		p.panicking, s.Mutable = false, true
		p.next()
	}
	s.Pattern = p.letPattern()
	if p.got(Colon) {
		s.Type = p.typeExpr()
	}
	if p.tok.Kind == Semi && !p.panicking {
		p.expected(Assign.String()).Hint("a variable begins with a value: var x = 0;")
		s.Mutable = true // and is given one next
		s.Value = &BadExpr{node{p.tok.Span}}
		p.wantSemi()
	} else if p.tok.Kind == Comma && !p.panicking {
		p.expected(Assign.String()).Hint("write let (a, b) = ...")
		s.Value = &BadExpr{node{p.tok.Span}}
	} else if p.want(Assign) {
		s.Value = p.expr()
		p.wantSemi()
	} else {
		s.Value = &BadExpr{node{p.tok.Span}}
	}
	s.span = s.span.To(p.prev)
	return s
}

// letPattern says "a name" where nothing else begins a pattern.
func (p *parser) letPattern() Pattern {
	switch p.tok.Kind {
	case Ident, LParen:
		return p.pattern()
	}
	n := p.name()
	return &BadPat{n.node}
}

func (p *parser) simpleStmt() Stmt {
	start := p.tok.Span
	if p.habit(stmtWords) {
		return nil
	}
	if x := p.blockLike(); x != nil {
		s := &ExprStmt{X: x, Tail: p.tok.Kind == RBrace ||
			p.statements && p.depth == 0 && p.tok.Kind == EOF}
		switch p.tok.Kind {
		case Dot, Question: // a method of its value
			s.X = p.postfix(x)
			s.Tail = false
			return p.exprEnd(s)
		}
		p.got(Semi)
		s.span = start.To(p.prev)
		return s
	}
	x := p.expr()
	if _, ok := compound[p.tok.Kind]; ok || p.tok.Kind == Assign {
		s := &AssignStmt{Target: x, Op: p.tok.Kind, OpPos: p.tok.Span}
		p.next()
		s.Value = p.expr()
		p.wantSemi()
		s.span = start.To(p.prev)
		return s
	}
	return p.exprEnd(&ExprStmt{X: x})
}

func (p *parser) exprEnd(s *ExprStmt) Stmt {
	switch {
	case p.tok.Kind == RBrace, p.statements && p.depth == 0 && p.tok.Kind == EOF:
		s.Tail = true
	default:
		p.wantSemi()
	}
	s.span = s.X.Span().To(p.prev)
	return s
}

// blockLike parses an expression that ends with a block and needs no `;`; nil if none begins here.
func (p *parser) blockLike() Expr {
	switch p.tok.Kind {
	case KwIf:
		return p.ifExpr()
	case KwMatch:
		return p.matchExpr()
	case LBrace:
		b := p.block()
		return &BlockExpr{b.node, b}
	}
	return nil
}

func (p *parser) ifExpr() Expr {
	e := &IfExpr{node: node{p.tok.Span}}
	p.next()
	e.Cond = p.condition()
	e.Then = p.block()
	if p.got(KwElse) {
		switch {
		case p.tok.Kind != KwIf:
			e.Else = p.block()
		case p.enter():
			e.Else = p.ifExpr()
			p.leave()
		default:
			p.leave()
		}
	}
	e.span = e.span.To(p.prev)
	return e
}

func (p *parser) matchExpr() Expr {
	e := &MatchExpr{node: node{p.tok.Span}}
	p.next()
	e.X = p.condition()
	open := p.tok.Span
	if !p.enter() || !p.want(LBrace) {
		p.leave()
		return e
	}
	p.unrestricted(func() {
		for p.tok.Kind != RBrace && p.tok.Kind != EOF && !p.panicking {
			a := p.arm()
			e.Arms = append(e.Arms, a)
			if _, block := a.Value.(*BlockExpr); !p.got(Comma) && !block && p.tok.Kind != RBrace {
				p.want(Comma)
			}
		}
	})
	p.leave()
	if p.panicking {
		e.Bad = true
		p.skipArms()
	}
	p.wantClose(RBrace, open)
	e.span = e.span.To(p.prev)
	return e
}

// skipArms moves to the `}` that ends the match.
func (p *parser) skipArms() {
	for depth := 0; p.tok.Kind != EOF && !p.forgotten(); p.next() {
		switch p.tok.Kind {
		case LBrace:
			depth++
		case RBrace:
			if depth == 0 {
				p.panicking = false
				return
			}
			depth--
		}
	}
}

func (p *parser) arm() *Arm {
	a := &Arm{node: node{p.tok.Span}}
	a.Pattern = p.pattern()
	if p.got(KwIf) {
		a.Guard = p.expr()
	}
	if !p.got(FatArrow) {
		p.expected(FatArrow.String()).Hint("an arm is written 1 => value, all others _ => value")
	}
	switch p.tok.Kind {
	case KwReturn, KwBreak, KwContinue:
		s := p.jump()
		at := node{s.Span()}
		a.Value = &BlockExpr{at, &Block{at, []Stmt{s}}}
		p.wantArmEnd()
	case LBrace:
		b := p.block()
		a.Value = &BlockExpr{b.node, b}
	default:
		a.Value = p.expr()
	}
	a.span = a.span.To(p.prev)
	return a
}

// wantArmEnd demands what must follow an arm that is no block.
func (p *parser) wantArmEnd() {
	if p.tok.Kind != Comma && p.tok.Kind != RBrace {
		p.expected(Comma.String())
	}
}
