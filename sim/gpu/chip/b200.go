package chip

import "tensoros/hw/spec/gpu"

// B200 is the B200, as far as sourced numbers go: mma.sync and memory; tcgen05 and its memory are
// not modelled. Nothing drives its host interface: kernels run on it alone.
var B200 = register(&Chip{Name: "b200", Title: "NVIDIA B200", Arch: gpu.Blackwell, SM: 100,
	Device: 0x2901, Params: common(
		Param{"sm.count", 148, "", "Jarmusch & Chandrasekaran, IPDPS 2026 [N]; FlashGPU-Sim [S]"},
		Param{"sm.clock", 1930e6, "Hz", "FlashGPU-Sim configuration [S]"},
		Param{"sm.shared", 228 << 10, "B", guide},
		Param{"lanes.int", 64, "lane/clk", "as Hopper; B300 catalogue: 128 for additions [S]"},
		Param{"lanes.fp32", 128, "lane/clk", catalogue + ": FFMA 4.00 warp instructions a clk"},
		Param{"lanes.fp16x2", 64, "lane/clk", catalogue + ": HFMA2 2.00"},
		Param{"lanes.fp64", 64, "lane/clk", datasheet},
		Param{"latency.special", 14, "clk", catalogue + ": EX2"},
		Param{"latency.shared", 29, "clk", "about 29, as Hopper"},
		Param{"tensor.latency", 21, "clk", catalogue + ": 20.8"},
		Param{"tensor.latency_f16", 21, "clk", "as with f32 sums"},
		Param{"tensor.latency_s32", 21, "clk", "as with f32 sums"},
		Param{"tensor.interval", 8.18, "clk", catalogue},
		Param{"tensor.work_f16", 1, "", "as with f32 sums"},
		Param{"l1.unified", 256 << 10, "B", guide},
		Param{"l1.bytes", 220 << 10, "B", "as H100"},
		Param{"l1.latency", 34, "clk", "as H100"},
		Param{"l2.slices", 96, "", "as H100, for each die [R]"},
		Param{"l2.bytes", 126 << 20, "B", "FlashGPU-Sim [S]"},
		Param{"l2.latency", 260, "clk", "as H100"},
		Param{"l2.far", 475, "clk", "as H100"},
		Param{"l2.rate", 10400, "B/clk", "FlashGPU-Sim: 20.1 TB/s [S]; B300 22-26 TB/s [S]"},
		Param{"hbm.channels", 128, "", "8 stacks of 16 channels [R]"},
		Param{"hbm.latency", 571, "clk", "as H100"},
		Param{"hbm.rate", 7150e9, "B/s", catalogue + ": 7100-7200 GB/s"},
		Param{"hbm.turn", 60, "ns", "as H200"},
		Param{"hbm.bytes", 180 << 30, "B", datasheet},
		Param{"pcie.gen", 5, "", datasheet},
	)})
