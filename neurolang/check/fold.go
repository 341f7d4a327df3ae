package check

import (
	"math"
	"math/bits"

	"tensoros/neurolang/hir"
	"tensoros/neurolang/tile"
)

// fold computes an operation on constants; not ok if it fails or overflows: then the program does,
// when it runs.
func fold(op hir.Op, a, b any) (any, bool) {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return foldInt(op, a, b)
		}
	case float64:
		if b, ok := b.(float64); ok {
			return foldFloat(op, a, b)
		}
	case bool:
		if b, ok := b.(bool); ok {
			return foldBool(op, a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			if op == hir.Add {
				return a + b, true
			}
			return compare(op, a, b)
		}
	case tile.Elem:
		if b, ok := b.(tile.Elem); ok && (op == hir.Eq || op == hir.Ne) {
			return (a == b) == (op == hir.Eq), true
		}
	case tile.Layout:
		if b, ok := b.(tile.Layout); ok && (op == hir.Eq || op == hir.Ne) {
			return (a == b) == (op == hir.Eq), true
		}
	}
	return nil, false
}

func compare[T int64 | float64 | string](op hir.Op, a, b T) (any, bool) {
	switch op {
	case hir.Eq:
		return a == b, true
	case hir.Ne:
		return a != b, true
	case hir.Lt:
		return a < b, true
	case hir.Le:
		return a <= b, true
	case hir.Gt:
		return a > b, true
	case hir.Ge:
		return a >= b, true
	}
	return nil, false
}

func foldInt(op hir.Op, a, b int64) (any, bool) {
	switch op {
	case hir.Add:
		s := a + b
		return s, (s > a) == (b > 0)
	case hir.Sub:
		s := a - b
		return s, (s < a) == (b > 0)
	case hir.Mul:
		hi, lo := bits.Mul64(magnitude(a), magnitude(b))
		return a * b, hi == 0 && lo <= math.MaxInt64
	case hir.Div, hir.Rem:
		if b == 0 || a == math.MinInt64 && b == -1 {
			return nil, false
		}
		if op == hir.Div {
			return a / b, true
		}
		return a % b, true
	case hir.And:
		return a & b, true
	case hir.Or:
		return a | b, true
	case hir.Xor:
		return a ^ b, true
	case hir.Shl:
		if b < 0 || b > 62 || a<<b>>b != a {
			return nil, false
		}
		return a << b, true
	case hir.Shr:
		if b < 0 || b > 63 {
			return nil, false
		}
		return a >> b, true
	}
	return compare(op, a, b)
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func foldFloat(op hir.Op, a, b float64) (any, bool) {
	switch op {
	case hir.Add:
		return a + b, true
	case hir.Sub:
		return a - b, true
	case hir.Mul:
		return a * b, true
	case hir.Div:
		return a / b, true
	}
	return compare(op, a, b)
}

func foldBool(op hir.Op, a, b bool) (any, bool) {
	switch op {
	case hir.AndAnd, hir.And:
		return a && b, true
	case hir.OrOr, hir.Or:
		return a || b, true
	case hir.Eq:
		return a == b, true
	case hir.Ne, hir.Xor:
		return a != b, true
	}
	return nil, false
}

// foldUnary computes -x or !x.
func foldUnary(op hir.Op, a any) (any, bool) {
	switch a := a.(type) {
	case int64:
		return -a, op == hir.Neg && a != math.MinInt64
	case float64:
		return -a, op == hir.Neg
	case bool:
		return !a, op == hir.Not
	}
	return nil, false
}
