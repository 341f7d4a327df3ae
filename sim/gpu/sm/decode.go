package sm

import (
	"fmt"
	"math"
	"slices"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/lower"
)

// decoder turns one kernel into a Program.
type decoder struct {
	mod    *ptx.Module
	f      *ptx.Func
	p      *Program
	sm     int
	target *lower.Target
	base   uint64 // of the .global variables
	slow   bool   // without the forms over rows
	faults []string

	lowered map[*ptx.Func]*lower.Code
	place   []int32 // register -> row in its file
	imm32   map[uint32]int
	imm64   map[uint64]int
	offsets map[*ptx.Var]int  // shared, param and local variables
	ids     map[*ptx.Func]int // of the functions that can be called
	in      *ptx.Inst
	out     inst
}

// fault notes what cannot be executed.
func (d *decoder) fault(format string, args ...any) {
	at := d.f.Pos
	if d.in != nil {
		at = d.in.Pos
	}
	d.faults = append(d.faults, fmt.Sprintf("line %d: %s", at.Line, fmt.Sprintf(format, args...)))
}

// falseRow is a predicate that nothing sets: what constants are read from.
const falseRow = 0

// program decodes a kernel and the functions it may reach.
func (d *decoder) program(entry *ptx.Func) {
	d.p.preds, d.p.stack = falseRow+1, -1
	d.imm32, d.imm64 = map[uint32]int{}, map[uint64]int{}
	d.offsets = map[*ptx.Var]int{}
	d.f = entry
	d.variables()
	list := d.reachable(entry)
	d.lowered = map[*ptx.Func]*lower.Code{}
	for _, f := range list {
		insts, labels := f.Code()
		d.lowered[f] = lower.Func(d.mod, f, insts, labels, d.target)
	}
	frames := make([]callee, len(list))
	for i, f := range list {
		d.f = f
		d.layout(&frames[i])
	}
	d.reserve(list)
	d.p.funcs, d.p.numbered = frames, map[uint64]int{}
	for i, f := range list {
		d.p.numbered[funcNumber(d.mod, f)] = i
	}
	for i, f := range list {
		d.f, d.place = f, frames[i].place
		frames[i].entry = int32(len(d.p.insts))
		d.body()
	}
	d.f = entry
}

// variables places what the module declares.
func (d *decoder) variables() {
	for _, v := range d.mod.Vars {
		d.placeVariable(v)
	}
	for _, v := range d.mod.Vars {
		d.initial(v)
	}
}

func (d *decoder) placeVariable(v *ptx.Var) {
	switch {
	case v.Linkage == ptx.LinkExtern:
	case v.Space == ptx.SpaceShared:
		d.offsets[v] = d.allot(&d.p.Static, v)
	case v.Space == ptx.SpaceLocal:
		d.offsets[v] = d.allot(&d.p.Local, v)
	case v.Space == ptx.SpaceConst:
		end := len(d.p.constants)
		d.offsets[v] = d.allot(&end, v)
		d.p.constants = append(d.p.constants, make([]byte, end-len(d.p.constants))...)
	case v.Space == ptx.SpaceGlobal && v.Type.Bits() > 0:
		end := len(d.p.globals)
		d.offsets[v] = int(d.base) + d.allot(&end, v)
		d.p.globals = append(d.p.globals, make([]byte, end-len(d.p.globals))...)
	}
}

// initial writes the initial value of a .const or .global variable.
func (d *decoder) initial(v *ptx.Var) {
	at, ok := d.offsets[v]
	if !ok || v.Init == nil || v.Space != ptx.SpaceConst && v.Space != ptx.SpaceGlobal {
		return
	}
	data, relocs, err := v.Data()
	if err != nil {
		d.fault("%v", err)
		return
	}
	image := d.p.constants
	if v.Space == ptx.SpaceGlobal {
		image, at = d.p.globals, at-int(d.base)
	}
	copy(image[at:], data)
	for _, r := range relocs {
		if f := d.mod.Func(r.Name); f != nil {
			element{size: r.Size}.put(image[at+r.Off:], funcNumber(d.mod, f))
			continue
		}
		to := d.mod.Var(r.Name)
		where, ok := d.offsets[to]
		if to == nil || !ok {
			d.fault("variable %s: the address of %s is not modelled", v.Name, r.Name)
			continue
		}
		value := uint64(where) + uint64(r.Add)
		if r.Generic {
			value += windowOf(to.Space)
		}
		element{size: r.Size}.put(image[at+r.Off:], value)
	}
}

// windowOf is where a space begins in the generic address space.
func windowOf(s ptx.Space) uint64 {
	switch s {
	case ptx.SpaceShared:
		return SharedWindow
	case ptx.SpaceLocal:
		return LocalWindow
	case ptx.SpaceConst:
		return ConstWindow
	}
	return 0
}

// layout gives every register of a function a row and every variable an offset.
func (d *decoder) layout(c *callee) {
	d.place = nil
	c.low = frameEnd{d.p.rows32, d.p.rows64, d.p.preds, d.p.Local}
	defer func() {
		c.high = frameEnd{d.p.rows32, d.p.rows64, d.p.preds, d.p.Local}
		c.place = d.place
	}()
	d.registers()
	if d.f.Entry {
		for _, v := range d.f.Params {
			d.offsets[v] = d.allot(&d.p.Params, v)
		}
	}
	for _, v := range d.f.Vars {
		if _, ok := d.offsets[v]; ok {
			continue
		}
		switch v.Space {
		case ptx.SpaceShared:
			if v.Linkage != ptx.LinkExtern {
				d.offsets[v] = d.allot(&d.p.Static, v)
			}
		case ptx.SpaceLocal, ptx.SpaceParam: // parameters of functions live beside local memory
			d.offsets[v] = d.allot(&d.p.Local, v)
		}
	}
	c.formals(d)
	d.p.Local = (d.p.Local + 15) &^ 15
	if !d.f.Entry {
		return
	}
	d.extents()
}

// registers gives the function's registers rows. Those of a kernel that calls nobody share rows as
// far as they can; where there are calls, frames are saved and restored whole.
func (d *decoder) registers() {
	rows := d.lowered[d.f].Rows
	shared := len(d.lowered) == 1 && !calls(d.f)
	narrow, wide := d.p.rows32, d.p.rows64
	if shared {
		d.p.rows32, d.p.rows64 = narrow+rows.Narrow, wide+rows.Wide
	}
	for i, t := range d.f.Regs.Types() {
		switch {
		case t == ptx.Pred:
			d.place = append(d.place, int32(d.p.preds))
			d.p.preds++
		case t.Bits() > 64: // 128
			d.place = append(d.place, int32(d.p.rows64))
			d.p.rows64 += 2
		case shared && t.Bits() == 64:
			d.place = append(d.place, int32(wide)+max(rows.Of[i], 0)) // -1: it is never used
		case shared:
			d.place = append(d.place, int32(narrow)+max(rows.Of[i], 0))
		case t.Bits() == 64:
			d.place = append(d.place, int32(d.p.rows64))
			d.p.rows64++
		default:
			d.place = append(d.place, int32(d.p.rows32))
			d.p.rows32++
		}
	}
}

func calls(f *ptx.Func) bool {
	for in := range f.Insts() {
		if in.Op.ID == ptx.OpCall {
			return true
		}
	}
	return false
}

// extents is what the whole kernel takes: dynamic shared memory and threads.
func (d *decoder) extents() {
	// Dynamic shared memory starts on a bank line, or where its declaration wants it: ptxas pads
	// what is static so.
	align := 128
	dynamic := slices.DeleteFunc(slices.Concat(d.mod.Vars, d.f.Vars), func(v *ptx.Var) bool {
		return v.Space != ptx.SpaceShared || v.Linkage != ptx.LinkExtern
	})
	for _, v := range dynamic {
		align = max(align, v.Alignment())
	}
	d.p.Static = (d.p.Static + align - 1) &^ (align - 1)
	for _, v := range dynamic {
		d.offsets[v] = d.p.Static
	}
	d.clusterExtent()
	for _, name := range []string{"maxntid", "reqntid"} {
		if args, ok := d.f.PerfArgs(name); ok {
			d.p.MaxThread = 1
			for _, n := range args {
				d.p.MaxThread *= n
			}
		}
	}
}

// allot appends a variable to a space and returns its offset.
func (d *decoder) allot(end *int, v *ptx.Var) int {
	size := v.Size()
	align := lower.Alignment(v)
	at := (*end + align - 1) / align * align
	*end = at + size
	return at
}

// body decodes the instructions in the order that lowering gives them; labels become their indices.
func (d *decoder) body() {
	insts, labels := d.f.Code()
	code := d.lowered[d.f]
	d.machine(code)
	for i := range labels {
		labels[i] += len(d.p.insts)
	}
	for place, k := range code.Order {
		in := insts[k]
		d.in = in
		d.out = inst{guard: -1, line: in.Pos.Line, loc: d.loc(in), op: in.Op.ID,
			wide: uint32(code.Wide[place])}
		if in.Guard.Name != "" {
			d.out.guard, d.out.guardNot = d.place[in.Guard.Index], in.Guard.Not
		}
		d.decode(labels)
		d.members()
		d.outside()
		d.p.insts = append(d.p.insts, d.out)
	}
	d.in = nil
	end := inst{guard: -1, kind: leave}
	if !d.f.Entry {
		end.kind = retFunc
	}
	if n := len(insts); n > 0 {
		end.line = insts[n-1].Pos.Line
	}
	d.p.insts = append(d.p.insts, end) // running off the end is an exit
}

// machine appends a function's machine program, and one instruction for its end.
func (d *decoder) machine(c *lower.Code) {
	p := d.p
	base := int32(len(p.micros))
	for _, at := range c.First {
		p.first = append(p.first, base+at)
	}
	p.micros = append(p.micros, c.Micros...)
	p.micros = append(p.micros, lower.Micro{Unit: lower.Control, Gap: 1, Set: lower.NoToken})
	p.needs = max(p.needs, c.Registers)
	p.spilled += c.Spilled
}

// loc is the source line of an instruction, if .loc gives one.
func (d *decoder) loc(in *ptx.Inst) Loc {
	if in.Loc == nil {
		return Loc{}
	}
	l := Loc{Line: in.Loc.Line, Col: in.Loc.Col}
	for _, f := range d.mod.Files {
		if f.Index == in.Loc.File {
			l.File = f.Name
		}
	}
	return l
}

// outside notes what an instruction has to do with the world beyond its CTA.
func (d *decoder) outside() {
	in := d.in
	beyond := in.Space() == ptx.SpaceGlobal || in.Space() == ptx.SpaceGeneric
	strong := in.Order() != 0 && in.Order() != ptx.ModWeak
	switch in.Op.ID {
	case ptx.OpLd, ptx.OpSt:
		d.p.talks = d.p.talks || beyond && strong && in.Scope() != ptx.ModCta
		c := in.Cache()
		d.out.uncached = strong || c == ptx.ModCg || c == ptx.ModCv
	case ptx.OpCpAsync:
		d.out.uncached = in.Has(ptx.ModCg) // PTX ISA, cp.async: cached at L2 only
	case ptx.OpAtom, ptx.OpRed:
		d.p.talks = d.p.talks || beyond
	case ptx.OpCpReduceAsyncBulk, ptx.OpCpReduceAsyncBulkTensor:
		d.p.talks = d.p.talks || in.Has(ptx.ModBulkGroup)
	case ptx.OpMembar, ptx.OpFence:
		d.out.fence = !in.Has(ptx.ModCta)
	case ptx.OpNanosleep:
		ns := d.src32(0)
		d.out.sleep = func(w *Warp) int64 { return w.cta.cycles(w.r[ns][first(w.mask)]) }
	}
}

// decode fills d.out from d.in.
func (d *decoder) decode(labels []int) {
	in := d.in
	switch in.Op.ID {
	case ptx.OpBra:
		d.out.kind = jump
		d.out.target = int32(labels[in.Args[0].Index])
	case ptx.OpBrx:
		d.branchTable(labels)
	case ptx.OpCall:
		d.call()
	case ptx.OpExit:
		d.out.kind = leave
	case ptx.OpRet:
		d.out.kind = leave
		if !d.f.Entry {
			d.out.kind = retFunc
		}
	case ptx.OpBarRed, ptx.OpBarrierRed:
		d.barrierRed()
	case ptx.OpTrap:
		d.out.kind = trap
	case ptx.OpBarSync, ptx.OpBarrierSync:
		d.barrier(barSync)
	case ptx.OpBarArrive, ptx.OpBarrierArrive:
		d.barrier(barArrive)
	case ptx.OpBarrierClusterArrive, ptx.OpBarrierClusterWait:
		d.clusterBarrier()
	case ptx.OpMbarrierTryWait:
		d.tryWait()
	case ptx.OpWgmmaWaitGroup:
		d.mmaWait()
	case ptx.OpMembar, ptx.OpFence, ptx.OpFenceProxy, ptx.OpFenceMbarrierInit, ptx.OpGriddepcontrol,
		ptx.OpSetmaxnreg, ptx.OpCpAsyncBulkPrefetch,
		ptx.OpBarWarpSync, ptx.OpNanosleep,
		ptx.OpPrefetch, ptx.OpPrefetchu, ptx.OpDiscard, ptx.OpApplypriority, ptx.OpBrkpt,
		ptx.OpPmevent:
		// One thread of control at a time: order is program order, and hints have no effect.
		d.out.run = func(*Warp) {}
		if in.Op.ID == ptx.OpFenceProxy && in.Has(ptx.ModAsync) {
			d.out.run = (*Warp).proxyFence
		}
		if in.Op.ID == ptx.OpPrefetch && in.Has(ptx.ModTensormap) {
			d.out.run = d.mapPrefetch()
		}
	default:
		before := len(d.faults)
		if run := d.operation(); run != nil {
			d.out.run = d.quick(run)
			return
		}
		if len(d.faults) == before { // nobody has said why
			d.fault("%s is not modelled", in.Opcode())
		}
		d.out.run = func(*Warp) {}
	}
}

// operation tries the families in turn; nil if none knows the instruction.
func (d *decoder) operation() func(*Warp) {
	if d.in.Type(0).Bits() == 8*quadBytes {
		return d.quad()
	}
	switch d.in.Op.ID {
	case ptx.OpMov, ptx.OpCvta, ptx.OpCvtaTo:
		return d.move()
	case ptx.OpLd, ptx.OpLdu:
		return d.load()
	case ptx.OpSt:
		return d.store()
	case ptx.OpAtom, ptx.OpRed:
		return d.atomic()
	case ptx.OpSetp:
		return d.setp()
	case ptx.OpSelp:
		return d.selp()
	case ptx.OpCvt:
		return d.convert()
	case ptx.OpShfl:
		return d.shuffle()
	case ptx.OpVote, ptx.OpActivemask:
		return d.vote()
	case ptx.OpCpAsync, ptx.OpCpAsyncCommitGroup, ptx.OpCpAsyncWaitGroup, ptx.OpCpAsyncWaitAll:
		return d.async()
	case ptx.OpLdmatrix:
		return d.ldmatrix()
	case ptx.OpMma, ptx.OpMmaSp:
		return d.mma()
	case ptx.OpVadd2, ptx.OpVsub2, ptx.OpVavrg2, ptx.OpVabsdiff2, ptx.OpVmin2, ptx.OpVmax2,
		ptx.OpVset2, ptx.OpVadd4, ptx.OpVsub4, ptx.OpVavrg4, ptx.OpVabsdiff4, ptx.OpVmin4,
		ptx.OpVmax4, ptx.OpVset4, ptx.OpSet, ptx.OpSlct, ptx.OpTestp, ptx.OpCvtPack,
		ptx.OpDp4a, ptx.OpDp2a, ptx.OpFns, ptx.OpBmsk, ptx.OpSzext, ptx.OpMul24, ptx.OpMad24:
		return d.bitOperation()
	case ptx.OpMatch, ptx.OpRedux, ptx.OpElect, ptx.OpMovmatrix:
		return d.warpOperation()
	case ptx.OpWgmmaFence, ptx.OpWgmmaCommitGroup, ptx.OpWgmmaMmaAsync:
		return d.wgmma()
	case ptx.OpWmmaLoad, ptx.OpWmmaStore, ptx.OpWmmaMma:
		return d.wmma()
	case ptx.OpStmatrix:
		return d.stmatrix()
	case ptx.OpIsspacep:
		return d.spaceTest()
	case ptx.OpAlloca, ptx.OpStacksave, ptx.OpStackrestore:
		return d.stackOperation()
	case ptx.OpCreatepolicyFractional: // opaque; no cache here has priorities
		dst := d.slots(&d.in.Args[0], true)[0]
		return d.eachLane(func(w *Warp, l int) { dst.set(w, l, 0) })
	case ptx.OpMapa, ptx.OpGetctarank:
		return d.clusterAddress()
	}
	if run := d.transaction(); run != nil {
		return run
	}
	if len(d.in.Types) > 0 && d.in.Types[0] == ptx.Pred {
		return d.predicate()
	}
	return d.arithmetic()
}

func (d *decoder) barrier(k kind) {
	args := d.in.Args
	threads := -1
	if len(args) > 1 {
		threads = d.src32(1)
	}
	d.arrival(k, d.src32(0), threads)
}

// barrierRed is bar.red: d = op over the predicates of all threads that arrive.
func (d *decoder) barrierRed() {
	args := d.in.Args
	p, not := d.pred(&args[len(args)-1])
	flip := uint32(0)
	if not {
		flip = allLanes
	}
	d.out.vote = func(w *Warp) uint32 { return (w.pred[p] ^ flip) & w.mask }
	threads := -1
	if len(args) > 3 {
		threads = d.src32(2)
	}
	id := d.src32(1)
	op, dst := d.in.AtomOp(), d.dst(&args[0])
	d.out.result = func(w *Warp, lanes uint32, yes, total int) {
		w.mask = lanes
		switch op {
		case ptx.ModPopc:
			w.spread(dst, uint32(yes))
		case ptx.ModAnd:
			w.setPred(dst, yes == total)
		default:
			w.setPred(dst, yes > 0)
		}
	}
	d.arrival(barSync, id, threads)
}

func (d *decoder) arrival(k kind, id, threads int) {
	d.out.kind = k
	switch d.in.Op.ID {
	case ptx.OpBarSync, ptx.OpBarRed, ptx.OpBarArrive: // bar is barrier.aligned
		d.out.aligned = true
	default:
		d.out.aligned = d.in.Has(ptx.ModAligned)
	}
	d.out.barrier = func(w *Warp) (int, int) {
		n := 0
		if threads >= 0 {
			n = int(w.r[threads][first(w.mask)])
		}
		return int(w.r[id][first(w.mask)] & 15), n
	}
}

// src32 is the row of operand i read as 32 bits: a register, or a row that holds the constant.
func (d *decoder) src32(i int) int { return d.operand32(&d.in.Args[i]) }
func (d *decoder) src64(i int) int { return d.operand64(&d.in.Args[i]) }

func (d *decoder) operand32(op *ptx.Operand) int {
	if op.Kind == ptx.KindReg {
		return d.register(op, 32)
	}
	v, ok := d.immediate(op)
	if !ok {
		return 0
	}
	if op.Kind == ptx.KindF64 {
		v = uint64(math.Float32bits(float32(math.Float64frombits(v))))
	}
	return d.const32(uint32(v))
}

func (d *decoder) operand64(op *ptx.Operand) int {
	if op.Kind == ptx.KindReg {
		return d.register(op, 64)
	}
	v, ok := d.immediate(op)
	if !ok {
		return 0
	}
	return d.const64(v)
}

// register is the row of a register that is read; narrow ones live in rows of 32 bits.
func (d *decoder) register(op *ptx.Operand, bits int) int {
	t := d.f.Regs.Type(int(op.Index))
	if max(t.Bits(), 32) != bits {
		d.fault("a %v register where %d bits are wanted; cvt changes the width", t, bits)
		return 0
	}
	return int(d.place[op.Index])
}

// immediate is an operand that is known before the kernel runs.
func (d *decoder) immediate(op *ptx.Operand) (uint64, bool) {
	switch op.Kind {
	case ptx.KindInt, ptx.KindF32, ptx.KindF64, ptx.KindLocal, ptx.KindGlobal, ptx.KindFunc:
		return d.constant(op)
	}
	d.fault("operand %s is not modelled", op.Name)
	return 0, false
}

// constant is the value of a literal or the address of a variable in its space.
func (d *decoder) constant(op *ptx.Operand) (uint64, bool) {
	switch op.Kind {
	case ptx.KindFunc:
		return d.funcAddress(op), true
	case ptx.KindLocal, ptx.KindGlobal:
		v := d.variable(op)
		at, ok := d.offsets[v]
		if !ok {
			d.fault("variable %s in .%v is not modelled", v.Name, v.Space)
			return 0, false
		}
		return uint64(at) + uint64(op.Imm), true
	}
	return uint64(op.Imm), true
}

func (d *decoder) variable(op *ptx.Operand) *ptx.Var {
	if op.Kind == ptx.KindLocal {
		return d.f.Vars[op.Index]
	}
	return d.mod.Vars[op.Index]
}

func (d *decoder) const32(v uint32) int {
	i, ok := d.imm32[v]
	if !ok {
		i = len(d.p.const32)
		d.imm32[v] = i
		d.p.const32 = append(d.p.const32, v)
	}
	return d.p.rows32 + i
}

func (d *decoder) const64(v uint64) int {
	i, ok := d.imm64[v]
	if !ok {
		i = len(d.p.const64)
		d.imm64[v] = i
		d.p.const64 = append(d.p.const64, v)
	}
	return d.p.rows64 + i
}

// dst is the row that operand i writes. A sink gets a row of its own that nobody reads.
func (d *decoder) dst(op *ptx.Operand) int {
	if op.Kind != ptx.KindReg {
		d.fault("result %s is not a register", op.Name)
		return 0
	}
	return int(d.place[op.Index])
}

// wideReg reports whether an operand is a 64-bit register.
func (d *decoder) wideReg(op *ptx.Operand) bool {
	return op.Kind == ptx.KindReg && d.f.Regs.Type(int(op.Index)).Bits() == 64
}

func (d *decoder) pred(op *ptx.Operand) (row int, not bool) {
	if op.Kind == ptx.KindInt {
		return falseRow, (op.Imm != 0) != op.Not
	}
	if op.Kind != ptx.KindReg || d.f.Regs.Type(int(op.Index)) != ptx.Pred {
		d.fault("operand %s is not a predicate", op.Name)
		return 0, false
	}
	return int(d.place[op.Index]), op.Not
}
