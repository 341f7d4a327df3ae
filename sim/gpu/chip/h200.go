package chip

import "tensoros/hw/spec/gpu"

// H200 is the H200-SXM-141GB.
var H200 = register(&Chip{Name: "h200", Title: "NVIDIA H200-SXM-141GB", Arch: gpu.Hopper, SM: 90,
	Device: 0x2335, Params: hopper(
		Param{"sm.count", 132, "", "one H200 [M]"},
		Param{"l2.latency", 260, "clk", "as H100: " + slides},
		Param{"sm.clock", 1785e6, "Hz", "nominal, H200 job [S]"},
		Param{"l2.rate", 4118, "B/clk", job + ": TMA, warm 40 MiB; loads 3743"},
		Param{"hbm.latency", 698, "clk", "fitted to " + benches + ": read, 2 x 256 threads a SM"},
		Param{"hbm.rate", 3888e9, "B/s", benches + ": read of a large set"},
		Param{"hbm.turn", 60, "ns", "fitted to " + benches + ": scale 3165 GB/s"},
		Param{"hbm.bytes", 141 << 30, "B", datasheet},
	)})
