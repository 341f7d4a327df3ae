package nvme

import (
	"errors"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// Drive is an open controller and one of its namespaces.
type Drive struct {
	Model, Serial, Firmware string
	ID                      uint32 // of the namespace that is driven
	Spaces                  []uint32
	Blocks                  uint64 // capacity
	BlockSize               int    // bytes
	MaxTransfer             int    // bytes a command moves at most
	Queues                  int    // I/O queue pairs that the controller grants
	WriteCache              bool   // volatile: Flush has work to do
	// Timeout is how long a command may take before it is aborted. Open sets 30 s, as Linux does.
	Timeout hw.Time
	Stats   Stats
	// SGL has SGLs name long data, as the controller takes them; false has PRPs name all data.
	SGL bool

	fn     hw.Function
	addr   hw.Address
	bar    hw.Window
	cap    uint64
	stride uint
	ready  hw.Time // CAP.TO or CRTO
	id     spec.Controller
	shift  uint8
	zero   uint64 // blocks a Write Zeroes may name; 0: not asked yet
	admin  *pair
	pairs  []*pair // by processor; nil where there is none
	opened int

	state  state
	cause  error // why it is dead
	medic  int   // the processor that recovers it
	epoch  uint32
	holder int // the processor that has the admin queue,
	holds  int // if this is not 0
	barren int // resets since a command last succeeded
	// Memory that a command which was given up may still be using, until the next reset.
	loose   []hw.Memory
	orphans int // such commands
	events  events
}

// Stats counts what went wrong and was mended.
type Stats struct {
	Retries, Aborts, Resets, FunctionResets uint64
	Events                                  uint64 // asynchronous
}

const (
	microsecond = hw.Time(1_000)
	millisecond = hw.Time(1_000_000)
	ioTimeout   = 30_000 * millisecond
	adminSize   = 32 // entries, what Linux uses
)

// Open brings a controller up: disabled, admin queue, enabled, identified, and a queue pair for
// the processor that calls. It drives the first active namespace that it can.
func Open(cpu hw.CPU, fn hw.Function, addr hw.Address) (*Drive, error) {
	return OpenNamespace(cpu, fn, addr, 0)
}

// OpenNamespace is Open for the namespace of an id.
func OpenNamespace(cpu hw.CPU, fn hw.Function, addr hw.Address, id uint32) (*Drive, error) {
	d := &Drive{fn: fn, addr: addr, Timeout: ioTimeout, ID: id, state: recovering, medic: cpu.ID()}
	err := d.open(cpu)
	if err != nil {
		if stop := d.abandon(cpu); stop != nil {
			err = fmt.Errorf("%w; %w", err, stop)
		}
		return nil, err
	}
	return d, nil
}

func (d *Drive) open(cpu hw.CPU) error {
	if err := d.map0(); err != nil {
		return err
	}
	size := min(adminSize, int(spec.CapMQES.Get(d.cap))+1)
	if size < 2 {
		return d.fail("open", "queues of one entry", ErrRefused)
	}
	var err error
	if d.admin, err = d.newPair(0, size, false); err != nil {
		return err
	}
	if err := d.climb(cpu); err != nil {
		return err
	}
	d.Stats.Resets-- // the first is how one begins
	d.state = live
	return d.AddQueue(cpu)
}

// AddQueue gives the calling processor a queue pair of its own. It does nothing if it has one.
func (d *Drive) AddQueue(cpu hw.CPU) error {
	if cpu.ID() < len(d.pairs) && d.pairs[cpu.ID()] != nil {
		return nil
	}
	if d.opened == d.Queues {
		return d.fail("add queue", "all are in use", hw.ErrNotPresent)
	}
	size := min(entries, int(spec.CapMQES.Get(d.cap))+1)
	p, err := d.newPair(d.opened+1, size, true)
	if err != nil {
		return err
	}
	d.opened++ // other processors may add theirs meanwhile
	err = d.persist(cpu, func() error { return d.create(cpu, p) })
	if err != nil {
		// The controller may know the rings: they go once it has been reset, by whomever.
		d.recover(cpu, err)
		_ = d.settled(cpu) // err is what to tell
		if !d.wild() {
			p.release()
		}
		return err
	}
	for len(d.pairs) <= cpu.ID() {
		d.pairs = append(d.pairs, nil)
	}
	d.pairs[cpu.ID()] = p
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
// memory. It frees even if a step fails, once the controller is stopped. The error is why the
// drive was given up, or what went wrong now.
func (d *Drive) Close(cpu hw.CPU) error {
	if d.state == closed {
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
		if p != nil {
			p.await(cpu, func(p *pair) bool { return p.inFlight() == 0 })
		}
	}
	if err := d.settled(cpu); err != nil {
		return err
	}
	for _, p := range d.pairs {
		if p == nil {
			continue
		}
		for _, op := range [...]uint8{spec.DeleteSQ, spec.DeleteCQ} {
			c := spec.Command{Opcode: op, CDW10: uint32(p.id)}
			if _, err := d.command(cpu, c); d.state != live {
				return d.cause
			} else if err != nil {
				break // the reset that follows takes the queue too
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
	var err error
	if d.state != dead && d.bar != nil {
		d.state = closed // no recovery from here on
		if err = d.quiesce(cpu); err != nil {
			err = d.fail("close", "", errors.Join(ErrWild, err))
			d.cause = err
		}
	}
	wild := d.wild()
	d.state = closed
	if wild {
		return d.cause // it may still write: the memory must stay
	}
	for _, p := range append(d.pairs, d.admin) {
		if p != nil {
			p.release()
		}
	}
	for _, m := range d.loose {
		m.Free()
	}
	d.pairs, d.admin, d.loose, d.orphans = nil, nil, nil, 0
	return err
}
