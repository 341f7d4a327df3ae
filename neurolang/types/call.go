package types

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

func (c *checker) call(e *syntax.CallExpr) Type {
	r := c.callee(e)
	if r == nil {
		for _, a := range e.Args {
			c.expr(a.Value, nil)
		}
		return Invalid
	}
	c.info.Calls[e] = r
	if r.Fn != nil {
		return c.callFn(e, r)
	}
	b := r.Builtin
	if b.Tile && !c.kernel || !b.Tile && !b.Both && c.kernel {
		where := "in host code"
		if !b.Tile {
			where = "in a kernel"
		}
		d := c.errorf(diag.KernelBody, e.Fn.Span(), "%s cannot be called %s", b.Name, where)
		if b.Tile {
			d.Hint("tiles live in functions with the attribute @kernel")
		}
		for _, a := range e.Args {
			c.expr(a.Value, nil)
		}
		return Invalid
	}
	ok := c.bind(e, r, b.Params, b.Name)
	if b.Variadic {
		r.Args = nil
		for _, a := range e.Args {
			if a.Name != nil {
				c.errorf(diag.UnknownArg, a.Name.Span(), "%s has no parameter %s", b.Name,
					a.Name.Text)
			}
			c.value(a.Value, nil)
			r.Args = append(r.Args, a.Value)
		}
		return b.Result(c, e, r)
	}
	for i, p := range b.Params {
		if i < len(r.Args) && r.Args[i] != nil {
			if c.value(r.Args[i], p.Type); !same(p.Type, c.info.TypeOf(r.Args[i])) {
				c.mismatch(r.Args[i], p.Type, c.info.TypeOf(r.Args[i]), e.Fn.Span(),
					b.Name+" wants it for "+p.Name)
				ok = false
			}
			ok = ok && !bad(c.info.TypeOf(r.Args[i]))
		}
	}
	if !ok {
		return Invalid
	}
	return b.Result(c, e, r)
}

// value is expr for places that cannot do with unit.
func (c *checker) value(e syntax.Expr, want Type) Type {
	t := c.expr(e, want)
	if t == Unit {
		c.errorf(diag.NoUnitValue, e.Span(), "this has no value")
		c.info.Types[e] = Invalid
		return Invalid
	}
	return t
}

// callee resolves what is called; nil after an error.
func (c *checker) callee(e *syntax.CallExpr) *Call {
	switch fn := e.Fn.(type) {
	case *syntax.IdentExpr:
		switch o := c.scope.Lookup(fn.Name).(type) {
		case *Fn:
			return &Call{Fn: o}
		case *Var:
			if !bad(o.Type) {
				c.errorf(diag.NotCallable, fn.Span(), "%s is %s, not a function", fn.Name, o.Type).
					With(o.At, "declared here")
			}
			return nil
		}
		if b := find(c.functions(), fn.Name); b != nil {
			return &Call{Builtin: b}
		}
		if fn.Name != "" {
			c.unknown(fn.Span(), fn.Name)
		}
		return nil
	case *syntax.PathExpr:
		if b := find(c.functions(), fn.Module.Text+"::"+fn.Name.Text); b != nil {
			return &Call{Builtin: b}
		}
		if fn.Name.Text != "" {
			c.unknownMember(fn)
		}
		return nil
	case *syntax.FieldExpr:
		t := c.expr(fn.X, nil)
		if bad(t) || fn.Name.Text == "" {
			return nil
		}
		if _, ok := t.(*Tensor); ok {
			if b := find(methods, "Tensor."+fn.Name.Text); b != nil {
				return &Call{Builtin: b, Recv: fn.X}
			}
		}
		c.noMember(fn, t)
		return nil
	}
	if t := c.expr(e.Fn, nil); !bad(t) {
		c.errorf(diag.NotCallable, e.Fn.Span(), "%s is not a function", t)
	}
	return nil
}

// bind puts arguments in parameter order.
func (c *checker) bind(e *syntax.CallExpr, r *Call, params []Param, name string) bool {
	before := c.errs.Len()
	r.Args = make([]syntax.Expr, len(params))
	if r.Builtin != nil && r.Builtin.Variadic {
		return true
	}
	next := 0
	for _, a := range e.Args {
		i := next
		if a.Name != nil {
			i = c.named(a.Name, params, name)
		} else {
			next++
		}
		switch {
		case i < 0:
			c.expr(a.Value, nil)
		case i >= len(params):
			c.expr(a.Value, nil)
			if i == len(params) {
				c.tooMany(e, r, a.Value.Span(), len(params), name)
			}
		case r.Args[i] != nil:
			c.expr(a.Value, nil)
			c.errorf(diag.RepeatedArg, a.Value.Span(), "argument %s is given twice",
				params[i].Name).
				With(r.Args[i].Span(), "first here")
		default:
			r.Args[i] = a.Value
		}
	}
	for i, p := range params {
		if r.Args[i] == nil && !p.Optional && c.errs.Len() == before {
			at := source.Span{Pos: e.Span().End - 1, End: e.Span().End}
			d := c.errorf(diag.MissingArg, at, "%s needs an argument for %s", name, p.Name)
			d.Label("%s: %s is missing", p.Name, p.Type)
			if r.Fn != nil {
				d.With(r.Fn.Params[i].At, "declared here")
			}
		}
	}
	return c.errs.Len() == before
}

func (c *checker) named(n *syntax.Name, params []Param, fn string) int {
	var names []string
	for i, p := range params {
		if p.Name == n.Text {
			return i
		}
		names = append(names, p.Name)
	}
	d := c.errorf(diag.UnknownArg, n.Span(), "%s has no parameter %s", fn, n.Text)
	if near := nearest(n.Text, names); near != "" {
		d.Hint("did you mean %s?", near)
	} else if len(names) > 0 {
		d.Note("its parameters are %s", list(names))
	}
	return -1
}

func (c *checker) tooMany(e *syntax.CallExpr, r *Call, at source.Span, n int, name string) {
	d := c.errorf(diag.TooManyArgs, at, "%s takes %d arguments, not %d", name, n, len(e.Args))
	if r.Fn != nil {
		d.With(r.Fn.Place(), "defined here")
	}
}

func (c *checker) callFn(e *syntax.CallExpr, r *Call) Type {
	fn := r.Fn
	if c.kernel {
		c.errorf(diag.KernelBody, e.Fn.Span(), "a kernel cannot call %s", fn.Name).
			Note("kernels are made of tile expressions only")
	}
	params := make([]Param, len(fn.Params))
	for i, p := range fn.Params {
		params[i] = Param{p.Name, p.Type, false}
	}
	c.bind(e, r, params, fn.Name)
	for i, p := range fn.Params {
		switch a := r.Args[i]; {
		case a == nil:
		case fn.Kernel:
			c.kernelArg(a, p)
		default:
			c.needs(a, p.Type, p.At, "declared here as "+p.Type.String())
		}
	}
	t, ok := fn.Result.(*Tile)
	if !fn.Kernel || !ok {
		return fn.Result
	}
	return &Tensor{Elem: t.Elem, Layout: t.Layout, At: e.Span()}
}

// kernelArg checks a tensor against the tile it is cut into, as far as it is known.
func (c *checker) kernelArg(a syntax.Expr, p *Var) {
	t := c.value(a, nil)
	want, ok := p.Type.(*Tile)
	if bad(t) || !ok {
		return
	}
	v, ok := t.(*View)
	if !ok {
		d := c.errorf(diag.NeedsView, a.Span(), "a kernel takes views of tensors, this is %s", t).
			With(p.At, "%s is cut into %s", p.Name, want)
		if _, ok := t.(*Tensor); ok {
			d.Hint("write .view() behind it")
		}
		return
	}
	x := v.Tensor
	if x.Elem != tile.NoElem && x.Elem != want.Elem {
		c.errorf(diag.TensorElem, a.Span(), "the tensor has elements of %s, %s takes %s",
			x.Elem, p.Name, want.Elem).With(x.At, "made here").With(want.ElemAt, "%s here",
			want.Elem)
	}
	if x.Layout != tile.NoLayout && x.Layout != want.Layout {
		c.errorf(diag.TensorLayout, a.Span(), "the tensor is %s, %s takes %s", x.Layout, p.Name,
			want.Layout).With(x.At, "made here").With(want.LayoutAt, "%s here", want.Layout).
			Hint("make it with layout=Layout::%s, or change the tile's layout", want.Layout)
	}
	c.kernelShape(a, p, x, want)
}

func (c *checker) kernelShape(a syntax.Expr, p *Var, x *Tensor, want *Tile) {
	if x.Shape == nil {
		return
	}
	if len(x.Shape) != 2 {
		c.errorf(diag.TensorShape, a.Span(), "the tensor has %d dimension, tiles have 2",
			len(x.Shape)).
			With(x.At, "made here")
		return
	}
	for i, side := range []int{want.Rows, want.Cols} {
		if x.Shape[i]%side != 0 {
			c.errorf(diag.TensorShape, a.Span(), "%d %s do not divide into tiles of %d", x.Shape[i],
				[]string{"rows", "columns"}[i], side).With(x.At, "made here").
				With(want.Dims[i], "%d here", side).
				Hint("the next multiple is %d", (x.Shape[i]/side+1)*side)
		}
	}
}
