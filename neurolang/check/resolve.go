package check

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// maxSide bounds a tile's dimension and its number of elements, so that nothing overflows.
const maxSide = 1 << 20

// typ resolves a written type; invalid after an error. kernel: int and float are scalars there.
func (c *checker) typ(te syntax.TypeExpr, sc *scope, kernel bool) *hir.Type {
	switch te := te.(type) {
	case *syntax.PathType:
		return c.pathType(te, sc, kernel)
	case *syntax.RefType:
		to := c.typ(te.Elem, sc, kernel)
		kind := hir.Shared
		if te.Mut {
			kind = hir.Exclusive
		} else if te.Atomic {
			kind = hir.AtomicRef
		}
		if bad(to) {
			return invalid
		}
		return c.types.ref(to, kind)
	case *syntax.TupleType:
		var parts []*hir.Type
		for _, e := range te.Elems {
			parts = append(parts, c.typ(e, sc, kernel))
		}
		if slices.ContainsFunc(parts, bad) {
			return invalid
		}
		return c.types.tuple(parts...)
	case *syntax.ListType:
		if len(te.Elems) != 1 {
			c.errorf(diag.UnknownType, te.Span(), "an array type has one element type: [T]")
			return invalid
		}
		return c.arrayOf(c.typ(te.Elems[0], sc, kernel))
	case *syntax.FuncType:
		var parts []*hir.Type
		for _, e := range te.Params {
			parts = append(parts, c.typ(e, sc, kernel))
		}
		result := unit
		if te.Result != nil {
			result = c.typ(te.Result, sc, kernel)
		}
		if bad(result) || slices.ContainsFunc(parts, bad) {
			return invalid
		}
		return c.types.function(parts, result)
	case *syntax.ConstType:
		c.errorf(diag.UnknownType, te.Span(), "a type is needed here, this is a number")
	case *syntax.RestType:
		c.errorf(diag.UnknownType, te.Span(), "`..` stands for dimensions, not for a type")
	}
	return invalid
}

func (c *checker) arrayOf(elem *hir.Type) *hir.Type {
	if bad(elem) {
		return invalid
	}
	return c.types.array(elem)
}

// hostType is typ for values of the host, which has no tiles and no element types as numbers.
func (c *checker) hostType(te syntax.TypeExpr, sc *scope) *hir.Type {
	return c.onHost(c.typ(te, sc, false), te)
}

// onHost refuses types of kernels.
func (c *checker) onHost(t *hir.Type, te syntax.TypeExpr) *hir.Type {
	if k := kernelOnly(t); k != nil {
		d := c.errorf(diag.UnknownType, te.Span(), "unknown type %s here: host values are no tiles",
			String(t))
		if t.Kind == hir.Struct {
			return c.kernelStruct(d, t)
		}
		switch {
		case k.Kind != hir.Scalar:
			d.Hint("tiles live in functions with the attribute @kernel")
		case k.Elem == tile.F32 || k.Elem == tile.F64:
			d.Hint("the host's type is float").Replace(te.Span(), "float", "write float")
		default:
			d.Hint("the host's numbers are int and float; element types stand in Tensor<...>")
		}
		return invalid
	}
	return t
}

// valueType is the type of a value here: on the host or in a kernel.
func (b *body) valueType(te syntax.TypeExpr) *hir.Type {
	if b.kernel {
		return b.typ(te, b.scope, true)
	}
	return b.hostType(te, b.scope)
}

// kernelStruct says which field makes a struct one of kernels.
func (c *checker) kernelStruct(d *diag.Diagnostic, t *hir.Type) *hir.Type {
	for i, f := range t.Def.Fields {
		if k := kernelOnly(f.Type); k != nil {
			field := c.defArgs(t).def.strct.Fields[i]
			d.With(field.Name.Span(), "a %s lives in kernels only", String(k))
			if k.Kind == hir.Scalar && isFloat(k.Elem) {
				d.Hint("the host's type is float").
					Replace(field.Type.Span(), "float", "write float")
			} else if k.Kind == hir.Scalar {
				d.Hint("the host's numbers are int and float")
			}
			break
		}
	}
	return invalid
}

// kernelOnly finds a part of a type that exists in kernels only.
func kernelOnly(t *hir.Type) *hir.Type {
	switch t.Kind {
	case hir.Scalar, hir.Tile, hir.Span:
		return t
	case hir.Ref, hir.Tuple, hir.Array, hir.Func:
		for _, a := range t.Args {
			if k := kernelOnly(a); k != nil {
				return k
			}
		}
	case hir.Struct:
		return tilesIn(t)
	}
	return nil
}

// tilesIn is kernelOnly for what a struct holds by value.
func tilesIn(t *hir.Type) *hir.Type {
	parts := t.Args
	switch t.Kind {
	case hir.Scalar, hir.Tile, hir.Span:
		return t
	case hir.Struct:
		for _, f := range t.Def.Fields {
			parts = append(parts, f.Type)
		}
	case hir.Tuple:
	default:
		return nil
	}
	for _, p := range parts {
		if k := tilesIn(p); k != nil {
			return k
		}
	}
	return nil
}

var simpleTypes = map[string]*hir.Type{
	"int": integer, "i64": integer, "float": float, "bool": boolean, "string": text,
	"Range": ranges, "Device": device,
}

// typeNames lists what may stand as a type.
var typeNames = append([]string{"Tile", "Tensor", "Array", "Device", "Range", "Span", "int",
	"float", "bool", "string"}, tile.ElemNames()...)

func (c *checker) pathType(te *syntax.PathType, sc *scope, kernel bool) *hir.Type {
	if len(te.Parts) > 1 {
		o := c.pathObject(te.Parts, sc)
		if o == nil {
			return invalid
		}
		return c.objectType(o, te, sc, kernel)
	}
	name := te.Parts[0].Text
	if name == "" {
		return invalid
	}
	if o := sc.lookup(name); o != nil {
		c.info.use(te.Parts[0].Span(), tool(o))
		return c.objectType(o, te, sc, kernel)
	}
	switch name {
	case "Tensor":
		return c.tensorType(te, sc)
	case "Tile":
		return c.tileType(te, sc)
	case "Span":
		if n, ok := c.typeArgInt(te, sc, "Span takes its length: Span<64>"); ok {
			return c.types.span(n)
		}
		return invalid
	case "Array":
		if len(te.Args) != 1 {
			c.typeArgs(te, "Array takes an element type: Array<int>")
			return invalid
		}
		return c.arrayOf(c.typ(te.Args[0], sc, kernel))
	}
	if e, ok := tile.ParseElem(name); ok && name != "bool" || ok && kernel {
		c.noArgs(te)
		return c.types.scalar(e)
	}
	if t, ok := simpleTypes[name]; ok {
		c.noArgs(te)
		switch {
		case kernel && t == integer:
			return c.types.scalar(tile.I32)
		case kernel && t == float:
			return c.types.scalar(tile.F32)
		}
		return t
	}
	c.unknownType(te.Parts[0], sc)
	return invalid
}

func (c *checker) unknownType(n *syntax.Name, sc *scope) {
	if c.lost[c.set.File(n.Span().Pos)] {
		return
	}
	d := c.errorf(diag.UnknownType, n.Span(), "unknown type %s", n.Text)
	if help := typeHelp[n.Text]; help != "" {
		d.Hint("%s", help)
		return
	}
	near := typeWords[n.Text]
	if near != "" {
		d.Hint("write %s", near).Replace(n.Span(), near, "write "+near)
	} else if near = nearest(n.Text, append(c.typesIn(sc), typeNames...)); near != "" {
		d.Hint("did you mean %s?", near).Replace(n.Span(), near, "write "+near)
	}
}

// typesIn lists the types of a scope.
func (c *checker) typesIn(sc *scope) (out []string) {
	for _, n := range sc.all() {
		switch sc.lookup(n).(type) {
		case *defObj, *aliasObj, *typeParam:
			out = append(out, n)
		}
	}
	return out
}

func (c *checker) typeArgs(te *syntax.PathType, format string, a ...any) *diag.Diagnostic {
	return c.errorf(diag.TypeArgs, te.Span(), format, a...)
}

func (c *checker) noArgs(te *syntax.PathType) {
	if len(te.Args) > 0 {
		c.typeArgs(te, "%s takes no arguments", te.Parts[0].Text)
	}
}

// typeArgInt evaluates the one constant argument of a type.
func (c *checker) typeArgInt(te *syntax.PathType, sc *scope, usage string) (int, bool) {
	if len(te.Args) != 1 {
		c.typeArgs(te, "%s", usage)
		return 0, false
	}
	return c.side(te.Args[0], sc)
}

// objectType is the type that an object of the program stands for.
func (c *checker) objectType(o any, te *syntax.PathType, sc *scope, kernel bool) *hir.Type {
	switch o := o.(type) {
	case *typeParam:
		if o.typ == nil {
			c.unbound = true
			return invalid
		}
		c.noArgs(te)
		return o.typ
	case *defObj:
		return c.defType(o, te, sc, kernel)
	case *aliasObj:
		return c.alias(o, te, sc, kernel)
	case *traitObj:
		c.errorf(diag.UnknownType, te.Span(), "%s is a trait, not a type", o.decl.Name.Text).
			Hint("take a type parameter instead: <T: %s>", o.decl.Name.Text)
		return invalid
	}
	at, _ := c.place(o)
	c.errorf(diag.UnknownType, te.Span(), "%s is no type", te.Parts[len(te.Parts)-1].Text).
		With(at, "defined here")
	return invalid
}

func (c *checker) alias(o *aliasObj, te *syntax.PathType, sc *scope, kernel bool) *hir.Type {
	if o.broken {
		return invalid
	}
	if o.busy {
		o.broken = true
		c.errorf(diag.Recursive, o.decl.Name.Span(), "%s is defined by itself", o.decl.Name.Text)
		return invalid
	}
	inner, _, ok := c.bindArgs(o.decl.Generics, te, sc, o.in, kernel)
	if !ok {
		return invalid
	}
	o.busy = true
	defer func() { o.busy = false }()
	return c.typ(o.decl.Type, inner, kernel)
}

// bindArgs binds the parameters of a struct, enum or alias to the arguments of a type.
func (c *checker) bindArgs(gs []*syntax.Generic, te *syntax.PathType, sc, in *scope,
	kernel bool) (*scope, []any, bool) {
	name := te.Parts[len(te.Parts)-1].Text
	inner := newScope(in)
	var args []any
	if len(te.Args) > len(gs) {
		c.typeArgs(te, "%s takes %s, not %d", name, count(len(gs), "argument"), len(te.Args))
		return nil, nil, false
	}
	for i, g := range gs {
		if i >= len(te.Args) && (!g.Const || g.Default == nil) {
			c.typeArgs(te, "%s takes %s, not %d", name, count(len(gs), "argument"), len(te.Args))
			return nil, nil, false
		}
		if !g.Const {
			t := c.typ(te.Args[i], sc, kernel)
			if bad(t) {
				return nil, nil, false
			}
			inner.put(g.Name.Text, &typeParam{name: g.Name.Text, typ: t, at: g.Name.Span()})
			args = append(args, t)
			continue
		}
		var v any
		var ok bool
		if i < len(te.Args) {
			v, ok = c.constArg(te.Args[i], sc)
		} else {
			v, ok = c.constOf(g.Default, inner)
		}
		if !ok {
			return nil, nil, false
		}
		inner.put(g.Name.Text, &constParam{name: g.Name.Text, val: v, at: g.Name.Span()})
		args = append(args, v)
	}
	return inner, args, true
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// elemArg resolves an element type.
func (c *checker) elemArg(te syntax.TypeExpr, sc *scope) (tile.Elem, bool) {
	p, ok := te.(*syntax.PathType)
	if ok && len(p.Parts) == 1 && len(p.Args) == 0 {
		switch o := sc.lookup(p.Parts[0].Text).(type) {
		case nil:
			if e, ok := tile.ParseElem(p.Parts[0].Text); ok {
				return e, true
			}
		case *typeParam:
			if o.typ == nil {
				c.unbound = true
				return 0, false
			}
			c.info.use(p.Parts[0].Span(), o.object(c))
			switch {
			case o.typ.Kind == hir.Scalar:
				return o.typ.Elem, true
			case o.typ == boolean:
				return tile.Bool, true
			case bad(o.typ):
				return tile.NoElem, true
			}
			d := c.errorf(diag.TypeArgs, te.Span(), "%s is %s, not an element type", o.name,
				String(o.typ))
			d.With(o.from, "%s here", String(o.typ))
			return 0, false
		case *aliasObj:
			if t := c.typ(te, sc, false); t.Kind == hir.Scalar {
				return t.Elem, true
			}
		}
	}
	if _, silent := te.(*syntax.BadType); silent {
		return 0, false
	}
	d := c.errorf(diag.TypeArgs, te.Span(), "this is not an element type")
	if ok {
		if near := nearest(p.Parts[0].Text, tile.ElemNames()); near != "" {
			d.Hint("did you mean %s?", near).Replace(te.Span(), near, "write "+near)
			return 0, false
		}
	}
	d.Hint("the element types are %s", strings.Join(tile.ElemNames(), ", "))
	return 0, false
}

// layoutArg resolves Layout::Name; isLayout tells that it was meant as one.
func (c *checker) layoutArg(te syntax.TypeExpr) (l tile.Layout, isLayout, ok bool) {
	p, is := te.(*syntax.PathType)
	if !is || len(p.Parts) != 2 || p.Parts[0].Text != "Layout" {
		return 0, false, false
	}
	l, ok = tile.ParseLayout(p.Parts[1].Text)
	if !ok && p.Parts[1].Text != "" {
		c.errorf(diag.TypeArgs, te.Span(), "this is not a layout").
			Hint("the layouts are Layout::RowMajor and Layout::ColMajor")
	}
	return l, true, ok
}

func (c *checker) tensorType(te *syntax.PathType, sc *scope) *hir.Type {
	t := hir.Type{Kind: hir.Tensor, AnyDim: true}
	seenElem := false
	for i, a := range te.Args {
		if list, ok := a.(*syntax.ListType); ok && i == 0 {
			dims, any, ok := c.dims(list, sc)
			if !ok {
				return invalid
			}
			t.Dims, t.AnyDim = dims, any
			continue
		}
		if _, ok := a.(*syntax.RestType); ok {
			continue // Tensor<..>: of whatever kind
		}
		if p := layoutParam(a, sc); p != nil {
			c.info.use(a.Span(), p.object(c))
			if l, ok := p.val.(tile.Layout); ok {
				t.Layout = l
			}
			continue
		}
		if l, is, ok := c.layoutArg(a); is {
			if !ok {
				return invalid
			}
			t.Layout = l
			continue
		}
		if seenElem {
			c.typeArgs(te, "Tensor takes dimensions, an element type and a layout").
				Hint("write for example Tensor<[M, K], f16, Layout::RowMajor>")
			return invalid
		}
		e, ok := c.elemArg(a, sc)
		if !ok {
			return invalid
		}
		t.Elem, seenElem = e, true
	}
	if te.On != nil {
		t.Device = c.deviceOf(te.On, sc)
	}
	return c.types.of(t)
}

// deviceOf is the capability that a binding of a device names.
func (c *checker) deviceOf(n *syntax.Name, sc *scope) string {
	switch o := sc.lookup(n.Text).(type) {
	case *local:
		c.info.use(n.Span(), o.tool)
		if o.v.Type == device {
			return o.v.Name
		}
		c.errorf(diag.Mismatch, n.Span(), "Device is needed here, this is %s", String(o.v.Type)).
			With(o.v.At, "bound here")
	default:
		c.unknown(n, sc)
	}
	return ""
}

// dims resolves the dimensions of a tensor; any: their number is not known.
func (c *checker) dims(list *syntax.ListType, sc *scope) (out []hir.Dim, any, ok bool) {
	ok = true
	for _, e := range list.Elems {
		if _, rest := e.(*syntax.RestType); rest {
			any = true
			continue
		}
		d, good := c.dim(e, sc)
		ok = ok && good
		out = append(out, d)
	}
	if any {
		out = nil
	}
	return out, any, ok
}

func (c *checker) dim(e syntax.TypeExpr, sc *scope) (hir.Dim, bool) {
	if p, ok := e.(*syntax.PathType); ok && len(p.Parts) == 1 && len(p.Args) == 0 {
		name := p.Parts[0].Text
		if name == "_" {
			return unknown, true
		}
		switch o := sc.lookup(name).(type) {
		case *dimParam:
			c.info.use(p.Parts[0].Span(), o.object(c))
			if o.bound {
				return o.dim, true
			}
			return symbol(o.name), true
		case nil:
			c.unknown(p.Parts[0], sc)
			return unknown, false
		}
	}
	v, ok := c.constArg(e, sc)
	if !ok {
		return unknown, false
	}
	n, isInt := v.(int64)
	if !isInt || n < 1 || n > math.MaxInt32 {
		c.errorf(diag.TypeArgs, e.Span(), "a dimension is a number from 1 to 2147483647")
		return unknown, false
	}
	return hir.Dim{Const: int(n)}, true
}

// side resolves a tile's dimension.
func (c *checker) side(e syntax.TypeExpr, sc *scope) (int, bool) {
	v, ok := c.constArg(e, sc)
	if !ok {
		return 0, false
	}
	if n, is := v.(int64); is && n >= 1 && n <= maxSide {
		return int(n), true
	}
	c.errorf(diag.TypeArgs, e.Span(), "a dimension of a tile is a number from 1 to %d", maxSide)
	return 0, false
}

func (c *checker) tileType(te *syntax.PathType, sc *scope) *hir.Type {
	t := hir.Type{Kind: hir.Tile, Layout: tile.RowMajor}
	args := te.Args
	for len(args) > 0 && c.isSide(args[0], sc) {
		n, ok := c.side(args[0], sc)
		if !ok {
			return invalid
		}
		t.Dims = append(t.Dims, hir.Dim{Const: n})
		args = args[1:]
	}
	if len(args) == 0 || len(args) > 3 {
		c.typeArgs(te, "Tile takes its dimensions and an element type").
			Hint("write for example Tile<128, 64, f16>")
		return invalid
	}
	var ok bool
	if t.Elem, ok = c.elemArg(args[0], sc); !ok {
		return invalid
	}
	for _, a := range args[1:] {
		if l, is, ok := c.layoutArg(a); is {
			if !ok {
				return invalid
			}
			t.Layout = l
			continue
		}
		p, is := a.(*syntax.PathType)
		switch {
		case is && len(p.Parts) == 2 && p.Parts[0].Text == "Space" && p.Parts[1].Text == "Shared":
			t.Space = tile.Shared
		case is && len(p.Parts) == 2 && p.Parts[0].Text == "Space" &&
			p.Parts[1].Text == "Registers":
		default:
			c.errorf(diag.TypeArgs, a.Span(), "this is not a layout and not a space").
				Hint("write Layout::RowMajor, Layout::ColMajor, Space::Registers or Space::Shared")
			return invalid
		}
	}
	if len(t.Dims) == 0 {
		return c.types.scalar(t.Elem)
	}
	if !c.sizeFits(sides(&t)) {
		c.errorf(diag.TypeArgs, te.Span(), "a tile of more than %d elements", maxSide)
		return invalid
	}
	return c.types.of(t)
}

func (c *checker) sizeFits(dims []int) bool {
	n := 1
	for _, d := range dims {
		if d < 1 || d > maxSide || n > maxSide/d {
			return false
		}
		n *= d
	}
	return true
}

// isSide tells a dimension from an element type among a tile's arguments.
func (c *checker) isSide(te syntax.TypeExpr, sc *scope) bool {
	switch te := te.(type) {
	case *syntax.ConstType:
		return true
	case *syntax.PathType:
		if len(te.Parts) != 1 || len(te.Args) > 0 {
			return false
		}
		switch sc.lookup(te.Parts[0].Text).(type) {
		case *constParam, *constObj, *dimParam, *local:
			return true
		}
	}
	return false
}

// constArg evaluates a constant that stands as an argument of a type.
func (c *checker) constArg(te syntax.TypeExpr, sc *scope) (any, bool) {
	switch te := te.(type) {
	case *syntax.ConstType:
		return c.constOf(te.X, sc)
	case *syntax.PathType:
		if len(te.Args) == 0 {
			return c.constOf(syntax.NewPath(te.Parts), sc)
		}
	case *syntax.BadType:
		return nil, false
	}
	c.errorf(diag.NotConst, te.Span(), "a constant is needed here, this is a type")
	return nil, false
}

// constOf evaluates an expression that the compiler must know.
func (c *checker) constOf(e syntax.Expr, sc *scope) (any, bool) {
	b := &body{checker: c, scope: newScope(sc), constant: true}
	x := b.expr(e, nil)
	if bad(x.Type()) {
		return nil, false
	}
	if v, ok := b.known(x); ok {
		return v, true
	}
	c.notConst(e.Span(), x)
	return nil, false
}

func (c *checker) notConst(at source.Span, x hir.Expr) *diag.Diagnostic {
	if bad(x.Type()) {
		return &diag.Diagnostic{}
	}
	d := c.errorf(diag.NotConst, at, "the compiler must know this value")
	d.Label("known at run time only")
	if l, ok := x.(*hir.Local); ok && l.Var.Mutable {
		d.With(l.Var.At, "a variable that may change")
	}
	return d.Hint("use a number, a const, or a const parameter")
}

// object makes the tool's object of a parameter.
func (p *typeParam) object(c *checker) *Object {
	return c.info.define(Object{Kind: "type", Name: p.name, At: p.at, Detail: "type parameter"})
}

func (p *constParam) object(c *checker) *Object {
	return c.info.define(Object{Kind: "param", Name: p.name, At: p.at, Detail: "const " + p.name})
}

func (p *dimParam) object(c *checker) *Object {
	return c.info.define(Object{Kind: "dim", Name: p.name, At: p.at, Detail: "dimension " + p.name})
}
