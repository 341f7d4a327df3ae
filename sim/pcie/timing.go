package pcie

import "tensoros/sim"

// Timing is what passing through silicon costs beside the wire.
//
// Only sums of these are known from measurement, and those only from the literature as recalled,
// not re-read: a 64-byte DMA read takes 547 ns there and back (pcie-bench, SIGCOMM 2018, section 6,
// Haswell E5), a posted doorbell 150 to 300 ns one way, a register read 0.7 to 1.0 us. The split
// is derived so that the sums are met; no test holds them to more than that.
type Timing struct {
	Link     sim.Time // physical and data link layer of both ends, one way
	Root     sim.Time // root complex, from ingress to egress or to the memory controller
	Switch   sim.Time // one switch, ingress to egress
	HostRead sim.Time // memory read at the root complex, last-level cache included
	Register sim.Time // an endpoint's answer to a register read

	// Completion is the completion timeout: 50 us to 50 ms by default (PCIe 5.0, 2.8 and 7.5.3.16).
	Completion sim.Time
	// Retrain is how long a link is down when REPLAY_NUM rolls over [R].
	Retrain sim.Time

	// ReadChunk is the longest completion of the root complex, a multiple of RCB; 0: MPS. Older
	// ones send 64 bytes each (pcie-bench, model/pcie.py).
	ReadChunk int

	// SplitP2P cuts writes between two root ports into TLPs of this size; 0 leaves them whole.
	// 64 explains both figures that xnvme/aisio (pcie_saturation.md) gives for NVMe to GPU:
	// 45.2 GB/s of payload at 57.8 GB/s on the wire. A hypothesis, so it has a switch.
	SplitP2P int
}

// DefaultTiming meets the sums in the comment of Timing.
var DefaultTiming = Timing{
	Link:     150 * sim.Nanosecond,
	Root:     50 * sim.Nanosecond,
	Switch:   125 * sim.Nanosecond, // 100-150 ns a hop
	HostRead: 140 * sim.Nanosecond, // 547 - 2*(150+50) - wire
	Register: 300 * sim.Nanosecond, // 0.7 us - 2*(150+50)
	SplitP2P: 64,

	Completion: 10 * sim.Millisecond,
	Retrain:    10 * sim.Microsecond,
}
