package cuda_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tensoros/conformance/cuda"
	"tensoros/sim/gpu"
)

// TestCorpus runs every case on the simulated chips, without time and with it.
func TestCorpus(t *testing.T) {
	for _, c := range cuda.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if c.Skip != "" {
				t.Skip(c.Skip)
			}
			for _, name := range []string{"a100", "h100"} {
				for _, timed := range []bool{false, true} {
					a, err := gpu.Open(name, gpu.Options{Timed: timed})
					if err != nil {
						t.Fatal(err)
					}
					if a.Arch() < c.Arch {
						continue
					}
					if err := cuda.Run(a, &c); err != nil {
						t.Errorf("%s, timed %v: %v", name, timed, err)
					}
				}
			}
		})
	}
}

// TestPrintedText: what hello says, thread by thread, as C prints it.
func TestPrintedText(t *testing.T) {
	var said [2]bytes.Buffer
	for i, timed := range []bool{false, true} {
		a, err := gpu.Open("h100", gpu.Options{Timed: timed, Stdout: &said[i]})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cuda.Cases() {
			if c.Name == "print/hello" {
				if err := cuda.Run(a, &c); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	lines := strings.Split(said[0].String(), "\n")
	form := regexp.MustCompile(`^thread \d+ of block 0:  *-?\d+ [0-9a-f]{8} [aiqy]% (above|below)$`)
	numbers := regexp.MustCompile(`^-?\d+\.\d{3} -?\d\.\d{6}e[+-]\d\d -?\d+$`)
	if len(lines) != 6 || !form.MatchString(lines[0]) || !form.MatchString(lines[3]) ||
		!numbers.MatchString(lines[4]) || said[0].String() != said[1].String() {
		t.Errorf("%q, with time %q", said[0].String(), said[1].String())
	}
}

// TestEveryKernelHasACase: what is compiled is run.
func TestEveryKernelHasACase(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range cuda.Cases() {
		for _, k := range append(c.Then, c.Kernel()) {
			covered[c.File()+"/"+k] = true
		}
	}
	for _, f := range cuda.Files() {
		text, err := cuda.Text(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(line, ".visible .entry "); ok {
				k := fmt.Sprintf("%s/%s", f, strings.TrimRight(name, "(\n) "))
				if !covered[k] {
					t.Errorf("no case runs %s", k)
				}
			}
		}
	}
}

// TestNvcc compiles every kernel anew: what is committed is what nvcc makes of it.
func TestNvcc(t *testing.T) {
	if os.Getenv("TENSOROS_NVCC") == "" {
		t.Skip("TENSOROS_NVCC does not name NVIDIA's nvcc (12.4)")
	}
	dir := t.TempDir()
	if out, err := exec.Command("./compile", "-o", dir).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "*.ptx"))
	if err != nil || len(made) != len(cuda.Files()) {
		t.Errorf("compile makes %d files, %d are committed (%v)", len(made), len(cuda.Files()), err)
	}
	for _, f := range made {
		name := strings.TrimSuffix(filepath.Base(f), ".ptx")
		got, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want, err := cuda.Text(name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("ptx/%s.ptx is not what nvcc makes of %s.cu: run compile %s (%v)", name, name,
				name, err)
		}
	}
}
