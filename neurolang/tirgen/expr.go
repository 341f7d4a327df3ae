package tirgen

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// number makes an expression that is a scalar or a tile.
func (g *gen) number(e hir.Expr) *tir.Value {
	v, ok := g.expr(e).(*tir.Value)
	if !ok {
		g.fail(diag.KernelBody, e.Span(), "", "a number or a tile is needed here, this is %s",
			kindName(e.Type()))
	}
	return v
}

func kindName(t *hir.Type) string {
	switch t.Kind {
	case hir.String:
		return "a string"
	case hir.Array:
		return "an array"
	case hir.Tensor, hir.Ref:
		return "a tensor: index it to read a tile"
	case hir.Device:
		return "a device"
	}
	return "none"
}

func (g *gen) expr(e hir.Expr) value {
	defer g.at(e.Span())()
	switch e := e.(type) {
	case *hir.Const:
		return g.constant(e)
	case *hir.Local:
		return g.local(e)
	case *hir.DimOf:
		return g.b.Op(tir.Extent, tir.Attrs{Sym: e.Sym}, i32)
	case *hir.Unary:
		return g.b.Unary(map[hir.Op]tir.Kind{hir.Neg: tir.Neg, hir.Not: tir.Not}[e.Op],
			g.number(e.Arg))
	case *hir.Binary:
		return g.binary(e)
	case *hir.Call:
		return g.call(e.Fn, g.all(e.Args), e)
	case *hir.CallValue:
		c := g.expr(e.Fn).(closure)
		return g.call(c.fn, append(append([]value{}, c.captured...), g.all(e.Args)...), e)
	case *hir.FuncValue:
		return closure{e.Fn, g.all(e.Captured)}
	case *hir.Intrinsic:
		return g.intrinsic(e)
	case *hir.Load:
		return g.load(e)
	case *hir.If:
		return g.ifExpr(e)
	case *hir.BlockExpr:
		return g.block(e.Block)
	case *hir.CastTo:
		return g.cast(e)
	}
	return g.compound(e)
}

// compound makes tuples, structs and what is inside of them.
func (g *gen) compound(e hir.Expr) value {
	switch e := e.(type) {
	case *hir.TupleOf:
		return tuple(g.all(e.Elems))
	case *hir.StructOf:
		return tuple(g.all(e.Fields))
	case *hir.FieldOf:
		return g.expr(e.Arg).(tuple)[e.Index]
	case *hir.RefOf:
		return g.expr(e.Place)
	case *hir.Deref:
		return g.expr(e.Arg)
	}
	g.fail(diag.KernelBody, e.Span(), "kernels compute with numbers, tiles, spans, tuples and "+
		"structs of them", "this cannot stand in a kernel")
	return nil
}

func (g *gen) all(es []hir.Expr) []value {
	out := make([]value, len(es))
	for i, e := range es {
		out[i] = g.expr(e)
	}
	return out
}

func (g *gen) constant(e *hir.Const) value {
	t := typeOf(e.T)
	switch x := e.Value.(type) {
	case int64:
		if tir.IsFloat(t.Elem) {
			return g.b.Float(t, float64(x))
		}
		return g.b.Int(t, x)
	case float64:
		if t.Elem == tile.NoElem {
			t.Elem = tile.F32
		}
		return g.b.Number(t, x)
	case bool:
		n := int64(0)
		if x {
			n = 1
		}
		return g.b.Int(tir.Scalar(tile.Bool), n)
	}
	return e.Value // an element type, a layout, text: arguments of functions
}

func (g *gen) local(e *hir.Local) value {
	if g.lift != nil {
		if v, ok := g.lift.local(g, e); ok {
			return v
		}
	}
	v, ok := g.env[e.Var]
	if _, tensor := g.params[e.Var]; !ok && !tensor {
		g.fail(diag.KernelBody, e.At, "", "%s has no value in a kernel", e.Var.Name)
	}
	return v
}

var binaries = map[hir.Op]tir.Kind{hir.Add: tir.Add, hir.Sub: tir.Sub, hir.Mul: tir.Mul,
	hir.Div: tir.Div, hir.Rem: tir.Rem, hir.And: tir.And, hir.Or: tir.Or, hir.Xor: tir.Xor,
	hir.Shl: tir.Shl, hir.Shr: tir.Shr, hir.Eq: tir.Eq, hir.Ne: tir.Ne, hir.Lt: tir.Lt,
	hir.Le: tir.Le, hir.Gt: tir.Gt, hir.Ge: tir.Ge, hir.AndAnd: tir.And, hir.OrOr: tir.Or}

func (g *gen) binary(e *hir.Binary) value {
	x, y := g.number(e.L), g.number(e.R)
	if e.Op == hir.Add && x.Type.Equal(y.Type) {
		if isDot(e.R) && g.accumulate(y, x) {
			return y
		}
		if isDot(e.L) && g.accumulate(x, y) {
			return x
		}
	}
	x, y = g.together(x, y)
	return g.fold(binaries[e.Op], x, y)
}

// isDot tells whether an expression is a product that nothing else names.
func isDot(e hir.Expr) bool {
	x, ok := e.(*hir.Intrinsic)
	return ok && x.Name == "dot"
}

// accumulate lets a dot that was just made begin with what is to be added to it: c + a @ b is one
// operation, whose sum the Tensor Core keeps.
func (g *gen) accumulate(dot, c *tir.Value) bool {
	op := dot.Op
	if op == nil || op.Kind != tir.Dot || op != g.b.B.Ops[len(g.b.B.Ops)-1] {
		return false
	}
	zero := op.Args[2].Op
	if zero == nil || zero.Kind != tir.Const || zero.Num != 0 || zero.Int != 0 {
		return false
	}
	op.Args[2] = c
	return true
}

// fold computes on constant indices at once, so that loops and branches over them are seen to be
// constant.
func (g *gen) fold(kind tir.Kind, x, y *tir.Value) *tir.Value {
	if a, ok := constIndex(x); ok {
		if b, ok := constIndex(y); ok {
			switch kind {
			case tir.Add:
				return g.b.Index(int(int32(a + b)))
			case tir.Sub:
				return g.b.Index(int(int32(a - b)))
			case tir.Mul:
				return g.b.Index(int(int32(a * b)))
			case tir.Div:
				if b != 0 {
					return g.b.Index(int(int32(a / b)))
				}
			}
		}
	}
	return g.b.Binary(kind, x, y)
}

func constIndex(v *tir.Value) (int64, bool) {
	if v.Op == nil || v.Op.Kind != tir.Const || !v.Type.Equal(i32) {
		return 0, false
	}
	return v.Op.Int, true
}

// together stretches two operands to one shape, by rule numpy.
func (g *gen) together(x, y *tir.Value) (*tir.Value, *tir.Value) {
	if x.Type.SameShape(y.Type) {
		return x, y
	}
	dims := joint(x.Type.Dims, y.Type.Dims)
	return g.b.Broadcast(x, dims), g.b.Broadcast(y, dims)
}

func joint(a, b []int) []int {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]int{}, a...)
	for i, d := range b {
		at := len(a) - len(b) + i
		out[at] = max(out[at], d)
	}
	return out
}

// maxCalls bounds how deeply functions are inlined.
const maxCalls = 64

// call inlines a function.
func (g *gen) call(fn *hir.Fn, args []value, at hir.Expr) value {
	if g.calls++; g.calls > maxCalls {
		g.fail(diag.KernelBody, at.Span(), "write the recursion as a loop",
			"%s calls itself: kernels have no calls, functions become part of them", fn.Name)
	}
	defer func() { g.calls-- }()
	saved := g.lift
	g.lift = nil
	for i, p := range fn.Params {
		g.env[p] = args[i]
	}
	v := g.body(fn.Body)
	g.lift = saved
	return v
}

func (g *gen) cast(e *hir.CastTo) value {
	x := g.number(e.Arg)
	to := elem(e.T)
	if op := x.Op; op != nil && op.Kind == tir.Const && x.Type.Rank() == 0 &&
		tir.IsInt(x.Type.Elem) && tir.IsFloat(to) {
		return g.b.Float(tir.Scalar(to), float64(op.Int))
	}
	return g.b.Cast(x, to)
}

// view gives the parameter, sizes and indices of a view.
func (g *gen) view(e *hir.Load) (param int, sizes []int, index []*tir.Value) {
	param, ok := g.params[e.Tensor]
	if !ok {
		v, isTensor := g.env[e.Tensor].(tensorRef)
		if !isTensor {
			g.fail(diag.KernelBody, e.At, "", "%s is no tensor of the kernel", e.Tensor.Name)
		}
		param = int(v)
	}
	p := g.b.K.Tensor(param)
	for d, x := range e.Indices {
		if x == nil {
			sizes = append(sizes, p.Dims[d].Const)
			index = append(index, g.b.Index(0))
			continue
		}
		switch v := g.expr(x).(type) {
		case span:
			sizes = append(sizes, v.size)
			index = append(index, v.start)
		case *tir.Value:
			sizes = append(sizes, -min(v.Type.Rank(), 1))
			index = append(index, g.b.Cast(v, tile.I32))
		default:
			g.fail(diag.KernelBody, x.Span(), "", "this is no index")
		}
	}
	return param, sizes, index
}

// tensorRef is a tensor handed to a function: its number.
type tensorRef int

func (g *gen) load(e *hir.Load) value {
	param, sizes, index := g.view(e)
	var other *tir.Value
	if e.Other != nil {
		other = g.b.Cast(g.number(e.Other), g.b.K.Tensor(param).Elem)
	}
	return g.b.Load(param, sizes, index, other)
}

func constInt(e hir.Expr) int {
	if c, ok := e.(*hir.Const); ok {
		if n, ok := c.Value.(int64); ok {
			return int(n)
		}
	}
	return 0
}

// constInts gives the constants of an array or a tuple.
func constInts(e hir.Expr) []int {
	var parts []hir.Expr
	switch e := e.(type) {
	case *hir.ArrayOf:
		parts = e.Elems
	case *hir.TupleOf:
		parts = e.Elems
	}
	out := make([]int, len(parts))
	for i, p := range parts {
		out[i] = constInt(p)
	}
	return out
}
