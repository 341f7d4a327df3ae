package run

import (
	"fmt"

	"tensoros/hw"
	"tensoros/kernel/tensorfs"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

// Compute is a runtime over one accelerator, with no kernel of TensorOS below it: a GPU that
// another system drives, or a chip alone. Objects come from the host's memory. It implements
// vm.Runtime.
type Compute struct {
	Objects  map[string]tensorfs.File // by name; Save adds to them
	Launches []Computed
	// OnLaunch, if not nil, is called after each launch.
	OnLaunch func(l *vm.Launch, out *vm.Tensor) error

	on      hw.Accelerator
	print   func(line string)
	kernels map[*program.Kernel]hw.Kernel
}

// Computed is a kernel that ran.
type Computed struct {
	Kernel   string
	Geometry program.Geometry
	hw.Launched
}

// NewCompute makes a runtime on an accelerator, which remains the caller's.
func NewCompute(on hw.Accelerator, print func(line string)) *Compute {
	return &Compute{Objects: map[string]tensorfs.File{}, on: on, print: print,
		kernels: map[*program.Kernel]hw.Kernel{}}
}

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

// place makes a tensor; nil data leaves its contents open.
func (c *Compute) place(s vm.Spec, data []byte, origin string) (*vm.Tensor, error) {
	p, err := c.on.Alloc(s.Bytes())
	if err != nil {
		return nil, err
	}
	if data != nil {
		if err := c.on.Write(p, data); err != nil {
			return nil, err
		}
	}
	return &vm.Tensor{Spec: s, Handle: p, Origin: origin}, nil
}

// Alloc makes a tensor.
func (c *Compute) Alloc(s vm.Spec, fill vm.Fill) (*vm.Tensor, error) {
	var data []byte
	if fill.Kind != vm.FillNone {
		var err error
		if data, err = fill.Bytes(s); err != nil {
			return nil, err
		}
	}
	return c.place(s, data, "alloc")
}

// Load brings an object to the accelerator.
func (c *Compute) Load(uri string, dev vm.Device) (*vm.Tensor, error) {
	name, err := objectName(uri)
	if err != nil {
		return nil, err
	}
	o, ok := c.Objects[name]
	if !ok {
		return nil, &vm.NotFound{URI: uri}
	}
	elem, ok := tile.ParseElem(o.Elem)
	if !ok {
		return nil, fmt.Errorf("load %s: element type %q is unknown", uri, o.Elem)
	}
	s := vm.Spec{Shape: o.Shape, Elem: elem, Layout: tile.RowMajor, Device: dev}
	if o.ColMajor {
		s.Layout = tile.ColMajor
	}
	if s.Bytes() != len(o.Data) {
		return nil, fmt.Errorf("load %s: %s takes %d bytes, the object has %d", uri, s, s.Bytes(),
			len(o.Data))
	}
	return c.place(s, o.Data, uri)
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

// Launch runs a kernel over whole tensors.
func (c *Compute) Launch(l *vm.Launch) (*vm.Tensor, error) {
	k, err := c.kernel(l.Kernel)
	if err != nil {
		return nil, err
	}
	out, err := c.place(l.Out, nil, l.Kernel.Name)
	if err != nil {
		return nil, err
	}
	var in []uint64
	for _, a := range l.Args {
		in = append(in, uint64(a.Handle.(hw.DevicePtr)))
	}
	params, err := l.Kernel.ParamBytes(in, uint64(out.Handle.(hw.DevicePtr)), l.Geometry)
	if err != nil {
		return nil, err
	}
	done, err := k.Launch(hw.Grid{Blocks: axes(l.Grid), Threads: axes(l.Block), Shared: l.Shared,
		Params: params})
	if err != nil {
		return nil, err
	}
	c.Launches = append(c.Launches, Computed{l.Kernel.Name, l.Geometry, done})
	if c.OnLaunch != nil {
		return out, c.OnLaunch(l, out)
	}
	return out, nil
}

// kernel is the code of a kernel on the accelerator, once loaded.
func (c *Compute) kernel(k *program.Kernel) (hw.Kernel, error) {
	if have := c.kernels[k]; have != nil {
		return have, nil
	}
	m, err := c.on.Load(k.Name+".ptx", []byte(k.PTX))
	if err != nil {
		return nil, err
	}
	got, err := m.Kernel(k.Name)
	if err == nil {
		c.kernels[k] = got
	}
	return got, err
}

// Read copies a region to the host and decodes it, in row-major order.
func (c *Compute) Read(t *vm.Tensor, g vm.Region) ([]float64, error) {
	return regionOf(t, g, func(off, n int) ([]byte, error) {
		p := make([]byte, n)
		return p, c.on.Read(p, t.Handle.(hw.DevicePtr)+hw.DevicePtr(off))
	})
}

// Image is a tensor's bytes as they lie on the device, for checks.
func (c *Compute) Image(t *vm.Tensor) ([]byte, error) {
	p := make([]byte, t.Bytes())
	return p, c.on.Read(p, t.Handle.(hw.DevicePtr))
}

var _ vm.Runtime = (*Compute)(nil)
