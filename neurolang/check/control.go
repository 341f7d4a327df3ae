package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

func (b *body) ifExpr(e *syntax.IfExpr, want *hir.Type) hir.Expr {
	cond := b.condition(e.Cond)
	if c, ok := cond.(*hir.Const); ok && b.kernel && !bad(c.T) {
		return b.staticIf(e, c, want)
	}
	b.depth++
	defer func() { b.depth-- }()
	w := want
	if e.Else == nil {
		w = discard // there is no value
	}
	then, t1 := b.block(e.Then, w)
	out := &hir.If{X: at(unit, e.Span()), Cond: cond, Then: then}
	if e.Else == nil {
		return out
	}
	if w == nil && t1 != never && t1 != unit {
		w = t1
	}
	els, t2 := b.elseBlock(e, w)
	out.Else = els
	out.T = b.joinBranches(e, want, t1, t2, then, els)
	if bad(out.T) {
		return poisonAt(e.Span())
	}
	return out
}

// staticIf checks only the path that a constant chooses, in kernels.
func (b *body) staticIf(e *syntax.IfExpr, c *hir.Const, want *hir.Type) hir.Expr {
	blk, t := &hir.Block{At: e.Span()}, unit
	if v, _ := c.Value.(bool); v {
		blk, t = b.block(e.Then, want)
	} else if e.Else != nil {
		blk, t = b.elseBlock(e, want)
	}
	if blk.Value != nil {
		if len(blk.Stmts) == 0 {
			return blk.Value // perhaps a constant
		}
		blk.Value = b.runtime(blk.Value)
		t = blk.Value.Type()
	}
	return &hir.BlockExpr{X: at(t, e.Span()), Block: blk}
}

func (b *body) elseBlock(e *syntax.IfExpr, want *hir.Type) (*hir.Block, *hir.Type) {
	if blk, ok := e.Else.(*syntax.Block); ok {
		return b.block(blk, want)
	}
	blk := &hir.Block{At: e.Else.Span()}
	saved := b.out
	b.out = &blk.Stmts
	x := b.expr(e.Else.(*syntax.IfExpr), want)
	b.out = saved
	if want == discard || x.Type() == unit {
		blk.Stmts = append(blk.Stmts, &hir.Do{X: x})
		return blk, x.Type()
	}
	blk.Value = x
	return blk, x.Type()
}

// joinBranches gives two branches one type.
func (b *body) joinBranches(e *syntax.IfExpr, want, t1, t2 *hir.Type, then,
	els *hir.Block) *hir.Type {
	switch {
	case want == discard:
		if t1 == never && t2 == never {
			return never
		}
		return unit
	case t1 == never:
		return t2
	case t2 == never:
		return t1
	case bad(t1) || bad(t2):
		return invalid
	case t1 == unit && t2 == unit:
		return unit
	case t1 == unit || t2 == unit:
		blk := then
		if t2 == unit {
			blk = els
		}
		end := source.Span{Pos: blk.At.End - 1, End: blk.At.End}
		b.errorf(diag.NoUnitValue, end, "this branch has no value, the other one has").
			Hint("a block's value is its last expression, without `;`")
		return invalid
	}
	t := want
	if t == nil || t.Kind == hir.Tensor {
		t = b.common(t1, t2)
	}
	v1, v2 := b.branchValue(then, t, els), b.branchValue(els, t, then)
	if bad(v1) || bad(v2) {
		return invalid
	}
	return t
}

// common is the type of two branches.
func (b *body) common(t1, t2 *hir.Type) *hir.Type {
	if b.kernel && !tiled(t1) && tiled(t2) {
		return t2
	}
	if b.kernel && !tiled(t1) {
		if t1 == integer && t2 == float {
			t1 = float
		}
		return b.runtimeType(t1)
	}
	if t1 == integer && t2 == float {
		return float
	}
	if t1.Kind == hir.Tensor && t2.Kind == hir.Tensor && tensorFits(t1, t2) == "" {
		return b.lessKnown(t1, t2)
	}
	return t1
}

// lessKnown is what two tensor types have in common.
func (b *body) lessKnown(t1, t2 *hir.Type) *hir.Type {
	r := *t1
	if t2.Elem == 0 {
		r.Elem = 0
	}
	if t2.Layout == 0 {
		r.Layout = 0
	}
	if t1.Device != t2.Device {
		r.Device = ""
	}
	if t2.AnyDim {
		r.AnyDim, r.Dims = true, nil
	}
	if !r.AnyDim {
		r.Dims = append([]hir.Dim(nil), t1.Dims...)
		for i, d := range t2.Dims {
			if d == unknown {
				r.Dims[i] = unknown
			}
		}
	}
	return b.types.of(r)
}

// branchValue converts a branch's value.
func (b *body) branchValue(blk *hir.Block, t *hir.Type, other *hir.Block) *hir.Type {
	if blk.Value == nil {
		return t
	}
	at := source.Span{}
	if other.Value != nil {
		at = other.Value.Span()
	}
	blk.Value = b.coerce(blk.Value, t, at, "because of this one")
	return blk.Value.Type()
}

// tryExpr checks x?: the value of Some or Ok, or an early return.
func (b *body) tryExpr(e *syntax.TryExpr) hir.Expr {
	x := b.value(e.X, nil)
	t := x.Type()
	sp := e.Span()
	if bad(t) {
		return x
	}
	org := b.defArgs(t)
	isOption := org != nil && org.def == b.prelude.scope.names["Option"]
	isResult := org != nil && org.def == b.prelude.scope.names["Result"]
	mark := source.Span{Pos: sp.End - 1, End: sp.End}
	if !isOption && !isResult {
		b.errorf(diag.BadTry, mark, "? takes an Option or a Result, not %s", String(t)).
			With(e.X.Span(), "%s", String(t))
		return poisonAt(sp)
	}
	if b.result == nil || b.kernel || b.top {
		b.errorf(diag.BadTry, mark, "? returns early, which cannot be done here").
			Hint("use match")
		return poisonAt(sp)
	}
	fail := b.early(x, org, sp, mark)
	if fail == nil {
		return poisonAt(sp)
	}
	tmp := b.temp(x)
	b.husks[root(tmp)] = true // either path takes what it carries
	fail.Stmts = []hir.Stmt{&hir.Return{Value: b.failure(tmp, org, sp), At: sp}}
	good := t.Def.Variants[0].Types[0]
	value := &hir.PayloadOf{X: at(good, sp), Arg: b.same(tmp)}
	b.taken[value] = true
	return &hir.If{X: at(good, sp), Cond: &hir.Binary{X: at(boolean, sp), Op: hir.Eq,
		L: &hir.TagOf{X: at(integer, sp), Arg: tmp}, R: b.intConst(0, sp)},
		Then: &hir.Block{At: sp, Value: value},
		Else: fail}
}

// same is another reading of a variable.
func (b *body) same(x hir.Expr) hir.Expr {
	l := *x.(*hir.Local)
	return &l
}

// early checks that the function returns what `?` would return.
func (b *body) early(x hir.Expr, org *origin, sp, mark source.Span) *hir.Block {
	ro := b.defArgs(b.result)
	ok := ro != nil && ro.def == org.def &&
		(len(org.args) == 1 || ro.args[1] == org.args[1])
	if !ok && !bad(b.result) {
		d := b.errorf(diag.BadTry, mark, "? would return %s, %s returns %s", failType(x.Type()),
			b.fnName(), String(b.result)).With(b.why, "%s", String(b.result))
		d.Hint("use match, or return %s", baseName(String(x.Type())))
	}
	if !ok {
		return nil
	}
	return &hir.Block{At: sp}
}

func failType(t *hir.Type) string {
	if len(t.Def.Variants[1].Types) == 0 {
		return "None"
	}
	return "Err of " + String(t.Def.Variants[1].Types[0])
}

// failure is None or Err(e) of the function's result type.
func (b *body) failure(x hir.Expr, org *origin, sp source.Span) hir.Expr {
	out := &hir.EnumOf{X: at(b.result, sp), Tag: 1}
	if len(org.args) == 2 {
		et := x.Type().Def.Variants[1].Types[0]
		e := &hir.PayloadOf{X: at(et, sp), Arg: b.same(x), Tag: 1}
		b.taken[e] = true
		out.Args = []hir.Expr{e}
	}
	return out
}
