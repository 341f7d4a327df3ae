package main

import (
	"fmt"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// bench is one figure: work prepares it and returns what does one portion and says how much that
// was, in units.
type bench struct {
	name, unit, doc string
	gate            float64 // least rate on one core; 0: none
	work            func() (portion func() (float64, error), err error)
}

var benches = []bench{
	{"engine", "event/s", "1,024 chains of events through the engine", 0, engineWork},
	{"pcie", "TLP/s", "device writes of 1 MiB to host memory in TLPs of 256 B, Gen5 x16", 0,
		pcieWork},
	{"sm-functional", "warp-instr/s", "examples/matmul.nl on 512 x 512 x 512, no timing", 1_500_000,
		functionalWork},
	{"sm-timed", "warp-instr/s", "the same on all SMs of an H100, with timing", 125_000, timedWork},
	{"tensor", "MAC/s", "mma.sync m16n8k16 f16 to f32 of sm_90, bit for bit", 0, tensorWork},
}

type benchReport struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"`
	Unit string  `json:"unit"`
	Gate float64 `json:"gate,omitempty"`
	Pass bool    `json:"pass"`
	Wall float64 `json:"wall_s"`
	Doc  string  `json:"doc"`
}

type benchFlags struct {
	time time.Duration
	gate bool
}

func benchCommand(e *env) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench [flags]",
		Short: "Measure how fast the simulator is on this computer",
		Long: "Measure the simulator's own speed, in wall time on one core. The gates are the " +
			"least that\nTensorOS promises.",
		RunE: func(*cobra.Command, []string) error { return e.bench(&f) },
	}
	c.Flags().DurationVar(&f.time, "time", time.Second, "`TIME` for each figure, as in 100ms")
	c.Flags().BoolVar(&f.gate, "gate", false, "exit with 1 if a gate is missed")
	return c
}

func (e *env) bench(f *benchFlags) error {
	p := e.progress("bench")
	var list []benchReport
	missed := 0
	for _, b := range benches {
		r, err := b.measure(f.time, p)
		if err != nil {
			p.Done()
			return fmt.Errorf("bench %s: %w", b.name, err)
		}
		if !r.Pass {
			missed++
		}
		list = append(list, r)
	}
	p.Done()
	if err := e.benchShow(list); err != nil {
		return err
	}
	if f.gate && missed > 0 {
		return failed("an idle computer may pass", "bench: %s missed", count(missed, "gate"))
	}
	return nil
}

// measure repeats the portion until the time is over; the first one only warms up.
func (b *bench) measure(atLeast time.Duration, p *progress) (benchReport, error) {
	r := benchReport{Name: b.name, Unit: b.unit, Gate: b.gate, Doc: b.doc}
	p.Update("%s", b.name)
	portion, err := b.work()
	if err != nil {
		return r, err
	}
	if _, err := portion(); err != nil {
		return r, err
	}
	var done float64
	start := time.Now()
	for {
		n, err := portion()
		if err != nil {
			return r, err
		}
		done += n
		r.Wall = time.Since(start).Seconds()
		p.Update("%s", b.name)
		if r.Wall >= atLeast.Seconds() {
			break
		}
	}
	r.Rate = done / r.Wall
	r.Pass = r.Rate >= b.gate
	return r, nil
}

func (e *env) benchShow(list []benchReport) error {
	if e.json {
		return e.encode(list)
	}
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, r := range list {
		verdict := ""
		if r.Gate > 0 {
			verdict = fmt.Sprintf("gate %s: pass", quantity(r.Gate))
			if !r.Pass {
				verdict = fmt.Sprintf("gate %s: FAIL", quantity(r.Gate))
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t  %s\t\n", r.Name, quantity(r.Rate), r.Unit, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s, %s/%s, one core of %d\n", runtime.Version(), runtime.GOOS,
		runtime.GOARCH, runtime.NumCPU())
	return nil
}

// quantity is a number with a decimal prefix.
func quantity(v float64) string {
	for _, p := range []struct {
		least float64
		name  string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= p.least {
			return fmt.Sprintf("%.4g %s", v/p.least, p.name)
		}
	}
	return fmt.Sprintf("%.4g ", v)
}
