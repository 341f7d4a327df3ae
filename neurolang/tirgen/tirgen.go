package tirgen

import (
	"fmt"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// Error is something a kernel may say but no tile IR can.
type Error struct {
	Code diag.Code
	At   source.Span
	Msg  string
	Help string
}

func (e *Error) Error() string { return e.Msg }

// Kernel makes the tile IR of a kernel. set resolves positions. The error is an *Error.
func Kernel(k *hir.Kernel, set *source.Set) (out *tir.Kernel, err error) {
	g := &gen{k: k, set: set, env: map[*hir.Var]value{}, params: map[*hir.Var]int{}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			out, err = nil, e
		default:
			panic(e)
		}
	}()
	if k.Lifted {
		g.lifted()
	} else {
		g.kernel()
	}
	g.b.Yield()
	if err := g.b.K.Verify(); err != nil {
		panic("tirgen: made bad tile IR: " + err.Error() + "\n" + g.b.K.String())
	}
	return g.b.K, nil
}

type gen struct {
	k      *hir.Kernel
	set    *source.Set
	b      *tir.Builder
	env    map[*hir.Var]value
	params map[*hir.Var]int // tensors, as tir counts them
	calls  int
	lift   *lift
}

// fail ends the making of this kernel.
func (g *gen) fail(code diag.Code, at source.Span, help, format string, args ...any) {
	panic(&Error{code, at, fmt.Sprintf(format, args...), help})
}

// at sets the place of the operations that come, and returns what sets it back.
func (g *gen) at(s source.Span) func() {
	old := g.b.Loc
	if s.IsValid() {
		g.b.Loc = g.loc(s)
	}
	return func() { g.b.Loc = old }
}

func (g *gen) loc(s source.Span) tir.Loc {
	p := g.set.Position(s.Pos)
	return tir.Loc{File: p.File, Line: p.Line, Col: p.Col}
}

func (g *gen) head() *tir.Kernel {
	k := &tir.Kernel{Name: g.k.Name, Loc: g.loc(g.k.At)}
	for _, a := range g.k.Attrs {
		k.Deterministic = k.Deterministic || a.Name == "deterministic"
	}
	return k
}

func dims(ds []hir.Dim) []abi.Dim {
	out := make([]abi.Dim, len(ds))
	for i, d := range ds {
		out[i] = dim(d)
	}
	return out
}

func dim(d hir.Dim) abi.Dim {
	if d.Sym != "" {
		return abi.Dim{Sym: d.Sym}
	}
	return abi.Dim{Const: d.Const}
}

// tensorParam describes a tensor of a kernel.
func tensorParam(name string, t *hir.Type, access abi.Access) abi.Param {
	layout := t.Layout
	if layout == tile.NoLayout {
		layout = tile.RowMajor
	}
	return abi.Param{Name: name, Tensor: true, Elem: t.Elem, Dims: dims(t.Dims), Layout: layout,
		Access: access}
}

// kernel makes a kernel over tensors.
func (g *gen) kernel() {
	k := g.head()
	for i, v := range g.k.Params {
		switch t := v.Type; t.Kind {
		case hir.Tensor:
			g.params[v] = i
			k.Params = append(k.Params, tensorParam(v.Name, t, abi.Read))
		case hir.Ref:
			g.params[v] = i
			access := map[hir.RefKind]abi.Access{hir.Shared: abi.Read, hir.Exclusive: abi.Update,
				hir.AtomicRef: abi.Atomic}[t.Mut]
			k.Params = append(k.Params, tensorParam(v.Name, t.Args[0], access))
		default:
			k.Params = append(k.Params, abi.Param{Name: v.Name, Elem: elem(t)})
		}
	}
	for i, r := range g.k.Results {
		k.Outs = append(k.Outs, tensorParam(resultName(i, len(g.k.Results)), r.Type, abi.Write))
	}
	for _, a := range g.k.Axes {
		k.Axes = append(k.Axes, abi.Axis{Name: a.Name, Dim: dim(a.Dim), Block: a.Block})
	}
	g.b = tir.NewBuilder(k)
	g.b.Loc = k.Loc
	arg := 0
	for _, v := range g.k.Params {
		if _, tensor := g.params[v]; !tensor {
			g.env[v] = k.Body.Args[arg]
			arg++
		}
	}
	starts := g.axes()
	g.results(g.body(g.k.Body), starts)
}

func resultName(i, n int) string {
	if n == 1 {
		return "result"
	}
	return fmt.Sprintf("result%d", i)
}

// axes binds the grid's variables and returns where this program's pieces begin.
func (g *gen) axes() []*tir.Value {
	var starts []*tir.Value
	i32 := tir.Scalar(tile.I32)
	for i, a := range g.k.Axes {
		start := g.b.Op(tir.Program, tir.Attrs{Axis: i}, i32)
		if a.Block != 1 {
			start = g.b.Binary(tir.Mul, start, g.b.Index(a.Block))
		}
		starts = append(starts, start)
		if a.Var == nil {
			continue
		}
		if a.Index {
			g.env[a.Var] = start
		} else {
			g.env[a.Var] = span{start, a.Block}
		}
	}
	return starts
}

// results stores what the body gives.
func (g *gen) results(v value, starts []*tir.Value) {
	parts := []value{v}
	if t, ok := v.(tuple); ok && len(g.k.Results) != 1 {
		parts = t
	}
	for i, r := range g.k.Results {
		x := parts[i].(*tir.Value)
		var sizes []int
		var index []*tir.Value
		for d, axis := range r.Part.Axis {
			switch {
			case axis < 0:
				sizes = append(sizes, r.Type.Dims[d].Const)
				index = append(index, g.b.Index(0))
			case g.k.Axes[axis].Index:
				sizes = append(sizes, 0)
				index = append(index, starts[axis])
			default:
				sizes = append(sizes, g.k.Axes[axis].Block)
				index = append(index, starts[axis])
			}
		}
		g.b.Store(len(g.k.Params)+i, sizes, x, index...)
	}
}
