package doc

import (
	"fmt"
	"io"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// Item is a documented item of a file.
type Item struct {
	Name      string
	Kind      string // fn, kernel, struct, enum, trait, const, type
	Signature string // its text without the body
	Doc       string
	Line      int // of its name
	Public    bool
}

// Items lists the items of a file, in order.
func Items(f *syntax.File) []Item {
	var out []Item
	for _, it := range f.Items {
		h := it.Head()
		if h.Name == nil || h.Name.Text == "" {
			continue
		}
		kind, end := describe(it)
		at := f.Source.Position(h.Name.Span().Pos)
		from := f.Source.Offset(h.Span().Pos)
		text := string(f.Source.Src[from:max(from, f.Source.Offset(end))])
		out = append(out, Item{h.Name.Text, kind, strings.TrimSpace(text), h.Doc, at.Line, h.Pub})
	}
	return out
}

// describe gives the kind of an item and where its signature ends.
func describe(it syntax.Item) (kind string, end source.Pos) {
	end = it.Span().End
	switch it := it.(type) {
	case *syntax.FnDecl:
		kind = "fn"
		for _, a := range it.Attrs {
			if a.Name.Text == "kernel" {
				kind = "kernel"
			}
		}
		if it.Body != nil {
			end = it.Body.Span().Pos
		}
	case *syntax.StructDecl:
		kind = "struct"
	case *syntax.EnumDecl:
		kind = "enum"
	case *syntax.TraitDecl:
		kind = "trait"
	case *syntax.ConstDecl:
		kind = "const"
	case *syntax.AliasDecl:
		kind = "type"
	}
	return kind, end
}

// Write writes a page about a file: what it says of itself, then its public items, or all if none
// is.
func Write(w io.Writer, title string, f *syntax.File) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", title)
	if f.Doc != "" {
		fmt.Fprintf(&b, "\n%s\n", f.Doc)
	}
	items := Items(f)
	public := false
	for _, i := range items {
		public = public || i.Public
	}
	for _, i := range items {
		if public && !i.Public {
			continue
		}
		fmt.Fprintf(&b, "\n## %s %s\n\n```neuro\n%s\n```\n", i.Kind, i.Name, i.Signature)
		if i.Doc != "" {
			fmt.Fprintf(&b, "\n%s\n", i.Doc)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Parse reads a source text; faults are not reported.
func Parse(src []byte) *syntax.File {
	f, _ := syntax.Parse((&source.Set{}).Add("", src), syntax.Items, &diag.List{})
	return f
}
