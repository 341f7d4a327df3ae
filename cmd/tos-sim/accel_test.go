package main

import (
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
	spec "tensoros/hw/spec/gpu"
	"tensoros/kernel/drv/gpu"
	"tensoros/sim/board"
	"tensoros/sim/gpu/chip"
)

// TestDriverIsAnAccelerator: TensorOS's own driver passes the suite on every simulated board.
func TestDriverIsAnAccelerator(t *testing.T) {
	for _, name := range board.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := board.Preset(name)
			if err != nil || len(s.GPUs) == 0 {
				t.Skip("no GPU")
			}
			if spec.Interfaces[chip.Chips[s.GPUs[0].Chip].Arch] == nil {
				t.Skip("no host interface")
			}
			onGPU(t, name, func(t *testing.T, _ hw.CPU, d *gpu.Device) {
				hwtest.Accelerator(t, d.Accelerator())
			})
		})
	}
}
