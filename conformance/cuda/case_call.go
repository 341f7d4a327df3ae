package cuda

import "math/bits"

var callCases = []Case{
	{Name: "recursion/fib", Grid: line(1, 64), Args: func() []any {
		return []any{out(table(64, func(i int) int32 { return fibonacci(i % 12) }))}
	}},
	{Name: "recursion/sort_rows", Grid: line(2, 16), Args: func() []any {
		v := ints(32*25, 1, 60)
		return []any{change(v, sorted(v, 25)), int32(25)}
	}},
	{Name: "recursion/deep", Grid: line(1, 32), Args: func() []any {
		a := table(32, func(i int) uint32 { return ackermann(uint32(i%3), uint32(i%5)) })
		var v []float64
		for i := range 32 {
			x, y := float64(i)+0.5, -1.0*float64(i)
			for range i % 6 {
				x, y = -y, x
			}
			v = append(v, x+float64(i%6), y)
		}
		return []any{out(a), out(v)}
	}},
	{Name: "indirect/call_table", Grid: line(2, 64), Args: func() []any {
		a, b := ints(128, 2, 10000), ints(128, 3, 10000)
		return []any{out(table(128, func(i int) int32 {
			x, y := a[i], b[i]
			return []int32{x + y, x - y, x * y, x ^ y}[x&3]
		})), in(a), in(b)}
	}},
	{Name: "indirect/call_virtual", Grid: line(1, 64), Args: func() []any {
		v := ints(64, 4, 1000)
		return []any{out(table(64, func(i int) int32 {
			if v[i]&1 != 0 {
				return v[i]*v[i]*8 + 4
			}
			return v[i]*int32(i)/2*8 + 3
		})), in(v)}
	}},
	{Name: "indirect/interpret", Grid: line(1, 64), Args: func() []any {
		program := []int32{1, 2 | 5<<4, 6, 3 | 7<<4, 4, 5, 1, 6, 7, 2 | 99<<4, 9, 5, 6, 8, 3 | 3<<4,
			1, 0}
		v := ints(64, 5, 1000)
		return []any{out(table(64, func(i int) int32 {
			return interpret(program, v[i], int32(i))
		})), in(program), in(v)}
	}},
	{Name: "print/hello", Grid: line(1, 32), Args: func() []any {
		v := ints(32, 6, 900)
		return []any{out(table(32, func(i int) int32 { // as many as there are arguments
			if i%8 == 0 {
				return 6
			}
			return 0
		})), in(v)}
	}},
	{Name: "print/check", Grid: line(1, 32), Args: func() []any {
		v := ints(32, 7, 900)
		return []any{change(v, convert(v, func(x int32) int32 { return x + 1 })), int32(900)}
	}},
}

func fibonacci(n int) int32 {
	if n < 2 {
		return int32(n)
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

func ackermann(m, n uint32) uint32 {
	switch {
	case m == 0:
		return n + 1
	case n == 0:
		return ackermann(m-1, 1)
	}
	return ackermann(m-1, ackermann(m, n-1))
}

func interpret(program []int32, x, y int32) int32 {
	for pc := 0; ; pc++ {
		switch op := program[pc]; op & 15 {
		case 0:
			return x
		case 1:
			x += y
		case 2:
			y = x ^ op>>4
		case 3:
			x *= op >> 4
		case 4:
			x >>= 1
		case 5:
			y -= x
		case 6:
			if y&1 != 0 {
				pc++
			}
		case 7:
			x = max(x, y)
		default:
			x = ^x
		}
	}
}

var imageCases = []Case{
	{Name: "image/grey", Grid: line(4, 128), Args: func() []any {
		v := octets(4*500, 1)
		return []any{out(table(500, func(i int) uint8 {
			return uint8((int(v[4*i])*77 + int(v[4*i+1])*150 + int(v[4*i+2])*29 + 128) >> 8)
		})), in(v), int32(500)}
	}},
	{Name: "image/sobel", Grid: plane(3, 3, 16, 16), Args: func() []any {
		v := octets(40*37, 2)
		return []any{out(sobel(v, 40, 37)), in(v), int32(40), int32(37)}
	}},
	{Name: "image/resize", Grid: plane(4, 3, 16, 16), Args: func() []any {
		v := octets(30*20, 3)
		return []any{out(resize(v, 50, 41, 30, 20)), in(v), int32(50), int32(41), int32(30),
			int32(20)}
	}},
	{Name: "image/median", Grid: plane(3, 3, 16, 16), Args: func() []any {
		v := octets(40*37, 4)
		return []any{out(median(v, 40, 37)), in(v), int32(40), int32(37)}
	}},
	{Name: "nbody/nbody", Grid: line(2, 128), Args: nbody},
	{Name: "fractal/mandelbrot", Grid: plane(3, 4, 16, 8), Args: func() []any {
		return []any{out(table(48*32, func(i int) int32 { return mandelbrot(i%48, i/48, 60) })),
			int32(48), int32(32), int32(60)}
	}},
	{Name: "fractal/julia", Grid: plane(2, 40, 64, 1), Args: func() []any {
		const cr, ci = -0.8, 0.156
		return []any{out(table(128*40, func(i int) int32 {
			return julia(i%128, i/128, cr, ci, 80)
		})), cr, ci, int32(128), int32(80)}
	}},
}

func sobel(in []uint8, w, h int) []uint8 {
	return table(len(in), func(i int) uint8 {
		x, y := i%w, i/w
		if x == 0 || y == 0 || x == w-1 || y == h-1 {
			return 0
		}
		p := func(dx, dy int) int { return int(in[i+dy*w+dx]) }
		gx := p(1, -1) + 2*p(1, 0) + p(1, 1) - p(-1, -1) - 2*p(-1, 0) - p(-1, 1)
		gy := p(-1, 1) + 2*p(0, 1) + p(1, 1) - p(-1, -1) - 2*p(0, -1) - p(1, -1)
		return uint8(min(max(gx, -gx)+max(gy, -gy), 255))
	})
}

func resize(in []uint8, ow, oh, iw, ih int) []uint8 {
	return table(ow*oh, func(i int) uint8 {
		sx, sy := i%ow*(iw-1)*256/(ow-1), i/ow*(ih-1)*256/(oh-1)
		x, y := min(sx>>8, iw-2), min(sy>>8, ih-2)
		fx, fy := sx-x*256, sy-y*256
		row := func(y int) int {
			return int(in[y*iw+x])*(256-fx) + int(in[y*iw+x+1])*fx
		}
		return uint8((row(y)*(256-fy) + row(y+1)*fy + 32768) >> 16)
	})
}

func median(in []uint8, w, h int) []uint8 {
	return table(len(in), func(i int) uint8 {
		var v []uint32
		for k := range 9 {
			x, y := min(max(i%w+k%3-1, 0), w-1), min(max(i/w+k/3-1, 0), h-1)
			v = append(v, uint32(in[y*w+x]))
		}
		return uint8(sorted(v, 9)[4])
	})
}

func nbody() []any {
	const n = 256
	b := floats(4*n, 5)
	want := make([]float32, 4*n)
	for i := range n {
		me := b[4*i:]
		for j := range n {
			dx, dy, dz := add32(b[4*j], -me[0]), add32(b[4*j+1], -me[1]), add32(b[4*j+2], -me[2])
			d2 := fma32(dz, dz, fma32(dy, dy, fma32(dx, dx, 0.01)))
			w := b[4*j+3] / mul32(d2, sqrt32(d2))
			for k, d := range []float32{dx, dy, dz} {
				want[4*i+k] = fma32(d, w, want[4*i+k])
			}
		}
	}
	return []any{out(want), in(b), int32(n)}
}

func mandelbrot(x, y, limit int) (n int32) {
	cr, ci := fma32(float32(x), 0.0625, -2), fma32(float32(y), 0.0625, -1)
	var zr, zi float32
	for ; int(n) < limit; n++ {
		r2, i2 := mul32(zr, zr), mul32(zi, zi)
		if add32(r2, i2) > 4 {
			break
		}
		zi = fma32(add32(zr, zr), zi, ci)
		zr = add32(add32(r2, -i2), cr)
	}
	return n
}

func julia(x, y int, cr, ci float64, limit int) (n int32) {
	zr, zi := float64(x)*0.03125-2, float64(y)*0.03125-2
	for int(n) < limit && fma64(zr, zr, float64(zi*zi)) < 4 {
		t := fma64(zr, zr, -float64(zi*zi))
		zi = fma64(zr+zr, zi, ci)
		zr = t + cr
		n++
	}
	return n
}

var randomCases = []Case{
	{Name: "random/philox_fill", Grid: line(3, 64), Args: func() []any {
		var want []uint32
		for i := range uint32(192) {
			v := philox([4]uint32{i, i >> 3, 7, 0}, [2]uint32{0xdeadbeef, 12345})
			want = append(want, v[:]...)
		}
		return []any{out(want), Pair{0xdeadbeef, 12345}}
	}},
	{Name: "random/pi", Grid: line(4, 64), Args: func() []any {
		var hits uint64
		for i := range uint32(256) {
			for r := range uint32(20) {
				v := philox([4]uint32{i, r}, [2]uint32{1, 2})
				x, y := uint64(v[0]>>1), uint64(v[1]>>1)
				if x*x+y*y < 1<<62 {
					hits++
				}
			}
		}
		return []any{out([]uint64{hits}), int32(20)}
	}},
	{Name: "random/normal", Grid: line(3, 64), Args: normals},
	{Name: "random/dropout", Grid: line(3, 64), Args: func() []any {
		v := floats(192, 6)
		want, mask := make([]float32, 192), make([]uint32, 6)
		for i := range want {
			if philox([4]uint32{uint32(i), 0, 0, 1}, [2]uint32{3, 4})[0] < 3<<30 {
				want[i] = mul32(v[i], 4.0/3)
				mask[i/32] |= 1 << (i % 32)
			}
		}
		return []any{out(want), out(mask), in(v), uint32(3 << 30), float32(4.0 / 3)}
	}},
}

// philox is Philox 4x32-10 (Salmon et al., SC 2011).
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, c[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k[0], l1, h0 ^ c[3] ^ k[1], l0}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}
