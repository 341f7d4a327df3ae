package gpu

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/gpu"
	"tensoros/kernel/mem"
)

// Instructions of the paths below, for hw.CPU.Work; machines that are not simulated ignore them.
// Counted with go tool objdump (Go 1.26, amd64), error paths included: upper bounds.
const (
	workRing    = 280 // Start and kick: 89 + 191
	workSubmit  = 340 // submit, stage, releaseWords: 85 + 79 + 178
	workEncode  = 920 // Prepare and QMDLayout.Encode: 391 + 530
	workPerByte = 58  // of PTX checked: 45 MB/s measured (BenchmarkParse), one a cycle of 2.6 GHz
)

// Layout of the driver's own stretch at the start of VRAM.
const (
	tablesAt   = 0 // page tables, 4 KiB each
	tablesLen  = 1 << 20
	instanceAt = tablesLen
	runlistAt  = instanceAt + spec.InstanceLen
	userdAt    = runlistAt + 4096
	ringAt     = userdAt + 4096
	ringLen    = 512 // entries
	pushAt     = ringAt + ringLen*spec.GPEntryLen
	pushLen    = 64 << 10
	plansAt    = 2 << 20
	ownLen     = 32 << 20
)

// lowWindow is a second view of the first 512 MiB of VRAM: rings, pushbuffers and descriptors are
// named by 40 bits of address (GP_BASE, GP entries, SEND_PCAS_A), the flat address of VRAM has
// more.
const (
	huge      = 512 << 20
	lowWindow = mem.RAMLen - huge
)

const channelID = 1

// Device is a GPU ready for work.
type Device struct {
	Index  int
	Addr   hw.Address
	Iface  *spec.Interface
	Heap   *mem.Heap
	Memory uint64 // bytes of VRAM
	// Yield, if not nil, is called now and then while Prepare computes.
	Yield func()

	plans *mem.Heap

	cpu  hw.CPU
	fn   hw.Function
	regs hw.Window
	vram hw.Window
	base mem.Addr // of VRAM in the flat space
	sems hw.Memory
	free []int // semaphore slots
	put  uint32
	sent uint64 // submissions; those that are known to have ended
	done uint64
	push uint32 // next free byte of the push area
	root uint64 // page directory
	next uint64 // next free page table
	code map[string]program

	shadow shadow
}

const (
	semLen   = 16 // payload and time
	semSlots = 4096 / semLen
)

// Open brings up the GPU at addr as number index of the machine.
func Open(cpu hw.CPU, fn hw.Function, addr hw.Address, index int) (*Device, error) {
	d := &Device{Index: index, Addr: addr, cpu: cpu, fn: fn, base: mem.VRAMBase(index),
		code: map[string]program{}}
	pci.Enable(fn.Config())
	var err error
	if d.regs, err = fn.BAR(spec.RegisterBAR); err != nil {
		return nil, err
	}
	if d.vram, err = fn.BAR(spec.VRAMBAR); err != nil {
		return nil, err
	}
	boot := d.regs.Read32(spec.PMCBoot42)
	if boot == 0xffffffff {
		return nil, d.fail("identify", "", hw.ErrLost)
	}
	d.Iface = spec.InterfaceByBoot(uint32(spec.Boot42Arch.Get(uint64(boot))))
	if d.Iface == nil {
		return nil, d.fail("identify", fmt.Sprintf("boot register %#x", boot),
			fmt.Errorf("a GPU of an architecture without a driver here"))
	}
	d.Memory = uint64(d.regs.Read32(spec.VRAMSize)) << 20
	if d.sems, err = fn.Memory(semSlots * semLen); err != nil {
		return nil, err
	}
	for i := semSlots - 1; i >= 0; i-- {
		d.free = append(d.free, i)
	}
	d.Heap = mem.NewHeap(d.base+ownLen, min(d.Memory, uint64(d.vram.Len()))-ownLen)
	d.plans = mem.NewHeap(d.base+plansAt, ownLen-plansAt)
	if err := d.start(); err != nil {
		d.sems.Free()
		return nil, err
	}
	return d, nil
}

// start gives the GPU its page tables and its channel.
func (d *Device) start() error {
	if err := d.mapMemory(); err != nil {
		return err
	}
	d.openChannel()
	return d.bind()
}

func (d *Device) fail(op, detail string, err error) error {
	return &hw.Error{Op: op, Addr: d.Addr, Detail: detail, Err: err}
}

// Close frees what the host lends. VRAM keeps its contents.
func (d *Device) Close() error {
	d.regs.Write32(spec.ChannelRM+4*channelID, spec.ChannelDisable)
	d.sems.Free()
	return d.fn.Close()
}

// Base is where this GPU's VRAM starts in the flat space.
func (d *Device) Base() mem.Addr { return d.base }

// Bus is the address by which peers reach n bytes of VRAM at a flat address.
func (d *Device) Bus(a mem.Addr, n uint64) (hw.BusAddr, error) {
	off := uint64(a - d.base)
	if d.vram.Bus() == 0 || off+n > uint64(d.vram.Len()) {
		return 0, d.fail("reach", fmt.Sprintf("%#x by peers", uint64(a)), hw.ErrNotPresent)
	}
	return d.vram.Bus() + hw.BusAddr(off), nil
}

// mapMemory writes page tables: VRAM at its flat base, host memory at its bus addresses.
func (d *Device) mapMemory() error {
	d.root = d.table(0)
	for off := uint64(0); off < d.Memory; off += huge {
		e := spec.Entry{Valid: true, Page: true, Aperture: spec.VRAM, Addr: off}
		if err := d.mapPage(uint64(d.base)+off, e); err != nil {
			return err
		}
	}
	for off := uint64(0); off < lowWindow; off += huge {
		e := spec.Entry{Valid: true, Page: true, Aperture: spec.SystemCoherent, Addr: off}
		if err := d.mapPage(off, e); err != nil {
			return err
		}
	}
	own := spec.Entry{Valid: true, Page: true, Aperture: spec.VRAM}
	if err := d.mapPage(lowWindow, own); err != nil {
		return err
	}
	d.flushTables()
	d.regs.Write32(spec.PDBLow, uint32(d.root))
	d.regs.Write32(spec.PDBHigh, uint32(d.root>>32))
	d.regs.Write32(spec.Invalidate,
		spec.InvalidateTrigger|spec.InvalidateAllVA|spec.InvalidateAllPDB)
	return nil
}

const tablePage = 4096

// table takes room for a table of a level.
func (d *Device) table(level int) uint64 {
	at := d.next
	d.next += uint64((d.Iface.MMU.Levels[level].TableLen() + tablePage - 1) &^ (tablePage - 1))
	return at
}

func (d *Device) openChannel() {
	instance := make([]byte, spec.InstanceLen)
	ring := uint64(lowWindow) + ringAt
	put := func(off int, v uint64) { binary.LittleEndian.PutUint32(instance[off:], uint32(v)) }
	put(spec.RAMFCBaseLo, ring)
	put(spec.RAMFCBaseHi, spec.GPBaseEntries.Put(ring>>32, 9))
	put(spec.InstancePDBLow, d.root|uint64(spec.PDBNewFormat|spec.PDBBigPages64K))
	put(spec.InstancePDBHi, d.root>>32)
	d.vram.Copy(instanceAt, instance)

	list := make([]byte, 2*spec.RunlistEntryLen)
	word := func(i int, v uint32) { binary.LittleEndian.PutUint32(list[4*i:], v) }
	word(0, spec.EntryTSG)
	word(1, uint32(spec.TSGLength.Put(0, 1)))
	word(4, userdAt)
	word(6, instanceAt|channelID)
	d.vram.Copy(runlistAt, list)
	d.vram.Copy(userdAt, make([]byte, spec.UserdLen))

	d.regs.Write32(spec.ChannelRM+4*channelID, spec.ChannelEnable)
	d.regs.Write32(spec.RunlistSubmitLo, runlistAt)
	d.regs.Write32(spec.RunlistSubmitHi, 0)
	d.regs.Write32(spec.RunlistSubmit, uint32(spec.RunlistLength.Put(0, 2)))
}

// bind gives the subchannels their classes, and waits: the first sign of life.
func (d *Device) bind() error {
	return d.run([]uint32{
		spec.Method(spec.SubHost, spec.HostSetObject, 1), d.Iface.Channel,
		spec.Method(spec.SubCompute, spec.ComputeSetObject, 1), d.Iface.Compute,
		spec.Method(spec.SubCopy, spec.CopySetObject, 1), d.Iface.Copy,
	})
}
