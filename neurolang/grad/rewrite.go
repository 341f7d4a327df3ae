package grad

import "tensoros/neurolang/hir"

// rewrite replaces every expression of a block by what f makes of it, the inner ones first.
func rewrite(b *hir.Block, f func(hir.Expr) hir.Expr) {
	if b == nil {
		return
	}
	for _, s := range b.Stmts {
		switch s := s.(type) {
		case *hir.Let:
			s.Value = replace(s.Value, f)
		case *hir.Assign:
			s.Place, s.Value = replace(s.Place, f), replace(s.Value, f)
		case *hir.Do:
			s.X = replace(s.X, f)
		case *hir.While:
			s.Cond = replace(s.Cond, f)
			rewrite(s.Body, f)
		case *hir.For:
			s.Over = replace(s.Over, f)
			rewrite(s.Body, f)
		case *hir.Return:
			s.Value = replace(s.Value, f)
		}
	}
	b.Value = replace(b.Value, f)
}

func replaceAll(es []hir.Expr, f func(hir.Expr) hir.Expr) {
	for i, e := range es {
		es[i] = replace(e, f)
	}
}

func replace(e hir.Expr, f func(hir.Expr) hir.Expr) hir.Expr {
	switch e := e.(type) {
	case nil:
		return nil
	case *hir.Unary:
		e.Arg = replace(e.Arg, f)
	case *hir.Binary:
		e.L, e.R = replace(e.L, f), replace(e.R, f)
	case *hir.Call:
		replaceAll(e.Args, f)
	case *hir.CallValue:
		e.Fn = replace(e.Fn, f)
		replaceAll(e.Args, f)
	case *hir.FuncValue:
		replaceAll(e.Captured, f)
	case *hir.Intrinsic:
		replaceAll(e.Args, f)
	case *hir.Launch:
		replaceAll(e.Args, f)
	case *hir.RefOf:
		e.Place = replace(e.Place, f)
	case *hir.Deref:
		e.Arg = replace(e.Arg, f)
	case *hir.TupleOf:
		replaceAll(e.Elems, f)
	case *hir.ArrayOf:
		replaceAll(e.Elems, f)
		e.Count = replace(e.Count, f)
	case *hir.StructOf:
		replaceAll(e.Fields, f)
	case *hir.EnumOf:
		replaceAll(e.Args, f)
	default:
		replaceRest(e, f)
	}
	return f(e)
}

func replaceRest(e hir.Expr, f func(hir.Expr) hir.Expr) {
	switch e := e.(type) {
	case *hir.RangeOf:
		e.Lo, e.Hi = replace(e.Lo, f), replace(e.Hi, f)
	case *hir.FieldOf:
		e.Arg = replace(e.Arg, f)
	case *hir.TagOf:
		e.Arg = replace(e.Arg, f)
	case *hir.PayloadOf:
		e.Arg = replace(e.Arg, f)
	case *hir.IndexOf:
		e.Arg = replace(e.Arg, f)
		replaceAll(e.Indices, f)
	case *hir.If:
		e.Cond = replace(e.Cond, f)
		rewrite(e.Then, f)
		rewrite(e.Else, f)
	case *hir.BlockExpr:
		rewrite(e.Block, f)
	case *hir.CastTo:
		e.Arg = replace(e.Arg, f)
	}
}
