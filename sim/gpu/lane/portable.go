package lane

import (
	"encoding/binary"
	"math"
)

// Portable is the table in Go.
func Portable() Table {
	t := Table{}
	integers(&t)
	floats(&t)
	longs(&t)
	relations(&t)
	memory(&t)
	return t
}

func integers(t *Table) {
	t.Add = each2(func(a, b uint32) uint32 { return a + b })
	t.Sub = each2(func(a, b uint32) uint32 { return a - b })
	t.Mul = each2(func(a, b uint32) uint32 { return a * b })
	t.And = each2(func(a, b uint32) uint32 { return a & b })
	t.Or = each2(func(a, b uint32) uint32 { return a | b })
	t.Xor = each2(func(a, b uint32) uint32 { return a ^ b })
	t.MinS = each2(func(a, b uint32) uint32 { return uint32(min(int32(a), int32(b))) })
	t.MaxS = each2(func(a, b uint32) uint32 { return uint32(max(int32(a), int32(b))) })
	t.MinU = each2(func(a, b uint32) uint32 { return min(a, b) })
	t.MaxU = each2(func(a, b uint32) uint32 { return max(a, b) })
	t.Shl = each2(func(a, b uint32) uint32 { return a << b })
	t.ShrU = each2(func(a, b uint32) uint32 { return a >> b })
	t.ShrS = each2(func(a, b uint32) uint32 { return uint32(int32(a) >> b) })
	t.Mad = each3(func(a, b, c uint32) uint32 { return a*b + c })
}

func each2(f func(a, b uint32) uint32) Binary {
	return func(d, a, b *Row) {
		for l := range d {
			d[l] = f(a[l], b[l])
		}
	}
}

func each3(f func(a, b, c uint32) uint32) Ternary {
	return func(d, a, b, c *Row) {
		for l := range d {
			d[l] = f(a[l], b[l], c[l])
		}
	}
}

const nan = 0x7fffffff

func float(b uint32) float32 { return math.Float32frombits(b) }

func canonical(v float32) uint32 {
	if v != v {
		return nan
	}
	return math.Float32bits(v)
}

func flush(b uint32) uint32 {
	if b&0x7f800000 == 0 {
		return b & 0x80000000
	}
	return b
}

func flushed(f func(a, b uint32) uint32) Binary {
	return each2(func(a, b uint32) uint32 { return flush(f(flush(a), flush(b))) })
}

func floats(t *Table) {
	add := func(a, b uint32) uint32 { return canonical(float(a) + float(b)) }
	sub := func(a, b uint32) uint32 { return canonical(float(a) - float(b)) }
	mul := func(a, b uint32) uint32 { return canonical(float(a) * float(b)) }
	t.AddF, t.SubF, t.MulF = each2(add), each2(sub), each2(mul)
	t.AddFtz, t.SubFtz, t.MulFtz = flushed(add), flushed(sub), flushed(mul)
	t.MinF = each2(func(a, b uint32) uint32 { return extreme(a, b, float(a) < float(b), a|b) })
	t.MaxF = each2(func(a, b uint32) uint32 { return extreme(a, b, float(a) > float(b), a&b) })
	t.Fma = each3(fma)
	t.FmaFtz = each3(func(a, b, c uint32) uint32 {
		return flush(fma(flush(a), flush(b), flush(c)))
	})
	t.Flush = func(d, a *Row) {
		for l := range d {
			d[l] = flush(a[l])
		}
	}
	t.FromS32 = func(d, a *Row) {
		for l := range d {
			d[l] = math.Float32bits(float32(int32(a[l])))
		}
	}
}

// extreme is a if it wins, else b; of equals, which differ at most in sign, the one given; a NaN
// loses.
func extreme(a, b uint32, wins bool, equal uint32) uint32 {
	x, y := float(a), float(b)
	switch {
	case x != x && y != y:
		return nan
	case x != x:
		return b
	case y != y || wins:
		return a
	case x == y:
		return equal
	}
	return b
}

// fma rounds once: the product is exact in double precision, the sum is rounded to odd there, and
// a further rounding is then as if from the exact value (Boldo and Melquiond, 2008).
func fma(a, b, c uint32) uint32 {
	x, y := float64(float(a))*float64(float(b)), float64(float(c))
	s := x + y
	if math.IsInf(s, 0) || s != s {
		return canonical(float32(s))
	}
	v := s - x // TwoSum, Knuth
	rest := (x - (s - v)) + (y - v)
	if rest != 0 && math.Float64bits(s)&1 == 0 {
		step := uint64(1)
		if (rest > 0) != (s > 0) {
			step = ^uint64(0)
		}
		s = math.Float64frombits(math.Float64bits(s) + step)
	}
	return canonical(float32(s))
}

func longs(t *Table) {
	t.MulWideS = func(d *Wide, a, b *Row, c *Wide) {
		for l := range d {
			d[l] = uint64(int64(int32(a[l]))*int64(int32(b[l]))) + c[l]
		}
	}
	t.MulWideU = func(d *Wide, a, b *Row, c *Wide) {
		for l := range d {
			d[l] = uint64(a[l])*uint64(b[l]) + c[l]
		}
	}
	t.SignExtend = func(d *Wide, a *Row) {
		for l := range d {
			d[l] = uint64(int64(int32(a[l])))
		}
	}
	t.ZeroExtend = func(d *Wide, a *Row) {
		for l := range d {
			d[l] = uint64(a[l])
		}
	}
	t.Narrow = func(d *Row, a *Wide) {
		for l := range d {
			d[l] = uint32(a[l])
		}
	}
	t.Add64 = each64(func(a, b uint64) uint64 { return a + b })
	t.Sub64 = each64(func(a, b uint64) uint64 { return a - b })
	t.Mul64 = each64(func(a, b uint64) uint64 { return a * b })
	t.And64 = each64(func(a, b uint64) uint64 { return a & b })
	t.Or64 = each64(func(a, b uint64) uint64 { return a | b })
	t.Xor64 = each64(func(a, b uint64) uint64 { return a ^ b })
	t.Shl64 = func(d, a *Wide, b *Row) {
		for l := range d {
			d[l] = a[l] << b[l]
		}
	}
	t.ShrU64 = func(d, a *Wide, b *Row) {
		for l := range d {
			d[l] = a[l] >> b[l]
		}
	}
	t.Mad64 = func(d, a, b, c *Wide) {
		for l := range d {
			d[l] = a[l]*b[l] + c[l]
		}
	}
}

func each64(f func(a, b uint64) uint64) Binary64 {
	return func(d, a, b *Wide) {
		for l := range d {
			d[l] = f(a[l], b[l])
		}
	}
}

func holds[T uint32 | uint64](f func(a, b T) bool) func(a, b *[Lanes]T) uint32 {
	return func(a, b *[Lanes]T) (m uint32) {
		for l := range a {
			if f(a[l], b[l]) {
				m |= 1 << l
			}
		}
		return m
	}
}

func relations(t *Table) {
	t.Eq = holds(func(a, b uint32) bool { return a == b })
	t.GtS = holds(func(a, b uint32) bool { return int32(a) > int32(b) })
	t.GtU = holds(func(a, b uint32) bool { return a > b })
	t.EqF = holds(func(a, b uint32) bool { return float(a) == float(b) })
	t.LtF = holds(func(a, b uint32) bool { return float(a) < float(b) })
	t.LeF = holds(func(a, b uint32) bool { return float(a) <= float(b) })
	t.UnorderedF = holds(func(a, b uint32) bool {
		return float(a) != float(a) || float(b) != float(b)
	})
	t.Eq64 = holds(func(a, b uint64) bool { return a == b })
	t.GtS64 = holds(func(a, b uint64) bool { return int64(a) > int64(b) })
	t.GtU64 = holds(func(a, b uint64) bool { return a > b })
	t.Select = selectLanes[uint32]
	t.Select64 = selectLanes[uint64]
}

func selectLanes[T uint32 | uint64](d, a, b *[Lanes]T, m uint32) {
	for l := range d {
		if m>>l&1 == 1 {
			d[l] = a[l]
		} else {
			d[l] = b[l]
		}
	}
}

func memory(t *Table) {
	t.Address = func(a *Wide, x *Row, off uint32) {
		for l := range a {
			a[l] = uint64(x[l] + off)
		}
	}
	t.Address64 = func(a, x *Wide, off uint64) {
		for l := range a {
			a[l] = x[l] + off
		}
	}
	t.Offsets = func(d *Row, a *Wide, base uint64) (all uint64) {
		for l := range d {
			v := a[l] - base
			d[l] = uint32(v)
			all |= v
		}
		return all
	}
	t.Consecutive = func(a *Row) bool {
		for l := range a {
			if a[l] != a[0]+uint32(4*l) {
				return false
			}
		}
		return true
	}
	t.Gather = func(d *Row, mem []byte, off *Row) {
		for l := range d {
			d[l] = binary.LittleEndian.Uint32(mem[off[l]:])
		}
	}
	t.Gather64 = func(d *Wide, mem []byte, off *Row) {
		for l := range d {
			d[l] = binary.LittleEndian.Uint64(mem[off[l]:])
		}
	}
	t.Scatter = func(mem []byte, off, s *Row) {
		for l := range s {
			binary.LittleEndian.PutUint32(mem[off[l]:], s[l])
		}
	}
	t.Scatter64 = func(mem []byte, off *Row, s *Wide) {
		for l := range s {
			binary.LittleEndian.PutUint64(mem[off[l]:], s[l])
		}
	}
}
