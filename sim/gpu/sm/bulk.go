package sm

import "tensoros/hw/ptx"

// Bulk copies, bulk reductions and the asynchronous stores to a cluster. As with cp.async data
// moves at issue, and the mbarrier or the bulk group says later that it is there.

// maxTransfer is the most bytes that an mbarrier counts (PTX ISA, "Tracking asynchronous operations
// by the mbarrier object").
const maxTransfer = 1<<20 - 1

// combine moves src into dst, of equal length.
type combine func(dst, src []byte)

func move(dst, src []byte) { copy(dst, src) }

// reduction combines elements of a type; nil if there is no such operation.
func reduction(op ptx.Mod, t ptx.Type) combine {
	f := atomicOp(op, t)
	if f == nil || t == ptx.NoType {
		return nil
	}
	e := element{size: t.Size()}
	return func(dst, src []byte) {
		for i := 0; i+e.size <= len(dst); i += e.size {
			e.put(dst[i:], f(e.get(dst[i:]), e.get(src[i:]), 0))
		}
	}
}

// floatExtreme is atomicOp's min and max on halves; f32 has none.
func floatExtreme(t ptx.Type, least bool) func(old, a, b uint64) uint64 {
	fl, ok := floatOf(t)
	if !ok || fl.two || t == ptx.F32 {
		return nil
	}
	f := extremum(fl, least, false)
	return func(old, a, _ uint64) uint64 { return uint64(f(uint32(old), uint32(a))) }
}

// sharedBytes is n bytes of the cluster's shared memory for the async proxy; nil after a fault.
func (w *Warp) sharedBytes(a uint64, n int, write bool) []byte {
	p := w.clusterBytes(a, n)
	if p != nil && w.cta.launch.Watch != nil {
		w.proxySeen(a&^windowMask, n, write)
	}
	return p
}

func (w *Warp) clusterBytes(a uint64, n int) []byte {
	a &^= windowMask
	c, at := w.cta.peer(a)
	if c == nil || at > uint64(len(c.shared)) || uint64(len(c.shared))-at < uint64(n) {
		w.cta.fail(w, "%d bytes at %#x: outside the cluster's shared memory", n, a)
		return nil
	}
	return c.shared[at:][:n]
}

// globalBytes is global memory from a on, at most n bytes and to the end of a page; nil after a
// fault.
func (w *Warp) globalBytes(a uint64, n int, write bool) []byte {
	p := w.cta.span(a, 1, write)
	if p == nil {
		w.memoryFault(inGlobal, a, 1, write)
		return nil
	}
	p = p[:min(len(p), n)]
	if w.cta.launch.Watch != nil {
		w.tell(Event{Kind: EvAccess, Lane: first(w.mask), Space: ptx.SpaceGlobal, Addr: a,
			Size: len(p), Write: write, Async: true})
	}
	return p
}

func (w *Warp) readGlobal(dst []byte, a uint64) bool {
	for len(dst) > 0 {
		p := w.globalBytes(a, len(dst), false)
		if p == nil {
			return false
		}
		copy(dst, p)
		dst, a = dst[len(p):], a+uint64(len(p))
	}
	return true
}

func (w *Warp) writeGlobal(a uint64, src []byte, f combine) bool {
	for len(src) > 0 {
		p := w.globalBytes(a, len(src), true)
		if p == nil {
			return false
		}
		f(p, src[:len(p)])
		src, a = src[len(p):], a+uint64(len(p))
	}
	return true
}

// scratch is n bytes for the time of one copy.
func (c *CTA) scratch(n int) []byte {
	if cap(c.box) < n {
		c.box = make([]byte, n)
	}
	return c.box[:n]
}

// bulkCopy is cp.async.bulk and cp.reduce.async.bulk.
func (d *decoder) bulkCopy() func(*Warp) {
	in := d.in
	d.out.class = async
	f := combine(move)
	if in.Op.ID == ptx.OpCpReduceAsyncBulk {
		if f = reduction(in.AtomOp(), in.Type(0)); f == nil {
			return nil
		}
	}
	dst, src, size := d.address(&in.Args[0]), d.address(&in.Args[1]), d.src32(2)
	out := in.Has(ptx.ModBulkGroup)
	mbar, mask := func(*Warp) {}, -1
	if !out {
		mbar = d.address(&in.Args[3])
		if in.Has(ptx.ModMulticastCluster) {
			mask = d.src32(4)
		}
	}
	fromGlobal := !out && !in.Has(ptx.ModSharedCta)
	return func(w *Warp) {
		var a, b, bar wide
		src(w)
		a = w.addr
		dst(w)
		b = w.addr
		mbar(w)
		bar = w.addr
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			n := int(w.r[size][l])
			if n%16 != 0 || a[l]%16 != 0 || b[l]%16 != 0 || n > maxTransfer {
				w.cta.fail(w, "bulk copy of %d bytes from %#x to %#x: want multiples of 16, "+
					"at most %d bytes", n, a[l], b[l], maxTransfer)
				return
			}
			c := bulkMove{from: a[l], to: b[l], mbar: bar[l], n: n, f: f, out: out,
				fromGlobal: fromGlobal}
			if mask >= 0 {
				c.multicast, c.mask = true, uint16(w.r[mask][l])
			}
			if !w.bulk(&c) {
				return
			}
		}
	}
}

// bulkMove is one bulk copy of one lane.
type bulkMove struct {
	from, to, mbar  uint64
	n               int
	f               combine
	out, fromGlobal bool
	multicast       bool
	mask            uint16 // of ranks
}

func (w *Warp) bulk(c *bulkMove) bool {
	if c.out {
		src := w.sharedBytes(c.from, c.n, false)
		if src == nil || !w.writeGlobal(c.to, src, c.f) {
			return false
		}
		w.transfers = append(w.transfers, transfer{bytes: c.n, tx: int64(c.n), write: true,
			global: c.to})
		return true
	}
	src := w.cta.scratch(c.n)
	global := uint64(0)
	if c.fromGlobal {
		if !w.readGlobal(src, c.from) {
			return false
		}
		global = c.from
	} else {
		p := w.sharedBytes(c.from, c.n, false)
		if p == nil {
			return false
		}
		copy(src, p)
	}
	return w.eachTarget(c.to, c.mbar, c.multicast, c.mask, func(to uint64) bool {
		dst := w.sharedBytes(to, c.n, true)
		if dst != nil {
			c.f(dst, src)
		}
		return dst != nil
	}, transfer{bytes: c.n, tx: int64(c.n), global: global})
}

// eachTarget writes to the destination, or with multicast to the same offset in every CTA of the
// mask, and lets the mbarrier at the same offset in that CTA hear of it. Only the first transfer
// takes the bytes from memory.
func (w *Warp) eachTarget(to, mbar uint64, multicast bool, mask uint16, write func(to uint64) bool,
	t transfer) bool {
	if !multicast {
		return write(to) && w.notify(mbar, t)
	}
	if int(mask)>>len(w.cta.cluster.ctas) != 0 {
		w.cta.fail(w, "multicast to CTAs %#x: the cluster has %d", mask, len(w.cta.cluster.ctas))
		return false
	}
	for rank := range w.cta.cluster.ctas {
		if mask>>rank&1 == 0 {
			continue
		}
		place := uint64(rank+1) << rankShift
		if !write(to&offsetMask|place) || !w.notify(mbar&offsetMask|place, t) {
			return false
		}
		t.bytes, t.global, t.pieces, t.again = 0, 0, nil, true
	}
	return true
}

// notify queues a transfer for the mbarrier at a shared::cluster address.
func (w *Warp) notify(mbar uint64, t transfer) bool {
	mbar &^= windowMask
	p := w.clusterBytes(mbar, 8)
	if p == nil {
		return false
	}
	if mbar%8 != 0 || !isBarrier(p) {
		w.misuse("mbarrier at %#x of shared memory is not initialised", mbar)
		return false
	}
	t.mbar = mbar
	w.transfers = append(w.transfers, t)
	return true
}

// storeAsync is st.async and red.async: to shared memory of the cluster, and an mbarrier of the
// same CTA hears of the bytes.
func (d *decoder) storeAsync() func(*Warp) {
	in := d.in
	d.out.class = inPipe
	f := combine(move)
	if in.Op.ID == ptx.OpRedAsync {
		if f = reduction(in.AtomOp(), in.Type(0)); f == nil {
			return nil
		}
	}
	addr, mbar := d.address(&in.Args[0]), d.address(&in.Args[2])
	src := d.slots(&in.Args[1], false)
	e := element{size: in.Type(0).Size()}
	bytes := e.size * len(src)
	return func(w *Warp) {
		mbar(w)
		bar := w.addr
		addr(w)
		w.touch, w.space, w.size, w.phases = w.mask, inShared, uint32(bytes), 0
		var v [32]byte
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.bytesAt(w.barrierSpace(l), l, bytes, true)
			if p == nil {
				return
			}
			for i, s := range src {
				e.put(v[i*e.size:], s.get(w, l))
			}
			f(p[:bytes], v[:bytes])
			if c, _ := w.cta.peer(bar[l] &^ windowMask); c != w.owner(l) {
				w.cta.fail(w, "st.async to %#x with the mbarrier at %#x: want both in one CTA",
					w.addr[l], bar[l])
				return
			}
			if !w.notify(bar[l], transfer{tx: int64(bytes)}) {
				return
			}
		}
	}
}
