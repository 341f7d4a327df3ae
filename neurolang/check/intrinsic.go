package check

import (
	"strings"

	"tensoros/neurolang/builtin"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// intrinsic is a call of what the language provides, on its way to a node.
type intrinsic struct {
	f    *builtin.Func
	e    *syntax.CallExpr // for tools and messages
	args []arg            // in the order of the parameters
	xs   []hir.Expr       // checked; nil if absent
	sp   source.Span
	name source.Span
	want *hir.Type
	// after gives the result's type when the arguments are checked.
	after func() *hir.Type
}

// hostFn finds a function of the embedder.
func (c *checker) hostFn(name string) *Host {
	for _, h := range c.opt.Builtins {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// callBuiltin calls a function that the program does not define.
func (b *body) callBuiltin(e *syntax.CallExpr, fn *syntax.PathExpr, name string, args []arg,
	want *hir.Type) hir.Expr {
	if h := b.hostFn(name); h != nil && !b.kernel {
		return b.callHost(h, args, e.Span())
	}
	f := builtin.Find(name)
	last := fn.Parts[len(fn.Parts)-1]
	var op *fnObj
	if !b.kernel && !hostOnly[name] && len(fn.Parts) == 1 {
		op = b.opsFn(name)
	}
	if f != nil && !b.kernel && !f.In(builtin.Host) && op != nil {
		f = nil
	}
	if f == nil || strings.Contains(name, ".") {
		if op != nil && !b.kernel {
			b.info.use(last.Span(), op.tool)
			return b.callFn(op, nil, fn.Args, args, e.Span(), fn.Span(), want)
		}
		if len(fn.Parts) == 2 {
			b.unknownMember(fn)
		} else if isModule(name) || simpleTypes[name] != nil {
			b.errorf(diag.NotCallable, fn.Span(), "%s is not a function", name)
		} else {
			b.unknown(last, b.scope)
		}
		return b.spoil(args, e.Span())
	}
	b.info.use(last.Span(), b.builtinObject(f))
	if b.constant {
		b.errorf(diag.NotConst, fn.Span(), "the compiler does not call functions")
		return b.spoil(args, e.Span())
	}
	where, place := builtin.Host, "in host code"
	if b.kernel {
		where, place = builtin.Kernel, "in a kernel"
	}
	if !f.In(where) {
		if b.abstractHere() {
			return b.spoil(args, e.Span()) // its types would tell where it belongs
		}
		d := b.errorf(diag.KernelBody, fn.Span(), "%s cannot be called %s", name, place)
		switch {
		case !b.kernel && builtin.Find("Tensor::"+name) != nil:
			d.Hint("write Tensor::%s(...); tiles live in kernels", name)
		case !b.kernel:
			d.Hint("tiles live in functions with the attribute @kernel")
		case name == "print":
			d.Hint("store what is of interest into a tensor, and print that")
		}
		return b.spoil(args, e.Span())
	}
	c := &intrinsic{f: f, e: e, sp: e.Span(), name: fn.Span(), want: want}
	if b.kernel {
		return b.kernelCall(c, args)
	}
	// exp(x) of a whole tensor is a function of the library.
	if op != nil && len(args) > 0 && args[0].name == nil {
		x := b.value(args[0].e, nil)
		args[0].x = x
		if deref(x.Type()).Kind == hir.Tensor {
			return b.callFn(op, nil, fn.Args, args, e.Span(), fn.Span(), want)
		}
	}
	return b.hostCall(c, args)
}

// hostOnly are functions that the library never has for tensors: it need not be asked.
var hostOnly = map[string]bool{"print": true, "assert": true, "assert_eq": true, "panic": true,
	"assert_close": true, "len": true, "int": true, "float": true, "str": true}

// builtinObject is the tool's object of a function that the language provides.
func (c *checker) builtinObject(f *builtin.Func) *Object {
	for _, o := range c.info.members["builtin"] {
		if o.Name == f.Name {
			return o
		}
	}
	o := c.info.define(Object{Kind: "builtin", Name: f.Name, Doc: f.Doc, Detail: f.Signature()})
	c.info.member("builtin", o)
	return o
}

func (b *body) unknownMember(fn *syntax.PathExpr) {
	head, n := fn.Parts[0], fn.Parts[1]
	names := builtin.Members(head.Text)
	if len(names) == 0 {
		b.unknown(head, b.scope)
		return
	}
	d := b.errorf(diag.UnknownMember, n.Span(), "%s has no %s", head.Text, n.Text)
	if near := nearest(n.Text, names); near != "" {
		d.Hint("did you mean %s::%s?", head.Text, near).Replace(n.Span(), near, "write "+near)
	} else {
		d.Note("it has %s", list(names))
	}
}

// callHost calls a function of the embedder.
func (b *body) callHost(h *Host, args []arg, sp source.Span) hir.Expr {
	names := make([]string, len(h.Params))
	for i, p := range h.Params {
		names[i] = p.Name
	}
	slots, ok := b.arrange(h.Name, names, args, source.Span{})
	if !ok {
		return b.spoil(args, sp)
	}
	// The embedder's types become the table's.
	out := &hir.Intrinsic{X: at(b.types.of(*h.Result), sp), Name: h.Name}
	for i, p := range h.Params {
		if p.Type != nil {
			p.Type = b.types.of(*p.Type)
		}
		if slots[i].e == nil {
			if !p.Optional {
				b.missing(h.Name, p.Name, sp)
				return poisonAt(sp)
			}
			out.Args = append(out.Args, nil)
			continue
		}
		mark := b.mark()
		x := b.value(slots[i].e, p.Type)
		b.settle(out.Args, mark)
		if p.Type != nil {
			x = b.coerce(x, p.Type, source.Span{}, "")
		}
		if owns(x.Type()) {
			x = b.borrow(x, hir.Shared)
		}
		out.Args = append(out.Args, x)
	}
	return out
}

func (b *body) missing(fn, param string, sp source.Span) {
	end := source.Span{Pos: sp.End - 1, End: sp.End}
	b.errorf(diag.MissingArg, end, "%s needs an argument for %s", fn, param).
		Label("%s is missing", param)
}

// arrangeIntrinsic puts arguments in order and reports what is missing.
func (b *body) arrangeIntrinsic(c *intrinsic, args []arg) bool {
	f := c.f
	if n := len(f.Params); n > 0 && f.Params[n-1].Rest {
		for _, a := range args {
			if a.name != nil {
				b.unknownArg(f.Name, nil, a.name)
				return false
			}
		}
		c.args = args
		return true
	}
	names := make([]string, len(f.Params))
	for i, p := range f.Params {
		names[i] = p.Name
	}
	var ok bool
	if c.args, ok = b.arrange(shown(f.Name), names, args, source.Span{}); !ok {
		return false
	}
	for i, p := range f.Params {
		if c.args[i].e == nil && c.args[i].x == nil && !p.Optional {
			b.missing(shown(f.Name), p.Name, c.sp)
			return false
		}
	}
	return true
}

// shown is a function's name as the text has it.
func shown(name string) string {
	for _, p := range []string{"reduce_", "Tensor.", "Array.", "string.", "tile.", "span."} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest
		}
	}
	return name
}

// wants are the types of parameters that check by themselves.
var wants = map[string]*hir.Type{
	"int": integer, "float": float, "bool": boolean, "string": text, "device": device,
	"elem": elemT, "layout": layoutT,
}

// hostCall checks a host function's arguments and computes its result.
func (b *body) hostCall(c *intrinsic, args []arg) hir.Expr {
	if !b.arrangeIntrinsic(c, args) {
		return b.spoil(args, c.sp)
	}
	ok := true
	for i, a := range c.args {
		p := c.f.Params[min(i, len(c.f.Params)-1)]
		if a.e == nil && a.x == nil {
			c.xs = append(c.xs, nil)
			continue
		}
		mark := b.mark()
		want := wants[p.Type]
		if p.Type == "[int]" {
			want = b.types.array(integer)
		}
		x := a.x
		if x == nil {
			x = b.value(a.e, want)
		}
		b.settle(c.xs, mark)
		if want != nil {
			x = b.coerce(x, want, c.name, shown(c.f.Name)+" wants it for "+p.Name)
		}
		switch t := x.Type(); {
		case bad(t):
			ok = false
		case p.Mode == builtin.Borrow && (owns(t) || t.Kind == hir.Ref):
			x = b.borrow(x, hir.Shared)
		case t.Kind == hir.Ref && p.Mode == builtin.Move && want == nil:
			x = b.read(x)
		}
		c.xs = append(c.xs, x)
	}
	rule := hostRules[c.f.Name]
	if !ok {
		if t, fixed := fixedResults[c.f.Name]; fixed {
			return &hir.Const{X: at(t, c.sp)}
		}
		return poisonAt(c.sp)
	}
	if c.after != nil {
		return b.node(c, c.after())
	}
	if rule != nil {
		return rule(b, c)
	}
	return b.node(c, fixedResults[c.f.Name])
}

// node is the intrinsic with a result type.
func (b *body) node(c *intrinsic, t *hir.Type) hir.Expr {
	if t == nil || bad(t) {
		return poisonAt(c.sp)
	}
	return &hir.Intrinsic{X: at(t, c.sp), Name: c.f.Name, Args: c.xs}
}

// fixedResults are results that depend on nothing.
var fixedResults = map[string]*hir.Type{
	"print": unit, "assert": unit, "assert_eq": unit, "assert_close": unit, "panic": never,
	"len": integer, "str": text, "format": text, "device::get": device, "device::count": integer,
	"Tensor.save": unit, "Tensor.dim": integer, "Tensor.elem": elemT, "Tensor.free": unit,
	"Array.push": unit, "string.trim": text, "string.contains": boolean, "int": integer,
	"float": float,
}

// hostRules compute results, or make other nodes, of host functions.
var hostRules map[string]func(b *body, c *intrinsic) hir.Expr

func init() {
	number := (*body).numberCall
	made := (*body).tensorMade
	hostRules = map[string]func(b *body, c *intrinsic) hir.Expr{
		"len": (*body).lenCall, "int": (*body).toInt, "float": (*body).toFloat,
		"exp": number, "ln": number, "sqrt": number, "sin": number, "cos": number, "tanh": number,
		"abs": number, "floor": number, "ceil": number, "max": number, "min": number, "pow": number,
		"Tensor::load": func(b *body, c *intrinsic) hir.Expr {
			return b.node(c, b.types.of(hir.Type{Kind: hir.Tensor, AnyDim: true,
				Device: b.deviceName(c.xs[1])}))
		},
		"Tensor::alloc": made, "Tensor::zeros": made, "Tensor::full": made, "Tensor::randn": made,
		"Tensor::uniform": made, "Tensor::iota": made, "Tensor::from": made,
		"assert_eq": (*body).sameTypes, "assert_close": (*body).sameTypes,
		"grad": (*body).gradCall, "value_and_grad": (*body).gradCall,
	}
}

func (b *body) sameTypes(c *intrinsic) hir.Expr {
	x, y := c.xs[0], c.xs[1]
	tx, ty := deref(x.Type()), deref(y.Type())
	if tx == integer && ty == float && b.isLit(x) {
		c.xs[0], tx = b.floatLit(x), float
	} else if tx == float && ty == integer && b.isLit(y) {
		c.xs[1], ty = b.floatLit(y), float
	}
	tensors := tx.Kind == hir.Tensor && ty.Kind == hir.Tensor && tensorFits(tx, ty) == ""
	if tx != ty && !tensors {
		b.errorf(diag.Mismatch, y.Span(), "%s compares two values of one type, not %s and %s",
			c.f.Name, String(tx), String(ty)).With(x.Span(), "%s", String(tx))
		return poisonAt(c.sp)
	}
	if c.f.Name == "assert_close" && tx != float && tx.Kind != hir.Tensor && tx.Kind != hir.Array {
		b.errorf(diag.Mismatch, x.Span(), "assert_close compares floats, not %s", String(tx)).
			Hint("write assert_eq")
		return poisonAt(c.sp)
	}
	return b.node(c, unit)
}

func (b *body) lenCall(c *intrinsic) hir.Expr {
	t := deref(c.xs[0].Type())
	if t.Kind != hir.Array && t != text {
		d := b.errorf(diag.Mismatch, c.xs[0].Span(), "len takes an array or a string, not %s",
			String(t))
		if t.Kind == hir.Tensor {
			d.Hint("write t.dim(0), or t.shape()")
		}
		return poisonAt(c.sp)
	}
	return b.node(c, integer)
}

func (b *body) toInt(c *intrinsic) hir.Expr {
	return b.convertCall(c, integer)
}

func (b *body) toFloat(c *intrinsic) hir.Expr {
	return b.convertCall(c, float)
}

func (b *body) convertCall(c *intrinsic, to *hir.Type) hir.Expr {
	x := b.read(c.xs[0])
	if t := x.Type(); t != integer && t != float && t != boolean {
		b.errorf(diag.Mismatch, x.Span(), "%s takes a number, not %s", String(to), String(t))
		return poisonAt(c.sp)
	}
	return b.castHost(x, to, c.sp)
}

// numberCall checks functions of numbers on the host.
func (b *body) numberCall(c *intrinsic) hir.Expr {
	name := c.f.Name
	for i, x := range c.xs {
		c.xs[i] = b.read(x)
	}
	intOK := name == "abs" || name == "max" || name == "min"
	if len(c.xs) == 2 {
		c.xs[0], c.xs[1] = b.balance(c.xs[0], c.xs[1])
	}
	if !intOK {
		for i, x := range c.xs {
			if b.isLit(x) {
				c.xs[i] = b.floatLit(x)
			}
		}
	}
	t := c.xs[0].Type()
	same := len(c.xs) == 1 || c.xs[1].Type() == t
	if same && (t == float || t == integer && intOK) {
		return b.node(c, t)
	}
	what := String(t)
	if len(c.xs) == 2 {
		what += " and " + String(c.xs[1].Type())
	}
	takes := "floats"
	if intOK {
		takes = "ints or floats"
	}
	d := b.errorf(diag.BadOperand, c.sp, "%s takes %s, not %s", name, takes, what)
	if t == integer || !same {
		d.Hint("convert with float(...) or int(...)")
	}
	return poisonAt(c.sp)
}

// deviceName is the capability of a device given to a constructor: the name of its binding.
func (b *body) deviceName(x hir.Expr) string {
	if l, ok := x.(*hir.Local); ok && !l.Var.Mutable {
		return l.Var.Name
	}
	return ""
}

// tensorMade is the type of a tensor that a constructor makes.
func (b *body) tensorMade(c *intrinsic) hir.Expr {
	t := hir.Type{Kind: hir.Tensor, Layout: tile.RowMajor}
	shape := 0
	if c.f.Name == "Tensor::from" {
		shape = 1
		if a := deref(c.xs[0].Type()); !numbersIn(a) {
			b.errorf(diag.Mismatch, c.xs[0].Span(),
				"a tensor is made from an array of numbers, not %s",
				String(a))
			return poisonAt(c.sp)
		}
	}
	for i, p := range c.f.Params {
		x := c.xs[i]
		switch {
		case x == nil:
		case p.Name == "elem":
			if v, ok := b.known(x); ok {
				t.Elem, _ = v.(tile.Elem)
			}
		case p.Name == "layout":
			t.Layout = tile.NoLayout
			if v, ok := b.known(x); ok {
				t.Layout, _ = v.(tile.Layout)
			}
		case p.Name == "device":
			t.Device = b.deviceName(x)
		case p.Name == "value":
			if b.isLit(x) {
				c.xs[i] = b.floatLit(x)
			} else if y := x.Type(); y == boolean && t.Elem == tile.Bool {
				c.xs[i] = b.castHost(x, integer, x.Span())
			} else if y != integer && y != float {
				b.errorf(diag.Mismatch, x.Span(), "a number is needed here, this is %s", String(y))
				return poisonAt(c.sp)
			}
		}
	}
	dims, any, ok := b.shapeOf(c.xs[shape])
	if !ok {
		return poisonAt(c.sp)
	}
	t.Dims, t.AnyDim = dims, any
	return b.node(c, b.types.of(t))
}

// numbersIn tells arrays of numbers, of whatever depth.
func numbersIn(t *hir.Type) bool {
	if t.Kind != hir.Array {
		return false
	}
	e := t.Args[0]
	return e == integer || e == float || e == boolean || numbersIn(e)
}

// shapeOf is what an array of dimensions tells: constants, symbols, or their number.
func (b *body) shapeOf(x hir.Expr) (dims []hir.Dim, any, ok bool) {
	lit, isLit := x.(*hir.ArrayOf)
	if !isLit || lit.Count != nil {
		return nil, true, true
	}
	if len(lit.Elems) == 0 {
		b.errorf(diag.TensorShape, x.Span(), "a tensor has at least 1 dimension")
		return nil, false, false
	}
	for _, e := range lit.Elems {
		d := unknown
		if n, known := b.knownInt(e); known {
			d = hir.Dim{Const: n}
			if n < 1 {
				b.errorf(diag.TensorShape, e.Span(), "a dimension is at least 1")
				return nil, false, false
			}
		} else if s, is := e.(*hir.DimOf); is {
			d = symbol(s.Sym)
		}
		dims = append(dims, d)
	}
	return dims, false, true
}

// gradCall is the type of a derivative. The function itself is derived later.
func (b *body) gradCall(c *intrinsic) hir.Expr {
	f := c.xs[0]
	t := f.Type()
	if t.Kind != hir.Func {
		b.errorf(diag.Mismatch, f.Span(), "%s takes a function, not %s", c.f.Name, String(t))
		return poisonAt(c.sp)
	}
	n := len(t.Args) - 1
	result := t.Args[n]
	one := result == float || result.Kind == hir.Tensor
	if !one || n == 0 {
		b.errorf(diag.GradShape, f.Span(), "only functions that give a float, or a tensor of one "+
			"element, have a derivative; this is %s", String(t))
		return poisonAt(c.sp)
	}
	wrt := []int{0}
	if c.xs[1] != nil {
		list, ok := c.xs[1].(*hir.ArrayOf)
		if !ok {
			b.notConst(c.xs[1].Span(), c.xs[1])
			return poisonAt(c.sp)
		}
		wrt = nil
		for _, e := range list.Elems {
			i, ok := b.knownInt(e)
			if !ok || i < 0 || i >= n {
				b.errorf(diag.GradShape, e.Span(), "parameters are numbered from 0 to %d", n-1)
				return poisonAt(c.sp)
			}
			wrt = append(wrt, i)
		}
	}
	var parts []*hir.Type
	for _, i := range wrt {
		p := deref(t.Args[i])
		if !differentiable(p) {
			b.errorf(diag.GradShape, f.Span(), "parameter %d is %s, which has no derivative", i,
				String(p))
			return poisonAt(c.sp)
		}
		parts = append(parts, p)
	}
	d := b.tupleOf(parts, len(parts) > 1)
	if c.f.Name == "value_and_grad" {
		d = b.types.tuple(result, d)
	}
	b.grads = true
	return b.node(c, b.types.function(t.Args[:n], d))
}

// differentiable tells floats, tensors and what is made of them.
func differentiable(t *hir.Type) bool {
	switch t.Kind {
	case hir.Float:
		return true
	case hir.Tensor:
		return t.Elem == tile.NoElem || isFloat(t.Elem)
	case hir.Struct:
		for _, f := range t.Def.Fields {
			if !differentiable(f.Type) {
				return false
			}
		}
		return true
	case hir.Array:
		return differentiable(t.Args[0])
	case hir.Tuple:
		for _, a := range t.Args {
			if !differentiable(a) {
				return false
			}
		}
		return true
	}
	return false
}
