package sm

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw/ptx"
)

// Watcher hears what the threads of a launch do, in the order in which they do it; it is for
// checkers, which run without time. A launch without one asks once an instruction.
type Watcher interface{ Watch(e *Event) }

// EventKind is what happened.
type EventKind uint8

// Kinds of events.
const (
	EvPlace         EventKind = iota // a CTA begins: Warps, and Size bytes of shared memory
	EvAccess                         // to memory: Space, Owner, Addr, Size
	EvOutside                        // an access that failed; Detail says why
	EvArrive                         // at barrier ID
	EvResume                         // after barrier ID
	EvPartial                        // an aligned barrier that only Lanes of the warp reach
	EvClusterArrive                  // at the cluster's barrier
	EvClusterResume
	EvMbarArrive // at the mbarrier at Owner, Addr
	EvMbarWait   // whose phase has ended
	EvMbarMisuse // Detail says what
	EvLand       // an asynchronous operation is over, and the mbarrier at Owner, Addr has heard;
	// ID is 1 if it is the warp's cp.async
	EvDrained    // the warp's asynchronous operations are over, as it has waited for them
	EvCommit     // cp.async.commit_group
	EvWaitGroup  // cp.async.wait_group: all but ID groups are over, or with -1 all copies
	EvProxyFence // fence.proxy.async
)

// Event is something that a warp does, or one lane of it.
type Event struct {
	Kind   EventKind
	CTA    [3]uint32
	Rank   int // of the CTA in its cluster
	Warp   int
	Lane   int
	Lanes  uint32
	Line   int // of the PTX
	Loc    Loc
	Op     ptx.OpID
	Space  ptx.Space // of an access: shared or global
	Owner  int       // rank of the CTA whose shared memory it is
	Addr   uint64    // in it, or in global memory
	Size   int
	Write  bool
	Atomic bool
	Async  bool // by the async proxy
	ID     int
	Warps  int
	Detail string
}

// tell completes an event and passes it on. Precondition: the launch has a Watcher.
func (w *Warp) tell(e Event) {
	c := w.cta
	e.CTA, e.Rank, e.Warp = c.id, c.rank, w.id
	if int(w.pc) < len(w.prog.insts) {
		in := &w.prog.insts[w.pc]
		e.Line, e.Loc, e.Op = int(in.line), in.loc, in.op
		e.Atomic = e.Kind == EvAccess && in.cost.atomic
	}
	c.launch.Watch.Watch(&e)
}

// seen tells of lane l's access to a space at an address of n bytes.
func (w *Warp) seen(s space, l int, a uint64, n int, write bool) {
	e := Event{Kind: EvAccess, Lane: l, Addr: a, Size: n, Write: write}
	switch s {
	case inGlobal:
		e.Space = ptx.SpaceGlobal
	case inShared:
		c, at := w.cta.peer(a)
		if at >= uint64(len(c.shared)-w.prog.reserved) {
			return // the runtime's own: made zero, and ordered by volatile accesses
		}
		e.Space, e.Owner, e.Addr = ptx.SpaceShared, c.rank, at
	default:
		return
	}
	w.tell(e)
}

// outside tells of an access that failed.
func (w *Warp) outside(s space, a uint64, n int, write bool, why string) {
	e := Event{Kind: EvOutside, Addr: a, Size: n, Write: write, Detail: why, Lane: w.laneOf(a),
		Space: ptx.SpaceGlobal, Lanes: uint32(len(w.cta.shared))}
	if s == inShared {
		e.Space = ptx.SpaceShared
	}
	w.tell(e)
}

// laneOf is the first executing lane that names the address.
func (w *Warp) laneOf(a uint64) int {
	for m := w.mask; m != 0; m &= m - 1 {
		if l := first(m); w.addr[l] == a || w.addr[l]&^windowMask == a {
			return l
		}
	}
	return first(w.mask)
}

// proxySeen tells of an access by the async proxy to the cluster's shared memory.
func (w *Warp) proxySeen(a uint64, n int, write bool) {
	c, at := w.cta.peer(a)
	w.tell(Event{Kind: EvAccess, Lane: first(w.mask), Space: ptx.SpaceShared, Owner: c.rank,
		Addr: at, Size: n, Write: write, Async: true})
}

// gathered tells what wgmma reads for eight rows of a matrix.
func (m *matrix) gathered(w *Warp, desc uint64, r, chunk int) {
	for g := range 8 {
		at := kMajor(desc, r+g, chunk)
		if m.mn {
			at = mnMajor(desc, r, 8*chunk+g)
		}
		w.proxySeen(uint64(at), 16, false)
	}
}

// mbar tells of an mbarrier at lane l's address.
func (w *Warp) mbar(k EventKind, l int) {
	if w.cta.launch.Watch == nil {
		return
	}
	c, at := w.cta.peer(w.addr[l] &^ windowMask)
	w.tell(Event{Kind: k, Lane: l, Owner: c.rank, Addr: at, Size: 8})
}

// misuse is a fault that comes of a misused mbarrier.
func (w *Warp) misuse(format string, args ...any) {
	w.cta.fail(w, format, args...)
	if w.cta.launch.Watch != nil {
		detail := ""
		if f, ok := w.cta.fault.err.(*FaultError); ok {
			detail = f.Detail
		}
		w.tell(Event{Kind: EvMbarMisuse, Lane: first(w.mask), Detail: detail})
	}
}

// proxyFence is fence.proxy.async.
func (w *Warp) proxyFence() {
	if w.cta.launch.Watch != nil {
		w.tell(Event{Kind: EvProxyFence})
	}
}

// copyGroup is a commit or a wait of cp.async.
func copyGroup(k EventKind, id int) func(*Warp) {
	return func(w *Warp) {
		if w.cta.launch.Watch != nil {
			w.tell(Event{Kind: k, ID: id})
		}
	}
}

// drained is a wait for all asynchronous operations of the warp.
func (w *Warp) drained() {
	if w.cta.launch.Watch != nil {
		w.tell(Event{Kind: EvDrained})
	}
}

// remade tells of an mbarrier that is initialised a second time.
func (w *Warp) remade(p []byte) {
	b := unpackBarrier(binary.LittleEndian.Uint64(p))
	detail := "mbarrier initialised again without mbarrier.inval"
	if b.pending != b.expected || b.tx != 0 {
		detail = fmt.Sprintf("mbarrier initialised again while its phase waits for %d arrivals "+
			"and %d bytes", b.pending, b.tx)
	}
	w.tell(Event{Kind: EvMbarMisuse, Lane: first(w.mask), Detail: detail})
}
