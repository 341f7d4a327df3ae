package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/syntax"
)

func (b *body) refExpr(e *syntax.RefExpr, want *hir.Type) hir.Expr {
	if want != nil && want.Kind == hir.Ref {
		want = want.Args[0]
	}
	x := b.value(e.X, want)
	if bad(x.Type()) {
		return x
	}
	kind := hir.Shared
	if e.Mut {
		kind = hir.Exclusive
	}
	if b.kernel && kernelOnly(x.Type()) != nil {
		b.errorf(diag.KernelBody, e.Span(), "kernels have no references to tiles").
			Hint("pass the tile itself")
		return poisonAt(e.Span())
	}
	x = b.read(x)
	if e.Mut && isPlace(x) && !b.writable(x, e.X.Span(), "borrowed for writing") {
		return poisonAt(e.Span())
	}
	r := b.borrow(x, kind)
	if r, ok := r.(*hir.RefOf); ok {
		r.At = e.Span()
	}
	return r
}

// borrow makes a reference to a place, or to a value put into a variable first.
func (b *body) borrow(x hir.Expr, kind hir.RefKind) hir.Expr {
	t := x.Type()
	if bad(t) {
		return x
	}
	if t.Kind == hir.Ref {
		if t.Mut == kind || kind != hir.Shared || t.Mut != hir.Exclusive {
			return x
		}
		x = &hir.Deref{X: at(t.Args[0], x.Span()), Arg: x}
		return &hir.RefOf{X: at(b.types.ref(t.Args[0], kind), x.Span()), Place: x}
	}
	if !isPlace(x) || b.slices(x) && kind == hir.Shared {
		x = b.held(x)
		if l, ok := x.(*hir.Local); ok {
			l.Var.Mutable = true
		}
	}
	if d, ok := x.(*hir.Deref); ok && d.Arg.Type().Mut == kind {
		return d.Arg // a reference passed on
	}
	return &hir.RefOf{X: at(b.types.ref(t, kind), x.Span()), Place: x}
}

// held gives a value a place: itself, or the whole that it is a part of.
func (b *body) held(x hir.Expr) hir.Expr {
	if f, ok := x.(*hir.FieldOf); ok && !isPlace(f.Arg) {
		return &hir.FieldOf{X: f.X, Arg: b.held(f.Arg), Index: f.Index}
	}
	return b.temp(x)
}

// slices tells an index that makes a new tensor or array rather than naming a part.
func (b *body) slices(x hir.Expr) bool {
	i, ok := x.(*hir.IndexOf)
	return ok && (i.T.Kind == hir.Tensor && deref(i.Arg.Type()).Kind == hir.Tensor ||
		i.T == deref(i.Arg.Type()))
}

// mark and settle keep the order of evaluation: where checking an expression emitted statements,
// settle puts the values checked before it into variables before these statements.
func (b *body) mark() int {
	if b.out == nil {
		return 0
	}
	return len(*b.out)
}

func (b *body) settle(xs []hir.Expr, mark int) {
	if b.out == nil || len(*b.out) == mark {
		return
	}
	var lets []hir.Stmt
	for i := range xs {
		if xs[i] == nil || pure(xs[i]) || xs[i].Type() == unit || bad(xs[i].Type()) {
			continue
		}
		v := &hir.Var{Type: xs[i].Type(), At: xs[i].Span()}
		lets = append(lets, &hir.Let{Var: v, Value: xs[i]})
		xs[i] = &hir.Local{X: at(v.Type, xs[i].Span()), Var: v}
	}
	if len(lets) > 0 {
		rest := append(lets, (*b.out)[mark:]...)
		*b.out = append((*b.out)[:mark:mark], rest...)
	}
}

// pure tells expressions that may be evaluated later: nothing else changes what they give.
func pure(x hir.Expr) bool {
	switch x := x.(type) {
	case *hir.Const, *hir.Local, *hir.DimOf, *hir.FuncValue:
		return true
	case *hir.RefOf:
		return pure(x.Place)
	case *hir.Deref:
		return pure(x.Arg)
	case *hir.FieldOf:
		return pure(x.Arg)
	case *hir.Binary:
		return pure(x.L) && pure(x.R)
	}
	return false
}
