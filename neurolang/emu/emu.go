package emu

import (
	"fmt"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/vm"
)

// Runtime is a vm.Runtime over host memory.
type Runtime struct {
	// Objects are what Load finds and Save keeps, by URI.
	Objects map[string]Object
	// GPUs is how many devices there seem to be.
	GPUs int
	// Options are those of the interpreter.
	Options interp.Options
	// OnLaunch, if not nil, is called after each launch.
	OnLaunch func(l *vm.Launch) error
	// Limit bounds the memory of all devices together; 0 means 16 GiB.
	Limit int
	// Live and Peak are bytes of device memory in use, and the most there were at a time.
	Live, Peak int

	print   func(line string)
	kernels map[*abi.Kernel]*tir.Kernel
}

// defaultTarget is whose arithmetic dots have if nobody chooses.
const defaultTarget = 90

// Object is a stored tensor.
type Object struct {
	Shape  []int
	Elem   tile.Elem
	Layout tile.Layout
	Data   []byte
}

// New makes a runtime with one device; print receives the lines that programs print.
func New(print func(line string)) *Runtime {
	return &Runtime{Objects: map[string]Object{}, GPUs: 1, print: print,
		Options: interp.Options{Target: defaultTarget},
		kernels: map[*abi.Kernel]*tir.Kernel{}}
}

var _ vm.Runtime = (*Runtime)(nil)

// memory is an allocation.
type memory struct {
	data []byte
	dev  int
}

// Devices returns how many GPUs there are.
func (r *Runtime) Devices() int { return r.GPUs }

// Device returns GPU i.
func (r *Runtime) Device(i int) (vm.Device, error) {
	if i < 0 || i >= r.GPUs {
		return vm.Device{}, fmt.Errorf("no GPU %d; there are %d", i, r.GPUs)
	}
	return vm.Device{Index: i, Name: fmt.Sprintf("emu%d", i)}, nil
}

const defaultLimit = 1 << 34

// Alloc makes memory full of a pattern, so that reading what nobody wrote shows.
func (r *Runtime) Alloc(d vm.Device, n int) (any, error) {
	limit := r.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	if n > limit-r.Live {
		return nil, fmt.Errorf("%d bytes: out of memory", n)
	}
	m := &memory{make([]byte, n), d.Index}
	for i := range m.data {
		m.data[i] = 0xff
	}
	r.Live += n
	r.Peak = max(r.Peak, r.Live)
	return m, nil
}

// Free gives memory back.
func (r *Runtime) Free(h any) error {
	m := h.(*memory)
	r.Live -= len(m.data)
	m.data = nil
	return nil
}

// Load finds an object.
func (r *Runtime) Load(uri string, d vm.Device) (vm.Spec, any, error) {
	o, ok := r.Objects[uri]
	if !ok {
		return vm.Spec{}, nil, &vm.NotFound{URI: uri}
	}
	h, err := r.Alloc(d, max(len(o.Data), 1))
	if err == nil {
		copy(h.(*memory).data, o.Data)
	}
	return vm.Spec{Shape: o.Shape, Elem: o.Elem, Layout: o.Layout, Device: d}, h, err
}

// Save keeps an object.
func (r *Runtime) Save(t *vm.Tensor, uri string) error {
	if strings.TrimSpace(uri) == "" {
		return fmt.Errorf("%q is no name", uri)
	}
	p := make([]byte, t.Bytes())
	err := r.Read(t, 0, p)
	r.Objects[uri] = Object{t.Shape, t.Elem, t.Layout, p}
	return err
}

// at is the memory of a tensor from byte off on.
func at(t *vm.Tensor, off, n int) ([]byte, error) {
	m := t.Handle.(*memory)
	from := t.Offset + off
	if from < 0 || n < 0 || from+n > len(m.data) {
		return nil, fmt.Errorf("bytes %d to %d of %d", from, from+n, len(m.data))
	}
	return m.data[from : from+n : from+n], nil
}

// Write stores p.
func (r *Runtime) Write(t *vm.Tensor, off int, p []byte) error {
	to, err := at(t, off, len(p))
	copy(to, p)
	return err
}

// Read fills p.
func (r *Runtime) Read(t *vm.Tensor, off int, p []byte) error {
	from, err := at(t, off, len(p))
	copy(p, from)
	return err
}

// Copy copies a tensor.
func (r *Runtime) Copy(dst, src *vm.Tensor) error {
	from, err := at(src, 0, src.Bytes())
	if err != nil {
		return err
	}
	return r.Write(dst, 0, from)
}

// Print prints a line.
func (r *Runtime) Print(line string) { r.print(line) }

// Launch interprets a kernel.
func (r *Runtime) Launch(l *vm.Launch) error {
	k, err := r.kernel(l.Kernel)
	if err != nil {
		return err
	}
	tensors := make([]*interp.Tensor, len(l.Tensors))
	scalars := make([]float64, len(l.Kernel.Params))
	for i, t := range l.Tensors {
		if t == nil {
			scalars[i] = vm.Decode(l.Kernel.Params[i].Elem, word(l.Scalars[i]))
			continue
		}
		data, err := at(t, 0, t.Bytes())
		if err != nil {
			return err
		}
		tensors[i] = &interp.Tensor{Elem: t.Elem, Dims: t.Shape, Layout: t.Layout, Data: data}
	}
	opt := r.Options
	if opt.Target == 0 {
		opt.Target = l.Kernel.Target
	}
	if err := interp.Run(k, tensors, scalars, opt); err != nil {
		return err
	}
	if r.OnLaunch != nil {
		return r.OnLaunch(l)
	}
	return nil
}

func word(bits uint64) []byte {
	p := make([]byte, 8)
	for i := range p {
		p[i] = byte(bits >> (8 * i))
	}
	return p
}

// kernel is the tile IR of a kernel.
func (r *Runtime) kernel(k *abi.Kernel) (*tir.Kernel, error) {
	if t := r.kernels[k]; t != nil {
		return t, nil
	}
	t, err := tir.Parse(k.Source)
	if err == nil {
		err = t.Verify()
	}
	if err != nil {
		return nil, fmt.Errorf("the tile IR of %s: %w", k.Name, err)
	}
	r.kernels[k] = t
	return t, nil
}
