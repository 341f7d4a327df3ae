package main

import (
	"errors"
	"fmt"

	"tensoros/hw"
	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/kernel/drv/gpu"
	kmem "tensoros/kernel/mem"
	"tensoros/sim"
	"tensoros/sim/board"
	"tensoros/sim/mem"
	"tensoros/sim/pcie"
)

// Sources of the rows. Allowances of measured rows are those suggested with them.
const (
	srcNVBand50 = "NVIDIA/nvbandwidth issue 50, RTX A6000 [S]"
	srcNVBandH  = "NVIDIA/nvbandwidth issues 42, 53; BaM issue 54 [S]"
	srcNVBand24 = "NVIDIA/nvbandwidth issue 24, SM copies [S]"
	srcRTX6K    = "voipmonitor/rtx6kpro pcie-bandwidth.md [S]"
	srcAisio    = "xnvme/aisio pcie_saturation.md, 2 x H100 [S]"
	srcAisioDev = "xnvme/aisio device_initiated_iosize.md, 16 drives [S]"
	srcGDRCopy  = "NVIDIA/gdrcopy issue 288 [S]"
	srcGDS      = "gds-report.pages.dev, L40S, 4 x D7-PS1010 [S]"
	srcPCIBench = "pcie-bench/pcie-model, pcie.py and mem_bw.py [D]"
)

const (
	noteShare   = "the share of Ack and flow control at Gen5, 0.4, was fitted to such figures"
	noteSplit   = "the split of writes at the root to 64 B was introduced to explain this figure"
	noteCopySM  = "published for copies by SMs, run with the copy engine: kernels do not reach system memory"
	noteGuide   = "the published equations send all of the guideline's Ack and flow control at Gen5"
	noteEquate  = "the model is built on these equations; large transfers"
	noteGDS     = "the tree of that machine is not published"
	noteWCStore = "the processor's rate is this figure; the link would give 20.7"
)

var pcieLeft = []string{
	"8 x A100 both ways at once (nvbandwidth issue 53): contention in a host that is not described",
	"512 B reads, IOPS by software path, queue depth curves (xnvme/aisio): no profile of a PM1753, " +
		"other drivers than ours",
	"GDS with 4 GPUs, RDMA over 400 GbE, BaM: array, network or drives are not modelled",
	"counters of link traffic (57.8 GB/s at 45.2 of payload): the model has no such counter",
	"latencies: all that are known are recalled [R]; they are shown",
}

func x(lanes, gen, mps int) hwpcie.Link {
	return hwpcie.Link{Gen: gen, Lanes: lanes, MPS: mps, MRRS: 512}
}

func pcieRows() []vrow {
	const gbs = "GB/s"
	g4, g5 := x(16, 4, 256), x(16, 5, 256)
	rows := []vrow{
		{"Gen4 x16", "peer to peer below a switch", gbs, 26.34, 0, srcNVBand50, predicted, 3, "",
			peers{link: g4, below: true}.rate},
		{"Gen4 x16", "peer to peer across root ports", gbs, 21.8, 22.6, srcNVBand50, predicted, 10,
			"", peers{link: g4}.rate},
		{"Gen4 x16", "host to device, a100", gbs, 24.8, 25.1, srcNVBandH, predicted, 5, "",
			func() (float64, error) { return hostCopy("a100", true) }},
		{"Gen5 x16", "peer to peer below a switch", gbs, 55.6, 56.6, srcRTX6K, fitted, 3, noteShare,
			peers{link: g5, below: true}.rate},
		{"Gen5 x16", "the same, each way of both", gbs, 56.1, 0, srcAisio, fitted, 3, noteShare,
			peers{link: g5, below: true, both: true}.each},
		{"Gen5 x16", "both ways together", gbs, 111.4, 0, srcRTX6K, fitted, 3, noteShare,
			peers{link: g5, below: true, both: true}.rate},
		{"Gen5 x16", "peer to peer through the root", gbs, 45.2, 0, srcAisio, fitted, 5, noteSplit,
			peers{link: g5}.rate},
		{"Gen5 x16", "drives to GPU, ceiling", gbs, 44, 45, srcAisioDev, fitted, 10, noteSplit,
			peers{link: x(4, 5, 256), sink: g5, sources: 4}.rate},
		{"Gen5 x16", "device to host, h100", gbs, 52.8, 0, srcNVBand24, shown, 0, noteCopySM,
			func() (float64, error) { return hostCopy("h100", false) }},
		{"Gen5 x16", "host to device, h100", gbs, 35.2, 0, srcNVBand24, shown, 0, noteCopySM,
			func() (float64, error) { return hostCopy("h100", true) }},
		{"Gen4 x16", "4 drives to GPU below a switch", gbs, 26.1, 0, srcGDS, shown, 0, noteGDS,
			peers{link: x(4, 5, 256), sink: g4, sources: 4, below: true}.rate},
		{"Gen4 x16", "4 drives to GPU through the root", gbs, 26.1, 0, srcGDS, shown, 0, noteGDS,
			peers{link: x(4, 5, 256), sink: g4, sources: 4}.rate},
		{"Gen4 x16", "write-combined stores, a100", gbs, 20, 0, srcGDRCopy, fitted, 10, noteWCStore,
			combinedStores},
	}
	for _, l := range []struct {
		name        string
		link        hwpcie.Link
		write, read float64
	}{
		{"Gen3 x8", x(8, 3, 256), 6.62, 6.71},
		{"Gen4 x4", x(4, 4, 256), 6.64, 6.74},
		{"Gen4 x16", x(16, 4, 256), 25.99, 26.37},
		{"Gen4 x16", x(16, 4, 128), 23.52, 24.15},
		{"Gen5 x4", x(4, 5, 256), 13.29, 13.48},
		{"Gen5 x16", x(16, 5, 256), 51.98, 52.73},
	} {
		mark, allow, note := fitted, 1.0, noteEquate
		if l.link.Gen == 5 {
			mark, allow, note = shown, 0, noteGuide
		}
		name := fmt.Sprintf("of host memory, MPS %d", l.link.MPS)
		rows = append(rows, vrow{l.name, "DMA write " + name, gbs, l.write, 0, srcPCIBench, mark,
			allow, note, func() (float64, error) { return hostDMA(l.link, true) }},
			vrow{l.name, "DMA read " + name, gbs, l.read, 0, srcPCIBench, mark, allow, note,
				func() (float64, error) { return hostDMA(l.link, false) }})
	}
	return append(append(rows, sizeRows()...), edgeRows()...)
}

// tree is a root complex with devices that have memory in BAR 0.
type tree struct {
	eng    *sim.Engine
	fabric *pcie.Fabric
	host   *mem.Host
}

func newTree() *tree {
	t := &tree{eng: sim.NewEngine(), host: mem.NewHost(1<<20, 1<<30)}
	t.fabric = pcie.New(t.eng, nil, t.host, pcie.DefaultTiming, func(uint64, uint32) {})
	return t
}

func (t *tree) add(at pcie.Bridge, name string, link hwpcie.Link) (*pcie.Function, error) {
	fn, err := t.fabric.Add(at, name, hwpcie.Endpoint{Link: link,
		BARs: []hwpcie.BAR{{Index: 0, Size: 1 << 30, Is64: true, Prefetchable: true}}}, idle{})
	if err != nil {
		return nil, err
	}
	t.enable(fn, link.MPS)
	return fn, nil
}

// enable lets a function answer and master, and sets its payload.
func (t *tree) enable(fn *pcie.Function, mps int) {
	on := uint16(hwpcie.CommandMemory | hwpcie.CommandMaster)
	t.fabric.CPU(0).ConfigWrite(fn, hwpcie.Command, []byte{byte(on), byte(on >> 8)}, pcie.Done{})
	control := 0x2810 | uint16(hwpcie.SizeCode(mps))<<5
	t.fabric.CPU(0).ConfigWrite(fn, hwpcie.ExpressAt+hwpcie.ExpDevCtl,
		[]byte{byte(control), byte(control >> 8)}, pcie.Done{})
	t.eng.Run(sim.Forever)
}

// lastOf is when the last of several transfers was over.
type lastOf struct {
	left int
	at   sim.Time
}

func (l *lastOf) Fire(now sim.Time, _ uint32, _ uint64) { l.left, l.at = l.left-1, now }

// finish runs all that is under way and gives GB/s.
func (t *tree) finish(l *lastOf, start sim.Time, n int) (float64, error) {
	t.eng.Run(sim.Forever)
	if l.left != 0 || t.fabric.InFlight() != 0 {
		return 0, fmt.Errorf("%d transfers have not ended", l.left)
	}
	return float64(n) / (l.at - start).Seconds() / 1e9, nil
}

const transferLen = 8 << 20

// hostDMA is a long write or read of host memory by a device.
func hostDMA(link hwpcie.Link, write bool) (float64, error) {
	t := newTree()
	fn, err := t.add(t.fabric.Root(), "dev", link)
	if err != nil {
		return 0, err
	}
	addr, _, ok := t.host.Alloc(transferLen)
	if !ok {
		return 0, errors.New("no host memory")
	}
	l, start := &lastOf{left: 1}, t.eng.Now()
	if write {
		fn.Write(addr, make([]byte, transferLen), pcie.Done{To: l})
	} else {
		fn.Read(addr, make([]byte, transferLen), pcie.Done{To: l})
	}
	return t.finish(l, start, transferLen)
}

// peers are devices that write to one another's BAR: sources (one if 0) on link to one sink, or a
// pair both ways.
type peers struct {
	link, sink hwpcie.Link // the sink's is link if it is zero
	sources    int
	below      bool // below one switch
	both       bool
}

func (p peers) each() (float64, error) {
	v, err := p.rate()
	return v / 2, err
}

func (p peers) rate() (float64, error) {
	t := newTree()
	if p.sink.Lanes == 0 {
		p.sink = p.link
	}
	at := t.fabric.Root()
	if p.below {
		var err error
		if at, err = t.fabric.Switch(at, p.sink, "sw0"); err != nil {
			return 0, err
		}
	}
	sink, err := t.add(at, "gpu0", p.sink)
	if err != nil {
		return 0, err
	}
	base, _ := sink.BAR(0)
	n := max(p.sources, 1)
	var fns []*pcie.Function
	for i := range n {
		fn, err := t.add(at, fmt.Sprintf("dev%d", i), p.link)
		if err != nil {
			return 0, err
		}
		fns = append(fns, fn)
	}
	l, start := &lastOf{left: n}, t.eng.Now()
	share := transferLen / n
	for i, fn := range fns {
		fn.Write(base+uint64(i*share), make([]byte, share), pcie.Done{To: l})
	}
	total := transferLen
	if p.both {
		l.left++
		total *= 2
		back, _ := fns[0].BAR(0)
		sink.Write(back, make([]byte, transferLen), pcie.Done{To: l})
	}
	return t.finish(l, start, total)
}

// onBoard runs body on CPU 0 of a preset with its first GPU open and no drives.
func onBoard(name string, body func(hw.CPU, hw.Function, *gpu.Device) error) error {
	spec, err := board.Preset(name)
	if err != nil {
		return err
	}
	spec.Drives, spec.GPUs = nil, spec.GPUs[:1]
	b, err := board.New(spec, nil, 0)
	if err != nil {
		return err
	}
	defer b.Close()
	var inside error
	b.Start(0, func(cpu hw.CPU) {
		addr := b.Functions()[0]
		fn, err := b.Open(addr)
		if err != nil {
			inside = err
			return
		}
		d, err := gpu.Open(cpu, fn, addr, 0)
		if err != nil {
			inside = err
			return
		}
		inside = errors.Join(body(cpu, fn, d), d.Close())
	})
	return errors.Join(b.Run(), inside)
}

// hostCopy is a copy of 32 MiB between host memory and VRAM by the copy engine.
func hostCopy(name string, toDevice bool) (rate float64, err error) {
	const n = 32 << 20
	err = onBoard(name, func(cpu hw.CPU, _ hw.Function, d *gpu.Device) error {
		host, err := d.HostMemory(n)
		if err != nil {
			return err
		}
		defer host.Free()
		at, err := d.Heap.Alloc(n)
		if err != nil {
			return err
		}
		defer d.Heap.Release(at, n)
		dst, src := at, kmem.Addr(host.Bus())
		if !toDevice {
			dst, src = src, dst
		}
		rate, err = deviceCopy(cpu, d, dst, src, n)
		return err
	})
	return rate, err
}

func deviceCopy(cpu hw.CPU, d *gpu.Device, dst, src kmem.Addr, n uint64) (float64, error) {
	start := cpu.Now()
	f, err := d.Copy(dst, src, n)
	if err != nil {
		return 0, err
	}
	_, err = f.Wait()
	return float64(n) / float64(cpu.Now()-start), err
}

// combinedStores streams 16 MiB from the processor into VRAM; a read drains them.
func combinedStores() (rate float64, err error) {
	const n, at = 16 << 20, 64 << 20
	err = onBoard("a100", func(cpu hw.CPU, fn hw.Function, _ *gpu.Device) error {
		w, err := fn.BAR(1)
		if err != nil {
			return err
		}
		data := make([]byte, n)
		start := cpu.Now()
		w.Copy(at, data)
		w.Read32(at)
		rate = float64(n) / float64(cpu.Now()-start)
		return nil
	})
	return rate, err
}
