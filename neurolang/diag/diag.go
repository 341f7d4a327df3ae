package diag

import (
	"cmp"
	"fmt"
	"slices"

	"tensoros/neurolang/source"
)

// Severity ranks a diagnostic.
type Severity uint8

// Severities.
const (
	Error Severity = iota
	Warning
)

// String returns the word printed before the message.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Label is a span with words about it.
type Label struct {
	Span source.Span
	Text string
}

// Diagnostic is one finding about source text.
type Diagnostic struct {
	Code      Code
	Severity  Severity
	Message   string
	Primary   Label
	Secondary []Label
	Notes     []string
	Help      string
	Fixes     []Fix
}

// Fix is a change that a tool can make: New in place of what Span covers. One without a Title goes
// with the one before it.
type Fix struct {
	Span  source.Span
	New   string
	Title string // what it does, for people
}

// With adds a secondary label, unless it has no place.
func (d *Diagnostic) With(span source.Span, format string, args ...any) *Diagnostic {
	if span.IsValid() {
		d.Secondary = append(d.Secondary, Label{span, fmt.Sprintf(format, args...)})
	}
	return d
}

// Label sets the words under the primary span.
func (d *Diagnostic) Label(format string, args ...any) *Diagnostic {
	d.Primary.Text = fmt.Sprintf(format, args...)
	return d
}

// Note adds a note.
func (d *Diagnostic) Note(format string, args ...any) *Diagnostic {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
	return d
}

// Hint sets the help text.
func (d *Diagnostic) Hint(format string, args ...any) *Diagnostic {
	d.Help = fmt.Sprintf(format, args...)
	return d
}

// Replace adds a fix.
func (d *Diagnostic) Replace(at source.Span, text, title string) *Diagnostic {
	if at.IsValid() {
		d.Fixes = append(d.Fixes, Fix{at, text, title})
	}
	return d
}

// List collects diagnostics. The zero List is ready for use.
type List struct{ items []*Diagnostic }

// Errorf adds an error at span and returns it for more words.
func (l *List) Errorf(code Code, span source.Span, format string, args ...any) *Diagnostic {
	d := &Diagnostic{Code: code, Message: fmt.Sprintf(format, args...), Primary: Label{Span: span}}
	l.items = append(l.items, d)
	return d
}

// Warnf adds a warning at span and returns it for more words.
func (l *List) Warnf(code Code, span source.Span, format string, args ...any) *Diagnostic {
	d := l.Errorf(code, span, format, args...)
	d.Severity = Warning
	return d
}

// Last returns the diagnostic added last, or nil.
func (l *List) Last() *Diagnostic {
	if len(l.items) == 0 {
		return nil
	}
	return l.items[len(l.items)-1]
}

// Cut drops what was added after the first n.
func (l *List) Cut(n int) { l.items = l.items[:n] }

// Failed tells whether an error is among them.
func (l *List) Failed() bool {
	return slices.ContainsFunc(l.items, func(d *Diagnostic) bool { return d.Severity == Error })
}

// Len returns how many were added.
func (l *List) Len() int { return len(l.items) }

// Sorted returns the diagnostics in source order, exact repeats dropped.
func (l *List) Sorted() []Diagnostic {
	items := slices.Clone(l.items)
	slices.SortStableFunc(items, func(a, b *Diagnostic) int {
		return cmp.Compare(a.Primary.Span.Pos, b.Primary.Span.Pos)
	})
	var out []Diagnostic
	for i, d := range items {
		if i > 0 && same(items[i-1], d) {
			continue
		}
		out = append(out, *d)
	}
	return out
}

func same(a, b *Diagnostic) bool {
	return a.Code == b.Code && a.Message == b.Message && a.Primary.Span == b.Primary.Span
}
