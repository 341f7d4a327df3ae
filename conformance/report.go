package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// MarshalJSON writes the verdict as its word.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	return json.Marshal(struct {
		plain
		Verdict string `json:"verdict"`
	}{plain(r), strings.ToLower(r.Verdict.String())})
}

// summary is the last line of a report.
func (r *Report) summary() string {
	return fmt.Sprintf(
		"%d passed, %d failed, %d skipped, %d could not be run; %d of %d rules checked",
		r.Count(Pass), r.Count(Fail), r.Count(Skip), r.Count(Error), r.Covered(), len(r.Rules))
}

// WriteText writes what failed or was skipped, and the sum; with all, the cases that passed too.
func (r *Report) WriteText(w io.Writer, all bool) error {
	fmt.Fprintf(w, "%s against %s: %s\n", r.Suite, r.Target, r.Device)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := range r.Results {
		c := &r.Results[i]
		if c.Verdict == Pass && !all {
			continue
		}
		fmt.Fprintf(t, "%v\t%s\t%s\n", c.Verdict, c.Case, strings.TrimSpace(c.Place+" "+c.Detail))
		if c.Verdict != Fail {
			continue
		}
		for _, id := range c.Rules {
			if rule := r.Rules.Find(id); rule != nil {
				fmt.Fprintf(t, "\t  %s\t%s (%s, %s; %v)\n", id, rule.Text, rule.Doc, rule.Section,
					rule.Level)
			}
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, r.summary())
	return err
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

type junitSuite struct {
	XMLName xml.Name    `xml:"testsuite"`
	Name    string      `xml:"name,attr"`
	Tests   int         `xml:"tests,attr"`
	Fails   int         `xml:"failures,attr"`
	Errors  int         `xml:"errors,attr"`
	Skips   int         `xml:"skipped,attr"`
	Cases   []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name  string     `xml:"name,attr"`
	Class string     `xml:"classname,attr"`
	Time  string     `xml:"time,attr"` // seconds
	Fail  *junitText `xml:"failure"`
	Error *junitText `xml:"error"`
	Skip  *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report in the form that continuous integration reads.
func (r *Report) WriteJUnit(w io.Writer) error {
	s := junitSuite{Name: r.Suite + " against " + r.Target, Tests: len(r.Results),
		Fails: r.Count(Fail), Errors: r.Count(Error), Skips: r.Count(Skip)}
	for i := range r.Results {
		c := &r.Results[i]
		group, name, _ := strings.Cut(c.Case, "/")
		j := junitCase{Name: name, Class: r.Suite + "." + group,
			Time: fmt.Sprintf("%.6f", float64(c.Took)/1e9)}
		text := &junitText{c.Detail, c.Place + "\n" + strings.Join(c.Rules, "\n")}
		switch c.Verdict {
		case Fail:
			j.Fail = text
		case Error:
			j.Error = text
		case Skip:
			j.Skip = text
		}
		s.Cases = append(s.Cases, j)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

var page = template.Must(template.New("report").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Suite}} against {{.Target}}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; color: #1b1f24 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top;
padding: .35em .8em; border-bottom: 1px solid #d8dee4 } th { background: #f6f8fa }
.pass { color: #1a7f37 } .FAIL, .ERROR { color: #b42318; font-weight: 600 } .skip { color: #6e7781 }
code { font: 13px ui-monospace, monospace } small { color: #57606a }
</style></head><body>
<h1>{{.Suite}}</h1>
<p>Target <code>{{.Target}}</code>: {{.Device}}</p><p>{{.Summary}}</p>
<table><tr><th>Verdict</th><th>Case</th><th>Rules</th><th>Detail</th></tr>
{{range .Rows}}<tr><td class="{{.Verdict}}">{{.Verdict}}</td><td><code>{{.Case}}</code></td>
<td>{{range .Rules}}<div><code>{{.ID}}</code> {{.Text}} <small>{{.Doc}},
	{{.Section}}; {{.Level}}</small></div>{{end}}</td>
<td>{{.Detail}} <small>{{.Place}}</small></td></tr>
{{end}}</table></body></html>
`))

// WriteHTML writes the report as a page that stands alone: what failed first, what was skipped
// last.
func (r *Report) WriteHTML(w io.Writer) error {
	type row struct {
		Verdict, Case, Detail, Place string
		Rules                        []Rule
		rank                         int
	}
	rows := make([]row, 0, len(r.Results))
	for i := range r.Results {
		c := &r.Results[i]
		out := row{Verdict: c.Verdict.String(), Case: c.Case, Detail: c.Detail, Place: c.Place,
			rank: [...]int{Fail: 0, Error: 0, Pass: 1, Skip: 2}[c.Verdict]}
		for _, id := range c.Rules {
			if rule := r.Rules.Find(id); rule != nil {
				out.Rules = append(out.Rules, *rule)
			}
		}
		rows = append(rows, out)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.rank - b.rank })
	return page.Execute(w, struct {
		Suite, Target, Device, Summary string
		Rows                           []row
	}{r.Suite, r.Target, r.Device, r.summary(), rows})
}
