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
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
	"tensoros/traces"
)

// Runtime is what programs run on. It implements vm.Runtime.
type Runtime struct {
	Loads    []Load
	Launches []Launch
	// OnLaunch, if not nil, is called after each launch.
	OnLaunch func(l *vm.Launch, out *vm.Tensor) error

	k     *kernel.Kernel
	print func(line string)
	owned []*tensor

	coming  []planned // loads of the plan that have not been started
	started map[ahead][]*vm.Tensor
	waiting int // of started

	plans  map[planKey]*gpu.Plan
	recent []planKey // of plans, oldest first
}

// Load is an object that was brought into VRAM: size, and when the first command was sent and the
// last was over.
type Load struct {
	Object     string
	Bytes      uint64
	Start, End hw.Time
}

// Launch is a kernel that ran: when it was called, and the GPU's time of its end.
type Launch struct {
	Kernel        string
	Geometry      program.Geometry
	Called, Ended hw.Time
}

// tensor is the runtime's part of a vm.Tensor.
type tensor struct {
	dev   *gpu.Device
	at    mem.Addr
	n     uint64
	ready *task.Task // what fills it, or failed to; nil once it is there
}

// New makes a runtime; print receives the lines that programs print.
func New(k *kernel.Kernel, print func(line string)) *Runtime {
	return &Runtime{k: k, print: print, plans: map[planKey]*gpu.Plan{},
		started: map[ahead][]*vm.Tensor{}}
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

func (r *Runtime) alloc(s vm.Spec) (*tensor, error) {
	d := device(s.Device)
	n := uint64(s.Bytes())
	at, err := d.Heap.Alloc(n)
	if err != nil {
		return nil, fmt.Errorf("%s on gpu%d: %w", s, d.Index, err)
	}
	t := &tensor{dev: d, at: at, n: n}
	r.owned = append(r.owned, t)
	return t, nil
}

// discard gives back the memory of a tensor that nobody has seen.
func (r *Runtime) discard(t *tensor) {
	if i := slices.Index(r.owned, t); i >= 0 {
		r.owned = slices.Delete(r.owned, i, i+1)
		t.dev.Heap.Release(t.at, t.n)
	}
}

// Mark remembers which tensors there are, for FreeSince.
func (r *Runtime) Mark() int { return len(r.owned) }

// FreeSince gives back the memory of every tensor made since a Mark: of a program that is over. It
// waits for what still writes to them.
func (r *Runtime) FreeSince(mark int) error {
	r.forget()
	var first error
	for _, t := range r.owned[mark:] {
		if err := r.settle(t); err != nil && first == nil {
			first = err
		}
		t.dev.Heap.Release(t.at, t.n)
	}
	r.owned = r.owned[:mark]
	return first
}

// Alloc makes a tensor. Contents are made on the host and moved by the copy engine.
func (r *Runtime) Alloc(s vm.Spec, fill vm.Fill) (*vm.Tensor, error) {
	t, err := r.alloc(s)
	if err != nil {
		return nil, err
	}
	if err := r.fill(t, s, fill); err != nil {
		r.discard(t)
		return nil, err
	}
	return &vm.Tensor{Spec: s, Handle: t, Origin: "alloc"}, nil
}

func (r *Runtime) fill(t *tensor, s vm.Spec, fill vm.Fill) error {
	if fill.Kind == vm.FillNone {
		return nil
	}
	data, err := fill.Bytes(s)
	if err != nil {
		return err
	}
	return r.upload(t, data)
}

// stageLen is how much host memory a transfer takes at a time.
const stageLen = 4 << 20

func (r *Runtime) upload(t *tensor, data []byte) error {
	host, err := t.dev.HostMemory(min(len(data), stageLen))
	if err != nil {
		return err
	}
	defer host.Free()
	for off := 0; off < len(data); off += stageLen {
		n := copy(host.Bytes(), data[off:])
		if err := r.move(t.dev, t.at+mem.Addr(off), mem.Addr(host.Bus()), n); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) download(t *tensor, off, n int) ([]byte, error) {
	host, err := t.dev.HostMemory(min(n, stageLen))
	if err != nil {
		return nil, err
	}
	defer host.Free()
	out := make([]byte, 0, n)
	for len(out) < n {
		m := min(n-len(out), stageLen)
		if err := r.move(t.dev, mem.Addr(host.Bus()), t.at+mem.Addr(off+len(out)), m); err != nil {
			return nil, err
		}
		out = append(out, host.Bytes()[:m]...)
	}
	return out, nil
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

// Load brings an object of a volume into VRAM. It returns at once: whoever uses the tensor waits.
func (r *Runtime) Load(uri string, dev vm.Device) (*vm.Tensor, error) {
	t := r.takeAhead(uri, dev)
	if t == nil {
		v, o, err := r.find(uri)
		if err != nil {
			return nil, err
		}
		if t, err = r.start(uri, dev, v, o); err != nil {
			return nil, err
		}
	}
	r.pump()
	r.k.Loop.Turn()
	return t, nil
}

// start sends the first requests of a load.
func (r *Runtime) start(uri string, dev vm.Device, v *kernel.Volume,
	o kernel.Object) (*vm.Tensor, error) {
	s, err := objectSpec(uri, &o, dev)
	if err != nil {
		return nil, err
	}
	t, err := r.alloc(s)
	if err != nil {
		return nil, err
	}
	start := r.k.CPU.Now()
	step, err := r.fetch(t, v, o)
	if err != nil {
		r.discard(t)
		return nil, fmt.Errorf("load %s: %w", uri, err)
	}
	t.ready = r.k.Loop.Go("load "+uri, func() (bool, error) {
		done, err := step()
		if done && err == nil {
			r.Loads = append(r.Loads, Load{uri, o.Len, start, r.k.CPU.Now()})
			r.k.Span(traces.KernelLoad, start, r.k.Text(uri), o.Len)
		}
		return done, err
	})
	return &vm.Tensor{Spec: s, Handle: t, Origin: uri}, nil
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
		return fmt.Errorf("save %s: no drive has a volume", uri)
	}
	own := t.Handle.(*tensor)
	if err := r.settle(own); err != nil {
		return err
	}
	bus, err := own.dev.Bus(own.at, own.n)
	if err != nil {
		return err
	}
	return r.k.WriteObject(r.k.Volumes[0], kernel.Object{Name: name, Elem: t.Elem.String(),
		Shape: t.Shape, ColMajor: t.Layout == tile.ColMajor, Len: own.n}, bus)
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
