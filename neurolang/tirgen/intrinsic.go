package tirgen

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// points are the intrinsics that are one elementwise operation.
var points = map[string]tir.Kind{
	"exp": tir.Exp, "exp2": tir.Exp2, "ln": tir.Log, "log2": tir.Log2, "sqrt": tir.Sqrt,
	"rsqrt": tir.Rsqrt, "rcp": tir.Rcp, "sin": tir.Sin, "cos": tir.Cos, "tanh": tir.Tanh,
	"erf": tir.Erf, "abs": tir.Abs, "floor": tir.Floor, "ceil": tir.Ceil, "round": tir.Round,
	"max": tir.Max, "min": tir.Min, "fma": tir.Fma, "where": tir.Select,
}

// reductions are those that combine along an axis.
var reductions = map[string]tir.Kind{"sum": tir.Add, "prod": tir.Mul, "reduce_max": tir.Max,
	"reduce_min": tir.Min, "any": tir.Or, "all": tir.And}

// atomics are those on views of &atomic parameters.
var atomics = map[string]tir.Kind{"atomic_add": tir.Add, "atomic_min": tir.Min,
	"atomic_max": tir.Max}

// others are the rest.
var others map[string]func(g *gen, e *hir.Intrinsic) value

func init() {
	others = map[string]func(g *gen, e *hir.Intrinsic) value{
		"sigmoid": (*gen).sigmoid, "pow": (*gen).pow, "bitcast": (*gen).bitcast,
		"zeros": (*gen).filled, "ones": (*gen).filled, "full": (*gen).filled,
		"iota": (*gen).iota, "span.iota": (*gen).iota, "bits": (*gen).bits,
		"uniform": (*gen).uniform, "normal": (*gen).normal, "dot": (*gen).dot,
		"argmax": (*gen).arg, "argmin": (*gen).arg, "cumsum": (*gen).scan, "sort": (*gen).sort,
		"tile.t": (*gen).transpose, "permute": (*gen).permute, "reshape": (*gen).reshape,
		"expand": (*gen).reshape, "broadcast": (*gen).broadcast, "join": (*gen).join,
		"slice": (*gen).slice, "xor_shuffle": (*gen).shuffle, "span": (*gen).span,
		"span.start": (*gen).start, "program": (*gen).program,
	}
}

func (g *gen) intrinsic(e *hir.Intrinsic) value {
	if kind, ok := points[e.Name]; ok {
		return g.point(kind, e)
	}
	if kind, ok := reductions[e.Name]; ok {
		return g.reduce(kind, e)
	}
	if kind, ok := atomics[e.Name]; ok {
		return g.atomic(kind, e)
	}
	if f := others[e.Name]; f != nil {
		return f(g, e)
	}
	g.fail(diag.KernelBody, e.At, "", "%s is a function of the host", e.Name)
	return nil
}

// point stretches the operands to the result's shape and computes.
func (g *gen) point(kind tir.Kind, e *hir.Intrinsic) value {
	t := typeOf(e.T)
	var args []*tir.Value
	for _, a := range e.Args {
		args = append(args, g.b.Broadcast(g.number(a), t.Dims))
	}
	return g.b.Op(kind, tir.Attrs{}, t, args...)
}

func (g *gen) one(e *hir.Intrinsic) *tir.Value { return g.number(e.Args[0]) }

// wide computes f in f32 where the type is narrower.
func (g *gen) wide(x *tir.Value, f func(x *tir.Value) *tir.Value) *tir.Value {
	e := x.Type.Elem
	if e != tile.F16 && e != tile.BF16 {
		return f(x)
	}
	return g.b.Cast(f(g.b.Cast(x, tile.F32)), e)
}

func (g *gen) sigmoid(e *hir.Intrinsic) value {
	return g.wide(g.one(e), func(x *tir.Value) *tir.Value {
		up := g.b.Unary(tir.Exp, g.b.Unary(tir.Neg, x))
		return g.b.Unary(tir.Rcp, g.b.Binary(tir.Add, up, g.b.Float(x.Type, 1)))
	})
}

// pow is exp2(y log2 x), for positive x.
func (g *gen) pow(e *hir.Intrinsic) value {
	x, y := g.together(g.number(e.Args[0]), g.number(e.Args[1]))
	return g.wide(x, func(x *tir.Value) *tir.Value {
		y := g.b.Cast(y, x.Type.Elem)
		return g.b.Unary(tir.Exp2, g.b.Binary(tir.Mul, y, g.b.Unary(tir.Log2, x)))
	})
}

func (g *gen) bitcast(e *hir.Intrinsic) value {
	return g.b.Op(tir.Bitcast, tir.Attrs{}, typeOf(e.T), g.one(e))
}

func (g *gen) filled(e *hir.Intrinsic) value {
	t := typeOf(e.T)
	switch e.Name {
	case "zeros":
		return g.b.Number(t, 0)
	case "ones":
		return g.b.Number(t, 1)
	}
	x := g.b.Cast(g.number(e.Args[1]), t.Elem)
	if op := x.Op; op != nil && op.Kind == tir.Const {
		return g.b.Op(tir.Const, op.Attrs, t)
	}
	return g.b.Broadcast(x, t.Dims)
}

func (g *gen) iota(e *hir.Intrinsic) value {
	v := g.b.Op(tir.Iota, tir.Attrs{}, typeOf(e.T))
	if s, ok := g.expr(e.Args[0]).(span); ok {
		return g.b.Binary(tir.Add, v, g.b.Broadcast(s.start, v.Type.Dims))
	}
	return v
}

func (g *gen) bits(e *hir.Intrinsic) value {
	return g.philox(e, 0)
}

// philox gives random words; salt tells streams of one seed apart.
func (g *gen) philox(e *hir.Intrinsic, salt int) *tir.Value {
	seed, counter := g.number(e.Args[0]), g.number(e.Args[1])
	if salt != 0 {
		seed = g.b.Binary(tir.Xor, seed, g.b.Index(salt))
	}
	return g.b.Op(tir.Bits, tir.Attrs{}, counter.Type, seed, counter)
}

// unit maps words to [0, 1), or with up to (0, 1], in steps of 2^-24.
func (g *gen) unit(words *tir.Value, up int) *tir.Value {
	top := g.b.Binary(tir.ShrU, words, g.b.Int(words.Type, 8))
	if up != 0 {
		top = g.b.Binary(tir.Add, top, g.b.Int(words.Type, int64(up)))
	}
	x := g.b.Cast(top, tile.F32)
	return g.b.Binary(tir.Mul, x, g.b.Float(x.Type, 0x1p-24))
}

func (g *gen) uniform(e *hir.Intrinsic) value { return g.unit(g.philox(e, 0), 0) }

// normalSalt keeps the two uniforms of Box and Muller apart: the golden ratio's bits.
const normalSalt = 0x1e3779b9

func (g *gen) normal(e *hir.Intrinsic) value {
	u, v := g.unit(g.philox(e, 0), 1), g.unit(g.philox(e, normalSalt), 0)
	const tau = 6.283185307179586
	radius := g.b.Unary(tir.Sqrt, g.b.Binary(tir.Mul, g.b.Unary(tir.Log, u),
		g.b.Float(u.Type, -2)))
	angle := g.b.Unary(tir.Cos, g.b.Binary(tir.Mul, v, g.b.Float(v.Type, tau)))
	return g.b.Binary(tir.Mul, radius, angle)
}

// dot multiplies matrices; leading dimensions are batches, unrolled.
func (g *gen) dot(e *hir.Intrinsic) value {
	if g.lift != nil {
		if v := g.lift.dot(g, e); v != nil {
			return v
		}
	}
	return g.product(g.number(e.Args[0]), g.number(e.Args[1]))
}

func (g *gen) product(x, y *tir.Value) *tir.Value {
	r := x.Type.Rank()
	acc := tir.Accumulator(x.Type.Elem)
	t := tir.Type{Elem: acc, Dims: append(append([]int{}, x.Type.Dims[:r-1]...),
		y.Type.Dims[y.Type.Rank()-1])}
	if r == 2 {
		return g.b.Dot(x, y, g.b.Number(t, 0))
	}
	flat := func(v *tir.Value) *tir.Value {
		d := v.Type.Dims
		return g.b.Reshape(v, []int{v.Type.Len() / (d[r-1] * d[r-2]), d[r-2], d[r-1]})
	}
	x, y = flat(x), flat(y)
	var whole *tir.Value
	for i := range x.Type.Dims[0] {
		part := func(v *tir.Value) *tir.Value {
			s := g.b.Op(tir.Slice, tir.Attrs{Int: int64(i)}, v.Type.Keep(0, 1), v)
			return g.b.Reshape(s, v.Type.Dims[1:])
		}
		m := tir.Of(acc, t.Dims[r-2], t.Dims[r-1])
		p := g.b.Dot(part(x), part(y), g.b.Number(m, 0))
		p = g.b.Reshape(p, append([]int{1}, m.Dims...))
		if whole == nil {
			whole = p
			continue
		}
		whole = g.b.Op(tir.Join, tir.Attrs{}, whole.Type.Keep(0, i+1), whole, p)
	}
	return g.b.Reshape(whole, t.Dims)
}

// reduce combines along an axis, or all of a tile. Sums and products of narrow types run in f32 or
// i32 and are rounded once.
func (g *gen) reduce(kind tir.Kind, e *hir.Intrinsic) value {
	x := g.one(e)
	t := typeOf(e.T)
	if kind == tir.Add || kind == tir.Mul {
		x = g.b.Cast(x, wide(x.Type.Elem))
	}
	for _, axis := range axes(e, x.Type.Rank()) {
		x = g.b.Reduce(kind, axis, x)
	}
	return g.b.Cast(g.b.Reshape(x, t.Dims), t.Elem)
}

// wide is what elements are summed in.
func wide(e tile.Elem) tile.Elem {
	switch e {
	case tile.F16, tile.BF16:
		return tile.F32
	case tile.I8, tile.U8:
		return tile.I32
	}
	return e
}

// axes are those that a reduction runs along, the innermost first.
func axes(e *hir.Intrinsic, rank int) []int {
	if e.Args[1] != nil {
		return []int{constInt(e.Args[1])}
	}
	var out []int
	for d := rank - 1; d >= 0; d-- {
		out = append(out, d)
	}
	return out
}

func (g *gen) arg(e *hir.Intrinsic) value {
	x := g.one(e)
	t := typeOf(e.T)
	comb := tir.Max
	if e.Name == "argmin" {
		comb = tir.Min
	}
	axis := 0
	if e.Args[1] != nil {
		axis = constInt(e.Args[1])
	} else {
		x = g.b.Reshape(x, []int{x.Type.Len()})
	}
	r := g.b.Op(tir.ArgReduce, tir.Attrs{Comb: comb, Axis: axis},
		x.Type.Keep(axis, 1).With(tile.I32), x)
	return g.b.Reshape(r, t.Dims)
}

func (g *gen) scan(e *hir.Intrinsic) value {
	x := g.one(e)
	e0 := x.Type.Elem
	x = g.b.Cast(x, wide(e0))
	x = g.b.Op(tir.Scan, tir.Attrs{Comb: tir.Add, Axis: constInt(e.Args[1])}, x.Type, x)
	return g.b.Cast(x, e0)
}

func (g *gen) sort(e *hir.Intrinsic) value {
	x := g.one(e)
	return g.b.Op(tir.Sort, tir.Attrs{Axis: x.Type.Rank() - 1}, x.Type, x)
}

func (g *gen) transpose(e *hir.Intrinsic) value {
	x := g.one(e)
	var perm []int
	for d := range x.Type.Rank() {
		perm = append(perm, d)
	}
	if n := len(perm); n > 1 {
		perm[n-1], perm[n-2] = n-2, n-1
	}
	return g.b.Transpose(x, perm)
}

func (g *gen) permute(e *hir.Intrinsic) value {
	return g.b.Transpose(g.one(e), constInts(e.Args[1]))
}

func (g *gen) reshape(e *hir.Intrinsic) value { return g.b.Reshape(g.one(e), typeOf(e.T).Dims) }

func (g *gen) broadcast(e *hir.Intrinsic) value {
	return g.b.Broadcast(g.one(e), typeOf(e.T).Dims)
}

func (g *gen) join(e *hir.Intrinsic) value {
	return g.b.Op(tir.Join, tir.Attrs{Axis: constInt(e.Args[2])}, typeOf(e.T), g.one(e),
		g.number(e.Args[1]))
}

func (g *gen) slice(e *hir.Intrinsic) value {
	return g.b.Op(tir.Slice, tir.Attrs{Axis: constInt(e.Args[1]), Int: int64(constInt(e.Args[2]))},
		typeOf(e.T), g.one(e))
}

func (g *gen) shuffle(e *hir.Intrinsic) value {
	return g.b.Op(tir.XorShuffle, tir.Attrs{Mask: constInt(e.Args[1]), Axis: constInt(e.Args[2])},
		typeOf(e.T), g.one(e))
}

func (g *gen) span(e *hir.Intrinsic) value { return span{g.one(e), constInt(e.Args[1])} }

func (g *gen) start(e *hir.Intrinsic) value { return g.expr(e.Args[0]).(span).start }

func (g *gen) program(e *hir.Intrinsic) value {
	return g.b.Op(tir.Program, tir.Attrs{Axis: constInt(e.Args[0])}, i32)
}

func (g *gen) atomic(kind tir.Kind, e *hir.Intrinsic) value {
	view, ok := e.Args[0].(*hir.Load)
	if !ok {
		g.fail(diag.KernelBody, e.Args[0].Span(), "write "+e.Name+"(x[i, j], value)",
			"%s takes a view of a tensor", e.Name)
	}
	param, sizes, index := g.view(view)
	x := g.b.Broadcast(g.number(e.Args[1]), typeOf(view.T).Dims)
	g.b.Append(tir.Atomic, tir.Attrs{Param: param, Sizes: sizes, Comb: kind}, nil,
		append([]*tir.Value{x}, index...)...)
	return nil
}
