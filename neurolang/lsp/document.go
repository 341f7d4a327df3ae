package lsp

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"tensoros/neurolang/check"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

// document is an open text and what is known of it.
type document struct {
	uri     string
	version int
	text    []byte
	checked bool
	set     *source.Set
	file    *source.File
	tree    *syntax.File
	info    *check.Info
	found   []diag.Diagnostic
}

func (d *document) check(opt check.Options) {
	errs := &diag.List{}
	d.set = &source.Set{}
	d.file = d.set.Add(filePath(d.uri), d.text)
	d.tree, _ = syntax.Parse(d.file, syntax.Items, errs)
	_, d.info = check.Program(d.set, d.tree, errs, opt)
	d.found = errs.Sorted()
	d.checked = true
}

// filePath returns the path that a URI names; other schemes stay as they are.
func filePath(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return uri
	}
	return u.Path
}

func fileURI(path string) string {
	if !strings.HasPrefix(path, "/") {
		return path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// offset returns the byte that a position names, clamped to the text.
func offset(text []byte, p Position) int {
	at := 0
	for range p.Line {
		i := strings.IndexByte(string(text[at:]), '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	for units := 0; units < p.Character && at < len(text) && text[at] != '\n'; {
		r, n := utf8.DecodeRune(text[at:])
		units += width(r)
		at += n
	}
	return at
}

// width is the number of UTF-16 units of a rune.
func width(r rune) int {
	if r >= 0x10000 {
		return 2
	}
	return 1
}

// position names a byte of a text.
func position(text []byte, at int) Position {
	before := string(text[:min(at, len(text))])
	p := Position{Line: strings.Count(before, "\n")}
	for _, r := range before[strings.LastIndexByte(before, '\n')+1:] {
		p.Character += width(r)
	}
	return p
}

// pos is the place of a position in the checker's terms.
func (d *document) pos(p Position) source.Pos { return d.file.Pos(offset(d.text, p)) }

// rangeOf is the range of a span in the file it lies in.
func (d *document) rangeOf(s source.Span) Range {
	f := d.set.File(s.Pos)
	if f == nil {
		f = d.file
	}
	return Range{position(f.Src, f.Offset(s.Pos)), position(f.Src, f.Offset(s.End))}
}

// location is where a span lies. Texts of the library have names in angle brackets: no file.
func (d *document) location(s source.Span) (Location, bool) {
	f := d.set.File(s.Pos)
	if f == nil || strings.HasPrefix(f.Name, "<") {
		return Location{}, false
	}
	uri := fileURI(f.Name)
	if f == d.file {
		uri = d.uri
	}
	return Location{uri, d.rangeOf(s)}, true
}

// here tells whether a span lies in the document itself.
func (d *document) here(s source.Span) bool { return d.set.File(s.Pos) == d.file }

// findings are the diagnostics of this document, in the protocol's form.
func (d *document) findings() []Diagnostic {
	out := []Diagnostic{}
	for _, f := range d.found {
		if !d.here(f.Primary.Span) {
			continue
		}
		text := f.Message
		if f.Primary.Text != "" {
			text += "\n" + f.Primary.Text
		}
		for _, n := range f.Notes {
			text += "\nnote: " + n
		}
		if f.Help != "" {
			text += "\nhelp: " + f.Help
		}
		x := Diagnostic{Range: d.rangeOf(f.Primary.Span), Severity: 1 + int(f.Severity),
			Code: string(f.Code), Source: "neuro-lang", Message: text}
		for _, l := range f.Secondary {
			if at, ok := d.location(l.Span); ok {
				x.Related = append(x.Related, relatedInfo{at, l.Text})
			}
		}
		out = append(out, x)
	}
	return out
}
