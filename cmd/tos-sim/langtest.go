package main

import (
	"fmt"

	"github.com/spf13/cobra"

	krun "tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/doc"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu"
)

// testFlags is what `test` was asked for.
type testFlags struct {
	on  string
	run string
}

func testCommand(e *env) *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test [flags] FILE.nl...",
		Short: "Run the tests of programs",
		Long: "Run the functions marked @test of Neuro-Lang files, and the blocks of code in their /// " +
			"comments.\nOn interp, kernels run in the reference interpreter of tile IR; on sim, on the " +
			"simulated machine;\non cuda, on a real GPU.",
		Example: "    tos-sim test --on interp mine.nl",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.test(args, &f) },
	}
	c.Flags().Var(newChoice(&f.on, "interp", "interp", "chip", "sim", "cuda"), "on",
		"`WHERE` kernels run: interp, chip (the simulated GPU alone, without time), sim, cuda")
	c.Flags().StringVar(&f.run, "run", "", "only the test of this `NAME`")
	return c
}

// testReport is one test's outcome.
type testReport struct {
	File  string `json:"file"`
	Test  string `json:"test"`
	Pass  bool   `json:"pass"`
	Error string `json:"error,omitempty"`
}

func (e *env) test(paths []string, f *testFlags) error {
	var all []testReport
	for _, path := range paths {
		list, err := e.testFile(path, f)
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	failures := 0
	for _, r := range all {
		if !r.Pass {
			failures++
		}
	}
	if e.json {
		if err := e.encode(all); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(e.out, "%s, %d failed\n", count(len(all), "test"), failures)
	}
	if failures > 0 {
		return told(exitFailed)
	}
	if len(all) == 0 {
		return failed("mark functions with @test", "there are no tests")
	}
	return nil
}

// testFile compiles a file with its doctests and runs its tests, each on a machine of its own.
func (e *env) testFile(path string, f *testFlags) ([]testReport, error) {
	src, err := e.readFile(path)
	if err != nil {
		return nil, err
	}
	errs := &diag.List{}
	tree, _ := syntax.Parse((&source.Set{}).Add(path, src), syntax.Items, errs)
	src = doc.With(src, doc.Tests(tree))
	spec, err := e.spec()
	if err != nil {
		return nil, err
	}
	u := &unit{}
	u.prog, u.set, u.list = neurolang.Compile(path, src, e.options(path, target(&spec)))
	if u.prog == nil {
		if err := e.show(u); err != nil {
			return nil, err
		}
		return nil, told(exitFailed)
	}
	var out []testReport
	for _, fn := range u.prog.Tests {
		name := u.prog.Funcs[fn].Name
		if f.run != "" && f.run != name {
			continue
		}
		r := testReport{File: path, Test: name, Pass: true}
		if err := e.runTest(u.prog, fn, f.on); err != nil {
			r.Pass, r.Error = false, err.Error()
			if !e.json {
				fmt.Fprintf(e.out, "FAIL %s %s\n", path, name)
				fmt.Fprint(e.err, neurolang.Render(u.set, err, e.style(e.err)))
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// runTest runs one test; its error is the test's own, or the machine's.
func (e *env) runTest(p *neurolang.Program, fn int, on string) error {
	show := func(line string) {
		if !e.json {
			fmt.Fprintln(e.out, line)
		}
	}
	if on == "interp" {
		return vm.RunTest(p, fn, emu.New(show), vm.Options{})
	}
	if on == "chip" || on == "cuda" {
		return e.testOn(p, fn, on, show)
	}
	var result error
	err := e.boot(func(s *session) error {
		s.begin()
		defer s.end()
		rt := krun.New(s.kernel, show)
		result = vm.RunTest(p, fn, rt, vm.Options{})
		return nil
	})
	if result == nil {
		result = err
	}
	return result
}

// testOn runs one test on an accelerator alone.
func (e *env) testOn(p *neurolang.Program, fn int, on string, show func(line string)) error {
	d, err := e.device(on, gpu.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	return vm.RunTest(p, fn, krun.NewCompute(d.Accelerator, show), vm.Options{})
}
