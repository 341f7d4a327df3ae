package gpu_test

import (
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
	"tensoros/sim/gpu"
)

func TestAccelerator(t *testing.T) {
	for _, name := range []string{"a100", "h100", "h200"} {
		for _, timed := range []bool{false, true} {
			a, err := gpu.Open(name, gpu.Options{Timed: timed})
			if err != nil {
				t.Fatal(err)
			}
			hwtest.Accelerator(t, a)
		}
	}
	if _, err := gpu.Open("h1000", gpu.Options{}); err == nil ||
		!strings.Contains(err.Error(), "h100") {
		t.Errorf("an unknown chip: %v", err)
	}
}

const overrun = `.version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 p)
{
	.reg .b32 %r<4>; .reg .b64 %rd<4>;
	ld.param.u64 %rd1, [p];
	mov.u32 %r1, %ctaid.x;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd1, %rd1, %rd2;
	st.global.u32 [%rd1], %r1;
	ret;
}`

// TestFaultsNameThePlace: kernel, line and CTA; and the chip goes on after it.
func TestFaultsNameThePlace(t *testing.T) {
	for _, timed := range []bool{false, true} {
		a, err := gpu.Open("h100", gpu.Options{Timed: timed})
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.Load("overrun.ptx", []byte(overrun))
		if err != nil {
			t.Fatal(err)
		}
		k, _ := m.Kernel("k")
		p, _ := a.Alloc(40)
		var params []byte
		for i := range 8 {
			params = append(params, byte(p>>(8*i)))
		}
		if _, err := k.Launch(hw.Grid{Blocks: [3]uint32{10}, Params: params}); err != nil {
			t.Fatal(err)
		}
		_, err = k.Launch(hw.Grid{Blocks: [3]uint32{11}, Params: params})
		if err == nil {
			t.Fatal("a write behind the allocation is no error")
		}
		for _, want := range []string{"kernel k", "line 11", "CTA (10,0,0)", "nothing is mapped"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: want %q", err, want)
			}
		}
		if r, err := k.Launch(hw.Grid{Params: params}); err != nil || timed != (r.Cycles > 0) {
			t.Errorf("after the fault: %+v, %v", r, err)
		}
		if a.Free(p) != nil || a.Free(p) == nil || a.Write(p, params) == nil {
			t.Error("freed memory is still there")
		}
	}
}
