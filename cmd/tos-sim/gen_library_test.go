package main

import (
	"os"
	"path/filepath"
	"sort"
	"testing"

	"golang.org/x/tools/txtar"

	"tensoros/hw/ptx"
	"tensoros/neurolang"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/tir"
)

// genLibrary collects the kernels that the examples and the language's tests make of the library
// and of their own.
func genLibrary(t *testing.T) map[string]*tir.Kernel {
	t.Helper()
	out := map[string]*tir.Kernel{}
	take := func(name string, src []byte) {
		neurolang.Compile(name, src, neurolang.Options{Load: os.ReadFile,
			Kernels: func(k *tir.Kernel) { out[k.Name] = k }})
	}
	for _, pattern := range []string{"../../examples/*.nl", "../../neurolang/testdata/lang/run/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(f) == ".nl" {
				take(f, text)
				continue
			}
			for _, x := range txtar.Parse(text).Files {
				if filepath.Ext(x.Name) == ".nl" {
					take(x.Name, x.Data)
				}
			}
		}
	}
	if len(out) < 20 {
		t.Fatalf("%d kernels", len(out))
	}
	return out
}

// TestGenLibrary: they all have code for all targets that the door's verifier takes.
func TestGenLibrary(t *testing.T) {
	kernels := genLibrary(t)
	var names []string
	for n := range kernels {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		for _, cc := range gen.Targets() {
			k, err := gen.Compile(kernels[n], cc, gen.Options{})
			if err != nil {
				t.Errorf("%s for %d: %v", n, cc, err)
				continue
			}
			for i, v := range k.Variants {
				m, err := ptx.Parse(n, []byte(v.PTX))
				if err == nil {
					err = ptx.Verify(m)
				}
				if err != nil {
					t.Errorf("%s for %d, variant %d: %v", n, cc, i, err)
				}
			}
			if cc <= 90 {
				genPtxas(t, k)
			}
		}
	}
	t.Logf("%d kernels", len(names))
}

// librarySizes are dimensions of kernels that take long on those that others get.
var librarySizes = map[string]map[string]int{
	"attention_f16_64_true_64_64": {"B": 1, "H": 4, "G": 2, "S": 70, "L": 200},
	"conv2d_f16_3_3_16_1_32_32":   {"N": 1, "H": 3, "W": 40, "K": 40},
}

// TestGenLibraryRuns: on small tensors they compute what the interpreter does.
func TestGenLibraryRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	kernels := genLibrary(t)
	var names []string
	for n := range kernels {
		names = append(names, n)
	}
	sort.Strings(names)
	for i, n := range names {
		k := kernels[n]
		dims := map[string]int{}
		for _, s := range k.Symbols() {
			dims[s] = []int{64, 40, 33}[i%3]
			if len(k.Symbols()) > 2 {
				dims[s] = []int{8, 6, 5}[i%3]
			}
		}
		for s, d := range librarySizes[n] {
			dims[s] = d
		}
		scalars := make([]float64, len(k.Params))
		for j := range scalars {
			scalars[j] = 2
		}
		t.Run(n, func(t *testing.T) {
			for _, cc := range []int{80, 90} {
				steps := 4_000_000
				if librarySizes[n] != nil {
					steps = 60_000_000
				}
				genRun(t, &genCase{text: k.String(), dims: dims, scalars: scalars, tol: 2e-2,
					steps: steps,
					fill: func(p, j int) float64 {
						if !tir.IsFloat(k.Tensor(p).Elem) {
							return float64(j * 7 % 30)
						}
						return defaultFill(p, j) / 4
					}}, cc)
			}
		})
	}
}
