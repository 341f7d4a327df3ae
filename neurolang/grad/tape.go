package grad

import (
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
)

// value is a *node, a tuple (structs too), a *hir.Fn, or nil for unit.
type value any

type tuple []value

// closure is a function value.
type closure struct {
	fn       *hir.Fn
	captured []value
}

// node is one value of the unrolled function: a let.
type node struct {
	v    *hir.Var
	def  hir.Expr
	args []*node // what def reads
	num  any     // its constant value, if it is one: int64, float64, bool
	diff bool    // the parameters of interest reach it
	adj  *node   // the derivative of the result by it, so far
	back func(t *tape, n *node)
}

// differentiable tells whether a value can carry a derivative.
func (n *node) differentiable() bool {
	t := derived(n.v.Type)
	return t.Kind == hir.Tensor || t.Kind == hir.Float
}

type scope map[*hir.Var]value

// tape records a function as it is unrolled.
type tape struct {
	x     *expander
	at    source.Span // of grad
	root  string
	fn    *hir.Fn
	nodes []*node
	depth int
	steps int
}

// Bounds of unrolling.
const (
	maxDepth = 64
	maxSteps = 1 << 16
)

// param makes the value of a parameter: structs are taken apart.
func (t *tape) param(v *hir.Var, diff bool) value {
	return t.part(&hir.Local{X: hir.X{T: v.Type, At: v.At}, Var: v}, v, diff)
}

func (t *tape) part(e hir.Expr, v *hir.Var, diff bool) value {
	inner := derived(e.Type())
	if inner.Kind == hir.Struct || inner.Kind == hir.Tuple {
		if e.Type().Kind == hir.Ref {
			e = &hir.Deref{X: hir.X{T: inner, At: e.Span()}, Arg: e}
		}
		n := len(inner.Args)
		if inner.Kind == hir.Struct {
			n = len(inner.Def.Fields)
		}
		out := make(tuple, n)
		for i := range out {
			f := &hir.FieldOf{X: hir.X{T: partType(inner, i), At: e.Span()}, Arg: e, Index: i}
			out[i] = t.part(f, nil, diff)
		}
		return out
	}
	if v != nil { // a parameter of its own: no let
		n := &node{v: v, diff: diff}
		n.diff = n.diff && n.differentiable()
		return n
	}
	typ := e.Type()
	if owns(typ) { // a field of a borrowed struct is borrowed
		typ = &hir.Type{Kind: hir.Ref, Args: []*hir.Type{typ}}
		e = &hir.RefOf{X: hir.X{T: typ, At: e.Span()}, Place: e}
	}
	n := t.record(e, typ)
	n.diff = diff && n.differentiable()
	return n
}

// leaves lists the values in v that can carry derivatives.
func leaves(v value, out []*node) []*node {
	switch v := v.(type) {
	case *node:
		if v.differentiable() {
			out = append(out, v)
		}
	case tuple:
		for _, p := range v {
			out = leaves(p, out)
		}
	}
	return out
}

// record adds a let.
func (t *tape) record(def hir.Expr, typ *hir.Type, args ...*node) *node {
	if t.steps++; t.steps > maxSteps {
		t.fail(def.Span(), "make its loops shorter", "%s unrolls into more than %d steps", t.root,
			maxSteps)
	}
	n := &node{v: &hir.Var{Name: "v", Type: nameless(typ), At: def.Span()}, def: def, args: args}
	if c, ok := def.(*hir.Const); ok {
		n.num = c.Value
	}
	for _, a := range args {
		n.diff = n.diff || a.diff
	}
	t.nodes = append(t.nodes, n)
	return n
}

// nameless is a type without the names of dimensions: they belong to functions that are unrolled.
func nameless(t *hir.Type) *hir.Type {
	if len(t.Args) == 0 && len(t.Dims) == 0 {
		return t
	}
	u := *t
	u.Args, u.Dims = nil, nil
	for _, a := range t.Args {
		u.Args = append(u.Args, nameless(a))
	}
	for _, d := range t.Dims {
		if d.Sym != "" {
			d = hir.Dim{Const: -1}
		}
		u.Dims = append(u.Dims, d)
	}
	return &u
}

// use reads a node; tensors are borrowed.
func (t *tape) use(n *node) hir.Expr {
	e := &hir.Local{X: hir.X{T: n.v.Type, At: n.v.At}, Var: n.v}
	if n.v.Type.Kind == hir.Tensor {
		ref := &hir.Type{Kind: hir.Ref, Args: []*hir.Type{n.v.Type}}
		return &hir.RefOf{X: hir.X{T: ref, At: n.v.At}, Place: e}
	}
	return e
}

func (t *tape) uses(ns []*node) []hir.Expr {
	out := make([]hir.Expr, len(ns))
	for i, n := range ns {
		if n != nil {
			out[i] = t.use(n)
		}
	}
	return out
}

// method records a call of an intrinsic whose receiver and arguments are nodes.
func (t *tape) method(name string, typ *hir.Type, args ...*node) *node {
	return t.record(&hir.Intrinsic{X: hir.X{T: typ, At: t.at}, Name: name, Args: t.uses(args)},
		typ, args...)
}

var (
	intType   = hir.IntType
	floatType = hir.FloatType
	elemType  = hir.ElemsType
	intsType  = &hir.Type{Kind: hir.Array, Args: []*hir.Type{intType}}
)

// constant records a constant.
func (t *tape) constant(typ *hir.Type, x any) *node {
	return t.record(&hir.Const{X: hir.X{T: typ, At: t.at}, Value: x}, typ)
}

// filled records a tensor like n, of one value.
func (t *tape) filled(n, x *node) *node {
	typ := derived(n.v.Type)
	shape := t.method("Tensor.shape", intsType, n)
	elem := t.constant(elemType, typ.Elem)
	name := "Tensor::full"
	args := []*node{shape, elem, x, nil, nil}
	if x == nil {
		name, args = "Tensor::zeros", []*node{shape, elem, nil, nil}
	}
	in := &hir.Intrinsic{X: hir.X{T: typ, At: t.at}, Name: name, Args: t.uses(args)}
	return t.record(in, typ, shape)
}

// zero records the derivative of what nothing depends on.
func (t *tape) zero(n *node) *node {
	if derived(n.v.Type).Kind == hir.Float {
		return t.constant(floatType, 0.0)
	}
	return t.filled(n, nil)
}

// backward runs through the record from its end and adds derivatives.
func (t *tape) backward(result *node) {
	if result.v.Type.Kind == hir.Float {
		result.adj = t.constant(floatType, 1.0)
	} else {
		result.adj = t.filled(result, t.constant(floatType, 1.0))
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		if n := t.nodes[i]; n.adj != nil && n.diff && n.back != nil {
			n.back(t, n)
		}
	}
}

// add adds g to the derivative by n.
func (t *tape) add(n, g *node) {
	switch {
	case !n.diff || g == nil:
	case n.adj == nil:
		n.adj = g
	case derived(n.v.Type).Kind == hir.Float:
		n.adj = t.arith(hir.Add, n.adj, g)
	default:
		n.adj = t.library("std.ops", "add", n.adj, g)
	}
}

// arith records arithmetic on floats.
func (t *tape) arith(op hir.Op, a, b *node) *node {
	return t.record(&hir.Binary{X: hir.X{T: floatType, At: t.at}, Op: op, L: t.use(a),
		R: t.use(b)}, floatType, a, b)
}

// library records a call of a function of the library.
func (t *tape) library(module, name string, args ...*node) *node {
	call := t.x.prog.Library.Call(module, name, t.uses(args), t.at)
	if call == nil {
		t.fail(t.at, "", "the library has no %s.%s for these types", module, name)
	}
	return t.record(call, call.Type(), args...)
}
