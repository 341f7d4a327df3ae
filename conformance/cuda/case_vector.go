package cuda

import (
	"slices"

	"tensoros/hw"
)

// line is a grid of one dimension, plane one of two.
func line(blocks, threads uint32) hw.Grid {
	return hw.Grid{Blocks: [3]uint32{blocks}, Threads: [3]uint32{threads}}
}

func plane(bx, by, tx, ty uint32) hw.Grid {
	return hw.Grid{Blocks: [3]uint32{bx, by}, Threads: [3]uint32{tx, ty}}
}

func with(g hw.Grid, shared int) hw.Grid {
	g.Shared = shared
	return g
}

var vectorCases = []Case{
	{Name: "vector/vecadd", Grid: line(4, 256), Args: func() []any {
		a, b := floats(1000, 1), floats(1000, 2)
		c := table(1000, func(i int) float32 { return add32(a[i], b[i]) })
		return []any{out(c), in(a), in(b), int32(1000)}
	}},
	{Name: "vector/saxpy", Grid: line(3, 128), Args: func() []any {
		x, y := floats(1000, 1), floats(1000, 2)
		want := table(1000, func(i int) float32 { return fma32(0.7, x[i], y[i]) })
		return []any{change(y, want), in(x), float32(0.7), int32(1000)}
	}},
	{Name: "vector/copy4", Grid: line(2, 128), Args: func() []any {
		v := words(4*250, 1)
		return []any{out(v), in(v), int32(250)}
	}},
	{Name: "vector/stream", Grid: line(2, 128), Args: func() []any {
		v := words(200, 1)
		sum := convert(v, func(x uint32) uint32 { return x + x })
		mix := convert(v, func(x uint32) uint32 { return x ^ x<<1 })
		return []any{out(append(sum, mix...)), in(v), int32(200)}
	}},
}

// blockSums adds n values a block; what is missing counts as nothing.
func blockSums(v []uint32, n int) (sums []uint32) {
	for part := range slices.Chunk(v, n) {
		var s uint32
		for _, x := range part {
			s += x
		}
		sums = append(sums, s)
	}
	return sums
}

func sumCase(name string) Case {
	return Case{Name: name, Grid: line(5, 256), Args: func() []any {
		v := words(1200, 3)
		return []any{out(blockSums(v, 256)), in(v), int32(len(v))}
	}}
}

var reduceCases = []Case{
	sumCase("reduce/reduce_shared"),
	sumCase("reduce/reduce_shfl"),
	{Name: "reduce/reduce_atomic", Grid: line(3, 96), Args: func() []any {
		v := words(1200, 3)
		return []any{out(blockSums(v, 1200)), in(v), int32(len(v))}
	}},
	{Name: "reduce/reduce_redux", Grid: line(4, 128), Args: func() []any {
		v := words(512, 4)
		want := []uint32{0, ^uint32(0), 1 << 31, ^uint32(0), 0, 0}
		for _, x := range v {
			want[0] += x
			want[1] = min(want[1], x)
			want[2] = uint32(max(int32(want[2]), int32(x)))
			want[3] &= x
			want[4] |= x
			want[5] ^= x
		}
		return []any{change([]uint32{0, ^uint32(0), 1 << 31, ^uint32(0), 0, 0}, want), in(v),
			int32(512)}
	}},
	{Name: "reduce/reduce_fence", Grid: line(9, 256), Args: func() []any {
		v := words(2200, 5)
		return []any{out(blockSums(v, 2200)), out(blockSums(v, 256)), in(v), int32(len(v))}
	}},
	{Name: "reduce/reduce_float", Grid: line(6, 32), Args: func() []any {
		v := floats(6*32, 6)
		want := table(len(v), func(i int) float32 { return butterfly([32]float32(v[i/32*32:])) })
		return []any{out(want), in(v)}
	}},
	{Name: "scan/scan_hillis", Grid: line(3, 256), Args: func() []any {
		v := ints(768, 7, 1000)
		return []any{out(prefixes(v, 256, true)), in(v)}
	}},
	{Name: "scan/scan_blelloch", Grid: line(2, 256), Args: func() []any {
		v := ints(1024, 8, 1000)
		return []any{out(prefixes(v, 512, false)), in(v)}
	}},
	{Name: "scan/scan_warp", Grid: line(3, 192), Args: func() []any {
		v := ints(576, 9, 1000)
		return []any{out(prefixes(v, 192, true)), in(v)}
	}},
	{Name: "scan/scan_lookback", Grid: line(12, 128), Args: func() []any {
		v := ints(12*128, 10, 1000)
		want := prefixes(v, len(v), true)
		state := table(12, func(b int) uint64 { return 2<<32 | uint64(uint32(want[b*128+127])) })
		return []any{out(want), in(v), out(state), out([]uint32{12})}
	}},
}

// prefixes are running sums that begin anew every n values.
func prefixes(v []int32, n int, inclusive bool) []int32 {
	var sum int32
	return table(len(v), func(i int) int32 {
		if i%n == 0 {
			sum = 0
		}
		before := sum
		sum += v[i]
		if inclusive {
			return sum
		}
		return before
	})
}

// histogram counts values.
func histogram[T ~uint8 | ~uint32](v []T, bins int) []uint32 {
	h := make([]uint32, bins)
	for _, x := range v {
		h[x]++
	}
	return h
}

// sorted sorts every n values by themselves.
func sorted[T uint32 | int32](v []T, n int) []T {
	w := slices.Clone(v)
	for part := range slices.Chunk(w, n) {
		slices.Sort(part)
	}
	return w
}

var sortCases = []Case{
	{Name: "histogram/hist_global", Grid: line(3, 128), Args: func() []any {
		v := octets(2000, 1)
		return []any{out(histogram(v, 256)), in(v), int32(2000)}
	}},
	{Name: "histogram/hist_shared", Grid: line(3, 256), Args: func() []any {
		v := octets(4000, 2)
		return []any{out(histogram(v, 256)), in(v), int32(1000)}
	}},
	{Name: "histogram/hist_match", Grid: line(4, 256), Args: func() []any {
		v := convert(octets(1024, 3), func(x uint8) uint8 { return x % 9 })
		return []any{out(histogram(v, 256)), in(v)}
	}},
	{Name: "histogram/count_active", Grid: line(4, 256), Args: func() []any {
		v := octets(1024, 4)
		for i := range v[:512] { // warps that agree
			v[i] = uint8(i/32<<4) | v[i]&15
		}
		want := make([]uint32, 2)
		for i, x := range v {
			if x < 100 {
				want[0]++
			}
			if i < 512 {
				want[1]++
			}
		}
		return []any{out(want), in(v), uint32(100)}
	}},
	{Name: "sort/bitonic", Grid: line(3, 256), Args: func() []any {
		v := words(3*512, 5)
		return []any{change(v, sorted(v, 512))}
	}},
	{Name: "sort/odd_even", Grid: line(5, 32), Args: func() []any {
		v := ints(5*32, 6, 50)
		return []any{change(v, sorted(v, 32))}
	}},
	{Name: "sort/radix", Grid: line(2, 256), Args: func() []any {
		v := words(512, 7)
		return []any{change(v, sorted(v, 256))}
	}},
}
