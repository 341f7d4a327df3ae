package graph

import (
	"tensoros/neurolang/abi"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

func (b *builder) expr(e hir.Expr, env *frame) *item {
	switch x := e.(type) {
	case *hir.Local, *hir.Deref, *hir.RefOf, *hir.FieldOf:
		if f, ok := e.(*hir.FieldOf); ok {
			it := b.expr(f.Arg, env)
			if f.Index >= len(it.parts) {
				fail(e.Span(), "a graph does not know this part")
			}
			return it.parts[f.Index]
		}
		return b.place(e, env)
	case *hir.Const, *hir.DimOf, *hir.Unary, *hir.Binary, *hir.CastTo:
		return &item{scalar: b.scalar(e, env)}
	case *hir.ArrayOf:
		return &item{dims: b.dimList(x, env)}
	case *hir.TupleOf:
		return &item{parts: b.all(x.Elems, env)}
	case *hir.StructOf:
		return &item{parts: b.all(x.Fields, env)}
	case *hir.BlockExpr:
		return b.body(x.Block, env)
	case *hir.Launch:
		return b.launch(x, env)
	case *hir.Intrinsic:
		return b.intrinsic(x, env)
	case *hir.IndexOf:
		return b.slice(x, env)
	case *hir.Call:
		return b.call(x, env)
	case *hir.If:
		fail(e.Span(), "a graph has no branches")
	}
	fail(e.Span(), "this has no place in a graph")
	return nil
}

func (b *builder) all(es []hir.Expr, env *frame) (out []*item) {
	for _, e := range es {
		out = append(out, b.expr(e, env))
	}
	return out
}

// call builds a function in place.
func (b *builder) call(x *hir.Call, env *frame) *item {
	if env.depth == maxInline {
		fail(x.At, "calls are nested more than %d deep in a graph", maxInline)
	}
	in := &frame{vars: map[*hir.Var]*item{}, dims: map[string]abi.Dim{}, depth: env.depth + 1}
	for i, p := range x.Fn.Params {
		in.vars[p] = b.expr(x.Args[i], env)
		bindDims(in.dims, p.Type, in.vars[p])
	}
	out := b.body(x.Fn.Body, in)
	if out == nil {
		return &item{}
	}
	return out
}

// bindDims learns what a function's names for dimensions are in the graph.
func bindDims(dims map[string]abi.Dim, t *hir.Type, it *item) {
	for t.Kind == hir.Ref {
		t = t.Args[0]
	}
	if t.Kind == hir.Tensor && it.value != nil && !t.AnyDim {
		for d, x := range t.Dims {
			if x.Sym != "" && d < len(it.value.Type.Dims) {
				dims[x.Sym] = it.value.Type.Dims[d]
			}
		}
	}
	if t.Kind == hir.Tuple || t.Kind == hir.Struct {
		for i, f := range fields(t) {
			if i < len(it.parts) {
				bindDims(dims, f.typ, it.parts[i])
			}
		}
	}
}

// scalar puts what variables stand for into an expression of the host.
func (b *builder) scalar(e hir.Expr, env *frame) hir.Expr {
	switch x := e.(type) {
	case *hir.Const:
		return x
	case *hir.DimOf:
		d, ok := env.dims[x.Sym]
		if !ok {
			return x
		}
		return b.dimExpr(d)
	case *hir.Unary:
		y := *x
		y.Arg = b.scalar(x.Arg, env)
		return &y
	case *hir.Binary:
		y := *x
		y.L, y.R = b.scalar(x.L, env), b.scalar(x.R, env)
		return &y
	case *hir.CastTo:
		y := *x
		y.Arg = b.scalar(x.Arg, env)
		return &y
	}
	it := b.expr(e, env)
	if it.scalar == nil {
		fail(e.Span(), "a graph computes with numbers known at its start")
	}
	return it.scalar
}

func (b *builder) launch(x *hir.Launch, env *frame) *item {
	k := b.kernel(x.Kernel)
	if k == nil {
		fail(x.At, "the kernel %s has no code", x.Kernel.Name)
	}
	n := &Node{Op: Launch, Kernel: k, At: x.At}
	var places []*item
	for i, a := range x.Args {
		it := b.place(a, env)
		places = append(places, it)
		switch {
		case it.value != nil:
			n.Args = append(n.Args, it.value)
		case it.scalar != nil:
			n.Args = append(n.Args, b.scalarValue(it.scalar))
		default:
			fail(a.Span(), "argument %d is no tensor and no number", i)
		}
	}
	types, err := n.Infer()
	if err != nil {
		fail(x.At, "%v", err)
	}
	b.Append(n, types...)
	var outs []*item
	for i := range k.Outs {
		outs = append(outs, &item{value: n.Results[i]})
	}
	for i, w := range n.written() {
		places[w].value = n.Results[len(k.Outs)+i]
	}
	if len(outs) == 1 {
		return outs[0]
	}
	return &item{parts: outs}
}

// scalarValue is a number of the host as a value of the graph.
func (b *builder) scalarValue(e hir.Expr) *Value {
	if v := b.scalars[e]; v != nil {
		return v
	}
	t := Type{Elem: tile.F32}
	switch e.Type().Kind {
	case hir.Int:
		t.Elem = tile.I32
	case hir.Bool:
		t.Elem = tile.Bool
	case hir.Scalar:
		t.Elem = e.Type().Elem
	}
	var v *Value
	if c, ok := e.(*hir.Const); ok {
		v = b.Append(&Node{Op: Scalar, Num: constNumber(c.Value), At: c.At}, t).Results[0]
	} else {
		v = b.Param("", t, false)
		b.exprs[v] = e
	}
	b.scalars[e] = v
	return v
}

func constNumber(c any) float64 {
	switch c := c.(type) {
	case int64:
		return float64(c)
	case float64:
		return c
	case bool:
		if c {
			return 1
		}
	}
	return 0
}

// made are the intrinsics that make tensors: contents, and the place of the fill's argument or -1.
var made = map[string]struct {
	kind  vm.FillKind
	value int
	rest  int // where layout and device stand
}{
	"Tensor::alloc": {vm.FillNone, -1, 2}, "Tensor::zeros": {vm.FillZero, -1, 2},
	"Tensor::full": {vm.FillValue, 2, 3}, "Tensor::randn": {vm.FillRandn, 2, 3},
	"Tensor::uniform": {vm.FillUniform, 2, 3}, "Tensor::iota": {vm.FillIota, -1, 2},
}

func (b *builder) intrinsic(x *hir.Intrinsic, env *frame) *item {
	if m, ok := made[x.Name]; ok {
		if x.Args[m.rest+1] != nil {
			fail(x.At, "a graph stays on the device of its arguments")
		}
		n := &Node{Op: Fill, At: x.At}
		n.Fill.Kind = m.kind
		if m.value >= 0 && x.Args[m.value] != nil {
			c, ok := b.scalar(x.Args[m.value], env).(*hir.Const)
			if !ok {
				fail(x.At, "the contents of a graph's tensors are constants")
			}
			n.Fill.Value, n.Fill.Seed = constNumber(c.Value), uint64(int64(constNumber(c.Value)))
		}
		t := Type{Tensor: true, Layout: tile.RowMajor, Dims: b.dims(x.Args[0], env)}
		t.Elem, _ = constOf(b.expr(x.Args[1], env).scalar).(tile.Elem)
		if l, ok := constOf(x.Args[m.rest]).(tile.Layout); ok {
			t.Layout = l
		}
		if t.Elem == tile.NoElem {
			fail(x.At, "a graph wants a constant element type")
		}
		return &item{value: b.Append(n, t).Results[0]}
	}
	var n *Node
	var t Type
	switch x.Name {
	case "Tensor.t":
		n = &Node{Op: Transpose}
	case "Tensor.copy":
		n = &Node{Op: Copy}
	case "Tensor.reshape":
		n = &Node{Op: Reshape}
	case "Tensor.shape":
		return &item{dims: b.tensor(x.Args[0], env).Type.Dims}
	case "Tensor.elem":
		return &item{scalar: elem(b.tensor(x.Args[0], env).Type.Elem)}
	case "Tensor.dim":
		return &item{scalar: b.dimOf(x, env)}
	case "Tensor.expect":
		return b.expr(x.Args[0], env) // known ranks are checked by the launches
	default:
		fail(x.At, "%s has no place in a graph", x.Name)
	}
	v := b.tensor(x.Args[0], env)
	n.Args, n.At = []*Value{v}, x.At
	if n.Op == Reshape {
		t = Type{Tensor: true, Elem: v.Type.Elem, Layout: tile.RowMajor,
			Dims: b.dims(x.Args[1], env)}
		return &item{value: b.Append(n, t).Results[0]}
	}
	types, err := n.Infer()
	if err != nil {
		fail(x.At, "%v", err)
	}
	if n.Op == Transpose && x.T.Layout != tile.NoLayout {
		types[0].Layout = x.T.Layout
	}
	return &item{value: b.Append(n, types...).Results[0]}
}

func (b *builder) tensor(e hir.Expr, env *frame) *Value {
	it := b.expr(e, env)
	if it.value == nil || !it.value.Type.Tensor {
		fail(e.Span(), "a graph wants a tensor here")
	}
	return it.value
}

func constOf(e hir.Expr) any {
	if c, ok := e.(*hir.Const); ok {
		return c.Value
	}
	return nil
}

// slice is t[a..b] along the first dimension.
func (b *builder) slice(x *hir.IndexOf, env *frame) *item {
	r, ok := x.Indices[0].(*hir.RangeOf)
	if !ok || len(x.Indices) != 1 {
		fail(x.At, "a graph slices along the first dimension")
	}
	lo, ok1 := constOf(b.scalar(r.Lo, env)).(int64)
	hi, ok2 := constOf(b.scalar(r.Hi, env)).(int64)
	if !ok1 || !ok2 {
		fail(x.At, "a graph slices at constants")
	}
	n := &Node{Op: Slice, Args: []*Value{b.tensor(x.Arg, env)}, Lo: int(lo), Hi: int(hi), At: x.At}
	types, err := n.Infer()
	if err != nil {
		fail(x.At, "%v", err)
	}
	return &item{value: b.Append(n, types...).Results[0]}
}
