package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tensoros/internal/golden"
)

// TestDocs writes docs/cli.md from the table of commands, so that it cannot lie.
func TestDocs(t *testing.T) {
	root := newRoot(&env{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	var b bytes.Buffer
	fmt.Fprintf(&b, "# tos-sim\n\n<!-- Written by go test ./cmd/tos-sim -run TestDocs -update; "+
		"do not edit. -->\n\n%s\n\nFlags of every command:\n\n", root.Short+".")
	flags(&b, root.PersistentFlags())
	text, _, _ := strings.Cut(root.Long, "Exit codes:")
	fmt.Fprintf(&b, "\n%s\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n", text)
	for _, x := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", x.code, x.doc)
	}
	b.WriteString("\nAn error is one line, `tos-sim: what (hint)`, on the standard error; " +
		"faults of source text are\nshown with the source and carets under it.\n")
	for _, c := range root.Commands() {
		document(&b, c)
	}
	golden.Check(t, "../../docs/cli.md", b.Bytes())
}

func document(b *bytes.Buffer, c *cobra.Command) {
	if c.Hidden {
		return
	}
	if c.HasSubCommands() {
		for _, sub := range c.Commands() {
			document(b, sub)
		}
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n    %s\n\n", c.CommandPath(), c.UseLine())
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(b, "%s\n", text)
	if c.LocalNonPersistentFlags().HasFlags() {
		b.WriteByte('\n')
		flags(b, c.LocalNonPersistentFlags())
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\nFor example:\n\n%s\n", c.Example)
	}
}

func flags(b *bytes.Buffer, set *pflag.FlagSet) {
	b.WriteString("| Flag | Default | Meaning |\n|---|---|---|\n")
	set.VisitAll(func(f *pflag.Flag) {
		name, doc := pflag.UnquoteUsage(f)
		short := ""
		if f.Shorthand != "" {
			short = "-" + f.Shorthand + ", "
		}
		value := f.DefValue
		if value == "false" || value == "[]" {
			value = ""
		}
		name = strings.TrimSpace(short + "--" + f.Name + " " + name)
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, value, doc)
	})
}

// TestEveryCommandIsWhole holds commands to what help and docs need of them.
func TestEveryCommandIsWhole(t *testing.T) {
	walk(newRoot(&env{}), func(c *cobra.Command) {
		switch {
		case c.Short == "":
			t.Errorf("%s has no short text", c.CommandPath())
		case strings.HasSuffix(c.Short, "."):
			t.Errorf("%s: %q ends in a period", c.CommandPath(), c.Short)
		case c.RunE == nil:
			t.Errorf("%s does nothing", c.CommandPath())
		}
	})
}

func TestNearest(t *testing.T) {
	words := []string{"build", "check", "machine", "trace", "gpu.sm.count"}
	for word, want := range map[string]string{
		"biuld": "build", "chek": "check", "machnie": "machine", "tracee": "trace",
		"gpu.sm.cuont": "gpu.sm.count", "zzzzzz": "", "": "", "build": "",
		strings.Repeat("build", 20): "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, x := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"ab", "ba", 1}, {"abc", "acb", 1},
		{"kitten", "sitting", 3}} {
		if got := distance(x.a, x.b); got != x.want {
			t.Errorf("%q to %q: %d, want %d", x.a, x.b, got, x.want)
		}
		if got := distance(x.b, x.a); got != x.want {
			t.Errorf("%q to %q: %d, want %d", x.b, x.a, got, x.want)
		}
	}
}

func TestQuantity(t *testing.T) {
	for v, want := range map[float64]string{12: "12 ", 125_000: "125 k", 1.5e6: "1.5 M",
		5.126e9: "5.126 G"} {
		if got := quantity(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestTally(t *testing.T) {
	if got := tally([]string{"a", "a", "b", "a"}); got != "2 x a, b, a" {
		t.Error(got)
	}
	if got := tally(nil); got != "none" {
		t.Error(got)
	}
}

// TestProgressIsSilentWithoutATerminal: nothing may get into files and pipes.
func TestProgressIsSilentWithoutATerminal(t *testing.T) {
	var b bytes.Buffer
	p := (&env{err: &b}).progress("x")
	p.start = p.start.Add(-2 * progressAfter)
	p.Update("half")
	p.Done()
	if b.Len() != 0 {
		t.Errorf("%q", b.String())
	}
	p.w = &b
	p.Update("half")
	p.Done()
	if got := b.String(); got != "\r\x1b[Kx: half\r\x1b[K" {
		t.Errorf("%q", got)
	}
}
