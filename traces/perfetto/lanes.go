package perfetto

import (
	"cmp"
	"slices"
	"strings"

	"tensoros/traces"
)

// Slices of one Perfetto track must nest, so a track of ours becomes as many lanes as it takes.
// Code on a processor is sequential: there a span inside another is a part of it. Everything else
// serves several things at once: spans that overlap lie side by side, whether they nest by chance
// or not.
func sequential(p *traces.Point) bool {
	return strings.HasPrefix(p.Name, "cpu/") || strings.HasPrefix(p.Name, "kernel/")
}

// event is a begin, an end, an instant or a counter value, ready to be written.
type event struct {
	at     traces.Time
	record int32
	lane   int32 // index into the tree's nodes
	typ    uint8
}

// lane is the open spans of a lane, innermost last.
type lane struct {
	node int32
	open []int32
}

// events lays the records out and sorts them by time; what happens at one time keeps the order
// that makes the slices of a lane nest.
func (t *tree) events(tr *traces.Trace) []event {
	byTrack := make([][]int32, len(tr.Tracks))
	for i := range tr.Records {
		k := tr.Records[i].Track
		byTrack[k] = append(byTrack[k], int32(i))
	}
	out := make([]event, 0, 2*len(tr.Records))
	for k, list := range byTrack {
		out = t.layout(out, tr, traces.Track(k), list)
	}
	order := make([]int32, len(out))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(out[a].at, out[b].at), cmp.Compare(a, b))
	})
	sorted := make([]event, len(out))
	for i, k := range order {
		sorted[i] = out[k]
	}
	return sorted
}

func (t *tree) layout(out []event, tr *traces.Trace, track traces.Track, list []int32) []event {
	var spans []int32
	for _, i := range list {
		r := &tr.Records[i]
		switch p := &tr.Points[r.Kind]; p.Shape {
		case traces.Span:
			spans = append(spans, i)
		case traces.Mark:
			out = append(out, event{r.Start, i, t.leaf[track], typeInstant})
		case traces.Level:
			out = append(out, event{r.Start, i, t.counter(track, r.Kind, p), typeCounter})
		}
	}
	slices.SortFunc(spans, func(a, b int32) int {
		x, y := &tr.Records[a], &tr.Records[b]
		return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(y.Dur, x.Dur), cmp.Compare(a, b))
	})
	var lanes []*lane
	for _, i := range spans {
		var l *lane
		l, out = t.place(&lanes, out, tr, track, i)
		l.open = append(l.open, i)
		out = append(out, event{tr.Records[i].Start, i, l.node, typeBegin})
	}
	for _, l := range lanes {
		out = l.close(out, tr, traces.Forever)
	}
	return out
}

// place finds the first lane that a span fits into.
func (t *tree) place(lanes *[]*lane, out []event, tr *traces.Trace, track traces.Track,
	i int32) (*lane, []event) {
	r := &tr.Records[i]
	for _, l := range *lanes {
		out = l.close(out, tr, r.Start)
		if len(l.open) == 0 {
			return l, out
		}
		top := &tr.Records[l.open[len(l.open)-1]]
		if sequential(&tr.Points[top.Kind]) && r.End() <= top.End() {
			return l, out
		}
	}
	l := &lane{node: t.leaf[track]}
	if n := len(*lanes); n > 0 {
		l.node = t.lane(track, n+1)
	}
	*lanes = append(*lanes, l)
	return l, out
}

// close ends the spans that are over by a moment, innermost first.
func (l *lane) close(out []event, tr *traces.Trace, by traces.Time) []event {
	for n := len(l.open); n > 0; n-- {
		i := l.open[n-1]
		end := tr.Records[i].End()
		if end > by {
			break
		}
		out = append(out, event{end, i, l.node, typeEnd})
		l.open = l.open[:n-1]
	}
	return out
}
