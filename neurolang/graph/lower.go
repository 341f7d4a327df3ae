package graph

import (
	"fmt"
	"slices"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/vm"
)

// Lower makes the function's body anew. kernel gives the kernel of hir that stands for tile IR: the
// old one, or one for a kernel that passes have made.
func (f *Function) Lower(kernel func(*tir.Kernel) *hir.Kernel) *hir.Block {
	l := &lowering{Function: f, kernel: kernel, vars: map[*Value]hir.Expr{},
		out: &hir.Block{At: f.fn.Body.At}}
	for _, p := range f.Params {
		l.vars[p] = f.exprs[p]
	}
	if f.Arena > 0 {
		l.arena = l.let("arena", &hir.Type{Kind: hir.Tensor, Elem: tile.U8,
			Dims: []hir.Dim{{Const: f.Arena}}}, intrinsic("Tensor::alloc", l.arenaType(),
			list(integer(f.Arena)), elem(tile.U8), nil, nil))
	}
	for _, n := range f.Nodes {
		l.node(n)
	}
	next := 0
	l.out.Value = l.result(f.fn.Result, &next)
	return l.out
}

type lowering struct {
	*Function
	kernel func(*tir.Kernel) *hir.Kernel
	vars   map[*Value]hir.Expr
	out    *hir.Block
	arena  *hir.Var
}

func intrinsic(name string, t *hir.Type, args ...hir.Expr) hir.Expr {
	return &hir.Intrinsic{X: hir.X{T: t}, Name: name, Args: args}
}

var (
	elemType   = &hir.Type{Kind: hir.ElemType}
	layoutType = &hir.Type{Kind: hir.LayoutType}
	intsType   = &hir.Type{Kind: hir.Array, Args: []*hir.Type{intType}}
	floatType  = &hir.Type{Kind: hir.Float}
	unitType   = &hir.Type{Kind: hir.Unit}
	rangeType  = &hir.Type{Kind: hir.Range}
)

func elem(e tile.Elem) hir.Expr { return &hir.Const{X: hir.X{T: elemType}, Value: e} }

func layoutConst(l tile.Layout) hir.Expr {
	return &hir.Const{X: hir.X{T: layoutType}, Value: layout(l)}
}

func list(es ...hir.Expr) hir.Expr { return &hir.ArrayOf{X: hir.X{T: intsType}, Elems: es} }

func (l *lowering) arenaType() *hir.Type {
	return &hir.Type{Kind: hir.Tensor, Elem: tile.U8, Dims: []hir.Dim{{Const: l.Arena}}}
}

// hirType is a tensor's type for the host.
func hirType(t Type) *hir.Type {
	out := &hir.Type{Kind: hir.Tensor, Elem: t.Elem, Layout: layout(t.Layout)}
	for _, d := range t.Dims {
		x := hir.Dim{Const: d.Const, Sym: d.Sym}
		if d.Sym != "" {
			x.Const = -1
		}
		out.Dims = append(out.Dims, x)
	}
	return out
}

func (l *lowering) let(name string, t *hir.Type, x hir.Expr) *hir.Var {
	v := &hir.Var{Name: name, Type: t, Mutable: true}
	l.out.Stmts = append(l.out.Stmts, &hir.Let{Var: v, Value: x})
	return v
}

func local(v *hir.Var) *hir.Local { return &hir.Local{X: hir.X{T: v.Type}, Var: v} }

// set binds a value to what makes it.
func (l *lowering) set(v *Value, x hir.Expr) {
	l.vars[v] = local(l.let(fmt.Sprintf("t%d", v.ID), hirType(v.Type), x))
}

// shapeOf is a shape as an array of the host.
func (l *lowering) shapeOf(t Type) hir.Expr {
	var es []hir.Expr
	for _, d := range t.Dims {
		es = append(es, l.dimExpr(d))
	}
	return list(es...)
}

func (l *lowering) node(n *Node) {
	switch n.Op {
	case Launch:
		l.launch(n)
	case Scalar:
		l.vars[n.Results[0]] = scalarExpr(n)
	case Free:
		l.free(n.Args[0])
	case Fill:
		l.set(n.Results[0], l.fill(n))
	case Transpose:
		l.set(n.Results[0], intrinsic("Tensor.t", hirType(n.Results[0].Type), l.vars[n.Args[0]]))
	case Copy:
		l.set(n.Results[0], intrinsic("Tensor.copy", hirType(n.Results[0].Type), l.vars[n.Args[0]]))
	case Reshape:
		l.set(n.Results[0], intrinsic("Tensor.reshape", hirType(n.Results[0].Type),
			l.vars[n.Args[0]], l.shapeOf(n.Results[0].Type)))
	case Slice:
		r := &hir.RangeOf{X: hir.X{T: rangeType}, Lo: integer(n.Lo), Hi: integer(n.Hi)}
		l.set(n.Results[0], &hir.IndexOf{X: hir.X{T: hirType(n.Results[0].Type)},
			Arg: l.vars[n.Args[0]], Indices: []hir.Expr{r}})
	}
}

// free drops a variable; a parameter too, if it is one as a whole.
func (l *lowering) free(v *Value) {
	if x, ok := l.vars[v].(*hir.Local); ok {
		l.out.Stmts = append(l.out.Stmts, &hir.Drop{Var: x.Var})
	}
}

func scalarExpr(n *Node) hir.Expr {
	switch n.Results[0].Type.Elem {
	case tile.I32, tile.I8, tile.U8:
		return &hir.Const{X: hir.X{T: intType, At: n.At}, Value: int64(n.Num)}
	case tile.Bool:
		return &hir.Const{X: hir.X{T: &hir.Type{Kind: hir.Bool}, At: n.At}, Value: n.Num != 0}
	}
	return &hir.Const{X: hir.X{T: floatType, At: n.At}, Value: n.Num}
}

// names of the intrinsics that make tensors, by contents.
var fillers = func() map[vm.FillKind]string {
	out := map[vm.FillKind]string{}
	for name, m := range made {
		out[m.kind] = name
	}
	return out
}()

func (l *lowering) fill(n *Node) hir.Expr {
	name, t := fillers[n.Fill.Kind], n.Results[0].Type
	args := []hir.Expr{l.shapeOf(t), elem(t.Elem)}
	switch n.Fill.Kind {
	case vm.FillValue:
		args = append(args, &hir.Const{X: hir.X{T: floatType}, Value: n.Fill.Value})
	case vm.FillRandn, vm.FillUniform:
		args = append(args, integer(int(n.Fill.Seed)))
	}
	return intrinsic(name, hirType(t), append(args, layoutConst(t.Layout), nil)...)
}

// launch lends its arguments. Results in the arena are views made before it; others it makes.
func (l *lowering) launch(n *Node) {
	x := &hir.Launch{X: hir.X{T: unitType, At: n.At}, Kernel: l.kernel(n.Kernel)}
	for _, a := range n.Args {
		x.Args = append(x.Args, l.vars[a])
	}
	outs := n.Results[:len(n.Kernel.Outs)]
	for i, w := range n.written() {
		l.vars[n.Results[len(outs)+i]] = l.vars[n.Args[w]]
	}
	planned := slices.ContainsFunc(outs, func(r *Value) bool { return r.Offset >= 0 })
	switch {
	case planned:
		for _, r := range outs {
			l.set(r, l.room(r))
			x.Into = append(x.Into, l.vars[r])
		}
		l.out.Stmts = append(l.out.Stmts, &hir.Do{X: x})
	case len(outs) == 0:
		l.out.Stmts = append(l.out.Stmts, &hir.Do{X: x})
	case len(outs) == 1:
		x.T = hirType(outs[0].Type)
		l.set(outs[0], x)
	default:
		x.T = &hir.Type{Kind: hir.Tuple}
		for _, r := range outs {
			x.T.Args = append(x.T.Args, hirType(r.Type))
		}
		t := l.let("results", x.T, x)
		for i, r := range outs {
			l.set(r, &hir.FieldOf{X: hir.X{T: x.T.Args[i]}, Arg: local(t), Index: i})
		}
	}
}

// room is memory for a result: its place in the arena, or its own.
func (l *lowering) room(r *Value) hir.Expr {
	if r.Offset < 0 {
		return intrinsic("Tensor::alloc", hirType(r.Type), l.shapeOf(r.Type), elem(r.Type.Elem),
			layoutConst(r.Type.Layout), nil)
	}
	return intrinsic("Tensor.place", hirType(r.Type), local(l.arena), integer(r.Offset),
		elem(r.Type.Elem), l.shapeOf(r.Type), layoutConst(r.Type.Layout))
}

// result is what the function returns, of the graph's results in order.
func (l *lowering) result(t *hir.Type, next *int) hir.Expr {
	switch t.Kind {
	case hir.Tensor:
		x := l.vars[l.Results[*next]]
		*next++
		if v, ok := x.(*hir.Local); ok {
			return &hir.Local{X: v.X, Var: v.Var, Move: true}
		}
		return x
	case hir.Tuple, hir.Struct:
		var es []hir.Expr
		for _, f := range fields(t) {
			es = append(es, l.result(f.typ, next))
		}
		if t.Kind == hir.Struct {
			return &hir.StructOf{X: hir.X{T: t}, Fields: es}
		}
		return &hir.TupleOf{X: hir.X{T: t}, Elems: es}
	}
	return nil
}
