package tensorfs

import (
	"fmt"
	"math"
	"math/bits"
)

// DType is an element type: how many elements a block of it has, and how many bytes. Quantised
// types are opaque: they are moved and counted, not read.
type DType struct {
	Name            string
	Elements, Bytes int
}

// dtypes: plain types as Neuro-Lang spells them; quantised ones with the block geometry of ggml
// (ggml-org/ggml@d99724f2, ggml-quants) [S].
var dtypes = []DType{
	{"bool", 1, 1}, {"u8", 1, 1}, {"i8", 1, 1}, {"e4m3", 1, 1}, {"e5m2", 1, 1},
	{"u16", 1, 2}, {"i16", 1, 2}, {"f16", 1, 2}, {"bf16", 1, 2},
	{"u32", 1, 4}, {"i32", 1, 4}, {"f32", 1, 4}, {"tf32", 1, 4},
	{"u64", 1, 8}, {"i64", 1, 8}, {"f64", 1, 8},
	{"q4_0", 32, 18}, {"q4_1", 32, 20}, {"q5_0", 32, 22}, {"q5_1", 32, 24}, {"q8_0", 32, 34},
	{"q2_k", 256, 84}, {"q3_k", 256, 110}, {"q4_k", 256, 144}, {"q5_k", 256, 176},
	{"q6_k", 256, 210},
}

// DTypes are the element types there are.
func DTypes() []DType { return append([]DType(nil), dtypes...) }

// LookupDType finds an element type.
func LookupDType(name string) (DType, bool) {
	for _, d := range dtypes {
		if d.Name == name {
			return d, true
		}
	}
	return DType{}, false
}

// Size is the bytes of a tensor of that shape, last dimension fastest. Blocks do not cross rows.
func (d DType) Size(shape []int) (uint64, error) {
	if d.Elements > 1 && (len(shape) == 0 || shape[len(shape)-1]%d.Elements != 0) {
		return 0, fmt.Errorf("%v of %s: rows are whole blocks of %d elements", shape, d.Name,
			d.Elements)
	}
	n := uint64(1)
	for _, dim := range shape {
		if dim < 0 {
			return 0, fmt.Errorf("%v: a dimension is negative", shape)
		}
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 || lo > math.MaxInt64/64 {
			return 0, fmt.Errorf("%v is too large", shape)
		}
		n = lo
	}
	return n / uint64(d.Elements) * uint64(d.Bytes), nil
}
