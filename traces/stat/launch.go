package stat

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"tensoros/traces"
)

// LaunchParts are the parts of a kernel launch, from the call to the first CTA. They add up to
// Total.
type LaunchParts struct {
	Kernel   string      `json:"kernel"`
	Start    traces.Time `json:"start_ps"`
	Call     traces.Time `json:"call_ps"`      // call until the doorbell is written
	Doorbell traces.Time `json:"doorbell_ps"`  // over PCI Express, until the device has the token
	FrontEnd traces.Time `json:"front_end_ps"` // ring, pushbuffer, methods, launch descriptor
	CTA      traces.Time `json:"cta_ps"`       // descriptor in hand until the first CTA is resident
	Total    traces.Time `json:"total_ps"`
}

// moments are the records of a trace that launches are made of, by time.
type moments struct {
	trace                               *traces.Trace
	launches, rings, writes, grids, cta []*traces.Record
	fetches                             []*traces.Record
}

// Launches takes every kernel/launch span apart. A launch is the first doorbell that follows the
// call and that no earlier launch has claimed; its grid is the first one on that GPU which nobody
// has claimed. Spans for which the trace does not hold all of this (a launch on a machine that
// records no device, a trace that was cut) are counted in incomplete.
func Launches(t *traces.Trace) (parts []LaunchParts, incomplete int) {
	m := gather(t)
	used := map[*traces.Record]bool{}
	for _, l := range m.launches {
		p, ok := m.launch(l, used)
		if !ok {
			incomplete++
			continue
		}
		parts = append(parts, p)
	}
	return parts, incomplete
}

func gather(t *traces.Trace) *moments {
	m := &moments{trace: t}
	lists := map[string]*[]*traces.Record{
		traces.KernelLaunch.String(): &m.launches, traces.GPUDoorbell.String(): &m.rings,
		traces.CPUWrite.String(): &m.writes, traces.GPUGrid.String(): &m.grids,
		traces.GPUCTA.String(): &m.cta, traces.GPUFetch.String(): &m.fetches,
	}
	for i := range t.Records {
		r := &t.Records[i]
		if l := lists[t.Points[r.Kind].Name]; l != nil {
			*l = append(*l, r)
		}
	}
	byStart := func(a, b *traces.Record) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	}
	for _, l := range []*[]*traces.Record{&m.launches, &m.rings, &m.writes, &m.grids, &m.cta,
		&m.fetches} {
		slices.SortStableFunc(*l, byStart)
	}
	return m
}

// from is the index of the first record that starts at or after a moment.
func from(list []*traces.Record, at traces.Time) int {
	i, _ := slices.BinarySearchFunc(list, at, func(r *traces.Record, at traces.Time) int {
		if r.Start < at {
			return -1
		}
		return 1
	})
	return i
}

// claim finds the first unclaimed record that starts within [since, until] below a path.
func (m *moments) claim(list []*traces.Record, used map[*traces.Record]bool, path string,
	since, until traces.Time) *traces.Record {
	for _, r := range list[from(list, since):] {
		if r.Start > until {
			return nil
		}
		if !used[r] && strings.HasPrefix(m.trace.Tracks[r.Track], path) {
			used[r] = true
			return r
		}
	}
	return nil
}

func (m *moments) launch(l *traces.Record, used map[*traces.Record]bool) (LaunchParts, bool) {
	var p LaunchParts
	ring := m.claim(m.rings, used, "", l.Start, l.End())
	if ring == nil {
		return p, false
	}
	// The device's tracks share a path: PATH/host, PATH/compute, PATH/sm0.
	gpu := strings.TrimSuffix(m.trace.Tracks[ring.Track], "host")
	write := m.written(ring, l.Start)
	grid := m.claim(m.grids, used, gpu, ring.Start, l.End())
	if write == nil || grid == nil {
		return p, false
	}
	first := m.first(m.cta, gpu, grid.Start)
	if first == nil {
		return p, false
	}
	ready := m.fetched(gpu, ring.Start, first.Start)
	p = LaunchParts{Start: l.Start, Call: write.Start - l.Start, Doorbell: ring.Start - write.Start,
		FrontEnd: ready - ring.Start, CTA: first.Start - ready, Total: first.Start - l.Start}
	if len(l.Args) > 0 && l.Args[0] < uint64(len(m.trace.Texts)) {
		p.Kernel = m.trace.Texts[l.Args[0]]
	}
	return p, true
}

// written is the processor's write of the doorbell: the last one before it rang that carries its
// token.
func (m *moments) written(ring *traces.Record, since traces.Time) *traces.Record {
	for i := from(m.writes, ring.Start) - 1; i >= 0 && m.writes[i].Start >= since; i-- {
		if m.writes[i].Args[2] == ring.Args[0] {
			return m.writes[i]
		}
	}
	return nil
}

func (m *moments) first(list []*traces.Record, path string, since traces.Time) *traces.Record {
	for _, r := range list[from(list, since):] {
		if strings.HasPrefix(m.trace.Tracks[r.Track], path) {
			return r
		}
	}
	return nil
}

// fetched is when the last fetch before the first CTA was back: the launch descriptor's.
func (m *moments) fetched(path string, since, until traces.Time) traces.Time {
	ready := since
	for _, r := range m.fetches[from(m.fetches, since):] {
		if r.Start > until {
			break
		}
		if r.End() <= until && strings.HasPrefix(m.trace.Tracks[r.Track], path) {
			ready = max(ready, r.End())
		}
	}
	return ready
}

// LaunchTable writes launches as aligned text, one a line.
func LaunchTable(w io.Writer, parts []LaunchParts) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "kernel\tat\tcall\tdoorbell\tfront end\tcta\ttotal\t")
	for _, p := range parts {
		fmt.Fprintf(tw, "%s\t%v\t%v\t%v\t%v\t%v\t%v\t\n", p.Kernel, p.Start, p.Call, p.Doorbell,
			p.FrontEnd, p.CTA, p.Total)
	}
	return tw.Flush()
}
