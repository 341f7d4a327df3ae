package nvme

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"tensoros/conformance/script"
	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// The arena is all that the controller is given: the admin queues at their largest, lists, two
// data buffers, and room for I/O queues. Guard pages lie around each.
const (
	guardLen = 4096
	guard    = 0xa5

	adminSQLen = 4096 * spec.SQELen
	adminCQLen = 4096 * spec.CQELen
	listLen    = 64 << 10
	spareLen   = 128 << 10
	dataLen    = 2 << 20
	queuesLen  = 1 << 20
	// areaAlign lets memory pages be of 64 KiB.
	areaAlign = 64 << 10
	arenaLen  = adminSQLen + adminCQLen + listLen + spareLen + dataLen + queuesLen + 8*areaAlign
)

// adminSize is the entries of the admin queues unless a case says otherwise.
const adminSize = 32

// host drives the controller.
type host struct {
	cpu hw.CPU
	fn  hw.Function
	cfg hw.Window
	bar hw.Window
	mem hw.Memory

	dstrd uint // CAP.DSTRD

	asq, acq, list, spare, data uint64 // bus addresses
	queues, next, end           uint64 // room for I/O queues
	guards                      []uint64
	fixed                       int // guards that are always there

	sqs  map[int]*sq
	cqs  map[int]*cq
	cid  uint16
	left map[uint32]int // outstanding, by queue and command identifier
	last spec.Completion
	done []spec.Completion
	irqs map[int]uint64 // since forget, by vector
	took []hw.Interrupt

	masked []int // vectors, by the case
}

// sq is a submission queue: tail is the host's, head what the controller told last.
type sq struct {
	at         uint64
	size       int
	tail, head int
	cq         int
}

// cq is a completion queue.
type cq struct {
	at    uint64
	size  int
	head  int
	phase bool
}

// layout places the buffers.
func (h *host) layout() {
	at := uint64(h.mem.Bus())
	area := func(n uint64) uint64 {
		h.guards = append(h.guards, at)
		p := (at + guardLen + areaAlign - 1) &^ (areaAlign - 1)
		if p-guardLen != at {
			h.guards = append(h.guards, p-guardLen)
		}
		at = p + n
		return p
	}
	h.asq, h.acq = area(adminSQLen), area(adminCQLen)
	h.list, h.spare, h.data = area(listLen), area(spareLen), area(dataLen)
	h.queues = area(queuesLen)
	h.guards = append(h.guards, at)
	h.end, h.fixed = at, len(h.guards)
	for _, g := range h.guards {
		h.fill(g)
	}
}

func (h *host) fill(at uint64) {
	p := h.bytes(at, guardLen)
	for i := range p {
		p[i] = guard
	}
}

// guarded looks whether the controller wrote where it has no business.
func (h *host) guarded() error {
	for _, g := range h.guards {
		for i, b := range h.bytes(g, guardLen) {
			if b != guard {
				h.fill(g)
				return script.Failure("the controller wrote outside of what it was given, at %#x",
					g+uint64(i))
			}
		}
	}
	return nil
}

// room takes memory for a queue, with a guard page behind it.
func (h *host) room(n int) (uint64, error) {
	at := h.next
	h.next = (at + uint64(n) + guardLen - 1) &^ (guardLen - 1)
	if h.next+guardLen > h.end {
		return 0, fmt.Errorf("no room for a queue of %d bytes", n)
	}
	clear(h.bytes(at, n))
	h.fill(h.next)
	h.guards = append(h.guards, h.next)
	h.next += guardLen
	return at, nil
}

// offset finds n bytes at a bus address in the arena.
func (h *host) offset(at, n uint64) (int, error) {
	off := at - uint64(h.mem.Bus())
	if off > arenaLen || n > arenaLen-off {
		return 0, fmt.Errorf("%d bytes at %#x are not in the arena", n, at)
	}
	return int(off), nil
}

// bytes are n bytes of the arena, which the caller knows to be there.
func (h *host) bytes(at uint64, n int) []byte {
	return h.mem.Bytes()[at-uint64(h.mem.Bus()):][:n]
}

func (h *host) load32(at uint64) uint32 { return h.mem.Load32(int(at - uint64(h.mem.Bus()))) }

func (h *host) store32(at uint64, v uint32) { h.mem.Store32(int(at-uint64(h.mem.Bus())), v) }

// put places a command in a queue; ring tells the controller.
func (h *host) put(id int, c spec.Command) error {
	q := h.sqs[id]
	if q == nil {
		return fmt.Errorf("there is no submission queue %d", id)
	}
	p := h.bytes(q.at+uint64(q.tail)*spec.SQELen, spec.SQELen)
	c.Encode(p)
	h.store32(q.at+uint64(q.tail)*spec.SQELen+60, c.CDW15) // releases the entry
	h.left[uint32(id)<<16|uint32(c.CID)]++
	q.tail = (q.tail + 1) % q.size
	return nil
}

func (h *host) stride() uint { return uint(spec.CapDSTRD.Get(h.bar.Read64(spec.CAP))) }

func (h *host) ring(id int) error {
	q := h.sqs[id]
	if q == nil {
		return fmt.Errorf("there is no submission queue %d", id)
	}
	return h.doorbell(id, false, q.tail)
}

// doorbell writes a doorbell, which a controller may have placed out of its BAR.
func (h *host) doorbell(id int, completion bool, v int) error {
	off := spec.Doorbell(id, completion, h.dstrd)
	if off+4 > h.bar.Len() {
		return script.Failure("the doorbell of queue %d is at %#x of BAR 0, which has %#x", id, off,
			h.bar.Len())
	}
	h.bar.Write32(off, uint32(v))
	return nil
}

// take takes the next completion of a queue if it is there, and holds it against what every
// completion must be.
func (h *host) take(id int, ack bool) (ok bool, err error) {
	q := h.cqs[id]
	if q == nil {
		return false, fmt.Errorf("there is no completion queue %d", id)
	}
	at := q.at + uint64(q.head)*spec.CQELen
	if h.load32(at+spec.CQEStatusAt)&spec.CQEPhase != 0 != q.phase {
		return false, nil
	}
	h.last = spec.DecodeCompletion(h.bytes(at, spec.CQELen))
	h.done = append(h.done, h.last)
	if q.head++; q.head == q.size {
		q.head, q.phase = 0, !q.phase
	}
	if err := h.sound(id, &h.last); err != nil || !ack {
		return true, err
	}
	return true, h.doorbell(id, true, q.head)
}

// sound checks a completion: of a queue of its completion queue, for a command that is outstanding,
// with a head that lies between the last one and the tail.
func (h *host) sound(id int, c *spec.Completion) error {
	s := h.sqs[int(c.SQID)]
	if s == nil || s.cq != id {
		return script.Failure("a completion in queue %d is of submission queue %d", id, c.SQID)
	}
	key := uint32(c.SQID)<<16 | uint32(c.CID)
	if h.left[key] == 0 {
		return script.Failure("a completion of queue %d for command %#x, which is not outstanding",
			c.SQID, c.CID)
	}
	h.left[key]--
	head := int(c.SQHD)
	if head >= s.size || (head-s.head+s.size)%s.size > (s.tail-s.head+s.size)%s.size {
		return script.Failure("SQ Head Pointer %d of queue %d: it was %d and the tail is %d", head,
			c.SQID, s.head, s.tail)
	}
	s.head = head
	return nil
}

// wait waits for a completion.
func (h *host) wait(id int, limit hw.Time, ack bool) error {
	for start := h.cpu.Now(); ; {
		if ok, err := h.take(id, ack); ok || err != nil {
			return err
		}
		if h.cpu.Now()-start > limit {
			return script.Failure("no completion in queue %d within %d ms", id, limit/millisecond)
		}
		h.turn(start, limit)
	}
}

const (
	microsecond hw.Time = 1000
	millisecond         = 1000 * microsecond
	// patience is how long a command may take.
	patience = 5000 * millisecond
)

// turn lets some time pass, more the longer it has been waited already.
func (h *host) turn(start, limit hw.Time) {
	now := h.cpu.Now()
	d := min(max(microsecond, (now-start)/8), 50*millisecond)
	h.cpu.Idle(now + min(d, max(microsecond, start+limit-now)))
	h.drain()
}

// pause lets time pass.
func (h *host) pause(d hw.Time) {
	for end := h.cpu.Now() + d; h.cpu.Now() < end; {
		h.cpu.Idle(end)
		h.drain()
	}
}

// drain counts the interrupts that came.
func (h *host) drain() {
	h.took = h.cpu.Pending(h.took[:0])
	for _, i := range h.took {
		h.irqs[i.Vector]++
	}
}

// must runs an admin command that has to succeed.
func (h *host) must(c spec.Command) error {
	h.cid++
	c.CID = h.cid
	if err := h.put(0, c); err != nil {
		return err
	}
	if err := h.ring(0); err != nil {
		return err
	}
	if err := h.wait(0, patience, true); err != nil {
		return err
	}
	if !h.last.Status.OK() {
		return script.Failure("%s fails: %v", spec.OpcodeName(c.Opcode, true), h.last.Status)
	}
	return nil
}

// equal, filled and matches compare memory.
func (h *host) equal(a, b, n uint64) (uint64, error) {
	x, err := h.span(a, n)
	if err != nil {
		return 0, err
	}
	y, err := h.span(b, n)
	return truth(bytes.Equal(x, y)), err
}

func (h *host) filled(at, n, v uint64) (uint64, error) {
	p, err := h.span(at, n)
	for _, b := range p {
		if b != byte(v) {
			return 0, err
		}
	}
	return 1, err
}

func (h *host) matches(at, n, seed uint64) (uint64, error) {
	p, err := h.span(at, n)
	want := make([]byte, len(p))
	pattern(want, seed)
	return truth(bytes.Equal(p, want)), err
}

// span are n bytes at an address that a case names.
func (h *host) span(at, n uint64) ([]byte, error) {
	off, err := h.offset(at, n)
	if err != nil {
		return nil, err
	}
	return h.mem.Bytes()[off:][:n], nil
}

// pattern fills p with bytes that tell their place: a mix of seed and of the number of each eight
// (the finaliser of SplitMix64).
func pattern(p []byte, seed uint64) {
	var w [8]byte
	for i := 0; i < len(p); i += 8 {
		z := (seed+1)*0x9e3779b97f4a7c15 + uint64(i/8)
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(w[:], z^z>>31)
		copy(p[i:], w[:])
	}
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
