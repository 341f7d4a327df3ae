package lower

import (
	"fmt"
	"strings"

	"tensoros/hw/ptx"
)

// step is one machine instruction of an expansion.
type step struct {
	unit  Unit
	chain bool   // needs the result of the one before it
	work  uint16 // 1/64 of the unit's interval
	extra uint16 // cycles on top of the unit's latency
}

// letters name units in the table of expansions; a + before one says that it needs the result of
// the one before.
var letters = map[rune]Unit{'A': ALU, 'F': FMA, 'H': Heavy, 'P': Half, 'D': Double, 'X': Special,
	'T': Tensor, 'W': Warpgroup, 'M': Memory, 'C': Copy, 'B': Barrier, 'K': Control}

// expansion is what an instruction becomes: the machine code that ptxas 12.4.131 makes of it for
// sm_90, each seen alone through nvdisasm; what ptxas puts into a subroutine counts as if inline,
// on the path that ordinary numbers take.
type expansion struct {
	op    ptx.OpID
	types string // of Types[0]: words between spaces; empty for any
	with  string // a modifier it must have, or !mod: must not have; several between spaces
	code  string
}

// expansions are searched from the top; the first that fits counts. Logic, moves and others that
// are one ALU instruction a register are not in it.
var expansions = []expansion{
	{ptx.OpAdd, "f64", "", "D"}, {ptx.OpSub, "f64", "", "D"}, {ptx.OpMul, "f64", "", "D"},
	{ptx.OpFma, "f64", "", "D"}, {ptx.OpMad, "f64", "", "D"}, {ptx.OpAbs, "f64", "", "D"},
	{ptx.OpNeg, "f64", "", "D"}, {ptx.OpSetp, "f64", "", "D"}, {ptx.OpSet, "f64", "", "D+A"},
	{ptx.OpMin, "f64", "", "D+AAA"}, {ptx.OpMax, "f64", "", "D+AAA"},
	{ptx.OpDiv, "f64", "", "AX+A+D+D+D+D+D+D+D+D+F+A+K"},
	{ptx.OpRcp, "f64", "approx", "AX"}, {ptx.OpRcp, "f64", "", "X+A+A+D+D+D+D+D"},
	{ptx.OpSqrt, "f64", "", "AAX+AA+D+D+D+D+D+D+A+D+D"},
	{ptx.OpRsqrt, "f64", "", "AAAX+A+A+D+D+D+D+D"},

	{ptx.OpDiv, "f32", "approx ftz", "X+F"}, {ptx.OpDiv, "f32", "approx", "A+FF+X+F"},
	{ptx.OpDiv, "f32", "full", "AA+FFFF+X+F"}, {ptx.OpDiv, "f32", "", "X+A+F+F+F+F+F+K"},
	{ptx.OpRcp, "f32", "approx ftz", "X"}, {ptx.OpRcp, "f32", "approx", "AA+AA+F+X+F"},
	{ptx.OpRcp, "f32", "", "A+A+A+K+X+F+F+F"},
	{ptx.OpSqrt, "f32", "approx ftz", "X"}, {ptx.OpSqrt, "f32", "approx", "A+F+X+F"},
	{ptx.OpSqrt, "f32", "", "AX+A+K+FF+F+F"},
	{ptx.OpRsqrt, "f32", "ftz", "X"}, {ptx.OpRsqrt, "f32", "", "A+F+X+F"},
	{ptx.OpEx2, "f32", "ftz", "X"}, {ptx.OpEx2, "f32", "", "A+F+X+F"},
	{ptx.OpEx2, "f16x2 bf16x2", "", "XX+A"}, {ptx.OpEx2, "", "", "X"},
	{ptx.OpTanh, "f16x2 bf16x2", "", "XX+A"}, {ptx.OpTanh, "", "", "X"},
	{ptx.OpLg2, "f32", "ftz", "X"}, {ptx.OpLg2, "f32", "", "A+F+X+F"},
	{ptx.OpSin, "", "", "F+X"}, {ptx.OpCos, "", "", "F+X"},
	{ptx.OpAdd, "f32", "", "F"}, {ptx.OpSub, "f32", "", "F"}, {ptx.OpMul, "f32", "", "F"},
	{ptx.OpFma, "f32", "", "F"}, {ptx.OpMad, "f32", "", "F"}, {ptx.OpAbs, "f32", "", "F"},
	{ptx.OpNeg, "f32", "", "F"},

	{ptx.OpFma, "f16 f16x2 bf16 bf16x2", "", "P"}, {ptx.OpAdd, "f16 f16x2 bf16 bf16x2", "", "P"},
	{ptx.OpSub, "f16 f16x2 bf16 bf16x2", "", "P"}, {ptx.OpMul, "f16 f16x2 bf16 bf16x2", "", "P"},
	{ptx.OpNeg, "f16 f16x2 bf16 bf16x2", "", "P"}, {ptx.OpAbs, "f16 f16x2 bf16 bf16x2", "", "P"},
	{ptx.OpSetp, "f16 f16x2 bf16 bf16x2", "", "P"}, {ptx.OpSet, "f16 f16x2 bf16 bf16x2", "", "P"},
	{ptx.OpMin, "f16 f16x2 bf16 bf16x2", "", "A"}, {ptx.OpMax, "f16 f16x2 bf16 bf16x2", "", "A"},

	{ptx.OpMul, "s64 u64", "hi", "HHHA+AA+H"}, {ptx.OpMul, "s64 u64", "", "HH+H+A"},
	{ptx.OpMad, "s64 u64", "hi", "HHHA+AA+H"}, {ptx.OpMad, "s64 u64", "", "HH+H+A"},
	{ptx.OpMul, "s32 u32", "", "H"}, {ptx.OpMul, "s16 u16", "", "H"},
	{ptx.OpMad, "s32 u32", "wide", "H+A+A"}, {ptx.OpMad, "", "hi", "AA+H"},
	{ptx.OpMad, "", "", "H"}, {ptx.OpMadc, "", "", "H"},
	{ptx.OpMul24, "", "", "AA+H"}, {ptx.OpMad24, "", "", "AA+H"},
	{ptx.OpDp4a, "", "", "H"}, {ptx.OpDp2a, "", "", "H"},
	{ptx.OpDiv, "s32", "", "AAX+AA+X+AHA+X+AA+H+H+AH+H+H+A+AAAA+AA"},
	{ptx.OpDiv, "u32", "", "X+AX+A+X+H+H+H+A+H+AA+A+A+AA"},
	{ptx.OpRem, "s32", "", "AAX+AA+X+A+X+AA+H+AAH+H+H+A+AA+A+AA"},
	{ptx.OpRem, "u32", "", "X+AX+A+X+AH+H+H+A+H+A+A+A+AA"},
	{ptx.OpDiv, "s16 u16", "", "AA+KX+AX+AAAA+A+F+X+F+A+FA+X+AA+K"},
	{ptx.OpRem, "s16 u16", "", "AA+KX+AX+AAAA+A+F+X+F+A+FA+X+H+A+K"},
	{ptx.OpDiv, "s64 u64", "", longDivision}, {ptx.OpRem, "s64 u64", "", longDivision},

	{ptx.OpPopc, "b64", "", "XX+A"}, {ptx.OpPopc, "", "", "X"},
	{ptx.OpClz, "b64", "", "A+A+X+AAA"}, {ptx.OpClz, "", "", "X+A"}, {ptx.OpBfind, "", "", "X"},
	{ptx.OpBrev, "b64", "", "XX"}, {ptx.OpBrev, "", "", "X"},
	{ptx.OpBfe, "s64 u64", "", "A+AA+AAA+A+AA"}, {ptx.OpBfe, "", "", "AAA+A+A"},
	{ptx.OpBfi, "b64", "", "AAAA+AAAA+AA+AA"}, {ptx.OpBfi, "", "", "AAA+A+A+A"},
	{ptx.OpFns, "", "", fns}, {ptx.OpSlct, "", "", "A+A"},
	{ptx.OpAdd, "s32", "sat", "A+AA+A+A"}, {ptx.OpMin, "s64 u64", "", "A+A+AA"},
	{ptx.OpMax, "s64 u64", "", "A+A+AA"}, {ptx.OpAbs, "s64", "", "AA+A+AA"},
	{ptx.OpSetp, "s64 u64 b64", "", "A+A"}, {ptx.OpSet, "", "", "A+A"},
	{ptx.OpAdd, "s64 u64", "", "A+A"}, {ptx.OpSub, "s64 u64", "", "A+A"},
	{ptx.OpNeg, "s64", "", "A+A"}, {ptx.OpIsspacep, "", "", "X"},

	{ptx.OpShfl, "", "", "M"}, {ptx.OpVote, "", "", "A"}, {ptx.OpActivemask, "", "", "A"},
	{ptx.OpMatch, "", "", "B"}, {ptx.OpRedux, "", "", "X+A"}, {ptx.OpElect, "", "", "A+A"},
	{ptx.OpMovmatrix, "", "", "M"},
	{ptx.OpBarSync, "", "", "B"}, {ptx.OpBarArrive, "", "", "B"}, {ptx.OpBarRed, "", "", "B+B"},
	{ptx.OpBarrierSync, "", "", "B"}, {ptx.OpBarrierArrive, "", "", "B"},
	{ptx.OpBarrierRed, "", "", "B+B"}, {ptx.OpBarrierClusterArrive, "", "", "B"},
	{ptx.OpBarrierClusterWait, "", "", "B"}, {ptx.OpBarWarpSync, "", "", "K"},
	{ptx.OpMembar, "", "", "M"}, {ptx.OpFence, "", "", "M"}, {ptx.OpFenceProxy, "", "", "K"},
	{ptx.OpFenceMbarrierInit, "", "", "K"},
	{ptx.OpLd, "", "", "M"}, {ptx.OpLdu, "", "", "M"}, {ptx.OpSt, "", "", "M"},
	{ptx.OpAtom, "", "", "M"}, {ptx.OpRed, "", "", "M"}, {ptx.OpStAsync, "", "", "M"},
	{ptx.OpRedAsync, "", "", "M"}, {ptx.OpLdmatrix, "", "", "M"}, {ptx.OpStmatrix, "", "", "M"},
	{ptx.OpPrefetch, "", "", "M"}, {ptx.OpPrefetchu, "", "", "M"}, {ptx.OpDiscard, "", "", "M"},
	{ptx.OpApplypriority, "", "", "M"}, {ptx.OpTex, "", "", "M"}, {ptx.OpTexLevel, "", "", "M"},
	{ptx.OpSuld, "", "", "M"}, {ptx.OpSust, "", "", "M"},
	{ptx.OpCpAsync, "", "", "M"}, {ptx.OpCpAsyncCommitGroup, "", "", "K"},
	{ptx.OpCpAsyncWaitGroup, "", "", "K"}, {ptx.OpCpAsyncWaitAll, "", "", "KK"},
	{ptx.OpCpAsyncMbarrierArrive, "", "", "M"},
	{ptx.OpCpAsyncBulk, "", "", "C"}, {ptx.OpCpAsyncBulkPrefetch, "", "", "C"},
	{ptx.OpCpReduceAsyncBulk, "", "", "C"}, {ptx.OpCpAsyncBulkTensor, "", "", "C"},
	{ptx.OpCpAsyncBulkPrefetchTensor, "", "", "C"}, {ptx.OpCpReduceAsyncBulkTensor, "", "", "C"},
	{ptx.OpCpAsyncBulkCommitGroup, "", "", "K"}, {ptx.OpCpAsyncBulkWaitGroup, "", "", "K"},
	{ptx.OpMbarrierInit, "", "", "M"}, {ptx.OpMbarrierInval, "", "", "M"},
	{ptx.OpMbarrierExpectTx, "", "", "M"}, {ptx.OpMbarrierCompleteTx, "", "", "M"},
	{ptx.OpMbarrierArrive, "", "", "M"}, {ptx.OpMbarrierArriveExpectTx, "", "", "M"},
	{ptx.OpMbarrierArriveNoComplete, "", "", "M"}, {ptx.OpMbarrierArriveDrop, "", "", "M"},
	{ptx.OpMbarrierArriveDropExpectTx, "", "", "M"},
	{ptx.OpMbarrierArriveDropNoComplete, "", "", "M"}, {ptx.OpMbarrierTestWait, "", "", "M"},
	{ptx.OpMbarrierTryWait, "", "", "M"},
	{ptx.OpMma, "", "", "T"}, {ptx.OpMmaSp, "", "", "T"}, {ptx.OpWmmaMma, "", "", "TT"},
	{ptx.OpWmmaLoad, "", "", "MM"}, {ptx.OpWmmaStore, "", "", "MM"},
	{ptx.OpWgmmaMmaAsync, "", "", "W"}, {ptx.OpWgmmaFence, "", "", "K"},
	{ptx.OpWgmmaCommitGroup, "", "", "K"}, {ptx.OpWgmmaWaitGroup, "", "", "K"},
	{ptx.OpBra, "", "", "K"}, {ptx.OpBrx, "", "", "A+K"}, {ptx.OpCall, "", "", "A+K"},
	{ptx.OpRet, "", "", "K"}, {ptx.OpExit, "", "", "K"}, {ptx.OpTrap, "", "", "K"},
	{ptx.OpBrkpt, "", "", "K"}, {ptx.OpNanosleep, "", "", "K"}, {ptx.OpPmevent, "", "", "K"},
	{ptx.OpSetmaxnreg, "", "", "K"}, {ptx.OpGriddepcontrol, "", "", "K"},
	{ptx.OpCreatepolicyFractional, "", "", "A"}, {ptx.OpAlloca, "", "", "A+A"},
	{ptx.OpStacksave, "", "", "A"}, {ptx.OpStackrestore, "", "", "A"},
}

// longDivision is the routine for 64 bits: 71 to 91 instructions, nearly all dependent.
const longDivision = "AKAA+A+A+AA+X+X+A+X+H+H+AH+H+A+AH+H+H+H+A+A+H+A+H+A+H+H+A+A+H+H+H+H+A+A+H+A+" +
	"H+H+H+H+A+A+H+A+A+H+A+A+H+A+A+AA+A+A+AA+A+A+A+A+AAAA+AA+K"

const fns = "AAAX+A+A+AA+A+AA+A+AX+X+A+A+A+A+AX+A+A+A+A+X+A+A+A+AA+X+A+A+A+AA+A+AA+A+A+A+A+A+A+" +
	"A+A"

// codes are the expansions, read once.
var codes = func() [][]step {
	out := make([][]step, len(expansions))
	for i := range expansions {
		out[i] = parseCode(expansions[i].code)
	}
	return out
}()

func parseCode(code string) (steps []step) {
	chain := false
	for _, r := range code {
		if r == '+' {
			chain = true
			continue
		}
		u, ok := letters[r]
		if !ok {
			panic(fmt.Sprintf("lower: expansion %q has a %q in it", code, r))
		}
		steps = append(steps, step{unit: u, chain: chain, work: 64})
		chain = false
	}
	return steps
}

func (e *expansion) fits(in *ptx.Inst) bool {
	if e.op != in.Op.ID {
		return false
	}
	if e.types != "" && !hasWord(e.types, in.Type(0).String()) {
		return false
	}
	for w := range strings.FieldsSeq(e.with) {
		if !in.HasWord(w) {
			return false
		}
	}
	return true
}

func hasWord(list, word string) bool {
	word = strings.TrimPrefix(word, ".")
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// expand gives every instruction that has not folded its machine instructions.
func (l *lowering) expand() {
	for i := range l.ops {
		o := &l.ops[i]
		in := l.insts[i]
		o.mem = l.memory(i)
		o.fence = pinned(in)
		switch in.Op.ID {
		case ptx.OpBra, ptx.OpBrx, ptx.OpRet, ptx.OpExit, ptx.OpCall, ptx.OpTrap:
			o.branch = true
		}
		if o.fold || o.seq != nil {
			continue
		}
		o.seq = l.machine(in)
	}
}

// machine is what an instruction becomes.
func (l *lowering) machine(in *ptx.Inst) []step {
	switch in.Op.ID {
	case ptx.OpCvt:
		return parseCode(convertCode(in, l.t.SM))
	case ptx.OpMov:
		return parseCode(l.moveCode(in))
	case ptx.OpMma, ptx.OpMmaSp, ptx.OpWmmaMma, ptx.OpWgmmaMmaAsync:
		return l.matrix(in)
	}
	for i := range expansions {
		if expansions[i].fits(in) {
			return codes[i]
		}
	}
	if in.Type(0).Bits() == 64 {
		return parseCode("AA")
	}
	return parseCode("A")
}

// moveCode is mov: constants, special registers, packing.
func (l *lowering) moveCode(in *ptx.Inst) string {
	if len(in.Args) < 2 {
		return "A"
	}
	src := &in.Args[1]
	if src.Kind == ptx.KindSpecial {
		switch s := ptx.Special(src.Index); {
		case s == ptx.SpClock || s == ptx.SpClock64 || s == ptx.SpClockHi:
			return "A" // CS2R
		default:
			return "X" // S2R: its time is not known
		}
	}
	if in.Type(0).Bits() == 64 && src.Kind != ptx.KindVector {
		return "AA"
	}
	return "A"
}

// convertCode is cvt.
func convertCode(in *ptx.Inst, sm int) string {
	d, s := in.Type(0), in.Type(1)
	switch {
	case d.IsFloat() && s.IsFloat():
		return convertFloats(in, d, s)
	case d.IsFloat() && !s.IsFloat(): // I2F
		if d == ptx.F32 && s.Bits() == 32 && sm >= 90 {
			return "A" // I2FP
		}
		return "X"
	case s.IsFloat():
		return "X"
	case in.Has(ptx.ModSat):
		return "X+A" // I2I
	case d.Bits() == 64 && s.IsSigned() && s.Bits() < 32:
		return "A+A"
	}
	return "A"
}

func convertFloats(in *ptx.Inst, d, s ptx.Type) string {
	switch {
	case d == ptx.F64 || s == ptx.F64:
		return "X"
	case in.Rounding() >= ptx.ModRni && in.Rounding() <= ptx.ModRpi && d == s:
		return "X" // FRND
	case len(in.Args) == 3 || d.Bits() == 32 && d != ptx.F32 && d != ptx.Tf32:
		return "A" // F2FP
	case d == ptx.Tf32:
		return "A+A+A"
	case d == ptx.F32 && s.Bits() == 16:
		return "P" // HADD2.F32
	case d.Bits() == 16 && s == ptx.F32:
		return "X" // F2F
	case d == ptx.F32 && s == ptx.F32:
		return "F"
	}
	return "A"
}

// Describe is what the rows of the table say of an operation, for documents: types and modifiers,
// then units in order of issue; a + before a unit needs the result of the one before. Empty means
// one ALU instruction for each 32 bits.
func Describe(id ptx.OpID) []string {
	var out []string
	for i := range expansions {
		e := &expansions[i]
		if e.op != id {
			continue
		}
		code := e.code
		if len(code) > 40 {
			code = fmt.Sprintf("%d machine instructions", len(codes[i]))
		}
		what := strings.TrimSpace(e.types + " " + e.with)
		if what != "" {
			code = what + ": " + code
		}
		out = append(out, code)
	}
	return out
}
