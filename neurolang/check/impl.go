package check

import (
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// implItem checks an impl block: its trait, that all is there, and its methods.
func (c *checker) implItem(im *implObj) {
	d := im.decl
	bn := &binding{sc: newScope(im.in)}
	c.generics(bn, d.Generics, map[string]source.Span{})
	for _, p := range bn.types {
		p.typ = invalid
	}
	for _, p := range bn.consts {
		p.val = poisoned{}
	}
	self := c.typ(d.Type, bn.sc, false)
	if d.Trait != nil {
		o := c.pathObject(d.Trait.Parts, im.in)
		tr, ok := o.(*traitObj)
		if !ok && o != nil {
			c.errorf(diag.UnknownType, d.Trait.Span(), "%s is no trait",
				d.Trait.Parts[len(d.Trait.Parts)-1].Text)
		}
		if tr != nil {
			im.trait = tr
			c.implTraitFns(im, tr, self)
		}
	}
	if len(d.Generics) > 0 || bad(self) {
		return
	}
	for _, f := range d.Fns {
		fn := im.fns[f.Name.Text]
		if fn == nil || len(f.Generics) > 0 || fn.used {
			continue
		}
		bn := c.bindFn(fn)
		bn.sc.names["Self"].(*typeParam).typ = self
		c.instance(fn, bn, c.tileCode(fn, bn.sc), false)
	}
}

// implTraitFns holds the functions of an impl against its trait.
func (c *checker) implTraitFns(im *implObj, tr *traitObj, self *hir.Type) {
	name := tr.decl.Name.Text
	var missing []string
	for _, f := range tr.decl.Fns {
		if im.fns[f.Name.Text] == nil && f.Body == nil {
			missing = append(missing, f.Name.Text)
		}
	}
	if len(missing) > 0 {
		c.errorf(diag.MissingImpl, im.decl.Trait.Span(), "%s wants %s too", name, list(missing)).
			With(tr.decl.Name.Span(), "declared here")
	}
	for _, f := range im.decl.Fns {
		want := tr.fns[f.Name.Text]
		if want == nil {
			var names []string
			for _, g := range tr.decl.Fns {
				names = append(names, g.Name.Text)
			}
			d := c.errorf(diag.MissingImpl, f.Name.Span(), "%s has no %s", name, f.Name.Text).
				With(tr.decl.Name.Span(), "declared here")
			if near := nearest(f.Name.Text, names); near != "" {
				d.Hint("did you mean %s?", near).Replace(f.Name.Span(), near, "write "+near)
			}
			continue
		}
		c.sameSignature(im, f, want, self)
	}
	for _, old := range c.impls {
		if old == im {
			break
		}
		if old.mod == im.mod && c.implTrait(old) == tr && !bad(self) && c.matches(old, self) {
			c.errorf(diag.Redeclared, im.decl.Trait.Span(), "%s is implemented twice for %s", name,
				String(self)).With(old.decl.Trait.Span(), "first here")
		}
	}
}

// sameSignature compares a method with the trait's declaration.
func (c *checker) sameSignature(im *implObj, f *syntax.FnDecl, want *fnObj, self *hir.Type) {
	w := want.decl
	if len(f.Params) != len(w.Params) || len(f.Generics) != len(w.Generics) {
		c.errorf(diag.MissingImpl, f.Name.Span(), "%s takes %s here and %s in the trait",
			f.Name.Text,
			count(len(f.Params), "parameter"), count(len(w.Params), "parameter")).
			With(w.Name.Span(), "declared here")
		return
	}
	if bad(self) || len(f.Generics) > 0 || len(im.decl.Generics) > 0 {
		return
	}
	here := c.bindFn(im.fns[f.Name.Text])
	here.sc.names["Self"].(*typeParam).typ = self
	there := c.bindFn(want)
	there.sc.names["Self"].(*typeParam).typ = self
	compare := func(a, b syntax.TypeExpr) {
		var x, y *hir.Type
		if !c.try(func() { x, y = c.typ(a, here.sc, false), c.typ(b, there.sc, false) }) ||
			x == y ||
			bad(x) || bad(y) {
			return
		}
		c.errorf(diag.MissingImpl, a.Span(), "%s here, %s in the trait", String(x), String(y)).
			With(b.Span(), "declared here")
	}
	for i, p := range f.Params {
		compare(p.Type, w.Params[i].Type)
	}
	if len(f.Results) != len(w.Results) {
		c.errorf(diag.MissingImpl, f.Name.Span(), "%s has another result in the trait",
			f.Name.Text).
			With(w.Name.Span(), "declared here")
		return
	}
	for i, r := range f.Results {
		compare(r.Type, w.Results[i].Type)
	}
}

// abstractImpl binds Self for a method of an impl that nobody calls.
func (c *checker) abstractImpl(fn *fnObj, bn *binding) bool {
	for _, g := range fn.impl.decl.Generics {
		switch p := bn.sc.names[g.Name.Text].(type) {
		case *typeParam:
			p.typ = invalid
		case *constParam:
			p.val = poisoned{}
		}
	}
	var self *hir.Type
	ok := c.try(func() { self = c.typ(fn.impl.decl.Type, bn.sc, false) })
	if !ok {
		return false
	}
	bn.sc.names["Self"].(*typeParam).typ = self
	return true
}

// fnValue is a function as a value.
func (b *body) fnValue(fn *fnObj, e *syntax.PathExpr, want *hir.Type) hir.Expr {
	sp := e.Span()
	if fn.kernel || b.kernel {
		what := "a kernel is no value; call it"
		if !fn.kernel {
			what = "kernels have no function values"
		}
		b.errorf(diag.NotValue, sp, "%s", what).With(fn.decl.Name.Span(), "defined here")
		return poisonAt(sp)
	}
	if fn.decl.BadHead {
		return poisonAt(sp)
	}
	if b.constant {
		b.errorf(diag.NotConst, sp, "%s is a function, no constant", fn.decl.Name.Text)
		return poisonAt(sp)
	}
	bn := b.bindFn(fn)
	if !b.explicit(bn, fn, e.Args) {
		return poisonAt(sp)
	}
	if want != nil && want.Kind == hir.Func && len(want.Args) == len(fn.decl.Params)+1 {
		for i, p := range fn.decl.Params {
			b.unify(p.Type, want.Args[i], bn.sc, sp)
		}
	}
	if !b.complete(fn, bn, sp) || !b.bounds(bn, sp, fn.decl.Name.Text) {
		return poisonAt(sp)
	}
	in := b.instance(fn, bn, false, b.abstractHere())
	t := b.fnType(in)
	if bad(t) {
		return poisonAt(sp)
	}
	return &hir.FuncValue{X: at(t, sp), Fn: in.hfn}
}

// fnType is the type of an instance; its dimensions are nobody else's, so they are not named.
func (c *checker) fnType(in *instance) *hir.Type {
	if in.hfn == nil || bad(in.result) {
		return invalid
	}
	var parts []*hir.Type
	for _, p := range in.hfn.Params {
		parts = append(parts, c.unnamed(p.Type))
	}
	result := c.unnamed(in.result)
	if bad(result) || slices.ContainsFunc(parts, bad) {
		return invalid
	}
	return c.types.function(parts, result)
}

// unnamed forgets the names of dimensions.
func (c *checker) unnamed(t *hir.Type) *hir.Type {
	switch t.Kind {
	case hir.Tensor:
		r := *t
		r.Dims = slices.Clone(t.Dims)
		for i, d := range r.Dims {
			if d.Sym != "" {
				r.Dims[i] = unknown
			}
		}
		return c.types.of(r)
	case hir.Ref, hir.Tuple, hir.Array, hir.Func:
		r := *t
		r.Args = nil
		for _, a := range t.Args {
			r.Args = append(r.Args, c.unnamed(a))
		}
		return c.types.of(r)
	}
	return t
}
