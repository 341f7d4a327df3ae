package chip

import "tensoros/hw/spec/gpu"

// H100 is the H100-SXM5-80GB.
var H100 = register(&Chip{Name: "h100", Title: "NVIDIA H100-SXM5-80GB", Arch: gpu.Hopper, SM: 90,
	Device: 0x2330, Params: hopper(
		Param{"sm.clock", 1830e6, "Hz", datasheet + ": boost"},
		Param{"l2.rate", 4025, "B/clk", benches + ": H100-PCIe 3950-4100"},
		Param{"hbm.latency", 571, "clk", slides},
		Param{"hbm.rate", 3240e9, "B/s", "pranjalssh/fast.cu, sum reduction [S]"},
		Param{"hbm.batch", 138, "", "fitted to " + benches + ", H100 PCIe: scale over read 0.877"},
		Param{"hbm.bytes", 80 << 30, "B", datasheet},
	)})

// H200 is the H200-SXM-141GB.
var H200 = register(&Chip{Name: "h200", Title: "NVIDIA H200-SXM-141GB", Arch: gpu.Hopper, SM: 90,
	Device: 0x2335, Params: hopper(
		Param{"sm.clock", 1785e6, "Hz", "nominal, H200 job [S]"},
		Param{"l2.rate", 3743, "B/clk", "H200 job, warm 40 MiB, loads [S]"},
		Param{"hbm.latency", 571, "clk", "as H100: " + slides},
		Param{"hbm.rate", 3888e9, "B/s", benches + ": read of a large set"},
		Param{"hbm.batch", 96, "", "fitted to " + benches + ": scale 3165 GB/s"},
		Param{"hbm.bytes", 141 << 30, "B", datasheet},
	)})

// hopper holds what the SXM parts of the generation have alike.
func hopper(own ...Param) []Param {
	return common(append(own,
		Param{"sm.count", 132, "", datasheet},
		Param{"sm.shared", 228 << 10, "B", guide},
		Param{"lanes.fp32", 128, "lane/clk", datasheet},
		Param{"lanes.fp16x2", 128, "lane/clk", datasheet + ": 4 warp instructions a clk"},
		Param{"lanes.fp64", 64, "lane/clk", datasheet},
		Param{"latency.special", 19, "clk", flash + ": 18.9 measured"},
		Param{"latency.shared", 29, "clk", luo + "; slides 28 [S]"},
		Param{"tensor.latency", 22, "clk", flash + "; Luo 24.1 [N]"},
		Param{"tensor.interval", 6.4, "clk",
			luo + ": mma.sync averages 62.9 % of peak; " + flash + " 6"},
		Param{"l2.bytes", 50 << 20, "B", datasheet},
		Param{"tensor.latency_f16", 24.1, "clk", luo + ": m16n8k16"},
		Param{"tensor.latency_s32", 24, "clk", luo},
		Param{"l1.unified", 256 << 10, "B", guide},
		Param{"l1.bytes", 220 << 10, "B", benches + ", H100 PCIe: the plateau's end"},
		Param{"l1.latency", 34, "clk", benches + ", H100 PCIe: 34.1"},
		Param{"l2.slices", 48, "", "96 in all [R]"},
		Param{"l2.latency", 260, "clk", slides},
		Param{"l2.far", 475, "clk", benches + ", H100 PCIe: plateau of 30-47 MB"},
		Param{"hbm.channels", 80, "", datasheet + ": 5 stacks of 16 channels"},
		Param{"pcie.gen", 5, "", datasheet},
	)...)
}
