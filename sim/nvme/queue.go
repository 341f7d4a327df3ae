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
	base       uint64
	size       int
	head, tail int
	cq         *cq
	fetching   bool
	gone       bool
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
	users      int // submission queues
	waiting    sim.Queue[*command]
}

func (q *cq) full() bool { return (q.tail+1)%q.size == q.head }

// used is the number of entries that the host has not taken.
func (q *cq) used() int { return (q.tail - q.head + q.size) % q.size }

func (c *Controller) newCQ(id int, base uint64, size, vector int, interrupts bool) *cq {
	return &cq{id: id, base: base, size: size, phase: true, vector: vector, interrupts: interrupts}
}

func (c *Controller) newSQ(id int, base uint64, size int, q *cq) *sq {
	q.users++
	return &sq{id: id, base: base, size: size, cq: q,
		track: c.rec.Track(fmt.Sprintf("%s/sq%d", c.fn.Path(), id))}
}

// fetchMost is the entries a fetch brings at most: 1 KiB, two read requests [D].
const fetchMost = 16

// fetch is a read of submission entries under way.
type fetch struct {
	index uint32
	q     *sq
	n     int
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
	for q.waiting.Len() > 0 && !q.full() {
		c.post(q.waiting.Pop())
	}
	for _, s := range c.sqs {
		if s != nil && s.cq == q {
			c.fetch(s)
		}
	}
}

// fetch reads what has been submitted, up to the wrap. While completions wait for room nothing
// more is fetched: a full completion queue stalls its submission queues.
func (c *Controller) fetch(q *sq) {
	if q.fetching || q.gone || q.head == q.tail || q.cq.waiting.Len() > 0 {
		return
	}
	n := q.tail - q.head
	if n < 0 {
		n = q.size - q.head
	}
	f, i := c.fetches.get()
	f.index, f.q, f.n, f.start = i, q, min(n, fetchMost), c.eng.Now()
	q.fetching = true
	addr := q.base + uint64(q.head)*spec.SQELen
	c.fn.Read(addr, f.buf[:f.n*spec.SQELen], pcie.Done{To: c, Kind: evFetched, Arg: uint64(i)})
}

func (c *Controller) fetched(f *fetch, now sim.Time) {
	q := f.q
	if !q.gone {
		c.rec.Span(traces.NVMeFetch, q.track, f.start, now, nil, uint64(q.id), uint64(f.n))
		q.fetching = false
		q.head = (q.head + f.n) % q.size
		for i := range f.n {
			if q.gone {
				break // deleted by a command before
			}
			c.accept(q, spec.DecodeCommand(f.buf[i*spec.SQELen:]), f.start, now)
		}
		c.fetch(q)
	}
	f.q = nil
	c.fetches.give(f.index)
}

// entry is a completion entry on its way; the buffer must stay until it is delivered.
type entry struct {
	buf [spec.CQELen]byte
}

// complete posts a command's completion, or queues it while the queue is full.
func (c *Controller) complete(cmd *command) {
	if q := cmd.sq.cq; q.waiting.Len() > 0 || q.full() {
		cmd.stalled = c.eng.Now()
		q.waiting.Push(cmd)
		return
	}
	c.post(cmd)
}

func (c *Controller) post(cmd *command) {
	q := cmd.sq.cq
	e, i := c.entries.get()
	done := spec.Completion{Result: cmd.result, SQHD: uint16(cmd.sq.head), SQID: uint16(cmd.sq.id),
		CID: cmd.e.CID, Phase: q.phase, Status: cmd.status}
	done.Encode(e.buf[:])
	c.fn.Write(q.base+uint64(q.tail)*spec.CQELen, e.buf[:],
		pcie.Done{To: c, Kind: evEntry, Arg: uint64(i)})
	if q.tail++; q.tail == q.size {
		q.tail, q.phase = 0, !q.phase
	}
	if q.interrupts {
		c.fn.Interrupt(q.vector) // posted behind the entry
	}
	if !cmd.status.OK() {
		c.errors.add(c, cmd)
	}
	c.traceCommand(cmd)
	c.free(cmd)
}

// kill ends the commands of a submission queue, or all of them, without completions. What still
// has events or DMA under way is freed when those end.
func (c *Controller) kill(q *sq) {
	for _, cmd := range c.cmds.all {
		if cmd.sq == nil || q != nil && cmd.sq != q || cmd.dead {
			continue
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
		}
	}
	if q == nil {
		c.aers = nil
		c.dma.purge()
		return
	}
	// Completions of q that wait for room go too.
	for n := q.cq.waiting.Len(); n > 0; n-- {
		if cmd := q.cq.waiting.Pop(); cmd.sq != nil && !cmd.dead {
			q.cq.waiting.Push(cmd)
		}
	}
	c.dma.purge()
}
