package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// making binds the parameters of a struct or enum while a value of it is made.
func (b *body) making(o *defObj, explicit []syntax.TypeExpr, want *hir.Type) (*binding, bool) {
	bn := &binding{sc: newScope(o.in)}
	b.generics(bn, o.generics, map[string]source.Span{})
	if len(explicit) > len(bn.order) {
		b.errorf(diag.TypeArgs, explicit[len(bn.order)].Span(), "%s takes %s, not %d", o.name.Text,
			count(len(bn.order), "argument"), len(explicit))
		return bn, false
	}
	for i, a := range explicit {
		switch p := bn.order[i].(type) {
		case *typeParam:
			if p.typ = b.valueType(a); bad(p.typ) {
				return bn, false
			}
		case *constParam:
			var ok bool
			if p.val, ok = b.constArg(a, b.scope); !ok {
				return bn, false
			}
		}
	}
	if want != nil && bad(want) && explicit == nil { // what is asked for has been reported
		for _, p := range bn.order {
			switch p := p.(type) {
			case *typeParam:
				p.typ = invalid
			case *constParam:
				p.val = poisoned{}
			}
		}
	}
	if org := b.defArgs(derefOr(want)); org != nil && org.def == o && explicit == nil {
		for i, p := range bn.order {
			switch p := p.(type) {
			case *typeParam:
				p.typ, _ = org.args[i].(*hir.Type)
			case *constParam:
				p.val = org.args[i]
			}
		}
	}
	return bn, true
}

func derefOr(t *hir.Type) *hir.Type {
	if t == nil {
		return invalid
	}
	return deref(t)
}

// made is the type of a value when its parameters are known.
func (b *body) made(o *defObj, bn *binding, sp source.Span) *hir.Type {
	for _, p := range bn.types {
		if p.typ == nil {
			b.errorf(diag.NotInferred, sp, "the type %s of %s is not known here", p.name,
				o.name.Text).
				With(p.at, "this parameter").Hint("declare it: let x: %s<...> = ...", o.name.Text)
			return invalid
		}
		if bad(p.typ) {
			return invalid
		}
	}
	for i, p := range bn.consts {
		if p.val != nil {
			continue
		}
		for _, g := range o.generics {
			if g.Name.Text == p.name && g.Default != nil {
				bn.consts[i].val, _ = b.constOf(g.Default, bn.sc)
			}
		}
		if p.val == nil {
			b.errorf(diag.NotInferred, sp, "the constant %s of %s is not known here", p.name,
				o.name.Text).With(p.at, "this parameter")
			return invalid
		}
	}
	var args []any
	for _, p := range bn.order {
		switch p := p.(type) {
		case *typeParam:
			args = append(args, p.typ)
		case *constParam:
			args = append(args, p.val)
		}
	}
	t := b.instantiate(o, bn.sc, args, b.kernel)
	if !b.kernel && kernelOnly(t) != nil {
		d := b.errorf(diag.UnknownType, sp, "%s cannot stand in host code", String(t))
		return b.kernelStruct(d, t)
	}
	return t
}

// part checks one field's or variant's value and infers from it.
func (b *body) part(te syntax.TypeExpr, e syntax.Expr, bn *binding) hir.Expr {
	want := b.partly(te, bn.sc, b.kernel)
	x := b.value(e, want)
	if b.kernel && want == nil {
		x = b.runtime(x)
	}
	if b.lits[constOf(x)] && want == nil {
		x = &hir.Const{X: at(integer, x.Span()), Value: x.(*hir.Const).Value}
	}
	b.unify(te, x.Type(), bn.sc, x.Span())
	return x
}

func constOf(x hir.Expr) *hir.Const {
	c, _ := x.(*hir.Const)
	return c
}

func (b *body) kernelValue(sp source.Span, what string) bool {
	if b.kernel {
		b.errorf(diag.KernelBody, sp, "%s cannot stand in a kernel", what).
			Hint("kernels work on tiles, numbers, and tuples and structs of them")
	}
	return b.kernel
}

// structLit checks Name { field: value }.
func (b *body) structLit(e *syntax.StructLit, want *hir.Type) hir.Expr {
	spoil := func() hir.Expr {
		for _, f := range e.Fields {
			b.expr(f.Value, nil)
		}
		return poisonAt(e.Span())
	}
	n := e.Name.Parts[len(e.Name.Parts)-1]
	if n.Text == "" {
		return spoil()
	}
	var o any
	var explicit = e.Name.Args
	if p, ok := b.scope.lookup(n.Text).(*typeParam); ok && len(e.Name.Parts) == 1 && p.typ != nil {
		if bad(p.typ) {
			return spoil()
		}
		if org := b.defArgs(p.typ); org != nil { // Self
			o, want = org.def, p.typ
		}
	} else {
		o = b.pathObject(e.Name.Parts, b.scope)
	}
	d, ok := o.(*defObj)
	if p, poison := o.(*typeParam); poison && p.typ != nil && bad(p.typ) {
		return spoil()
	}
	if !ok || d.strct == nil {
		if o != nil {
			b.errorf(diag.UnknownType, e.Name.Span(), "%s is no struct", n.Text)
		}
		return spoil()
	}
	args := make([]arg, len(e.Fields))
	for i, f := range e.Fields {
		args[i] = arg{name: f.Name, e: f.Value}
	}
	return b.fill(d, explicit, args, e.Span(), e.Name.Span(), want)
}

// construct checks Name(value, field=value).
func (b *body) construct(o *defObj, fn *syntax.PathExpr, args []arg, sp source.Span,
	want *hir.Type) hir.Expr {
	return b.fill(o, fn.Args, args, sp, fn.Span(), want)
}

// fill makes a struct of its fields.
func (b *body) fill(o *defObj, explicit []syntax.TypeExpr, args []arg, sp, name source.Span,
	want *hir.Type) hir.Expr {
	if o.broken() {
		return b.spoil(args, sp)
	}
	fields := o.strct.Fields
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name.Text
	}
	bn, ok := b.making(o, explicit, want)
	if !ok {
		return b.spoil(args, sp)
	}
	slots, ok := b.arrange(o.name.Text, names, args, o.name.Span())
	if !ok {
		return b.spoil(args, sp)
	}
	out := &hir.StructOf{}
	var missing []string
	for i, f := range fields {
		if slots[i].e == nil {
			missing = append(missing, f.Name.Text)
			continue
		}
		if slots[i].name != nil {
			b.info.use(slots[i].name.Span(), b.info.defs[f.Name.Span()])
		}
		mark := b.mark()
		x := b.part(f.Type, slots[i].e, bn)
		b.settle(out.Fields, mark)
		out.Fields = append(out.Fields, x)
	}
	if len(missing) > 0 {
		b.errorf(diag.MissingField, name, "%s lacks %s", o.name.Text, list(missing)).
			With(o.name.Span(), "defined here")
		return poisonAt(sp)
	}
	if bn.types != nil && anyBad(out.Fields) {
		return poisonAt(sp)
	}
	t := b.made(o, bn, name)
	if bad(t) {
		return poisonAt(sp)
	}
	for i, f := range t.Def.Fields {
		out.Fields[i] = b.coerce(out.Fields[i], f.Type, fields[i].Name.Span(),
			"declared here as "+String(f.Type))
	}
	out.X = at(t, sp)
	return out
}

func anyBad(xs []hir.Expr) bool {
	for _, x := range xs {
		if bad(x.Type()) {
			return true
		}
	}
	return false
}

// variantExpr makes a variant; call is nil for one that carries nothing.
func (b *body) variantExpr(o *variantObj, p *syntax.PathExpr, call *syntax.CallExpr,
	want *hir.Type) hir.Expr {
	v := o.def.enum.Variants[o.index]
	sp := p.Span()
	var args []arg
	if call != nil {
		sp, args = call.Span(), written(call.Args)
	}
	if b.kernelValue(sp, "an enum") {
		return b.spoil(args, sp)
	}
	if o.def.broken() {
		return b.spoil(args, sp)
	}
	if len(args) != len(v.Types) {
		code := diag.MissingArg
		if len(args) > len(v.Types) {
			code = diag.TooManyArgs
		}
		b.errorf(code, sp, "%s carries %s, not %d", v.Name.Text, count(len(v.Types), "value"),
			len(args)).With(v.Name.Span(), "defined here")
		return b.spoil(args, sp)
	}
	explicit := p.Args
	if p.Owner != nil {
		explicit = p.Owner
	}
	bn, ok := b.making(o.def, explicit, want)
	if !ok {
		return b.spoil(args, sp)
	}
	out := &hir.EnumOf{Tag: o.index}
	for i, a := range args {
		if a.name != nil {
			b.errorf(diag.UnknownArg, a.name.Span(), "values of a variant have no names")
		}
		mark := b.mark()
		x := b.part(v.Types[i], a.e, bn)
		b.settle(out.Args, mark)
		out.Args = append(out.Args, x)
	}
	if anyBad(out.Args) {
		return poisonAt(sp)
	}
	t := b.made(o.def, bn, sp)
	if bad(t) {
		return poisonAt(sp)
	}
	for i, vt := range t.Def.Variants[o.index].Types {
		out.Args[i] = b.coerce(out.Args[i], vt, v.Name.Span(), "it carries "+String(vt))
	}
	out.X = at(t, sp)
	return out
}
