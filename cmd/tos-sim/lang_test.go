package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	krun "tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu"
)

// langTargets are the chips that run the language's programs: one for each kind of code.
var langTargets = map[string]int{"a100": 80, "h100": 90, "rtx4090": 89}

// TestLibraryOnChips runs the tests of the library on simulated chips, without time: what the
// reference interpreter computes (neurolang/std), the generated code has to compute.
func TestLibraryOnChips(t *testing.T) {
	files, err := filepath.Glob("../../neurolang/std/testdata/*.nl")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for chip, target := range langTargets {
		for _, path := range files {
			t.Run(chip+"/"+filepath.Base(path), func(t *testing.T) {
				libraryOn(t, chip, target,
					path)
			})
		}
	}
}

func libraryOn(t *testing.T, chip string, target int, path string) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, set, ds := neurolang.Compile(path, src, neurolang.Options{Target: target})
	if p == nil {
		t.Fatal(&neurolang.Errors{Set: set, List: ds})
	}
	for _, fn := range p.Tests {
		a, err := gpu.Open(chip, gpu.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rt := krun.NewCompute(a, func(line string) { t.Log(line) })
		if err := vm.RunTest(p, fn, rt, vm.Options{}); err != nil {
			t.Errorf("%s: %s", p.Funcs[fn].Name, neurolang.Render(set, err, diag.Style{}))
		}
		a.Close()
	}
}

// TestExamplesOnChips runs the examples on an H100 without time; those that load objects from a
// drive have tests of their own.
func TestExamplesOnChips(t *testing.T) {
	files, err := filepath.Glob("../../examples/[0-9]*.nl")
	if err != nil || len(files) < 30 {
		t.Fatal(err, len(files))
	}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(src), "nvme://") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			p, set, ds := neurolang.Compile(path, src, neurolang.Options{Load: os.ReadFile})
			if p == nil {
				t.Fatal(&neurolang.Errors{Set: set, List: ds})
			}
			a, err := gpu.Open("h100", gpu.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			rt := krun.NewCompute(a, func(string) {})
			if err := vm.Run(p, rt, vm.Options{}); err != nil {
				t.Error(neurolang.Render(set, err, diag.Style{}))
			}
		})
	}
}
