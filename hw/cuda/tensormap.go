package cuda

import (
	"fmt"

	"tensoros/hw/spec/gpu"
)

// l2Promote128 makes L2 fetch 128 bytes at a time (CU_TENSOR_MAP_L2_PROMOTION_L2_128B): a hint that
// a TensorMap does not hold.
const l2Promote128 = 2

// TensorMap asks the driver for the bytes of a map, whose encoding NVIDIA does not publish. The
// enumerations of [gpu.TensorMap] are numbered as CUDA's.
func (a *Accelerator) TensorMap(m *gpu.TensorMap) (b [gpu.TensorMapBytes]byte, err error) {
	if err := m.Check(); err != nil {
		return b, err
	}
	if m.Im2col {
		return b, fmt.Errorf("cuda: im2col tensor maps are not asked for yet")
	}
	// cuTensorMapEncodeTiled wants its result aligned.
	room := make([]byte, gpu.TensorMapBytes+gpu.TensorMapAlign)
	off := -int(address(&room[0])) & (gpu.TensorMapAlign - 1)
	at := room[off : off+gpu.TensorMapBytes]
	err = a.do("encode a tensor map", func() int32 {
		return a.d.TensorMapEncode(&at[0], int32(m.Type), uint32(m.Rank), m.Base, &m.Dims[0],
			&m.Strides[0], &m.Box[0], &m.ElementStrides[0], int32(m.Interleave), int32(m.Swizzle),
			l2Promote128, int32(m.Fill))
	})
	copy(b[:], at)
	return b, err
}
