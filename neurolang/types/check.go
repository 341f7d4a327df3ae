package types

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// Env is what a file is checked against: names from outside and builtins of the host. Check adds
// the file's functions, and the variables of top-level statements, to Scope.
type Env struct {
	Scope    *Scope
	Builtins []*Builtin
	Replace  bool // names of Scope may be defined again (a session)
}

type checker struct {
	errs   *diag.List
	env    *Env
	info   *Info
	scope  *Scope
	fn     *Fn // nil at top level
	loops  int
	kernel bool
}

// Check checks a file. Whatever it reports, Info is safe to read.
func Check(f *syntax.File, env *Env, errs *diag.List) *Info {
	c := &checker{errs: errs, env: env, scope: env.Scope, info: &Info{
		Types: map[syntax.Expr]Type{}, Uses: map[*syntax.IdentExpr]Object{},
		Defs: map[*syntax.Name]*Var{}, Calls: map[*syntax.CallExpr]*Call{}}}
	fresh := map[string]bool{}
	for _, d := range f.Fns {
		c.declare(d, fresh)
	}
	for _, fn := range c.info.Fns {
		c.body(fn)
	}
	for _, s := range f.Stmts {
		c.stmt(s)
	}
	return c.info
}

func (c *checker) functions() []*Builtin {
	return append(functions[:len(functions):len(functions)], c.env.Builtins...)
}

func (c *checker) errorf(code diag.Code, at source.Span, format string, a ...any) *diag.Diagnostic {
	return c.errs.Errorf(code, at, format, a...)
}

// declare resolves a function's signature.
func (c *checker) declare(d *syntax.FnDecl, fresh map[string]bool) {
	fn := &Fn{Name: d.Name.Text, Decl: d, Result: Unit}
	for _, a := range d.Attrs {
		switch {
		case a.Text == "kernel":
			fn.Kernel = true
		case a.Text != "":
			c.errorf(diag.UnknownAttr, a.Span(), "unknown attribute @%s", a.Text).
				Hint("the attribute is @kernel")
		}
	}
	names := map[string]source.Span{}
	for _, p := range d.Params {
		v := &Var{Name: p.Name.Text, Type: c.resolve(p.Type), Param: true, At: p.Name.Span()}
		if old, ok := names[v.Name]; ok && v.Name != "" {
			c.errorf(diag.Redeclared, v.At, "parameter %s is declared twice", v.Name).
				With(old, "first here")
		}
		names[v.Name] = v.At
		c.info.Defs[p.Name] = v
		fn.Params = append(fn.Params, v)
		if _, ok := v.Type.(*Tile); fn.Kernel && !ok && !bad(v.Type) {
			c.errorf(diag.KernelType, p.Type.Span(), "a kernel takes tiles, not %s", v.Type).
				Hint("write for example %s: Tile<128, 128, f16>", v.Name)
		}
	}
	if d.Result != nil {
		fn.Result = c.resolve(d.Result)
	}
	if _, ok := fn.Result.(*Tile); fn.Kernel && !ok && !bad(fn.Result) && !d.Bad {
		c.errorf(diag.KernelType, d.Name.Span(), "a kernel returns a tile, not %s", fn.Result).
			Hint("declare the result, for example -> Tile<128, 128, f32>")
	}
	c.checkMain(fn)
	c.info.Fns = append(c.info.Fns, fn)
	if fn.Name == "" {
		return
	}
	if old := c.scope.names[fn.Name]; old != nil && (fresh[fn.Name] || !c.env.Replace) {
		c.errorf(diag.Redeclared, d.Name.Span(), "%s is defined twice", fn.Name).
			With(old.Place(), "first here")
	}
	fresh[fn.Name] = true
	c.scope.Put(fn.Name, fn)
}

func (c *checker) checkMain(fn *Fn) {
	if fn.Name != "main" {
		return
	}
	if fn.Kernel || len(fn.Params) > 0 || fn.Result != Unit && !bad(fn.Result) {
		c.errorf(diag.MainShape, fn.Place(), "main takes no parameters and returns nothing").
			Hint("write fn main() { ... }")
	}
}

func (c *checker) body(fn *Fn) {
	c.fn, c.kernel = fn, fn.Kernel
	defer func(s *Scope) { c.fn, c.kernel, c.scope = nil, false, s }(c.scope)
	c.scope = NewScope(c.scope)
	for _, p := range fn.Params {
		c.scope.Put(p.Name, p)
	}
	done := false
	for i, s := range fn.Decl.Body.Stmts {
		if tail, ok := s.(*syntax.ExprStmt); ok && tail.Tail && i == len(fn.Decl.Body.Stmts)-1 &&
			fn.Result != Unit {
			c.returnValue(tail.X, tail.Span())
			done = true
			continue
		}
		done = c.stmt(s) || done
	}
	if !done && fn.Result != Unit && !bad(fn.Result) && !fn.Decl.Bad {
		end := fn.Decl.Body.Span()
		end.Pos = max(end.Pos, end.End-1)
		d := c.errorf(diag.MissingReturn, end, "%s can end without a value", fn.Name)
		d.Label("no return before this")
		d.With(fn.Decl.Result.Span(), "promised here")
	}
}

// resolve turns a written type into a type.
func (c *checker) resolve(t syntax.TypeExpr) Type {
	n, ok := t.(*syntax.NamedType)
	if !ok {
		if _, silent := t.(*syntax.BadType); !silent {
			c.errorf(diag.UnknownType, t.Span(), "this is not a type")
		}
		return Invalid
	}
	name := n.Name.Text
	if b, ok := basicNames[name]; ok {
		if len(n.Args) > 0 {
			c.errorf(diag.TypeArgs, n.Span(), "%s takes no arguments", name)
		}
		return b
	}
	switch name {
	case "":
		return Invalid
	case "Tile":
		return c.resolveTile(n)
	case "Tensor":
		return c.resolveTensor(n)
	case "View":
		return &View{&Tensor{}}
	case "Array":
		if len(n.Args) != 1 {
			c.errorf(diag.TypeArgs, n.Span(), "Array takes one argument, the element's type")
			return Invalid
		}
		return &Array{c.resolve(n.Args[0])}
	}
	d := c.errorf(diag.UnknownType, n.Name.Span(), "unknown type %s", name)
	if _, ok := tile.ParseElem(name); ok {
		d.Hint("%s is an element type of tiles and tensors; host numbers are int and float", name)
	} else if near := nearest(name, typeNames); near != "" {
		d.Hint("did you mean %s?", near)
	}
	return Invalid
}

func (c *checker) resolveTile(n *syntax.NamedType) Type {
	if len(n.Args) < 3 || len(n.Args) > 4 {
		c.errorf(diag.TypeArgs, n.Span(), "Tile takes rows, columns, element type and a layout, "+
			"not %d arguments", len(n.Args)).Hint("write Tile<128, 128, f16, Layout::RowMajor>")
		return Invalid
	}
	t := &Tile{}
	t.Rows, t.Dims[0] = c.dim(n.Args[0])
	t.Cols, t.Dims[1] = c.dim(n.Args[1])
	t.Elem, t.ElemAt = c.elemArg(n.Args[2])
	t.Layout, t.LayoutAt = tile.RowMajor, n.Span()
	if len(n.Args) == 4 {
		t.Layout, t.LayoutAt = c.layoutArg(n.Args[3])
	}
	if t.Rows == 0 || t.Cols == 0 || t.Elem == 0 || t.Layout == 0 {
		return Invalid
	}
	return t
}

// maxDim bounds a tile's side; far above what any target can hold, it only keeps products small.
const maxDim = 1 << 16

func (c *checker) dim(a syntax.TypeExpr) (int, source.Span) {
	d, ok := a.(*syntax.DimType)
	if _, silent := a.(*syntax.BadType); silent {
		return 0, a.Span()
	}
	if !ok || d.Value < 1 || d.Value > maxDim {
		c.errorf(diag.TypeArgs, a.Span(), "a dimension is an integer from 1 to %d", maxDim)
		return 0, a.Span()
	}
	return int(d.Value), a.Span()
}

func (c *checker) elemArg(a syntax.TypeExpr) (tile.Elem, source.Span) {
	n, ok := a.(*syntax.NamedType)
	if _, silent := a.(*syntax.BadType); silent {
		return 0, a.Span()
	}
	if ok && len(n.Args) == 0 {
		if e, ok := tile.ParseElem(n.Name.Text); ok {
			return e, a.Span()
		}
	}
	d := c.errorf(diag.TypeArgs, a.Span(), "this is not an element type")
	if ok {
		if near := nearest(n.Name.Text, tile.ElemNames()); near != "" {
			d.Hint("did you mean %s?", near)
		}
	}
	return 0, a.Span()
}

func (c *checker) layoutArg(a syntax.TypeExpr) (tile.Layout, source.Span) {
	if _, silent := a.(*syntax.BadType); silent {
		return 0, a.Span()
	}
	if p, ok := a.(*syntax.PathType); ok && p.Module.Text == "Layout" {
		if l, ok := tile.ParseLayout(p.Name.Text); ok {
			return l, a.Span()
		}
	}
	c.errorf(diag.TypeArgs, a.Span(), "this is not a layout").
		Hint("the layouts are Layout::RowMajor and Layout::ColMajor")
	return 0, a.Span()
}

func (c *checker) resolveTensor(n *syntax.NamedType) Type {
	t := &Tensor{At: n.Span()}
	if len(n.Args) > 2 {
		c.errorf(diag.TypeArgs, n.Span(), "Tensor takes an element type and a layout at most")
		return Invalid
	}
	if len(n.Args) > 0 {
		t.Elem, _ = c.elemArg(n.Args[0])
	}
	if len(n.Args) > 1 {
		t.Layout, _ = c.layoutArg(n.Args[1])
	}
	return t
}
