package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	krun "tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu"
)

// runFlags is what `run` was asked for.
type runFlags struct {
	device string
	check  bool
	sane   bool
	cache  bool
	pprof  string
}

func runCommand(e *env) *cobra.Command {
	var r runFlags
	c := &cobra.Command{
		Use:   "run [flags] FILE.nl",
		Short: "Boot the machine and run a program's main",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch cuda := strings.HasPrefix(r.device, "cuda"); {
			case r.pprof != "" && (cuda || r.sane):
				return usage("", "--pprof needs the simulated chip, with time")
			case r.cache && (r.device == "" || cuda || r.sane):
				return usage("as in --device chip --timing-cache",
					"--timing-cache is for --device chip")
			case r.sane || r.device != "":
				return e.runOn(args[0], &r)
			}
			return e.runFile(args[0], &r)
		},
	}
	c.Flags().StringVar(&r.device, "device", "", deviceUsage)
	c.Flags().BoolVar(&r.sane, "sanitize", false, sanitizeUsage)
	c.Flags().BoolVar(&r.check, "check", false, "compare every element of every launch with the "+
		"reference interpreter of the tile IR")
	c.Flags().BoolVar(&r.cache, "timing-cache", false, "with --device chip: launches like an "+
		"earlier one in all but the data compute without time, and take its time over")
	c.Flags().StringVar(&r.pprof, "pprof", "", pprofUsage)
	return c
}

// runFile compiles for the GPU that the machine has, then boots and runs.
func (e *env) runFile(path string, r *runFlags) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	spec, err := e.spec()
	if err != nil {
		return err
	}
	p, set, ds := neurolang.Compile(path, src, e.options(path, target(&spec)))
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
		if r.check {
			rt.BeforeLaunch, rt.OnLaunch = c.begin, c.launch
		}
		rt.Prefetch(p)
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
		var profiles []gpu.KernelProfile
		for _, g := range s.board.GPUs {
			profiles = append(profiles, g.Profiles()...)
		}
		if err := e.writeProfile(r.pprof, profiles); err != nil {
			return err
		}
		return c.verdict()
	})
}
