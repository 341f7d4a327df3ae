package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tensoros/hw"
	"tensoros/hw/cuda"
	krun "tensoros/kernel/run"
	"tensoros/kernel/tensorfs"
	"tensoros/neurolang"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/sanitize"
)

const deviceUsage = "run on a `DEVICE` without a machine around it: chip is the simulated GPU of " +
	"--board; cuda, or cuda:N, a real NVIDIA GPU"

const sanitizeUsage = "look for accesses out of bounds, uninitialised reads, races in shared " +
	"memory, missing proxy fences and misused barriers; without time"

// device is an accelerator and its short name.
type device struct {
	hw.Accelerator
	chip string
}

// device opens what --device names; nothing is the chip. With a checker it runs without time.
func (e *env) device(name string, o gpu.Options) (*device, error) {
	kind, number, numbered := strings.Cut(name, ":")
	n := 0
	if numbered {
		var err error
		if n, err = strconv.Atoi(number); err != nil || n < 0 {
			return nil, usage("as in --device cuda:1", "--device %s: %q is no number", name, number)
		}
	}
	switch {
	case kind == "cuda" && o.Check != nil:
		return nil, usage("compute-sanitizer checks on a GPU",
			"--sanitize needs the simulated chip")
	case kind == "cuda":
		return openCUDA(n)
	case name == "" || name == "chip":
		return e.openChip(o)
	}
	return nil, usage("there are chip, cuda, cuda:N", "no --device %q", name)
}

func openCUDA(n int) (*device, error) {
	a, err := cuda.Open(n)
	if errors.Is(err, cuda.ErrNoDriver) {
		return nil, failed("an NVIDIA GPU and its driver are needed; --device chip simulates one",
			"--device cuda: %w", err)
	}
	if err != nil {
		return nil, failed("", "--device cuda:%d: %w", n, err)
	}
	return &device{a, fmt.Sprintf("%s (sm_%d)", a.Name(), a.Arch())}, nil
}

func (e *env) openChip(o gpu.Options) (*device, error) {
	spec, err := e.spec()
	if err != nil {
		return nil, err
	}
	if len(spec.GPUs) == 0 {
		return nil, usage("", "board %s has no GPU", spec.Name)
	}
	c, err := spec.GPUs[0].Build()
	if err != nil {
		return nil, err
	}
	o.Stdout = e.out // printf of kernels
	if e.json {
		o.Stdout = e.err
	}
	o.Timed = o.Timed && o.Check == nil
	o.Threads, o.Sample = e.threads, !e.exact
	a, err := gpu.New(c, o)
	if err != nil {
		return nil, failed("", "%w", err)
	}
	return &device{a, c.Name}, nil
}

// codeFor is the newest architecture that code can be made for and that runs on arch.
func codeFor(arch int) (int, bool) {
	best := 0
	for _, t := range gen.Targets() {
		if t <= arch {
			best = max(best, t)
		}
	}
	return best, best > 0
}

// runOn compiles for an accelerator and runs there, with no TensorOS in between. The objects that
// a program may load are those of the drive made at boot.
func (e *env) runOn(path string, r *runFlags) error {
	var sane *sanitize.Checker
	if r.sane {
		sane = sanitize.New()
	}
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	d, err := e.device(r.device, gpu.Options{Timed: true, Profile: r.pprof != "", Cache: r.cache,
		Check: sane})
	if err != nil {
		return err
	}
	defer d.Close()
	arch, ok := codeFor(d.Arch())
	if !ok {
		return failed("kernels are made for "+targets(), "--device %s is an sm_%d", r.device,
			d.Arch())
	}
	p, set, ds := neurolang.Compile(path, src, e.options(path, arch))
	if p == nil {
		faults := &neurolang.Errors{Set: set, List: ds}
		fmt.Fprint(e.err, neurolang.Render(set, faults, e.style(e.err)))
		return told(exitFailed)
	}
	rt := krun.NewCompute(d.Accelerator, func(line string) {
		if !e.json {
			fmt.Fprintln(e.out, line)
		}
	})
	rt.Objects = map[string]tensorfs.File{"a": e.normal("a", false), "b": e.normal("b", true)}
	c := &checker{rt: rt, env: e, target: arch}
	if r.check {
		rt.BeforeLaunch, rt.OnLaunch = c.begin, c.launch
	}
	if err := vm.Run(p, rt, vm.Options{}); err != nil {
		fmt.Fprint(e.err, neurolang.Render(set, err, e.style(e.err)))
		return e.found(sane, told(exitFailed))
	}
	if err := e.computed(d, rt.Launches, sane); err != nil {
		return err
	}
	if a, ok := d.Accelerator.(*gpu.Accelerator); ok {
		if err := e.writeProfile(r.pprof, a.Profiles()); err != nil {
			return err
		}
	}
	return e.found(sane, c.verdict())
}

// computedReport is what ran on an accelerator.
type computedReport struct {
	Device   string             `json:"device"`
	Launches []computedLaunch   `json:"launches"`
	Findings []sanitize.Finding `json:"findings,omitempty"`
	Cache    *gpu.TimingCache   `json:"timing_cache,omitempty"`
}

type computedLaunch struct {
	Kernel string  `json:"kernel"`
	US     float64 `json:"us"`
	TFLOPs float64 `json:"tflops"`
	Cycles int64   `json:"cycles,omitempty"`
}

func (e *env) computed(d *device, list []krun.Computed, sane *sanitize.Checker) error {
	r := computedReport{Device: d.chip, Launches: []computedLaunch{}, Findings: findings(sane)}
	for _, l := range list {
		x := computedLaunch{Kernel: l.Kernel, US: l.Elapsed / 1e3, Cycles: l.Cycles}
		if l.Elapsed > 0 {
			x.TFLOPs = l.FLOPs / l.Elapsed / 1e3
		}
		r.Launches = append(r.Launches, x)
	}
	if a, ok := d.Accelerator.(*gpu.Accelerator); ok {
		if c := a.Timings(); c.Timed+c.Taken > 0 {
			r.Cache = &c
		}
	}
	if e.json {
		return e.encode(r)
	}
	for _, l := range r.Launches {
		if l.US == 0 {
			continue
		}
		_, err := fmt.Fprintf(e.out, "kernel %s on %s: %.3f us, %.2f TFLOP/s\n", l.Kernel, r.Device,
			l.US, l.TFLOPs)
		if err != nil {
			return err
		}
	}
	if c := r.Cache; c != nil {
		fmt.Fprintf(e.out, "timing cache: %s timed, %d took the time of one like them over\n",
			count(c.Timed, "launch"), c.Taken)
	}
	return nil
}

func findings(c *sanitize.Checker) []sanitize.Finding {
	if c == nil {
		return nil
	}
	return c.Findings
}

// found prints what a checker found, and makes it an error if err is none.
func (e *env) found(c *sanitize.Checker, err error) error {
	list := findings(c)
	if !e.json {
		for i := range list {
			fmt.Fprintln(e.err, &list[i])
		}
	}
	if len(list) > 0 && err == nil {
		return failed("", "sanitize: %s", count(len(list), "finding"))
	}
	return err
}
