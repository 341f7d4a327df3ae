package chip

import "tensoros/hw/spec/gpu"

// A100 is the A100-SXM4-80GB.
var A100 = register(&Chip{Name: "a100", Title: "NVIDIA A100-SXM4-80GB", Arch: gpu.Ampere, SM: 80,
	Device: 0x20b2, Params: common(
		Param{"sm.count", 108, "", datasheet},
		Param{"sm.clock", 1410e6, "Hz", benches},
		Param{"sm.shared", 164 << 10, "B", guide},
		Param{"lanes.fp32", 64, "lane/clk", datasheet},
		Param{"lanes.fp16x2", 128, "lane/clk", datasheet + ": 256 half FMA a clk"},
		Param{"lanes.fp64", 32, "lane/clk", datasheet},
		Param{"latency.special", 19, "clk", "as H100: " + flash},
		Param{"latency.shared", 29, "clk", luo + "; Accel-Sim 28 [S]"},
		Param{"tensor.latency", 33, "clk", "Sun et al., arXiv 2206.02874 [R]"},
		Param{"tensor.interval", 8, "clk", luo + ": 310.6 TFLOP/s = 8 clk an mma a sub-core"},
		Param{"l2.bytes", 40 << 20, "B", datasheet},
		Param{"tensor.latency_f16", 24.6, "clk", luo},
		Param{"tensor.latency_s32", 26, "clk", luo},
		Param{"l1.unified", 192 << 10, "B", guide},
		Param{"l1.bytes", 150 << 10, "B", benches + ": the plateau's end"},
		Param{"l1.latency", 36, "clk", benches},
		Param{"l2.slices", 40, "", datasheet + ": 80 in all"},
		Param{"l2.latency", 211, "clk", benches},
		Param{"l2.far", 425, "clk", benches + ": plateau of 27-40 MB"},
		Param{"hbm.turn", 12, "ns", "fitted to " + benches + ": scale 1732 GB/s"},
		Param{"hbm.channels", 80, "", datasheet + ": 5 stacks of 16 pseudo-channels"},
		Param{"l2.rate", 3800, "B/clk", benches + ": 3700-3900"},
		Param{"hbm.latency", 567, "clk", benches},
		Param{"hbm.rate", 1769e9, "B/s", benches + ": read at full occupancy"},
		Param{"hbm.bytes", 80 << 30, "B", datasheet},
		Param{"pcie.gen", 4, "", datasheet},
	)})
