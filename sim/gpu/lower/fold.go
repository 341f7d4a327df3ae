package lower

import "tensoros/hw/ptx"

// folder finds the instructions that leave no machine instruction of their own: copies,
// conversions between views of the same bits, constants, and producers that their only consumer
// takes in (a multiply into a multiply-add, a sum into the offset of an address).
type folder struct {
	*lowering
	maker []int32 // register -> the only instruction that writes it, or -1
	taker []int32 // register -> the only instruction that reads it, or -1
	bases []int32 // register -> how often it is the base of an address
	took  []bool  // instruction -> it has taken in a producer
}

// constantReg marks a register whose value is in the constant bank or in instruction words.
const constantReg = -1

func (l *lowering) foldAll() {
	n := len(l.same)
	f := &folder{lowering: l, maker: fill(n), taker: fill(n), bases: make([]int32, n),
		took: make([]bool, len(l.insts))}
	for i := range l.ops {
		o := &l.ops[i]
		for _, r := range o.write {
			f.maker[r] = int32(i)
			if l.defs[r] != 1 {
				f.maker[r] = -1
			}
		}
		for _, r := range o.read {
			f.taker[r] = int32(i)
			if l.uses[r] != 1 {
				f.taker[r] = -1
			}
		}
		for k := range l.insts[i].Args {
			a := &l.insts[i].Args[k]
			if a.Kind == ptx.KindAddr && len(a.List) > 0 && a.List[0].Kind == ptx.KindReg {
				f.bases[a.List[0].Index]++
			}
		}
	}
	f.merge()
	for i := range l.insts {
		f.fold(i)
	}
	l.resolve()
}

func fill(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = -1
	}
	return s
}

func (f *folder) fold(i int) {
	in, o := f.insts[i], &f.ops[i]
	switch in.Op.ID {
	case ptx.OpMov:
		f.move(i)
	case ptx.OpCvta, ptx.OpCvtaTo:
		f.address(i)
	case ptx.OpLd:
		f.constantLoad(i)
	case ptx.OpCvt:
		f.convert(i)
	case ptx.OpMul:
		f.product(i)
	case ptx.OpShl:
		f.into(i, ptx.OpAdd, ptx.OpSub) // LEA
	case ptx.OpAdd, ptx.OpSub:
		f.sum(i)
	case ptx.OpAnd, ptx.OpOr, ptx.OpXor, ptx.OpNot:
		f.logic(i)
	case ptx.OpNeg, ptx.OpAbs:
		if in.Type(0).IsFloat() {
			f.into(i, ptx.OpAdd, ptx.OpSub, ptx.OpMul, ptx.OpFma, ptx.OpMin, ptx.OpMax, ptx.OpSetp)
		}
	case ptx.OpWgmmaCommitGroup, ptx.OpMbarrierPendingCount, ptx.OpGetctarank, ptx.OpMapa:
		o.fold = in.Op.ID == ptx.OpWgmmaCommitGroup
	case ptx.OpSt:
		o.fold = in.Space() == ptx.SpaceParam // arguments travel in registers
	}
}

// alias folds an instruction whose result is its source under another name.
func (f *folder) alias(i int) {
	o := &f.ops[i]
	o.fold = true
	if len(o.write) != 1 || f.defs[o.write[0]] != 1 || o.guard >= 0 {
		return
	}
	switch len(o.read) {
	case 0:
		f.same[o.write[0]] = constantReg
	case 1:
		if f.defs[o.read[0]] == 1 {
			f.same[o.write[0]] = o.read[0]
		}
	}
}

func (f *folder) move(i int) {
	in, o := f.insts[i], &f.ops[i]
	if len(in.Args) != 2 {
		return
	}
	src := &in.Args[1]
	switch src.Kind {
	case ptx.KindReg:
		if in.Args[0].Kind == ptx.KindVector && in.Type(0).Bits() == 32 {
			o.fold = true // halves of a register can be named
			return
		}
		f.alias(i)
	case ptx.KindVector:
		o.fold = in.Type(0).Bits() == 64 // a pair of registers
	case ptx.KindSpecial:
		switch s := ptx.Special(src.Index); {
		case s >= ptx.SpNtidX && s <= ptx.SpNtidZ, s >= ptx.SpNctaidX && s <= ptx.SpNctaidZ:
			f.alias(i)
		}
	default:
		if len(o.write) == 1 && f.defs[o.write[0]] == 1 {
			f.alias(i)
		}
	}
}

// address is cvta: only shared and local addresses change, by the base of their window.
func (f *folder) address(i int) {
	switch in := f.insts[i]; in.Space() {
	case ptx.SpaceShared, ptx.SpaceSharedCluster, ptx.SpaceLocal:
		if in.Op.ID == ptx.OpCvtaTo {
			f.alias(i)
		}
	default:
		f.alias(i)
	}
}

// constantLoad folds loads of parameters and of fixed places in .const: operands can be there.
func (f *folder) constantLoad(i int) {
	in := f.insts[i]
	s := in.Space()
	if s != ptx.SpaceParam && s != ptx.SpaceConst || len(f.ops[i].read) > 0 {
		return
	}
	if s == ptx.SpaceParam && !f.f.Entry {
		f.ops[i].fold = true
		return
	}
	for _, r := range f.ops[i].write {
		if f.defs[r] == 1 {
			f.same[r] = constantReg
		}
	}
	f.ops[i].fold = true
}

func (f *folder) convert(i int) {
	in := f.insts[i]
	d, s := in.Type(0), in.Type(1)
	if d.IsFloat() || s.IsFloat() || in.Has(ptx.ModSat) {
		return
	}
	switch {
	case d.Bits() == s.Bits(), d.Bits() == 64 && s == ptx.U32,
		d.Bits() < s.Bits() && d.Bits() >= 16, d.Bits() == 32 && s.Bits() == 16 && !s.IsSigned():
		f.alias(i)
	case d.Bits() == 64 && s == ptx.S32:
		f.into(i, ptx.OpMul, ptx.OpShl, ptx.OpAdd, ptx.OpMad) // IMAD.WIDE extends
	case s.Bits() == 8 && !s.IsSigned():
		m := f.source(i)
		if m >= 0 && f.insts[m].Op.ID == ptx.OpLd && f.insts[m].Type(0).Bits() == 8 {
			f.alias(i)
		}
	}
}

// source is the instruction that makes the first register an instruction reads, or -1.
func (f *folder) source(i int) int32 {
	if len(f.ops[i].read) == 0 {
		return -1
	}
	return f.maker[f.ops[i].read[0]]
}

// into folds a producer into its only consumer, if that is one of ops and has room.
func (f *folder) into(i int, ops ...ptx.OpID) bool {
	o := &f.ops[i]
	if len(o.write) != 1 || f.defs[o.write[0]] != 1 || o.guard >= 0 {
		return false
	}
	t := f.taker[o.write[0]]
	if t < 0 || f.took[t] {
		return false
	}
	for _, id := range ops {
		if f.insts[t].Op.ID == id {
			f.took[t] = true
			o.fold = true
			f.ops[t].seq = fused(f.insts[i], f.insts[t])
			return true
		}
	}
	return false
}

// fused is what consumer c becomes with producer p in it; nil if it stays what it was.
func fused(p, c *ptx.Inst) []step {
	switch {
	case p.Op.ID == ptx.OpMul && !p.Type(0).IsFloat():
		return parseCode("H")
	case p.Op.ID == ptx.OpShl && c.Type(0).Bits() == 64:
		return parseCode("A+A")
	case p.Op.ID == ptx.OpShl:
		return parseCode("A")
	}
	return nil
}

// product folds an integer multiply into an addition.
func (f *folder) product(i int) {
	in := f.insts[i]
	part := in.MulPart()
	if in.Type(0).IsFloat() || in.Type(0).Bits() != 32 || part != ptx.ModWide && part != ptx.ModLo {
		return
	}
	f.into(i, ptx.OpAdd)
}

// sum folds additions of constants into addresses, and one addition into another.
func (f *folder) sum(i int) {
	in, o := f.insts[i], &f.ops[i]
	if in.Type(0).IsFloat() || len(in.Args) != 3 || len(o.write) != 1 || in.Has(ptx.ModCc) {
		return
	}
	w := o.write[0]
	if f.defs[w] == 1 && f.uses[w] > 0 && f.bases[w] == f.uses[w] && len(o.read) == 1 &&
		in.Args[2].Kind == ptx.KindInt && o.guard < 0 && !f.took[i] {
		f.alias(i)
		return
	}
	if in.Op.ID == ptx.OpAdd && in.Type(0).Bits() == 32 && !f.took[i] {
		f.into(i, ptx.OpAdd)
	}
}

// logic folds one of two operations into a three-input LOP3, and operations on predicates into the
// comparisons that make them.
func (f *folder) logic(i int) {
	in, o := f.insts[i], &f.ops[i]
	if in.Type(0) == ptx.Pred {
		for _, r := range o.read {
			m := f.maker[r]
			if in.Op.ID == ptx.OpNot || m >= 0 && f.uses[r] == 1 && f.insts[m].Op.ID == ptx.OpSetp {
				o.fold = true
				return
			}
		}
		return
	}
	if in.Type(0).Bits() == 32 && !f.took[i] {
		f.into(i, ptx.OpAnd, ptx.OpOr, ptx.OpXor, ptx.OpNot)
	}
}

// resolve lets all operands name the registers that hold the values.
func (l *lowering) resolve() {
	for r := range l.same {
		at := int32(r)
		for at >= 0 && l.same[at] != at {
			at = l.same[at]
		}
		l.same[r] = at
	}
	for i := range l.ops {
		o := &l.ops[i]
		if o.guard >= 0 {
			o.read = append(o.read, o.write...) // what a false guard leaves is kept
		}
		o.uses, o.makes = l.resolved(o.read), l.resolved(o.write)
	}
}

func (l *lowering) resolved(list []int32) []int32 {
	var kept []int32
	for _, r := range list {
		if s := l.same[r]; s >= 0 {
			kept = append(kept, s)
		}
	}
	return kept
}
