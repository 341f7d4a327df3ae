package nvmedriver

import (
	"encoding/binary"
	"fmt"

	"tensoros/conformance"
	"tensoros/hw/reg"
	spec "tensoros/hw/spec/nvme"
	"tensoros/hw/spec/pcie"
	"tensoros/hw/tap"
)

// Broken is a rule that a driver broke, the first time that it did.
type Broken struct {
	Rule   string
	At     string // simulated time
	Detail string
	Times  int
}

// Watcher watches a driver. Feed it every event of a session, in order, to Event.
type Watcher struct {
	broken map[string]*Broken
	order  []string
	seen   map[string]int // rules that there was occasion to keep

	vectors int
	event   *tap.TapeEvent
	command uint16 // of configuration space
	msix    bool

	regs     [spec.Doorbells]byte // as the driver wrote them
	cap      uint64
	ready    bool // CSTS.RDY as last read
	enabled  bool // CC.EN as written
	waited   bool // RDY was read as 0 since EN was cleared
	shutdown bool
	shadow   bool // doorbells are in memory: what is written to registers may be old

	sqs, cqs map[int]*queue
	granted  int // I/O queues; 0: not yet known
	made     bool

	identified bool
	id         spec.Controller
	spaces     map[uint32]spec.Namespace
	want       map[uint16]*answer // admin commands whose data is watched, by identifier
}

// queue is a ring as the driver made it.
type queue struct {
	id         int
	base       uint64
	size       int
	head, tail int // of a submission queue head is what the controller told
	used       int // entries of a completion queue that were posted and not taken back
	cq         int
	out        map[uint16]spec.Command // outstanding commands by identifier
}

// answer is where the data of an Identify goes.
type answer struct {
	addr uint64
	data [spec.IdentifyLen]byte
	got  int
}

// New makes a watcher of a function with so many MSI-X vectors.
func New(vectors int) *Watcher {
	w := &Watcher{broken: map[string]*Broken{}, seen: map[string]int{}, vectors: vectors}
	w.reset()
	return w
}

// reset is what a controller reset does to queues.
func (w *Watcher) reset() {
	w.sqs, w.cqs = map[int]*queue{}, map[int]*queue{}
	w.want, w.spaces = map[uint16]*answer{}, map[uint32]spec.Namespace{}
	w.granted, w.made, w.shutdown, w.identified, w.shadow = 0, false, false, false, false
}

// keep notes an occasion to keep a rule, and whether it was kept.
func (w *Watcher) keep(kept bool, rule, format string, args ...any) {
	w.seen[rule]++
	if kept {
		return
	}
	b := w.broken[rule]
	if b == nil {
		b = &Broken{Rule: rule, At: w.event.At.String(), Detail: fmt.Sprintf(format, args...)}
		w.broken[rule] = b
		w.order = append(w.order, rule)
	}
	b.Times++
}

// Broken lists the rules that were broken, in the order in which they were first.
func (w *Watcher) Broken() []Broken {
	var out []Broken
	for _, id := range w.order {
		out = append(out, *w.broken[id])
	}
	return out
}

// Report makes a report: a case for each rule that there was occasion to keep.
func (w *Watcher) Report(target, device string) *conformance.Report {
	r := &conformance.Report{Suite: "NVMe driver", Target: target, Device: device, Rules: Rules}
	for i := range Rules {
		id := Rules[i].ID
		c := conformance.Result{Case: "host/" + id, Rules: []string{id}}
		switch b := w.broken[id]; {
		case w.seen[id] == 0:
			c.Verdict, c.Detail = conformance.Skip, "there was no occasion"
		case b != nil:
			c.Verdict, c.Place = conformance.Fail, "at "+b.At
			c.Detail = fmt.Sprintf("%s (%d of %d times)", b.Detail, b.Times, w.seen[id])
		}
		r.Results = append(r.Results, c)
	}
	return r
}

// regions as VFIO numbers them.
const configRegion = 7

// Event takes an event of the session.
func (w *Watcher) Event(e *tap.TapeEvent) {
	w.event = e
	switch e.Op {
	case tap.TapeReset, tap.TapeLeave:
		w.command, w.msix, w.enabled, w.ready, w.waited = 0, false, false, false, true
		w.regs = [spec.Doorbells]byte{}
		w.reset()
	case tap.TapeRead:
		if e.Region == 0 {
			w.access(e.Off, int(e.Size), false)
		}
	case tap.TapeAnswer:
		if e.Region == 0 {
			w.answered(e.Off, e.Data)
		}
	case tap.TapeWrite:
		if e.Region == configRegion {
			w.config(int(e.Off), e.Data)
		}
		if e.Region == 0 {
			w.write(e.Off, e.Data)
		}
	case tap.TapeLoad:
		w.load(e.Off, e.Data)
	case tap.TapeStore:
		w.store(e.Off, e.Data)
	}
}

// config follows the command register and MSI-X Enable.
func (w *Watcher) config(off int, p []byte) {
	for i, b := range p {
		switch off + i {
		case pcie.Command:
			w.command = w.command&0xff00 | uint16(b)
		case pcie.Command + 1:
			w.command = w.command&0xff | uint16(b)<<8
		case pcie.MSIXAt + 3:
			w.msix = b&(pcie.MSIXEnable>>8) != 0
		}
	}
}

// wide are the registers of 64 bits.
var wide = map[uint64]bool{spec.CAP: true, spec.ASQ: true, spec.ACQ: true}

// cmbmsc is a register of 64 bits too (Base 2.0c, 3.1.3.14).
const cmbmsc = 0x50

// access checks the shape of an access below the doorbells.
func (w *Watcher) access(off uint64, n int, writes bool) {
	if off >= spec.Doorbells {
		if !writes && off < spec.Doorbells+8*1024 && w.inDoorbells(off) {
			w.keep(false, "HOST-3.3.1.2-DB-WIDTH", "doorbell offset %#x is read", off)
		}
		return
	}
	ok := n == 4 && off%4 == 0 || n == 8 && (wide[off] || off == cmbmsc)
	w.keep(ok, "HOST-3.1.3-WIDTH", "%d bytes at register %#x", n, off)
}

// inDoorbells reports whether an offset is a doorbell of a queue that exists.
func (w *Watcher) inDoorbells(off uint64) bool {
	stride := uint64(4) << spec.CapDSTRD.Get(w.cap)
	id := int((off - spec.Doorbells) / stride / 2)
	return w.sqs[id] != nil || w.cqs[id] != nil
}

func field(b reg.Bits, v uint64) int { return int(b.Get(v)) }

// answered looks at what the driver has read.
func (w *Watcher) answered(off uint64, p []byte) {
	if off == spec.CAP {
		for i, b := range p {
			w.cap = w.cap&^(0xff<<(8*i)) | uint64(b)<<(8*i)
		}
	}
	if off == spec.CAP+4 && len(p) == 4 {
		w.cap = w.cap&0xffffffff | uint64(binary.LittleEndian.Uint32(p))<<32
	}
	if off == spec.CSTS && len(p) == 4 {
		v := uint64(binary.LittleEndian.Uint32(p))
		w.ready = spec.CSTSRDY.Get(v) == 1
		if !w.ready {
			w.waited = true
		}
	}
}

// readOnly are the registers that software does not write.
var readOnly = map[uint64]bool{spec.CAP: true, spec.CAP + 4: true, spec.VS: true, spec.CSTS: true}

// write follows registers and doorbells.
func (w *Watcher) write(off uint64, p []byte) {
	w.access(off, len(p), true)
	if off >= spec.Doorbells {
		w.doorbell(off, p)
		return
	}
	w.keep(!readOnly[off], "HOST-3.1.3-READONLY", "register %#x is written", off)
	switch off {
	case spec.INTMS, spec.INTMC:
		w.keep(!w.msix, "HOST-PCIE-MSIX-MASKS", "register %#x is written with MSI-X on", off)
	case spec.AQA, spec.ASQ, spec.ASQ + 4, spec.ACQ, spec.ACQ + 4:
		w.keep(!w.enabled, "HOST-3.1.3.8-AQA-EARLY", "register %#x is written while enabled", off)
	case spec.CC:
		if len(p) == 4 {
			w.control(uint64(binary.LittleEndian.Uint32(p)))
		}
	}
	if off+uint64(len(p)) <= spec.Doorbells {
		copy(w.regs[off:], p)
	}
}

func (w *Watcher) reg32(off int) uint64 { return uint64(binary.LittleEndian.Uint32(w.regs[off:])) }
func (w *Watcher) reg64(off int) uint64 { return binary.LittleEndian.Uint64(w.regs[off:]) }

// held is what of CC may not change while the controller is enabled: MPS, CSS and AMS.
const held = 0xf<<7 | 7<<4 | 7<<11

// control is a write of CC.
func (w *Watcher) control(v uint64) {
	old, on := w.reg32(spec.CC), spec.CCEN.Get(v) == 1
	if w.enabled && on {
		w.keep(old&held == v&held, "HOST-3.1.3.5-CC-HELD", "CC goes from %#x to %#x while enabled",
			old, v)
	}
	switch {
	case on && !w.enabled:
		w.enable(v)
	case !on && w.enabled:
		w.enabled, w.waited = false, false
		w.reset()
	}
	if spec.CCSHN.Get(v) != 0 {
		w.shutdown = true
	}
}

func (w *Watcher) enable(cc uint64) {
	w.keep(w.waited, "HOST-3.5.1-DISABLED", "enabled without having seen CSTS.RDY at 0")
	w.keep(w.command&pcie.CommandMaster != 0, "HOST-PCIE-BME", "enabled with bus mastering off")
	aqa, page := w.reg32(spec.AQA), uint64(spec.MinPage)<<spec.CCMPS.Get(cc)
	asq, acq := w.reg64(spec.ASQ), w.reg64(spec.ACQ)
	sqs, cqs := field(spec.AQASQS, aqa), field(spec.AQACQS, aqa)
	ok := sqs > 0 && cqs > 0 && asq != 0 && acq != 0 && asq%page == 0 && acq%page == 0
	w.keep(ok, "HOST-3.1.3.8-AQA-SET", "enabled with AQA %#x, ASQ %#x, ACQ %#x", aqa, asq, acq)
	w.reset()
	w.enabled, w.ready = true, false
	w.sqs[0] = &queue{base: asq, size: sqs + 1, out: map[uint16]spec.Command{}}
	w.cqs[0] = &queue{base: acq, size: cqs + 1}
}

// doorbell is a write of one.
func (w *Watcher) doorbell(off uint64, p []byte) {
	stride := uint64(4) << spec.CapDSTRD.Get(w.cap)
	n := (off - spec.Doorbells) / stride
	if len(p) != 4 || (off-spec.Doorbells)%stride != 0 {
		if w.inDoorbells(off) {
			w.keep(false, "HOST-3.3.1.2-DB-WIDTH", "%d bytes written at %#x", len(p), off)
		}
		return
	}
	v, id := int(binary.LittleEndian.Uint32(p)), int(n/2)
	ring, kind := w.sqs, "submission"
	if n%2 == 1 {
		ring, kind = w.cqs, "completion"
	}
	q := ring[id]
	if q == nil && n >= spec.Doorbells/stride {
		return // past a page of doorbells: the MSI-X table
	}
	w.keep(w.ready && w.enabled, "HOST-3.5.1-READY", "doorbell %d rung before CSTS.RDY was seen", n)
	w.keep(true, "HOST-3.3.1.2-DB-WIDTH", "")
	w.keep(q != nil, "HOST-3.3.1.2-DB-QUEUE", "doorbell of %s queue %d, which is not there", kind,
		id)
	if q == nil {
		return
	}
	w.keep(v < q.size, "HOST-3.3.1.2-DB-RANGE", "%d written to the doorbell of %s queue %d of %d",
		v, kind, id, q.size)
	if v >= q.size || w.shadow && id > 0 {
		return
	}
	if n%2 == 0 {
		w.tail(q, v)
	} else {
		w.head(q, v)
	}
}

func (w *Watcher) tail(q *queue, v int) {
	w.keep(v != q.tail, "HOST-3.3.1.2-DB-NEW", "tail %d of queue %d is rung again", v, q.id)
	fresh := (v - q.tail + q.size) % q.size
	room := q.size - 1 - (q.tail-q.head+q.size)%q.size
	w.keep(fresh <= room, "HOST-3.3.1.2-SQ-FULL",
		"tail of queue %d goes from %d to %d with the head at %d", q.id, q.tail, v, q.head)
	if fresh > 0 && q.id > 0 {
		w.keep(!w.shutdown, "HOST-3.6-QUIET", "commands on queue %d after the shutdown", q.id)
	}
	q.tail = v
}

func (w *Watcher) head(q *queue, v int) {
	took := (v - q.head + q.size) % q.size
	w.keep(took <= q.used, "HOST-3.3.1.2-CQ-HEAD",
		"head of completion queue %d goes from %d to %d with %d entries posted", q.id, q.head, v,
		q.used)
	q.used -= min(took, q.used)
	q.head = v
}
