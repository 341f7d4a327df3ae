package nvme

import (
	"errors"
	"fmt"
	"slices"

	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/nvme"
)

// map0 maps BAR 0 and reads what never changes.
func (d *Drive) map0() error {
	pci.Enable(d.fn.Config())
	bar, err := d.fn.BAR(0)
	if err != nil {
		return err
	}
	if bar.Len() < spec.Doorbells+16 {
		return d.fail("open", "", errDoorbell)
	}
	d.bar = bar
	d.cap = bar.Read64(spec.CAP)
	switch {
	case d.cap == ^uint64(0):
		return d.fail("open", "", hw.ErrLost)
	case spec.CapMPSMIN.Get(d.cap) != 0:
		return d.fail("open", fmt.Sprintf("memory pages of %d bytes at least, 4096 are driven",
			spec.MinPage<<spec.CapMPSMIN.Get(d.cap)), ErrRefused)
	}
	d.stride = uint(spec.CapDSTRD.Get(d.cap))
	if d.doorbells() < 1 {
		return d.fail("open", fmt.Sprintf("stride %d", 4<<d.stride), errDoorbell)
	}
	d.ready = hw.Time(spec.CapTO.Get(d.cap)+1) * spec.ReadyUnit * millisecond
	if spec.CapCRWMS.Get(d.cap) == 1 { // a TO of ff is not enough for slow media (3.1.3.23)
		long := spec.CRTOCRWMT.Get(uint64(bar.Read32(spec.CRTO)))
		d.ready = max(d.ready, hw.Time(long+1)*spec.ReadyUnit*millisecond)
	}
	return nil
}

// bringUp takes a disabled controller to where commands flow: enabled, identified, with every
// queue pair that there was before.
func (d *Drive) bringUp(cpu hw.CPU) error {
	if err := d.enable(cpu); err != nil {
		return err
	}
	if err := d.identify(cpu); err != nil {
		return err
	}
	if err := d.negotiate(cpu); err != nil {
		return err
	}
	for _, p := range d.pairs {
		if p == nil {
			continue
		}
		if err := d.create(cpu, p); err != nil {
			return err
		}
	}
	if err := d.behave(cpu); err != nil {
		return err
	}
	return d.arm(cpu)
}

// behave asks a controller that has retry delays to tell them (Base, 5.27.1.18: ACRE).
func (d *Drive) behave(cpu hw.CPU) error {
	if d.id.CRDT == [3]uint16{} {
		return nil
	}
	err := d.page(func(buf hw.Memory) error {
		clear(buf.Bytes())
		buf.Bytes()[0] = 1
		_, err := d.command(cpu, spec.Command{Opcode: spec.SetFeatures, PRP1: uint64(buf.Bus()),
			CDW10: spec.FeatHostBehavior})
		return err
	})
	var refused *StatusError
	if errors.As(err, &refused) {
		return nil // it is driven without
	}
	return err
}

// enable gives a disabled controller the admin queue, and enables it (Base, 3.5.1).
func (d *Drive) enable(cpu hw.CPU) error {
	p := d.admin
	aqa := spec.AQASQS.Put(0, uint64(p.size-1))
	d.bar.Write32(spec.AQA, uint32(spec.AQACQS.Put(aqa, uint64(p.size-1))))
	d.bar.Write64(spec.ASQ, uint64(p.sq.Bus()))
	d.bar.Write64(spec.ACQ, uint64(p.cq.Bus()))
	cc := spec.CCIOSQES.Put(0, spec.SQELog)
	cc = spec.CCIOCQES.Put(cc, spec.CQELog)
	d.bar.Write32(spec.CC, uint32(cc))
	d.bar.Write32(spec.CC, uint32(spec.CCEN.Put(cc, 1)))
	return d.awaitStatus(cpu, "enable",
		func(csts uint64) bool { return spec.CSTSRDY.Get(csts) == 1 })
}

// disable is a controller reset (Base, 3.7.2): once RDY is 0, nothing more is written to memory.
func (d *Drive) disable(cpu hw.CPU) error {
	cc := d.bar.Read32(spec.CC)
	if cc == lost {
		return d.fail("disable", "", d.gone())
	}
	if spec.CCEN.Get(uint64(cc)) == 1 {
		d.bar.Write32(spec.CC, uint32(spec.CCEN.Put(uint64(cc), 0)))
	}
	return d.awaitStatus(cpu, "disable", func(csts uint64) bool {
		return spec.CSTSRDY.Get(csts) == 0 // a fatal status ends with the reset
	})
}

// awaitStatus reads CSTS until it is as wanted.
func (d *Drive) awaitStatus(cpu hw.CPU, op string, want func(csts uint64) bool) error {
	start := cpu.Now()
	for {
		csts := d.bar.Read32(spec.CSTS)
		switch {
		case csts == lost:
			return d.fail(op, "", d.gone())
		case want(uint64(csts)):
			return nil
		case op != "disable" && spec.CSTSCFS.Get(uint64(csts)) == 1:
			return d.fail(op, "", ErrFatal)
		case cpu.Now()-start > d.ready:
			return d.fail(op, fmt.Sprintf("CSTS %#x", csts), hw.ErrTimeout)
		}
		rest(cpu, start)
	}
}

// rest lets time pass in a loop that has waited since start: a turn at first, later a sixty-fourth
// of the wait, so that a long one costs little and ends little too late.
func rest(cpu hw.CPU, start hw.Time) {
	cpu.Relax()
	if now := cpu.Now(); now-start > millisecond {
		cpu.Idle(now + min((now-start)/64, millisecond))
	}
}

// identify reads what the controller and its namespace are. After a reset it must be what it was.
func (d *Drive) identify(cpu hw.CPU) error {
	return d.page(func(buf hw.Memory) error {
		if err := d.ask(cpu, buf, spec.CNSController, 0); err != nil {
			return err
		}
		id := spec.DecodeController(buf.Bytes())
		if d.Model != "" && (id.Model != d.Model || id.Serial != d.Serial) {
			return d.fail("identify", fmt.Sprintf("%q %q", id.Model, id.Serial), ErrChanged)
		}
		first := d.Model == ""
		d.id = id
		d.Model, d.Serial, d.Firmware = id.Model, id.Serial, id.Firmware
		d.WriteCache = id.VWC&spec.VWCPresent != 0
		d.MaxTransfer = (maxPages - 1) * spec.MinPage // any offset of the first page fits
		if id.MDTS != 0 && id.MDTS < 16 {
			d.MaxTransfer = min(d.MaxTransfer, spec.MinPage<<id.MDTS)
		}
		d.SGL = id.SGLS&3 != 0 && (first || d.SGL) // of double words, or of bytes
		return d.scan(cpu, buf)
	})
}

// scan lists the active namespaces and finds the one to drive.
func (d *Drive) scan(cpu hw.CPU, buf hw.Memory) error {
	if err := d.ask(cpu, buf, spec.CNSActive, 0); err != nil {
		return err
	}
	d.Spaces = d.Spaces[:0]
	for p := buf.Bytes(); len(p) > 3; p = p[4:] {
		id := uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
		if id == 0 {
			break
		}
		d.Spaces = append(d.Spaces, id)
	}
	if d.ID != 0 && !slices.Contains(d.Spaces, d.ID) {
		return d.fail("identify", fmt.Sprintf("namespace %d; active are %v", d.ID, d.Spaces),
			ErrNoDrive)
	}
	first := d.fail("identify", "no active namespace", ErrNoDrive)
	for i, id := range d.Spaces {
		if d.ID != 0 && id != d.ID {
			continue
		}
		ns, err := d.describe(cpu, buf, id)
		if err == nil {
			return d.drive(&ns)
		}
		if i == 0 || d.ID == id {
			first = err
		}
	}
	return first
}

// drive makes a namespace the one that is driven. One that is driven already may grow or shrink,
// but not change its blocks.
func (d *Drive) drive(ns *Namespace) error {
	if d.BlockSize != 0 && d.ID == ns.ID && d.BlockSize != ns.BlockSize {
		return d.fail("identify", fmt.Sprintf("namespace %d: blocks of %d bytes, before %d", ns.ID,
			ns.BlockSize, d.BlockSize), ErrChanged)
	}
	d.ID, d.Blocks, d.BlockSize, d.shift = ns.ID, ns.Blocks, ns.BlockSize, ns.shift
	return nil
}

// Namespace is what a namespace is.
type Namespace struct {
	ID        uint32
	Blocks    uint64
	BlockSize int // bytes
	Metadata  int // bytes a block

	shift uint8
}

// describe identifies a namespace; it refuses what cannot be driven, with the reason.
func (d *Drive) describe(cpu hw.CPU, buf hw.Memory, id uint32) (ns Namespace, err error) {
	if err := d.ask(cpu, buf, spec.CNSNamespace, id); err != nil {
		return ns, err
	}
	raw := spec.DecodeNamespace(buf.Bytes())
	ns = Namespace{ID: id, Blocks: raw.Size, shift: raw.BlockShift(),
		Metadata: int(raw.MS[raw.FLBAS&0xf])}
	no := func(format string, args ...any) (Namespace, error) {
		detail := fmt.Sprintf("namespace %d: ", id) + fmt.Sprintf(format, args...)
		return ns, d.fail("identify", detail, ErrNoDrive)
	}
	if ns.shift < 9 || ns.shift > 12 {
		return no("blocks of 2^%d bytes; 512 to 4096 are driven", ns.shift)
	}
	ns.BlockSize = 1 << ns.shift
	switch {
	case ns.Metadata != 0:
		return no("blocks of %d bytes and %d of metadata; give it a format without metadata",
			ns.BlockSize, ns.Metadata)
	case d.MaxTransfer < ns.BlockSize:
		return no("transfers of %d bytes at most", d.MaxTransfer)
	case ns.Blocks > (1<<63-1)>>ns.shift:
		return no("%d blocks", ns.Blocks)
	}
	return ns, nil
}

// negotiate asks for as many queues as a machine may have processors.
func (d *Drive) negotiate(cpu hw.CPU) error {
	const ask = 255 - 1
	got, err := d.command(cpu, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatQueues,
		CDW11: ask<<16 | ask})
	if err != nil {
		return err
	}
	d.Queues = min(int(min(got&0xffff, got>>16))+1, d.doorbells())
	if d.Queues < d.opened {
		return d.fail("queues", fmt.Sprintf("%d are granted, before %d", d.Queues, d.opened),
			ErrChanged)
	}
	return nil
}

// doorbells is how many I/O queue pairs have theirs in BAR 0.
func (d *Drive) doorbells() int { return (d.bar.Len()-spec.Doorbells)/(8<<d.stride) - 1 }
