package types

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// tileMismatch says in what two tile types differ and points at where each was written.
func (c *checker) tileMismatch(at source.Span, want, got *Tile) {
	w := [2]int{want.Rows, want.Cols}
	g := [2]int{got.Rows, got.Cols}
	for i, ord := range []string{"1st", "2nd"} {
		if w[i] != g[i] {
			d := c.errorf(diag.TileShapes, at, "tiles of different shapes: %dx%d and %dx%d",
				want.Rows, want.Cols, got.Rows, got.Cols)
			d.With(want.Dims[i], "%s dimension is %d here", ord, w[i])
			d.With(got.Dims[i], "%s dimension is %d here", ord, g[i])
			return
		}
	}
	if want.Elem != got.Elem {
		c.errorf(diag.TileElems, at, "tiles of different element types: %s and %s", want.Elem,
			got.Elem).
			With(want.ElemAt, "%s here", want.Elem).With(got.ElemAt, "%s here", got.Elem).
			Hint("convert one: cast(..., %s)", want.Elem)
		return
	}
	c.errorf(diag.TileLayouts, at, "tiles of different layouts: %s and %s", want.Layout,
		got.Layout).
		With(want.LayoutAt, "%s here", want.Layout).With(got.LayoutAt, "%s here", got.Layout)
}

// tileArith types elementwise arithmetic; one side may be a number.
func (c *checker) tileArith(op syntax.Kind, at source.Span, ex, ey syntax.Expr, x, y Type,
	tx, ty *Tile) Type {
	if op == syntax.Rem || op == syntax.Div {
		c.errorf(diag.BadOperand, at, "tiles have no %s", op.Symbol()).
			Hint("multiply by the inverse instead")
		return Invalid
	}
	switch {
	case bad(x) || bad(y):
		return Invalid
	case tx != nil && ty != nil:
		if tx.Rows != ty.Rows || tx.Cols != ty.Cols || tx.Elem != ty.Elem {
			c.tileMismatch(at, tx, ty)
			return Invalid
		}
		return tx
	case tx != nil && (y == Int || y == Float):
		return tx
	case ty != nil && (x == Int || x == Float):
		return ty
	}
	c.operands(op, at, ex, ey, x, y)
	return Invalid
}

func (c *checker) dotResult(e *syntax.CallExpr, r *Call) Type {
	a, ok := c.tileArg(r, 0, "dot")
	b, ok2 := c.tileArg(r, 1, "dot")
	if !ok || !ok2 {
		return Invalid
	}
	na, nb := argName(r.Args[0], "the left tile"), argName(r.Args[1], "the right tile")
	if a.Cols != b.Rows {
		d := c.errorf(diag.DotInner, e.Span(), "%s's 2nd dimension is %d, %s's 1st is %d", na,
			a.Cols,
			nb, b.Rows)
		d.Label("dot runs over both")
		d.With(a.Dims[1], "%d here", a.Cols).With(b.Dims[0], "%d here", b.Rows)
		return Invalid
	}
	if a.Elem != b.Elem {
		c.errorf(diag.TileElems, e.Span(), "%s has elements of %s, %s of %s", na, a.Elem, nb,
			b.Elem).
			With(a.ElemAt, "%s here", a.Elem).With(b.ElemAt, "%s here", b.Elem)
		return Invalid
	}
	if a.Elem == tile.F32 {
		c.errorf(diag.DotElems, e.Span(), "Tensor Cores do not multiply f32").
			With(a.ElemAt,
				"f32 here").Hint("use tf32: the same 32 bits, multiplied with 10 fraction bits")
		return Invalid
	}
	return &Tile{tile.Type{Rows: a.Rows, Cols: b.Cols, Elem: tile.F32, Layout: tile.RowMajor},
		[2]source.Span{a.Dims[0], b.Dims[1]}, e.Span(), e.Span()}
}

func argName(e syntax.Expr, other string) string {
	if id, ok := e.(*syntax.IdentExpr); ok {
		return id.Name
	}
	return other
}

func (c *checker) tileArg(r *Call, i int, fn string) (*Tile, bool) {
	t := c.info.TypeOf(r.Args[i])
	tt, ok := t.(*Tile)
	if !ok && !bad(t) {
		c.errorf(diag.Mismatch, r.Args[i].Span(), "%s takes tiles, this is %s", fn, t)
	}
	return tt, ok
}

func (c *checker) tileResult(_ *syntax.CallExpr, r *Call) Type {
	if t, ok := c.tileArg(r, 0, r.Builtin.Name); ok {
		return t
	}
	return Invalid
}

func (c *checker) castResult(e *syntax.CallExpr, r *Call) Type {
	t, ok := c.tileArg(r, 0, "cast")
	if !ok {
		return Invalid
	}
	id, ok := r.Args[1].(*syntax.IdentExpr)
	if !ok {
		return Invalid
	}
	out := *t
	out.Elem, _ = tile.ParseElem(id.Name)
	out.ElemAt = id.Span()
	return &out
}

// numberResult types max, min and abs over ints, floats and, in kernels, tiles.
func (c *checker) numberResult(e *syntax.CallExpr, r *Call) Type {
	x := c.info.TypeOf(r.Args[0])
	y := x
	if len(r.Args) > 1 {
		y = c.info.TypeOf(r.Args[1])
	}
	tx, ok1 := x.(*Tile)
	ty, ok2 := y.(*Tile)
	if ok1 || ok2 {
		return c.tileArith(syntax.Add, e.Fn.Span(), r.Args[0], r.Args[len(r.Args)-1], x, y, tx, ty)
	}
	if len(r.Args) > 1 {
		x, y = c.balance(r.Args[0], r.Args[1], x, y)
	}
	if x == y && (x == Int || x == Float) {
		return x
	}
	c.errorf(diag.BadOperand, e.Span(), "%s takes ints or floats, not %s", r.Builtin.Name,
		typeList(c.info, r.Args)).Hint("convert with float(...) or int(...)")
	return Invalid
}

func typeList(in *Info, args []syntax.Expr) string {
	s := ""
	for i, a := range args {
		if i > 0 {
			s += " and "
		}
		s += in.TypeOf(a).String()
	}
	return s
}

func (c *checker) lenResult(_ *syntax.CallExpr, r *Call) Type {
	t := c.info.TypeOf(r.Args[0])
	if _, ok := t.(*Array); ok || t == String {
		return Int
	}
	c.errorf(diag.Mismatch, r.Args[0].Span(), "len takes an array or a string, not %s", t)
	return Invalid
}

func (c *checker) toInt(_ *syntax.CallExpr, r *Call) Type   { return c.convert(r, Int) }
func (c *checker) toFloat(_ *syntax.CallExpr, r *Call) Type { return c.convert(r, Float) }

func (c *checker) convert(r *Call, to Basic) Type {
	if t := c.info.TypeOf(r.Args[0]); t != Int && t != Float {
		c.errorf(diag.Mismatch, r.Args[0].Span(), "%s takes a number, not %s", to, t)
		return Invalid
	}
	return to
}

func (c *checker) viewResult(_ *syntax.CallExpr, r *Call) Type {
	t, ok := c.info.TypeOf(r.Recv).(*Tensor)
	if !ok {
		return Invalid
	}
	return &View{t}
}

// tensorResult records what a constructor's literal arguments tell.
func (c *checker) tensorResult(e *syntax.CallExpr, r *Call) Type {
	t := &Tensor{At: e.Span(), Layout: tile.RowMajor}
	layout := r.Args[len(r.Args)-2]
	if p, ok := layout.(*syntax.PathExpr); ok {
		t.Layout, _ = tile.ParseLayout(p.Name.Text)
	} else if layout != nil {
		t.Layout = tile.NoLayout
	}
	if id, ok := r.Args[1].(*syntax.IdentExpr); ok && c.info.Uses[id] == nil {
		t.Elem, _ = tile.ParseElem(id.Name)
	}
	lit, ok := r.Args[0].(*syntax.ArrayLit)
	if !ok {
		return t
	}
	if n := len(lit.Elems); n < 1 || n > 2 {
		c.errorf(diag.TensorShape, lit.Span(), "a tensor has 1 or 2 dimensions, not %d", n)
		return Invalid
	}
	t.Shape = make([]int, len(lit.Elems))
	for i, x := range lit.Elems {
		v, ok := x.(*syntax.IntLit)
		if !ok {
			t.Shape = nil
			return t
		}
		t.Shape[i] = int(v.Value)
		if v.Value < 1 {
			c.errorf(diag.TensorShape, x.Span(), "a dimension is at least 1")
			return Invalid
		}
	}
	return t
}
