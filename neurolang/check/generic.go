package check

import (
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// binding is the parameters of a generic definition at one use of it: what a call infers.
type binding struct {
	spoiled bool // an argument was wrong
	sc      *scope
	types   []*typeParam
	consts  []*constParam
	dims    []*dimParam
	order   []any // in the order of the text: *typeParam, *constParam; without implied ones
}

// poisoned is the value of a constant in an abstract check.
type poisoned struct{}

func (c *checker) generics(bn *binding, gs []*syntax.Generic, seen map[string]source.Span) {
	for _, g := range gs {
		c.fresh(nil, seen, g.Name.Text, g.Name.Span())
		if ofLayout := isLayoutBound(g); g.Const || ofLayout {
			p := &constParam{name: g.Name.Text, at: g.Name.Span()}
			if ofLayout {
				p.typ = layoutT
			}
			if g.Type != nil {
				p.typ = c.typ(g.Type, bn.sc, false)
			}
			bn.consts = append(bn.consts, p)
			bn.order = append(bn.order, p)
			bn.sc.put(p.name, p)
			continue
		}
		p := &typeParam{name: g.Name.Text, at: g.Name.Span(), bounds: g.Bounds}
		bn.types = append(bn.types, p)
		bn.order = append(bn.order, p)
		bn.sc.put(p.name, p)
	}
}

// isLayoutBound tells parameters that stand for the layout of a tensor: L: Layout.
func isLayoutBound(g *syntax.Generic) bool {
	return !g.Const && len(g.Bounds) == 1 && len(g.Bounds[0].Parts) == 1 &&
		g.Bounds[0].Parts[0].Text == "Layout"
}

// layoutParam is the parameter of a layout that a type's argument names, or nil.
func layoutParam(te syntax.TypeExpr, sc *scope) *constParam {
	p, ok := te.(*syntax.PathType)
	if !ok || len(p.Parts) != 1 {
		return nil
	}
	if o, ok := sc.lookup(p.Parts[0].Text).(*constParam); ok && o.typ == layoutT {
		return o
	}
	return nil
}

// bindFn makes fresh parameters for a function: those of its impl, Self, its own, dimensions.
func (c *checker) bindFn(fn *fnObj) *binding {
	bn := &binding{sc: newScope(fn.in)}
	seen := map[string]source.Span{}
	switch {
	case fn.impl != nil:
		c.generics(bn, fn.impl.decl.Generics, seen)
		c.self(bn)
	case fn.trait != nil:
		c.self(bn)
	}
	c.generics(bn, fn.decl.Generics, seen)
	c.implied(bn, fn.decl)
	return bn
}

func (c *checker) self(bn *binding) {
	p := &typeParam{name: "Self"}
	bn.types = append(bn.types, p)
	bn.sc.put("Self", p)
}

// implied finds names in shapes that are defined nowhere: dimensions of tensors, constants of
// tiles.
func (c *checker) implied(bn *binding, d *syntax.FnDecl) {
	for _, p := range d.Params {
		c.impliedIn(bn, p.Type)
	}
	for _, r := range d.Results {
		c.impliedIn(bn, r.Type)
	}
}

func (c *checker) impliedIn(bn *binding, te syntax.TypeExpr) {
	switch te := te.(type) {
	case *syntax.RefType:
		c.impliedIn(bn, te.Elem)
	case *syntax.TupleType:
		for _, e := range te.Elems {
			c.impliedIn(bn, e)
		}
	case *syntax.ListType:
		for _, e := range te.Elems {
			c.impliedIn(bn, e)
		}
	case *syntax.FuncType:
		for _, e := range te.Params {
			c.impliedIn(bn, e)
		}
		if te.Result != nil {
			c.impliedIn(bn, te.Result)
		}
	case *syntax.PathType:
		c.impliedArgs(bn, te)
	}
}

func (c *checker) impliedArgs(bn *binding, te *syntax.PathType) {
	head := te.Parts[0].Text
	if bn.sc.lookup(head) != nil {
		head = ""
	}
	for i, a := range te.Args {
		list, isList := a.(*syntax.ListType)
		switch {
		case head == "Tensor" && isList && i == 0:
			for _, e := range list.Elems {
				if n := c.free(bn, e); n != nil {
					p := &dimParam{name: n.Text, at: n.Span()}
					bn.dims = append(bn.dims, p)
					bn.sc.put(n.Text, p)
				}
			}
		case head == "Tile" && i >= elemAt(te):
			c.impliedIn(bn, a)
		case head == "Tile" || head == "Span":
			if n := c.free(bn, a); n != nil {
				p := &constParam{name: n.Text, at: n.Span(), implied: true}
				bn.consts = append(bn.consts, p)
				bn.sc.put(n.Text, p)
			}
		case head != "Tensor":
			c.impliedIn(bn, a)
		}
	}
}

// elemAt is which argument of a Tile is its element type: the last before layout and space.
func elemAt(te *syntax.PathType) int {
	for i := len(te.Args) - 1; i >= 0; i-- {
		if p, ok := te.Args[i].(*syntax.PathType); !ok || len(p.Parts) == 1 {
			return i
		}
	}
	return 0
}

// free is the name that an argument is if nothing defines it; no element type and no `_`.
func (c *checker) free(bn *binding, te syntax.TypeExpr) *syntax.Name {
	p, ok := te.(*syntax.PathType)
	if !ok || len(p.Parts) != 1 || len(p.Args) > 0 || p.Parts[0].Text == "_" ||
		p.Parts[0].Text == "" {
		return nil
	}
	n := p.Parts[0]
	if _, elem := tile.ParseElem(n.Text); elem || bn.sc.lookup(n.Text) != nil {
		return nil
	}
	return n
}

// values are the arguments that tell instances apart.
func (bn *binding) values() (out []any) {
	for _, t := range bn.types {
		out = append(out, t.typ)
	}
	for _, p := range bn.consts {
		out = append(out, p.val)
	}
	return out
}

// written are the arguments as the text would give them.
func (bn *binding) written() (out []any) {
	for _, o := range bn.order {
		switch p := o.(type) {
		case *typeParam:
			out = append(out, p.typ)
		case *constParam:
			out = append(out, p.val)
		}
	}
	for _, p := range bn.consts {
		if p.implied {
			out = append(out, p.val)
		}
	}
	return out
}

// body is the binding as the function's own body sees it: dimensions are symbols again.
func (bn *binding) body(in *scope) *scope {
	sc := newScope(in)
	for _, t := range bn.types {
		cp := *t
		sc.put(t.name, &cp)
	}
	for _, p := range bn.consts {
		cp := *p
		sc.put(p.name, &cp)
	}
	for _, d := range bn.dims {
		sc.put(d.name, &dimParam{name: d.name, at: d.at})
	}
	return sc
}

// unify infers parameters of sc from a written type and the type that meets it.
func (c *checker) unify(te syntax.TypeExpr, t *hir.Type, sc *scope, at source.Span) {
	if bad(t) {
		c.poisonFree(te, sc)
		return
	}
	switch te := te.(type) {
	case *syntax.RefType:
		c.unify(te.Elem, deref(t), sc, at)
	case *syntax.TupleType:
		if t.Kind == hir.Tuple && len(t.Args) == len(te.Elems) {
			for i, e := range te.Elems {
				c.unify(e, t.Args[i], sc, at)
			}
		}
	case *syntax.ListType:
		if t = deref(t); t.Kind == hir.Array && len(te.Elems) == 1 {
			c.unify(te.Elems[0], t.Args[0], sc, at)
		}
	case *syntax.FuncType:
		if t.Kind == hir.Func && len(t.Args) == len(te.Params)+1 {
			for i, e := range te.Params {
				c.unify(e, t.Args[i], sc, at)
			}
			if te.Result != nil {
				c.unify(te.Result, t.Args[len(te.Params)], sc, at)
			}
		}
	case *syntax.PathType:
		c.unifyPath(te, t, sc, at)
	}
}

// poisonFree poisons the type parameters in a type whose argument failed to check.
func (c *checker) poisonFree(te syntax.TypeExpr, sc *scope) {
	switch te := te.(type) {
	case *syntax.RefType:
		c.poisonFree(te.Elem, sc)
	case *syntax.ListType:
		for _, e := range te.Elems {
			c.poisonFree(e, sc)
		}
	case *syntax.PathType:
		switch p := sc.lookup(te.Parts[0].Text).(type) {
		case *typeParam:
			if p.typ == nil {
				p.typ = invalid
			}
		case *constParam:
			if p.val == nil {
				p.val = poisoned{}
			}
		case *dimParam:
			if !p.bound {
				p.bound, p.dim = true, unknown
			}
		}
		for _, a := range te.Args {
			c.poisonFree(a, sc)
		}
	}
}

func (c *checker) unifyPath(te *syntax.PathType, t *hir.Type, sc *scope, at source.Span) {
	switch o := sc.lookup(te.Parts[len(te.Parts)-1].Text).(type) {
	case *typeParam:
		if o.typ == nil {
			o.typ, o.from = t, at
		}
		return
	case *aliasObj:
		if len(o.decl.Generics) == 0 && !o.busy {
			o.busy = true
			c.unify(o.decl.Type, t, o.in, at)
			o.busy = false
		}
		return
	case *defObj:
		org := c.defArgs(deref(t))
		if org == nil || org.def != o {
			return
		}
		for i, a := range te.Args {
			if i < len(org.args) {
				c.unifyArg(a, org.args[i], sc, at)
			}
		}
		return
	case nil:
	default:
		return
	}
	t = deref(t)
	switch te.Parts[0].Text {
	case "Tensor":
		if t.Kind == hir.Tensor {
			c.unifyTensor(te, t, sc, at)
		}
	case "Tile":
		if tiled(t) {
			c.unifyTile(te, t, sc, at)
		}
	case "Span":
		if t.Kind == hir.Span && len(te.Args) == 1 {
			c.unifyArg(te.Args[0], int64(t.Size), sc, at)
		}
	case "Array":
		if t.Kind == hir.Array && len(te.Args) == 1 {
			c.unify(te.Args[0], t.Args[0], sc, at)
		}
	}
}

// unifyArg infers from an argument of a type: a type or a constant.
func (c *checker) unifyArg(te syntax.TypeExpr, v any, sc *scope, at source.Span) {
	if t, ok := v.(*hir.Type); ok {
		c.unify(te, t, sc, at)
		return
	}
	if p, ok := te.(*syntax.PathType); ok && len(p.Parts) == 1 {
		if o, ok := sc.lookup(p.Parts[0].Text).(*constParam); ok && o.val == nil {
			o.val, o.from = v, at
		}
	}
}

func (c *checker) unifyTensor(te *syntax.PathType, t *hir.Type, sc *scope, at source.Span) {
	for i, a := range te.Args {
		list, ok := a.(*syntax.ListType)
		if l := layoutParam(a, sc); l != nil {
			if l.val == nil {
				// What is not known is taken to be the default, and checked at the launch.
				l.val, l.from = max(t.Layout, tile.RowMajor), at
			}
			continue
		}
		if !ok || i > 0 {
			if _, layout := a.(*syntax.RestType); !layout && t.Elem != tile.NoElem {
				c.unify(a, c.types.scalar(t.Elem), sc, at)
			}
			continue
		}
		for j, e := range list.Elems {
			d := unknown
			if !t.AnyDim && len(list.Elems) == len(t.Dims) {
				d = t.Dims[j]
			}
			c.unifyDim(e, d, sc, at)
		}
	}
}

func (c *checker) unifyDim(te syntax.TypeExpr, d hir.Dim, sc *scope, at source.Span) {
	p, ok := te.(*syntax.PathType)
	if !ok || len(p.Parts) != 1 {
		return
	}
	switch o := sc.lookup(p.Parts[0].Text).(type) {
	case *dimParam:
		// The first that is known speaks; unknown ones are compared at the call.
		if !o.bound || o.dim == unknown {
			o.bound, o.dim, o.from = true, d, at
		}
	case *constParam:
		if o.val == nil && isConst(d) {
			o.val, o.from = int64(d.Const), at
		}
	}
}

func (c *checker) unifyTile(te *syntax.PathType, t *hir.Type, sc *scope, at source.Span) {
	i := 0
	for i < len(te.Args) && c.isSide(te.Args[i], sc) {
		if i < len(t.Dims) {
			c.unifyArg(te.Args[i], int64(t.Dims[i].Const), sc, at)
		}
		i++
	}
	if i < len(te.Args) {
		c.unify(te.Args[i], c.types.scalar(t.Elem), sc, at)
	}
}

// classes are the bounds on types that the language itself knows.
var classes = map[string]func(t *hir.Type) bool{
	"Half": func(t *hir.Type) bool {
		return t.Kind == hir.Scalar && (t.Elem == tile.F16 || t.Elem == tile.BF16)
	},
	"Float": func(t *hir.Type) bool {
		return t == float || t.Kind == hir.Scalar && isFloat(t.Elem) && tir.Computes(t.Elem)
	},
	"Factor": func(t *hir.Type) bool { return t.Kind == hir.Scalar && isFloat(t.Elem) },
	"Integer": func(t *hir.Type) bool {
		return t == integer || t.Kind == hir.Scalar && isInt(t.Elem)
	},
	"Number": func(t *hir.Type) bool {
		return t == integer || t == float || t.Kind == hir.Scalar && t.Elem != tile.Bool &&
			tir.Computes(t.Elem)
	},
	"Elem": func(t *hir.Type) bool { return t.Kind == hir.Scalar || t == boolean },
}

func isFloat(e tile.Elem) bool {
	switch e {
	case tile.F16, tile.BF16, tile.TF32, tile.F32, tile.F64, tile.E4M3, tile.E5M2:
		return true
	}
	return false
}

func isInt(e tile.Elem) bool { return e == tile.I8 || e == tile.I32 || e == tile.U8 }

// bounds checks what a binding chose against the bounds of its parameters.
func (c *checker) bounds(bn *binding, at source.Span, fn string) bool {
	ok := true
	for _, p := range bn.types {
		for _, b := range p.bounds {
			if p.typ == nil || bad(p.typ) || c.satisfies(p.typ, b, bn.sc) {
				continue
			}
			ok = false
			name := b.Parts[len(b.Parts)-1].Text
			d := c.errorf(diag.Bound, at, "%s is %s here, which is not %s", p.name, String(p.typ),
				name)
			d.With(p.from, "%s here", String(p.typ)).With(b.Span(), "%s must be %s", p.name, name)
			if set := members(name); set != "" {
				d.Hint("%s is one of %s", name, set)
			} else {
				d.Hint("write impl %s for %s { ... }", name, String(p.typ))
			}
		}
	}
	return ok
}

// members lists the element types of a class.
func members(class string) string {
	in, ok := classes[class]
	if !ok {
		return ""
	}
	var out []string
	for _, n := range tile.ElemNames() {
		e, _ := tile.ParseElem(n)
		if in(&hir.Type{Kind: hir.Scalar, Elem: e}) {
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}

// boundNames reports bounds that do not exist.
func (c *checker) boundNames(fn *fnObj) {
	for _, g := range fn.decl.Generics {
		for _, b := range g.Bounds {
			c.satisfies(invalid, b, fn.in)
		}
	}
}

func (c *checker) satisfies(t *hir.Type, b *syntax.PathType, sc *scope) bool {
	name := b.Parts[len(b.Parts)-1]
	o := c.pathObjectQuiet(b.Parts, sc)
	if tr, ok := o.(*traitObj); ok {
		c.info.use(name.Span(), tr.tool)
		return bad(t) || c.implOf(t, tr) != nil
	}
	if name.Text == "Layout" && o == nil {
		return true
	}
	if in, ok := classes[name.Text]; ok && o == nil {
		return in(t)
	}
	if name.Text != "" && !c.reported[b.Span()] {
		c.reported[b.Span()] = true
		d := c.errorf(diag.UnknownType, b.Span(), "there is no trait %s", name.Text)
		if near := nearest(name.Text, append(c.traitsIn(sc), classNames...)); near != "" {
			d.Hint("did you mean %s?", near).Replace(name.Span(), near, "write "+near)
		}
	}
	return true
}

var classNames = []string{"Elem", "Factor", "Float", "Half", "Integer", "Layout", "Number"}

func (c *checker) traitsIn(sc *scope) (out []string) {
	for _, n := range sc.all() {
		if _, ok := sc.lookup(n).(*traitObj); ok {
			out = append(out, n)
		}
	}
	return out
}
