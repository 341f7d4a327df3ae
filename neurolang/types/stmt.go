package types

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// stmt checks a statement and tells whether control never passes its end.
func (c *checker) stmt(s syntax.Stmt) bool {
	if c.kernel && !c.kernelStmt(s) {
		return true // poisoned: no further "missing return"
	}
	switch s := s.(type) {
	case *syntax.Block:
		return c.block(s)
	case *syntax.LetStmt:
		c.let(s)
	case *syntax.AssignStmt:
		c.assign(s)
	case *syntax.ExprStmt:
		c.expr(s.X, nil)
	case *syntax.ReturnStmt:
		c.ret(s)
		return true
	case *syntax.IfStmt:
		c.cond(s.Cond)
		done := c.block(s.Then)
		return s.Else != nil && c.stmt(s.Else) && done
	case *syntax.WhileStmt:
		c.cond(s.Cond)
		c.loop(s.Body)
		lit, ok := s.Cond.(*syntax.BoolLit)
		return ok && lit.Value && !breaks(s.Body)
	case *syntax.ForStmt:
		c.forStmt(s)
	case *syntax.BranchStmt:
		if c.loops == 0 {
			c.errorf(diag.OutsideLoop, s.Span(), "%s stands outside a loop", s.Kind.Symbol())
		}
		return true
	}
	return false
}

// kernelStmt rejects what has no meaning on tiles.
func (c *checker) kernelStmt(s syntax.Stmt) bool {
	what := ""
	switch s := s.(type) {
	case *syntax.LetStmt:
		if !s.Mutable {
			return true
		}
		what = "var"
	case *syntax.ReturnStmt:
		return true
	case *syntax.ExprStmt:
		if _, ok := s.X.(*syntax.BadExpr); ok {
			return false
		}
		what = "a statement without effect"
	case *syntax.AssignStmt:
		what = "assignment"
	case *syntax.IfStmt:
		what = "if"
	case *syntax.WhileStmt, *syntax.ForStmt:
		what = "a loop"
	default:
		what = "this statement"
	}
	c.errorf(diag.KernelBody, s.Span(), "%s cannot stand in a kernel", what).
		Note("a kernel is let bindings of tile expressions and one return").
		Note("it is lifted over all tiles of its tensors; dot runs over k by itself")
	return false
}

// breaks tells whether a loop body has a break of its own.
func breaks(s syntax.Stmt) bool {
	switch s := s.(type) {
	case *syntax.Block:
		for _, t := range s.Stmts {
			if breaks(t) {
				return true
			}
		}
	case *syntax.IfStmt:
		return breaks(s.Then) || s.Else != nil && breaks(s.Else)
	case *syntax.BranchStmt:
		return s.Kind == syntax.KwBreak
	}
	return false
}

func (c *checker) block(b *syntax.Block) (done bool) {
	defer func(s *Scope) { c.scope = s }(c.scope)
	c.scope = NewScope(c.scope)
	for _, s := range b.Stmts {
		done = c.stmt(s) || done
	}
	return done
}

func (c *checker) loop(b *syntax.Block) {
	c.loops++
	c.block(b)
	c.loops--
}

func (c *checker) cond(e syntax.Expr) { c.needs(e, Bool, source.Span{}, "") }

// needs checks e against a type; why (may be "") says at place whence the need comes.
func (c *checker) needs(e syntax.Expr, want Type, place source.Span, why string) Type {
	got := c.expr(e, want)
	if same(want, got) {
		return got
	}
	c.mismatch(e, want, got, place, why)
	return Invalid
}

func (c *checker) mismatch(e syntax.Expr, want, got Type, place source.Span, why string) {
	w, ok1 := want.(*Tile)
	g, ok2 := got.(*Tile)
	if ok1 && ok2 {
		c.tileMismatch(e.Span(), w, g)
		return
	}
	d := c.errorf(diag.Mismatch, e.Span(), "%s is needed here, this is %s", want, got).
		Label("this is %s", got)
	if why != "" {
		d.With(place, "%s", why)
	}
	switch {
	case want == Float && got == Int:
		d.Hint("convert it: float(...)")
	case want == Int && got == Float:
		d.Hint("convert it: int(...) drops the fraction")
	case want == String:
		d.Hint("convert it: str(...)")
	}
}

func (c *checker) define(n *syntax.Name, t Type, mutable bool) {
	v := &Var{Name: n.Text, Type: t, Mutable: mutable, At: n.Span(),
		Global: c.fn == nil && c.scope == c.env.Scope}
	c.info.Defs[n] = v
	if n.Text != "" {
		c.scope.Put(n.Text, v)
	}
}

func (c *checker) let(s *syntax.LetStmt) {
	if s.Type != nil {
		want := c.resolve(s.Type)
		c.needs(s.Value, want, s.Type.Span(), "declared here as "+want.String())
		c.define(s.Name, want, s.Mutable)
		return
	}
	t := c.expr(s.Value, nil)
	if t == Unit {
		c.errorf(diag.NoUnitValue, s.Value.Span(), "this has no value to bind")
		t = Invalid
	}
	if _, ok := t.(*Tensor); ok && s.Mutable {
		t = &Tensor{} // another tensor may come; what is known of this one need not hold of it
	}
	c.define(s.Name, t, s.Mutable)
}

func (c *checker) assign(s *syntax.AssignStmt) {
	id, ok := s.Target.(*syntax.IdentExpr)
	if !ok {
		c.expr(s.Value, nil)
		if t := c.expr(s.Target, nil); !bad(t) {
			c.errorf(diag.NotAssignable, s.Target.Span(), "only variables can be assigned to").
				Hint("tensors are written by kernels and by Tensor::load")
		}
		return
	}
	t := c.expr(id, nil)
	v, ok := c.info.Uses[id].(*Var)
	if !ok {
		c.expr(s.Value, nil)
		return
	}
	if !v.Mutable {
		d := c.errorf(diag.Immutable, s.Target.Span(), "%s cannot be assigned to", v.Name)
		if v.Param {
			d.With(v.At, "a parameter")
		} else {
			d.With(v.At, "bound here by let").Hint("bind it with var to let it change")
		}
	}
	if s.Op == syntax.Assign {
		c.needs(s.Value, t, v.At, "declared here as "+t.String())
		return
	}
	op := map[syntax.Kind]syntax.Kind{syntax.AddAssign: syntax.Add, syntax.SubAssign: syntax.Sub,
		syntax.MulAssign: syntax.Mul, syntax.DivAssign: syntax.Div}[s.Op]
	y := c.expr(s.Value, t)
	r := c.arith(op, s.Span(), s.Target, s.Value, t, y)
	if !same(t, r) {
		c.mismatch(s.Value, t, r, v.At, "declared here as "+t.String())
	}
}

func (c *checker) ret(s *syntax.ReturnStmt) {
	switch {
	case c.fn == nil:
		c.errorf(diag.Unexpected, s.Span(), "return stands outside a function")
		if s.Value != nil {
			c.expr(s.Value, nil)
		}
	case s.Value != nil && c.fn.Result == Unit:
		if t := c.expr(s.Value, nil); t != Unit && !bad(t) {
			c.errorf(diag.Mismatch, s.Value.Span(), "%s returns nothing, this is %s", c.fn.Name, t).
				With(c.fn.Place(), "declared without -> type")
		}
	case s.Value != nil:
		c.returnValue(s.Value, s.Span())
	case c.fn.Result != Unit && !bad(c.fn.Result):
		c.errorf(diag.Mismatch, s.Span(), "%s is to be returned here", c.fn.Result).
			With(c.fn.Decl.Result.Span(), "promised here")
	}
}

func (c *checker) returnValue(e syntax.Expr, at source.Span) {
	if c.fn.Decl.Result == nil {
		c.expr(e, nil)
		return
	}
	c.needs(e, c.fn.Result, c.fn.Decl.Result.Span(), "promised here")
}

func (c *checker) forStmt(s *syntax.ForStmt) {
	t := c.expr(s.Range, nil)
	item := Type(Int)
	if a, ok := t.(*Array); ok {
		item = a.Elem
	} else if t != Range && !bad(t) {
		c.errorf(diag.NotIterable, s.Range.Span(), "for runs over a range or an array, not over %s",
			t).
			Hint("write for %s in 0..n", s.Var.Text)
		item = Invalid
	}
	defer func(sc *Scope) { c.scope = sc }(c.scope)
	c.scope = NewScope(c.scope)
	c.define(s.Var, item, false)
	c.loop(s.Body)
}
