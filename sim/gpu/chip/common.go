package chip

import "slices"

// Sources that several chips share.
const (
	datasheet = "NVIDIA datasheet [R]"
	huerta    = "Huerta et al., MICRO 2025, arXiv 2503.20481 [N]"
	guide     = "CUDA C++ Programming Guide, technical specifications per compute capability [R]"
	luo       = "Luo et al., IPDPS 2024 [N]"
	benches   = "te42kyfo/gpu-benches, commit 1c36d50 [S]"
	flash     = "FlashGPU-Sim configuration, a fit of its own model [S]"
	job       = "H200 job of FlashGPU-Sim [S]"
	catalogue = "B300 catalogue, one source [S]"
	slides    = "public slide deck CUDA Performance Study - H100 SXM5 [S]"
)

// common adds to a chip's own parameters those that it shares with others.
func common(own ...Param) []Param {
	for _, p := range shared {
		if !slices.ContainsFunc(own, func(q Param) bool { return q.Key == p.Key }) {
			own = append(own, p)
		}
	}
	return own
}

// shared holds what the chips have alike, where their own tables do not say otherwise.
var shared = []Param{
	{"sm.subcores", 4, "", datasheet},
	{"sm.warps", 64, "", guide},
	{"sm.ctas", 32, "", guide},
	{"sm.registers", 65536, "", guide},
	{"sm.shared_reserved", 1024, "B", guide},
	{"lanes.int", 64, "lane/clk", datasheet},
	{"lanes.special", 16, "lane/clk", datasheet},
	{"latency.alu", 4, "clk", huerta + "; B300 catalogue [S]"},
	{"latency.half", 5, "clk", huerta},
	{"latency.double", 8, "clk", "OpenXLA operation table, H100 [S]; Accel-Sim A100 6-8 [S]"},
	{"latency.reuse", 10, "clk", huerta + ", table 2: STG 10, LDG 11, LDS 9"},
	{"latency.fence", 186, "clk", huerta + " configuration: GPU scope"},
	{"pipe.queue", 16, "clk", huerta + ": 4 entries a sub-core"},
	{"pipe.inflight", 384, "", flash + ": TMA requests of 128 B a SM; others taken as alike"},
	{"pipe.port", 64, "B/clk", "datasheets: L2 to SM [R]"},
	{"cluster.latency", 193, "clk", job + ": mean of the pairs; Luo et al. 180 [N]"},
	{"cluster.own", 37, "clk", job},
	{"cluster.load", 6.44, "clk", job + ": 19.88 B/clk one way"},
	{"cluster.store", 6.76, "clk", job + ": 18.95 B/clk one way"},
	{"cluster.copy", 21.06, "B/clk", job + ": one way"},
	{"mbarrier.arrive", 5, "clk", "fitted to " + job + ": 6 with the reading of the clock"},
	{"mbarrier.test", 41, "clk", "fitted to " + job + ": 43 with the reading of the clock"},
	{"mbarrier.suspend", 7776, "clk", job + ": an operation"},
	{"wgmma.issue", 2, "clk", "fitted to " + job + ": 4.3 with the reading of the clock"},
	{"wgmma.issue_regs", 8, "clk", "fitted to " + job + ": 9-10 with the reading of the clock"},
	{"wgmma.fence", 19, "clk", "fitted to " + job + ": span of N=64"},
	{"wgmma.depth", 6, "", flash + ": 6 in flight a SM"},
	{"wgmma.tail", 44, "clk", "fitted to " + job + ": wait 43 + N/2"},
	{"wgmma.tail_regs", 40, "clk", "fitted to " + job + ": wait 33 + N/2"},
	{"bulk.latency", 170, "clk", "Luo et al., arXiv 2501.12084v2 [N]"},
	{"bulk.map", 400, "clk", "fitted to " + job + ": a load of 256 B end to end"},
	{"bulk.multicast", 99, "clk", "H200 job: extra fixed delay [S]"},
	{"bulk.issue", 33, "clk", "FlashGPU-Sim: 32-33 on H100 [S]"},
	{"l1.line_base", 0.96, "clk", "fitted to " + benches + ": loads with odd strides"},
	{"l1.line_each", 0.2225, "clk", "fitted to " + benches + ": loads with odd strides"},
	{"cta.refill", 300, "clk", "fitted to " + benches + ": init at a quarter of the occupancy"},
	{"l2.partitions", 2, "", "NVIDIA A100 and H100 whitepapers [R]"},
	{"hbm.batch", 200, "", "fitted to " + benches + ", A100: scale, 2 x 256 threads a SM"},
	{"hbm.backlog", 500, "ns", "stand-in: nothing is published"},
	{"latency.predicate", 13, "clk", huerta},
	{"latency.branch", 14, "clk", huerta + ": 2 issue + 12 refetch"},
	{"latency.shuffle", 23, "clk", "23-24 [R]"},
	{"latency.barrier", 22, "clk",
		"FlashGPU-Sim: 15-30 after the last arrival [S]; the middle"},
	{"pipe.access", 1, "clk",
		benches + ": 125-126 B/clk of f32 loads, stride 1; " + huerta + " has 2"},
	{"pipe.copy", 4, "clk", "H200 job: 65 cycles for 16 copies [S]"},
	{"tensor.work_f16", 1, "", "Luo et al.: A100, H800 as with f32 sums [N]"},
	{"pcie.lanes", 16, "", datasheet},
}
