package syntax

// block parses { statements }.
func (p *parser) block() *Block {
	b := &Block{node: node{p.tok.Span}}
	open := p.tok.Span
	if !p.enter() || !p.want(LBrace) {
		p.leave()
		p.skipTo(RBrace, KwFn, At)
		p.got(RBrace)
		return b
	}
	defer p.leave()
	for p.tok.Kind != RBrace && p.tok.Kind != EOF {
		// A function cannot begin inside another: the block's end was forgotten.
		if p.tok.Kind == KwFn || p.tok.Kind == At {
			break
		}
		p.panicking = false
		before := p.tok.Span
		if s := p.stmt(); s != nil {
			b.Stmts = append(b.Stmts, s)
		}
		if p.panicking {
			p.recoverStmt()
		}
		if p.tok.Span == before {
			p.next()
		}
	}
	closed := p.tok.Kind == RBrace
	p.wantClose(RBrace, open)
	p.panicking = p.panicking && !closed
	b.span = b.span.To(p.prev)
	return b
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
	case KwReturn:
		p.next()
		s := &ReturnStmt{node: node{start}}
		if p.tok.Kind != Semi && p.tok.Kind != RBrace {
			s.Value = p.expr()
		}
		p.wantSemi()
		s.span = start.To(p.prev)
		return s
	case KwIf:
		return p.ifStmt()
	case KwWhile:
		p.next()
		s := &WhileStmt{node: node{start}, Cond: p.expr()}
		s.Body = p.block()
		s.span = start.To(p.prev)
		return s
	case KwFor:
		p.next()
		s := &ForStmt{node: node{start}, Var: p.name()}
		p.want(KwIn)
		s.Range = p.expr()
		s.Body = p.block()
		s.span = start.To(p.prev)
		return s
	case KwBreak, KwContinue:
		s := &BranchStmt{node{start}, p.tok.Kind}
		p.next()
		p.wantSemi()
		return s
	case LBrace:
		return p.block()
	case Semi:
		p.next()
		return nil
	}
	return p.simpleStmt()
}

func (p *parser) letStmt() Stmt {
	s := &LetStmt{node: node{p.tok.Span}, Mutable: p.tok.Kind == KwVar}
	p.next()
	s.Name = p.name()
	if p.got(Colon) {
		s.Type = p.typeExpr()
	}
	if p.want(Assign) {
		s.Value = p.expr()
		p.wantSemi()
	} else {
		s.Value = &BadExpr{node{p.tok.Span}}
	}
	s.span = s.span.To(p.prev)
	return s
}

func (p *parser) ifStmt() Stmt {
	s := &IfStmt{node: node{p.tok.Span}}
	p.next()
	s.Cond = p.expr()
	s.Then = p.block()
	if p.got(KwElse) {
		switch {
		case p.tok.Kind != KwIf:
			s.Else = p.block()
		case p.enter():
			s.Else = p.ifStmt()
			p.leave()
		default:
			p.leave()
		}
	}
	s.span = s.span.To(p.prev)
	return s
}

func (p *parser) simpleStmt() Stmt {
	start := p.tok.Span
	x := p.expr()
	switch p.tok.Kind {
	case Assign, AddAssign, SubAssign, MulAssign, DivAssign:
		s := &AssignStmt{Target: x, Op: p.tok.Kind}
		p.next()
		s.Value = p.expr()
		p.wantSemi()
		s.span = start.To(p.prev)
		return s
	}
	s := &ExprStmt{X: x}
	switch {
	case p.tok.Kind == RBrace, p.statements && p.depth == 0 && p.tok.Kind == EOF:
		s.Tail = true
	default:
		p.wantSemi()
	}
	s.span = start.To(p.prev)
	return s
}
