package codegen

import (
	"fmt"
	"math"
	"strings"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
	"tensoros/neurolang/ir"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// This file is a small PTX executor for exactly what Lower emits, so that its addressing, swizzles
// and pipeline can be held against the reference interpreter where there is no GPU. A CTA's warps
// run one after the other from barrier to barrier, which lets a missing barrier show. cp.async
// lands either at once or only in the wait that covers it: correct code cannot tell.

type warp struct {
	regs   [32][]uint64
	pc     int
	done   bool
	groups [32][][]transfer // committed cp.async groups a lane, and the open one last
}

type transfer struct {
	dst  int
	data []byte
}

type executor struct {
	target int
	elem   tile.Elem
	insts  []*ptx.Inst
	labels []int
	params []byte
	global []byte // addresses start at base
	shared []byte
	lazy   bool
	threads,
	bx, by int
	w *warp
}

// base keeps address 0 and stray small numbers out of bounds.
const base = 1 << 20

type trap struct{ msg string }

func trapf(format string, a ...any) { panic(trap{fmt.Sprintf(format, a...)}) }

// execute launches a kernel over whole tensors.
func execute(k *program.Kernel, in []ir.Matrix, m, n, kk int, lazy bool) (out ir.Matrix,
	err error) {
	mod, err := ptx.Parse(k.Name+".ptx", []byte(k.PTX))
	if err != nil {
		return out, err
	}
	x := &executor{target: k.Target, lazy: lazy, threads: k.Threads}
	x.insts, x.labels = mod.Func(k.Name).Code()
	var at []uint64
	for i, a := range in {
		if k.Params[i].Role != program.Point {
			x.elem = a.Elem
		}
		at = append(at, uint64(base+len(x.global)))
		x.global = append(x.global, a.Data...)
		// A gap, so that running over the end is caught.
		x.global = append(x.global, make([]byte, 256-len(x.global)%256)...)
	}
	out = ir.NewMatrix(m, n, k.Out.Elem, k.Out.Layout)
	dst := len(x.global)
	x.global = append(x.global, out.Data...)
	g := k.Geometry(m, n, kk)
	if x.params, err = k.ParamBytes(at, uint64(base+dst), g); err != nil {
		return out, err
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case trap:
			err = fmt.Errorf("%s", r.msg)
		default:
			panic(r)
		}
	}()
	for x.by = 0; x.by < g.Grid[1]; x.by++ {
		for x.bx = 0; x.bx < g.Grid[0]; x.bx++ {
			x.shared = make([]byte, k.SharedStatic+k.SharedBytes)
			x.cta()
		}
	}
	copy(out.Data, x.global[dst:])
	return out, nil
}

func (x *executor) cta() {
	warps := make([]*warp, (x.threads+31)/32)
	for i := range warps {
		warps[i] = &warp{}
		for l := range warps[i].regs {
			warps[i].regs[l] = make([]uint64, 4096)
			warps[i].groups[l] = [][]transfer{nil}
		}
	}
	for alive := true; alive; {
		alive = false
		for i, w := range warps {
			x.w = w
			for !w.done {
				in := x.insts[w.pc]
				w.pc++
				x.step(in, i)
				if in.Op.Base == "bar" {
					break
				}
			}
			alive = alive || !w.done
		}
	}
}

// step runs one instruction for all lanes of warp number wi.
func (x *executor) step(in *ptx.Inst, wi int) {
	op := in.Opcode()
	switch {
	case op == "ret":
		x.w.done = true
	case strings.HasPrefix(op, "bra"):
		x.branch(in)
	case strings.HasPrefix(op, "ldmatrix"):
		x.ldmatrix(in)
	case strings.HasPrefix(op, "mma"):
		x.mma(in)
	case in.Op.Base == "bar":
	default:
		for l := 0; l < 32 && 32*wi+l < x.threads; l++ {
			if x.on(in, l) {
				x.lane(in, op, l, 32*wi+l)
			}
		}
	}
}

func (x *executor) on(in *ptx.Inst, l int) bool {
	return in.Guard.Name == "" || (x.w.regs[l][in.Guard.Index] != 0) != in.Guard.Not
}

func (x *executor) branch(in *ptx.Inst) {
	taken := x.on(in, 0)
	for l := 1; l < 32; l++ {
		if x.on(in, l) != taken {
			trapf("%s diverges", in)
		}
	}
	if taken {
		x.w.pc = x.labels[in.Args[0].Index]
	}
}

func (x *executor) get(o *ptx.Operand, l, tid int) uint64 {
	switch o.Kind {
	case ptx.KindReg:
		return x.w.regs[l][o.Index]
	case ptx.KindInt, ptx.KindF32:
		return uint64(o.Imm)
	case ptx.KindSpecial:
		switch ptx.Special(o.Index) {
		case ptx.SpTidX:
			return uint64(tid)
		case ptx.SpCtaidX:
			return uint64(x.bx)
		case ptx.SpCtaidY:
			return uint64(x.by)
		}
	case ptx.KindLocal, ptx.KindGlobal: // the only variable is the shared array
		return 0
	}
	trapf("operand %+v", *o)
	return 0
}

func (x *executor) address(o *ptx.Operand, l int) int {
	return int(int64(x.w.regs[l][o.List[0].Index]) + o.Imm)
}

// window returns n bytes of a memory, or traps.
func window(mem []byte, at, n, align int, what string) []byte {
	if at < 0 || at+n > len(mem) || at%align != 0 {
		trapf("%s access of %d bytes at %d of %d", what, n, at, len(mem))
	}
	return mem[at : at+n]
}

func f(x uint64) float32     { return math.Float32frombits(uint32(x)) }
func fb(v float32) uint64    { return uint64(math.Float32bits(v)) }
func flag(b bool) (r uint64) { r = map[bool]uint64{true: 1}[b]; return r }

// lane runs an instruction of one thread.
func (x *executor) lane(in *ptx.Inst, op string, l, tid int) {
	if x.memory(in, op, l) {
		return
	}
	var a [4]uint64
	for i := 1; i < len(in.Args) && in.Args[i].Kind != ptx.KindVector; i++ {
		if in.Args[i].Kind != ptx.KindAddr {
			a[i] = x.get(&in.Args[i], l, tid)
		}
	}
	if in.Args[0].Kind == ptx.KindVector || in.Args[1].Kind == ptx.KindVector {
		x.halves(in, l, tid)
		return
	}
	var r uint64
	switch op {
	case "cvta.to.global.u64", "mov.u32", "mov.f32", "mov.b32", "mov.b16", "cvt.u64.u32":
		r = a[1]
	case "and.b32", "and.pred":
		r = a[1] & a[2]
	case "xor.b32":
		r = a[1] ^ a[2]
	case "shr.u32":
		r = uint64(uint32(a[1]) >> a[2])
	case "shl.b32":
		r = uint64(uint32(a[1]) << a[2])
	case "bfe.u32":
		r = a[1] >> a[2] & (1<<a[3] - 1)
	case "add.u32":
		r = uint64(uint32(a[1] + a[2]))
	case "sub.u32":
		r = uint64(uint32(a[1] - a[2]))
	case "add.s64":
		r = a[1] + a[2]
	case "mad.lo.u32":
		r = uint64(uint32(a[1]*a[2] + a[3]))
	case "mad.wide.u32":
		r = uint64(uint32(a[1]))*uint64(uint32(a[2])) + a[3]
	case "mul.wide.u32":
		r = uint64(uint32(a[1])) * uint64(uint32(a[2]))
	case "setp.lt.u32":
		r = flag(uint32(a[1]) < uint32(a[2]))
	case "setp.gt.u32":
		r = flag(uint32(a[1]) > uint32(a[2]))
	case "setp.eq.u32":
		r = flag(uint32(a[1]) == uint32(a[2]))
	case "setp.ne.u32":
		r = flag(uint32(a[1]) != uint32(a[2]))
	case "selp.b32":
		r = a[2]
		if a[3] != 0 {
			r = a[1]
		}
	default:
		r = float(in, op, a)
	}
	x.w.regs[l][in.Args[0].Index] = r
}

func float(in *ptx.Inst, op string, a [4]uint64) uint64 {
	switch op {
	case "add.rn.f32":
		return fb(f(a[1]) + f(a[2]))
	case "sub.rn.f32":
		return fb(f(a[1]) - f(a[2]))
	case "mul.rn.f32":
		return fb(f(a[1]) * f(a[2]))
	case "max.f32":
		return fb(max(f(a[1]), f(a[2])))
	case "min.f32":
		return fb(min(f(a[1]), f(a[2])))
	case "neg.f32":
		return a[1] ^ 1<<31
	case "cvt.f32.f16":
		return fb(num.F16ToF32(uint16(a[1])))
	case "cvt.rn.f16x2.f32":
		return uint64(num.F32ToF16(f(a[1])))<<16 | uint64(num.F32ToF16(f(a[2])))
	case "cvt.rn.bf16x2.f32":
		return uint64(num.F32ToBF16(f(a[1])))<<16 | uint64(num.F32ToBF16(f(a[2])))
	}
	trapf("no code for %s", in)
	return 0
}

// halves is mov.b32 between a register and a pair of 16-bit ones.
func (x *executor) halves(in *ptx.Inst, l, tid int) {
	if v := &in.Args[0]; v.Kind == ptx.KindVector {
		w := x.get(&in.Args[1], l, tid)
		x.w.regs[l][v.List[0].Index], x.w.regs[l][v.List[1].Index] = w&0xffff, w>>16&0xffff
		return
	}
	v := &in.Args[1]
	x.w.regs[l][in.Args[0].Index] = x.w.regs[l][v.List[0].Index] | x.w.regs[l][v.List[1].Index]<<16
}
