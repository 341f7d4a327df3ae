package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

func (b *body) assign(s *syntax.AssignStmt) {
	if b.kernel {
		if ix, ok := s.Target.(*syntax.IndexExpr); ok {
			b.store(s, ix)
			return
		}
	}
	place := b.expr(s.Target, nil)
	t := place.Type()
	if bad(t) {
		b.expr(s.Value, nil)
		return
	}
	if t.Kind == hir.Ref {
		place = &hir.Deref{X: at(t.Args[0], place.Span()), Arg: place}
		t = place.Type()
	}
	ok := b.writable(place, s.Target.Span(), "assigned to")
	x := b.assigned(s, place, t)
	if ok && !bad(x.Type()) {
		b.emit(&hir.Assign{Place: place, Value: x, At: s.Span()})
	}
}

// assigned is the new value of a place.
func (b *body) assigned(s *syntax.AssignStmt, place hir.Expr, t *hir.Type) hir.Expr {
	why, from := source.Span{}, ""
	if v := root(place); v != nil {
		why, from = v.At, "declared here as "+String(v.Type)
	}
	op, compound := s.Op.Operator()
	if !compound {
		return b.coerce(b.expr(s.Value, t), t, why, from)
	}
	y := b.expr(s.Value, t)
	if deref(t).Kind == hir.Tensor {
		place = b.borrow(place, hir.Shared)
	}
	r := b.binaryOp(op, s.OpPos, s.Target, s.Value, place, y)
	if bad(r.Type()) {
		return r
	}
	return b.coerce(r, t, why, from)
}

// root is the variable that a place is part of; nil for none.
func root(x hir.Expr) *hir.Var {
	for {
		switch p := x.(type) {
		case *hir.Local:
			return p.Var
		case *hir.FieldOf:
			x = p.Arg
		case *hir.IndexOf:
			x = p.Arg
		case *hir.PayloadOf:
			x = p.Arg
		case *hir.Deref:
			x = p.Arg
		case *hir.RefOf:
			x = p.Place
		default:
			return nil
		}
	}
}

// isPlace tells what can be borrowed or assigned to.
func isPlace(x hir.Expr) bool { return root(x) != nil }

// writable reports a place that may not change.
func (b *body) writable(place hir.Expr, at source.Span, what string) bool {
	for {
		switch p := place.(type) {
		case *hir.Local:
			v := p.Var
			if v.Mutable || bad(v.Type) {
				return true
			}
			b.immutable(v, at, what)
			return false
		case *hir.FieldOf:
			place = p.Arg
		case *hir.PayloadOf:
			place = p.Arg
		case *hir.IndexOf:
			if deref(p.Arg.Type()).Kind == hir.Tensor && what == "assigned to" {
				b.errorf(diag.NotAssignable, at, "elements of a tensor cannot be assigned to").
					Hint("tensors are written by kernels, Tensor::from and Tensor::load")
				return false
			}
			place = p.Arg
		case *hir.Deref:
			if p.Arg.Type().Mut == hir.Exclusive {
				return true
			}
			d := b.errorf(diag.Immutable, at, "what a & refers to cannot be %s", what)
			if v := root(p.Arg); v != nil {
				d.With(v.At, "%s is %s", v.Name, String(v.Type))
				d.Hint("take it as &mut %s", String(deref(v.Type)))
			}
			return false
		default:
			b.errorf(diag.NotAssignable, at, "only variables, fields and elements can be %s", what)
			return false
		}
	}
}

func (b *body) immutable(v *hir.Var, at source.Span, what string) {
	d := b.errorf(diag.Immutable, at, "%s cannot be %s", v.Name, what)
	f := b.set.File(v.At.Pos)
	if f == nil {
		return
	}
	from := v.At.Pos - 4
	if off := f.Offset(v.At.Pos); off >= 4 && string(f.Src[off-4:off]) == "let " {
		word := source.Span{Pos: from, End: from + 3}
		d.With(v.At, "bound here by let").Hint("bind it with var to let it change").
			Replace(word, "var", "write var")
		return
	}
	d.With(v.At, "bound here, for reading").Hint("copy it: var %s2 = %s;", v.Name, v.Name)
}
