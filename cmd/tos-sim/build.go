package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/neurolang"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/graph"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tir"
)

// built is what an emitter writes from.
type built struct {
	u       *unit
	path    string
	src     []byte
	kernels []*abi.Kernel
	tiles   map[string]*tir.Kernel // by name
	target  int
	graphs  []*graph.Graph
}

// emitter writes one form of a program. Forms that hold one kernel need it chosen.
type emitter struct {
	name, doc string
	single    bool
	write     func(w io.Writer, b *built) error
}

var emitters []emitter

func init() {
	emitters = []emitter{
		{"ptx", "the kernel as PTX, the first of its variants", true, emitPTX},
		{"tile", "the kernels in tile IR", false, emitTile},
		{"warp", "the kernel in warp IR, the first of its variants", true, emitWarp},
		{"ast", "the syntax tree", false, emitAST},
		{"bytecode", "the host code, disassembled", false, emitBytecode},
		{"graph", "functions marked @graph: tensors in SSA, after all passes", false, emitGraph},
		{"plan", "their launch plans: steps, and where what lies when", false, emitPlan},
	}
}

func emitPTX(w io.Writer, b *built) error {
	_, err := io.WriteString(w, b.kernels[0].Variants[0].PTX)
	return err
}

func emitAST(w io.Writer, b *built) error {
	f, _ := syntax.Parse((&source.Set{}).Add(b.path, b.src), syntax.Items, &diag.List{})
	_, err := io.WriteString(w, syntax.Dump(f))
	return err
}

func emitTile(w io.Writer, b *built) error {
	for i, k := range b.kernels {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := io.WriteString(w, b.tiles[k.Name].String()); err != nil {
			return err
		}
	}
	return nil
}

func emitWarp(w io.Writer, b *built) error {
	text, err := gen.Dump(b.tiles[b.kernels[0].Name], b.target, gen.Options{}, "warp")
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}

func emitBytecode(w io.Writer, b *built) error {
	for i, f := range b.u.prog.Funcs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := io.WriteString(w, b.u.prog.Disassemble(f)); err != nil {
			return err
		}
	}
	return nil
}

func emitGraph(w io.Writer, b *built) error {
	return b.eachGraph(w, (*graph.Graph).Text)
}

func emitPlan(w io.Writer, b *built) error {
	return b.eachGraph(w, (*graph.Graph).PlanText)
}

func (b *built) eachGraph(w io.Writer, text func(*graph.Graph) string) error {
	if len(b.graphs) == 0 {
		return failed("write @graph before a function of straight-line launches",
			"%s has no graph", b.u.prog.Name)
	}
	for i, g := range b.graphs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := io.WriteString(w, text(g)); err != nil {
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
	cost              bool
	dims              dimsFlag
}

func buildCommand(e *env) *cobra.Command {
	f := buildFlags{dims: dimsFlag{}}
	long := "Compile a Neuro-Lang file and write one of its forms:\n\n"
	for _, x := range emitters {
		long += fmt.Sprintf("    %-9s %s\n", x.name, x.doc)
	}
	c := &cobra.Command{
		Use:     "build [flags] FILE.nl",
		Short:   "Compile a program to PTX, tile IR, warp IR or bytecode",
		Long:    strings.TrimSuffix(long, "\n"),
		Example: "    tos-sim build --emit ptx --target sm_80 -o matmul.ptx examples/matmul.nl",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.build(args[0], &f) },
	}
	c.Flags().Var(newChoice(&f.emit, "ptx", emitterNames()...), "emit", "`FORM` to write: "+
		strings.Join(emitterNames(), ", "))
	c.Flags().Var(targetFlag{&f.target}, "target", "GPU `ARCH`: "+targets())
	c.Flags().StringVar(&f.kernel, "kernel", "", "only the kernel of this `NAME`")
	c.Flags().BoolVar(&f.cost, "cost", false, "say what the kernels cost on the chip of --board, "+
		"line by line; the chip is simulated, without data")
	c.Flags().Var(f.dims, "dims", "with --cost: `DIMS` as M=4096,N=4096; others are 1024")
	c.Flags().StringVarP(&f.out, "output", "o", "", "write to `FILE`, not to the standard output")
	return c
}

func (e *env) build(path string, f *buildFlags) error {
	src, err := e.readFile(path)
	if err != nil {
		return err
	}
	b := &built{u: &unit{}, path: path, src: src, tiles: map[string]*tir.Kernel{}, target: f.target}
	if b.target == 0 {
		b.target = neurolang.DefaultTarget
	}
	opt := e.options(path, f.target)
	opt.Kernels = func(k *tir.Kernel) { b.tiles[k.Name] = k }
	opt.Graphs = func(g *graph.Graph) { b.graphs = append(b.graphs, g) }
	b.u.prog, b.u.set, b.u.list = neurolang.Compile(path, src, opt)
	if err := e.show(b.u); err != nil {
		return err
	}
	if b.u.prog == nil {
		return told(exitFailed)
	}
	if f.cost {
		if b.kernels, err = pick(b.u.prog, f.kernel, false); err != nil {
			return err
		}
		return e.writeTo(f.out, func(w io.Writer) error { return e.costs(w, b, f.dims) })
	}
	x := emitters[slices.IndexFunc(emitters, func(x emitter) bool { return x.name == f.emit })]
	if b.kernels, err = pick(b.u.prog, f.kernel, x.single); err != nil {
		return err
	}
	return e.writeTo(f.out, func(w io.Writer) error { return x.write(w, b) })
}

// pick is the kernels to write: all, or the one that is named or alone.
func pick(p *neurolang.Program, name string, single bool) ([]*abi.Kernel, error) {
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
		return []*abi.Kernel{k}, nil
	case single && len(have) == 0:
		return nil, failed("--emit bytecode shows its host code", "%s has no kernel", p.Name)
	case single && len(have) > 1:
		return nil, usage("name one with --kernel", "%s has several kernels: %s", p.Name, list)
	}
	return p.Kernels, nil
}
