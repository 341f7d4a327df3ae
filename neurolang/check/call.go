package check

import (
	"slices"
	"strings"

	"tensoros/neurolang/builtin"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// arg is an argument of a call: as written, or already checked (of an operator, a receiver).
type arg struct {
	name *syntax.Name
	e    syntax.Expr
	x    hir.Expr
}

func (a arg) span() source.Span {
	if a.e != nil {
		return a.e.Span()
	}
	return a.x.Span()
}

func written(as []syntax.Arg) []arg {
	out := make([]arg, len(as))
	for i, a := range as {
		out[i] = arg{name: a.Name, e: a.Value}
	}
	return out
}

// spoil checks arguments of a call that failed, so that their own errors are told.
func (b *body) spoil(args []arg, sp source.Span) hir.Expr {
	for _, a := range args {
		if a.x == nil && a.e != nil {
			b.spoilOne(a.e)
		}
	}
	return poisonAt(sp)
}

func (b *body) spoilOne(e syntax.Expr) {
	switch e := e.(type) {
	case *syntax.ClosureExpr, *syntax.WholeExpr:
	case *syntax.ArrayLit:
		for _, x := range e.Elems {
			b.spoilOne(x)
		}
	default:
		b.expr(e, nil)
	}
}

// call checks f(args).
func (b *body) call(e *syntax.CallExpr, want *hir.Type) hir.Expr {
	args := written(e.Args)
	switch fn := e.Fn.(type) {
	case *syntax.PathExpr:
		return b.callPath(e, fn, args, want)
	case *syntax.FieldExpr:
		return b.callMethod(e, fn, args, want)
	case *syntax.BadExpr:
		return b.spoil(args, e.Span())
	}
	return b.callValue(b.expr(e.Fn, nil), args, e.Span())
}

func (b *body) callPath(e *syntax.CallExpr, fn *syntax.PathExpr, args []arg,
	want *hir.Type) hir.Expr {
	n := fn.Parts[len(fn.Parts)-1]
	if n.Text == "" {
		return b.spoil(args, e.Span())
	}
	var o any
	if len(fn.Parts) == 1 {
		o = b.scope.lookup(n.Text)
		if o == nil || b.kernel && shadowed(o, n.Text) {
			return b.callBuiltin(e, fn, n.Text, args, want)
		}
		b.info.use(n.Span(), tool(o))
	} else {
		head := fn.Parts[0].Text
		if b.scope.lookup(head) == nil {
			name := head + "::" + n.Text
			if len(builtin.Members(head)) > 0 || b.hostFn(name) != nil {
				return b.callBuiltin(e, fn, name, args, want)
			}
		}
		o = b.pathObject(fn.Parts, b.scope)
	}
	return b.callObject(o, e, fn, args, want)
}

// shadowed tells a function on whole tensors whose name is one of kernels too: exp, sum. There it
// means that of tiles.
func shadowed(o any, name string) bool {
	fn, ok := o.(*fnObj)
	f := builtin.Find(name)
	return ok && f != nil && f.In(builtin.Kernel) && (fn.kernel || !fn.mod.user)
}

// callObject calls what a path names.
func (b *body) callObject(o any, e *syntax.CallExpr, fn *syntax.PathExpr, args []arg,
	want *hir.Type) hir.Expr {
	switch o := o.(type) {
	case nil:
		return b.spoil(args, e.Span())
	case *fnObj:
		return b.callFn(o, nil, fn.Args, args, e.Span(), fn.Span(), want)
	case *assoc:
		self := o.self
		if te := fn.OwnerType(); te != nil {
			if self = b.valueType(te); bad(self) {
				return b.spoil(args, e.Span())
			}
		}
		return b.callFn(o.fn, self, fn.Args, args, e.Span(), fn.Span(), want)
	case *variantObj:
		return b.variantExpr(o, fn, e, want)
	case *defObj:
		if o.strct != nil {
			return b.construct(o, fn, args, e.Span(), want)
		}
	case *local:
		return b.callValue(b.local(o, fn.Span()), args, e.Span())
	case *typeParam:
		if o.typ != nil && bad(o.typ) {
			return b.spoil(args, e.Span())
		}
	}
	at, _ := b.place(o)
	b.errorf(diag.NotCallable, fn.Span(), "%s is not a function", fn.Parts[len(fn.Parts)-1].Text).
		With(at, "defined here")
	return b.spoil(args, e.Span())
}

// callValue calls a value of a function type.
func (b *body) callValue(f hir.Expr, args []arg, sp source.Span) hir.Expr {
	f = b.read(f)
	t := f.Type()
	if bad(t) {
		return b.spoil(args, sp)
	}
	if t.Kind != hir.Func {
		d := b.errorf(diag.NotCallable, f.Span(), "%s is not a function", String(t))
		if v := root(f); v != nil {
			d.Message = v.Name + " is " + String(t) + ", not a function"
			d.With(v.At, "declared here")
		}
		return b.spoil(args, sp)
	}
	n := len(t.Args) - 1
	if len(args) != n {
		code := diag.TooManyArgs
		if len(args) < n {
			code = diag.MissingArg
		}
		b.errorf(code, sp, "%s takes %s, not %d", String(t), count(n, "argument"), len(args))
		return b.spoil(args, sp)
	}
	out := &hir.CallValue{X: at(t.Args[n], sp), Fn: f}
	for i, a := range args {
		if a.name != nil {
			b.errorf(diag.UnknownArg, a.name.Span(), "parameters of a function value have no names")
		}
		mark := b.mark()
		x := b.needs(a.e, t.Args[i], f.Span(), "this is "+String(t))
		b.settle(out.Args, mark)
		out.Args = append(out.Args, x)
	}
	return out
}

// callFn calls a function or kernel of the program; self is the type before `::`, if any.
func (b *body) callFn(fn *fnObj, self *hir.Type, explicit []syntax.TypeExpr, args []arg,
	sp, name source.Span, want *hir.Type) hir.Expr {
	if fn.decl.BadHead {
		return b.spoil(args, sp) // who knows what it takes
	}
	if fn.next != nil {
		if fn, args = b.overload(fn, explicit, args, sp); fn == nil {
			return poisonAt(sp)
		}
	}
	bn := b.bindFn(fn)
	if self != nil {
		b.bindSelf(fn, bn, self, sp)
	}
	if !b.explicit(bn, fn, explicit) {
		return b.spoil(args, sp)
	}
	slots, ok := b.slots(fn, args, sp)
	if !ok {
		return b.spoil(args, sp)
	}
	if want != nil && want != discard && len(fn.decl.Results) == 1 && !fn.kernel {
		b.fromResult(fn, bn, want)
	}
	xs := b.inferArgs(fn, bn, slots)
	for _, x := range xs {
		if x != nil && bad(x.Type()) {
			return b.poisonCall(fn, bn, sp)
		}
	}
	b.settleSelf(fn, bn)
	if !b.complete(fn, bn, name) || !b.bounds(bn, sp, fn.decl.Name.Text) {
		return poisonAt(sp)
	}
	return b.finishCall(fn, bn, slots, xs, sp, name)
}

// abstractHere tells that this body is checked for its errors only.
func (b *body) abstractHere() bool { return b.in != nil && b.in.abstract }

// poisonCall gives a call with bad arguments its type, if that does not depend on them.
func (b *body) poisonCall(fn *fnObj, bn *binding, sp source.Span) hir.Expr {
	if fn.kernel || len(fn.decl.Generics) > 0 || fn.impl != nil || len(bn.dims) > 0 ||
		len(bn.consts) > 0 {
		return poisonAt(sp)
	}
	t := invalid
	b.try(func() { t = b.resultHere(fn, bn) })
	return &hir.Const{X: at(t, sp)}
}

// fromResult infers parameters from what the result is for, where arguments cannot tell.
func (b *body) fromResult(fn *fnObj, bn *binding, want *hir.Type) {
	for _, p := range fn.decl.Params {
		if _, closure := p.Type.(*syntax.FuncType); closure {
			return
		}
	}
	te := fn.decl.Results[0].Type
	for _, t := range bn.types {
		if t.typ == nil && !b.mentions(fn, t.name) {
			b.unify(te, want, bn.sc, source.Span{})
		}
	}
}

// mentions tells whether a parameter's type names a type parameter.
func (b *body) mentions(fn *fnObj, name string) bool {
	found := false
	var walk func(te syntax.TypeExpr)
	walk = func(te syntax.TypeExpr) {
		switch te := te.(type) {
		case *syntax.PathType:
			found = found || te.Parts[0].Text == name
			for _, a := range te.Args {
				walk(a)
			}
		case *syntax.RefType:
			walk(te.Elem)
		case *syntax.ListType:
			for _, a := range te.Elems {
				walk(a)
			}
		case *syntax.TupleType:
			for _, a := range te.Elems {
				walk(a)
			}
		}
	}
	for _, p := range fn.decl.Params {
		walk(p.Type)
	}
	return found
}

// explicit binds f::<args>.
func (b *body) explicit(bn *binding, fn *fnObj, args []syntax.TypeExpr) bool {
	skip := 0
	if fn.impl != nil {
		skip = len(fn.impl.decl.Generics)
	}
	own := bn.order[skip:]
	if len(args) > len(own) {
		b.errorf(diag.TypeArgs, args[len(own)].Span(), "%s takes %s, not %d", fn.decl.Name.Text,
			count(len(own), "parameter"), len(args)).With(fn.decl.Name.Span(), "defined here")
		return false
	}
	for i, a := range args {
		switch p := own[i].(type) {
		case *typeParam:
			t := b.typ(a, b.scope, b.kernel)
			if bad(t) {
				return false
			}
			p.typ, p.from = t, a.Span()
		case *constParam:
			v, ok := b.constArg(a, b.scope)
			if !ok {
				return false
			}
			p.val, p.from = v, a.Span()
		}
	}
	return true
}

// slots puts arguments in the order of the parameters.
func (b *body) slots(fn *fnObj, args []arg, sp source.Span) ([]arg, bool) {
	ps := fn.decl.Params
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name.Text
	}
	out, ok := b.arrange(fn.decl.Name.Text, names, args, fn.decl.Name.Span())
	if !ok {
		return nil, false
	}
	for i, p := range ps {
		if out[i].e == nil && out[i].x == nil && p.Default == nil {
			end := source.Span{Pos: sp.End - 1, End: sp.End}
			b.errorf(diag.MissingArg, end, "%s needs an argument for %s", fn.decl.Name.Text,
				p.Name.Text).Label("%s is missing", p.Name.Text).With(p.Name.Span(),
				"declared here")
			ok = false
			break
		}
	}
	return out, ok
}

// arrange puts arguments in the order of names.
func (b *body) arrange(fn string, names []string, args []arg, def source.Span) ([]arg, bool) {
	out := make([]arg, len(names))
	ok := true
	next := 0
	for _, a := range args {
		i := next
		if a.name != nil {
			i = slices.Index(names, a.name.Text)
			if i < 0 {
				b.unknownArg(fn, names, a.name)
				ok = false
				continue
			}
		} else {
			next++
		}
		switch {
		case i >= len(names):
			if i == len(names) {
				before := 0 // a method's value stands before the dot
				if args[0].e == nil {
					before = 1
				}
				d := b.errorf(diag.TooManyArgs, a.span(), "%s takes %s, not %d", fn,
					count(len(names)-before, "argument"), len(args)-before)
				d.With(def, "defined here")
			}
			ok = false
		case out[i].e != nil || out[i].x != nil:
			b.errorf(diag.RepeatedArg, a.span(), "argument %s is given twice", names[i]).
				With(out[i].span(), "first here")
			ok = false
		default:
			out[i] = a
		}
	}
	return out, ok
}

func (b *body) unknownArg(fn string, names []string, n *syntax.Name) {
	what := "parameter"
	if fn != "" && fn[0] >= 'A' && fn[0] <= 'Z' && !strings.Contains(fn, ":") {
		what = "field"
	}
	d := b.errorf(diag.UnknownArg, n.Span(), "%s has no %s %s", fn, what, n.Text)
	if near := nearest(n.Text, names); near != "" {
		d.Hint("did you mean %s?", near).Replace(n.Span(), near, "write "+near)
	} else if len(names) > 0 {
		d.Note("it has %s", list(names))
	}
}

func list(names []string) string {
	s := ""
	for i, n := range names {
		if i > 0 {
			s += ", "
		}
		s += n
	}
	return s
}

// inferArgs checks arguments from left to right and infers parameters from them.
func (b *body) inferArgs(fn *fnObj, bn *binding, slots []arg) []hir.Expr {
	xs := make([]hir.Expr, len(slots))
	for i, p := range fn.decl.Params {
		a := slots[i]
		mark := b.mark()
		switch {
		case a.x != nil:
			xs[i] = a.x
		case a.e == nil:
			continue // a default, when all is known
		default:
			xs[i] = b.argument(fn, p, a.e, bn)
			b.settle(xs[:i], mark)
		}
		t := xs[i].Type()
		if t == unit {
			b.errorf(diag.NoUnitValue, xs[i].Span(), "this has no value")
			xs[i] = poisonAt(xs[i].Span())
		}
		if b.kernel {
			t = b.runtimeType(t)
		}
		if t == device {
			// `on d` in the types of other parameters is what the caller calls it.
			bn.sc.put(p.Name.Text, &local{v: &hir.Var{Name: b.deviceName(xs[i]), Type: device}})
		}
		bn.spoiled = bn.spoiled || bad(t)
		b.unify(p.Type, t, bn.sc, xs[i].Span())
	}
	return xs
}

// argument checks one argument against its parameter, as far as that is known.
func (b *body) argument(fn *fnObj, p *syntax.Param, e syntax.Expr, bn *binding) hir.Expr {
	if cl, ok := e.(*syntax.ClosureExpr); ok {
		if ft, ok := p.Type.(*syntax.FuncType); ok {
			return b.closureFor(cl, ft, bn)
		}
	}
	return b.expr(e, b.partly(p.Type, bn.sc, b.kernel))
}

// partly resolves a type if all its parameters are known; nil otherwise.
func (b *body) partly(te syntax.TypeExpr, sc *scope, kernel bool) *hir.Type {
	saved := b.unbound
	b.unbound = false
	var t *hir.Type
	ok := b.try(func() { t = b.typ(te, sc, kernel) })
	if b.unbound || !ok || bad(t) {
		t = nil
	}
	b.unbound = saved
	return t
}

// complete gives what was not inferred its default, or reports it.
func (b *body) complete(fn *fnObj, bn *binding, name source.Span) bool {
	for _, t := range bn.types {
		if t.typ != nil || t.name == "Self" {
			continue
		}
		d := b.errorf(diag.NotInferred, name, "the type %s of %s is not known here", t.name,
			fn.decl.Name.Text).With(t.at, "this parameter")
		d.Hint("write it: %s::<...>(...), or declare the type of the argument", fn.decl.Name.Text)
		return false
	}
	gs := fn.decl.Generics
	if fn.impl != nil {
		gs = append(slices.Clone(fn.impl.decl.Generics), gs...)
	}
	for _, p := range bn.consts {
		if p.val != nil {
			continue
		}
		i := slices.IndexFunc(gs, func(g *syntax.Generic) bool { return g.Name.Text == p.name })
		if v, ok := b.opt.Tuned[fn.decl.Name.Text+"."+p.name]; ok {
			p.val, p.from = v, p.at
			continue
		}
		if i >= 0 && gs[i].Default != nil {
			v, ok := b.constOf(gs[i].Default, bn.sc)
			if !ok {
				return false
			}
			p.val, p.from = v, gs[i].Default.Span()
			continue
		}
		d := b.errorf(diag.NotInferred, name, "the constant %s of %s is not known here", p.name,
			fn.decl.Name.Text).With(p.at, "this parameter")
		d.Hint("the compiler must know it: from a dimension that is a number, or from %s::<...>",
			fn.decl.Name.Text)
		return false
	}
	return true
}

// resultHere is a function's result as its caller sees it.
func (b *body) resultHere(fn *fnObj, bn *binding) *hir.Type {
	var parts []*hir.Type
	for _, r := range fn.decl.Results {
		parts = append(parts, b.typ(r.Type, bn.sc, b.kernel))
	}
	if len(parts) == 0 {
		return unit
	}
	return b.tupleOf(parts, fn.decl.Tuple && len(parts) != 1)
}

// finishCall converts the arguments and makes the call.
func (b *body) finishCall(fn *fnObj, bn *binding, slots []arg, xs []hir.Expr, sp,
	name source.Span) hir.Expr {
	if fn.kernel && b.kernel {
		b.errorf(diag.KernelBody, name, "a kernel cannot call the kernel %s", fn.decl.Name.Text).
			With(fn.decl.Name.Span(), "defined here").
			Hint("move what both need into a function without @kernel: it is inlined")
		return poisonAt(sp)
	}
	if b.constant {
		b.errorf(diag.NotConst, name, "the compiler does not call functions")
		return poisonAt(sp)
	}
	if fn.kernel {
		return b.launch(fn, bn, xs, sp, name)
	}
	if !b.kernel && b.onTiles(fn, bn, name) {
		return poisonAt(sp)
	}
	ok := true
	for i, p := range fn.decl.Params {
		want := b.typ(p.Type, bn.sc, b.kernel)
		if xs[i] == nil {
			xs[i] = b.defaultArg(p, bn, want)
		}
		if slots[i].x != nil && want.Kind == hir.Ref && xs[i].Type().Kind != hir.Ref {
			xs[i] = b.borrow(xs[i], want.Mut)
		}
		y, good := b.convert(xs[i], want)
		if !good {
			b.argMismatch(fn, p, bn, xs[i], want)
			ok = false
		}
		xs[i] = y
		ok = ok && !bad(want)
	}
	if !b.sameDevice(xs) || !ok {
		return poisonAt(sp)
	}
	in := b.instance(fn, bn, b.kernel, b.abstractHere())
	b.calls(fn, name)
	t := b.resultHere(fn, bn)
	if bad(t) {
		return poisonAt(sp)
	}
	return &hir.Call{X: at(t, sp), Fn: in.hfn, Args: xs}
}

// onTiles reports the call of a function that only kernels can call.
func (b *body) onTiles(fn *fnObj, bn *binding, name source.Span) bool {
	if !b.tileCode(fn, bn.sc) {
		return false
	}
	b.errorf(diag.KernelBody, name, "%s works on tiles and can be called in kernels only",
		fn.decl.Name.Text).With(fn.decl.Name.Span(), "defined here")
	return true
}

func (b *body) defaultArg(p *syntax.Param, bn *binding, want *hir.Type) hir.Expr {
	if b.defaults[p] {
		b.errorf(diag.Recursive, p.Name.Span(), "the default of %s needs itself", p.Name.Text).
			With(p.Default.Span(), "here")
		return poisonAt(p.Default.Span())
	}
	b.defaults[p] = true
	saved := b.scope
	b.scope = newScope(bn.sc)
	x := b.expr(p.Default, want)
	b.scope = saved
	delete(b.defaults, p)
	return b.coerce(x, want, p.Type.Span(), "the parameter's type")
}

// argMismatch reports an argument that is not of its parameter's type, and whence that type comes.
func (b *body) argMismatch(fn *fnObj, p *syntax.Param, bn *binding, x hir.Expr, want *hir.Type) {
	before := b.errs.Len()
	b.mismatch(x, want, p.Name.Span(), "declared here as "+String(want))
	if b.quiet > 0 || b.errs.Len() == before {
		return
	}
	d := b.errs.Last()
	b.provenance(d, p.Type, bn.sc, x.Span())
}

// provenance says where the names in a parameter's type got their values.
func (b *body) provenance(d *diag.Diagnostic, te syntax.TypeExpr, sc *scope, skip source.Span) {
	switch te := te.(type) {
	case *syntax.RefType:
		b.provenance(d, te.Elem, sc, skip)
	case *syntax.ListType:
		for _, e := range te.Elems {
			b.provenance(d, e, sc, skip)
		}
	case *syntax.PathType:
		for _, a := range te.Args {
			b.provenance(d, a, sc, skip)
		}
		var from source.Span
		var what string
		switch o := sc.lookup(te.Parts[0].Text).(type) {
		case *dimParam:
			from, what = o.from, dimString(o.dim)
		case *constParam:
			from, what = o.from, argString(o.val)
		case *typeParam:
			if o.typ != nil {
				from, what = o.from, String(o.typ)
			}
		}
		if from.IsValid() && from != skip && len(d.Secondary) < 4 {
			d.With(from, "%s is %s here", te.Parts[0].Text, what)
		}
	}
}

// overload chooses among functions of one name, which only the library has: the first that the
// arguments fit. It gives nil after an error.
func (b *body) overload(fn *fnObj, explicit []syntax.TypeExpr, args []arg, sp source.Span) (*fnObj,
	[]arg) {
	args = slices.Clone(args)
	ok := true
	for i, a := range args {
		if a.x == nil {
			args[i].x = b.value(a.e, nil)
		}
		ok = ok && !bad(args[i].x.Type())
	}
	if !ok {
		return nil, args
	}
	for f := fn; f != nil; f = f.next {
		if b.try(func() { b.candidate(f, explicit, args) }) {
			return f, args
		}
	}
	d := b.errorf(diag.BadOperand, sp, "no %s takes %s", fn.decl.Name.Text, argTypes(args))
	for _, a := range args {
		t := deref(a.x.Type())
		if t.Kind == hir.Tensor {
			d.With(a.span(), "%s", String(t))
		}
		if t.Kind == hir.Tensor && (t.AnyDim || t.Elem == tile.NoElem) {
			d.Hint("declare what is known: let t: Tensor<[_, _], f32> = ...")
		}
	}
	b.operandHint(d, args)
	return nil, args
}

// operandHint says in what two tensors differ.
func (b *body) operandHint(d *diag.Diagnostic, args []arg) {
	if len(args) != 2 || d.Help != "" {
		return
	}
	x, y := deref(args[0].x.Type()), deref(args[1].x.Type())
	switch {
	case x.Kind != hir.Tensor || y.Kind != hir.Tensor:
	case x.Elem != y.Elem:
		d.Hint("their elements differ: convert one, x as %s", x.Elem)
	case !tir.Computes(x.Elem):
		d.Hint("%s is for storing and for @: convert first, x as f32", x.Elem)
	default:
		d.Hint("their shapes differ; the second may be one row of the first")
	}
}

func argTypes(args []arg) string {
	ts := make([]*hir.Type, len(args))
	for i, a := range args {
		ts[i] = deref(a.x.Type())
	}
	return typeList(ts)
}

// candidate reports what keeps arguments from a function.
func (b *body) candidate(f *fnObj, explicit []syntax.TypeExpr, args []arg) {
	bn := b.bindFn(f)
	if !b.explicit(bn, f, explicit) {
		return
	}
	slots, ok := b.slots(f, args, source.Span{})
	if !ok {
		return
	}
	xs := b.inferArgs(f, bn, slots)
	b.settleSelf(f, bn)
	if !b.complete(f, bn, source.Span{}) {
		return
	}
	for i, p := range f.decl.Params {
		if xs[i] != nil && !b.acceptable(xs[i], b.typ(p.Type, bn.sc, f.kernel || b.kernel)) {
			b.errorf(diag.Mismatch, xs[i].Span(), "not this one")
			return
		}
	}
	b.bounds(bn, source.Span{}, "")
}

// acceptable tells whether an argument fits a parameter, as a call would see it.
func (b *body) acceptable(x hir.Expr, want *hir.Type) bool {
	t := x.Type()
	if bad(t) || bad(want) {
		return true
	}
	if w := deref(want); w.Kind == hir.Tensor {
		g := deref(t)
		return g.Kind == hir.Tensor && tensorFits(w, g) == "" && (g.AnyDim == w.AnyDim || w.AnyDim)
	}
	if want.Kind == hir.Scalar {
		return t == integer && isInt(want.Elem) || t == float && isFloat(want.Elem) ||
			t == integer && b.isLit(x) && isFloat(want.Elem) || t == boolean &&
			want.Elem == tile.Bool
	}
	_, ok := b.convert(x, want)
	return ok
}

// tensorOp calls a function of std.ops for an operator on whole tensors.
func (b *body) tensorOp(name string, opAt, sp source.Span, xs ...hir.Expr) hir.Expr {
	fn := b.opsFn(name)
	if fn == nil {
		b.errorf(diag.BadOperand, opAt, "tensors have no %s", name)
		return poisonAt(sp)
	}
	args := make([]arg, len(xs))
	for i, x := range xs {
		if bad(x.Type()) {
			return poisonAt(sp)
		}
		args[i] = arg{x: x}
	}
	return b.callFn(fn, nil, nil, args, sp, opAt, nil)
}

// opsFn finds a public function of std.ops.
func (c *checker) opsFn(name string) *fnObj {
	fn, ok := c.operators().scope.names[name].(*fnObj)
	if !ok || !fn.decl.Pub {
		return nil
	}
	return fn
}
