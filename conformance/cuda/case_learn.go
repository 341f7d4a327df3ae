package cuda

import (
	"math"
	"strings"

	"tensoros/hw/num"
)

// Tolerances where an approximate instruction takes part (ex2, lg2, rsqrt, tanh: PTX ISA 9.7.3
// gives errors of 2^-22 and, for tanh.approx, 2^-11).
const (
	fine   = 4e-6
	rough  = 1e-3
	coarse = 3e-3 // f16 results of sums of f16
)

// softmaxRow is exact but for double precision.
func softmaxRow(v []float32) []float64 {
	high, sum := math.Inf(-1), 0.0
	for _, x := range v {
		high = max(high, float64(x))
	}
	p := convert(v, func(x float32) float64 { return math.Exp(float64(x) - high) })
	for _, x := range p {
		sum += x
	}
	return convert(p, func(x float64) float64 { return x / sum })
}

func single(v []float64) []float32 {
	return convert(v, func(x float64) float32 { return float32(x) })
}

func softmaxCase(name string) Case {
	return Case{Name: name, Grid: line(4, 32), Args: func() []any {
		v := convert(floats(400, 1), func(x float32) float32 { return 8 * x })
		var want []float32
		for r := range 4 {
			want = append(want, single(softmaxRow(v[r*100:(r+1)*100]))...)
		}
		return []any{near(want, fine), in(v), int32(100)}
	}}
}

// elementwise is a case of one input, one output and a count.
func elementwise(name string, tolerance float64, f func(x float64) float64) Case {
	return Case{Name: name, Grid: line(4, 128), Args: func() []any {
		v := convert(floats(500, 2), func(x float32) float32 { return 6 * x })
		want := convert(v, func(x float32) float32 { return float32(f(float64(x))) })
		return []any{near(want, tolerance), in(v), int32(500)}
	}}
}

var learnCases = []Case{
	softmaxCase("softmax/softmax"),
	softmaxCase("softmax/softmax_online"),
	{Name: "norm/layernorm", Grid: line(3, 128), Args: layernorm},
	{Name: "norm/rmsnorm", Grid: line(3, 96), Args: rmsnorm},
	elementwise("activation/gelu_tanh", fine, func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(0.7978845608*(x+0.044715*x*x*x)))
	}),
	elementwise("activation/gelu_erf", fine, func(x float64) float64 {
		return 0.5 * x * (1 + math.Erf(x*0.70710678))
	}),
	elementwise("activation/tanh_approx", rough, math.Tanh),
	{Name: "activation/swiglu", Grid: line(2, 256), Args: func() []any {
		gate, up := floats(500, 3), floats(500, 4)
		want := table(500, func(i int) float32 {
			g := float64(gate[i])
			return float32(float64(up[i]) * g / (1 + math.Exp(-g)))
		})
		return []any{near(want, fine), in(gate), in(up), int32(500)}
	}},
	{Name: "activation/adamw", Grid: line(2, 64), Args: adamw},
	{Name: "activation/rope", Grid: line(20, 32), Args: func() []any {
		v := floats(20*32*2, 5)
		want := make([]float32, len(v))
		for i := range len(v) / 2 {
			angle := float64(i/32) * math.Pow(10000, -float64(i%32)/32)
			x, y, s, c := float64(v[2*i]), float64(v[2*i+1]), math.Sin(angle), math.Cos(angle)
			want[2*i], want[2*i+1] = float32(x*c-y*s), float32(x*s+y*c)
		}
		return []any{changeNear(v, want, 1e-5), int32(32)}
	}},
	{Name: "attention/attention", Grid: with(line(24, 64), 24*4), Args: attention},
}

func layernorm() []any {
	const rows, cols = 3, 300
	v, gain, bias := floats(rows*cols, 1), floats(cols, 2), floats(cols, 3)
	want := make([]float32, len(v))
	for r := range rows {
		row, mean, square := v[r*cols:(r+1)*cols], 0.0, 0.0
		for _, x := range row {
			mean += float64(x) / cols
		}
		for _, x := range row {
			square += (float64(x) - mean) * (float64(x) - mean) / cols
		}
		for i, x := range row {
			n := (float64(x) - mean) / math.Sqrt(square+1e-5)
			want[r*cols+i] = float32(n*float64(gain[i]) + float64(bias[i]))
		}
	}
	return []any{near(want, fine), in(v), in(gain), in(bias), int32(cols)}
}

// rmsnorm follows the kernel's order of sums, and so is exact.
func rmsnorm() []any {
	const rows, cols, threads = 3, 250, 96
	v, gain := floats(rows*cols, 1), floats(cols, 2)
	want := make([]float32, len(v))
	for r := range rows {
		row := v[r*cols : (r+1)*cols]
		var lanes [threads]float32
		for i, x := range row {
			lanes[i%threads] = fma32(x, x, lanes[i%threads])
		}
		var warps [32]float32
		for w := range threads / 32 {
			warps[w] = butterfly([32]float32(lanes[w*32:]))
		}
		mean := float32(butterfly(warps) / cols)
		root := float32(math.Sqrt(float64(add32(mean, 1e-6))))
		for i, x := range row {
			want[r*cols+i] = mul32(float32(x/root), gain[i])
		}
	}
	return []any{out(want), in(v), in(gain), int32(cols)}
}

func adamw() []any {
	const n = 100
	var rate, beta1, beta2, decay float32 = 0.01, 0.9, 0.999, 0.1
	w, m, g := floats(n, 1), floats(n, 2), floats(n, 4)
	v := convert(floats(n, 3), func(x float32) float32 { return x * x })
	w2, m2, v2 := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range n {
		m2[i] = fma32(beta1, m[i], mul32(1-beta1, g[i]))
		v2[i] = fma32(beta2, v[i], mul32(mul32(1-beta2, g[i]), g[i]))
		step := float32(m2[i] / add32(float32(math.Sqrt(float64(v2[i]))), 1e-8))
		w2[i] = fma32(-rate, fma32(decay, w[i], step), w[i])
	}
	return []any{change(w, w2), change(m, m2), change(v, v2), in(g), rate, beta1, beta2, decay,
		int32(n)}
}

func attention() []any {
	const length, dim = 24, 40
	q, k, v := floats(length*dim, 1), floats(length*dim, 2), floats(length*dim, 3)
	want := attend(q, k, v, length, dim, 0.5, true)
	return []any{near(want, fine), in(q), in(k), in(v), int32(length), int32(dim), float32(0.5)}
}

// attend is softmax(Q K^T scale) V in double precision.
func attend(q, k, v []float32, length, dim int, scale float64, causal bool) []float32 {
	want := make([]float64, length*dim)
	for r := range length {
		keys := length
		if causal {
			keys = r + 1
		}
		s := table(keys, func(j int) float32 {
			sum := 0.0
			for d := range dim {
				sum += float64(q[r*dim+d]) * float64(k[j*dim+d])
			}
			return float32(sum * scale)
		})
		for j, p := range softmaxRow(s) {
			for d := range dim {
				want[r*dim+d] += p * float64(v[j*dim+d])
			}
		}
	}
	return single(want)
}

func flash() []any {
	const length, dim = 192, 64
	q, k, v := halfValues(length*dim, 1), halfValues(length*dim, 2), halfValues(length*dim, 3)
	want := attend(q, k, v, length, dim, 0.125, false)
	b := out(halves(want))
	b.Same = func(got, _ []byte) error {
		g := pack(convert(unpack[uint16](got), num.F16ToF32))
		return near(want, coarse).Same(g, pack(want))
	}
	return []any{b, in(halves(q)), in(halves(k)), in(halves(v)), int32(length),
		float32(0.125 * math.Log2E)}
}

// twoTiles attends over two heads of as many keys as two tiles of queries have.
func twoTiles(kernel string, dim, keys int) Case {
	return Case{Name: "flash2/" + kernel, Grid: with(plane(2, 2, 128, 1), (128+2*keys)*dim*2),
		Args: func() []any {
			const length, heads = 256, 2
			size := length * dim
			// Scores of up to some 20 make few keys count, so that results are not all near 0.
			q := convert(halfValues(heads*size, 34), func(x float32) float32 { return 8 * x })
			k, v := halfValues(heads*size, 35), halfValues(heads*size, 36)
			scale := 1 / math.Sqrt(float64(dim))
			var want []float32
			for h := range heads {
				at, end := h*size, (h+1)*size
				want = append(want, attend(q[at:end], k[at:end], v[at:end], length, dim, scale,
					strings.HasSuffix(kernel, "causal"))...)
			}
			b := out(halves(want))
			b.Same = func(got, _ []byte) error {
				g := pack(convert(unpack[uint16](got), num.F16ToF32))
				return near(want, coarse).Same(g, pack(want))
			}
			return []any{b, in(halves(q)), in(halves(k)), in(halves(v)), int32(length),
				float32(scale * math.Log2E)}
		}}
}

// halfValues are floats that f16 holds.
func halfValues(n int, seed uint64) []float32 {
	return convert(floats(n, seed),
		func(x float32) float32 { return num.F16ToF32(num.F32ToF16(x)) })
}
