package cuda

import (
	"bytes"
	"embed"
	"encoding/binary"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"tensoros/hw"
	"tensoros/hw/spec/gpu"
)

//go:embed ptx/*.ptx
var files embed.FS

// Case is a launch of a kernel and what must come of it.
type Case struct {
	Name string // FILE/KERNEL, and after a space what sets it apart
	Arch int    // the least that runs it; 0 is 80
	Grid hw.Grid
	// Then are further kernels of the file, launched after it with the same grid and arguments.
	Then []string
	// Resident says that all blocks must run at once, for they wait for one another.
	Resident bool
	// Cooperative says that CUDA must launch it as such; a [hw.Grid] cannot ask for that.
	Cooperative bool
	// Skip says why no accelerator can be asked yet.
	Skip string
	// Args are the arguments: int32, uint32, uint64, float32, float64, Pair, *Buffer or *Map.
	Args func() []any
}

// Pair is an argument of type uint2.
type Pair [2]uint32

// Buffer is an argument that points to device memory.
type Buffer struct {
	Before []byte
	After  []byte // what must be there; nil if nobody looks
	// Same compares what is there with After: nil if they agree.
	Same func(got, want []byte) error
	// within is Same with another tolerance; nil if it has none.
	within func(tolerance float64) func(got, want []byte) error
}

// Map is an argument of type CUtensorMap: a row-major matrix of Rows rows of Cols elements in Of,
// or Many of them, and the box that one copy moves.
type Map struct {
	Of               *Buffer // another argument
	Type             gpu.TensorType
	Rows, Cols       int
	Many             int // matrices; 0: the map has two dimensions
	BoxRows, BoxCols int
	Swizzle          gpu.TensorSwizzle
}

// Mapper is an accelerator that knows tensor maps, whose encoding is its own affair.
type Mapper interface {
	TensorMap(*gpu.TensorMap) ([gpu.TensorMapBytes]byte, error)
}

// encode asks the accelerator for the bytes of a map of memory at base.
func (m *Map) encode(a hw.Accelerator, base hw.DevicePtr) ([]byte, error) {
	mapper, ok := a.(Mapper)
	if !ok {
		return nil, fmt.Errorf("%s has no tensor maps", a.Name())
	}
	t := gpu.TensorMap{Type: m.Type, Rank: 2, Base: uint64(base), Swizzle: m.Swizzle}
	t.Dims[0], t.Dims[1] = uint64(m.Cols), uint64(m.Rows)
	t.Strides[0] = uint64(m.Cols * m.Type.Size())
	t.Box[0], t.Box[1] = uint32(m.BoxCols), uint32(m.BoxRows)
	t.ElementStrides[0], t.ElementStrides[1] = 1, 1
	if m.Many > 0 {
		t.Rank, t.Dims[2], t.Box[2], t.ElementStrides[2] = 3, uint64(m.Many), 1, 1
		t.Strides[1] = uint64(m.Rows * m.Cols * m.Type.Size())
	}
	b, err := mapper.TensorMap(&t)
	return b[:], err
}

// File is the case's source without its suffix; Kernel its entry point.
func (c *Case) File() string   { file, _, _ := strings.Cut(c.Name, "/"); return file }
func (c *Case) Kernel() string { return strings.Fields(path.Base(c.Name))[0] }

// Text is the PTX of a source file.
func Text(file string) ([]byte, error) { return files.ReadFile("ptx/" + file + ".ptx") }

// Files lists the sources, without suffix.
func Files() []string {
	list, err := files.ReadDir("ptx")
	if err != nil {
		panic("cuda: " + err.Error()) // it is embedded
	}
	var names []string
	for _, f := range list {
		names = append(names, strings.TrimSuffix(f.Name(), ".ptx"))
	}
	return names
}

// Cases are all cases, by family.
func Cases() []Case {
	return slices.Concat(vectorCases, reduceCases, sortCases, arrayCases, matrixCases, tensorCases,
		learnCases, bitCases, floatCases, atomicCases, warpCases, callCases, imageCases,
		randomCases, graphCases, videoCases, fastCases,
		hopperCases, ladderCases)
}

// Run carries a case out. An error says what is not as it must be.
func Run(a hw.Accelerator, c *Case) error {
	_, err := Measure(a, c)
	return err
}

// Measure is Run that also says how long the launches took.
func Measure(a hw.Accelerator, c *Case) (times []hw.Launched, err error) {
	text, err := Text(c.File())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	m, err := a.Load(c.File()+".ptx", text)
	if err != nil {
		return nil, err
	}
	args := c.Args()
	params, places, err := place(a, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	grid := c.Grid
	grid.Params = params
	for _, name := range append([]string{c.Kernel()}, c.Then...) {
		k, err := m.Kernel(name)
		if err != nil {
			return nil, err
		}
		t, err := k.Launch(grid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		times = append(times, t)
	}
	for i, x := range args {
		b, ok := x.(*Buffer)
		if m, isMap := x.(*Map); isMap {
			b, ok = m.Of, true
		}
		if !ok {
			continue
		}
		if err := check(a, b, places[b]); err != nil {
			return nil, fmt.Errorf("%s: argument %d: %w", c.Name, i, err)
		}
	}
	for _, p := range places {
		if err := a.Free(p); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return times, m.Unload()
}

// place brings the buffers to the device and lays the arguments out as C does.
func place(a hw.Accelerator, args []any) (params []byte, at map[*Buffer]hw.DevicePtr, err error) {
	at = map[*Buffer]hw.DevicePtr{}
	for _, x := range args {
		b, ok := x.(*Buffer)
		if m, isMap := x.(*Map); isMap {
			b, ok = m.Of, at[m.Of] == 0
		}
		if !ok {
			continue
		}
		if at[b], err = a.Alloc(len(b.Before)); err != nil {
			return nil, nil, err
		}
		if err := a.Write(at[b], b.Before); err != nil {
			return nil, nil, err
		}
	}
	for i, x := range args {
		p, align, err := encode(a, x, at)
		if err != nil {
			return nil, nil, fmt.Errorf("argument %d: %w", i, err)
		}
		for len(params)%align != 0 {
			params = append(params, 0)
		}
		params = append(params, p...)
	}
	return params, at, nil
}

// encode is an argument's bytes and their alignment.
func encode(a hw.Accelerator, x any, at map[*Buffer]hw.DevicePtr) ([]byte, int, error) {
	le := binary.LittleEndian
	switch v := x.(type) {
	case *Buffer:
		return le.AppendUint64(nil, uint64(at[v])), 8, nil
	case *Map:
		p, err := v.encode(a, at[v.Of])
		return p, gpu.TensorMapAlign, err
	case int32:
		return le.AppendUint32(nil, uint32(v)), 4, nil
	case uint32:
		return le.AppendUint32(nil, v), 4, nil
	case float32:
		return le.AppendUint32(nil, math.Float32bits(v)), 4, nil
	case uint64:
		return le.AppendUint64(nil, v), 8, nil
	case float64:
		return le.AppendUint64(nil, math.Float64bits(v)), 8, nil
	case Pair:
		return le.AppendUint32(le.AppendUint32(nil, v[0]), v[1]), 8, nil
	}
	return nil, 0, fmt.Errorf("no argument can be a %T", x)
}

// check compares a buffer with what must be there.
func check(a hw.Accelerator, b *Buffer, at hw.DevicePtr) error {
	if b.After == nil {
		return nil
	}
	got := make([]byte, len(b.After))
	if err := a.Read(got, at); err != nil {
		return err
	}
	return b.Same(got, b.After)
}

// Number is an element of a buffer.
type Number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

// pack is the bytes of a slice.
func pack[T Number](v []T) []byte {
	p, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic("cuda: " + err.Error()) // every Number has a size
	}
	return p
}

func unpack[T Number](p []byte) []T {
	var t T
	v := make([]T, len(p)/binary.Size(t))
	if err := binary.Read(bytes.NewReader(p), binary.LittleEndian, v); err != nil {
		panic("cuda: " + err.Error())
	}
	return v
}

// in is read only; out begins as zeros; change begins as something else. They must be right to the
// bit.
func in[T Number](v []T) *Buffer { p := pack(v); return &Buffer{p, p, exactly[T], nil} }

func out[T Number](want []T) *Buffer { return change(make([]T, len(want)), want) }

func change[T Number](before, want []T) *Buffer {
	return &Buffer{pack(before), pack(want), exactly[T], nil}
}

func exactly[T Number](got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	g, w := unpack[T](got), unpack[T](want)
	wrong, at := 0, -1
	size := len(got) / len(g)
	for i := range g {
		if !bytes.Equal(got[i*size:(i+1)*size], want[i*size:(i+1)*size]) {
			if wrong++; at < 0 {
				at = i
			}
		}
	}
	return fmt.Errorf("%d of %d elements are wrong; the first, [%d], is %v (%x), want %v (%x)",
		wrong, len(g), at, g[at], digitsOf(got, at, size), w[at], digitsOf(want, at, size))
}

// digitsOf is an element as a big-endian number, for messages.
func digitsOf(p []byte, i, size int) []byte {
	b := slices.Clone(p[i*size : (i+1)*size])
	slices.Reverse(b)
	return b
}

// near is out with a tolerance, relative to the larger of one and what is wanted.
func near[T ~float32 | ~float64](want []T, tolerance float64) *Buffer {
	return changeNear(make([]T, len(want)), want, tolerance)
}

func changeNear[T ~float32 | ~float64](before, want []T, tolerance float64) *Buffer {
	return &Buffer{pack(before), pack(want), closely[T](tolerance), closely[T]}
}

func closely[T ~float32 | ~float64](tolerance float64) func(got, want []byte) error {
	return func(got, want []byte) error {
		g, w := unpack[T](got), unpack[T](want)
		for i := range g {
			x, y := float64(g[i]), float64(w[i])
			if x == y || x != x && y != y {
				continue
			}
			if d := math.Abs(x - y); !(d <= tolerance*max(1, math.Abs(y))) {
				return fmt.Errorf("[%d] is %v, want %v within %g", i, x, y, tolerance)
			}
		}
		return nil
	}
}
