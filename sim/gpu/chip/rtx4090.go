package chip

import "tensoros/hw/spec/gpu"

// RTX4090 is the GeForce RTX 4090.
var RTX4090 = register(&Chip{Name: "rtx4090", Title: "NVIDIA GeForce RTX 4090", Arch: gpu.Ada,
	SM: 89, Device: 0x2684, Params: common(
		Param{"sm.count", 128, "", datasheet},
		Param{"sm.clock", 2520e6, "Hz", datasheet},
		Param{"sm.warps", 48, "", guide},
		Param{"sm.ctas", 24, "", guide},
		Param{"sm.shared", 100 << 10, "B", guide},
		Param{"lanes.fp32", 128, "lane/clk", datasheet},
		Param{"lanes.fp16x2", 64, "lane/clk", datasheet + ": 2 warp instructions a clk"},
		Param{"lanes.fp64", 2, "lane/clk", datasheet},
		Param{"latency.double", 48, "clk", "Huerta et al.: consumer parts 48-64 [N]"},
		Param{"latency.special", 19, "clk", "as H100: " + flash},
		Param{"latency.shared", 30, "clk", luo + ": 30.1"},
		Param{"tensor.latency", 33, "clk", "as A100; Luo has f16 sums only"},
		Param{"tensor.latency_f16", 24.6, "clk", luo},
		Param{"tensor.latency_s32", 24.5, "clk", luo},
		Param{"tensor.interval", 32, "clk", datasheet + ": 256 FMA a clk with f32 sums"},
		Param{"tensor.work_f16", 0.5, "", luo + ": 357.6 TFLOP/s with f16 sums, twice as many"},
		Param{"l1.unified", 128 << 10, "B", guide},
		Param{"l1.bytes", 100 << 10, "B", benches + ", L40: the plateau's end"},
		Param{"l1.latency", 43, "clk", luo + ": 43.4; L40 36 (gpu-benches [S])"},
		Param{"l2.partitions", 1, "", "no far plateau on L40 (gpu-benches [S])"},
		Param{"l2.slices", 48, "", "12 channels of 4 [R]"},
		Param{"l2.bytes", 72 << 20, "B", datasheet},
		Param{"l2.latency", 273, "clk", luo + "; L40 276.5 (gpu-benches [S])"},
		Param{"l2.far", 273, "clk", "there is one partition"},
		Param{"l2.rate", 1708, "B/clk", luo},
		Param{"hbm.channels", 24, "", "GDDR6X, 384 bits in channels of 16 [R]"},
		Param{"hbm.latency", 541, "clk", luo + ": 541.5"},
		Param{"hbm.rate", 920e9, "B/s", "about 920 of 1008 [R]"},
		Param{"hbm.turn", 45, "ns", "as H100"},
		Param{"hbm.bytes", 24 << 30, "B", datasheet},
		Param{"pcie.gen", 4, "", datasheet},
	)})
