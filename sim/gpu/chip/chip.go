package chip

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"tensoros/hw/spec/gpu"
	"tensoros/sim"
	"tensoros/sim/gpu/lower"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
)

// Param is a number of a chip: its key, value, unit and source.
type Param struct {
	Key    string
	Value  float64
	Unit   string
	Source string
}

// Chip is a GPU: names, and a table of numbers.
type Chip struct {
	Name   string // as on the command line
	Title  string
	Arch   gpu.Arch
	SM     int // compute capability times ten
	Device uint16
	Params []Param
}

// Chips are all chips, by name.
var Chips = map[string]*Chip{}

func register(c *Chip) *Chip {
	Chips[c.Name] = c
	return c
}

// Names lists the chips in order.
func Names() []string {
	var names []string
	for n := range Chips {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// keys are the parameters that every chip must have: what they are, and the least value that
// makes sense.
var keys = []struct {
	key, doc string
	least    float64
}{
	{"sm.count", "streaming multiprocessors", 1},
	{"sm.clock", "SM clock", 1e6},
	{"sm.subcores", "sub-cores a SM, one warp instruction a cycle each", 1},
	{"sm.warps", "resident warps a SM", 1},
	{"sm.ctas", "resident CTAs a SM", 1},
	{"sm.registers", "32-bit registers a SM", 256},
	{"sm.shared", "shared memory a SM", 1024},
	{"sm.shared_reserved", "shared memory that each CTA loses", 0},
	{"lanes.int", "integer lanes a SM", 4},
	{"lanes.fp32", "f32 lanes a SM", 4},
	{"lanes.fp16x2", "f16x2 lanes a SM", 4},
	{"lanes.fp64", "f64 lanes a SM", 1},
	{"lanes.special", "special function lanes a SM", 1},
	{"latency.alu", "dependent latency of integer and f32 operations", 1},
	{"latency.half", "of f16x2 operations", 1},
	{"latency.double", "of f64 operations", 1},
	{"latency.special", "of special functions", 1},
	{"latency.predicate", "from a comparison to a branch or guard", 1},
	{"latency.shared", "of a shared memory load", 1},
	{"latency.shuffle", "of shfl", 1},
	{"latency.branch", "of a taken branch", 1},
	{"latency.barrier", "from the last arrival to release", 1},
	{"tensor.latency", "of mma.sync m16n8k16 f16 to f32", 1},
	{"tensor.interval", "between two of them in a sub-core", 1},
	{"pipe.access", "between two requests to the memory pipe of a SM", 1},
	{"pipe.copy", "of the memory pipe that a cp.async takes", 1},
	{"tensor.work_f16", "time of mma with f16 sums against f32 sums", 0.1},
	{"tensor.latency_f16", "of mma.sync with f16 sums", 0},
	{"tensor.latency_s32", "of mma.sync with s32 sums", 0},
	{"latency.reuse", "from a memory instruction to the change of its operands", 1},
	{"latency.fence", "of a memory fence at GPU scope", 1},
	{"pipe.queue", "cycles of work that the memory pipe takes in advance", 0},
	{"pipe.inflight", "requests to L2 that a SM can have outstanding", 1},
	{"pipe.port", "from L2 to a SM", 1},
	{"l1.unified", "L1 and shared memory together, a SM", 1024},
	{"l1.bytes", "that L1 can have at most", 1024},
	{"l1.latency", "L1 hit", 1},
	{"l1.line_base", "of the memory pipe that a load from several lines takes", 0},
	{"l1.line_each", "and for each line", 0},
	{"cta.refill", "from the end of a CTA to the start of the next in its place", 0},
	{"cluster.latency", "of shared memory of another SM of the cluster", 1},
	{"cluster.own", "of its own shared memory by an address of the cluster", 1},
	{"cluster.load", "of the memory pipe that 128 B of a load from another SM take", 1},
	{"cluster.store", "and of a store", 1},
	{"cluster.copy", "of bulk copies to another SM", 1},
	{"mbarrier.arrive", "from an arrival at an mbarrier to the next instruction", 1},
	{"mbarrier.test", "from a test of an mbarrier to its result", 1},
	{"mbarrier.suspend", "that a test that fails holds a warp, at most", 1},
	{"wgmma.issue", "from a wgmma to the next instruction", 1},
	{"wgmma.issue_regs", "and with A in registers", 1},
	{"wgmma.fence", "of wgmma.fence", 1},
	{"wgmma.depth", "wgmmas that a sub-core holds", 1},
	{"wgmma.tail", "from the end of a wgmma's work to that of a wait", 0},
	{"wgmma.tail_regs", "and with A in registers", 0},
	{"bulk.latency", "of a bulk load beyond a plain one", 0},
	{"bulk.map", "of the first copy of an SM by a tensor map", 0},
	{"bulk.multicast", "of a multicast beyond a bulk load", 0},
	{"bulk.issue", "between two requests to the copy engine", 1},
	{"l2.bytes", "L2 capacity", 1024},
	{"l2.partitions", "partitions of L2", 1},
	{"l2.slices", "slices of a partition", 1},
	{"l2.latency", "L2 hit in the near partition", 1},
	{"l2.far", "L2 hit in the other partition", 1},
	{"l2.rate", "L2 bandwidth", 1},
	{"hbm.channels", "channels of HBM", 1},
	{"hbm.turn", "that a channel loses from reads to writes and back", 0},
	{"hbm.batch", "sectors that a channel writes between turns", 1},
	{"hbm.backlog", "of work at a channel before writers wait", 0},
	{"hbm.latency", "HBM, from the SM and back", 1},
	{"hbm.rate", "HBM bandwidth, as achieved by reads", 1},
	{"hbm.bytes", "HBM capacity", 1 << 20},
	{"pcie.gen", "PCI Express generation", 1},
	{"pcie.lanes", "PCI Express lanes", 1},
}

// Get is a parameter's value. Unknown keys are a bug: Check has passed.
func (c *Chip) Get(key string) float64 {
	for i := range c.Params {
		if c.Params[i].Key == key {
			return c.Params[i].Value
		}
	}
	panic("chip: " + c.Name + " has no " + key)
}

// Describe is a parameter's meaning.
func Describe(key string) string {
	for _, k := range keys {
		if k.key == key {
			return k.doc
		}
	}
	return ""
}

// Check reports a table that lacks a parameter, has an unknown one, or a value without a source.
func (c *Chip) Check() error {
	seen := map[string]bool{}
	for _, p := range c.Params {
		if Describe(p.Key) == "" || seen[p.Key] || p.Source == "" {
			return fmt.Errorf("chip %s: parameter %q is unknown, doubled or without a source",
				c.Name, p.Key)
		}
		seen[p.Key] = true
	}
	for _, k := range keys {
		if !seen[k.key] || c.Get(k.key) < k.least {
			return fmt.Errorf("chip %s: parameter %q is missing or below %v", c.Name, k.key,
				k.least)
		}
	}
	return nil
}

// With is a copy of the chip with a parameter changed.
func (c *Chip) With(key, value string) (*Chip, error) {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return nil, fmt.Errorf("gpu.%s: %q is not a number", key, value)
	}
	changed := *c
	changed.Params = append([]Param(nil), c.Params...)
	for i := range changed.Params {
		p := &changed.Params[i]
		if p.Key != key {
			continue
		}
		for _, k := range keys {
			if k.key == key && v < k.least {
				return nil, fmt.Errorf("gpu.%s: %s is below the least value %v", key, value,
					k.least)
			}
		}
		p.Value, p.Source = v, fmt.Sprintf("set on the command line; the chip has %v", p.Value)
		return &changed, nil
	}
	return nil, fmt.Errorf("gpu.%s: no such parameter; there are: %s", key,
		strings.Join(c.keys(), " "))
}

func (c *Chip) keys() []string {
	var out []string
	for _, p := range c.Params {
		out = append(out, "gpu."+p.Key)
	}
	return out
}

// Clock is the SM clock.
func (c *Chip) Clock() sim.Rate { return sim.Rate(c.Get("sm.clock")) }

// Core is the configuration of an SM. A pipe of n lanes a SM takes a warp instruction of a sub-core
// every 32 * subcores / n cycles.
func (c *Chip) Core() sm.Config {
	subs := c.Get("sm.subcores")
	every := func(lanes string) float64 { return 32 * subs / c.Get(lanes) }
	at := func(key string) int64 { return int64(c.Get(key)) }
	alu := at("latency.alu")
	return sm.Config{
		SM: c.SM, GHz: c.Get("sm.clock") / 1e9,
		SubCores: int(subs), Warps: int(at("sm.warps")), CTAs: int(at("sm.ctas")),
		Registers: int(at("sm.registers")), Shared: int(at("sm.shared")),
		Reserved: int(at("sm.shared_reserved")), Unified: int(at("l1.unified")),
		L1: int(at("l1.bytes")), L1Latency: at("l1.latency"),
		Latency: [lower.Units]int64{
			lower.ALU: alu, lower.FMA: alu, lower.Heavy: alu, lower.Half: at("latency.half"),
			lower.Double: at("latency.double"), lower.Special: at("latency.special"),
			lower.Tensor: at("tensor.latency"), lower.Warpgroup: 1,
			lower.Memory: at("latency.shared"), lower.Copy: 1, lower.Barrier: 1,
			lower.Control: 1},
		Interval: [lower.Units]float64{
			lower.ALU: every("lanes.int"), lower.FMA: every("lanes.fp32"),
			lower.Heavy: every("lanes.int"), lower.Half: every("lanes.fp16x2"),
			lower.Double: every("lanes.fp64"), lower.Special: every("lanes.special"),
			lower.Tensor: c.Get("tensor.interval"), lower.Warpgroup: 1, lower.Memory: 1,
			lower.Copy: 1, lower.Barrier: 1, lower.Control: 1},
		HalfWork:   c.Get("tensor.work_f16"),
		TensorHalf: at("tensor.latency_f16"), TensorInt: at("tensor.latency_s32"),
		Predicate: at("latency.predicate"), Reuse: at("latency.reuse"), Taken: at("latency.branch"),
		Release: at("latency.barrier"), Access: at("pipe.access"), Queue: at("pipe.queue"),
		LineBase: c.Get("l1.line_base"), LineEach: c.Get("l1.line_each"),
		Refill:  at("cta.refill"),
		Shuffle: at("latency.shuffle"), CopyIssue: at("pipe.copy"),
		InFlight: int(at("pipe.inflight")), Port: c.Get("pipe.port"), Fence: at("latency.fence"),
		Remote: at("cluster.latency"), BulkLag: at("bulk.latency"), CastLag: at("bulk.multicast"),
		BulkIssue: at("bulk.issue"), MapLag: at("bulk.map"), RemoteOwn: at("cluster.own"),
		RemoteGet: c.Get("cluster.load"), RemotePut: c.Get("cluster.store"),
		CopyRate: c.Get("cluster.copy"), Arrive: at("mbarrier.arrive"), Test: at("mbarrier.test"),
		Suspend: at("mbarrier.suspend"), MMAIssue: at("wgmma.issue"),
		MMARegs: at("wgmma.issue_regs"), MMAFence: at("wgmma.fence"),
		MMADepth: int(at("wgmma.depth")), MMATail: at("wgmma.tail"),
		MMATailR: at("wgmma.tail_regs"),
	}
}

// Memory is the configuration of L2 and HBM.
func (c *Chip) Memory() memory.Config {
	ns := c.Get("sm.clock") / 1e9
	return memory.Config{
		Partitions: int(c.Get("l2.partitions")), Slices: int(c.Get("l2.slices")),
		L2Bytes: int(c.Get("l2.bytes")), L2Latency: int64(c.Get("l2.latency")),
		Far: int64(c.Get("l2.far")), L2Rate: c.Get("l2.rate"),
		Channels: int(c.Get("hbm.channels")), Latency: int64(c.Get("hbm.latency")),
		Rate: c.Get("hbm.rate") / c.Get("sm.clock"), Turn: int64(c.Get("hbm.turn") * ns),
		Batch: int(c.Get("hbm.batch")), Backlog: int64(c.Get("hbm.backlog") * ns)}
}

// PeakTensor is the dense f16 rate of the SMs' mma.sync pipes in FLOP/s: 4096 a m16n8k16.
func (c *Chip) PeakTensor() float64 {
	cycle := 4096 * c.Get("sm.subcores") / c.Get("tensor.interval")
	return cycle * c.Get("sm.count") * c.Get("sm.clock")
}
