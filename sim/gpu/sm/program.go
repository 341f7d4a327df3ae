package sm

import (
	"fmt"
	"strings"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/lower"
)

// class is how an instruction takes part in the memory pipe.
type class uint8

const (
	elsewhere class = iota // not at all, or the constant cache, taken as a hit
	inPipe                 // loads and stores of shared memory, ldmatrix, shuffles
	beyond                 // loads and stores of global and local memory, atomics
	async                  // cp.async, bulk copies, arrivals of copies
)

// kind is how an instruction changes control.
type kind uint8

const (
	plain kind = iota
	jump
	leave     // exit, or ret of a kernel
	barSync   // waits for the CTA
	barArrive // does not wait
	trap
	callFunc
	retFunc
	jumpTable
	parking // may have to wait for an mbarrier or the cluster
)

// queue is what the groups of asynchronous work are of.
type queue uint8

const (
	copyQueue queue = iota // cp.async
	bulkQueue              // cp.async.bulk
	mmaQueue               // wgmma
	numQueues
)

// inst is a decoded instruction.
type inst struct {
	run      func(w *Warp)
	kind     kind
	class    class
	guardNot bool
	guard    int32 // predicate row, -1 for none
	target   int32 // of a jump
	barrier  func(w *Warp) (id, threads int)
	try      func(w *Warp) bool   // of parking: false to wait
	vote     func(w *Warp) uint32 // lanes that say yes at a barrier.red
	result   func(w *Warp, lanes uint32, yes, total int)
	calls    *callSite
	table    *branchTable
	members  int // the row that holds the member mask, plus one; 0 if lanes act alone
	cost     cost
	line     int32 // of the PTX
	op       ptx.OpID
	aligned  bool // a barrier that all lanes of a warp must reach together
	loc      Loc  // of the source, where .loc says
	fence    bool // orders memory beyond the CTA
	// bytes a lane that a load from shared memory takes, neighbours included; or 0
	wide     uint32
	uncached bool                // a load that L1 may not answer
	sleep    func(w *Warp) int64 // cycles that it sleeps
}

// cost is what the timing layer must know beside the class and the machine program.
type cost struct {
	warpgroup warpgroup
	barrier   barrierUse
	load      bool // a result comes back
	atomic    bool
	queue     queue
	commit    bool // a commit_group of the queue
	wait      int32
	read      bool // a wait for the sources only
	waiting   bool // a wait_group: at most wait groups of the queue may be outstanding
}

// warpgroup is what part an instruction has in wgmma.
type warpgroup uint8

const (
	noWarpgroup warpgroup = iota
	mmaShared             // A in shared memory
	mmaRegisters
	mmaFence
)

// barrierUse is what an instruction does with an mbarrier.
type barrierUse uint8

const (
	noBarrier barrierUse = iota
	arrives
	tests
)

// Program is a kernel ready to run. One thread at a time may run it.
type Program struct {
	Name      string
	insts     []inst
	rows32    int // registers of up to 32 bits
	rows64    int
	preds     int
	const32   []uint32 // values of the rows after the registers
	const64   []uint64
	Params    int       // bytes of parameters
	Static    int       // bytes of shared memory declared in the module
	reserved  int       // and of that which the CUDA runtime keeps for itself, if it is used
	Local     int       // bytes of local memory a thread
	MaxThread int       // from .maxntid or .reqntid; 0 if not given
	Cluster   [3]uint32 // from .reqnctapercluster; zeros if not given
	maxRank   int       // from .maxclusterrank
	explicit  bool      // .explicitcluster: the launch or the kernel must give a size
	source    string
	constants []byte // initial values of .const variables
	globals   []byte // and of .global ones
	funcs     []callee
	micros    []lower.Micro // machine program: of instruction i those from first[i] to first[i+1]
	first     []int32
	needs     int                      // 32-bit registers a thread
	spilled   int                      // registers that did not fit
	again     func() (*Program, error) // makes a copy: decoded code has scratch of its own
	talks     bool                     // to one another through global memory, or to the host
	numbered  map[uint64]int           // function numbers to places in funcs
	stack     int                      // the row of how much alloca has taken; -1 if none
	frames    int                      // bytes of local memory before what alloca takes
}

// Registers is how many 32-bit registers a thread uses after lowering.
func (p *Program) Registers() int { return p.needs }

// Spilled is how many registers of a thread did not fit.
func (p *Program) Spilled() int { return p.spilled }

// Machine is the number of machine instructions.
func (p *Program) Machine() int { return len(p.micros) }

// Talks reports whether CTAs may talk to one another through global memory, or to the host.
func (p *Program) Talks() bool { return p.talks }

// Source is the name of the file or text that the kernel was read from.
func (p *Program) Source() string { return p.source }

// Len is the number of instructions.
func (p *Program) Len() int { return len(p.insts) }

// UnsupportedError lists what a kernel uses that cannot be executed, with lines.
type UnsupportedError struct {
	File   string
	Kernel string
	What   []string // "line 12: tex.2d: textures are not modelled"
}

// maxShown bounds the message; What has all of it.
const maxShown = 10

func (e *UnsupportedError) Error() string {
	shown, more := e.What, ""
	if n := len(shown) - maxShown; n > 0 {
		shown, more = shown[:maxShown], fmt.Sprintf("; and %d more", n)
	}
	return fmt.Sprintf("%s: kernel %s: %s%s", e.File, e.Kernel, strings.Join(shown, "; "), more)
}

// Load decodes an entry point of a verified module. An empty name means the only one.
// Its machine program is for running without time; LoadAt lowers for a chip.
func Load(m *ptx.Module, entry string, sm int) (*Program, error) {
	return LoadAt(m, entry, plainTarget(sm), ModuleWindow)
}

// LoadAt is Load for a target, with the module's .global variables at base, in the launch's memory.
func LoadAt(m *ptx.Module, entry string, t *lower.Target, base uint64) (*Program, error) {
	f, err := findEntry(m, entry)
	if err != nil {
		return nil, err
	}
	p := &Program{Name: f.Name, source: m.Name}
	p.again = func() (*Program, error) { return LoadAt(m, f.Name, t, base) }
	d := &decoder{mod: m, sm: t.SM, target: t, base: base, p: p}
	d.program(f)
	if len(d.faults) > 0 {
		return nil, &UnsupportedError{m.Name, f.Name, d.faults}
	}
	return d.p, nil
}

func findEntry(m *ptx.Module, name string) (*ptx.Func, error) {
	var found *ptx.Func
	var names []string
	for _, f := range m.Funcs {
		if !f.Entry || !f.Defined {
			continue
		}
		names = append(names, f.Name)
		if f.Name == name || name == "" && found == nil {
			found = f
		}
	}
	switch {
	case found == nil && name == "":
		return nil, fmt.Errorf("%s: no kernel (.entry) in it", m.Name)
	case found == nil:
		return nil, fmt.Errorf("%s: no kernel %q; it has %s", m.Name, name,
			strings.Join(names, ", "))
	case name == "" && len(names) > 1:
		return nil, fmt.Errorf("%s: name one of its kernels: %s", m.Name, strings.Join(names, ", "))
	}
	return found, nil
}
