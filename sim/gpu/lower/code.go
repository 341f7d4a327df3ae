package lower

import "tensoros/hw/ptx"

// Unit is what a machine instruction occupies. All but Memory, Copy and Barrier exist once a
// sub-core.
type Unit uint8

// Units.
const (
	ALU       Unit = iota // integer, logic, compare, select
	FMA                   // f32: either half of the FMA pipe
	Heavy                 // integer multiply: the half of the FMA pipe that can
	Half                  // f16x2, bf16x2
	Double                // f64
	Special               // MUFU, conversions between formats, population counts
	Tensor                // mma
	Warpgroup             // wgmma
	Memory                // loads, stores, shuffles: the memory pipe of the SM
	Copy                  // the bulk copy engine of the SM
	Barrier               // bar, and what goes with it
	Control               // branches, fences, waits
	Units
)

var unitNames = [Units]string{"alu", "fma", "heavy", "half", "double", "special", "tensor",
	"warpgroup", "memory", "copy", "barrier", "control"}

func (u Unit) String() string { return unitNames[u] }

// Tokens is how many scoreboard counters a warp has (Huerta et al., MICRO 2025: 6).
const Tokens = 6

// NoToken says that a machine instruction sets no token.
const NoToken = Tokens

// Micro is a machine instruction.
type Micro struct {
	Unit Unit
	Wait uint8  // mask of tokens whose results must be there
	Set  uint8  // token of its own result, or NoToken
	Gap  uint16 // least cycles since the warp's last machine instruction
	Busy uint16 // 1/64 cycles that it holds its unit; 0 for the unit's own interval
	// Bound says that Gap comes from the end of a fixed latency, and not from issue alone.
	Bound bool
}

// Code is a lowered function.
type Code struct {
	// Order holds the function's PTX instructions by number, in the order of issue. Instructions
	// stay in their basic block, so labels keep their place.
	Order []int32
	// First has the number of the first machine instruction of each place in Order, and their
	// number at the end. An instruction without any has folded into others.
	First  []int32
	Micros []Micro
	// Wide are the bytes a lane that a load from shared memory takes for others that have folded
	// into it; 0 for those of its own.
	Wide []uint8
	// Wait are the tokens that a folded instruction's operands may be behind.
	Wait []uint8
	// Registers is how many 32-bit registers a thread needs; Spilled those that did not fit.
	Registers int
	Spilled   int
	Rows      *Rows
}

// Target is what lowering must know of a chip.
type Target struct {
	SM       int // compute capability times ten
	Latency  [Units]int
	Interval [Units]float64 // cycles between two instructions of a warp
	// HalfWork is the time of mma with f16 sums against f32 sums; 0 counts as 1.
	HalfWork float64
	// TensorHalf and TensorInt are the latencies of mma with f16 and s32 sums; 0 as others.
	TensorHalf, TensorInt int
	Predicate             int // from a comparison to a guard or branch
	Reuse                 int // from the issue of a memory instruction until its operands are read
	Registers             int // a thread, at most
}

// maxRegisters is what an instruction word can name (CUDA C++ Programming Guide, table of compute
// capabilities).
const maxRegisters = 255

// lowering is the work on one function.
type lowering struct {
	t      *Target
	mod    *ptx.Module // that the function is of
	f      *ptx.Func
	insts  []*ptx.Inst
	labels []int
	ops    []op
	order  []int32
	same   []int32 // register -> the one that holds its value; -1 for constants
	defs   []int32 // how many instructions write a register
	uses   []int32
	width  []uint8 // 32-bit registers that a register takes; 0 for predicates
	blocks []block
}

// op is an instruction's part in lowering.
type op struct {
	read, write []int32 // registers by their names
	uses, makes []int32 // the same, by what holds the values: for liveness
	guard       int32   // -1 for none
	seq         []step  // machine instructions
	fold        bool
	branch      bool
	fence       bool  // nothing moves across
	wide        uint8 // bytes that a load takes for its neighbours too; 0 for its own
	mem         access
}

// Func lowers a function of a module, whose code and labels are as f.Code gives them.
func Func(m *ptx.Module, f *ptx.Func, insts []*ptx.Inst, labels []int, t *Target) *Code {
	l := &lowering{t: t, mod: m, f: f, insts: insts, labels: labels}
	l.operands()
	l.foldAll()
	l.expand()
	l.split()
	l.schedule()
	c := &Code{}
	l.emit(c)
	l.allocate(c)
	c.Rows = l.rows()
	return c
}

// limit is how many registers a thread may take: what the launch bounds leave, or all.
func (l *lowering) limit() int {
	n := min(maxRegisters, l.t.Registers)
	if a, ok := l.f.PerfArgs("maxnreg"); ok && len(a) > 0 {
		n = min(n, a[0])
	}
	threads := 0
	for _, name := range []string{"maxntid", "reqntid"} {
		if a, ok := l.f.PerfArgs(name); ok {
			threads = 1
			for _, d := range a {
				threads *= d
			}
		}
	}
	if threads > 0 {
		ctas := 1
		if a, ok := l.f.PerfArgs("minnctapersm"); ok && len(a) > 0 {
			ctas = max(a[0], 1)
		}
		warps := (threads + 31) / 32 * ctas
		n = min(n, max(65536/(warps*32)/8*8, 16))
	}
	for _, in := range l.insts {
		if in.Op.ID == ptx.OpSetmaxnreg && in.HasWord("inc") {
			n = max(n, int(in.Args[0].Imm))
		}
	}
	return n
}
