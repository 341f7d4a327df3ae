package cuda

import (
	"strings"

	"math"

	"tensoros/hw"
	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
)

var hopperCases = []Case{
	{Name: "hopper/produce", Arch: 90, Then: []string{"consume"}, Grid: line(3, 64),
		Args: func() []any {
			const n = 180
			box := table(n, func(i int) int32 { return int32(i * i) })
			want := table(n, func(i int) int32 { return box[n-1-i] + 1 })
			return []any{out(box), out(want), int32(n)}
		}},
	{Name: "hopper/elect", Arch: 90, Grid: line(1, 128), Args: func() []any {
		return []any{out([]uint32{2, 2, 2, 2})}
	}},
	{Name: "hopper/bulk", Arch: 90, Grid: line(3, 256), Args: func() []any {
		v := words(768, 1)
		return []any{out(table(768, func(i int) uint32 { return v[i]*3 + uint32(i%256) })), in(v)}
	}},
	{Name: "hopper/counted", Arch: 90, Grid: line(3, 128), Args: func() []any {
		v := words(384, 2)
		return []any{out(table(384, func(i int) uint32 { return v[i/128*128+127-i%128] })), in(v)}
	}},
	{Name: "hopper/matrices", Arch: 90, Grid: line(4, 32), Args: func() []any {
		v := convert(words(256, 3), func(w uint32) uint16 { return uint16(w) })
		return []any{out(table(256, func(i int) uint16 { return v[i/64*64+i%8*8+i%64/8] })), in(v)}
	}},
	{Name: "hopper/quads", Arch: 90, Grid: line(2, 64), Args: func() []any {
		v := words(128, 16)
		var sum uint64
		for _, x := range v {
			sum += uint64(x)
		}
		// What the ring held and what it holds now add up to what was put in, whoever was last.
		ring := out([]uint64{0, 0, 128 * 129 / 2, sum})
		ring.Same = func(got, want []byte) error {
			g := unpack[uint64](got)
			return exactly[uint64](pack([]uint64{0, 0, g[0] + g[2], g[1] + g[3]}), want)
		}
		return []any{out([]uint64{128, sum}), ring, in(v)}
	}},
	{Name: "hopper/policies", Arch: 90, Grid: line(2, 64), Args: func() []any {
		v := words(128, 17)
		return []any{out(convert(v, func(x uint32) uint32 { return ^x })), in(v)}
	}},
	{Name: "cluster/cluster_histogram", Arch: 90, Grid: clusters(line(8, 128), 4, 1),
		Args: func() []any {
			v := words(3000, 4)
			bins := convert(v, func(x uint32) uint32 { return x % 512 })
			return []any{out(histogram(bins, 512)), in(v), int32(len(v))}
		}},
	{Name: "cluster/cluster_reduce", Arch: 90, Grid: clusters(line(8, 64), 4, 1),
		Args: func() []any {
			v := words(512, 5)
			return []any{out(blockSums(v, 256)), in(v)}
		}},
	{Name: "cluster/cluster_pass", Arch: 90, Grid: clusters(line(6, 32), 2, 1), Args: func() []any {
		v := words(192, 6)
		return []any{out(table(192, func(i int) uint32 { return v[i^32] })), in(v)}
	}},
	{Name: "quantise/quantise_s8", Arch: 90, Grid: line(3, 32), Args: quantiseRows},
	{Name: "quantise/quantise_u8", Arch: 90, Grid: line(2, 128), Args: func() []any {
		v := floats(200, 7)
		return []any{out(convert(v, func(x float32) uint8 {
			return uint8(clamp(float64(float32(add32(x, 0.8)/0.0061)), nearest, 0, 255))
		})), in(v), float32(-0.8), float32(0.0061), int32(200)}
	}},
	{Name: "quantise/quantise_fp8", Arch: 90, Grid: line(2, 64), Args: func() []any {
		v := wild(200, 8)
		e4m3 := func(x float32) uint8 { return code(x, fmtE4M3, num.E4M3ToF32) }
		e5m2 := func(x float32) uint8 { return code(x, fmtE5M2, num.E5M2ToF32) }
		codes := append(convert(v, e4m3), convert(v, e5m2)...)
		return []any{out(codes), in(v), int32(100)}
	}},
	{Name: "quantise/dequantise_fp8", Arch: 90, Grid: line(2, 64), Args: func() []any {
		v := convert(octets(200, 9), func(b uint8) uint8 {
			if b&0x7f >= 0x7c { // infinite, or not a number
				return b & 0xbf
			}
			return b
		})
		return []any{out(append(convert(v, num.E4M3ToF32), convert(v, num.E5M2ToF32)...)), in(v),
			int32(100)}
	}},
	{Name: "quantise/dequantise_q4", Arch: 90, Grid: line(2, 32), Args: func() []any {
		scales, v := halfValues(16, 10), words(64, 11)
		return []any{out(table(512, func(i int) float32 {
			return mul32(scales[i/32], float32(int(v[i/8]>>(4*(i%8))&15)-8))
		})), in(halves(scales)), in(v)}
	}},
	{Name: "tma/tma_copy", Arch: 90, Grid: plane(3, 2, 128, 1), Args: func() []any {
		// The last tiles reach beyond the matrix: what is there is neither read nor written.
		const h, w = 50, 84
		v := floats(h*w, 13)
		want := convert(v, func(x float32) float32 { return add32(x, 1) })
		tile := Map{Type: gpu.TensorF32, Rows: h, Cols: w, BoxRows: 32, BoxCols: 32}
		to, from := tile, tile
		to.Of, from.Of = out(want), in(v)
		return []any{&to, &from}
	}},
	tmaGemm("tma_gemm", plane(2, 3, 128, 1), 64),
	tmaGemm("tma_gemm_specialised", with(plane(2, 2, 384, 1), 4*(128+64)*64*2), 64),
	tmaGemm("tma_gemm_multicast", clusters(plane(2, 4, 128, 1), 1, 2), 32),
	persistentGemm("gemm256", 256, 4, 1),
	persistentGemm("gemm128", 128, 6, 1),
	persistentGemm("gemm64", 64, 7, 1),
	persistentGemm("gemm256x2", 256, 4, 2),
	persistentGemm("gemm128x2", 128, 6, 2),
	persistentGemm("gemm256x2s", 256, 4, 2),
	persistentGemm("gemm128x2s", 128, 6, 2),
	warpgroupAttention("flash64", 64, 192, 128, 1),
	warpgroupAttention("flash64_causal", 64, 192, 128, 1),
	warpgroupAttention("flash128", 128, 128, 176, 1),
	warpgroupAttention("flash128_pair", 128, 128, 176, 2),
	warpgroupAttention("flash128_causal", 128, 128, 128, 1),
}

// tmaGemm multiplies bf16 by 64 columns of k at a time, in tiles swizzled over 128 bytes; a copy of
// B moves so many rows.
func tmaGemm(kernel string, grid hw.Grid, rows int) Case {
	return Case{Name: "tma/" + kernel, Arch: 90, Grid: grid, Args: func() []any {
		const k = 448 // more tiles than stages, and not a multiple of them
		n := 64 * int(grid.Blocks[0])
		m := 64 * int(grid.Blocks[1])
		if grid.Threads[0] > 128 { // two warp groups compute
			m *= 2
		}
		a, b := wholes(m*k, 14, whole), wholes(n*k, 15, whole)
		tile := Map{Type: gpu.TensorBF16, Cols: k, BoxRows: 64, BoxCols: 64,
			Swizzle: gpu.Swizzle128}
		ta, tb := tile, tile
		ta.Of, ta.Rows = in(bfloats(a)), m
		tb.Of, tb.Rows, tb.BoxRows = in(bfloats(b)), n, rows
		return []any{out(byRows[float32, float32](a, b, m, n, k)), &ta, &tb, int32(n), int32(k)}
	}}
}

// persistentGemm multiplies a batch of two with more tiles than CTAs, in tiles of 128 rows and so
// many columns.
func persistentGemm(kernel string, cols, stages, cluster int) Case {
	grid := hw.Grid{Blocks: [3]uint32{uint32(3 * cluster), 1, 1}, Threads: [3]uint32{384, 1, 1},
		Shared: stages*(128+cols)*64*2 + 128*min(cols, 128)*2}
	return Case{Name: "gemm/" + kernel, Arch: 90, Grid: grid, Args: func() []any {
		const batch, k = 2, 320
		splits, limit := 1, whole
		if strings.HasSuffix(kernel, "s") { // sums of parts must be exact too
			splits, limit = 5, 1
		}
		m, n := 256, 4*cols
		a, b := wholes(batch*m*k, 21, int32(limit)), wholes(batch*n*k, 22, int32(limit))
		var c []float32
		for i := range batch {
			c = append(c, byRows[float32, float32](a[i*m*k:(i+1)*m*k], b[i*n*k:(i+1)*n*k], m, n,
				k)...)
		}
		tile := Map{Type: gpu.TensorBF16, BoxRows: 64, BoxCols: 64, Swizzle: gpu.Swizzle128}
		ta, tb, tc := tile, tile, tile
		ta.Of, ta.Rows, ta.Cols, ta.BoxRows = in(bfloats(a)), batch*m, k, 128
		tb.Of, tb.Rows, tb.Cols, tb.BoxRows = in(bfloats(b)), batch*n, k, cols/cluster
		tc.Of, tc.Rows, tc.Cols = out(bfloats(c)), batch*m, n
		return []any{&tc, &ta, &tb, int32(batch * m / 128), int32(n / cols), int32(k / 64),
			int32(m / 128), int32(splits)}
	}}
}

// warpgroupAttention attends over two heads, with tiles of so many queries and keys, more than
// there are CTAs; the last ones of a head are not full.
func warpgroupAttention(kernel string, dim, queries, keys, cluster int) Case {
	causal := strings.HasSuffix(kernel, "causal")
	grid := hw.Grid{Blocks: [3]uint32{uint32(4 - cluster%2), 1, 1},
		Threads: [3]uint32{uint32(queries*2 + 128), 1, 1},
		Shared:  (queries + 4*keys) * dim * 2}
	if cluster > 1 {
		grid = clusters(grid, uint32(cluster), 1)
	}
	return Case{Name: "flash3/" + kernel, Arch: 90, Grid: grid, Args: func() []any {
		const length, heads = 432, 2
		size := length * dim
		// Scores of up to some 20 make few keys count, so that results are not all near 0.
		q := convert(bfloatValues(heads*size, 31), func(x float32) float32 { return 8 * x })
		k, v := bfloatValues(heads*size, 32), bfloatValues(heads*size, 33)
		scale := 1 / math.Sqrt(float64(dim))
		var want []float32
		for h := range heads {
			at, end := h*size, (h+1)*size
			want = append(want, attend(q[at:end], k[at:end], v[at:end], length, dim, scale,
				causal)...)
		}
		result := out(bfloats(want))
		result.Same = func(got, _ []byte) error {
			g := convert(unpack[uint16](got), num.BF16ToF32)
			return near(want, attentionError).Same(pack(g), pack(want))
		}
		m := Map{Type: gpu.TensorBF16, Rows: length, Cols: dim, Many: heads, BoxCols: 64,
			Swizzle: gpu.Swizzle128}
		mo, mq, mk, mv := m, m, m, m
		mo.Of, mo.BoxRows = result, 64
		mq.Of, mq.BoxRows = in(bfloats(q)), queries
		mk.Of, mk.BoxRows = in(bfloats(k)), keys/cluster
		mv.Of, mv.BoxRows = in(bfloats(v)), keys/cluster
		tiles := (length + queries - 1) / queries
		taken := out([]int32{0})
		if causal {
			taken = out([]int32{int32(tiles * heads)}) // every CTA tries until there are no more
		}
		return []any{&mo, &mq, &mk, &mv, taken, int32(tiles), int32(heads), int32(length),
			float32(scale * math.Log2E)}
	}}
}

// attentionError is what bf16 costs: probabilities and results of 8 bits, the latter below 1, and
// sums of the former that err alike.
const attentionError = 0.008

// bfloatValues are floats that bf16 holds.
func bfloatValues(n int, seed uint64) []float32 {
	return convert(floats(n, seed),
		func(x float32) float32 { return num.BF16ToF32(num.F32ToBF16(x)) })
}

func clusters(g hw.Grid, x, y uint32) hw.Grid {
	g.Cluster = [3]uint32{x, y, 1}
	return g
}

func quantiseRows() []any {
	const rows, cols = 3, 100
	v := floats(rows*cols, 12)
	scales, q := make([]float32, rows), make([]int8, rows*cols)
	for r := range rows {
		var high float32
		for _, x := range v[r*cols : (r+1)*cols] {
			high = max(high, float32(math.Abs(float64(x))))
		}
		scales[r] = high / 127
		inverse := 1 / scales[r]
		for i := range cols {
			q[r*cols+i] = int8(nearest(float64(mul32(v[r*cols+i], inverse))))
		}
	}
	return []any{out(q), out(scales), in(v), int32(cols)}
}

// code is the fp8 code of the nearest value, the largest standing for all beyond it.
func code(s float32, f format, value func(uint8) float32) uint8 {
	if s != s {
		return 0x7f // NaN in both
	}
	x := min(max(f.round(float64(s), nearest), -f.most), f.most)
	for c := range uint8(128) {
		if float64(value(c)) == math.Abs(x) {
			return c | uint8(math.Float64bits(x)>>63<<7)
		}
	}
	panic("cuda: a rounded value has no code")
}
