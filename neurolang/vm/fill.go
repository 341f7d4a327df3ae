package vm

import (
	"math/bits"

	"tensoros/neurolang/tile"
)

// FillKind chooses the contents of a new tensor.
type FillKind uint8

// Fills. FillNone leaves the contents open.
const (
	FillNone FillKind = iota
	FillZero
	FillValue
	FillRandn
	FillUniform
	FillIota
)

// Fill is the contents of a new tensor.
type Fill struct {
	Kind  FillKind
	Seed  uint64
	Value float64
}

// Bytes returns the contents for a tensor of spec s: its memory image, little endian. It is a pure
// function of seed and logical index, so that a tensor has the same values in every layout.
func (f Fill) Bytes(s *Spec) []byte {
	out := make([]byte, s.Bytes())
	size := s.Elem.Size()
	switch f.Kind {
	case FillNone, FillZero:
		return out
	case FillValue:
		Encode(s.Elem, out, f.Value) // of the first; the others repeat it
		for n := size; n < len(out); n *= 2 {
			copy(out[n:], out[:n])
		}
		return out
	}
	s.places(func(i, at int) {
		Encode(s.Elem, out[at*size:], f.value(s.Elem, uint64(i)))
	})
	return out
}

func (f Fill) value(e tile.Elem, i uint64) float64 {
	switch f.Kind {
	case FillRandn:
		return float64(f.normal(i))
	case FillUniform:
		return f.uniform(e, i)
	}
	return float64(i)
}

// normal returns value i of a standard normal distribution, near enough: the sum of 12 uniform
// 16-bit numbers has variance 1 (Irwin and Hall, 1927), and integers keep it the same everywhere.
func (f Fill) normal(i uint64) float32 {
	sum := int64(-6 * 65535)
	for j := uint64(0); j < 3; j++ {
		x := splitmix(f.Seed + (3*i+j+1)*golden)
		sum += int64(x&0xffff + x>>16&0xffff + x>>32&0xffff + x>>48)
	}
	return float32(sum) / 65536
}

// uniform returns value i of [0, 1), in as many bits as the element type holds: none rounds up to
// 1.
func (f Fill) uniform(e tile.Elem, i uint64) float64 {
	n := 24
	switch p := formats[e].ManBits; {
	case e == tile.F64:
		n = 53
	case e == tile.TF32:
		n = 11
	case p > 0:
		n = p + 1
	}
	x := bits.RotateLeft64(splitmix(f.Seed+(i+1)*golden), n) & (1<<n - 1)
	return float64(x) / float64(uint64(1)<<n)
}

// golden is 2^64 divided by the golden ratio, the step of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// splitmix is the output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
func splitmix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
