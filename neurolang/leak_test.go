package neurolang_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"tensoros/neurolang"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/vm"
)

// TestNothingIsLeft runs programs and finds all memory of devices free at their end: who owns
// what is
// decided by the compiler.
func TestNothingIsLeft(t *testing.T) {
	texts := map[string]string{}
	for _, pattern := range []string{"testdata/lang/run/*.txtar", "../examples/[0-9]*.nl"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(path) == ".nl" {
				texts[path] = string(text)
				continue
			}
			for _, f := range txtar.Parse(text).Files {
				if strings.HasSuffix(f.Name, ".nl") {
					texts[f.Name] = string(f.Data)
				}
			}
		}
	}
	for name, text := range texts {
		p, _, _ := neurolang.Compile(name, []byte(text), neurolang.Options{Load: os.ReadFile})
		if p == nil || p.Main < 0 {
			continue // others hold that it compiles
		}
		rt := emu.New(func(string) {})
		m := vm.New(p, rt, vm.Options{})
		if _, err := m.Call(p.Main); err == nil && (m.Live() != 0 || rt.Live != 0) {
			t.Errorf("%s: %d tensors of %d bytes are left", name, m.Live(), rt.Live)
		}
	}
}
