package main

import (
	"fmt"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// bench is one figure: work prepares it and returns what does one portion and says how much that
// was, in units. If it is no rate, the portions' least or greatest value counts, as best says.
type bench struct {
	name, unit, doc string
	gate            float64 // least rate on one core; 0: none
	work            func() (portion func() (float64, error), err error)
	best            func(a, b float64) float64 // nil: work a second
	most            bool                       // the gate is the most
}

var benches = []bench{
	{"engine", "event/s", "1,024 chains of events through the engine", 0, engineWork,
		nil, false},
	{"pcie", "TLP/s", "device writes of 1 MiB to host memory in TLPs of 256 B, Gen5 x16", 0,
		pcieWork, nil, false},
	{"nvme-512", "I/O/s", "512 B random reads of a Micron 9550 by a polling host, depth 256",
		1_000_000, nvmeReads512, nil, false},
	{"nvme-4k", "I/O/s", "the same of 4 KiB: a third of it is the copying of data", 1_000_000,
		nvmeReads4K, nil, false},
	{"sm-functional", "warp-instr/s", "examples/matmul.nl on 512 x 512 x 512, no timing", 1_500_000,
		functionalWork, nil, false},
	{"sm-timed", "warp-instr/s", "the same on all SMs of an H100, with timing", 125_000, timedWork,
		nil, false},
	{"tensor", "MAC/s", "mma.sync m16n8k16 f16 to f32 of sm_90, bit for bit", 0, tensorWork,
		nil, false},
}

type benchReport struct {
	Name string  `json:"name"`
	Rate float64 `json:"rate"`
	Unit string  `json:"unit"`
	Gate float64 `json:"gate,omitempty"`
	Most bool    `json:"gate_is_the_most,omitempty"`
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
		Use:   "bench [flags] [gpu|fs|lang] [NAME...]",
		Short: "Measure how fast the simulator is on this computer",
		Long: "Measure the simulator's own speed, in wall time on one core. The gates are the " +
			"least that\nTensorOS promises. With gpu: the SMs alone, on kernels of arithmetic in f32, " +
			"with and without time. With fs: how fast TensorFS\nbrings an object into VRAM, in simulated " +
			"time. With lang: what kernels of the library of Neuro-Lang reach\non an H100, in simulated " +
			"time.",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return e.bench(benches, &f)
			}
			table, ok := benchTables[args[0]]
			if !ok {
				return usage("tos-sim bench, or with gpu, fs, lang", "no benches %q", args[0])
			}
			table, err := only(table, args[1:])
			if err != nil {
				return err
			}
			return e.bench(table, &f)
		},
	}
	c.Flags().DurationVar(&f.time, "time", time.Second, "`TIME` for each figure, as in 100ms")
	c.Flags().BoolVar(&f.gate, "gate", false, "exit with 1 if a gate is missed")
	return c
}

// benchTables are the further tables, by what the command line calls them.
var benchTables = map[string][]bench{"gpu": gpuBenches, "fs": fsBenches, "lang": langBenches}

// only is the rows of these names; of none: all.
func only(table []bench, names []string) ([]bench, error) {
	if len(names) == 0 {
		return table, nil
	}
	var out []bench
	for _, n := range names {
		i := slices.IndexFunc(table, func(b bench) bool { return b.name == n })
		if i < 0 {
			return nil, usage("", "no bench %q", n)
		}
		out = append(out, table[i])
	}
	return out, nil
}

func (e *env) bench(table []bench, f *benchFlags) error {
	p := e.progress("bench")
	var list []benchReport
	missed := 0
	for _, b := range table {
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
	r := benchReport{Name: b.name, Unit: b.unit, Gate: b.gate, Doc: b.doc, Most: b.most}
	p.Update("%s", b.name)
	portion, err := b.work()
	if err != nil {
		return r, err
	}
	value, err := portion()
	if err != nil {
		return r, err
	}
	var done float64
	start := time.Now()
	for r.Wall == 0 || r.Wall < atLeast.Seconds() {
		n, err := portion()
		if err != nil {
			return r, err
		}
		if done += n; b.best != nil {
			value = b.best(value, n)
		}
		r.Wall = time.Since(start).Seconds()
		p.Update("%s", b.name)
	}
	if r.Rate = value; b.best == nil {
		r.Rate = done / r.Wall
	}
	if r.Pass = r.Rate >= b.gate; b.most {
		r.Pass = r.Rate <= b.gate
	}
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
			word := "gate"
			if r.Most {
				word = "at most"
			}
			verdict = fmt.Sprintf("%s %s: pass", word, quantity(r.Gate))
			if !r.Pass {
				verdict = fmt.Sprintf("%s %s: FAIL", word, quantity(r.Gate))
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
