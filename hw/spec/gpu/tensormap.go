package gpu

import (
	"encoding/binary"
	"fmt"
)

// TensorMapBytes is the size and the alignment in global memory of a tensor map; the type
// CUtensorMap itself is 64 byte aligned (CUDA Driver API, "Tensor Map Object Management").
const (
	TensorMapBytes = 128
	TensorMapAlign = 64
)

// TensorType is the element type of a tensor map, numbered as CUtensorMapDataType.
type TensorType uint8

// The element types.
const (
	TensorU8 TensorType = iota
	TensorU16
	TensorU32
	TensorS32
	TensorU64
	TensorS64
	TensorF16
	TensorF32
	TensorF64
	TensorBF16
	TensorF32Ftz
	TensorTF32
	TensorTF32Ftz
	tensorTypes
)

var tensorTypeInfo = [tensorTypes]struct {
	name string
	size int
	nan  uint64 // the fill of FillNaN; 0 for integers
}{
	{"u8", 1, 0}, {"u16", 2, 0}, {"u32", 4, 0}, {"s32", 4, 0}, {"u64", 8, 0}, {"s64", 8, 0},
	{"f16", 2, 0x7fff}, {"f32", 4, 0x7fffffff}, {"f64", 8, 0x7fffffffffffffff},
	{"bf16", 2, 0x7fff}, {"f32.ftz", 4, 0x7fffffff}, {"tf32", 4, 0x7fffffff},
	{"tf32.ftz", 4, 0x7fffffff},
}

// String is the PTX spelling.
func (t TensorType) String() string {
	if t < tensorTypes {
		return tensorTypeInfo[t].name
	}
	return fmt.Sprintf("TensorType(%d)", uint8(t))
}

// Size is the bytes of an element, 0 of an unknown type.
func (t TensorType) Size() int {
	if t < tensorTypes {
		return tensorTypeInfo[t].size
	}
	return 0
}

// NaN is what an element out of bounds reads as under FillNaN: all ones below the sign, the
// canonical NaN of the PTX ISA. That CUDA's "NaN" is this one is a guess [D].
func (t TensorType) NaN() uint64 { return tensorTypeInfo[t].nan }

// TensorInterleave, TensorSwizzle and TensorFill are numbered as their CUDA enumerations.
type (
	TensorInterleave uint8
	TensorSwizzle    uint8
	TensorFill       uint8
)

// The modes of a tensor map.
const (
	InterleaveNone TensorInterleave = 0
	Interleave16   TensorInterleave = 1
	Interleave32   TensorInterleave = 2

	SwizzleNone TensorSwizzle = 0
	Swizzle32   TensorSwizzle = 1
	Swizzle64   TensorSwizzle = 2
	Swizzle128  TensorSwizzle = 3

	FillZero TensorFill = 0
	FillNaN  TensorFill = 1
)

// Span is the bytes of a swizzled row: 32, 64 or 128, or 0 without a swizzle.
func (s TensorSwizzle) Span() int {
	if s == SwizzleNone {
		return 0
	}
	return 16 << s
}

// Apply permutes the 16-byte units of a shared memory address: address bits 4 and up are turned
// over by as many bits from 7 up (PTX ISA, "Swizzling modes"; CUTLASS Swizzle<B,4,3>).
func (s TensorSwizzle) Apply(a uint64) uint64 {
	mask := uint64(1)<<s - 1
	return a ^ a>>3&(mask<<4)
}

// TensorMap describes a tensor in global memory and the box that one copy moves: the contents of
// a CUtensorMap. Dimension 0 is contiguous. Of the arrays only the first Rank entries count
// (Strides: Rank-1, from dimension 1 on; Lower and Upper: Rank-2, of the dimensions between the
// channels and the batch).
type TensorMap struct {
	Type           TensorType
	Rank           int
	Base           uint64
	Dims           [5]uint64 // elements, up to 2^32
	Strides        [4]uint64 // bytes
	Box            [5]uint32 // elements
	ElementStrides [5]uint32
	Interleave     TensorInterleave
	Swizzle        TensorSwizzle
	Fill           TensorFill

	// Im2col maps have no Box: a column holds Pixels pixels of Channels channels each, taken from
	// the bounding box that the corners cut out of the tensor.
	Im2col           bool
	Lower, Upper     [3]int16
	Channels, Pixels uint32
}

// The encoding is ours: NVIDIA does not publish that of CUtensorMap. Word 0 holds a mark, so that
// memory which is no tensor map is told from one.
const (
	tensorMapMark = 0x7050414d // "MAPp"
	flagIm2col    = 1
)

// Encode validates m and writes it as 128 bytes.
func (m *TensorMap) Encode() ([TensorMapBytes]byte, error) {
	var b [TensorMapBytes]byte
	if err := m.Check(); err != nil {
		return b, err
	}
	le := binary.LittleEndian
	le.PutUint32(b[0:], tensorMapMark)
	b[4], b[5], b[6] = byte(m.Type), byte(m.Rank), byte(m.Interleave)
	b[7] = byte(m.Swizzle)<<4 | byte(m.Fill)<<1
	le.PutUint64(b[8:], m.Base)
	for i := range m.Rank {
		le.PutUint32(b[16+4*i:], uint32(m.Dims[i]-1))
		b[100+i] = byte(m.ElementStrides[i])
		if !m.Im2col {
			le.PutUint16(b[80+2*i:], uint16(m.Box[i]))
		}
	}
	for i := range m.Rank - 1 {
		le.PutUint64(b[40+8*i:], m.Strides[i])
	}
	if m.Im2col {
		b[7] |= flagIm2col
		le.PutUint16(b[80:], uint16(m.Channels))
		le.PutUint16(b[82:], uint16(m.Pixels))
		for i := range m.Rank - 2 {
			le.PutUint16(b[106+2*i:], uint16(m.Lower[i]))
			le.PutUint16(b[112+2*i:], uint16(m.Upper[i]))
		}
	}
	return b, nil
}

// DecodeTensorMap reads 128 bytes that Encode wrote; anything else is an error.
func DecodeTensorMap(b []byte) (TensorMap, error) {
	var m TensorMap
	le := binary.LittleEndian
	if len(b) < TensorMapBytes {
		return m, fmt.Errorf("tensor map: %d bytes, want %d", len(b), TensorMapBytes)
	}
	if le.Uint32(b) != tensorMapMark {
		return m, fmt.Errorf("tensor map: it begins with %#08x: these bytes are no tensor map",
			le.Uint32(b))
	}
	m.Type, m.Rank, m.Interleave = TensorType(b[4]), int(b[5]), TensorInterleave(b[6])
	m.Swizzle, m.Fill = TensorSwizzle(b[7]>>4), TensorFill(b[7]>>1&7)
	m.Im2col = b[7]&flagIm2col != 0
	m.Base = le.Uint64(b[8:])
	if m.Rank < 1 || m.Rank > 5 {
		return m, fmt.Errorf("tensor map: rank %d, want 1 to 5", m.Rank)
	}
	for i := range m.Rank {
		m.Dims[i] = uint64(le.Uint32(b[16+4*i:])) + 1
		m.ElementStrides[i] = uint32(b[100+i])
		if !m.Im2col {
			m.Box[i] = uint32(le.Uint16(b[80+2*i:]))
		}
	}
	for i := range m.Rank - 1 {
		m.Strides[i] = le.Uint64(b[40+8*i:])
	}
	if m.Im2col {
		m.Channels, m.Pixels = uint32(le.Uint16(b[80:])), uint32(le.Uint16(b[82:]))
		for i := range max(m.Rank-2, 0) {
			m.Lower[i] = int16(le.Uint16(b[106+2*i:]))
			m.Upper[i] = int16(le.Uint16(b[112+2*i:]))
		}
	}
	return m, m.Check()
}
