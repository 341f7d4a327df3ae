package sm

import (
	"tensoros/hw/ptx"
)

// shuffle is shfl.sync (PTX ISA 9.7.8.6): d[|p] = a of another lane of the segment.
func (d *decoder) shuffle() func(*Warp) {
	in := d.in
	d.out.class = inPipe
	d.out.cost.load = true
	mode := in.Pick([]ptx.Mod{ptx.ModUp, ptx.ModDown, ptx.ModBfly, ptx.ModIdx})
	dst := in.Args[0]
	valid := -1
	if dst.Kind == ptx.KindPair {
		if dst.List[1].Kind == ptx.KindReg {
			valid = d.dst(&dst.List[1])
		}
		dst = dst.List[0]
	}
	a, b, c := d.src32(1), d.src32(2), d.src32(3)
	r := d.dst(&dst)
	return func(w *Warp) {
		from := w.r[a] // a copy: d may be a
		var ok uint32
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			src, in := source(mode, l, w.r[b][l], w.r[c][l])
			if in {
				ok |= 1 << l
			}
			w.r[r][l] = from[src]
		}
		if valid >= 0 {
			w.pred[valid] = w.pred[valid]&^w.mask | ok
		}
		w.touch, w.space, w.size, w.phases = w.mask, inShared, 4, 1
	}
}

// source is the lane that l reads from, and whether it is in l's segment.
func source(mode ptx.Mod, l int, b, c uint32) (int, bool) {
	clamp, seg := int(c&31), int(c>>8&31)
	low := l & seg
	top := low | clamp&^seg
	j := 0
	in := false
	switch n := int(b & 31); mode {
	case ptx.ModUp:
		j = l - n
		in = j >= top
	case ptx.ModDown:
		j = l + n
		in = j <= top
	case ptx.ModBfly:
		j = l ^ n
		in = j <= top
	default:
		j = low | n&^seg
		in = j <= top
	}
	if !in {
		j = l
	}
	return j, in
}

// vote is vote.sync and activemask.
func (d *decoder) vote() func(*Warp) {
	in := d.in
	if in.Op.ID == ptx.OpActivemask {
		dst := d.dst(&in.Args[0])
		return func(w *Warp) { w.spread(dst, w.mask) }
	}
	p, not := d.pred(&in.Args[1])
	flip := uint32(0)
	if not {
		flip = allLanes
	}
	mode := in.Pick([]ptx.Mod{ptx.ModBallot, ptx.ModAll, ptx.ModAny, ptx.ModUni})
	dst := d.dst(&in.Args[0])
	return d.bySet(2, func(w *Warp) {
		yes := (w.pred[p] ^ flip) & w.mask
		var result bool
		switch mode {
		case ptx.ModBallot:
			w.spread(dst, yes)
			return
		case ptx.ModAll:
			result = yes == w.mask
		case ptx.ModAny:
			result = yes != 0
		case ptx.ModUni:
			result = yes == w.mask || yes == 0
		}
		w.pred[dst] &^= w.mask
		if result {
			w.pred[dst] |= w.mask
		}
	})
}

// spread gives the executing lanes one value.
func (w *Warp) spread(row int, v uint32) {
	for m := w.mask; m != 0; m &= m - 1 {
		w.r[row][first(m)] = v
	}
}

// async is cp.async and its groups. Data moves at issue: a correct program reads it only after
// the wait, and the wait is what costs time.
func (d *decoder) async() func(*Warp) {
	in := d.in
	d.out.class = async
	switch in.Op.ID {
	case ptx.OpCpAsyncCommitGroup:
		d.out.cost.commit = true
		return copyGroup(EvCommit, 0)
	case ptx.OpCpAsyncWaitAll:
		d.out.cost.waiting = true
		return copyGroup(EvWaitGroup, -1)
	case ptx.OpCpAsyncWaitGroup:
		d.out.cost.waiting, d.out.cost.wait = true, int32(in.Args[0].Imm)
		return copyGroup(EvWaitGroup, int(in.Args[0].Imm))
	}
	size := int(in.Args[2].Imm)
	if in.Args[2].Kind != ptx.KindInt || size != 4 && size != 8 && size != 16 {
		d.fault("cp.async of %d bytes: 4, 8 and 16 exist", size)
	}
	to, from := d.address(&in.Args[0]), d.address(&in.Args[1])
	length, ignore, keep := d.copyLength(size)
	return func(w *Warp) {
		from(w)
		global := w.addr
		to(w)
		shared := w.addr
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			n := min(size, int(w.r[length][l]))
			if ignore >= 0 && (w.pred[ignore]>>l&1 == 1) != keep {
				n = 0
			}
			w.addr = shared
			dst := w.bytesAt(inShared, l, size, true)
			if dst == nil {
				return
			}
			clear(dst[:size])
			if n > 0 {
				w.addr = global
				src := w.bytesAt(inGlobal, l, size, false)
				if src == nil {
					return
				}
				copy(dst[:n], src)
			}
		}
		w.addr = global
		w.touch, w.space, w.size, w.phases = w.mask, inGlobal, uint32(size), 0
	}
}

// copyLength reads the optional operand of cp.async: how many bytes come from memory, the rest
// being zeros, or a predicate that ignores the source.
func (d *decoder) copyLength(size int) (length, ignore int, keep bool) {
	args := d.in.Args[3:]
	if d.in.Has(ptx.ModL2CacheHint) {
		args = args[:len(args)-1]
	}
	length, ignore = d.const32(uint32(size)), -1
	if len(args) == 0 {
		return length, ignore, false
	}
	if args[0].Kind == ptx.KindReg && d.f.Regs.Type(int(args[0].Index)) == ptx.Pred {
		ignore, keep = d.pred(&args[0])
		return length, ignore, keep
	}
	return d.operand32(&args[0]), ignore, false
}

// ldmatrix loads one, two or four 8x8 matrices of 16-bit elements: lane 8i+j gives the address of
// row j of matrix i; result i of a lane holds row lane/4, columns 2(lane%4) and the next.
func (d *decoder) ldmatrix() func(*Warp) {
	in := d.in
	n := in.Vec()
	trans := in.Has(ptx.ModTrans)
	d.out.class = inPipe
	d.out.cost.load = true
	addr := d.address(&in.Args[1])
	var dst []int
	for _, s := range d.slots(&in.Args[0], true) {
		dst = append(dst, s.row)
	}
	if len(dst) != n {
		return nil
	}
	return func(w *Warp) {
		addr(w)
		w.touch, w.space, w.size, w.phases = w.mask, inShared, 16, int32(n)
		for i := range n {
			if !w.loadMatrix(i, &w.r[dst[i]], trans) {
				return
			}
		}
	}
}

func (w *Warp) loadMatrix(i int, out *row, trans bool) bool {
	var rows [8][]byte
	for j := range rows {
		p := w.bytesAt(inShared, 8*i+j, 16, false)
		if p == nil {
			return false
		}
		rows[j] = p
	}
	at := func(r, c int) uint32 { return uint32(rows[r][2*c]) | uint32(rows[r][2*c+1])<<8 }
	for l := range out {
		r, c := l/4, 2*(l%4)
		if trans {
			out[l] = at(c, r) | at(c+1, r)<<16
		} else {
			p := rows[r][2*c : 2*c+4]
			out[l] = uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
		}
	}
	return true
}
