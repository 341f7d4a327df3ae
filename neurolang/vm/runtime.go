package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"tensoros/hw/num"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
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

// Device is a GPU as the runtime knows it.
type Device struct {
	Index  int
	Name   string
	Handle any
}

// Spec describes a tensor: 1 or 2 dimensions.
type Spec struct {
	Shape  []int
	Elem   tile.Elem
	Layout tile.Layout
	Device Device
}

// Dims returns rows and columns; a vector is one row.
func (s Spec) Dims() (rows, cols int) {
	switch len(s.Shape) {
	case 1:
		return 1, s.Shape[0]
	case 2:
		return s.Shape[0], s.Shape[1]
	}
	return 0, 0
}

// Bytes returns the size in memory.
func (s Spec) Bytes() int {
	r, c := s.Dims()
	return r * c * s.Elem.Size()
}

// String returns for example "4096x64 f16 ColMajor".
func (s Spec) String() string {
	text := ""
	for i, d := range s.Shape {
		if i > 0 {
			text += "x"
		}
		text += fmt.Sprint(d)
	}
	return fmt.Sprintf("%s %s %s", text, s.Elem, s.Layout)
}

// Tensor is a tensor the runtime made. Handle is the runtime's own; Origin says in messages where
// the tensor comes from.
type Tensor struct {
	Spec
	Handle any
	Origin string
}

// FillKind chooses the contents of a new tensor.
type FillKind uint8

// Fills. FillNone leaves the contents open.
const (
	FillNone FillKind = iota
	FillZero
	FillRandn
)

// Fill is the contents of a new tensor.
type Fill struct {
	Kind FillKind
	Seed uint64
}

// Region is a rectangle of a tensor, in logical coordinates; a vector is one row.
type Region struct{ Row, Col, Rows, Cols int }

// Launch asks for one kernel over whole tensors. The runtime allocates Out, runs the kernel with
// Kernel.ParamBytes and returns the tensor; it may be asynchronous as long as Read waits.
type Launch struct {
	Kernel *program.Kernel
	Args   []*Tensor
	Out    Spec
	program.Geometry
	Shared int // bytes of dynamic shared memory
	Pos    source.Position
}

// Runtime is what host code runs on. Errors it returns are reported at the source line that
// asked.
type Runtime interface {
	// Devices returns how many GPUs there are.
	Devices() int
	// Device returns GPU i.
	Device(i int) (Device, error)
	// Load reads an object into a new tensor on a device; the error wraps ErrNotFound if there is
	// no such object.
	Load(uri string, dev Device) (*Tensor, error)
	// Save writes a tensor to an object.
	Save(t *Tensor, uri string) error
	// Alloc makes a tensor.
	Alloc(s Spec, fill Fill) (*Tensor, error)
	// Launch runs a kernel and returns its output.
	Launch(l *Launch) (*Tensor, error)
	// Read returns a region in row-major order, after everything that writes the tensor is done.
	Read(t *Tensor, r Region) ([]float64, error)
	// Print writes one line, given without its end.
	Print(line string)
}

// Bytes returns the contents for a tensor of spec s: its memory image, little endian. It is a pure
// function of seed and logical index, so that a tensor has the same values in every layout.
func (f Fill) Bytes(s Spec) ([]byte, error) {
	if !s.Elem.Executable() {
		return nil, fmt.Errorf("no values of %s can be made yet", s.Elem)
	}
	out := make([]byte, s.Bytes())
	if f.Kind != FillRandn {
		return out, nil
	}
	rows, cols := s.Dims()
	for i := 0; i < rows; i++ {
		for j := 0; j < cols; j++ {
			put(out, s.Layout.Index(i, j, rows, cols), s.Elem, f.normal(uint64(i*cols+j)))
		}
	}
	return out, nil
}

func put(out []byte, i int, e tile.Elem, v float32) {
	switch e {
	case tile.F16:
		binary.LittleEndian.PutUint16(out[2*i:], num.F32ToF16(v))
	case tile.BF16:
		binary.LittleEndian.PutUint16(out[2*i:], num.F32ToBF16(v))
	case tile.TF32:
		binary.LittleEndian.PutUint32(out[4*i:], num.F32ToTF32(v))
	default:
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(v))
	}
}

// normal returns value i of a standard normal distribution, near enough: the sum of 12 uniform
// 16-bit numbers has variance 1 (Irwin and Hall, 1927), and integers keep it the same everywhere.
func (f Fill) normal(i uint64) float32 {
	sum := int64(-6 * 65535)
	for j := uint64(0); j < 3; j++ {
		x := splitmix(f.Seed + (3*i+j+1)*0x9e3779b97f4a7c15)
		sum += int64(x&0xffff + x>>16&0xffff + x>>32&0xffff + x>>48)
	}
	return float32(sum) / 65536
}

// splitmix is the output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
func splitmix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Error is an error of a running program.
type Error struct {
	Code diag.Code
	Span source.Span
	Pos  source.Position
	Msg  string
	Help string
	Err  error // what the runtime returned, if it did
}

// Error returns position, code, message and help.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s: %s", e.Pos, e.Code, e.Msg)
	if e.Help != "" {
		s += "; " + e.Help
	}
	return s
}

// Unwrap returns the runtime's error.
func (e *Error) Unwrap() error { return e.Err }

// Diagnostic returns the error in the form that diag.Render takes.
func (e *Error) Diagnostic() diag.Diagnostic {
	return diag.Diagnostic{Code: e.Code, Message: e.Msg, Primary: diag.Label{Span: e.Span},
		Help: e.Help}
}
