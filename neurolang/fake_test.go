package neurolang

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/ir"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

// fake is a Runtime in memory that runs kernels with the reference interpreter.
type fake struct {
	out      strings.Builder
	objects  map[string]*vm.Tensor
	launches []*vm.Launch
	gpus     int
}

func (f *fake) Devices() int { return f.gpus }

func (f *fake) Device(i int) (vm.Device, error) {
	return vm.Device{Index: i, Name: "fake"}, nil
}

func (f *fake) Load(uri string, dev vm.Device) (*vm.Tensor, error) {
	t, ok := f.objects[uri]
	if !ok {
		return nil, fmt.Errorf("load %s: %w", uri, vm.ErrNotFound)
	}
	c := *t
	c.Device, c.Origin = dev, uri
	return &c, nil
}

func (f *fake) Save(t *vm.Tensor, uri string) error { f.objects[uri] = t; return nil }

func (f *fake) Alloc(s vm.Spec, fill vm.Fill) (*vm.Tensor, error) {
	data, err := fill.Bytes(s)
	return &vm.Tensor{Spec: s, Handle: data, Origin: "alloc"}, err
}

func matrix(t *vm.Tensor) ir.Matrix {
	r, c := t.Dims()
	return ir.Matrix{Rows: r, Cols: c, Elem: t.Elem, Layout: t.Layout, Data: t.Handle.([]byte)}
}

func (f *fake) Launch(l *vm.Launch) (*vm.Tensor, error) {
	f.launches = append(f.launches, l)
	var in []ir.Matrix
	for _, a := range l.Args {
		in = append(in, matrix(a))
	}
	out, err := ir.Interpret(l.Kernel.IR, l.Kernel.Target, in)
	return &vm.Tensor{Spec: l.Out, Handle: out.Data}, err
}

func (f *fake) Read(t *vm.Tensor, r vm.Region) ([]float64, error) {
	m := matrix(t)
	var out []float64
	for i := r.Row; i < r.Row+r.Rows; i++ {
		for j := r.Col; j < r.Col+r.Cols; j++ {
			out = append(out, m.At(i, j))
		}
	}
	return out, nil
}

func (f *fake) Print(s string) { f.out.WriteString(s + "\n") }

func newFake() *fake { return &fake{objects: map[string]*vm.Tensor{}, gpus: 1} }

// object stores a matrix whose element (i, j) is fn(i, j).
func (f *fake) object(uri string, rows, cols int, e tile.Elem, l tile.Layout, fn func(i,
	j int) float64) {
	m := ir.NewMatrix(rows, cols, e, l)
	for i := 0; i < rows; i++ {
		for j := 0; j < cols; j++ {
			m.Set(i, j, fn(i, j))
		}
	}
	f.objects[uri] = &vm.Tensor{Spec: vm.Spec{Shape: []int{rows, cols}, Elem: e, Layout: l},
		Handle: m.Data}
}

// compile compiles source that must be right.
func compile(t testing.TB, name, src string, opt Options) *Program {
	t.Helper()
	p, set, ds := Compile(name, []byte(src), opt)
	if p == nil {
		t.Fatalf("%s does not compile:\n%s", name, (&Errors{set, ds}).Render(diag.Style{}))
	}
	return p
}
