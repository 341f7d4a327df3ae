package sm

import (
	"math"
	"math/big"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
)

// f64 with a rounding of its own: the nearest result is off the exact one by less than an ulp, so
// the sign of the rest says which neighbour is right. The rest comes from exact rationals; these
// forms are rare.

func doubleUnary(in *ptx.Inst) func(uint64) uint64 {
	switch in.Op.ID {
	case ptx.OpNeg:
		return func(a uint64) uint64 { return a ^ 1<<63 }
	case ptx.OpAbs:
		return func(a uint64) uint64 { return a &^ (1 << 63) }
	}
	g := specialFunction(in.Op.ID)
	mode, nearest, ok := rounded(in)
	if g == nil || !ok {
		return nil
	}
	f := func(x, _, _ float64) float64 { return g(x) }
	if !nearest {
		f = toward(f, in.Op.ID, mode)
	}
	return func(a uint64) uint64 {
		return math.Float64bits(f(math.Float64frombits(a), 0, 0))
	}
}

func doubleBinary(in *ptx.Inst) func(a, b uint64) uint64 {
	mode, nearest, ok := rounded(in)
	if !ok {
		return nil
	}
	var f func(x, y, _ float64) float64
	switch in.Op.ID {
	case ptx.OpAdd:
		f = func(x, y, _ float64) float64 { return x + y }
	case ptx.OpSub:
		f = func(x, y, _ float64) float64 { return x - y }
	case ptx.OpMul:
		f = func(x, y, _ float64) float64 { return x * y }
	case ptx.OpDiv:
		f = func(x, y, _ float64) float64 { return x / y }
	case ptx.OpMin:
		f = func(x, y, _ float64) float64 { return minNumber(x, y) }
	case ptx.OpMax:
		f = func(x, y, _ float64) float64 { return -minNumber(-x, -y) }
	case ptx.OpCopysign:
		f = func(x, y, _ float64) float64 { return math.Copysign(y, x) }
	default:
		return nil
	}
	if !nearest {
		f = toward(f, in.Op.ID, mode)
	}
	return func(a, b uint64) uint64 {
		return math.Float64bits(f(math.Float64frombits(a), math.Float64frombits(b), 0))
	}
}

func minNumber(x, y float64) float64 {
	if x != x {
		return y
	}
	if y != y {
		return x
	}
	return math.Min(x, y)
}

func doubleTernary(in *ptx.Inst) func(a, b, c uint64) uint64 {
	mode, nearest, ok := rounded(in)
	if !ok || in.Op.ID != ptx.OpFma && in.Op.ID != ptx.OpMad {
		return nil
	}
	f := math.FMA
	if !nearest {
		f = toward(f, in.Op.ID, mode)
	}
	return func(a, b, c uint64) uint64 {
		return math.Float64bits(f(math.Float64frombits(a), math.Float64frombits(b),
			math.Float64frombits(c)))
	}
}

// rest is the sign of the exact result less q; all are finite.
type rest func(q, x, y, z *big.Rat) (sign int)

// exactDouble compares exact results with q. A quotient is compared by its product.
var exactDouble = map[ptx.OpID]rest{
	ptx.OpAdd: func(q, x, y, _ *big.Rat) int { return x.Add(x, y).Cmp(q) },
	ptx.OpSub: func(q, x, y, _ *big.Rat) int { return x.Sub(x, y).Cmp(q) },
	ptx.OpMul: func(q, x, y, _ *big.Rat) int { return x.Mul(x, y).Cmp(q) },
	ptx.OpFma: func(q, x, y, z *big.Rat) int { return x.Add(x.Mul(x, y), z).Cmp(q) },
	ptx.OpMad: func(q, x, y, z *big.Rat) int { return x.Add(x.Mul(x, y), z).Cmp(q) },
	ptx.OpDiv: func(q, x, y, _ *big.Rat) int { return x.Cmp(q.Mul(q, y)) * y.Sign() },
	ptx.OpRcp: func(q, x, _, _ *big.Rat) int {
		return big.NewRat(1, 1).Cmp(q.Mul(q,
			x)) * x.Sign()
	},
	ptx.OpSqrt: func(q, x, _, _ *big.Rat) int { return x.Cmp(q.Mul(q, q)) },
}

// toward rounds f in a direction.
func toward(f func(x, y, z float64) float64, id ptx.OpID, mode num.Rounding) func(x, y,
	z float64) float64 {
	exact := exactDouble[id]
	return func(x, y, z float64) float64 {
		q := f(x, y, z)
		switch {
		case q != q || !finite(x) || !finite(y) || !finite(z):
			return q
		case math.IsInf(q, 0):
			if id == ptx.OpDiv && y == 0 || id == ptx.OpRcp && x == 0 {
				return q
			}
			return step(q, -sign(q), mode) // overflow: the exact value is finite
		}
		r := exact(rational(q), rational(x), rational(y), rational(z))
		if q == 0 && r == 0 && mode == num.RM && cancels(id, x, y, z) {
			return math.Copysign(0, -1) // IEEE 754, 6.3
		}
		return step(q, r, mode)
	}
}

func finite(x float64) bool       { return x-x == 0 }
func rational(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

func sign(x float64) int {
	if x < 0 {
		return -1
	}
	return 1
}

// cancels reports whether a sum that is zero has a negative term.
func cancels(id ptx.OpID, x, y, z float64) bool {
	switch id {
	case ptx.OpAdd:
		return math.Signbit(x) || math.Signbit(y)
	case ptx.OpSub:
		return math.Signbit(x) || !math.Signbit(y)
	case ptx.OpFma, ptx.OpMad:
		return math.Signbit(x) != math.Signbit(y) || math.Signbit(z)
	}
	return false
}

// step takes the neighbour of q on the side of the rest, if the mode wants it.
func step(q float64, rest int, mode num.Rounding) float64 {
	down := mode == num.RM || mode == num.RZ && q > 0
	up := mode == num.RP || mode == num.RZ && q < 0
	switch {
	case rest < 0 && down:
		return math.Nextafter(q, math.Inf(-1))
	case rest > 0 && up:
		return math.Nextafter(q, math.Inf(1))
	}
	return q
}
