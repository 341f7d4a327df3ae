package vm

import (
	"errors"
	"fmt"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/source"
)

// ErrNotFound is what Load's error wraps when there is no such object.
var ErrNotFound = errors.New("object not found")

// NotFound is an ErrNotFound that knows what there is instead.
type NotFound struct {
	URI  string
	Have []string // URIs
}

func (e *NotFound) Error() string { return fmt.Sprintf("load %s: %v", e.URI, ErrNotFound) }

// Unwrap makes errors.Is find ErrNotFound.
func (e *NotFound) Unwrap() error { return ErrNotFound }

// hint says what there is.
func (e *NotFound) hint() string {
	if len(e.Have) == 0 {
		return "the drives hold no objects; make a tensor with Tensor::randn or Tensor::zeros"
	}
	return "there are " + strings.Join(e.Have, ", ")
}

// Runtime is what host code runs on. Errors it returns are reported at the source line that
// asked. Handles are its own; tensors may share one. Work may be asynchronous as long as Read
// waits for it.
type Runtime interface {
	// Devices returns how many GPUs there are.
	Devices() int
	// Device returns GPU i.
	Device(i int) (Device, error)
	// Alloc takes n > 0 bytes of a device; what is in them is open.
	Alloc(d Device, n int) (handle any, err error)
	// Free gives them back.
	Free(handle any) error
	// Load reads an object into new memory of a device; the error wraps ErrNotFound if there is no
	// such object.
	Load(uri string, d Device) (Spec, any, error)
	// Save writes a tensor to an object.
	Save(t *Tensor, uri string) error
	// Write stores p at byte off of a tensor, Read fills p from there.
	Write(t *Tensor, off int, p []byte) error
	Read(t *Tensor, off int, p []byte) error
	// Copy copies src to dst, which is as large and may be on another device.
	Copy(dst, src *Tensor) error
	// Launch runs a kernel.
	Launch(l *Launch) error
	// Print writes one line, given without its end.
	Print(line string)
}

// Launch asks for one kernel over whole tensors, with checked shapes.
type Launch struct {
	Kernel  *abi.Kernel
	Tensors []*Tensor // of Params, then of Outs; nil for scalars
	Scalars []uint64  // of Params: bits in the parameter's element type
	Dims    []Dim     // in order of appearance
	Device  Device
	Pos     source.Position
	flats   []flatDim
}

// Dim is a named dimension of a launch.
type Dim struct {
	Sym  string
	N    int
	from int // which tensor gave it
}

// Dim returns a dimension by name; 0 if there is none.
func (l *Launch) Dim(sym string) int {
	for _, d := range l.Dims {
		if d.Sym == sym {
			return d.N
		}
	}
	return 0
}

// FLOPs returns the floating-point operations of the launch.
func (l *Launch) FLOPs() float64 { return l.Kernel.FLOPs.Eval(l.Dim) }

// Bytes returns what the launch must at least move to and from memory.
func (l *Launch) Bytes() float64 { return l.Kernel.Bytes.Eval(l.Dim) }

// Outs returns the tensors that the launch makes.
func (l *Launch) Outs() []*Tensor { return l.Tensors[len(l.Kernel.Params):] }

// Call encodes the launch for a device; address says where a tensor's memory begins.
func (l *Launch) Call(address func(*Tensor) uint64, d *abi.Device) (*abi.Call, error) {
	a := abi.Args{Scalars: l.Scalars, Dim: l.Dim}
	for _, t := range l.Tensors {
		if t == nil {
			a.Addrs, a.Shapes = append(a.Addrs, 0), append(a.Shapes, nil)
			continue
		}
		a.Addrs = append(a.Addrs, address(t)+uint64(t.Offset))
		a.Shapes = append(a.Shapes, t.Shape)
	}
	return l.Kernel.Call(&a, d)
}

// Batcher is a Runtime that can gather launches: those between Begin and End start together.
type Batcher interface {
	Begin()
	End() error
}
