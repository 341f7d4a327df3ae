package neurolang

import (
	"errors"
	"fmt"
	"slices"

	"tensoros/neurolang/codegen"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/ir"
	"tensoros/neurolang/lower"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/types"
)

// Program is compiled source text.
type Program = program.Program

// Options choose what to compile for.
type Options struct {
	Target   int       // compute capability, one of codegen.Targets(); 0 means 90
	Builtins []Builtin // of the host
}

// DefaultTarget is the compute capability that Options{} means.
const DefaultTarget = 90

func (o Options) target() int {
	if o.Target == 0 {
		return DefaultTarget
	}
	return o.Target
}

// Compile compiles one file. The program is nil if any diagnostic is an error; the set resolves
// the diagnostics' positions and is never nil.
func Compile(name string, src []byte, opt Options) (*Program, *source.Set, []diag.Diagnostic) {
	set := &source.Set{}
	p := &Program{Name: name, Target: opt.target(), Main: -1, Sources: set}
	env := &types.Env{Scope: types.NewScope(nil)}
	for _, b := range opt.Builtins {
		env.Builtins = append(env.Builtins, b.declare())
	}
	u := &unit{set: set, link: lower.NewLinker(p), errs: &diag.List{}}
	file := set.Add(name, src)
	tree, _ := syntax.Parse(file, syntax.Items, u.errs)
	u.info = types.Check(tree, env, u.errs)
	if !u.errs.Failed() {
		u.fns()
	}
	if u.errs.Failed() {
		return nil, set, u.errs.Sorted()
	}
	for _, fn := range u.info.Fns {
		if fn.Name == "main" {
			p.Main = u.link.Funcs[fn]
		}
	}
	return p, set, u.errs.Sorted()
}

// unit is one checked source text on its way into a program.
type unit struct {
	set  *source.Set
	link *lower.Linker
	info *types.Info
	errs *diag.List
}

// fns lowers all functions and kernels.
func (u *unit) fns() {
	for _, fn := range u.info.Fns {
		if fn.Kernel {
			u.kernel(fn)
		} else {
			u.link.Placeholder(fn)
		}
	}
	if u.errs.Failed() {
		return
	}
	for _, fn := range u.info.Fns {
		if !fn.Kernel {
			u.link.Func(fn, u.info, u.errs)
		}
	}
}

func (u *unit) kernel(fn *types.Fn) {
	k, spans := lower.Kernel(fn, u.info, u.set)
	p := u.link.Prog
	at := fn.Decl.Name.Span()
	file := u.set.Position(at.Pos).File
	out, err := u.generate(k, p.Target, file)
	if err != nil {
		u.report(fn, err, spans)
		return
	}
	out.Pos = at.Pos
	for i := range out.Params {
		out.Params[i].Pos = fn.Params[i].At.Pos
	}
	u.link.Kernels[fn] = len(p.Kernels)
	p.Kernels = append(p.Kernels, out)
}

// generate verifies the IR where code generation accepts it: a verifier error is our own bug, but
// an element type that has no code yet is the user's to hear about.
func (u *unit) generate(k *ir.Kernel, target int, file string) (*program.Kernel, error) {
	out, err := codegen.Lower(k, target, file)
	if err != nil {
		return nil, err
	}
	if err := k.Verify(); err != nil {
		panic("neurolang: lowering made bad IR: " + err.Error())
	}
	return out, nil
}

func (u *unit) report(fn *types.Fn, err error, spans map[*ir.Op]source.Span) {
	var e *codegen.Error
	if !errors.As(err, &e) {
		panic("neurolang: " + err.Error())
	}
	at := fn.Decl.Name.Span()
	switch {
	case e.Op != nil:
		at = spans[e.Op]
	case e.Param >= 0:
		at = fn.Decl.Params[e.Param].Type.Span()
	}
	d := u.errs.Errorf(e.Code, at, "%s", e.Msg)
	d.Help = e.Help
	if e.Op != nil || e.Param >= 0 {
		d.With(fn.Decl.Name.Span(), "in this kernel, for sm_%d", u.link.Prog.Target)
	}
}

// Explain returns what a diagnostic code means, or an error with the codes there are.
func Explain(code string) (string, error) {
	if t := diag.Explain(diag.Code(code)); t != "" {
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
