package check

import (
	"path"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/std"
	"tensoros/neurolang/syntax"
)

// module is one file.
type module struct {
	name    string // its path
	file    *syntax.File
	scope   *scope
	user    bool // not of the library
	loading bool
	tool    *Object
}

// library loads what is in scope everywhere.
func (c *checker) library() {
	c.prelude = c.embedded("std.prelude")
}

// operators is the module of what operators on tensors mean, loaded when it is needed.
func (c *checker) operators() *module {
	if c.ops == nil {
		c.ops = c.embedded("std.ops")
	}
	return c.ops
}

// embedded loads a module of the library; nil if there is none.
func (c *checker) embedded(dotted string) *module {
	name := "<" + dotted + ">"
	if m := c.mods[name]; m != nil {
		return m
	}
	src, ok := std.Read(dotted)
	if !ok {
		return nil
	}
	m := &module{name: name, scope: newScope(nil)}
	if c.prelude != nil {
		m.scope.parent = c.prelude.scope
	}
	c.mods[name] = m
	c.parse(m, src)
	return m
}

func (c *checker) parse(m *module, src []byte) {
	m.file, _ = syntax.Parse(c.set.Add(m.name, src), syntax.Items, c.errs)
	c.declare(m)
}

// declare puts a module's items and imports into its scope.
func (c *checker) declare(m *module) {
	m.loading = true
	if m.file.Lost {
		c.lost[m.file.Source] = true
	}
	seen := map[string]source.Span{}
	for _, i := range m.file.Imports {
		c.importDecl(m, i, seen)
	}
	for _, it := range m.file.Items {
		c.item(m, m.scope, it, seen)
	}
	m.loading = false
	c.order = append(c.order, m)
}

// importDecl loads what an import names and binds it.
func (c *checker) importDecl(m *module, d *syntax.Import, seen map[string]source.Span) {
	to := c.load(m, d)
	last := d.Path[len(d.Path)-1]
	bind := &syntax.Name{Text: strings.TrimSuffix(path.Base(last.Text), ".nl")}
	if d.As != nil {
		bind = d.As
	}
	if to == nil {
		// What it would have brought is poisoned, not unknown.
		names := []*syntax.Name{bind}
		if d.Names != nil {
			names = d.Names
		}
		for _, n := range names {
			m.scope.put(n.Text, &typeParam{name: n.Text, typ: invalid})
		}
		return
	}
	o := &moduleObj{mod: to, tool: to.tool}
	c.info.use(last.Span(), to.tool)
	if d.Names == nil {
		c.fresh(m.scope, seen, bind.Text, d.Span())
		m.scope.put(bind.Text, o)
	}
	for _, n := range d.Names {
		if x := c.exported(to, n); x != nil {
			c.fresh(m.scope, seen, n.Text, n.Span())
			m.scope.put(n.Text, x)
		}
	}
}

// load finds and loads a module; nil after an error.
func (c *checker) load(m *module, d *syntax.Import) *module {
	var parts []string
	for _, n := range d.Path {
		parts = append(parts, n.Text)
	}
	dotted := strings.Join(parts, ".")
	if !d.Quoted {
		if to := c.embedded(dotted); to != nil {
			return c.loaded(to, d)
		}
	}
	file := path.Join(path.Dir(m.name), strings.Join(parts, "/")+".nl")
	if d.Quoted {
		file = path.Join(path.Dir(m.name), dotted)
	}
	if to := c.mods[file]; to != nil {
		return c.loaded(to, d)
	}
	at := d.Path[0].Span().To(d.Path[len(d.Path)-1].Span())
	if c.opt.Load == nil {
		c.noModule(at, dotted, "only the library can be imported here")
		return nil
	}
	src, err := c.opt.Load(file)
	if err != nil {
		c.noModule(at, dotted, "no "+file+" beside this file")
		return nil
	}
	to := &module{name: file, scope: newScope(c.prelude.scope), user: true}
	c.mods[file] = to
	c.parse(to, src)
	return c.loaded(to, d)
}

func (c *checker) noModule(at source.Span, name, why string) {
	d := c.errorf(diag.NoModule, at, "there is no module %s", name).Note("%s", why)
	if near := nearest(name, std.Names()); near != "" {
		d.Hint("did you mean %s?", near).Replace(at, near, "import "+near)
	} else {
		d.Hint("the library has %s", strings.Join(std.Names(), ", "))
	}
}

func (c *checker) loaded(to *module, d *syntax.Import) *module {
	if to.loading {
		c.errorf(diag.ImportCycle, d.Span(), "%s imports itself, by way of others",
			strings.Trim(to.name, "<>")).
			Hint("move what both need into a module of its own")
		return nil
	}
	if to.tool == nil {
		at := source.Span{Pos: to.file.Source.Base, End: to.file.Source.Base}
		to.tool = c.info.define(Object{Kind: "module", Name: strings.Trim(to.name, "<>"), At: at,
			Doc: to.file.Doc})
	}
	return to
}

// exported finds a public item of a module; nil after an error.
func (c *checker) exported(m *module, n *syntax.Name) any {
	if n.Text == "" {
		return nil
	}
	o, ok := m.scope.names[n.Text]
	if !ok {
		d := c.errorf(diag.UnknownMember, n.Span(), "module %s has no %s",
			strings.Trim(m.name, "<>"), n.Text)
		names := (&scope{names: m.scope.names}).all()
		if near := nearest(n.Text, names); near != "" {
			d.Hint("did you mean %s?", near).Replace(n.Span(), near, "write "+near)
		}
		return nil
	}
	at, pub := c.place(o)
	if !pub {
		c.errorf(diag.Private, n.Span(), "%s is private to module %s", n.Text,
			strings.Trim(m.name, "<>")).
			With(at, "defined here without pub").Hint("write pub before it")
	}
	c.info.use(n.Span(), tool(o))
	return o
}

// place tells where an object is defined and whether other modules may use it.
func (c *checker) place(o any) (at source.Span, pub bool) {
	switch o := o.(type) {
	case *fnObj:
		return o.decl.Name.Span(), o.decl.Pub
	case *defObj:
		if o.strct != nil {
			return o.name.Span(), o.strct.Pub
		}
		return o.name.Span(), o.enum.Pub
	case *constObj:
		return o.decl.Name.Span(), o.decl.Pub
	case *aliasObj:
		return o.decl.Name.Span(), o.decl.Pub
	case *traitObj:
		return o.decl.Name.Span(), o.decl.Pub
	case *local:
		return o.v.At, true
	case *variantObj:
		return o.def.enum.Variants[o.index].Name.Span(), true
	case *typeParam:
		return o.at, o.typ == invalid
	case *constParam:
		return o.at, false
	case *dimParam:
		return o.at, false
	}
	return source.Span{}, false
}

func tool(o any) *Object {
	switch o := o.(type) {
	case *fnObj:
		return o.tool
	case *defObj:
		return o.tool
	case *constObj:
		return o.tool
	case *aliasObj:
		return o.tool
	case *traitObj:
		return o.tool
	case *local:
		return o.tool
	case *variantObj:
		return o.tool
	case *moduleObj:
		return o.tool
	}
	return nil
}

// fresh reports a name that is defined already in this file.
func (c *checker) fresh(s *scope, seen map[string]source.Span, name string, at source.Span) {
	if old, ok := seen[name]; ok && name != "" {
		c.errorf(diag.Redeclared, at, "%s is defined twice", name).With(old, "first here").
			Hint("give one of them another name")
	}
	seen[name] = at
}
