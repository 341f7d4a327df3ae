package hir

// Walk visits the statements and expressions of a block and of all blocks in it, outer ones first;
// either function may be nil.
func Walk(b *Block, stmt func(Stmt), expr func(Expr)) {
	if b == nil {
		return
	}
	for _, s := range b.Stmts {
		if stmt != nil {
			stmt(s)
		}
		switch s := s.(type) {
		case *Let:
			WalkExpr(s.Value, stmt, expr)
		case *Assign:
			WalkExpr(s.Place, stmt, expr)
			WalkExpr(s.Value, stmt, expr)
		case *Do:
			WalkExpr(s.X, stmt, expr)
		case *While:
			WalkExpr(s.Cond, stmt, expr)
			Walk(s.Body, stmt, expr)
		case *For:
			WalkExpr(s.Over, stmt, expr)
			Walk(s.Body, stmt, expr)
		case *Return:
			WalkExpr(s.Value, stmt, expr)
		}
	}
	WalkExpr(b.Value, stmt, expr)
}

// WalkExpr does the same for an expression.
func WalkExpr(e Expr, stmt func(Stmt), expr func(Expr)) {
	if e == nil {
		return
	}
	if expr != nil {
		expr(e)
	}
	all := func(list ...Expr) {
		for _, x := range list {
			WalkExpr(x, stmt, expr)
		}
	}
	switch x := e.(type) {
	case *Unary:
		all(x.Arg)
	case *Binary:
		all(x.L, x.R)
	case *Call:
		all(x.Args...)
	case *CallValue:
		all(x.Fn)
		all(x.Args...)
	case *FuncValue:
		all(x.Captured...)
	case *Intrinsic:
		all(x.Args...)
	case *Launch:
		all(x.Args...)
	case *RefOf:
		all(x.Place)
	case *Deref:
		all(x.Arg)
	case *TupleOf:
		all(x.Elems...)
	case *ArrayOf:
		all(x.Elems...)
		all(x.Count)
	case *StructOf:
		all(x.Fields...)
	case *EnumOf:
		all(x.Args...)
	case *RangeOf:
		all(x.Lo, x.Hi)
	case *FieldOf:
		all(x.Arg)
	case *TagOf:
		all(x.Arg)
	case *PayloadOf:
		all(x.Arg)
	case *IndexOf:
		all(x.Arg)
		all(x.Indices...)
	case *If:
		all(x.Cond)
		Walk(x.Then, stmt, expr)
		Walk(x.Else, stmt, expr)
	case *BlockExpr:
		Walk(x.Block, stmt, expr)
	case *Load:
		all(x.Indices...)
		all(x.Other)
	case *CastTo:
		all(x.Arg)
	}
}
