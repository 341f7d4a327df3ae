package check

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// defType is a struct or enum with the arguments of a written type.
func (c *checker) defType(o *defObj, te *syntax.PathType, sc *scope, kernel bool) *hir.Type {
	inner, args, ok := c.bindArgs(o.generics, te, sc, o.in, kernel)
	if !ok {
		return invalid
	}
	if o.mod == c.prelude && !kernel { // its variants carry their arguments as they are
		for i, a := range args {
			if t, ok := a.(*hir.Type); ok && bad(c.onHost(t, te.Args[i])) {
				return invalid
			}
		}
	}
	return c.instantiate(o, inner, args, kernel)
}

// argKey writes arguments so that equal ones give equal text.
func (c *checker) argKey(args []any) string {
	var b strings.Builder
	for _, a := range args {
		if t, ok := a.(*hir.Type); ok {
			fmt.Fprintf(&b, "t%d,", c.types.ids[t])
		} else {
			fmt.Fprintf(&b, "%T%v,", a, a)
		}
	}
	return b.String()
}

func argString(a any) string {
	if t, ok := a.(*hir.Type); ok {
		return String(t)
	}
	return fmt.Sprint(a)
}

// withArgs writes name<args>.
func withArgs(name string, args []any) string {
	if len(args) == 0 {
		return name
	}
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = argString(a)
	}
	return name + "<" + strings.Join(parts, ", ") + ">"
}

// instantiate makes a struct or enum for arguments, once for the host and once for kernels.
func (c *checker) instantiate(o *defObj, inner *scope, args []any, kernel bool) *hir.Type {
	if o.broken() {
		return invalid
	}
	key := c.argKey(args)
	if kernel = kernel && o.strct != nil; kernel {
		key = "kernel " + key
	}
	if t, ok := o.made[key]; ok {
		return t
	}
	if o.made == nil {
		o.made = map[string]*hir.Type{}
	}
	if len(o.made) > maxInstances {
		c.errorf(diag.Recursive, o.name.Span(), "%s grows without end by its own arguments",
			o.name.Text)
		return invalid
	}
	kind := hir.Struct
	if o.enum != nil {
		kind = hir.Enum
	}
	def := &hir.Def{Name: withArgs(o.name.Text, args)}
	t := c.types.of(hir.Type{Kind: kind, Def: def})
	o.made[key] = t
	c.origin[def] = &origin{o, args, kernel}
	if o.strct != nil {
		seen := map[string]source.Span{}
		for _, f := range o.strct.Fields {
			c.fresh(nil, seen, f.Name.Text, f.Name.Span())
			ft := c.structField(f, inner, t, kernel)
			def.Fields = append(def.Fields, hir.Field{Name: f.Name.Text, Type: ft})
			c.info.member(o.name.Text, c.info.define(Object{Kind: "field", Name: f.Name.Text,
				At: f.Name.Span(), Doc: f.Doc, Type: ft, Detail: f.Name.Text + ": " + String(ft)}))
		}
	} else {
		seen := map[string]source.Span{}
		for i, v := range o.enum.Variants {
			c.fresh(nil, seen, v.Name.Text, v.Name.Span())
			hv := hir.Variant{Name: v.Name.Text}
			for _, te := range v.Types {
				hv.Types = append(hv.Types, c.field(te, inner, t))
			}
			def.Variants = append(def.Variants, hv)
			c.variant(o, i)
		}
	}
	def.Copy = copies(def)
	return t
}

// broken tells a definition with a syntax error: it is poison as a whole.
func (o *defObj) broken() bool {
	return o.strct != nil && o.strct.Bad || o.enum != nil && o.enum.Bad
}

// twin is the struct t as host code, or as kernels have it.
func (c *checker) twin(t *hir.Type, kernel bool) *hir.Type {
	org := c.defArgs(t)
	if org == nil || t.Kind != hir.Struct || org.kernel == kernel {
		return t
	}
	inner := newScope(org.def.in)
	for i, g := range org.def.generics {
		if a, ok := org.args[i].(*hir.Type); ok {
			inner.put(g.Name.Text, &typeParam{name: g.Name.Text, typ: a, at: g.Name.Span()})
		} else {
			inner.put(g.Name.Text, &constParam{name: g.Name.Text, val: org.args[i],
				at: g.Name.Span()})
		}
	}
	return c.instantiate(org.def, inner, org.args, kernel)
}

// maxInstances bounds the instances of one generic definition.
const maxInstances = 200

func copies(d *hir.Def) bool {
	for _, f := range d.Fields {
		if !isCopy(f.Type) {
			return false
		}
	}
	for _, v := range d.Variants {
		for _, t := range v.Types {
			if !isCopy(t) {
				return false
			}
		}
	}
	return true
}

// structField resolves the type of a struct's field. Tiles may be fields: hostType refuses such
// structs where host code uses them.
func (c *checker) structField(f *syntax.Field, sc *scope, self *hir.Type, kernel bool) *hir.Type {
	t := c.typ(f.Type, sc, kernel)
	if !kernel && kernelOnly(t) != tilesIn(t) { // inside of an array or a function
		t = c.onHost(t, f.Type)
	}
	t = c.owned(t, f.Type, self)
	if kernel && !bad(t) && !inKernels(t) {
		c.errorf(diag.KernelBody, f.Type.Span(), "a struct with a %s cannot stand in a kernel",
			String(t)).Hint("kernels work on tiles, numbers, and tuples and structs of them")
		return invalid
	}
	return t
}

// inKernels tells whether a value of a kernel may have this type.
func inKernels(t *hir.Type) bool {
	parts := t.Args
	switch t.Kind {
	case hir.Tile, hir.Scalar, hir.Span:
		return true
	case hir.Struct:
		for _, f := range t.Def.Fields {
			parts = append(parts, f.Type)
		}
	case hir.Tuple:
	default:
		return bad(t)
	}
	return !slices.ContainsFunc(parts, func(t *hir.Type) bool { return !inKernels(t) })
}

// field resolves the type of a variant's value.
func (c *checker) field(te syntax.TypeExpr, sc *scope, self *hir.Type) *hir.Type {
	return c.owned(c.hostType(te, sc), te, self)
}

// owned refuses parts that the type self cannot own.
func (c *checker) owned(t *hir.Type, te syntax.TypeExpr, self *hir.Type) *hir.Type {
	if t.Kind == hir.Ref {
		c.errorf(diag.RefPlace, te.Span(), "a reference cannot be a field").
			Hint("let the field own its value: %s", String(deref(t)))
		return invalid
	}
	if byValue(t, self, 0) {
		c.errorf(diag.Recursive, te.Span(), "%s contains itself", String(self)).
			Hint("put it into an array: [%s]", String(self))
		return invalid
	}
	return t
}

// byValue tells whether a value of type t holds one of type self.
func byValue(t, self *hir.Type, depth int) bool {
	if t == self || depth > 100 {
		return true
	}
	switch t.Kind {
	case hir.Tuple:
		for _, a := range t.Args {
			if byValue(a, self, depth+1) {
				return true
			}
		}
	case hir.Struct, hir.Enum:
		for _, f := range t.Def.Fields {
			if byValue(f.Type, self, depth+1) {
				return true
			}
		}
		for _, v := range t.Def.Variants {
			for _, a := range v.Types {
				if byValue(a, self, depth+1) {
					return true
				}
			}
		}
	}
	return false
}

// defArgs are the definition and arguments of an instantiated type.
func (c *checker) defArgs(t *hir.Type) *origin {
	if t.Def == nil {
		return nil
	}
	return c.origin[t.Def]
}
