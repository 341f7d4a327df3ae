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
// 6.12 and QEMU 11.1). 64 pairs of I/O queues give each processor of a large host its own; a vector
// each and one for the admin queue [D].
const (
	barSize     = 16 << 10
	vectors     = maxQueues + 1
	vectorTable = 0x2000
	vectorBits  = 0x3000
	maxQueues   = 64   // I/O queues of either kind
	mqes        = 1023 // CAP.MQES
	timeout     = 10   // CAP.TO, 5 s
	mpsMax      = 4    // CAP.MPSMAX
)

// Controller is the device behind the function.
type Controller struct {
	Profile *Profile
	Store   Store
	// Findings lists the rules that the guest broke, in order.
	Findings []sim.Finding
	// Reads and Writes count commands of the I/O queues that moved data.
	Reads, Writes uint64
	// Faults counts the injected faults by effect.
	Faults [EffectCount]uint64

	touched   byte // see load
	eng       *sim.Engine
	rec       *traces.Recorder
	fn        *pcie.Function
	regs      *reg.File
	enabled   bool // CC.EN was accepted; RDY may still be to come
	adminOnly bool // CC.CSS: no I/O command set
	stopped   bool // fatal: nothing is processed until a reset
	epoch     uint64
	drains    int
	pageSize  int
	sqs       [maxQueues + 1]*sq
	cqs       [maxQueues + 1]*cq
	granted   int // I/O queues granted by Set Features 07h
	arb       arbiter
	pace      sim.Lane // of the firmware: one command an interval
	starts    starts
	shadow    shadow
	cmb       *cmb
	feats     features
	alive     sim.Time // when the host was last heard of, for Keep Alive
	power     power
	events    eventQueue
	aborts    int // Abort commands under way
	errors    errorLog
	smart     counters
	spaces    spaces
	firm      firmware
	test      selfTest
	sanitize  sanitize
	faults    *faults
	cmds      pool[command]
	slots     pool[slot]
	ops       pool[op]
	fetches   pool[fetch]
	probes    pool[probe]
	entry     [spec.CQELen]byte // scratch: a write of up to 16 bytes takes them along
	dma       dmaEngine
	flash     flash
	undo      undoLog
	aging     bool // Age: the map moves, time does not
	off       bool // PowerCut
	track     traces.Track
}

// Events of the controller; the argument is an index into a pool unless said otherwise.
const (
	evReady     uint32 = iota // arg: epoch
	evDisabled                // arg: epoch
	evShutdown                // arg: epoch
	evFetched                 // fetch
	evListed                  // command; a page of its PRP list or an SGL segment is here
	evStart                   // command; the firmware has seen it
	evSensed                  // op
	evMoved                   // op; a chunk crossed the channel
	evDelivered               // slot; one of its writes was delivered
	evGathered                // slot; one of its reads was answered
	evFinished                // command
	evDrained                 // arg: bytes that left the write buffer
	evProbed                  // probe; its write or its read of a shadow doorbell is over
	evCoalesced               // arg: completion queue, generation of its timer
	evTested                  // arg: generation of the self-test
	evSanitized               // arg: generation of the sanitize operation
	evFault                   // arg: row of the fault plan
)

// Endpoint is the PCI identity of a drive.
func Endpoint(p *Profile) hwpcie.Endpoint {
	e := hwpcie.Endpoint{
		Vendor: p.Vendor, Device: p.Device, Class: 0x010802, SubVendor: p.Vendor,
		BARs:    []hwpcie.BAR{{Index: 0, Size: barSize, Is64: true}},
		Vectors: vectors, VectorTable: vectorTable, VectorPending: vectorBits, Link: p.Link,
	}
	if p.CMB > 0 {
		e.BARs = append(e.BARs, hwpcie.BAR{Index: cmbBAR, Size: p.CMB, Is64: true,
			Prefetchable: true})
	}
	return e
}

// Attach plugs a drive into a bridge. The store's size, rounded down to blocks, is its capacity.
// A store that is Durable brings the state that the drive was left in.
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
	if prof.CMB > 0 {
		c.cmb = newCMB(prof.CMB)
	}
	fn, err := fabric.Add(at, name, Endpoint(prof), c)
	if err != nil {
		return nil, nil, err
	}
	c.fn = fn
	c.track = rec.Track(fn.Path() + "/nvme")
	c.dma.ctl = c
	if store.Size()>>unitShift > mostUnits {
		return nil, nil, fmt.Errorf("nvme %s: a store of %d bytes; 8 TiB are the most", name,
			store.Size())
	}
	c.flash.init(c)
	c.undo.on = prof.VolatileCache
	if err := c.restore(); err != nil {
		return nil, nil, fmt.Errorf("nvme %s: %w", name, err)
	}
	if err := c.adopt(); err != nil {
		return nil, nil, fmt.Errorf("nvme %s: %w", name, err)
	}
	c.Reset()
	return c, fn, nil
}

// InFlight is the number of commands that the controller holds, Asynchronous Event Requests not
// counted: zero when all is quiet.
func (c *Controller) InFlight() int { return c.cmds.live() - len(c.events.requests) }

func (c *Controller) find(rule, format string, args ...any) {
	n := sim.Finding{Rule: rule, At: c.eng.Now(), Track: c.fn.Path(),
		Detail: fmt.Sprintf(format, args...)}
	c.Findings = append(c.Findings, n)
	c.mark(rule, n.Detail)
}

func (c *Controller) mark(rule, detail string) {
	if c.rec != nil {
		c.rec.Mark(traces.Finding, c.track, c.eng.Now(), c.rec.Text(rule), c.rec.Text(detail))
	}
}

// Fire runs the controller's events.
func (c *Controller) Fire(now sim.Time, kind uint32, arg uint64) {
	if c.off {
		return
	}
	switch kind {
	case evFetched:
		c.fetched(c.fetches.at(arg), now)
	case evListed:
		c.listed(c.cmds.at(arg))
	case evStart:
		c.startAll(c.cmds.at(arg))
	case evSensed:
		c.flash.sensed(c.ops.at(arg), now)
	case evMoved:
		c.flash.moved(c.ops.at(arg), now)
	case evDelivered:
		c.dma.delivered(c.slots.at(arg))
	case evGathered:
		c.dma.gathered(c.slots.at(arg))
	case evFinished:
		if cmd := c.cmds.at(arg); c.release(cmd) {
			c.complete(cmd)
		}
	case evDrained:
		c.dma.drained(int(arg))
	case evProbed:
		c.probed(c.probes.at(arg))
	default:
		c.fireRare(kind, arg)
	}
}

func (c *Controller) fireRare(kind uint32, arg uint64) {
	switch kind {
	case evReady:
		c.becomeReady(arg)
	case evDisabled:
		c.becomeDisabled(arg)
	case evShutdown:
		c.becomeShut(arg)
	case evCoalesced:
		c.coalesced(int(arg&0xffff), arg>>16)
	case evTested:
		c.tested(arg)
	case evSanitized:
		c.sanitized(arg)
	case evFault:
		c.faults.due(c, int(arg))
	}
}
