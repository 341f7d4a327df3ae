package grad

import (
	"math"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
)

// rules add the derivatives by the operands of one operation inside of a kernel.
var rules map[string]func(s *sheet, c *cell)

func init() {
	rules = map[string]func(s *sheet, c *cell){
		"neg": func(s *sheet, c *cell) { s.add(c.args[0], s.neg(c.adj)) },
		"add": func(s *sheet, c *cell) {
			s.add(c.args[0], c.adj)
			s.add(c.args[1], c.adj)
		},
		"sub": func(s *sheet, c *cell) {
			s.add(c.args[0], c.adj)
			s.add(c.args[1], s.neg(c.adj))
		},
		"mul": func(s *sheet, c *cell) {
			s.add(c.args[0], s.pair(hir.Mul, c.adj, c.args[1]))
			s.add(c.args[1], s.pair(hir.Mul, c.adj, c.args[0]))
		},
		"div": func(s *sheet, c *cell) {
			g := s.pair(hir.Div, c.adj, c.args[1])
			s.add(c.args[0], g)
			s.add(c.args[1], s.neg(s.pair(hir.Mul, g, c)))
		},
		"cast":    func(s *sheet, c *cell) { s.add(c.args[0], s.cast(c.adj, c.args[0])) },
		"max":     func(s *sheet, c *cell) { s.pick(c, hir.Ge) },
		"min":     func(s *sheet, c *cell) { s.pick(c, hir.Le) },
		"where":   (*sheet).chosen,
		"sum":     (*sheet).spread,
		"reshape": (*sheet).back, "expand": (*sheet).back,
		"broadcast": func(s *sheet, c *cell) { s.add(c.args[0], c.adj) },
		"tile.t": func(s *sheet, c *cell) {
			s.add(c.args[0], s.apply("tile.t", c.args[0].v.Type, c.adj))
		},
		"reduce_max": (*sheet).best, "reduce_min": (*sheet).best,
		"floor": nothing, "ceil": nothing, "round": nothing, "iota": nothing,
	}
	for name, f := range slopes {
		rules[name] = func(s *sheet, c *cell) {
			s.add(c.args[0], s.pair(hir.Mul, c.adj, f(s, c.args[0], c)))
		}
	}
}

func nothing(*sheet, *cell) {}

// slopes are the derivatives of functions of one number, from their argument and value.
var slopes = map[string]func(s *sheet, x, y *cell) *cell{
	"exp":  func(_ *sheet, _, y *cell) *cell { return y },
	"exp2": func(s *sheet, _, y *cell) *cell { return s.scale(y, ln2) },
	"ln":   func(s *sheet, x, _ *cell) *cell { return s.apply("rcp", x.v.Type, x) },
	"log2": func(s *sheet, x, _ *cell) *cell {
		return s.scale(s.apply("rcp", x.v.Type, x),
			1/ln2)
	},
	"sqrt":  func(s *sheet, _, y *cell) *cell { return s.scale(s.apply("rcp", y.v.Type, y), 0.5) },
	"rsqrt": func(s *sheet, _, y *cell) *cell { return s.scale(s.cube(y), -0.5) },
	"rcp":   func(s *sheet, _, y *cell) *cell { return s.neg(s.pair(hir.Mul, y, y)) },
	"sin":   func(s *sheet, x, _ *cell) *cell { return s.apply("cos", x.v.Type, x) },
	"cos":   func(s *sheet, x, _ *cell) *cell { return s.neg(s.apply("sin", x.v.Type, x)) },
	"tanh": func(s *sheet, _, y *cell) *cell {
		return s.pair(hir.Sub, s.like(y, 1), s.pair(hir.Mul, y, y))
	},
	"sigmoid": func(s *sheet, _, y *cell) *cell {
		return s.pair(hir.Mul, y, s.pair(hir.Sub, s.like(y, 1), y))
	},
	"erf": func(s *sheet, x, _ *cell) *cell {
		e := s.apply("exp", x.v.Type, s.neg(s.pair(hir.Mul, x, x)))
		return s.scale(e, 2/math.Sqrt(math.Pi))
	},
	"abs": func(s *sheet, x, _ *cell) *cell {
		return s.choose(s.compare(hir.Lt, x, s.like(x, 0)), s.like(x, -1), s.like(x, 1))
	},
}

// add adds g to the derivative by c, summed over what c was stretched along.
func (s *sheet) add(c, g *cell) {
	if c.dead {
		return
	}
	g = s.shrink(g, c.v.Type)
	if c.adj != nil {
		g = s.pair(hir.Add, c.adj, g)
	}
	c.adj = g
}

// shrink sums g along the dimensions that stretched from a type's.
func (s *sheet) shrink(g *cell, t *hir.Type) *cell {
	from := len(g.v.Type.Dims) - len(t.Dims)
	for d := range g.v.Type.Dims {
		if d >= from &&
			t.Dims[d-from].Const == g.v.Type.Dims[d].Const || g.v.Type.Dims[d].Const == 1 {
			continue
		}
		r := *g.v.Type
		r.Dims = append([]hir.Dim{}, r.Dims...)
		r.Dims[d].Const = 1
		g = s.intrinsicOf("sum", &r, []*cell{g}, s.int(d), s.bool(true))
	}
	if from != 0 {
		g = s.apply("reshape", t, g)
	}
	return g
}

func (s *sheet) int(n int) hir.Expr {
	return &hir.Const{X: hir.X{T: intType, At: s.k.At}, Value: int64(n)}
}

func (s *sheet) bool(b bool) hir.Expr {
	return &hir.Const{X: hir.X{T: &hir.Type{Kind: hir.Bool}, At: s.k.At}, Value: b}
}

// apply makes an intrinsic of cells alone; reshape reads its shape off its type.
func (s *sheet) apply(name string, t *hir.Type, args ...*cell) *cell {
	if name == "reshape" {
		return s.intrinsicOf(name, t, args, nil)
	}
	return s.intrinsicOf(name, t, args)
}

func (s *sheet) intrinsicOf(name string, t *hir.Type, args []*cell, more ...hir.Expr) *cell {
	in := &hir.Intrinsic{X: hir.X{T: t, At: s.k.At}, Name: name}
	for _, a := range args {
		in.Args = append(in.Args, a.use())
	}
	in.Args = append(in.Args, more...)
	return s.put(name, in, args...)
}

// joint is the type of two operands together: the one with more elements.
func joint(a, b *hir.Type) *hir.Type {
	if len(a.Dims) == 0 {
		return b
	}
	if len(b.Dims) == 0 {
		return a
	}
	long, short := a, b
	if len(b.Dims) > len(a.Dims) {
		long, short = b, a
	}
	t := *long
	t.Dims = append([]hir.Dim{}, long.Dims...)
	for i, d := range short.Dims {
		at := len(t.Dims) - len(short.Dims) + i
		t.Dims[at].Const = max(t.Dims[at].Const, d.Const)
	}
	return &t
}

func (s *sheet) pair(op hir.Op, a, b *cell) *cell {
	t := joint(a.v.Type, b.v.Type)
	return s.put(operators[op], &hir.Binary{X: hir.X{T: t, At: s.k.At}, Op: op, L: a.use(),
		R: b.use()}, a, b)
}

func (s *sheet) compare(op hir.Op, a, b *cell) *cell {
	c := s.pair(op, a, b)
	t := *c.v.Type
	t.Elem = tile.Bool
	c.def.(*hir.Binary).T, c.v.Type = &t, &t
	return c
}

func (s *sheet) choose(cond, x, y *cell) *cell {
	return s.intrinsicOf("where", joint(cond.v.Type, x.v.Type).WithElem(x.v.Type.Elem),
		[]*cell{cond, x, y})
}

// like is a constant of c's type.
func (s *sheet) like(c *cell, x float64) *cell {
	return s.put("const", &hir.Const{X: hir.X{T: c.v.Type, At: s.k.At}, Value: x})
}

func (s *sheet) scale(c *cell, x float64) *cell { return s.pair(hir.Mul, c, s.like(c, x)) }

func (s *sheet) cube(c *cell) *cell { return s.pair(hir.Mul, s.pair(hir.Mul, c, c), c) }

func (s *sheet) neg(c *cell) *cell {
	return s.put("neg", &hir.Unary{X: hir.X{T: c.v.Type, At: s.k.At}, Op: hir.Neg, Arg: c.use()}, c)
}

// cast converts g to the element type of c.
func (s *sheet) cast(g, c *cell) *cell {
	t := g.v.Type.WithElem(c.v.Type.Elem)
	return s.put("cast", &hir.CastTo{X: hir.X{T: t, At: s.k.At}, Arg: g.use()}, g)
}

// pick derives max and min: the operand that was taken, the first of equal ones.
func (s *sheet) pick(c *cell, op hir.Op) {
	first := s.compare(op, c.args[0], c.args[1])
	zero := s.like(c.adj, 0)
	s.add(c.args[0], s.choose(first, c.adj, zero))
	s.add(c.args[1], s.choose(first, zero, c.adj))
}

func (s *sheet) chosen(c *cell) {
	zero := s.like(c.adj, 0)
	s.add(c.args[1], s.choose(c.args[0], c.adj, zero))
	s.add(c.args[2], s.choose(c.args[0], zero, c.adj))
}

// kept gives a derivative of a reduction the dimension that the reduction dropped.
func (s *sheet) kept(c, g *cell) *cell {
	t := *c.args[0].v.Type
	t.Dims = append([]hir.Dim{}, t.Dims...)
	in := c.def.(*hir.Intrinsic)
	for d := range t.Dims {
		if in.Args[1] == nil || int(in.Args[1].(*hir.Const).Value.(int64)) == d {
			t.Dims[d].Const = 1
		}
	}
	t.Elem = g.v.Type.Elem
	return s.apply("reshape", &t, g)
}

// spread derives sum: every element gets the sum's derivative.
func (s *sheet) spread(c *cell) {
	x := c.args[0]
	s.add(x, s.pair(hir.Add, s.kept(c, c.adj), s.like(x, 0)))
}

// best derives max and min along an axis: all elements that are the best get the derivative.
func (s *sheet) best(c *cell) {
	x := c.args[0]
	hit := s.compare(hir.Eq, x, s.kept(c, c))
	all := s.pair(hir.Add, s.kept(c, c.adj), s.like(x, 0))
	s.add(x, s.choose(hit, all, s.like(x, 0)))
}

// back derives what only changes the shape.
func (s *sheet) back(c *cell) {
	s.add(c.args[0], s.apply("reshape", c.args[0].v.Type, c.adj))
}
