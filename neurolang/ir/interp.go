package ir

import (
	"fmt"
	"math"

	"tensoros/neurolang/tile"
)

// Shape returns the problem's M, N and K (0 without a dot) for whole tensors in, after checking
// that they divide into the kernel's tiles and agree with each other.
func (k *Kernel) Shape(in []Matrix) (m, n, kk int, err error) {
	if len(in) != len(k.Params) {
		return 0, 0, 0, k.fail(fmt.Errorf("takes %d tensors, got %d", len(k.Params), len(in)))
	}
	dot := k.DotOp()
	agree := func(name string, have *int, v int) {
		if *have != 0 && *have != v && err == nil {
			err = k.fail(fmt.Errorf("%s: dimension is %d, that of another tensor %d", name, v,
				*have))
		}
		*have = v
	}
	for i, p := range k.Params {
		x := &in[i]
		if err := x.check(p.Name); err != nil {
			return 0, 0, 0, k.fail(err)
		}
		if x.Elem != p.Type.Elem || x.Layout != p.Type.Layout || x.Rows%p.Type.Rows != 0 ||
			x.Cols%p.Type.Cols != 0 {
			return 0, 0, 0,
				k.fail(fmt.Errorf("%s: a %dx%d tensor of %s, %s does not divide into %s",
					p.Name, x.Rows, x.Cols, x.Elem, x.Layout, p.Type))
		}
		rows, cols := &m, &n
		if dot != nil && p == dot.Args[0] {
			cols = &kk
		}
		if dot != nil && p == dot.Args[1] {
			rows = &kk
		}
		agree(p.Name, rows, x.Rows)
		agree(p.Name, cols, x.Cols)
	}
	return m, n, kk, err
}

// Interpret runs a kernel lifted over all tiles of whole tensors and returns the output tensor,
// bit for bit as a GPU of the target (80, 90) does with mma.sync in increasing k.
func Interpret(k *Kernel, target int, in []Matrix) (Matrix, error) {
	m, n, _, err := k.Shape(in)
	if err != nil {
		return Matrix{}, err
	}
	vals := map[*Value][]float32{}
	for i, p := range k.Params {
		if d := k.DotOp(); d != nil && (p == d.Args[0] || p == d.Args[1]) {
			continue
		}
		vals[p] = load(&in[i])
	}
	for _, op := range k.Ops {
		if op.Kind == Dot {
			if vals[op.Result], err = k.dot(op, target, in, m, n); err != nil {
				return Matrix{}, k.fail(err)
			}
			continue
		}
		vals[op.Result] = point(op, vals, m*n)
	}
	out := NewMatrix(m, n, k.Out.Elem, k.Out.Layout)
	for i, v := range vals[k.Ret] {
		out.set(i/n, i%n, fromF32(k.Out.Elem, v))
	}
	return out, nil
}

// load widens a matrix to f32, row by row.
func load(x *Matrix) []float32 {
	v := make([]float32, x.Rows*x.Cols)
	for i := range v {
		v[i] = toF32(x.Elem, x.bits(i/x.Cols, i%x.Cols))
	}
	return v
}

// operand returns the input that a value of the kernel names.
func (k *Kernel) operand(v *Value, in []Matrix) (*Matrix, error) {
	for i, p := range k.Params {
		if p == v {
			return &in[i], nil
		}
	}
	return nil, fmt.Errorf("dot of the computed value %%%s", v.Name)
}

func (k *Kernel) dot(op *Op, target int, in []Matrix, m, n int) ([]float32, error) {
	a, err := k.operand(op.Args[0], in)
	if err != nil {
		return nil, err
	}
	b, err := k.operand(op.Args[1], in)
	if err != nil {
		return nil, err
	}
	u, err := unitOf(target, a.Elem)
	if err != nil {
		return nil, err
	}
	f := formats[a.Elem]
	kk := a.Cols
	rows, cols := make([]number, m*kk), make([]number, n*kk)
	for i := range rows {
		rows[i] = f.decode(a.bits(i/kk, i%kk))
	}
	for i := range cols {
		cols[i] = f.decode(b.bits(i%kk, i/kk))
	}
	out := make([]float32, m*n)
	for i := range out {
		r, c := i/n*kk, i%n*kk
		out[i] = math.Float32frombits(u.dot(rows[r:r+kk], cols[c:c+kk], f.frac, 0))
	}
	return out, nil
}

func point(op *Op, vals map[*Value][]float32, n int) []float32 {
	out := make([]float32, n)
	var x, y []float32
	if len(op.Args) > 0 {
		x = vals[op.Args[0]]
	}
	if len(op.Args) > 1 {
		y = vals[op.Args[1]]
	}
	e := op.Result.Type.Elem
	for i := range out {
		var v float32
		switch op.Kind {
		case Splat:
			v = op.Imm
		case Add:
			v = x[i] + y[i]
		case Sub:
			v = x[i] - y[i]
		case Mul:
			v = float32(x[i] * y[i])
		case Max:
			v = maxNum(x[i], y[i])
		case Min:
			v = -maxNum(-x[i], -y[i])
		case Neg:
			v = -x[i]
		case Relu:
			v = maxNum(x[i], 0)
		case Cast:
			v = x[i]
		}
		out[i] = narrow(e, canonical(v, op.Kind))
	}
	return out
}

// canonical gives f32 arithmetic's only NaN; neg, casts and constants just move bits.
func canonical(v float32, k Kind) float32 {
	if v != v && k != Neg && k != Cast && k != Splat {
		return math.Float32frombits(nanBits)
	}
	return v
}

// narrow rounds to the format of a value and widens it again.
func narrow(e tile.Elem, v float32) float32 {
	if e == tile.F32 {
		return v
	}
	return toF32(e, fromF32(e, v))
}

// maxNum is max.f32: a NaN yields, +0 is above -0 (PTX ISA, max).
func maxNum(x, y float32) float32 {
	switch {
	case x != x:
		return y
	case y != y || x > y:
		return x
	case x == 0 && y == 0 && !math.Signbit(float64(x)):
		return x
	}
	return y
}

// Accumulate returns acc + a.b as one chain of mma.sync of the target computes it: a and b are raw
// elements of type e in increasing k, acc and the result f32 bits. It is the unit of Interpret,
// for tests of code that issues single instructions.
func Accumulate(target int, e tile.Elem, a, b []uint32, acc uint32) (uint32, error) {
	u, err := unitOf(target, e)
	if err != nil {
		return 0, err
	}
	if len(a) != len(b) {
		return 0, fmt.Errorf("dot of %d and %d elements", len(a), len(b))
	}
	f := formats[e]
	na, nb := make([]number, len(a)), make([]number, len(b))
	for i := range a {
		na[i], nb[i] = f.decode(a[i]), f.decode(b[i])
	}
	return u.dot(na, nb, f.frac, acc), nil
}
