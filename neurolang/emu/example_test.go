package emu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/check"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/hostgen"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/tirgen"
	"tensoros/neurolang/vm"
)

// compiled is source text as a program whose kernels have tile IR only.
func compiled(name string, src []byte) (*program.Program, error) {
	set := &source.Set{}
	var errs diag.List
	file := set.Add(name, src)
	tree, _ := syntax.Parse(file, syntax.Items, &errs)
	tell := func() error {
		var b strings.Builder
		_ = diag.Render(&b, set, errs.Sorted(), diag.Style{})
		return fmt.Errorf("%s", b.String())
	}
	if errs.Failed() {
		return nil, tell()
	}
	p, _ := check.Program(set, tree, &errs, check.Options{})
	if errs.Failed() {
		return nil, tell()
	}
	out := &program.Program{Name: name, Target: 90, Main: -1, Sources: set}
	l := hostgen.NewLinker(out)
	for _, k := range p.Kernels {
		t, err := tirgen.Kernel(k, set)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Source, err)
		}
		l.Kernel(k, &abi.Kernel{Name: t.Name, Params: t.Params, Outs: t.Outs, Axes: t.Axes,
			Source: t.String()})
	}
	l.Link(p, &errs)
	if errs.Failed() {
		return nil, tell()
	}
	return out, out.Verify()
}

// patience is how many elements a kernel may compute.
const patience = 20_000_000

// seed puts the objects that examples load into a runtime.
func seed(rt *Runtime) {
	for i, name := range []string{"nvme://a", "nvme://b"} {
		s := vm.Spec{Shape: []int{512, 512}, Elem: tile.F16, Layout: tile.RowMajor + tile.Layout(i)}
		rt.Objects[name] = Object{s.Shape, s.Elem, s.Layout,
			vm.Fill{Kind: vm.FillRandn, Seed: uint64(i)}.Bytes(&s)}
	}
}

// TestExamples runs the examples, which assert what they compute.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.nl")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := compiled(file, src)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			rt := New(func(s string) { out.WriteString(s + "\n") })
			rt.Options.Steps = patience
			seed(rt)
			m := vm.New(p, rt, vm.Options{})
			_, err = m.Call(p.Main)
			if errors.Is(err, interp.ErrSteps) {
				t.Skip("too large for an interpreter")
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if m.Live() != 0 {
				t.Errorf("%d tensors are left", m.Live())
			}
		})
	}
}
