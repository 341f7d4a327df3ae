package emu

import (
	"errors"
	"strings"
	"testing"

	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

// everything is a program that uses most of the instructions.
const everything = `program "t" target 90 main 0
global "g"
site "Tensor::iota" args 4
site "Tensor.t" args 2
site "print" args 1
site "Array.push" args 2
site "Array.pop" args 2
site "assert_close" args 3
site "Tensor.save" args 2
site "Tensor::load" args 2
site "Tensor.reshape" args 2
shape "Option<int>" "Some" tag 0 ""
shape "Option<int>" "None" tag 1

fn "main" params 0 captured 0 regs 20
    0  loadi    r0, 2
    1  loadi    r1, 3
    2  array    r0, r0, 2
    3  loadk    r1, elem f32
    4  loadu    r2
    5  loadu    r3
    6  builtin  r0, #0
    7  move     r4, r0
    8  loadu    r5
    9  builtin  r4, #1
   10  move     r5, r4
   11  builtin  r5, #2
   12  loadi    r6, 1
   13  tview    r6, r4, 1
   14  move     r7, r6
   15  move     r8, r6
   16  loadu    r9
   17  builtin  r7, #5
   18  move     r7, r4
   19  loadk    r8, "mem://t"
   20  builtin  r7, #6
   21  move     r7, r8
   22  loadu    r8
   23  loadk    r7, "mem://t"
   24  builtin  r7, #7
   25  move     r8, r7
   26  loadi    r9, -1
   27  array    r9, r9, 1
   28  builtin  r8, #8
   29  move     r9, r8
   30  builtin  r9, #2
   31  drop     r8
   32  drop     r7
   33  drop     r6
   34  drop     r4
   35  drop     r0
   36  array    r0, r0, 0
   37  move     r1, r0
   38  loadi    r2, 7
   39  builtin  r1, #3
   40  move     r1, r0
   41  loadi    r2, 0
   42  builtin  r1, #4
   43  builtin  r1, #2
   44  setg     r1, #0
   45  refg     r1, #0
   46  deref    r1, r1
   47  ret      r1
`

func TestEverything(t *testing.T) {
	p, err := program.Assemble(everything)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	rt := New(func(s string) { out.WriteString(s + "\n") })
	if err := vm.Run(p, rt, vm.Options{}); err != nil {
		t.Fatal(err)
	}
	want := "[[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]\n[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]\nSome(7)\n"
	if out.String() != want || rt.Live != 0 || rt.Peak == 0 {
		t.Errorf("%d bytes live; printed\n%s", rt.Live, out.String())
	}
	if o := rt.Objects["mem://t"]; o.Elem != tile.F32 || o.Layout != tile.ColMajor {
		t.Errorf("%+v", o)
	}
}

func TestMissingObjectsAndMemory(t *testing.T) {
	rt := New(func(string) {})
	if _, _, err := rt.Load("mem://none", vm.Device{}); !errors.Is(err, vm.ErrNotFound) {
		t.Error(err)
	}
	rt.Limit = 100
	if _, err := rt.Alloc(vm.Device{}, 101); err == nil {
		t.Error("more memory than there is")
	}
	if _, err := rt.Device(1); err == nil {
		t.Error("a second device")
	}
}

// FuzzRun runs bytecode that no compiler made: it may fail, it must not panic.
func FuzzRun(f *testing.F) {
	f.Add(everything)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := program.Assemble(text)
		if err != nil {
			return
		}
		rt := New(func(string) {})
		rt.Limit = 1 << 16
		if err := vm.Run(p, rt, vm.Options{Steps: 10_000, Depth: 50, Size: 1000}); err == nil {
			return
		}
		if rt.Live != 0 {
			t.Errorf("%d bytes are left", rt.Live)
		}
	})
}

// FuzzCode runs instructions made of any bytes, those that verify.
func FuzzCode(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	base, err := program.Assemble(everything)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := *base
		fn := *base.Funcs[0]
		p.Funcs = []*program.Func{&fn}
		fn.Code = fn.Code[: len(fn.Code)-1 : len(fn.Code)-1]
		for i := 0; i+4 <= len(data) && i < 400; i += 4 {
			in := program.Instr(data[i]) | program.Instr(data[i+1]%16)<<8 |
				program.Instr(data[i+2]%16)<<16
			if data[i+3]&1 != 0 {
				in |= program.Instr(data[i+3]%16) << 24
			}
			good := fn
			good.Code = append(fn.Code, in, program.ABC(program.Ret, 0, 0, 0))
			good.Pos = make([]source.Pos, len(good.Code))
			p.Funcs[0] = &good
			if p.Verify() == nil {
				fn.Code = append(fn.Code, in)
			}
			p.Funcs[0] = &fn
		}
		fn.Code = append(fn.Code, program.ABC(program.Ret, 0, 0, 0))
		fn.Pos = make([]source.Pos, len(fn.Code))
		rt := New(func(string) {})
		rt.Limit = 1 << 16
		if err := vm.Run(&p, rt, vm.Options{Steps: 10_000, Depth: 50, Size: 1000}); err == nil {
			return
		}
		if rt.Live != 0 {
			t.Errorf("%d bytes are left", rt.Live)
		}
	})
}
