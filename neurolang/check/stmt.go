package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// block checks statements in a scope of their own. want is what its value is for; the type is
// never if control does not reach its end.
func (b *body) block(s *syntax.Block, want *hir.Type) (*hir.Block, *hir.Type) {
	blk := &hir.Block{At: s.Span()}
	savedOut, savedScope, savedRegion := b.out, b.scope, b.region
	b.out, b.scope, b.region = &blk.Stmts, newScope(b.scope), s.Span()
	defer func() { b.out, b.scope, b.region = savedOut, savedScope, savedRegion }()
	b.nested(s.Stmts)
	done, warned := false, false
	for i, st := range s.Stmts {
		if done && !warned {
			warned = true
			b.unreachable(st)
		}
		tail, ok := st.(*syntax.ExprStmt)
		if ok && tail.Tail && i == len(s.Stmts)-1 && want != discard {
			x := b.expr(tail.X, want)
			if x.Type() == unit {
				b.emit(&hir.Do{X: x})
				if done {
					return blk, never
				}
				return blk, unit
			}
			blk.Value = x
			if done || x.Type() == never {
				return blk, never
			}
			return blk, x.Type()
		}
		done = b.stmt(st) || done
	}
	if done {
		return blk, never
	}
	return blk, unit
}

func (b *body) unreachable(s syntax.Stmt) {
	if b.quiet == 0 && b.in != nil && b.in.fn != nil && b.in.fn.mod.user {
		b.errs.Warnf(diag.Unreachable, s.Span(), "this is never reached").
			Hint("what stands before it always leaves")
	}
}

// nested declares the items of a block before its statements.
func (b *body) nested(ss []syntax.Stmt) {
	seen := map[string]source.Span{}
	for _, s := range ss {
		if it, ok := s.(*syntax.ItemStmt); ok {
			if b.in == nil {
				b.errorf(diag.NotConst, s.Span(), "a constant contains no items")
				continue
			}
			from := len(b.fns)
			b.item(b.in.fn.mod, b.scope, it.Item, seen)
			if c, ok := it.Item.(*syntax.ConstDecl); ok {
				if o, ok := b.scope.names[c.Name.Text].(*constObj); ok {
					b.checker.constant(o)
				}
			}
			for _, fn := range b.fns[from:] {
				fn.used = b.in.abstract
			}
		}
	}
}

// stmt checks a statement and tells whether control never passes its end.
func (b *body) stmt(s syntax.Stmt) bool {
	switch s := s.(type) {
	case *syntax.LetStmt:
		return b.let(s)
	case *syntax.AssignStmt:
		b.assign(s)
	case *syntax.ExprStmt:
		x := b.expr(s.X, discard)
		b.emit(&hir.Do{X: x})
		return x.Type() == never
	case *syntax.ReturnStmt:
		b.ret(s)
		return true
	case *syntax.WhileStmt:
		return b.while(s)
	case *syntax.ForStmt:
		b.forStmt(s)
	case *syntax.BranchStmt:
		if b.loops == 0 {
			b.errorf(diag.OutsideLoop, s.Span(), "%s stands outside a loop", s.Kind.Symbol())
			return true
		}
		if b.kernel {
			b.errorf(diag.KernelBody, s.Span(), "%s cannot stand in a kernel", s.Kind.Symbol()).
				Hint("put the condition around the rest of the loop's body")
			return true
		}
		if s.Kind == syntax.KwBreak {
			b.emit(&hir.Break{At: s.Span()})
		} else {
			b.emit(&hir.Continue{At: s.Span()})
		}
		return true
	}
	return false
}

func (b *body) let(s *syntax.LetStmt) bool {
	var want *hir.Type
	if s.Type != nil {
		want = b.valueType(s.Type)
	}
	x := b.expr(s.Value, want)
	if want != nil {
		x = b.coerce(x, want, s.Type.Span(), "declared here as "+String(want))
		if !bad(want) && bad(x.Type()) {
			x = &hir.Const{X: at(want, s.Value.Span())}
		}
	}
	t := x.Type()
	if t == unit {
		b.errorf(diag.NoUnitValue, s.Value.Span(), "this has no value to bind")
		x = poisonAt(s.Value.Span())
	}
	if n, ok := s.Pattern.(*syntax.NamePat); ok && b.variantNamed(n.Name) == nil {
		b.letName(n.Name, x, want, s)
		return t == never
	}
	b.destructure(s.Pattern, x, s.Mutable)
	return t == never
}

// letName binds one name.
func (b *body) letName(n *syntax.Name, x hir.Expr, want *hir.Type, s *syntax.LetStmt) {
	val, known := b.known(x)
	known = known && !s.Mutable
	if b.kernel && known && want == nil && !tiled(x.Type()) {
		// A constant stays one: it can stand in shapes.
		l := b.define(n, x.Type(), false)
		l.val = val
		return
	}
	x = b.runtime(x)
	t := x.Type()
	if want != nil && !bad(want) && t.Kind != hir.Tensor {
		t = want
	}
	if t.Kind == hir.Tensor {
		t = b.named(t, want, n.Text)
	}
	l := b.define(n, t, s.Mutable)
	if known {
		l.val = val
	}
	b.emit(&hir.Let{Var: l.v, Value: x})
}

// named is what is known of a tensor bound to a name; a declared type decides.
func (b *body) named(t, want *hir.Type, name string) *hir.Type {
	if want == nil || want.Kind != hir.Tensor {
		return t
	}
	if want.Device == "" && t.Device != "" {
		w := *want
		w.Device = t.Device
		return b.types.of(w)
	}
	return want
}

func (b *body) while(s *syntax.WhileStmt) bool {
	var cond hir.Expr
	stmts := b.collect(func() { cond = b.condition(s.Cond) })
	if len(stmts) > 0 {
		cond = &hir.BlockExpr{X: at(cond.Type(), cond.Span()),
			Block: &hir.Block{Stmts: stmts, Value: cond, At: cond.Span()}}
	}
	b.loops++
	b.depth++
	blk, _ := b.block(s.Body, discard)
	b.depth--
	b.loops--
	b.emit(&hir.While{Cond: cond, Body: blk, At: s.Span()})
	lit, ok := s.Cond.(*syntax.BoolLit)
	return ok && lit.Value && !breaks(s.Body)
}

// collect runs f and gives the statements it needs before its value.
func (b *body) collect(f func()) (stmts []hir.Stmt) {
	saved := b.out
	b.out = &stmts
	f()
	b.out = saved
	return stmts
}

// breaks tells whether a loop body has a break of its own.
func breaks(n syntax.Node) bool {
	switch s := n.(type) {
	case *syntax.Block:
		for _, t := range s.Stmts {
			if breaks(t) {
				return true
			}
		}
	case *syntax.ExprStmt:
		return breaks(s.X)
	case *syntax.BlockExpr:
		return breaks(s.Block)
	case *syntax.IfExpr:
		return breaks(s.Then) || s.Else != nil && breaks(s.Else)
	case *syntax.MatchExpr:
		for _, a := range s.Arms {
			if breaks(a.Value) {
				return true
			}
		}
	case *syntax.LetStmt:
		return breaks(s.Value)
	case *syntax.BranchStmt:
		return s.Kind == syntax.KwBreak
	}
	return false
}

// condition checks a bool; in kernels a scalar one.
func (b *body) condition(e syntax.Expr) hir.Expr {
	x := b.read(b.expr(e, boolean))
	if b.kernel {
		x = b.runtime(x)
		if t := x.Type(); t.Kind == hir.Tile && t.Elem == tile.Bool {
			b.errorf(diag.KernelBody, e.Span(), "a program has one path, this is a %s", String(t)).
				Hint("choose elements with where(cond, x, y), or ask any(cond) or all(cond)")
			return poisonAt(e.Span())
		}
		return b.coerce(x, b.types.scalar(tile.Bool), source.Span{}, "")
	}
	return b.coerce(x, boolean, source.Span{}, "")
}

func (b *body) ret(s *syntax.ReturnStmt) {
	if b.top || b.constant {
		b.errorf(diag.Unexpected, s.Span(), "return stands outside a function")
		if s.Value != nil {
			b.expr(s.Value, nil)
		}
		return
	}
	if b.kernel && b.depth > 0 {
		b.errorf(diag.KernelBody, s.Span(), "return stands at the end of a kernel only").
			Hint("keep the value in a var and give it at the end")
	}
	var x hir.Expr
	switch {
	case s.Value != nil && b.result == unit:
		x = b.expr(s.Value, nil)
		if t := x.Type(); t != unit && !bad(t) {
			b.errorf(diag.Mismatch, s.Value.Span(), "%s returns nothing, this is %s",
				b.fnName(), String(t)).With(b.why, "declared without -> type")
		}
		b.emit(&hir.Do{X: x})
		x = nil
	case s.Value != nil:
		x = b.expr(s.Value, b.result)
		if b.result == nil {
			b.result, b.why = b.runtime(x).Type(), s.Value.Span()
		}
		x = b.coerce(x, b.result, b.why, "promised here")
	case b.result == nil:
		b.result, b.why = unit, s.Span()
	case b.result != unit && !bad(b.result):
		b.errorf(diag.Mismatch, s.Span(), "%s is to be returned here", String(b.result)).
			With(b.why, "promised here")
	}
	b.emit(&hir.Return{Value: x, At: s.Span()})
}

func (b *body) fnName() string {
	if b.outer != nil {
		return "the closure"
	}
	return b.in.fn.decl.Name.Text
}

func (b *body) forStmt(s *syntax.ForStmt) {
	over, item, stages := b.forOver(s)
	saved, region := b.scope, b.region
	b.scope, b.region = newScope(b.scope), s.Span()
	defer func() { b.scope, b.region = saved, region }()
	var v *hir.Var
	var pre []hir.Stmt
	switch p := s.Pattern.(type) {
	case *syntax.NamePat:
		v = b.define(p.Name, item, false).v
	default:
		v = &hir.Var{Type: item, At: p.Span()}
		pre = b.collect(func() {
			b.destructure(p, &hir.Local{X: at(item, p.Span()), Var: v}, false)
		})
	}
	b.extent(v, over)
	b.loops++
	b.depth++
	blk, _ := b.block(s.Body, discard)
	b.depth--
	b.loops--
	blk.Stmts = append(pre, blk.Stmts...)
	b.emit(&hir.For{Var: v, Over: over, Body: blk, Stages: stages, At: s.Span()})
}

// extent notes what the spans of a loop run over, if it is a whole dimension.
func (b *body) extent(v *hir.Var, over hir.Expr) {
	i, ok := over.(*hir.Intrinsic)
	if !ok || i.Name != "spans" || i.Args[0] != nil {
		return
	}
	if d, ok := i.Args[1].(*hir.DimOf); ok {
		b.extents[v] = symbol(d.Sym)
	} else if c, ok := i.Args[1].(*hir.Const); ok {
		if n, ok := c.Value.(int64); ok {
			b.extents[v] = hir.Dim{Const: int(n)}
		}
	}
}

// forOver checks what a loop runs over and gives the type of its variable.
func (b *body) forOver(s *syntax.ForStmt) (over hir.Expr, item *hir.Type, stages int) {
	if b.kernel {
		return b.kernelOver(s.Over)
	}
	x := b.expr(s.Over, nil)
	t := x.Type()
	switch d := deref(t); {
	case bad(t):
		return x, invalid, 0
	case d == ranges:
		return b.read(x), integer, 0
	case d.Kind == hir.Array:
		item = d.Args[0]
		if t.Kind == hir.Array {
			x = b.borrow(x, hir.Shared)
		}
		if !isCopy(item) {
			item = b.types.ref(item, x.Type().Mut)
		} else if x.Type().Mut == hir.Exclusive {
			item = b.types.ref(item, hir.Exclusive)
		}
		return x, item, 0
	}
	d := b.errorf(diag.NotIterable, s.Over.Span(),
		"for runs over a range or an array, not over %s", String(t))
	if t == integer {
		f := b.set.File(s.Over.Span().Pos)
		text := string(f.Src[f.Offset(s.Over.Span().Pos):f.Offset(s.Over.Span().End)])
		d.Hint("write 0..%s", text).Replace(s.Over.Span(), "0.."+text, "count from 0")
	} else {
		d.Hint("write for i in 0..n")
	}
	return x, invalid, 0
}

// kernelOver checks what a loop in a kernel runs over: ints, or spans.
func (b *body) kernelOver(e syntax.Expr) (over hir.Expr, item *hir.Type, stages int) {
	x := b.expr(e, nil)
	i32 := b.types.scalar(tile.I32)
	if p, ok := x.(*pipelined); ok {
		x, stages = p.Expr, p.stages
	}
	switch t := x.Type(); {
	case bad(t):
		return x, invalid, 0
	case t == ranges:
		return x, i32, stages
	case t.Kind == hir.Array && t.Args[0].Kind == hir.Span:
		return x, t.Args[0], stages
	default:
		b.errorf(diag.NotIterable, e.Span(), "for runs over ints or spans here, not over %s",
			String(t)).Hint("write for k in spans(K, BK), or for n in 0..x")
	}
	return x, invalid, 0
}

// pipelined carries the stages from pipeline(...) to its loop.
type pipelined struct {
	hir.Expr
	stages int
}
