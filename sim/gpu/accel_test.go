package gpu_test

import (
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/chip"
)

func TestAccelerator(t *testing.T) {
	for _, name := range chip.Names() {
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

const hello = `.version 8.0
.target sm_90
.address_size 64
.extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);
.global .align 1 .b8 text[9] = {114, 97, 110, 107, 32, 37, 117, 10, 0};
.visible .entry k()
{
	.local .align 8 .b8 buf[8];
	.reg .b32 %r<4>; .reg .b64 %rd<4>;
	mov.u32 %r1, %cluster_ctarank;
	mov.u64 %rd1, buf;
	st.local.u32 [%rd1], %r1;
	cvta.local.u64 %rd1, %rd1;
	mov.u64 %rd2, text;
	cvta.global.u64 %rd2, %rd2;
	{
	.param .b64 p0; .param .b64 p1; .param .b32 r0;
	st.param.b64 [p0], %rd2;
	st.param.b64 [p1], %rd1;
	call.uni (r0), vprintf, (p0, p1);
	}
	ret;
}`

// TestPrintfOfAClusterLaunch: the launch's cluster reaches the kernel, its words the caller.
func TestPrintfOfAClusterLaunch(t *testing.T) {
	var out strings.Builder
	a, err := gpu.Open("h100", gpu.Options{Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Load("hello.ptx", []byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	k, err := m.Kernel("k")
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Launch(hw.Grid{Blocks: [3]uint32{4}, Cluster: [3]uint32{2}})
	if err != nil || out.String() != "rank 0\nrank 1\nrank 0\nrank 1\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if _, err := k.Launch(hw.Grid{Blocks: [3]uint32{3}, Cluster: [3]uint32{2}}); err == nil {
		t.Error("half a cluster is no error")
	}
}
