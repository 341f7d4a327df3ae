package diag

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"tensoros/neurolang/source"
)

// Style chooses how Render writes.
type Style struct{ Color bool }

// ANSI colours (ECMA-48 SGR).
const (
	red, yellow, blue, bold, reset = "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[1m", "\x1b[0m"
)

const tabWidth = 4

// Bounds on what is shown: long lines are cut to a window around the span, and after so many
// diagnostics only their number is told.
const (
	windowColumns = 160
	renderMax     = 100
)

// Render writes diagnostics for a terminal: message, source lines with carets, notes, help.
func Render(w io.Writer, set *source.Set, ds []Diagnostic, style Style) error {
	var b bytes.Buffer
	for i := range ds[:min(len(ds), renderMax)] {
		if i > 0 {
			b.WriteByte('\n')
		}
		renderOne(&b, set, &ds[i], style)
	}
	if n := len(ds) - renderMax; n > 0 {
		fmt.Fprintf(&b, "\nand %d more\n", n)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func renderOne(b *bytes.Buffer, set *source.Set, d *Diagnostic, style Style) {
	tint := red
	if d.Severity == Warning {
		tint = yellow
	}
	fmt.Fprintf(b, "%s: %s\n", style.paint(tint+bold, fmt.Sprintf("%s[%s]", d.Severity, d.Code)),
		style.paint(bold, d.Message))
	labels := append([]Label{d.Primary}, d.Secondary...)
	gutter := 1
	for _, l := range labels {
		gutter = max(gutter, len(fmt.Sprint(set.Position(l.Span.Pos).Line)))
	}
	for len(labels) > 0 {
		f := set.File(labels[0].Span.Pos)
		if f == nil {
			break
		}
		var here, rest []Label
		for _, l := range labels {
			if set.File(l.Span.Pos) == f {
				here = append(here, l)
			} else {
				rest = append(rest, l)
			}
		}
		renderFile(b, f, here, d.Primary, gutter, tint, style)
		labels = rest
	}
	pad := strings.Repeat(" ", gutter)
	for _, n := range d.Notes {
		// Pictures have several lines.
		n = strings.ReplaceAll(n, "\n", "\n"+pad+strings.Repeat(" ", len(" = note: ")))
		fmt.Fprintf(b, "%s %s note: %s\n", pad, style.paint(blue, "="), n)
	}
	if d.Help != "" {
		fmt.Fprintf(b, "%s %s help: %s\n", pad, style.paint(blue, "="), d.Help)
	}
}

func renderFile(b *bytes.Buffer, f *source.File, ls []Label, primary Label, gutter int,
	tint string, style Style) {
	pad := strings.Repeat(" ", gutter)
	fmt.Fprintf(b, "%s%s %s\n", pad, style.paint(blue, "-->"), f.Position(ls[0].Span.Pos))
	slices.SortStableFunc(ls, func(x, y Label) int { return cmp.Compare(x.Span.Pos, y.Span.Pos) })
	last, from := 0, 0
	for _, l := range ls {
		line := f.Position(l.Span.Pos).Line
		before, under := columns(f, line, l.Span)
		if line != last || before < from || before >= from+windowColumns {
			if last != 0 && line > last+1 {
				fmt.Fprintf(b, "%s\n", style.paint(blue, pad+"..."))
			}
			if from = 0; before >= windowColumns {
				from = before - windowColumns/2
			}
			fmt.Fprintf(b, "%s %s\n", style.paint(blue, fmt.Sprintf("%*d |", gutter, line)),
				expand(f.Line(line), from))
			last = line
		}
		before, under = before-from, min(under, from+windowColumns-before)
		mark, color := "^", tint
		if l != primary {
			mark, color = "-", blue
		}
		text := strings.Repeat(mark, under)
		if l.Text != "" {
			text += " " + l.Text
		}
		fmt.Fprintf(b, "%s %s%s\n", style.paint(blue, pad+" |"), strings.Repeat(" ", before),
			style.paint(color, text))
	}
}

func (s Style) paint(code, text string) string {
	if !s.Color {
		return text
	}
	return code + text + reset
}

// columns returns the terminal columns before a span on its line and under it (at least 1).
func columns(f *source.File, line int, sp source.Span) (before, under int) {
	text := f.Line(line)
	start := f.Position(sp.Pos).Col - 1
	end := start + int(sp.End-sp.Pos)
	start, end = min(start, len(text)), min(end, len(text))
	before = width(text[:start], 0)
	return before, max(1, width(text[:end], 0)-before)
}

// expand returns the window of a line that starts at a column, tabs as spaces.
func expand(line []byte, from int) string {
	var b strings.Builder
	col := 0
	for len(line) > 0 && col < from+windowColumns {
		r, n := utf8.DecodeRune(line)
		w := runeWidth(r, col)
		switch {
		case col < from:
			// A wide rune or tab cut in two leaves a gap.
			b.WriteString(strings.Repeat(" ", max(0, col+w-from)))
		case r == '\t':
			b.WriteString(strings.Repeat(" ", w))
		case r < ' ' || r == 0x7f:
			b.WriteRune('\ufffd')
		default:
			b.WriteRune(r)
		}
		col += w
		line = line[n:]
	}
	return b.String()
}

func width(text []byte, col int) int {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		col += runeWidth(r, col)
		text = text[n:]
	}
	return col
}

// wide lists the ranges that terminals draw two columns wide (Unicode 15, EastAsianWidth.txt,
// classes W and F, coarsened) and combining marks that take none.
var wide = []struct {
	lo, hi rune
	width  int
}{
	{0x0300, 0x036f, 0}, {0x200b, 0x200f, 0}, {0xfe00, 0xfe0f, 0},
	{0x1100, 0x115f, 2}, {0x2e80, 0x303e, 2}, {0x3041, 0xa4cf, 2}, {0xac00, 0xd7a3, 2},
	{0xf900, 0xfaff, 2}, {0xfe30, 0xfe6f, 2}, {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2},
	{0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
}

func runeWidth(r rune, col int) int {
	if r == '\t' {
		return tabWidth - col%tabWidth
	}
	for _, w := range wide {
		if r >= w.lo && r <= w.hi {
			return w.width
		}
	}
	return 1
}

type jsonLabel struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	EndLine int    `json:"endLine"`
	EndCol  int    `json:"endCol"`
	Text    string `json:"label,omitempty"`
}

type jsonDiagnostic struct {
	Code      Code        `json:"code"`
	Severity  string      `json:"severity"`
	Message   string      `json:"message"`
	Primary   jsonLabel   `json:"primary"`
	Secondary []jsonLabel `json:"secondary,omitempty"`
	Notes     []string    `json:"notes,omitempty"`
	Help      string      `json:"help,omitempty"`
	Fixes     []jsonFix   `json:"fixes,omitempty"`
}

type jsonFix struct {
	jsonLabel
	New   string `json:"new"`
	Title string `json:"title,omitempty"`
}

// JSON writes one JSON object a line for each diagnostic; columns are in bytes from 1.
func JSON(w io.Writer, set *source.Set, ds []Diagnostic) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, d := range ds {
		j := jsonDiagnostic{d.Code, d.Severity.String(), d.Message, toJSON(set, d.Primary), nil,
			d.Notes, d.Help, nil}
		for _, f := range d.Fixes {
			j.Fixes = append(j.Fixes, jsonFix{toJSON(set, Label{Span: f.Span}), f.New, f.Title})
		}
		for _, l := range d.Secondary {
			j.Secondary = append(j.Secondary, toJSON(set, l))
		}
		if err := enc.Encode(j); err != nil {
			return err
		}
	}
	return nil
}

func toJSON(set *source.Set, l Label) jsonLabel {
	p, e := set.Position(l.Span.Pos), set.Position(l.Span.End)
	return jsonLabel{p.File, p.Line, p.Col, e.Line, e.Col, l.Text}
}
