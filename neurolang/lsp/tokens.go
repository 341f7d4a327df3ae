package lsp

import (
	"slices"
	"strings"

	"tensoros/neurolang/syntax"
)

// kinds of names, as semantic tokens call them.
var nameTokens = map[string]string{"fn": "function", "kernel": "function", "builtin": "function",
	"method": "function", "struct": "type", "enum": "type", "trait": "type", "type": "type",
	"variant": "enumMember", "field": "property", "const": "variable", "module": "namespace",
	"var": "variable", "param": "parameter", "dim": "variable"}

// tokens colours a document: five numbers a token, relative to the one before (LSP 3.17,
// textDocument/semanticTokens).
func (s *Server) tokens(d *document, _ *rangeParams) (any, error) {
	s.check(d)
	data := []int{}
	last := Position{}
	before := syntax.EOF
	for _, t := range d.tree.Tokens {
		kind := d.tokenType(t, before)
		if !t.Kind.IsTrivia() {
			before = t.Kind
		}
		if kind == "" {
			continue
		}
		number := slices.Index(tokenTypes, kind)
		at := d.rangeOf(t.Span).Start
		// A token of several lines is one for each.
		for i, line := range strings.Split(d.word(t.Span), "\n") {
			if i > 0 {
				at = Position{Line: at.Line + 1}
			}
			length := 0
			for _, r := range strings.TrimSuffix(line, "\r") {
				length += width(r)
			}
			if length == 0 {
				continue
			}
			column := at.Character
			if at.Line == last.Line {
				column -= last.Character
			}
			data = append(data, at.Line-last.Line, column, length, number, 0)
			last = at
		}
	}
	return map[string][]int{"data": data}, nil
}

func (d *document) tokenType(t syntax.Token, before syntax.Kind) string {
	switch k := t.Kind; {
	case k == syntax.Comment:
		return "comment"
	case k == syntax.String || k == syntax.FString:
		return "string"
	case k == syntax.Int || k == syntax.Float:
		return "number"
	case k.IsKeyword():
		return "keyword"
	case k >= syntax.Assign && k <= syntax.OrOr:
		return "operator"
	case k != syntax.Ident:
		return ""
	}
	if before == syntax.At {
		return "decorator"
	}
	if o, _ := d.info.ObjectAt(t.Pos); o != nil {
		return nameTokens[o.Kind]
	}
	if f, _ := d.builtinAt(t.Pos); f != nil {
		return "function"
	}
	return "variable"
}
