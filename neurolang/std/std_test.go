package std_test

import (
	"os"
	"path/filepath"
	"testing"

	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/vm"
)

// TestLibrary runs the tests of the library with the reference interpreter of kernels. cmd/tos-sim
// runs them on the simulated chip.
func TestLibrary(t *testing.T) {
	files, err := filepath.Glob("testdata/*.nl")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, set, ds := neurolang.Compile(path, src, neurolang.Options{})
		if p == nil {
			t.Errorf("%v", &neurolang.Errors{Set: set, List: ds})
			continue
		}
		for _, fn := range p.Tests {
			t.Run(p.Funcs[fn].Name, func(t *testing.T) {
				rt := emu.New(func(line string) { t.Log(line) })
				if err := vm.RunTest(p, fn, rt, vm.Options{}); err != nil {
					t.Error(neurolang.Render(set, err, diag.Style{}))
				}
			})
		}
	}
}
