package tirgen

import (
	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// role says how a parameter of a lifted kernel meets the tiles of the result (m, n): Point at
// (m, n), Left at (m, k) and Right at (k, n) for all k.
type role uint8

const (
	point role = iota
	left
	right
)

// lift makes a kernel over tiles one over tensors: what its variables stand for is made where it
// is used, in the loop over k or outside.
type lift struct {
	lets  map[*hir.Var]hir.Expr
	roles map[*hir.Var]role
	index map[*hir.Var]int
	made  map[*hir.Var]*tir.Value // outside of the loop
	in    role                    // where the expression being made stands
	m, n  *tir.Value
	k     *tir.Value // inside of the loop
	sum   *tir.Value // of the dot, once it is made
	dots  int
}

// lifted makes a lifted kernel.
func (g *gen) lifted() {
	l := &lift{lets: map[*hir.Var]hir.Expr{}, roles: map[*hir.Var]role{},
		index: map[*hir.Var]int{}, made: map[*hir.Var]*tir.Value{}}
	result := l.collect(g)
	for i, v := range g.k.Params {
		l.index[v] = i
	}
	l.find(g, result, point)
	k := g.head()
	syms := [3][2]string{point: {"M", "N"}, left: {"M", "K"}, right: {"K", "N"}}
	for _, v := range g.k.Params {
		if v.Type.Kind != hir.Tile {
			k.Params = append(k.Params, abi.Param{Name: v.Name, Elem: elem(v.Type)})
			continue
		}
		k.Params = append(k.Params, l.tensor(g, v.Name, v.Type, syms[l.roles[v]], abi.Read))
	}
	out := result.Type()
	if len(g.k.Results) == 1 && g.k.Results[0].Type.Kind == hir.Tile {
		out = g.k.Results[0].Type
	}
	k.Outs = []abi.Param{l.tensor(g, "result", out, syms[point], abi.Write)}
	ds := typeOf(out).Dims
	names := [2]string{"M", "N"}
	for d, n := range ds {
		s := names[len(names)-len(ds)+d]
		k.Axes = append(k.Axes, abi.Axis{Name: s, Dim: abi.Dim{Sym: s}, Block: n})
	}
	g.b, g.lift = tir.NewBuilder(k), l
	g.b.Loc = k.Loc
	arg := 0
	for _, v := range g.k.Params {
		if v.Type.Kind != hir.Tile {
			g.env[v] = k.Body.Args[arg]
			arg++
		}
	}
	starts := l.starts(g, ds)
	x := g.number(result)
	g.b.Store(len(k.Params), ds, x, starts...)
}

// starts are where the result's tile begins.
func (l *lift) starts(g *gen, ds []int) []*tir.Value {
	var starts []*tir.Value
	for d, n := range ds {
		at := g.b.Op(tir.Program, tir.Attrs{Axis: d}, i32)
		starts = append(starts, g.b.Binary(tir.Mul, at, g.b.Index(n)))
	}
	l.n = starts[len(starts)-1]
	l.m = starts[0]
	return starts
}

// tensor describes the tensor that a tile is lifted over.
func (l *lift) tensor(g *gen, name string, t *hir.Type, syms [2]string, a abi.Access) abi.Param {
	if len(t.Dims) < 1 || len(t.Dims) > 2 {
		g.fail(diag.KernelType, g.k.At, "write a kernel over tensors: a: Tensor<[..], f16>",
			"%s has %d dimensions: kernels over tiles have 1 or 2", name, len(t.Dims))
	}
	p := tensorParam(name, t, a)
	for d := range p.Dims {
		p.Dims[d] = abi.Dim{Sym: syms[2-len(p.Dims)+d]}
	}
	return p
}

// collect gathers the lets of the body and returns its result.
func (l *lift) collect(g *gen) hir.Expr {
	for _, s := range g.k.Body.Stmts {
		switch s := s.(type) {
		case *hir.Let:
			l.lets[s.Var] = s.Value
		case *hir.Return:
			return s.Value
		default:
			g.fail(diag.KernelBody, g.k.At, "write a kernel over tensors for loops and branches",
				"a kernel over tiles is let bindings and one return")
		}
	}
	return g.k.Body.Value
}

// find gives the parameters under an expression their role.
func (l *lift) find(g *gen, e hir.Expr, r role) {
	switch e := e.(type) {
	case *hir.Local:
		if init, ok := l.lets[e.Var]; ok {
			l.find(g, init, r)
		} else if old, ok := l.roles[e.Var]; ok && old != r {
			g.fail(diag.DotNotYet, e.At, "write a kernel over tensors: a: Tensor<[M, K], f16>",
				"%s is used inside of dot and outside", e.Var.Name)
		} else {
			l.roles[e.Var] = r
		}
	case *hir.Intrinsic:
		if e.Name != "dot" {
			l.each(g, e.Args, r)
			return
		}
		if l.dots++; l.dots > 1 || r != point {
			g.fail(diag.DotNotYet, e.At, "write a kernel over tensors, with loops of its own",
				"a kernel over tiles has one dot")
		}
		l.find(g, e.Args[0], left)
		l.find(g, e.Args[1], right)
	case *hir.Binary:
		l.each(g, []hir.Expr{e.L, e.R}, r)
	case *hir.Unary:
		l.find(g, e.Arg, r)
	case *hir.CastTo:
		l.find(g, e.Arg, r)
	case *hir.Call:
		l.each(g, e.Args, r)
	}
}

func (l *lift) each(g *gen, es []hir.Expr, r role) {
	for _, e := range es {
		if e != nil {
			l.find(g, e, r)
		}
	}
}

// local makes what a variable of the body stands for.
func (l *lift) local(g *gen, e *hir.Local) (value, bool) {
	if x := l.made[e.Var]; x != nil && l.in == point {
		return x, true
	}
	var x *tir.Value
	if init, ok := l.lets[e.Var]; ok {
		x = g.number(init)
	} else if _, ok := l.index[e.Var]; ok && e.Var.Type.Kind == hir.Tile {
		x = l.load(g, e.Var)
	} else {
		return nil, false
	}
	if l.in == point {
		l.made[e.Var] = x
	}
	return x, true
}

// load reads a parameter's tile where the expression stands.
func (l *lift) load(g *gen, v *hir.Var) *tir.Value {
	at := map[role][2]*tir.Value{point: {l.m, l.n}, left: {l.m, l.k}, right: {l.k, l.n}}[l.in]
	ds := typeOf(v.Type).Dims
	return g.b.Load(l.index[v], ds, at[2-len(ds):], nil)
}

// dot makes the loop over k.
func (l *lift) dot(g *gen, e *hir.Intrinsic) *tir.Value {
	if l.sum != nil {
		return l.sum
	}
	step := e.Args[0].Type().Dims[1].Const
	acc := typeOf(e.T)
	if acc.Elem == tile.NoElem {
		acc.Elem = tir.Accumulator(e.Args[0].Type().Elem)
	}
	out := g.b.For(g.b.Index(0), g.b.Op(tir.Extent, tir.Attrs{Sym: "K"}, i32), g.b.Index(step), 0,
		[]*tir.Value{g.b.Number(acc, 0)}, func(k *tir.Value, c []*tir.Value) []*tir.Value {
			l.k, l.in = k, left
			x := g.number(e.Args[0])
			l.in = right
			y := g.number(e.Args[1])
			l.in = point
			return []*tir.Value{g.b.Dot(x, y, c[0])}
		})
	l.sum = out[0]
	return l.sum
}
