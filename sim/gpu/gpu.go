package gpu

import (
	"encoding/binary"
	"fmt"

	spec "tensoros/hw/spec/gpu"
	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
	"tensoros/sim/mem"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// GPU is the device behind the function.
type GPU struct {
	Chip *chip.Chip
	VRAM *mem.Sparse
	// Faults lists what channels and kernels did wrong, in order.
	Faults []Fault

	eng      *sim.Engine
	rec      *traces.Recorder
	fn       *pcie.Function
	iface    *spec.Interface
	memory   *memory.Hierarchy
	epoch    uint32 // counts resets: events of an earlier one are void
	regs     map[int]uint32
	channels map[int]*channel
	tlb      map[tlbKey]translation
	compute  computeEngine
	copier   copyEngine
	programs map[string]*sm.Program
	core     sm.Config
	clock    sim.Rate
	hostTrk  traces.Track
	gridTrk  traces.Track
	copyTrk  traces.Track
	smTrk    []traces.Track
	profiles profiles
}

// Fault is a channel error: what stopped it, and when.
type Fault struct {
	Channel int
	At      sim.Time
	Detail  string
}

// Spec is the PCI identity of a chip's function.
func Spec(c *chip.Chip) hwpcie.Endpoint {
	size := uint64(1)
	for size < uint64(c.Get("hbm.bytes")) {
		size <<= 1
	}
	return hwpcie.Endpoint{
		Vendor: spec.VendorNVIDIA, Device: c.Device, Class: 0x030200, Revision: 0xa1,
		SubVendor: spec.VendorNVIDIA,
		BARs: []hwpcie.BAR{{Index: spec.RegisterBAR, Size: spec.RegisterBARSize},
			{Index: spec.VRAMBAR, Size: size, Is64: true, Prefetchable: true}},
		Link: hwpcie.Link{Gen: int(c.Get("pcie.gen")), Lanes: int(c.Get("pcie.lanes")),
			MPS: 256, MRRS: 512},
	}
}

// Attach plugs a GPU into a bridge.
func Attach(eng *sim.Engine, rec *traces.Recorder, fabric *pcie.Fabric, at pcie.Bridge, name string,
	c *chip.Chip) (*GPU, *pcie.Function, error) {
	if err := c.Check(); err != nil {
		return nil, nil, err
	}
	if spec.Interfaces[c.Arch] == nil {
		return nil, nil, fmt.Errorf("chip %s: the host interface of %v is not modelled; "+
			"`tos-sim ptx run` runs kernels on the chip alone", c.Name, c.Arch)
	}
	g := &GPU{Chip: c, VRAM: mem.NewSparse(uint64(c.Get("hbm.bytes"))), eng: eng, rec: rec,
		iface: spec.Interfaces[c.Arch], core: c.Core(), clock: c.Clock()}
	fn, err := fabric.Add(at, name, Spec(c), g)
	if err != nil {
		return nil, nil, err
	}
	g.fn = fn
	g.hostTrk, g.gridTrk = rec.Track(fn.Path()+"/host"), rec.Track(fn.Path()+"/compute")
	g.copyTrk = rec.Track(fn.Path() + "/copy")
	for i := range int(c.Get("sm.count")) {
		g.smTrk = append(g.smTrk, rec.Track(fmt.Sprintf("%s/sm%d", fn.Path(), i)))
	}
	g.Reset()
	return g, fn, nil
}

// Simulate says how grids are simulated: on how many threads, and whether grids of many like waves
// of CTAs are timed by a sample of them (see sm.Config).
func (g *GPU) Simulate(threads int, sample bool) {
	g.core.Threads, g.core.Sample = threads, sample
}

// Reset is a function level reset: channels and what they had under way are gone, memory keeps its
// contents.
func (g *GPU) Reset() {
	g.epoch++
	g.regs = map[int]uint32{}
	for i := range spec.Registers {
		g.regs[spec.Registers[i].Off] = uint32(spec.Registers[i].Reset)
	}
	g.regs[spec.PMCBoot42] = uint32(spec.Boot42Arch.Put(0, uint64(g.iface.BootID)))
	g.regs[spec.PMCBoot0] = g.iface.BootID << 24
	g.regs[spec.VRAMSize] = uint32(g.VRAM.Size() >> 20)
	g.memory = memory.New(g.Chip.Memory())
	g.channels = map[int]*channel{}
	g.tlb = map[tlbKey]translation{}
	g.programs = map[string]*sm.Program{}
	g.compute, g.profiles = computeEngine{gpu: g}, profiles{}
	g.copier = copyEngine{gpu: g}
}

// cycle is the SM clock cycle at t; moment the time at which a cycle starts.
func (g *GPU) cycle(t sim.Time) int64  { return int64(g.clock.Count(t)) }
func (g *GPU) moment(c int64) sim.Time { return g.clock.Span(uint64(c)) }

// cycles is the length of n cycles.
func (g *GPU) cycles(n int64) sim.Time { return g.clock.Span(uint64(n)) }

// at schedules an event of the device, void after a reset; id is the channel that it is for.
func (g *GPU) at(t sim.Time, kind uint32, id int) { g.eng.At(t, g, kind, g.arg(id)) }

// arg is an event's argument: the reset that it belongs to, and a channel.
func (g *GPU) arg(id int) uint64 { return uint64(g.epoch)<<32 | uint64(uint32(id)) }

// Read answers a read of a BAR.
func (g *GPU) Read(bar int, off uint64, p []byte) sim.Time {
	if bar == spec.VRAMBAR {
		g.VRAM.Read(off, p)
		return g.cycles(int64(g.Chip.Get("l2.latency")))
	}
	var word [8]byte
	for i := 0; i < len(p); i += 4 {
		binary.LittleEndian.PutUint32(word[i:], g.register(int(off)&^3+i))
	}
	copy(p, word[off&3:])
	return 0
}

// register reads a register of BAR0. Where nothing is, hardware answers a bad-address code.
func (g *GPU) register(off int) uint32 {
	now := g.eng.Now() / sim.Nanosecond
	switch {
	case off == spec.TimerLow:
		return uint32(now) &^ 31
	case off == spec.TimerHigh:
		return uint32(now >> 32)
	case off >= spec.ChannelRM && off < spec.ChannelRM+4*spec.MaxChannels:
		return g.channelState((off - spec.ChannelRM) / 4)
	}
	if v, ok := g.regs[off]; ok {
		return v
	}
	return badAddress
}

// badAddress is what reads of absent registers give: 0xbad0.... on hardware (recalled).
const badAddress = 0xbad00200

// Write takes a write to a BAR.
func (g *GPU) Write(bar int, off uint64, p []byte) {
	if bar == spec.VRAMBAR {
		g.VRAM.Write(off, p)
		g.memory.Deposit(g.cycle(g.eng.Now()), off, uint64(len(p)))
		return
	}
	if len(p) != 4 || off%4 != 0 {
		return // BAR0 takes aligned words only
	}
	v := binary.LittleEndian.Uint32(p)
	at := int(off)
	switch {
	case at == spec.Doorbell:
		g.ring(v)
	case at == spec.RunlistSubmit:
		g.submit(v)
	case at == spec.Invalidate:
		if v&spec.InvalidateTrigger != 0 {
			clear(g.tlb) // done at once: the trigger reads clear
		}
	case at >= spec.ChannelRM && at < spec.ChannelRM+4*spec.MaxChannels:
		g.updateChannel((at-spec.ChannelRM)/4, v)
	default:
		if r := spec.Registers.Lookup(at); r != nil {
			g.regs[at] = g.regs[at]&^uint32(r.RW) | v&uint32(r.RW)
		}
	}
}
