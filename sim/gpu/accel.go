package gpu

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"tensoros/hw"
	"tensoros/hw/ptx"
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sanitize"
	"tensoros/sim/gpu/sm"
)

// Options of an accelerator.
type Options struct {
	Timed   bool // launches take time; else they only compute
	Threads int  // that simulate; 0 and 1 mean the caller's own
	Sample  bool // time a sample of the CTAs of large grids (see sm.Config)
	Dry     bool // no matrix arithmetic (see sm.Launch)
	Profile bool // count the cycles of warps by instruction
	// Cache lets a launch like an earlier one compute without time and take the time over. Launches
	// are alike in code, geometry, arguments and what of their buffers is in L2; buffers may be
	// others, and what is in them is not looked at: it is for kernels whose course does not depend
	// on their data.
	Cache  bool
	Stdout io.Writer // takes what kernels print; nil drops it
	// Check, if set, looks for what kernels do wrong; it needs launches without time.
	Check *sanitize.Checker
}

// Accelerator is a chip without a machine around it. It implements hw.Accelerator.
type Accelerator struct {
	chip   *chip.Chip
	opts   Options
	core   sm.Config
	mem    allotments
	heap   *sm.Heap          // of malloc in kernels
	caches *memory.Hierarchy // nil without time
	now    int64             // cycle

	profiles profiles
	timings  *timings // nil without Options.Cache
}

var _ hw.Accelerator = (*Accelerator)(nil)

// Open is the chip of that name, such as "h100".
func Open(name string, o Options) (*Accelerator, error) {
	c := chip.Chips[name]
	if c == nil {
		return nil, fmt.Errorf("no chip %q; there are %s", name, strings.Join(chip.Names(), ", "))
	}
	return New(c, o)
}

// New is Open for a chip whose numbers may have been changed.
func New(c *chip.Chip, o Options) (*Accelerator, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if o.Timed && o.Check != nil {
		return nil, errors.New("kernels are checked without time")
	}
	a := &Accelerator{chip: c, opts: o, core: c.Core(), heap: sm.NewHeap(sm.DefaultHeap),
		mem: allotments{limit: uint64(c.Get("hbm.bytes")), next: allotBase}}
	a.core.Threads, a.core.Sample = o.Threads, o.Sample
	if o.Timed {
		a.caches = memory.New(c.Memory())
	}
	if o.Timed && o.Cache {
		a.timings = &timings{known: map[string]*timing{}}
	}
	return a, nil
}

// Name is the product's name.
func (a *Accelerator) Name() string { return a.chip.Title }

// Arch is the compute capability times ten.
func (a *Accelerator) Arch() int { return a.chip.SM }

// SMs is how many multiprocessors the chip has.
func (a *Accelerator) SMs() int { return int(a.chip.Get("sm.count")) }

// Alloc takes memory; it reads as zero until something is written.
func (a *Accelerator) Alloc(n int) (hw.DevicePtr, error) {
	p, err := a.mem.alloc(n)
	if err == nil && a.opts.Check != nil {
		a.opts.Check.Alloc(uint64(p), n)
	}
	return p, err
}

// Free gives an allocation back.
func (a *Accelerator) Free(p hw.DevicePtr) error {
	err := a.mem.free(p)
	if err == nil && a.opts.Check != nil {
		a.opts.Check.Free(uint64(p))
	}
	return err
}

// Write copies p to the device.
func (a *Accelerator) Write(dst hw.DevicePtr, p []byte) error {
	m, off, err := a.mem.bounds("write", dst, len(p))
	if err != nil {
		return err
	}
	m.data.Write(off, p)
	if a.opts.Check != nil {
		a.opts.Check.Wrote(uint64(dst), len(p))
	}
	return err
}

// Read fills p from the device.
func (a *Accelerator) Read(p []byte, src hw.DevicePtr) error {
	m, off, err := a.mem.bounds("read", src, len(p))
	if err == nil {
		m.data.Read(off, p)
	}
	return err
}

// TensorMap is the map as the kernels of this chip read it.
func (a *Accelerator) TensorMap(m *spec.TensorMap) ([spec.TensorMapBytes]byte, error) {
	return m.Encode()
}

// Close gives all memory back.
func (a *Accelerator) Close() error {
	a.mem = allotments{}
	return nil
}

// Load reads, verifies and places a module.
func (a *Accelerator) Load(name string, text []byte) (hw.Module, error) {
	m, err := ptx.Parse(name, text)
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		return nil, err
	}
	return a.Place(m)
}

// Place is Load for a module that has been read and verified.
func (a *Accelerator) Place(m *ptx.Module) (*Module, error) {
	out := &Module{on: a, ptx: m}
	g, err := sm.LoadGlobals(m, sm.ModuleWindow)
	if err != nil {
		return nil, err
	}
	if len(g.Image) == 0 {
		return out, nil
	}
	if out.base, err = a.Alloc(len(g.Image)); err != nil {
		return nil, err
	}
	if g, err = sm.LoadGlobals(m, uint64(out.base)); err == nil {
		err = a.Write(out.base, g.Image)
	}
	out.vars = g.Vars
	return out, err
}

// Module is PTX on an accelerator.
type Module struct {
	on   *Accelerator
	ptx  *ptx.Module
	base hw.DevicePtr // of the .global variables; 0 if there are none
	vars map[string]sm.Extent
	code string // identifies the text; made when first wanted
}

// Kernel decodes an entry point; an empty name means the only one.
func (m *Module) Kernel(name string) (hw.Kernel, error) { return m.Entry(name) }

// Entry is Kernel with its own type.
func (m *Module) Entry(name string) (*Kernel, error) {
	p, err := sm.LoadAt(m.ptx, name, m.on.core.Target(), uint64(m.base))
	if err != nil {
		return nil, err
	}
	return &Kernel{m, p}, nil
}

// Global is where a .global variable lies, and its bytes.
func (m *Module) Global(name string) (hw.DevicePtr, int, error) {
	x, ok := m.vars[name]
	if !ok {
		return 0, 0, fmt.Errorf("%s: no .global variable %q", m.ptx.Name, name)
	}
	return m.base + hw.DevicePtr(x.Off), x.Len, nil
}

// Unload gives the module's variables back.
func (m *Module) Unload() error {
	if m.base == 0 {
		return nil
	}
	err := m.on.Free(m.base)
	m.base, m.vars = 0, nil
	return err
}
