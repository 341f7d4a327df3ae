package chip

import "tensoros/hw/spec/gpu"

// H100 is the H100-SXM5-80GB.
var H100 = register(&Chip{Name: "h100", Title: "NVIDIA H100-SXM5-80GB", Arch: gpu.Hopper, SM: 90,
	Device: 0x2330, Params: hopper(
		Param{"sm.count", 132, "", datasheet},
		Param{"sm.clock", 1830e6, "Hz", datasheet + ": boost"},
		Param{"l2.latency", 260, "clk", slides},
		Param{"l2.rate", 4025, "B/clk", benches + ": H100-PCIe 3950-4100"},
		Param{"hbm.latency", 571, "clk", slides},
		Param{"hbm.rate", 3240e9, "B/s", "pranjalssh/fast.cu, sum reduction [S]"},
		Param{"hbm.turn", 45, "ns", "fitted to " + benches + ", H100 PCIe: scale over read 0.877"},
		Param{"hbm.bytes", 80 << 30, "B", datasheet},
	)})
