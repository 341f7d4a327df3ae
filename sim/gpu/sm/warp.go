package sm

import "math/bits"

// Lanes is the number of threads of a warp.
const Lanes = 32

// row is a register of up to 32 bits in all lanes; wide one of 64.
type (
	row  = [Lanes]uint32
	wide = [Lanes]uint64
)

// Warp is 32 threads. Lanes that part at a branch run in groups, the one with the lowest program
// counter first, so that they meet again at the earliest common instruction.
type Warp struct {
	cta  *CTA
	prog *Program
	id   int // in the CTA

	r    []row
	x    []wide
	pred []uint32

	carry    uint32 // of extended-precision arithmetic, by lane
	mask     uint32 // lanes that execute the present instruction
	active   uint32 // the group that runs
	live     uint32 // lanes that have not exited
	waiting  uint32 // lanes at a barrier
	pc       int32  // of the group
	pcs      [Lanes]int32
	diverged bool

	// The memory access of the present instruction, for the timing layer.
	addr   wide
	touch  uint32 // lanes that access memory
	space  space
	size   uint32 // bytes a lane
	phases int32  // wavefronts of a shared access that is not by lane (ldmatrix)

	reducing *inst // the bar.red that lanes wait at
	stacks   [Lanes][]frame
	depth    [Lanes]int32 // of calls
	calling  bool         // some lane is in a function

	local []byte // Program.Local bytes a lane
	fresh bool   // nothing has run in it: registers and local memory are zero

	parked    bool       // waits for an mbarrier
	expired   bool       // has waited as long as it may
	stalled   uint32     // lanes that let others of the warp go first
	arrivals  [Lanes]int // the phase of the cluster's barrier that each lane arrived in, plus one
	mmaGroups int        // of wgmma that it has committed
	transfers []transfer
	fast
	timing
}

// newWarp makes the room for a warp; reset prepares it.
func newWarp(c *CTA, id int) *Warp {
	p := c.prog
	w := &Warp{cta: c, prog: p, id: id}
	w.r = make([]row, p.rows32+len(p.const32))
	w.x = make([]wide, p.rows64+len(p.const64))
	w.pred = make([]uint32, p.preds)
	for i, v := range p.const32 {
		for l := range Lanes {
			w.r[p.rows32+i][l] = v
		}
	}
	for i, v := range p.const64 {
		fill(&w.x[p.rows64+i], v)
	}
	w.fresh = true
	return w
}

// reset prepares the warp for a new CTA. Registers keep no value of the last one.
func (w *Warp) reset(threads int) {
	p := w.prog
	if !w.fresh {
		clear(w.r[:p.rows32])
		clear(w.x[:p.rows64])
		clear(w.pred)
		clear(w.local)
	}
	w.fresh = false
	w.live = ^uint32(0)
	if threads < Lanes {
		w.live = 1<<threads - 1
	}
	w.active, w.waiting, w.pc, w.diverged, w.carry = w.live, 0, 0, false, 0
	if len(w.local) != p.Local*Lanes {
		w.local = make([]byte, p.Local*Lanes)
	}
	w.reducing, w.calling = nil, false
	w.depth = [Lanes]int32{}
	for l := range w.stacks {
		w.stacks[l] = w.stacks[l][:0]
	}
	w.parked, w.expired, w.stalled, w.arrivals = false, false, 0, [Lanes]int{}
	w.mmaGroups = 0
	w.transfers = w.transfers[:0]
}

// done reports whether every lane has exited.
func (w *Warp) done() bool { return w.live == 0 }

// blocked reports whether every live lane waits at a barrier, or the warp at an mbarrier.
func (w *Warp) blocked() bool { return w.waiting == w.live || w.parked }

// step executes one instruction of the running group and returns it. Precondition: the warp is
// neither done nor blocked.
func (w *Warp) step() *inst {
	in := &w.prog.insts[w.pc]
	m := w.active
	if in.guard >= 0 {
		p := w.pred[in.guard]
		if in.guardNot {
			p = ^p
		}
		m &= p
	}
	w.mask, w.touch = m, 0
	switch in.kind {
	case plain:
		if in.members > 0 && w.diverged && m != 0 && !w.meet(in) {
			return in
		}
		if m != 0 {
			in.run(w)
		}
		w.proceed()
	case jump:
		w.jump(in.target)
	case leave:
		w.exit()
	case callFunc:
		w.call(in)
	case retFunc:
		w.ret()
	case jumpTable:
		w.jumpTable(in.table)
	case barSync, barArrive:
		w.barrier(in)
	case parking:
		w.park(in)
	case trap:
		if m != 0 {
			w.cta.fail(w, "the kernel trapped")
		}
		w.proceed()
	}
	return in
}

func (w *Warp) proceed() {
	if !w.diverged {
		w.pc++
		return
	}
	w.move(w.active, w.pc+1)
	w.regroup()
}

// move sets the program counter of some lanes.
func (w *Warp) move(lanes uint32, pc int32) {
	for ; lanes != 0; lanes &= lanes - 1 {
		w.pcs[bits.TrailingZeros32(lanes)] = pc
	}
}

// jump sends the executing lanes to target and the rest of the group to the next instruction.
func (w *Warp) jump(target int32) {
	switch {
	case w.mask == w.active && !w.diverged:
		w.pc = target
	case w.mask == 0:
		w.proceed()
	default:
		w.split()
		w.move(w.mask, target)
		w.move(w.active&^w.mask, w.pc+1)
		w.regroup()
	}
}

// split starts to keep a program counter for each lane.
func (w *Warp) split() {
	if !w.diverged {
		w.diverged = true
		w.move(w.live, w.pc)
	}
}

// regroup picks the lanes with the lowest program counter among those that can run.
func (w *Warp) regroup() {
	ready := w.live &^ w.waiting
	if w.stalled != 0 {
		if ready&^w.stalled == 0 {
			w.stalled = 0
		}
		ready &^= w.stalled
	}
	if ready == 0 {
		w.active = 0
		return
	}
	if w.calling {
		ready = w.deepest(ready)
	}
	least, same := int32(1<<31-1), uint32(0)
	for m := ready; m != 0; m &= m - 1 {
		l := bits.TrailingZeros32(m)
		switch pc := w.pcs[l]; {
		case pc < least:
			least, same = pc, 1<<l
		case pc == least:
			same |= 1 << l
		}
	}
	w.active, w.pc = same, least
	if same == w.live {
		w.diverged = false
	}
}

func (w *Warp) exit() {
	if w.mask == 0 {
		w.proceed()
		return
	}
	rest := w.active &^ w.mask
	if rest != 0 || w.diverged {
		w.split()
		w.move(rest, w.pc+1)
	}
	w.live &^= w.mask
	w.cta.left(w, w.mask)
	if w.live == 0 {
		w.cta.retire(w)
		return
	}
	w.regroup()
}

// barrier makes the executing lanes arrive, and wait if the instruction waits.
func (w *Warp) barrier(in *inst) {
	if w.mask == 0 {
		w.proceed()
		return
	}
	id, threads := in.barrier(w)
	arrived := bits.OnesCount32(w.mask)
	if w.cta.launch.Watch != nil {
		if in.aligned && w.mask != w.live {
			w.tell(Event{Kind: EvPartial, ID: id, Lane: first(w.mask), Lanes: w.mask})
		}
		w.tell(Event{Kind: EvArrive, ID: id})
	}
	if in.kind == barArrive {
		w.proceed()
		w.cta.arrive(id, threads, arrived, nil)
		return
	}
	if !w.diverged && w.mask == w.live && in.vote == nil { // all together, as nearly always
		w.waiting, w.active = w.live, 0
		w.cta.arrive(id, threads, arrived, w)
		return
	}
	w.split()
	w.move(w.active, w.pc+1)
	w.waiting |= w.mask
	if in.vote != nil {
		w.cta.bars[id].yes += bits.OnesCount32(in.vote(w))
		w.reducing = in
	}
	w.regroup()
	w.cta.arrive(id, threads, arrived, w)
}

// release lets the lanes that wait go on.
func (w *Warp) release() {
	w.waiting = 0
	if !w.diverged {
		w.active = w.live
		w.pc++
		return
	}
	w.regroup()
}
