package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func checkCommand(e *env) *cobra.Command {
	var target int
	c := &cobra.Command{
		Use:   "check [flags] FILE.nl...",
		Short: "Report the faults of programs without running them",
		Long: "Compile Neuro-Lang files and report every fault. With --json, one object a line " +
			"for each\nfault, and nothing for a file without.",
		Example: "    tos-sim check examples/*.nl",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.check(args, target) },
	}
	c.Flags().Var(targetFlag{&target}, "target", "GPU `ARCH`: "+targets())
	return c
}

func (e *env) check(paths []string, target int) error {
	bad := false
	for _, path := range paths {
		u, err := e.compile(path, target)
		if err != nil {
			return err
		}
		if err := e.show(u); err != nil {
			return err
		}
		if u.prog == nil {
			bad = true
			continue
		}
		if !e.json {
			fmt.Fprintf(e.out, "%s: ok, %s, %s\n", path, count(len(u.prog.Kernels), "kernel"),
				count(len(u.prog.Funcs), "function"))
		}
	}
	if bad {
		return told(exitFailed)
	}
	return nil
}

// count is "1 kernel", "2 kernels".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
