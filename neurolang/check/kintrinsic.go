package check

import (
	"slices"

	"tensoros/neurolang/builtin"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// kernelCall checks a call of a kernel's function.
func (b *body) kernelCall(c *intrinsic, args []arg) hir.Expr {
	switch name := c.f.Name; name {
	case "max", "min":
		if reduces(args) {
			c.f = builtin.Find("reduce_" + name)
		}
	case "spans":
		// One positional argument before the block: the end, or lo..hi.
		return b.spansCall(c, args)
	}
	if !b.arrangeIntrinsic(c, args) {
		return b.spoil(args, c.sp)
	}
	if c.f.Name == "program" {
		return b.program(c)
	}
	rule := kernelRules[c.f.Name]
	if rule == nil {
		return b.spoil(args, c.sp)
	}
	ok := true
	for i, a := range c.args {
		p := c.f.Params[i]
		b.viewed = p.Type == "view"
		if a.e == nil && a.x == nil {
			c.xs = append(c.xs, nil)
			continue
		}
		x := a.x
		if x == nil {
			x = b.read(b.value(a.e, nil))
		}
		if deref(x.Type()).Kind == hir.Tensor && p.Type != "view" {
			b.wholeTensor(x, x, c.name)
			ok = false
		}
		ok = ok && !bad(x.Type())
		c.xs = append(c.xs, x)
	}
	if !ok {
		return poisonAt(c.sp)
	}
	return rule(b, c)
}

// reduces tells max(x, axis=0) and max(x) from max(x, y).
func reduces(args []arg) bool {
	return len(args) == 1 || slices.ContainsFunc(args, func(a arg) bool {
		return a.name != nil && (a.name.Text == "axis" || a.name.Text == "keep")
	})
}

// kernelRules compute results of kernels' functions.
var kernelRules map[string]func(b *body, c *intrinsic) hir.Expr

func init() {
	floats, numbers := (*body).floatUnary, (*body).numberUnary
	reduce, logical := (*body).reduce, (*body).reduceBool
	random := (*body).random
	kernelRules = map[string]func(b *body, c *intrinsic) hir.Expr{
		"exp": floats, "ln": floats, "sqrt": floats, "sin": floats, "cos": floats, "tanh": floats,
		"exp2": floats, "log2": floats, "rsqrt": floats, "rcp": floats, "erf": floats,
		"sigmoid": floats, "floor": floats, "ceil": floats, "round": floats, "abs": numbers,
		"max": (*body).pair, "min": (*body).pair, "pow": (*body).pair, "relu": (*body).relu,
		"fma": (*body).triple, "where": (*body).where, "bitcast": (*body).bitcast,
		"cast":  (*body).castCall,
		"zeros": (*body).filled, "ones": (*body).filled, "full": (*body).full, "iota": (*body).iota,
		"bits": random, "uniform": random, "normal": random, "dot": (*body).dotCall,
		"sum": reduce, "prod": reduce, "reduce_max": reduce, "reduce_min": reduce,
		"any": logical, "all": logical, "argmax": reduce, "argmin": reduce,
		"cumsum": (*body).scan, "sort": (*body).sort, "permute": (*body).permute,
		"reshape": (*body).reshape, "expand": (*body).expand, "broadcast": (*body).broadcastCall,
		"join": (*body).join, "slice": (*body).slice, "xor_shuffle": (*body).shuffle,
		"pipeline": (*body).pipeline, "span": (*body).spanCall,
		"atomic_add": (*body).atomic, "atomic_min": (*body).atomic, "atomic_max": (*body).atomic,
	}
}

// tileOperand makes argument i a tile or scalar.
func (b *body) tileOperand(c *intrinsic, i int) (*hir.Type, bool) {
	x := b.runtime(c.xs[i])
	c.xs[i] = x
	t := x.Type()
	if tiled(t) {
		return t, true
	}
	b.errorf(diag.Mismatch, x.Span(), "%s takes tiles, this is %s", shown(c.f.Name), String(t))
	return invalid, false
}

// computed is tileOperand for functions that compute.
func (b *body) computed(c *intrinsic, i int) (*hir.Type, bool) {
	t, ok := b.tileOperand(c, i)
	return t, ok && !b.onlyCast(c.sp, shown(c.f.Name), t.Elem)
}

func (b *body) floatUnary(c *intrinsic) hir.Expr {
	if b.isLit(c.xs[0]) {
		c.xs[0] = b.floatLit(c.xs[0])
	}
	t, ok := b.computed(c, 0)
	if ok && !isFloat(t.Elem) {
		d := b.errorf(diag.BadOperand, c.sp, "%s takes floats, not %s", c.f.Name, t.Elem)
		d.With(c.xs[0].Span(), "%s", String(t)).Hint("convert it: x as f32")
		ok = false
	}
	if !ok {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(sides(t), t.Elem))
}

// counted is computed for functions of numbers.
func (b *body) counted(c *intrinsic) (*hir.Type, bool) {
	t, ok := b.computed(c, 0)
	if ok && t.Elem == tile.Bool {
		b.errorf(diag.BadOperand, c.sp, "%s takes numbers, not bool", shown(c.f.Name))
		ok = false
	}
	return t, ok
}

func (b *body) numberUnary(c *intrinsic) hir.Expr {
	t, ok := b.counted(c)
	if !ok {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(sides(t), t.Elem))
}

// alike gives operands one element type and one shape.
func (b *body) alike(c *intrinsic, from int) bool {
	x, y, ok := b.sameElem(c.name, c.xs[from], c.xs[from+1])
	if !ok {
		return false
	}
	for _, t := range []*hir.Type{x.Type(), y.Type()} {
		if !tiled(t) {
			if !bad(t) {
				b.errorf(diag.Mismatch, c.sp, "%s takes tiles, not %s", shown(c.f.Name), String(t))
			}
			return false
		}
	}
	x, y, ok = b.broadcast(c.name, x, y)
	c.xs[from], c.xs[from+1] = x, y
	return ok
}

func (b *body) pair(c *intrinsic) hir.Expr {
	if !b.alike(c, 0) {
		return poisonAt(c.sp)
	}
	t := c.xs[0].Type()
	if b.onlyCast(c.sp, c.f.Name, t.Elem) {
		return poisonAt(c.sp)
	}
	if t.Elem == tile.Bool || c.f.Name == "pow" && !isFloat(t.Elem) {
		b.errorf(diag.BadOperand, c.sp, "%s does not take %s", c.f.Name, t.Elem)
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(sides(t), t.Elem))
}

func (b *body) relu(c *intrinsic) hir.Expr {
	c.f = builtin.Find("max")
	c.xs = append(c.xs, b.lit(&hir.Const{X: at(integer, c.sp), Value: int64(0)}))
	return b.pair(c)
}

func (b *body) triple(c *intrinsic) hir.Expr {
	if !b.alike(c, 0) || !b.alike(c, 1) || !b.alike(c, 0) {
		return poisonAt(c.sp)
	}
	t := c.xs[0].Type()
	if b.onlyCast(c.sp, "fma", t.Elem) {
		return poisonAt(c.sp)
	}
	if !isFloat(t.Elem) {
		b.errorf(diag.BadOperand, c.sp, "fma takes floats, not %s", t.Elem)
		return poisonAt(c.sp)
	}
	return b.node(c, t)
}

func (b *body) where(c *intrinsic) hir.Expr {
	cond, ok := b.tileOperand(c, 0)
	if !ok {
		return poisonAt(c.sp)
	}
	if cond.Elem != tile.Bool {
		b.errorf(diag.Mismatch, c.xs[0].Span(), "a condition has elements of bool, this is %s",
			String(cond)).Hint("compare it: x != 0")
		return poisonAt(c.sp)
	}
	if !b.alike(c, 1) {
		return poisonAt(c.sp)
	}
	x, y, ok := b.broadcast(c.name, c.xs[0], c.xs[1])
	if !ok {
		return poisonAt(c.sp)
	}
	c.xs[0], c.xs[1] = x, y
	c.xs[2] = b.stretch(c.xs[2], sides(y.Type()))
	return b.node(c, b.types.tile(sides(y.Type()), y.Type().Elem))
}

// constElem is an argument that is an element type.
func (b *body) constElem(c *intrinsic, i int) (tile.Elem, bool) {
	if v, ok := b.known(c.xs[i]); ok {
		if e, ok := v.(tile.Elem); ok {
			return e, true
		}
	}
	b.errorf(diag.Mismatch, c.xs[i].Span(), "an element type is needed here").
		Hint("write for example f32")
	return 0, false
}

func (b *body) constInt(c *intrinsic, i int) (int, bool) {
	n, ok := b.knownInt(c.xs[i])
	if !ok {
		b.notConst(c.xs[i].Span(), c.xs[i])
	}
	return n, ok
}

// constAxis is an argument that is an axis below rank; negative ones count from the end.
func (b *body) constAxis(c *intrinsic, i, rank int) (int, bool) {
	n, ok := b.constInt(c, i)
	if !ok {
		return 0, false
	}
	if n < -rank || n >= rank {
		d := b.errorf(diag.BadAxis, c.xs[i].Span(), "there is no axis %d", n)
		if rank == 0 {
			d.Note("one number has no axes")
		} else {
			d.Hint("the axes are 0 to %d, or -1 to -%d from the end", rank-1, rank)
		}
		return 0, false
	}
	if n < 0 {
		n += rank
	}
	c.xs[i] = b.intConst(n, c.xs[i].Span())
	return n, true
}

// constShape is an argument that is a shape.
func (b *body) constShape(c *intrinsic, i int) ([]int, bool) {
	lit, ok := c.xs[i].(*hir.ArrayOf)
	if !ok || lit.Count != nil {
		b.errorf(diag.NotConst, c.xs[i].Span(), "a shape is needed here: [64, 128]")
		return nil, false
	}
	dims := make([]int, len(lit.Elems))
	for j, e := range lit.Elems {
		n, ok := b.knownInt(e)
		if !ok {
			b.notConst(e.Span(), e)
			return nil, false
		}
		dims[j] = n
	}
	return dims, true
}

func (b *body) goodShape(dims []int, sp source.Span) bool {
	if !b.sizeFits(dims) {
		b.errorf(diag.TypeArgs, sp, "dimensions of a tile are numbers from 1, together at most %d",
			maxSide)
		return false
	}
	return true
}

func (b *body) castCall(c *intrinsic) hir.Expr {
	e, ok := b.constElem(c, 1)
	if !ok {
		return poisonAt(c.sp)
	}
	return b.castTo(c.xs[0], e, c.sp)
}

func (b *body) bitcast(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	e, ok2 := b.constElem(c, 1)
	if !ok || !ok2 {
		return poisonAt(c.sp)
	}
	if e.Size() != t.Elem.Size() {
		b.errorf(diag.BadCast, c.sp, "%s has %d bytes, %s has %d", t.Elem, t.Elem.Size(), e,
			e.Size()).
			Hint("`as` converts the value")
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(sides(t), e))
}

func (b *body) filled(c *intrinsic) hir.Expr {
	dims, ok := b.constShape(c, 0)
	e, ok2 := b.constElem(c, 1)
	if !ok || !ok2 || !b.goodShape(dims, c.xs[0].Span()) {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(dims, e))
}

func (b *body) full(c *intrinsic) hir.Expr {
	dims, ok := b.constShape(c, 0)
	e, ok2 := b.constElem(c, 2)
	if !ok || !ok2 || !b.goodShape(dims, c.xs[0].Span()) {
		return poisonAt(c.sp)
	}
	x := c.xs[1]
	if k, is := x.(*hir.Const); is && !tiled(k.T) && b.fits(x, e) {
		x = b.constTo(x, e, x.Span())
	}
	c.xs[1] = b.coerce(x, b.types.scalar(e), c.xs[2].Span(), "elements of "+e.String())
	if bad(c.xs[1].Type()) {
		return c.xs[1]
	}
	return b.node(c, b.types.tile(dims, e))
}

func (b *body) iota(c *intrinsic) hir.Expr {
	if t := c.xs[0].Type(); t.Kind == hir.Span {
		c.f = builtin.Find("span.iota")
		return b.node(c, b.types.tile([]int{t.Size}, tile.I32))
	}
	n, ok := b.constInt(c, 0)
	if !ok || !b.goodShape([]int{n}, c.xs[0].Span()) {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile([]int{n}, tile.I32))
}

func (b *body) random(c *intrinsic) hir.Expr {
	i32 := b.types.scalar(tile.I32)
	c.xs[0] = b.coerce(c.xs[0], i32, c.name, "a seed is an i32")
	t, ok := b.tileOperand(c, 1)
	if ok && t.Elem != tile.I32 {
		b.errorf(diag.Mismatch, c.xs[1].Span(), "a counter has elements of i32, not %s", t.Elem)
		ok = false
	}
	if !ok || bad(c.xs[0].Type()) {
		return poisonAt(c.sp)
	}
	e := tile.F32
	if c.f.Name == "bits" {
		e = tile.I32
	}
	return b.node(c, b.types.tile(sides(t), e))
}

func (b *body) dotCall(c *intrinsic) hir.Expr {
	return b.dot(c.name, c.sp, c.args[0].e, c.args[1].e, c.xs[0], c.xs[1])
}

func (b *body) reduce(c *intrinsic) hir.Expr {
	t, ok := b.computed(c, 0)
	if !ok {
		return poisonAt(c.sp)
	}
	if t.Elem == tile.Bool {
		b.errorf(diag.BadOperand, c.sp, "%s takes numbers, not bool", shown(c.f.Name)).
			Hint("count them: sum(where(c, 1, 0), ...)")
		return poisonAt(c.sp)
	}
	e := t.Elem
	if c.f.Name == "argmax" || c.f.Name == "argmin" {
		e = tile.I32
	}
	return b.reduced(c, t, e)
}

func (b *body) reduceBool(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	if !ok {
		return poisonAt(c.sp)
	}
	if t.Elem != tile.Bool {
		b.errorf(diag.BadOperand, c.sp, "%s takes bools, not %s", c.f.Name, t.Elem).
			Hint("compare first: x != 0")
		return poisonAt(c.sp)
	}
	return b.reduced(c, t, tile.Bool)
}

// reduced is the result of a reduction along an axis, or of all.
func (b *body) reduced(c *intrinsic, t *hir.Type, e tile.Elem) hir.Expr {
	dims := sides(t)
	keep := false
	if c.xs[2] != nil {
		v, _ := b.known(c.xs[2])
		var ok bool
		if keep, ok = v.(bool); !ok {
			b.notConst(c.xs[2].Span(), c.xs[2])
			return poisonAt(c.sp)
		}
	}
	if c.xs[1] == nil {
		if !keep {
			return b.node(c, b.types.scalar(e))
		}
		for i := range dims {
			dims[i] = 1
		}
		return b.node(c, b.types.tile(dims, e))
	}
	axis, ok := b.constAxis(c, 1, len(dims))
	if !ok {
		return poisonAt(c.sp)
	}
	if keep {
		dims[axis] = 1
	} else {
		dims = slices.Delete(dims, axis, axis+1)
	}
	return b.node(c, b.types.tile(dims, e))
}

func (b *body) scan(c *intrinsic) hir.Expr {
	t, ok := b.counted(c)
	if !ok {
		return poisonAt(c.sp)
	}
	if _, ok := b.constAxis(c, 1, len(t.Dims)); !ok {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(sides(t), t.Elem))
}

func (b *body) sort(c *intrinsic) hir.Expr {
	t, ok := b.counted(c)
	if !ok {
		return poisonAt(c.sp)
	}
	n := len(t.Dims)
	if n == 0 || t.Dims[n-1].Const&(t.Dims[n-1].Const-1) != 0 {
		b.errorf(diag.BadAxis, c.sp, "sort takes a last dimension that is a power of 2, not %s",
			times(sides(t))).Hint("fill up with inf to the next power of 2")
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(sides(t), t.Elem))
}

func (b *body) permute(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	perm, ok2 := b.constShape(c, 1)
	if !ok || !ok2 {
		return poisonAt(c.sp)
	}
	dims := sides(t)
	out := make([]int, len(perm))
	seen := map[int]bool{}
	for i, p := range perm {
		if p < 0 || p >= len(dims) || seen[p] || len(perm) != len(dims) {
			b.errorf(diag.BadAxis, c.xs[1].Span(), "this is no order of the axes of a tile of %s",
				times(dims)).Hint("name each axis from 0 to %d once", len(dims)-1)
			return poisonAt(c.sp)
		}
		seen[p] = true
		out[i] = dims[p]
	}
	if len(perm) != len(dims) {
		b.errorf(diag.BadAxis, c.xs[1].Span(), "a tile of %s has %s", times(dims),
			count(len(dims), "axis"))
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(out, t.Elem))
}

func (b *body) reshape(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	dims, ok2 := b.constShape(c, 1)
	if !ok || !ok2 {
		return poisonAt(c.sp)
	}
	total, known, open := 1, 1, -1
	for _, n := range sides(t) {
		total *= n
	}
	for i, n := range dims {
		if n == -1 && open < 0 {
			open = i
		} else {
			known *= max(n, 0)
		}
	}
	if open >= 0 && known > 0 && total%known == 0 {
		dims[open] = total / known
		known = total
	}
	if known != total || !b.sizeFits(dims) {
		b.errorf(diag.TileShapes, c.sp, "a tile of %s has %d elements, %s has %d", times(sides(t)),
			total,
			times(dims), known).With(c.xs[0].Span(), "%s", times(sides(t)))
		return poisonAt(c.sp)
	}
	c.xs[1] = b.shapeConst(dims, c.xs[1].Span())
	return b.node(c, b.types.tile(dims, t.Elem))
}

func (b *body) expand(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	if !ok {
		return poisonAt(c.sp)
	}
	axis, ok := b.constAxis(c, 1, len(t.Dims)+1)
	if !ok {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(slices.Insert(sides(t), axis, 1), t.Elem))
}

func (b *body) broadcastCall(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	dims, ok2 := b.constShape(c, 1)
	if !ok || !ok2 || !b.goodShape(dims, c.xs[1].Span()) {
		return poisonAt(c.sp)
	}
	got, fits := common(sides(t), dims)
	if !fits || !slices.Equal(got, dims) {
		d := b.errorf(diag.TileShapes, c.sp, "a tile of %s does not stretch to %s", times(sides(t)),
			times(dims))
		d.Note("%s", picture("tile", numbersOf(sides(t)), "wanted", numbersOf(dims),
			func(int) bool { return false }))
		d.Hint("shapes are aligned at the right; only dimensions of 1 stretch")
		return poisonAt(c.sp)
	}
	return b.stretch(c.xs[0], dims)
}

func (b *body) join(c *intrinsic) hir.Expr {
	x, y, ok := b.sameElem(c.name, c.xs[0], c.xs[1])
	if !ok {
		return poisonAt(c.sp)
	}
	c.xs[0], c.xs[1] = x, y
	dx, dy := sides(x.Type()), sides(y.Type())
	axis, ok := b.constAxis(c, 2, len(dx))
	if !ok {
		return poisonAt(c.sp)
	}
	if len(dx) != len(dy) || !slices.Equal(slices.Delete(slices.Clone(dx), axis, axis+1),
		slices.Delete(slices.Clone(dy), axis, axis+1)) {
		b.shapeMismatch(c.name, x, y)
		return poisonAt(c.sp)
	}
	dx[axis] += dy[axis]
	if !b.goodShape(dx, c.sp) {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(dx, x.Type().Elem))
}

func (b *body) slice(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	if !ok {
		return poisonAt(c.sp)
	}
	dims := sides(t)
	axis, ok := b.constAxis(c, 1, len(dims))
	start, ok2 := b.constInt(c, 2)
	n, ok3 := b.constInt(c, 3)
	if !ok || !ok2 || !ok3 {
		return poisonAt(c.sp)
	}
	if start < 0 || n < 1 || start > dims[axis] || n > dims[axis]-start {
		b.errorf(diag.BadAxis, c.sp, "elements %d to %d of a dimension of %d", start, start+n-1,
			dims[axis])
		return poisonAt(c.sp)
	}
	dims[axis] = n
	return b.node(c, b.types.tile(dims, t.Elem))
}

func (b *body) shuffle(c *intrinsic) hir.Expr {
	t, ok := b.tileOperand(c, 0)
	if !ok {
		return poisonAt(c.sp)
	}
	mask, ok := b.constInt(c, 1)
	axis, ok2 := b.constAxis(c, 2, len(t.Dims))
	if !ok || !ok2 {
		return poisonAt(c.sp)
	}
	n := t.Dims[axis].Const
	if mask < 0 || mask >= n || n&(n-1) != 0 {
		b.errorf(diag.BadAxis, c.sp, "xor with %d leaves a dimension of %d", mask, n).
			Hint("the dimension is a power of 2, and the mask below it")
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.tile(sides(t), t.Elem))
}

// spansCall checks spans(K, BK) and spans(lo..hi, BK).
func (b *body) spansCall(c *intrinsic, args []arg) hir.Expr {
	slots, ok := b.arrange("spans", []string{"over", "block"}, args, source.Span{})
	if !ok {
		return b.spoil(args, c.sp)
	}
	for i, n := range []string{"over", "block"} {
		if slots[i].e == nil {
			b.missing("spans", n, c.sp)
			return b.spoil(args, c.sp)
		}
	}
	i32 := b.types.scalar(tile.I32)
	x := b.read(b.value(slots[0].e, nil))
	var lo, hi hir.Expr
	if r, ok := x.(*hir.RangeOf); ok {
		lo, hi = r.Lo, r.Hi
	} else if hi = b.coerce(x, i32, c.name, "spans run over 0..n or lo..hi"); bad(hi.Type()) {
		b.expr(slots[1].e, nil)
		return poisonAt(c.sp)
	}
	size := b.value(slots[1].e, nil)
	if bad(size.Type()) {
		return poisonAt(c.sp)
	}
	n, ok := b.knownInt(size)
	if !ok {
		b.notConst(size.Span(), size)
		return poisonAt(c.sp)
	}
	if !b.goodShape([]int{n}, size.Span()) {
		return poisonAt(c.sp)
	}
	if v, ok := b.knownInt(startOf(lo)); ok && v%n != 0 {
		b.errorf(diag.BadSpan, slots[0].e.Span(), "%d is no multiple of %d, where a piece begins",
			v, n)
		return poisonAt(c.sp)
	}
	c.xs = []hir.Expr{lo, hi, b.intConst(n, size.Span())}
	return b.node(c, b.types.array(b.types.span(n)))
}

// startOf is the start of spans: 0 if absent.
func startOf(lo hir.Expr) hir.Expr {
	if lo == nil {
		return &hir.Const{X: hir.X{T: integer}, Value: int64(0)}
	}
	return lo
}

func (b *body) pipeline(c *intrinsic) hir.Expr {
	n, ok := b.constInt(c, 1)
	if !ok {
		return poisonAt(c.sp)
	}
	t := c.xs[0].Type()
	if t != ranges && !(t.Kind == hir.Array && t.Args[0].Kind == hir.Span) {
		b.errorf(diag.Mismatch, c.xs[0].Span(), "pipeline takes spans(...), not %s", String(t))
		return poisonAt(c.sp)
	}
	if n < 1 || n > 16 {
		b.errorf(diag.BadSpan, c.xs[1].Span(), "a pipeline has 1 to 16 stages, not %d", n)
		return poisonAt(c.sp)
	}
	return &pipelined{c.xs[0], n}
}

func (b *body) spanCall(c *intrinsic) hir.Expr {
	c.xs[0] = b.coerce(c.xs[0], b.types.scalar(tile.I32), c.name, "a span starts at an i32")
	n, ok := b.constInt(c, 1)
	if !ok || bad(c.xs[0].Type()) || !b.goodShape([]int{n}, c.xs[1].Span()) {
		return poisonAt(c.sp)
	}
	return b.node(c, b.types.span(n))
}

// program checks program(i), where i is the variable of an axis.
func (b *body) program(c *intrinsic) hir.Expr {
	if p, ok := c.args[0].e.(*syntax.PathExpr); ok && len(p.Parts) == 1 {
		if l, ok := b.scope.lookup(p.Parts[0].Text).(*local); ok && l.part > 0 {
			c.xs = []hir.Expr{b.intConst(l.part-1, p.Span())}
			return b.node(c, b.types.scalar(tile.I32))
		}
	}
	b.errorf(diag.Mismatch, c.args[0].span(), "program takes the name of an axis of the grid").
		Hint("the names in by [...] and over [...]")
	return poisonAt(c.sp)
}

func (b *body) atomic(c *intrinsic) hir.Expr {
	load, ok := c.xs[0].(*hir.Load)
	if !ok || load.Tensor.Type.Kind != hir.Ref || load.Tensor.Type.Mut != hir.AtomicRef {
		d := b.errorf(diag.KernelBody, c.args[0].span(), "%s takes a view of an &atomic parameter",
			c.f.Name)
		if ok {
			d.With(load.Tensor.At, "%s is %s", load.Tensor.Name, String(load.Tensor.Type)).
				Hint("declare it as &atomic Tensor<...>")
		}
		return poisonAt(c.sp)
	}
	t := load.T
	x, ok := b.constOrSame(c.xs[1], t)
	if !ok {
		return poisonAt(c.sp)
	}
	if dims, fit := common(sides(x.Type()), sides(t)); !fit || !slices.Equal(dims, sides(t)) {
		b.tileMismatch(x.Span(), t, x.Type(), load.At, "the view is "+times(sides(t)))
		return poisonAt(c.sp)
	}
	if e := t.Elem; e != tile.I32 && e != tile.F32 && !(c.f.Name == "atomic_add" &&
		(e == tile.F16 || e == tile.BF16)) {
		b.errorf(diag.BadOperand, c.sp, "there is no %s on %s", c.f.Name, e).
			Hint("atomics work on i32 and f32; atomic_add also on f16 and bf16")
		return poisonAt(c.sp)
	}
	b.deterministic(c, t.Elem)
	c.xs[1] = b.stretch(x, sides(t))
	return b.node(c, unit)
}

// constOrSame gives a value the element type of a tile.
func (b *body) constOrSame(x hir.Expr, t *hir.Type) (hir.Expr, bool) {
	if !tiled(x.Type()) {
		return b.constBeside(x, &hir.Const{X: at(t, x.Span())})
	}
	if x.Type().Elem != t.Elem {
		b.elemMismatch(x.Span(), x, &hir.Const{X: at(t, x.Span())})
		return x, false
	}
	return x, true
}
