package nvme

import (
	"fmt"

	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/nvme"
)

// Drive is an open controller and its first active namespace.
type Drive struct {
	Model, Serial string
	Blocks        uint64 // capacity
	BlockSize     int    // bytes
	MaxTransfer   int    // bytes a command moves at most
	Queues        int    // I/O queue pairs that the controller grants
	WriteCache    bool   // volatile: Flush has work to do
	// Timeout ends the wait for a command. Open sets 30 s, what Linux waits before it aborts.
	Timeout hw.Time

	fn     hw.Function
	addr   hw.Address
	bar    hw.Window
	stride uint
	ready  hw.Time // CAP.TO
	nsid   uint32
	shift  uint8
	admin  *pair
	pairs  []*pair // by processor; nil where there is none
	opened int
	closed bool
}

const (
	millisecond = hw.Time(1_000_000)
	ioTimeout   = 30_000 * millisecond
	adminSize   = 32 // entries, what Linux uses
)

// Open brings a controller up: disabled, admin queue, enabled, identified, and a queue pair for
// the processor that calls.
func Open(cpu hw.CPU, fn hw.Function, addr hw.Address) (*Drive, error) {
	d := &Drive{fn: fn, addr: addr, Timeout: ioTimeout}
	pci.Enable(fn.Config())
	var err error
	if d.bar, err = fn.BAR(0); err != nil {
		return nil, err
	}
	if d.bar.Len() < spec.Doorbells+16 {
		return nil, d.fail("open", "", errDoorbell)
	}
	if err := d.start(cpu); err != nil {
		d.abandon(cpu)
		return nil, err
	}
	return d, nil
}

func (d *Drive) start(cpu hw.CPU) error {
	vendor := d.bar.Read64(spec.CAP)
	if vendor == ^uint64(0) {
		return d.fail("open", "", hw.ErrLost)
	}
	d.stride = uint(spec.CapDSTRD.Get(vendor))
	d.ready = hw.Time(spec.CapTO.Get(vendor)+1) * spec.ReadyUnit * millisecond
	if err := d.enable(cpu, vendor); err != nil {
		return err
	}
	if err := d.identify(cpu); err != nil {
		return err
	}
	if err := d.negotiate(cpu); err != nil {
		return err
	}
	return d.AddQueue(cpu)
}

// enable disables the controller, gives it the admin queue, and enables it (Base, 3.5.1).
func (d *Drive) enable(cpu hw.CPU, capability uint64) error {
	if err := d.disable(cpu); err != nil {
		return err
	}
	size := min(adminSize, int(spec.CapMQES.Get(capability))+1)
	var err error
	if d.admin, err = d.newPair(0, size, false); err != nil {
		return err
	}
	aqa := spec.AQASQS.Put(0, uint64(size-1))
	d.bar.Write32(spec.AQA, uint32(spec.AQACQS.Put(aqa, uint64(size-1))))
	d.bar.Write64(spec.ASQ, uint64(d.admin.sq.Bus()))
	d.bar.Write64(spec.ACQ, uint64(d.admin.cq.Bus()))
	cc := spec.CCIOSQES.Put(0, spec.SQELog)
	cc = spec.CCIOCQES.Put(cc, spec.CQELog)
	d.bar.Write32(spec.CC, uint32(cc))
	d.bar.Write32(spec.CC, uint32(spec.CCEN.Put(cc, 1)))
	return d.awaitStatus(cpu, "enable",
		func(csts uint64) bool { return spec.CSTSRDY.Get(csts) == 1 })
}

func (d *Drive) disable(cpu hw.CPU) error {
	cc := d.bar.Read32(spec.CC)
	if cc == lost {
		return d.fail("disable", "", hw.ErrLost)
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
	deadline := cpu.Now() + d.ready
	for {
		csts := d.bar.Read32(spec.CSTS)
		switch {
		case csts == lost:
			return d.fail(op, "", hw.ErrLost)
		case want(uint64(csts)):
			return nil
		case op != "disable" && spec.CSTSCFS.Get(uint64(csts)) == 1:
			return d.fail(op, "", ErrFatal)
		case cpu.Now() > deadline:
			return d.fail(op, fmt.Sprintf("CSTS %#x", csts), hw.ErrTimeout)
		}
		cpu.Relax()
	}
}

// command runs an admin command to its end and returns its result.
func (d *Drive) command(cpu hw.CPU, c spec.Command) (uint32, error) {
	p := d.admin
	op := spec.OpcodeName(c.Opcode, true)
	req := p.begin(op)
	p.place(cpu, &c, req)
	p.ring()
	err := p.await(cpu, op, func(p *pair) bool { return p.reqs[req].pending == 0 })
	p.spare = append(p.spare, req)
	if err == nil {
		err = p.reqs[req].err
	}
	return p.last.Result, err
}

// identify reads what the controller and its first active namespace are.
func (d *Drive) identify(cpu hw.CPU) error {
	buf, err := d.fn.Memory(spec.IdentifyLen)
	if err != nil {
		return err
	}
	err = d.describe(cpu, buf)
	if err == nil || d.quiesce(cpu) == nil {
		buf.Free()
	}
	return err
}

// quiesce stops a controller that did not answer, so that memory it was told of can be freed.
func (d *Drive) quiesce(cpu hw.CPU) error {
	if !d.answers() {
		return nil // gone: it reaches nothing
	}
	if d.disable(cpu) == nil {
		return nil
	}
	return d.fn.Reset()
}

func (d *Drive) describe(cpu hw.CPU, buf hw.Memory) error {
	ask := func(cns, nsid uint32) error {
		_, err := d.command(cpu, spec.Command{Opcode: spec.Identify, NSID: nsid,
			PRP1: uint64(buf.Bus()), CDW10: cns})
		return err
	}
	if err := ask(spec.CNSController, 0); err != nil {
		return err
	}
	id := spec.DecodeController(buf.Bytes())
	d.Model, d.Serial, d.WriteCache = id.Model, id.Serial, id.VWC&spec.VWCPresent != 0
	d.MaxTransfer = (maxPages - 1) * spec.MinPage // any offset of the first page fits
	if id.MDTS != 0 && id.MDTS < 16 {
		d.MaxTransfer = min(d.MaxTransfer, spec.MinPage<<id.MDTS)
	}
	if err := ask(spec.CNSActive, 0); err != nil {
		return err
	}
	p := buf.Bytes()
	d.nsid = uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
	if d.nsid == 0 {
		return d.fail("identify", "", ErrNoDrive)
	}
	if err := ask(spec.CNSNamespace, d.nsid); err != nil {
		return err
	}
	ns := spec.DecodeNamespace(buf.Bytes())
	d.shift = ns.BlockShift()
	if d.shift < 9 || d.shift > 12 {
		return d.fail("identify", fmt.Sprintf("blocks of 2^%d bytes", d.shift), ErrNoDrive)
	}
	d.Blocks, d.BlockSize = ns.Size, 1<<d.shift
	return nil
}

// negotiate asks for as many queues as a machine may have processors.
func (d *Drive) negotiate(cpu hw.CPU) error {
	const ask = 255 - 1
	got, err := d.command(cpu, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatQueues,
		CDW11: ask<<16 | ask})
	if err != nil {
		return err
	}
	d.Queues = int(min(got&0xffff, got>>16)) + 1
	return nil
}

// AddQueue gives the calling processor a queue pair of its own. It does nothing if it has one.
func (d *Drive) AddQueue(cpu hw.CPU) error {
	if cpu.ID() < len(d.pairs) && d.pairs[cpu.ID()] != nil {
		return nil
	}
	if d.opened == d.Queues {
		return d.fail("add queue", fmt.Sprintf("%d of %d", d.opened+1, d.Queues), hw.ErrNotPresent)
	}
	size := min(entries, int(spec.CapMQES.Get(d.bar.Read64(spec.CAP)))+1)
	p, err := d.newPair(d.opened+1, size, true)
	if err != nil {
		return err
	}
	if err := d.create(cpu, p); err != nil {
		if d.quiesce(cpu) == nil {
			p.release()
		}
		return err
	}
	for len(d.pairs) <= cpu.ID() {
		d.pairs = append(d.pairs, nil)
	}
	d.pairs[cpu.ID()] = p
	d.opened++
	return nil
}

// create tells the controller of a pair: polled, so without a vector.
func (d *Drive) create(cpu hw.CPU, p *pair) error {
	shape := uint32(spec.QueueSize.Put(uint64(p.id), uint64(p.size-1)))
	_, err := d.command(cpu, spec.Command{Opcode: spec.CreateCQ, PRP1: uint64(p.cq.Bus()),
		CDW10: shape, CDW11: uint32(spec.QueuePC.Mask())})
	if err != nil {
		return err
	}
	cdw11 := spec.QueueCQID.Put(spec.QueuePC.Mask(), uint64(p.id))
	_, err = d.command(cpu, spec.Command{Opcode: spec.CreateSQ, PRP1: uint64(p.sq.Bus()),
		CDW10: shape, CDW11: uint32(cdw11)})
	return err
}

// Close waits for what is in flight, deletes the queues, shuts the controller down and frees the
// memory. It frees even if a step fails, once the controller is stopped.
func (d *Drive) Close(cpu hw.CPU) error {
	if d.closed {
		return nil
	}
	err := d.shutdown(cpu)
	if stop := d.abandon(cpu); err == nil {
		err = stop
	}
	return err
}

func (d *Drive) shutdown(cpu hw.CPU) error {
	for _, p := range d.pairs {
		if p == nil {
			continue
		}
		if err := p.await(cpu, "close",
			func(p *pair) bool { return p.inFlight() == 0 }); err != nil {
			return err
		}
		for _, op := range [...]uint8{spec.DeleteSQ, spec.DeleteCQ} {
			if _, err := d.command(cpu, spec.Command{Opcode: op, CDW10: uint32(p.id)}); err != nil {
				return err
			}
		}
	}
	cc := uint64(d.bar.Read32(spec.CC))
	d.bar.Write32(spec.CC, uint32(spec.CCSHN.Put(cc, spec.ShutdownNormal)))
	return d.awaitStatus(cpu, "shutdown", func(csts uint64) bool {
		return spec.CSTSSHST.Get(csts) == spec.ShutdownDone
	})
}

// abandon stops the controller and frees everything that it was told of.
func (d *Drive) abandon(cpu hw.CPU) error {
	d.closed = true
	if err := d.quiesce(cpu); err != nil {
		return err // it may still write: the memory must stay
	}
	for _, p := range append(d.pairs, d.admin) {
		if p != nil {
			p.release()
		}
	}
	d.pairs, d.admin = nil, nil
	return nil
}
