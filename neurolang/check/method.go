package check

import (
	"slices"
	"strings"

	"tensoros/neurolang/builtin"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// assoc is a function named through a type: Type::new. self nil: its arguments are inferred.
type assoc struct {
	fn   *fnObj
	self *hir.Type
}

// pathObject resolves a::b::c; nil after an error.
func (c *checker) pathObject(parts []*syntax.Name, sc *scope) any {
	o := sc.lookup(parts[0].Text)
	if o == nil {
		if t, ok := simpleTypes[parts[0].Text]; ok && len(parts) == 2 {
			if fn := c.findMethod(t, parts[1].Text); fn != nil {
				return &assoc{fn, t}
			}
			c.noMember(t, parts[1])
			return nil
		}
		c.unknown(parts[0], sc)
		return nil
	}
	c.info.use(parts[0].Span(), tool(o))
	for _, n := range parts[1:] {
		if o = c.step(o, n); o == nil {
			return nil
		}
		c.info.use(n.Span(), tool(o))
	}
	return o
}

// pathObjectQuiet is pathObject without words.
func (c *checker) pathObjectQuiet(parts []*syntax.Name, sc *scope) (o any) {
	c.try(func() { o = c.pathObject(parts, sc) })
	return o
}

// step resolves one `::name`.
func (c *checker) step(o any, n *syntax.Name) any {
	if n.Text == "" {
		return nil
	}
	switch o := o.(type) {
	case *moduleObj:
		return c.exported(o.mod, n)
	case *defObj:
		if o.enum != nil {
			for i, v := range o.enum.Variants {
				if v.Name.Text == n.Text {
					return c.variant(o, i)
				}
			}
		}
		if fn := c.assocOf(o, n.Text); fn != nil {
			c.info.use(n.Span(), fn.tool)
			var self *hir.Type
			if len(o.generics) == 0 {
				self = c.instantiate(o, newScope(o.in), nil, false)
			}
			return &assoc{fn, self}
		}
		c.noVariant(o, n)
		return nil
	case *aliasObj:
		if t := c.alias(o, syntax.NamedType(o.decl.Name), o.in, false); !bad(t) {
			return c.member(t, n)
		}
		return nil
	case *typeParam:
		if o.typ == nil {
			c.unbound = true
			return nil
		}
		if bad(o.typ) {
			return o
		}
		return c.member(o.typ, n)
	}
	c.errorf(diag.UnknownMember, n.Span(), "there is no %s in it", n.Text)
	return nil
}

// member finds a function of a type.
func (c *checker) member(t *hir.Type, n *syntax.Name) any {
	if org := c.defArgs(t); org != nil && org.def.enum != nil {
		for i, v := range org.def.enum.Variants {
			if v.Name.Text == n.Text {
				return c.variant(org.def, i)
			}
		}
	}
	if fn := c.findMethod(t, n.Text); fn != nil {
		return &assoc{fn, t}
	}
	c.noMember(t, n)
	return nil
}

func (c *checker) noVariant(o *defObj, n *syntax.Name) {
	if c.silent() {
		return
	}
	var names []string
	if o.enum != nil {
		for _, v := range o.enum.Variants {
			names = append(names, v.Name.Text)
		}
	}
	for _, im := range c.impls {
		if c.implDef(im) == o {
			for _, f := range im.decl.Fns {
				names = append(names, f.Name.Text)
			}
		}
	}
	d := c.errorf(diag.UnknownMember, n.Span(), "%s has no %s", o.name.Text, n.Text).
		With(o.name.Span(), "defined here")
	if near := nearest(n.Text, names); near != "" {
		d.Hint("did you mean %s::%s?", o.name.Text, near).Replace(n.Span(), near, "write "+near)
	} else if len(names) > 0 {
		d.Note("it has %s", list(names))
	}
}

// implDef is the definition whose methods an impl has; nil for other types.
func (c *checker) implDef(im *implObj) *defObj {
	p, ok := im.decl.Type.(*syntax.PathType)
	if !ok || im.asked {
		return im.def
	}
	im.asked = true
	im.def, _ = c.pathObjectQuiet(p.Parts, im.in).(*defObj)
	return im.def
}

// assocOf finds a function of a struct or enum.
func (c *checker) assocOf(o *defObj, name string) *fnObj {
	for _, im := range c.newest() {
		if fn := im.fns[name]; fn != nil && c.implDef(im) == o {
			return fn
		}
	}
	return nil
}

// matches tells whether an impl is for a type.
func (c *checker) matches(im *implObj, t *hir.Type) bool {
	bn := &binding{sc: newScope(im.in)}
	c.generics(bn, im.decl.Generics, map[string]source.Span{})
	c.unify(im.decl.Type, t, bn.sc, source.Span{})
	for _, p := range bn.types {
		if p.typ == nil {
			p.typ = invalid
		}
	}
	var got *hir.Type
	org := c.defArgs(t)
	kernel := org != nil && org.kernel
	ok := c.try(func() {
		got = c.typ(im.decl.Type, bn.sc, kernel)
		for _, p := range bn.types {
			for _, bd := range p.bounds {
				if !bad(p.typ) && !c.satisfies(p.typ, bd, bn.sc) {
					got = invalid
				}
			}
		}
	})
	if !ok || bad(got) {
		return false
	}
	return got == t || got.Kind == hir.Tensor && t.Kind == hir.Tensor && tensorFits(got, t) == ""
}

// newest lists impls; in a session later ones replace earlier ones.
func (c *checker) newest() []*implObj {
	if !c.session {
		return c.impls
	}
	out := slices.Clone(c.impls)
	slices.Reverse(out)
	return out
}

// findMethod finds a function of a type, of its own or by a trait.
func (c *checker) findMethod(t *hir.Type, name string) *fnObj {
	for _, im := range c.newest() {
		fn := im.fns[name]
		if fn == nil {
			if tr := c.implTrait(im); tr != nil && tr.fns[name] != nil &&
				tr.fns[name].decl.Body != nil &&
				c.matches(im, t) {
				return tr.fns[name]
			}
			continue
		}
		if c.matches(im, t) {
			return fn
		}
	}
	return nil
}

// implTrait is the trait of an impl; nil for none.
func (c *checker) implTrait(im *implObj) *traitObj {
	if im.decl.Trait == nil || im.trait != nil || im.traced {
		return im.trait
	}
	im.traced = true
	im.trait, _ = c.pathObjectQuiet(im.decl.Trait.Parts, im.in).(*traitObj)
	return im.trait
}

// implOf finds the impl of a trait for a type.
func (c *checker) implOf(t *hir.Type, tr *traitObj) *implObj {
	p := proof{t, tr}
	if c.proving[p] {
		return nil // impl<T: Show> Show for T proves nothing
	}
	c.proving[p] = true
	defer delete(c.proving, p)
	for _, im := range c.newest() {
		if c.implTrait(im) == tr && c.matches(im, t) {
			return im
		}
	}
	return nil
}

// bindSelf binds Self, and the parameters of the impl by it.
func (b *body) bindSelf(fn *fnObj, bn *binding, self *hir.Type, sp source.Span) {
	if p, ok := bn.sc.names["Self"].(*typeParam); ok {
		p.typ, p.from = self, sp
	}
	if fn.impl != nil {
		b.unify(fn.impl.decl.Type, self, bn.sc, sp)
	}
}

// settleSelf completes Self and the impl's parameters from each other.
func (b *body) settleSelf(fn *fnObj, bn *binding) {
	p, ok := bn.sc.names["Self"].(*typeParam)
	if !ok || fn.impl == nil {
		return
	}
	if p.typ == nil {
		p.typ = b.partly(fn.impl.decl.Type, bn.sc, b.kernel)
	} else {
		b.unify(fn.impl.decl.Type, p.typ, bn.sc, p.from)
	}
}

// callMethod checks x.name(args).
func (b *body) callMethod(e *syntax.CallExpr, fn *syntax.FieldExpr, args []arg,
	want *hir.Type) hir.Expr {
	if o := b.moduleMember(fn); o != nil {
		p := syntax.NewPath([]*syntax.Name{fn.Name})
		p.Args = fn.Args
		return b.callObject(o, e, p, args, want)
	}
	recv := b.value(fn.X, nil)
	t := deref(recv.Type())
	name := fn.Name.Text
	if bad(t) || name == "" {
		return b.spoil(args, e.Span())
	}
	if m := b.findMethod(t, name); m != nil {
		return b.method(m, t, recv, e, fn, args, want)
	}
	if t.Kind == hir.Struct {
		if i := fieldIndex(t, name); i >= 0 {
			return b.callValue(b.fieldOf(b.read(recv), i, fn), args, e.Span())
		}
	}
	if x := b.builtinMethod(e, fn, recv, args); x != nil {
		return x
	}
	b.noMember(t, fn.Name)
	return b.spoil(args, e.Span())
}

// moduleMember resolves module.name; nil if x is no module.
func (b *body) moduleMember(fn *syntax.FieldExpr) any {
	p, ok := fn.X.(*syntax.PathExpr)
	if !ok || len(p.Parts) != 1 {
		return nil
	}
	switch m := b.scope.lookup(p.Parts[0].Text).(type) {
	case *moduleObj:
		b.info.use(p.Span(), m.tool)
		if o := b.exported(m.mod, fn.Name); o != nil {
			return o
		}
		return &typeParam{typ: invalid}
	case *typeParam:
		if m.typ != nil && bad(m.typ) {
			return m
		}
	}
	return nil
}

// method calls a method of the program.
func (b *body) method(m *fnObj, t *hir.Type, recv hir.Expr, e *syntax.CallExpr,
	fn *syntax.FieldExpr,
	args []arg, want *hir.Type) hir.Expr {
	b.info.use(fn.Name.Span(), m.tool)
	if len(m.decl.Params) == 0 || !m.decl.Params[0].Self {
		b.errorf(diag.UnknownMember, fn.Name.Span(), "%s is no method: it takes no self",
			fn.Name.Text).
			With(m.decl.Name.Span(), "defined here").
			Hint("write %s::%s(...)", baseName(String(t)), fn.Name.Text)
		return b.spoil(args, e.Span())
	}
	if r, ok := m.decl.Params[0].Type.(*syntax.RefType); ok {
		kind := hir.Shared
		if r.Mut {
			kind = hir.Exclusive
		}
		recv = b.receiver(recv, kind)
	} else if isRef(recv.Type()) {
		recv = b.read(recv)
	}
	if bad(recv.Type()) {
		return b.spoil(args, e.Span())
	}
	all := append([]arg{{x: recv}}, args...)
	return b.callFn(m, t, fn.Args, all, e.Span(), fn.Name.Span(), want)
}

// receiver borrows what a method is called on.
func (b *body) receiver(x hir.Expr, kind hir.RefKind) hir.Expr {
	if isRef(x.Type()) && !isRef(x.Type().Args[0]) {
		if x.Type().Mut == kind || kind == hir.Shared {
			return b.borrow(x, kind)
		}
		d := &hir.Deref{X: at(x.Type().Args[0], x.Span()), Arg: x}
		b.writable(d, x.Span(), "changed")
		return poisonAt(x.Span())
	}
	x = b.read(x)
	if kind == hir.Exclusive && isPlace(x) && !b.writable(x, x.Span(), "changed") {
		return poisonAt(x.Span())
	}
	r := b.borrow(x, kind)
	if r, ok := r.(*hir.RefOf); ok {
		b.auto[r] = true
	}
	return r
}

// builtinMethod checks a method that the language provides; nil if there is none.
func (b *body) builtinMethod(e *syntax.CallExpr, fn *syntax.FieldExpr, recv hir.Expr,
	args []arg) hir.Expr {
	t := deref(recv.Type())
	sp := e.Span()
	if b.kernel {
		return b.kernelMethod(e, fn, recv, args)
	}
	kind := map[hir.Kind]string{hir.Tensor: "Tensor", hir.Array: "Array",
		hir.String: "string"}[t.Kind]
	f := builtin.Find(kind + "." + fn.Name.Text)
	if f == nil || f.Name == "Tensor.expect" {
		return nil
	}
	b.info.use(fn.Name.Span(), b.builtinObject(f))
	c := &intrinsic{f: f, e: e, sp: sp, name: fn.Name.Span()}
	switch f.Name {
	case "Tensor.view":
		if len(args) > 0 {
			b.errorf(diag.TooManyArgs, args[0].span(), "view takes no arguments")
		}
		r := b.borrow(recv, hir.Shared)
		if r, ok := r.(*hir.RefOf); ok {
			r.At = sp
		}
		return r
	case "Array.len", "string.len":
		c.f = builtin.Find("len")
	case "Tensor.free":
		if isRef(recv.Type()) {
			b.errorf(diag.MoveBorrowed, recv.Span(), "what is borrowed cannot be freed").
				Hint("only its owner can")
			return b.spoil(args, sp)
		}
	}
	var self hir.Expr
	switch f.Params[0].Mode {
	case builtin.Borrow:
		self = b.receiver(recv, hir.Shared)
		if t == text {
			self = b.read(recv)
		}
	case builtin.Mutate:
		self = b.receiver(recv, hir.Exclusive)
	default:
		self = recv
	}
	if bad(self.Type()) {
		return b.spoil(args, sp)
	}
	all := append([]arg{{x: self}}, args...)
	if f.Name == "Array.push" {
		return b.push(c, t, self, args)
	}
	return b.methodResult(c, t, all)
}

func (b *body) push(c *intrinsic, t *hir.Type, self hir.Expr, args []arg) hir.Expr {
	if !b.arrangeIntrinsic(c, append([]arg{{x: self}}, args...)) {
		return b.spoil(args, c.sp)
	}
	x := b.needs(c.args[1].e, t.Args[0], c.args[0].x.Span(), "the array is "+String(t))
	if bad(x.Type()) {
		return x
	}
	c.xs = []hir.Expr{self, x}
	return b.node(c, unit)
}

// methodResult checks the arguments of a tensor's, array's or string's method.
func (b *body) methodResult(c *intrinsic, t *hir.Type, all []arg) hir.Expr {
	c.after = func() *hir.Type {
		switch c.f.Name {
		case "Tensor.shape":
			return b.types.array(integer)
		case "Tensor.copy":
			return t
		case "Tensor.t":
			return b.transposed(t, c)
		case "Tensor.array":
			return b.arrayResult(t, c)
		case "Tensor.item":
			return numberOf(t.Elem)
		case "Tensor.to":
			r := *t
			r.Device = b.deviceName(c.xs[1])
			return b.types.of(r)
		case "Tensor.reshape":
			return b.reshaped(c, t)
		case "Array.pop":
			o := b.prelude.scope.names["Option"].(*defObj)
			return b.instantiate(o, b.optionScope(o, t.Args[0]), []any{t.Args[0]}, false)
		case "string.split":
			return b.types.array(text)
		}
		return fixedResults[c.f.Name]
	}
	return b.hostCall(c, all)
}

// reshaped is the type of t.reshape(shape).
func (b *body) reshaped(c *intrinsic, t *hir.Type) *hir.Type {
	r := *t
	r.Layout = tile.RowMajor
	lit, ok := c.xs[1].(*hir.ArrayOf)
	if !ok || lit.Count != nil {
		r.AnyDim, r.Dims = true, nil
		return b.types.of(r)
	}
	total, known := 1, !t.AnyDim
	for _, d := range t.Dims {
		known = known && isConst(d)
		total *= max(1, d.Const)
	}
	product, open := 1, -1
	r.AnyDim, r.Dims = false, nil
	for i, e := range lit.Elems {
		n, ok := b.knownInt(e)
		d := hir.Dim{Const: n}
		switch s, sym := e.(*hir.DimOf); {
		case ok && n == -1 && open < 0:
			open, d = i, unknown
		case ok && n < 1:
			b.errorf(diag.TensorShape, e.Span(),
				"a dimension is at least 1, or -1 for what remains")
			return invalid
		case ok:
			product *= n
		case sym:
			d, known = symbol(s.Sym), false
		default:
			d, known = unknown, false
		}
		r.Dims = append(r.Dims, d)
	}
	if known {
		if open >= 0 && total%product == 0 {
			r.Dims[open] = hir.Dim{Const: total / product}
		} else if total != product {
			b.errorf(diag.TensorShape, c.sp, "[%s] has %d elements, [%s] has %d",
				list(dimStrings(t.Dims)), total, list(dimStrings(r.Dims)), product)
			return invalid
		}
	}
	return b.types.of(r)
}

func (b *body) optionScope(o *defObj, t *hir.Type) *scope {
	sc := newScope(o.in)
	sc.put(o.generics[0].Name.Text, &typeParam{name: o.generics[0].Name.Text, typ: t})
	return sc
}

func (b *body) transposed(t *hir.Type, c *intrinsic) *hir.Type {
	r := *t
	r.Layout = tile.RowMajor
	if !t.AnyDim {
		n := len(t.Dims)
		if n < 2 {
			b.errorf(diag.TensorRank, c.sp, "only tensors of 2 dimensions or more can be transposed")
			return nil
		}
		r.Dims = slices.Clone(t.Dims)
		r.Dims[n-1], r.Dims[n-2] = r.Dims[n-2], r.Dims[n-1]
	}
	return b.types.of(r)
}

// arrayResult is arrays in arrays, one for each dimension.
func (b *body) arrayResult(t *hir.Type, c *intrinsic) *hir.Type {
	if t.AnyDim || t.Elem == tile.NoElem {
		b.errorf(diag.TensorShape, c.sp, "how many dimensions, and of what element type, is not known").
			Hint("declare it: let t: Tensor<[_, _], f32> = ...")
		return nil
	}
	out := numberOf(t.Elem)
	for range t.Dims {
		out = b.types.array(out)
	}
	return out
}

// numberOf is the host's type for an element.
func numberOf(e tile.Elem) *hir.Type {
	switch {
	case isInt(e):
		return integer
	case e == tile.Bool:
		return boolean
	}
	return float
}

// kernelMethod checks methods in kernels: x.t(), a.load(...).
func (b *body) kernelMethod(e *syntax.CallExpr, fn *syntax.FieldExpr, recv hir.Expr,
	args []arg) hir.Expr {
	t := deref(recv.Type())
	switch {
	case t.Kind == hir.Tensor && fn.Name.Text == "load":
		return b.loadCall(b.strip(recv), args, e.Span())
	case tiled(t) && fn.Name.Text == "t":
		f := builtin.Find("tile.t")
		b.info.use(fn.Name.Span(), b.builtinObject(f))
		if len(args) > 0 {
			b.errorf(diag.TooManyArgs, args[0].span(), "t takes no arguments")
			return b.spoil(args, e.Span())
		}
		dims := sides(t)
		n := len(dims)
		if n < 2 {
			b.errorf(diag.BadAxis, e.Span(), "only tiles of 2 dimensions or more can be transposed").
				Hint("expand(x, 0) makes a row of a vector, expand(x, 1) a column")
			return poisonAt(e.Span())
		}
		dims[n-1], dims[n-2] = dims[n-2], dims[n-1]
		return &hir.Intrinsic{X: at(b.types.tile(dims, t.Elem), e.Span()), Name: "tile.t",
			Args: []hir.Expr{recv}}
	}
	return nil
}

// strip takes the references off a parameter of a kernel.
func (b *body) strip(x hir.Expr) hir.Expr {
	for {
		d, ok := x.(*hir.Deref)
		if !ok {
			return x
		}
		x = d.Arg
	}
}

// noMember reports a member that a type has not.
func (c *checker) noMember(t *hir.Type, n *syntax.Name) {
	if c.silent() {
		return
	}
	d := c.errorf(diag.UnknownMember, n.Span(), "%s has no member %s", String(t), n.Text)
	names := c.memberNames(t)
	if help := memberWords[t.Kind][n.Text]; help != "" {
		d.Hint("%s", help)
	} else if near := nearest(n.Text, names); near != "" {
		d.Hint("did you mean %s?", near).Replace(n.Span(), near, "write "+near)
	} else if len(names) > 0 && len(names) < 20 {
		d.Note("it has %s", list(names))
	}
	if org := c.defArgs(t); org != nil {
		d.With(org.def.name.Span(), "defined here")
	}
}

func (c *checker) memberNames(t *hir.Type) (names []string) {
	if t.Def != nil {
		for _, f := range t.Def.Fields {
			names = append(names, f.Name)
		}
	}
	for _, im := range c.impls {
		if c.matches(im, t) {
			for _, f := range im.decl.Fns {
				names = append(names, f.Name.Text)
			}
		}
	}
	kind := map[hir.Kind]string{hir.Tensor: "Tensor", hir.Array: "Array", hir.String: "string",
		hir.Tile: "tile", hir.Span: "span"}[t.Kind]
	if kind != "" {
		names = append(names, builtin.Methods(kind)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func fieldIndex(t *hir.Type, name string) int {
	if t.Def == nil {
		return -1
	}
	return slices.IndexFunc(t.Def.Fields, func(f hir.Field) bool { return f.Name == name })
}

// fieldOf reads a field; its use is noted for tools.
func (b *body) fieldOf(x hir.Expr, i int, e *syntax.FieldExpr) hir.Expr {
	t := x.Type()
	if org := b.defArgs(t); org != nil && org.def.strct != nil {
		b.info.use(e.Name.Span(), b.info.defs[org.def.strct.Fields[i].Name.Span()])
	}
	return &hir.FieldOf{X: at(t.Def.Fields[i].Type, e.Span()), Arg: x, Index: i}
}

// fieldExpr checks x.name.
func (b *body) fieldExpr(e *syntax.FieldExpr) hir.Expr {
	if o := b.moduleMember(e); o != nil {
		return b.object(o, syntax.NewPath([]*syntax.Name{e.Name}), nil)
	}
	x := b.read(b.value(e.X, nil))
	t := x.Type()
	name := e.Name.Text
	if bad(t) || name == "" {
		return poisonAt(e.Span())
	}
	switch {
	case t.Kind == hir.Struct:
		if i := fieldIndex(t, name); i >= 0 {
			return b.fieldOf(x, i, e)
		}
	case t.Kind == hir.Tuple && name[0] >= '0' && name[0] <= '9':
		if i := index(name); i < len(t.Args) {
			return &hir.FieldOf{X: at(t.Args[i], e.Span()), Arg: x, Index: i}
		}
		b.errorf(diag.UnknownMember, e.Name.Span(), "a tuple of %d has no part %s", len(t.Args),
			name).
			Hint("parts are numbered from 0")
		return poisonAt(e.Span())
	case t.Kind == hir.Span && name == "start":
		return &hir.Intrinsic{X: at(b.types.scalar(tile.I32), e.Span()), Name: "span.start",
			Args: []hir.Expr{x}}
	case t.Kind == hir.Span && name == "len":
		return b.intConst(t.Size, e.Span())
	}
	if b.findMethod(t, name) != nil || slices.Contains(b.memberNames(t), name) {
		b.errorf(diag.NotValue, e.Span(), "%s is a method; call it", name).
			Hint("write .%s()", name)
		return poisonAt(e.Span())
	}
	b.noMember(t, e.Name)
	return poisonAt(e.Span())
}

func index(name string) int {
	n := 0
	for _, c := range strings.TrimLeft(name, "0") {
		if c < '0' || c > '9' || n > 1000 {
			return 1 << 20
		}
		n = n*10 + int(c-'0')
	}
	return n
}
