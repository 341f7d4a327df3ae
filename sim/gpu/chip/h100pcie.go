package chip

import "tensoros/hw/spec/gpu"

// H100PCIe is the H100-PCIe-80GB: fewer SMs, HBM2e.
var H100PCIe = register(&Chip{Name: "h100-pcie", Title: "NVIDIA H100-PCIe-80GB", Arch: gpu.Hopper,
	SM: 90, Device: 0x2331, Params: hopper(
		Param{"sm.count", 114, "", datasheet},
		Param{"sm.clock", 1755e6, "Hz", benches},
		Param{"l2.latency", 265, "clk", benches},
		Param{"l2.rate", 4025, "B/clk", benches + ": 3950-4100"},
		Param{"hbm.latency", 650, "clk", benches + ": 626-658"},
		Param{"hbm.rate", 1942e9, "B/s", benches + ": read at full occupancy"},
		Param{"hbm.turn", 74, "ns", "fitted to " + benches + ": scale 1704 GB/s"},
		Param{"hbm.bytes", 80 << 30, "B", datasheet},
	)})
