package cuda

import (
	"slices"

	"tensoros/hw"
)

// flip turns a matrix of h rows of w.
func flip(v []float32, w, h int) []float32 {
	return table(len(v), func(i int) float32 { return v[i%h*w+i/h] })
}

func flipCase(name string) Case {
	return Case{Name: name, Grid: plane(3, 2, 32, 8), Args: func() []any {
		v := floats(96*64, 1)
		return []any{out(flip(v, 96, 64)), in(v), int32(96), int32(64)}
	}}
}

var arrayCases = []Case{
	flipCase("transpose/transpose_naive"),
	flipCase("transpose/transpose_padded"),
	flipCase("transpose/transpose_swizzled"),
	{Name: "stencil/stencil1", Grid: line(3, 256), Args: func() []any {
		v := ints(700, 2, 1000)
		return []any{out(window7(v)), in(v), int32(700)}
	}},
	{Name: "stencil/stencil2", Grid: plane(3, 5, 16, 8), Args: func() []any {
		v := floats(45*37, 3)
		return []any{out(cross(v, 45, 37)), in(v), int32(45), int32(37)}
	}},
	{Name: "stencil/stencil3", Grid: plane(2, 2, 32, 8), Args: func() []any {
		v := floats(50*15*7, 4)
		return []any{out(laplace(v, 50, 15, 7)), in(v), int32(50), int32(15), int32(7)}
	}},
	{Name: "convolution/convolve", Grid: plane(3, 3, 16, 16), Args: func() []any {
		v := floats(40*35, 5)
		return []any{out(binomial(v, 40, 35)), in(v), int32(40), int32(35)}
	}},
	{Name: "convolution/fir", Grid: line(3, 128), Args: func() []any {
		v := ints(300, 6, 1000)
		taps := []int32{1, -3, 5, -7, 7, -5, 3, -1}
		want := table(300, func(i int) (sum int32) {
			for k := 0; k < 8 && k <= i; k++ {
				sum += taps[(k+3)&7] * v[i-k]
			}
			return sum
		})
		return []any{out(want), in(v), int32(300), int32(3)}
	}},
	{Name: "globals/globals", Grid: line(1, 64), Args: globals},
	{Name: "local/local_array", Grid: line(3, 64), Args: func() []any {
		v := ints(192, 7, 1<<20)
		return []any{out(convert(v, localArray)), in(v), int32(50)}
	}},
	{Name: "local/spill", Grid: line(1, 1024), Args: func() []any {
		v := words(1024, 8)
		return []any{out(table(1024, func(i int) uint32 { return spill(v, i) })), in(v)}
	}},
	{Name: "local/digits", Grid: line(1, 96), Args: func() []any {
		v := words(96, 9)
		v[0], v[1], v[2] = 0, ^uint32(0), 10
		return []any{out(convert(v, digits)), in(v)}
	}},
	{Name: "local/allocas", Grid: line(1, 64), Args: func() []any {
		return []any{out(table(64, func(i int) int32 { return dynamic(int32(i%5+1), int32(i%3)) }))}
	}},
	{Name: "heap/lists", Grid: line(2, 40), Args: func() []any {
		return []any{out(table(80, func(i int) (sum int32) {
			for k := int32(8); k >= 0; k-- {
				sum = sum*3 + int32(i)*k
			}
			return sum
		})), int32(9)}
	}},
	{Name: "heap/shared_heap", Grid: line(3, 64), Args: func() []any {
		v := ints(64, 10, 1000)
		want := table(192, func(i int) int32 { return v[63-i%64] + int32(i/64) })
		return []any{out(want), in(v)}
	}},
	{Name: "gridsync/jacobi", Grid: line(6, 64), Resident: true, Args: func() []any {
		a := ints(384, 11, 1000)
		b := make([]int32, 384)
		x, y := append([]int32(nil), a...), append([]int32(nil), b...)
		for range 5 {
			for i := range x {
				y[i] = x[(i+383)%384] + x[(i+1)%384] - x[i]>>1
			}
			x, y = y, x
		}
		return []any{change(a, y), change(b, x), int32(5)} // an odd number of steps ends in b
	}},
	{Name: "groups/tiles", Grid: line(2, 256), Args: func() []any {
		v := ints(512, 12, 1000)
		want := table(512, func(i int) int32 {
			high, sum, odd := v[i/16*16], int32(0), int32(0)
			for _, x := range v[i/16*16 : i/16*16+16] {
				high = max(high, x)
			}
			for _, x := range v[i/128*128 : i/128*128+128] {
				sum += x
			}
			for _, x := range v[i/32*32 : i/32*32+32] {
				odd += x & 1
			}
			return sum + high*1000 + odd*(v[i]&1)
		})
		return []any{out(want), in(v)}
	}},
	{Name: "groups/grid_sums", Grid: line(5, 64), Resident: true, Cooperative: true,
		Args: func() []any {
			x := ints(320, 13, 1000)
			a, y := slices.Clone(x), make([]int32, 320)
			for s := range 4 {
				for i := range x {
					y[i] = x[i] + x[(i+1<<s)%320]
				}
				x, y = y, x
			}
			return []any{change(a, x), change(make([]int32, 320), y), int32(4)}
		}},
	{Name: "vote/places", Grid: hw.Grid{Blocks: [3]uint32{2, 3, 2}, Threads: [3]uint32{5, 4, 3}},
		Args: func() []any { return []any{out(places(2*3*2, 5, 4, 3))} }},
}

func window7(v []int32) []int32 {
	return table(len(v), func(i int) (sum int32) {
		for d := -3; d <= 3; d++ {
			if i+d >= 0 && i+d < len(v) {
				sum += v[i+d]
			}
		}
		return sum
	})
}

func cross(v []float32, w, h int) []float32 {
	return table(len(v), func(i int) float32 {
		x, y := i%w, i/w
		if x == 0 || y == 0 || x == w-1 || y == h-1 {
			return v[i]
		}
		return mul32(0.25, add32(add32(add32(v[i-1], v[i+1]), v[i-w]), v[i+w]))
	})
}

func laplace(v []float32, w, h, d int) []float32 {
	return table(len(v), func(i int) float32 {
		x, y, z := i%w, i/w%h, i/w/h
		if x == 0 || y == 0 || z == 0 || x == w-1 || y == h-1 || z == d-1 {
			return 0
		}
		sum := add32(v[i-1], v[i+1])
		sum = add32(sum, add32(v[i-w], v[i+w]))
		sum = add32(sum, add32(v[i-w*h], v[i+w*h]))
		return fma32(-6, v[i], sum)
	})
}

func binomial(v []float32, w, h int) []float32 {
	k := []float32{1, 4, 6, 4, 1}
	return table(len(v), func(i int) float32 {
		var sum float32
		for dy := -2; dy <= 2; dy++ {
			for dx := -2; dx <= 2; dx++ {
				x, y := min(max(i%w+dx, 0), w-1), min(max(i/w+dy, 0), h-1)
				sum = fma32(k[dy+2]*k[dx+2], v[y*w+x], sum)
			}
		}
		return mul32(sum, 1.0/256)
	})
}

func globals() []any {
	primes := []int32{2, 3, 5, 7, 11, 13, 17, 19}
	kinds, weights := []int32{1, 3, 255}, []int32{-2, 400, -32768}
	names := []string{"zero", "one", "two"}
	offsets := []int64{1 << 40, -1, 7, 0x123456789abcdef}
	ints := make([]int32, 129)
	for t := range 64 {
		v := int32(-1)
		if t%3 < 2 {
			v = primes[t%3*4+t%4]
		}
		ints[t] = primes[(63-t)%8]*int32(63-t) + kinds[t%3]*1000 + weights[t%3] + v
		ints[64+t] = int32(names[t%3][t%3])
	}
	ints[128] = 42
	d := table(64, func(t int) float64 { return 3.14159265358979323846 * float64(t) })
	l := table(64, func(t int) int64 { return offsets[t%4] + int64(t) })
	return []any{out(ints), out(d), out(l)}
}

func localArray(seed int32) (sum int32) {
	var a [32]int32
	for k := range a {
		a[k] = int32(k * k)
	}
	for r := range int32(50) {
		at := seed & 31
		a[at] += seed >> 3
		seed = a[at]*5 + r
	}
	for _, x := range a {
		sum = sum*7 + x
	}
	return sum
}

func spill(in []uint32, i int) (sum uint32) {
	v := table(48, func(k int) uint32 { return in[(i+k*37)&1023] })
	for range 3 {
		for k := range v {
			v[k] = v[k]*5 + v[(k*7+11)%48] + v[(k+1)%48]>>3
		}
	}
	for k, x := range v {
		sum ^= x * uint32(k+1)
	}
	return sum
}

// digits is FNV-1a of the decimal number.
func digits(v uint32) uint32 {
	hash := uint32(2166136261)
	var text []byte
	for ok := true; ok; ok = v > 0 {
		text = append(text, byte('0'+v%10))
		v /= 10
	}
	for i := len(text) - 1; i >= 0; i-- {
		hash = (hash ^ uint32(text[i])) * 16777619
	}
	return hash
}

func places(blocks, x, y, z int) (want []uint32) {
	for b := range blocks {
		for t := range x * y * z {
			l := t % 32
			want = append(want, uint32(l|t/32<<8|b<<16), 1<<l-1^1<<l, ^uint32(0)<<l<<1,
				uint32(t%x|t/x%y<<8|t/x/y<<16|z<<24))
		}
	}
	return want
}

func dynamic(n, depth int32) (sum int32) {
	if depth > 0 {
		sum = dynamic(n+3, depth-1)
	}
	for k := n - 1; k >= 0; k-- {
		sum = sum*3 + k*n + depth
	}
	return sum
}
