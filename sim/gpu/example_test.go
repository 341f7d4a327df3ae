package gpu_test

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	"tensoros/sim/gpu"
)

const square = `.version 8.0
.target sm_80
.address_size 64
.visible .entry square(.param .u64 p)
{
	.reg .b32 %r<3>; .reg .b64 %rd<3>;
	ld.param.u64 %rd1, [p];
	mov.u32 %r1, %tid.x;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd1, %rd1, %rd2;
	mul.lo.u32 %r2, %r1, %r1;
	st.global.u32 [%rd1], %r2;
	ret;
}`

// A kernel runs without a GPU. Errors are left out here for brevity.
func Example() {
	a, _ := gpu.Open("h100", gpu.Options{})
	m, _ := a.Load("square.ptx", []byte(square))
	k, _ := m.Kernel("square")
	p, _ := a.Alloc(32)
	params := binary.LittleEndian.AppendUint64(nil, uint64(p))
	k.Launch(hw.Grid{Threads: [3]uint32{8}, Params: params})

	out := make([]byte, 32)
	a.Read(out, p)
	for i := range 8 {
		fmt.Print(binary.LittleEndian.Uint32(out[4*i:]), " ")
	}
	// Output: 0 1 4 9 16 25 36 49
}
