package graph

import (
	"fmt"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// Error is what keeps a function from being a graph.
type Error struct {
	At  source.Span
	Msg string
}

func (e *Error) Error() string { return e.Msg }

// Function is a function of hir as a graph, and the way back.
type Function struct {
	*Graph
	fn    *hir.Fn
	exprs map[*Value]hir.Expr // what parameters of the graph are in the function
	shape map[string]hir.Expr // dimensions that the function has no name for
}

// Build makes a graph of a function that only launches kernels, makes tensors and views, and calls
// functions that do. kernel gives the tile IR of a kernel. The error is an *Error.
func Build(fn *hir.Fn, kernel func(*hir.Kernel) *tir.Kernel) (f *Function, err error) {
	b := &builder{Function: &Function{Graph: &Graph{Name: fn.Name}, fn: fn,
		exprs: map[*Value]hir.Expr{}, shape: map[string]hir.Expr{}}, kernel: kernel,
		scalars: map[hir.Expr]*Value{}, factors: map[string]product{}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			f, err = nil, e
		default:
			panic(e)
		}
	}()
	env := &frame{vars: map[*hir.Var]*item{}, dims: map[string]abi.Dim{}}
	for _, p := range fn.Params {
		env.vars[p] = b.param(&hir.Local{X: hir.X{T: p.Type, At: p.At}, Var: p}, p.Name, p.Type)
	}
	out := b.body(fn.Body, env)
	b.result(out, fn.Body.At)
	if err := b.Verify(); err != nil {
		return nil, &Error{fn.At, err.Error()}
	}
	return b.Function, nil
}

// item is what an expression stands for: a value of the graph, parts, or a scalar of the host.
type item struct {
	value  *Value
	parts  []*item
	scalar hir.Expr
	dims   []abi.Dim // of an array of dimensions
}

// frame is a function being built: calls are built in place.
type frame struct {
	vars  map[*hir.Var]*item
	dims  map[string]abi.Dim // its names for dimensions
	depth int
}

type builder struct {
	*Function
	kernel  func(*hir.Kernel) *tir.Kernel
	scalars map[hir.Expr]*Value
	factors map[string]product // of dimensions that are products
	names   int
}

const maxInline = 32

func fail(at source.Span, format string, args ...any) {
	panic(&Error{at, fmt.Sprintf(format, args...)})
}

// param makes parameters of the graph of a parameter of the function, or of what it contains.
func (b *builder) param(e hir.Expr, name string, t *hir.Type) *item {
	lent, seen := false, false
	for t.Kind == hir.Ref {
		lent, seen = lent || t.Mut == hir.Shared, seen || t.Mut != hir.Shared
		t = t.Args[0]
	}
	it := b.leaf(e, name, t, lent, seen && !lent)
	return it
}

func (b *builder) leaf(e hir.Expr, name string, t *hir.Type, lent, seen bool) *item {
	switch t.Kind {
	case hir.Tensor:
		v := b.Param(name, b.tensorType(e, t), lent)
		v.Seen = seen
		b.exprs[v] = e
		return &item{value: v}
	case hir.Tuple, hir.Struct:
		it := &item{}
		for i, p := range fields(t) {
			x := &hir.FieldOf{X: hir.X{T: p.typ, At: e.Span()}, Arg: e, Index: i}
			// A part of an owned value is lent: the function keeps the rest.
			it.parts = append(it.parts, b.leaf(x, name+"."+p.name, p.typ, lent || !seen, seen))
		}
		return it
	}
	return &item{scalar: e}
}

type fieldOf struct {
	name string
	typ  *hir.Type
}

func fields(t *hir.Type) (out []fieldOf) {
	if t.Kind == hir.Struct {
		for _, f := range t.Def.Fields {
			out = append(out, fieldOf{f.Name, f.Type})
		}
		return out
	}
	for i, a := range t.Args {
		out = append(out, fieldOf{fmt.Sprint(i), a})
	}
	return out
}

// tensorType is a tensor's type; dimensions without a name get one.
func (b *builder) tensorType(e hir.Expr, t *hir.Type) Type {
	if t.AnyDim || t.Elem == tile.NoElem {
		fail(e.Span(), "a graph wants tensors of known rank and element type")
	}
	out := Type{Tensor: true, Elem: t.Elem, Layout: layout(t.Layout)}
	for d, x := range t.Dims {
		switch {
		case x.Sym != "":
			out.Dims = append(out.Dims, abi.Dim{Sym: x.Sym})
		case x.Const >= 0:
			out.Dims = append(out.Dims, abi.Dim{Const: x.Const})
		default:
			b.names++
			sym := fmt.Sprintf("dim%d", b.names)
			out.Dims = append(out.Dims, abi.Dim{Sym: sym})
			b.shape[sym] = &hir.Intrinsic{X: hir.X{T: intType, At: e.Span()}, Name: "Tensor.dim",
				Args: []hir.Expr{e, integer(d)}}
		}
	}
	return out
}

var intType = &hir.Type{Kind: hir.Int}

func integer(n int) hir.Expr {
	return &hir.Const{X: hir.X{T: intType}, Value: int64(n)}
}

// body builds statements and gives what the block's value, or its return, stands for.
func (b *builder) body(blk *hir.Block, env *frame) *item {
	for i, s := range blk.Stmts {
		switch s := s.(type) {
		case *hir.Let:
			if s.Value != nil {
				env.vars[s.Var] = b.expr(s.Value, env)
			}
		case *hir.Do:
			b.expr(s.X, env)
		case *hir.Assign:
			b.assign(s, env)
		case *hir.Drop:
		case *hir.Return:
			if i != len(blk.Stmts)-1 {
				fail(s.At, "a graph returns at its end only")
			}
			if s.Value == nil {
				return nil
			}
			return b.expr(s.Value, env)
		case *hir.For:
			b.unroll(s, env)
		case *hir.While:
			fail(s.At, "a graph has no loops but for over constant ranges")
		default:
			fail(blk.At, "a graph is a straight line")
		}
	}
	if blk.Value == nil {
		return nil
	}
	return b.expr(blk.Value, env)
}

// maxUnroll bounds the turns of a loop.
const maxUnroll = 1024

// unroll builds the turns of a loop over a constant range, one after the other.
func (b *builder) unroll(s *hir.For, env *frame) {
	r, ok := s.Over.(*hir.RangeOf)
	if !ok {
		fail(s.At, "a graph has no loops but for over constant ranges")
	}
	lo, ok1 := constOf(b.scalar(r.Lo, env)).(int64)
	hi, ok2 := constOf(b.scalar(r.Hi, env)).(int64)
	if !ok1 || !ok2 || hi-lo > maxUnroll {
		fail(s.At, "a graph has no loops but for over constant ranges of up to %d turns",
			maxUnroll)
	}
	for i := lo; i < hi; i++ {
		env.vars[s.Var] = &item{scalar: integer(int(i))}
		b.body(s.Body, env)
	}
}

func (b *builder) assign(s *hir.Assign, env *frame) {
	x := b.expr(s.Value, env)
	it := b.place(s.Place, env)
	if it.value != nil && it.value.source().Seen {
		fail(s.At, "a graph changes its parameters by kernels only")
	}
	*it = *x
}

// place is the item that an expression names; it may be set.
func (b *builder) place(e hir.Expr, env *frame) *item {
	switch x := e.(type) {
	case *hir.Local:
		if it := env.vars[x.Var]; it != nil {
			return it
		}
		it := &item{}
		env.vars[x.Var] = it
		return it
	case *hir.Deref:
		return b.place(x.Arg, env)
	case *hir.RefOf:
		return b.place(x.Place, env)
	case *hir.FieldOf:
		it := b.place(x.Arg, env)
		if x.Index < len(it.parts) {
			return it.parts[x.Index]
		}
	}
	return b.expr(e, env)
}

// result makes what the function returns the results of the graph.
func (b *builder) result(it *item, at source.Span) {
	switch {
	case it == nil:
	case it.value != nil:
		b.Results = append(b.Results, it.value)
	case it.parts != nil:
		for _, p := range it.parts {
			b.result(p, at)
		}
	default:
		fail(at, "a graph returns tensors, and tuples and structs of them")
	}
}
