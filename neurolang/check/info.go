package check

import (
	"cmp"
	"slices"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/source"
)

// Object is something with a name, for tools.
type Object struct {
	// Kind: fn, kernel, method, struct, enum, variant, field, trait, const, type, module, var,
	// param, dim, builtin.
	Kind   string
	Name   string
	At     source.Span // of the name where it is defined; not valid for what the language provides
	Doc    string
	Detail string // its signature or type, as text
	Type   *hir.Type
	Refs   []source.Span // uses, without the definition
	Scope  source.Span   // of variables: where they can be seen
}

// Info answers questions about checked text. What stands in generic functions is known from the
// instance that was checked last.
type Info struct {
	Objects []*Object
	defs    map[source.Span]*Object
	uses    map[source.Span]*Object
	types   map[source.Span]*hir.Type
	members map[string][]*Object
}

func newInfo() *Info {
	return &Info{defs: map[source.Span]*Object{}, uses: map[source.Span]*Object{},
		types: map[source.Span]*hir.Type{}, members: map[string][]*Object{}}
}

// define makes an object for a name; the same place gives the same object.
func (in *Info) define(o Object) *Object {
	if old, ok := in.defs[o.At]; ok && o.At.IsValid() {
		if o.Type != nil {
			old.Type, old.Detail = o.Type, o.Detail
		}
		return old
	}
	p := &o
	in.Objects = append(in.Objects, p)
	if o.At.IsValid() {
		in.defs[o.At] = p
	}
	return p
}

// use notes that a name at a place means an object.
func (in *Info) use(at source.Span, o *Object) {
	if o == nil || !at.IsValid() || in.uses[at] == o {
		return
	}
	if _, seen := in.uses[at]; !seen {
		o.Refs = append(o.Refs, at)
	}
	in.uses[at] = o
}

// ObjectAt returns the object whose name stands at p, and the name's place; nil if there is none.
func (in *Info) ObjectAt(p source.Pos) (*Object, source.Span) {
	for _, m := range []map[source.Span]*Object{in.defs, in.uses} {
		best := source.Span{}
		for s := range m {
			if s.Pos <= p && p <= s.End && (!best.IsValid() || s.End-s.Pos < best.End-best.Pos ||
				s.End-s.Pos == best.End-best.Pos && s.Pos > best.Pos) {
				best = s
			}
		}
		if best.IsValid() {
			return m[best], best
		}
	}
	return nil, source.Span{}
}

// TypeAt returns the type of the smallest expression at p and its place; nil if there is none.
func (in *Info) TypeAt(p source.Pos) (*hir.Type, source.Span) {
	best := source.Span{}
	for s := range in.types {
		if s.Pos <= p && p < s.End && (!best.IsValid() || s.End-s.Pos < best.End-best.Pos) {
			best = s
		}
	}
	if !best.IsValid() {
		return nil, best
	}
	return in.types[best], best
}

// TypeOf returns the type of the expression that a span covers; nil if there is none.
func (in *Info) TypeOf(s source.Span) *hir.Type { return in.types[s] }

// Visible returns what can be named at p: variables whose scope holds p, and all items.
func (in *Info) Visible(p source.Pos) (out []*Object) {
	for _, o := range in.Objects {
		local := o.Scope.IsValid()
		if o.Kind == "field" || o.Kind == "method" || local && (p < o.Scope.Pos ||
			p > o.Scope.End) {
			continue
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b *Object) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Members returns the fields and methods of a type.
func (in *Info) Members(t *hir.Type) []*Object {
	t = deref(t)
	if t.Def == nil {
		return in.members[basicNames[t.Kind]]
	}
	return in.members[baseName(t.Def.Name)]
}

// member notes a member of a type.
func (in *Info) member(of string, o *Object) {
	if !slices.Contains(in.members[of], o) {
		in.members[of] = append(in.members[of], o)
	}
}

func baseName(name string) string {
	for i := range name {
		if name[i] == '<' {
			return name[:i]
		}
	}
	return name
}
