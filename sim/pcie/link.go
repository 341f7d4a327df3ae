package pcie

import (
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/traces"
)

// half is one direction of a link: three queues that share a wire, and the receiver's credits.
//
// A train that finds the queues empty and credits for all of it is placed on the wire at once,
// behind what has been placed before: packets that come later may not pass it (PCIe 5.0, table
// 2-40), so its times are known. Only who lacks credits waits in a queue, and only then there are
// events. The times are those of sending packet by packet.
type half struct {
	fabric  *Fabric
	to      node
	back    *half // the other direction
	port    *Port // at its upper end
	up      bool  // towards the root
	gen     int
	rate    sim.Rate
	spans   []sim.Time // by bytes on the wire; 0: not computed yet
	form    [pcie.Forms]int
	track   traces.Track
	path    string
	wire    sim.Lane
	queues  [classes]sim.Queue[*tlp]
	credits [classes]credits
	waiting int      // trains in the queues
	kickAt  sim.Time // when an event will look at the queues again; Forever if none
	seq     uint64
	index   uint32

	dll      *dataLink // nil: no packet is ever damaged
	ackLimit sim.Time
}

const spanTable = 4096 + 64 // no packet is longer on the wire

func (h *half) span(bytes int) sim.Time {
	d := h.spans[bytes]
	if d == 0 {
		d = h.rate.Span(uint64(bytes))
		h.spans[bytes] = d
	}
	return d
}

// bytes is the length on the wire of a packet of a train that stands for size bytes.
func (h *half) bytes(t *tlp, size int) int {
	return h.form[formOf[t.kind]] + t.payload(size)
}

// send takes a train; it may go at once.
func (h *half) send(t *tlp) {
	now := h.fabric.eng.Now()
	t.queued, t.blocked = now, 0
	if h.dll != nil || h.fabric.single {
		for t.n > 1 {
			h.enqueue(h.fabric.cut(t, 1))
		}
	} else if h.waiting == 0 {
		start := max(now, h.wire.Free())
		unit, tail := int64(t.units(t.piece)), int64(t.units(t.tail()))
		data := unit*int64(t.n-1) + tail
		c := &h.credits[classOf[t.kind]]
		if c.enough(int64(t.n), data, start) || t.n > 1 &&
			c.ahead(int64(t.n), unit, tail, start, h.span(h.bytes(t, t.piece))) {
			c.take(int64(t.n), data)
			h.place(t, start)
			return
		}
	}
	h.enqueue(t)
	h.pump()
}

func (h *half) enqueue(t *tlp) {
	t.seq = h.seq
	h.seq++
	h.queues[classOf[t.kind]].Push(t)
	h.waiting++
}

// kick looks at the queues again at time at.
func (h *half) kick(at sim.Time) {
	if at < h.kickAt {
		h.kickAt = at
		h.fabric.eng.At(at, h.fabric, evPump, uint64(h.index))
	}
}

// pump sends what the wire, the credits and the ordering rules let go.
func (h *half) pump() {
	now := h.fabric.eng.Now()
	for h.waiting > 0 {
		if free := h.wire.Free(); free > now {
			h.kick(free)
			return
		}
		t, oldest := h.pick(now)
		if t == nil {
			h.sleep()
			return
		}
		h.transmit(t, oldest, now)
	}
}

// sleep waits for the first credits that are known to come back.
func (h *half) sleep() {
	at := sim.Forever
	for c := range h.queues {
		if h.queues[c].Len() > 0 {
			h.credits[c].drain(h.fabric.eng.Now())
			at = min(at, h.credits[c].next())
		}
	}
	if at < sim.Forever {
		h.kick(at)
	}
}

// pick chooses the oldest packet that may go: posted packets pass everything that is stuck, and
// nothing passes a posted packet (PCIe 5.0, table 2-40, relaxed ordering off). It also tells
// whether it is the oldest of all.
func (h *half) pick(now sim.Time) (best *tlp, oldest bool) {
	least := ^uint64(0)
	for c := range h.queues {
		if h.queues[c].Len() == 0 {
			continue
		}
		t := *h.queues[c].Peek()
		least = min(least, t.seq)
		if class(c) != posted && h.queues[posted].Len() > 0 &&
			(*h.queues[posted].Peek()).seq < t.seq {
			continue
		}
		if !h.credits[c].enough(1, int64(t.units(min(t.piece, t.size))), now) {
			if t.blocked == 0 {
				t.blocked = now
			}
			continue
		}
		if best == nil || t.seq < best.seq {
			best = t
		}
	}
	return best, best != nil && best.seq == least
}

// transmit sends as much of the train at the head of its queue as has credits: more than one packet
// only if none of the other queues could come between.
func (h *half) transmit(t *tlp, oldest bool, now sim.Time) {
	q := &h.queues[classOf[t.kind]]
	c := &h.credits[classOf[t.kind]]
	k := int64(1)
	unit := int64(t.units(min(t.piece, t.size)))
	if oldest && t.n > 1 {
		c.drain(now)
		if k = min(int64(t.n), c.header); unit > 0 {
			k = min(k, c.data/unit)
		}
	}
	if k < int64(t.n) {
		p := h.fabric.cut(t, int(k))
		p.queued, p.blocked = t.queued, t.blocked
		t.blocked = 0
		t = p
	} else {
		q.Pop()
		h.waiting--
	}
	data := unit*(k-1) + int64(t.units(t.tail()))
	c.take(k, data)
	if h.dll != nil {
		h.dll.transmit(t, now)
		return
	}
	h.place(t, now)
}

// place puts a train that has its credits on the wire, from start on.
func (h *half) place(t *tlp, start sim.Time) {
	f := h.fabric
	last := h.span(h.bytes(t, t.tail()))
	step, first, more := last, last, sim.Time(0)
	if t.n > 1 {
		step = h.span(h.bytes(t, t.piece))
		first, more = step, step*sim.Time(t.n-1)
	}
	h.wire.Reserve(start, more+last)
	if t.ingress != nil {
		t.ingress.release(t, start+more)
	}
	if f.rec != nil {
		h.trace(t, start, step)
	}
	t.ingress = h
	t.held = t.units(t.tail())
	h.land(t, start+first+f.Timing.Link, start+more+last+f.Timing.Link, step)
}

// land schedules what happens where the link ends. first and end are the arrivals of the first and
// of the last packet.
func (h *half) land(t *tlp, first, end, step sim.Time) {
	f := h.fabric
	wait, event, whole := h.to.sink(t)
	if !whole {
		for ; t.n > 1; first += step {
			p := f.cut(t, 1)
			p.ingress, p.held = h, p.units(p.size)
			h.scatter(p, first+wait, event)
		}
		h.scatter(t, end+wait, event)
		return
	}
	back := wait + f.Timing.Link
	h.credits[classOf[t.kind]].give(lease{at: first + back, step: step, end: end + back,
		n: int64(t.n), data: t.units(t.piece), tail: t.held})
	if h.waiting > 0 {
		h.kick(first + back)
	}
	t.ingress = nil
	if t.kind == memRead {
		end = first // its packets are 24 bytes apart; the answers take longer than that
	}
	f.eng.At(end+wait, f, event, uint64(t.index))
}

func (h *half) scatter(t *tlp, at sim.Time, event uint32) {
	if b, ok := h.to.(*bridge); ok {
		t.bridge = b
	}
	h.fabric.eng.At(at, h.fabric, event, uint64(t.index))
}

// trace notes each packet of a train.
func (h *half) trace(t *tlp, start, step sim.Time) {
	addr, left := t.addr, t.size
	for {
		n := min(t.piece, left)
		wire := h.bytes(t, n)
		var w traces.Waits
		if t.blocked != 0 {
			w[traces.Credit] = start - t.blocked
		}
		d := h.span(wire)
		w[traces.InQueue] = start - t.queued - w[traces.Credit]
		w[traces.Link] = d
		a, b := addr, uint64(n)
		if t.kind == completion {
			a = uint64(t.read)
		}
		arrive := start + d + h.fabric.Timing.Link
		h.fabric.rec.Span(traceOf[t.kind], h.track, t.queued, arrive, &w, a, b, uint64(wire))
		addr += uint64(n)
		start += step
		if left -= n; left <= 0 {
			return
		}
	}
}

// release returns the credits of a packet that leaves the receiver's buffer at time at; the update
// takes one link latency to be seen.
func (h *half) release(t *tlp, at sim.Time) {
	at += h.fabric.Timing.Link
	h.credits[classOf[t.kind]].give(lease{at: at, end: at, n: 1, data: t.held, tail: t.held})
	if h.waiting > 0 {
		h.kick(at)
	}
}
