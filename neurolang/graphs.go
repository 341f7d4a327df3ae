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

// graphs plans the functions marked @graph anew.
func (u *unit) graphs() {
	for _, f := range u.prog.Funcs {
		if f.Graph {
			u.graph(f)
		}
	}
}

// graph plans a function. A fused kernel may be too large where its parts are not: then they stay
// apart.
func (u *unit) graph(f *hir.Fn) {
	for _, fuse := range []bool{true, false} {
		g, err := graph.Build(f, u.tile)
		if err != nil {
			var e *graph.Error
			if !errors.As(err, &e) || !e.At.IsValid() {
				e = &graph.Error{At: f.At, Msg: err.Error()}
			}
			u.errs.Errorf(diag.NotGraph, e.At, "%s", e.Msg).With(f.At, "this function is a @graph")
			return
		}
		for _, p := range graph.Passes {
			if p.Name != "fuse" || fuse {
				p.Run(g.Graph)
			}
		}
		if err := g.Verify(); err != nil {
			panic("neurolang: " + err.Error())
		}
		if u.adopt(f, g) {
			return
		}
	}
}

// adopt gives a function the body that its graph makes, if all kernels that passes have made can be
// compiled.
func (u *unit) adopt(f *hir.Fn, g *graph.Function) bool {
	known := map[*tir.Kernel]*hir.Kernel{}
	taken := map[string]bool{}
	for _, k := range u.prog.Kernels {
		known[u.tile(k)] = k
		taken[k.Name] = true
	}
	var made []*hir.Kernel
	for _, t := range g.Kernels {
		if known[t] != nil {
			continue
		}
		base := t.Name
		for i := 1; taken[t.Name]; i++ {
			t.Name = fmt.Sprintf("%s_%d", base, i)
		}
		taken[t.Name] = true
		c, err := gen.Compile(t, u.link.Prog.Target, gen.Options{})
		if err != nil {
			return false
		}
		k := &hir.Kernel{Name: t.Name, Source: t.Name, At: f.At}
		u.codes[k] = &code{t, c}
		known[t] = k
		made = append(made, k)
	}
	for _, k := range made {
		if u.opt.Kernels != nil {
			u.opt.Kernels(u.codes[k].tile)
		}
	}
	u.prog.Kernels = append(u.prog.Kernels, made...)
	f.Body = g.Lower(func(t *tir.Kernel) *hir.Kernel { return known[t] })
	if u.opt.Graphs != nil {
		u.opt.Graphs(g.Graph)
	}
	return true
}
