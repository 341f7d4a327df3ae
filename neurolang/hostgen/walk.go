package hostgen

import "tensoros/neurolang/hir"

// walk calls fn for every expression of a block, outer ones first.
func walk(b *hir.Block, fn func(hir.Expr)) {
	if b == nil {
		return
	}
	for _, s := range b.Stmts {
		switch s := s.(type) {
		case *hir.Let:
			walkExpr(s.Value, fn)
		case *hir.Assign:
			walkExpr(s.Place, fn)
			walkExpr(s.Value, fn)
		case *hir.Do:
			walkExpr(s.X, fn)
		case *hir.While:
			walkExpr(s.Cond, fn)
			walk(s.Body, fn)
		case *hir.For:
			walkExpr(s.Over, fn)
			walk(s.Body, fn)
		case *hir.Return:
			walkExpr(s.Value, fn)
		}
	}
	walkExpr(b.Value, fn)
}

func walkExpr(e hir.Expr, fn func(hir.Expr)) {
	if e == nil {
		return
	}
	fn(e)
	all := func(list ...hir.Expr) {
		for _, x := range list {
			walkExpr(x, fn)
		}
	}
	switch x := e.(type) {
	case *hir.Unary:
		all(x.Arg)
	case *hir.Binary:
		all(x.L, x.R)
	case *hir.Call:
		all(x.Args...)
	case *hir.CallValue:
		all(x.Fn)
		all(x.Args...)
	case *hir.FuncValue:
		all(x.Captured...)
	case *hir.Intrinsic:
		all(x.Args...)
	case *hir.Launch:
		all(x.Args...)
	case *hir.RefOf:
		all(x.Place)
	case *hir.Deref:
		all(x.Arg)
	case *hir.TupleOf:
		all(x.Elems...)
	case *hir.ArrayOf:
		all(x.Elems...)
		all(x.Count)
	case *hir.StructOf:
		all(x.Fields...)
	case *hir.EnumOf:
		all(x.Args...)
	case *hir.RangeOf:
		all(x.Lo, x.Hi)
	case *hir.FieldOf:
		all(x.Arg)
	case *hir.TagOf:
		all(x.Arg)
	case *hir.PayloadOf:
		all(x.Arg)
	case *hir.IndexOf:
		all(x.Arg)
		all(x.Indices...)
	case *hir.If:
		all(x.Cond)
		walk(x.Then, fn)
		walk(x.Else, fn)
	case *hir.BlockExpr:
		walk(x.Block, fn)
	case *hir.CastTo:
		all(x.Arg)
	}
}

// quiet tells that an expression sets no variables of the function.
func quiet(e hir.Expr) bool {
	ok := true
	walkExpr(e, func(e hir.Expr) {
		switch e.(type) {
		case *hir.If, *hir.BlockExpr:
			ok = false
		}
	})
	return ok
}

// boxedVars are the variables that an exclusive reference leads to: they live in boxes.
func boxedVars(f *hir.Fn) map[*hir.Var]bool {
	out := map[*hir.Var]bool{}
	walk(f.Body, func(e hir.Expr) {
		x, ok := e.(*hir.RefOf)
		if !ok || !exclusive(x.T) {
			return
		}
		if l, ok := x.Place.(*hir.Local); ok && !l.Var.Global && !exclusive(l.T) {
			out[l.Var] = true
		}
	})
	return out
}

// symbols are the dimensions that a function asks for, in order of the first time.
func symbols(f *hir.Fn) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		done := false
		walk(f.Body, func(e hir.Expr) {
			if x, ok := e.(*hir.DimOf); ok && !seen[x.Sym] && !done {
				seen[x.Sym] = true
				done = !yield(x.Sym)
			}
		})
	}
}
