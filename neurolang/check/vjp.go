package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// pullbackOf finds what @vjp(f) of a function names; nil if it has no such attribute.
func (c *checker) pullbackOf(fn *fnObj) *fnObj {
	for _, a := range fn.decl.Attrs {
		if a.Name.Text != "vjp" {
			continue
		}
		if len(a.Args) == 1 {
			if p, ok := a.Args[0].Value.(*syntax.PathExpr); ok {
				o := c.pathObject(p.Parts, fn.in)
				if f, ok := o.(*fnObj); ok {
					return f
				}
				if o == nil {
					return nil
				}
			}
		}
		c.errorf(diag.UnknownAttr, a.Span(), "@vjp names the function whose pullback this is").
			Hint("write @vjp(f)")
	}
	return nil
}

// pullbacks instantiates declared pullbacks for what the program launches and calls, if it asks
// for a derivative.
func (c *checker) pullbacks() {
	of := map[*fnObj]*fnObj{}
	for _, fn := range c.fns {
		if f := c.pullbackOf(fn); f != nil {
			of[f] = fn
		}
	}
	if !c.grads {
		return
	}
	for _, in := range c.made {
		back := of[in.fn]
		if back == nil || in.abstract {
			continue
		}
		// Those of kernels are called through hir.Library, with the arguments' own types.
		if p := c.pullback(in, back); p != nil {
			in.hfn.VJP = p.hfn
		}
	}
	c.drain()
}

// pullback is the instance whose parameters are those of a function, its results, and the
// derivatives of these.
func (c *checker) pullback(in *instance, back *fnObj) *instance {
	var types []*hir.Type
	params := in.params()
	for _, p := range params {
		types = append(types, hostOf(deref(p.Type)))
	}
	results := in.results()
	types = append(append(types, results...), results...)
	ps := back.decl.Params
	if len(ps) != len(types) {
		c.errorf(diag.GradShape, back.decl.Name.Span(),
			"the pullback of %s takes %s: its %d, %s and %s",
			in.fn.decl.Name.Text, count(len(types), "parameter"), len(params),
			count(len(results), "result"), "the derivative of each").
			With(in.fn.decl.Name.Span(), "defined here")
		return nil
	}
	bn := c.bindFn(back)
	for i, p := range ps {
		c.unify(p.Type, types[i], bn.sc, source.Span{})
	}
	b := &body{checker: c, scope: newScope(back.in), in: in}
	if in.kern != nil || !b.complete(back, bn, back.decl.Name.Span()) {
		return nil
	}
	return c.instance(back, bn, false, false)
}

// hostOf is how the host sees a kernel's number.
func hostOf(t *hir.Type) *hir.Type {
	if t.Kind == hir.Scalar {
		return numberOf(t.Elem)
	}
	return t
}

// results are the types of what an instance gives.
func (in *instance) results() []*hir.Type {
	if in.kern != nil {
		var out []*hir.Type
		for _, r := range in.kern.Results {
			out = append(out, r.Type)
		}
		return out
	}
	if in.result.Kind == hir.Unit {
		return nil
	}
	return []*hir.Type{in.result}
}

// params are the parameters of an instance.
func (in *instance) params() []*hir.Var {
	if in.kern != nil {
		return in.kern.Params
	}
	return in.hfn.Params
}
