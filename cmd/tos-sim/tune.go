package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	krun "tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu"
)

// lockSuffix is put behind a source file's name: a.nl.tune.
const lockSuffix = ".tune"

func tuneCommand(e *env) *cobra.Command {
	var show bool
	c := &cobra.Command{
		Use:   "tune [flags] FILE.nl",
		Short: "Find the best constants of a program's kernels, and keep them",
		Long: "Run a program's main on the chip of --board, simulated without data, with every choice " +
			"of the\nconstants that @autotune(BM=[64, 128], ...) lists; keep the one with the least time in " +
			"FILE.nl.tune.\nAll commands that compile the file use what stands there for their target.",
		Example: "    tos-sim tune mine.nl",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.tune(args[0], show) },
	}
	c.Flags().BoolVar(&show, "all", false, "print every choice that was tried")
	return c
}

// space is the choices of one kernel, in the order of the text.
type space struct {
	kernel string
	names  []string
	values [][]int64
}

// choices lists the kernels with @autotune.
func choices(f *syntax.File) ([]space, error) {
	var out []space
	for _, it := range f.Items {
		for _, a := range it.Head().Attrs {
			if a.Name.Text != "autotune" {
				continue
			}
			s := space{kernel: it.Head().Name.Text}
			for _, x := range a.Args {
				list, ok := x.Value.(*syntax.ArrayLit)
				if !ok || x.Name == nil {
					return nil, usage("@autotune(BM=[64, 128])", "@autotune of %s is no lists",
						s.kernel)
				}
				var values []int64
				for _, v := range list.Elems {
					n, ok := v.(*syntax.IntLit)
					if !ok {
						return nil, usage("@autotune(BM=[64, 128])",
							"@autotune of %s is no integers",
							s.kernel)
					}
					values = append(values, n.Value)
				}
				s.names, s.values = append(s.names, x.Name.Text), append(s.values, values)
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// each calls f with every choice.
func (s *space) each(f func(tuned map[string]int64) error) error {
	at := make([]int, len(s.names))
	for {
		tuned := map[string]int64{}
		for i, n := range s.names {
			if len(s.values[i]) == 0 {
				return nil
			}
			tuned[s.kernel+"."+n] = s.values[i][at[i]]
		}
		if err := f(tuned); err != nil {
			return err
		}
		d := len(at) - 1
		for ; d >= 0; d-- {
			if at[d]++; at[d] < len(s.values[d]) {
				break
			}
			at[d] = 0
		}
		if d < 0 {
			return nil
		}
	}
}

func (e *env) tune(path string, all bool) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	errs := &diag.List{}
	tree, _ := syntax.Parse((&source.Set{}).Add(path, src), syntax.Items, errs)
	spaces, err := choices(tree)
	if err != nil {
		return err
	}
	if len(spaces) == 0 {
		return failed("write @autotune(BM=[64, 128]) before a kernel with const parameters",
			"%s has nothing to tune", path)
	}
	spec, err := e.spec()
	if err != nil {
		return err
	}
	arch := target(&spec)
	best := map[string]int64{}
	for _, s := range spaces {
		least := 0.0
		var chosen map[string]int64
		err := s.each(func(tuned map[string]int64) error {
			trial := maps.Clone(best)
			maps.Copy(trial, tuned)
			ns, why, err := e.trial(path, src, arch, s.kernel, trial)
			if err != nil {
				return err
			}
			if all || why != "" {
				fmt.Fprintf(e.out, "%s %s: %s\n", s.kernel, constants(tuned),
					cmpOr(why, fmt.Sprintf("%.3f us", ns/1e3)))
			}
			if why == "" && (chosen == nil || ns < least) {
				least, chosen = ns, tuned
			}
			return nil
		})
		if err != nil {
			return err
		}
		if chosen == nil {
			return failed("", "no choice of %s works", s.kernel)
		}
		maps.Copy(best, chosen)
		fmt.Fprintf(e.out, "%s: %s, %.3f us\n", s.kernel, constants(chosen), least/1e3)
	}
	return writeLock(path, arch, spec.GPUs[0].Chip, best)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// constants writes constants in the order of their names.
func constants(tuned map[string]int64) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(tuned)) {
		_, name, _ := strings.Cut(k, ".")
		out = append(out, fmt.Sprintf("%s=%d", name, tuned[k]))
	}
	return strings.Join(out, " ")
}

// trial runs the program with these constants and gives the time of a kernel's launches; why says
// what makes them impossible.
func (e *env) trial(path string, src []byte, arch int, kernel string,
	tuned map[string]int64) (ns float64, why string, err error) {
	opt := e.options(path, arch)
	opt.Tuned = tuned
	p, _, ds := neurolang.Compile(path, src, opt)
	if p == nil {
		return 0, string(ds[0].Code) + " " + ds[0].Message, nil
	}
	d, err := e.openChip(gpu.Options{Timed: true, Dry: true})
	if err != nil {
		return 0, "", err
	}
	defer d.Close()
	rt := krun.NewCompute(d.Accelerator, func(string) {})
	if err := vm.Run(p, rt, vm.Options{}); err != nil && len(rt.Launches) == 0 {
		return 0, "", err
	}
	found := false
	for _, l := range rt.Launches {
		if l.Kernel == kernel || strings.HasPrefix(l.Kernel, kernel+"_") {
			ns += l.Elapsed
			found = true
		}
	}
	if !found {
		return 0, "", failed("call it from main with the shapes that matter",
			"main does not launch %s", kernel)
	}
	return ns, "", nil
}

// writeLock replaces the lines of a target in a lock file.
func writeLock(path string, arch int, chip string, tuned map[string]int64) error {
	name := path + lockSuffix
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	lines := []string{"# Written by tos-sim tune; commit it beside the source."}
	mine := fmt.Sprintf("sm_%d ", arch)
	for line := range strings.Lines(string(old)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") &&
			!strings.HasPrefix(line, mine) {
			lines = append(lines, line)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(tuned)) {
		lines = append(lines, fmt.Sprintf("%s%s=%d # %s", mine, k, tuned[k], chip))
	}
	slices.Sort(lines[1:])
	return os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o666)
}

// readLock gives what tune found for a file and a target; nil if there is no lock file.
func readLock(path string, arch int) (map[string]int64, error) {
	text, err := os.ReadFile(path + lockSuffix)
	if err != nil {
		return nil, nil
	}
	if arch == 0 {
		arch = neurolang.DefaultTarget
	}
	tuned := map[string]int64{}
	for i, line := range bytes.Split(text, []byte("\n")) {
		words, _, _ := strings.Cut(string(line), "#")
		words = strings.TrimSpace(words)
		if words == "" {
			continue
		}
		sm, setting, ok1 := strings.Cut(words, " ")
		key, number, ok2 := strings.Cut(setting, "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if !ok1 || !ok2 || err != nil || !strings.Contains(key, ".") {
			return nil, fmt.Errorf("%s%s:%d: %q is not sm_90 kernel.CONST=NUMBER", path, lockSuffix,
				i+1, words)
		}
		if sm == fmt.Sprintf("sm_%d", arch) {
			tuned[key] = n
		}
	}
	return tuned, nil
}
