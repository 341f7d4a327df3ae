package nvme

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
	"tensoros/hw/spec/pcie"
)

// hostile is a controller that behaves like one except where its bytes say otherwise: then a
// register reads anything, a command is lost, or memory that it was told of is written.
type hostile struct {
	script []byte
	at     int
	steps  int
	cpu    still
	regs   [spec.Doorbells]byte
	config [256]byte
	queues map[uint64]*hostileQueue // by doorbell number / 2
	mems   []*hostileMemory
	live   int
	wild   bool              // the driver says so
	events []spec.Completion // requests that wait for one
	blocks uint64
	active []byte
}

type hostileQueue struct{ sq, cq, size, head, tail, phase uint64 }

// hostileMost bounds how often the driver may look at the machine in one run.
const hostileMost = 20_000_000

func (h *hostile) next() byte {
	if h.steps++; h.steps > hostileMost {
		panic("the driver does not come to an end")
	}
	if len(h.script) == 0 {
		return 0xff
	}
	b := h.script[h.at%len(h.script)]
	// A script that comes round is another one.
	b += byte(h.at / len(h.script) * 37)
	h.at++
	return b
}

// evil decides, once in a while, to be so.
func (h *hostile) evil() bool { return h.next() < 12 }

func (h *hostile) word() (v uint64) {
	for range 8 {
		v = v<<8 | uint64(h.next())
	}
	return v
}

// hostileCPU passes time, more than it is asked to.
type hostileCPU struct {
	*still
	id int
	h  *hostile
}

func (c hostileCPU) ID() int { return c.id }
func (c hostileCPU) Relax() {
	if c.h.steps++; c.h.steps > hostileMost {
		panic("the driver does not come to an end")
	}
	c.now += 1000
}
func (c hostileCPU) Idle(until hw.Time) { c.now += 1 + 8*(until-c.now) }

// hostileWindow is configuration space or BAR 0.
type hostileWindow struct {
	h      *hostile
	config bool
	len    int
}

func (w hostileWindow) Len() int        { return w.len }
func (w hostileWindow) Bus() hw.BusAddr { return 0 }

func (w hostileWindow) read(off, n int) uint64 {
	if off < 0 || off+n > w.len {
		panic(fmt.Sprintf("a read of %d at %#x", n, off))
	}
	if w.h.evil() {
		if w.h.next() < 64 {
			return ^uint64(0)
		}
		return w.h.word()
	}
	var p [8]byte
	switch {
	case w.config:
		copy(p[:n], w.h.config[off%256:])
	case off < spec.Doorbells:
		copy(p[:n], w.h.regs[off:])
	}
	return binary.LittleEndian.Uint64(p[:])
}

func (w hostileWindow) write(off, n int, v uint64) {
	if off < 0 || off+n > w.len {
		panic(fmt.Sprintf("a write of %d at %#x", n, off))
	}
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], v)
	h := w.h
	switch {
	case w.config:
		copy(h.config[off%256:], p[:n])
	case off >= spec.Doorbells:
		h.bell(uint64(off-spec.Doorbells)/4, v)
	default:
		copy(h.regs[off:], p[:n])
		h.control()
	}
}

func (w hostileWindow) Read8(off int) uint8       { return uint8(w.read(off, 1)) }
func (w hostileWindow) Read16(off int) uint16     { return uint16(w.read(off, 2)) }
func (w hostileWindow) Read32(off int) uint32     { return uint32(w.read(off, 4)) }
func (w hostileWindow) Read64(off int) uint64     { return w.read(off, 8) }
func (w hostileWindow) Write8(off int, v uint8)   { w.write(off, 1, uint64(v)) }
func (w hostileWindow) Write16(off int, v uint16) { w.write(off, 2, uint64(v)) }
func (w hostileWindow) Write32(off int, v uint32) { w.write(off, 4, uint64(v)) }
func (w hostileWindow) Write64(off int, v uint64) { w.write(off, 8, v) }
func (w hostileWindow) Copy(int, []byte)          {}

// control follows CC, and is ready at once.
func (h *hostile) control() {
	cc := uint64(binary.LittleEndian.Uint32(h.regs[spec.CC:]))
	csts := spec.CCEN.Get(cc)
	if spec.CCSHN.Get(cc) != 0 {
		csts = spec.CSTSSHST.Put(csts, spec.ShutdownDone)
	}
	binary.LittleEndian.PutUint32(h.regs[spec.CSTS:], uint32(csts))
	if csts&1 == 0 {
		h.queues = map[uint64]*hostileQueue{}
		return
	}
	if h.queues[0] == nil {
		le := binary.LittleEndian
		h.queues[0] = &hostileQueue{sq: le.Uint64(h.regs[spec.ASQ:]),
			cq:   le.Uint64(h.regs[spec.ACQ:]),
			size: spec.AQASQS.Get(uint64(le.Uint32(h.regs[spec.AQA:]))) + 1, phase: 1}
	}
}

// bell takes commands up to a tail.
func (h *hostile) bell(n, tail uint64) {
	q := h.queues[n/2]
	if n%2 == 1 || q == nil {
		return
	}
	if tail >= q.size {
		panic("a doorbell beyond its ring")
	}
	if q.sq%4096 != 0 || q.cq%4096 != 0 {
		panic("a ring off its page")
	}
	for q.head != tail {
		c := spec.DecodeCommand(h.bytes(q.sq+q.head*spec.SQELen, spec.SQELen))
		q.head = (q.head + 1) % q.size
		if h.evil() {
			continue
		}
		e := spec.Completion{CID: c.CID, SQID: uint16(n / 2), SQHD: uint16(q.head),
			Phase: q.phase == 1}
		h.obey(n/2, &c, &e)
		if c.Opcode == spec.AsyncEvent && n == 0 && !h.evil() {
			h.events = append(h.events, e)
			continue
		}
		h.post(q, &e)
	}
}

func (h *hostile) post(q *hostileQueue, e *spec.Completion) {
	p := h.bytes(q.cq+q.tail*spec.CQELen, spec.CQELen)
	e.Encode(p)
	if h.evil() {
		p[h.next()%16] ^= h.next()
	}
	if q.tail++; q.tail == q.size {
		q.tail, q.phase = 0, 1-q.phase
	}
}

// obey does what an admin command asks for.
func (h *hostile) obey(queue uint64, c *spec.Command, e *spec.Completion) {
	if h.evil() {
		e.Status = spec.Status(h.word()) & 0x7fff
	}
	if queue != 0 {
		return
	}
	switch c.Opcode {
	case spec.SetFeatures:
		e.Result = uint32(h.next()) | uint32(h.next())<<16
	case spec.CreateSQ:
		id := uint64(c.CDW10 & 0xffff)
		if cq := h.queues[1<<20|id]; cq != nil {
			h.queues[id] = &hostileQueue{sq: c.PRP1, cq: cq.cq, size: uint64(c.CDW10>>16) + 1,
				phase: 1}
		}
	case spec.CreateCQ:
		h.queues[1<<20|uint64(c.CDW10&0xffff)] = &hostileQueue{cq: c.PRP1}
	case spec.Identify, spec.GetLogPage:
		p := h.bytes(c.PRP1, 4096)
		switch c.CDW10 & 0xff {
		case spec.CNSController:
			(&spec.Controller{Model: "m", Serial: "s", MDTS: h.next(), ONCS: 0xffff, OAES: 0x300,
				SGLS: uint32(h.next()), CRDT: [3]uint16{1, 2, 65535}}).Encode(p)
		case spec.CNSActive:
			clear(p)
			p[0], p[4] = 1, 2
			if h.active != nil {
				clear(p)
				copy(p, h.active)
			}
		default:
			n := spec.Namespace{Size: h.word() >> (h.next() % 64)}
			n.LBADS[0] = 9 + h.next()&3
			if h.blocks > 0 {
				n.Size = h.blocks
			}
			n.Encode(p)
		}
		for h.evil() {
			p[h.word()%4096] = h.next()
		}
	}
}

// bytes are at a bus address, which must be the driver's and live.
func (h *hostile) bytes(at uint64, n int) []byte {
	for _, m := range h.mems {
		if off := at - m.at; at >= m.at && off+uint64(n) <= uint64(len(m.p)) {
			if m.freed {
				panic("the controller was told of memory that is freed")
			}
			return m.p[off:][:n]
		}
	}
	panic(fmt.Sprintf("the controller was told of %#x", at))
}

// hostileMemory is written behind the driver's back when it looks.
type hostileMemory struct {
	bytesOf
	h     *hostile
	at    uint64
	freed bool
}

func (m *hostileMemory) Bus() hw.BusAddr { return hw.BusAddr(m.at) }
func (m *hostileMemory) Free()           { m.freed = true; m.h.live-- }
func (m *hostileMemory) Load32(off int) uint32 {
	if m.freed {
		panic("freed memory is read")
	}
	if m.h.evil() && m.h.next() < 64 {
		m.p[m.h.word()%uint64(len(m.p))] = m.h.next()
	}
	return binary.LittleEndian.Uint32(m.p[off:])
}

// function of a hostile controller.
func (h *hostile) Config() hw.Window { return hostileWindow{h, true, pcie.ConfigLen} }
func (h *hostile) BAR(int) (hw.Window, error) {
	return hostileWindow{h, false, 8192}, nil
}
func (h *hostile) Route(int, int) error { return nil }
func (h *hostile) Err() error           { return nil }
func (h *hostile) Close() error         { return nil }
func (h *hostile) Reset() error {
	clear(h.regs[spec.CC:spec.CMBLOC])
	h.control()
	return nil
}
func (h *hostile) Memory(n int) (hw.Memory, error) {
	at := uint64(1 << 20)
	if k := len(h.mems); k > 0 {
		at = (h.mems[k-1].at + uint64(len(h.mems[k-1].p)) + 4095) &^ 4095
	}
	m := &hostileMemory{bytesOf: bytesOf{p: make([]byte, n)}, h: h, at: at}
	h.mems = append(h.mems, m)
	h.live++
	return m, nil
}

// drive uses everything that the driver offers.
func (h *hostile) drive() {
	cpu, other := hostileCPU{&h.cpu, 0, h}, hostileCPU{&h.cpu, 1, h}
	capability := spec.CapMQES.Put(0, uint64(h.next())+1)
	binary.LittleEndian.PutUint64(h.regs[spec.CAP:], capability)
	binary.LittleEndian.PutUint32(h.config[pcie.VendorID:], 0x12345678)
	h.queues = map[uint64]*hostileQueue{}
	d, err := Open(cpu, h, hw.Address{})
	if err != nil {
		h.wild = errors.Is(err, ErrWild)
		return
	}
	d.Timeout = 10 * millisecond
	for op := OpRead; op <= OpDeallocate; op++ {
		n := uint64(1 + h.next()%32)
		var segs []Segment
		if op.data() {
			m, _ := h.Memory(int(n) * d.BlockSize)
			segs = []Segment{{m.Bus(), m.Len()}}
			defer m.Free()
		}
		for _, c := range []hw.CPU{cpu, other} {
			_ = d.AddQueue(c)
			if t, err := d.Submit(c, op, uint64(h.next()), n, segs); err == nil {
				_ = d.Wait(c, t)
			}
		}
	}
	_, _ = d.Health(other)
	_, _ = d.Errors(cpu)
	_, _ = d.Describe(cpu, 2)
	_ = d.Use(cpu, 2)
	_ = d.Close(cpu)
	h.wild = d.wild()
}

// FuzzHostile: whatever a controller answers and writes to the memory that it is told of, the
// driver comes to an end, without a panic, with nothing outside of its memory and nothing leaked.
func FuzzHostile(f *testing.F) {
	f.Add([]byte{0xff})
	f.Add([]byte{1, 200, 90, 255, 30, 7, 199, 40, 41, 42, 43, 250})
	f.Add([]byte("a hostile controller answers what it likes, and when it likes"))
	f.Fuzz(func(t *testing.T, script []byte) {
		h := &hostile{script: script}
		h.drive()
		if h.cpu.now > 3600_000*millisecond {
			t.Errorf("it took %v s", h.cpu.now/1e9)
		}
		if h.live != 0 && !h.wild {
			t.Errorf("%d regions of memory are left", h.live)
		}
	})
}

// TestHostile runs scripts that chance has written, so that every test run meets some.
func TestHostile(t *testing.T) {
	seed := uint64(1)
	for range 300 {
		script := make([]byte, 64)
		for i := range script {
			seed = seed*6364136223846793005 + 1442695040888963407
			script[i] = byte(seed >> 56)
		}
		h := &hostile{script: script}
		h.drive()
	}
}

// tell completes the request for an event.
func (h *hostile) tell(kind, info, page uint32) {
	e := h.events[0]
	h.events = h.events[1:]
	e.Result = kind | info<<spec.EventInfoShift | page<<spec.EventLogPageShift
	h.post(h.queues[0], &e)
}

// polite opens the drive of a controller without evil.
func polite(t *testing.T) (*hostile, *Drive, hostileCPU) {
	h := &hostile{blocks: 1000, queues: map[uint64]*hostileQueue{}}
	binary.LittleEndian.PutUint64(h.regs[spec.CAP:], spec.CapMQES.Put(0, 255))
	binary.LittleEndian.PutUint32(h.config[pcie.VendorID:], 0x12345678)
	cpu := hostileCPU{&h.cpu, 0, h}
	d, err := Open(cpu, h, hw.Address{})
	if err != nil {
		t.Fatal(err)
	}
	return h, d, cpu
}

// TestEvents: events are kept and the next is asked for; a namespace may grow, but not go away.
func TestEvents(t *testing.T) {
	h, d, cpu := polite(t)
	for i := range uint32(eventsKept + 4) {
		h.tell(spec.EventSMART, i%3, spec.LogSMART)
		h.cpu.now += lookEvery
		d.Poll(cpu)
	}
	if l := d.Events(); len(l) != eventsKept || d.Stats.Events != eventsKept+4 ||
		l[eventsKept-1].String() != "health, information 01h, log page 02h" || len(h.events) != 1 {
		t.Errorf("%d events: %v; %d requests", len(l), l, len(h.events))
	}
	h.blocks = 5000
	h.tell(spec.EventNotice, spec.EventNamespace, spec.LogNamespaces)
	h.cpu.now += lookEvery
	if d.Poll(cpu); d.Blocks != 5000 || d.state != live {
		t.Errorf("%d blocks", d.Blocks)
	}
	m, _ := h.Memory(512 << 3)
	ticket, err := d.Submit(cpu, OpRead, 0, 1, []Segment{{m.Bus(), d.BlockSize}})
	if err != nil {
		t.Fatal(err)
	}
	h.active = []byte{2, 0, 0, 0}
	h.tell(spec.EventNotice, spec.EventNamespace, spec.LogNamespaces)
	h.cpu.now += lookEvery
	d.Poll(cpu)
	_ = d.Wait(cpu, ticket) // it completed before
	if _, err := d.Submit(cpu, OpFlush, 0, 0, nil); !errors.Is(err, ErrNoDrive) {
		t.Errorf("the namespace is gone: %v", err)
	}
	m.Free()
	if err := d.Close(cpu); !errors.Is(err, ErrNoDrive) || h.live != 0 {
		t.Errorf("%v, %d regions are left", err, h.live)
	}
}

// TestRetryDelay: the controller's own delay is kept, in units of 100 ms (Base, 5.17.2.1: CRDT).
func TestRetryDelay(t *testing.T) {
	d := &Drive{Timeout: 30_000 * millisecond}
	d.id.CRDT = [3]uint16{1, 20, 65535}
	for _, c := range []struct {
		status spec.Status
		tries  uint8
		wait   hw.Time
		again  bool
	}{
		{spec.Interrupted | 1<<11, 1, 100 * millisecond, true},
		{spec.Interrupted | 2<<11, 5, 2000 * millisecond, true},
		{spec.Interrupted | 3<<11, 1, 30_000 * millisecond, true}, // not beyond a deadline
		{spec.Interrupted, 3, 4 * backoff, true},
		{spec.Interrupted, tries, 0, false},
		{spec.Interrupted | spec.DNR, 1, 0, false},
		{spec.UnrecoveredRead, 1, backoff, true},
		{spec.UnrecoveredRead, 2, 0, false},
		{spec.CompareFailure, 1, 0, false},
	} {
		if wait, again := d.policy(c.status, c.tries); wait != c.wait || again != c.again {
			t.Errorf("%v, try %d: %v %v", c.status, c.tries, wait, again)
		}
	}
}

// TestAWrongIdentifierNamesNoCommand: whichever bit of it turns, another command in flight is not
// taken for the one that completed.
func TestAWrongIdentifierNamesNoCommand(t *testing.T) {
	d := newDrive(t, 9, 128<<10)
	p := d.pairs[0]
	for range Depth {
		if _, err := d.Submit(&still{}, OpRead, 0, 1, []Segment{{0x1000, 512}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range p.slots {
		for bit := range 16 {
			e := spec.Completion{SQID: 1, CID: p.slots[i].cmd.CID ^ 1<<bit}
			if p.broken = nil; p.settle(&still{}, &e) || p.broken == nil {
				t.Fatalf("slot %d, bit %d is taken", i, bit)
			}
		}
	}
	if p.inFlight() != Depth {
		t.Errorf("%d in flight", p.inFlight())
	}
}

// TestOpenRefuses: what cannot be driven is told, and nothing stays behind.
func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(h *hostile, capability *uint64)
		want error
		text string
	}{
		{"large pages", func(_ *hostile, v *uint64) { *v = spec.CapMPSMIN.Put(*v, 2) }, ErrRefused,
			"memory pages of 16384 bytes"},
		{"one entry", func(_ *hostile, v *uint64) { *v = spec.CapMQES.Put(*v, 0) }, ErrRefused,
			"one entry"},
		{"doorbells far apart", func(_ *hostile, v *uint64) { *v = spec.CapDSTRD.Put(*v, 10) },
			errDoorbell, "stride 4096"},
		{"no namespace", func(h *hostile, _ *uint64) { h.active = []byte{0, 0, 0, 0} }, ErrNoDrive,
			"no active namespace"},
		{"too many blocks", func(h *hostile, _ *uint64) { h.blocks = 1 << 62 }, ErrNoDrive,
			"namespace 1"},
	} {
		h := &hostile{blocks: 1000, queues: map[uint64]*hostileQueue{}}
		v := spec.CapMQES.Put(0, 255)
		c.set(h, &v)
		binary.LittleEndian.PutUint64(h.regs[spec.CAP:], v)
		binary.LittleEndian.PutUint32(h.config[pcie.VendorID:], 0x12345678)
		_, err := Open(hostileCPU{&h.cpu, 0, h}, h, hw.Address{})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || h.live != 0 {
			t.Errorf("%s: %v; %d regions are left", c.name, err, h.live)
		}
	}
}

// TestReadyTimeouts: CAP.TO, and CRTO where that is longer (Base, 3.1.3.23).
func TestReadyTimeouts(t *testing.T) {
	h, d, _ := polite(t)
	if d.ready != 500*millisecond {
		t.Errorf("%v", d.ready)
	}
	capability := spec.CapCRWMS.Put(spec.CapTO.Put(d.cap, 255), 1)
	binary.LittleEndian.PutUint64(h.regs[spec.CAP:], capability)
	for crto, want := range map[uint32]hw.Time{20: 128_000 * millisecond,
		600: 300_500 * millisecond} {
		binary.LittleEndian.PutUint32(h.regs[spec.CRTO:], crto)
		if err := d.map0(); err != nil || d.ready != want {
			t.Errorf("CRTO %d: %v, %v", crto, d.ready, err)
		}
	}
}
