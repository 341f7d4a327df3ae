package hostgen

import (
	"maps"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/program"
)

// Linker knows where the functions, kernels, shapes and globals of a program are. A session keeps
// one.
type Linker struct {
	Prog    *program.Program
	funcs   map[*hir.Fn]int
	kernels map[*hir.Kernel]int
	globals map[*hir.Var]int
	sites   map[program.Site]int
	shapes  map[*hir.Def]int
	owns    map[*hir.Type]bool
	todo    []*hir.Fn // have a place and no code yet
}

// NewLinker returns a linker for an empty program.
func NewLinker(p *program.Program) *Linker {
	return &Linker{Prog: p, funcs: map[*hir.Fn]int{}, kernels: map[*hir.Kernel]int{},
		globals: map[*hir.Var]int{}, sites: map[program.Site]int{}, shapes: map[*hir.Def]int{},
		owns: map[*hir.Type]bool{}}
}

// Clone copies the linker and its program, so that work which fails leaves no trace.
func (l *Linker) Clone() *Linker {
	p := *l.Prog
	return &Linker{Prog: &p, funcs: maps.Clone(l.funcs), kernels: maps.Clone(l.kernels),
		globals: maps.Clone(l.globals), sites: maps.Clone(l.sites), shapes: maps.Clone(l.shapes),
		owns: maps.Clone(l.owns)}
}

// Kernel adds a kernel and its code.
func (l *Linker) Kernel(k *hir.Kernel, code *abi.Kernel) {
	l.kernels[k] = len(l.Prog.Kernels)
	l.Prog.Kernels = append(l.Prog.Kernels, code)
}

// Compiled tells whether a kernel has been added.
func (l *Linker) Compiled(k *hir.Kernel) bool { _, ok := l.kernels[k]; return ok }

// Link adds the functions of p that the program does not have yet. All kernels that they launch
// have been added.
func (l *Linker) Link(p *hir.Program, errs *diag.List) {
	for _, f := range p.Funcs {
		l.Func(f)
	}
	if p.Main != nil {
		l.Prog.Main = l.Func(p.Main)
	}
	for _, f := range p.Tests {
		l.Prog.Tests = append(l.Prog.Tests, l.Func(f))
	}
	for len(l.todo) > 0 {
		f := l.todo[0]
		l.todo = l.todo[1:]
		l.lower(f, errs)
	}
}

// Func returns the number of a function; it gets its code in the next Link.
func (l *Linker) Func(f *hir.Fn) int {
	i, ok := l.funcs[f]
	if !ok {
		i = len(l.Prog.Funcs)
		l.funcs[f] = i
		l.Prog.Funcs = append(l.Prog.Funcs, &program.Func{Name: f.Name, Params: len(f.Params),
			Graph: f.Graph})
		l.todo = append(l.todo, f)
		hir.Walk(f.Body, nil, func(e hir.Expr) {
			if x, ok := e.(*hir.FuncValue); ok {
				l.Prog.Funcs[l.Func(x.Fn)].Captured = len(x.Captured)
			}
		})
	}
	return i
}

func (l *Linker) site(name string, args int) int {
	s := program.Site{Name: name, Args: args}
	i, ok := l.sites[s]
	if !ok {
		i = len(l.Prog.Sites)
		l.sites[s] = i
		l.Prog.Sites = append(l.Prog.Sites, s)
	}
	return i
}

func (l *Linker) global(v *hir.Var) int {
	i, ok := l.globals[v]
	if !ok {
		i = len(l.Prog.Globals)
		l.globals[v] = i
		l.Prog.Globals = append(l.Prog.Globals, v.Name)
	}
	return i
}

// shape returns the number of a struct's shape, or of an enum's first variant.
func (l *Linker) shape(d *hir.Def) int {
	i, ok := l.shapes[d]
	if ok {
		return i
	}
	i = len(l.Prog.Shapes)
	l.shapes[d] = i
	if len(d.Variants) == 0 {
		s := program.Shape{Type: d.Name}
		for _, f := range d.Fields {
			s.Fields = append(s.Fields, f.Name)
		}
		l.Prog.Shapes = append(l.Prog.Shapes, s)
		return i
	}
	for tag, v := range d.Variants {
		l.Prog.Shapes = append(l.Prog.Shapes, program.Shape{Type: d.Name, Variant: v.Name, Tag: tag,
			Fields: make([]string, len(v.Types))})
	}
	return i
}

// holds tells that values of a type may own memory of a device.
func (l *Linker) holds(t *hir.Type) bool {
	switch t.Kind {
	case hir.Tensor, hir.Func:
		return true
	case hir.Tuple, hir.Array, hir.Struct, hir.Enum:
	default:
		return false
	}
	if known, ok := l.owns[t]; ok {
		return known
	}
	l.owns[t] = false // types that contain themselves hold what else they contain
	found := false
	for _, p := range parts(t) {
		found = found || l.holds(p)
	}
	l.owns[t] = found
	return found
}

// parts are the types that a compound type contains.
func parts(t *hir.Type) []*hir.Type {
	out := t.Args
	if t.Def == nil {
		return out
	}
	for _, f := range t.Def.Fields {
		out = append(out[:len(out):len(out)], f.Type)
	}
	for _, v := range t.Def.Variants {
		out = append(out[:len(out):len(out)], v.Types...)
	}
	return out
}

// moves tells that a value of the type has one owner; others are copied.
func moves(t *hir.Type) bool {
	switch t.Kind {
	case hir.Tensor, hir.Array, hir.Func:
		return true
	case hir.Struct, hir.Enum:
		return !t.Def.Copy
	case hir.Tuple:
		for _, a := range t.Args {
			if moves(a) {
				return true
			}
		}
	}
	return false
}

// copied tells that reading a place of the type must copy what the value is made of.
func copied(t *hir.Type) bool {
	return (t.Kind == hir.Struct || t.Kind == hir.Enum || t.Kind == hir.Tuple) && !moves(t)
}

// under is the type that references lead to.
func under(t *hir.Type) *hir.Type {
	for t.Kind == hir.Ref {
		t = t.Args[0]
	}
	return t
}

func exclusive(t *hir.Type) bool { return t.Kind == hir.Ref && t.Mut == hir.Exclusive }
