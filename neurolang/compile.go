package neurolang

import (
	"errors"
	"fmt"
	"slices"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/check"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/grad"
	"tensoros/neurolang/graph"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/hostgen"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tirgen"
)

// Program is compiled source text.
type Program = program.Program

// Options choose what to compile for.
type Options struct {
	Target   int       // compute capability, one of gen.Targets(); 0 means DefaultTarget
	Builtins []Builtin // of the host
	// Load reads an imported file; nil: only the library can be imported.
	Load func(path string) ([]byte, error)
	// Kernels, if not nil, is told the tile IR of every kernel before code is generated.
	Kernels func(k *tir.Kernel)
	// Graphs, if not nil, is told every function marked @graph as it was planned.
	Graphs func(g *graph.Graph)
	// Tuned are defaults of constant parameters in place of the written ones: "matmul.BM".
	Tuned map[string]int64
	// Measure says what a kernel costs for dimensions, for @budget; nil: registers and cycles are
	// not checked.
	Measure func(k *abi.Kernel, dims map[string]int) (Cost, error)
}

// Cost is what a kernel takes.
type Cost struct {
	Registers int // a thread
	Cycles    int64
}

// DefaultTarget is the compute capability that Options{} means.
const DefaultTarget = 90

func (o Options) target() int {
	if o.Target == 0 {
		return DefaultTarget
	}
	return o.Target
}

// Check checks one file and what it imports, without generating code.
func Check(name string, src []byte, opt Options) (*check.Info, *source.Set, []diag.Diagnostic) {
	u := newUnit(name, src, syntax.Items, &source.Set{}, opt, nil)
	return u.info, u.set, u.errs.Sorted()
}

// Compile compiles one file and what it imports. The program is nil if any diagnostic is an
// error; the set resolves the diagnostics' positions and is never nil.
func Compile(name string, src []byte, opt Options) (*Program, *source.Set, []diag.Diagnostic) {
	set := &source.Set{}
	p := &Program{Name: name, Target: opt.target(), Main: -1, Sources: set}
	u := newUnit(name, src, syntax.Items, set, opt, nil)
	u.link = hostgen.NewLinker(p)
	u.generate()
	if u.errs.Failed() {
		return nil, set, u.errs.Sorted()
	}
	return p, set, u.errs.Sorted()
}

// unit is one source text on its way into a program.
type unit struct {
	opt  Options
	set  *source.Set
	tree *syntax.File
	info *check.Info
	prog *hir.Program
	link *hostgen.Linker
	errs *diag.List

	codes map[*hir.Kernel]*code
}

// newUnit parses and checks.
func newUnit(name string, src []byte, mode syntax.Mode, set *source.Set, opt Options,
	session *check.Session) *unit {
	u := &unit{opt: opt, set: set, errs: &diag.List{}, codes: map[*hir.Kernel]*code{}}
	u.tree, _ = syntax.Parse(set.Add(name, src), mode, u.errs)
	u.prog, u.info = check.Program(set, u.tree, u.errs, check.Options{Load: opt.Load,
		Tuned:    opt.Tuned,
		Builtins: declared(opt.Builtins), Session: session})
	return u
}

// generate makes code of what was checked.
func (u *unit) generate() {
	if !u.errs.Failed() {
		grad.Expand(u.prog, u.errs)
	}
	if u.errs.Failed() {
		return
	}
	if u.graphs(); u.errs.Failed() {
		return
	}
	for _, k := range u.prog.Kernels {
		if !u.link.Compiled(k) {
			u.kernel(k)
		}
	}
	if !u.errs.Failed() {
		u.link.Link(u.prog, u.errs)
	}
}

func (u *unit) kernel(k *hir.Kernel) {
	t := u.tile(k)
	if t == nil {
		return
	}
	c := u.codes[k]
	if c.abi == nil {
		var err error
		if c.abi, err = gen.Compile(t, u.link.Prog.Target, choices(k)); err != nil {
			u.report(k, err)
			return
		}
	}
	u.link.Kernel(k, c.abi)
	u.budget(k, c.abi)
}

// report says why a kernel has no code.
func (u *unit) report(k *hir.Kernel, err error) {
	var te *tirgen.Error
	var ge *gen.Error
	switch {
	case errors.As(err, &te):
		at := te.At
		if !at.IsValid() {
			at = k.At
		}
		d := u.errs.Errorf(te.Code, at, "%s", te.Msg)
		d.Help = te.Help
		d.With(k.At, "in this kernel")
	case errors.As(err, &ge):
		at := u.span(ge.Loc)
		if !at.IsValid() {
			at = k.At
		}
		d := u.errs.Errorf(ge.Code, at, "%s", ge.Msg)
		d.Help, d.Notes = ge.Help, append(d.Notes, ge.Notes...)
		d.With(k.At, "in %s, for sm_%d", k.Source, u.link.Prog.Target)
	default:
		panic("neurolang: " + err.Error())
	}
}

// span finds a place of the tile IR in the source: the word there.
func (u *unit) span(l tir.Loc) source.Span {
	for f := range u.set.Files() {
		if f.Name != l.File {
			continue
		}
		at := f.At(l.Line, l.Col)
		end := at
		for end < len(f.Src) && isWord(f.Src[end]) {
			end++
		}
		return source.Span{Pos: f.Pos(at), End: f.Pos(max(end, min(at+1, len(f.Src))))}
	}
	return source.Span{}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// Explain returns what a diagnostic code means, or an error with the codes there are.
func Explain(code string) (string, error) {
	if t := diag.Long(diag.Code(code)); t != "" {
		return t, nil
	}
	var codes []string
	for _, t := range diag.Titles {
		codes = append(codes, string(t.Code))
	}
	slices.Sort(codes)
	return "", fmt.Errorf("there is no code %s; the codes run from %s to %s", code, codes[0],
		codes[len(codes)-1])
}
