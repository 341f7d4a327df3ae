package lower

import "tensoros/hw/ptx"

// operands finds which registers each instruction reads and writes, and the widths of registers.
func (l *lowering) operands() {
	n := l.f.Regs.Len() + 1
	l.same, l.defs, l.uses = make([]int32, n), make([]int32, n), make([]int32, n)
	l.width = make([]uint8, n)
	for i, t := range l.f.Regs.Types() {
		l.same[i] = int32(i)
		if t != ptx.Pred {
			l.width[i] = uint8((t.Bits() + 31) / 32)
		}
	}
	carry := int32(n - 1) // the condition code counts as one more register
	l.same[carry] = carry
	l.ops = make([]op, len(l.insts))
	var roles []ptx.ArgRole
	for i, in := range l.insts {
		o := &l.ops[i]
		o.guard = -1
		if in.Guard.Name != "" {
			o.guard = int32(in.Guard.Index)
		}
		roles = in.Roles(roles[:0])
		for k := range in.Args {
			write, read := false, true
			if k < len(roles) {
				write, read = roles[k].Write, roles[k].Read
			}
			o.take(&in.Args[k], read, write)
		}
		switch in.Op.ID {
		case ptx.OpAddc, ptx.OpSubc, ptx.OpMadc:
			o.read = append(o.read, carry)
		}
		if in.Has(ptx.ModCc) {
			o.write = append(o.write, carry)
		}
		for _, r := range o.write {
			l.defs[r]++
		}
		for _, r := range o.read {
			l.uses[r]++
		}
		if o.guard >= 0 {
			l.uses[o.guard]++
		}
	}
}

func (o *op) take(a *ptx.Operand, read, write bool) {
	switch a.Kind {
	case ptx.KindReg:
		if read {
			o.read = append(o.read, a.Index)
		}
		if write {
			o.write = append(o.write, a.Index)
		}
	case ptx.KindAddr, ptx.KindTensor:
		for i := range a.List {
			o.take(&a.List[i], true, false)
		}
	case ptx.KindVector, ptx.KindPair, ptx.KindList:
		for i := range a.List {
			o.take(&a.List[i], read, write)
		}
	}
}

// space is what a memory instruction may touch.
type space uint8

const (
	noMemory space = iota
	constant       // never written while a kernel runs
	global
	shared
	local
	everything // generic addresses
)

// access is an instruction's use of memory, for the order of instructions.
type access struct {
	space space
	store bool
	base  int32 // register of its address; -1 if none
	off   int64
	size  int64
	// fence: neither moves across the other.
	fence bool
}

// mayClash reports whether two accesses must keep their order.
func (a *access) mayClash(b *access) bool {
	if a.fence || b.fence {
		return a.space != noMemory && b.space != noMemory || a.fence && b.fence
	}
	if !a.store && !b.store || a.space <= constant || b.space <= constant {
		return false
	}
	if a.space != b.space && a.space != everything && b.space != everything {
		return false
	}
	if a.base >= 0 && a.base == b.base && a.space == b.space && a.size > 0 && b.size > 0 {
		return a.off < b.off+b.size && b.off < a.off+a.size
	}
	return true
}

func spaceOf(in *ptx.Inst) space {
	switch in.Space() {
	case ptx.SpaceGlobal:
		return global
	case ptx.SpaceShared, ptx.SpaceSharedCluster:
		return shared
	case ptx.SpaceLocal:
		return local
	case ptx.SpaceConst:
		return constant
	case ptx.SpaceParam:
		return local
	}
	return everything
}

// memory describes the access of an instruction that has one.
func (l *lowering) memory(i int) access {
	in := l.insts[i]
	a := access{base: -1}
	switch in.Op.ID {
	case ptx.OpLd, ptx.OpLdu, ptx.OpSt:
		a.space = spaceOf(in)
		a.store = in.Op.ID == ptx.OpSt
		if in.Has(ptx.ModNc) || a.space == local && in.Space() == ptx.SpaceParam && l.f.Entry {
			a.space = constant
		}
		if o := in.Order(); o != 0 && o != ptx.ModWeak {
			a.fence, a.store = true, true
		}
		l.place(&a, in)
	case ptx.OpAtom, ptx.OpRed:
		a.space, a.store = spaceOf(in), true
		if in.Op.ID == ptx.OpAtom || in.Order() != 0 && in.Order() != ptx.ModRelaxed {
			a.fence = true
		}
	case ptx.OpLdmatrix, ptx.OpWmmaLoad:
		a.space = spaceOf(in)
		if a.space == everything && in.Op.ID == ptx.OpLdmatrix {
			a.space = shared
		}
	case ptx.OpStmatrix:
		a.space, a.store = shared, true
	case ptx.OpWmmaStore:
		a.space, a.store = spaceOf(in), true
	case ptx.OpCpAsync:
		a.space, a.store = everything, true
	case ptx.OpTex, ptx.OpTexLevel, ptx.OpSuld:
		a.space = constant
	case ptx.OpPrefetch, ptx.OpPrefetchu:
		a.space = constant
	default:
		if ordered(in) {
			a.space, a.store, a.fence = everything, true, true
		}
	}
	return a
}

// place finds base and offset of a load's or store's address.
func (l *lowering) place(a *access, in *ptx.Inst) {
	k := 1
	if in.Op.ID == ptx.OpSt {
		k = 0
	}
	if k >= len(in.Args) || in.Args[k].Kind != ptx.KindAddr {
		return
	}
	at := &in.Args[k]
	a.off = at.Imm
	a.size = int64(in.Vec() * in.Type(0).Size())
	if len(at.List) > 0 && at.List[0].Kind == ptx.KindReg {
		a.base = at.List[0].Index
	}
}

// ordered lists what keeps its place among memory instructions: barriers, fences, asynchronous
// copies and all that waits for them.
func ordered(in *ptx.Inst) bool {
	switch in.Op.ID {
	case ptx.OpBarSync, ptx.OpBarArrive, ptx.OpBarRed, ptx.OpBarWarpSync, ptx.OpBarrierSync,
		ptx.OpBarrierArrive, ptx.OpBarrierRed, ptx.OpBarrierClusterArrive,
		ptx.OpBarrierClusterWait, ptx.OpMembar, ptx.OpFence, ptx.OpFenceProxy,
		ptx.OpFenceMbarrierInit, ptx.OpRedAsync, ptx.OpStAsync, ptx.OpGriddepcontrol,
		ptx.OpMbarrierInit, ptx.OpMbarrierInval, ptx.OpMbarrierExpectTx,
		ptx.OpMbarrierCompleteTx, ptx.OpMbarrierArrive, ptx.OpMbarrierArriveExpectTx,
		ptx.OpMbarrierArriveNoComplete, ptx.OpMbarrierArriveDrop,
		ptx.OpMbarrierArriveDropExpectTx, ptx.OpMbarrierArriveDropNoComplete,
		ptx.OpMbarrierTestWait, ptx.OpMbarrierTryWait, ptx.OpCpAsyncCommitGroup,
		ptx.OpCpAsyncWaitGroup, ptx.OpCpAsyncWaitAll, ptx.OpCpAsyncMbarrierArrive,
		ptx.OpCpAsyncBulk, ptx.OpCpAsyncBulkPrefetch, ptx.OpCpReduceAsyncBulk,
		ptx.OpCpAsyncBulkTensor, ptx.OpCpAsyncBulkPrefetchTensor, ptx.OpCpReduceAsyncBulkTensor,
		ptx.OpCpAsyncBulkCommitGroup, ptx.OpCpAsyncBulkWaitGroup, ptx.OpWgmmaFence,
		ptx.OpWgmmaCommitGroup, ptx.OpWgmmaWaitGroup, ptx.OpWgmmaMmaAsync, ptx.OpNanosleep,
		ptx.OpSetmaxnreg, ptx.OpSust, ptx.OpDiscard, ptx.OpApplypriority, ptx.OpAlloca,
		ptx.OpStacksave, ptx.OpStackrestore, ptx.OpActivemask, ptx.OpElect:
		return true
	}
	return false
}

// pinned lists what nothing moves across: control, and readings of clocks.
func pinned(in *ptx.Inst) bool {
	switch in.Op.ID {
	case ptx.OpBra, ptx.OpBrx, ptx.OpCall, ptx.OpRet, ptx.OpExit, ptx.OpTrap, ptx.OpBrkpt,
		ptx.OpPmevent, ptx.OpSetmaxnreg, ptx.OpWgmmaFence, ptx.OpWgmmaWaitGroup:
		return true
	case ptx.OpMov:
		if len(in.Args) == 2 && in.Args[1].Kind == ptx.KindSpecial {
			switch ptx.Special(in.Args[1].Index) {
			case ptx.SpClock, ptx.SpClock64, ptx.SpClockHi, ptx.SpGlobaltimer,
				ptx.SpGlobaltimerLo, ptx.SpGlobaltimerHi:
				return true
			}
		}
	}
	return false
}
