package lower

import (
	"math/bits"

	"tensoros/hw/ptx"
)

// block is a basic block: instructions first to last-1.
type block struct {
	first, last int
	next        []int // successors
	prev        []int
	in, out     set // live registers
	state       state
	seen        bool
}

// set is a set of registers.
type set []uint64

func newSet(n int) set         { return make(set, (n+63)/64) }
func (s set) has(r int32) bool { return s[r>>6]>>(r&63)&1 != 0 }
func (s set) add(r int32)      { s[r>>6] |= 1 << (r & 63) }
func (s set) remove(r int32)   { s[r>>6] &^= 1 << (r & 63) }
func (s set) each(f func(int32)) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			f(int32(i*64 + bits.TrailingZeros64(w)))
		}
	}
}

// split finds the basic blocks, their successors and what is live in them.
func (l *lowering) split() {
	n := len(l.insts)
	starts := make([]bool, n+1)
	starts[0] = true
	for _, at := range l.labels {
		starts[min(at, n)] = true
	}
	for i := range l.ops {
		if l.ops[i].branch {
			starts[i+1] = true
		}
	}
	at := make([]int, n+1) // instruction -> block
	for i := 0; i < n; i++ {
		if starts[i] {
			l.blocks = append(l.blocks, block{first: i})
		}
		at[i] = len(l.blocks) - 1
	}
	at[n] = -1
	for b := range l.blocks {
		if b+1 < len(l.blocks) {
			l.blocks[b].last = l.blocks[b+1].first
		} else {
			l.blocks[b].last = n
		}
		l.link(b, at)
	}
	for b := range l.blocks {
		for _, s := range l.blocks[b].next {
			l.blocks[s].prev = append(l.blocks[s].prev, b)
		}
	}
	l.live()
}

func (l *lowering) link(b int, at []int) {
	blk := &l.blocks[b]
	follow := func(i int) {
		if s := at[min(i, len(at)-1)]; s >= 0 {
			blk.next = append(blk.next, s)
		}
	}
	if blk.last == blk.first {
		return
	}
	in := l.insts[blk.last-1]
	guarded := in.Guard.Name != ""
	switch in.Op.ID {
	case ptx.OpBra:
		if k := in.Args[0].Index; k >= 0 && int(k) < len(l.labels) {
			follow(l.labels[k])
		}
		if guarded {
			follow(blk.last)
		}
	case ptx.OpBrx:
		for _, to := range l.labels { // any of its table: all are assumed
			follow(to)
		}
	case ptx.OpRet, ptx.OpExit, ptx.OpTrap:
		if guarded {
			follow(blk.last)
		}
	default:
		follow(blk.last)
	}
}

// live solves liveness, backwards.
func (l *lowering) live() {
	n := len(l.same)
	for b := range l.blocks {
		l.blocks[b].in, l.blocks[b].out = newSet(n), newSet(n)
	}
	for changed := true; changed; {
		changed = false
		for b := len(l.blocks) - 1; b >= 0; b-- {
			changed = l.liveBlock(&l.blocks[b]) || changed
		}
	}
}

func (l *lowering) liveBlock(blk *block) bool {
	for _, s := range blk.next {
		for i, w := range l.blocks[s].in {
			blk.out[i] |= w
		}
	}
	now := append(set(nil), blk.out...)
	for i := blk.last - 1; i >= blk.first; i-- {
		l.ops[i].before(now)
	}
	changed := false
	for i, w := range now {
		changed = changed || w != blk.in[i]
		blk.in[i] = w
	}
	return changed
}

// before turns what is live after an instruction into what is live before it.
func (o *op) before(live set) {
	for _, r := range o.makes {
		live.remove(r)
	}
	for _, r := range o.uses {
		live.add(r)
	}
	if o.guard >= 0 {
		live.add(o.guard)
	}
}

// pressure is how many 32-bit registers a set takes.
func (l *lowering) pressure(s set) int {
	n := 0
	s.each(func(r int32) { n += int(l.width[r]) })
	return n
}
