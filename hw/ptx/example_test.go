package ptx_test

import (
	"fmt"

	"tensoros/hw/ptx"
)

func Example() {
	src := `.version 8.4
.target sm_80
.address_size 64
.entry scale(.param .u64 x) {
	.reg .b32 %r<2>; .reg .f32 %f<3>; .reg .b64 %rd<3>; .reg .pred %p<2>;
	ld.param.u64 %rd1, [x];
	mov.u32 %r1, %tid.x;
	mad.wide.u32 %rd2, %r1, 4, %rd1;
	ld.nc.global.f32 %f1, [%rd2];
	setp.lt.f32 %p1, %f1, 0f00000000;
	@%p1 neg.f32 %f1, %f1;
	mul.f32.rn %f2, %f1, 0f40000000;
	st.global.f32 [%rd2+0], %f2;
	ret;
}`
	m, err := ptx.Parse("scale.ptx", []byte(src))
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	for in := range m.Func("scale").Insts() {
		switch in.Op.ID {
		case ptx.OpLd, ptx.OpSt:
			fmt.Printf("%-30v space %v, type %v\n", in, in.Space(), in.Type(0))
		case ptx.OpMul:
			fmt.Printf("%-30v rounding %v\n", in, in.Rounding())
		}
	}
	// Output:
	// ld.param.u64 %rd1, [x]         space param, type u64
	// ld.global.nc.f32 %f1, [%rd2]   space global, type f32
	// mul.rn.f32 %f2, %f1, 0f40000000 rounding rn
	// st.global.f32 [%rd2], %f2      space global, type f32
}

func ExampleVerify() {
	m, _ := ptx.Parse("k.ptx", []byte(`.version 8.4
.target sm_80
.entry k() {
	.reg .b32 %r<4>;
	add.s32 %r1, %r2, %r4;
	griddepcontrol.wait;
}`))
	fmt.Println(ptx.Verify(m))
	// Output:
	// k.ptx:5:20: unknown name "%r4" (declared are %r0 to %r3)
	// k.ptx:6:2: griddepcontrol.wait needs target sm_90, the module's is sm_80 (raise .target)
}
