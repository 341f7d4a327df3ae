package check

import (
	"slices"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// variantNamed is the variant or constant that a bare name in a pattern means; nil: it binds.
func (b *body) variantNamed(n *syntax.Name) any {
	switch o := b.scope.lookup(n.Text).(type) {
	case *variantObj:
		if len(o.def.enum.Variants[o.index].Types) == 0 {
			return o
		}
	case *constObj:
		return o
	}
	return nil
}

// matcher turns one pattern into tests and bindings.
type matcher struct {
	b       *body
	mutable bool
	byRef   bool        // what it binds are references
	mut     hir.RefKind // of which kind
	guard   bool        // only looking: nothing is moved
	takes   bool        // it moves a part: all parts get an owner
	cond    hir.Expr    // nil: always
	lets    []*hir.Let
	names   map[string]source.Span
	alt     bool // inside p | q
}

func (m *matcher) test(x hir.Expr) {
	if m.cond == nil {
		m.cond = x
		return
	}
	t := x.Type()
	m.cond = &hir.Binary{X: at(t, m.cond.Span().To(x.Span())), Op: hir.AndAnd, L: m.cond, R: x}
}

// pattern matches p against the value at x.
func (m *matcher) pattern(p syntax.Pattern, x hir.Expr) {
	t := x.Type()
	b := m.b
	switch p := p.(type) {
	case *syntax.WildPat:
		if m.takes && owns(t) {
			m.bind(nil, x)
		}
	case *syntax.NamePat:
		switch o := b.variantNamed(p.Name).(type) {
		case *variantObj:
			b.info.use(p.Name.Span(), o.tool)
			m.variant(o, nil, p.Span(), x)
		case *constObj:
			b.info.use(p.Name.Span(), o.tool)
			m.literal(b.constPattern(o, p.Span()), x)
		default:
			m.bind(p.Name, x)
		}
	case *syntax.LitPat:
		m.literal(b.expr(p.X, t), x)
	case *syntax.RangePat:
		m.rangePat(p, x)
	case *syntax.TuplePat:
		m.tuple(p, x)
	case *syntax.VariantPat:
		o := b.pathObject(p.Path.Parts, b.scope)
		switch o := o.(type) {
		case *variantObj:
			m.variant(o, p.Elems, p.Span(), x)
			return
		case nil:
		default:
			b.errorf(diag.BadPattern, p.Path.Span(), "%s is no variant",
				p.Path.Parts[len(p.Path.Parts)-1].Text)
		}
		m.poison(p.Elems)
	case *syntax.StructPat:
		m.strct(p, x)
	case *syntax.OrPat:
		m.or(p, x)
	}
}

func (b *body) constPattern(o *constObj, sp source.Span) hir.Expr {
	x := b.checker.constant(o)
	if c, ok := x.(*hir.Const); ok {
		return &hir.Const{X: at(c.T, sp), Value: c.Value}
	}
	return poisonAt(sp)
}

// poison binds the names of patterns that failed.
func (m *matcher) poison(ps []syntax.Pattern) {
	for _, p := range ps {
		m.pattern(p, poisonAt(p.Span()))
	}
}

// bind gives a part a name; a nil name only makes it owned.
func (m *matcher) bind(n *syntax.Name, x hir.Expr) {
	t := x.Type()
	b := m.b
	if n != nil && m.alt {
		b.errorf(diag.BadPattern, n.Span(), "alternatives of a pattern cannot bind names").
			Hint("write an arm for each")
	}
	if (m.byRef || m.guard) && !isCopy(t) && !bad(t) {
		kind := hir.Shared
		if m.byRef {
			kind = m.mut
		}
		x = &hir.RefOf{X: at(b.types.ref(t, kind), x.Span()), Place: x}
		t = x.Type()
	} else if m.byRef && m.mut == hir.Exclusive && !bad(t) {
		x = &hir.RefOf{X: at(b.types.ref(t, hir.Exclusive), x.Span()), Place: x}
		t = x.Type()
	} else if !m.guard && !isCopy(t) {
		b.taken[x] = true
	}
	if n == nil {
		m.lets = append(m.lets, &hir.Let{Var: &hir.Var{Type: t, At: x.Span()}, Value: x})
		return
	}
	if old, ok := m.names[n.Text]; ok && n.Text != "" {
		b.errorf(diag.Redeclared, n.Span(), "%s is bound twice", n.Text).With(old, "first here")
	}
	if m.names == nil {
		m.names = map[string]source.Span{}
	}
	m.names[n.Text] = n.Span()
	l := b.define(n, t, m.mutable)
	m.lets = append(m.lets, &hir.Let{Var: l.v, Value: respanned(x, n.Span())})
}

// respanned gives a part's reading the place of the name that it binds.
func respanned(x hir.Expr, sp source.Span) hir.Expr {
	switch x := x.(type) {
	case *hir.PayloadOf:
		x.At = sp
	case *hir.FieldOf:
		x.At = sp
	}
	return x
}

// literal tests for equality with a constant.
func (m *matcher) literal(c, x hir.Expr) {
	b := m.b
	t := x.Type()
	y := b.coerce(c, t, x.Span(), "what is matched is "+String(t))
	if bad(y.Type()) || bad(t) {
		return
	}
	if !ordered(t) && !equal(t) && !tiled(t) {
		b.errorf(diag.BadPattern, c.Span(), "%s is not compared", String(t))
		return
	}
	m.test(&hir.Binary{X: at(b.truth(), c.Span()), Op: hir.Eq, L: x, R: y})
}

// truth is the type of a comparison: a scalar in kernels.
func (b *body) truth() *hir.Type {
	if b.kernel {
		return b.runtimeType(boolean)
	}
	return boolean
}

func (m *matcher) rangePat(p *syntax.RangePat, x hir.Expr) {
	b := m.b
	t := x.Type()
	lo := b.coerce(b.expr(p.Lo, t), t, x.Span(), "what is matched is "+String(t))
	hi := b.coerce(b.expr(p.Hi, t), t, x.Span(), "what is matched is "+String(t))
	if bad(lo.Type()) || bad(hi.Type()) || bad(t) {
		return
	}
	if t != integer && t != float && !(tiled(t) && len(t.Dims) == 0) {
		b.errorf(diag.BadPattern, p.Span(), "only numbers match ranges, this is %s", String(t))
		return
	}
	m.test(&hir.Binary{X: at(b.truth(), p.Span()), Op: hir.Ge, L: x, R: lo})
	m.test(&hir.Binary{X: at(b.truth(), p.Span()), Op: hir.Lt, L: x, R: hi})
}

func (m *matcher) tuple(p *syntax.TuplePat, x hir.Expr) {
	t := x.Type()
	if t.Kind != hir.Tuple || len(t.Args) != len(p.Elems) {
		if len(p.Elems) == 0 && t == unit {
			return
		}
		if !bad(t) {
			m.b.errorf(diag.BadPattern, p.Span(), "a tuple of %d does not match %s", len(p.Elems),
				String(t)).With(x.Span(), "%s", String(t))
		}
		m.poison(p.Elems)
		return
	}
	for i, q := range p.Elems {
		m.pattern(q, &hir.FieldOf{X: at(t.Args[i], q.Span()), Arg: x, Index: i})
	}
}

func (m *matcher) variant(o *variantObj, elems []syntax.Pattern, sp source.Span, x hir.Expr) {
	b := m.b
	t := x.Type()
	org := b.defArgs(t)
	v := o.def.enum.Variants[o.index]
	if org == nil || org.def != o.def {
		if !bad(t) {
			b.errorf(diag.BadPattern, sp, "%s::%s does not match %s", o.def.name.Text, v.Name.Text,
				String(t)).With(x.Span(), "%s", String(t))
		}
		m.poison(elems)
		return
	}
	types := t.Def.Variants[o.index].Types
	if len(elems) != len(types) {
		b.errorf(diag.BadPattern, sp, "%s carries %s, this pattern has %d", v.Name.Text,
			count(len(types), "value"), len(elems)).With(v.Name.Span(), "defined here")
		m.poison(elems)
		return
	}
	if len(t.Def.Variants) > 1 {
		m.test(&hir.Binary{X: at(b.truth(), sp), Op: hir.Eq,
			L: &hir.TagOf{X: at(integer, sp), Arg: x}, R: b.intConst(o.index, sp)})
	}
	for i, q := range elems {
		m.pattern(q, &hir.PayloadOf{X: at(types[i], q.Span()), Arg: x, Tag: o.index, Index: i})
	}
}

func (m *matcher) strct(p *syntax.StructPat, x hir.Expr) {
	b := m.b
	t := x.Type()
	o, ok := b.pathObject(p.Path.Parts, b.scope).(*defObj)
	org := b.defArgs(t)
	if !ok || org == nil || org.def != o || o.strct == nil {
		if ok && !bad(t) {
			b.errorf(diag.BadPattern, p.Path.Span(), "%s does not match %s", o.name.Text,
				String(t)).
				With(x.Span(), "%s", String(t))
		}
		for _, f := range p.Fields {
			m.poison([]syntax.Pattern{f.Pattern})
		}
		return
	}
	seen := make([]bool, len(t.Def.Fields))
	for _, f := range p.Fields {
		i := fieldIndex(t, f.Name.Text)
		if i < 0 {
			if f.Name.Text != "" {
				b.noMember(t, f.Name)
			}
			m.poison([]syntax.Pattern{f.Pattern})
			continue
		}
		if seen[i] {
			b.errorf(diag.RepeatedArg, f.Name.Span(), "%s is matched twice", f.Name.Text)
		}
		seen[i] = true
		m.pattern(f.Pattern, &hir.FieldOf{X: at(t.Def.Fields[i].Type, f.Name.Span()), Arg: x,
			Index: i})
	}
	var missing []string
	for i, s := range seen {
		ft := t.Def.Fields[i]
		switch {
		case s:
		case !p.Rest:
			missing = append(missing, ft.Name)
		case m.takes && owns(ft.Type):
			m.bind(nil, &hir.FieldOf{X: at(ft.Type, p.Span()), Arg: x, Index: i})
		}
	}
	if len(missing) > 0 {
		b.errorf(diag.MissingField, p.Span(), "the pattern does not say what to do with %s",
			list(missing)).Hint("write `..` for the other fields")
	}
}

func (m *matcher) or(p *syntax.OrPat, x hir.Expr) {
	b := m.b
	var any hir.Expr
	always := false
	for _, q := range p.Alts {
		n := &matcher{b: b, alt: true, byRef: m.byRef, mut: m.mut, guard: m.guard}
		n.pattern(q, x)
		switch {
		case n.cond == nil:
			always = true
		case any == nil:
			any = n.cond
		default:
			any = &hir.Binary{X: at(b.truth(), p.Span()), Op: hir.OrOr, L: any, R: n.cond}
		}
	}
	if any != nil && !always {
		m.test(any)
	}
}

// takes tells whether a pattern moves a part out of a value of type t.
func (b *body) takes(p syntax.Pattern, t *hir.Type) bool {
	if isCopy(t) || bad(t) {
		return false
	}
	switch p := p.(type) {
	case *syntax.NamePat:
		return b.variantNamed(p.Name) == nil
	case *syntax.TuplePat:
		if t.Kind == hir.Tuple && len(t.Args) == len(p.Elems) {
			for i, q := range p.Elems {
				if b.takes(q, t.Args[i]) {
					return true
				}
			}
		}
	case *syntax.VariantPat:
		o, ok := b.pathObjectQuiet(p.Path.Parts, b.scope).(*variantObj)
		if !ok || t.Kind != hir.Enum || o.index >= len(t.Def.Variants) {
			return false
		}
		types := t.Def.Variants[o.index].Types
		for i, q := range p.Elems {
			if i < len(types) && b.takes(q, types[i]) {
				return true
			}
		}
	case *syntax.StructPat:
		for _, f := range p.Fields {
			if i := fieldIndex(t, f.Name.Text); i >= 0 && b.takes(f.Pattern, t.Def.Fields[i].Type) {
				return true
			}
		}
	}
	return false
}

// destructure binds the parts of a value in let and for; the pattern must always match.
func (b *body) destructure(p syntax.Pattern, x hir.Expr, mutable bool) {
	if _, wild := p.(*syntax.WildPat); wild {
		b.emit(&hir.Let{Var: &hir.Var{Type: x.Type(), At: p.Span()}, Value: x})
		return
	}
	t := x.Type()
	m := &matcher{b: b, mutable: mutable, byRef: t.Kind == hir.Ref}
	if m.byRef {
		m.mut = t.Mut
	} else {
		m.takes = b.takes(p, t)
	}
	if _, local := x.(*hir.Local); !local && !bad(t) {
		x = b.temp(x)
	}
	m.pattern(p, b.read(x))
	if m.cond != nil {
		w := b.witness([][]syntax.Pattern{{p}}, deref(t))
		d := b.errorf(diag.Refutable, p.Span(), "this pattern does not match every %s",
			String(deref(t)))
		if w != "" {
			d.Note("it does not match %s", w)
		}
		d.Hint("use match")
	}
	m.emit(x)
}

// emit binds what was matched. If parts are moved, the whole is moved first: its variable is empty
// then, whatever path was taken.
func (m *matcher) emit(x hir.Expr) {
	l, ok := x.(*hir.Local)
	if m.takes && ok && len(m.lets) > 0 {
		v := &hir.Var{Type: l.T, At: l.At}
		m.b.husks[v] = true
		whole := *l
		m.b.emit(&hir.Let{Var: v, Value: &whole})
		for _, let := range m.lets {
			let.Value = m.reroot(let.Value, l.Var, v)
		}
	}
	for _, let := range m.lets {
		m.b.emit(let)
	}
}

// reroot copies a place with another variable at its root.
func (m *matcher) reroot(x hir.Expr, from, to *hir.Var) hir.Expr {
	var out hir.Expr
	switch x := x.(type) {
	case *hir.Local:
		if x.Var == from {
			return &hir.Local{X: x.X, Var: to}
		}
	case *hir.FieldOf:
		out = &hir.FieldOf{X: x.X, Arg: m.reroot(x.Arg, from, to), Index: x.Index}
	case *hir.PayloadOf:
		out = &hir.PayloadOf{X: x.X, Arg: m.reroot(x.Arg, from, to), Tag: x.Tag, Index: x.Index}
	}
	if out == nil {
		return x
	}
	m.b.taken[out] = m.b.taken[x]
	return out
}

// match checks match x { arms }.
func (b *body) match(e *syntax.MatchExpr, want *hir.Type) hir.Expr {
	x := b.value(e.X, nil)
	if b.kernel {
		x = b.runtime(x)
	}
	t := x.Type()
	byRef := t.Kind == hir.Ref
	if !(isPlace(x) && pure(x)) && !bad(t) {
		x = b.temp(x)
	}
	b.depth++
	defer func() { b.depth-- }()
	arms := make([]*armed, 0, len(e.Arms))
	var rows [][]syntax.Pattern
	for _, a := range e.Arms {
		arms = append(arms, b.arm(a, x, byRef, want))
		if a.Guard == nil {
			rows = append(rows, []syntax.Pattern{a.Pattern})
		}
	}
	if len(e.Arms) == 0 && !e.Bad && !bad(t) && e.Span().End-e.Span().Pos > 5 {
		b.errorf(diag.NotExhaustive, e.X.Span(), "a match needs arms")
		return poisonAt(e.Span())
	}
	if !e.Bad && !bad(t) && !slices.ContainsFunc(arms, func(a *armed) bool { return a.bad }) {
		b.exhaustive(e, deref(t), rows)
	}
	return b.chain(e, arms, want)
}

// armed is a checked arm.
type armed struct {
	cond hir.Expr
	blk  *hir.Block
	t    *hir.Type
	bad  bool
}

func (b *body) arm(a *syntax.Arm, x hir.Expr, byRef bool, want *hir.Type) *armed {
	saved, region, out := b.scope, b.region, b.out
	defer func() { b.scope, b.region, b.out = saved, region, out }()
	before := b.errs.Len()
	arm := &armed{blk: &hir.Block{At: a.Span()}}
	b.scope, b.region = newScope(saved), a.Span()
	kind := hir.Shared
	if byRef {
		kind = x.Type().Mut
	}
	m := &matcher{b: b, byRef: byRef, mut: kind}
	if a.Guard != nil {
		// The guard looks at the parts before anything is moved.
		g := &matcher{b: b, byRef: byRef, mut: hir.Shared, guard: true}
		g.pattern(a.Pattern, b.read(x))
		blk := &hir.Block{At: a.Guard.Span()}
		for _, l := range g.lets {
			blk.Stmts = append(blk.Stmts, l)
		}
		b.out = &blk.Stmts
		blk.Value = b.condition(a.Guard)
		b.scope = newScope(saved)
		g.test(&hir.BlockExpr{X: at(blk.Value.Type(), a.Guard.Span()), Block: blk})
		arm.cond = g.cond
	}
	b.out = &arm.blk.Stmts
	if !byRef {
		m.takes = b.takes(a.Pattern, x.Type())
	}
	if a.Guard != nil && b.quiet == 0 {
		b.quiet++ // the pattern has been reported
		m.pattern(a.Pattern, b.read(x))
		b.quiet = 0
	} else {
		m.pattern(a.Pattern, b.read(x))
	}
	if a.Guard == nil {
		arm.cond = m.cond
	}
	arm.bad = b.errs.Len() > before
	m.emit(x)
	v := b.expr(a.Value, want)
	arm.t = v.Type()
	if v.Type() == unit || want == discard {
		b.emit(&hir.Do{X: v})
		if want == discard && arm.t != never {
			arm.t = unit
		}
		return arm
	}
	arm.blk.Value = v
	return arm
}

// chain makes the arms an if ... else if ... else; the last needs no test.
func (b *body) chain(e *syntax.MatchExpr, arms []*armed, want *hir.Type) hir.Expr {
	t := b.armType(e, arms, want)
	if bad(t) || len(arms) == 0 {
		return poisonAt(e.Span())
	}
	var rest *hir.Block
	for i := len(arms) - 1; i >= 0; i-- {
		a := arms[i]
		if a.cond == nil || rest == nil {
			rest = a.blk
			continue
		}
		x := &hir.If{X: at(t, e.Span()), Cond: a.cond, Then: a.blk, Else: rest}
		rest = &hir.Block{At: e.Span(), Value: x}
		if t == unit || t == never {
			rest.Stmts, rest.Value = []hir.Stmt{&hir.Do{X: x}}, nil
		}
	}
	if len(rest.Stmts) == 0 && rest.Value != nil {
		return rest.Value
	}
	return &hir.BlockExpr{X: at(t, e.Span()), Block: rest}
}

// armType gives all arms one type and converts their values.
func (b *body) armType(e *syntax.MatchExpr, arms []*armed, want *hir.Type) *hir.Type {
	var first *armed
	t := never
	for i, a := range arms {
		if bad(a.t) {
			return invalid
		}
		if a.t == never {
			continue
		}
		if first == nil {
			first, t = a, a.t
			if want != nil && want != discard && want.Kind != hir.Tensor && t != unit {
				t = want
			}
			continue
		}
		if (a.t == unit) != (first.t == unit) {
			b.errorf(diag.NoUnitValue, e.Arms[i].Value.Span(), "this arm %s a value, the first %s",
				has(a.t), has(first.t)).With(e.Arms[0].Value.Span(), "the first")
			return invalid
		}
		if want == nil || want.Kind == hir.Tensor {
			t = b.common(t, a.t)
		}
	}
	if t == unit || t == never {
		return t
	}
	if b.kernel {
		t = b.runtimeType(t)
	}
	for _, a := range arms {
		if a.t != never && a.blk.Value != nil {
			a.blk.Value = b.coerce(a.blk.Value, t, first.blk.Value.Span(), "because of this arm")
			if bad(a.blk.Value.Type()) {
				return invalid
			}
		}
	}
	return t
}

func has(t *hir.Type) string {
	if t == unit {
		return "has not"
	}
	return "has"
}
