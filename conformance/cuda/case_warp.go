package cuda

import (
	"math"
	"math/bits"
)

var atomicCases = []Case{
	{Name: "atomics/atomic_ops", Grid: line(3, 96), Args: func() []any {
		v := words(288, 1)
		before := make([]uint32, 16)
		before[2], before[6] = ^uint32(0), ^uint32(0)
		want := append([]uint32(nil), before...)
		for _, x := range v {
			want[0] += x
			want[1] -= x
			want[2], want[3] = min(want[2], x), max(want[3], x)
			want[4] = uint32(min(int32(want[4]), int32(x)))
			want[5] = uint32(max(int32(want[5]), int32(x)))
			want[6] &= x | 0x10
			want[7] |= x & 0x7fff
			want[8] ^= x
			want[13] = max(want[13], x)
		}
		want[9], want[10], want[11], want[12], want[14], want[15] = 288, 1000-287, 288, 576, 77, 99
		return []any{change(before, want), in(v)}
	}},
	{Name: "atomics/atomic_ops64", Grid: line(3, 96), Args: func() []any {
		v := longs(288, 2)
		before := make([]uint64, 10)
		before[1], before[5] = ^uint64(0), ^uint64(0)
		want := append([]uint64(nil), before...)
		for _, x := range v {
			want[0] += x
			want[1], want[2] = min(want[1], x), max(want[2], x)
			want[3] = uint64(min(int64(want[3]), int64(x)))
			want[4] = uint64(max(int64(want[4]), int64(x)))
			want[5] &= x
			want[6] |= x
			want[7] ^= x
		}
		want[8], want[9] = 7, 5
		return []any{change(before, want), in(v)}
	}},
	{Name: "atomics/atomic_floats", Grid: line(4, 64), Args: func() []any {
		v := wholes(256, 3, 4)
		var sum float32
		for _, x := range v {
			sum += x
		}
		return []any{out([]float32{sum, sum}), out([]float64{float64(sum)}),
			out(halves([]float32{sum, 256})), out(bfloats([]float32{256, 4})), in(v)}
	}},
	{Name: "atomics/atomic_loop", Grid: line(2, 64), Args: func() []any {
		v := floats(128, 4)
		high, product := float32(0), uint32(1)
		for i, x := range v {
			high = max(high, x)
			product = product * uint32(2+i%64%7) % 65521
		}
		return []any{out([]uint32{math.Float32bits(high)}), change([]uint32{1}, []uint32{product}),
			in(v)}
	}},
	{Name: "atomics/atomic_small", Grid: line(1, 32), Args: func() []any {
		v := table(32, func(i int) float32 { return float32(i+1) * 0x1p-140 })
		sum := float32(0)
		for i := 1; i < 32; i += 2 {
			sum += v[i]
		}
		return []any{out([]float32{0, 0, sum}), in(v)}
	}},
	{Name: "atomics/atomic_tickets", Grid: line(4, 100), Args: func() []any {
		return []any{out([]uint32{400}), out(table(400, func(int) uint8 { return 1 }))}
	}},
	{Name: "lock/spin_lock", Grid: line(2, 48), Args: func() []any {
		v := words(96, 5)
		return []any{out([]uint32{0}), out(blockSums(v, 96)), in(v)}
	}},
	{Name: "lock/ticket_lock", Grid: line(12, 32), Args: func() []any {
		var hash uint32
		for i := range uint32(12) {
			hash = hash*31 + i
		}
		return []any{out([]uint32{12}), out([]uint32{12}), out([]uint32{hash})}
	}},
	{Name: "lock/message", Grid: line(1, 64), Args: func() []any {
		v := words(32, 6)
		box := convert(v, func(x uint32) uint32 { return 3 * x })
		want := table(32, func(l int) uint32 { return box[l^1] })
		return []any{out(want), out(box), out([]uint32{1}), in(v)}
	}},
}

var warpCases = []Case{
	{Name: "vote/votes", Grid: line(2, 96), Args: func() []any {
		v := ints(192, 1, 1500)
		for i := range v[:32] {
			v[i] = int32(i + 1) // a warp that agrees
		}
		var want []uint32
		for i := 0; i < len(v); i += 32 {
			want = append(want, voteRows([32]int32(v[i:]))...)
		}
		return []any{out(want), in(v)}
	}},
	{Name: "vote/counting", Grid: line(3, 80), Args: func() []any {
		v := ints(240, 2, 1010)
		v[85] = 7
		want := make([]int32, 240)
		for b := range 3 {
			r := int32(2)
			for _, x := range v[b*80 : b*80+80] {
				r += x & 1 * 4
				if x == 7 {
					r |= 1
				}
			}
			for _, x := range v[b*80 : b*80+80] {
				if x <= -1000 {
					r &^= 2
				}
			}
			for i := range 80 {
				want[b*80+i] = r
			}
		}
		return []any{out(want), in(v)}
	}},
	{Name: "vote/named", Grid: line(1, 64), Args: func() []any {
		v := ints(256, 3, 1000)
		return []any{out(table(32, func(l int) (total int32) {
			for r := range 8 {
				total = total*3 + v[r*32+(l^5)]
			}
			return total
		})), in(v)}
	}},
	{Name: "topk/argmax", Grid: line(3, 32), Args: func() []any {
		v := floats(300, 4)
		v[220], v[230] = 5, 5
		return []any{out(table(3, func(r int) uint32 { return largest(v[r*100:r*100+100], 1)[0] })),
			in(v), int32(100)}
	}},
	{Name: "topk/topk", Grid: line(3, 32), Args: func() []any {
		v := wholes(300, 5, 40)
		var values []float32
		var at []uint32
		for r := range 3 {
			for _, i := range largest(v[r*100:r*100+100], 7) {
				at, values = append(at, i), append(values, v[r*100+int(i)])
			}
		}
		return []any{out(values), out(at), in(v), int32(100), int32(7)}
	}},
}

func voteRows(v [32]int32) (all []uint32) {
	ballot := func(f func(x int32) bool) (m uint32) {
		for l, x := range v {
			if f(x) {
				m |= 1 << l
			}
		}
		return m
	}
	truth := func(b bool) uint32 {
		if b {
			return 1
		}
		return 0
	}
	positive := ballot(func(x int32) bool { return x > 0 })
	odd := ballot(func(x int32) bool { return x&1 != 0 })
	second := ballot(func(x int32) bool { return x&2 != 0 })
	fourth := ballot(func(x int32) bool { return x&4 != 0 })
	for l, x := range v {
		o := [10]uint32{positive, truth(ballot(func(x int32) bool { return x > 1000 }) != 0),
			truth(ballot(func(x int32) bool { return x >= 1000 }) == 0), uint32(v[x&31]), uint32(x),
			uint32(x), uint32(v[l^9]), 0, truth(positive == 0 || positive == ^uint32(0)), 12345}
		if l%8 >= 3 {
			o[4] = uint32(v[l-3])
		}
		if l%16+5 < 16 {
			o[5] = uint32(v[l+5])
		}
		if odd>>l&1 == 1 {
			o[7] = uint32(bits.OnesCount32(odd&second)) + truth(odd&fourth != 0)<<8
		}
		if l+4 < 32 {
			o[9] = uint32(v[l+4])
		}
		all = append(all, o[:]...)
	}
	return all
}

// largest are the places of the k largest, the first of equals first.
func largest(v []float32, k int) (at []uint32) {
	taken := map[int]bool{}
	for range k {
		best := -1
		for i, x := range v {
			if !taken[i] && (best < 0 || x > v[best]) {
				best = i
			}
		}
		taken[best] = true
		at = append(at, uint32(best))
	}
	return at
}
