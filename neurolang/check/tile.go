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
	"tensoros/neurolang/tir"
)

// fits tells whether a constant can be of an element type.
func (b *body) fits(x hir.Expr, e tile.Elem) bool {
	switch v := x.(*hir.Const).Value.(type) {
	case int64:
		lo, hi := int64(-1<<31), int64(1)<<32 // i32 constants may be written as their bits
		switch e {
		case tile.I8:
			lo, hi = -128, 256
		case tile.U8:
			lo, hi = 0, 256
		case tile.Bool:
			return false
		}
		return !isInt(e) && finite(float64(v), e) || isInt(e) && v >= lo && v < hi
	case float64:
		return isFloat(e) && finite(v, e)
	case bool:
		return e == tile.Bool
	}
	return false
}

// finite tells that a constant does not become infinite as an element.
func finite(v float64, e tile.Elem) bool {
	most := math.MaxFloat64
	switch e {
	case tile.F16:
		most = 65504
	case tile.BF16, tile.TF32, tile.F32:
		most = math.MaxFloat32
	}
	return math.Abs(v) <= most || math.IsInf(v, 0) || math.IsNaN(v)
}

// constTo makes a constant of a kernel a scalar of an element type.
func (b *body) constTo(x hir.Expr, e tile.Elem, sp source.Span) hir.Expr {
	c, ok := x.(*hir.Const)
	if !ok || bad(c.T) {
		return x
	}
	v := c.Value
	if n, isInt := v.(int64); isInt && isFloat(e) {
		v = float64(n)
	}
	return &hir.Const{X: at(b.types.scalar(e), sp), Value: v}
}

// tileBinary checks elementwise operators; constants take the other side's element type.
func (b *body) tileBinary(op syntax.Kind, opAt source.Span, ex, ey syntax.Expr, x,
	y hir.Expr) hir.Expr {
	sp := ex.Span().To(ey.Span())
	x, y, ok := b.sameElem(opAt, x, y)
	if !ok {
		return poisonAt(sp)
	}
	e := x.Type().Elem
	if b.onlyCast(opAt, op.Symbol(), e) {
		return poisonAt(sp)
	}
	if !tileHas(op, e) {
		b.operands(op, opAt, ex, ey, x.Type(), y.Type())
		return poisonAt(sp)
	}
	x, y, ok = b.broadcast(opAt, x, y)
	if !ok {
		return poisonAt(sp)
	}
	t := x.Type()
	if isCompare(op) {
		t = b.types.tile(sides(t), tile.Bool)
	} else if t.Kind == hir.Tile {
		t = b.types.tile(sides(t), e)
	}
	return &hir.Binary{X: at(t, sp), Op: ops[op], L: x, R: y}
}

// onlyCast reports elements that only matrix products and casts take.
func (b *body) onlyCast(at source.Span, what string, e tile.Elem) bool {
	if tir.Computes(e) {
		return false
	}
	b.errorf(diag.BadOperand, at, "%s does not take %s", what, e).
		Hint("%s is for storing and for @: compute in another type, (x as f32) ... as %s", e, e)
	return true
}

func tileHas(op syntax.Kind, e tile.Elem) bool {
	switch op {
	case syntax.Add, syntax.Sub, syntax.Mul, syntax.Div, syntax.Lt, syntax.Le, syntax.Gt, syntax.Ge:
		return e != tile.Bool
	case syntax.Eq, syntax.Ne:
		return true
	case syntax.And, syntax.Or, syntax.Xor:
		return e == tile.Bool || isInt(e)
	case syntax.Rem, syntax.Shl, syntax.Shr:
		return isInt(e)
	}
	return false
}

// sameElem gives two operands one element type.
func (b *body) sameElem(opAt source.Span, x, y hir.Expr) (hir.Expr, hir.Expr, bool) {
	tx, ty := x.Type(), y.Type()
	switch {
	case tiled(tx) && tiled(ty):
		if tx.Elem == ty.Elem {
			return x, y, true
		}
		b.elemMismatch(opAt, x, y)
		return x, y, false
	case tiled(tx):
		y2, ok := b.constBeside(y, x)
		return x, y2, ok
	case tiled(ty):
		x2, ok := b.constBeside(x, y)
		return x2, y, ok
	}
	// Two constants: what they would be by themselves.
	x, y = b.balance(x, y)
	return b.runtime(x), b.runtime(y), true
}

// constBeside gives a constant the element type of the tile beside it.
func (b *body) constBeside(x, other hir.Expr) (hir.Expr, bool) {
	e := other.Type().Elem
	c, ok := x.(*hir.Const)
	if ok && (c.T == integer || c.T == float || c.T == boolean) && b.fits(x, e) {
		return b.constTo(x, e, x.Span()), true
	}
	if bad(x.Type()) {
		return x, false
	}
	d := b.errorf(diag.TileElems, x.Span(), "%s beside elements of %s", describe(x), e).
		With(other.Span(), "%s", String(other.Type()))
	if isInt(e) && x.Type() == float {
		d.Hint("convert the tile: as f32")
	}
	return x, false
}

func describe(x hir.Expr) string {
	if c, ok := x.(*hir.Const); ok {
		return fmt.Sprint(c.Value)
	}
	return String(x.Type())
}

func (b *body) elemMismatch(at source.Span, x, y hir.Expr) {
	tx, ty := x.Type(), y.Type()
	d := b.errorf(diag.TileElems, at, "tiles of different element types: %s and %s", tx.Elem,
		ty.Elem)
	if x.Span() != at {
		d.With(x.Span(), "%s", String(tx))
	}
	if y.Span() != at {
		d.With(y.Span(), "%s", String(ty))
	}
	conv, to := x, ty.Elem
	if ty.Elem.Size() < tx.Elem.Size() || isInt(ty.Elem) && isFloat(tx.Elem) {
		conv, to = y, tx.Elem
	}
	end := source.Span{Pos: conv.Span().End, End: conv.Span().End}
	d.Hint("convert one: (...) as %s", to)
	switch conv.(type) {
	case *hir.Local, *hir.Load, *hir.Intrinsic:
		d.Replace(end, fmt.Sprintf(" as %s", to), fmt.Sprintf("convert to %s", to))
	}
}

// broadcast gives two operands one shape, aligned at the right.
func (b *body) broadcast(opAt source.Span, x, y hir.Expr) (hir.Expr, hir.Expr, bool) {
	dims, ok := common(sides(x.Type()), sides(y.Type()))
	if !ok || !b.sizeFits(dims) {
		b.shapeMismatch(opAt, x, y)
		return x, y, false
	}
	return b.stretch(x, dims), b.stretch(y, dims), true
}

// common is the shape that two shapes broadcast to.
func common(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	off := len(a) - len(b)
	for i, n := range b {
		switch {
		case out[off+i] == 1:
			out[off+i] = n
		case n != 1 && n != out[off+i]:
			return nil, false
		}
	}
	return out, true
}

// stretch broadcasts x to a shape.
func (b *body) stretch(x hir.Expr, dims []int) hir.Expr {
	if slices.Equal(sides(x.Type()), dims) {
		return x
	}
	t := b.types.tile(dims, x.Type().Elem)
	return &hir.Intrinsic{X: at(t, x.Span()), Name: "broadcast",
		Args: []hir.Expr{x, b.shapeConst(dims, x.Span())}}
}

// shapeConst is a shape as an argument.
func (b *body) shapeConst(dims []int, sp source.Span) hir.Expr {
	out := &hir.ArrayOf{X: at(b.types.array(integer), sp), Elems: []hir.Expr{}}
	for _, n := range dims {
		out.Elems = append(out.Elems, b.intConst(n, sp))
	}
	return out
}

func (b *body) intConst(n int, sp source.Span) hir.Expr {
	return &hir.Const{X: at(integer, sp), Value: int64(n)}
}

// times writes a shape: 64 x 128.
func times(dims []int) string {
	parts := make([]string, len(dims))
	for i, n := range dims {
		parts[i] = fmt.Sprint(n)
	}
	if len(parts) == 0 {
		return "one number"
	}
	return strings.Join(parts, " x ")
}

// picture puts two shapes below each other, aligned at the right, and marks where they differ.
func picture(nameA string, a []string, nameB string, b []string, differ func(i int) bool) string {
	n := max(len(a), len(b))
	cell := func(s []string, i int) string {
		if j := i - (n - len(s)); j >= 0 {
			return s[j]
		}
		return ""
	}
	w := max(len(nameA), len(nameB))
	lines := [3]string{fmt.Sprintf("%*s:", w, nameA), fmt.Sprintf("%*s:", w, nameB),
		strings.Repeat(" ", w+1)}
	for i := range n {
		x, y := cell(a, i), cell(b, i)
		cw := max(len(x), len(y))
		mark := ""
		if differ(i) {
			mark = strings.Repeat("^", cw)
		}
		for j, s := range []string{x, y, mark} {
			sep := "   "
			if i > 0 && j < 2 && cell([][]string{a, b}[j], i-1) != "" {
				sep = " x "
			}
			if i == 0 {
				sep = " "
			}
			lines[j] += fmt.Sprintf("%s%*s", sep, cw, s)
		}
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines[:], "\n"), "\n")
}

func numbersOf(dims []int) []string {
	out := make([]string, len(dims))
	for i, n := range dims {
		out[i] = fmt.Sprint(n)
	}
	return out
}

// nameOf is how a message calls an operand.
func nameOf(x hir.Expr, other string) string {
	switch x := x.(type) {
	case *hir.Local:
		if x.Var.Name != "" {
			return x.Var.Name
		}
	case *hir.Load:
		return x.Tensor.Name + "[...]"
	case *hir.RefOf:
		return nameOf(x.Place, other)
	case *hir.Deref:
		return nameOf(x.Arg, other)
	}
	return other
}

func (b *body) shapeMismatch(opAt source.Span, x, y hir.Expr) {
	dx, dy := sides(x.Type()), sides(y.Type())
	d := b.errorf(diag.TileShapes, opAt, "tiles of different shapes: %s and %s", times(dx),
		times(dy))
	if x.Span() != opAt {
		d.With(x.Span(), "%s", times(dx))
	}
	if y.Span() != opAt {
		d.With(y.Span(), "%s", times(dy))
	}
	n := max(len(dx), len(dy))
	right := func(s []int, i int) int {
		if j := i - (n - len(s)); j >= 0 {
			return s[j]
		}
		return 1
	}
	d.Note("%s", picture(nameOf(x, "left"), numbersOf(dx), nameOf(y, "right"), numbersOf(dy),
		func(i int) bool {
			p, q := right(dx, i), right(dy, i)
			return p != q && p != 1 && q != 1
		}))
	switch {
	case len(dx) != len(dy):
		d.Hint("shapes are aligned at the right; expand(x, axis) puts a dimension of 1 in")
	case len(dx) == 2 && dx[0] == dy[1] && dx[1] == dy[0]:
		d.Hint("transpose one: x.t()")
	default:
		d.Hint("dimensions are equal, or one of them is 1")
	}
}

// tileMismatch says in what a tile differs from the one that is needed.
func (b *body) tileMismatch(sp source.Span, want, got *hir.Type, place source.Span, why string) {
	if want.Elem != got.Elem {
		d := b.errorf(diag.TileElems, sp, "elements of %s are needed here, this has %s", want.Elem,
			got.Elem)
		if why != "" {
			d.With(place, "%s", why)
		}
		d.Hint("convert them: (...) as %s", want.Elem)
		return
	}
	w, g := sides(want), sides(got)
	d := b.errorf(diag.TileShapes, sp, "a tile of %s is needed here, this is %s", times(w),
		times(g))
	if why != "" {
		d.With(place, "%s", why)
	}
	if len(w) > 0 || len(g) > 0 {
		n := max(len(w), len(g))
		d.Note("%s", picture("needed", numbersOf(w), "this", numbersOf(g), func(i int) bool {
			j, k := i-(n-len(w)), i-(n-len(g))
			return j < 0 || k < 0 || w[j] != g[k]
		}))
	}
	if len(g) == 0 && len(w) > 0 {
		d.Hint("spread one number over a tile: full([...], x, %s)", want.Elem)
	}
}

// dot checks the matrix product of tiles.
func (b *body) dot(opAt, sp source.Span, ex, ey syntax.Expr, x, y hir.Expr) hir.Expr {
	tx, ty := x.Type(), y.Type()
	if tx.Kind != hir.Tile || ty.Kind != hir.Tile || len(tx.Dims) < 2 || len(ty.Dims) < 2 {
		d := b.errorf(diag.BadOperand, opAt, "the matrix product takes tiles of two dimensions or more")
		d.With(ex.Span(), "%s", String(tx)).With(ey.Span(), "%s", String(ty))
		if tx.Kind == hir.Tile && len(tx.Dims) == 1 || ty.Kind == hir.Tile && len(ty.Dims) == 1 {
			d.Hint("make a vector a matrix: expand(x, 0) for a row, expand(x, 1) for a column")
		}
		return poisonAt(sp)
	}
	dx, dy := sides(tx), sides(ty)
	m, n := len(dx), len(dy)
	nx, ny := nameOf(x, "the left tile"), nameOf(y, "the right tile")
	if dx[m-1] != dy[n-2] {
		d := b.errorf(diag.DotInner, opAt, "%s has %d columns, %s has %d rows", nx, dx[m-1], ny,
			dy[n-2])
		d.Label("the product runs over both")
		d.With(ex.Span(), "%s", times(dx)).With(ey.Span(), "%s", times(dy))
		d.Note("%s", dotPicture(nx, dx, ny, dy))
		if dx[m-1] == dy[n-1] {
			end := source.Span{Pos: ey.Span().End, End: ey.Span().End}
			d.Hint("transpose %s: x.t()", ny).Replace(end, ".t()", "transpose it")
		}
		return poisonAt(sp)
	}
	lead, ok := common(dx[:m-2], dy[:n-2])
	if !ok || m != n && m != 2 && n != 2 {
		b.shapeMismatch(opAt, x, y)
		return poisonAt(sp)
	}
	if tx.Elem != ty.Elem {
		b.elemMismatch(opAt, x, y)
		return poisonAt(sp)
	}
	acc, ok := accumulator(tx.Elem)
	if !ok {
		b.errorf(diag.DotElems, opAt, "there is no matrix product of %s", tx.Elem).
			With(ex.Span(), "%s", String(tx)).
			Hint("multiply f16, bf16, tf32, e4m3, e5m2, f32, f64, i8 or u8")
		return poisonAt(sp)
	}
	t := b.types.tile(append(slices.Clone(lead), dx[m-2], dy[n-1]), acc)
	return &hir.Intrinsic{X: at(t, sp), Name: "dot", Args: []hir.Expr{x, y}}
}

// accumulator is the element type of sums of products.
func accumulator(e tile.Elem) (tile.Elem, bool) {
	switch e {
	case tile.F16, tile.BF16, tile.TF32, tile.E4M3, tile.E5M2, tile.F32:
		return tile.F32, true
	case tile.F64:
		return tile.F64, true
	case tile.I8, tile.U8:
		return tile.I32, true
	}
	return 0, false
}

// dotPicture shows which dimensions of a product must meet.
func dotPicture(nx string, dx []int, ny string, dy []int) string {
	a, b := times(dx[len(dx)-2:]), times(dy[len(dy)-2:])
	inner := fmt.Sprint(dx[len(dx)-1])
	first := fmt.Sprint(dy[len(dy)-2])
	line := fmt.Sprintf("%s: %s   @   %s: %s", nx, a, ny, b)
	from := len(nx) + 2 + len(a) - len(inner)
	to := len(nx) + 2 + len(a) + 7 + len(ny) + 2
	return line + "\n" + strings.Repeat(" ", from) + strings.Repeat("^", len(inner)) +
		strings.Repeat(" ", max(1, to-from-len(inner))) + strings.Repeat("^", len(first)) +
		" must be equal"
}

// castTo converts a tile, scalar or constant to an element type.
func (b *body) castTo(x hir.Expr, e tile.Elem, sp source.Span) hir.Expr {
	t := x.Type()
	if e == tile.NoElem {
		return poisonAt(sp) // of a poisoned parameter
	}
	if c, ok := x.(*hir.Const); ok && !tiled(t) {
		v := c.Value
		switch n := v.(type) {
		case float64:
			if isInt(e) && n > -1<<31 && n < 1<<31 {
				v = int64(n)
			}
		case bool:
			if e != tile.Bool {
				v = int64(0)
				if n {
					v = int64(1)
				}
			}
		}
		y := &hir.Const{X: at(t, sp), Value: v}
		if !b.fits(y, e) {
			b.errorf(diag.BadCast, sp, "%v does not fit %s", c.Value, e)
			return poisonAt(sp)
		}
		return b.constTo(y, e, sp)
	}
	if !tiled(t) {
		b.errorf(diag.BadCast, sp, "%s cannot become %s", String(t), e)
		return poisonAt(sp)
	}
	if t.Elem == e {
		return x
	}
	return &hir.CastTo{X: at(b.types.tile(sides(t), e), sp), Arg: x}
}
