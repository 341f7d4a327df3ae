package grad

import (
	"fmt"
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
)

// Expand replaces all calls of grad and value_and_grad in a program by functions that compute
// derivatives, and adds those and the kernels they need.
func Expand(p *hir.Program, errs *diag.List) {
	x := &expander{prog: p, errs: errs, done: map[string]*hir.Fn{},
		kernels: map[*hir.Kernel]*hir.Kernel{}}
	for i := 0; i < len(p.Funcs); i++ { // derivatives of derivatives are appended
		rewrite(p.Funcs[i].Body, x.intrinsic)
	}
}

type expander struct {
	prog    *hir.Program
	errs    *diag.List
	done    map[string]*hir.Fn
	kernels map[*hir.Kernel]*hir.Kernel // derivatives of elementwise ones
}

// intrinsic replaces grad(f) and value_and_grad(f).
func (x *expander) intrinsic(e hir.Expr) hir.Expr {
	in, ok := e.(*hir.Intrinsic)
	if !ok || in.Name != "grad" && in.Name != "value_and_grad" {
		return e
	}
	f, ok := in.Args[0].(*hir.FuncValue)
	if !ok || len(f.Captured) > 0 {
		x.errs.Errorf(diag.NotDerivable, in.Args[0].Span(), "grad takes the name of a function").
			Hint("write grad(f), where f is a function that captures nothing")
		return e
	}
	wrt := []int{0}
	if a, ok := in.Args[1].(*hir.ArrayOf); ok {
		wrt = nil
		for _, c := range a.Elems {
			if k, ok := c.(*hir.Const); ok {
				wrt = append(wrt, int(k.Value.(int64)))
			}
		}
	}
	key := fmt.Sprintf("%s(%s, wrt=%v)", in.Name, f.Fn.Name, wrt)
	fn := x.done[key]
	if fn == nil {
		fn = x.derive(key, f.Fn, wrt, in)
		if fn == nil {
			return e
		}
		x.done[key] = fn
		x.prog.Funcs = append(x.prog.Funcs, fn)
	}
	return &hir.FuncValue{X: in.X, Fn: fn}
}

// stop is what ends the derivation of one function.
type stop struct{}

// derive makes the function that computes the derivative of f.
func (x *expander) derive(name string, f *hir.Fn, wrt []int, in *hir.Intrinsic) (out *hir.Fn) {
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(stop); !ok {
				panic(e)
			}
			out = nil
		}
	}()
	t := &tape{x: x, at: in.At, fn: f, root: f.Name}
	out = &hir.Fn{Name: name, Derived: true, Result: in.T.Args[len(in.T.Args)-1], At: in.At}
	env := scope{}
	var params []value
	for i, p := range f.Params {
		v := &hir.Var{Name: p.Name, Type: p.Type, At: p.At}
		out.Params = append(out.Params, v)
		param := t.param(v, slices.Contains(wrt, i))
		env[p] = param
		params = append(params, param)
	}
	for _, w := range wrt {
		if w < 0 || w >= len(params) {
			t.fail(in.At, "", "%s has no parameter %d", f.Name, w)
		}
		if len(leaves(params[w], nil)) == 0 {
			t.fail(in.At, "derive with respect to tensors and floats",
				"%s is no tensor", f.Params[w].Name)
		}
	}
	result, ok := t.call(f.Body, env).(*node)
	if !ok || !result.differentiable() {
		t.fail(in.At, "return a float, or a tensor of one element",
			"%s gives nothing that can be derived", f.Name)
	}
	t.backward(result)
	out.Body = t.finish(result, params, wrt, in, out)
	return out
}

// finish makes the body: what was recorded, the result, and the end of what is not handed on.
func (t *tape) finish(result *node, params []value, wrt []int, in *hir.Intrinsic,
	fn *hir.Fn) *hir.Block {
	var grads []hir.Expr
	kept := map[*hir.Var]bool{}
	for _, w := range wrt {
		grads = append(grads, t.gradient(params[w], derived(fn.Params[w].Type), kept))
	}
	value := grads[0]
	if len(grads) > 1 {
		value = &hir.TupleOf{X: hir.X{T: &hir.Type{Kind: hir.Tuple, Args: types(grads)}, At: t.at},
			Elems: grads}
	}
	if in.Name == "value_and_grad" {
		kept[result.v] = true
		both := []hir.Expr{&hir.Local{X: hir.X{T: result.v.Type, At: t.at}, Var: result.v,
			Move: true}, value}
		value = &hir.TupleOf{X: hir.X{T: fn.Result, At: t.at}, Elems: both}
	}
	b := &hir.Block{At: t.at}
	for _, n := range t.nodes {
		b.Stmts = append(b.Stmts, &hir.Let{Var: n.v, Value: n.def})
	}
	out := &hir.Var{Name: "derivative", Type: value.Type(), At: t.at}
	b.Stmts = append(b.Stmts, &hir.Let{Var: out, Value: value})
	for i := len(t.nodes) - 1; i >= 0; i-- {
		if n := t.nodes[i]; owns(n.v.Type) && !kept[n.v] {
			b.Stmts = append(b.Stmts, &hir.Drop{Var: n.v})
		}
	}
	for _, p := range fn.Params {
		if owns(p.Type) {
			b.Stmts = append(b.Stmts, &hir.Drop{Var: p})
		}
	}
	b.Value = &hir.Local{X: hir.X{T: out.Type, At: t.at}, Var: out, Move: true}
	return b
}

func types(es []hir.Expr) []*hir.Type {
	out := make([]*hir.Type, len(es))
	for i, e := range es {
		out[i] = e.Type()
	}
	return out
}

// derived is the type of the derivative by a parameter: its own, without the reference.
func derived(t *hir.Type) *hir.Type {
	if t.Kind == hir.Ref {
		return t.Args[0]
	}
	return t
}

// owns tells whether values of a type are dropped.
func owns(t *hir.Type) bool {
	switch t.Kind {
	case hir.Tensor, hir.Array:
		return true
	case hir.Struct:
		return !t.Def.Copy
	case hir.Tuple:
		return slices.ContainsFunc(t.Args, owns)
	}
	return false
}

// gradient is the derivative by one parameter, in the shape of its type.
func (t *tape) gradient(v value, typ *hir.Type, kept map[*hir.Var]bool) hir.Expr {
	x := hir.X{T: typ, At: t.at}
	switch v := v.(type) {
	case *node:
		g := v.adj
		switch {
		case g == nil:
			g = t.zero(v)
		case g.v.Type.Kind == hir.Ref, kept[g.v] && owns(g.v.Type): // two share it
			g = t.method("Tensor.copy", derived(g.v.Type), g)
		}
		kept[g.v] = true
		return &hir.Local{X: x, Var: g.v, Move: owns(g.v.Type)}
	case tuple:
		parts := make([]hir.Expr, len(v))
		for i, p := range v {
			parts[i] = t.gradient(p, partType(typ, i), kept)
		}
		if typ.Kind == hir.Struct {
			return &hir.StructOf{X: x, Fields: parts}
		}
		return &hir.TupleOf{X: x, Elems: parts}
	}
	t.fail(t.at, "keep what is not derived in parameters of its own",
		"a part of type %s has no derivative", describeType(typ))
	return nil
}

func partType(t *hir.Type, i int) *hir.Type {
	if t.Kind == hir.Struct {
		return t.Def.Fields[i].Type
	}
	return t.Args[i]
}

func (t *tape) fail(at source.Span, help, format string, args ...any) {
	if !at.IsValid() {
		at = t.at
	}
	d := t.x.errs.Errorf(diag.NotDerivable, at, format, args...)
	if at != t.at {
		d.With(t.at, "%s is derived here", t.root)
	}
	if help != "" {
		d.Hint("%s", help)
	}
	panic(stop{})
}

// describeType names the kinds of types that have no derivative.
func describeType(t *hir.Type) string {
	switch t.Kind {
	case hir.Int:
		return "int"
	case hir.Bool:
		return "bool"
	case hir.String:
		return "string"
	case hir.Array:
		return "array"
	}
	return "this kind"
}
