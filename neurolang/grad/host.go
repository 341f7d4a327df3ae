package grad

import (
	"math"

	"tensoros/neurolang/hir"
)

// floats are the derivatives of functions of one float: what multiplies the result's derivative,
// from the argument x and the value y.
var floats = map[string]func(t *tape, x, y *node) *node{
	"exp": func(_ *tape, _, y *node) *node { return y },
	"ln": func(t *tape, x, _ *node) *node {
		return t.arith(hir.Div, t.constant(floatType, 1.0), x)
	},
	"sqrt": func(t *tape, _, y *node) *node {
		return t.arith(hir.Div, t.constant(floatType, 0.5), y)
	},
	"sin": func(t *tape, x, _ *node) *node { return t.function("cos", x) },
	"cos": func(t *tape, x, _ *node) *node {
		return t.arith(hir.Sub, t.constant(floatType, 0.0), t.function("sin", x))
	},
	"tanh": func(t *tape, _, y *node) *node {
		return t.arith(hir.Sub, t.constant(floatType, 1.0), t.arith(hir.Mul, y, y))
	},
}

func (t *tape) function(name string, x *node) *node { return t.method(name, floatType, x) }

// constants are intrinsics whose results do not depend on what is derived.
var constants = map[string]bool{"Tensor::zeros": true, "Tensor::randn": true,
	"Tensor::uniform": true, "Tensor::iota": true, "Tensor::alloc": true, "Tensor.shape": true,
	"Tensor.dim": true, "Tensor.elem": true, "len": true, "floor": true, "ceil": true,
	"device::get": true, "device::count": true, "Tensor::load": true}

// intrinsic unrolls what the language provides on the host.
func (t *tape) intrinsic(e *hir.Intrinsic, env scope) value {
	var args []*node
	for _, a := range e.Args {
		if a == nil {
			args = append(args, nil)
			continue
		}
		args = append(args, t.leaf(a, env))
	}
	n := t.record(&hir.Intrinsic{X: e.X, Name: e.Name, Args: t.uses(args)}, e.T, present(args)...)
	if constants[e.Name] {
		n.diff = false
		return n
	}
	if !n.diff {
		return n
	}
	n.back = t.rule(e, args)
	if n.back == nil {
		t.fail(e.At, "", "%s has no derivative", e.Name)
	}
	return n
}

func present(args []*node) (out []*node) {
	for _, a := range args {
		if a != nil {
			out = append(out, a)
		}
	}
	return out
}

// rule is the derivative of an intrinsic by its first argument.
func (t *tape) rule(e *hir.Intrinsic, args []*node) func(t *tape, n *node) {
	x := args[0]
	typ := derived(x.v.Type)
	switch e.Name {
	case "Tensor.reshape":
		return func(t *tape, n *node) {
			t.add(x, t.method("Tensor.reshape", typ, n.adj, t.method("Tensor.shape", intsType, x)))
		}
	case "Tensor.t":
		return func(t *tape, n *node) { t.add(x, t.method("Tensor.t", typ, n.adj)) }
	case "Tensor.copy", "Tensor.expect":
		return func(t *tape, n *node) { t.add(x, n.adj) }
	case "Tensor.item":
		return func(t *tape, n *node) { t.add(x, t.filled(x, n.adj)) }
	case "abs":
		return func(t *tape, n *node) {
			// x/|x|, which is not defined at 0, as the function is not derivable there.
			t.add(x, t.arith(hir.Mul, n.adj, t.arith(hir.Div, x, n)))
		}
	case "pow":
		return func(t *tape, n *node) { t.power(n, x, args[1]) }
	}
	if f := floats[e.Name]; f != nil {
		return func(t *tape, n *node) { t.add(x, t.arith(hir.Mul, n.adj, f(t, x, n))) }
	}
	return nil
}

// power derives x^y: y x^(y-1) and x^y ln x.
func (t *tape) power(n, x, y *node) {
	less := t.arith(hir.Sub, y, t.constant(floatType, 1.0))
	slope := t.arith(hir.Mul, y, t.method("pow", floatType, x, less))
	t.add(x, t.arith(hir.Mul, n.adj, slope))
	if y.diff {
		t.add(y, t.arith(hir.Mul, n.adj, t.arith(hir.Mul, n, t.function("ln", x))))
	}
}

// ln2 is used by the kernels' rules.
const ln2 = math.Ln2

// launch unrolls a kernel's call.
func (t *tape) launch(e *hir.Launch, env scope) value {
	var args []*node
	for i, a := range e.Args {
		n := t.leaf(a, env)
		if k := e.Kernel.Params[i].Type; n.diff && k.Kind == hir.Ref && k.Mut != hir.Shared {
			t.fail(e.At, "let the kernel return a new tensor",
				"%s changes %s in place: that cannot be derived", e.Kernel.Source,
				e.Kernel.Params[i].Name)
		}
		args = append(args, n)
	}
	for i, a := range args {
		if k := e.Kernel.Params[i].Type.Kind; a.diff && k == hir.Scalar {
			t.fail(e.At, "make it a tensor of one element",
				"%s has no derivative by the number %s", e.Kernel.Source, e.Kernel.Params[i].Name)
		}
	}
	n := t.record(&hir.Launch{X: e.X, Kernel: e.Kernel, Args: t.uses(args)}, e.T, args...)
	if e.T.Kind != hir.Tensor {
		if n.diff {
			t.fail(e.At, "derive kernels with one result", "%s has no derivative",
				e.Kernel.Source)
		}
		return t.parts(n, e.T)
	}
	n.back = func(t *tape, n *node) { t.launchBack(e, n, args) }
	return n
}

// parts takes the tuple of a launch's results apart.
func (t *tape) parts(n *node, typ *hir.Type) value {
	if typ.Kind != hir.Tuple {
		return n
	}
	out := make(tuple, len(typ.Args))
	for i, p := range typ.Args {
		ref := &hir.Type{Kind: hir.Ref, Args: []*hir.Type{p}}
		at := hir.X{T: p, At: t.at}
		whole := &hir.Local{X: hir.X{T: typ, At: t.at}, Var: n.v}
		out[i] = t.record(&hir.RefOf{X: hir.X{T: ref, At: t.at},
			Place: &hir.FieldOf{X: at, Arg: whole, Index: i}}, ref, n)
	}
	return out
}

// launchBack adds the derivatives by a kernel's tensors: what is declared, or derived.
func (t *tape) launchBack(e *hir.Launch, n *node, args []*node) {
	var ins []*node
	var tensors []*node
	for i, a := range args {
		ins = append(ins, a)
		if k := e.Kernel.Params[i].Type.Kind; k == hir.Tensor || k == hir.Tile || k == hir.Ref {
			tensors = append(tensors, a)
		}
	}
	all := append(append([]*node{}, ins...), n, n.adj)
	es := t.uses(all)
	var call *node
	if x := t.x.prog.Library.VJP(e.Kernel, es, t.at); x != nil {
		call = t.record(x, x.Type())
	} else if k := t.x.kernel(e.Kernel); k != nil {
		typ := &hir.Type{Kind: hir.Tuple}
		for _, r := range k.Results {
			typ.Args = append(typ.Args, r.Type)
		}
		if len(typ.Args) == 1 {
			typ = typ.Args[0]
		}
		list := append(append([]*node{}, ins...), n.adj)
		call = t.record(&hir.Launch{X: hir.X{T: typ, At: t.at}, Kernel: k, Args: t.uses(list)}, typ)
	} else {
		t.fail(e.At, "declare one: @vjp("+e.Kernel.Name+") fn ..., or derive by hand",
			"%s has no derivative: it is not elementwise", e.Kernel.Source)
	}
	t.share(e.Kernel.Source, tensors, call)
}

// share adds what a pullback gives: one tensor for each that went in.
func (t *tape) share(name string, tensors []*node, call *node) {
	if len(tensors) == 1 {
		t.add(tensors[0], call)
		return
	}
	grads, ok := t.parts(call, call.v.Type).(tuple)
	if !ok || len(grads) != len(tensors) {
		t.fail(t.at, "", "the derivative of %s has to give one tensor for each of its %d",
			name, len(tensors))
	}
	for i, x := range tensors {
		t.add(x, grads[i].(*node))
	}
}
