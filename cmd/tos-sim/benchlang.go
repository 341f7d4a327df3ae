package main

import (
	"fmt"
	"math"

	krun "tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/vm"
	"tensoros/sim/gpu"
)

// What the library has to reach on the simulated H100: matrix products and attention in operations
// a second, the others as a part of the 3.35 TB/s of HBM that the datasheet promises.
const (
	gemmGate      = 650e12
	attentionGate = 550e12
	memoryGate    = 0.85 * 3.35e12
)

// langBenches are of simulated time: kernels of neurolang/std on an H100, at the shapes stated.
var langBenches = []bench{
	gemmBench("gemm-4096", "bf16, 4096 x 4096 x 4096", 4096, gemmGate),
	gemmBench("gemm-8192", "bf16, 8192 x 8192 x 8192", 8192, gemmGate),
	attentionBench("attention", "forward, bf16, 8 heads of 128, 4096 keys", 4096, false,
		attentionGate),
	attentionBench("attention-causal", "the same with a causal mask, 16384 keys", 16384, true,
		attentionGate),
	memoryBench("silu", "x sigmoid(x) of 64 Mi bf16", `import std.nn;
fn main() { let y = nn::silu(Tensor::alloc([67108864], bf16)); }`),
	memoryBench("softmax", "rows of 4096 bf16, 16384 of them", `import std.nn;
fn main() { let y = nn::softmax(Tensor::alloc([16384, 4096], bf16)); }`),
	memoryBench("rmsnorm", "rows of 4096 bf16, 16384 of them", `import std.nn;
fn main() { let y = nn::rmsnorm(Tensor::alloc([16384, 4096], bf16), Tensor::alloc([4096], bf16)); }`),
	memoryBench("layernorm", "rows of 4096 bf16, 16384 of them", `import std.nn;
fn main() {
    let w = Tensor::alloc([4096], bf16);
    let y = nn::layernorm(Tensor::alloc([16384, 4096], bf16), w, w);
}`),
}

func gemmBench(name, doc string, n int, gate float64) bench {
	text := fmt.Sprintf(`import std.matmul;
fn main() {
    let a = Tensor::alloc([%[1]d, %[1]d], bf16);
    let b = Tensor::alloc([%[1]d, %[1]d], bf16);
    let c = matmul::wide(a, b);
}`, n)
	return langBench(name, "FLOP/s", doc, text, gate, func(r *krun.Computed) float64 {
		return r.FLOPs
	})
}

func attentionBench(name, doc string, keys int, causal bool, gate float64) bench {
	text := fmt.Sprintf(`import std.attention;
fn main() {
    let q = Tensor::alloc([1, 8, %[1]d, 128], bf16);
    let k = Tensor::alloc([1, 8, %[1]d, 128], bf16);
    let v = Tensor::alloc([1, 8, %[1]d, 128], bf16);
    let o = attention::attention::<bf16, 128, %[2]t>(q, k, v, 0.08838834764831845);
}`, keys, causal)
	// Two products of keys x keys x 128 a head; a causal mask leaves half (FlashAttention's way to
	// count).
	ops := 4 * 8 * 128 * float64(keys) * float64(keys)
	if causal {
		ops /= 2
	}
	return langBench(name, "FLOP/s", doc, text, gate, func(*krun.Computed) float64 { return ops })
}

func memoryBench(name, doc, text string) bench {
	return langBench(name, "B/s", doc, text, memoryGate,
		func(r *krun.Computed) float64 { return r.Bytes })
}

// langBench runs a program's last launch on the chip alone, timed, without data.
func langBench(name, unit, doc, text string, gate float64,
	amount func(*krun.Computed) float64) bench {
	work := func() (func() (float64, error), error) {
		p, set, ds := neurolang.Compile(name+".nl", []byte(text), neurolang.Options{})
		if p == nil {
			return nil, &neurolang.Errors{Set: set, List: ds}
		}
		rate := 0.0
		return func() (float64, error) {
			if rate > 0 { // simulated time is the same every time
				return rate, nil
			}
			a, err := gpu.Open("h100", gpu.Options{Timed: true, Dry: true, Sample: true})
			if err != nil {
				return 0, err
			}
			defer a.Close()
			rt := krun.NewCompute(a, func(string) {})
			if err := vm.Run(p, rt, vm.Options{}); err != nil {
				return 0, err
			}
			last := &rt.Launches[len(rt.Launches)-1]
			rate = amount(last) / last.Elapsed * 1e9
			return rate, nil
		}, nil
	}
	return bench{name, unit, doc, gate, work, math.Max, false}
}
