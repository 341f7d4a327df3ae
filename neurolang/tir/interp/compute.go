package interp

import (
	"math"

	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// compute gives the result of an operation that neither branches nor touches memory.
func (m *machine) compute(op *tir.Op) *Tile {
	out := newTile(op.Results[0].Type)
	if op.Kind.Elementwise() {
		m.point(op, out)
		return out
	}
	switch op.Kind {
	case tir.Const, tir.Iota, tir.Program, tir.Extent:
		m.leaf(op, out)
	case tir.Bits:
		seed := uint32(int32(m.scalar(op.Args[0])))
		for i, c := range m.vals[op.Args[1]].V {
			out.V[i] = float64(int32(Philox(seed, 0, uint32(int32(c)), 0, 0, 0)[0]))
		}
	case tir.Reduce, tir.ArgReduce, tir.Scan:
		m.along(op, out)
	default:
		m.shape(op, out)
	}
	return out
}

func (m *machine) leaf(op *tir.Op, out *Tile) {
	x := op.Num
	if !tir.IsFloat(out.Type.Elem) {
		x = float64(op.Int)
	}
	switch op.Kind {
	case tir.Program:
		x = float64(m.at[op.Axis])
	case tir.Extent:
		x = float64(m.dims[op.Sym])
	case tir.Iota:
		at := make([]int, out.Type.Rank())
		for i := range out.V {
			out.V[i] = float64(at[op.Axis])
			next(at, out.Type.Dims)
		}
		return
	}
	x = round(out.Type.Elem, x)
	for i := range out.V {
		out.V[i] = x
	}
}

// point computes elementwise operations.
func (m *machine) point(op *tir.Op, out *Tile) {
	e := out.Type.Elem
	x := m.vals[op.Args[0]].V
	from := m.vals[op.Args[0]].Type.Elem
	switch len(op.Args) {
	case 1:
		for i, v := range x {
			out.V[i] = one(op.Kind, from, e, v)
		}
	case 2:
		y := m.vals[op.Args[1]].V
		for i, v := range x {
			out.V[i] = round(e, pair(op.Kind, from, v, y[i]))
		}
	default:
		y, z := m.vals[op.Args[1]].V, m.vals[op.Args[2]].V
		for i, v := range x {
			switch {
			case op.Kind == tir.Fma:
				out.V[i] = fma(e, v, y[i], z[i])
			case v != 0:
				out.V[i] = y[i]
			default:
				out.V[i] = z[i]
			}
		}
	}
}

// functions of one number that are rounded once.
var functions = map[tir.Kind]func(float64) float64{
	tir.Neg: func(x float64) float64 { return -x }, tir.Abs: math.Abs, tir.Exp: math.Exp,
	tir.Exp2: math.Exp2, tir.Log: math.Log, tir.Log2: math.Log2, tir.Sqrt: math.Sqrt,
	tir.Rsqrt: func(x float64) float64 { return 1 / math.Sqrt(x) },
	tir.Rcp:   func(x float64) float64 { return 1 / x },
	tir.Sin:   math.Sin, tir.Cos: math.Cos, tir.Tanh: math.Tanh, tir.Erf: math.Erf,
	tir.Floor: math.Floor, tir.Ceil: math.Ceil, tir.Round: math.RoundToEven,
}

// one computes an operation of one operand of type from.
func one(k tir.Kind, from, e tile.Elem, x float64) float64 {
	switch k {
	case tir.Cast:
		return cast(from, e, x)
	case tir.Bitcast:
		return decode(e, encode(from, x))
	case tir.Not:
		if e == tile.Bool {
			return 1 - x
		}
		return round(e, float64(^int64(x)))
	}
	return round(e, functions[k](x))
}

// cast converts: floats to integers toward zero, saturating, NaN to 0; integers wrap.
func cast(from, e tile.Elem, x float64) float64 {
	switch {
	case e == tile.Bool:
		if x != 0 {
			return 1
		}
		return 0
	case !tir.IsInt(e) || !tir.IsFloat(from):
		return round(e, x)
	case x != x:
		return 0
	}
	lo, hi := -128.0, 127.0
	switch e {
	case tile.I32:
		lo, hi = math.MinInt32, math.MaxInt32
	case tile.U8:
		lo, hi = 0, 255
	}
	return math.Min(math.Max(math.Trunc(x), lo), hi)
}

// pair computes an operation of two operands of type e, not yet rounded.
func pair(k tir.Kind, e tile.Elem, x, y float64) float64 {
	switch k {
	case tir.Eq, tir.Ne, tir.Lt, tir.Le, tir.Gt, tir.Ge:
		return compare(k, x, y)
	case tir.Max:
		return maxNum(x, y)
	case tir.Min:
		return -maxNum(-x, -y)
	}
	if !tir.IsFloat(e) {
		return float64(integer(k, e, int64(x), int64(y)))
	}
	switch k {
	case tir.Add:
		return x + y
	case tir.Sub:
		return x - y
	case tir.Mul:
		return x * y
	case tir.Div:
		return x / y
	}
	return math.Mod(x, y)
}

func compare(k tir.Kind, x, y float64) float64 {
	is := map[tir.Kind]bool{tir.Eq: x == y, tir.Ne: x != y, tir.Lt: x < y, tir.Le: x <= y,
		tir.Gt: x > y, tir.Ge: x >= y}[k]
	if is {
		return 1
	}
	return 0
}

// integer computes on integers of type e, before they wrap. A division by zero gives all ones, a
// remainder by it the dividend; shifts by the width or more give what is left of the sign.
func integer(k tir.Kind, e tile.Elem, x, y int64) int64 {
	width := int64(e.Size() * 8)
	switch k {
	case tir.Add:
		return x + y
	case tir.Sub:
		return x - y
	case tir.Mul:
		return x * y
	case tir.Div:
		if y == 0 {
			return -1
		}
		return x / y
	case tir.Rem:
		if y == 0 {
			return x
		}
		return x % y
	case tir.And:
		return x & y
	case tir.Or:
		return x | y
	case tir.Xor:
		return x ^ y
	}
	y &= 1<<width - 1
	switch k {
	case tir.Shl:
		if y >= width {
			return 0
		}
		return x << y
	case tir.ShrU:
		if y >= width {
			return 0
		}
		return x & (1<<width - 1) >> y
	}
	return x >> min(y, 63)
}

// maxNum is max of PTX: a NaN yields, +0 is above -0.
func maxNum(x, y float64) float64 {
	switch {
	case x != x:
		return y
	case y != y || x > y:
		return x
	case x == 0 && y == 0 && !math.Signbit(x):
		return x
	}
	return y
}

// fma rounds x*y + z once to e. For formats narrower than binary64 the sum is first rounded to odd.
func fma(e tile.Elem, x, y, z float64) float64 {
	if e == tile.F64 {
		return math.FMA(x, y, z)
	}
	p := x * y // exact: 24 and 24 bits
	s := p + z
	const half = 1 << 28 // of the last bit that a normal binary32 keeps
	if m := math.Abs(s); e == tile.F32 && m > 0x1p-100 && m < 0x1p100 &&
		math.Float64bits(s)&(2*half-1) != half {
		return float64(float32(s)) // not halfway: a second rounding goes where one would
	}
	if math.IsInf(s, 0) || s != s {
		return round(e, s)
	}
	b := s - p
	err := (p - (s - b)) + (z - b)
	if bits := math.Float64bits(s); err != 0 && bits&1 == 0 {
		if (err > 0) == (s > 0) {
			s = math.Float64frombits(bits + 1)
		} else {
			s = math.Float64frombits(bits - 1)
		}
	}
	return round(e, s)
}
