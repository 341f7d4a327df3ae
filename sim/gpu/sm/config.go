package sm

import "tensoros/sim/gpu/lower"

// Config is what an SM has and what its units cost, in cycles.
type Config struct {
	SM        int     // compute capability times ten
	GHz       float64 // SM clock
	SubCores  int
	Threads   int  // that run SMs; 0 and 1 mean the caller's own
	Sample    bool // time few waves of a grid of many like ones, and compute the others only
	Warps     int  // resident a SM, at most
	CTAs      int
	Registers int // 32-bit, a SM
	Shared    int // bytes of shared memory a SM
	Reserved  int // bytes of it that every CTA loses
	Unified   int // bytes of L1 and shared memory together
	L1        int // bytes that L1 can have at most

	Latency    [lower.Units]int64   // of Memory: a load from shared memory
	Interval   [lower.Units]float64 // between two instructions of a sub-core
	HalfWork   float64              // time of mma with f16 sums against f32 sums; 0 as 1
	TensorHalf int64                // latency of mma with f16 sums; 0 as with f32 sums
	TensorInt  int64                // with s32 sums

	L1Latency int64   // of a load that hits
	Predicate int64   // from a comparison to its use by a branch or guard
	Reuse     int64   // from a memory instruction to the change of its operands
	Taken     int64   // cost of a taken branch
	Release   int64   // from the last arrival at a barrier to the next issue
	Access    int64   // cycles between two requests to the memory pipe of the SM
	LineBase  float64 // cycles of the memory pipe that a load from several lines takes,
	LineEach  float64 // and for each line
	Refill    int64   // from the end of a CTA to the start of the next in its place
	Queue     int64   // cycles of work that the memory pipe takes in advance
	Shuffle   int64   // latency of shfl
	CopyIssue int64   // cycles of the memory pipe that a cp.async takes
	InFlight  int     // requests that an SM can have outstanding
	Port      float64 // bytes a cycle from L2 to an SM
	Fence     int64   // of membar and fence at GPU scope
	Remote    int64   // latency to another SM of the cluster
	RemoteOwn int64   // of a cluster address in the SM's own shared memory
	RemoteGet float64 // cycles of the memory pipe that a wavefront from another SM takes,
	RemotePut float64 // and one to another SM
	MapLag    int64   // of the first copy of an SM by a tensor map
	CopyRate  float64 // bytes a cycle of bulk copies to another SM
	Arrive    int64   // from an arrival at an mbarrier to the next instruction
	Test      int64   // from a test of an mbarrier to its result
	Suspend   int64   // that a test that fails holds a warp, at most
	MMAIssue  int64   // from a wgmma to the next instruction,
	MMARegs   int64   // and with A in registers
	MMAFence  int64   // of wgmma.fence
	MMADepth  int     // wgmmas that a sub-core holds
	MMATail   int64   // from the end of a wgmma's work to that of a wait
	MMATailR  int64   // and with A in registers
	BulkLag   int64   // of a bulk load beyond a plain one
	CastLag   int64   // of a multicast beyond that
	BulkIssue int64   // cycles between two requests to the copy engine
}

// Target is what code for the SM is lowered with.
func (c *Config) Target() *lower.Target {
	t := &lower.Target{SM: c.SM, Predicate: int(c.Predicate), Reuse: int(c.Reuse), Registers: 255,
		HalfWork: c.HalfWork, TensorHalf: int(c.TensorHalf), TensorInt: int(c.TensorInt)}
	for u, n := range c.Latency {
		t.Latency[u] = int(n)
	}
	t.Interval = c.Interval
	return t
}

// plainTarget is for programs that run without time.
func plainTarget(sm int) *lower.Target {
	t := &lower.Target{SM: sm, Predicate: 1, Registers: 255}
	for u := range t.Latency {
		t.Latency[u] = 1
	}
	return t
}
