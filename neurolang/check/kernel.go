package check

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// axisUse is a name in by [...] or over [...].
type axisUse struct {
	name  string
	at    source.Span
	axis  int
	block int
	index bool
}

// kernelSig resolves a kernel's parameters, results and grid.
func (c *checker) kernelSig(in *instance) {
	d := in.fn.decl
	k := &hir.Kernel{At: d.Name.Span(), Source: withArgs(d.Name.Text, in.args)}
	in.kern = k
	b := c.newBody(in)
	var types []*hir.Type
	for _, p := range d.Params {
		t := c.typ(p.Type, in.sc, true)
		types = append(types, t)
		k.Lifted = k.Lifted || t.Kind == hir.Tile && in.by(d) == nil
	}
	for i, p := range d.Params {
		t := c.kernelParam(in, p, types[i])
		v := &hir.Var{Name: p.Name.Text, Type: t, At: p.Name.Span()}
		b.param(p, v)
		k.Params = append(k.Params, v)
		k.Parts = append(k.Parts, nil)
		if p.Default != nil && t.Kind != hir.Scalar && !bad(t) {
			c.errorf(diag.KernelType, p.Default.Span(), "only numbers have defaults in kernels")
		}
	}
	ok := true
	if k.Lifted {
		ok = c.liftedResult(in)
	} else {
		for i, p := range d.Params {
			if p.By != nil && bad(k.Params[i].Type) {
				defer c.poisonAxes(in, p.By.Parts)
			}
			if p.By != nil && !bad(k.Params[i].Type) {
				k.Parts[i] = c.partition(in, k.Params[i].Type, p.By)
			}
		}
		ok = c.kernelResults(in)
		for _, p := range d.Over {
			c.overAxis(in, p)
		}
		c.emptyGrid(in)
	}
	for _, a := range d.Attrs {
		if a.Name.Text == "graph" || a.Name.Text == "test" {
			c.errorf(diag.UnknownAttr, a.Span(), "@%s belongs to host functions", a.Name.Text)
		}
	}
	if d.Name.Text == "main" {
		c.checkMain(in)
	}
	in.dims()
	if !ok {
		in.result = invalid
	}
	k.Name = c.unique(c.ptxName(d, in.args))
	k.Attrs = c.attrsOf(d, in.sc)
	if !in.abstract {
		c.prog.Kernels = append(c.prog.Kernels, k)
	}
}

// by finds a partition in a declaration.
func (in *instance) by(d *syntax.FnDecl) *syntax.By {
	for _, r := range d.Results {
		if r.By != nil {
			return r.By
		}
	}
	for _, p := range d.Params {
		if p.By != nil {
			return p.By
		}
	}
	return nil
}

// ptxName spells a name as PTX allows.
func (c *checker) ptxName(d *syntax.FnDecl, args []any) string {
	name := d.Name.Text
	for _, r := range name {
		if r > 127 {
			c.errorf(diag.KernelName, d.Name.Span(), "PTX has no name %s", name).
				Hint("name kernels with letters a to z, digits and _")
			break
		}
	}
	for _, a := range args {
		name += "_" + argString(a)
	}
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// kernelParam checks the type of a kernel's parameter.
func (c *checker) kernelParam(in *instance, p *syntax.Param, t *hir.Type) *hir.Type {
	if bad(t) {
		return t
	}
	d := deref(t)
	ok := t.Kind == hir.Scalar || d.Kind == hir.Tensor || in.kern.Lifted && t.Kind == hir.Tile
	if !ok {
		e := c.errorf(diag.KernelType, p.Type.Span(), "a kernel takes tensors and numbers, not %s",
			String(t))
		switch t.Kind {
		case hir.String, hir.Array, hir.Struct, hir.Enum:
			e.Hint("pass its numbers one by one, or a tensor")
		default:
			e.Hint("write for example %s: Tensor<[M, N], f16>", p.Name.Text)
		}
		return invalid
	}
	if d.Kind == hir.Tensor {
		if d.Elem == tile.NoElem && in.abstract {
			return invalid
		}
		if in.fn.decl.BadHead {
			return invalid
		}
		if d.AnyDim || d.Elem == tile.NoElem {
			c.errorf(diag.KernelType, p.Type.Span(), "a kernel must know %s's dimensions and element type",
				p.Name.Text).Hint("write for example Tensor<[M, N], f16>")
			return invalid
		}
		if slices.Contains(d.Dims, unknown) {
			c.errorf(diag.KernelType, p.Type.Span(), "each dimension of %s needs a name",
				p.Name.Text).Hint("write a name instead of _: a name that nothing else has is one more")
			return invalid
		}
		if p.By != nil && !(t.Kind == hir.Ref && t.Mut == hir.Exclusive) {
			c.errorf(diag.KernelType, p.By.Span(), "only what a kernel writes is cut: &mut Tensor<...>").
				Hint("write &mut before the type, or drop the by")
			return invalid
		}
		if t.Kind == hir.Ref && t.Mut == hir.Exclusive && p.By == nil {
			c.errorf(diag.KernelType, p.Type.Span(), "which part of %s does a program own?",
				p.Name.Text).Hint("say it: by [i: 64, ...], or take it as &atomic")
			return invalid
		}
		if t.Kind == hir.Ref && t.Mut == hir.Shared {
			return d // kernels borrow anyway
		}
	}
	return t
}

// kernelResults resolves the results and how they are cut.
func (c *checker) kernelResults(in *instance) bool {
	d, k := in.fn.decl, in.kern
	var parts []*hir.Type
	ok := true
	for _, r := range d.Results {
		t := c.typ(r.Type, in.sc, true)
		if r.By != nil {
			defer c.poisonAxes(in, r.By.Parts)
		}
		if bad(t) || in.abstract && t.Kind == hir.Tensor && t.Elem == tile.NoElem {
			ok = false
			continue
		}
		if t.Kind != hir.Tensor {
			e := c.errorf(diag.KernelType, r.Type.Span(), "a kernel returns tensors, not %s",
				String(t))
			if t.Kind == hir.Tile {
				e.Hint("the result is the whole tensor: Tensor<[M, N], %s> by [i: %d, ...]", t.Elem,
					t.Dims[0].Const)
			} else {
				e.Hint("declare the result, for example -> Tensor<[M, N], f32> by [i: 64, j: 64]")
			}
			ok = false
			continue
		}
		if r.By == nil {
			c.errorf(diag.KernelType, r.Type.Span(), "into what pieces is the result cut?").
				Hint("say it: by [i: 64, ...]; `..` is a whole dimension")
			ok = false
			continue
		}
		if t.AnyDim || t.Elem == tile.NoElem || slices.Contains(t.Dims, unknown) {
			c.errorf(diag.KernelType, r.Type.Span(),
				"a result's dimensions are numbers or names, and its element type is known")
			ok = false
			continue
		}
		for _, dim := range t.Dims {
			if dim.Sym != "" && !in.fromParams(dim.Sym) {
				c.errorf(diag.KernelType, r.Type.Span(), "no parameter says how large %s is",
					dim.Sym).
					Hint("name a dimension of a parameter")
				ok = false
			}
		}
		k.Results = append(k.Results, hir.Result{Type: t, Part: c.partition(in, t, r.By)})
		parts = append(parts, t)
	}
	if len(d.Results) == 0 && !slices.ContainsFunc(d.Params, func(p *syntax.Param) bool {
		r, ok := p.Type.(*syntax.RefType)
		return ok && (r.Mut || r.Atomic)
	}) && !d.Bad {
		c.errorf(diag.KernelType, d.Name.Span(),
			"a kernel returns a tensor, or changes a parameter").
			Hint("declare the result, for example -> Tensor<[M, N], f32> by [i: 64, j: 64]")
		ok = false
	}
	in.result = c.tupleOf(parts, d.Tuple && len(parts) != 1)
	if !ok {
		in.result = invalid
	}
	return ok
}

// fromParams tells whether a tensor parameter has a dimension of this name.
func (in *instance) fromParams(sym string) bool {
	for _, p := range in.kern.Params {
		if slices.Contains(deref(p.Type).Dims, symbol(sym)) || bad(p.Type) {
			return true
		}
	}
	return false
}

// partition resolves by [...] of a tensor.
func (c *checker) partition(in *instance, tensor *hir.Type, by *syntax.By) *hir.Part {
	dims := deref(tensor).Dims
	part := &hir.Part{}
	parts := by.Parts
	rest := slices.IndexFunc(parts, func(p *syntax.Part) bool { return p.Rest })
	n := len(parts)
	if rest >= 0 {
		n--
	}
	defer c.poisonAxes(in, parts)
	if in.fn.decl.BadHead && n != len(dims) {
		return nil
	}
	if n > len(dims) || rest < 0 && n != len(dims) {
		c.errorf(diag.BadPartition, by.Span(), "%s for %s", count(n, "piece"),
			count(len(dims), "dimension")).Label("of %s", String(deref(tensor))).
			Hint("`..` stands for the remaining dimensions, whole")
		return nil
	}
	d := 0
	ok := true
	many := len(dims) - n // dimensions of the first `..`; each other one is of one
	for _, p := range parts {
		if !p.Rest {
			axis := c.axis(in, p, dims[d])
			part.Axis = append(part.Axis, axis)
			ok = ok && axis >= 0
			d++
			continue
		}
		for range many {
			if !isConst(dims[d]) {
				c.errorf(diag.BadPartition, p.Span(),
					"%s is whole here, so the compiler must know it",
					dimString(dims[d])).Hint("make it a const parameter, or cut it: i: 128")
				ok = false
			}
			part.Axis = append(part.Axis, -1)
			d++
		}
		many = 1
	}
	if !ok {
		return nil
	}
	return part
}

// poisonAxes defines names of parts that failed, so that their uses are not reported.
func (c *checker) poisonAxes(in *instance, parts []*syntax.Part) {
	for _, p := range parts {
		if p.Name != nil && p.Name.Text != "" && in.body.scope.names[p.Name.Text] == nil {
			in.body.scope.put(p.Name.Text, &local{v: &hir.Var{Name: p.Name.Text, Type: invalid,
				At: p.Name.Span()}, home: in.body})
		}
	}
}

// axis finds or makes the axis of the grid that a part names; -1 after an error.
func (c *checker) axis(in *instance, p *syntax.Part, dim hir.Dim) int {
	k := in.kern
	u := axisUse{name: p.Name.Text, at: p.Name.Span(), block: 1, index: p.Block == nil}
	if u.name == "" {
		return -1
	}
	if p.Block != nil {
		v, ok := c.constOf(p.Block, in.sc)
		if !ok {
			return -1
		}
		n, isInt := v.(int64)
		if !isInt || n < 1 || n > maxSide {
			c.errorf(diag.BadPartition, p.Block.Span(), "a piece has 1 to %d elements, not %v",
				maxSide, v)
			return -1
		}
		u.block = int(n)
	}
	if p.In != nil {
		in2, ok := c.axisDim(in, p.In)
		if !ok {
			return -1
		}
		dim = in2
	}
	for _, old := range in.parts {
		if old.name != u.name {
			continue
		}
		a := k.Axes[old.axis]
		if p.Block == nil { // named before: the same pieces
			u.block, u.index = old.block, old.index
		}
		if old.block != u.block || old.index != u.index || a.Dim != dim && p.In == nil {
			c.errorf(diag.BadPartition, u.at, "%s is %s of %s here and %s of %s before", u.name,
				pieces(u), dimString(dim), pieces(old), dimString(a.Dim)).
				With(old.at, "first here").
				Hint("equal names are one axis: give this one another name")
			return -1
		}
		return old.axis
	}
	u.axis = len(k.Axes)
	c.newAxis(in, u, dim)
	return u.axis
}

func pieces(u axisUse) string {
	if u.index {
		return "one index"
	}
	return fmt.Sprintf("pieces of %d", u.block)
}

// newAxis puts the variable of an axis into scope.
func (c *checker) newAxis(in *instance, u axisUse, dim hir.Dim) {
	t := c.types.span(u.block)
	if u.index {
		t = c.types.scalar(tile.I32)
	}
	v := &hir.Var{Name: u.name, Type: t, At: u.at}
	b := in.body
	if old, ok := b.scope.names[u.name]; ok {
		at, _ := c.place(old)
		c.errorf(diag.Redeclared, u.at, "%s is defined twice", u.name).With(at, "first here")
	}
	o := c.info.define(Object{Kind: "var", Name: u.name, At: u.at, Type: t,
		Detail: "axis " + u.name + ": " + String(t), Scope: in.fn.decl.Span()})
	b.scope.put(u.name, &local{v: v, tool: o, home: b, part: u.axis + 1})
	c.extents[v] = dim
	in.kern.Axes = append(in.kern.Axes, hir.Axis{Name: u.name, Dim: dim, Block: u.block,
		Index: u.index, Var: v})
	in.parts = append(in.parts, u)
}

// axisDim resolves `in E`.
func (c *checker) axisDim(in *instance, e syntax.Expr) (hir.Dim, bool) {
	if p, ok := e.(*syntax.PathExpr); ok && len(p.Parts) == 1 {
		if o, ok := in.sc.lookup(p.Parts[0].Text).(*dimParam); ok {
			c.info.use(p.Span(), o.object(c))
			return symbol(o.name), true
		}
	}
	v, ok := c.constOf(e, in.sc)
	if !ok {
		return unknown, false
	}
	n, isInt := v.(int64)
	if !isInt || n < 1 || n >= 1<<31 {
		c.errorf(diag.BadPartition, e.Span(), "an axis runs over 1 or more")
		return unknown, false
	}
	return hir.Dim{Const: int(n)}, true
}

func (c *checker) overAxis(in *instance, p *syntax.Part) {
	if p.Rest || p.In == nil {
		c.errorf(diag.BadPartition, p.Span(), "an axis of the grid needs its extent: name in E")
		return
	}
	c.axis(in, p, unknown)
}

func (c *checker) emptyGrid(in *instance) {
	k := in.kern
	if len(k.Axes) > 0 || in.result == invalid || len(in.fn.decl.Over) > 0 {
		return
	}
	for _, p := range k.Params {
		if bad(p.Type) {
			return
		}
	}
	hasPart := len(k.Results) > 0
	for _, p := range k.Parts {
		hasPart = hasPart || p != nil
	}
	if !hasPart {
		c.errorf(diag.BadPartition, in.fn.decl.Name.Span(),
			"over what do this kernel's programs run?").
			Hint("declare the grid: over [i in N]")
	}
}

// dims lists the symbols of the tensors' shapes.
func (in *instance) dims() {
	k := in.kern
	add := func(t *hir.Type) {
		for _, d := range deref(t).Dims {
			if d.Sym != "" && !slices.Contains(k.Dims, d.Sym) {
				k.Dims = append(k.Dims, d.Sym)
			}
		}
	}
	for _, p := range k.Params {
		add(p.Type)
	}
	for _, r := range k.Results {
		add(r.Type)
	}
}

// liftedResult resolves the result of a lifted kernel, which is written as a tile.
func (c *checker) liftedResult(in *instance) bool {
	d, k := in.fn.decl, in.kern
	if len(d.Results) != 1 {
		if !d.Bad {
			c.errorf(diag.KernelType, d.Name.Span(), "a lifted kernel returns a tile").
				Hint("declare the result, for example -> Tile<128, 128, f32>")
		}
		in.result = invalid
		return false
	}
	t := c.typ(d.Results[0].Type, in.sc, true)
	if t.Kind != hir.Tile {
		if !bad(t) {
			c.errorf(diag.KernelType, d.Results[0].Type.Span(),
				"a lifted kernel returns a tile, not %s",
				String(t)).Hint("declare the result, for example -> Tile<128, 128, f32>")
		}
		in.result = invalid
		return false
	}
	for _, p := range k.Params {
		if p.Type.Kind == hir.Tile && len(p.Type.Dims) != 2 || len(t.Dims) != 2 {
			c.errorf(diag.KernelType, d.Name.Span(),
				"lifted kernels work on tiles of two dimensions").
				Hint("take tensors and cut the result: -> Tensor<[M, N], f32> by [i: 64, ..]")
			in.result = invalid
			return false
		}
	}
	in.result = t
	k.Results = []hir.Result{{Type: c.types.of(hir.Type{Kind: hir.Tensor, Elem: t.Elem,
		Dims: []hir.Dim{unknown, unknown}, Layout: t.Layout})}}
	return true
}

// kernelBody checks a kernel's body against the pieces of its results.
func (c *checker) kernelBody(in *instance) {
	b, d, k := in.body, in.fn.decl, in.kern
	if d.Body == nil || d.BadHead {
		if !d.Bad && !d.BadHead {
			c.errorf(diag.MissingReturn, d.Name.Span(), "%s has no body", d.Name.Text)
		}
		k.Body = &hir.Block{At: d.Span()}
		return
	}
	b.why = d.Name.Span()
	if len(d.Results) > 0 {
		b.why = d.Results[0].Type.Span()
		if by := d.Results[0].By; by != nil {
			b.why = b.why.To(by.Span())
		}
	}
	b.result = b.piece(k)
	if k.Lifted {
		b.result = in.result
	}
	k.Body = b.function(d.Body, d.Bad, d.Name.Text)
	b.tailReturn(k.Body)
	for i, p := range k.Parts {
		if p != nil && !writes(k.Body, k.Params[i]) && !c.errs.Failed() {
			c.errs.Warnf(diag.NeverWritten, d.Params[i].Name.Span(), "%s is never written",
				k.Params[i].Name).Hint("drop the &mut and the by")
		}
	}
}

// tailReturn turns a return at the end of a kernel into the value of its body.
func (b *body) tailReturn(blk *hir.Block) {
	n := len(blk.Stmts)
	if n == 0 {
		return
	}
	if r, ok := blk.Stmts[n-1].(*hir.Return); ok {
		blk.Stmts, blk.Value = blk.Stmts[:n-1], r.Value
	}
}

// piece is the type of what a program gives.
func (b *body) piece(k *hir.Kernel) *hir.Type {
	var parts []*hir.Type
	for _, r := range k.Results {
		if r.Part == nil {
			return invalid
		}
		parts = append(parts, b.cut(k, r.Type, r.Part))
	}
	if b.in.result == invalid {
		return invalid
	}
	if len(parts) == 0 {
		return unit
	}
	return b.tupleOf(parts, len(parts) > 1)
}

// cut is the tile of a tensor that a program owns.
func (b *body) cut(k *hir.Kernel, t *hir.Type, p *hir.Part) *hir.Type {
	var dims []int
	for i, a := range p.Axis {
		switch {
		case a < 0:
			dims = append(dims, deref(t).Dims[i].Const)
		case !k.Axes[a].Index:
			dims = append(dims, k.Axes[a].Block)
		}
	}
	if !b.sizeFits(dims) {
		b.errorf(diag.BadPartition, b.why, "a piece of %s has more than %d elements", times(dims),
			maxSide)
		return invalid
	}
	return b.types.tile(dims, deref(t).Elem)
}
