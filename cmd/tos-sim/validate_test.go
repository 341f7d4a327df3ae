package main

import (
	"bytes"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"tensoros/internal/golden"
	"tensoros/sim/gpu/chip"
)

// TestValidationDocument writes docs/models/validation.md from the command's own output, so that it
// cannot lie: a change of a model shows up as a change of this file.
func TestValidationDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every model: a minute")
	}
	var b bytes.Buffer
	b.WriteString("# Validation\n\n<!-- Written by go test ./cmd/tos-sim -run " +
		"TestValidationDocument -update; do not edit. -->\n\n" + validateLong + "\n\n" +
		"This is what `tos-sim validate --quick` prints; validation-slow.md has the rest. [S] " +
		"read in\na public source, [M] measured by us, [N] in somebody's notes of a paper, [R] " +
		"recalled, [D]\nderived.\n\n```\n")
	b.WriteString(stdoutOf(t, "validate", "--quick") + "```\n")
	golden.Check(t, "../../docs/models/validation.md", b.Bytes())
}

// TestValidationSlow does the same for the groups that take minutes, where somebody asks for it.
func TestValidationSlow(t *testing.T) {
	if os.Getenv("TENSOROS_SLOW") == "" {
		t.Skip("takes minutes: set TENSOROS_SLOW=1")
	}
	var b bytes.Buffer
	b.WriteString("# Validation: what takes minutes\n\n<!-- Written by TENSOROS_SLOW=1 go test " +
		"./cmd/tos-sim -run TestValidationSlow -timeout 60m -update; do not edit. -->\n\n" +
		"The groups that `tos-sim validate --quick` leaves out; validation.md tells how to read " +
		"them.\n\n```\n")
	for _, g := range vgroups {
		if g.slow {
			b.WriteString(stdoutOf(t, "validate", g.name))
		}
	}
	b.WriteString("```\n")
	golden.Check(t, "../../docs/models/validation-slow.md", b.Bytes())
}

// stdoutOf is what a command prints, without blanks at the ends of lines.
func stdoutOf(t *testing.T, args ...string) string {
	var out, errs bytes.Buffer
	if code := run(args, strings.NewReader(""), &out, &errs); code != exitOK {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	var b strings.Builder
	for line := range strings.Lines(out.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// Every row must have what makes it worth showing, and only public sources may gate.
func TestValidationRowsAreSound(t *testing.T) {
	for _, g := range vgroups {
		if g.rows == nil {
			continue
		}
		seen := map[string]bool{}
		for _, r := range g.rows() {
			id := r.on + " " + r.name + " by " + r.source
			if seen[id] {
				t.Errorf("%s: %s twice", g.name, id)
			}
			seen[id] = true
			if r.low <= 0 || r.source == "" || r.unit == "" || r.run == nil {
				t.Errorf("%s: %s is incomplete", g.name, id)
			}
			if r.high != 0 && r.high <= r.low {
				t.Errorf("%s: %s: from %v to %v", g.name, id, r.low, r.high)
			}
			weak := strings.Contains(r.source, "[R]") || strings.Contains(r.source, "[N]")
			if r.allow > 0 && (weak || r.mark == shown) {
				t.Errorf("%s: %s is gated", g.name, id)
			}
			if r.mark != predicted && r.note == "" {
				t.Errorf("%s: %s is %s and does not say why", g.name, id, r.mark)
			}
		}
	}
}

// A group with one good and one bad row: the verdicts, the summary and the exit code.
func TestValidationVerdicts(t *testing.T) {
	value := func(v float64) func() (float64, error) {
		return func() (float64, error) { return v, nil }
	}
	rows := []vrow{
		{"a", "good", "x", 100, 0, "s", predicted, 5, "", value(104)},
		{"a", "bad", "x", 90, 110, "s", predicted, 5, "", value(94)},
		{"a", "none", "x", 100, 0, "s", predicted, 5, "", value(math.NaN())},
		{"a", "not gated", "x", 100, 0, "s", fitted, 0, "n", value(300)},
	}
	g := vgroup{name: "g", rows: func() []vrow { return rows }}
	e := &env{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	got, err := g.measure(e.progress("validate"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"pass", "FAIL", "FAIL", ""} {
		if got.Rows[i].Verdict != want {
			t.Errorf("%s: %q, want %q", got.Rows[i].Name, got.Rows[i].Verdict, want)
		}
	}
	if got.Gated != 3 || got.Failed != 2 {
		t.Errorf("%d gated, %d failed", got.Gated, got.Failed)
	}
	s := summarize(got.Rows[:2], predicted)
	near := math.Abs(s.Mean-5) < 1e-9 && math.Abs(s.Worst+6) < 1e-9
	if s.Count != 2 || !near || s.Which != "a bad" {
		t.Errorf("%+v", s)
	}
	rows = []vrow{{run: func() (float64, error) { return 0, errors.New("no") }}}
	if _, err := g.measure(e.progress("validate")); err == nil {
		t.Error("an error in a row is lost")
	}
}

func chaseL2(c *chip.Chip) (float64, error)  { return chase(c, ".cg", true) }
func chaseHBM(c *chip.Chip) (float64, error) { return chase(c, ".cg", false) }

// The probes must see the chip that they are given, not a table: a changed chip, a changed figure.
func TestProbesMeasureTheChip(t *testing.T) {
	for _, c := range []struct {
		key, value string
		f          func(*chip.Chip) (float64, error)
		want       float64
	}{
		{"latency.alu", "7", func(c *chip.Chip) (float64, error) {
			return chainOf(c, floats, "fma.rn.f32 %f1, %f1, %f2, %f3;")
		}, 7},
		{"latency.shared", "31", func(c *chip.Chip) (float64, error) {
			return chainOf(c, selfRing, "ld.shared.u32 %r10, [%r10];")
		}, 31},
		{"tensor.latency", "40", mmaF32.latency, 40},
		{"l2.latency", "300", chaseL2, 300},
		{"hbm.latency", "900", chaseHBM, 900},
	} {
		changed, err := chip.H100.With(c.key, c.value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.f(changed); err != nil || got != c.want {
			t.Errorf("%s = %s: %v, %v", c.key, c.value, got, err)
		}
	}
}

// TestRanks checks Spearman's correlation on a case worked by hand.
func TestRanks(t *testing.T) {
	if got := ranks([]float64{3, 1, 3, 2}); !slices.Equal(got, []float64{3.5, 1, 3.5, 2}) {
		t.Errorf("ranks %v, want 3.5 1 3.5 2", got)
	}
	var rows []validateRow
	for i := range 9 {
		rows = append(rows, validateRow{Mark: predicted, Unit: "s", Model: float64(i * i),
			Published: float64(10 * i)})
	}
	if got := rankCorrelation(rows, predicted); got != 1 {
		t.Errorf("same order: %v, want 1", got)
	}
	rows[0].Model = 1000 // from first to last: 1 - 6*(8*8+8)/(9*80)
	if got := rankCorrelation(rows, predicted); math.Abs(got-0.4) > 1e-9 {
		t.Errorf("one out of order: %v, want 0.4", got)
	}
}
