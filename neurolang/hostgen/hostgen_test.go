package hostgen_test

import (
	"strings"
	"testing"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/hostgen"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/vm"
)

// Types of hir written by hand.
var (
	unit   = &hir.Type{Kind: hir.Unit}
	boolT  = &hir.Type{Kind: hir.Bool}
	intT   = &hir.Type{Kind: hir.Int}
	floatT = &hir.Type{Kind: hir.Float}
	strT   = &hir.Type{Kind: hir.String}
	rangeT = &hir.Type{Kind: hir.Range}
	elemT  = &hir.Type{Kind: hir.ElemType}
	ints   = &hir.Type{Kind: hir.Array, Args: []*hir.Type{intT}}
	tensor = &hir.Type{Kind: hir.Tensor, Elem: tile.F32, AnyDim: true}
	vector = &hir.Type{Kind: hir.Tensor, Elem: tile.F32, Dims: []hir.Dim{{Const: -1, Sym: "N"}}}
	points = &hir.Type{Kind: hir.Struct, Def: &hir.Def{Name: "Point", Copy: true,
		Fields: []hir.Field{{Name: "x", Type: intT}, {Name: "y", Type: intT}}}}
	option = &hir.Type{Kind: hir.Enum, Def: &hir.Def{Name: "Option<Tensor>",
		Variants: []hir.Variant{{Name: "Some", Types: []*hir.Type{tensor}}, {Name: "None"}}}}
	model = &hir.Type{Kind: hir.Struct, Def: &hir.Def{Name: "Model",
		Fields: []hir.Field{{Name: "w", Type: tensor}, {Name: "b", Type: tensor}}}}
)

func ref(t *hir.Type, mut hir.RefKind) *hir.Type {
	return &hir.Type{Kind: hir.Ref, Args: []*hir.Type{t}, Mut: mut}
}

func v(name string, t *hir.Type) *hir.Var { return &hir.Var{Name: name, Type: t} }
func x(t *hir.Type) hir.X                 { return hir.X{T: t} }

func c(value any) hir.Expr {
	switch value := value.(type) {
	case int:
		return &hir.Const{X: x(intT), Value: int64(value)}
	case float64:
		return &hir.Const{X: x(floatT), Value: value}
	case string:
		return &hir.Const{X: x(strT), Value: value}
	case tile.Elem:
		return &hir.Const{X: x(elemT), Value: value}
	}
	return &hir.Const{X: x(boolT), Value: value}
}

func use(v *hir.Var) hir.Expr  { return &hir.Local{X: x(v.Type), Var: v} }
func gone(v *hir.Var) hir.Expr { return &hir.Local{X: x(v.Type), Var: v, Move: true} }

func bin(op hir.Op, l, r hir.Expr) hir.Expr {
	t := l.Type()
	if op >= hir.Eq {
		t = boolT
	}
	return &hir.Binary{X: x(t), Op: op, L: l, R: r}
}

func borrow(e hir.Expr, mut hir.RefKind) hir.Expr {
	return &hir.RefOf{X: x(ref(e.Type(), mut)), Place: e}
}

func deref(e hir.Expr) hir.Expr { return &hir.Deref{X: x(e.Type().Args[0]), Arg: e} }

func field(e hir.Expr, t *hir.Type, i int) hir.Expr {
	return &hir.FieldOf{X: x(t), Arg: e, Index: i}
}

func at(e hir.Expr, t *hir.Type, i ...hir.Expr) hir.Expr {
	return &hir.IndexOf{X: x(t), Arg: e, Indices: i}
}

func intrinsic(name string, t *hir.Type, args ...hir.Expr) hir.Expr {
	return &hir.Intrinsic{X: x(t), Name: name, Args: args}
}

func call(f *hir.Fn, args ...hir.Expr) hir.Expr {
	return &hir.Call{X: x(f.Result), Fn: f, Args: args}
}

func let(v *hir.Var, e hir.Expr) hir.Stmt { return &hir.Let{Var: v, Value: e} }
func set(p, e hir.Expr) hir.Stmt          { return &hir.Assign{Place: p, Value: e} }
func do(e hir.Expr) hir.Stmt              { return &hir.Do{X: e} }
func print(args ...hir.Expr) hir.Stmt     { return do(intrinsic("print", unit, args...)) }

func block(value hir.Expr, stmts ...hir.Stmt) *hir.Block {
	return &hir.Block{Stmts: stmts, Value: value}
}

func fn(name string, result *hir.Type, params []*hir.Var, b *hir.Block) *hir.Fn {
	return &hir.Fn{Name: name, Params: params, Result: result, Body: b}
}

func loop(v *hir.Var, over hir.Expr, b *hir.Block) hir.Stmt {
	return &hir.For{Var: v, Over: over, Body: b}
}

func span(lo, hi hir.Expr) hir.Expr { return &hir.RangeOf{X: x(rangeT), Lo: lo, Hi: hi} }

func zeros(n ...int) hir.Expr {
	list := &hir.ArrayOf{X: x(ints)}
	for _, d := range n {
		list.Elems = append(list.Elems, c(d))
	}
	return intrinsic("Tensor::zeros", tensor, list, c(tile.F32), nil, nil)
}

// addOne is a kernel over a vector; code is its tile IR.
var addOne = &hir.Kernel{Name: "add_one"}

func code() *abi.Kernel {
	n := []abi.Dim{{Sym: "N"}}
	t := &tir.Kernel{Name: "add_one",
		Params: []abi.Param{{Name: "x", Tensor: true, Elem: tile.F32, Dims: n}},
		Outs: []abi.Param{{Name: "out", Tensor: true, Elem: tile.F32, Dims: n,
			Access: abi.Write}},
		Axes: []abi.Axis{{Name: "i", Dim: n[0], Block: 4}}}
	b := tir.NewBuilder(t)
	i := b.Binary(tir.Mul, b.Op(tir.Program, tir.Attrs{}, tir.Scalar(tile.I32)), b.Index(4))
	p := b.Load(0, []int{4}, []*tir.Value{i}, nil)
	b.Store(1, []int{4}, b.Binary(tir.Add, p, b.Float(p.Type, 1)), i)
	b.Yield()
	return &abi.Kernel{Name: t.Name, Source: t.String(), Params: t.Params, Outs: t.Outs,
		Axes: t.Axes}
}

func plusOne(e hir.Expr) hir.Expr {
	return &hir.Launch{X: x(tensor), Kernel: addOne, Args: []hir.Expr{e}}
}

// ran lowers main, runs it on emu and returns what it printed; the memory must all be free.
func ran(t *testing.T, main *hir.Block, more ...*hir.Fn) string {
	t.Helper()
	f := fn("main", unit, nil, main)
	p := &program.Program{Name: "t", Main: -1, Sources: &source.Set{}}
	l := hostgen.NewLinker(p)
	l.Kernel(addOne, code())
	var errs diag.List
	l.Link(&hir.Program{Funcs: append(more, f), Main: f}, &errs)
	if errs.Failed() {
		t.Fatal(errs.Sorted())
	}
	if err := p.Verify(); err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	var out strings.Builder
	rt := emu.New(func(s string) { out.WriteString(s + "\n") })
	m := vm.New(p, rt, vm.Options{})
	if _, err := m.Call(p.Main); err != nil {
		return out.String() + err.Error()
	}
	if m.Live() != 0 || rt.Live != 0 {
		t.Errorf("%d pieces of memory, %d bytes are left\n%s", m.Live(), rt.Live, p)
	}
	return out.String()
}

func check(t *testing.T, name, want string, main *hir.Block, more ...*hir.Fn) {
	t.Helper()
	if got := ran(t, main, more...); got != want {
		t.Errorf("%s: printed %q, want %q", name, got, want)
	}
}

func TestNumbers(t *testing.T) {
	i, s, n := v("i", intT), v("s", intT), v("n", intT)
	check(t, "sum", "4950 -7 3.5 true\n", block(nil,
		let(s, c(0)), loop(i, span(c(0), c(100)),
			block(nil, set(use(s), bin(hir.Add, use(s), use(i))))),
		print(use(s), &hir.Unary{X: x(intT), Op: hir.Neg, Arg: c(7)}, bin(hir.Div, c(7.0), c(2.0)),
			bin(hir.AndAnd, bin(hir.Lt, c(1), c(2)), bin(hir.Ge, c("b"), c("a"))))))
	check(t, "while", "1 2 4 5 \n", block(nil, let(i, c(0)), let(s, c(0)), let(n, c(0)),
		&hir.While{Cond: c(true), Body: block(nil,
			set(use(i), bin(hir.Add, use(i), c(1))),
			do(&hir.If{X: x(unit), Cond: bin(hir.Eq, use(i), c(3)),
				Then: block(nil, &hir.Continue{})}),
			do(&hir.If{X: x(unit), Cond: bin(hir.Gt, use(i), c(5)),
				Then: block(nil, &hir.Break{})}),
			set(use(s), bin(hir.Add, bin(hir.Mul, use(s), c(10)), use(i))))},
		print(c("1 2 4 5 "))))
	check(t, "overflow", "t: NL0515: 9223372036854775807 + 1 does not fit 64 bits",
		block(nil, let(i, &hir.Const{X: x(intT), Value: int64(1<<63 - 1)}),
			print(bin(hir.Add, use(i), c(1)))))
	b := bin(hir.Add, use(i), &hir.BlockExpr{X: x(intT), Block: block(use(i), set(use(i), c(5)))})
	check(t, "the left side is read first", "6\n", block(nil, let(i, c(1)), print(b)))
}

func TestCompound(t *testing.T) {
	p, q, a, r := v("p", points), v("q", points), v("a", ints), v("r", ref(intT, hir.Exclusive))
	point := &hir.StructOf{X: x(points), Fields: []hir.Expr{c(1), c(2)}}
	check(t, "structs are copied", "Point { x: 1, y: 2 } Point { x: 7, y: 2 }\n", block(nil,
		let(p, point), let(q, use(p)), set(field(use(q), intT, 0), c(7)), print(use(p), use(q))))
	n := v("n", intT)
	check(t, "references", "[10, 2, 3] 4 Point { x: 1, y: 8 }\n", block(nil,
		let(a, &hir.ArrayOf{X: x(ints), Elems: []hir.Expr{c(1), c(2), c(3)}}),
		let(r, borrow(at(use(a), intT, c(0)), hir.Exclusive)),
		set(deref(use(r)), bin(hir.Mul, deref(use(r)), c(10))),
		let(n, c(3)), let(r, borrow(use(n), hir.Exclusive)),
		set(deref(use(r)), bin(hir.Add, deref(use(r)), c(1))),
		let(p, point), let(r, borrow(field(use(p), intT, 1), hir.Exclusive)),
		set(deref(use(r)), c(8)), print(use(a), use(n), use(p))))
	m := v("m", ref(ints, hir.Exclusive))
	grow := fn("grow", unit, []*hir.Var{m}, block(nil,
		do(intrinsic("Array.push", unit, use(m), c(5))),
		set(at(deref(use(m)), intT, c(0)), c(9))))
	check(t, "arrays grow", "[9, 5] 2\n", block(nil,
		let(a, &hir.ArrayOf{X: x(ints), Elems: []hir.Expr{c(1)}}),
		do(call(grow, borrow(use(a), hir.Exclusive))),
		print(use(a), intrinsic("len", intT, use(a)))), grow)
	by, y := v("by", intT), v("y", intT)
	times := fn("closure", intT, []*hir.Var{by, y}, block(bin(hir.Mul, use(by), use(y))))
	f := v("f", &hir.Type{Kind: hir.Func, Args: []*hir.Type{intT, intT}})
	check(t, "closures", "42\n", block(nil,
		let(f, &hir.FuncValue{X: x(f.Type), Fn: times, Captured: []hir.Expr{c(6)}}),
		print(&hir.CallValue{X: x(intT), Fn: use(f), Args: []hir.Expr{c(7)}})), times)
}

func TestTensorsAreFreed(t *testing.T) {
	a, b, m := v("a", tensor), v("b", tensor), v("m", model)
	check(t, "temporaries", "[2.0, 2.0, 2.0]\n", block(nil,
		print(plusOne(plusOne(zeros(3))))))
	check(t, "a move", "2\n", block(nil, let(a, zeros(2)), let(b, gone(a)),
		print(intrinsic("Tensor.dim", intT, use(b), c(0)))))
	check(t, "an assignment", "3\n", block(nil, let(a, zeros(2)), set(use(a), zeros(3)),
		set(use(a), plusOne(use(a))), print(intrinsic("Tensor.dim", intT, use(a), c(0)))))
	make := &hir.StructOf{X: x(model), Fields: []hir.Expr{zeros(2), zeros(4)}}
	check(t, "a part moves", "2\n", block(nil, let(m, make), let(a, field(use(m), tensor, 0)),
		set(field(use(m), tensor, 1), zeros(5)),
		print(intrinsic("Tensor.dim", intT, use(a), c(0)))))
	o := v("o", option)
	some := &hir.EnumOf{X: x(option), Tag: 0, Args: []hir.Expr{zeros(6)}}
	check(t, "a payload moves", "true 6\n", block(nil, let(o, some),
		let(a, &hir.PayloadOf{X: x(tensor), Arg: use(o), Tag: 0}),
		print(bin(hir.Eq, &hir.TagOf{X: x(intT), Arg: use(o)}, c(0)),
			intrinsic("Tensor.dim", intT, use(a), c(0)))))
	early := fn("early", tensor, []*hir.Var{a}, block(nil, let(b, zeros(2)),
		do(&hir.If{X: x(unit), Cond: c(true), Then: block(nil, &hir.Return{Value: gone(b)})}),
		&hir.Return{Value: gone(a)}))
	check(t, "an early return", "2\n", block(nil,
		print(intrinsic("Tensor.dim", intT, call(early, zeros(9)), c(0)))), early)
	i := v("i", intT)
	check(t, "a loop", "", block(nil, loop(i, span(c(0), c(3)), block(nil, let(a, zeros(4)),
		do(&hir.If{X: x(unit), Cond: bin(hir.Eq, use(i), c(1)), Then: block(nil, &hir.Continue{})}),
		let(b, plusOne(use(a))),
		do(&hir.If{X: x(unit), Cond: bin(hir.Eq, use(i), c(2)), Then: block(nil, &hir.Break{})})))))
	list := &hir.Type{Kind: hir.Array, Args: []*hir.Type{tensor}}
	all := v("all", list)
	check(t, "arrays of tensors", "4\n4\n", block(nil,
		let(all, &hir.ArrayOf{X: x(list), Elems: []hir.Expr{zeros(4), zeros(4)}}),
		loop(a, use(all), block(nil, print(intrinsic("Tensor.dim", intT, use(a), c(0))))),
		loop(a, gone(all), block(nil, do(intrinsic("Tensor.free", unit, gone(a)))))))
}

func TestDimensionsOfParameters(t *testing.T) {
	p, q := v("p", vector), v("q", ref(vector, hir.Shared))
	size := fn("size", intT, []*hir.Var{p, q}, block(&hir.DimOf{X: x(intT), Sym: "N"}))
	a := v("a", tensor)
	check(t, "the same", "3\n", block(nil, let(a, zeros(3)),
		print(call(size, zeros(3), borrow(use(a), hir.Shared)))), size)
	check(t, "another", "t: NL0505: N differs between p and q: 2 and 3; the dimensions they share must be equal",
		block(nil, let(a, zeros(3)), print(call(size, zeros(2), borrow(use(a), hir.Shared)))), size)
}

func TestValuesOfTheirOwn(t *testing.T) {
	a, b := v("a", tensor), v("b", tensor)
	check(t, "views", "[[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]] [3.0, 4.0, 5.0] [1.0, 4.0]\n",
		block(nil, let(a, intrinsic("Tensor::iota", tensor, &hir.ArrayOf{X: x(ints),
			Elems: []hir.Expr{c(2), c(3)}}, c(tile.F32), nil, nil)),
			let(b, intrinsic("Tensor.t", tensor, use(a))),
			print(use(b), intrinsic("Tensor.array", ints, at(use(a), tensor, c(1))),
				intrinsic("Tensor.array", ints, at(use(b), tensor, c(1))))))
}

func TestKernelsOverVectorsTakeAnyShape(t *testing.T) {
	a := v("a", tensor)
	check(t, "a matrix", "[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]\n", block(nil,
		print(plusOne(zeros(2, 3)))))
	check(t, "of columns", "[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]\n", block(nil,
		let(a, intrinsic("Tensor::iota", tensor, &hir.ArrayOf{X: x(ints),
			Elems: []hir.Expr{c(2), c(3)}}, c(tile.F32), nil, nil)),
		print(plusOne(intrinsic("Tensor.t", tensor, use(a))))))
	check(t, "nothing", "[]\n", block(nil, print(plusOne(zeros(0)))))
}

func TestBytecodeLimitsAreErrors(t *testing.T) {
	var deep hir.Expr = c(1)
	for range 300 {
		deep = bin(hir.Add, c(1), deep)
	}
	long := block(nil)
	for range 20_000 {
		long.Stmts = append(long.Stmts, print(c(1)))
	}
	for name, b := range map[string]*hir.Block{"registers": block(nil, print(deep)),
		"jumps": block(nil, &hir.While{Cond: c(true), Body: long})} {
		f := fn("main", unit, nil, b)
		var errs diag.List
		hostgen.NewLinker(&program.Program{Main: -1}).Link(&hir.Program{Main: f}, &errs)
		ds := errs.Sorted()
		if len(ds) != 1 || ds[0].Code != diag.TooComplex {
			t.Errorf("%s: %v", name, ds)
		}
	}
}
