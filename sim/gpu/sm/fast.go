package sm

import (
	"encoding/binary"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/lane"
)

// The common instructions have a second form over whole rows (sim/gpu/lane). It computes in all
// lanes and keeps those that execute; where it cannot do so (an address that is not mapped, lanes
// in different pages) it leaves the instruction to the first form, whose closures remain the
// definition: a test runs both.

// fast is what a warp keeps for it.
type fast struct {
	row  row
	wide wide
	off  row
	tids *[3]row // thread indices, made when first asked for
}

// quick is the form over rows of the instruction that slow executes, or slow itself.
func (d *decoder) quick(slow func(*Warp)) func(*Warp) {
	if d.slow || len(d.faults) > 0 {
		return slow
	}
	noted := d.out // slow has noted all that there is to say of it
	run := d.rows(slow)
	d.out = noted
	if run == nil {
		return slow
	}
	return run
}

func (d *decoder) rows(slow func(*Warp)) func(*Warp) {
	in := d.in
	switch in.Op.ID {
	case ptx.OpLd:
		return d.quickLoad(slow)
	case ptx.OpSt:
		return d.quickStore(slow)
	case ptx.OpMov:
		return d.quickMove()
	case ptx.OpCvta, ptx.OpCvtaTo:
		if in.Space() == ptx.SpaceGlobal && d.wideReg(&in.Args[0]) {
			return d.quick64(lane.Best.Or64, 1, 1)
		}
	case ptx.OpSetp:
		return d.quickSetp()
	case ptx.OpSelp:
		return d.quickSelp()
	case ptx.OpCvt:
		return d.quickConvert()
	case ptx.OpAdd, ptx.OpSub, ptx.OpMul, ptx.OpMad, ptx.OpFma, ptx.OpMin, ptx.OpMax, ptx.OpAnd,
		ptx.OpOr, ptx.OpXor, ptx.OpNot, ptx.OpNeg, ptx.OpAbs, ptx.OpShl, ptx.OpShr:
		return d.quickArithmetic()
	}
	return nil
}

func (d *decoder) quickArithmetic() func(*Warp) {
	in, t := d.in, d.in.Type(0)
	switch {
	case t == ptx.Pred || usesCarry(in) || in.Has(ptx.ModSat) || in.Has(ptx.ModRelu):
		return nil
	case in.MulPart() == ptx.ModHi:
		return nil
	case in.MulPart() == ptx.ModWide:
		return d.quickWide(t)
	case t == ptx.F32:
		return d.quickFloat()
	case t.IsFloat() || t == ptx.U16x2 || t == ptx.S16x2:
		return nil
	case t.Bits() == 32:
		return d.quickInt(t.IsSigned())
	case t.Bits() == 64:
		return d.quickLong(t.IsSigned())
	}
	return nil
}

// quickInt is arithmetic of 32-bit integers.
func (d *decoder) quickInt(signed bool) func(*Warp) {
	b := &lane.Best
	pick := func(s, u lane.Binary) func(*Warp) {
		if signed {
			return d.quick32(s, 1, 2)
		}
		return d.quick32(u, 1, 2)
	}
	switch d.in.Op.ID {
	case ptx.OpAdd:
		return d.quick32(b.Add, 1, 2)
	case ptx.OpSub:
		return d.quick32(b.Sub, 1, 2)
	case ptx.OpMul:
		return d.quick32(b.Mul, 1, 2)
	case ptx.OpAnd:
		return d.quick32(b.And, 1, 2)
	case ptx.OpOr:
		return d.quick32(b.Or, 1, 2)
	case ptx.OpXor:
		return d.quick32(b.Xor, 1, 2)
	case ptx.OpShl:
		return d.quick32(b.Shl, 1, 2)
	case ptx.OpShr:
		return pick(b.ShrS, b.ShrU)
	case ptx.OpMin:
		return pick(b.MinS, b.MinU)
	case ptx.OpMax:
		return pick(b.MaxS, b.MaxU)
	case ptx.OpNot:
		return d.quickWith(b.Xor, ^uint32(0))
	case ptx.OpMad:
		return d.quick3(b.Mad)
	}
	return nil
}

// quickFloat is arithmetic of f32, rounded to nearest.
func (d *decoder) quickFloat() func(*Warp) {
	in, b := d.in, &lane.Best
	if _, nearest, ok := rounded(in); !ok || !nearest || in.Has(ptx.ModNaN) ||
		in.Has(ptx.ModXorsign) {
		return nil
	}
	ftz := in.Has(ptx.ModFtz)
	pick := func(plain, flush lane.Binary) func(*Warp) {
		if ftz {
			plain = flush
		}
		if plain == nil || len(in.Args) != 3 {
			return nil
		}
		return d.quick32(plain, 1, 2)
	}
	switch in.Op.ID {
	case ptx.OpAdd:
		return pick(b.AddF, b.AddFtz)
	case ptx.OpSub:
		return pick(b.SubF, b.SubFtz)
	case ptx.OpMul:
		return pick(b.MulF, b.MulFtz)
	case ptx.OpMin:
		return pick(b.MinF, nil)
	case ptx.OpMax:
		return pick(b.MaxF, nil)
	case ptx.OpFma, ptx.OpMad:
		if ftz {
			return d.quick3(b.FmaFtz)
		}
		return d.quick3(b.Fma)
	}
	switch {
	case ftz:
	case in.Op.ID == ptx.OpNeg:
		return d.quickWith(b.Xor, 1<<31)
	case in.Op.ID == ptx.OpAbs:
		return d.quickWith(b.And, 1<<31-1)
	}
	return nil
}

// quickLong is arithmetic of 64-bit integers.
func (d *decoder) quickLong(signed bool) func(*Warp) {
	b := &lane.Best
	switch d.in.Op.ID {
	case ptx.OpAdd:
		return d.quick64(b.Add64, 1, 2)
	case ptx.OpSub:
		return d.quick64(b.Sub64, 1, 2)
	case ptx.OpMul:
		return d.quick64(b.Mul64, 1, 2)
	case ptx.OpAnd:
		return d.quick64(b.And64, 1, 2)
	case ptx.OpOr:
		return d.quick64(b.Or64, 1, 2)
	case ptx.OpXor:
		return d.quick64(b.Xor64, 1, 2)
	case ptx.OpShl:
		return d.quickShift(b.Shl64)
	case ptx.OpShr:
		if !signed {
			return d.quickShift(b.ShrU64)
		}
	case ptx.OpMad:
		x, y, z, dst := d.src64(1), d.src64(2), d.src64(3), d.dst(&d.in.Args[0])
		return d.keep64(dst, func(w *Warp, to *wide) { b.Mad64(to, &w.x[x], &w.x[y], &w.x[z]) })
	}
	return nil
}

// quick32 and quick64 apply f to two operands, quick3 to three, quickWith to one and a constant.
func (d *decoder) quick32(f lane.Binary, i, j int) func(*Warp) {
	a, b, dst := d.src32(i), d.src32(j), d.dst(&d.in.Args[0])
	return func(w *Warp) {
		if w.mask == allLanes {
			f(&w.r[dst], &w.r[a], &w.r[b])
			return
		}
		f(&w.fast.row, &w.r[a], &w.r[b])
		lane.Best.Select(&w.r[dst], &w.fast.row, &w.r[dst], w.mask)
	}
}

func (d *decoder) quick64(f lane.Binary64, i, j int) func(*Warp) {
	a, b, dst := d.src64(i), d.src64(j), d.dst(&d.in.Args[0])
	return func(w *Warp) {
		if w.mask == allLanes {
			f(&w.x[dst], &w.x[a], &w.x[b])
			return
		}
		f(&w.fast.wide, &w.x[a], &w.x[b])
		lane.Best.Select64(&w.x[dst], &w.fast.wide, &w.x[dst], w.mask)
	}
}

func (d *decoder) quick3(f lane.Ternary) func(*Warp) {
	a, b, c, dst := d.src32(1), d.src32(2), d.src32(3), d.dst(&d.in.Args[0])
	return func(w *Warp) {
		if w.mask == allLanes {
			f(&w.r[dst], &w.r[a], &w.r[b], &w.r[c])
			return
		}
		f(&w.fast.row, &w.r[a], &w.r[b], &w.r[c])
		lane.Best.Select(&w.r[dst], &w.fast.row, &w.r[dst], w.mask)
	}
}

func (d *decoder) quickWith(f lane.Binary, constant uint32) func(*Warp) {
	a, b, dst := d.src32(1), d.const32(constant), d.dst(&d.in.Args[0])
	return d.keep32(dst, func(w *Warp, to *row) { f(to, &w.r[a], &w.r[b]) })
}

func (d *decoder) quickShift(f lane.Shift64) func(*Warp) {
	a, b, dst := d.src64(1), d.src32(2), d.dst(&d.in.Args[0])
	return d.keep64(dst, func(w *Warp, to *wide) { f(to, &w.x[a], &w.r[b]) })
}

// keep32 and keep64 run f into a register, or aside where not all lanes execute.
func (d *decoder) keep32(dst int, f func(w *Warp, to *row)) func(*Warp) {
	return func(w *Warp) {
		if w.mask == allLanes {
			f(w, &w.r[dst])
			return
		}
		f(w, &w.fast.row)
		lane.Best.Select(&w.r[dst], &w.fast.row, &w.r[dst], w.mask)
	}
}

func (d *decoder) keep64(dst int, f func(w *Warp, to *wide)) func(*Warp) {
	return func(w *Warp) {
		if w.mask == allLanes {
			f(w, &w.x[dst])
			return
		}
		f(w, &w.fast.wide)
		lane.Best.Select64(&w.x[dst], &w.fast.wide, &w.x[dst], w.mask)
	}
}

// quickWide is mul.wide and mad.wide of 32 bits.
func (d *decoder) quickWide(t ptx.Type) func(*Warp) {
	if t.Bits() != 32 {
		return nil
	}
	f := lane.Best.MulWideU
	if t.IsSigned() {
		f = lane.Best.MulWideS
	}
	a, b, c := d.src32(1), d.src32(2), d.const64(0)
	if d.in.Op.ID == ptx.OpMad {
		c = d.src64(3)
	}
	dst := d.dst(&d.in.Args[0])
	return d.keep64(dst, func(w *Warp, to *wide) { f(to, &w.r[a], &w.r[b], &w.x[c]) })
}

// quickConvert is cvt between integers of 32 and 64 bits, and from s32 to f32.
func (d *decoder) quickConvert() func(*Warp) {
	in, b := d.in, &lane.Best
	to, from := in.Type(0), in.Type(1)
	_, nearest, ok := rounded(in)
	if len(in.Args) != 2 || in.Has(ptx.ModSat) || !ok || !nearest {
		return nil
	}
	whole := func(t ptx.Type, bits int) bool { return t.IsInt() && t.Bits() == bits }
	src, dst := &in.Args[1], &in.Args[0]
	switch {
	case d.wideReg(dst) != (to.Bits() == 64) || d.wideReg(src) != (from.Bits() == 64):
		return nil
	case whole(to, 64) && whole(from, 32):
		f := b.ZeroExtend
		if from.IsSigned() {
			f = b.SignExtend
		}
		a, r := d.src32(1), d.dst(dst)
		return d.keep64(r, func(w *Warp, to *wide) { f(to, &w.r[a]) })
	case whole(to, 32) && whole(from, 64):
		a, r := d.src64(1), d.dst(dst)
		return d.keep32(r, func(w *Warp, to *row) { b.Narrow(to, &w.x[a]) })
	case to == ptx.F32 && from == ptx.S32:
		a, r := d.src32(1), d.dst(dst)
		return d.keep32(r, func(w *Warp, to *row) { b.FromS32(to, &w.r[a]) })
	}
	return nil
}

// quickMove is mov of special registers; of others it has nothing to gain.
func (d *decoder) quickMove() func(*Warp) {
	src := &d.in.Args[1]
	dst := &d.in.Args[0]
	if src.Kind != ptx.KindSpecial || dst.Kind != ptx.KindReg || d.in.Type(0).Bits() != 32 ||
		d.wideReg(dst) {
		return nil
	}
	s := ptx.Special(src.Index)
	r := d.dst(dst)
	switch {
	case s >= ptx.SpTidX && s <= ptx.SpTidZ:
		axis := int(s - ptx.SpTidX)
		return func(w *Warp) { copyLanes(w.mask, &w.r[r], &w.threads()[axis]) }
	case s >= ptx.SpNtidX && s <= ptx.SpNtidZ, s >= ptx.SpCtaidX && s <= ptx.SpCtaidZ,
		s >= ptx.SpNctaidX && s <= ptx.SpNctaidZ: // the same in all lanes
		f := specialValue(s)
		return func(w *Warp) { w.spread(r, uint32(f(w, 0))) }
	}
	return nil
}

// threads are the thread indices of the warp's lanes: the same in every CTA.
func (w *Warp) threads() *[3]row {
	if w.tids == nil {
		w.tids = new([3]row)
		for l := range Lanes {
			for axis, v := range w.tid(l) {
				w.tids[axis][l] = v
			}
		}
	}
	return w.tids
}

// quickSetp is setp with its comparison over rows.
func (d *decoder) quickSetp() func(*Warp) {
	compare := d.quickRelation()
	if compare == nil {
		return nil
	}
	in := d.in
	if dst := &in.Args[0]; dst.Kind == ptx.KindReg && len(in.Args) == 3 {
		p := d.dst(dst)
		return func(w *Warp) { w.pred[p] = w.pred[p]&^w.mask | compare(w)&w.mask }
	}
	return d.setpWith(func(w *Warp, _ int) uint32 { return compare(w) }, false)
}

// quickRelation compares operands 1 and 2 in all lanes.
func (d *decoder) quickRelation() func(w *Warp) uint32 {
	in, t, b := d.in, d.in.Type(0), &lane.Best
	c := in.Compare()
	switch {
	case t == ptx.F32:
		if in.Has(ptx.ModFtz) {
			return nil
		}
		x, y := d.src32(1), d.src32(2)
		return floatOrder(c, x, y)
	case t.IsFloat() || t == ptx.Pred:
		return nil
	case t.Bits() == 32:
		more := b.GtU
		if t.IsSigned() {
			more = b.GtS
		}
		x, y := d.src32(1), d.src32(2)
		return order(c, x, y, func(w *Warp, i, j int) uint32 { return b.Eq(&w.r[i], &w.r[j]) },
			func(w *Warp, i, j int) uint32 { return more(&w.r[i], &w.r[j]) })
	case t.Bits() == 64:
		more := b.GtU64
		if t.IsSigned() {
			more = b.GtS64
		}
		x, y := d.src64(1), d.src64(2)
		return order(c, x, y, func(w *Warp, i, j int) uint32 { return b.Eq64(&w.x[i], &w.x[j]) },
			func(w *Warp, i, j int) uint32 { return more(&w.x[i], &w.x[j]) })
	}
	return nil
}

// order makes the six relations of integers from two.
func order(c ptx.Mod, x, y int, same, more func(w *Warp, i, j int) uint32) func(*Warp) uint32 {
	switch c {
	case ptx.ModEq:
		return func(w *Warp) uint32 { return same(w, x, y) }
	case ptx.ModNe:
		return func(w *Warp) uint32 { return ^same(w, x, y) }
	case ptx.ModGt, ptx.ModHi:
		return func(w *Warp) uint32 { return more(w, x, y) }
	case ptx.ModLt, ptx.ModLo:
		return func(w *Warp) uint32 { return more(w, y, x) }
	case ptx.ModGe, ptx.ModHs:
		return func(w *Warp) uint32 { return ^more(w, y, x) }
	case ptx.ModLe, ptx.ModLs:
		return func(w *Warp) uint32 { return ^more(w, x, y) }
	}
	return nil
}

// floatOrder makes the relations of floats from four: those with a u hold for NaNs, too.
func floatOrder(c ptx.Mod, x, y int) func(*Warp) uint32 {
	b := &lane.Best
	if c == ptx.ModNe {
		return func(w *Warp) uint32 {
			return ^(b.EqF(&w.r[x], &w.r[y]) | b.UnorderedF(&w.r[x], &w.r[y]))
		}
	}
	for _, k := range []struct {
		mod       ptx.Mod
		f         lane.Compare
		swap, not bool
	}{
		{ptx.ModEq, b.EqF, false, false}, {ptx.ModNeu, b.EqF, false, true},
		{ptx.ModLt, b.LtF, false, false}, {ptx.ModGeu, b.LtF, false, true},
		{ptx.ModGt, b.LtF, true, false}, {ptx.ModLeu, b.LtF, true, true},
		{ptx.ModLe, b.LeF, false, false}, {ptx.ModGtu, b.LeF, false, true},
		{ptx.ModGe, b.LeF, true, false}, {ptx.ModLtu, b.LeF, true, true},
		{ptx.ModCmpNan, b.UnorderedF, false, false}, {ptx.ModNum, b.UnorderedF, false, true},
	} {
		if k.mod != c {
			continue
		}
		if k.swap {
			x, y = y, x
		}
		flip := uint32(0)
		if k.not {
			flip = allLanes
		}
		return func(w *Warp) uint32 { return k.f(&w.r[x], &w.r[y]) ^ flip }
	}
	return nil
}

// quickSelp is selp.
func (d *decoder) quickSelp() func(*Warp) {
	in, best := d.in, &lane.Best
	p, not := d.pred(&in.Args[3])
	flip := uint32(0)
	if not {
		flip = allLanes
	}
	switch in.Type(0).Bits() {
	case 32:
		a, b, dst := d.src32(1), d.src32(2), d.dst(&in.Args[0])
		return d.keep32(dst, func(w *Warp, to *row) {
			best.Select(to, &w.r[a], &w.r[b], w.pred[p]^flip)
		})
	case 64:
		a, b, dst := d.src64(1), d.src64(2), d.dst(&in.Args[0])
		return d.keep64(dst, func(w *Warp, to *wide) {
			best.Select64(to, &w.x[a], &w.x[b], w.pred[p]^flip)
		})
	}
	return nil
}

// plainSlots are registers that hold elements of this size whole.
func plainSlots(list []slot, size int) bool {
	for _, s := range list {
		if s.empty || s.half || s.wide != (size == 8) {
			return false
		}
	}
	return size >= 4
}

// quickAddress is address over rows; nil if there is no register in it.
func (d *decoder) quickAddress(op *ptx.Operand) func(w *Warp) {
	if len(op.List) == 0 || op.List[0].Kind != ptx.KindReg {
		return nil
	}
	base, off := &op.List[0], uint64(op.Imm)
	if d.wideReg(base) {
		r := d.operand64(base)
		return func(w *Warp) { lane.Best.Address64(&w.addr, &w.x[r], off) }
	}
	r := d.operand32(base)
	return func(w *Warp) { lane.Best.Address(&w.addr, &w.r[r], uint32(off)) }
}

// room is the stretch of memory that holds the access of the first lane, and where it begins.
func (w *Warp) room(s space, n int, write bool) (view []byte, base uint64) {
	if w.cta.launch.Watch != nil {
		return nil, 0
	}
	a := w.addr[first(w.mask)]
	if s == inGeneric && a&windowMask == SharedWindow {
		return w.cta.shared, SharedWindow
	}
	if s == inShared {
		return w.cta.shared, 0
	}
	base = a &^ (pageBytes - 1)
	if a&windowMask != 0 {
		return nil, 0
	}
	if view = w.cta.span(base, 1, write); len(view) > pageBytes {
		view = view[:pageBytes]
	}
	return view, base
}

// inside finds the offsets of all lanes in the room of the first, for accesses of n bytes; lanes
// that do not execute get the first one's. It is nil if not all are aligned and in it.
func (w *Warp) inside(s space, n int, write bool) []byte {
	view, base := w.room(s, n, write)
	if view == nil {
		return nil
	}
	off := &w.fast.off
	var all uint64
	if w.mask == allLanes {
		all = lane.Best.Offsets(off, &w.addr, base)
	} else {
		k := first(w.mask)
		for l := range off {
			v := w.addr[l] - base
			if w.mask>>l&1 == 0 {
				v = w.addr[k] - base
			}
			off[l] = uint32(v)
			all |= v
		}
	}
	if all&uint64(n-1) != 0 || all > 1<<31-1 || n > len(view) {
		return nil
	}
	if all+uint64(n) <= uint64(len(view)) { // the or is no less than the largest
		return view
	}
	for _, v := range off {
		if uint64(v)+uint64(n) > uint64(len(view)) {
			return nil
		}
	}
	return view
}

// quickLoad is a load of whole registers from global or shared memory, or of parameters.
func (d *decoder) quickLoad(slow func(*Warp)) func(*Warp) {
	in := d.in
	s, _ := spaceOf(in.Space())
	s = d.paramSpace(s, &in.Args[1])
	size := in.Type(0).Size()
	addr := d.quickAddress(&in.Args[1])
	dst := d.slots(&in.Args[0], true)
	if !plainSlots(dst, size) {
		return nil
	}
	n := size * len(dst)
	if addr == nil {
		return d.quickUniform(s, dst, size, slow)
	}
	if s != inGlobal && s != inShared && s != inGeneric {
		return nil
	}
	note := d.access(s, n)
	return func(w *Warp) {
		addr(w)
		view := w.inside(s, n, false)
		if view == nil {
			slow(w)
			return
		}
		note(w)
		for i := range dst {
			at, off, r := view[i*size:], &w.fast.off, dst[i].row
			switch {
			case size == 8 && w.mask == allLanes:
				lane.Best.Gather64(&w.x[r], at, off)
			case size == 8:
				lane.Best.Gather64(&w.fast.wide, at, off)
				lane.Best.Select64(&w.x[r], &w.fast.wide, &w.x[r], w.mask)
			case w.mask == allLanes:
				lane.Best.Gather(&w.r[r], at, off)
			default:
				lane.Best.Gather(&w.fast.row, at, off)
				lane.Best.Select(&w.r[r], &w.fast.row, &w.r[r], w.mask)
			}
		}
	}
}

// quickUniform is a load of what every lane finds at the same place of the parameters.
func (d *decoder) quickUniform(s space, dst []slot, size int, slow func(*Warp)) func(*Warp) {
	if s != inParam || len(d.in.Args[1].List) == 0 {
		return nil
	}
	at, ok := d.constant(&d.in.Args[1].List[0])
	if !ok {
		return nil
	}
	at += uint64(d.in.Args[1].Imm)
	n := size * len(dst)
	note := d.access(s, n)
	return func(w *Warp) {
		p := window(w.cta.launch.Params, at, n)
		if p == nil {
			slow(w)
			return
		}
		fill(&w.addr, at)
		note(w)
		for i := range dst {
			if size == 8 {
				fill(&w.fast.wide, binary.LittleEndian.Uint64(p[8*i:]))
				copyLanes(w.mask, &w.x[dst[i].row], &w.fast.wide)
				continue
			}
			w.spread(dst[i].row, binary.LittleEndian.Uint32(p[4*i:]))
		}
	}
}

// quickStore is a store of whole registers to global or shared memory.
func (d *decoder) quickStore(slow func(*Warp)) func(*Warp) {
	in := d.in
	s, _ := spaceOf(in.Space())
	size := in.Type(0).Size()
	addr := d.quickAddress(&in.Args[0])
	src := d.slots(&in.Args[1], false)
	if addr == nil || !plainSlots(src, size) || s != inGlobal && s != inShared && s != inGeneric {
		return nil
	}
	n := size * len(src)
	note := d.access(s, n)
	e := element{size: size}
	return func(w *Warp) {
		addr(w)
		view := w.inside(s, n, true)
		if view == nil {
			slow(w)
			return
		}
		note(w)
		off := &w.fast.off
		if w.mask != allLanes {
			for m := w.mask; m != 0; m &= m - 1 {
				l := first(m)
				for i := range src {
					e.put(view[off[l]+uint32(i*size):], src[i].get(w, l))
				}
			}
			return
		}
		for i := range src {
			if size == 8 {
				lane.Best.Scatter64(view[8*i:], off, &w.x[src[i].row])
				continue
			}
			lane.Best.Scatter(view[4*i:], off, &w.r[src[i].row])
		}
	}
}

// dash executes instructions while the warp can go on, at most n, and says how many. It is step in
// a loop, with the common case written out.
func (w *Warp) dash(n int) (done int) {
	insts, cta := w.prog.insts, w.cta
	for done < n && w.live != 0 && w.waiting != w.live && !w.parked {
		in := &insts[w.pc]
		done++
		if in.kind != plain || w.diverged {
			w.step()
		} else {
			m := w.active
			if in.guard >= 0 {
				p := w.pred[in.guard]
				if in.guardNot {
					p = ^p
				}
				m &= p
			}
			w.mask, w.touch = m, 0
			if m != 0 {
				in.run(w)
			}
			w.pc++
		}
		if len(w.transfers) > 0 {
			w.deliver()
		}
		cta.issued++
		if cta.fault.err != nil {
			return done
		}
	}
	return done
}
