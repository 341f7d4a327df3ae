package check

import (
	"fmt"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// instance is a function for arguments of its parameters.
type instance struct {
	fn       *fnObj
	sc       *scope // parameters bound
	kernel   bool   // its body is kernel code
	hfn      *hir.Fn
	kern     *hir.Kernel
	result   *hir.Type
	abstract bool // not part of the program
	inKernel bool // called by kernels only
	body     *body
	args     []any
	parts    []axisUse
}

// instance finds or makes the instance for a complete binding.
func (c *checker) instance(fn *fnObj, bn *binding, kernel, abstract bool) *instance {
	kernel = kernel || fn.kernel
	if p, ok := bn.sc.names["Self"].(*typeParam); ok && p.typ != nil {
		p.typ = c.twin(p.typ, kernel)
	}
	key := fmt.Sprintf("%d %t %t %s", fn.id, kernel, abstract, c.argKey(bn.values()))
	fn.used = true
	if in := c.instances[key]; in != nil {
		return in
	}
	if fn.count++; fn.count > maxInstances {
		// Generic recursion that never repeats.
		c.errorf(diag.Recursive, fn.decl.Name.Span(), "%s is instantiated without end",
			fn.decl.Name.Text)
		c.instances[key] = &instance{fn: fn, hfn: &hir.Fn{Result: invalid}, result: invalid}
		return c.instances[key]
	}
	in := &instance{fn: fn, sc: bn.body(fn.in), kernel: kernel, abstract: abstract,
		inKernel: kernel && !fn.kernel, result: invalid, args: bn.written()}
	c.instances[key] = in
	sig := c.fnSig
	if fn.kernel {
		sig = c.kernelSig
	}
	if fn.decl.BadHead {
		c.try(func() { sig(in) }) // the parser has spoken
	} else {
		sig(in)
	}
	c.queue = append(c.queue, in)
	c.made = append(c.made, in)
	return in
}

// unique keeps names of instances apart.
func (c *checker) unique(name string) string {
	n := c.names[name]
	c.names[name]++
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, n)
}

// fullName is a function's name with its arguments: Pair<int>.sum, mean<float>.
func (in *instance) fullName() string {
	name := withArgs(in.fn.decl.Name.Text, in.args)
	if p, ok := in.sc.names["Self"].(*typeParam); ok && p.typ != nil {
		n := len(in.args)
		if in.fn.impl != nil {
			n -= len(in.fn.impl.decl.Generics)
		}
		name = String(p.typ) + "." + withArgs(in.fn.decl.Name.Text, in.args[len(in.args)-n:])
	}
	return name
}

// fnSig resolves the parameters and result of a host function or helper.
func (c *checker) fnSig(in *instance) {
	d := in.fn.decl
	f := &hir.Fn{At: d.Name.Span(), Result: unit}
	in.hfn = f
	b := c.newBody(in)
	for _, p := range d.Params {
		var t *hir.Type
		if in.kernel {
			t = c.typ(p.Type, b.scope, true)
		} else {
			t = c.hostType(p.Type, b.scope)
		}
		if t.Kind == hir.Ref && t.Mut == hir.AtomicRef && !in.kernel {
			c.errorf(diag.KernelType, p.Type.Span(), "&atomic is for parameters of kernels")
			t = invalid
		}
		v := &hir.Var{Name: p.Name.Text, Type: t, At: p.Name.Span()}
		b.param(p, v)
		f.Params = append(f.Params, v)
		if p.By != nil {
			c.errorf(diag.KernelType, p.By.Span(), "`by` belongs to kernels").
				Hint("put @kernel before the function")
			c.poisonAxes(in, p.By.Parts)
		}
	}
	f.Result = c.resultType(in)
	in.result = f.Result
	c.checkMain(in)
	f.Name = c.unique(in.fullName())
	f.Attrs = c.attrsOf(d, in.sc)
	for _, a := range f.Attrs {
		f.Graph = f.Graph || a.Name == "graph"
	}
	if !in.abstract && !in.inKernel {
		c.prog.Funcs = append(c.prog.Funcs, f)
	}
}

// resultType resolves a host function's result.
func (c *checker) resultType(in *instance) *hir.Type {
	d := in.fn.decl
	var parts []*hir.Type
	for _, r := range d.Results {
		var t *hir.Type
		if in.kernel {
			t = c.typ(r.Type, in.sc, true)
		} else {
			t = c.hostType(r.Type, in.body.scope)
		}
		if r.By != nil {
			c.errorf(diag.KernelType, r.By.Span(), "`by` belongs to kernels").
				Hint("put @kernel before the function")
			c.poisonAxes(in, r.By.Parts)
		}
		if t.Kind == hir.Ref && !hasRefParam(d) {
			c.errorf(diag.RefPlace, r.Type.Span(), "a reference into what? no parameter is one").
				Hint("return the value itself: %s", String(deref(t)))
			t = invalid
		}
		parts = append(parts, t)
	}
	return c.tupleOf(parts, d.Tuple && len(parts) != 1)
}

func hasRefParam(d *syntax.FnDecl) bool {
	for _, p := range d.Params {
		if _, ok := p.Type.(*syntax.RefType); ok {
			return true
		}
	}
	return false
}

// tupleOf is the type of several results.
func (c *checker) tupleOf(parts []*hir.Type, tuple bool) *hir.Type {
	for _, t := range parts {
		if bad(t) {
			return invalid
		}
	}
	if !tuple && len(parts) == 1 {
		return parts[0]
	}
	return c.types.tuple(parts...)
}

func (c *checker) checkMain(in *instance) {
	d := in.fn.decl
	if d.Name.Text == "main" && in.fn.impl == nil && in.fn.trait == nil &&
		(len(d.Params) > 0 || len(d.Generics) > 0 || in.result != unit && !bad(in.result)) {
		c.errorf(diag.MainShape, d.Name.Span(), "main takes no parameters and returns nothing").
			Hint("write fn main() { ... }")
	}
	for _, a := range d.Attrs {
		if a.Name.Text == "test" && (len(d.Params) > 0 || len(d.Generics) > 0) {
			c.errorf(diag.TestShape, d.Name.Span(), "a test takes no parameters").
				With(a.Span(), "declared a test here")
		}
	}
}

// attrsOf evaluates the attributes of a function.
func (c *checker) attrsOf(d *syntax.FnDecl, sc *scope) (out []hir.Attr) {
	for _, a := range d.Attrs {
		h := hir.Attr{Name: a.Name.Text, At: a.Span()}
		for _, x := range a.Args {
			arg := hir.AttrArg{}
			if x.Name != nil {
				arg.Name = x.Name.Text
			}
			arg.Value = c.attrValue(x.Value, sc)
			if arg.Value != nil {
				h.Args = append(h.Args, arg)
			}
		}
		out = append(out, h)
	}
	return out
}

// attrValue evaluates an argument of an attribute; lists are []any, names stand for themselves.
func (c *checker) attrValue(e syntax.Expr, sc *scope) any {
	switch e := e.(type) {
	case *syntax.ArrayLit:
		list := []any{}
		for _, x := range e.Elems {
			if v := c.attrValue(x, sc); v != nil {
				list = append(list, v)
			}
		}
		return list
	case *syntax.PathExpr:
		switch sc.lookup(e.Parts[0].Text).(type) {
		case *constObj, *constParam:
		default:
			var parts []string
			for _, p := range e.Parts {
				parts = append(parts, p.Text)
			}
			c.info.use(e.Parts[len(e.Parts)-1].Span(), tool(sc.lookup(e.Parts[0].Text)))
			return strings.Join(parts, "::")
		}
	}
	v, _ := c.constOf(e, sc)
	return v
}

// items checks everything in a file that needs no arguments, and the rest abstractly later.
func (c *checker) items(m *module) {
	for _, it := range m.file.Items {
		switch d := it.(type) {
		case *syntax.StructDecl, *syntax.EnumDecl:
			if o, ok := m.scope.names[it.Head().Name.Text].(*defObj); ok && len(o.generics) == 0 {
				c.instantiate(o, newScope(o.in), nil, false)
			} else if ok {
				c.abstractDef(o)
			}
		case *syntax.ConstDecl:
			if o, ok := m.scope.names[d.Name.Text].(*constObj); ok {
				c.constant(o)
			}
		case *syntax.AliasDecl:
			if o, ok := m.scope.names[d.Name.Text].(*aliasObj); ok && len(d.Generics) == 0 {
				c.alias(o, syntax.NamedType(d.Name), o.in, false)
			}
		}
	}
	for _, im := range c.impls {
		if im.mod == m {
			c.implItem(im)
		}
	}
	for i := 0; i < len(c.fns); i++ {
		fn := c.fns[i]
		if fn.mod == m {
			c.boundNames(fn)
		}
		if fn.mod == m && !fn.used && len(fn.decl.Generics) == 0 && fn.impl == nil {
			c.plain(fn)
		}
	}
}

// abstractDef checks a generic struct or enum with poisoned arguments.
func (c *checker) abstractDef(o *defObj) {
	bn := &binding{sc: newScope(o.in)}
	c.generics(bn, o.generics, map[string]source.Span{})
	for _, t := range bn.types {
		t.typ = invalid
	}
	for _, p := range bn.consts {
		p.val = poisoned{}
	}
	made := o.made
	o.made = nil
	c.instantiate(o, bn.sc, bn.values(), false)
	o.made = made
}

// plain checks a function without type parameters.
func (c *checker) plain(fn *fnObj) {
	bn := c.bindFn(fn)
	for _, p := range bn.consts {
		if p.implied {
			return // over tiles of any size: for each use, or abstractly
		}
	}
	c.instance(fn, bn, c.tileCode(fn, bn.sc), false)
}

// tileCode tells functions that only kernels can call by their parameters.
func (c *checker) tileCode(fn *fnObj, sc *scope) bool {
	found := false
	c.try(func() {
		for _, p := range fn.decl.Params {
			t := c.typ(p.Type, sc, false)
			found = found || kernelOnly(t) != nil
		}
		for _, r := range fn.decl.Results {
			found = found || kernelOnly(c.typ(r.Type, sc, false)) != nil
		}
	})
	return found
}

// abstract checks a function that nobody calls: type parameters get an element type if their
// bounds or uses ask for one, otherwise poison.
func (c *checker) abstract(fn *fnObj) {
	bn := c.bindFn(fn)
	if fn.impl != nil && !c.abstractImpl(fn, bn) {
		return
	}
	whole := fn.impl == nil
	var guessed []*typeParam
	for _, t := range bn.types {
		if t.typ == nil {
			var guess bool
			if t.typ, guess = c.plausible(fn, t); guess {
				guessed = append(guessed, t)
			}
			whole = whole && !bad(t.typ)
		}
	}
	for i, p := range bn.consts {
		if p.val != nil {
			continue
		}
		p.val = poisoned{}
		if g := genericOf(fn.decl, p.name); g != nil && g.Default != nil {
			if v, ok := c.constOf(g.Default, bn.sc); ok {
				bn.consts[i].val = v
				continue
			}
		}
		whole = false
	}
	tiles := c.tileCode(fn, bn.sc)
	if len(guessed) > 0 && !c.try(func() { c.instance(fn, bn, tiles, true); c.drain() }) {
		// The guess was wrong, perhaps: what does not depend on it is still checked.
		for _, t := range guessed {
			t.typ = invalid
		}
		whole = false
	}
	c.instance(fn, bn, tiles, !whole || !fn.kernel)
}

func genericOf(d *syntax.FnDecl, name string) *syntax.Generic {
	for _, g := range d.Generics {
		if g.Name.Text == name {
			return g
		}
	}
	return nil
}

// plausible chooses a type for an abstract check; guess: nothing but its use as an element type
// speaks for it.
func (c *checker) plausible(fn *fnObj, t *typeParam) (typ *hir.Type, guess bool) {
	for _, b := range t.bounds {
		switch b.Parts[0].Text {
		case "Half":
			return c.types.scalar(tile.F16), false
		case "Factor", "Float", "Number", "Elem":
			return c.types.scalar(tile.F32), false
		case "Integer":
			return c.types.scalar(tile.I32), false
		}
	}
	if len(t.bounds) > 0 {
		return invalid, false
	}
	for _, p := range fn.decl.Params {
		if asElem(p.Type, t.name) {
			return c.types.scalar(tile.F32), true
		}
	}
	for _, r := range fn.decl.Results {
		if asElem(r.Type, t.name) {
			return c.types.scalar(tile.F32), true
		}
	}
	return invalid, false
}

// asElem tells whether a name is an element type in a written type.
func asElem(te syntax.TypeExpr, name string) bool {
	switch te := te.(type) {
	case *syntax.RefType:
		return asElem(te.Elem, name)
	case *syntax.PathType:
		if h := te.Parts[0].Text; h == "Tensor" || h == "Tile" {
			for _, a := range te.Args {
				if p, ok := a.(*syntax.PathType); ok && p.Parts[0].Text == name {
					return true
				}
			}
		}
	}
	return false
}

// drain checks the bodies of all instances that wait.
func (c *checker) drain() {
	for len(c.queue) > 0 {
		in := c.queue[0]
		c.queue = c.queue[1:]
		c.gaps = in.fn.decl.Bad
		if in.kern != nil {
			c.kernelBody(in)
		} else {
			c.fnBody(in)
		}
	}
	c.gaps = false
}
