package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// closureFor checks a closure that is an argument: what the parameter's type tells of it is known.
func (b *body) closureFor(e *syntax.ClosureExpr, ft *syntax.FuncType, bn *binding) hir.Expr {
	var types []*hir.Type
	for _, p := range ft.Params {
		t := b.partly(p, bn.sc, false)
		if t == nil && bn.spoiled {
			t = invalid // an argument before would have told
		}
		types = append(types, t)
	}
	result := unit
	if ft.Result != nil {
		result = b.partly(ft.Result, bn.sc, false)
	}
	return b.closureOf(e, types, result)
}

// closure checks |params| body.
func (b *body) closure(e *syntax.ClosureExpr, want *hir.Type) hir.Expr {
	if want != nil && want.Kind == hir.Func {
		n := len(want.Args) - 1
		return b.closureOf(e, want.Args[:n], want.Args[n])
	}
	return b.closureOf(e, nil, nil)
}

// closureOf checks a closure against types for its parameters and result; nil ones are inferred.
func (b *body) closureOf(e *syntax.ClosureExpr, types []*hir.Type, result *hir.Type) hir.Expr {
	if b.kernelValue(e.Span(), "a closure") {
		return poisonAt(e.Span())
	}
	if b.constant || b.in == nil {
		b.errorf(diag.NotConst, e.Span(), "the compiler does not evaluate closures")
		return poisonAt(e.Span())
	}
	f := &hir.Fn{Name: b.unique(b.in.name() + ".closure"), At: e.Span()}
	c := &body{checker: b.checker, in: b.in, outer: b, result: result, why: e.Span(),
		scope: newScope(b.scope), lits: map[*hir.Const]bool{},
		region: e.Span()}
	if types != nil && len(types) != len(e.Params) {
		b.errorf(diag.Mismatch, e.Span(), "a function of %s is needed here, this has %d",
			count(len(types), "parameter"), len(e.Params))
		return poisonAt(e.Span())
	}
	var params []*hir.Var
	var parts []*hir.Type
	for i, p := range e.Params {
		t := c.closureParam(p, i, types)
		l := c.define(p.Name, t, false)
		params = append(params, l.v)
		parts = append(parts, t)
	}
	blk := &hir.Block{At: e.Body.Span()}
	c.out = &blk.Stmts
	want := result
	if want == unit {
		want = discard
	}
	x := c.expr(e.Body, want)
	switch {
	case result == unit || x.Type() == unit && c.result == nil:
		c.emit(&hir.Do{X: x})
		c.result = unit
	case x.Type() == never:
		c.emit(&hir.Do{X: x})
		if c.result == nil {
			c.result = unit
		}
	default:
		if c.result == nil {
			c.result = x.Type()
		}
		blk.Value = c.coerce(x, c.result, c.why, "the closure's result is "+String(c.result))
	}
	return b.funcValue(c, f, blk, params, parts, e)
}

func (c *body) closureParam(p *syntax.Param, i int, types []*hir.Type) *hir.Type {
	if p.Type != nil {
		return c.hostType(p.Type, c.scope)
	}
	if types != nil && types[i] != nil {
		return types[i]
	}
	c.errorf(diag.NotInferred, p.Name.Span(), "the type of %s is not known here", p.Name.Text).
		Hint("write it: |%s: int| ...", p.Name.Text)
	return invalid
}

// funcValue finishes a closure: its function, and what it captured.
func (b *body) funcValue(c *body, f *hir.Fn, blk *hir.Block, params []*hir.Var, parts []*hir.Type,
	e *syntax.ClosureExpr) hir.Expr {
	out := &hir.FuncValue{Fn: f}
	for _, cp := range c.captured {
		f.Params = append(f.Params, cp.to.v)
		out.Captured = append(out.Captured, b.local(cp.from, e.Span()))
		b.captives[cp.to.v] = true
	}
	f.Params = append(f.Params, params...)
	f.Body = blk
	f.Result = c.result
	if bad(c.result) || c.result == never {
		f.Result = c.result
	}
	for _, t := range parts {
		if bad(t) {
			return poisonAt(e.Span())
		}
	}
	if bad(c.result) {
		return poisonAt(e.Span())
	}
	if !b.abstractHere() && b.quiet == 0 {
		b.prog.Funcs = append(b.prog.Funcs, f)
		b.closures = append(b.closures, f)
	}
	out.X = at(b.types.function(parts, c.result), e.Span())
	return out
}

func (in *instance) name() string {
	if in.hfn != nil && in.hfn.Name != "" {
		return in.hfn.Name
	}
	if in.fn != nil && in.fn.decl != nil && in.fn.decl.Name != nil {
		return in.fn.decl.Name.Text
	}
	return "const"
}

// capture makes a variable of an outer function one of the closure's own.
func (b *body) capture(l *local, sp source.Span) *local {
	for _, cp := range b.captured {
		if cp.from == l {
			return cp.to
		}
	}
	if b.outer == nil {
		b.errorf(diag.UnknownName, sp, "%s is a variable of another function", l.v.Name).
			With(l.v.At, "bound here").Hint("pass it as a parameter, or use a closure")
		return nil
	}
	v := &hir.Var{Name: l.v.Name, Type: l.v.Type, At: l.v.At}
	to := &local{v: v, val: l.val, tool: l.tool, home: b}
	b.captured = append(b.captured, &capture{l, to})
	return to
}
