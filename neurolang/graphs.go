package neurolang

import (
	"errors"
	"fmt"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/graph"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tirgen"
)

// code is a kernel on its way: tile IR, then what is launched.
type code struct {
	tile *tir.Kernel
	abi  *abi.Kernel
}

// tile makes the tile IR of a kernel, once; nil after an error, which is reported.
func (u *unit) tile(k *hir.Kernel) *tir.Kernel {
	if have := u.codes[k]; have != nil {
		return have.tile
	}
	t, err := tirgen.Kernel(k, u.set)
	if err != nil {
		u.report(k, err)
		t = nil
	} else if u.opt.Kernels != nil {
		u.opt.Kernels(t)
	}
	u.codes[k] = &code{tile: t}
	return t
}

// graphs plans the functions marked @graph anew, and derivatives.
func (u *unit) graphs() {
	for _, f := range u.prog.Funcs {
		if f.Graph || f.Derived {
			u.graph(f)
		}
	}
}

// graph plans a function. Kernels that cannot be compiled as one stay apart.
func (u *unit) graph(f *hir.Fn) {
	g, err := graph.Build(f, u.tile)
	if err != nil {
		u.noGraph(f, err)
		return
	}
	g.Accept = func(t *tir.Kernel) bool {
		_, err := gen.Compile(t, u.link.Prog.Target, gen.Options{})
		return err == nil
	}
	if g.Optimize() != nil {
		return // a pass is wrong, the function is not: it runs as it is written
	}
	f.Graph = true
	f.Body = g.Lower(u.standIns(f, g))
	if u.opt.Graphs != nil {
		u.opt.Graphs(g.Graph)
	}
}

// noGraph reports why a function is no graph, if it was to be one.
func (u *unit) noGraph(f *hir.Fn, err error) {
	if !f.Graph {
		return
	}
	at := f.At
	var e *graph.Error
	if errors.As(err, &e) && e.At.IsValid() {
		at = e.At
	}
	u.errs.Errorf(diag.NotGraph, at, "%s", err).With(f.At, "this function is a @graph")
}

// standIns are the kernels of hir for a graph's; those that passes have made are added.
func (u *unit) standIns(f *hir.Fn, g *graph.Function) func(*tir.Kernel) *hir.Kernel {
	known := map[*tir.Kernel]*hir.Kernel{}
	taken := map[string]bool{}
	for _, k := range u.prog.Kernels {
		known[u.tile(k)] = k
		taken[k.Name] = true
	}
	for _, t := range g.Kernels {
		if known[t] != nil {
			continue
		}
		base := t.Name
		for i := 1; taken[t.Name]; i++ {
			t.Name = fmt.Sprintf("%s_%d", base, i)
		}
		taken[t.Name] = true
		k := &hir.Kernel{Name: t.Name, Source: t.Name, At: f.At}
		u.codes[k] = &code{tile: t}
		known[t] = k
		u.prog.Kernels = append(u.prog.Kernels, k)
		if u.opt.Kernels != nil {
			u.opt.Kernels(t)
		}
	}
	return func(t *tir.Kernel) *hir.Kernel { return known[t] }
}
