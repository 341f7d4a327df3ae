package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"tensoros/hw"
	krun "tensoros/kernel/run"
	"tensoros/traces"
	"tensoros/traces/stat"
)

// report is what a run showed, in simulated time unless said.
type report struct {
	Board    string         `json:"board"`
	BootUS   float64        `json:"boot_us"`
	Loads    []loadReport   `json:"loads"`
	LoadGBs  float64        `json:"load_gb_per_s"` // all loads together
	Launches []launchReport `json:"launches"`
	WallMS   float64        `json:"wall_ms"`
}

type loadReport struct {
	Object string  `json:"object"`
	Bytes  uint64  `json:"bytes"`
	US     float64 `json:"us"`
}

type launchReport struct {
	Kernel  string            `json:"kernel"`
	Grid    [3]uint32         `json:"grid"`
	Latency *stat.LaunchParts `json:"latency,omitempty"`
	US      float64           `json:"kernel_us"`
	TFLOPs  float64           `json:"tflop_per_s"`
}

// measure takes the figures of what has run since the last report from the runtime and the trace.
func (s *session) measure(rt *krun.Runtime) (report, error) {
	r := report{Board: s.board.Spec.Name, BootUS: float64(s.kernel.Ready) / 1e3,
		WallMS: float64(time.Since(s.wall)) / float64(time.Millisecond)}
	var bytes uint64
	var first, last hw.Time
	for i, l := range rt.Loads[s.loads:] {
		r.Loads = append(r.Loads, loadReport{l.Object, l.Bytes, float64(l.End-l.Start) / 1e3})
		bytes += l.Bytes
		if i == 0 || l.Start < first {
			first = l.Start
		}
		last = max(last, l.End)
	}
	if bytes > 0 {
		r.LoadGBs = float64(bytes) / float64(last-first)
	}
	t, err := traces.Decode(s.rec.Bytes())
	if err != nil {
		return r, err
	}
	parts, _ := stat.Launches(t)
	grids := grids(t)
	for i, l := range rt.Launches {
		if i < s.launches {
			continue
		}
		lr := launchReport{Kernel: l.Kernel, Grid: l.Grid}
		if i < len(parts) {
			lr.Latency = &parts[i]
		}
		if i < len(grids) {
			lr.US = float64(grids[i]) / float64(traces.Microsecond)
			lr.TFLOPs = l.FLOPs / grids[i].Seconds() / 1e12
		}
		r.Launches = append(r.Launches, lr)
	}
	s.loads, s.launches = len(rt.Loads), len(rt.Launches)
	return r, nil
}

// grids is how long each grid ran, in order.
func grids(t *traces.Trace) (out []traces.Time) {
	for i := range t.Records {
		if t.Points[t.Records[i].Kind].Name == traces.GPUGrid.String() {
			out = append(out, t.Records[i].Dur)
		}
	}
	return out
}

// table prints the report of all that the session ran so far.
func (s *session) table(rt *krun.Runtime) error {
	r, err := s.measure(rt)
	if err != nil {
		return err
	}
	if s.env.json {
		return s.env.encode(r)
	}
	return r.write(s.env.out)
}

func (r *report) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w)
	row("simulated boot", "%.3f us on board %s", r.BootUS, r.Board)
	if len(r.Loads) > 0 {
		var n uint64
		for _, l := range r.Loads {
			n += l.Bytes
		}
		row("NVMe -> VRAM", "%.2f GB/s, %d objects, %d bytes by peer-to-peer DMA", r.LoadGBs,
			len(r.Loads), n)
	}
	for _, l := range r.Launches {
		if p := l.Latency; p != nil {
			row("launch latency", "%v = driver %v + doorbell %v + front end %v + CTA %v", p.Total,
				p.Call, p.Doorbell, p.FrontEnd, p.CTA)
		}
		row("kernel "+l.Kernel, "%.3f us, %.2f TFLOP/s, grid %dx%dx%d", l.US, l.TFLOPs,
			l.Grid[0], l.Grid[1], l.Grid[2])
	}
	row("wall time", "%.0f ms", r.WallMS)
	return w.Flush()
}
