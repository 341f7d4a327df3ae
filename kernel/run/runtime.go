package run

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/hw"
	"tensoros/kernel"
	"tensoros/kernel/drv/gpu"
	"tensoros/kernel/mem"
	"tensoros/kernel/task"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
	"tensoros/traces"
)

// Runtime is what programs run on. It implements vm.Runtime.
type Runtime struct {
	Loads    []Load
	Launches []Launch
	// BeforeLaunch and OnLaunch, if not nil, are called before and after each launch.
	BeforeLaunch, OnLaunch func(l *vm.Launch) error

	k     *kernel.Kernel
	print func(line string)
	owned []*tensor // by serial
	last  int       // serial

	coming  []planned // loads of the plan that have not been started
	started map[ahead][]loaded
	waiting int // of started

	plans  map[planKey][]*gpu.Plan
	recent []planKey // of plans, oldest first
	batch  []started
	open   int // batches begun
}

// Load is an object that was brought into VRAM: size, and when the first command was sent and the
// last was over.
type Load struct {
	Object     string
	Bytes      uint64
	Start, End hw.Time
}

// tensor is memory of a tensor.
type tensor struct {
	dev    *gpu.Device
	at     mem.Addr
	n      uint64
	serial int
	ready  *task.Task // what fills it, or failed to; nil once it is there
}

func handle(t *vm.Tensor) *tensor { return t.Handle.(*tensor) }

// begin is where a tensor begins.
func begin(t *vm.Tensor) mem.Addr { return handle(t).at + mem.Addr(t.Offset) }

// New makes a runtime; print receives the lines that programs print.
func New(k *kernel.Kernel, print func(line string)) *Runtime {
	return &Runtime{k: k, print: print, plans: map[planKey][]*gpu.Plan{},
		started: map[ahead][]loaded{}}
}

// Devices is the number of GPUs.
func (r *Runtime) Devices() int { return len(r.k.GPUs) }

// Device is GPU i.
func (r *Runtime) Device(i int) (vm.Device, error) {
	if i < 0 || i >= len(r.k.GPUs) {
		return vm.Device{}, fmt.Errorf("no GPU %d on this machine; it has %d", i, len(r.k.GPUs))
	}
	return vm.Device{Index: i, Name: fmt.Sprintf("gpu%d", i), Handle: r.k.GPUs[i]}, nil
}

// Print prints a line.
func (r *Runtime) Print(line string) { r.print(line) }

func device(d vm.Device) *gpu.Device { return d.Handle.(*gpu.Device) }

// Alloc takes VRAM.
func (r *Runtime) Alloc(d vm.Device, n int) (any, error) { return r.alloc(device(d), uint64(n)) }

func (r *Runtime) alloc(d *gpu.Device, n uint64) (*tensor, error) {
	at, err := d.Heap.Alloc(n)
	if err != nil {
		return nil, fmt.Errorf("gpu%d: %w", d.Index, err)
	}
	r.last++
	t := &tensor{dev: d, at: at, n: n, serial: r.last}
	r.owned = append(r.owned, t)
	return t, nil
}

// Free gives VRAM back, at once: launches that are gathered run before whatever is done with it
// later. It waits for what still writes to it from outside.
func (r *Runtime) Free(h any) error {
	t := h.(*tensor)
	i, ok := slices.BinarySearchFunc(r.owned, t.serial,
		func(t *tensor, serial int) int { return t.serial - serial })
	if !ok {
		return nil // with those of a program that is over
	}
	err := r.settle(t)
	r.owned = slices.Delete(r.owned, i, i+1)
	t.dev.Heap.Release(t.at, t.n)
	return err
}

// Mark remembers which tensors there are, for FreeSince.
func (r *Runtime) Mark() int { return r.last }

// FreeSince gives back the memory of every tensor made since a Mark: of a program that is over. It
// waits for what still writes to them.
func (r *Runtime) FreeSince(mark int) error {
	r.forget()
	first := r.flush()
	for len(r.owned) > 0 && r.owned[len(r.owned)-1].serial > mark {
		if err := r.Free(r.owned[len(r.owned)-1]); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// stageLen is how much host memory a transfer takes at a time.
const stageLen = 4 << 20

// Write moves bytes to VRAM by the copy engine.
func (r *Runtime) Write(t *vm.Tensor, off int, p []byte) error {
	return r.stage(t, off, p, func(host hw.Memory, at mem.Addr, p []byte) error {
		copy(host.Bytes(), p)
		return r.move(handle(t).dev, at, mem.Addr(host.Bus()), len(p))
	})
}

// Read moves bytes from VRAM.
func (r *Runtime) Read(t *vm.Tensor, off int, p []byte) error {
	return r.stage(t, off, p, func(host hw.Memory, at mem.Addr, p []byte) error {
		err := r.move(handle(t).dev, mem.Addr(host.Bus()), at, len(p))
		copy(p, host.Bytes())
		return err
	})
}

// stage takes p through host memory, piece by piece, after all that was asked for before.
func (r *Runtime) stage(t *vm.Tensor, off int, p []byte,
	one func(host hw.Memory, at mem.Addr, p []byte) error) error {
	if len(p) == 0 {
		return nil
	}
	if err := r.ready(t); err != nil {
		return err
	}
	host, err := handle(t).dev.HostMemory(min(len(p), stageLen))
	if err != nil {
		return err
	}
	defer host.Free()
	for at := 0; at < len(p); at += stageLen {
		piece := p[at:min(at+stageLen, len(p))]
		if err := one(host, begin(t)+mem.Addr(off+at), piece); err != nil {
			return err
		}
	}
	return nil
}

// ready waits for what fills a tensor, and for the launches that were gathered.
func (r *Runtime) ready(t *vm.Tensor) error {
	if err := r.flush(); err != nil {
		return err
	}
	return r.settle(handle(t))
}

// Copy copies a tensor: in VRAM, or through the host to another GPU.
func (r *Runtime) Copy(dst, src *vm.Tensor) error {
	if err := r.ready(src); err != nil {
		return err
	}
	d := handle(dst).dev
	if d == handle(src).dev {
		return r.move(d, begin(dst), begin(src), src.Bytes())
	}
	p := make([]byte, min(src.Bytes(), stageLen))
	for off := 0; off < src.Bytes(); off += len(p) {
		piece := p[:min(len(p), src.Bytes()-off)]
		if err := r.Read(src, off, piece); err != nil {
			return err
		}
		if err := r.Write(dst, off, piece); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) move(d *gpu.Device, dst, src mem.Addr, n int) error {
	f, err := d.Copy(dst, src, uint64(n))
	if err == nil {
		_, err = f.Wait()
	}
	return err
}

// settle waits for what fills a tensor.
func (r *Runtime) settle(t *tensor) error {
	if t.ready == nil {
		return nil
	}
	if err := r.k.Loop.Wait(t.ready); err != nil {
		return err // and again whoever asks next: there are no contents
	}
	t.ready = nil
	return nil
}

// loaded is an object in VRAM, or on its way there.
type loaded struct {
	spec vm.Spec
	*tensor
}

// Load brings an object of a volume into VRAM. It returns at once: whoever uses the tensor waits.
func (r *Runtime) Load(uri string, dev vm.Device) (vm.Spec, any, error) {
	if err := r.flush(); err != nil { // it may still use the memory that the object goes to
		return vm.Spec{}, nil, err
	}
	t, ok := r.takeAhead(uri, dev)
	if !ok {
		v, o, err := r.find(uri)
		if err != nil {
			return vm.Spec{}, nil, err
		}
		if t, err = r.start(uri, dev, v, o); err != nil {
			return vm.Spec{}, nil, err
		}
	}
	r.pump()
	r.k.Loop.Turn()
	return t.spec, t.tensor, nil
}

// start sends the first requests of a load.
func (r *Runtime) start(uri string, dev vm.Device, v *kernel.Volume,
	o kernel.Object) (loaded, error) {
	s, err := objectSpec(&o, int(o.Len), dev)
	if err != nil {
		return loaded{}, err
	}
	t, err := r.alloc(device(dev), max(o.Len, 1))
	if err != nil {
		return loaded{}, err
	}
	start := r.k.CPU.Now()
	step, err := r.fetch(t, v, o)
	if err != nil {
		_ = r.Free(t) // nothing fills it: that cannot fail
		return loaded{}, err
	}
	t.ready = r.k.Loop.Go("load "+uri, func() (bool, error) {
		done, err := step()
		if done && err == nil {
			r.Loads = append(r.Loads, Load{uri, o.Len, start, r.k.CPU.Now()})
			r.k.Span(traces.KernelLoad, start, r.k.Text(uri), o.Len)
		}
		return done, err
	})
	return loaded{s, t}, nil
}

// fetch prepares the transfer of an object into a tensor.
func (r *Runtime) fetch(t *tensor, v *kernel.Volume, o kernel.Object) (task.Step, error) {
	bus, err := t.dev.Bus(t.at, t.n)
	if err != nil {
		return nil, err
	}
	return r.k.ReadObject(v, o, bus)
}

// Save writes a tensor to an object of the first volume, by DMA from VRAM.
func (r *Runtime) Save(t *vm.Tensor, uri string) error {
	name, err := objectName(uri)
	if err != nil {
		return err
	}
	if len(r.k.Volumes) == 0 {
		return fmt.Errorf("no drive has a volume")
	}
	if err := r.ready(t); err != nil {
		return err
	}
	n := uint64(t.Bytes())
	bus, err := handle(t).dev.Bus(begin(t), n)
	if err != nil {
		return err
	}
	return r.k.WriteObject(r.k.Volumes[0], kernel.Object{Name: name, Elem: t.Elem.String(),
		Shape: t.Shape, ColMajor: t.Layout == tile.ColMajor, Len: n}, bus)
}

const scheme = "nvme://"

func objectName(uri string) (string, error) {
	name, ok := strings.CutPrefix(uri, scheme)
	if !ok || name == "" {
		return "", fmt.Errorf("%q is not the name of an object: write %sNAME", uri, scheme)
	}
	return name, nil
}

// find looks an object up on all volumes, in order.
func (r *Runtime) find(uri string) (*kernel.Volume, kernel.Object, error) {
	name, err := objectName(uri)
	if err != nil {
		return nil, kernel.Object{}, err
	}
	var have []string
	for _, v := range r.k.Volumes {
		if o, ok := v.FS.Lookup(name); ok {
			return v, o, nil
		}
		for _, n := range v.FS.Names() {
			have = append(have, scheme+n)
		}
	}
	return nil, kernel.Object{}, &vm.NotFound{URI: uri, Have: have}
}
