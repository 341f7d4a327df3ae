package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

var ops = map[syntax.Kind]hir.Op{
	syntax.Add: hir.Add, syntax.Sub: hir.Sub, syntax.Mul: hir.Mul, syntax.Div: hir.Div,
	syntax.Rem: hir.Rem, syntax.And: hir.And, syntax.Or: hir.Or, syntax.Xor: hir.Xor,
	syntax.Shl: hir.Shl, syntax.Shr: hir.Shr, syntax.Eq: hir.Eq, syntax.Ne: hir.Ne,
	syntax.Lt: hir.Lt, syntax.Le: hir.Le, syntax.Gt: hir.Gt, syntax.Ge: hir.Ge,
	syntax.AndAnd: hir.AndAnd, syntax.OrOr: hir.OrOr,
}

// tensorOps are the functions of std.ops that operators on whole tensors mean.
var tensorOps = map[syntax.Kind]string{
	syntax.Add: "add", syntax.Sub: "sub", syntax.Mul: "mul", syntax.Div: "div",
	syntax.At: "matmul", syntax.Lt: "lt", syntax.Le: "le", syntax.Gt: "gt", syntax.Ge: "ge",
	syntax.Eq: "eq", syntax.Ne: "ne",
}

func isCompare(op syntax.Kind) bool {
	switch op {
	case syntax.Eq, syntax.Ne, syntax.Lt, syntax.Le, syntax.Gt, syntax.Ge:
		return true
	}
	return false
}

func (b *body) unary(e *syntax.UnaryExpr, want *hir.Type) hir.Expr {
	x := b.read(b.value(e.X, want))
	t := x.Type()
	op := hir.Neg
	if e.Op == syntax.Not {
		op = hir.Not
	}
	if bad(t) {
		return x
	}
	if c, ok := x.(*hir.Const); ok {
		if v, ok := foldUnary(op, c.Value); ok {
			y := &hir.Const{X: at(t, e.Span()), Value: v}
			if b.isLit(x) {
				return b.lit(y)
			}
			return y
		}
	}
	ok := false
	switch {
	case tiled(t) && b.onlyCast(e.Span(), e.Op.Symbol(), t.Elem):
		return poisonAt(e.Span())
	case t.Kind == hir.Tensor && op == hir.Neg:
		return b.tensorOp("neg", e.Span(), e.Span(), x)
	case op == hir.Not:
		ok = t == boolean || tiled(t) && (t.Elem == tile.Bool || isInt(t.Elem))
	default:
		ok = t == integer || t == float || tiled(t) && t.Elem != tile.Bool
	}
	if !ok {
		d := b.errorf(diag.BadOperand, e.Span(), "%s cannot be applied to %s", e.Op.Symbol(),
			String(t))
		if op == hir.Not && (t == integer || t == float) {
			d.Hint("compare it: x == 0")
		}
		return poisonAt(e.Span())
	}
	return &hir.Unary{X: at(t, e.Span()), Op: op, Arg: x}
}

func (b *body) binary(e *syntax.BinaryExpr, want *hir.Type) hir.Expr {
	if e.Op == syntax.AndAnd || e.Op == syntax.OrOr {
		return b.logic(e)
	}
	hint := want
	if want != float || isCompare(e.Op) {
		hint = nil
	}
	x := b.value(e.X, hint)
	if deref(x.Type()) == float {
		hint = float
	}
	xs := []hir.Expr{x}
	mark := b.mark()
	y := b.value(e.Y, hint)
	b.settle(xs, mark)
	out := b.binaryOp(e.Op, e.OpPos, e.X, e.Y, xs[0], y)
	if sp := e.Span(); out.Span() != sp {
		respan(out, sp)
	}
	return out
}

// respan gives a new node its place.
func respan(x hir.Expr, sp source.Span) {
	switch x := x.(type) {
	case *hir.Binary:
		x.At = sp
	case *hir.Const:
		x.At = sp
	case *hir.Intrinsic:
		x.At = sp
	}
}

// logic checks && and ||, whose right side may not be evaluated.
func (b *body) logic(e *syntax.BinaryExpr) hir.Expr {
	op := ops[e.Op]
	x := b.logicOperand(e.X, e)
	var y hir.Expr
	stmts := b.collect(func() { y = b.logicOperand(e.Y, e) })
	if bad(x.Type()) || bad(y.Type()) {
		return poisonAt(e.Span())
	}
	if len(stmts) > 0 {
		y = &hir.BlockExpr{X: at(y.Type(), y.Span()),
			Block: &hir.Block{Stmts: stmts, Value: y, At: y.Span()}}
	}
	return b.foldBinary(op, x, y, x.Type(), e.Span())
}

func (b *body) logicOperand(s syntax.Expr, e *syntax.BinaryExpr) hir.Expr {
	x := b.read(b.expr(s, boolean))
	want := boolean
	if t := x.Type(); b.kernel && t != boolean {
		if t.Kind == hir.Tile && t.Elem == tile.Bool {
			single := map[syntax.Kind]string{syntax.AndAnd: "&", syntax.OrOr: "|"}[e.Op]
			b.errorf(diag.BadOperand, e.OpPos, "%s chooses a path, tiles have many", e.Op.Symbol()).
				Hint("write %s", single).Replace(e.OpPos, single, "write "+single)
			return poisonAt(s.Span())
		}
		want = b.types.scalar(tile.Bool)
	}
	return b.coerce(x, want, e.OpPos, e.Op.Symbol()+" takes two bools")
}

// foldBinary makes a node, or a constant of two.
func (b *body) foldBinary(op hir.Op, x, y hir.Expr, t *hir.Type, sp source.Span) hir.Expr {
	cx, ok1 := x.(*hir.Const)
	cy, ok2 := y.(*hir.Const)
	if ok1 && ok2 && !tiled(cx.T) && !tiled(cy.T) {
		if v, ok := fold(op, cx.Value, cy.Value); ok {
			c := &hir.Const{X: at(t, sp), Value: v}
			if b.isLit(x) && b.isLit(y) && t == integer {
				return b.lit(c)
			}
			return c
		}
	}
	if b.kernel && !tiled(x.Type()) {
		x, y = b.runtime(x), b.runtime(y)
		if t == integer || t == float || t == boolean {
			t = b.runtimeType(t)
		}
	}
	return &hir.Binary{X: at(t, sp), Op: op, L: x, R: y}
}

func (b *body) runtimeType(t *hir.Type) *hir.Type {
	switch t {
	case integer:
		return b.types.scalar(tile.I32)
	case float:
		return b.types.scalar(tile.F32)
	case boolean:
		return b.types.scalar(tile.Bool)
	}
	return t
}

// binaryOp checks x op y for all operators but && and ||; ex and ey are for messages.
func (b *body) binaryOp(op syntax.Kind, opAt source.Span, ex, ey syntax.Expr, x,
	y hir.Expr) hir.Expr {
	sp := ex.Span().To(ey.Span())
	if bad(x.Type()) || bad(y.Type()) {
		return poisonAt(sp)
	}
	if deref(x.Type()).Kind == hir.Tensor || deref(y.Type()).Kind == hir.Tensor {
		if b.kernel {
			return b.wholeTensor(x, y, opAt)
		}
		if name, ok := tensorOps[op]; ok {
			return b.tensorOp(name, opAt, sp, x, y)
		}
		b.operands(op, opAt, ex, ey, x.Type(), y.Type())
		return poisonAt(sp)
	}
	x, y = b.read(x), b.read(y)
	if op == syntax.At {
		return b.dot(opAt, sp, ex, ey, x, y)
	}
	if tiled(x.Type()) || tiled(y.Type()) {
		return b.tileBinary(op, opAt, ex, ey, x, y)
	}
	x, y = b.balance(x, y)
	tx, ty := x.Type(), y.Type()
	if tx == ty {
		if isCompare(op) {
			if ordered(tx) || (op == syntax.Eq || op == syntax.Ne) && equal(tx) {
				return b.compareOp(op, x, y, sp)
			}
		} else if arithmetic(op, tx) {
			return b.foldBinary(ops[op], x, y, tx, sp)
		}
	}
	b.operands(op, opAt, ex, ey, tx, ty)
	return poisonAt(sp)
}

func (b *body) compareOp(op syntax.Kind, x, y hir.Expr, sp source.Span) hir.Expr {
	if x.Type().Kind == hir.Enum {
		x = &hir.TagOf{X: at(integer, x.Span()), Arg: x}
		y = &hir.TagOf{X: at(integer, y.Span()), Arg: y}
	}
	return b.foldBinary(ops[op], x, y, boolean, sp)
}

func (b *body) wholeTensor(x, y hir.Expr, opAt source.Span) hir.Expr {
	t := x
	if deref(x.Type()).Kind != hir.Tensor {
		t = y
	}
	d := b.errorf(diag.KernelBody, t.Span(), "this is a whole tensor, a program has tiles of it")
	if v := root(t); v != nil {
		d.With(v.At, "%s is %s", v.Name, String(v.Type)).Hint("read a tile: %s[i, j]", v.Name)
	}
	return poisonAt(t.Span())
}

// balance turns an integer literal into a float beside a float.
func (b *body) balance(x, y hir.Expr) (hir.Expr, hir.Expr) {
	if x.Type() == integer && y.Type() == float && (b.isLit(x) || b.kernelConst(x)) {
		x = b.floatLit(x)
	}
	if x.Type() == float && y.Type() == integer && (b.isLit(y) || b.kernelConst(y)) {
		y = b.floatLit(y)
	}
	return x, y
}

// kernelConst tells a constant of a kernel, which has no type of its own yet.
func (b *body) kernelConst(x hir.Expr) bool {
	_, ok := x.(*hir.Const)
	return ok && b.kernel
}

func ordered(t *hir.Type) bool { return t == integer || t == float || t == text }

// equal tells types with == beside the ordered ones.
func equal(t *hir.Type) bool {
	switch t.Kind {
	case hir.Bool, hir.ElemType, hir.LayoutType, hir.Device:
		return true
	case hir.Enum:
		for _, v := range t.Def.Variants {
			if len(v.Types) > 0 {
				return false
			}
		}
		return true
	}
	return false
}

func arithmetic(op syntax.Kind, t *hir.Type) bool {
	switch op {
	case syntax.Add:
		return t == integer || t == float || t == text
	case syntax.Sub, syntax.Mul, syntax.Div:
		return t == integer || t == float
	case syntax.Rem, syntax.Shl, syntax.Shr:
		return t == integer
	case syntax.And, syntax.Or, syntax.Xor:
		return t == integer || t == boolean
	}
	return false
}

func (b *body) operands(op syntax.Kind, opAt source.Span, ex, ey syntax.Expr, x, y *hir.Type) {
	d := b.errorf(diag.BadOperand, opAt, "%s cannot be applied to %s and %s", op.Symbol(),
		String(x),
		String(y))
	d.With(ex.Span(), "%s", String(x)).With(ey.Span(), "%s", String(y))
	wrap := func(e syntax.Expr) {
		sp := e.Span()
		d.Replace(source.Span{Pos: sp.Pos, End: sp.Pos}, "float(", "convert with float").
			Replace(source.Span{Pos: sp.End, End: sp.End}, ")", "")
	}
	switch {
	case x == integer && y == float:
		d.Hint("numbers do not convert by themselves: write float(...) or int(...)")
		wrap(ex)
	case x == float && y == integer:
		d.Hint("numbers do not convert by themselves: write float(...) or int(...)")
		wrap(ey)
	case x.Kind == hir.Span || y.Kind == hir.Span:
		d.Hint("a span elsewhere is span(i.start + 1, %d), its indices are iota(i)",
			max(x.Size, y.Size))
	case x == text || y == text:
		d.Hint("str(...) turns a value into a string; f\"{x}\" puts it into one")
	case x == y && (x.Kind == hir.Struct || x.Kind == hir.Enum):
		d.Hint("compare their parts, or use match")
	}
}

// cast checks x as T.
func (b *body) cast(e *syntax.CastExpr) hir.Expr {
	x := b.read(b.value(e.X, nil))
	t := x.Type()
	if b.kernel {
		elem, ok := b.elemArg(e.Type, b.scope)
		if p, is := e.Type.(*syntax.PathType); is && (p.Parts[0].Text == "int" ||
			p.Parts[0].Text == "float") {
			elem, ok = b.typ(e.Type, b.scope, true).Elem, true
		}
		if !ok || bad(t) {
			return poisonAt(e.Span())
		}
		return b.castTo(x, elem, e.Span())
	}
	if t.Kind == hir.Tensor {
		return b.castTensor(x, e)
	}
	to := b.hostType(e.Type, b.scope)
	if bad(t) || bad(to) {
		return poisonAt(e.Span())
	}
	return b.castHost(x, to, e.Span())
}

// castHost converts numbers of the host.
func (b *body) castHost(x hir.Expr, to *hir.Type, sp source.Span) hir.Expr {
	t := x.Type()
	number := func(t *hir.Type) bool { return t == integer || t == float || t == boolean }
	if !number(t) || !number(to) || to == boolean && t != boolean {
		d := b.errorf(diag.BadCast, sp, "%s cannot become %s", String(t), String(to))
		switch {
		case to == text:
			d.Hint("write str(...)")
		case to == boolean:
			d.Hint("compare it: x != 0")
		}
		return poisonAt(sp)
	}
	if c, ok := x.(*hir.Const); ok {
		switch v := c.Value.(type) {
		case int64:
			if to == float {
				return &hir.Const{X: at(float, sp), Value: float64(v)}
			}
		case float64:
			if to == integer && v > -1e15 && v < 1e15 {
				return &hir.Const{X: at(integer, sp), Value: int64(v)}
			}
		}
	}
	if t == to {
		return x
	}
	return &hir.CastTo{X: at(to, sp), Arg: x}
}
