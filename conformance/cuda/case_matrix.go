package cuda

import (
	"tensoros/hw"
	"tensoros/hw/num"
)

// matmul is C = A B in the order of k, each step fused.
func matmul(a, b []float32, m, n, k int) []float32 {
	return table(m*n, func(i int) (sum float32) {
		for j := range k {
			sum = fma32(a[i/n*k+j], b[j*n+i%n], sum)
		}
		return sum
	})
}

var matrixCases = []Case{
	{Name: "matmul/matmul_tiled", Grid: plane(3, 3, 16, 16), Args: func() []any {
		a, b := floats(48*48, 1), floats(48*48, 2)
		return []any{out(matmul(a, b, 48, 48, 48)), in(a), in(b), int32(48)}
	}},
	{Name: "matmul/matmul_blocked", Grid: plane(2, 2, 256, 1), Args: func() []any {
		a, b := floats(128*128, 3), floats(128*128, 4)
		return []any{out(matmul(a, b, 128, 128, 128)), in(a), in(b), int32(128)}
	}},
	{Name: "matmul/matmul_batched", Grid: hw.Grid{Blocks: [3]uint32{2, 2, 5},
		Threads: [3]uint32{16, 16}}, Args: func() []any {
		const m, n, k, z = 20, 24, 17, 5
		a, b := floats(m*k*z, 5), floats(k*n*z, 6)
		var want []float32
		for i := range z {
			want = append(want, matmul(a[i*m*k:], b[i*k*n:], m, n, k)...)
		}
		return []any{out(want), in(a), in(b), int32(m), int32(n), int32(k)}
	}},
	{Name: "matmul/matvec", Grid: line(5, 64), Args: func() []any {
		const rows, cols = 9, 100
		a, x := floats(rows*cols, 7), floats(cols, 8)
		want := table(rows, func(r int) float32 {
			var lanes [32]float32
			for i := range cols {
				lanes[i%32] = fma32(a[r*cols+i], x[i], lanes[i%32])
			}
			return butterfly(lanes)
		})
		return []any{out(want), in(a), in(x), int32(rows), int32(cols)}
	}},
	{Name: "double/dgemv", Grid: line(2, 32), Args: func() []any {
		a, x := doubles(64*64, 9), doubles(64, 10)
		want := table(64, func(c int) (sum float64) {
			for i := range x {
				sum = fma64(a[i*64+c], x[i], sum)
			}
			return sum
		})
		return []any{out(want), in(a), in(x), int32(64)}
	}},
}

// The tensor cores get small integers, whose sums are exact however they are grouped.
const whole = 8

func halves(v []float32) []uint16  { return convert(v, num.F32ToF16) }
func bfloats(v []float32) []uint16 { return convert(v, num.F32ToBF16) }

// byRows is C = A B^T, both row-major in k.
func byRows[T, U int8 | int32 | float32 | float64](a, b []T, m, n, k int) []U {
	return table(m*n, func(i int) (sum U) {
		for j := range k {
			sum += U(a[i/n*k+j]) * U(b[i%n*k+j])
		}
		return sum
	})
}

// product is a case whose arguments are C, A, B^T and sizes.
func product(name string, grid hw.Grid, n, k int, narrow func([]float32) []uint16,
	wide bool) Case {
	return Case{Name: name, Grid: grid, Args: func() []any {
		a, b := wholes(n*k, 1, whole), wholes(n*k, 2, whole)
		want := out(byRows[float32, float32](a, b, n, n, k))
		if !wide {
			want = out(narrow(byRows[float32, float32](a, b, n, n, k)))
		}
		args := []any{want, in(narrow(a)), in(narrow(b)), int32(n)}
		if name[:4] != "wmma" {
			args = append(args, int32(k))
		}
		return args
	}}
}

func signed(n int, seed uint64) []int8 {
	return convert(octets(n, seed), func(b uint8) int8 { return int8(b) })
}

var tensorCases = []Case{
	product("wmma/wmma_f16", plane(3, 3, 32, 1), 48, 48, halves, true),
	product("wmma/wmma_bf16", plane(3, 3, 32, 1), 48, 48, bfloats, true),
	{Name: "wmma/wmma_s8", Grid: plane(2, 2, 32, 1), Args: func() []any {
		a, b := signed(32*32, 3), signed(32*32, 4)
		return []any{out(byRows[int8, int32](a, b, 32, 32, 32)), in(a), in(b), int32(32)}
	}},
	product("mma/mma_bf16", plane(2, 2, 128, 1), 128, 96, bfloats, true),
	{Name: "mma/mma_s8", Grid: line(1, 32), Args: func() []any {
		a, b, c := signed(16*32, 5), signed(8*32, 6), ints(16*8, 7, 1<<20)
		want := byRows[int8, int32](a, b, 16, 8, 32)
		for i := range want {
			want[i] += c[i]
		}
		return []any{change(c, want), in(a), in(b)}
	}},
	{Name: "mma/mma_f64", Grid: line(1, 32), Args: func() []any {
		a, b := doubles(8*4, 8), doubles(8*4, 9)
		want := table(64, func(i int) (sum float64) {
			for j := range 4 {
				sum = fma64(a[i/8*4+j], b[i%8*4+j], sum)
			}
			return sum
		})
		return []any{out(want), in(a), in(b)}
	}},
	{Name: "mma/mma_tf32", Grid: line(1, 32), Args: func() []any {
		a, b := wholes(16*8, 10, 1000), wholes(8*8, 11, 1000)
		return []any{out(byRows[float32, float32](a, b, 16, 8, 8)), in(a), in(b)}
	}},
	product("pipeline/gemm_pipeline", with(plane(2, 2, 128, 1), 4*128*32*2), 128, 160, halves,
		false),
	{Name: "flash/flash", Grid: with(line(3, 128), 5*64*72*2), Args: flash},
	twoTiles("flash64", 64, 128), twoTiles("flash64_causal", 64, 128),
	twoTiles("flash128", 128, 64), twoTiles("flash128_causal", 128, 64),
	hopper(product("wgmma/wgmma_plain", plane(2, 2, 128, 1), 128, 192, bfloats, true)),
}

func hopper(c Case) Case {
	c.Arch = 90
	return c
}
