package grad

import (
	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
)

// kernel derives an elementwise kernel: one result, no loops, every tensor read at exactly the
// program's own place. Nil if it is not one. The new kernel takes the same parameters and the
// derivative by the result, and gives one tensor for each tensor parameter.
func (x *expander) kernel(k *hir.Kernel) *hir.Kernel {
	if d, ok := x.kernels[k]; ok {
		return d
	}
	x.kernels[k] = nil
	if k.Lifted || len(k.Results) != 1 {
		return nil
	}
	s := &sheet{k: k, env: map[*hir.Var]*cell{}, of: map[*hir.Var][]*cell{}}
	out := s.run()
	if out == nil {
		return nil
	}
	d := s.derive(out)
	if d != nil {
		x.kernels[k] = d
		x.prog.Kernels = append(x.prog.Kernels, d)
	}
	return d
}

// cell is one value of a kernel: a let of its derivative.
type cell struct {
	v    *hir.Var
	def  hir.Expr
	name string // of the operation
	args []*cell
	load *hir.Var // the tensor it reads
	adj  *cell
	dead bool // no derivative goes through: integers, constants
}

// sheet is a kernel taken apart.
type sheet struct {
	k     *hir.Kernel
	cells []*cell
	env   map[*hir.Var]*cell
	of    map[*hir.Var][]*cell // loads of a tensor
	depth int
	bad   bool
}

// run takes the kernel apart and returns the cell of its result; nil if it is not elementwise.
func (s *sheet) run() *cell {
	out := s.block(s.k.Body)
	if s.bad || out == nil {
		return nil
	}
	return out
}

func (s *sheet) refuse() *cell {
	s.bad = true
	return &cell{v: &hir.Var{Type: &hir.Type{Kind: hir.Scalar, Elem: tile.F32}}}
}

func (s *sheet) block(b *hir.Block) *cell {
	for _, st := range b.Stmts {
		switch st := st.(type) {
		case *hir.Let:
			if st.Value == nil {
				return s.refuse()
			}
			s.env[st.Var] = s.expr(st.Value)
		case *hir.Return:
			return s.expr(st.Value)
		default:
			return s.refuse()
		}
	}
	if b.Value == nil {
		return s.refuse()
	}
	return s.expr(b.Value)
}

func (s *sheet) put(name string, def hir.Expr, args ...*cell) *cell {
	c := &cell{v: &hir.Var{Name: "v", Type: def.Type(), At: def.Span()}, def: def, name: name,
		args: args}
	e := def.Type().Elem
	c.dead = e == tile.I32 || e == tile.Bool || e == tile.I8 || e == tile.U8
	s.cells = append(s.cells, c)
	return c
}

func (c *cell) use() hir.Expr { return &hir.Local{X: hir.X{T: c.v.Type, At: c.v.At}, Var: c.v} }

func (s *sheet) expr(e hir.Expr) *cell {
	switch e := e.(type) {
	case *hir.Const, *hir.DimOf:
		c := s.put("const", e)
		c.dead = true
		return c
	case *hir.Local:
		return s.local(e)
	case *hir.Unary:
		x := s.expr(e.Arg)
		return s.put(map[hir.Op]string{hir.Neg: "neg", hir.Not: "not"}[e.Op],
			&hir.Unary{X: e.X, Op: e.Op, Arg: x.use()}, x)
	case *hir.Binary:
		x, y := s.expr(e.L), s.expr(e.R)
		return s.put(operators[e.Op], &hir.Binary{X: e.X, Op: e.Op, L: x.use(), R: y.use()}, x, y)
	case *hir.CastTo:
		x := s.expr(e.Arg)
		return s.put("cast", &hir.CastTo{X: e.X, Arg: x.use()}, x)
	case *hir.Load:
		return s.read(e)
	case *hir.Call:
		return s.call(e)
	case *hir.BlockExpr:
		return s.block(e.Block)
	case *hir.Intrinsic:
		return s.intrinsic(e)
	}
	return s.refuse()
}

var operators = map[hir.Op]string{hir.Add: "add", hir.Sub: "sub", hir.Mul: "mul", hir.Div: "div",
	hir.Eq: "eq", hir.Ne: "ne", hir.Lt: "lt", hir.Le: "le", hir.Gt: "gt", hir.Ge: "ge",
	hir.And: "and", hir.Or: "or", hir.AndAnd: "and", hir.OrOr: "or", hir.Xor: "xor",
	hir.Rem: "rem", hir.Shl: "shl", hir.Shr: "shr"}

func (s *sheet) local(e *hir.Local) *cell {
	if c := s.env[e.Var]; c != nil {
		return c
	}
	c := s.put("const", e) // a scalar parameter, a span of the grid
	c.dead = true
	return c
}

// call takes an inlined function apart.
func (s *sheet) call(e *hir.Call) *cell {
	if s.depth++; s.depth > maxDepth {
		return s.refuse()
	}
	defer func() { s.depth-- }()
	for i, p := range e.Fn.Params {
		s.env[p] = s.expr(e.Args[i])
	}
	return s.block(e.Fn.Body)
}

// read accepts a view at the program's own place.
func (s *sheet) read(e *hir.Load) *cell {
	part := s.k.Results[0].Part
	if len(e.Indices) != len(part.Axis) {
		return s.refuse()
	}
	for d, x := range e.Indices {
		l, isLocal := x.(*hir.Local)
		axis := part.Axis[d]
		switch {
		case axis < 0 && x == nil:
		case axis >= 0 && isLocal && l.Var == s.k.Axes[axis].Var:
		default:
			return s.refuse()
		}
	}
	c := s.put("load", e)
	c.load = e.Tensor
	s.of[e.Tensor] = append(s.of[e.Tensor], c)
	return c
}

func (s *sheet) intrinsic(e *hir.Intrinsic) *cell {
	in := &hir.Intrinsic{X: e.X, Name: e.Name}
	var args []*cell
	for _, a := range e.Args {
		switch a.(type) {
		case nil, *hir.ArrayOf, *hir.Const:
			if a == nil || constant(a) {
				in.Args = append(in.Args, a)
				continue
			}
		}
		c := s.expr(a)
		args = append(args, c)
		in.Args = append(in.Args, c.use())
	}
	c := s.put(e.Name, in, args...)
	c.dead = c.dead || len(args) == 0
	return c
}

// constant tells arguments that the compiler reads: axes, shapes, element types.
func constant(e hir.Expr) bool {
	c, ok := e.(*hir.Const)
	if !ok {
		return true
	}
	return c.T.Kind != hir.Scalar && c.T.Kind != hir.Tile
}

// derive adds the derivatives and makes the kernel.
func (s *sheet) derive(out *cell) *hir.Kernel {
	k := s.k
	d := &hir.Var{Name: "d", Type: k.Results[0].Type, At: k.At}
	load := &hir.Load{X: hir.X{T: out.v.Type, At: k.At}, Tensor: d}
	for _, axis := range k.Results[0].Part.Axis {
		if axis < 0 {
			load.Indices = append(load.Indices, nil)
			continue
		}
		v := k.Axes[axis].Var
		load.Indices = append(load.Indices, &hir.Local{X: hir.X{T: v.Type, At: k.At}, Var: v})
	}
	forward := len(s.cells)
	out.adj = s.put("load", load)
	for i := forward - 1; i >= 0; i-- {
		c := s.cells[i]
		if c.adj == nil || c.dead || len(c.args) == 0 {
			continue
		}
		rule := rules[c.name]
		if rule == nil {
			return nil
		}
		rule(s, c)
	}
	if s.bad {
		return nil
	}
	grad := &hir.Kernel{Name: k.Name + "_vjp", Source: "grad of " + k.Source, Dims: k.Dims,
		Axes: k.Axes, Attrs: k.Attrs, At: k.At, Params: append(append([]*hir.Var{}, k.Params...),
			d),
		Parts: make([]*hir.Part, len(k.Params)+1), Body: &hir.Block{At: k.At}}
	var values []hir.Expr
	for _, p := range k.Params {
		if p.Type.Kind == hir.Tensor {
			values = append(values, s.total(p))
			grad.Results = append(grad.Results, hir.Result{Type: p.Type, Part: k.Results[0].Part})
		}
	}
	for _, c := range s.cells {
		grad.Body.Stmts = append(grad.Body.Stmts, &hir.Let{Var: c.v, Value: c.def})
	}
	if len(values) == 1 {
		grad.Body.Value = values[0]
		return grad
	}
	t := &hir.Type{Kind: hir.Tuple, Args: types(values)}
	grad.Body.Value = &hir.TupleOf{X: hir.X{T: t, At: k.At}, Elems: values}
	return grad
}

// total is the derivative by a tensor: the sum over its loads.
func (s *sheet) total(p *hir.Var) hir.Expr {
	var sum *cell
	for _, c := range s.of[p] {
		switch {
		case c.adj == nil:
		case sum == nil:
			sum = c.adj
		default:
			sum = s.pair(hir.Add, sum, c.adj)
		}
	}
	if sum == nil {
		t := *s.k.Results[0].Type
		t.Kind, t.Elem, t.Dims = hir.Tile, p.Type.Elem, nil
		part := s.k.Results[0].Part
		for d, axis := range part.Axis {
			if axis < 0 {
				t.Dims = append(t.Dims, p.Type.Dims[d])
			} else if !s.k.Axes[axis].Index {
				t.Dims = append(t.Dims, hir.Dim{Const: s.k.Axes[axis].Block})
			}
		}
		sum = s.put("const", &hir.Const{X: hir.X{T: &t, At: s.k.At}, Value: 0.0})
	}
	return sum.use()
}
