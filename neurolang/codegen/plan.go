package codegen

import (
	"fmt"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/ir"
	"tensoros/neurolang/program"
	"tensoros/neurolang/tile"
)

// Error says why no code can be generated, and for what: Op, or the parameter Param, or (Op nil,
// Param -1) the kernel.
type Error struct {
	Code  diag.Code
	Op    *ir.Op
	Param int
	Msg   string
	Help  string
}

// Error returns the code and message.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Msg) }

func failKernel(c diag.Code, help, format string, a ...any) *Error {
	return &Error{Code: c, Param: -1, Msg: fmt.Sprintf(format, a...), Help: help}
}

func failParam(i int, c diag.Code, help, format string, a ...any) *Error {
	return &Error{Code: c, Param: i, Msg: fmt.Sprintf(format, a...), Help: help}
}

func failOp(op *ir.Op, c diag.Code, help, format string, a ...any) *Error {
	return &Error{Code: c, Op: op, Param: -1, Msg: fmt.Sprintf(format, a...), Help: help}
}

// Hardware limits (CUDA C++ Programming Guide, "Technical specifications per compute capability").
const (
	staticSharedMax = 48 << 10
	registersPerSM  = 65536
	warpSize        = 32
	chunk           = 16 // bytes of one cp.async.cg
)

// sharedMax is dynamic shared memory a CTA may ask for, in bytes, by target.
var sharedMax = map[int]int{80: 166912, 86: 101376, 89: 101376, 90: 232448}

// Targets lists the compute capabilities code is generated for.
func Targets() []int { return []int{80, 86, 89, 90} }

// side is one operand of the dot: how its part of a stage lies in shared memory.
type side struct {
	param    int
	trans    bool // stored [k][mn], read by ldmatrix.trans
	rows     int  // of the staged matrix: mn, or k if trans
	rowBytes int
	base     int // byte offset in a stage
	warp     int // elements of mn a warp covers
}

func (s *side) bytes() int { return s.rows * s.rowBytes }

// plan is a kernel's shape on the machine.
type plan struct {
	k      *ir.Kernel
	target int
	dot    *ir.Op
	elem   tile.Elem // of the dot's operands
	bm, bn int       // CTA tile
	bk     int       // elements of k a stage
	wm, wn int       // warp tile
	warpsM int
	warpsN int

	threads int
	stages  int
	a, b    side
}

func (p *plan) stageBytes() int  { return p.a.bytes() + p.b.bytes() }
func (p *plan) sharedBytes() int { return p.stages * p.stageBytes() }
func (p *plan) dynamic() bool    { return p.sharedBytes() > staticSharedMax }

func tileSide(n int) bool { return n >= 16 && n <= 256 && n&(n-1) == 0 }

func newPlan(k *ir.Kernel, target int) (*plan, error) {
	p := &plan{k: k, target: target, bm: k.Out.Rows, bn: k.Out.Cols}
	if sharedMax[target] == 0 {
		return nil, failKernel(diag.Target, fmt.Sprintf("the targets are sm_%d", Targets()),
			"no code is generated for sm_%d", target)
	}
	if !entryName(k.Name) {
		return nil, failKernel(diag.KernelName, "use letters a-z, digits and _",
			"PTX has no name %s", k.Name)
	}
	if err := p.checkOps(); err != nil {
		return nil, err
	}
	if !tileSide(p.bm) || !tileSide(p.bn) {
		return nil, failKernel(diag.TileNotYet, "the sides can be 16, 32, 64, 128 or 256",
			"no code is generated for output tiles of %dx%d yet", p.bm, p.bn)
	}
	if p.dot == nil {
		p.threads = min(128, p.bm*p.bn/2)
		return p, nil
	}
	return p, p.planDot()
}

// entryName tells whether PTX takes an identifier (PTX ISA, "Identifiers").
func entryName(s string) bool {
	for _, c := range s {
		if c >= 0x80 {
			return false
		}
	}
	return s != "_"
}

// checkOps finds the dot and rejects what has no code.
func (p *plan) checkOps() error {
	for i, v := range p.k.Params {
		if !v.Type.Elem.Executable() {
			return failParam(i, diag.ElemNotYet, "f16, bf16, tf32 and f32 are there today",
				"no code is generated for tiles of %s yet", v.Type.Elem)
		}
	}
	for _, op := range p.k.Ops {
		if e := op.Result.Type.Elem; !e.Executable() || e == tile.TF32 {
			return failOp(op, diag.ElemNotYet, "cast to f16, bf16 or f32",
				"no code is generated for a %s that gives %s yet", op.Kind, e)
		}
		for _, a := range op.Args {
			if op.Kind != ir.Dot && a.Type.Elem == tile.TF32 {
				return failOp(op, diag.ElemNotYet, "tf32 tiles are operands of dot only",
					"no code is generated for elementwise %s on tf32 yet", op.Kind)
			}
		}
		if op.Kind != ir.Dot {
			continue
		}
		if p.dot != nil {
			return failOp(op, diag.DotNotYet, "split it into two kernels",
				"a kernel with more than one dot is not there yet")
		}
		p.dot = op
	}
	if p.k.Ret.Op == nil && p.k.Ret.Type.Elem == tile.TF32 {
		return failKernel(diag.ElemNotYet, "", "no code is generated for copies of tf32 yet")
	}
	return nil
}

func (p *plan) planDot() error {
	var err error
	if p.a.param, err = p.operand(0); err != nil {
		return err
	}
	if p.b.param, err = p.operand(1); err != nil {
		return err
	}
	for _, op := range p.k.Ops {
		for _, v := range op.Args {
			if op != p.dot && (v == p.dot.Args[0] || v == p.dot.Args[1]) {
				return failOp(op, diag.DotNotYet,
					"pass the tensor a second time as its own parameter",
					"%s is an operand of dot and of %s", v.Name, op.Kind)
			}
		}
	}
	a, b := p.dot.Args[0].Type, p.dot.Args[1].Type
	p.elem = a.Elem
	es := p.elem.Size()
	kStep := 32 / es // elements of k in one mma: 16, or 8 for tf32
	if p.a.param == p.b.param {
		return failOp(p.dot, diag.DotNotYet, "pass the tensor twice", "dot of a tile with itself")
	}
	if a.Cols%kStep != 0 {
		return failParam(p.a.param, diag.TileNotYet, fmt.Sprintf("make it a multiple of %d", kStep),
			"the inner dimension %d is no multiple of %d, which one Tensor Core step takes", a.Cols,
			kStep)
	}
	p.bk = kStep
	if a.Cols%(2*kStep) == 0 {
		p.bk = 2 * kStep
	}
	p.wm, p.wn = min(max(p.bm/2, 16), 64), min(max(p.bn/2, 16), 64)
	p.warpsM, p.warpsN = p.bm/p.wm, p.bn/p.wn
	p.threads = p.warpsM * p.warpsN * warpSize
	// 64 registers beside the accumulators: fragments of two steps (at most 64 live, less when
	// ptxas interleaves them) and addresses.
	if need := p.threads * (p.wm*p.wn/warpSize + 64); need > registersPerSM {
		return failKernel(diag.Registers, "take a smaller tile, for example 128x128",
			"a %dx%d tile of f32 takes about %d registers, a multiprocessor has %d", p.bm, p.bn,
			need,
			registersPerSM)
	}
	p.a.trans = a.Layout == tile.ColMajor
	p.b.trans = b.Layout == tile.RowMajor
	for _, s := range []*side{&p.a, &p.b} {
		if s.trans && es != 2 {
			return failParam(s.param, diag.LayoutNotYet,
				"store the tensor with k contiguous: A as "+
					"Layout::RowMajor, B as Layout::ColMajor",
				"%s tiles are read from shared memory with k contiguous only", p.elem)
		}
	}
	p.a.shape(p.bm, p.bk, es, p.wm)
	p.b.shape(p.bn, p.bk, es, p.wn)
	p.b.base = p.a.bytes()
	for p.stages = 4; p.stages > 3 && p.sharedBytes() > staticSharedMax; p.stages-- {
	}
	return nil
}

func (s *side) shape(mn, k, es, warp int) {
	s.rows, s.rowBytes, s.warp = mn, k*es, warp
	if s.trans {
		s.rows, s.rowBytes = k, mn*es
	}
}

// operand returns which parameter the i-th operand of the dot is.
func (p *plan) operand(i int) (int, error) {
	for j, v := range p.k.Params {
		if v == p.dot.Args[i] {
			return j, nil
		}
	}
	return 0, failOp(p.dot, diag.DotNotYet, "compute it in a kernel of its own",
		"dot of a computed tile is not there yet; its operands are parameters")
}

// roles says how each parameter is lifted.
func (p *plan) roles() []program.Role {
	r := make([]program.Role, len(p.k.Params))
	if p.dot != nil {
		r[p.a.param], r[p.b.param] = program.DotA, program.DotB
	}
	return r
}

// resident is how many CTAs a multiprocessor shall hold: ptxas then keeps the registers of a thread
// below registersPerSM / (threads * resident). Warps of 64x64 have 128 accumulators. The plain
// product does with 40 registers more (ptxas 12.4: 168 without spills), so three CTAs of four warps
// fit; transposed operands and further tensors take up to 80 more. Smaller tiles use what they
// like.
func (p *plan) resident() int {
	if p.dot == nil || p.wm*p.wn < 64*64 {
		return 1
	}
	extra := 40
	if p.a.trans || p.b.trans || len(p.k.Params) > 2 {
		extra = 80
	}
	return max(1, registersPerSM/(p.threads*(p.wm*p.wn/warpSize+extra)))
}

// swizzle returns the shift and mask of the row bits that are XORed into the 16-byte chunk index
// of a row, so that 8 rows of one chunk fall into 8 different bank groups (CuTe Swizzle<B,4,3>;
// NVIDIA/cutlass, cute/swizzle.hpp).
func swizzle(rowBytes int) (shift, mask int) {
	switch {
	case rowBytes >= 128:
		return 0, 7
	case rowBytes == 64:
		return 1, 3
	}
	return 2, 1
}
