package neurolang_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/neurolang"
)

// sources are the library's tests and the examples: together they use every kernel of the library.
func sources(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, g := range []string{"std/testdata/*.nl", "../examples/[0-9]*.nl"} {
		files, err := filepath.Glob(g)
		if err != nil || len(files) == 0 {
			t.Fatal(err, g)
		}
		out = append(out, files...)
	}
	return out
}

// generated calls f with the PTX of every variant of every kernel of the sources, once each.
func generated(t *testing.T, target int, f func(name, text string)) {
	seen := map[string]bool{}
	for _, path := range sources(t) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, set, ds := neurolang.Compile(path, src, neurolang.Options{Target: target,
			Load: os.ReadFile})
		if p == nil {
			t.Errorf("%v", &neurolang.Errors{Set: set, List: ds})
			continue
		}
		for _, k := range p.Kernels {
			for i, v := range k.Variants {
				if !seen[v.PTX] {
					seen[v.PTX] = true
					f(fmt.Sprintf("%s %s variant %d", filepath.Base(path), k.Name, i), v.PTX)
				}
			}
		}
	}
}

// TestGeneratedPTX holds all code to the verifier of hw/ptx.
func TestGeneratedPTX(t *testing.T) {
	for _, target := range []int{80, 89, 90} {
		generated(t, target, func(name, text string) {
			m, err := ptx.Parse(name, []byte(text))
			if err == nil {
				err = ptx.Verify(m)
			}
			if err != nil {
				t.Errorf("sm_%d: %v", target, err)
			}
		})
	}
}

// TestPtxasGenerated gives all code to NVIDIA's assembler.
func TestPtxasGenerated(t *testing.T) {
	ptxas := os.Getenv("TENSOROS_PTXAS")
	if ptxas == "" {
		t.Skip("TENSOROS_PTXAS does not name NVIDIA's ptxas (12.4 or later)")
	}
	for target, arch := range map[int]string{80: "sm_80", 89: "sm_89", 90: "sm_90a"} {
		dir := t.TempDir()
		n := 0
		generated(t, target, func(name, text string) {
			file := filepath.Join(dir, "in.ptx")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(ptxas, "-arch="+arch, "-O0", "-c", "-o",
				filepath.Join(dir, "out"), file).CombinedOutput()
			if err != nil {
				t.Errorf("%s, %s: %s", name, arch, out)
			}
			n++
		})
		t.Logf("%s: %d texts", arch, n)
	}
}
