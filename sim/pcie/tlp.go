package pcie

import (
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/traces"
)

// kind of TLP.
type kind uint8

const (
	memWrite kind = iota
	memRead
	cfgRead
	cfgWrite
	completion
)

// class of flow control (PCIe 5.0, 2.6.1).
type class uint8

const (
	posted class = iota
	nonPosted
	completed
	classes
)

var classOf = [...]class{memWrite: posted, memRead: nonPosted, cfgRead: nonPosted,
	cfgWrite: nonPosted, completion: completed}

var traceOf = [...]traces.Kind{memWrite: traces.PCIeWrite, memRead: traces.PCIeRead,
	cfgRead: traces.PCIeMessage, cfgWrite: traces.PCIeMessage, completion: traces.PCIeCompletion}

// Done is an event to fire when something is over; the zero Done fires nothing.
type Done struct {
	To   sim.Handler
	Kind uint32
	Arg  uint64
}

// tlp is a transaction layer packet on its way. It belongs to one queue, link or node at a time.
type tlp struct {
	index  uint32 // in the fabric's pool
	kind   kind
	addr   uint64 // memory address, or configuration offset
	size   int    // payload bytes, or bytes asked for
	data   []byte // payload of writes and completions; not to be changed until delivery
	inline [8]byte
	target *Function // completer of configuration requests; requester of completions (nil: root)
	from   *Function // requester (nil: the root complex)
	read   uint32    // outstanding read that a request or completion belongs to
	offset int       // of this part in the read
	done   Done      // fired at delivery

	bridge  *bridge // that is forwarding it
	ingress *half   // link whose credits this packet holds,
	held    int64   // that many of data
	last    bool    // the completion that ends its request
	seq     uint64
	queued  sim.Time // when it joined the queue of the link
	blocked sim.Time // when credits first held it back; 0 if never
}

// wire is the number of bytes on the link.
func (t *tlp) wire() int {
	switch t.kind {
	case memWrite:
		return pcie.OverheadMW + t.size
	case memRead:
		return pcie.OverheadMW
	case completion:
		return pcie.OverheadC + len(t.data)
	case cfgWrite:
		return pcie.OverheadC + 4
	}
	return pcie.OverheadC
}

// dataCredits counts units of 16 bytes of payload (PCIe 5.0, 2.6.1).
func (t *tlp) dataCredits() int64 { return int64(len(t.data)+15) / 16 }

// half is one direction of a link: three queues that share a wire, and the receiver's credits.
type half struct {
	fabric *Fabric
	to     node
	rate   sim.Rate
	track  traces.Track
	wire   sim.Lane
	queues [classes]sim.Queue[*tlp]
	header [classes]sim.Credits
	data   [classes]sim.Credits
	kick   bool // an event will look at the queues again
	seq    uint64
	index  uint32
}

// send queues a packet; it may go at once.
func (h *half) send(t *tlp) {
	t.seq = h.seq
	h.seq++
	t.queued, t.blocked = h.fabric.eng.Now(), 0
	h.queues[classOf[t.kind]].Push(t)
	h.pump()
}

// pump sends what the wire, the credits and the ordering rules let go.
func (h *half) pump() {
	now := h.fabric.eng.Now()
	for {
		t := h.pick(now)
		if t == nil {
			return
		}
		if free := h.wire.Free(); free > now {
			if !h.kick {
				h.kick = true
				h.fabric.eng.At(free, h.fabric, evPump, uint64(h.index))
			}
			return
		}
		h.transmit(t, now)
	}
}

// pick chooses the oldest packet that may go: posted packets pass everything that is stuck, and
// nothing passes a posted packet (PCIe 5.0, table 2-40, relaxed ordering off).
func (h *half) pick(now sim.Time) *tlp {
	var best *tlp
	for c := range h.queues {
		if h.queues[c].Len() == 0 {
			continue
		}
		t := *h.queues[c].Peek()
		if class(c) != posted && h.queues[posted].Len() > 0 &&
			(*h.queues[posted].Peek()).seq < t.seq {
			continue
		}
		if h.header[c].Have() < 1 || h.data[c].Have() < t.dataCredits() {
			if t.blocked == 0 {
				t.blocked = now
			}
			continue
		}
		if best == nil || t.seq < best.seq {
			best = t
		}
	}
	return best
}

func (h *half) transmit(t *tlp, now sim.Time) {
	c := classOf[t.kind]
	h.queues[c].Pop()
	h.header[c].Take(1)
	h.data[c].Take(t.dataCredits())
	if t.ingress != nil {
		t.ingress.release(t)
	}
	t.ingress, t.held = h, t.dataCredits()
	wire := h.rate.Span(uint64(t.wire()))
	h.wire.Reserve(now, wire)
	arrive := now + wire + h.fabric.Timing.Link
	h.trace(t, now, arrive, wire)
	h.fabric.eng.At(arrive, h.fabric, evArrive, uint64(t.index))
}

func (h *half) trace(t *tlp, start, arrive, wire sim.Time) {
	if h.fabric.rec == nil {
		return
	}
	var w traces.Waits
	if t.blocked != 0 {
		w[traces.Credit] = start - t.blocked
	}
	w[traces.InQueue] = start - t.queued - w[traces.Credit]
	w[traces.Link] = wire
	a, b := t.addr, uint64(t.size)
	if t.kind == completion {
		a, b = uint64(t.read), uint64(len(t.data))
	}
	h.fabric.rec.Span(traceOf[t.kind], h.track, t.queued, arrive, &w, a, b, uint64(t.wire()))
}

// release returns the credits of a packet that has left the receiver's buffer; the update takes
// one link latency to be seen.
func (h *half) release(t *tlp) {
	arg := uint64(h.index) | uint64(classOf[t.kind])<<32 | uint64(t.held)<<40
	h.fabric.eng.At(h.fabric.eng.Now()+h.fabric.Timing.Link, h.fabric, evCredit, arg)
}

func (h *half) credit(c class, data int64) {
	h.header[c].Give(1)
	h.data[c].Give(data)
	h.pump()
}
