package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/syntax"
)

// index checks x[indices].
func (b *body) index(e *syntax.IndexExpr) hir.Expr {
	viewed := b.viewed
	b.viewed = false
	x := b.value(e.X, nil)
	t := deref(x.Type())
	if b.kernel && t.Kind == hir.Tensor {
		v := b.view(b.strip(x), e.Indices, e.Span())
		if l, ok := v.(*hir.Load); ok && !viewed && !b.own(l, false) {
			return poisonAt(e.Span())
		}
		return v
	}
	x = b.read(x)
	xs := make([]hir.Expr, 0, len(e.Indices))
	ok := !bad(t)
	for _, ie := range e.Indices {
		if _, whole := ie.(*syntax.WholeExpr); whole {
			xs = append(xs, nil)
			continue
		}
		mark := b.mark()
		ix := b.read(b.value(ie, nil))
		b.settle(xs, mark)
		if it := ix.Type(); !bad(it) && it != integer && it != ranges && !bad(t) {
			if b.kernel {
				continue
			}
			b.errorf(diag.Mismatch, ie.Span(), "an index is an int or a range, not %s", String(it))
			ok = false
		} else if bad(it) {
			ok = false
		}
		xs = append(xs, ix)
	}
	if !ok {
		return poisonAt(e.Span())
	}
	switch t.Kind {
	case hir.Array:
		return b.arrayIndex(x, xs, e)
	case hir.Tensor:
		return b.tensorIndex(x, xs, e)
	}
	d := b.errorf(diag.NotIndexable, e.X.Span(), "%s cannot be indexed", String(t))
	switch {
	case tiled(t):
		d.Hint("slice(x, axis, start, n) takes a part of a tile")
	case t.Kind == hir.Tuple:
		d.Hint("write x.0, x.1 for its parts")
	}
	return poisonAt(e.Span())
}

func (b *body) arrayIndex(x hir.Expr, xs []hir.Expr, e *syntax.IndexExpr) hir.Expr {
	if len(xs) != 1 {
		b.errorf(diag.NotIndexable, e.Span(), "an array takes one index, not %d", len(xs))
		return poisonAt(e.Span())
	}
	elem := x.Type().Args[0]
	if xs[0] == nil || xs[0].Type() == ranges {
		if !isCopy(elem) {
			b.errorf(diag.Moved, e.Span(), "a part of an array copies its elements, which %s does not allow",
				String(elem))
			return poisonAt(e.Span())
		}
		if xs[0] == nil {
			xs[0] = &hir.RangeOf{X: at(ranges, e.Span()), Lo: b.intConst(0, e.Span()),
				Hi: &hir.Intrinsic{X: at(integer, e.Span()), Name: "len", Args: []hir.Expr{
					b.borrow(x, hir.Shared)}}}
		}
		return &hir.IndexOf{X: at(x.Type(), e.Span()), Arg: x, Indices: xs}
	}
	return &hir.IndexOf{X: at(elem, e.Span()), Arg: x, Indices: xs}
}

// tensorIndex is a number if all indices are ints, otherwise a tensor of a part.
func (b *body) tensorIndex(x hir.Expr, xs []hir.Expr, e *syntax.IndexExpr) hir.Expr {
	t := x.Type()
	if !t.AnyDim && len(xs) != len(t.Dims) || len(xs) == 0 {
		b.errorf(diag.NotIndexable, e.Span(), "%s does not take %s", String(t),
			indicesCount(len(xs))).Hint("give one a dimension; `..` is a whole one")
		return poisonAt(e.Span())
	}
	r := *t
	r.Dims, r.AnyDim = nil, false
	for i, ix := range xs {
		d := unknown
		if !t.AnyDim {
			d = t.Dims[i]
		}
		switch {
		case ix == nil:
			r.Dims = append(r.Dims, d)
		case ix.Type() == ranges:
			part, ok := b.partOf(ix, d)
			if !ok {
				return poisonAt(e.Span())
			}
			r.Dims = append(r.Dims, part)
		default:
			if n, ok := b.knownInt(ix); ok && isConst(d) && (n < 0 || n >= d.Const) {
				b.errorf(diag.OutOfBounds, ix.Span(), "index %d of a dimension of %d", n, d.Const)
				return poisonAt(e.Span())
			}
		}
	}
	if len(r.Dims) == 0 {
		return &hir.IndexOf{X: at(numberOf(t.Elem), e.Span()), Arg: x, Indices: xs}
	}
	return &hir.IndexOf{X: at(b.types.of(r), e.Span()), Arg: x, Indices: xs}
}

// partOf is the dimension of lo..hi.
func (b *body) partOf(ix hir.Expr, d hir.Dim) (hir.Dim, bool) {
	r, ok := ix.(*hir.RangeOf)
	if !ok {
		return unknown, true
	}
	lo, ok1 := b.knownInt(r.Lo)
	hi, ok2 := b.knownInt(r.Hi)
	if !ok1 || !ok2 {
		if _, sym := r.Hi.(*hir.DimOf); sym && ok1 && lo == 0 {
			return symbol(r.Hi.(*hir.DimOf).Sym), true
		}
		return unknown, true
	}
	if lo < 0 || hi < lo || isConst(d) && hi > d.Const {
		b.errorf(diag.OutOfBounds, ix.Span(), "%d..%d of a dimension of %s", lo, hi, dimString(d))
		return unknown, false
	}
	return hir.Dim{Const: hi - lo}, true
}
