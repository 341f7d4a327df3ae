package sm

import (
	"tensoros/hw/num"
	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
	"tensoros/sim/gpu/tensor"
)

var elementFormat = map[ptx.Type]num.Format{
	ptx.F16: num.F16, ptx.Bf16: num.BF16, ptx.Tf32: num.TF32, ptx.F32: num.F32, ptx.F64: num.F64,
	ptx.E4m3: num.E4M3, ptx.E5m2: num.E5M2, ptx.S8: num.S8, ptx.U8: num.U8, ptx.S32: num.S32,
}

// tensorCost is the issue interval of an mma of m16n8k16's size relative to f16.
var tensorCost = map[ptx.Type]float32{
	ptx.F16: 1, ptx.Bf16: 1, ptx.Tf32: 2, ptx.F64: 16, ptx.E4m3: 1, ptx.E5m2: 1,
	ptx.S8: 0.5, ptx.U8: 0.5,
}

// mma is mma.sync: types are D, A, B, C.
func (d *decoder) mma() func(*Warp) {
	in := d.in
	d.out.class = Tensor
	m, n, k := in.Shape()
	a, okA := elementFormat[in.Type(1)]
	b, okB := elementFormat[in.Type(2)]
	acc, okC := elementFormat[in.Type(0)]
	if !okA || !okB || !okC {
		return nil
	}
	rule, err := gpu.LookupMMA(d.sm, gpu.MMASync, a, acc)
	if err != nil {
		d.fault("%v", err)
		return func(*Warp) {}
	}
	var opts []tensor.Option
	if in.Has(ptx.ModSatfinite) {
		opts = append(opts, tensor.Satfinite)
	}
	unit, err := tensor.NewUnit(rule, tensor.Shape{M: m, N: n, K: k}, a, b, opts...)
	if err != nil {
		d.fault("%v", err)
		return func(*Warp) {}
	}
	return d.tensorRegs(unit)
}

func (d *decoder) tensorRegs(unit *tensor.Unit) func(*Warp) {
	in := d.in
	var rows [4][]slot
	for i := range 4 {
		rows[i] = d.slots(&in.Args[i], i == 0)
	}
	want := [4]int{unit.RegsC(), unit.RegsA(), unit.RegsB(), unit.RegsC()}
	for i := range rows {
		for _, s := range rows[i] {
			if s.wide {
				return nil // f64 fragments live in the other file
			}
		}
		if len(rows[i]) != want[i] {
			return nil
		}
	}
	var regs [4][]*tensor.Reg
	for i := range regs {
		regs[i] = make([]*tensor.Reg, want[i])
	}
	return func(w *Warp) {
		if w.mask != allLanes {
			w.cta.fail(w, "mma.sync needs all 32 lanes, %d execute it", popcount(w.mask))
			return
		}
		for i := range regs {
			for j := range regs[i] {
				regs[i][j] = &w.r[rows[i][j].row]
			}
		}
		unit.MMA(regs[0], regs[1], regs[2], regs[3])
	}
}
