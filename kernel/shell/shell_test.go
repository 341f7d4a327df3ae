package shell

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/kernel"
)

// clock is a CPU on which no time passes.
type clock struct{ hw.CPU }

func (clock) Now() hw.Time { return 0 }

// typed runs a shell without devices on lines, and gives what it printed, prompts included.
func typed(t *testing.T, host Host, lines ...string) (string, *Shell) {
	t.Helper()
	var out strings.Builder
	host.Out = &out
	host.ReadLine = func(prompt string) (string, error) {
		if len(lines) == 0 {
			return "", io.EOF
		}
		line := lines[0]
		lines = lines[1:]
		fmt.Fprintf(&out, "%s%s\n", prompt, line)
		return line, nil
	}
	s := New(&kernel.Kernel{CPU: clock{}}, host, 90)
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	return out.String(), s
}

func TestLinesAndCommands(t *testing.T) {
	for _, c := range []struct {
		name   string
		lines  []string
		want   string
		failed bool
	}{
		{"a value", []string{"6 * 7"}, "42", false},
		{"state is kept", []string{"let x = 6", "x + 1"}, "\n7\n", false},
		{"more lines", []string{"fn f(x: i64) -> i64 {", "x + 1 }", "f(2)"}, More + "x + 1 }",
			false},
		{"an open end", []string{"fn f("}, "error", true},
		{"a mistake", []string{"1 +* 2"}, "error", true},
		{"help", []string{"help"}, "the flat address space", false},
		{"help by command", []string{":"}, "the flat address space", false},
		{"quit leaves", []string{":quit", "99"}, "TOS> :quit\n", false},
		{"unknown", []string{":nope"}, "no command :nope (type help)", true},
		{"no kernel", []string{":ptx"}, "no kernel has been compiled yet", true},
		{"no trace", []string{":trace x"}, "nothing is being recorded", true},
		{"time", []string{":time"}, "now 0.000 us", false},
		{"no drives", []string{":ls", ":map"}, "TOS> :map\n", false},
		{"no file", []string{`run("x.nl")`}, "no such file", true},
	} {
		missing := func(string) ([]byte, error) { return nil, errors.New("no such file") }
		got, s := typed(t, Host{ReadFile: missing}, c.lines...)
		if !strings.Contains(got, c.want) || s.Failed() != c.failed {
			t.Errorf("%s: failed %v, want %v; no %q in\n%s", c.name, s.Failed(), c.failed,
				c.want, got)
		}
		if strings.Contains(got, "99") {
			t.Errorf("%s: the shell goes on after quit", c.name)
		}
	}
}

func TestTraceGoesToTheHost(t *testing.T) {
	var saved []string
	host := Host{SaveTrace: func(name string) error {
		saved = append(saved, name)
		return nil
	}}
	got, s := typed(t, host, ":trace", ":trace a.tos")
	if !strings.Contains(got, "write :trace FILE") || !strings.Contains(got, "written to a.tos") ||
		len(saved) != 1 || !s.Failed() {
		t.Errorf("saved %q:\n%s", saved, got)
	}
}
