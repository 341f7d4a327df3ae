package chip

import (
	"math"
	"strings"
	"testing"
)

func TestEveryChipIsComplete(t *testing.T) {
	for _, name := range Names() {
		if err := Chips[name].Check(); err != nil {
			t.Error(err)
		}
	}
}

// 310.6 TFLOP/s of mma.sync on an A100 (Luo et al., table VII).
func TestTensorPeakOfA100(t *testing.T) {
	if got := A100.PeakTensor() / 1e12; math.Abs(got-310.6)/310.6 > 0.01 {
		t.Errorf("%.1f TFLOP/s", got)
	}
}

func TestWithChangesACopy(t *testing.T) {
	c, err := H100.With("sm.count", "7")
	if err != nil || c.Get("sm.count") != 7 || H100.Get("sm.count") != 132 {
		t.Fatal(err)
	}
	for _, bad := range [][2]string{{"sm.cuont", "7"}, {"sm.count", "many"}, {"sm.count", "0"}} {
		_, err := H100.With(bad[0], bad[1])
		if err == nil || !strings.Contains(err.Error(), "gpu.") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
