package sim

import "math/bits"

// radix is a monotone priority queue (Ahuja, Mehlhorn, Orlin, Tarjan: "Faster algorithms for the
// shortest path problem", JACM 37, 1990): bucket i holds the times that differ from the last one
// taken in bit i-1 as their highest; bucket 0 those equal to it. Buckets are lists in order of
// arrival and are dealt out in that order, so that equal times stay first come first served
// without a sequence number. An event is touched once a bucket it falls through: a few times, as
// many as the logarithm of how many are near it, and most once.
type radix struct {
	last    Time // not later than any event in the queue
	full    uint64
	buckets [64]bucket
	slab    []event
	free    uint32 // list of unused nodes; 0 ends it, node 0 is never used
}

type bucket struct {
	first, last uint32
	least       Time
}

// node takes an unused node.
func (q *radix) node() uint32 {
	if n := q.free; n != 0 {
		q.free = q.slab[n].next
		return n
	}
	if len(q.slab) == 0 {
		q.slab = append(q.slab, event{})
	}
	q.slab = append(q.slab, event{})
	return uint32(len(q.slab) - 1)
}

// next is the earliest time, Forever if there is none.
func (q *radix) next() Time {
	if q.full == 0 {
		return Forever
	}
	return q.buckets[bits.TrailingZeros64(q.full)&63].least
}

func (q *radix) push(n uint32) {
	v := &q.slab[n]
	v.next = 0
	i := bits.Len64(uint64(v.at^q.last)) & 63
	b := &q.buckets[i]
	if q.full>>i&1 == 0 {
		q.full |= 1 << i
		*b = bucket{n, n, v.at}
		return
	}
	q.slab[b.last].next = n
	b.last = n
	b.least = min(b.least, v.at)
}

// pushShuffled is push, but bucket 0 is kept in the order of the ties.
func (q *radix) pushShuffled(n uint32) {
	v := &q.slab[n]
	b := &q.buckets[0]
	if v.at != q.last || q.full&1 == 0 || q.slab[b.last].tie < v.tie {
		q.push(n)
		return
	}
	at := &b.first
	for q.slab[*at].tie < v.tie {
		at = &q.slab[*at].next
	}
	v.next = *at
	*at = n
}

// pop takes the earliest event. Precondition: there is one. The node is free already: its content
// must be taken before anything is scheduled.
func (q *radix) pop(shuffled bool) *event {
	i := bits.TrailingZeros64(q.full) & 63
	b := &q.buckets[i]
	n := b.first
	if i > 0 {
		q.last = b.least
		if n == b.last { // alone: no need to pass through bucket 0
			q.full &^= 1 << i
			return q.release(n)
		}
		q.deal(i, shuffled)
		b = &q.buckets[0]
		n = b.first
	}
	if n == b.last {
		q.full &^= 1
	} else {
		b.first = q.slab[n].next
	}
	return q.release(n)
}

func (q *radix) release(n uint32) *event {
	v := &q.slab[n]
	v.next, q.free = q.free, n
	return v
}

// deal spreads bucket i over the lower ones, which are empty.
func (q *radix) deal(i int, shuffled bool) {
	q.full &^= 1 << i
	for n := q.buckets[i].first; n != 0; {
		next := q.slab[n].next
		if shuffled {
			q.pushShuffled(n)
		} else {
			q.push(n)
		}
		n = next
	}
}
