package check

import (
	"strings"

	"math"
	"strconv"

	"tensoros/neurolang/builtin"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// expr checks an expression; want is what the place would like (nil: anything) and only steers
// what can be read in several ways.
func (b *body) expr(e syntax.Expr, want *hir.Type) hir.Expr {
	x := b.infer(e, want)
	if b.quiet == 0 && e != nil && x.Type() != unit {
		b.info.types[e.Span()] = x.Type()
	}
	return x
}

func (b *body) infer(e syntax.Expr, want *hir.Type) hir.Expr {
	switch e := e.(type) {
	case *syntax.IntLit:
		if want == float {
			return &hir.Const{X: at(float, e.Span()), Value: float64(e.Value)}
		}
		return b.lit(&hir.Const{X: at(integer, e.Span()), Value: e.Value})
	case *syntax.FloatLit:
		return &hir.Const{X: at(float, e.Span()), Value: e.Value}
	case *syntax.StringLit:
		return &hir.Const{X: at(text, e.Span()), Value: e.Value}
	case *syntax.BoolLit:
		return &hir.Const{X: at(boolean, e.Span()), Value: e.Value}
	case *syntax.FStringLit:
		return b.fstring(e)
	case *syntax.PathExpr:
		return b.path(e, want)
	case *syntax.ParenExpr:
		return b.expr(e.X, want)
	case *syntax.ArrayLit:
		return b.array(e, want)
	case *syntax.TupleLit:
		return b.tuple(e, want)
	case *syntax.StructLit:
		return b.structLit(e, want)
	case *syntax.UnaryExpr:
		return b.unary(e, want)
	case *syntax.RefExpr:
		return b.refExpr(e, want)
	case *syntax.BinaryExpr:
		return b.binary(e, want)
	case *syntax.CastExpr:
		return b.cast(e)
	case *syntax.RangeExpr:
		return b.rangeExpr(e)
	case *syntax.CallExpr:
		return b.call(e, want)
	case *syntax.FieldExpr:
		return b.fieldExpr(e)
	case *syntax.IndexExpr:
		return b.index(e)
	case *syntax.TryExpr:
		return b.tryExpr(e)
	case *syntax.IfExpr:
		return b.ifExpr(e, want)
	case *syntax.MatchExpr:
		return b.match(e, want)
	case *syntax.ClosureExpr:
		return b.closure(e, want)
	case *syntax.BlockExpr:
		blk, t := b.block(e.Block, want)
		if b.kernel && blk.Value != nil {
			if len(blk.Stmts) == 0 {
				return blk.Value // perhaps a constant
			}
			blk.Value = b.runtime(blk.Value)
			t = blk.Value.Type()
		}
		return &hir.BlockExpr{X: at(t, e.Span()), Block: blk}
	case *syntax.WholeExpr:
		b.errorf(diag.Unexpected, e.Span(), "`..` stands for a whole dimension among indices")
	}
	return poisonAt(e.Span())
}

func (b *body) lit(x *hir.Const) hir.Expr {
	if b.lits == nil {
		b.lits = map[*hir.Const]bool{}
	}
	b.lits[x] = true
	return x
}

// isLit tells an integer that was written as digits.
func (b *body) isLit(x hir.Expr) bool {
	c, ok := x.(*hir.Const)
	return ok && b.lits[c]
}

// read follows references: a reference is used like what it refers to.
func (b *body) read(x hir.Expr) hir.Expr {
	for x.Type().Kind == hir.Ref {
		x = &hir.Deref{X: at(x.Type().Args[0], x.Span()), Arg: x}
	}
	return x
}

// value is expr for places that cannot do with unit.
func (b *body) value(e syntax.Expr, want *hir.Type) hir.Expr {
	x := b.expr(e, want)
	if x.Type() == unit {
		b.errorf(diag.NoUnitValue, e.Span(), "this has no value")
		return poisonAt(e.Span())
	}
	return x
}

// needs checks an expression against a type; why (may be "") says at place whence the need comes.
func (b *body) needs(e syntax.Expr, want *hir.Type, place source.Span, why string) hir.Expr {
	return b.coerce(b.expr(e, want), want, place, why)
}

// coerce makes x a value of type want, or reports that it is none.
func (b *body) coerce(x hir.Expr, want *hir.Type, place source.Span, why string) hir.Expr {
	if want == nil || want == discard {
		return x
	}
	y, ok := b.convert(x, want)
	if !ok {
		b.mismatch(x, want, place, why)
		return poisonAt(x.Span())
	}
	return y
}

// convert is coerce without words.
func (b *body) convert(x hir.Expr, want *hir.Type) (hir.Expr, bool) {
	got := x.Type()
	switch {
	case got == want, bad(got), bad(want), got == never:
		return x, true
	case got == integer && want == float && b.isLit(x):
		return b.floatLit(x), true
	case want.Kind == hir.Scalar && (got == integer || got == float || got == boolean):
		if _, ok := x.(*hir.Const); ok && b.fits(x, want.Elem) {
			return b.constTo(x, want.Elem, x.Span()), true
		}
	case want.Kind == hir.Tile && got.Kind == hir.Tile:
		// The layout of a computed tile is the compiler's business.
		return x, want.Elem == got.Elem && sameDims(want.Dims, got.Dims)
	case want.Kind == hir.Ref && got.Kind == hir.Ref:
		to, from := want.Args[0], got.Args[0]
		if want.Mut != got.Mut && !(want.Mut == hir.Shared && got.Mut == hir.Exclusive) {
			return x, false
		}
		if to != from && !(to.Kind == hir.Tensor && from.Kind == hir.Tensor &&
			tensorFits(to, from) == "") && !(want.Mut == hir.Shared && b.flows(to, from)) {
			return x, false
		}
		if want.Mut != got.Mut {
			place := &hir.Deref{X: at(from, x.Span()), Arg: x}
			return &hir.RefOf{X: at(b.types.ref(from, want.Mut), x.Span()), Place: place}, true
		}
		return x, true
	case got.Kind == hir.Ref && isCopy(got.Args[0]):
		return b.convert(b.read(x), want)
	case want.Kind == hir.Ref && want.Mut == hir.Shared && got == want.Args[0] && isCopy(got) &&
		!b.kernel: // what is copied is lent without &: elements of [T] where T is int
		return b.borrow(x, hir.Shared), true
	case want.Kind == hir.Tensor && got.Kind == hir.Tensor:
		if tensorFits(want, got) != "" {
			return x, false
		}
		return b.expect(x, want), true
	case want.Kind == hir.Tuple && got.Kind == hir.Tuple:
		if t, ok := x.(*hir.TupleOf); ok && len(t.Elems) == len(want.Args) {
			return b.convertTuple(t, want)
		}
	}
	return x, b.flows(want, got)
}

func (b *body) convertTuple(t *hir.TupleOf, want *hir.Type) (hir.Expr, bool) {
	out := &hir.TupleOf{X: at(want, t.At)}
	for i, x := range t.Elems {
		y, ok := b.convert(x, want.Args[i])
		if !ok {
			return t, false
		}
		out.Elems = append(out.Elems, y)
	}
	return out, true
}

// flows tells whether values of one type are values of another as they stand: more may be known of
// the tensors in them than is asked for.
func (b *body) flows(want, got *hir.Type) bool {
	if want == got {
		return true
	}
	if want.Kind != got.Kind {
		return false
	}
	switch want.Kind {
	case hir.Tensor:
		return tensorFits(want, got) == "" && !lessKnown(want, got)
	case hir.Tuple, hir.Array:
		if len(want.Args) != len(got.Args) {
			return false
		}
		for i, a := range want.Args {
			if !b.flows(a, got.Args[i]) {
				return false
			}
		}
		return true
	case hir.Struct, hir.Enum:
		x, y := b.defArgs(want), b.defArgs(got)
		if x == nil || y == nil || x.def != y.def {
			return false
		}
		for i, a := range x.args {
			t1, ok1 := a.(*hir.Type)
			t2, ok2 := y.args[i].(*hir.Type)
			if ok1 && ok2 && !b.flows(t1, t2) || ok1 != ok2 || !ok1 && a != y.args[i] {
				return false
			}
		}
		return true
	}
	return false
}

func (b *body) floatLit(x hir.Expr) hir.Expr {
	n, _ := x.(*hir.Const).Value.(int64)
	return &hir.Const{X: at(float, x.Span()), Value: float64(n)}
}

// expect checks at run time what the compiler does not know of a tensor.
func (b *body) expect(x hir.Expr, want *hir.Type) hir.Expr {
	got := x.Type()
	if !lessKnown(want, got) {
		return x
	}
	t := *want
	if t.Device == "" {
		t.Device = got.Device
	}
	return &hir.Intrinsic{X: at(b.types.of(t), x.Span()), Name: "Tensor.expect",
		Args: []hir.Expr{x}}
}

// lessKnown tells that a tensor may turn out not to be of a type when the program runs.
func lessKnown(want, got *hir.Type) bool {
	less := got.Elem != want.Elem && want.Elem != tile.NoElem ||
		got.Layout != want.Layout && want.Layout != tile.NoLayout || got.AnyDim && !want.AnyDim
	if !want.AnyDim && !got.AnyDim {
		for i, d := range want.Dims {
			less = less || d != unknown && got.Dims[i] == unknown
		}
	}
	return less
}

func sameDims(a, b []hir.Dim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// tensorFits tells what keeps a tensor from being one of a type; "" if nothing that is known does.
func tensorFits(want, got *hir.Type) string {
	switch {
	case want.Elem != tile.NoElem && got.Elem != tile.NoElem && want.Elem != got.Elem:
		return "elem"
	case !want.AnyDim && !got.AnyDim && len(want.Dims) != len(got.Dims):
		return "rank"
	case want.Layout != tile.NoLayout && got.Layout != tile.NoLayout && want.Layout != got.Layout:
		return "layout"
	case want.Device != "" && got.Device != "" && want.Device != got.Device:
		return "device"
	}
	if !want.AnyDim && !got.AnyDim {
		for i, d := range want.Dims {
			if g := got.Dims[i]; d != g && d != unknown && g != unknown {
				return "dims"
			}
		}
	}
	return ""
}

func (b *body) mismatch(x hir.Expr, want *hir.Type, place source.Span, why string) {
	got := x.Type()
	switch {
	case got == unit:
		d := b.errorf(diag.NoUnitValue, x.Span(), "%s is needed here, this has no value",
			String(want))
		if why != "" {
			d.With(place, "%s", why)
		}
		return
	case want.Kind == hir.Tensor && deref(got).Kind == hir.Tensor && !(isRef(got)),
		want.Kind == hir.Ref && got.Kind == hir.Ref && want.Args[0].Kind == hir.Tensor &&
			got.Args[0].Kind == hir.Tensor && tensorFits(want.Args[0], got.Args[0]) != "":
		b.tensorMismatch(x, deref(want), deref(got), place, why)
		return
	case tiled(want) && tiled(got):
		b.tileMismatch(x.Span(), want, got, place, why)
		return
	}
	d := b.errorf(diag.Mismatch, x.Span(), "%s is needed here, this is %s", String(want),
		String(got)).Label("this is %s", String(got))
	if why != "" {
		d.With(place, "%s", why)
	}
	b.mismatchHint(d, x, want, got)
}

func (b *body) mismatchHint(d *diag.Diagnostic, x hir.Expr, want, got *hir.Type) {
	sp := x.Span()
	wrap := func(fn string) {
		d.Replace(source.Span{Pos: sp.Pos, End: sp.Pos}, fn+"(", "convert with "+fn).
			Replace(source.Span{Pos: sp.End, End: sp.End}, ")", "")
	}
	switch {
	case want == float && got == integer:
		d.Hint("convert it: float(...)")
		wrap("float")
	case want == integer && got == float:
		d.Hint("convert it: int(...) drops the fraction")
		wrap("int")
	case want == text:
		d.Hint("convert it: str(...)")
		wrap("str")
	case want.Kind == hir.Ref && got == want.Args[0]:
		amp := "&"
		if want.Mut == hir.Exclusive {
			amp = "&mut "
		}
		d.Hint("lend it: write %s before it", strings.TrimSpace(amp)).
			Replace(source.Span{Pos: sp.Pos, End: sp.Pos}, amp, "write "+amp)
	case got.Kind == hir.Ref && deref(got) == want:
		d.Hint("a reference does not own: copy the value, or take a reference here")
	case want.Kind == hir.Scalar && got == float && isInt(want.Elem):
		d.Hint("convert it: x as %s", want.Elem)
	}
}

// path is a name as a value.
func (b *body) path(e *syntax.PathExpr, want *hir.Type) hir.Expr {
	n := e.Parts[len(e.Parts)-1]
	if n.Text == "" {
		return poisonAt(e.Span())
	}
	if len(e.Parts) == 1 {
		o := b.scope.lookup(n.Text)
		if o == nil {
			return b.universe(n)
		}
		b.info.use(n.Span(), tool(o))
		return b.object(o, e, want)
	}
	if e.Parts[0].Text == "Layout" && b.scope.lookup("Layout") == nil {
		if l, ok := tile.ParseLayout(n.Text); ok {
			return &hir.Const{X: at(layoutT, e.Span()), Value: l}
		}
		b.errorf(diag.UnknownMember, n.Span(), "Layout has no %s", n.Text).
			Hint("the layouts are Layout::RowMajor and Layout::ColMajor")
		return poisonAt(e.Span())
	}
	if builtin.Find(e.Parts[0].Text+"::"+n.Text) != nil && b.scope.lookup(e.Parts[0].Text) == nil {
		b.errorf(diag.NotValue, e.Span(), "%s::%s is a function; call it", e.Parts[0].Text, n.Text)
		return poisonAt(e.Span())
	}
	o := b.pathObject(e.Parts, b.scope)
	if o == nil {
		return poisonAt(e.Span())
	}
	return b.object(o, e, want)
}

// numbers that have names.
var numbers = map[string]float64{"inf": math.Inf(1), "nan": math.NaN(), "pi": math.Pi}

// universe is a name that the program does not define.
func (b *body) universe(n *syntax.Name) hir.Expr {
	if e, ok := tile.ParseElem(n.Text); ok {
		return &hir.Const{X: at(elemT, n.Span()), Value: e}
	}
	if v, ok := numbers[n.Text]; ok {
		return &hir.Const{X: at(float, n.Span()), Value: v}
	}
	if elem, ok := elemNamed[n.Text]; ok {
		b.errorf(diag.NotValue, n.Span(), "%s is a type of the host, not a value", n.Text).
			Hint("the element type is %s", elem).Replace(n.Span(), elem, "write "+elem)
		return poisonAt(n.Span())
	}
	if f := builtin.Find(n.Text); f != nil {
		if b.gaps {
			return poisonAt(n.Span()) // its parentheses may be what is missing
		}
		b.errorf(diag.NotValue, n.Span(), "%s is a function; call it", n.Text)
		return poisonAt(n.Span())
	}
	if isModule(n.Text) || simpleTypes[n.Text] != nil {
		b.errorf(diag.NotValue, n.Span(), "%s is not a value", n.Text).
			Hint("what it has is written %s::name", n.Text)
		return poisonAt(n.Span())
	}
	b.unknown(n, b.scope)
	return poisonAt(n.Span())
}

// elemNamed are the element types that the host's types make one think of.
var elemNamed = map[string]string{"int": "i32", "float": "f32"}

func isModule(name string) bool {
	return name == "device" || name == "Tensor" || name == "Layout" || name == "Tile"
}

func (c *checker) unknown(n *syntax.Name, sc *scope) {
	if n.Text == "" || c.silent() || c.gaps || c.lost[c.set.File(n.Span().Pos)] {
		return
	}
	d := c.errorf(diag.UnknownName, n.Span(), "unknown name %s", n.Text)
	if c.wordHelp(d, n, sc) {
		return
	}
	names := append(sc.all(), builtin.Free(builtin.Both)...)
	names = append(append(names, tile.ElemNames()...), "Layout", "Tensor", "device")
	names = append(names, (&scope{names: c.operators().scope.names}).all()...)
	if near := nearest(n.Text, names); near != "" {
		d.Hint("did you mean %s?", near).Replace(n.Span(), near, "write "+near)
	}
}

// object is the value of what a name stands for.
func (b *body) object(o any, e *syntax.PathExpr, want *hir.Type) hir.Expr {
	sp := e.Span()
	switch o := o.(type) {
	case *local:
		return b.local(o, sp)
	case *constParam:
		b.info.use(e.Parts[0].Span(), o.object(b.checker))
		return b.constValue(o, sp)
	case *dimParam:
		b.info.use(e.Parts[0].Span(), o.object(b.checker))
		return b.dimValue(o, sp)
	case *constObj:
		x := b.checker.constant(o)
		c, ok := x.(*hir.Const)
		if !ok {
			return poisonAt(sp)
		}
		return &hir.Const{X: at(c.T, sp), Value: c.Value}
	case *typeParam:
		return b.typeValue(o, sp)
	case *fnObj:
		return b.fnValue(o, e, want)
	case *variantObj:
		return b.variantExpr(o, e, nil, want)
	case *defObj:
		d := b.errorf(diag.NotValue, sp, "%s is a type, not a value", o.name.Text)
		if o.strct != nil {
			d.Hint("make one: %s { ... }", o.name.Text)
		} else if len(o.enum.Variants) > 0 {
			d.Hint("make one: %s::%s", o.name.Text, o.enum.Variants[0].Name.Text)
		}
	case *assoc:
		name := e.Parts[len(e.Parts)-1].Text
		b.errorf(diag.NotValue, sp, "%s is no value: it belongs to a type", name).
			Hint("write a closure: |x| %s(x)", strings.Join(names(e.Parts), "::"))
	case *moduleObj:
		b.errorf(diag.NotValue, sp, "%s is a module, not a value", e.Parts[0].Text)
	case *aliasObj:
		if t := b.typ(syntax.NamedType(e.Parts[0]), b.scope, b.kernel); t.Kind == hir.Scalar {
			return &hir.Const{X: at(elemT, sp), Value: t.Elem}
		}
		b.errorf(diag.NotValue, sp, "%s is a type, not a value", o.decl.Name.Text)
	case *traitObj:
		b.errorf(diag.NotValue, sp, "%s is a trait, not a value", o.decl.Name.Text)
	}
	return poisonAt(sp)
}

// local reads a variable, by way of a capture in closures.
func (b *body) local(l *local, sp source.Span) hir.Expr {
	if b.kernel && l.v.Global || b.constant {
		if l.val == nil || !l.v.Global && !b.constant {
			what := "the compiler evaluates this, but %s is a variable of the program"
			code := diag.NotConst
			if b.kernel {
				what, code = "a kernel cannot use the host variable %s", diag.KernelBody
			}
			b.errorf(code, sp, what, l.v.Name).With(l.v.At, "bound here").
				Hint("pass it as a parameter, or make it a const")
			return poisonAt(sp)
		}
		return b.typedConst(l.val, l.v.Type, sp)
	}
	if b.kernel && l.val != nil && !tiled(l.v.Type) {
		return b.typedConst(l.val, l.v.Type, sp)
	}
	if l.home != b && !l.v.Global {
		l = b.capture(l, sp)
		if l == nil {
			return poisonAt(sp)
		}
	}
	return &hir.Local{X: at(l.v.Type, sp), Var: l.v}
}

func (b *body) typedConst(v any, t *hir.Type, sp source.Span) hir.Expr {
	return &hir.Const{X: at(t, sp), Value: v}
}

// constValue is a constant parameter.
func (b *body) constValue(p *constParam, sp source.Span) hir.Expr {
	switch v := p.val.(type) {
	case nil:
		b.unbound = true
	case int64:
		return &hir.Const{X: at(integer, sp), Value: v}
	case float64:
		return &hir.Const{X: at(float, sp), Value: v}
	case bool:
		return &hir.Const{X: at(boolean, sp), Value: v}
	case string:
		return &hir.Const{X: at(text, sp), Value: v}
	case tile.Elem:
		return &hir.Const{X: at(elemT, sp), Value: v}
	case tile.Layout:
		return &hir.Const{X: at(layoutT, sp), Value: v}
	}
	return poisonAt(sp)
}

// dimValue is a dimension symbol: an int, in kernels an i32.
func (b *body) dimValue(p *dimParam, sp source.Span) hir.Expr {
	t := integer
	if b.kernel {
		t = b.types.scalar(tile.I32)
	}
	switch {
	case p.bound && isConst(p.dim):
		return &hir.Const{X: at(integer, sp), Value: int64(p.dim.Const)}
	case p.bound && p.dim.Sym == "":
		b.unbound = true
		return poisonAt(sp)
	case p.bound:
		return &hir.DimOf{X: at(t, sp), Sym: p.dim.Sym}
	}
	return &hir.DimOf{X: at(t, sp), Sym: p.name}
}

func (b *body) typeValue(p *typeParam, sp source.Span) hir.Expr {
	if p.at.IsValid() {
		b.info.use(sp, p.object(b.checker))
	}
	switch {
	case p.typ == nil:
		b.unbound = true
	case p.typ.Kind == hir.Scalar:
		return &hir.Const{X: at(elemT, sp), Value: p.typ.Elem}
	case p.typ == boolean:
		return &hir.Const{X: at(elemT, sp), Value: tile.Bool}
	case !bad(p.typ):
		b.errorf(diag.NotValue, sp, "%s is %s, a type, not a value", p.name, String(p.typ))
	}
	return poisonAt(sp)
}

func (b *body) fstring(e *syntax.FStringLit) hir.Expr {
	if b.kernel {
		b.errorf(diag.KernelBody, e.Span(), "strings cannot stand in a kernel")
		return poisonAt(e.Span())
	}
	out := &hir.Intrinsic{X: at(text, e.Span()), Name: "concat"}
	for _, p := range e.Parts {
		if p.X == nil {
			out.Args = append(out.Args, &hir.Const{X: at(text, e.Span()), Value: p.Text})
			continue
		}
		x := b.value(p.X, nil)
		if !validSpec(p.Spec) {
			b.errorf(diag.BadFormat, p.SpecAt, "unknown format %s", strconv.Quote(p.Spec)).
				Hint("write .3 for digits, .3e for an exponent, 8 for a width, or 8.3")
		}
		if !owns(x.Type()) && x.Type().Kind != hir.Ref || bad(x.Type()) {
			// Copied.
		} else if x.Type().Kind != hir.Ref {
			x = b.borrow(x, hir.Shared)
		}
		out.Args = append(out.Args, &hir.Intrinsic{X: at(text, p.X.Span()), Name: "format",
			Args: []hir.Expr{x, &hir.Const{X: at(text, p.X.Span()), Value: p.Spec}}})
	}
	return out
}

// validSpec knows [width][.digits][e].
func validSpec(s string) bool {
	digits := func() (n int) {
		for len(s) > 0 && s[0] >= '0' && s[0] <= '9' {
			s = s[1:]
			n++
		}
		return n
	}
	if digits() > 3 {
		return false
	}
	if s != "" && s[0] == '.' {
		s = s[1:]
		if n := digits(); n < 1 || n > 2 {
			return false
		}
	}
	return s == "" || s == "e"
}

func (b *body) array(e *syntax.ArrayLit, want *hir.Type) hir.Expr {
	var elem *hir.Type
	if want != nil && want.Kind == hir.Array {
		elem = want.Args[0]
	}
	if len(e.Elems) == 0 {
		if elem == nil && want != nil && bad(want) {
			return poisonAt(e.Span())
		}
		if elem == nil {
			b.errorf(diag.Mismatch, e.Span(), "the element type of an empty array is not known").
				Hint("write its type: let a: [int] = [];")
			return poisonAt(e.Span())
		}
		return &hir.ArrayOf{X: at(b.types.array(elem), e.Span()), Elems: []hir.Expr{}}
	}
	declared := elem != nil
	out := &hir.ArrayOf{Elems: make([]hir.Expr, 0, len(e.Elems))}
	for i, s := range e.Elems {
		mark := b.mark()
		x := b.value(s, elem)
		b.settle(out.Elems, mark)
		if _, lent := x.(*hir.RefOf); elem == nil && !lent && isCopy(deref(x.Type())) {
			x = b.read(x)
		}
		if elem == nil {
			elem = x.Type()
		} else if !declared && elem == integer && x.Type() == float && b.allLits(out.Elems) {
			for j, y := range out.Elems {
				out.Elems[j] = b.floatLit(y)
			}
			elem = float
		}
		why := "the array's first element is " + String(elem)
		if i == 0 {
			why = "the array's elements are " + String(elem)
		}
		out.Elems = append(out.Elems, b.coerce(x, elem, e.Elems[0].Span(), why))
	}
	if e.Count != nil {
		out.Count = b.needs(e.Count, integer, e.Span(), "a count is an int")
		if !isCopy(elem) && !bad(elem) {
			b.errorf(diag.Moved, e.Elems[0].Span(), "[x; n] copies x, which %s does not allow",
				String(elem)).Hint("push the elements in a loop")
		}
	}
	if bad(elem) {
		return poisonAt(e.Span())
	}
	if elem.Kind == hir.Ref {
		b.errorf(diag.RefPlace, e.Span(), "an array cannot hold references")
		return poisonAt(e.Span())
	}
	out.X = at(b.types.array(elem), e.Span())
	return out
}

func (b *body) allLits(xs []hir.Expr) bool {
	for _, x := range xs {
		if !b.isLit(x) {
			return false
		}
	}
	return true
}

func (b *body) tuple(e *syntax.TupleLit, want *hir.Type) hir.Expr {
	if len(e.Elems) == 0 {
		return &hir.TupleOf{X: at(unit, e.Span())}
	}
	out := &hir.TupleOf{}
	var parts []*hir.Type
	for i, s := range e.Elems {
		mark := b.mark()
		var w *hir.Type
		if want != nil && want.Kind == hir.Tuple && len(want.Args) == len(e.Elems) {
			w = want.Args[i]
		}
		x := b.value(s, w)
		if w != nil {
			if y, ok := b.convert(x, w); ok {
				x = y
			}
		}
		x = b.runtime(x)
		b.settle(out.Elems, mark)
		out.Elems = append(out.Elems, x)
		parts = append(parts, x.Type())
	}
	for _, t := range parts {
		if bad(t) {
			return poisonAt(e.Span())
		}
	}
	out.X = at(b.types.tuple(parts...), e.Span())
	return out
}

func (b *body) rangeExpr(e *syntax.RangeExpr) hir.Expr {
	t := integer
	lo, hi := b.read(b.expr(e.Lo, nil)), b.read(b.expr(e.Hi, nil))
	if b.kernel {
		t = b.types.scalar(tile.I32)
	}
	lo = b.coerce(lo, t, e.Span(), "bounds of a range")
	hi = b.coerce(hi, t, e.Span(), "bounds of a range")
	if bad(lo.Type()) || bad(hi.Type()) {
		return poisonAt(e.Span())
	}
	return &hir.RangeOf{X: at(ranges, e.Span()), Lo: lo, Hi: hi}
}
