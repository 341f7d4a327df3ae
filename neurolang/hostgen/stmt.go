package hostgen

import (
	"fmt"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/program"
)

// block lowers statements and, if wanted, the value into dst.
func (g *gen) block(b *hir.Block, dst int, wanted bool) {
	mark, floor := g.next, g.floor
	g.open()
	for _, s := range b.Stmts {
		g.stmt(s)
		g.floor = max(g.floor, g.next) // variables stay
	}
	if b.Value != nil {
		g.statement(func() {
			if wanted {
				g.to(b.Value, dst)
			} else {
				g.effect(b.Value)
			}
		})
	} else if wanted {
		g.op(program.LoadU, dst, 0, 0)
	}
	g.close()
	g.next, g.floor = mark, floor
}

func (g *gen) stmt(s hir.Stmt) {
	at := g.at
	switch s := s.(type) {
	case *hir.Let:
		g.let(s)
	case *hir.Assign:
		g.at = s.At
		g.statement(func() { g.assign(s.Place, s.Value) })
	case *hir.Do:
		g.at = s.X.Span()
		g.statement(func() { g.effect(s.X) })
	case *hir.While:
		g.while(s)
	case *hir.For:
		g.at = s.At
		g.statement(func() { g.forLoop(s) })
	case *hir.Break:
		g.at = s.At
		g.leave(true)
	case *hir.Continue:
		g.at = s.At
		g.leave(false)
	case *hir.Return:
		g.at = s.At
		g.ret(s.Value)
	case *hir.Drop:
		g.dropVar(s.Var)
	default:
		panic(fmt.Sprintf("hostgen: %T in host code", s))
	}
	g.at = at
}

// effect evaluates for effect; a value that owns something goes at once.
func (g *gen) effect(x hir.Expr) {
	switch x := x.(type) {
	case *hir.If:
		g.ifElse(x, 0, false)
		return
	case *hir.BlockExpr:
		g.block(x.Block, 0, false)
		return
	}
	r := g.reg()
	g.to(x, r)
	if g.holds(x.Type()) {
		g.op(program.Drop, r, 0, 0)
	}
}

// let binds a variable. What a borrowed value without a name owns lives as long as the variable.
func (g *gen) let(s *hir.Let) {
	v := s.Var
	if s.Value != nil {
		g.at = s.Value.Span()
	}
	if v.Global {
		g.statement(func() {
			r := g.reg()
			g.init(s, r)
			g.wide(program.SetG, r, g.global(v))
		})
		return
	}
	r := g.reg()
	if v.Type.Kind == hir.Ref {
		g.init(s, r)
	} else {
		g.statement(func() { g.init(s, r) })
	}
	if g.boxed[v] {
		g.op(program.Box, r, r, 0)
	}
	g.vars[v] = r
	if g.holds(v.Type) {
		g.own(r)
	}
}

func (g *gen) init(s *hir.Let, r int) {
	if s.Value == nil {
		g.op(program.LoadU, r, 0, 0)
		return
	}
	g.to(s.Value, r)
}

func (g *gen) dropVar(v *hir.Var) {
	if !g.holds(v.Type) {
		return
	}
	if v.Global {
		g.wide(program.DropG, 0, g.global(v))
		return
	}
	r := g.vars[v]
	if !g.boxed[v] {
		g.op(program.Drop, r, 0, 0)
		return
	}
	mark := g.next // the box stays: the variable may be set again
	t := g.reg()
	g.op(program.TakeF, t, r, 0)
	g.op(program.Drop, t, 0, 0)
	g.next = mark
}

func (g *gen) ret(x hir.Expr) {
	mark, floor := g.next, g.floor
	r := g.reg()
	g.statement(func() {
		if x == nil {
			g.op(program.LoadU, r, 0, 0)
		} else {
			g.to(x, r)
		}
	})
	g.dropFrom(0)
	g.op(program.Ret, r, 0, 0)
	g.next, g.floor = mark, floor
}

// leave jumps out of the innermost loop, or to its next turn.
func (g *gen) leave(out bool) {
	if len(g.loops) == 0 {
		return // the checker has complained
	}
	l := &g.loops[len(g.loops)-1]
	g.dropFrom(l.scopes)
	pc := g.jump(program.Jmp, 0)
	if out {
		l.breaks = append(l.breaks, pc)
	} else {
		l.continues = append(l.continues, pc)
	}
}

func (g *gen) while(s *hir.While) {
	g.at = s.At
	top := g.here()
	mark := g.next
	c := g.reg()
	g.statement(func() { g.to(s.Cond, c) })
	exit := g.jump(program.JF, c)
	g.next = mark
	l := g.body(s.Body, nil)
	g.land(g.jump(program.Jmp, 0), top)
	g.end(l, g.here(), top)
	g.land(exit, g.here())
}

// body lowers a loop's body after first, and returns the jumps out of it.
func (g *gen) body(b *hir.Block, first func()) loop {
	g.loops = append(g.loops, loop{scopes: len(g.scopes)})
	g.open()
	if first != nil {
		first()
	}
	at := g.at
	g.block(b, 0, false)
	g.at = at
	g.close()
	l := g.loops[len(g.loops)-1]
	g.loops = g.loops[:len(g.loops)-1]
	return l
}

func (g *gen) end(l loop, out, next int) {
	for _, pc := range l.breaks {
		g.land(pc, out)
	}
	for _, pc := range l.continues {
		g.land(pc, next)
	}
}

// forLoop counts in three registers: counter, end, item.
func (g *gen) forLoop(s *hir.For) {
	i := g.regs(3)
	v := g.reg()
	seq, own := 0, false
	if x, ok := s.Over.(*hir.RangeOf); ok {
		g.to(x.Lo, i)
		g.to(x.Hi, i+1)
	} else if seq = g.sequenceOf(s.Over); under(s.Over.Type()).Kind == hir.Range {
		g.op(program.Lo, i, seq, 0)
		g.op(program.Hi, i+1, seq, 0)
	} else {
		g.load(0, i)
		g.op(program.Len, i+1, seq, 0)
		own = g.consumed(s.Over)
	}
	g.floor = max(g.floor, g.next)
	exit := g.jump(program.Prep, i)
	top := g.here()
	l := g.body(s.Body, func() { g.item(s, i, v, seq, own) })
	next := g.here()
	g.land(g.jump(program.Loop, i), top)
	g.end(l, g.here(), next)
	g.land(exit, g.here())
}

// sequenceOf is what a loop runs over; of a tensor the array of its elements.
func (g *gen) sequenceOf(over hir.Expr) int {
	r := g.read(over)
	if under(over.Type()).Kind != hir.Tensor {
		return r
	}
	a := g.reg()
	g.op(program.Move, a, r, 0)
	g.wide(program.Builtin, a, g.site("Tensor.array", 1))
	return a
}

// consumed tells that a loop over an array takes its elements.
func (g *gen) consumed(over hir.Expr) bool {
	if over.Type().Kind == hir.Ref {
		return false
	}
	if x, ok := over.(*hir.Local); ok {
		return x.Move
	}
	return !place(over)
}

// item sets the loop's variable.
func (g *gen) item(s *hir.For, i, v, seq int, own bool) {
	g.vars[s.Var] = v
	switch {
	case under(s.Over.Type()).Kind == hir.Range:
		g.op(program.Move, v, i+2, 0)
	case exclusive(s.Var.Type):
		g.op(program.RefI, v, seq, i+2)
	case !g.holds(s.Var.Type):
		g.op(program.Index, v, seq, i+2)
		if copied(s.Var.Type) {
			g.op(program.Copy, v, v, 0)
		}
	case own:
		g.op(program.TakeI, v, seq, i+2)
		g.own(v)
	default:
		g.op(program.Index, v, seq, i+2)
		g.op(program.Borrow, v, v, 0)
	}
	if g.boxed[s.Var] {
		g.op(program.Box, v, v, 0)
	}
}

// ifElse lowers a choice; its value goes to dst if wanted.
func (g *gen) ifElse(x *hir.If, dst int, wanted bool) {
	mark := g.next
	c := g.reg()
	g.statement(func() { g.to(x.Cond, c) })
	skip := g.jump(program.JF, c)
	g.next = mark
	g.block(x.Then, dst, wanted)
	if x.Else == nil {
		g.land(skip, g.here())
		return
	}
	end := g.jump(program.Jmp, 0)
	g.land(skip, g.here())
	g.block(x.Else, dst, wanted)
	g.land(end, g.here())
}
