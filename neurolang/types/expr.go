package types

import (
	"fmt"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// expr infers the type of e; want is what the place would like (nil: anything) and only steers
// literals.
func (c *checker) expr(e syntax.Expr, want Type) Type {
	t := c.infer(e, want)
	c.info.Types[e] = t
	return t
}

func (c *checker) infer(e syntax.Expr, want Type) Type {
	switch e := e.(type) {
	case *syntax.IntLit:
		if want == Float {
			return Float
		}
		return Int
	case *syntax.FloatLit:
		return Float
	case *syntax.StringLit:
		return String
	case *syntax.BoolLit:
		return Bool
	case *syntax.IdentExpr:
		return c.ident(e)
	case *syntax.PathExpr:
		return c.path(e)
	case *syntax.ArrayLit:
		return c.array(e, want)
	case *syntax.UnaryExpr:
		return c.unary(e, want)
	case *syntax.BinaryExpr:
		return c.binary(e, want)
	case *syntax.RangeExpr:
		c.needs(e.Lo, Int, e.Span(), "bounds of a range")
		c.needs(e.Hi, Int, e.Span(), "bounds of a range")
		return Range
	case *syntax.CallExpr:
		return c.call(e)
	case *syntax.FieldExpr:
		return c.field(e)
	case *syntax.IndexExpr:
		return c.index(e)
	}
	return Invalid
}

func (c *checker) ident(e *syntax.IdentExpr) Type {
	if e.Name == "" {
		return Invalid
	}
	switch o := c.scope.Lookup(e.Name).(type) {
	case *Var:
		c.info.Uses[e] = o
		if c.kernel && o.Global {
			c.errorf(diag.KernelBody, e.Span(), "a kernel cannot use the host variable %s", e.Name)
			return Invalid
		}
		return o.Type
	case *Fn:
		c.errorf(diag.NotValue, e.Span(), "%s is a function; call it", e.Name).
			With(o.Place(), "defined here")
		return Invalid
	}
	if _, ok := tile.ParseElem(e.Name); ok {
		return Elem
	}
	if isModule(e.Name) || find(c.functions(), e.Name) != nil {
		c.errorf(diag.NotValue, e.Span(), "%s is not a value", e.Name)
		return Invalid
	}
	c.unknown(e.Span(), e.Name)
	return Invalid
}

func (c *checker) unknown(at source.Span, name string) {
	d := c.errorf(diag.UnknownName, at, "unknown name %s", name)
	if near := nearest(name, c.valueNames()); near != "" {
		d.Hint("did you mean %s?", near)
	}
}

func (c *checker) path(e *syntax.PathExpr) Type {
	if e.Module.Text == "Layout" {
		if _, ok := tile.ParseLayout(e.Name.Text); ok {
			return Layout
		}
	}
	if e.Name.Text == "" {
		return Invalid
	}
	if find(c.functions(), e.Module.Text+"::"+e.Name.Text) != nil {
		c.errorf(diag.NotValue, e.Span(), "%s::%s is a function; call it", e.Module.Text,
			e.Name.Text)
		return Invalid
	}
	c.unknownMember(e)
	return Invalid
}

func (c *checker) unknownMember(e *syntax.PathExpr) {
	names := c.memberNames(e.Module.Text)
	if len(names) == 0 {
		c.unknown(e.Module.Span(), e.Module.Text)
		return
	}
	d := c.errorf(diag.UnknownMember, e.Name.Span(), "%s has no %s", e.Module.Text, e.Name.Text)
	if near := nearest(e.Name.Text, names); near != "" {
		d.Hint("did you mean %s::%s?", e.Module.Text, near)
	} else {
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

func (c *checker) array(e *syntax.ArrayLit, want Type) Type {
	var elem Type
	if a, ok := want.(*Array); ok {
		elem = a.Elem
	}
	if len(e.Elems) == 0 && elem == nil {
		c.errorf(diag.Mismatch, e.Span(), "the element type of an empty array is not known").
			Hint("write its type: let a: Array<int> = [];")
		return Invalid
	}
	for i, x := range e.Elems {
		if elem == nil {
			elem = c.expr(x, nil)
			continue
		}
		why := "the array's first element"
		if i == 0 {
			why = "the array"
		}
		c.needs(x, elem, e.Elems[0].Span(), why+" is "+elem.String())
	}
	if elem == Unit {
		c.errorf(diag.NoUnitValue, e.Elems[0].Span(), "this has no value")
		elem = Invalid
	}
	return &Array{elem}
}

func (c *checker) unary(e *syntax.UnaryExpr, want Type) Type {
	if e.Op == syntax.Not {
		c.needs(e.X, Bool, e.Span(), "! takes a bool")
		return Bool
	}
	t := c.expr(e.X, want)
	if _, ok := t.(*Tile); ok || t == Int || t == Float || bad(t) {
		return t
	}
	c.errorf(diag.BadOperand, e.Span(), "%s cannot be negated", t)
	return Invalid
}

func (c *checker) binary(e *syntax.BinaryExpr, want Type) Type {
	switch e.Op {
	case syntax.AndAnd, syntax.OrOr:
		why := fmt.Sprintf("%s takes two bools", e.Op.Symbol())
		c.needs(e.X, Bool, e.OpPos, why)
		c.needs(e.Y, Bool, e.OpPos, why)
		return Bool
	case syntax.Eq, syntax.Ne, syntax.Lt, syntax.Le, syntax.Gt, syntax.Ge:
		x := c.expr(e.X, nil)
		y := c.expr(e.Y, x)
		x, y = c.balance(e.X, e.Y, x, y)
		return c.compare(e, x, y)
	}
	hint := want
	if want != Float {
		hint = nil
	}
	x := c.expr(e.X, hint)
	if x == Float {
		hint = Float
	}
	y := c.expr(e.Y, hint)
	return c.arith(e.Op, e.OpPos, e.X, e.Y, x, y)
}

// balance turns an integer literal into a float beside a float.
func (c *checker) balance(ex, ey syntax.Expr, x, y Type) (Type, Type) {
	if x == Int && y == Float && c.toFloatLit(ex) {
		x = Float
	}
	if x == Float && y == Int && c.toFloatLit(ey) {
		y = Float
	}
	return x, y
}

func (c *checker) toFloatLit(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.IntLit:
	case *syntax.UnaryExpr:
		if !c.toFloatLit(e.X) {
			return false
		}
	default:
		return false
	}
	c.info.Types[e] = Float
	return true
}

func (c *checker) compare(e *syntax.BinaryExpr, x, y Type) Type {
	if bad(x) || bad(y) {
		return Bool
	}
	ordered := x == Int || x == Float || x == String
	equal := ordered || x == Bool || x == Elem || x == Layout || x == Device
	if x == y && (ordered || equal && (e.Op == syntax.Eq || e.Op == syntax.Ne)) {
		return Bool
	}
	c.operands(e.Op, e.OpPos, e.X, e.Y, x, y)
	return Bool
}

func (c *checker) operands(op syntax.Kind, at source.Span, ex, ey syntax.Expr, x, y Type) {
	d := c.errorf(diag.BadOperand, at, "%s cannot be applied to %s and %s", op.Symbol(), x, y)
	d.With(ex.Span(), "%s", x).With(ey.Span(), "%s", y)
	if x == Int && y == Float || x == Float && y == Int {
		d.Hint("numbers do not convert by themselves: write float(...) or int(...)")
	}
	if x == String || y == String {
		d.Hint("str(...) turns a value into a string")
	}
}

// arith types x op y for + - * / %.
func (c *checker) arith(op syntax.Kind, at source.Span, ex, ey syntax.Expr, x, y Type) Type {
	tx, ok1 := x.(*Tile)
	ty, ok2 := y.(*Tile)
	if ok1 || ok2 {
		return c.tileArith(op, at, ex, ey, x, y, tx, ty)
	}
	if bad(x) || bad(y) {
		return Invalid
	}
	x, y = c.balance(ex, ey, x, y)
	if x == y {
		switch {
		case x == Int, x == Float && op != syntax.Rem, x == String && op == syntax.Add:
			return x
		}
	}
	c.operands(op, at, ex, ey, x, y)
	return Invalid
}

func (c *checker) field(e *syntax.FieldExpr) Type {
	t := c.expr(e.X, nil)
	if bad(t) || e.Name.Text == "" {
		return Invalid
	}
	if _, ok := t.(*Tensor); ok && find(methods, "Tensor."+e.Name.Text) != nil {
		c.errorf(diag.NotValue, e.Span(), "%s is a method; call it", e.Name.Text).
			Hint("write .%s()", e.Name.Text)
		return Invalid
	}
	c.noMember(e, t)
	return Invalid
}

func (c *checker) noMember(e *syntax.FieldExpr, t Type) {
	d := c.errorf(diag.UnknownMember, e.Name.Span(), "%s has no member %s", t, e.Name.Text)
	if _, ok := t.(*Tensor); !ok {
		return
	}
	var names []string
	for _, m := range methods {
		names = append(names, m.Name[len("Tensor."):])
	}
	if near := nearest(e.Name.Text, names); near != "" {
		d.Hint("did you mean %s?", near)
	}
}

func (c *checker) index(e *syntax.IndexExpr) Type {
	t := c.expr(e.X, nil)
	ranges := 0
	for _, i := range e.Indices {
		switch it := c.expr(i, Int); {
		case it == Range:
			ranges++
		case it != Int && !bad(it):
			c.errorf(diag.Mismatch, i.Span(), "an index is an int or a range, not %s", it)
		}
	}
	switch t := t.(type) {
	case *Array:
		if len(e.Indices) == 1 && ranges == 0 {
			return t.Elem
		}
		if len(e.Indices) == 1 {
			return t
		}
		c.errorf(diag.NotIndexable, e.Span(), "an array takes one index, not %d", len(e.Indices))
	case *Tensor:
		rank := len(t.Shape)
		if n := len(e.Indices); n < 1 || n > 2 || rank > 0 && n != rank {
			c.errorf(diag.NotIndexable, e.Span(), "%s does not take %d indices", t, n).
				With(t.At, "made here")
			return Invalid
		}
		return [...]Type{Float, &Array{Float}, &Array{&Array{Float}}}[ranges]
	case *View:
		c.errorf(diag.NotIndexable, e.X.Span(), "a view is for kernels; index the tensor itself")
	default:
		if !bad(t) {
			c.errorf(diag.NotIndexable, e.X.Span(), "%s cannot be indexed", t)
		}
	}
	return Invalid
}
