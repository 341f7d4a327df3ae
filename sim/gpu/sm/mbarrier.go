package sm

import (
	"encoding/binary"

	"tensoros/hw/ptx"
)

// An mbarrier is 64 opaque bits in shared memory (PTX ISA 9.7.12.15). Ours, from the low end: 20
// bits of pending arrivals, 20 of expected ones, 21 of the signed transaction count, one of phase,
// one that mbarrier.init sets and .inval clears.

const (
	countBits = 20
	countMask = 1<<countBits - 1
	txBits    = 21
	phaseBit  = 61
	madeBit   = 62
)

type mbarrier struct {
	pending, expected int64
	tx                int64
	phase             uint64
}

func unpackBarrier(v uint64) mbarrier {
	return mbarrier{
		pending:  int64(v & countMask),
		expected: int64(v >> countBits & countMask),
		tx:       int64(v<<(64-2*countBits-txBits)) >> (64 - txBits),
		phase:    v >> phaseBit & 1,
	}
}

func (b mbarrier) pack() uint64 {
	return uint64(b.pending) | uint64(b.expected)<<countBits |
		uint64(b.tx)&(1<<txBits-1)<<(2*countBits) | b.phase<<phaseBit | 1<<madeBit
}

// settle ends the phase if nothing is pending, and reports that.
func (b *mbarrier) settle() bool {
	if b.pending != 0 || b.tx != 0 {
		return false
	}
	b.phase ^= 1
	b.pending = b.expected
	return true
}

// transfer is an effect on an mbarrier that comes when asynchronous work is done.
type transfer struct {
	mbar     uint64 // a shared::cluster address, as the issuing CTA sees it
	tx       int64  // bytes that complete
	arrivals int64
	wait     bool // for the lane's earlier cp.async
	write    bool // to global memory: no mbarrier but a bulk group
	global   uint64
	from     uint64 // of a tensor copy: where its map lies
	bytes    int
	pieces   []piece // of global memory, if the bytes do not lie together
	again    bool    // of a multicast: it comes with the transfer before it
}

// spans is the global memory that the transfer touches.
func (t *transfer) spans() []piece {
	if t.pieces != nil || t.global == 0 {
		return t.pieces
	}
	return []piece{{t.global, t.bytes}}
}

// barrierAt reads the mbarrier at a lane's address; nil after a fault.
func (w *Warp) barrierAt(l int) []byte {
	p := w.bytesAt(w.barrierSpace(l), l, 8, true)
	if p == nil {
		return nil
	}
	if !isBarrier(p) {
		w.misuse("mbarrier at %#x of shared memory is not initialised", w.addr[l])
		return nil
	}
	return p
}

func isBarrier(p []byte) bool { return p[7]>>(madeBit%8)&1 == 1 }

func (w *Warp) barrierSpace(l int) space {
	if w.addr[l]&windowMask == SharedWindow {
		return inGeneric
	}
	return inShared
}

// update changes an mbarrier, and wakes the CTA's warps when a phase ends.
func (c *CTA) update(w *Warp, p []byte, f func(b *mbarrier)) {
	b := unpackBarrier(binary.LittleEndian.Uint64(p))
	f(&b)
	if b.pending < 0 || b.pending > countMask || b.tx < -1<<20+1 || b.tx > 1<<20-1 {
		w.misuse("mbarrier overflow: %d arrivals and %d bytes pending", b.pending, b.tx)
		return
	}
	if b.settle() {
		c.wakeAll()
	}
	binary.LittleEndian.PutUint64(p, b.pack())
}

// wakeAll lets parked warps look again, and lanes that wait in a warp that runs.
func (c *CTA) wakeAll() {
	c.gaveUp = 0
	if c.clock != nil {
		c.phased = int64(c.clock())
	}
	for _, w := range c.warps {
		if !w.parked {
			w.stalled = 0
		} else {
			w.lookAgain()
			c.freed = append(c.freed, w)
		}
	}
}

// lookAgain ends the waiting of a parked warp. Lanes that let others go first wait for something of
// their own, which may be what has come.
func (w *Warp) lookAgain() {
	w.parked = false
	if w.stalled != 0 {
		w.stalled = 0
		w.regroup()
	}
}

// expire ends the waiting of parked warps; false if there is none.
func (c *CTA) expire() bool {
	any := false
	for _, w := range c.warps {
		if w.parked && w.wake != far {
			w.expired, any = true, true
			w.lookAgain()
		}
	}
	return any
}

// park executes an instruction that may wait.
func (w *Warp) park(in *inst) {
	w.expired = w.expired || w.parked // time woke it, not an event
	if w.mask == 0 || in.try(w) {
		w.expired, w.parked = false, false
		w.proceed()
		return
	}
	if w.diverged && w.live&^w.waiting&^w.active&^w.stalled != 0 {
		w.stalled |= w.active // other lanes of this warp may be what it waits for
		w.regroup()
		return
	}
	w.parked = true
}

// transaction decodes mbarriers and the copies that report to them.
func (d *decoder) transaction() func(*Warp) {
	in := d.in
	switch in.Op.ID {
	case ptx.OpMbarrierInit, ptx.OpMbarrierInval:
		return d.mbarrierInit()
	case ptx.OpMbarrierExpectTx, ptx.OpMbarrierCompleteTx, ptx.OpMbarrierArrive,
		ptx.OpMbarrierArriveExpectTx, ptx.OpMbarrierArriveNoComplete, ptx.OpMbarrierArriveDrop,
		ptx.OpMbarrierArriveDropExpectTx, ptx.OpMbarrierArriveDropNoComplete:
		return d.mbarrierArrive()
	case ptx.OpMbarrierTestWait:
		return d.testWait()
	case ptx.OpMbarrierPendingCount:
		a, dst := d.src64(1), d.dst(&in.Args[0])
		return func(w *Warp) {
			map1(w.mask, &w.r[dst], &w.x[a], func(v uint64) uint32 { return uint32(v & countMask) })
		}
	case ptx.OpCpAsyncMbarrierArrive:
		return d.copyArrive()
	case ptx.OpCpAsyncBulk, ptx.OpCpReduceAsyncBulk:
		return d.bulkCopy()
	case ptx.OpCpAsyncBulkTensor, ptx.OpCpReduceAsyncBulkTensor, ptx.OpCpAsyncBulkPrefetchTensor:
		return d.tensorCopy()
	case ptx.OpStAsync, ptx.OpRedAsync:
		return d.storeAsync()
	case ptx.OpCpAsyncBulkCommitGroup:
		d.out.class, d.out.cost.commit, d.out.cost.queue = async, true, bulkQueue
		return func(*Warp) {}
	case ptx.OpCpAsyncBulkWaitGroup:
		d.out.class, d.out.cost.waiting, d.out.cost.queue = async, true, bulkQueue
		d.out.cost.wait = int32(in.Args[0].Imm)
		return (*Warp).drained
	}
	return nil
}

func (d *decoder) mbarrierInit() func(*Warp) {
	in := d.in
	d.out.class = inPipe
	addr := d.address(&in.Args[0])
	count, inval := d.const32(0), in.Op.ID == ptx.OpMbarrierInval
	if !inval {
		count = d.src32(1)
	}
	return func(w *Warp) {
		addr(w)
		w.touch, w.space, w.size, w.phases = w.mask, inShared, 8, 0
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.bytesAt(w.barrierSpace(l), l, 8, true)
			if p == nil {
				return
			}
			n := int64(w.r[count][l])
			if inval {
				clear(p[:8])
				continue
			}
			if n < 1 || n > countMask {
				w.cta.fail(w, "mbarrier of %d arrivals: 1 to %d", n, countMask)
				return
			}
			if w.cta.launch.Watch != nil && isBarrier(p) {
				w.remade(p)
			}
			binary.LittleEndian.PutUint64(p, mbarrier{pending: n, expected: n}.pack())
		}
	}
}

// mbarrierArrive is arrive, arrive_drop, expect_tx and complete_tx and their compositions.
func (d *decoder) mbarrierArrive() func(*Warp) {
	in := d.in
	d.out.class, d.out.cost.barrier = inPipe, arrives
	args := in.Args
	var state []slot
	switch in.Op.ID {
	case ptx.OpMbarrierExpectTx, ptx.OpMbarrierCompleteTx:
	default:
		state = d.slots(&args[0], true)
		args = args[1:]
		d.out.cost.load = true
	}
	addr := d.address(&args[0])
	operand := d.const32(1)
	if len(args) > 1 {
		operand = d.src32(1 + len(in.Args) - len(args))
	}
	effect := arrivalEffect(in.Op.ID)
	return func(w *Warp) {
		addr(w)
		w.touch, w.space, w.size, w.phases = w.mask, inShared, 8, 0
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.barrierAt(l)
			if p == nil {
				return
			}
			old := binary.LittleEndian.Uint64(p)
			n := int64(w.r[operand][l])
			w.mbar(EvMbarArrive, l)
			w.owner(l).update(w, p, func(b *mbarrier) { effect(b, n) })
			for _, s := range state {
				s.set(w, l, old)
			}
		}
	}
}

func arrivalEffect(id ptx.OpID) func(b *mbarrier, n int64) {
	switch id {
	case ptx.OpMbarrierExpectTx:
		return func(b *mbarrier, n int64) { b.tx += n }
	case ptx.OpMbarrierCompleteTx:
		return func(b *mbarrier, n int64) { b.tx -= n }
	case ptx.OpMbarrierArriveExpectTx:
		return func(b *mbarrier, n int64) { b.tx, b.pending = b.tx+n, b.pending-1 }
	case ptx.OpMbarrierArriveDropExpectTx:
		return func(b *mbarrier, n int64) {
			b.tx, b.pending, b.expected = b.tx+n, b.pending-1, b.expected-1
		}
	case ptx.OpMbarrierArriveDrop, ptx.OpMbarrierArriveDropNoComplete:
		return func(b *mbarrier, n int64) { b.pending, b.expected = b.pending-n, b.expected-n }
	}
	return func(b *mbarrier, n int64) { b.pending -= n }
}

// phaseTest decodes the wait instructions: lanes whose phase has ended.
func (d *decoder) phaseTest() func(w *Warp) uint32 {
	in := d.in
	d.out.class, d.out.cost.load, d.out.cost.barrier = inPipe, true, tests
	addr := d.address(&in.Args[1])
	parity := in.Has(ptx.ModParity)
	phase := -1
	if parity {
		phase = d.src32(2)
	} else {
		phase = d.src64(2)
	}
	return func(w *Warp) (ended uint32) {
		addr(w)
		w.touch, w.space, w.size, w.phases = w.mask, inShared, 8, 0
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.barrierAt(l)
			if p == nil {
				return w.mask
			}
			was := uint64(0)
			if parity {
				was = uint64(w.r[phase][l] & 1)
			} else {
				was = unpackBarrier(w.x[phase][l]).phase
			}
			if unpackBarrier(binary.LittleEndian.Uint64(p)).phase != was {
				ended |= 1 << l
				w.mbar(EvMbarWait, l)
			}
		}
		return ended
	}
}

func (d *decoder) testWait() func(*Warp) {
	test := d.phaseTest()
	dst := d.dst(&d.in.Args[0])
	return func(w *Warp) { w.pred[dst] = w.pred[dst]&^w.mask | test(w) }
}

// tryWait suspends the warp until the phase ends or its patience does.
func (d *decoder) tryWait() {
	test := d.phaseTest()
	dst := d.dst(&d.in.Args[0])
	d.out.kind = parking
	d.out.try = func(w *Warp) bool {
		ended := test(w)
		if ended != w.mask && !w.expired {
			w.wake = w.now() + w.cta.suspension()
			return false
		}
		w.pred[dst] = w.pred[dst]&^w.mask | ended
		if ended != w.mask {
			if w.cta.gaveUp++; w.cta.gaveUp > patience*len(w.cta.warps) {
				w.cta.fail(w, "deadlock: nobody completes the phase of the mbarrier at %#x",
					w.addr[first(w.mask&^ended)])
			}
		}
		return true
	}
}

func (w *Warp) now() int64 {
	if w.cta.clock == nil {
		return 0
	}
	return int64(w.cta.clock())
}

// copyArrive is cp.async.mbarrier.arrive: an arrival when the lane's earlier copies are there.
// Without .noinc the pending count grows first, so that the arrival is neutral.
func (d *decoder) copyArrive() func(*Warp) {
	d.out.class = async
	noinc := d.in.Has(ptx.ModNoinc)
	addr := d.address(&d.in.Args[0])
	return func(w *Warp) {
		addr(w)
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.barrierAt(l)
			if p == nil {
				return
			}
			if !noinc {
				w.cta.update(w, p, func(b *mbarrier) { b.pending++ })
			}
			w.transfers = append(w.transfers, transfer{mbar: w.addr[l] &^ windowMask, arrivals: 1,
				wait: true})
		}
	}
}

// deliver lets transfers take effect at once: there is no time.
func (w *Warp) deliver() {
	for i := range w.transfers {
		w.cta.land(w, &w.transfers[i])
	}
	w.transfers = w.transfers[:0]
}

// land applies a transfer to its mbarrier.
func (c *CTA) land(w *Warp, t *transfer) {
	if t.write {
		return
	}
	owner, at := c.peer(t.mbar)
	if c.launch.Watch != nil {
		e := Event{Kind: EvLand, Owner: owner.rank, Addr: at}
		if t.wait {
			e.ID = 1
		}
		w.tell(e)
	}
	owner.update(w, window(owner.shared, at, 8), func(b *mbarrier) {
		b.tx, b.pending = b.tx-t.tx, b.pending-t.arrivals
	})
}
