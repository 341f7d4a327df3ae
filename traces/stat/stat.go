package stat

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"tensoros/traces"
)

// Filter chooses records. The zero value takes everything.
type Filter struct {
	Kind    string // prefix of the kind's name, as in "pcie/" or "gpu/cta"
	Track   string // prefix of the track's path
	ByTrack bool   // a row for each track and kind, instead of one for each kind
}

// Part is how much of the time of a row's spans went into one reason.
type Part struct {
	Reason string      `json:"reason"`
	Sum    traces.Time `json:"sum_ps"`
}

// Row sums up the records of a kind. Times are picoseconds; marks and levels have none, so theirs
// are zero.
type Row struct {
	Kind   string      `json:"kind"`
	Track  string      `json:"track,omitempty"`
	Shape  string      `json:"shape"`
	Count  int         `json:"count"`
	Min    traces.Time `json:"min_ps"`
	P50    traces.Time `json:"p50_ps"`
	P99    traces.Time `json:"p99_ps"`
	P999   traces.Time `json:"p999_ps"`
	Max    traces.Time `json:"max_ps"`
	Jitter traces.Time `json:"jitter_ps"` // Max - Min
	Sum    traces.Time `json:"sum_ps"`
	Parts  []Part      `json:"parts,omitempty"` // in the order of traces.Reason, none of length 0
}

// Summary is a table of rows: kinds in the order of the trace's table, then tracks in the order in
// which the trace names them.
type Summary struct {
	Records int         `json:"records"` // that the filter took
	First   traces.Time `json:"first_ps"`
	Last    traces.Time `json:"last_ps"` // end of the last span
	Rows    []Row       `json:"rows"`
}

type key struct {
	kind  int
	track traces.Track
}

type group struct {
	key
	lengths []traces.Time
	waits   traces.Waits
}

// Summarise reads a trace.
func Summarise(t *traces.Trace, f Filter) Summary {
	var s Summary
	groups := collect(t, f, &s)
	slices.SortFunc(groups, func(a, b *group) int {
		if a.kind != b.kind {
			return a.kind - b.kind
		}
		return int(a.track) - int(b.track)
	})
	for _, g := range groups {
		s.Rows = append(s.Rows, g.row(t, f.ByTrack))
	}
	return s
}

func collect(t *traces.Trace, f Filter, s *Summary) []*group {
	var groups []*group
	index := map[key]*group{}
	for i := range t.Records {
		r := &t.Records[i]
		if !strings.HasPrefix(t.Points[r.Kind].Name, f.Kind) ||
			!strings.HasPrefix(t.Tracks[r.Track], f.Track) {
			continue
		}
		k := key{kind: r.Kind}
		if f.ByTrack {
			k.track = r.Track
		}
		g := index[k]
		if g == nil {
			g = &group{key: k}
			index[k] = g
			groups = append(groups, g)
		}
		g.lengths = append(g.lengths, r.Dur)
		for reason, d := range r.Waits {
			g.waits[reason] += d
		}
		if s.Records == 0 || r.Start < s.First {
			s.First = r.Start
		}
		s.Last = max(s.Last, r.End())
		s.Records++
	}
	return groups
}

func (g *group) row(t *traces.Trace, byTrack bool) Row {
	p := &t.Points[g.kind]
	row := Row{Kind: p.Name, Shape: p.Shape.String(), Count: len(g.lengths)}
	if byTrack {
		row.Track = t.Tracks[g.track]
	}
	if p.Shape != traces.Span {
		return row
	}
	slices.Sort(g.lengths)
	row.Min, row.Max = g.lengths[0], g.lengths[len(g.lengths)-1]
	row.Jitter = row.Max - row.Min
	row.P50 = Quantile(g.lengths, 500)
	row.P99 = Quantile(g.lengths, 990)
	row.P999 = Quantile(g.lengths, 999)
	for _, d := range g.lengths {
		row.Sum += d
	}
	for reason, d := range g.waits {
		if d != 0 {
			row.Parts = append(row.Parts, Part{traces.Reason(reason).String(), d})
		}
	}
	return row
}

// Quantile is the nearest-rank quantile: the least of the values that at least perMille of them do
// not exceed. sorted must ascend; it gives 0 for none.
func Quantile(sorted []traces.Time, perMille int) traces.Time {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*perMille + 999) / 1000
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Table writes the rows as aligned text.
func (s *Summary) Table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "kind\tcount\tmin\tp50\tp99\tp99.9\tmax\tjitter\tsum\t  spent on")
	for i := range s.Rows {
		r := &s.Rows[i]
		name := r.Kind
		if r.Track != "" {
			name = r.Track + " " + name
		}
		fmt.Fprintf(tw, "%s\t%d\t", name, r.Count)
		if r.Shape != traces.Span.String() {
			fmt.Fprintln(tw, "\t\t\t\t\t\t\t  "+r.Shape)
			continue
		}
		for _, d := range []traces.Time{r.Min, r.P50, r.P99, r.P999, r.Max, r.Jitter, r.Sum} {
			fmt.Fprintf(tw, "%v\t", d)
		}
		fmt.Fprintln(tw, "  "+parts(r))
	}
	return tw.Flush()
}

func parts(r *Row) string {
	var words []string
	for _, p := range r.Parts {
		share := 100 * float64(p.Sum) / float64(max(r.Sum, 1))
		words = append(words, fmt.Sprintf("%s %.1f%%", p.Reason, share))
	}
	return strings.Join(words, ", ")
}
