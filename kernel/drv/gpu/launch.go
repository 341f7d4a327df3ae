package gpu

import (
	"bytes"
	"fmt"

	"tensoros/hw"
	"tensoros/hw/ptx"
	spec "tensoros/hw/spec/gpu"
	"tensoros/kernel/mem"
)

// Grid is a launch as the caller sees it.
type Grid struct {
	Entry  string // kernel in the PTX
	PTX    string
	Grid   [3]uint32 // CTAs
	Block  [3]uint32 // threads
	Shared uint32    // bytes of dynamic shared memory
	Params []byte
}

// Plan is a launch encoded once: code, constants, descriptor and pushbuffer lie in VRAM, and Start
// costs one ring entry and one doorbell.
type Plan struct {
	dev   *Device
	push  mem.Addr
	area  mem.Addr
	fence Fence
	open  bool

	params []byte // as they lie in VRAM
}

// Offsets in a plan's page of VRAM.
const (
	planQMD    = 0
	planPush   = 1024
	planConst  = 2048
	planMax    = 32 << 10
	defaultReg = 255
)

// A plan's pushbuffer waits for all before it, then launches. One that starts alone needs not wait.
const (
	waitWords = 2
	planWords = waitWords + 3
)

// Prepare uploads and encodes a launch. The PTX is checked first, so that its faults are reported
// with their lines and not as a stopped channel.
func (d *Device) Prepare(g *Grid) (*Plan, error) {
	code, err := d.upload(g)
	if err != nil {
		return nil, err
	}
	constLen := (d.Iface.ParamOffset + len(g.Params) + 15) &^ 15
	if constLen > planMax-planConst {
		return nil, d.fail("prepare", g.Entry, fmt.Errorf("%d bytes of parameters; %d at most",
			len(g.Params), planMax-planConst-d.Iface.ParamOffset))
	}
	area, err := d.plans.Alloc(planMax)
	if err != nil {
		return nil, d.fail("prepare", g.Entry, err)
	}
	f, err := d.fence()
	if err != nil {
		d.plans.Release(area, planMax)
		return nil, err
	}
	p := &Plan{dev: d, area: area, push: area + planPush, fence: f,
		params: bytes.Clone(g.Params)}
	constants := make([]byte, constLen)
	copy(constants[d.Iface.ParamOffset:], g.Params)
	qmd := make([]byte, d.Iface.QMD.Len)
	d.Iface.QMD.Encode(qmd, &spec.Launch{Grid: g.Grid, Block: g.Block, Registers: code.regs,
		Barriers: 16, Shared: g.Shared, Program: uint64(code.at),
		Constants:   uint64(area + planConst),
		ConstantLen: uint32(constLen), Release: true, ReleaseAddr: f.addr(), ReleaseValue: 1})
	d.write(area+planQMD, qmd)
	d.write(area+planConst, constants)
	words := [planWords]uint32{
		spec.Method(spec.SubCompute, spec.ComputeWaitForIdle, 1), 0,
		spec.Method(spec.SubCompute, spec.ComputeSendPCAS, 1), uint32(d.low(area+planQMD) >> 8),
		spec.Immediate(spec.SubCompute, spec.ComputeSignaling, spec.PCASPrefetchSchedule)}
	buf := make([]byte, 0, 4*planWords)
	for _, w := range words {
		buf = append(buf, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	d.write(p.push, buf)
	d.cpu.Work(workEncode)
	return p, nil
}

// SetParams changes the kernel's parameters, which keep their length, before a further Start.
func (p *Plan) SetParams(params []byte) error {
	if p.open || len(params) != len(p.params) {
		return p.dev.fail("prepare", "",
			fmt.Errorf("%d bytes of parameters for a plan of %d, or it is still running",
				len(params), len(p.params)))
	}
	if !bytes.Equal(params, p.params) {
		copy(p.params, params)
		p.dev.write(p.area+planConst+mem.Addr(p.dev.Iface.ParamOffset), params)
	}
	return nil
}

// Device is the GPU that the plan is for.
func (p *Plan) Device() *Device { return p.dev }

// Start launches the plan. A plan runs once at a time.
func (p *Plan) Start() error { return p.dev.StartAll([]*Plan{p}) }

// StartAll launches different plans of this device in order, each after the end of the one before,
// with one doorbell.
func (d *Device) StartAll(plans []*Plan) error {
	segments := make([]segment, len(plans))
	for i, p := range plans {
		if p.open {
			return d.fail("launch", "", fmt.Errorf("the plan is still running"))
		}
		segments[i] = segment{p.push, planWords}
		if i == 0 {
			segments[i] = segment{p.push + 4*waitWords, planWords - waitWords}
		}
		d.sems.Store64(p.fence.slot*semLen, 0)
		p.fence.at = d.cpu.Now()
	}
	if err := d.kick(segments...); err != nil {
		return err
	}
	for _, p := range plans {
		p.open = true
	}
	return nil
}

// Wait waits for the end and gives the GPU's time of it.
func (p *Plan) Wait() (hw.Time, error) {
	at, err := p.fence.Wait()
	p.open = false
	if n := len(p.dev.free); n > 0 && p.dev.free[n-1] == p.fence.slot {
		p.dev.free = p.dev.free[:n-1] // the plan keeps its semaphore
	}
	return at, err
}

// Release gives the plan's memory back.
func (p *Plan) Release() {
	p.dev.plans.Release(p.area, planMax)
	p.dev.free = append(p.dev.free, p.fence.slot)
}

// program is code in VRAM: where it is, and the registers that a thread takes.
type program struct {
	at   mem.Addr
	regs uint32
}

// checkSlice is how many bytes of PTX are checked before others have their turn: 3 us.
const checkSlice = 128

// checkTime spends the time of a check of n bytes, and lets others work meanwhile.
func (d *Device) checkTime(n int) {
	for ; n > 0; n -= checkSlice {
		d.cpu.Work(workPerByte * min(n, checkSlice))
		if d.Yield != nil {
			d.Yield()
		}
	}
}

// Loaded tells whether a kernel's code is in VRAM.
func (d *Device) Loaded(g *Grid) bool {
	_, ok := d.code[string(spec.PackCode(g.Entry, g.PTX))]
	return ok
}

// upload checks a kernel's code and places it in VRAM, once for equal text.
func (d *Device) upload(g *Grid) (program, error) {
	code := spec.PackCode(g.Entry, g.PTX)
	if p, ok := d.code[string(code)]; ok {
		return p, nil
	}
	d.checkTime(len(g.PTX))
	m, err := ptx.Parse(g.Entry+".ptx", []byte(g.PTX))
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		return program{}, err
	}
	f := m.Func(g.Entry)
	if f == nil || !f.Entry {
		err := fmt.Errorf("the PTX has no kernel of that name")
		return program{}, d.fail("prepare", g.Entry, err)
	}
	at, err := d.Heap.Alloc(uint64(len(code)))
	if err != nil {
		return program{}, d.fail("prepare", g.Entry, err)
	}
	d.write(at, code)
	p := program{at, registers(f)}
	d.code[string(code)] = p
	return p, nil
}

// registers bounds a thread's registers by PTX's own names; an allocator would need fewer.
func registers(f *ptx.Func) uint32 {
	n := 0
	for _, t := range f.Regs.Types() {
		switch {
		case t == ptx.Pred:
		case t.Bits() > 32:
			n += 2
		default:
			n++
		}
	}
	return uint32(min(n, defaultReg))
}

// write copies into VRAM through the write-combined BAR.
func (d *Device) write(a mem.Addr, p []byte) { d.vram.Copy(int(a-d.base), p) }
