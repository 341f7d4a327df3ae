package check

import (
	"slices"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// item declares one item in a scope.
func (c *checker) item(m *module, sc *scope, it syntax.Item, seen map[string]source.Span) {
	h := it.Head()
	c.attrs(it)
	if d, ok := it.(*syntax.ImplDecl); ok {
		c.impl(m, sc, d)
		return
	}
	if h.Name == nil || h.Name.Text == "" {
		if d, ok := it.(*syntax.FnDecl); ok {
			c.newFn(m, sc, d)
		}
		return
	}
	name := h.Name.Text
	def := func(kind string) *Object {
		return c.info.define(Object{Kind: kind, Name: name, At: h.Name.Span(), Doc: h.Doc,
			Detail: c.head(it)})
	}
	var o any
	switch d := it.(type) {
	case *syntax.FnDecl:
		fn := c.newFn(m, sc, d)
		kind := "fn"
		if fn.kernel {
			kind = "kernel"
		}
		fn.tool = def(kind)
		if old, ok := sc.names[name].(*fnObj); ok && !m.user {
			// Overloads, of the library only: in the order of the text.
			for old.next != nil {
				old = old.next
			}
			old.next = fn
			return
		}
		o = fn
	case *syntax.StructDecl:
		o = &defObj{name: d.Name, generics: d.Generics, strct: d, in: sc, tool: def("struct"),
			mod: m}
	case *syntax.EnumDecl:
		e := &defObj{name: d.Name, generics: d.Generics, enum: d, in: sc, tool: def("enum"), mod: m}
		o = e
		if m.name == "<std.prelude>" {
			for i, v := range d.Variants {
				sc.put(v.Name.Text, c.variant(e, i))
			}
		}
	case *syntax.TraitDecl:
		t := &traitObj{decl: d, in: sc, fns: map[string]*fnObj{}, tool: def("trait")}
		for _, f := range d.Fns {
			fn := c.newFn(m, sc, f)
			fn.trait, fn.used = t, true
			t.fns[f.Name.Text] = fn
		}
		o = t
	case *syntax.ConstDecl:
		o = &constObj{decl: d, in: sc, tool: def("const")}
	case *syntax.AliasDecl:
		o = &aliasObj{decl: d, in: sc, tool: def("type")}
	}
	c.fresh(sc, seen, name, h.Name.Span())
	sc.put(name, o)
}

func (c *checker) variant(e *defObj, i int) *variantObj {
	v := e.enum.Variants[i]
	return &variantObj{e, i, c.info.define(Object{Kind: "variant", Name: v.Name.Text,
		At: v.Name.Span(), Doc: v.Doc, Detail: e.name.Text + "::" + v.Name.Text})}
}

// head is the first line of an item, for tools.
func (c *checker) head(it syntax.Item) string {
	sp := it.Span()
	f := c.set.File(sp.Pos)
	if f == nil {
		return ""
	}
	text := string(f.Src[f.Offset(sp.Pos):f.Offset(sp.End)])
	if d, ok := it.(*syntax.FnDecl); ok {
		from := d.Name.Span().Pos - 3
		to := sp.End
		if d.Body != nil {
			to = d.Body.Span().Pos
		}
		text = string(f.Src[f.Offset(from):f.Offset(to)])
	} else if i := strings.IndexByte(text, '{'); i >= 0 {
		text = text[:i]
	}
	return strings.Join(strings.Fields(text), " ")
}

func (c *checker) newFn(m *module, sc *scope, d *syntax.FnDecl) *fnObj {
	fn := &fnObj{decl: d, in: sc, mod: m, id: len(c.fns),
		kernel: slices.ContainsFunc(d.Attrs,
			func(a *syntax.Attr) bool { return a.Name.Text == "kernel" })}
	c.fns = append(c.fns, fn)
	return fn
}

// impl declares an impl block.
func (c *checker) impl(m *module, sc *scope, d *syntax.ImplDecl) {
	im := &implObj{decl: d, in: sc, mod: m, fns: map[string]*fnObj{}}
	for _, f := range d.Fns {
		c.attrs(f)
		fn := c.newFn(m, sc, f)
		fn.impl = im
		fn.tool = c.info.define(Object{Kind: "method", Name: f.Name.Text, At: f.Name.Span(),
			Doc: f.Doc, Detail: c.head(f)})
		if t, ok := d.Type.(*syntax.PathType); ok {
			c.info.member(t.Parts[len(t.Parts)-1].Text, fn.tool)
		}
		if old := im.fns[f.Name.Text]; old != nil && f.Name.Text != "" {
			c.errorf(diag.Redeclared, f.Name.Span(), "%s is defined twice", f.Name.Text).
				With(old.decl.Name.Span(), "first here")
			continue
		}
		im.fns[f.Name.Text] = fn
	}
	c.impls = append(c.impls, im)
}

// attributes and where they may stand.
var attributes = map[string]string{
	"kernel": "fn", "test": "fn", "deterministic": "fn", "vjp": "fn", "graph": "fn",
	"budget": "fn", "warps": "fn", "proved": "fn", "allow": "fn", "autotune": "fn",
}

func (c *checker) attrs(it syntax.Item) {
	for _, a := range it.Head().Attrs {
		name := a.Name.Text
		if name == "" {
			continue
		}
		if _, ok := attributes[name]; !ok {
			d := c.errorf(diag.UnknownAttr, a.Name.Span(), "unknown attribute @%s", name)
			var names []string
			for k := range attributes {
				names = append(names, k)
			}
			slices.Sort(names)
			if near := nearest(name, names); near != "" {
				d.Hint("did you mean @%s?", near).Replace(a.Name.Span(), near, "write @"+near)
			} else {
				d.Hint("the attributes are @%s", strings.Join(names, " @"))
			}
			continue
		}
		if _, ok := it.(*syntax.FnDecl); !ok {
			c.errorf(diag.UnknownAttr, a.Span(), "@%s stands before functions only", name)
		}
	}
}
