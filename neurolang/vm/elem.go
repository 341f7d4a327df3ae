package vm

import (
	"encoding/binary"
	"math"

	"tensoros/hw/num"
	"tensoros/neurolang/tile"
)

// formats of the floating element types.
var formats = map[tile.Elem]num.Format{tile.F16: num.F16, tile.BF16: num.BF16,
	tile.E4M3: num.E4M3, tile.E5M2: num.E5M2}

// integer tells that elements of this type are ints (or bools), not floats.
func integer(e tile.Elem) bool {
	return e == tile.I8 || e == tile.I32 || e == tile.U8 || e == tile.Bool
}

// Decode returns an element as it lies in memory, little endian.
func Decode(e tile.Elem, p []byte) float64 {
	switch e {
	case tile.F16:
		return float64(num.F16ToF32(binary.LittleEndian.Uint16(p)))
	case tile.BF16:
		return float64(num.BF16ToF32(binary.LittleEndian.Uint16(p)))
	case tile.TF32, tile.F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
	case tile.F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(p))
	case tile.E4M3:
		return float64(num.E4M3ToF32(p[0]))
	case tile.E5M2:
		return float64(num.E5M2ToF32(p[0]))
	case tile.I8:
		return float64(int8(p[0]))
	case tile.I32:
		return float64(int32(binary.LittleEndian.Uint32(p)))
	}
	return float64(p[0])
}

// Bits returns the storage bits of a number as an element: to nearest even, integers toward zero
// and saturating, bool: != 0.
func Bits(e tile.Elem, v float64) uint64 {
	switch e {
	case tile.TF32:
		return uint64(num.F32ToTF32(float32(v)))
	case tile.F32:
		if v != v {
			return uint64(num.F32.NaN)
		}
		return uint64(math.Float32bits(float32(v)))
	case tile.F64:
		return math.Float64bits(v)
	case tile.I8:
		return uint64(uint8(int8(clamp(v, math.MinInt8, math.MaxInt8))))
	case tile.I32:
		return uint64(uint32(int32(clamp(v, math.MinInt32, math.MaxInt32))))
	case tile.U8:
		return uint64(clamp(v, 0, math.MaxUint8))
	case tile.Bool:
		if v != 0 {
			return 1
		}
		return 0
	}
	if x := float32(v); float64(x) == v { // most are: one rounding, and a quick one
		switch e {
		case tile.F16:
			return uint64(num.F32ToF16(x))
		case tile.BF16:
			return uint64(num.F32ToBF16(x))
		}
	}
	return uint64(formats[e].Round(v, num.RNE))
}

// clamp brings a number into a range of integers; NaN becomes 0.
func clamp(v, lo, hi float64) int64 {
	if v != v {
		return 0
	}
	return int64(min(max(v, lo), hi))
}

// Encode stores a number as an element.
func Encode(e tile.Elem, p []byte, v float64) {
	bits := Bits(e, v)
	for i := range e.Size() {
		p[i] = byte(bits >> (8 * i))
	}
}

// element is an element of a tensor as a host value.
func element(e tile.Elem, p []byte) Value {
	v := Decode(e, p)
	switch {
	case e == tile.Bool:
		return BoolValue(v != 0)
	case integer(e):
		return IntValue(int64(v))
	}
	return FloatValue(v)
}

// scalar is the storage bits of a host value as an element; false if it is none.
func scalar(e tile.Elem, v Value) (uint64, bool) {
	switch v.kind {
	case Bool:
		return v.n, e == tile.Bool
	case Int:
		n := int64(v.n)
		if integer(e) && n != int64(Decode(e, bytesOf(uint64(n)))) {
			return 0, false
		}
		return Bits(e, float64(n)), true
	case Float:
		return Bits(e, v.Float()), true
	}
	return 0, false
}

func bytesOf(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
