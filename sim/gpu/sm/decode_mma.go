package sm

import (
	"math"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

var elementFormat = map[ptx.Type]num.Format{
	ptx.F16: num.F16, ptx.Bf16: num.BF16, ptx.Tf32: num.TF32, ptx.F32: num.F32, ptx.F64: num.F64,
	ptx.E4m3: num.E4M3, ptx.E5m2: num.E5M2, ptx.S8: num.S8, ptx.U8: num.U8, ptx.S32: num.S32,
	ptx.S4: num.S4, ptx.U4: num.U4, ptx.B1: num.B1,
}

// fragments are the registers of D, A, B and C.
type fragments [4][]*tensor.Reg

// mma is mma.sync and mma.sp: types are D, A, B, C.
func (d *decoder) mma() func(*Warp) {
	in := d.in
	m, n, k := in.Shape()
	shape := tensor.Shape{M: m, N: n, K: k}
	switch {
	case in.Type(1) == ptx.F64:
		return d.mma64(shape)
	case in.Op.ID == ptx.OpMmaSp:
		return d.mmaSparse(shape)
	case shape == tensor.Shape{M: 8, N: 8, K: 4}:
		return d.mmaQuad()
	}
	unit, ok := d.tensorUnit(gpu.MMASync, shape, in.Type(1), in.Type(2), in.Type(0))
	if !ok {
		return nil
	}
	c := unit.RegsC()
	return d.tensorRegs([4]int{c, unit.RegsA(), unit.RegsB(), c}, func(_ *Warp, r *fragments) {
		unit.MMA(r[0], r[1], r[2], r[3])
	})
}

// tensorRule finds the rule of the instruction; a chip without one is a fault that says so.
func (d *decoder) tensorRule(op gpu.MMAOp, ta, td ptx.Type) (rule gpu.MMARule, ok bool) {
	a, okA := elementFormat[ta]
	acc, okD := elementFormat[td]
	if !okA || !okD {
		return rule, false
	}
	rule, err := gpu.LookupMMA(d.sm, op, a, acc)
	if err != nil {
		d.fault("%v", err)
	}
	return rule, err == nil
}

func (d *decoder) tensorUnit(op gpu.MMAOp, s tensor.Shape, ta, tb, td ptx.Type) (*tensor.Unit,
	bool) {
	rule, ok := d.tensorRule(op, ta, td)
	if !ok {
		return nil, false
	}
	var opts []tensor.Option
	if d.in.Has(ptx.ModSatfinite) {
		opts = append(opts, tensor.Satfinite)
	}
	if d.in.Has(ptx.ModXor) {
		opts = append(opts, tensor.Xor)
	}
	unit, err := tensor.NewUnit(rule, s, elementFormat[ta], elementFormat[tb], opts...)
	if err != nil {
		d.fault("%v", err)
	}
	return unit, err == nil
}

// tensorRegs checks the operands' lengths and hands their registers to run.
func (d *decoder) tensorRegs(want [4]int, run func(w *Warp, r *fragments)) func(*Warp) {
	in := d.in
	var rows [4][]slot
	var regs fragments
	for i := range 4 {
		rows[i] = d.slots(&in.Args[i], i == 0)
		if len(rows[i]) != want[i] {
			d.fault("%s: operand %d has %d registers, want %d", in.Opcode(), i+1, len(rows[i]),
				want[i])
			return func(*Warp) {}
		}
		regs[i] = make([]*tensor.Reg, want[i])
	}
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "%s needs all 32 lanes, %d execute it", in.Op.Base, popcount(w.mask))
			return
		}
		if w.cta.launch.Dry {
			return
		}
		for i := range regs {
			for j := range regs[i] {
				regs[i][j] = &w.r[rows[i][j].row]
			}
		}
		run(w, &regs)
	}
}

// mma64 is a chain of f64 operations; its registers lie in the other file.
func (d *decoder) mma64(s tensor.Shape) func(*Warp) {
	in := d.in
	if _, ok := d.tensorRule(gpu.MMASync, ptx.F64, ptx.F64); !ok {
		return nil
	}
	mode, nearest, okMode := rounded(in)
	fma := math.FMA
	if !nearest {
		fma = toward(fma, ptx.OpFma, mode)
	}
	a, b, c, err := tensor.Regs64(s)
	if err != nil || !okMode {
		return nil
	}
	var rows [4][]slot
	var regs [4][]*tensor.Reg64
	for i, n := range [4]int{c, a, b, c} {
		rows[i] = d.slots(&in.Args[i], i == 0)
		if len(rows[i]) != n {
			return nil
		}
		regs[i] = make([]*tensor.Reg64, n)
	}
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "%s needs all 32 lanes, %d execute it", in.Op.Base, popcount(w.mask))
			return
		}
		for i := range regs {
			for j := range regs[i] {
				regs[i][j] = &w.x[rows[i][j].row]
			}
		}
		tensor.MMA64(s, fma, regs[0], regs[1], regs[2], regs[3])
	}
}

// mmaSparse is mma.sp: operands 4 and 5 are the metadata and the sparsity selector.
func (d *decoder) mmaSparse(s tensor.Shape) func(*Warp) {
	in := d.in
	rule, ok := d.tensorRule(gpu.MMASync, in.Type(1), in.Type(0))
	if !ok {
		return nil
	}
	unit, err := tensor.NewSparse(rule, s, elementFormat[in.Type(1)], elementFormat[in.Type(2)],
		in.Has(ptx.ModSatfinite), in.Has(ptx.ModSpOrderedMetadata))
	if err != nil {
		d.fault("%v", err)
		return func(*Warp) {}
	}
	meta, selector := d.src32(4), int(in.Args[5].Imm)
	if selector < 0 || selector >= unit.Selectors() {
		d.fault("%s: sparsity selector %d, the shape has 0 to %d", in.Op.Base, selector,
			unit.Selectors()-1)
	}
	c := unit.RegsC()
	return d.tensorRegs([4]int{c, unit.RegsA(), unit.RegsB(), c}, func(w *Warp, r *fragments) {
		if err := unit.MMA(r[0], r[1], r[2], r[3], &w.r[meta], selector); err != nil {
			w.cta.fail(w, "mma.sp: %v", err)
		}
	})
}

// mmaQuad is mma.m8n8k4 on f16, one product a quad pair.
func (d *decoder) mmaQuad() func(*Warp) {
	in := d.in
	rule, ok := d.tensorRule(gpu.MMASyncQuad, ptx.F16, in.Type(0))
	if !ok {
		return nil
	}
	layout := in.Mods[:0:0]
	for _, m := range in.Mods {
		if m == ptx.ModRow || m == ptx.ModCol {
			layout = append(layout, m)
		}
	}
	unit, err := tensor.NewQuad(rule, layout[0] == ptx.ModCol, layout[1] == ptx.ModCol,
		elementFormat[in.Type(3)])
	if err != nil {
		d.fault("%v", err)
		return func(*Warp) {}
	}
	want := [4]int{unit.RegsD(), unit.RegsA(), unit.RegsB(), unit.RegsC()}
	return d.tensorRegs(want, func(_ *Warp, r *fragments) { unit.MMA(r[0], r[1], r[2], r[3]) })
}
