package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	krun "tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/vm"
)

func runCommand(e *env) *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "run FILE.nl",
		Short: "Boot the machine and run a program's main",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return e.runFile(args[0], check) },
	}
	c.Flags().BoolVar(&check, "check", false, "compare every element of every launch with the tile-IR "+
		"interpreter, bit for bit, and with float64 arithmetic, within the format's bound")
	return c
}

// runFile boots, compiles for the GPU that is there, and runs.
func (e *env) runFile(path string, check bool) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	return e.boot(func(s *session) error {
		p, set, ds := neurolang.Compile(path, src, neurolang.Options{Target: s.target()})
		if p == nil {
			fmt.Fprint(e.err, neurolang.Render(set, &neurolang.Errors{Set: set, List: ds}, e.style(e.err)))
			return told(exitFailed)
		}
		rt := krun.New(s.kernel, func(line string) {
			if !e.json {
				fmt.Fprintln(e.out, line)
			}
		})
		c := &checker{rt: rt, env: e, target: s.target()}
		if check {
			rt.OnLaunch = c.launch
		}
		if err := vm.Run(p, rt, vm.Options{}); err != nil {
			var at *vm.Error
			if !errors.As(err, &at) {
				return err
			}
			fmt.Fprint(e.err, neurolang.Render(set, s.explain(err), e.style(e.err)))
			return told(exitFailed)
		}
		if err := s.table(rt); err != nil {
			return err
		}
		return c.verdict()
	})
}
