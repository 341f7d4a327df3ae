package hostgen

import "tensoros/neurolang/hir"

// quiet tells that an expression sets no variables of the function.
func quiet(e hir.Expr) bool {
	ok := true
	hir.WalkExpr(e, nil, func(e hir.Expr) {
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
	hir.Walk(f.Body, nil, func(e hir.Expr) {
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
		hir.Walk(f.Body, nil, func(e hir.Expr) {
			if x, ok := e.(*hir.DimOf); ok && !seen[x.Sym] && !done {
				seen[x.Sym] = true
				done = !yield(x.Sym)
			}
		})
	}
}
