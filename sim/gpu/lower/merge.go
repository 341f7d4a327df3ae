package lower

import (
	"slices"

	"tensoros/hw/ptx"
)

// merge makes wide loads of neighbouring ones from shared memory, as ptxas does where it can prove
// the alignment: LDS.128 of four words, LDS.64 of two. The first in the code loads for all; the
// others have folded and wait for it.
func (f *folder) merge() {
	starts := make([]bool, len(f.insts)+1)
	for _, at := range f.labels {
		starts[min(at, len(f.insts))] = true
	}
	var run []int
	for i, in := range f.insts {
		if starts[i] || pinned(in) || f.ends(i) {
			f.widen(run)
			run = run[:0]
		}
		if f.narrow(i) {
			run = append(run, i)
		}
	}
	f.widen(run)
}

// ends reports whether an instruction may change shared memory, or when others do.
func (f *folder) ends(i int) bool {
	a := f.memory(i)
	return a.fence || a.store && (a.space == shared || a.space == everything)
}

// narrow reports whether an instruction is a load of one word that may become part of a wide one.
func (f *folder) narrow(i int) bool {
	in, o := f.insts[i], &f.ops[i]
	if in.Op.ID != ptx.OpLd || in.Space() != ptx.SpaceShared || in.Type(0).Bits() != 32 ||
		in.Vec() != 1 || in.Order() != 0 || o.guard >= 0 || len(o.write) != 1 {
		return false
	}
	at := &in.Args[1]
	return f.defs[o.write[0]] == 1 && at.Kind == ptx.KindAddr && len(at.List) == 1 &&
		at.List[0].Kind == ptx.KindReg && f.defs[at.List[0].Index] == 1
}

// widen finds fours and twos among loads with nothing between them that they could see.
func (f *folder) widen(run []int) {
	byBase := map[int32][]int{}
	var bases []int32
	for _, i := range run {
		b := f.insts[i].Args[1].List[0].Index
		if byBase[b] == nil {
			bases = append(bases, b)
		}
		byBase[b] = append(byBase[b], i)
	}
	off := func(i int) int64 { return f.insts[i].Args[1].Imm }
	for _, b := range bases {
		list := byBase[b]
		slices.SortStableFunc(list, func(i, j int) int { return int(off(i) - off(j)) })
		align := int64(f.align(b, 16))
		for k := 0; k < len(list); {
			n := 1
			for _, words := range []int{4, 2} {
				bytes := int64(4 * words)
				if k+words <= len(list) && align%bytes == 0 && off(list[k])%bytes == 0 &&
					off(list[k+words-1]) == off(list[k])+bytes-4 && apart(list[k:k+words], off) {
					n = words
					break
				}
			}
			f.join(list[k : k+n])
			k += n
		}
	}
}

// apart reports whether no two loads are of the same word.
func apart(list []int, off func(int) int64) bool {
	for k := 1; k < len(list); k++ {
		if off(list[k]) != off(list[k-1])+4 {
			return false
		}
	}
	return true
}

// join lets the first of the loads, in the order of the code, stand for all.
func (f *folder) join(list []int) {
	if len(list) == 1 {
		return
	}
	first := slices.Min(list)
	f.ops[first].wide = uint8(4 * len(list))
	for _, i := range list {
		if i != first {
			f.ops[i].fold = true
			f.ops[i].read = append(f.ops[i].read, f.ops[first].write[0])
		}
	}
}

// align is a power of two that divides a register's value, as far as its only makers tell.
func (f *folder) align(r int32, depth int) uint64 {
	const most = 1 << 20
	if depth == 0 || f.maker[r] < 0 {
		return 1
	}
	in := f.insts[f.maker[r]]
	arg := func(k int) uint64 {
		if k >= len(in.Args) {
			return 1
		}
		switch a := &in.Args[k]; a.Kind {
		case ptx.KindReg:
			return f.align(a.Index, depth-1)
		case ptx.KindInt:
			return lowBit(a.Imm)
		case ptx.KindLocal, ptx.KindGlobal:
			return min(f.alignOf(a), lowBit(a.Imm))
		}
		return 1
	}
	switch in.Op.ID {
	case ptx.OpMov, ptx.OpCvt, ptx.OpCvta, ptx.OpCvtaTo:
		return arg(1)
	case ptx.OpAdd, ptx.OpSub, ptx.OpOr, ptx.OpXor:
		return min(arg(1), arg(2))
	case ptx.OpAnd:
		return max(arg(1), arg(2))
	case ptx.OpMul:
		return min(arg(1)*arg(2), most)
	case ptx.OpMad:
		return min(arg(1)*arg(2), arg(3), most)
	case ptx.OpShl:
		if a := &in.Args[2]; a.Kind == ptx.KindInt && a.Imm >= 0 && a.Imm < 20 {
			return min(arg(1)<<a.Imm, most)
		}
	}
	return 1
}

// alignOf is the alignment of a variable.
func (f *folder) alignOf(a *ptx.Operand) uint64 {
	var v *ptx.Var
	if a.Kind == ptx.KindLocal {
		v = f.f.Vars[a.Index]
	} else if f.mod != nil {
		v = f.mod.Vars[a.Index]
	}
	if v == nil {
		return 1
	}
	return uint64(Alignment(v))
}

// Alignment is where a variable may be placed. Arrays in shared memory of 16 bytes and more are
// placed as wide loads want them, as ptxas does.
func Alignment(v *ptx.Var) int {
	n := max(v.Align, v.Type.Size()*max(1, v.Vec), 1)
	if v.Space == ptx.SpaceShared && v.Linkage != ptx.LinkExtern && v.Size() >= 16 {
		n = max(n, 16)
	}
	return n
}

// lowBit is the largest power of two that divides v.
func lowBit(v int64) uint64 {
	if v == 0 {
		return 1 << 20
	}
	return uint64(v & -v)
}
