package run

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/kernel"
	"tensoros/kernel/tensorfs"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
	"tensoros/sim/board"
	"tensoros/sim/gpu"
	"tensoros/sim/nvme"
	"tensoros/traces"
)

// addOne is out = x + 1 over vectors of any length.
func addOne() *abi.Kernel {
	const ptx = `.version 8.0
.target sm_80
.address_size 64
.visible .entry add_one(.param .u64 x, .param .u64 y, .param .u32 n)
{
	.reg .b32 %r<8>; .reg .b64 %rd<8>; .reg .pred %p; .reg .f32 %f;
	ld.param.u64 %rd1, [x];
	ld.param.u64 %rd2, [y];
	ld.param.u32 %r1, [n];
	mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;
	mad.lo.s32 %r5, %r2, %r3, %r4;
	setp.ge.u32 %p, %r5, %r1;
	@%p ret;
	mul.wide.u32 %rd3, %r5, 4;
	add.s64 %rd4, %rd1, %rd3;
	add.s64 %rd5, %rd2, %rd3;
	ld.global.f32 %f, [%rd4];
	add.f32 %f, %f, 0f3f800000;
	st.global.f32 [%rd5], %f;
	ret;
}`
	n := abi.Dim{Sym: "N"}
	p := abi.Param{Name: "x", Tensor: true, Elem: tile.F32, Dims: []abi.Dim{n}}
	return &abi.Kernel{Name: "add_one", Params: []abi.Param{p}, Outs: []abi.Param{p},
		Axes:  []abi.Axis{{Name: "i", Dim: n, Block: 64}},
		FLOPs: abi.Poly{{Coef: 1, Syms: []string{"N"}}},
		Variants: []abi.Variant{{Entry: "add_one", PTX: ptx, Threads: 64, Slots: []abi.Slot{
			{Kind: abi.Address}, {Kind: abi.Address, Index: 1}, {Kind: abi.Extent, Sym: "N"}}}}}
}

// text loads a vector, adds one in a graph of three launches, saves and prints it.
const text = `program "t" target 90 main 0
kernel "add_one" params 1 outs 1
site "Tensor::load" args 2
site "Tensor.save" args 2
site "print" args 1
site "Tensor.copy" args 1

fn "main" params 0 captured 0 regs 8
    0  loadk    r0, "nvme://a"
    1  loadu    r1
    2  builtin  r0, #0
    3  move     r1, r0
    4  call     r1, #1
    5  call     r1, #1
    6  move     r2, r1
    7  builtin  r2, #3
    8  move     r3, r2
    9  builtin  r3, #2
   10  move     r3, r2
   11  loadk    r4, "nvme://out"
   12  builtin  r3, #1
   13  drop     r1
   14  drop     r2
   15  drop     r0
   16  loadi    r0, 7
   17  ret      r0

fn "three" params 1 captured 0 regs 4 graph
    0  move     r1, r0
    1  launch   r1, #0
    2  move     r2, r1
    3  launch   r2, #0
    4  drop     r1
    5  move     r3, r2
    6  launch   r3, #0
    7  drop     r2
    8  ret      r3
`

const printed = "[6.0, 7.0, 8.0, 9.0, 10.0,"

// source is the program with its kernel's code.
func source(t *testing.T) *program.Program {
	t.Helper()
	p, err := program.Assemble(text)
	if err != nil {
		t.Fatal(err)
	}
	p.Kernels[0] = addOne()
	return p
}

func vector() tensorfs.File {
	var data []byte
	for i := range 100 {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)))
	}
	return tensorfs.File{Data: data, Object: tensorfs.Object{Name: "a", Elem: "f32",
		Shape: []int{100}}}
}

// booted runs body on TensorOS on a simulated machine whose drive holds the vector a.
func booted(t *testing.T, body func(k *kernel.Kernel)) {
	t.Helper()
	spec, err := board.Preset("h100")
	if err != nil {
		t.Fatal(err)
	}
	store := nvme.NewMemory(spec.Drives[0].Size.Bytes())
	v, err := tensorfs.Format(tensorfs.Geometry{UUID: tensorfs.UUID{1}}, store)
	if err == nil {
		err = v.Put(vector())
	}
	if err == nil {
		err = v.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := board.New(spec, traces.NewRecorder(), 0, store)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Start(0, func(cpu hw.CPU) {
		k, err := kernel.Boot(cpu, b, kernel.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		body(k)
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
}

func TestProgramOnAMachine(t *testing.T) {
	p := source(t)
	booted(t, func(k *kernel.Kernel) {
		var out strings.Builder
		r := New(k, func(s string) { out.WriteString(s + "\n") })
		before := k.GPUs[0].Heap.Live()
		for range 2 {
			out.Reset()
			r.Prefetch(p)
			if err := vm.Run(p, r, vm.Options{}); err != nil {
				t.Error(err)
				return
			}
		}
		if !strings.HasPrefix(out.String(), printed) {
			t.Errorf("printed %s", out.String())
		}
		if err := r.FreeSince(0); err != nil {
			t.Error(err)
		}
		// What is left is the kernel's code.
		if n := k.GPUs[0].Heap.Live() - before; n != 1 || len(r.owned) != 0 {
			t.Errorf("%d pieces of VRAM are left", n)
		}
		if len(r.Launches) != 12 || r.Launches[0].FLOPs != 100 || r.Launches[0].Grid[0] != 2 ||
			len(r.Loads) != 2 {
			t.Errorf("%d launches, %d loads: %+v", len(r.Launches), len(r.Loads), r.Launches[:1])
		}
		// A graph is one call: its launches have one doorbell.
		if r.Launches[0].Called != r.Launches[2].Called ||
			r.Launches[2].Called == r.Launches[3].Called ||
			r.Launches[0].Ended >= r.Launches[2].Ended {
			t.Errorf("called at %v, %v, %v", r.Launches[0].Called, r.Launches[2].Called,
				r.Launches[3].Called)
		}
	})
}

func TestProgramOnAChip(t *testing.T) {
	a, err := gpu.Open("h100", gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var out strings.Builder
	c := NewCompute(a, func(s string) { out.WriteString(s + "\n") })
	c.Objects["a"] = vector()
	if err := vm.Run(source(t), c, vm.Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), printed) || len(c.Launches) != 6 || c.dev.SMs != 132 {
		t.Errorf("%d launches; printed %s", len(c.Launches), out.String())
	}
	if o := c.Objects["out"]; o.Elem != "f32" || len(o.Data) != 400 {
		t.Errorf("%+v", o.Object)
	}
}
