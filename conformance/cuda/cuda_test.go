package cuda_test

import (
	"fmt"
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
					if a.Arch() < c.Arch || c.Resident && !timed {
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
