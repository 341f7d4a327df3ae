package graph

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/hir"
)

// product is a dimension that is the product of others.
type product struct {
	coef int
	syms []string
}

// times is the product of two dimensions: a constant, or a symbol named after its factors.
func (b *builder) times(x, y abi.Dim) abi.Dim {
	p, q := b.factor(x), b.factor(y)
	p.coef *= q.coef
	p.syms = append(slices.Clone(p.syms), q.syms...)
	slices.Sort(p.syms)
	if len(p.syms) == 0 {
		return abi.Dim{Const: p.coef}
	}
	if len(p.syms) == 1 && p.coef == 1 {
		return abi.Dim{Sym: p.syms[0]}
	}
	sym := strings.Join(p.syms, "__")
	if p.coef != 1 {
		sym = fmt.Sprintf("%s__%d", sym, p.coef)
	}
	if _, known := b.factors[sym]; !known {
		b.factors[sym] = p
		b.shape[sym] = &hir.Binary{X: hir.X{T: intType}, Op: hir.Mul, L: b.dimExpr(x),
			R: b.dimExpr(y)}
	}
	return abi.Dim{Sym: sym}
}

func (b *builder) factor(d abi.Dim) product {
	if d.Sym == "" {
		return product{coef: d.Const}
	}
	if p, ok := b.factors[d.Sym]; ok {
		return p
	}
	return product{1, []string{d.Sym}}
}

// dimExpr is a dimension of the graph as an expression of the function.
func (f *Function) dimExpr(d abi.Dim) hir.Expr {
	if d.Sym == "" {
		return integer(d.Const)
	}
	if e := f.shape[d.Sym]; e != nil {
		return e
	}
	return &hir.DimOf{X: hir.X{T: intType}, Sym: d.Sym}
}

// asDim is a number of the host as a dimension.
func (b *builder) asDim(e hir.Expr) (abi.Dim, bool) {
	switch x := e.(type) {
	case *hir.Const:
		n, ok := x.Value.(int64)
		return abi.Dim{Const: int(n)}, ok && n >= 0
	case *hir.DimOf:
		return abi.Dim{Sym: x.Sym}, true
	case *hir.Binary:
		l, ok1 := b.asDim(x.L)
		r, ok2 := b.asDim(x.R)
		if x.Op == hir.Mul && ok1 && ok2 {
			return b.times(l, r), true
		}
	case *hir.Intrinsic:
		for sym, known := range b.shape { // at most one is this expression
			if known == e {
				return abi.Dim{Sym: sym}, true
			}
		}
	}
	return abi.Dim{}, false
}

// dimList reads a shape that is written out.
func (b *builder) dimList(x *hir.ArrayOf, env *frame) (out []abi.Dim) {
	if x.Count != nil {
		fail(x.At, "a graph wants a shape written out")
	}
	for _, e := range x.Elems {
		d, ok := b.asDim(b.scalar(e, env))
		if !ok {
			fail(e.Span(), "a graph wants a constant, a dimension or a product of them")
		}
		out = append(out, d)
	}
	return out
}

// dims is a shape.
func (b *builder) dims(e hir.Expr, env *frame) []abi.Dim {
	it := b.expr(e, env)
	if it.dims == nil {
		fail(e.Span(), "a graph wants a shape written out, or that of a tensor")
	}
	return it.dims
}

// dimOf is t.dim(axis).
func (b *builder) dimOf(x *hir.Intrinsic, env *frame) hir.Expr {
	ds := b.tensor(x.Args[0], env).Type.Dims
	axis, ok := constOf(b.scalar(x.Args[1], env)).(int64)
	if axis < 0 {
		axis += int64(len(ds))
	}
	if !ok || axis < 0 || axis >= int64(len(ds)) {
		fail(x.At, "a graph asks for dimensions by constants")
	}
	return b.dimExpr(ds[axis])
}
