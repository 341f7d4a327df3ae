package sm

// Reason says why a warp did not issue in a cycle; the names are those that profilers of the field
// use (Nsight Compute, "Warp Scheduler States").
type Reason uint8

// Reasons.
const (
	Selected        Reason = iota // it issued
	Wait                          // a fixed latency
	ShortScoreboard               // shared memory, special functions, shuffles
	LongScoreboard                // global and local memory
	AtBarrier                     // bar.sync, barrier.cluster
	AtMbarrier                    // try_wait, the end of asynchronous copies
	Warpgroup                     // wgmma.wait_group
	Membar                        // a fence
	BranchResolving               // a taken branch
	Sleeping                      // nanosleep
	MathThrottle                  // its unit is busy
	MemoryThrottle                // the memory pipe is full
	NotSelected                   // another warp was
	Launching                     // its CTA has just begun
	Reasons
)

var reasonNames = [Reasons]string{"selected", "wait", "short scoreboard", "long scoreboard",
	"barrier", "mbarrier", "gmma", "membar", "branch resolving", "sleeping", "math pipe throttle",
	"mio throttle", "not selected", "launch"}

func (r Reason) String() string { return reasonNames[r] }

// Profile counts warp cycles by instruction of the PTX and by reason.
type Profile struct {
	Lines []int32 // of the PTX, by instruction
	Locs  []Loc
	// Cycles[i][r] are the cycles that warps spent before instruction i for reason r.
	Cycles [][Reasons]uint64
	Issued []uint64
}

// Loc is a source line that .loc names.
type Loc struct {
	File      string
	Line, Col int
}

// Add adds another profile of the same program.
func (p *Profile) Add(q *Profile) {
	for i := range q.Cycles {
		for r := range q.Cycles[i] {
			p.Cycles[i][r] += q.Cycles[i][r]
		}
		p.Issued[i] += q.Issued[i]
	}
}

// Total is the warp cycles of all instructions by reason.
func (p *Profile) Total() (sum [Reasons]uint64) {
	for i := range p.Cycles {
		for r, n := range p.Cycles[i] {
			sum[r] += n
		}
	}
	return sum
}

// NewProfile is an empty one.
func NewProfile(p *Program) *Profile {
	out := &Profile{Lines: make([]int32, len(p.insts)), Locs: make([]Loc, len(p.insts)),
		Cycles: make([][Reasons]uint64, len(p.insts)), Issued: make([]uint64, len(p.insts))}
	for i := range p.insts {
		out.Lines[i] = p.insts[i].line
		out.Locs[i] = p.insts[i].loc
	}
	return out
}
