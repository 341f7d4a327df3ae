package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tensoros/traces"
	"tensoros/traces/perfetto"
	"tensoros/traces/stat"
)

func traceCommand(e *env) *cobra.Command {
	c := &cobra.Command{Use: "trace", Short: "Export and summarise timing traces"}
	c.AddCommand(traceExportCommand(e), traceStatCommand(e))
	return c
}

type exportFlags struct{ format, out, perfettoTime string }

func traceExportCommand(e *env) *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export [flags] FILE",
		Short: "Write a trace for Perfetto, or as text",
		Long: "Write a trace in another form:\n\n" +
			"    perfetto  protobuf for ui.perfetto.dev and trace_processor\n" +
			"    text      a line a record, start and length in picoseconds",
		Example: "    tos-sim run --trace run.tos examples/matmul.nl\n" +
			"    tos-sim trace export --format perfetto -o run.pftrace run.tos",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return e.traceExport(args[0], &f) },
	}
	c.Flags().Var(newChoice(&f.format, "perfetto", "perfetto", "text"), "format",
		"`FORM` to write: perfetto or text")
	c.Flags().Var(newChoice(&f.perfettoTime, "ns", "ns", "ps-as-ns"), "perfetto-time",
		"`UNIT` of Perfetto's time stamps, which are whole ns: ns (rounded down) or ps-as-ns "+
			"(exact, shown 1000 times as long)")
	c.Flags().StringVarP(&f.out, "output", "o", "", "write to `FILE`, not to the standard output")
	return c
}

func traceStatCommand(e *env) *cobra.Command {
	var f stat.Filter
	var launches bool
	c := &cobra.Command{
		Use:   "stat [flags] FILE",
		Short: "Sum a trace up: count, min, p50, p99, p99.9, max, jitter by kind",
		Long: "Sum a trace up by kind of record. Percentiles are exact order statistics; jitter " +
			"is max - min;\nthe last column is what the time was spent on.",
		Example: "    tos-sim trace stat --kind pcie/ run.tos",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return e.traceStat(args[0], f, launches)
		},
	}
	c.Flags().StringVar(&f.Kind, "kind", "", "only kinds that start with `PREFIX`")
	c.Flags().StringVar(&f.Track, "track", "", "only tracks that start with `PREFIX`")
	c.Flags().BoolVar(&f.ByTrack, "by-track", false, "a row for each track and kind")
	c.Flags().BoolVar(&launches, "launches", false, "take every kernel launch apart instead")
	return c
}

func (e *env) readTrace(path string) (*traces.Trace, error) {
	data, err := e.readFile(path)
	if err != nil {
		return nil, err
	}
	t, err := traces.Decode(data)
	if err != nil {
		return nil, input("", "%s: %w", path, err)
	}
	return t, nil
}

func (e *env) traceExport(path string, f *exportFlags) error {
	t, err := e.readTrace(path)
	if err != nil {
		return err
	}
	if f.format == "perfetto" && f.out == "" && terminal(e.out) {
		return usage("give -o FILE", "a Perfetto trace is no text for a terminal")
	}
	p := e.progress("trace export")
	p.Update("%s of %s", f.format, count(len(t.Records), "record"))
	defer p.Done()
	return e.writeTo(f.out, func(w io.Writer) error {
		if f.format == "text" {
			return t.WriteText(w)
		}
		unit, err := perfetto.ParseTime(f.perfettoTime)
		if err != nil {
			return err
		}
		return perfetto.Write(w, t, perfetto.Options{Time: unit})
	})
}

func (e *env) traceStat(path string, f stat.Filter, launches bool) error {
	t, err := e.readTrace(path)
	if err != nil {
		return err
	}
	if launches {
		return e.traceLaunches(path, t)
	}
	s := stat.Summarise(t, f)
	if s.Records == 0 && len(t.Records) > 0 {
		return failed("trace stat without --kind and --track shows what there is",
			"%s: no record of kind %q on track %q", path, f.Kind+"*", f.Track+"*")
	}
	if e.json {
		return e.encode(s)
	}
	return s.Table(e.out)
}

func (e *env) traceLaunches(path string, t *traces.Trace) error {
	parts, incomplete := stat.Launches(t)
	if e.json {
		if parts == nil {
			parts = []stat.LaunchParts{}
		}
		return e.encode(parts)
	}
	if err := stat.LaunchTable(e.out, parts); err != nil {
		return err
	}
	if incomplete > 0 {
		fmt.Fprintf(e.err, "%s: %s not recorded in full\n", path, count(incomplete, "launch"))
	}
	return nil
}
