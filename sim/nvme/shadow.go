package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim/pcie"
)

// shadow is where the host keeps copies of doorbells, and where the controller tells up to which
// value it needs no doorbell (Base, 5.10 and annex B.5). The admin queue is left out: hosts ring it
// as if there were no copies, Linux among them.
type shadow struct {
	on              bool
	doorbells, idxs uint64
}

// probe is a look at a shadow doorbell: EventIdx is written, then the doorbell read. The read
// pushes the write ahead of it, so that either the read finds what the host has stored, or the
// host finds EventIdx and rings.
type probe struct {
	index   uint32
	sq      *sq
	cq      *cq
	rings   uint32 // of the queue when it was issued: a doorbell since then is newer
	pending int
	event   [4]byte
	value   [4]byte
}

// shadowAt is the place of a queue's entry, laid out as the doorbells are.
func shadowAt(base uint64, id int, completion bool) uint64 {
	return base + uint64(spec.Doorbell(id, completion, 0)-spec.Doorbells)
}

// pollSQ looks for entries that were submitted without a doorbell, before the queue goes idle.
func (c *Controller) pollSQ(q *sq) {
	if !c.shadow.on || q.id == 0 || q.polling || q.gone {
		return
	}
	q.polling = true
	p, i := c.probes.get()
	p.index, p.sq, p.cq, p.rings = i, q, nil, q.rings
	c.probe(p, q.id, false, q.tail)
}

// pollCQ looks for entries taken without a doorbell, when there is no room.
func (c *Controller) pollCQ(q *cq) {
	if !c.shadow.on || q.id == 0 || q.polling {
		return
	}
	q.polling = true
	p, i := c.probes.get()
	p.index, p.sq, p.cq, p.rings = i, nil, q, q.rings
	c.probe(p, q.id, true, q.head)
}

func (c *Controller) probe(p *probe, id int, completion bool, index int) {
	p.pending = 2
	binary.LittleEndian.PutUint32(p.event[:], uint32(index))
	done := pcie.Done{To: c, Kind: evProbed, Arg: uint64(p.index)}
	c.writeBus(shadowAt(c.shadow.idxs, id, completion), p.event[:], done)
	c.readBus(shadowAt(c.shadow.doorbells, id, completion), p.value[:], done)
}

func (c *Controller) probed(p *probe) {
	if p.pending--; p.pending > 0 {
		return
	}
	s, q, rings := p.sq, p.cq, p.rings
	v := binary.LittleEndian.Uint32(p.value[:])
	p.sq, p.cq = nil, nil
	c.probes.give(p.index)
	switch {
	case s != nil:
		s.polling = false
		switch {
		case s.gone || c.stopped:
		case int64(v) != int64(s.tail):
			c.ringSQ(s, v)
		case s.rings != rings: // what was read may be older than the doorbell
			c.fetch(s)
		}
	default:
		q.polling = false
		switch {
		case c.cqs[q.id] != q || c.stopped:
		case int64(v) != int64(q.head):
			c.ringCQ(q, v)
		case q.rings != rings && q.waiting.Len() > 0:
			c.pollCQ(q)
		}
	}
}

// kicked takes a doorbell of a queue that has a shadow. Its value may be older than what was read
// from the shadow meanwhile - the write was under way - so it only says that there is something to
// read. A queue that is busy reads before it goes idle anyhow.
func (c *Controller) kicked(id int, completion bool) {
	if q := c.cqs[id]; completion {
		if q.rings++; q.waiting.Len() > 0 {
			c.pollCQ(q)
		}
		return
	}
	q := c.sqs[id]
	if q.rings++; q.head == q.tail {
		c.fetch(q)
	}
}

// doorbellBuffer is Doorbell Buffer Config. Queues that exist are told from now on by their
// present values.
func (c *Controller) doorbellBuffer(cmd *command) spec.Status {
	e := &cmd.e
	if e.PRP1%uint64(c.pageSize) != 0 {
		return cmd.bad(24, 0)
	}
	if e.PRP2%uint64(c.pageSize) != 0 {
		return cmd.bad(32, 0)
	}
	c.shadow = shadow{true, e.PRP1, e.PRP2}
	for id := 1; id <= maxQueues; id++ {
		if q := c.sqs[id]; q != nil {
			c.tellIndex(id, false, q.tail)
		}
		if q := c.cqs[id]; q != nil {
			c.tellIndex(id, true, q.head)
		}
	}
	return spec.Success
}

// tellIndex writes EventIdx alone.
func (c *Controller) tellIndex(id int, completion bool, index int) {
	binary.LittleEndian.PutUint32(c.entry[:], uint32(index))
	c.writeBus(shadowAt(c.shadow.idxs, id, completion), c.entry[:4], pcie.Done{})
}
