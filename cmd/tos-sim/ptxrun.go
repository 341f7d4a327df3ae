package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/hw"
	"tensoros/hw/ptx"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/sanitize"
)

// ptxRun is what `ptx run` was asked for.
type ptxRun struct {
	entry       string
	grid, block string
	shared      int
	args        []string
	print       []string
	out         []string
	expect      []string
	functional  bool
	device      string
	cluster     string
	sanitize    bool
	stalls      bool
	pprof       string
}

const ptxRunLong = `Run one kernel of a PTX file on the chip of --board, without a machine around it.

Arguments are given in order: buffers (zeros:BYTES, iota:N:TYPE, rand:N:TYPE[:SEED], file:PATH,
room:BYTES that nobody writes) and scalars (TYPE:VALUE). Afterwards a buffer can be printed (--print INDEX:TYPE[:COUNT]),
written (--out INDEX=FILE) or compared (--expect INDEX=FILE).

    tos-sim ptx run scale.ptx --grid 4 --block 256 --arg iota:1024:u32 --arg u32:3 --print 0:u32:8`

func ptxRunCommand(e *env) *cobra.Command {
	var r ptxRun
	c := &cobra.Command{
		Use:   "run [flags] FILE.ptx",
		Short: "Run a kernel of a PTX file on the chip",
		Long:  ptxRunLong,
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return e.ptxRun(args[0], &r) },
	}
	f := c.Flags()
	f.StringVar(&r.entry, "entry", "", "`KERNEL` to run; may be left out if there is one")
	f.StringVar(&r.grid, "grid", "1", "CTAs, `X[,Y[,Z]]`")
	f.StringVar(&r.block, "block", "32", "threads a CTA, `X[,Y[,Z]]`")
	f.StringVar(&r.cluster, "cluster", "", "CTAs a cluster, `X[,Y[,Z]]`; else what the kernel says")
	f.IntVar(&r.shared, "shared", 0, "`BYTES` of dynamic shared memory")
	f.StringArrayVar(&r.args, "arg", nil, "an argument of the kernel, in order")
	f.StringArrayVar(&r.print, "print", nil, "print a buffer, `INDEX:TYPE[:COUNT]`")
	f.StringArrayVar(&r.out, "out", nil, "write a buffer, `INDEX=FILE`")
	f.StringArrayVar(&r.expect, "expect", nil, "compare a buffer, `INDEX=FILE`")
	f.BoolVar(&r.functional, "functional", false, "execute without time")
	f.StringVar(&r.device, "device", "", deviceUsage)
	f.BoolVar(&r.sanitize, "sanitize", false, sanitizeUsage)
	f.BoolVar(&r.stalls, "stalls", false, "show all that is known of where the time went: every "+
		"stall reason, pipe and line")
	f.StringVar(&r.pprof, "pprof", "", pprofUsage)
	return c
}

// ptxRunReport is the outcome.
type ptxRunReport struct {
	Kernel       string             `json:"kernel"`
	Chip         string             `json:"chip"`
	CTAs         int                `json:"ctas"`
	Instructions uint64             `json:"warp_instructions,omitempty"`
	Cycles       int64              `json:"cycles,omitempty"`
	US           float64            `json:"us,omitempty"`
	CTAsPerSM    int                `json:"ctas_per_sm,omitempty"`
	LimitedBy    string             `json:"limited_by,omitempty"`
	Findings     []sanitize.Finding `json:"findings,omitempty"`
	Report       *kernelReport      `json:"report,omitempty"`
}

func (e *env) ptxRun(path string, r *ptxRun) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	m, err := ptx.Parse(path, src)
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		return failed("tos-sim ptx check "+path+" lists them", "%w", err)
	}
	entry, err := onlyEntry(m, r.entry)
	if err != nil {
		return failed("", "%w", err)
	}
	var sane *sanitize.Checker
	if r.sanitize {
		sane = sanitize.New()
	}
	timed := !r.functional && sane == nil
	if r.pprof != "" && (!timed || strings.HasPrefix(r.device, "cuda")) {
		return usage("", "--pprof needs the simulated chip, with time")
	}
	d, err := e.device(r.device, gpu.Options{Timed: timed, Profile: timed, Check: sane})
	if err != nil {
		return err
	}
	defer d.Close()
	mod, err := d.Load(path, src)
	if err != nil {
		return failed("", "%w", err)
	}
	k, err := mod.Kernel(entry)
	if err != nil {
		return failed("", "%w", err)
	}
	g, args, err := e.ptxGrid(d, m.Func(entry), r)
	if err != nil {
		return err
	}
	report := ptxRunReport{Kernel: entry, Chip: d.chip, CTAs: ctas(g)}
	err = report.launch(k, g, timed)
	report.Findings = findings(sane)
	if err != nil {
		return e.ptxBroken(&report, sane, failed("", "%w", err))
	}
	if a, ok := d.Accelerator.(*gpu.Accelerator); ok {
		if err := e.writeProfile(r.pprof, a.Profiles()); err != nil {
			return err
		}
	}
	if err := collect(d, args); err != nil {
		return err
	}
	return e.found(sane, e.ptxOutcome(&report, r, args))
}

// ptxBroken is the outcome of a launch that ended with an error.
func (e *env) ptxBroken(r *ptxRunReport, sane *sanitize.Checker, err error) error {
	if e.json && len(r.Findings) > 0 {
		if e := e.encode(r); e != nil {
			return e
		}
	}
	return e.found(sane, err)
}

// launch runs the grid, and reports all that this device knows of it.
func (r *ptxRunReport) launch(k hw.Kernel, g hw.Grid, timed bool) error {
	own, ok := k.(*gpu.Kernel)
	if !ok {
		l, err := k.Launch(g)
		r.US = l.Elapsed / 1e3
		return err
	}
	run, err := own.Run(g)
	r.Instructions, r.Cycles, r.US = run.Instructions, run.Cycles, run.Elapsed/1e3
	if timed && err == nil {
		r.CTAsPerSM, r.LimitedBy = run.CTAsPerSM, run.LimitedBy
		r.Report = newKernelReport(&run, own.MostWarps())
	}
	return err
}

func ctas(g hw.Grid) int { return int(g.Blocks[0]) * int(g.Blocks[1]) * int(g.Blocks[2]) }

// onlyEntry is the kernel of that name, or the only one.
func onlyEntry(m *ptx.Module, name string) (string, error) {
	var names []string
	for _, f := range m.Funcs {
		if f.Entry && f.Defined {
			names = append(names, f.Name)
		}
	}
	switch {
	case len(names) == 0:
		return "", fmt.Errorf("%s: no kernel (.entry) in it", m.Name)
	case name == "" && len(names) == 1:
		return names[0], nil
	case name == "":
		return "", fmt.Errorf("%s: name one of its kernels with --entry: %s", m.Name,
			strings.Join(names, ", "))
	case !slices.Contains(names, name):
		return "", fmt.Errorf("%s: no kernel %q; it has %s", m.Name, name,
			strings.Join(names, ", "))
	}
	return name, nil
}

// ptxGrid reads the arguments, brings the buffers to the device and builds the launch.
func (e *env) ptxGrid(a hw.Accelerator, f *ptx.Func, r *ptxRun) (g hw.Grid, args []kernelArg,
	err error) {
	for _, spec := range r.args {
		x, err := e.parseArg(spec)
		if err != nil {
			return g, nil, err
		}
		args = append(args, x)
	}
	g.Shared = r.shared
	if g.Blocks, err = dim3("--grid", r.grid); err != nil {
		return g, nil, err
	}
	if g.Threads, err = dim3("--block", r.block); err != nil {
		return g, nil, err
	}
	if r.cluster != "" {
		if g.Cluster, err = dim3("--cluster", r.cluster); err != nil {
			return g, nil, err
		}
	}
	if err = place(a, args); err != nil {
		return g, nil, err
	}
	g.Params, err = parameters(f, args)
	return g, args, err
}

func dim3(flag, text string) (d [3]uint32, err error) {
	d = [3]uint32{1, 1, 1}
	parts := strings.Split(text, ",")
	for i, s := range parts {
		n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
		if err != nil || n == 0 || i > 2 {
			return d, usage("as in "+flag+" 4,2",
				"%s %s: write X, X,Y or X,Y,Z, each at least 1", flag, text)
		}
		d[i] = uint32(n)
	}
	return d, nil
}

// ptxOutcome prints, writes and compares.
func (e *env) ptxOutcome(report *ptxRunReport, r *ptxRun, args []kernelArg) error {
	for _, spec := range r.print {
		if err := e.printBuffer(spec, args); err != nil {
			return err
		}
	}
	for _, spec := range r.out {
		p, file, err := bufferFile("--out", spec, args)
		if err != nil {
			return err
		}
		err = e.writeTo(file, func(w io.Writer) error { _, err := w.Write(p); return err })
		if err != nil {
			return err
		}
	}
	for _, spec := range r.expect {
		p, file, err := bufferFile("--expect", spec, args)
		if err != nil {
			return err
		}
		want, err := e.readFile(file)
		if err != nil {
			return err
		}
		if at := firstDifference(p, want); at >= 0 {
			return failed("", "--expect %s: byte %d differs (%d bytes, the file has %d)", spec, at,
				len(p), len(want))
		}
	}
	if e.json {
		return e.encode(report)
	}
	return report.write(e.out, r.stalls)
}

func (r *ptxRunReport) write(out io.Writer, full bool) error {
	fmt.Fprintf(out, "kernel %s on %s: %d CTAs", r.Kernel, r.Chip, r.CTAs)
	if r.Instructions > 0 {
		fmt.Fprintf(out, ", %d warp instructions", r.Instructions)
	}
	if r.Cycles > 0 {
		fmt.Fprintf(out, ", %d cycles", r.Cycles)
	}
	if r.US > 0 {
		fmt.Fprintf(out, ", %.3f us", r.US)
	}
	if r.CTAsPerSM > 0 {
		fmt.Fprintf(out, "; %d CTAs a SM (%s)", r.CTAsPerSM, r.LimitedBy)
	}
	if _, err := fmt.Fprintln(out); err != nil || r.Report == nil {
		return err
	}
	return r.Report.write(out, full)
}

func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func pickBuffer(flag, index string, args []kernelArg) ([]byte, error) {
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(args) || args[i].buffer == nil {
		return nil, usage("arguments count from 0", "%s: argument %q is not a buffer", flag, index)
	}
	return args[i].buffer, nil
}

func bufferFile(flag, spec string, args []kernelArg) (p []byte, file string, err error) {
	index, file, ok := strings.Cut(spec, "=")
	if !ok {
		return nil, "", usage("", "%s %s: write INDEX=FILE", flag, spec)
	}
	p, err = pickBuffer(flag, index, args)
	return p, file, err
}

// printBuffer prints elements of a buffer on one line.
func (e *env) printBuffer(spec string, args []kernelArg) error {
	f := strings.Split(spec, ":")
	if len(f) < 2 || len(f) > 3 {
		return usage("", "--print %s: write INDEX:TYPE[:COUNT]", spec)
	}
	p, err := pickBuffer("--print", f[0], args)
	if err != nil {
		return err
	}
	t, ok := argTypes[f[1]]
	if !ok {
		return usage(argForms, "--print %s: no type %q", spec, f[1])
	}
	n := len(p) / t.size
	if len(f) == 3 {
		k, err := strconv.Atoi(f[2])
		if err != nil || k < 1 {
			return usage("", "--print %s: %q is not a count", spec, f[2])
		}
		n = min(n, k)
	}
	var line []string
	for i := range n {
		line = append(line, t.show(getBits(p[i*t.size:(i+1)*t.size])))
	}
	_, err = fmt.Fprintln(e.out, strings.Join(line, " "))
	return err
}
