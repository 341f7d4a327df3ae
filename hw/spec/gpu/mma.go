package gpu

import (
	"fmt"

	"tensoros/hw/num"
)

// MMAOp is the instruction family that runs on the Tensor Core; the same types may compute
// differently in each.
type MMAOp uint8

const (
	MMASync     MMAOp = iota + 1 // mma.sync (and wmma, which lowers to it), all shapes but m8n8k4
	MMASyncQuad                  // mma.sync m8n8k4 on f16: one 8x8x4 product a quad pair
	WGMMA                        // wgmma.mma_async (sm_90a)
	TCGen05                      // tcgen05.mma (sm_100a)
)

// String is the PTX mnemonic.
func (op MMAOp) String() string {
	switch op {
	case MMASync:
		return "mma.sync"
	case MMASyncQuad:
		return "mma.sync.m8n8k4"
	case WGMMA:
		return "wgmma"
	case TCGen05:
		return "tcgen05.mma"
	}
	return fmt.Sprintf("MMAOp(%d)", uint8(op))
}

// MMAMethod is the shape of the computation.
type MMAMethod uint8

const (
	// MMADot: groups of G products in the order of k; each group and the accumulator are aligned to
	// the largest exponent, truncated to F fraction bits, summed exactly and rounded once (Out).
	MMADot MMAMethod = iota + 1
	// MMATwoHMMA: fp8 unpacked to f16 for two such instructions, the first on the products with
	// k mod 4 in {0,1}, the second on the others, starting from 0; c is added last, by an
	// ordinary addition rounded to nearest even.
	MMATwoHMMA
	// MMAInt: exact integer sum, wrapping at 32 bits unless .satfinite (PTX ISA, "mma").
	MMAInt
	// MMAChain: d = fma(a[k], b[k], d) in the order of k, IEEE nearest even.
	MMAChain
	// MMAPopc: d = c + the number of ones in a[k] op b[k], op and or xor; wraps at 32 bits.
	MMAPopc
)

// MMAOut is the rounding of the sum of one group.
type MMAOut uint8

const (
	MMAOutF32   MMAOut = iota + 1 // f32, toward zero; overflow gives Inf
	MMAOutE8M13                   // f32 toward zero with 13 fraction bits, the low 10 bits 0
	MMAOutF16                     // f16, nearest even
	MMAOutS32                     // s32, exact
	MMAOutF64                     // f64, nearest even
)

// MMARule is one row: what an instruction computes on one architecture, bit for bit.
//
// An operand is a significand s, |s| < 2, and an exponent e; subnormals keep the lowest exponent of
// their format and |s| < 1. A product has s = sa*sb, e = ea+eb, not normalised. A term becomes
// trunc(s * 2^(F+e-E)), E the largest exponent of the group's products and of the accumulator.
type MMARule struct {
	SM     int // compute capability: 70, 75, 80, 86, 89, 90, 100, 120
	Op     MMAOp
	In     num.Format // element type of A and B; e4m3 and e5m2 (s8 and u8) may be mixed
	Acc    num.Format // type of C and D
	Method MMAMethod
	G, F   int // group length (a shorter K is one short group) and fraction bits kept
	Out    MMAOut

	// EminAlign is a floor under E, and ZeroExp the exponent that a zero operand brings into the
	// maximum. Both are visible only when every term is near 2^-126; MMA-Sim @ c785138 has -126
	// for both (later versions give a zero product -126), Khattak & Mikaitis clamp lower. Open.
	EminAlign, ZeroExp int

	Evidence string // what holds this row
	Source   string // where it is published
}

// Evidence.
const (
	mmaHW    = "hardware vectors, every bit of every result"
	mmaHWOne = "hardware vectors for one group; chaining of groups from the source alone"
	mmaHWc0  = "hardware vectors with C = 0; C inside the aligned group from the source alone"
	mmaTold  = "the source alone (over 1 M comparisons by its authors)"
	mmaPTX   = "defined by the PTX ISA"
	mmaPad   = "assumed: the chip's rule for f16 with the rest of its group zero"
)

// Sources. The vectors are the model_validation data of F. A. Khattak and M. Mikaitis, "Accurate
// Models of NVIDIA Tensor Cores", ACM TACO, doi 10.1145/3830409.
const (
	srcSim   = "MMA-Sim (microsoft/MMA-Sim @ c785138), arXiv 2511.10909"
	srcBoth  = srcSim + "; Khattak & Mikaitis, doi 10.1145/3830409"
	srcEmul  = "derived from the vectors of Khattak & Mikaitis; F2FP.F16.E4M3 + 2 HMMA in SASS"
	srcPTX   = "PTX ISA, Warp-level matrix instructions: mma"
	zeroEmin = -126
)

// mmaSpan is a row of the table below: one line for all its architectures and inputs.
type mmaSpan struct {
	sms      []int
	op       MMAOp
	in       []num.Format
	acc      []num.Format
	method   MMAMethod
	g, f     int
	out      MMAOut // of f32 results; f16 accumulation always rounds to nearest even
	evidence string
	source   string
}

var (
	inF16   = []num.Format{num.F16}
	inBF16  = []num.Format{num.BF16}
	inTF32  = []num.Format{num.TF32}
	inFP8   = []num.Format{num.E4M3, num.E5M2}
	inInt8  = []num.Format{num.S8, num.U8}
	inInt4  = []num.Format{num.S4, num.U4}
	inB1    = []num.Format{num.B1}
	inF64   = []num.Format{num.F64}
	accF32  = []num.Format{num.F32}
	accHalf = []num.Format{num.F32, num.F16}
	accS32  = []num.Format{num.S32}
	accF64  = []num.Format{num.F64}
)

var mmaSpans = []mmaSpan{
	// Volta, Turing
	{[]int{70}, MMASyncQuad, inF16, accHalf, MMADot, 4, 23, MMAOutF32, mmaHW, srcBoth},
	{[]int{70}, MMASync, inF16, accHalf, MMADot, 4, 23, MMAOutF32, mmaHWOne, srcBoth}, // wmma
	{[]int{75}, MMASyncQuad, inF16, accHalf, MMADot, 4, 24, MMAOutF32, mmaTold, srcSim},
	{[]int{75}, MMASync, inF16, accHalf, MMADot, 8, 24, MMAOutF32, mmaTold, srcSim},
	{[]int{75, 80, 86, 89, 90, 100, 120}, MMASync, inInt8, accS32, MMAInt, 0, 0, MMAOutS32,
		mmaPTX, srcPTX},
	{[]int{75, 80, 86, 89, 90, 100, 120}, MMASync, inInt4, accS32, MMAInt, 0, 0, MMAOutS32,
		mmaPTX, srcPTX},
	{[]int{75, 80, 86, 89, 90, 100, 120}, MMASync, inB1, accS32, MMAPopc, 0, 0, MMAOutS32,
		mmaPTX, srcPTX},

	// Ampere, Ada
	{[]int{80, 86, 89}, MMASync, inF16, accHalf, MMADot, 8, 24, MMAOutF32, mmaHWOne, srcBoth},
	{[]int{80, 86, 89}, MMASyncQuad, inF16, accHalf, MMADot, 8, 24, MMAOutF32, mmaPad, srcSim},
	{[]int{80, 86, 89}, MMASync, inBF16, accF32, MMADot, 8, 24, MMAOutF32, mmaHWOne, srcBoth},
	{[]int{80, 86, 89}, MMASync, inTF32, accF32, MMADot, 4, 24, MMAOutF32, mmaHWOne, srcBoth},
	{[]int{89}, MMASync, inFP8, accHalf, MMADot, 16, 13, MMAOutE8M13, mmaHW, srcBoth},
	{[]int{80, 86, 89, 90, 100, 120}, MMASync, inF64, accF64, MMAChain, 1, 0, MMAOutF64,
		mmaTold, srcSim},

	// Hopper
	{[]int{90}, MMASync, inF16, accHalf, MMADot, 16, 25, MMAOutF32, mmaHW, srcBoth},
	{[]int{90, 100, 120}, MMASyncQuad, inF16, accHalf, MMADot, 16, 25, MMAOutF32, mmaPad, srcSim},
	{[]int{90}, MMASync, inBF16, accF32, MMADot, 16, 25, MMAOutF32, mmaHW, srcBoth},
	{[]int{90}, MMASync, inTF32, accF32, MMADot, 8, 25, MMAOutF32, mmaHWOne, srcBoth},
	{[]int{90}, MMASync, inFP8, accHalf, MMATwoHMMA, 16, 25, MMAOutF32, mmaHW, srcEmul},
	{[]int{90}, WGMMA, inF16, accHalf, MMADot, 16, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{90}, WGMMA, inBF16, accF32, MMADot, 16, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{90}, WGMMA, inTF32, accF32, MMADot, 8, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{90}, WGMMA, inFP8, accHalf, MMADot, 32, 13, MMAOutE8M13, mmaHWc0, srcBoth},
	{[]int{90}, WGMMA, inInt8, accS32, MMAInt, 0, 0, MMAOutS32, mmaPTX, srcPTX},
	{[]int{90}, WGMMA, inB1, accS32, MMAPopc, 0, 0, MMAOutS32, mmaPTX, srcPTX},

	// Blackwell
	{[]int{100}, MMASync, inF16, accHalf, MMADot, 16, 25, MMAOutF32, mmaHW, srcBoth},
	{[]int{100}, MMASync, inBF16, accF32, MMADot, 16, 25, MMAOutF32, mmaHW, srcBoth},
	{[]int{100}, MMASync, inTF32, accF32, MMADot, 8, 25, MMAOutF32, mmaHWOne, srcBoth},
	{[]int{100}, MMASync, inFP8, accHalf, MMATwoHMMA, 16, 25, MMAOutF32, mmaHW, srcEmul},
	{[]int{100}, TCGen05, inF16, accHalf, MMADot, 16, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{100}, TCGen05, inBF16, accF32, MMADot, 16, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{100}, TCGen05, inTF32, accF32, MMADot, 8, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{100}, TCGen05, inFP8, accHalf, MMADot, 32, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{120}, MMASync, inF16, accHalf, MMADot, 16, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{120}, MMASync, inBF16, accF32, MMADot, 16, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{120}, MMASync, inTF32, accF32, MMADot, 8, 25, MMAOutF32, mmaTold, srcSim},
	{[]int{120}, MMASync, inFP8, accHalf, MMADot, 32, 25, MMAOutF32, mmaTold, srcSim},
}

// MMARules is the whole table, one row for each (SM, op, input, accumulator).
var MMARules = expandMMA(mmaSpans)

func expandMMA(spans []mmaSpan) (rules []MMARule) {
	for _, s := range spans {
		for _, sm := range s.sms {
			for _, in := range s.in {
				for _, acc := range s.acc {
					r := MMARule{SM: sm, Op: s.op, In: in, Acc: acc, Method: s.method,
						G: s.g, F: s.f, Out: s.out, EminAlign: zeroEmin, ZeroExp: zeroEmin,
						Evidence: s.evidence, Source: s.source}
					if acc == num.F16 {
						r.Out = MMAOutF16
					}
					rules = append(rules, r)
				}
			}
		}
	}
	return rules
}

// LookupMMA finds the rule of an instruction. The error names the instruction and what the
// architecture has instead.
func LookupMMA(sm int, op MMAOp, in, acc num.Format) (MMARule, error) {
	known := false
	for _, r := range MMARules {
		known = known || r.SM == sm
		if r.SM == sm && r.Op == op && r.In == in && r.Acc == acc {
			return r, nil
		}
	}
	hint := "the table has no row of that type for this architecture"
	if !known {
		hint = "known: 70 75 80 86 89 90 100 120"
	}
	return MMARule{}, fmt.Errorf("gpu: no Tensor Core rule for %v %v->%v on sm_%d: %s",
		op, in, acc, sm, hint)
}
