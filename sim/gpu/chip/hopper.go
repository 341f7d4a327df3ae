package chip

// hopper holds what the parts of the generation have alike.
func hopper(own ...Param) []Param {
	return common(append(own,
		Param{"sm.shared", 228 << 10, "B", guide},
		Param{"lanes.fp32", 128, "lane/clk", datasheet},
		Param{"lanes.fp16x2", 128, "lane/clk", datasheet + ": 4 warp instructions a clk"},
		Param{"lanes.fp64", 64, "lane/clk", datasheet},
		Param{"cta.refill", 385, "clk",
			"fitted to " + benches + ", H100 PCIe: init, 2 x 256 threads"},
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
		Param{"l2.far", 475, "clk", benches + ", H100 PCIe: plateau of 30-47 MB"},
		Param{"hbm.channels", 80, "", datasheet + ": 5 stacks of 16 channels"},
		Param{"pcie.gen", 5, "", datasheet},
	)...)
}
