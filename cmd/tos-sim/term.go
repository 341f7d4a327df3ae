package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"tensoros/neurolang/diag"
)

// terminal tells that a stream is one.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// style is how to write to w. --color goes before NO_COLOR (no-color.org), that before what w is.
func (e *env) style(w io.Writer) diag.Style {
	switch e.color {
	case "always":
		return diag.Style{Color: true}
	case "never":
		return diag.Style{}
	}
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	return diag.Style{Color: !plain && terminal(w)}
}

// progress is one line on a terminal that says how far something is, once it has taken a second.
type progress struct {
	w     io.Writer // nil: silent
	what  string
	start time.Time
	last  time.Time
	shown bool
}

const (
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
)

// progress starts one. Done must be called before anything else is written.
func (e *env) progress(what string) *progress {
	p := &progress{what: what, start: time.Now()}
	if terminal(e.err) {
		p.w = e.err
	}
	return p
}

// Update says how far it is, in words; it is cheap to call often.
func (p *progress) Update(format string, args ...any) {
	if p.w == nil {
		return
	}
	now := time.Now()
	if now.Sub(p.start) < progressAfter || now.Sub(p.last) < progressEvery {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r\x1b[K%s: %s", p.what, fmt.Sprintf(format, args...))
}

// Done wipes the line.
func (p *progress) Done() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// choice is a flag that takes one of several words.
type choice struct {
	to    *string
	words []string
}

func newChoice(to *string, value string, words ...string) *choice {
	*to = value
	return &choice{to, words}
}

func (c *choice) String() string { return *c.to }
func (c *choice) Type() string   { return "WORD" }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("it is one of %s", strings.Join(c.words, ", "))
	}
	*c.to = s
	return nil
}
