package main

import (
	"fmt"

	"github.com/spf13/cobra"

	krun "tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu/sanitize"
)

func runCommand(e *env) *cobra.Command {
	var check bool
	var device string
	var sane bool
	c := &cobra.Command{
		Use:   "run [flags] FILE.nl",
		Short: "Boot the machine and run a program's main",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case sane:
				return e.runOn(device, args[0], check, sanitize.New())
			case device != "":
				return e.runOn(device, args[0], check, nil)
			}
			return e.runFile(args[0], check)
		},
	}
	c.Flags().StringVar(&device, "device", "", deviceUsage)
	c.Flags().BoolVar(&sane, "sanitize", false, sanitizeUsage)
	c.Flags().BoolVar(&check, "check", false, "compare every element of every launch with the "+
		"tile-IR interpreter, bit for bit, and with float64 arithmetic, within the format's bound")
	return c
}

// runFile compiles for the GPU that the machine has, then boots and runs.
func (e *env) runFile(path string, check bool) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	spec, err := e.spec()
	if err != nil {
		return err
	}
	p, set, ds := neurolang.Compile(path, src, neurolang.Options{Target: target(&spec)})
	if p == nil {
		faults := &neurolang.Errors{Set: set, List: ds}
		fmt.Fprint(e.err, neurolang.Render(set, faults, e.style(e.err)))
		return told(exitFailed)
	}
	return e.boot(func(s *session) error {
		s.begin()
		defer s.end()
		rt := krun.New(s.kernel, func(line string) {
			if !e.json {
				fmt.Fprintln(s, line)
			}
		})
		c := &checker{rt: rt, env: e, target: target(&spec)}
		if check {
			rt.OnLaunch = c.launch
		}
		err := vm.Run(p, rt, vm.Options{})
		s.end()
		if err != nil {
			fmt.Fprint(e.err, neurolang.Render(set, err, e.style(e.err)))
			if why := s.explain(nil); why != nil {
				return why
			}
			return told(exitFailed)
		}
		if err := s.table(rt); err != nil {
			return err
		}
		return c.verdict()
	})
}
