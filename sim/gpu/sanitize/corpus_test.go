package sanitize_test

import (
	"testing"

	"tensoros/conformance/cuda"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/sanitize"
)

// races are those that the corpus has. In stencil3 the threads of the last row write what their
// neighbours write as the halo: the same value, and yet a race.
var races = map[string]bool{"stencil3": true}

// TestCorpusIsClean: what NVIDIA's compiler makes of correct kernels gives no findings. Kernels
// whose blocks wait for one another need time to run in.
func TestCorpusIsClean(t *testing.T) {
	cases, found := 0, map[string]bool{}
	for _, c := range cuda.Cases() {
		if c.Skip != "" || c.Arch > 90 || c.Resident {
			continue
		}
		cases++
		check := sanitize.New()
		a, err := gpu.Open("h100", gpu.Options{Check: check})
		if err != nil {
			t.Fatal(err)
		}
		if err := cuda.Run(a, &c); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		for i := range check.Findings {
			f := &check.Findings[i]
			if f.Kind == sanitize.Race && races[f.Kernel] {
				found[f.Kernel] = true
				continue
			}
			t.Errorf("%s: %v", c.Name, f)
		}
	}
	if cases < 100 || len(found) != len(races) {
		t.Errorf("%d cases, races in %v", cases, found)
	}
}
