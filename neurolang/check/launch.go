package check

import (
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// launch checks the call of a kernel from the host.
func (b *body) launch(fn *fnObj, bn *binding, xs []hir.Expr, sp, name source.Span) hir.Expr {
	in := b.instance(fn, bn, true, b.abstractHere())
	k := in.kern
	out := &hir.Launch{Kernel: k}
	ok := true
	for i, p := range fn.decl.Params {
		if xs[i] == nil && p.Default != nil {
			xs[i] = b.scalarDefault(p, bn)
		}
		if xs[i] == nil {
			return poisonAt(sp)
		}
		var x hir.Expr
		if k.Lifted && in.kern.Params[i].Type.Kind == hir.Tile {
			x = b.liftedArg(xs[i], k.Params[i], p)
		} else {
			x = b.launchArg(fn, p, bn, xs[i])
		}
		ok = ok && x != nil && !bad(x.Type())
		out.Args = append(out.Args, x)
	}
	if !b.sameDevice(xs) || !ok {
		return poisonAt(sp)
	}
	b.keepsDeterminism(in, name)
	t := b.launchResult(in, fn, bn, out.Args)
	if bad(t) {
		return poisonAt(sp)
	}
	out.X = at(t, sp)
	return out
}

// launchArg converts one argument: numbers stay the host's, tensors are borrowed.
func (b *body) launchArg(fn *fnObj, p *syntax.Param, bn *binding, x hir.Expr) hir.Expr {
	want := b.typ(p.Type, bn.sc, true)
	if bad(want) {
		return nil
	}
	if want.Kind == hir.Scalar {
		return b.scalarArg(p, x, want)
	}
	kind := hir.Shared
	if want.Kind == hir.Ref {
		kind = want.Mut
	}
	t := x.Type()
	d := deref(t)
	if d.Kind != hir.Tensor {
		e := b.errorf(diag.Mismatch, x.Span(), "%s is needed here, this is %s", String(want),
			String(t))
		e.With(p.Name.Span(), "declared here as %s", String(want))
		return nil
	}
	if kind != hir.Shared && !(t.Kind == hir.Ref && t.Mut == hir.Exclusive) {
		start := source.Span{Pos: x.Span().Pos, End: x.Span().Pos}
		b.errorf(diag.Mismatch, x.Span(), "%s changes %s: lend it with &mut", fn.decl.Name.Text,
			p.Name.Text).With(p.Name.Span(), "declared here as %s", String(want)).
			Hint("write &mut before it").Replace(start, "&mut ", "write &mut")
		return nil
	}
	if tensorFits(deref(want), d) != "" {
		b.argMismatch(fn, p, bn, b.read(x), deref(want))
		return nil
	}
	if kind == hir.Shared {
		return b.borrow(x, hir.Shared)
	}
	return x
}

// scalarArg checks a number for a kernel's scalar parameter.
func (b *body) scalarArg(p *syntax.Param, x hir.Expr, want *hir.Type) hir.Expr {
	x = b.read(x)
	e := want.Elem
	t := x.Type()
	switch {
	case t == integer && isInt(e), t == float && isFloat(e), t == boolean && e == tile.Bool:
		return x
	case t == integer && isFloat(e) && b.isLit(x):
		return b.floatLit(x)
	}
	host := map[bool]string{true: "int", false: "float"}[isInt(e)]
	if e == tile.Bool {
		host = "bool"
	}
	d := b.errorf(diag.Mismatch, x.Span(), "%s is needed here, this is %s", host, String(t)).
		With(p.Name.Span(), "declared here as %s", e)
	b.mismatchHint(d, x, map[string]*hir.Type{"int": integer, "float": float,
		"bool": boolean}[host], t)
	return nil
}

// scalarDefault evaluates the default of a kernel's scalar as host code.
func (b *body) scalarDefault(p *syntax.Param, bn *binding) hir.Expr {
	want := integer
	if t := b.typ(p.Type, bn.sc, true); isFloat(t.Elem) {
		want = float
	} else if t.Elem == tile.Bool {
		want = boolean
	}
	return b.defaultArg(p, bn, want)
}

// launchResult is the type of a launch as its caller sees it.
func (b *body) launchResult(in *instance, fn *fnObj, bn *binding, args []hir.Expr) *hir.Type {
	dev := ""
	for _, a := range args {
		if d := deref(a.Type()); d.Kind == hir.Tensor && d.Device != "" {
			dev = d.Device
		}
	}
	if in.kern.Lifted {
		if bad(in.result) || len(in.kern.Results) == 0 {
			return invalid
		}
		t := *in.kern.Results[0].Type
		t.Device = dev
		return b.types.of(t)
	}
	if in.result == nil || bad(in.result) {
		return invalid
	}
	var parts []*hir.Type
	for _, r := range fn.decl.Results {
		t := b.typ(r.Type, bn.sc, true)
		if bad(t) {
			return invalid
		}
		made := *t
		made.Device = dev
		if made.Layout == tile.NoLayout {
			made.Layout = tile.RowMajor
		}
		parts = append(parts, b.types.of(made))
	}
	if len(parts) == 0 {
		return unit
	}
	return b.tupleOf(parts, fn.decl.Tuple && len(parts) != 1)
}

// liftedArg checks a tensor against the tile it is cut into, as far as it is known.
func (b *body) liftedArg(x hir.Expr, p *hir.Var, d *syntax.Param) hir.Expr {
	t := deref(x.Type())
	want := p.Type
	if bad(t) || bad(want) {
		return nil
	}
	if t.Kind != hir.Tensor {
		b.errorf(diag.NeedsView, x.Span(), "a kernel takes tensors, this is %s", String(t)).
			With(p.At, "%s is cut into %s", p.Name, String(want))
		return nil
	}
	ok := true
	v := root(x)
	if r, is := x.(*hir.RefOf); is {
		v = root(r.Place)
	}
	made := source.Span{}
	if v != nil {
		made = v.At
	}
	if t.Elem != tile.NoElem && t.Elem != want.Elem {
		b.errorf(diag.TensorElem, x.Span(), "the tensor has elements of %s, %s takes %s", t.Elem,
			p.Name,
			want.Elem).With(made, "%s here", String(t)).With(d.Type.Span(), "%s here", want.Elem)
		ok = false
	}
	if t.Layout != tile.NoLayout && t.Layout != want.Layout {
		b.errorf(diag.TensorLayout, x.Span(), "the tensor is %s, %s takes %s", t.Layout, p.Name,
			want.Layout).With(made, "bound here").With(d.Type.Span(), "%s here", want.Layout).
			Hint("make it with layout=Layout::%s, or change the tile's layout", want.Layout)
		ok = false
	}
	if !b.liftedShape(x, t, want, made, d) || !ok {
		return nil
	}
	return b.borrow(x, hir.Shared)
}

func (b *body) liftedShape(x hir.Expr, t, want *hir.Type, made source.Span, d *syntax.Param) bool {
	if t.AnyDim {
		return true
	}
	if len(t.Dims) != 2 {
		b.errorf(diag.TensorRank, x.Span(), "the tensor has %s, tiles have 2",
			count(len(t.Dims), "dimension")).With(made, "bound here")
		return false
	}
	ok := true
	for i, side := range sides(want) {
		if n := t.Dims[i]; isConst(n) && n.Const%side != 0 {
			b.errorf(diag.TensorShape, x.Span(), "%d %s do not divide into tiles of %d", n.Const,
				[]string{"rows", "columns"}[i], side).With(made, "bound here").
				With(d.Type.Span(), "%d here", side).
				Hint("the next multiple is %d", (n.Const/side+1)*side)
			ok = false
		}
	}
	return ok
}

// sameDevice checks that tensors whose devices are known are on one.
func (b *body) sameDevice(xs []hir.Expr) bool {
	var first hir.Expr
	for _, x := range xs {
		if x == nil || deref(x.Type()).Kind != hir.Tensor || deref(x.Type()).Device == "" {
			continue
		}
		if first == nil {
			first = x
			continue
		}
		d1, d2 := deref(first.Type()).Device, deref(x.Type()).Device
		if d1 == d2 {
			continue
		}
		end := source.Span{Pos: x.Span().End, End: x.Span().End}
		b.errorf(diag.WrongDevice, x.Span(), "this tensor is on %s, the first is on %s", d2, d1).
			With(first.Span(), "on %s", d1).
			Note("a device cannot reach another's memory").
			Hint("copy it there: .to(%s)", d1).Replace(end, ".to("+d1+")", "copy it to "+d1)
		return false
	}
	return true
}

// tensorMismatch says in what a tensor differs from the one that is needed.
func (b *body) tensorMismatch(x hir.Expr, want, got *hir.Type, place source.Span, why string) {
	made := source.Span{}
	if v := root(unref(x)); v != nil {
		made = v.At
	}
	label := func(d *diag.Diagnostic) *diag.Diagnostic {
		if why != "" {
			d.With(place, "%s", why)
		}
		if made.IsValid() && !(x.Span().Pos == made.Pos) {
			d.With(made, "%s", String(got))
		}
		return d
	}
	switch tensorFits(want, got) {
	case "elem":
		label(b.errorf(diag.TensorElem, x.Span(), "elements of %s are needed here, this tensor has %s",
			want.Elem, got.Elem)).Hint("make it with %s, or convert it: x as %s", want.Elem,
			want.Elem)
	case "layout":
		label(b.errorf(diag.TensorLayout, x.Span(), "a %s tensor is needed here, this is %s",
			want.Layout, got.Layout)).Hint("make it with layout=Layout::%s", want.Layout)
	case "device":
		label(b.errorf(diag.WrongDevice, x.Span(), "a tensor on %s is needed here, this is on %s",
			want.Device, got.Device)).Hint("copy it there: .to(%s)", want.Device)
	case "rank":
		d := label(b.errorf(diag.TensorRank, x.Span(), "a tensor of %s is needed here, this has %d",
			count(len(want.Dims), "dimension"), len(got.Dims)))
		d.Note("%s", picture("needed", dimStrings(want.Dims), "this", dimStrings(got.Dims),
			func(int) bool { return false }))
		if len(want.Dims) == 1 {
			d.Hint("all elements in one dimension: .reshape([-1])")
		}
	default:
		d := label(b.errorf(diag.TensorShape, x.Span(),
			"the shape [%s] is needed here, this is [%s]",
			list(dimStrings(want.Dims)), list(dimStrings(got.Dims))))
		d.Note("%s", picture("needed", dimStrings(want.Dims), "this", dimStrings(got.Dims),
			func(i int) bool {
				a, c := want.Dims[i], got.Dims[i]
				return a != c && a != unknown && c != unknown
			}))
		if slices.ContainsFunc(append(slices.Clone(want.Dims), got.Dims...), func(d hir.Dim) bool {
			return d.Sym != ""
		}) {
			d.Hint("dimensions with different names are equal only if one name stands for both")
		}
	}
}

func unref(x hir.Expr) hir.Expr {
	switch r := x.(type) {
	case *hir.RefOf:
		return r.Place
	case *hir.Intrinsic:
		if r.Name == "Tensor.expect" {
			return r.Args[0]
		}
	}
	return x
}

// castTensor converts a whole tensor by the library's cast.
func (b *body) castTensor(x hir.Expr, e *syntax.CastExpr) hir.Expr {
	fn := b.opsFn("cast")
	if fn == nil {
		b.errorf(diag.BadCast, e.Span(), "tensors cannot be converted here")
		return poisonAt(e.Span())
	}
	return b.callFn(fn, nil, []syntax.TypeExpr{e.Type}, []arg{{x: x}}, e.Span(), e.Span(), nil)
}
