package interp

import (
	"encoding/binary"
	"fmt"
	"math"

	"tensoros/hw/num"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// Tensor is a tensor in memory, little endian. With ColMajor the last two dimensions are stored
// the other way round.
type Tensor struct {
	Elem   tile.Elem
	Dims   []int
	Layout tile.Layout
	Data   []byte
}

// NewTensor returns a tensor of zeros.
func NewTensor(e tile.Elem, l tile.Layout, dims ...int) *Tensor {
	n := e.Size()
	for _, d := range dims {
		n *= d
	}
	return &Tensor{e, dims, l, make([]byte, n)}
}

// Offset returns the place in memory, in elements, of an index; -1 outside.
func (t *Tensor) Offset(index []int) int {
	for d, i := range index {
		if i < 0 || i >= t.Dims[d] {
			return -1
		}
	}
	n := len(index)
	at := 0
	for d := 0; d < n-2; d++ {
		at = at*t.Dims[d] + index[d]
	}
	switch {
	case n == 0:
		return 0
	case n == 1:
		return index[0]
	case t.Layout == tile.ColMajor:
		return (at*t.Dims[n-1]+index[n-1])*t.Dims[n-2] + index[n-2]
	}
	return (at*t.Dims[n-2]+index[n-2])*t.Dims[n-1] + index[n-1]
}

// Len returns the number of elements.
func (t *Tensor) Len() int { return len(t.Data) / t.Elem.Size() }

// At returns the element at a place in memory; tf32 with all the bits it is stored with.
func (t *Tensor) At(i int) float64 {
	switch p := t.Data[i*t.Elem.Size():]; t.Elem.Size() {
	case 1:
		return decode(t.Elem, uint64(p[0]))
	case 2:
		return decode(t.Elem, uint64(binary.LittleEndian.Uint16(p)))
	case 4:
		return decode(t.Elem, uint64(binary.LittleEndian.Uint32(p)))
	default:
		return decode(t.Elem, binary.LittleEndian.Uint64(p))
	}
}

// Set stores a number, rounded to nearest even, at a place in memory.
func (t *Tensor) Set(i int, x float64) {
	b := encode(t.Elem, x)
	switch p := t.Data[i*t.Elem.Size():]; t.Elem.Size() {
	case 1:
		p[0] = byte(b)
	case 2:
		binary.LittleEndian.PutUint16(p, uint16(b))
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(b))
	default:
		binary.LittleEndian.PutUint64(p, b)
	}
}

// decode gives the number that bits of an element type mean.
func decode(e tile.Elem, b uint64) float64 {
	switch e {
	case tile.F16:
		return float64(num.F16ToF32(uint16(b)))
	case tile.BF16:
		return float64(num.BF16ToF32(uint16(b)))
	case tile.TF32, tile.F32:
		return float64(math.Float32frombits(uint32(b)))
	case tile.F64:
		return math.Float64frombits(b)
	case tile.E4M3:
		return float64(num.E4M3ToF32(uint8(b)))
	case tile.E5M2:
		return float64(num.E5M2ToF32(uint8(b)))
	case tile.I8:
		return float64(int8(b))
	case tile.I32:
		return float64(int32(b))
	}
	return float64(uint8(b))
}

// encode rounds a number to nearest even and gives its bits; integers wrap. NaNs are canonical.
func encode(e tile.Elem, x float64) uint64 {
	switch e {
	case tile.F16:
		return uint64(num.F32ToF16(narrow32(x)))
	case tile.BF16:
		return uint64(num.F32ToBF16(narrow32(x)))
	case tile.TF32:
		return uint64(num.F32ToTF32(float32(x)))
	case tile.F32:
		if x != x {
			return nanBits
		}
		return uint64(math.Float32bits(float32(x)))
	case tile.F64:
		return math.Float64bits(x)
	case tile.E4M3:
		return uint64(num.F32ToE4M3(narrow32(x)))
	case tile.E5M2:
		return uint64(num.F32ToE5M2(narrow32(x)))
	case tile.Bool:
		if x != 0 {
			return 1
		}
		return 0
	}
	return uint64(int64(x))
}

// narrow32 rounds to binary32 so that a second rounding, to 11 bits or less, is the right one:
// to odd, where it is not exact.
func narrow32(x float64) float32 {
	f := float32(x)
	if float64(f) == x || x != x || math.IsInf(float64(f), 0) {
		return f
	}
	if b := math.Float32bits(f); b&1 == 0 {
		// The neighbour on the other side of x has an odd last bit.
		if (math.Abs(float64(f)) > math.Abs(x)) == (b<<1 != 0) {
			return math.Float32frombits(b - 1)
		}
		return math.Float32frombits(b + 1)
	}
	return f
}

// Tile is a value: its elements in row-major order. Bools are 0 and 1.
type Tile struct {
	Type tir.Type
	V    []float64
}

func newTile(t tir.Type) *Tile { return &Tile{t, make([]float64, t.Len())} }

// round gives what an element type keeps of a number.
func round(e tile.Elem, x float64) float64 {
	switch e {
	case tile.F64, tile.Bool:
		return x
	case tile.F32:
		return float64(float32(x))
	case tile.I32:
		return float64(int32(int64(x)))
	}
	return decode(e, encode(e, x))
}

// Bind finds the dimensions that tensors give to a kernel's symbols.
func Bind(k *tir.Kernel, tensors []*Tensor) (map[string]int, error) {
	dims := map[string]int{}
	for i, t := range tensors {
		p := k.Tensor(i)
		if t == nil || !p.Tensor {
			continue
		}
		if t.Elem != p.Elem || len(t.Dims) != len(p.Dims) {
			return nil, fmt.Errorf("%s is %s with %d dimensions, not %s with %d", p.Name, t.Elem,
				len(t.Dims), p.Elem, len(p.Dims))
		}
		for d, n := range t.Dims {
			have, known := dims[p.Dims[d].Sym]
			if p.Dims[d].Sym == "" {
				have, known = p.Dims[d].Const, true
			}
			if known && have != n {
				return nil, fmt.Errorf("%s has a dimension %d of %d, %d elsewhere", p.Name, d, n,
					have)
			}
			if p.Dims[d].Sym != "" {
				dims[p.Dims[d].Sym] = n
			}
		}
	}
	return dims, nil
}
