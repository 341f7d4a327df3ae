package lower

import "tensoros/hw/ptx"

// rates are the operations of a matrix type relative to f16 (chip tables of facts: Luo et al.,
// IPDPS 2024 [N], and datasheets [R]): tf32 half, 8-bit twice, f64 by its own rate.
func rate(t ptx.Type) float64 {
	switch t {
	case ptx.Tf32, ptx.F32:
		return 0.5
	case ptx.S8, ptx.U8, ptx.E4m3, ptx.E5m2:
		return 2
	case ptx.S4, ptx.U4:
		return 4
	case ptx.B1:
		return 16
	case ptx.F64:
		return 1.0 / 16
	}
	return 1
}

// matrix is mma, wmma and wgmma. The work of a tensor instruction is in units of m16n8k16 f16.
func (l *lowering) matrix(in *ptx.Inst) []step {
	m, n, k := in.Shape()
	a := in.Type(1)
	if in.Op.ID == ptx.OpWmmaMma && len(in.Types) < 4 {
		a = ptx.F16 // wmma.mma of f16 names D and C only
	}
	if in.Op.ID == ptx.OpWgmmaMmaAsync {
		// m64nNk16 of f16 takes N/2 cycles of the four Tensor Cores (Luo et al. [N]); other types
		// have a K of the same bytes and take the same time. Sparse shapes have twice the K.
		s := step{unit: Warpgroup, work: uint16(min(n*32, 1<<16-1))}
		if n == 0 {
			s.work = 64
		}
		return []step{s}
	}
	work := float64(m*n*k) / (16 * 8 * 16) / rate(a)
	if in.Op.ID == ptx.OpMmaSp {
		work /= 2
	}
	if in.Type(0) == ptx.F16 && l.t.HalfWork > 0 {
		work *= l.t.HalfWork
	}
	fp8 := a == ptx.E4m3 || a == ptx.E5m2
	if fp8 && (l.t.SM == 90 || l.t.SM == 100) {
		return emulated()
	}
	parts := max(1, m*n/(16*8))
	steps := make([]step, parts)
	for i := range steps {
		steps[i] = step{unit: Tensor, work: uint16(max(1, work*64/float64(parts)))}
		steps[i].extra = l.lag(in)
	}
	return steps
}

// lag is a tensor instruction's latency beyond that of the unit, in two's complement: the table
// has the latency of f16 with f32 sums.
func (l *lowering) lag(in *ptx.Inst) uint16 {
	d := in.Type(0)
	switch {
	case d == ptx.F16 && l.t.TensorHalf > 0:
		return uint16(l.t.TensorHalf - l.t.Latency[Tensor])
	case d == ptx.S32 && l.t.TensorInt > 0:
		return uint16(l.t.TensorInt - l.t.Latency[Tensor])
	}
	return 0
}

// emulated is fp8 mma where there is no unit for it: 12 F2FP, two HMMA.16816.F32 and the additions
// (ptxas 12.4.131, sm_90).
func emulated() []step {
	steps := parseCode("AAAAAAAAAAAA+T+T")
	return append(steps, parseCode("+FFFF")...)
}
