package sm

import (
	"encoding/binary"
	"math/bits"

	"tensoros/hw/ptx"
)

// space is the state space that an access goes to.
type space uint8

const (
	inGlobal space = iota
	inShared
	inLocal
	inParam
	inConst
	inGeneric
)

// Windows of the generic address space: above the 49 bits of the page tables.
const (
	SharedWindow uint64 = 0x00fe << 48
	LocalWindow  uint64 = 0x00ff << 48
	ConstWindow  uint64 = 0x00fd << 48
	ParamWindow  uint64 = 0x00fc << 48
	ModuleWindow uint64 = 0x00fb << 48 // the module's .global variables
	HeapWindow   uint64 = 0x00fa << 48 // what malloc gives
	GridWindow   uint64 = 0x00f9 << 48 // the grid's workspace
	windowMask   uint64 = 0xffff << 48
)

func spaceOf(s ptx.Space) (space, bool) {
	switch s {
	case ptx.SpaceGlobal:
		return inGlobal, true
	case ptx.SpaceConst:
		return inConst, true
	case ptx.SpaceShared, ptx.SpaceSharedCluster: // bytesAt finds the CTA
		return inShared, true
	case ptx.SpaceLocal:
		return inLocal, true
	case ptx.SpaceParam:
		return inParam, true
	case ptx.SpaceGeneric:
		return inGeneric, true
	}
	return 0, false
}

// address decodes [base + offset] into a function that gives each lane's address.
func (d *decoder) address(op *ptx.Operand) func(w *Warp) {
	off := uint64(op.Imm)
	if len(op.List) == 0 {
		return func(w *Warp) { fill(&w.addr, off) }
	}
	base := &op.List[0]
	if base.Kind != ptx.KindReg {
		v, ok := d.constant(base)
		if !ok {
			return func(*Warp) {}
		}
		return func(w *Warp) { fill(&w.addr, v+off) }
	}
	if d.wideReg(base) {
		r := d.operand64(base)
		return func(w *Warp) {
			x := &w.x[r]
			for l := range x {
				w.addr[l] = x[l] + off
			}
		}
	}
	r := d.operand32(base)
	return func(w *Warp) {
		x := &w.r[r]
		for l := range x {
			w.addr[l] = uint64(x[l] + uint32(off))
		}
	}
}

func fill(a *wide, v uint64) {
	for l := range a {
		a[l] = v
	}
}

// bytesAt is the memory that lane l accesses, at least n bytes; nil after a fault.
func (w *Warp) bytesAt(s space, l, n int, write bool) []byte {
	a := w.addr[l]
	if s == inGeneric {
		switch a & windowMask {
		case SharedWindow:
			s, a = inShared, a&^windowMask
		case LocalWindow:
			s, a = inLocal, a&^windowMask
		case ConstWindow:
			s, a = inConst, a&^windowMask
		case ParamWindow:
			s, a = inParam, a&^windowMask
		default:
			s = inGlobal
		}
	}
	var p []byte
	switch s {
	case inGlobal:
		if a%uint64(n) == 0 {
			p = w.cta.span(a, n, write)
		}
	case inShared:
		if c, off := w.cta.peer(a); c != nil {
			p = window(c.shared, off, n)
		}
	case inLocal:
		p = window(w.local[l*w.prog.Local:(l+1)*w.prog.Local], a, n)
	case inParam:
		p = window(w.cta.launch.Params, a, n)
	case inConst:
		p = window(w.prog.constants, a, n)
	}
	if p == nil {
		w.memoryFault(s, a, n, write)
	} else if w.cta.launch.Watch != nil {
		w.seen(s, l, a, n, write)
	}
	return p
}

func window(p []byte, a uint64, n int) []byte {
	if a > uint64(len(p)) || uint64(len(p))-a < uint64(n) || a%uint64(n) != 0 {
		return nil
	}
	return p[a:]
}

var spaceNames = [...]string{"global", "shared", "local", "parameter", "constant",
	"generic"}

func (w *Warp) memoryFault(s space, a uint64, n int, write bool) {
	verb := "read"
	if write {
		verb = "write"
	}
	why := "nothing is mapped there"
	if a%uint64(n) != 0 {
		why = "the address is not aligned"
	} else if s == inShared {
		why = "outside the CTA's shared memory"
		if c, _ := w.cta.peer(a); c == nil {
			why = "the cluster has no such CTA"
		}
	}
	if w.cta.launch.Watch != nil {
		w.outside(s, a, n, write, why)
	}
	w.cta.fail(w, "%d byte %s of %s memory at %#x: %s", n, verb, spaceNames[s], a, why)
}

// element tells how one element moves between memory and a register.
type element struct {
	size   int
	signed bool
}

func (e element) get(p []byte) uint64 {
	switch e.size {
	case 1:
		if e.signed {
			return uint64(int64(int8(p[0])))
		}
		return uint64(p[0])
	case 2:
		v := binary.LittleEndian.Uint16(p)
		if e.signed {
			return uint64(int64(int16(v)))
		}
		return uint64(v)
	case 4:
		v := binary.LittleEndian.Uint32(p)
		if e.signed {
			return uint64(int64(int32(v)))
		}
		return uint64(v)
	}
	return binary.LittleEndian.Uint64(p)
}

func (e element) put(p []byte, v uint64) {
	switch e.size {
	case 1:
		p[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(p, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(v))
	default:
		binary.LittleEndian.PutUint64(p, v)
	}
}

// slot is a register that a load fills or a store drains.
type slot struct {
	row   int
	wide  bool
	half  bool // a 16-bit register: keep 16 bits
	empty bool // _
}

func (d *decoder) slots(op *ptx.Operand, result bool) []slot {
	list := []ptx.Operand{*op}
	if op.Kind == ptx.KindVector {
		list = op.List
	}
	var out []slot
	for i := range list {
		o := &list[i]
		if o.Kind == ptx.KindSink {
			out = append(out, slot{empty: true})
			continue
		}
		s := slot{wide: d.wideReg(o)}
		if o.Kind == ptx.KindReg {
			s.half = d.f.Regs.Type(int(o.Index)).Bits() == 16
		} else if d.in.Type(0).Bits() == 64 {
			s.wide = true
		}
		switch {
		case result:
			s.row = d.dst(o)
		case s.wide:
			s.row = d.operand64(o)
		default:
			s.row = d.operand32(o)
		}
		out = append(out, s)
	}
	return out
}

func (s slot) set(w *Warp, l int, v uint64) {
	switch {
	case s.empty:
	case s.wide:
		w.x[s.row][l] = v
	case s.half:
		w.r[s.row][l] = uint32(v) & 0xffff
	default:
		w.r[s.row][l] = uint32(v)
	}
}

func (s slot) get(w *Warp, l int) uint64 {
	if s.wide {
		return w.x[s.row][l]
	}
	return uint64(w.r[s.row][l])
}

// access notes what an instruction touches, for the timing layer.
func (d *decoder) access(s space, bytes int) func(w *Warp) {
	switch s {
	case inShared:
		d.out.class = inPipe
	case inParam, inConst:
		d.out.class = elsewhere
	default:
		d.out.class = beyond
	}
	n := uint32(bytes)
	return func(w *Warp) {
		w.touch, w.space, w.size, w.phases = w.mask, s, n, 0
	}
}

func (d *decoder) load() func(*Warp) {
	in := d.in
	s, ok := spaceOf(in.Space())
	if !ok {
		return nil
	}
	s = d.paramSpace(s, &in.Args[1])
	e := element{in.Type(0).Size(), in.Type(0).IsSigned()}
	addr := d.address(&in.Args[1])
	dst := d.slots(&in.Args[0], true)
	bytes := e.size * len(dst)
	note := d.access(s, bytes)
	d.out.cost.load = true
	if len(dst) == 1 && !dst[0].wide && !dst[0].half && e.size == 4 {
		return loadWord(s, addr, note, dst[0].row)
	}
	return func(w *Warp) {
		addr(w)
		note(w)
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.bytesAt(s, l, bytes, false)
			if p == nil {
				return
			}
			for i := range dst {
				dst[i].set(w, l, e.get(p[i*e.size:]))
			}
		}
	}
}

// loadWord is the common case of one 32-bit register.
func loadWord(s space, addr, note func(*Warp), row int) func(*Warp) {
	return func(w *Warp) {
		addr(w)
		note(w)
		r := &w.r[row]
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.bytesAt(s, l, 4, false)
			if p == nil {
				return
			}
			r[l] = binary.LittleEndian.Uint32(p)
		}
	}
}

func (d *decoder) store() func(*Warp) {
	in := d.in
	s, ok := spaceOf(in.Space())
	if s, ok = d.paramSpace(s, &in.Args[0]), ok && s != inConst; !ok || s == inParam {
		return nil
	}
	e := element{size: in.Type(0).Size()}
	addr := d.address(&in.Args[0])
	src := d.slots(&in.Args[1], false)
	bytes := e.size * len(src)
	note := d.access(s, bytes)
	return func(w *Warp) {
		addr(w)
		note(w)
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.bytesAt(s, l, bytes, true)
			if p == nil {
				return
			}
			for i := range src {
				e.put(p[i*e.size:], src[i].get(w, l))
			}
		}
	}
}

// atomic is atom and red: lanes act in order of their number.
func (d *decoder) atomic() func(*Warp) {
	in := d.in
	s, ok := spaceOf(in.Space())
	op := in.AtomOp()
	f := atomicOp(op, in.Type(0))
	if !ok || s == inParam || s == inConst || s == inLocal || f == nil {
		return nil
	}
	args := in.Args
	var dst []slot
	if in.Op.ID == ptx.OpAtom {
		if args[0].Kind != ptx.KindSink {
			dst = d.slots(&args[0], true)
		}
		args = args[1:]
		d.out.cost.load = true
	}
	d.out.cost.atomic = true
	addr := d.address(&args[0])
	a := d.slots(&args[1], false)
	b := a
	if op == ptx.ModCas {
		b = d.slots(&args[2], false)
	}
	e := element{size: in.Type(0).Size()}
	bytes := e.size * len(a)
	note := d.access(s, bytes)
	flushes := op == ptx.ModAdd && in.Type(0) == ptx.F32 && s != inShared
	return func(w *Warp) {
		addr(w)
		note(w)
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			p := w.bytesAt(s, l, bytes, true)
			if p == nil {
				return
			}
			g := f
			if flushes && w.addr[l]&windowMask != SharedWindow {
				g = flushedAdd
			}
			for i := range a {
				q := p[i*e.size:]
				old := e.get(q)
				e.put(q, g(old, a[i].get(w, l), b[i].get(w, l)))
				if dst != nil {
					dst[i].set(w, l, old)
				}
			}
		}
	}
}

// flushedAdd is the f32 sum of L2: subnormal operands and results are zeros of their sign (PTX ISA,
// atom: "atom.add.f32 on global memory flushes"); shared memory keeps them.
func flushedAdd(old, a, _ uint64) uint64 {
	x, y := getF32(flush32(uint32(old))), getF32(flush32(uint32(a)))
	return uint64(flush32(putF32(addOdd(x, y))))
}

// atomicOp gives the new value from the old and the operands; nil if not modelled.
func atomicOp(op ptx.Mod, t ptx.Type) func(old, a, b uint64) uint64 {
	fl, isFloat := floatOf(t)
	switch op {
	case ptx.ModAdd:
		switch {
		case t == ptx.F64 || isFloat && fl.two:
			return pairAtomic(t)
		case isFloat:
			return func(old, a, _ uint64) uint64 {
				return uint64(fl.put(addOdd(fl.get(uint32(old)), fl.get(uint32(a)))))
			}
		}
		return func(old, a, _ uint64) uint64 { return old + a }
	case ptx.ModAnd:
		return func(old, a, _ uint64) uint64 { return old & a }
	case ptx.ModOr:
		return func(old, a, _ uint64) uint64 { return old | a }
	case ptx.ModXor:
		return func(old, a, _ uint64) uint64 { return old ^ a }
	case ptx.ModExch:
		return func(_, a, _ uint64) uint64 { return a }
	case ptx.ModCas:
		return func(old, a, b uint64) uint64 {
			if cut(old, t) == cut(a, t) {
				return b
			}
			return old
		}
	case ptx.ModInc:
		return func(old, a, _ uint64) uint64 {
			if old >= a {
				return 0
			}
			return old + 1
		}
	case ptx.ModDec:
		return func(old, a, _ uint64) uint64 {
			if old == 0 || old > a {
				return a
			}
			return old - 1
		}
	case ptx.ModMin, ptx.ModMax:
		least := op == ptx.ModMin
		if t.IsFloat() {
			return floatExtreme(t, least)
		}
		return func(old, a, _ uint64) uint64 {
			less := signed64(old, t) < signed64(a, t)
			if t == ptx.U64 {
				less = old < a
			}
			if less == least {
				return old
			}
			return a
		}
	}
	return nil
}

// move is mov, cvta and cvta.to: registers, constants, addresses, special registers, and the
// packing and unpacking of vectors.
func (d *decoder) move() func(*Warp) {
	in := d.in
	if in.Op.ID != ptx.OpMov {
		return d.convertAddress()
	}
	if in.Type(0) == ptx.Pred {
		if in.Args[1].Kind == ptx.KindSpecial { // %is_explicit_cluster
			p, f := d.dst(&in.Args[0]), clusterSpecial(ptx.Special(in.Args[1].Index))
			return func(w *Warp) { w.setPred(p, f(w, 0) != 0) }
		}
		return d.predicate()
	}
	dst, src := &in.Args[0], &in.Args[1]
	switch {
	case dst.Kind == ptx.KindVector:
		return d.unpack()
	case src.Kind == ptx.KindVector:
		return d.packVector()
	case src.Kind == ptx.KindSpecial:
		return d.special(ptx.Special(src.Index))
	case d.wideReg(dst):
		a, r := d.operand64(src), d.dst(dst)
		return func(w *Warp) { copyLanes(w.mask, &w.x[r], &w.x[a]) }
	}
	a, r := d.operand32(src), d.dst(dst)
	return func(w *Warp) { copyLanes(w.mask, &w.r[r], &w.r[a]) }
}

func copyLanes[T word](m uint32, d, a *[Lanes]T) {
	if m == allLanes {
		*d = *a
		return
	}
	for ; m != 0; m &= m - 1 {
		l := first(m)
		d[l] = a[l]
	}
}

// convertAddress is cvta: shared and local addresses gain or lose their window.
func (d *decoder) convertAddress() func(*Warp) {
	in := d.in
	var base uint64
	switch in.Space() {
	case ptx.SpaceShared, ptx.SpaceSharedCluster:
		base = SharedWindow
	case ptx.SpaceLocal:
		base = LocalWindow
	case ptx.SpaceConst:
		base = ConstWindow
	case ptx.SpaceParam:
		base = ParamWindow
		if !d.f.Entry {
			base = LocalWindow
		}
	case ptx.SpaceGlobal:
	default:
		return nil
	}
	if in.Op.ID == ptx.OpCvtaTo {
		base = -base
	}
	if !d.wideReg(&in.Args[0]) {
		return nil
	}
	a, dst := d.src64(1), d.dst(&in.Args[0])
	return func(w *Warp) {
		map1(w.mask, &w.x[dst], &w.x[a], func(v uint64) uint64 { return v + base })
	}
}

// unpack is mov.b64 {a, b}, c and its kin; packVector the reverse.
func (d *decoder) unpack() func(*Warp) {
	in := d.in
	parts := d.slots(&in.Args[0], true)
	src := d.slots(&in.Args[1], false)[0]
	n := uint(in.Type(0).Bits() / len(parts))
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			v := src.get(w, l)
			for i, p := range parts {
				p.set(w, l, v>>(uint(i)*n)&(1<<n-1))
			}
		}
	}
}

func (d *decoder) packVector() func(*Warp) {
	in := d.in
	parts := d.slots(&in.Args[1], false)
	dst := d.slots(&in.Args[0], true)[0]
	n := uint(in.Type(0).Bits() / len(parts))
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			var v uint64
			for i, p := range parts {
				v |= p.get(w, l) & (1<<n - 1) << (uint(i) * n)
			}
			dst.set(w, l, v)
		}
	}
}

// special reads a special register.
func (d *decoder) special(s ptx.Special) func(*Warp) {
	if s >= ptx.SpReservedSmemBegin && s <= ptx.SpReservedSmem1 {
		d.p.reserved = reservedBytes
	}
	f := specialValue(s)
	if f == nil {
		d.fault("special register %v is not modelled", s)
		return func(*Warp) {}
	}
	dst := d.slots(&d.in.Args[0], true)[0]
	return func(w *Warp) {
		for m := w.mask; m != 0; m &= m - 1 {
			l := first(m)
			dst.set(w, l, f(w, l))
		}
	}
}

func specialValue(s ptx.Special) func(w *Warp, l int) uint64 {
	axis := func(base ptx.Special) int { return int(s - base) }
	switch {
	case s >= ptx.SpTidX && s <= ptx.SpTidZ:
		return func(w *Warp, l int) uint64 { return uint64(w.tid(l)[axis(ptx.SpTidX)]) }
	case s >= ptx.SpNtidX && s <= ptx.SpNtidZ:
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.launch.Block[axis(ptx.SpNtidX)]) }
	case s >= ptx.SpCtaidX && s <= ptx.SpCtaidZ:
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.id[axis(ptx.SpCtaidX)]) }
	case s >= ptx.SpNctaidX && s <= ptx.SpNctaidZ:
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.launch.Grid[axis(ptx.SpNctaidX)]) }
	}
	switch s {
	case ptx.SpLaneid:
		return func(_ *Warp, l int) uint64 { return uint64(l) }
	case ptx.SpWarpid:
		return func(w *Warp, _ int) uint64 { return uint64(w.id) }
	case ptx.SpNwarpid:
		return func(w *Warp, _ int) uint64 { return uint64(len(w.cta.warps)) }
	case ptx.SpSmid:
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.smid) }
	case ptx.SpLanemaskEq:
		return func(_ *Warp, l int) uint64 { return 1 << l }
	case ptx.SpLanemaskLt:
		return func(_ *Warp, l int) uint64 { return 1<<l - 1 }
	case ptx.SpLanemaskLe:
		return func(_ *Warp, l int) uint64 { return 2<<l - 1 }
	case ptx.SpLanemaskGt:
		return func(_ *Warp, l int) uint64 { return uint64(^uint32(0) << l << 1) }
	case ptx.SpLanemaskGe:
		return func(_ *Warp, l int) uint64 { return uint64(^uint32(0) << l) }
	case ptx.SpClock, ptx.SpClock64:
		return func(w *Warp, _ int) uint64 { return w.cycle() }
	case ptx.SpClockHi, ptx.SpGlobaltimerHi:
		return func(w *Warp, _ int) uint64 { return w.cycle() >> 32 }
	case ptx.SpGlobaltimer, ptx.SpGlobaltimerLo:
		// In cycles: the SM does not know its clock in hertz.
		return func(w *Warp, _ int) uint64 { return w.cycle() }
	case ptx.SpNsmid:
		return func(w *Warp, _ int) uint64 { return uint64(max(w.cta.sms, 1)) }
	case ptx.SpGridid, ptx.SpCurrentGraphExec:
		return func(*Warp, int) uint64 { return 0 }
	case ptx.SpDynamicSmemSize:
		return func(w *Warp, _ int) uint64 { return uint64(w.cta.launch.Shared) }
	case ptx.SpTotalSmemSize, ptx.SpAggrSmemSize:
		return func(w *Warp, _ int) uint64 { return uint64(len(w.cta.shared) - w.prog.reserved) }
	}
	if f := runtimeSpecial(s); f != nil {
		return f
	}
	return clusterSpecial(s)
}

// tid is a lane's thread index.
func (w *Warp) tid(l int) [3]uint32 {
	b := &w.cta.launch.Block
	n := uint32(w.id*Lanes + l)
	return [3]uint32{n % b[0], n / b[0] % b[1], n / b[0] / b[1]}
}

func (w *Warp) cycle() uint64 {
	if w.cta.clock == nil {
		return w.cta.issued
	}
	return w.cta.clock()
}

func popcount(m uint32) int { return bits.OnesCount32(m) }
