package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// Marks of a row. Only predictions count in a group's mean error.
const (
	predicted = "predicted" // nothing in the model was set by this figure
	fitted    = "fitted"    // a parameter was set by it, or the model is built on it
	shown     = "shown"     // not the same experiment, or not modelled: the note says which
)

// vrow is a published figure and the simulation that should give it.
type vrow struct {
	on, name, unit string
	low, high      float64 // published; high is 0 if there is one value
	source         string
	mark           string
	allow          float64 // per cent; 0: not gated
	note           string
	run            func() (float64, error)
}

// vgroup is a table of rows, and what of the published figures is not run, with the reason.
type vgroup struct {
	name  string
	title string
	rows  func() []vrow
	left  []string
	slow  bool // takes minutes: --quick leaves it out
}

var vgroups = []vgroup{
	{"pcie", "PCI Express", pcieRows, pcieLeft, false},
	{"nvme", "NVMe drives", nvmeRows, nvmeLeft, false},
	{"tensor", "Tensor Core arithmetic", nil, tensorLeft, false},
	{"gpu", "GPU: microbenchmarks", gpuRows, gpuLeft, false},
	{"gpu-curves", "GPU: curves", curveRows, nil, false},
	{"gpu-gemm", "GPU: matrix products", gemmRows, nil, true},
	{"gpu-attention", "GPU: attention", attentionRows, nil, true},
	{"gpu-ladder", "GPU: a ladder of products", ladderTable, nil, true},
}

var tensorLeft = []string{
	"hardware vectors: they lie beside the tests and not in the program; " +
		"`go test ./sim/gpu/tensor -run TestVectors -v` compares them and counts the mismatches " +
		"by GPU and format",
}

type validateRow struct {
	On        string  `json:"on"`
	Name      string  `json:"name"`
	Model     float64 `json:"model"`
	Published float64 `json:"published"` // the middle if a range is published
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Unit      string  `json:"unit"`
	Error     float64 `json:"error_percent"`
	Mark      string  `json:"mark"`
	Allowed   float64 `json:"allowed_percent,omitempty"`
	Verdict   string  `json:"verdict,omitempty"` // pass or FAIL; none if not gated
	Source    string  `json:"source"`
	Note      string  `json:"note,omitempty"`
}

type validateGroup struct {
	Name   string        `json:"name"`
	Title  string        `json:"title"`
	Rows   []validateRow `json:"rows"`
	Marks  []markSummary `json:"summary"`
	Gated  int           `json:"gated"`
	Failed int           `json:"failed"`
	NotRun []string      `json:"not_run,omitempty"`
}

// markSummary is the error of a group's rows of one mark.
type markSummary struct {
	Mark  string  `json:"mark"`
	Count int     `json:"count"`
	Mean  float64 `json:"mean_absolute_error_percent"`
	Worst float64 `json:"worst_error_percent"`
	Which string  `json:"worst"`
	// Rank is Spearman's correlation of model and publication; 0 where units differ.
	Rank float64 `json:"rank_correlation,omitempty"`
}

const validateLong = `Run the models and compare them with published figures.

A row is a figure with its source. The error is against the middle of what is published. Marks:
predicted, nothing in the model was set by the figure; fitted, a parameter was set by it or the
model is built on it; shown, the experiment differs or the model does not claim it, see the note.
Only predictions tell how good a model is. Rows with an allowance pass or fail; those whose source
is recalled [R] or somebody's notes of a paper [N] have none. The chips and boards of the rows are
fixed: --board and --set change nothing.`

func validateCommand(e *env) *cobra.Command {
	gate, quick := false, false
	var names []string
	for _, g := range vgroups {
		names = append(names, g.name)
	}
	c := &cobra.Command{
		Use:       "validate [flags] [" + strings.Join(names, "|") + "|all]",
		Short:     "Compare the models with published measurements",
		Long:      validateLong,
		Example:   "    tos-sim validate pcie\n    tos-sim validate all --json",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: append(names, "all"),
		RunE: func(_ *cobra.Command, args []string) error {
			return e.validate(append(args, "all")[0], gate, quick)
		},
	}
	c.Flags().BoolVar(&gate, "gate", false, "exit with 1 if a row fails")
	c.Flags().BoolVar(&quick, "quick", false, "leave out the groups that take minutes")
	return c
}

func (e *env) validate(which string, gate, quick bool) error {
	var list []validateGroup
	bad := 0
	p := e.progress("validate")
	for _, g := range vgroups {
		asked := which == "all" || which == g.name || strings.HasPrefix(g.name, which+"-")
		if !asked || quick && g.slow {
			continue
		}
		r, err := g.measure(p)
		if err != nil {
			p.Done()
			return err
		}
		bad += r.Failed
		list = append(list, r)
	}
	p.Done()
	if len(list) == 0 {
		return usage("there are pcie, nvme, tensor, gpu and all", "validate: no group %q", which)
	}
	if err := e.validateShow(list); err != nil {
		return err
	}
	if gate && bad > 0 {
		return failed("the table says FAIL", "validate: %s outside the allowance",
			count(bad, "row"))
	}
	return nil
}

func (g *vgroup) measure(p *progress) (validateGroup, error) {
	out := validateGroup{Name: g.name, Title: g.title, NotRun: g.left, Rows: []validateRow{},
		Marks: []markSummary{}}
	var rows []vrow
	if g.rows != nil {
		rows = g.rows()
	}
	for _, r := range rows {
		p.Update("%s: %s %s", g.name, r.on, r.name)
		v, err := r.measure()
		if err != nil {
			return out, fmt.Errorf("validate %s, %s %s: %w", g.name, r.on, r.name, err)
		}
		out.Rows = append(out.Rows, v)
		switch v.Verdict {
		case "FAIL":
			out.Failed++
			out.Gated++
		case "pass":
			out.Gated++
		}
	}
	for _, mark := range []string{predicted, fitted} {
		if s := summarize(out.Rows, mark); s.Count > 0 {
			out.Marks = append(out.Marks, s)
		}
	}
	return out, nil
}

func (r *vrow) measure() (validateRow, error) {
	high := r.high
	if high == 0 {
		high = r.low
	}
	v := validateRow{On: r.on, Name: r.name, Unit: r.unit, Low: r.low, High: high,
		Published: (r.low + high) / 2, Mark: r.mark, Allowed: r.allow, Source: r.source,
		Note: r.note}
	var err error
	if v.Model, err = r.run(); err != nil {
		return v, err
	}
	v.Error = 100 * (v.Model/v.Published - 1)
	switch {
	case r.allow == 0:
	case math.Abs(v.Error) <= r.allow: // not NaN
		v.Verdict = "pass"
	default:
		v.Verdict = "FAIL"
	}
	return v, nil
}

func summarize(rows []validateRow, mark string) markSummary {
	s := markSummary{Mark: mark}
	for _, r := range rows {
		if r.Mark != mark {
			continue
		}
		s.Count++
		s.Mean += math.Abs(r.Error)
		if math.Abs(r.Error) > math.Abs(s.Worst) || s.Which == "" {
			s.Worst, s.Which = r.Error, r.On+" "+r.Name
		}
	}
	s.Mean /= float64(max(s.Count, 1))
	s.Rank = rankCorrelation(rows, mark)
	return s
}

// rankCorrelation is Spearman's, over rows of one mark and one unit; 0 if there are few or they are
// of several units.
func rankCorrelation(rows []validateRow, mark string) float64 {
	var model, published []float64
	unit := ""
	for _, r := range rows {
		if r.Mark != mark {
			continue
		}
		if unit != "" && r.Unit != unit {
			return 0
		}
		unit = r.Unit
		model, published = append(model, r.Model), append(published, r.Published)
	}
	n := float64(len(model))
	if n < 8 {
		return 0
	}
	a, b := ranks(model), ranks(published)
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-(n+1)/2, b[i]-(n+1)/2
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// ranks are the places of values in their order, from 1; equal ones share the mean of theirs.
func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(v[i], v[j]) })
	out := make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			out[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return out
}

func (e *env) validateShow(list []validateGroup) error {
	if e.json {
		return e.encode(list)
	}
	for i := range list {
		if i > 0 {
			fmt.Fprintln(e.out)
		}
		if err := list[i].write(e.out); err != nil {
			return err
		}
	}
	return nil
}

func (g *validateGroup) write(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\n", g.Name, g.Title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(g.Rows) > 0 {
		fmt.Fprintln(t, "ON\tFIGURE\tMODEL\tPUBLISHED\tUNIT\tERROR\tMARK\tALLOWED\tVERDICT\tSOURCE")
	}
	var notes []string
	for _, r := range g.Rows {
		published, allowed, verdict, source := figure(r.Low), "-", r.Verdict, r.Source
		if r.High != r.Low {
			published += "-" + figure(r.High)
		}
		if r.Allowed > 0 {
			allowed = fmt.Sprintf("%g %%", r.Allowed)
		} else {
			verdict = "-"
		}
		if r.Note != "" {
			source += fmt.Sprintf(" (%d)", footnote(&notes, r.Note))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%+.1f %%\t%s\t%s\t%s\t%s\n", r.On, r.Name,
			figure(r.Model), published, r.Unit, r.Error, r.Mark, allowed, verdict, source)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, n := range notes {
		fmt.Fprintf(w, "  (%d) %s\n", i+1, n)
	}
	for _, s := range g.Marks {
		rank := ""
		if s.Rank != 0 {
			rank = fmt.Sprintf(", rank correlation %.3f", s.Rank)
		}
		fmt.Fprintf(w, "%s: %s, mean absolute error %.1f %%, worst %+.1f %% (%s)%s\n", s.Mark,
			count(s.Count, "row"), s.Mean, s.Worst, s.Which, rank)
	}
	if g.Gated > 0 {
		fmt.Fprintf(w, "gate: %d of %s passed\n", g.Gated-g.Failed, count(g.Gated, "row"))
	}
	for _, l := range g.NotRun {
		fmt.Fprintf(w, "not run: %s\n", l)
	}
	return nil
}

// footnote is the number of a note; equal notes share one.
func footnote(notes *[]string, s string) int {
	for i, n := range *notes {
		if n == s {
			return i + 1
		}
	}
	*notes = append(*notes, s)
	return len(*notes)
}

// figure is a number of four digits, or all of those before the point.
func figure(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}
