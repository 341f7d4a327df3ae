package sm

import "tensoros/hw/ptx"

// What lanes of a warp do together waits for those that its member mask names (PTX ISA, shfl.sync:
// "causes executing thread to wait until all non-exited threads corresponding to membermask have
// executed"). Lanes of one warp may come with masks of their own; each set is served by itself.

// members is the operand that holds the member mask; everyone of a matrix instruction's warp.
func (d *decoder) members() {
	in := d.in
	at := -1
	switch in.Op.ID {
	case ptx.OpShfl:
		at = 4
	case ptx.OpVote, ptx.OpMatch, ptx.OpRedux:
		at = 2
	case ptx.OpElect:
		at = 1
	case ptx.OpBarWarpSync:
		at = 0
	case ptx.OpMma, ptx.OpMmaSp, ptx.OpLdmatrix, ptx.OpStmatrix, ptx.OpMovmatrix, ptx.OpWmmaLoad,
		ptx.OpWmmaStore, ptx.OpWmmaMma, ptx.OpWgmmaMmaAsync:
		d.out.members = d.const32(allLanes) + 1
		return
	}
	if at >= 0 && at < len(in.Args) {
		d.out.members = d.src32(at) + 1
	}
}

// bySet runs an operation for each set of executing lanes that came with the same member mask, in
// operand at.
func (d *decoder) bySet(at int, run func(*Warp)) func(*Warp) {
	if run == nil || at >= len(d.in.Args) || d.in.Args[at].Kind != ptx.KindReg {
		return run
	}
	row := d.src32(at)
	return func(w *Warp) {
		all := w.mask
		for rest := all; rest != 0; rest &^= w.mask {
			w.mask = 0
			for m := rest; m != 0; m &= m - 1 {
				if l := first(m); w.r[row][l] == w.r[row][first(rest)] {
					w.mask |= 1 << l
				}
			}
			run(w)
		}
		w.mask = all
	}
}

// meet reports whether the lanes that the executing ones wait for are here. If not, others of the
// warp go on first; when none can, those that are here go on without the rest, which never come.
func (w *Warp) meet(in *inst) bool {
	var members uint32
	for m := w.mask; m != 0; m &= m - 1 {
		members |= w.r[in.members-1][first(m)]
	}
	missing := members & w.live &^ w.waiting &^ w.active
	var here, parked uint32 // lanes that wait at this very instruction; for an mbarrier
	for m := missing & w.stalled; m != 0; m &= m - 1 {
		switch l := first(m); {
		case w.pcs[l] == w.pc:
			here |= 1 << l
		case w.prog.insts[w.pcs[l]].kind == parking:
			parked |= 1 << l
		}
	}
	switch {
	case missing == 0:
		return true
	case here != 0:
		w.stalled &^= here
	case parked != 0:
		w.stalled = w.stalled&^parked | w.active
	case w.live&^w.waiting&^w.active&^w.stalled != 0:
		w.stalled |= w.active
	default:
		return true
	}
	w.regroup()
	return false
}
