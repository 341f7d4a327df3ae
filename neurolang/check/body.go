package check

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// body checks statements and expressions of one function, constant or text of a session.
type body struct {
	*checker
	in       *instance
	scope    *scope
	kernel   bool
	constant bool          // the compiler evaluates it
	out      *[]hir.Stmt   // where statements go that an expression needs before it
	loops    int           // around here
	depth    int           // of loops and branches: where a kernel cannot return
	result   *hir.Type     // of the function; nil: a closure's, not known yet
	why      source.Span   // where the result's type is written
	closed   *syntax.Block // the function's body, for messages
	outer    *body         // of a closure: where it stands
	captured []*capture
	lits     map[*hir.Const]bool // integers that become floats beside floats
	top      bool                // statements of a session
	region   source.Span         // of the innermost block, for tools
	viewed   bool                // the next index is a view that an atomic changes
}

// capture is a variable of an outer function that a closure uses.
type capture struct {
	from *local
	to   *local
}

// discard is what an expression whose value nobody wants is checked against.
var discard = &hir.Type{Kind: hir.Unit}

func (c *checker) newBody(in *instance) *body {
	b := &body{checker: c, in: in, scope: newScope(in.sc), kernel: in.kernel,
		lits: map[*hir.Const]bool{}}
	in.body = b
	return b
}

// param puts a parameter into scope.
func (b *body) param(p *syntax.Param, v *hir.Var) {
	if old, ok := b.scope.names[v.Name]; ok && v.Name != "" {
		at, _ := b.place(old)
		b.errorf(diag.Redeclared, v.At, "parameter %s is declared twice", v.Name).
			With(at, "first here")
	}
	o := b.info.define(Object{Kind: "param", Name: v.Name, At: v.At, Type: v.Type,
		Detail: v.Name + ": " + String(v.Type), Scope: b.in.fn.decl.Span()})
	b.scope.put(v.Name, &local{v: v, tool: o, home: b})
}

// define makes a variable.
func (b *body) define(n *syntax.Name, t *hir.Type, mutable bool) *local {
	v := &hir.Var{Name: n.Text, Type: t, Mutable: mutable, At: n.Span(), Global: b.top &&
		b.scope == b.in.sc}
	region := b.region
	region.Pos = n.Span().Pos
	word := "let "
	if mutable {
		word = "var "
	}
	o := b.info.define(Object{Kind: "var", Name: n.Text, At: n.Span(), Type: t,
		Detail: word + n.Text + ": " + String(t), Scope: region})
	l := &local{v: v, tool: o, home: b}
	if n.Text != "" {
		b.scope.put(n.Text, l)
	}
	return l
}

// temp puts a value into a variable without a name, before the current expression.
func (b *body) temp(x hir.Expr) hir.Expr {
	v := &hir.Var{Type: x.Type(), At: x.Span()}
	b.emit(&hir.Let{Var: v, Value: x})
	return &hir.Local{X: at(v.Type, x.Span()), Var: v}
}

func (b *body) emit(s hir.Stmt) {
	if b.out != nil {
		*b.out = append(*b.out, s)
	}
}

func at(t *hir.Type, sp source.Span) hir.X { return hir.X{T: t, At: sp} }

func poisonAt(sp source.Span) hir.Expr { return &hir.Const{X: at(invalid, sp)} }

// fnBody checks the body of a host function or helper.
func (c *checker) fnBody(in *instance) {
	b, d := in.body, in.fn.decl
	if d.Body == nil || d.BadHead {
		if in.fn.trait == nil && !d.Bad && !d.BadHead {
			c.errorf(diag.MissingReturn, d.Name.Span(), "%s has no body", d.Name.Text).
				Hint("only traits declare functions without one")
		}
		in.hfn.Body = &hir.Block{At: d.Span()}
		return
	}
	b.result = in.result
	b.why = d.Name.Span()
	if len(d.Results) > 0 {
		b.why = d.Results[0].Type.Span()
	}
	in.hfn.Body = b.function(d.Body, d.Bad, d.Name.Text)
}

// function checks a function's block against the result.
func (b *body) function(block *syntax.Block, silent bool, name string) *hir.Block {
	b.closed = block
	want := b.result
	if want == unit {
		want = discard
	}
	blk, t := b.block(block, want)
	switch {
	case want == discard, bad(b.result), t == never:
		return blk
	case blk.Value == nil:
		if !silent && !bad(t) {
			b.missingReturn(block, name)
		}
		return blk
	}
	blk.Value = b.coerce(blk.Value, b.result, b.why, "promised here")
	return blk
}

func (b *body) missingReturn(block *syntax.Block, name string) {
	end := block.Span()
	end.Pos = max(end.Pos, end.End-1)
	d := b.errorf(diag.MissingReturn, end, "%s can end without a value", name)
	d.Label("no return before this")
	d.With(b.why, "promised here")
	if n := len(block.Stmts); n > 0 {
		s, ok := block.Stmts[n-1].(*syntax.ExprStmt)
		if ok && !s.Tail && s.Span().End > s.X.Span().End {
			if t := b.info.types[s.X.Span()]; t == b.result {
				semi := source.Span{Pos: s.Span().End - 1, End: s.Span().End}
				d.Hint("without the `;` the last expression is the value").
					Replace(semi, "", "drop the `;`")
			}
		}
	}
}

// topLevel checks the statements of a session's text as a function of their own.
func (c *checker) topLevel(m *module, file *syntax.File) {
	f := &hir.Fn{Name: c.unique(m.name), Result: unit, At: file.Stmts[0].Span()}
	in := &instance{sc: m.scope, hfn: f, result: unit, fn: &fnObj{mod: m, in: m.scope,
		decl: &syntax.FnDecl{}}}
	b := c.newBody(in)
	b.scope, b.top = m.scope, true
	b.region = source.Span{Pos: file.Source.Base, End: file.Source.Pos(len(file.Source.Src))}
	blk := &hir.Block{At: file.Stmts[0].Span()}
	b.out = &blk.Stmts
	for i, s := range file.Stmts {
		tail, ok := s.(*syntax.ExprStmt)
		if ok && tail.Tail && i == len(file.Stmts)-1 {
			blk.Value = b.expr(tail.X, nil)
			if isPlace(blk.Value) && owns(blk.Value.Type()) {
				blk.Value = b.borrow(blk.Value, hir.Shared) // to look at, not to take
			}
			if t := blk.Value.Type(); t.Kind == hir.Unit || t == never {
				b.emit(&hir.Do{X: blk.Value})
				blk.Value = nil
			} else {
				f.Result = blk.Value.Type()
			}
			continue
		}
		b.stmt(s)
	}
	f.Body = blk
	c.prog.Funcs = append(c.prog.Funcs, f)
	c.prog.Main = f
	c.made = append(c.made, in)
}

// constant evaluates a const item; its value is a Const, or poison.
func (c *checker) constant(o *constObj) hir.Expr {
	if o.val != nil {
		return o.val
	}
	n := o.decl.Name
	if o.busy {
		c.errorf(diag.Recursive, n.Span(), "%s is defined by itself", n.Text)
		o.val = poisonAt(n.Span())
		return o.val
	}
	o.busy = true
	b := &body{checker: c, scope: newScope(o.in), constant: true}
	var want *hir.Type
	if o.decl.Type != nil {
		want = c.hostType(o.decl.Type, o.in)
	}
	x := b.expr(o.decl.Value, want)
	if want != nil {
		x = b.coerce(x, want, o.decl.Type.Span(), "declared here as "+String(want))
	}
	o.busy = false
	if o.val != nil {
		return o.val // it met itself
	}
	_, ok := x.(*hir.Const)
	if !ok && !bad(x.Type()) {
		c.notConst(o.decl.Value.Span(), x)
		x = poisonAt(n.Span())
	}
	o.val = x
	o.tool.Type = x.Type()
	return x
}

// known is the value of an expression if the compiler has it.
func (b *body) known(x hir.Expr) (any, bool) {
	switch x := x.(type) {
	case *hir.Const:
		if bad(x.T) || x.Value == nil {
			return nil, false
		}
		return x.Value, true
	case *hir.Local:
		if l, ok := b.scope.lookup(x.Var.Name).(*local); ok && l.v == x.Var && l.val != nil {
			return l.val, true
		}
	case *hir.CastTo:
		if v, ok := b.known(x.Arg); ok && x.T == integer {
			n, isInt := v.(int64)
			return n, isInt
		}
	}
	return nil, false
}

// knownInt is known for integers.
func (b *body) knownInt(x hir.Expr) (int, bool) {
	v, ok := b.known(x)
	n, isInt := v.(int64)
	if !ok || !isInt || n < -1<<31 || n >= 1<<31 {
		return 0, false
	}
	return int(n), true
}

// runtime turns a constant of a kernel into a scalar: i32, f32 or bool.
func (b *body) runtime(x hir.Expr) hir.Expr {
	if !b.kernel {
		return x
	}
	switch x.Type() {
	case integer:
		return b.constTo(x, tile.I32, x.Span())
	case float:
		return b.constTo(x, tile.F32, x.Span())
	case boolean:
		return b.constTo(x, tile.Bool, x.Span())
	}
	return x
}
