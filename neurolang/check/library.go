package check

import (
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// library makes calls for passes that come after checking: it implements hir.Library.
type library struct{ c *checker }

// Call calls a public function or kernel of a module with checked arguments.
func (l library) Call(module, name string, args []hir.Expr, sp source.Span) hir.Expr {
	m := l.c.embedded(module)
	if m == nil {
		return nil
	}
	fn, ok := m.scope.names[name].(*fnObj)
	if !ok {
		return nil
	}
	return l.call(fn, args, sp)
}

// VJP calls what is declared @vjp of a kernel.
func (l library) VJP(k *hir.Kernel, args []hir.Expr, sp source.Span) hir.Expr {
	of := l.origin(k)
	for _, fn := range l.c.fns {
		for _, a := range fn.decl.Attrs {
			if of != nil && a.Name.Text == "vjp" && len(a.Args) == 1 && l.names(fn, a, of) {
				return l.call(fn, args, sp)
			}
		}
	}
	return nil
}

// origin finds the function that a kernel is an instance of.
func (l library) origin(k *hir.Kernel) *fnObj {
	for _, in := range l.c.instances {
		if in.kern == k {
			return in.fn
		}
	}
	return nil
}

// names tells whether the argument of an attribute names a function.
func (l library) names(fn *fnObj, a *syntax.Attr, of *fnObj) bool {
	p, ok := a.Args[0].Value.(*syntax.PathExpr)
	if !ok {
		return false
	}
	var found any
	l.c.try(func() {
		b := l.body(fn.mod)
		if len(p.Parts) == 1 {
			found = b.scope.lookup(p.Parts[0].Text)
		} else {
			found = b.pathObject(p.Parts, b.scope)
		}
	})
	return found == any(of)
}

func (l library) body(m *module) *body {
	in := &instance{sc: m.scope, result: unit, fn: &fnObj{mod: m, in: m.scope,
		decl: &syntax.FnDecl{}}, hfn: &hir.Fn{Result: unit}}
	return l.c.newBody(in)
}

// call checks a call and what it instantiates; nil if it does not fit.
func (l library) call(fn *fnObj, args []hir.Expr, sp source.Span) hir.Expr {
	var before []hir.Stmt
	var x hir.Expr
	ok := l.c.try(func() {
		b := l.body(fn.mod)
		b.out = &before
		list := make([]arg, len(args))
		for i, a := range args {
			list[i] = arg{x: a}
		}
		x = b.callFn(fn, nil, nil, list, sp, sp, nil)
	})
	if !ok || bad(x.Type()) {
		return nil
	}
	l.c.drain()
	l.c.own()
	if len(before) > 0 {
		x = &hir.BlockExpr{X: at(x.Type(), sp), Block: &hir.Block{Stmts: before, Value: x, At: sp}}
	}
	return x
}
