package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/kernel/drv/gpu"
	"tensoros/kernel/mem"
	"tensoros/sim/board"
	"tensoros/traces"
)

// onGPU runs body on CPU 0 of a board with one GPU, and checks that nothing is left behind.
func onGPU(t *testing.T, name string,
	body func(t *testing.T, cpu hw.CPU, d *gpu.Device)) *board.Board {
	t.Helper()
	spec, err := board.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	spec.Drives = nil
	spec.GPUs = spec.GPUs[:1]
	b, err := board.New(spec, traces.NewRecorder(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Start(0, func(cpu hw.CPU) {
		addr := b.Functions()[0]
		fn, err := b.Open(addr)
		if err != nil {
			t.Error(err)
			return
		}
		d, err := gpu.Open(cpu, fn, addr, 0)
		if err != nil {
			t.Errorf("open: %v; faults %v", err, b.GPUs[0].Faults)
			return
		}
		body(t, cpu, d)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
	b.Settle()
	if n := b.Fabric.InFlight(); n != 0 {
		t.Errorf("%d packets in flight", n)
	}
	if n, used := b.Host.Live(); n != 0 {
		t.Errorf("%d DMA regions of %d bytes left", n, used)
	}
	return b
}

const scale = `.version 8.0
.target sm_80
.address_size 64
.visible .entry scale(.param .u64 p, .param .u32 k)
{
	.reg .b32 %r<8>; .reg .b64 %rd<4>;
	ld.param.u64 %rd1, [p];
	ld.param.u32 %r1, [k];
	mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;
	mad.lo.s32 %r5, %r2, %r3, %r4;
	mul.wide.u32 %rd2, %r5, 4;
	add.s64 %rd3, %rd1, %rd2;
	ld.global.u32 %r6, [%rd3];
	mul.lo.u32 %r6, %r6, %r1;
	st.global.u32 [%rd3], %r6;
	ret;
}`

func TestCopyLaunchCopyBackOnEveryBoard(t *testing.T) {
	for _, name := range board.Names() {
		if name == "b200" { // a chip for kernels alone
			continue
		}
		t.Run(name, func(t *testing.T) {
			onGPU(t, name, copyLaunchCopy)
		})
	}
}

func copyLaunchCopy(t *testing.T, cpu hw.CPU, d *gpu.Device) {
	const n = 64 << 10
	in, err := d.HostMemory(4 * n)
	if err != nil {
		t.Error(err)
		return
	}
	defer in.Free()
	for i := range n {
		binary.LittleEndian.PutUint32(in.Bytes()[4*i:], uint32(i))
	}
	want := bytes.Clone(in.Bytes())
	buf, err := d.Heap.Alloc(4 * n)
	if err != nil {
		t.Error(err)
		return
	}
	move := func(dst, src mem.Addr) {
		f, err := d.Copy(dst, src, 4*n)
		if err == nil {
			_, err = f.Wait()
		}
		if err != nil {
			t.Error(err)
		}
	}
	move(buf, mem.Addr(in.Bus()))
	params := binary.LittleEndian.AppendUint64(nil, uint64(buf))
	params = binary.LittleEndian.AppendUint32(params, 3)
	p, err := d.Prepare(&gpu.Grid{Entry: "scale", PTX: scale, Grid: [3]uint32{n / 256, 1, 1},
		Block: [3]uint32{256, 1, 1}, Params: params})
	if err != nil {
		t.Error(err)
		return
	}
	for range 2 {
		if err := p.Start(); err != nil {
			t.Error(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
	p.Release()
	move(mem.Addr(in.Bus()), buf)
	for i := range n {
		v := binary.LittleEndian.Uint32(want[4*i:])
		if got := binary.LittleEndian.Uint32(in.Bytes()[4*i:]); got != 9*v {
			t.Errorf("element %d is %d, want %d", i, got, 9*v)
			return
		}
	}
}

func TestABrokenKernelStopsTheChannelAndSaysWhere(t *testing.T) {
	b := onGPU(t, "h100", func(t *testing.T, _ hw.CPU, d *gpu.Device) {
		params := binary.LittleEndian.AppendUint64(nil, 0x1234_5678_0000)
		params = binary.LittleEndian.AppendUint32(params, 3)
		p, err := d.Prepare(&gpu.Grid{Entry: "scale", PTX: scale, Grid: [3]uint32{1, 1, 1},
			Block: [3]uint32{32, 1, 1}, Params: params})
		if err != nil {
			t.Error(err)
			return
		}
		if err := p.Start(); err != nil {
			t.Error(err)
		}
		if _, err := p.Wait(); !errors.Is(err, gpu.ErrFault) {
			t.Errorf("error %v", err)
		}
	})
	f := b.GPUs[0].Faults
	if len(f) != 1 || !strings.Contains(f[0].Detail, "PTX line 13") {
		t.Errorf("faults %v", f)
	}
}
