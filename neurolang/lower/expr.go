package lower

import (
	"tensoros/neurolang/program"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/types"
)

// value returns a register with the value of e: the variable's own, or a fresh one.
func (h *host) value(e syntax.Expr) int {
	if id, ok := e.(*syntax.IdentExpr); ok {
		if v, ok := h.info.Uses[id].(*types.Var); ok {
			if r, ok := h.vars[v]; ok {
				return r
			}
		}
	}
	r := h.reg(e)
	h.to(e, r)
	return r
}

// to computes e into register r.
func (h *host) to(e syntax.Expr, r int) {
	mark := h.next
	defer func() { h.next = mark }()
	switch e := e.(type) {
	case *syntax.IntLit:
		h.number(e, e.Value, r)
	case *syntax.FloatLit:
		h.loadK(e, r, e.Value)
	case *syntax.StringLit:
		h.loadK(e, r, e.Value)
	case *syntax.BoolLit:
		b := 0
		if e.Value {
			b = 1
		}
		h.emit(e, program.ABC(program.LoadB, r, b, 0))
	case *syntax.IdentExpr:
		h.ident(e, r)
	case *syntax.PathExpr:
		l, _ := tile.ParseLayout(e.Name.Text)
		h.loadK(e, r, l)
	case *syntax.ArrayLit:
		first := h.next
		for _, x := range e.Elems {
			h.to(x, h.reg(x))
		}
		h.emit(e, program.ABC(program.MakeArray, r, first, len(e.Elems)))
	case *syntax.UnaryExpr:
		h.unary(e, r)
	case *syntax.BinaryExpr:
		h.binary(e, r)
	case *syntax.RangeExpr:
		h.emit(e, program.ABC(program.MakeRange, r, h.value(e.Lo), h.value(e.Hi)))
	case *syntax.CallExpr:
		h.call(e, r)
	case *syntax.IndexExpr:
		h.index(e, r)
	}
}

func (h *host) loadK(e syntax.Expr, r int, c any) {
	h.emit(e, program.ABx(program.LoadK, r, h.constant(e, c)))
}

func (h *host) number(e syntax.Expr, v int64, r int) {
	switch {
	case h.info.TypeOf(e) == types.Float:
		h.loadK(e, r, float64(v))
	case v >= program.MinShort && v <= program.MaxShort:
		h.emit(e, program.ABx(program.LoadI, r, int(v)))
	default:
		h.loadK(e, r, v)
	}
}

func (h *host) ident(e *syntax.IdentExpr, r int) {
	v, ok := h.info.Uses[e].(*types.Var)
	if !ok {
		el, _ := tile.ParseElem(e.Name)
		h.loadK(e, r, el)
		return
	}
	if from, ok := h.vars[v]; ok {
		h.emit(e, program.ABC(program.Move, r, from, 0))
		return
	}
	h.emit(e, program.ABx(program.GetG, r, h.wide(e, h.global(v))))
}

func (h *host) unary(e *syntax.UnaryExpr, r int) {
	op := program.Not
	switch {
	case e.Op == syntax.Sub && h.info.TypeOf(e) == types.Float:
		op = program.NegF
	case e.Op == syntax.Sub:
		op = program.NegI
	}
	h.emit(e, program.ABC(op, r, h.value(e.X), 0))
}

// arithOp returns the opcode of x op y for operands of type t.
func arithOp(op syntax.Kind, t types.Type) program.Op {
	if t == types.String {
		return program.Cat
	}
	first := program.AddI
	if t == types.Float {
		first = program.AddF
	}
	return first + program.Op(op-syntax.Add)
}

func (h *host) binary(e *syntax.BinaryExpr, r int) {
	switch e.Op {
	case syntax.AndAnd, syntax.OrOr:
		// Into a register of its own: r may be a variable that the right side reads.
		t := h.reg(e)
		h.to(e.X, t)
		op := program.JF
		if e.Op == syntax.OrOr {
			op = program.JT
		}
		skip := h.jump(e, op, t)
		h.to(e.Y, t)
		h.land(e, skip, h.here())
		h.emit(e, program.ABC(program.Move, r, t, 0))
		return
	case syntax.Add, syntax.Sub, syntax.Mul, syntax.Div, syntax.Rem:
		x, y := h.value(e.X), h.value(e.Y)
		h.emit(e, program.ABC(arithOp(e.Op, h.info.TypeOf(e)), r, x, y))
		return
	}
	h.compare(e, r)
}

func (h *host) compare(e *syntax.BinaryExpr, r int) {
	x, y := h.value(e.X), h.value(e.Y)
	eq := program.EqX
	switch h.info.TypeOf(e.X) {
	case types.Int:
		eq = program.EqI
	case types.Float:
		eq = program.EqF
	case types.String:
		eq = program.EqS
	}
	switch e.Op {
	case syntax.Eq, syntax.Ne:
		h.emit(e, program.ABC(eq, r, x, y))
		if e.Op == syntax.Ne {
			h.emit(e, program.ABC(program.Not, r, r, 0))
		}
	case syntax.Lt:
		h.emit(e, program.ABC(eq+1, r, x, y))
	case syntax.Le:
		h.emit(e, program.ABC(eq+2, r, x, y))
	case syntax.Gt:
		h.emit(e, program.ABC(eq+1, r, y, x))
	case syntax.Ge:
		h.emit(e, program.ABC(eq+2, r, y, x))
	}
}

// call puts arguments into consecutive registers; the first receives the result.
func (h *host) call(e *syntax.CallExpr, r int) {
	c := h.info.Calls[e]
	if c == nil {
		return
	}
	args := c.Args
	if c.Recv != nil {
		args = append([]syntax.Expr{c.Recv}, args...)
	}
	// The topmost register is a temporary of ours: arguments may start there.
	first := r
	if r != h.next-1 {
		first = h.reg(e)
	}
	for i, a := range args {
		x := first
		if i > 0 {
			x = h.reg(e)
		}
		if a == nil {
			h.emit(e, program.ABC(program.LoadU, x, 0, 0))
			continue
		}
		h.to(a, x)
	}
	switch {
	case c.Builtin != nil:
		site := h.site(program.Site{Name: c.Builtin.Name, Args: len(args)})
		h.emit(e, program.ABx(program.Builtin, first, h.wide(e, site)))
	case c.Fn.Kernel:
		h.emit(e, program.ABx(program.Launch, first, h.wide(e, h.Kernels[c.Fn])))
	default:
		h.emit(e, program.ABx(program.Call, first, h.wide(e, h.Funcs[c.Fn])))
	}
	if r != first {
		h.emit(e, program.ABC(program.Move, r, first, 0))
	}
}

func (h *host) index(e *syntax.IndexExpr, r int) {
	if _, ok := h.info.TypeOf(e.X).(*types.Array); ok {
		op := program.Index
		if h.info.TypeOf(e.Indices[0]) == types.Range {
			op = program.Slice
		}
		x, i := h.value(e.X), h.value(e.Indices[0])
		h.emit(e, program.ABC(op, r, x, i))
		return
	}
	first := h.reg(e)
	h.to(e.X, first)
	for _, i := range e.Indices {
		h.to(i, h.reg(i))
	}
	h.emit(e, program.ABC(program.TIndex, r, first, len(e.Indices)))
}
