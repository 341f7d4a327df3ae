package hostgen

import (
	"fmt"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/program"
)

// place tells that an expression names a value that stays where it is.
func place(e hir.Expr) bool {
	switch x := e.(type) {
	case *hir.Local, *hir.Deref:
		return true
	case *hir.FieldOf:
		return place(x.Arg)
	case *hir.PayloadOf:
		return place(x.Arg)
	case *hir.IndexOf:
		return under(x.Arg.Type()).Kind == hir.Array && place(x.Arg) &&
			under(x.Indices[0].Type()).Kind == hir.Int
	}
	return false
}

// read gives a register with the value of an expression, references followed, for looking at: its
// owner keeps it. A value without a name lives to the end of the statement.
func (g *gen) read(e hir.Expr) int {
	r := g.look(e)
	if !exclusive(e.Type()) {
		return r
	}
	d := g.reg()
	g.op(program.Deref, d, r, 0)
	return d
}

// look is read that leaves exclusive references as they are.
func (g *gen) look(e hir.Expr) int {
	if x, ok := e.(*hir.Local); ok && !x.Var.Global && !g.boxed[x.Var] {
		return g.vars[x.Var]
	}
	if x, ok := e.(*hir.DimOf); ok {
		return g.dim(x.Sym)
	}
	r := g.reg()
	if place(e) {
		g.get(e, r, false)
		return r
	}
	g.to(e, r)
	if g.holds(e.Type()) {
		g.temp(r)
	}
	return r
}

// takePlace evaluates a place into a register that then owns the value: it moves, or is copied.
func (g *gen) takePlace(e hir.Expr, dst int) {
	t := e.Type()
	switch {
	case !place(e):
		g.element(e, dst)
	case !g.holds(t):
		g.get(e, dst, false)
		if copied(t) {
			g.op(program.Copy, dst, dst, 0)
		}
	case g.leaves(e):
		g.get(e, dst, true)
	default:
		g.get(e, dst, false)
		g.op(program.Borrow, dst, dst, 0)
	}
}

// leaves tells that reading a place takes the value away from it: a variable that is not used
// again, or a part of a value.
func (g *gen) leaves(e hir.Expr) bool {
	switch x := e.(type) {
	case *hir.Local:
		return x.Move
	case *hir.Deref:
		return false
	}
	return e.Type().Kind != hir.Func
}

// element reads a part of a value without a name: a field of a call's result, a slice.
func (g *gen) element(e hir.Expr, dst int) {
	switch x := e.(type) {
	case *hir.FieldOf:
		g.part(x, x.Arg, x.Index, dst)
	case *hir.PayloadOf:
		g.part(x, x.Arg, x.Index, dst)
	case *hir.IndexOf:
		g.index(x, dst)
	default:
		panic(fmt.Sprintf("hostgen: %T is no part of a value", e))
	}
}

func (g *gen) part(e, of hir.Expr, index, dst int) {
	r := g.read(of)
	op := program.Field
	if g.holds(e.Type()) {
		op = program.TakeF // the rest goes with the value itself
	}
	g.op(op, dst, r, index)
}

// index reads elements of an array or tensor.
func (g *gen) index(x *hir.IndexOf, dst int) {
	t := under(x.Arg.Type())
	if t.Kind != hir.Tensor {
		a, i := g.read(x.Arg), g.read(x.Indices[0])
		switch {
		case under(x.Indices[0].Type()).Kind == hir.Range:
			g.op(program.Slice, dst, a, i)
		case g.holds(x.T):
			g.op(program.TakeI, dst, a, i)
		default:
			g.op(program.Index, dst, a, i)
		}
		return
	}
	op := program.TIndex
	if x.T.Kind == hir.Tensor {
		op = program.TView
	}
	g.tensorIndex(op, x, dst)
	g.convert(x.T, t, dst)
}

func (g *gen) tensorIndex(op program.Op, x *hir.IndexOf, dst int) {
	base := g.window(len(x.Indices), dst)
	t := g.read(x.Arg)
	for i, e := range x.Indices {
		if e == nil {
			g.op(program.LoadU, base+i, 0, 0)
			continue
		}
		g.to(e, base+i)
	}
	g.op(op, base, t, len(x.Indices))
	g.give(dst, base)
}

// ops that read a part of something, and that take it away.
func pick(take bool, get, gone program.Op) program.Op {
	if take {
		return gone
	}
	return get
}

// get reads a place.
func (g *gen) get(e hir.Expr, dst int, take bool) {
	mark := g.next
	switch x := e.(type) {
	case *hir.Local:
		switch {
		case x.Var.Global:
			g.wide(pick(take, program.GetG, program.TakeG), dst, g.global(x.Var))
		case g.boxed[x.Var]:
			g.op(pick(take, program.Field, program.TakeF), dst, g.vars[x.Var], 0)
		default:
			g.op(pick(take, program.Move, program.Take), dst, g.vars[x.Var], 0)
		}
	case *hir.FieldOf:
		g.op(pick(take, program.Field, program.TakeF), dst, g.read(x.Arg), x.Index)
	case *hir.PayloadOf:
		g.op(pick(take, program.Field, program.TakeF), dst, g.read(x.Arg), x.Index)
	case *hir.IndexOf:
		a := g.read(x.Arg)
		i := g.read(x.Indices[0])
		g.op(pick(take, program.Index, program.TakeI), dst, a, i)
	case *hir.Deref:
		r := g.look(x.Arg)
		if exclusive(x.Arg.Type()) {
			g.op(pick(take, program.Deref, program.TakeD), dst, r, 0)
		} else {
			g.op(program.Move, dst, r, 0)
		}
	}
	g.release(mark)
}

// assign sets a place; what it owned before is dropped.
func (g *gen) assign(p, value hir.Expr) {
	if x, ok := p.(*hir.Local); ok && g.direct(x, value) {
		g.to(value, g.vars[x.Var])
		return
	}
	v := g.reg()
	g.to(value, v)
	if g.holds(p.Type()) {
		old := g.reg()
		g.replace(p, v, old)
		return
	}
	g.set(p, v)
}

// direct tells that the value may be computed right into the variable's register.
func (g *gen) direct(x *hir.Local, value hir.Expr) bool {
	if x.Var.Global || g.boxed[x.Var] || g.holds(x.T) {
		return false
	}
	switch v := value.(type) {
	case *hir.Const:
		return true
	case *hir.Binary:
		k := under(v.L.Type()).Kind
		return v.Op != hir.AndAnd && v.Op != hir.OrOr && (k == hir.Int || k == hir.Float)
	}
	return false
}

// replace is set for a place that may own something: the old value goes first.
func (g *gen) replace(p hir.Expr, v, old int) {
	if x, ok := p.(*hir.Local); ok {
		g.dropVar(x.Var)
		g.set(p, v)
		return
	}
	g.get(p, old, true)
	g.op(program.Drop, old, 0, 0)
	g.set(p, v)
}

func (g *gen) set(p hir.Expr, v int) {
	mark := g.next
	switch x := p.(type) {
	case *hir.Local:
		switch {
		case x.Var.Global:
			g.wide(program.SetG, v, g.global(x.Var))
		case g.boxed[x.Var]:
			g.op(program.SetF, g.vars[x.Var], 0, v)
		default:
			g.op(program.Move, g.vars[x.Var], v, 0)
		}
	case *hir.FieldOf:
		g.op(program.SetF, g.read(x.Arg), x.Index, v)
	case *hir.PayloadOf:
		g.op(program.SetF, g.read(x.Arg), x.Index, v)
	case *hir.IndexOf:
		a := g.read(x.Arg)
		i := g.read(x.Indices[0])
		g.op(program.SetI, a, i, v)
	case *hir.Deref:
		g.op(program.SetD, g.look(x.Arg), v, 0)
	default:
		panic(fmt.Sprintf("hostgen: assignment to %T", p))
	}
	g.release(mark)
}

// refOf borrows. A shared reference is the value itself, lent: while it lives nobody writes. An
// exclusive one is an object and the number of a part.
func (g *gen) refOf(x *hir.RefOf, dst int) {
	if !exclusive(x.T) {
		if i, ok := x.Place.(*hir.IndexOf); ok && under(i.Arg.Type()).Kind == hir.Tensor {
			t := g.reg()
			g.tensorIndex(program.TView, i, t)
			g.temp(t)
			g.op(program.Borrow, dst, t, 0)
			return
		}
		g.op(program.Borrow, dst, g.read(x.Place), 0)
		return
	}
	switch p := x.Place.(type) {
	case *hir.Local:
		switch {
		case exclusive(p.T): // a reference lent on
			g.op(program.Move, dst, g.look(p), 0)
		case p.Var.Global:
			g.wide(program.RefG, dst, g.global(p.Var))
		default:
			g.op(program.RefF, dst, g.vars[p.Var], 0)
		}
	case *hir.FieldOf:
		g.op(program.RefF, dst, g.read(p.Arg), p.Index)
	case *hir.PayloadOf:
		g.op(program.RefF, dst, g.read(p.Arg), p.Index)
	case *hir.Deref:
		g.op(program.Move, dst, g.look(p.Arg), 0)
	case *hir.IndexOf:
		g.refIndex(p, dst)
	default:
		g.boxRef(g.read(p), dst)
	}
}

// boxRef makes a reference to a value of its own.
func (g *gen) boxRef(r, dst int) {
	t := g.reg()
	g.op(program.Box, t, r, 0)
	g.op(program.RefF, dst, t, 0)
}

func (g *gen) refIndex(x *hir.IndexOf, dst int) {
	if under(x.Arg.Type()).Kind == hir.Tensor {
		t := g.reg()
		g.tensorIndex(program.TSlice, x, t)
		g.boxRef(t, dst)
		return
	}
	a := g.read(x.Arg)
	g.op(program.RefI, dst, a, g.read(x.Indices[0]))
}
