package lower

import (
	"tensoros/neurolang/ir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/types"
)

// kernel lowers one kernel.
type kernel struct {
	info *types.Info
	set  *source.Set
	k    *ir.Kernel
	vals map[*types.Var]operand
	ops  map[*ir.Op]source.Span
}

// operand is a tile, or a number known now (Val nil).
type operand struct {
	val *ir.Value
	num float64
}

// Kernel lowers a kernel that was checked without error. spans gives the source of each operation.
func Kernel(fn *types.Fn, info *types.Info, set *source.Set) (k *ir.Kernel,
	spans map[*ir.Op]source.Span) {
	l := &kernel{info: info, set: set, vals: map[*types.Var]operand{},
		ops: map[*ir.Op]source.Span{}}
	l.k = &ir.Kernel{Name: fn.Name, Loc: l.loc(fn.Decl.Name.Span())}
	for _, p := range fn.Params {
		v := &ir.Value{Name: p.Name, Type: p.Type.(*types.Tile).Type}
		l.k.Params = append(l.k.Params, v)
		l.vals[p] = operand{val: v}
	}
	l.k.Out = fn.Result.(*types.Tile).Type
	for _, s := range fn.Decl.Body.Stmts {
		switch s := s.(type) {
		case *syntax.LetStmt:
			l.vals[info.Defs[s.Name]] = l.expr(s.Value)
		case *syntax.ReturnStmt:
			l.k.Ret = l.tile(l.expr(s.Value), l.k.Out, s.Value)
			return l.k, l.ops
		case *syntax.ExprStmt:
			l.k.Ret = l.tile(l.expr(s.X), l.k.Out, s.X)
		}
	}
	return l.k, l.ops
}

func (l *kernel) loc(s source.Span) ir.Loc {
	p := l.set.Position(s.Pos)
	return ir.Loc{Line: p.Line, Col: p.Col}
}

func (l *kernel) emit(e syntax.Node, kind ir.Kind, t tile.Type, imm float32,
	args ...*ir.Value) operand {
	// Between operations tiles live in registers: layout is a matter of parameters and results.
	t.Layout = tile.RowMajor
	v := l.k.Emit(kind, t, imm, l.loc(e.Span()), args...)
	l.ops[v.Op] = e.Span()
	return operand{val: v}
}

// tile makes a tile of an operand: a number is spread over the type t.
func (l *kernel) tile(o operand, t tile.Type, at syntax.Node) *ir.Value {
	if o.val != nil {
		return o.val
	}
	return l.emit(at, ir.Splat, t, float32(o.num)).val
}

var tileOps = map[syntax.Kind]ir.Kind{syntax.Add: ir.Add, syntax.Sub: ir.Sub, syntax.Mul: ir.Mul}

func (l *kernel) expr(e syntax.Expr) operand {
	switch e := e.(type) {
	case *syntax.IntLit:
		return operand{num: float64(e.Value)}
	case *syntax.FloatLit:
		return operand{num: e.Value}
	case *syntax.IdentExpr:
		v, _ := l.info.Uses[e].(*types.Var)
		return l.vals[v]
	case *syntax.UnaryExpr:
		x := l.expr(e.X)
		if x.val == nil {
			return operand{num: -x.num}
		}
		return l.emit(e, ir.Neg, x.val.Type, 0, x.val)
	case *syntax.BinaryExpr:
		x, y := l.expr(e.X), l.expr(e.Y)
		if x.val == nil && y.val == nil {
			return operand{num: l.fold(e, x.num, y.num)}
		}
		return l.binary(e, tileOps[e.Op], x, y, e.X, e.Y)
	case *syntax.CallExpr:
		return l.call(e)
	}
	return operand{}
}

// fold computes on numbers as host code would: integers stay integers.
func (l *kernel) fold(e *syntax.BinaryExpr, x, y float64) float64 {
	switch e.Op {
	case syntax.Add:
		return x + y
	case syntax.Sub:
		return x - y
	case syntax.Mul:
		return x * y
	case syntax.Div:
		if l.info.TypeOf(e) == types.Int && y != 0 {
			return float64(int64(x) / int64(y))
		}
		return x / y
	case syntax.Rem:
		if y != 0 {
			return float64(int64(x) % int64(y))
		}
	}
	return 0
}

func (l *kernel) binary(e syntax.Node, kind ir.Kind, x, y operand, ex, ey syntax.Expr) operand {
	t := x.val
	if t == nil {
		t = y.val
	}
	a, b := l.tile(x, t.Type, ex), l.tile(y, t.Type, ey)
	return l.emit(e, kind, t.Type, 0, a, b)
}

func (l *kernel) call(e *syntax.CallExpr) operand {
	c := l.info.Calls[e]
	x := l.expr(c.Args[0])
	switch c.Builtin.Name {
	case "dot":
		y := l.expr(c.Args[1])
		a, b := x.val.Type, y.val.Type
		t := tile.Type{Rows: a.Rows, Cols: b.Cols, Elem: tile.F32, Layout: tile.RowMajor}
		return l.emit(e, ir.Dot, t, 0, x.val, y.val)
	case "relu":
		return l.emit(e, ir.Relu, x.val.Type, 0, x.val)
	case "cast":
		t := l.info.TypeOf(e).(*types.Tile).Type
		return l.emit(e, ir.Cast, t, 0, x.val)
	}
	kind := ir.Max
	if c.Builtin.Name == "min" {
		kind = ir.Min
	}
	y := l.expr(c.Args[1])
	if x.val == nil && y.val == nil {
		if (x.num < y.num) == (kind == ir.Max) {
			return y
		}
		return x
	}
	return l.binary(e, kind, x, y, c.Args[0], c.Args[1])
}
