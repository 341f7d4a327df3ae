package run

import (
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
	"tensoros/kernel/tensorfs"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

// Compute is a runtime over one accelerator, with no kernel of TensorOS below it: a GPU that
// another system drives, or a chip alone. Objects come from the host's memory. It implements
// vm.Runtime.
type Compute struct {
	Objects  map[string]tensorfs.File // by name; Save adds to them
	Launches []Computed
	// BeforeLaunch and OnLaunch, if not nil, are called before and after each launch.
	BeforeLaunch, OnLaunch func(l *vm.Launch) error

	on      hw.Accelerator
	dev     abi.Device
	print   func(line string)
	kernels map[*abi.Variant]hw.Kernel
}

// Computed is a kernel that ran.
type Computed struct {
	Ran
	hw.Launched
}

// Ran says what a launch was: the kernel, which of its entries, the CTAs and threads of the grid,
// and what it cost by its own account.
type Ran struct {
	Kernel, Entry string
	Grid          [3]uint32
	Threads       uint32
	FLOPs, Bytes  float64
}

func ran(l *vm.Launch, c *abi.Call) Ran {
	return Ran{l.Kernel.Name, c.Variant.Entry, c.Blocks, c.Threads, l.FLOPs(), l.Bytes()}
}

// NewCompute makes a runtime on an accelerator, which remains the caller's.
func NewCompute(on hw.Accelerator, print func(line string)) *Compute {
	c := &Compute{Objects: map[string]tensorfs.File{}, on: on, print: print,
		kernels: map[*abi.Variant]hw.Kernel{}, dev: abi.Device{SMs: 1}}
	if m, ok := on.(interface {
		TensorMap(*spec.TensorMap) ([spec.TensorMapBytes]byte, error)
	}); ok {
		c.dev.TensorMap = m.TensorMap
	}
	if m, ok := on.(interface{ SMs() int }); ok {
		c.dev.SMs = m.SMs()
	}
	return c
}

var _ vm.Runtime = (*Compute)(nil)

// Devices is 1.
func (c *Compute) Devices() int { return 1 }

// Device is the accelerator as GPU 0.
func (c *Compute) Device(i int) (vm.Device, error) {
	if i != 0 {
		return vm.Device{}, fmt.Errorf("no GPU %d here; there is one, GPU 0", i)
	}
	return vm.Device{Name: "gpu0"}, nil
}

// Print prints a line.
func (c *Compute) Print(line string) { c.print(line) }

// Alloc takes memory.
func (c *Compute) Alloc(_ vm.Device, n int) (any, error) { return c.on.Alloc(n) }

// Free gives it back.
func (c *Compute) Free(h any) error { return c.on.Free(h.(hw.DevicePtr)) }

// Load brings an object to the accelerator.
func (c *Compute) Load(uri string, dev vm.Device) (vm.Spec, any, error) {
	name, err := objectName(uri)
	if err != nil {
		return vm.Spec{}, nil, err
	}
	o, ok := c.Objects[name]
	if !ok {
		return vm.Spec{}, nil, &vm.NotFound{URI: uri}
	}
	s, err := objectSpec(&o.Object, len(o.Data), dev)
	if err != nil {
		return s, nil, err
	}
	p, err := c.on.Alloc(max(len(o.Data), 1))
	if err == nil {
		err = c.on.Write(p, o.Data)
	}
	return s, p, err
}

// Save keeps a tensor as an object.
func (c *Compute) Save(t *vm.Tensor, uri string) error {
	name, err := objectName(uri)
	if err != nil {
		return err
	}
	data, err := c.Image(t)
	if err == nil {
		c.Objects[name] = tensorfs.File{Data: data, Object: tensorfs.Object{Name: name,
			Elem: t.Elem.String(), Shape: t.Shape, ColMajor: t.Layout == tile.ColMajor}}
	}
	return err
}

// pointer is where a tensor begins.
func pointer(t *vm.Tensor) hw.DevicePtr { return t.Handle.(hw.DevicePtr) + hw.DevicePtr(t.Offset) }

// Write copies bytes to the accelerator.
func (c *Compute) Write(t *vm.Tensor, off int, p []byte) error {
	return c.on.Write(pointer(t)+hw.DevicePtr(off), p)
}

// Read copies bytes from the accelerator.
func (c *Compute) Read(t *vm.Tensor, off int, p []byte) error {
	return c.on.Read(p, pointer(t)+hw.DevicePtr(off))
}

// Copy copies a tensor, through the host.
func (c *Compute) Copy(dst, src *vm.Tensor) error {
	p, err := c.Image(src)
	if err == nil {
		err = c.on.Write(pointer(dst), p)
	}
	return err
}

// Launch runs a kernel over whole tensors.
func (c *Compute) Launch(l *vm.Launch) error {
	base := func(t *vm.Tensor) uint64 { return uint64(t.Handle.(hw.DevicePtr)) }
	call, err := l.Call(base, &c.dev)
	if err != nil || call.Programs == 0 {
		return err
	}
	k, err := c.kernel(call.Variant)
	if err == nil && c.BeforeLaunch != nil {
		err = c.BeforeLaunch(l)
	}
	if err != nil {
		return err
	}
	done, err := k.Launch(hw.Grid{Blocks: call.Blocks, Threads: [3]uint32{call.Threads, 1, 1},
		Cluster: call.Cluster, Shared: call.Shared, Params: call.Params})
	if err != nil {
		return err
	}
	c.Launches = append(c.Launches, Computed{ran(l, call), done})
	if c.OnLaunch != nil {
		return c.OnLaunch(l)
	}
	return nil
}

// kernel is the code of a variant on the accelerator, once loaded.
func (c *Compute) kernel(v *abi.Variant) (hw.Kernel, error) {
	if have := c.kernels[v]; have != nil {
		return have, nil
	}
	m, err := c.on.Load(v.Entry+".ptx", []byte(v.PTX))
	if err != nil {
		return nil, err
	}
	got, err := m.Kernel(v.Entry)
	if err == nil {
		c.kernels[v] = got
	}
	return got, err
}

// Image is a tensor's bytes as they lie on the device, for checks.
func (c *Compute) Image(t *vm.Tensor) ([]byte, error) {
	p := make([]byte, t.Bytes())
	return p, c.Read(t, 0, p)
}
