package grad

import (
	"tensoros/neurolang/hir"
)

// call unrolls a function's body.
func (t *tape) call(b *hir.Block, env scope) value {
	if t.depth++; t.depth > maxDepth {
		t.fail(b.At, "write the recursion as a loop", "%s calls itself too deeply", t.root)
	}
	defer func() { t.depth-- }()
	v, _ := t.block(b, env)
	return v
}

// block unrolls statements; returned tells that the function ends here.
func (t *tape) block(b *hir.Block, env scope) (v value, returned bool) {
	for _, s := range b.Stmts {
		if v, returned = t.stmt(s, env); returned {
			return v, true
		}
	}
	if b.Value == nil {
		return nil, false
	}
	return t.branch(b.Value, env)
}

// branch evaluates what may return from within.
func (t *tape) branch(e hir.Expr, env scope) (value, bool) {
	switch e := e.(type) {
	case *hir.If:
		b := e.Else
		if t.known(e.Cond, env) == true {
			b = e.Then
		}
		if b == nil {
			return nil, false
		}
		return t.block(b, env)
	case *hir.BlockExpr:
		return t.block(e.Block, env)
	}
	return t.expr(e, env), false
}

func (t *tape) stmt(s hir.Stmt, env scope) (value, bool) {
	switch s := s.(type) {
	case *hir.Let:
		if s.Value != nil {
			env[s.Var] = t.expr(s.Value, env)
		}
	case *hir.Assign:
		l, ok := s.Place.(*hir.Local)
		if !ok {
			t.fail(s.At, "assign to a variable", "an assignment to a part cannot be derived")
		}
		env[l.Var] = t.expr(s.Value, env)
	case *hir.Do:
		return t.branchUnit(s.X, env)
	case *hir.For:
		return t.loop(s, env)
	case *hir.While:
		t.fail(s.At, "write for i in 0..n with a constant n", "a while loop cannot be derived")
	case *hir.Return:
		if s.Value == nil {
			return nil, true
		}
		return t.expr(s.Value, env), true
	case *hir.Break, *hir.Continue:
		t.fail(t.at, "", "break and continue cannot be derived")
	}
	return nil, false
}

func (t *tape) branchUnit(e hir.Expr, env scope) (value, bool) {
	v, returned := t.branch(e, env)
	if !returned {
		v = nil
	}
	return v, returned
}

// loop unrolls a loop over a range of constants, or over an array literal.
func (t *tape) loop(s *hir.For, env scope) (value, bool) {
	r, ok := s.Over.(*hir.RangeOf)
	if !ok {
		t.fail(s.At, "write for i in 0..n with a constant n", "this loop cannot be unrolled")
	}
	lo, ok1 := t.known(r.Lo, env).(int64)
	hi, ok2 := t.known(r.Hi, env).(int64)
	if !ok1 || !ok2 {
		t.fail(s.At, "use constants", "the bounds of this loop are not known to the compiler")
	}
	for i := lo; i < hi; i++ {
		env[s.Var] = t.constant(intType, i)
		if v, returned := t.block(s.Body, env); returned {
			return v, true
		}
	}
	return nil, false
}

// known evaluates what has to be a constant.
func (t *tape) known(e hir.Expr, env scope) any {
	n, ok := t.expr(e, env).(*node)
	if !ok || n.num == nil {
		t.fail(e.Span(), "use constants for what decides",
			"what happens here depends on a value that is known at run time only")
	}
	return n.num
}

// expr unrolls an expression.
func (t *tape) expr(e hir.Expr, env scope) value {
	switch e := e.(type) {
	case *hir.Const:
		return t.record(e, e.T)
	case *hir.Local:
		return env[e.Var]
	case *hir.RefOf:
		return t.expr(e.Place, env)
	case *hir.Deref:
		return t.expr(e.Arg, env)
	case *hir.If, *hir.BlockExpr:
		v, returned := t.branch(e, env)
		if returned {
			t.fail(e.Span(), "", "a return within an expression cannot be derived")
		}
		return v
	case *hir.TupleOf:
		return t.tuple(e.Elems, env)
	case *hir.StructOf:
		return t.tuple(e.Fields, env)
	case *hir.FieldOf:
		if parts, ok := t.expr(e.Arg, env).(tuple); ok {
			return parts[e.Index]
		}
	case *hir.Call:
		return t.enter(e.Fn, t.tuple(e.Args, env))
	case *hir.FuncValue:
		return closure{e.Fn, t.tuple(e.Captured, env)}
	case *hir.CallValue:
		if c, ok := t.expr(e.Fn, env).(closure); ok {
			return t.enter(c.fn, append(append(tuple{}, c.captured...), t.tuple(e.Args, env)...))
		}
	case *hir.Launch:
		return t.launch(e, env)
	case *hir.DimOf:
		return env.dim(t, e)
	}
	return t.scalar(e, env)
}

func (t *tape) tuple(es []hir.Expr, env scope) tuple {
	out := make(tuple, len(es))
	for i, e := range es {
		if e != nil {
			out[i] = t.expr(e, env)
		}
	}
	return out
}

// enter unrolls a call, unless the function's derivative is declared.
func (t *tape) enter(fn *hir.Fn, args tuple) value {
	if fn.VJP != nil {
		return t.declared(fn, args)
	}
	env := scope{}
	for i, p := range fn.Params {
		env[p] = args[i]
	}
	return t.call(fn.Body, env)
}

// declared records a call of a function whose derivative is declared.
func (t *tape) declared(fn *hir.Fn, args tuple) value {
	var ns []*node
	for _, a := range args {
		n, ok := a.(*node)
		if !ok {
			t.fail(t.at, "", "%s takes something that cannot be derived", fn.Name)
		}
		ns = append(ns, n)
	}
	n := t.record(&hir.Call{X: hir.X{T: fn.Result, At: t.at}, Fn: fn, Args: t.uses(ns)},
		fn.Result, ns...)
	n.back = func(t *tape, n *node) {
		all := append(append([]*node{}, ns...), n, n.adj)
		call := t.record(&hir.Call{X: hir.X{T: fn.VJP.Result, At: t.at}, Fn: fn.VJP,
			Args: t.uses(all)}, fn.VJP.Result)
		var tensors []*node
		for _, a := range ns {
			if derived(a.v.Type).Kind == hir.Tensor {
				tensors = append(tensors, a)
			}
		}
		t.share(fn.Name, tensors, call)
	}
	return n
}

// dim reads a dimension that a function knows by name: that of a parameter.
func (env scope) dim(t *tape, e *hir.DimOf) value {
	if v, axis := env.holder(e.Sym); v != nil {
		n := t.method("Tensor.dim", intType, v, t.constant(intType, int64(axis)))
		n.diff = false
		return n
	}
	t.fail(e.At, "", "dimension %s is not known here", e.Sym)
	return nil
}

// holder finds the tensor parameter that names a dimension: the first in order of place.
func (env scope) holder(sym string) (best *node, axis int) {
	var at *hir.Var
	for v, x := range env {
		n, ok := x.(*node)
		if !ok || derived(v.Type).Kind != hir.Tensor {
			continue
		}
		for d, dim := range derived(v.Type).Dims {
			if dim.Sym == sym && (at == nil || v.At.Pos < at.At.Pos) {
				best, axis, at = n, d, v
			}
		}
	}
	return best, axis
}

// scalar unrolls arithmetic on the host and the intrinsics.
func (t *tape) scalar(e hir.Expr, env scope) value {
	switch e := e.(type) {
	case *hir.Binary:
		return t.binary(e, env)
	case *hir.Unary:
		x := t.leaf(e.Arg, env)
		n := t.record(&hir.Unary{X: e.X, Op: e.Op, Arg: t.use(x)}, e.T, x)
		n.num = foldUnary(e.Op, x.num)
		n.back = func(t *tape, n *node) {
			t.add(x, t.arith(hir.Sub, t.constant(floatType, 0.0), n.adj))
		}
		return n
	case *hir.CastTo:
		x := t.leaf(e.Arg, env)
		n := t.record(&hir.CastTo{X: e.X, Arg: t.use(x)}, e.T, x)
		if i, ok := x.num.(int64); ok && e.T.Kind == hir.Float {
			n.num = float64(i)
		}
		n.back = func(t *tape, n *node) { t.add(x, n.adj) }
		return n
	case *hir.ArrayOf:
		var args []*node
		for _, p := range e.Elems {
			args = append(args, t.leaf(p, env))
		}
		n := t.record(&hir.ArrayOf{X: e.X, Elems: t.uses(args)}, e.T, args...)
		n.diff = false
		return n
	case *hir.Intrinsic:
		return t.intrinsic(e, env)
	}
	t.fail(e.Span(), "derive functions of tensors and floats", "this cannot be derived")
	return nil
}

// leaf unrolls an expression that is one value.
func (t *tape) leaf(e hir.Expr, env scope) *node {
	n, ok := t.expr(e, env).(*node)
	if !ok {
		t.fail(e.Span(), "", "this cannot be derived")
	}
	return n
}

func (t *tape) binary(e *hir.Binary, env scope) value {
	x, y := t.leaf(e.L, env), t.leaf(e.R, env)
	n := t.record(&hir.Binary{X: e.X, Op: e.Op, L: t.use(x), R: t.use(y)}, e.T, x, y)
	n.num = foldBinary(e.Op, x.num, y.num)
	if e.T.Kind != hir.Float {
		n.diff = false
		return n
	}
	n.back = func(t *tape, n *node) {
		switch e.Op {
		case hir.Add:
			t.add(x, n.adj)
			t.add(y, n.adj)
		case hir.Sub:
			t.add(x, n.adj)
			t.add(y, t.arith(hir.Sub, t.constant(floatType, 0.0), n.adj))
		case hir.Mul:
			t.add(x, t.arith(hir.Mul, n.adj, y))
			t.add(y, t.arith(hir.Mul, n.adj, x))
		case hir.Div:
			g := t.arith(hir.Div, n.adj, y)
			t.add(x, g)
			t.add(y, t.arith(hir.Sub, t.constant(floatType, 0.0), t.arith(hir.Mul, g, n)))
		default:
			t.fail(e.At, "", "this operator has no derivative")
		}
	}
	return n
}

func foldUnary(op hir.Op, x any) any {
	switch x := x.(type) {
	case int64:
		if op == hir.Neg {
			return -x
		}
	case float64:
		if op == hir.Neg {
			return -x
		}
	case bool:
		return !x
	}
	return nil
}

func foldBinary(op hir.Op, x, y any) any {
	a, ok1 := x.(int64)
	b, ok2 := y.(int64)
	if !ok1 || !ok2 {
		return nil
	}
	switch op {
	case hir.Add:
		return a + b
	case hir.Sub:
		return a - b
	case hir.Mul:
		return a * b
	case hir.Div:
		if b != 0 {
			return a / b
		}
	case hir.Rem:
		if b != 0 {
			return a % b
		}
	case hir.Eq:
		return a == b
	case hir.Ne:
		return a != b
	case hir.Lt:
		return a < b
	case hir.Le:
		return a <= b
	case hir.Gt:
		return a > b
	case hir.Ge:
		return a >= b
	}
	return nil
}
