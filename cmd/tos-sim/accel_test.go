package main

import (
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
	"tensoros/kernel/drv/gpu"
	"tensoros/sim/board"
)

// TestDriverIsAnAccelerator: TensorOS's own driver passes the suite on every simulated board.
func TestDriverIsAnAccelerator(t *testing.T) {
	for _, name := range board.Names() {
		t.Run(name, func(t *testing.T) {
			spec, err := board.Preset(name)
			if err != nil || len(spec.GPUs) == 0 {
				t.Skip("no GPU")
			}
			onGPU(t, name, func(t *testing.T, _ hw.CPU, d *gpu.Device) {
				hwtest.Accelerator(t, d.Accelerator())
			})
		})
	}
}
