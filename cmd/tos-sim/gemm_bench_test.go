package main

import (
	"testing"

	"tensoros/sim/gpu/chip"
)

// BenchmarkGemm is one shape of `validate gpu-gemm` with one kernel: where the time of a warp
// specialised kernel goes that TMA feeds.
func BenchmarkGemm(b *testing.B) {
	s := shape{b: 1, m: 2048, n: 2048, k: 2048}
	for b.Loop() {
		t, err := gemmRun(chip.H100, s, &gemm128x2)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(s.flops()/t/1e12, "TFLOP/s")
	}
}
