package tirgen

import (
	"maps"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// body makes a function's body and returns its value.
func (g *gen) body(b *hir.Block) value {
	v, _ := g.stmts(b.Stmts, b.Value)
	return v
}

// block makes a block that nothing returns from.
func (g *gen) block(b *hir.Block) value {
	if b == nil {
		return nil
	}
	v, returned := g.stmts(b.Stmts, b.Value)
	if returned {
		g.fail(diag.KernelBody, b.At, "compute the value with if and else instead",
			"return cannot leave a loop of a kernel")
	}
	return v
}

// stmts makes statements and the value after them. A branch that returns takes what follows it
// into its other branch: returned tells that the value is the function's.
func (g *gen) stmts(list []hir.Stmt, last hir.Expr) (v value, returned bool) {
	for i, s := range list {
		switch s := s.(type) {
		case *hir.Return:
			if s.Value == nil {
				return nil, true
			}
			return g.expr(s.Value), true
		case *hir.Do:
			if x, ok := s.X.(*hir.If); ok && returns(x) {
				return g.branchOut(x, list[i+1:], last), true
			}
			g.expr(s.X)
		default:
			g.stmt(s)
		}
	}
	if last == nil {
		return nil, false
	}
	if x, ok := last.(*hir.If); ok && returns(x) {
		return g.branchOut(x, nil, nil), true
	}
	return g.expr(last), false
}

// returns tells whether a return stands in a branch, outside of loops.
func returns(x *hir.If) bool {
	found := false
	for _, b := range []*hir.Block{x.Then, x.Else} {
		if b == nil {
			continue
		}
		for _, s := range b.Stmts {
			switch s := s.(type) {
			case *hir.Return:
				found = true
			case *hir.Do:
				if y, ok := s.X.(*hir.If); ok {
					found = found || returns(y)
				}
			}
		}
		if y, ok := b.Value.(*hir.If); ok {
			found = found || returns(y)
		}
	}
	return found
}

// branchOut makes an if of which a branch returns; rest follows the other.
func (g *gen) branchOut(x *hir.If, rest []hir.Stmt, last hir.Expr) value {
	arm := func(b *hir.Block) func() value {
		return func() value {
			var all []hir.Stmt
			end := last
			if b != nil {
				all = append(all, b.Stmts...)
				if b.Value != nil && rest == nil && last == nil {
					end = b.Value
				} else if b.Value != nil {
					all = append(all, &hir.Do{X: b.Value})
				}
			}
			v, _ := g.stmts(append(all, rest...), end)
			return v
		}
	}
	return g.choose(g.number(x.Cond), nil, arm(x.Then), arm(x.Else))
}

func (g *gen) stmt(s hir.Stmt) {
	switch s := s.(type) {
	case *hir.Let:
		if s.Value != nil {
			g.env[s.Var] = g.expr(s.Value)
		} else {
			g.env[s.Var] = g.blank(s.Var)
		}
	case *hir.Assign:
		g.assign(s)
	case *hir.For:
		g.loop(s)
	case *hir.While:
		g.while(s)
	case *hir.Break:
		g.noJump(s.At, "break")
	case *hir.Continue:
		g.noJump(s.At, "continue")
	}
}

func (g *gen) noJump(at source.Span, what string) {
	g.fail(diag.KernelBody, at, "put the condition into while, or use if",
		"%s cannot stand in a kernel: all threads of a program go one way", what)
}

// blank is the value of a variable that is declared before it is set.
func (g *gen) blank(v *hir.Var) value {
	switch v.Type.Kind {
	case hir.Tile, hir.Scalar, hir.Int, hir.Float, hir.Bool:
		return g.b.Number(typeOf(v.Type), 0)
	}
	return nil
}

func (g *gen) assign(s *hir.Assign) {
	defer g.at(s.At)()
	if v, ok := s.Place.(*hir.Load); ok {
		x := g.number(s.Value)
		param, sizes, index := g.view(v)
		g.b.Store(param, sizes, x, index...)
		return
	}
	g.put(s.Place, g.expr(s.Value))
}

// put gives a variable, or a part of it, a value.
func (g *gen) put(place hir.Expr, v value) {
	switch p := place.(type) {
	case *hir.Local:
		g.env[p.Var] = v
	case *hir.Deref:
		g.put(p.Arg, v)
	case *hir.FieldOf:
		whole := append(tuple{}, g.expr(p.Arg).(tuple)...)
		whole[p.Index] = v
		g.put(p.Arg, whole)
	}
}

// carry returns the variables that blocks change and their values, flat.
func (g *gen) carry(vars []*hir.Var) []*tir.Value {
	var out []*tir.Value
	for _, v := range vars {
		out = flatten(g.env[v], out)
	}
	return out
}

// rebind gives variables the values that a block or its end hands on.
func (g *gen) rebind(vars []*hir.Var, from []*tir.Value) {
	for _, v := range vars {
		g.env[v] = unflatten(g.env[v], &from)
	}
}

func (g *gen) loop(s *hir.For) {
	defer g.at(s.At)()
	if a, ok := s.Over.(*hir.ArrayOf); ok && a.Count == nil {
		for _, e := range a.Elems {
			g.env[s.Var] = g.expr(e)
			g.block(s.Body)
		}
		return
	}
	lo, hi, step, size := g.bounds(s.Over)
	vars := g.assigned(s.Body)
	out := g.b.For(lo, hi, step, s.Stages, g.carry(vars),
		func(i *tir.Value, c []*tir.Value) []*tir.Value {
			g.rebind(vars, c)
			g.env[s.Var] = i
			if size > 0 {
				g.env[s.Var] = span{i, size}
			}
			g.block(s.Body)
			return g.carry(vars)
		})
	g.rebind(vars, out)
}

// bounds returns what a loop runs over; size is that of spans, 0 for numbers.
func (g *gen) bounds(e hir.Expr) (lo, hi, step *tir.Value, size int) {
	switch e := e.(type) {
	case *hir.RangeOf:
		return g.number(e.Lo), g.number(e.Hi), g.b.Index(1), 0
	case *hir.Intrinsic:
		if e.Name == "spans" {
			lo = g.b.Index(0)
			if e.Args[0] != nil {
				lo = g.number(e.Args[0])
			}
			size = constInt(e.Args[2])
			return lo, g.number(e.Args[1]), g.b.Index(size), size
		}
	}
	g.fail(diag.KernelBody, e.Span(), "write spans(n, block) or lo..hi",
		"a loop of a kernel runs over spans or a range")
	return
}

func (g *gen) while(s *hir.While) {
	defer g.at(s.At)()
	vars := g.assigned(s.Body)
	out := g.b.While(g.carry(vars), func(c []*tir.Value) *tir.Value {
		g.rebind(vars, c)
		return g.number(s.Cond)
	}, func(c []*tir.Value) []*tir.Value {
		g.rebind(vars, c)
		g.block(s.Body)
		return g.carry(vars)
	})
	g.rebind(vars, out)
}

// choose makes both branches of a condition, or the only one where it is a constant. changed are
// the variables they set.
func (g *gen) choose(cond *tir.Value, changed []*hir.Var, then, other func() value) value {
	if op := cond.Op; op != nil && op.Kind == tir.Const {
		if op.Int != 0 {
			return then()
		}
		return other()
	}
	// What the branches give is known only after they are made: they go into blocks of their own.
	op := g.b.Append(tir.If, tir.Attrs{}, nil, cond)
	outer, before := g.b.B, maps.Clone(g.env)
	var shape value
	var after []value
	arm := func(f func() value) {
		block := &tir.Block{}
		op.Blocks = append(op.Blocks, block)
		g.b.B = block
		g.env = maps.Clone(before)
		v := f()
		vs := flatten(v, nil)
		after = after[:0]
		for _, x := range changed {
			vs = flatten(g.env[x], vs)
			after = append(after, g.env[x])
		}
		shape = v
		g.b.Yield(vs...)
	}
	arm(then)
	arm(other)
	g.b.B, g.env = outer, before
	out := g.b.Results(op, op.Blocks[0].Ops[len(op.Blocks[0].Ops)-1].Args)
	result := unflatten(shape, &out)
	for i, x := range changed {
		g.env[x] = unflatten(after[i], &out)
	}
	return result
}

func (g *gen) ifExpr(e *hir.If) value {
	cond := g.number(e.Cond)
	return g.choose(cond, g.assigned(e.Then, e.Else),
		func() value { return g.block(e.Then) }, func() value { return g.block(e.Else) })
}

var i32 = tir.Scalar(tile.I32)
