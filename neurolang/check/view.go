package check

import (
	"slices"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// view checks x[indices] of a tensor in a kernel: reading a tile of it.
func (b *body) view(x hir.Expr, indices []syntax.Expr, sp source.Span) hir.Expr {
	l, ok := x.(*hir.Local)
	t := deref(x.Type())
	if !ok {
		b.errorf(diag.KernelBody, x.Span(), "only parameters can be read by views")
		return poisonAt(sp)
	}
	if len(indices) != len(t.Dims) {
		b.errorf(diag.NotIndexable, sp, "%s has %s, this view has %s", l.Var.Name,
			count(len(t.Dims), "dimension"), indicesCount(len(indices))).
			With(l.Var.At, "%s", String(t)).Hint("`..` stands for a whole dimension")
		for _, e := range indices {
			if _, whole := e.(*syntax.WholeExpr); !whole {
				b.expr(e, nil)
			}
		}
		return poisonAt(sp)
	}
	out := &hir.Load{Tensor: l.Var}
	var dims []int
	good := true
	for i, e := range indices {
		ix, side := b.viewIndex(l.Var, t.Dims[i], e)
		out.Indices = append(out.Indices, ix)
		switch {
		case side < 0:
			good = false
		case side > 0:
			dims = append(dims, side)
		}
	}
	if !good {
		return poisonAt(sp)
	}
	if !b.sizeFits(dims) {
		b.errorf(diag.TypeArgs, sp, "a view of %s has more than %d elements", times(dims), maxSide)
		return poisonAt(sp)
	}
	out.X = at(b.types.tile(dims, t.Elem), sp)
	return out
}

func indicesCount(n int) string {
	if n == 1 {
		return "1 index"
	}
	return strings.TrimSuffix(count(n, "index"), "indexs") + "indices"
}

// viewIndex checks one index and gives the side it adds: 0 for none, -1 after an error.
func (b *body) viewIndex(v *hir.Var, d hir.Dim, e syntax.Expr) (hir.Expr, int) {
	if _, whole := e.(*syntax.WholeExpr); whole {
		if !isConst(d) {
			b.errorf(diag.NotConst, e.Span(), "%s of %s is known at run time only", dimString(d),
				v.Name).
				Label("the whole dimension does not fit a tile of fixed size").
				With(v.At, "%s", String(v.Type)).
				Hint("read pieces of it: for k in spans(%s, 64) { ... }", dimString(d))
			return nil, -1
		}
		return nil, d.Const
	}
	x := b.read(b.value(e, nil))
	switch t := x.Type(); {
	case bad(t):
		return x, -1
	case t.Kind == hir.Span:
		b.otherDim(v, d, x)
		return x, t.Size
	case t == integer:
		if n, ok := b.knownInt(x); ok && isConst(d) && (n < 0 || n >= d.Const) {
			b.errorf(diag.OutOfBounds, e.Span(), "index %d of a dimension of %d", n, d.Const)
			return x, -1
		}
		return b.constTo(x, tile.I32, x.Span()), 0
	case t.Kind == hir.Scalar && t.Elem == tile.I32:
		return x, 0
	case t.Kind == hir.Tile && t.Elem == tile.I32 && len(t.Dims) == 1:
		return x, t.Dims[0].Const
	case t == ranges:
		b.errorf(diag.Mismatch, e.Span(), "a view is indexed by spans, not by ranges").
			Hint("write span(start, n) with a constant n")
		return x, -1
	default:
		b.errorf(diag.Mismatch, e.Span(), "an index is a span, an i32, `..` or a tile of i32, not %s",
			String(t))
		return x, -1
	}
}

// otherDim warns of a span that runs over another dimension than the one it indexes.
func (b *body) otherDim(v *hir.Var, d hir.Dim, x hir.Expr) {
	l, ok := x.(*hir.Local)
	if !ok || b.quiet > 0 || !b.in.fn.mod.user || b.in.fn.mod.name == "" {
		return
	}
	ext, known := b.extents[l.Var]
	if !known || ext == d || ext == unknown || d == unknown || isConst(ext) != isConst(d) {
		return
	}
	b.errs.Warnf(diag.OtherDim, x.Span(), "%s runs over %s, this dimension of %s is %s", l.Var.Name,
		dimString(ext), v.Name, dimString(d)).
		With(l.Var.At, "over %s", dimString(ext)).With(v.At, "%s", String(v.Type)).
		Note("what lies outside of the tensor reads as 0").
		Hint("swap the indices, or give equal dimensions one name")
}

// loadCall checks a.load([i, k], other=x).
func (b *body) loadCall(recv hir.Expr, args []arg, sp source.Span) hir.Expr {
	slots, ok := b.arrange("load", []string{"indices", "other"}, args, source.Span{})
	if !ok {
		return b.spoil(args, sp)
	}
	if slots[0].e == nil {
		b.missing("load", "indices", sp)
		return b.spoil(args, sp)
	}
	list, ok := slots[0].e.(*syntax.ArrayLit)
	if !ok || list.Count != nil {
		b.errorf(diag.Mismatch, slots[0].e.Span(), "load takes a list of indices: [i, k]")
		return b.spoil(args[1:], sp)
	}
	x := b.view(recv, list.Elems, sp)
	load, ok := x.(*hir.Load)
	if !ok {
		return x
	}
	b.own(load, false)
	if slots[1].e != nil {
		o, ok := b.constOrSame(b.read(b.value(slots[1].e, nil)), b.types.scalar(load.T.Elem))
		if !ok {
			return poisonAt(sp)
		}
		load.Other = b.coerce(o, b.types.scalar(load.T.Elem), recv.Span(), "elements of the tensor")
	}
	return load
}

// own checks a view of what the kernel updates: exactly the program's own piece.
func (b *body) own(l *hir.Load, write bool) bool {
	v := l.Tensor
	if v.Type.Kind != hir.Ref {
		if write {
			b.errorf(diag.Immutable, l.At, "%s is for reading", v.Name).
				With(v.At, "a parameter of type %s", String(v.Type)).
				Hint("a kernel's value is its result; to update %s take it as &mut and say by [...]", v.Name)
		}
		return !write
	}
	if v.Type.Mut == hir.AtomicRef {
		b.errorf(diag.Race, l.At, "%s is &atomic: only atomic_add, atomic_min and atomic_max touch it",
			v.Name).With(v.At, "declared here")
		return false
	}
	k := b.in.kern
	if k == nil {
		return true
	}
	i := slices.Index(k.Params, v)
	if i < 0 || k.Parts[i] == nil {
		return i >= 0
	}
	for j, ix := range l.Indices {
		a := k.Parts[i].Axis[j]
		loc, isLocal := ix.(*hir.Local)
		if a < 0 && ix == nil || a >= 0 && isLocal && loc.Var == k.Axes[a].Var {
			continue
		}
		sp := l.At
		if ix != nil {
			sp = ix.Span()
		}
		what := "read"
		if write {
			what = "written"
		}
		b.errorf(diag.Race, sp, "another program's piece of %s is %s here", v.Name, what).
			With(b.in.fn.decl.Params[i].By.Span(), "this program owns %s", b.ownView(k, i)).
			Note("programs run in any order: what one writes another must not touch").
			Hint("use exactly %s", b.ownView(k, i))
		return false
	}
	return true
}

// ownView writes the view that is a program's own.
func (b *body) ownView(k *hir.Kernel, i int) string {
	var parts []string
	for _, a := range k.Parts[i].Axis {
		if a < 0 {
			parts = append(parts, "..")
		} else {
			parts = append(parts, k.Axes[a].Name)
		}
	}
	return k.Params[i].Name + "[" + strings.Join(parts, ", ") + "]"
}

// store checks x[i, j] = v and x[i, j] += v in a kernel.
func (b *body) store(s *syntax.AssignStmt, ix *syntax.IndexExpr) {
	x := b.expr(ix.X, nil)
	if bad(x.Type()) {
		b.expr(s.Value, nil)
		return
	}
	if deref(x.Type()).Kind != hir.Tensor {
		d := b.errorf(diag.NotAssignable, s.Target.Span(), "elements of %s cannot be assigned to",
			String(x.Type()))
		if tiled(x.Type()) {
			d.Hint("make a new tile: where(cond, x, y)")
		}
		b.expr(s.Value, nil)
		return
	}
	v := b.view(x, ix.Indices, ix.Span())
	load, ok := v.(*hir.Load)
	if !ok || !b.own(load, true) {
		b.expr(s.Value, nil)
		return
	}
	y := b.read(b.expr(s.Value, nil))
	if op, compound := s.Op.Operator(); compound {
		y = b.binaryOp(op, s.OpPos, s.Target, s.Value, load, y)
	}
	if bad(y.Type()) {
		return
	}
	y, ok = b.constOrSame(y, load.T)
	if !ok {
		return
	}
	if len(y.Type().Dims) == 0 {
		y = b.stretch(y, sides(load.T))
	}
	y = b.coerce(y, load.T, load.At, "the view is "+times(sides(load.T)))
	if !bad(y.Type()) {
		b.emit(&hir.Assign{Place: load, Value: y, At: s.Span()})
	}
}

// writes tells whether a block stores into a parameter.
func writes(blk *hir.Block, v *hir.Var) bool {
	found := false
	hir.Walk(blk, func(s hir.Stmt) {
		if a, ok := s.(*hir.Assign); ok {
			if l, ok := a.Place.(*hir.Load); ok && l.Tensor == v {
				found = true
			}
		}
	}, nil)
	return found
}
