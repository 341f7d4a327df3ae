package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/neurolang/program"
)

// emitter writes one form of a program. Forms that hold one kernel need it chosen.
type emitter struct {
	name, doc string
	single    bool
	write     func(w io.Writer, p *program.Program, ks []*program.Kernel) error
}

var emitters = []emitter{
	{"ptx", "the kernel as PTX", true, emitPTX},
	{"ir", "the kernels in tile IR", false, emitIR},
	{"bytecode", "the host code, disassembled", false, emitBytecode},
}

func emitPTX(w io.Writer, _ *program.Program, ks []*program.Kernel) error {
	_, err := io.WriteString(w, ks[0].PTX)
	return err
}

func emitIR(w io.Writer, _ *program.Program, ks []*program.Kernel) error {
	for i, k := range ks {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := io.WriteString(w, k.IR.String()); err != nil {
			return err
		}
	}
	return nil
}

func emitBytecode(w io.Writer, p *program.Program, _ []*program.Kernel) error {
	for i, f := range p.Funcs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := io.WriteString(w, p.Disassemble(f)); err != nil {
			return err
		}
	}
	return nil
}

func emitterNames() []string {
	var out []string
	for _, x := range emitters {
		out = append(out, x.name)
	}
	return out
}

type buildFlags struct {
	emit, out, kernel string
	target            int
}

func buildCommand(e *env) *cobra.Command {
	var f buildFlags
	long := "Compile a Neuro-Lang file and write one of its forms:\n\n"
	for _, x := range emitters {
		long += fmt.Sprintf("    %-9s %s\n", x.name, x.doc)
	}
	c := &cobra.Command{
		Use:     "build [flags] FILE.nl",
		Short:   "Compile a program to PTX, IR or bytecode",
		Long:    strings.TrimSuffix(long, "\n"),
		Example: "    tos-sim build --emit ptx --target sm_80 -o matmul.ptx examples/matmul.nl",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.build(args[0], &f) },
	}
	c.Flags().Var(newChoice(&f.emit, "ptx", emitterNames()...), "emit", "`FORM` to write: "+
		strings.Join(emitterNames(), ", "))
	c.Flags().Var(targetFlag{&f.target}, "target", "GPU `ARCH`: "+targets())
	c.Flags().StringVar(&f.kernel, "kernel", "", "only the kernel of this `NAME`")
	c.Flags().StringVarP(&f.out, "output", "o", "", "write to `FILE`, not to the standard output")
	return c
}

func (e *env) build(path string, f *buildFlags) error {
	u, err := e.compile(path, f.target)
	if err != nil {
		return err
	}
	if err := e.show(u); err != nil {
		return err
	}
	if u.prog == nil {
		return told(exitFailed)
	}
	x := emitters[slices.IndexFunc(emitters, func(x emitter) bool { return x.name == f.emit })]
	ks, err := pick(u.prog, f.kernel, x.single)
	if err != nil {
		return err
	}
	return e.writeTo(f.out, func(w io.Writer) error { return x.write(w, u.prog, ks) })
}

// pick is the kernels to write: all, or the one that is named or alone.
func pick(p *program.Program, name string, single bool) ([]*program.Kernel, error) {
	var have []string
	for _, k := range p.Kernels {
		have = append(have, k.Name)
	}
	list := strings.Join(have, ", ")
	switch {
	case name != "":
		k := p.Kernel(name)
		if k == nil {
			return nil, usage("it has "+list, "%s: no kernel %q", p.Name, name)
		}
		return []*program.Kernel{k}, nil
	case single && len(have) == 0:
		return nil, failed("--emit bytecode shows its host code", "%s has no kernel", p.Name)
	case single && len(have) > 1:
		return nil, usage("name one with --kernel", "%s has several kernels: %s", p.Name, list)
	}
	return p.Kernels, nil
}
