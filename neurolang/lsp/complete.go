package lsp

import (
	"tensoros/neurolang/builtin"
	"tensoros/neurolang/check"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
)

// attributes are those that may stand before an item.
var attributes = []string{"kernel", "test", "deterministic", "vjp", "graph", "budget", "proved",
	"warps", "allow", "autotune"}

// complete lists what may stand at a place: members behind a dot or ::, attributes behind @, else
// names, functions of the language, words and element types.
func (s *Server) complete(d *document, p *positionParams) (any, error) {
	s.check(d)
	at := d.pos(p.Position)
	before, recv := d.before(at)
	switch before {
	case syntax.Dot:
		return d.members(recv), nil
	case syntax.PathSep:
		return d.path(recv), nil
	case syntax.At:
		var out []completionItem
		for _, a := range attributes {
			out = append(out, completionItem{Label: a, Kind: completionKinds["keyword"]})
		}
		return out, nil
	}
	out := []completionItem{}
	seen := map[string]bool{}
	add := func(i completionItem) {
		if !seen[i.Label] {
			seen[i.Label] = true
			out = append(out, i)
		}
	}
	for _, o := range d.info.Visible(at) {
		add(item(o))
	}
	for _, n := range builtin.Free(builtin.Both) {
		add(function(n, builtin.Find(n)))
	}
	for _, k := range syntax.Keywords() {
		add(completionItem{Label: k, Kind: completionKinds["keyword"]})
	}
	for _, e := range tile.ElemNames() {
		add(completionItem{Label: e, Kind: completionKinds["type"], Detail: "element type"})
	}
	return out, nil
}

func item(o *check.Object) completionItem {
	i := completionItem{Label: o.Name, Kind: completionKinds[o.Kind], Detail: o.Detail}
	if o.Doc != "" {
		i.Documentation = &markup{"markdown", o.Doc}
	}
	return i
}

func function(label string, f *builtin.Func) completionItem {
	i := completionItem{Label: label, Kind: completionKinds["fn"]}
	if f != nil {
		i.Detail, i.Documentation = f.Signature(), &markup{"markdown", f.Doc}
	}
	return i
}

// before is the token in front of the word at a place, and the one before that.
func (d *document) before(at source.Pos) (kind syntax.Kind, recv syntax.Token) {
	var last [2]syntax.Token
	for _, t := range d.tree.Tokens {
		if t.Kind.IsTrivia() {
			continue
		}
		if t.Pos >= at || t.End >= at && t.Kind == syntax.Ident {
			break
		}
		last[0], last[1] = last[1], t
	}
	return last[1].Kind, last[0]
}

// members are those of the value that ends with a token.
func (d *document) members(recv syntax.Token) []completionItem {
	out := []completionItem{}
	t, _ := d.info.TypeAt(recv.Pos)
	if o, _ := d.info.ObjectAt(recv.Pos); o != nil && o.Type != nil {
		t = o.Type
	}
	if t == nil {
		return out
	}
	for _, o := range d.info.Members(t) {
		out = append(out, item(o))
	}
	for _, n := range builtin.Methods(check.Receiver(t)) {
		out = append(out, function(n, builtin.Find(check.Receiver(t)+"."+n)))
	}
	return out
}

// path lists what a module or a type offers behind ::.
func (d *document) path(recv syntax.Token) []completionItem {
	out := []completionItem{}
	name := d.word(recv.Span)
	for _, n := range builtin.Members(name) {
		out = append(out, function(n, builtin.Find(name+"::"+n)))
	}
	if name == "Layout" {
		out = append(out, completionItem{Label: "RowMajor", Kind: completionKinds["variant"]},
			completionItem{Label: "ColMajor", Kind: completionKinds["variant"]})
	}
	if o, _ := d.info.ObjectAt(recv.Pos); o != nil {
		for _, m := range d.info.Exports(o) {
			out = append(out, item(m))
		}
	}
	return out
}
