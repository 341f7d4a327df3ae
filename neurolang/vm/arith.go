package vm

import (
	"math"
	"math/bits"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
)

// What follows is small enough for the Go compiler to put into the interpreter's loop. References
// that a register held stay in it beside a number: nobody looks at them.

func setInt(d *Value, x int64) { d.kind, d.n = Int, uint64(x) }

func setFloat(d *Value, x float64) { d.kind, d.n = Float, math.Float64bits(x) }

func setBool(d *Value, x bool) {
	d.kind, d.n = Bool, 0
	if x {
		d.n = 1
	}
}

func float(v *Value) float64 { return math.Float64frombits(v.n) }

func addI(d, x, y *Value) bool {
	z := x.n + y.n
	if int64((z^x.n)&(z^y.n)) < 0 {
		return false
	}
	d.kind, d.n = Int, z
	return true
}

func subI(d, x, y *Value) bool {
	z := x.n - y.n
	if int64((x.n^y.n)&(x.n^z)) < 0 {
		return false
	}
	d.kind, d.n = Int, z
	return true
}

// mulI leaves large factors to step.
func mulI(d, x, y *Value) bool {
	hi, lo := bits.Mul64(x.n, y.n)
	if hi != 0 || int64(lo) < 0 {
		return false
	}
	d.kind, d.n = Int, lo
	return true
}

func addN(d, x *Value, n int64) bool {
	z := int64(x.n) + n
	if (z > int64(x.n)) != (n > 0) && n != 0 {
		return false
	}
	d.kind, d.n = Int, uint64(z)
	return true
}

// begins starts a loop, unless it has no turn.
func begins(i, end, item *Value) bool {
	item.kind, item.n = Int, i.n
	return int64(i.n) < int64(end.n)
}

// next counts a loop up, and tells whether there is another turn.
func next(i, end, item *Value) bool {
	i.n++
	item.kind, item.n = Int, i.n
	return int64(i.n) < int64(end.n)
}

// load reads an element of an array, if that is what it is.
func load(d, a, i *Value) bool {
	if a.kind != Array {
		return false
	}
	o, ok := a.ref.(*Object)
	if !ok || i.n >= uint64(len(o.Parts)) {
		return false
	}
	*d = o.Parts[i.n]
	return true
}

// remI leaves divisors 0 and -1 to step.
func remI(d, x, y *Value) bool {
	if y.n+1 <= 1 {
		return false
	}
	d.kind, d.n = Int, uint64(int64(x.n)%int64(y.n))
	return true
}

// store sets an element of an array, if that is what it is.
func store(a, i, v *Value) bool {
	if a.kind != Array {
		return false
	}
	o, ok := a.ref.(*Object)
	if !ok || i.n >= uint64(len(o.Parts)) {
		return false
	}
	o.Parts[i.n] = *v
	return true
}

// arithI computes on 64-bit integers; what does not fit is an error, never a silent wrap.
func arithI(op program.Op, x, y int64) (Value, error) {
	var r int64
	ok := true
	switch op {
	case program.AddI, program.AddN:
		r = x + y
		ok = (r > x) == (y > 0)
	case program.SubI:
		r = x - y
		ok = (r < x) == (y > 0)
	case program.MulI:
		r = x * y
		ok = x == 0 || r/x == y && !(x == -1 && y == math.MinInt64)
	case program.DivI, program.RemI:
		switch {
		case y == 0:
			return Value{}, faultf(diag.DivideByZero, "%d is divided by zero", x)
		case y == -1 && op == program.RemI:
			return IntValue(0), nil
		case op == program.RemI:
			return IntValue(x % y), nil
		}
		r = x / y
		ok = !(x == math.MinInt64 && y == -1)
	case program.ShlI, program.ShrI:
		return shift(op, x, y)
	}
	if !ok && op == program.AddN && y < 0 {
		return Value{}, faultf(diag.ArithOverflow, "%d - %d does not fit 64 bits", x, -y)
	}
	if !ok {
		return Value{}, faultf(diag.ArithOverflow,
			"%d %s %d does not fit 64 bits", x, signs[op], y)
	}
	return IntValue(r), nil
}

// signs are the operators of arithmetic that can overflow, as they are written.
var signs = map[program.Op]string{program.AddI: "+", program.AddN: "+", program.SubI: "-",
	program.MulI: "*", program.DivI: "/"}

func shift(op program.Op, x, y int64) (Value, error) {
	if y < 0 || y > 63 {
		return Value{}, faultf(diag.OutOfRange, "a shift by %d: an int has 64 bits", y)
	}
	if op == program.ShrI {
		return IntValue(x >> y), nil
	}
	if x<<y>>y != x {
		return Value{}, faultf(diag.ArithOverflow, "%d << %d does not fit 64 bits", x, y)
	}
	return IntValue(x << y), nil
}

// operate is arithmetic and comparison of two values that is not in the interpreter's loop.
func operate(op program.Op, x, y Value) (Value, error) {
	switch op {
	case program.AndI:
		return IntValue(int64(x.n & y.n)), nil
	case program.OrI:
		return IntValue(int64(x.n | y.n)), nil
	case program.XorI:
		return IntValue(int64(x.n ^ y.n)), nil
	case program.DivF:
		return FloatValue(float(&x) / float(&y)), nil
	case program.RemF:
		return FloatValue(math.Mod(float(&x), float(&y))), nil
	case program.EqF:
		return BoolValue(float(&x) == float(&y)), nil
	case program.NeF:
		return BoolValue(float(&x) != float(&y)), nil
	case program.LeF:
		return BoolValue(float(&x) <= float(&y)), nil
	case program.LtS:
		return BoolValue(x.Str() < y.Str()), nil
	case program.LeS:
		return BoolValue(x.Str() <= y.Str()), nil
	case program.EqX:
		return BoolValue(equal(x, y, maxDepth)), nil
	case program.NeX:
		return BoolValue(!equal(x, y, maxDepth)), nil
	}
	return arithI(op, int64(x.n), int64(y.n))
}

// floatToInt is x as int.
func floatToInt(f float64) (Value, error) {
	if !(f > -0x1p63 && f < 0x1p63) {
		return Value{}, faultf(diag.ArithOverflow, "%s does not fit an int", formatFloat(f))
	}
	return IntValue(int64(f)), nil
}
