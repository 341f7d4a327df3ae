package neurolang_test

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/neurolang"
	"tensoros/neurolang/builtin"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/gen"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/vm"
)

// calls are one call of every function of kernels; t, u are tiles 32 x 8 of the element type under
// test, w one of 8 x 16, n counts as i32, c compares.
var calls = map[string]string{
	"exp": "exp(t)", "ln": "ln(t)", "sqrt": "sqrt(t)", "sin": "sin(t)", "cos": "cos(t)",
	"tanh": "tanh(t)", "abs": "abs(t)", "floor": "floor(t)", "ceil": "ceil(t)",
	"max": "max(t, u)", "min": "min(t, u)", "pow": "pow(t, u)", "exp2": "exp2(t)",
	"log2": "log2(t)", "rsqrt": "rsqrt(t)", "rcp": "rcp(t)", "erf": "erf(t)",
	"sigmoid": "sigmoid(t)", "round": "round(t)", "relu": "relu(t)", "fma": "fma(t, u, t)",
	"where": "where(expand(n, 1) > 1, t, u)", "bitcast": "bitcast(t, T)", "cast": "cast(t, f32)",
	"zeros": "zeros([8], T)", "ones": "ones([8], T)", "full": "full([8], 1, T)",
	"iota": "cast(iota(8), T)", "span.iota": "cast(iota(i), T)", "bits": "bits(1, n)",
	"uniform": "cast(uniform(1, n), T)", "normal": "cast(normal(1, n), T)", "dot": "dot(t, w)",
	"sum": "sum(t, 0)", "prod": "prod(t, 1)", "any": "any(t, 0)", "all": "all(t)",
	"argmax": "argmax(t, 1)", "argmin": "argmin(t)", "cumsum": "cumsum(t, 0)", "sort": "sort(t)",
	"tile.t": "t.t()", "permute": "permute(t, [1, 0])", "reshape": "reshape(t, [16, 16])",
	"expand": "expand(t, 1)", "broadcast": "broadcast(t, [2, 32, 8])", "join": "join(t, u, 0)",
	"slice": "slice(t, 1, 3, 2)", "xor_shuffle": "xor_shuffle(t, 3, 1)",
	"spans": "sum(x[i, span(0, 8)], 1)", "span": "x[span(3, 8), span(0, 8)]",
	"program": "full([8], program(i), i32)", "span.start": "full([8], i.start, i32)",
	"span.len": "full([8], i.len, i32)", "pipeline": "x[i, span(0, 8)]",
	"atomic_add": "", "atomic_min": "", "atomic_max": "",
}

// operators are expressions beside the functions.
var operators = []string{"t + u", "t - 1", "2 * t", "t / u", "t % u", "t & u", "t | u", "t ^ u",
	"t << 1", "t >> u", "t == u", "t < u", "t >= 1", "!t", "-t", "t as i8", "t as bool", "t @ w",
	"max(t, axis=0)", "min(t)", "sum(t, keep=true)", "where(t > u, t, 0)", "any(t == u)",
	"t as f64", "x.load([i, ..], other=1)", "x[i, 0]", "x[0, 0]", "x[iota(32), iota(32)]"}

// TestEveryBuiltin compiles every function of kernels on every element type, for one chip or the
// other: what check lets pass becomes code, and runs.
func TestEveryBuiltin(t *testing.T) {
	var exprs []string
	for _, f := range builtin.Table {
		switch e, ok := calls[f.Name]; {
		case !f.In(builtin.Kernel) || f.Name == "reduce_max" || f.Name == "reduce_min":
		case !ok:
			t.Errorf("%s is not tried", f.Name)
		case e != "":
			exprs = append(exprs, e)
		}
	}
	exprs = append(exprs, operators...)
	for _, elem := range tile.ElemNames() {
		t.Run(elem, func(t *testing.T) {
			good, one := 0, "1"
			if elem == "bool" {
				one = "true"
			}
			for i, e := range exprs {
				src := strings.NewReplacer("ELEM", elem, "EXPR", e, "ONE", one).Replace(tryOut)
				if everyTarget(t, e, src, gen.Targets()[i%len(gen.Targets())]) {
					good++
				}
			}
			t.Logf("%d of %d are defined on %s", good, len(exprs), elem)
		})
	}
}

// tryOut stores something that depends on what the expression gives.
const tryOut = `
@kernel
fn k<T: Elem>(x: Tensor<[N, 8], T>, y: Tensor<[8, 16], T>) -> Tensor<[N], bool> by [i: 32] {
    let t = x[i, ..];
    let u = x[i, ..];
    let w = y[.., ..];
    let n = iota(i);
    let v = EXPR;
    broadcast(all((v as f32) == (v as f32)) & (n >= 0), [32])
}
fn main() { print(k(Tensor::full([40, 8], ELEM, ONE), Tensor::full([8, 16], ELEM, ONE)).shape()); }
`

// everyTarget compiles for a chip and runs; false: it does not compile.
func everyTarget(t *testing.T, name, src string, target int) bool {
	t.Helper()
	p, set, ds := neurolang.Compile("try.nl", []byte(src), neurolang.Options{Target: target})
	if p == nil {
		for _, d := range ds {
			if at := set.Position(d.Primary.Span.Pos); at.File != "try.nl" {
				t.Errorf("%s: %s at %v", name, d.Message, at)
			}
		}
		return false
	}
	if err := vm.Run(p, emu.New(func(string) {}), vm.Options{}); err != nil {
		t.Errorf("%s: %v", name, fmt.Sprint(err))
	}
	return true
}
