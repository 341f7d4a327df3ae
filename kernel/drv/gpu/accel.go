package gpu

import (
	"errors"
	"fmt"

	"tensoros/hw"
	"tensoros/hw/ptx"
	spec "tensoros/hw/spec/gpu"
	"tensoros/kernel/mem"
)

// Accelerator is the compute-level door over the driver. Closing it leaves the device open.
type Accelerator struct {
	dev *Device
	own map[hw.DevicePtr]int // bytes of each allocation
}

var _ hw.Accelerator = (*Accelerator)(nil)

// models says of each architecture what the driver must know to refuse a launch that would stop
// the channel: compute capability, and the shared memory a CTA may have (CUDA C++ programming
// guide, table 27).
var models = map[spec.Arch]struct {
	name   string
	cc     int
	shared int
	sms    int // of the largest product: a grid that fills more waits, one that fills less idles
}{
	spec.Ampere: {"NVIDIA Ampere GPU (GA100 interface)", 80, 163 << 10, 108},
	spec.Ada:    {"NVIDIA Ada GPU (AD10x interface)", 89, 99 << 10, 142},
	spec.Hopper: {"NVIDIA Hopper GPU (GH100 interface)", 90, 227 << 10, 132},
}

// SMs is how many multiprocessors GPUs of this generation have.
func (d *Device) SMs() int { return models[d.Iface.Arch].sms }

// Accelerator opens the door.
func (d *Device) Accelerator() *Accelerator {
	return &Accelerator{d, map[hw.DevicePtr]int{}}
}

// Name is the generation: the product's name is in its VBIOS, which is not read.
func (a *Accelerator) Name() string { return models[a.dev.Iface.Arch].name }

// Arch is the compute capability times ten.
func (a *Accelerator) Arch() int { return models[a.dev.Iface.Arch].cc }

// SMs is how many multiprocessors the GPU has.
func (a *Accelerator) SMs() int { return a.dev.SMs() }

// Alloc takes VRAM.
func (a *Accelerator) Alloc(n int) (hw.DevicePtr, error) {
	if n <= 0 {
		return 0, a.dev.fail("allocate", "", fmt.Errorf("%d bytes; at least 1", n))
	}
	at, err := a.dev.Heap.Alloc(uint64(n))
	if err != nil {
		return 0, a.dev.fail("allocate", "", err)
	}
	a.own[hw.DevicePtr(at)] = n
	return hw.DevicePtr(at), nil
}

// Free gives VRAM back.
func (a *Accelerator) Free(p hw.DevicePtr) error {
	n, ok := a.own[p]
	if !ok {
		return a.dev.fail("free", fmt.Sprintf("%#x", uint64(p)), errors.New("no allocation"))
	}
	delete(a.own, p)
	a.dev.Heap.Release(mem.Addr(p), uint64(n))
	return nil
}

// stageLen is how much host memory a transfer takes at a time.
const stageLen = 4 << 20

// Write copies p to VRAM.
func (a *Accelerator) Write(dst hw.DevicePtr, p []byte) error {
	return a.move(dst, p, func(host hw.Memory, at mem.Addr, p []byte) error {
		copy(host.Bytes(), p)
		return a.dev.copyNow(at, mem.Addr(host.Bus()), len(p))
	})
}

// Read fills p from VRAM.
func (a *Accelerator) Read(p []byte, src hw.DevicePtr) error {
	return a.move(src, p, func(host hw.Memory, at mem.Addr, p []byte) error {
		err := a.dev.copyNow(mem.Addr(host.Bus()), at, len(p))
		copy(p, host.Bytes())
		return err
	})
}

// move takes p through host memory, piece by piece.
func (a *Accelerator) move(at hw.DevicePtr, p []byte,
	one func(host hw.Memory, at mem.Addr, p []byte) error) error {
	if len(p) == 0 {
		return nil
	}
	host, err := a.dev.HostMemory(min(len(p), stageLen))
	if err != nil {
		return err
	}
	defer host.Free()
	for off := 0; off < len(p); off += stageLen {
		piece := p[off:min(off+stageLen, len(p))]
		if err := one(host, mem.Addr(at)+mem.Addr(off), piece); err != nil {
			return err
		}
	}
	return nil
}

// copyNow is Copy and Wait.
func (d *Device) copyNow(dst, src mem.Addr, n int) error {
	f, err := d.Copy(dst, src, uint64(n))
	if err == nil {
		_, err = f.Wait()
	}
	return err
}

// Close gives back what was allocated.
func (a *Accelerator) Close() error {
	for p, n := range a.own {
		a.dev.Heap.Release(mem.Addr(p), uint64(n))
	}
	clear(a.own)
	return nil
}

// Load reads and verifies a module. Code goes to VRAM when a kernel is first launched.
func (a *Accelerator) Load(name string, text []byte) (hw.Module, error) {
	m, err := ptx.Parse(name, text)
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		return nil, err
	}
	return &module{a, m, string(text)}, nil
}

type module struct {
	on   *Accelerator
	ptx  *ptx.Module
	text string
}

// Kernel finds an entry point.
func (m *module) Kernel(name string) (hw.Kernel, error) {
	if f := m.ptx.Func(name); f == nil || !f.Entry || !f.Defined {
		return nil, m.on.dev.fail("load", m.ptx.Name, fmt.Errorf("no kernel %q in it", name))
	}
	return &entry{m, name}, nil
}

// Global fails: the front end keeps a program's variables to itself.
func (m *module) Global(name string) (hw.DevicePtr, int, error) {
	return 0, 0, m.on.dev.fail("locate", name,
		fmt.Errorf(".global variables of code in VRAM: %w", errors.ErrUnsupported))
}

func (m *module) Unload() error { return nil }

type entry struct {
	of   *module
	name string
}

// Launch runs a grid to its end. Two releases of the GPU's own semaphores give its time.
func (e *entry) Launch(g hw.Grid) (l hw.Launched, err error) {
	d := e.of.on.dev
	if err := e.check(&g); err != nil {
		return l, d.fail("launch", e.name, err)
	}
	p, err := d.Prepare(&Grid{Entry: e.name, PTX: e.of.text, Grid: g.Blocks, Block: g.Threads,
		Shared: uint32(g.Shared), Params: g.Params})
	if err != nil {
		return l, err
	}
	defer p.Release()
	before, err := d.submit(nil)
	if err != nil {
		return l, err
	}
	start, err := before.Wait()
	if err != nil {
		return l, err
	}
	if err := p.Start(); err != nil {
		return l, err
	}
	end, err := p.Wait()
	if err == nil {
		l.Elapsed = float64(end - start)
	}
	return l, err
}

// check refuses what would stop the channel, and reads 0 as 1.
func (e *entry) check(g *hw.Grid) error {
	threads := uint64(1)
	for i := range 3 {
		g.Blocks[i], g.Threads[i] = max(g.Blocks[i], 1), max(g.Threads[i], 1)
		threads *= uint64(g.Threads[i])
		if g.Cluster[i] > 1 {
			return fmt.Errorf("clusters of CTAs: %w", errors.ErrUnsupported)
		}
	}
	most := models[e.of.on.dev.Iface.Arch].shared
	switch {
	case threads > 1024 || g.Threads[2] > 64:
		return fmt.Errorf("%v threads a CTA: at most 1024, and 64 along z", g.Threads)
	case g.Blocks[1] > 65535 || g.Blocks[2] > 65535:
		return fmt.Errorf("%v CTAs: at most 65535 along y and z", g.Blocks)
	case g.Shared < 0 || g.Shared > most:
		return fmt.Errorf("%d bytes of shared memory: 0 to %d", g.Shared, most)
	}
	return nil
}
