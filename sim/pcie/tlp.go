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

var formOf = [...]pcie.Form{memWrite: pcie.Memory64, memRead: pcie.Memory64,
	cfgRead: pcie.Short, cfgWrite: pcie.Short, completion: pcie.Short}

// Done is an event to fire when something is over; the zero Done fires nothing.
type Done struct {
	To   sim.Handler
	Kind uint32
	Arg  uint64
}

// tlp is a train of transaction layer packets of one request on their way, one behind the other:
// n packets of piece bytes, of which the last may be shorter. It belongs to one queue, link or
// node at a time.
type tlp struct {
	index  uint32 // in the fabric's pool
	kind   kind
	status pcie.CompletionStatus
	poison bool   // error forwarding: the EP bit
	addr   uint64 // memory address, or configuration offset
	size   int    // bytes of payload, or bytes asked for, of all
	piece  int
	n      int
	data   []byte // payload of writes and completions; not to be changed until delivery
	inline [16]byte
	target *Function // completer of configuration requests; requester of completions (nil: root)
	from   *Function // requester (nil: the root complex)
	read   uint32    // outstanding read that a request or completion belongs to
	offset int       // of this part in the read
	ends   int       // requests that end with this completion
	done   Done      // fired at delivery

	translated bool // by the IOMMU

	bridge  *bridge // that is forwarding it
	ingress *half   // link whose credits this packet holds,
	held    int32   // that many of data
	seq     uint64
	queued  sim.Time // when it joined the queue of the link
	blocked sim.Time // when credits first held it back; 0 if never
}

// one makes t a single packet of n bytes.
func (t *tlp) one(n int) { t.size, t.piece, t.n = n, n, 1 }

// train makes t packets of piece bytes that carry size in all.
func (t *tlp) train(size, piece int) {
	t.size, t.piece, t.n = size, piece, max(1, (size+piece-1)/piece)
}

// tail is the size of the last packet.
func (t *tlp) tail() int { return t.size - (t.n-1)*t.piece }

// payload is what a packet that stands for size bytes carries.
func (t *tlp) payload(size int) int {
	switch t.kind {
	case memWrite:
		return size
	case completion:
		if t.status != pcie.Successful {
			return 0
		}
		return size
	case cfgWrite:
		return 4
	}
	return 0
}

// units counts units of 16 bytes of payload (PCIe 5.0, 2.6.1) of a packet of size bytes.
func (t *tlp) units(size int) int32 {
	if t.kind == memRead || t.kind == cfgRead {
		return 0
	}
	return int32(t.payload(size)+15) / 16
}

// cut takes the first k packets off a longer train.
func (f *Fabric) cut(t *tlp, k int) *tlp {
	p := f.packet(t.kind)
	index := p.index
	*p = *t
	p.index = index
	p.train(k*t.piece, t.piece)
	p.done, p.ends, p.ingress = Done{}, 0, nil
	if t.kind == memRead {
		p.ends = k
		t.ends -= k
	}
	t.addr += uint64(p.size)
	t.offset += p.size
	t.train(t.size-p.size, t.piece)
	if t.kind == memWrite || t.kind == completion {
		p.data, t.data = t.data[:p.size], t.data[p.size:]
	}
	return p
}
