package nvme

import (
	"fmt"

	"tensoros/hw/reg"
	spec "tensoros/hw/spec/nvme"
	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// The function's layout, which Linux, lspci and QEMU take without complaint (measured with Linux
// 6.12 and QEMU 11.1).
const (
	barSize     = 16 << 10
	vectors     = 17
	vectorTable = 0x2000
	vectorBits  = 0x3000
	maxQueues   = vectors - 1 // I/O queues of either kind
	mqes        = 1023        // CAP.MQES
	timeout     = 10          // CAP.TO, 5 s
	mpsMax      = 4           // CAP.MPSMAX
)

// Controller is the device behind the function.
type Controller struct {
	Profile *Profile
	Store   Store
	// Findings lists the rules that the guest broke, in order.
	Findings []sim.Finding
	// Reads and Writes count commands of the I/O queues that moved data.
	Reads, Writes uint64

	eng      *sim.Engine
	rec      *traces.Recorder
	fn       *pcie.Function
	regs     *reg.File
	enabled  bool // CC.EN was accepted; RDY may still be to come
	epoch    uint64
	drains   int
	pageSize int
	sqs      [maxQueues + 1]*sq
	cqs      [maxQueues + 1]*cq
	granted  int // I/O queues granted by Set Features 07h
	features [featureCount]uint32
	aers     []*command
	events   []event
	masked   bool // the error event waits for its log page to be read
	errors   errorLog
	smart    counters
	cmds     pool[command]
	slots    pool[slot]
	ops      pool[op]
	fetches  pool[fetch]
	entries  pool[entry]
	dma      dmaEngine
	flash    flash
	track    traces.Track
}

// Events of the controller; the argument is an index into a pool unless said otherwise.
const (
	evReady     uint32 = iota // arg: epoch
	evDisabled                // arg: epoch
	evShutdown                // arg: epoch
	evFetched                 // fetch
	evListed                  // command; a page of its PRP list is here
	evStart                   // command; the firmware has seen it
	evSensed                  // op
	evMoved                   // op; a chunk crossed the channel
	evDelivered               // slot; one of its writes was delivered
	evGathered                // slot; one of its reads was answered
	evFinished                // command
	evEntry                   // entry was delivered
	evDrained                 // arg: bytes that left the write buffer
)

// Endpoint is the PCI identity of a drive.
func Endpoint(p *Profile) hwpcie.Endpoint {
	return hwpcie.Endpoint{
		Vendor: p.Vendor, Device: p.Device, Class: 0x010802, SubVendor: p.Vendor,
		BARs:    []hwpcie.BAR{{Index: 0, Size: barSize, Is64: true}},
		Vectors: vectors, VectorTable: vectorTable, VectorPending: vectorBits, Link: p.Link,
	}
}

// Attach plugs a drive into a bridge. The store's size, rounded down to blocks, is its capacity.
func Attach(eng *sim.Engine, rec *traces.Recorder, fabric *pcie.Fabric, at pcie.Bridge, name string,
	prof *Profile, store Store) (*Controller, *pcie.Function, error) {
	if err := prof.Check(); err != nil {
		return nil, nil, err
	}
	if store.Size()>>prof.BlockShift == 0 {
		return nil, nil, fmt.Errorf("nvme %s: the store holds no block", name)
	}
	c := &Controller{Profile: prof, Store: store, eng: eng, rec: rec}
	c.regs = reg.NewFile(spec.Doorbells, spec.Registers)
	fn, err := fabric.Add(at, name, Endpoint(prof), c)
	if err != nil {
		return nil, nil, err
	}
	c.fn = fn
	c.track = rec.Track(fn.Path() + "/nvme")
	c.dma.ctl = c
	c.flash.init(c)
	c.Reset()
	return c, fn, nil
}

// InFlight is the number of commands that the controller holds, Asynchronous Event Requests not
// counted: zero when all is quiet.
func (c *Controller) InFlight() int { return c.cmds.live() - len(c.aers) }

// blocks is the capacity.
func (c *Controller) blocks() uint64 { return c.Store.Size() >> c.Profile.BlockShift }

func (c *Controller) find(rule, format string, args ...any) {
	n := sim.Finding{Rule: rule, At: c.eng.Now(), Track: c.fn.Path(),
		Detail: fmt.Sprintf(format, args...)}
	c.Findings = append(c.Findings, n)
	if c.rec != nil {
		c.rec.Mark(traces.Finding, c.track, n.At, c.rec.Text(rule), c.rec.Text(n.Detail))
	}
}

// Fire runs the controller's events.
func (c *Controller) Fire(now sim.Time, kind uint32, arg uint64) {
	switch kind {
	case evReady:
		c.becomeReady(arg)
	case evDisabled:
		c.becomeDisabled(arg)
	case evShutdown:
		c.becomeShut(arg)
	case evFetched:
		c.fetched(c.fetches.at(arg), now)
	case evListed:
		c.listed(c.cmds.at(arg))
	case evStart:
		c.start(c.cmds.at(arg))
	case evSensed:
		c.flash.sensed(c.ops.at(arg), now)
	case evMoved:
		c.flash.moved(c.ops.at(arg), now)
	case evDelivered:
		c.dma.delivered(c.slots.at(arg))
	case evGathered:
		c.dma.gathered(c.slots.at(arg))
	case evFinished:
		cmd := c.cmds.at(arg)
		if c.release(cmd) {
			c.complete(cmd)
		}
	case evEntry:
		c.entries.give(uint32(arg))
	case evDrained:
		c.dma.drained(int(arg))
	}
}
