package ir

import (
	"math"

	"tensoros/neurolang/tile"
)

// Roundoff of nearest even: f32 2^-24, f16 2^-11, bf16 2^-8, and half the smallest subnormal of
// each.
var roundoff = map[tile.Elem]struct{ unit, tiny float64 }{
	tile.F32: {0x1p-24, 0x1p-150}, tile.F16: {0x1p-11, 0x1p-25}, tile.BF16: {0x1p-8, 0x1p-134},
	tile.TF32: {0x1p-11, 0x1p-137},
}

// measured is a value in binary64 and a bound on how far the kernel's own may be from it.
type measured struct{ ref, err []float64 }

// Reference computes a kernel in binary64 and bounds, element by element in row-major order, how
// far the exact result of the target's arithmetic may lie from it.
//
// Dot: one group of G products and the accumulator loses less than (G+1)*2^-F of the largest
// term's power of two by alignment and 2^-23 of the sum by truncation (the model of a block fused
// multiply-add of Blanchard, Higham, Lopez, Mary, Pranesh, SIAM J. Sci. Comput. 42(3), 2020, with
// the constants of MMA-Sim, arXiv 2511.10909). Over q = ceil(K/G) groups:
//
//	|err| <= ((1+u)^q - 1) * sum |a||b| + q*(G+1)*2^(-126-F) + q*2^-149, u = (G+1)*2^-F + 2^-23
//
// where |a| and |b| are at least the power of two that the hardware aligns them by (subnormals the
// format's lowest, zeros 2^-126); binary64 summation adds K*2^-53 of the same sum. Elementwise
// operations propagate bounds by
// running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, section 3.3).
// Overflow is outside of both.
func Reference(k *Kernel, target int, in []Matrix) (ref, bound []float64, err error) {
	m, n, _, err := k.Shape(in)
	if err != nil {
		return nil, nil, err
	}
	vals := map[*Value]measured{}
	for i, p := range k.Params {
		if d := k.DotOp(); d != nil && (p == d.Args[0] || p == d.Args[1]) {
			continue
		}
		v := measured{make([]float64, m*n), make([]float64, m*n)}
		for j, x := range load(&in[i]) {
			v.ref[j] = float64(x)
		}
		vals[p] = v
	}
	for _, op := range k.Ops {
		if op.Kind != Dot {
			vals[op.Result] = boundPoint(op, vals, m*n)
			continue
		}
		if vals[op.Result], err = k.boundDot(op, target, in, m, n); err != nil {
			return nil, nil, k.fail(err)
		}
	}
	v := vals[k.Ret]
	return v.ref, v.err, nil
}

func (k *Kernel) boundDot(op *Op, target int, in []Matrix, m, n int) (measured, error) {
	a, err := k.operand(op.Args[0], in)
	if err != nil {
		return measured{}, err
	}
	b, err := k.operand(op.Args[1], in)
	if err != nil {
		return measured{}, err
	}
	u, err := unitOf(target, a.Elem)
	if err != nil {
		return measured{}, err
	}
	kk := a.Cols
	rows, cols := load(a), make([]float32, n*kk)
	for i := range cols {
		cols[i] = toF32(b.Elem, b.bits(i%kk, i/kk))
	}
	q := float64((kk + u.g - 1) / u.g)
	step := math.Ldexp(float64(u.g+1), -u.f) + 0x1p-23
	rel := math.Expm1(q*math.Log1p(step)) + float64(kk)*0x1p-53
	abs := q * (math.Ldexp(float64(u.g+1), -126-u.f) + 0x1p-149)
	rowMag, colMag := magnitudes(a.Elem, rows), magnitudes(a.Elem, cols)
	v := measured{make([]float64, m*n), make([]float64, m*n)}
	for i := range v.ref {
		r, c := rows[i/n*kk:][:kk], cols[i%n*kk:][:kk]
		var sum, mag float64
		for j := range r {
			p := float64(r[j]) * float64(c[j])
			sum += p
			mag += rowMag[i/n*kk+j] * colMag[i%n*kk+j]
		}
		v.ref[i], v.err[i] = sum, rel*mag+abs
	}
	return v, nil
}

// magnitudes returns |x|, but no less than the power of two the unit aligns x by.
func magnitudes(e tile.Elem, xs []float32) []float64 {
	lowest := math.Ldexp(1, 2-1<<(formats[e].exp-1))
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = math.Max(math.Abs(float64(x)), lowest)
		if x == 0 {
			out[i] = 0x1p-126
		}
	}
	return out
}

func boundPoint(op *Op, vals map[*Value]measured, n int) measured {
	out := measured{make([]float64, n), make([]float64, n)}
	arg := func(i, j int) (float64, float64) {
		if i >= len(op.Args) {
			return 0, 0
		}
		v := vals[op.Args[i]]
		return v.ref[j], v.err[j]
	}
	ro := roundoff[op.Result.Type.Elem]
	for j := 0; j < n; j++ {
		x, ex := arg(0, j)
		y, ey := arg(1, j)
		var v, e float64
		rounds := true
		switch op.Kind {
		case Splat:
			v = float64(op.Imm)
		case Add:
			v, e = x+y, ex+ey
		case Sub:
			v, e = x-y, ex+ey
		case Mul:
			v, e = x*y, math.Abs(x)*ey+math.Abs(y)*ex+ex*ey
		case Max:
			v, e, rounds = math.Max(x, y), math.Max(ex, ey), false
		case Min:
			v, e, rounds = math.Min(x, y), math.Max(ex, ey), false
		case Neg:
			v, e, rounds = -x, ex, false
		case Relu:
			v, e, rounds = math.Max(x, 0), ex, false
		case Cast:
			v, e = x, ex
			rounds = op.Args[0].Type.Elem != op.Result.Type.Elem
		}
		if rounds {
			e += ro.unit*(math.Abs(v)+e) + ro.tiny
		}
		out.ref[j], out.err[j] = v, e
	}
	return out
}
