package sanitize_test

import (
	"testing"

	"tensoros/conformance/cuda"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/sanitize"
)

// TestCorpusIsClean: what NVIDIA's compiler makes of correct kernels gives no findings. Kernels
// whose blocks wait for one another need time to run in.
func TestCorpusIsClean(t *testing.T) {
	cases := 0
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
			t.Errorf("%s: %v", c.Name, &check.Findings[i])
		}
	}
	if cases < 100 {
		t.Errorf("%d cases", cases)
	}
}
