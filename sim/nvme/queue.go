package nvme

import (
	"fmt"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// sq is a submission queue.
type sq struct {
	id         int
	class      class
	base       uint64
	size       int
	head, tail int
	cq         *cq
	queued     bool // with the arbiter
	fetching   bool
	gone       bool
	polling    bool // its shadow doorbell is being read
	rings      uint32
	first      *command // of a fused pair, whose second is to come
	track      traces.Track
}

// cq is a completion queue.
type cq struct {
	id         int
	base       uint64
	size       int
	head, tail int
	phase      bool
	vector     int
	interrupts bool
	polling    bool
	rings      uint32
	users      int // submission queues
	waiting    sim.Queue[*command]
	held       int    // entries that have raised no interrupt yet: coalescing
	timer      uint64 // generation of the timer that runs for them
}

func (q *cq) full() bool {
	next := q.tail + 1
	if next == q.size {
		next = 0
	}
	return next == q.head
}

// used is the number of entries that the host has not taken.
func (q *cq) used() int { return (q.tail - q.head + q.size) % q.size }

func (c *Controller) newCQ(id int, base uint64, size, vector int, interrupts bool) *cq {
	return &cq{id: id, base: base, size: size, phase: true, vector: vector, interrupts: interrupts}
}

func (c *Controller) newSQ(id int, base uint64, size int, q *cq, prio uint64) *sq {
	q.users++
	return &sq{id: id, base: base, size: size, cq: q, class: c.classOf(id, prio),
		track: c.rec.Track(fmt.Sprintf("%s/sq%d", c.fn.Path(), id))}
}

// fetchMost is the entries a fetch brings at most: 1 KiB, two read requests [D].
const fetchMost = 16

// fetch is a read of submission entries under way.
type fetch struct {
	index uint32
	q     *sq
	n     int
	epoch uint64
	start sim.Time
	buf   [fetchMost * spec.SQELen]byte
}

func (c *Controller) ringSQ(q *sq, v uint32) {
	if int64(v) >= int64(q.size) {
		c.badDoorbell(spec.EventBadValue, "tail %d of queue %d of %d entries", v, q.id, q.size)
		return
	}
	q.tail = int(v)
	c.fetch(q)
}

func (c *Controller) ringCQ(q *cq, v uint32) {
	if int64(v) >= int64(q.size) || (int(v)-q.head+q.size)%q.size > q.used() {
		c.badDoorbell(spec.EventBadValue, "head %d of completion queue %d of %d entries, %d posted",
			v, q.id, q.size, q.used())
		return
	}
	q.head = int(v)
	if q.waiting.Len() == 0 {
		return
	}
	for q.waiting.Len() > 0 && !q.full() {
		c.post(q.waiting.Pop())
	}
	if q.waiting.Len() > 0 {
		c.pollCQ(q)
	}
	for _, s := range c.sqs {
		if s != nil && s.cq == q {
			c.fetch(s)
		}
	}
}

// fetch asks for what has been submitted, up to the wrap. While completions wait for room nothing
// more is fetched: a full completion queue stalls its submission queues.
func (c *Controller) fetch(q *sq) {
	if q.queued || q.fetching || q.gone || c.stopped || q.cq.waiting.Len() > 0 {
		return
	}
	if q.head == q.tail {
		c.pollSQ(q)
		return
	}
	q.queued = true
	c.arb.ready[q.class].Push(q)
	c.arbitrate()
}

// launch reads entries of a queue that the arbiter has chosen, most of them at once.
func (c *Controller) launch(q *sq, most int) int {
	n := q.tail - q.head
	if n < 0 {
		n = q.size - q.head
	}
	f, i := c.fetches.get()
	f.index, f.q, f.n, f.start = i, q, min(n, most, fetchMost), c.eng.Now()
	f.epoch = c.epoch
	q.fetching = true
	addr := q.base + uint64(q.head)*spec.SQELen
	c.readBus(addr, f.buf[:f.n*spec.SQELen], pcie.Done{To: c, Kind: evFetched, Arg: uint64(i)})
	return f.n
}

func (c *Controller) fetched(f *fetch, now sim.Time) {
	q := f.q
	if f.epoch == c.epoch {
		c.arb.inFlight--
	}
	if !q.gone && !c.stopped {
		if c.rec != nil {
			c.rec.Span(traces.NVMeFetch, q.track, f.start, now, nil, uint64(q.id), uint64(f.n))
		}
		q.fetching = false
		if q.head += f.n; q.head == q.size {
			q.head = 0
		}
		for i := range f.n {
			if q.gone || c.stopped {
				break // deleted by a command before
			}
			c.accept(q, f.buf[i*spec.SQELen:], f.start, now)
		}
		c.starts.last = nil
		if q.first != nil && !q.gone {
			c.lonely(q)
		}
		c.fetch(q)
	}
	f.q = nil
	c.fetches.give(f.index)
	c.arbitrate()
}

// complete posts a command's completion, or queues it while the queue is full.
func (c *Controller) complete(cmd *command) {
	if cmd.fx.has(fxTimeout) {
		cmd.stuck = true // until an Abort or a reset
		return
	}
	if cmd.e.Flags&3 != 0 {
		c.part(cmd)
		return
	}
	c.postRoom(cmd)
}

// postRoom posts a completion, or has it wait for room.
func (c *Controller) postRoom(cmd *command) {
	if q := cmd.sq.cq; q.waiting.Len() > 0 || q.full() {
		cmd.stalled = c.eng.Now()
		q.waiting.Push(cmd)
		c.pollCQ(q)
		return
	}
	c.post(cmd)
}

func (c *Controller) post(cmd *command) {
	q := cmd.sq.cq
	if !cmd.status.OK() {
		c.errors.add(cmd)
	}
	done := spec.Completion{Result: cmd.result, SQHD: uint16(cmd.sq.head),
		SQID: uint16(cmd.sq.id), CID: cmd.e.CID, Phase: q.phase, Status: cmd.status}
	buf := c.entry[:]
	done.Encode(buf)
	if cmd.fx.has(fxCorruptCQE) {
		c.faults.corruptEntry(c, buf)
	}
	c.writeBus(q.base+uint64(q.tail)*spec.CQELen, buf, pcie.Done{})
	if q.tail++; q.tail == q.size {
		q.tail, q.phase = 0, !q.phase
	}
	switch {
	case !q.interrupts:
	case cmd.fx.has(fxLostInterrupt):
		c.faulted(EffectLostInterrupt, "vector %d", q.vector)
	case c.feats.coalesce && q.id != 0:
		c.coalesce(q)
	default:
		c.fn.Interrupt(q.vector) // posted behind the entry
	}
	c.traceCommand(cmd)
	if cmd.dead {
		c.release(cmd) // aborted: what it still has under way frees it
		return
	}
	c.free(cmd)
}

// coalesce holds an interrupt back until the threshold of entries or the time of feature 08h is
// reached (Base, 5.27.1.6); neither holds for vectors that feature 09h takes out.
func (c *Controller) coalesce(q *cq) {
	v := uint64(c.feats.value[spec.FeatCoalescing])
	thr, units := int(spec.CoalesceThr.Get(v)), spec.CoalesceTime.Get(v)
	if q.held++; thr == 0 || units == 0 || q.held > thr || c.feats.direct[q.vector] {
		c.flushInterrupt(q)
		return
	}
	if q.held == 1 {
		at := c.eng.Now() + sim.Time(units)*100*sim.Microsecond
		c.eng.At(at, c, evCoalesced, uint64(q.id)|q.timer<<16)
	}
}

func (c *Controller) flushInterrupt(q *cq) {
	q.held = 0
	q.timer++
	c.fn.Interrupt(q.vector)
}

func (c *Controller) coalesced(id int, timer uint64) {
	if q := c.cqs[id]; q != nil && q.held > 0 && q.timer == timer {
		c.flushInterrupt(q)
	}
}

// kill ends the commands of a submission queue, or all of them, without completions. What still
// has events or DMA under way is freed when those end.
func (c *Controller) kill(q *sq) {
	for _, cmd := range c.cmds.all {
		if cmd.sq == nil || q != nil && cmd.sq != q || cmd.dead {
			continue
		}
		if cmd.verb != nil && cmd.verb.row.Opcode == spec.Abort && cmd.sq.id == 0 {
			c.aborts = max(0, c.aborts-1)
		}
		cmd.dead = true
		if cmd.refs == 0 {
			c.free(cmd)
		}
	}
	for i, s := range c.sqs {
		if s != nil && (q == nil || s == q) {
			s.gone = true
			c.sqs[i] = nil
			c.unwait(s)
		}
	}
	if q == nil {
		c.events.requests = c.events.requests[:0]
		c.dma.forsake()
	}
	c.dma.purge()
}

// unwait drops completions of a queue that wait for room. Those of aborted commands hold them.
func (c *Controller) unwait(q *sq) {
	for n := q.cq.waiting.Len(); n > 0; n-- {
		cmd := q.cq.waiting.Pop()
		switch {
		case cmd.sq == q && cmd.aborted:
			c.release(cmd)
		case cmd.sq != nil && cmd.sq != q:
			q.cq.waiting.Push(cmd)
		}
	}
}
