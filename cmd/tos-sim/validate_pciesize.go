package main

import (
	"errors"
	"fmt"

	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/pcie"
)

const (
	srcSheetLatency = "pcie-bench, SIGCOMM'18, section 6 [R]"
	srcDoorbell     = "literature [R]"
	srcCommunity    = "typical servers; one above 5 us: Stack Overflow 17770823 [R]"

	noteSizes   = "the model is built on these equations, with the share of Ack and flow control"
	noteTags    = "256 tags of 64 B do not cover the round trip, whose length is recalled"
	noteStores  = "the link alone, no processor; without any Ack traffic it would be 22.9"
	noteLimit   = "the limit is the equations' rate of reads or writes, share 0.4"
	noteRecall  = "the latencies of the model are a split of such recalled sums"
	noteFlits   = "lower bound: the published model counts LCRC and Acks that flits do not have"
	noteFlitMod = "flit mode as recalled: 236 of 256 bytes for TLPs, headers without framing"
)

// sizeRows compare streams of transfers of one size with the published equations: a write of n
// bytes is ceil(n/MPS) packets of 24 more; a read comes back in ceil(n/MPS) packets of 20 more.
func sizeRows() (rows []vrow) {
	for _, l := range []struct {
		name string
		link hwpcie.Link
	}{{"Gen3 x8", x(8, 3, 256)}, {"Gen4 x16", x(16, 4, 256)}, {"Gen5 x16", x(16, 5, 256)}} {
		for _, n := range []int{64, 128, 256, 512, 4 << 10, 1 << 20} {
			size := fmt.Sprintf("%d B", n)
			if n >= 1<<20 {
				size = fmt.Sprintf("%d MiB", n>>20)
			} else if n >= 1<<10 {
				size = fmt.Sprintf("%d KiB", n>>10)
			}
			packets := float64((n + l.link.MPS - 1) / l.link.MPS)
			rate := l.link.TLPRate(hwpcie.AckShare(l.link.Gen)) / 1e9 * float64(n)
			mark, allow, note := fitted, 5.0, noteSizes
			if l.link.Gen == 5 && n == 64 {
				mark, allow, note = shown, 0, noteTags
			}
			rows = append(rows, vrow{l.name, "DMA writes of " + size, "GB/s",
				rate / (float64(n) + packets*hwpcie.OverheadMW), 0, srcPCIBench, fitted, 5,
				noteSizes, func() (float64, error) { return stream(l.link, n, true) }},
				vrow{l.name, "DMA reads of " + size, "GB/s",
					rate / (float64(n) + packets*hwpcie.OverheadC), 0, srcPCIBench, mark, allow,
					note, func() (float64, error) { return stream(l.link, n, false) }})
		}
	}
	return rows
}

// edgeRows are the rows of single accesses, of copies against the link's limit, and of flits.
func edgeRows() []vrow {
	const gbs = "GB/s"
	g5, g6 := x(16, 5, 256), x(16, 6, 256)
	share := func(name string, in bool) func() (float64, error) {
		return func() (float64, error) {
			v, err := hostCopy(name, in)
			limit := g5.WriteRate(hwpcie.AckShare(5))
			if in {
				limit = g5.ReadRate(hwpcie.AckShare(5))
			}
			return 100 * v * 1e9 / limit, err
		}
	}
	g3 := x(8, 3, 256)
	return []vrow{
		{"Gen5 x16", "host to device, h100, of the limit", "%", 100, 0, srcPCIBench, fitted, 5,
			noteLimit, share("h100", true)},
		{"Gen5 x16", "device to host, h100, of the limit", "%", 100, 0, srcPCIBench, fitted, 5,
			noteLimit, share("h100", false)},
		{"Gen4 x16", "64-byte stores by the link alone", gbs, 20.7, 0, srcPCIBench, fitted, 5,
			noteStores, func() (float64, error) { return stores(x(16, 4, 256)) }},
		{"Gen3 x8", "DMA read of 64 B", "ns", 547, 0, srcSheetLatency, shown, 0, noteRecall,
			func() (float64, error) { return dmaReadTime(g3) }},
		{"Gen5 x4", "doorbell, posted, one way", "ns", 150, 300, srcDoorbell, shown, 0, noteRecall,
			func() (float64, error) { return doorbell(false) }},
		{"Gen5 x4", "what a switch adds to it", "ns", 100, 150, srcDoorbell, shown, 0, noteRecall,
			hopTime},
		{"Gen5 x4", "register read", "ns", 700, 1000, srcCommunity, shown, 0, noteRecall,
			registerRead},
		{"Gen6 x16", "DMA write of host memory, MPS 256", gbs, 99.8, 0, srcPCIBench, shown, 0,
			noteFlits, func() (float64, error) { return hostDMA(g6, true) }},
		{"Gen6 x16", "DMA read of host memory, MPS 256", gbs, 101.3, 0, srcPCIBench, shown, 0,
			noteFlits, func() (float64, error) { return hostDMA(g6, false) }},
		{"Gen6 x16", "the same, flits by arithmetic", gbs, 118.0 * 256 / 268, 0,
			"facts of flit mode [R]", shown, 0, noteFlitMod,
			func() (float64, error) { return hostDMA(g6, false) }},
	}
}

// stream is many transfers of n bytes of host memory, all asked for at once.
func stream(link hwpcie.Link, n int, write bool) (float64, error) {
	t := newTree()
	fn, err := t.add(t.fabric.Root(), "dev", link)
	if err != nil {
		return 0, err
	}
	total := max(4<<20, 4*n)
	addr, _, ok := t.host.Alloc(total)
	if !ok {
		return 0, errors.New("no host memory")
	}
	buf := make([]byte, n)
	l, start := &lastOf{left: total / n}, t.eng.Now()
	for off := 0; off < total; off += n {
		if write {
			fn.Write(addr+uint64(off), buf, pcie.Done{To: l})
		} else {
			fn.Read(addr+uint64(off), buf, pcie.Done{To: l})
		}
	}
	return t.finish(l, start, total)
}

// stores is a long write by the processor into a BAR, in 64-byte packets.
func stores(link hwpcie.Link) (float64, error) {
	t := newTree()
	fn, err := t.add(t.fabric.Root(), "dev", link)
	if err != nil {
		return 0, err
	}
	base, _ := fn.BAR(0)
	l, start := &lastOf{left: 1}, t.eng.Now()
	t.fabric.CPU(0).Write(base, make([]byte, transferLen), pcie.Done{To: l})
	return t.finish(l, start, transferLen)
}

// elapsed runs what was begun at start and gives nanoseconds.
func (t *tree) elapsed(l *lastOf, start sim.Time) (float64, error) {
	_, err := t.finish(l, start, 0)
	return float64(l.at-start) / float64(sim.Nanosecond), err
}

func dmaReadTime(link hwpcie.Link) (float64, error) {
	t := newTree()
	fn, err := t.add(t.fabric.Root(), "dev", link)
	if err != nil {
		return 0, err
	}
	addr, _, _ := t.host.Alloc(64)
	l, start := &lastOf{left: 1}, t.eng.Now()
	fn.Read(addr, make([]byte, 64), pcie.Done{To: l})
	return t.elapsed(l, start)
}

// doorbell is a posted write of 4 bytes to a register, below a switch or at the root.
func doorbell(below bool) (float64, error) {
	t := newTree()
	at, err := t.fabric.Root(), error(nil)
	if below {
		if at, err = t.fabric.Switch(at, x(4, 5, 256), "sw0"); err != nil {
			return 0, err
		}
	}
	fn, err := t.add(at, "dev", x(4, 5, 256))
	if err != nil {
		return 0, err
	}
	base, _ := fn.BAR(0)
	l, start := &lastOf{left: 1}, t.eng.Now()
	t.fabric.CPU(0).Write(base, make([]byte, 4), pcie.Done{To: l})
	return t.elapsed(l, start)
}

// hopTime is what a switch and its link add; the link's share is not part of the published figure.
func hopTime() (float64, error) {
	above, err := doorbell(false)
	if err != nil {
		return 0, err
	}
	below, err := doorbell(true)
	return below - above - float64(pcie.DefaultTiming.Link)/float64(sim.Nanosecond), err
}

func registerRead() (float64, error) {
	t := newTree()
	fn, err := t.add(t.fabric.Root(), "dev", x(4, 5, 256))
	if err != nil {
		return 0, err
	}
	base, _ := fn.BAR(0)
	l, start := &lastOf{left: 1}, t.eng.Now()
	t.fabric.CPU(0).Read(base, make([]byte, 4), pcie.Done{To: l})
	return t.elapsed(l, start)
}
