package lsp

import (
	"fmt"
	"regexp"
	"strings"

	"tensoros/neurolang/builtin"
	"tensoros/neurolang/check"
	"tensoros/neurolang/format"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

func markdown(code, doc string) markup {
	text := "```neuro\n" + code + "\n```"
	if doc != "" {
		text += "\n\n" + doc
	}
	return markup{"markdown", text}
}

// hover tells what stands at a place: its signature or type, its documentation, and of a kernel
// what it costs.
func (s *Server) hover(d *document, p *positionParams) (any, error) {
	s.check(d)
	at := d.pos(p.Position)
	if o, span := d.info.ObjectAt(at); o != nil {
		doc := o.Doc
		if o.Kind == "kernel" && s.opt.Cost != nil && d.here(o.At) {
			if cost := s.opt.Cost(d.text, o.Name); cost != "" {
				doc = strings.TrimSpace(doc + "\n\n" + cost)
			}
		}
		return hover{markdown(describe(o), doc), d.rangeOf(span)}, nil
	}
	if f, span := d.builtinAt(at); f != nil {
		return hover{markdown(f.Signature(), f.Doc), d.rangeOf(span)}, nil
	}
	if t, span := d.info.TypeAt(at); t != nil {
		return hover{markdown(check.String(t), ""), d.rangeOf(span)}, nil
	}
	return nil, nil
}

func describe(o *check.Object) string {
	if o.Detail == "" {
		return o.Kind + " " + o.Name
	}
	return o.Detail
}

// builtinAt finds the function of the language whose name stands at a place.
func (d *document) builtinAt(at source.Pos) (*builtin.Func, source.Span) {
	for _, t := range d.tree.Tokens {
		if t.Kind == syntax.Ident && t.Pos <= at && at <= t.End {
			return builtin.Find(d.word(t.Span)), t.Span
		}
	}
	return nil, source.Span{}
}

func (d *document) word(s source.Span) string {
	return string(d.text[d.file.Offset(s.Pos):d.file.Offset(s.End)])
}

func (s *Server) definition(d *document, p *positionParams) (any, error) {
	s.check(d)
	o, _ := d.info.ObjectAt(d.pos(p.Position))
	if o == nil || !o.At.IsValid() {
		return nil, nil
	}
	if at, ok := d.location(o.At); ok {
		return at, nil
	}
	return nil, nil
}

// places are all places of the name at a position, the definition first.
func (d *document) places(p Position, definition bool) []source.Span {
	o, _ := d.info.ObjectAt(d.pos(p))
	if o == nil {
		return nil
	}
	var out []source.Span
	if definition && o.At.IsValid() {
		out = append(out, o.At)
	}
	return append(out, o.Refs...)
}

func (s *Server) references(d *document, p *positionParams) (any, error) {
	s.check(d)
	out := []Location{}
	for _, r := range d.places(p.Position, p.Context.IncludeDeclaration) {
		if at, ok := d.location(r); ok {
			out = append(out, at)
		}
	}
	return out, nil
}

func (s *Server) highlight(d *document, p *positionParams) (any, error) {
	s.check(d)
	out := []map[string]Range{}
	for _, r := range d.places(p.Position, true) {
		if d.here(r) {
			out = append(out, map[string]Range{"range": d.rangeOf(r)})
		}
	}
	return out, nil
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (s *Server) prepareRename(d *document, p *positionParams) (any, error) {
	s.check(d)
	o, span := d.info.ObjectAt(d.pos(p.Position))
	if o == nil || !d.here(o.At) {
		return nil, nil
	}
	return d.rangeOf(span), nil
}

func (s *Server) rename(d *document, p *positionParams) (any, error) {
	s.check(d)
	o, _ := d.info.ObjectAt(d.pos(p.Position))
	switch {
	case o == nil:
		return nil, &rpcError{requestFailed, "there is no name here"}
	case !d.here(o.At):
		return nil, &rpcError{requestFailed, o.Name + " is not defined in this file"}
	case !identifier.MatchString(p.NewName) || isKeyword(p.NewName):
		return nil, &rpcError{invalidParams, fmt.Sprintf("%q is no name", p.NewName)}
	}
	edits := []TextEdit{}
	for _, r := range d.places(p.Position, true) {
		if d.here(r) && d.word(r) == o.Name {
			edits = append(edits, TextEdit{d.rangeOf(r), p.NewName})
		}
	}
	return workspaceEdit{map[string][]TextEdit{d.uri: edits}}, nil
}

func isKeyword(w string) bool {
	for _, k := range syntax.Keywords() {
		if k == w {
			return true
		}
	}
	return false
}

func (s *Server) format(d *document, _ *rangeParams) (any, error) {
	out, _, ds := format.Source(d.uri, d.text)
	if out == nil {
		return nil, &rpcError{requestFailed, "not formatted: " + ds[0].Message}
	}
	if string(out) == string(d.text) {
		return []TextEdit{}, nil
	}
	return []TextEdit{{Range{Position{}, position(d.text, len(d.text))}, string(out)}}, nil
}

func (s *Server) symbols(d *document, _ *rangeParams) (any, error) {
	s.check(d)
	out := []documentSymbol{}
	for _, it := range d.tree.Items {
		h := it.Head()
		kind := itemKind(it)
		name := kind
		at := it.Span()
		if h.Name != nil && h.Name.Text != "" {
			name, at = h.Name.Text, h.Name.Span()
		}
		out = append(out, documentSymbol{name, "", symbolKinds[kind], d.rangeOf(it.Span()),
			d.rangeOf(at)})
	}
	return out, nil
}

func itemKind(it syntax.Item) string {
	switch it.(type) {
	case *syntax.FnDecl:
		return "fn"
	case *syntax.StructDecl:
		return "struct"
	case *syntax.EnumDecl:
		return "enum"
	case *syntax.TraitDecl:
		return "trait"
	case *syntax.ImplDecl:
		return "impl"
	case *syntax.ConstDecl:
		return "const"
	}
	return "type"
}

// hints shows the types that lets and loops infer.
func (s *Server) hints(d *document, p *rangeParams) (any, error) {
	s.check(d)
	from, to := d.pos(p.Range.Start), d.pos(p.Range.End)
	out := []inlayHint{}
	written := d.annotated()
	for _, o := range d.info.Objects {
		if o.Kind != "var" || o.Type == nil || !d.here(o.At) || o.At.Pos < from || o.At.End > to ||
			written[o.At.Pos] {
			continue
		}
		out = append(out, inlayHint{Position: d.rangeOf(o.At).End,
			Label: ": " + check.String(o.Type),
			Kind:  1})
	}
	return out, nil
}

// annotated are the variables whose type is written beside them.
func (d *document) annotated() map[source.Pos]bool {
	m := map[source.Pos]bool{}
	syntax.Inspect(d.tree, func(n syntax.Node) {
		if l, ok := n.(*syntax.LetStmt); ok && l.Type != nil {
			m[l.Pattern.Span().Pos] = true
		}
	})
	return m
}

// actions offers the fixes of the diagnostics in a range.
func (s *Server) actions(d *document, p *rangeParams) (any, error) {
	s.check(d)
	from, to := d.pos(p.Range.Start), d.pos(p.Range.End)
	out := []codeAction{}
	for _, f := range d.found {
		if f.Primary.Span.Pos > to || f.Primary.Span.End < from || !d.here(f.Primary.Span) {
			continue
		}
		for _, x := range f.Fixes {
			if !d.here(x.Span) {
				continue
			}
			edit := []TextEdit{{d.rangeOf(x.Span), x.New}}
			out = append(out, codeAction{x.Title, "quickfix",
				workspaceEdit{map[string][]TextEdit{d.uri: edit}}})
		}
	}
	return out, nil
}
