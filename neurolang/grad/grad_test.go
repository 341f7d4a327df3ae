package grad_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/vm"
)

func run(t *testing.T, name, src string) error {
	t.Helper()
	p, set, ds := neurolang.Compile(name, []byte(src), neurolang.Options{})
	if p == nil {
		return &neurolang.Errors{Set: set, List: ds}
	}
	rt := emu.New(func(line string) { t.Log(line) })
	if err := vm.Run(p, rt, vm.Options{}); err != nil {
		return errors.New(neurolang.Render(set, err, diag.Style{}))
	}
	return nil
}

// point is a program that holds the derivative of a kernel's expression of x[i], y[i] beside
// differences.
const point = `@kernel
fn op(x: Tensor<[N], f32>, y: Tensor<[N], f32>) -> Tensor<[N], f32> by [i: 8] { %s }

fn loss(x: &Tensor<[8], f32>, y: &Tensor<[8], f32>) -> Tensor<[1], f32> {
    sum(op(x, y) * Tensor::from([1.0, -2.0, 0.5, 1.5, -1.0, 2.0, 0.25, 3.0], [8], f32))
}

fn nudged(v: &[float], at: int, h: float) -> Tensor<[8], f32> {
    var out = [0.0; 0];
    for i in 0..8 { out.push(if i == at { v[i] + h } else { v[i] }); }
    Tensor::from(out, [8], f32)
}

fn main() {
    let xs = [0.3, 0.7, 1.2, 0.9, 1.8, 0.45, 1.05, 0.6];
    let ys = [0.8, 0.2, 1.6, 1.1, 0.5, 1.9, 0.35, 1.4];
    let (gx, gy) = grad(loss, wrt=[0, 1])(&nudged(&xs, 0, 0.0), &nudged(&ys, 0, 0.0));
    let h = 0.004;
    for i in 0..8 {
        let up = loss(&nudged(&xs, i, h), &nudged(&ys, 0, 0.0)).item();
        let down = loss(&nudged(&xs, i, 0.0 - h), &nudged(&ys, 0, 0.0)).item();
        assert_close(gx[i], (up - down) / (2.0 * h), 2e-3);
        let high = loss(&nudged(&xs, 0, 0.0), &nudged(&ys, i, h)).item();
        let low = loss(&nudged(&xs, 0, 0.0), &nudged(&ys, i, 0.0 - h)).item();
        assert_close(gy[i], (high - low) / (2.0 * h), 2e-3);
    }
}
`

// TestPoints derives every elementwise operation, and reductions within a program's tile.
func TestPoints(t *testing.T) {
	for _, x := range []string{
		"x[i] + y[i]", "x[i] - y[i]", "x[i] * y[i]", "x[i] / y[i]", "-x[i] * y[i]",
		"exp(x[i]) * y[i]", "exp2(x[i])", "ln(x[i]) + y[i]", "log2(y[i])", "sqrt(x[i])",
		"rsqrt(x[i])", "rcp(y[i])", "sin(x[i])", "cos(y[i])", "tanh(x[i])", "sigmoid(y[i])",
		"erf(x[i])", "abs(x[i] - 1.0)", "max(x[i], y[i])", "min(x[i], y[i])",
		"where(x[i] > y[i], x[i] * 3.0, y[i])", "(x[i] as f16) as f32 * 0.0 + y[i]",
		"x[i] * sum(y[i], axis=0, keep=true)", "exp(x[i] - max(x[i], axis=0, keep=true)) * y[i]",
		"x[i] / sum(x[i] * x[i], axis=0, keep=true)", "x[i] * x[i] * x[i] + 2.0 * y[i]",
		"reshape(sum(reshape(x[i], [2, 4]), axis=0, keep=true) * reshape(y[i], [2, 4]), [8])",
		"sum(expand(x[i], axis=1) * expand(y[i], axis=0), axis=1)",
		"{ let a = x[i]; let b = a * a; b * y[i] + a }",
	} {
		t.Run(x, func(t *testing.T) {
			if err := run(t, "point.nl", fmt.Sprintf(point, x)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTransformer derives a block of a transformer.
func TestTransformer(t *testing.T) {
	src, err := os.ReadFile("testdata/transformer.nl")
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t, "transformer.nl", string(src)); err != nil {
		t.Error(err)
	}
}

// TestHost derives arithmetic of the host, loops, calls, structs and closures.
func TestHost(t *testing.T) {
	for _, c := range []struct{ name, src string }{
		{"floats", `fn f(x: float) -> float { exp(x) * sin(x) + sqrt(x) / x - ln(x) * tanh(x) + pow(x, 3.0) }
fn main() { assert_close(grad(f)(1.3), (f(1.30001) - f(1.29999)) / 0.00002, 1e-4); }`},
		{"loop", `fn f(x: float) -> float { var y = x; for i in 0..4 { y = y * x + float(i); } y }
fn main() { assert_close(grad(f)(1.1), (f(1.1001) - f(1.0999)) / 0.0002, 1e-4); }`},
		{"branch", `fn f(x: float) -> float { var y = 0.0; for i in 0..3 { if i == 1 { y += x * x; } else { y += x; } } y }
fn main() { assert_close(grad(f)(2.0), 6.0); }`},
		{"both", `fn f(x: float, y: float) -> float { x * y + y }
fn main() { let (v, g) = value_and_grad(f, wrt=[1])(3.0, 2.0); assert_close(v, 8.0); assert_close(g, 4.0); }`},
		{"unused", `fn f(x: &Tensor<[2], f32>, y: &Tensor<[2], f32>) -> Tensor<[1], f32> { sum(x) }
fn main() { let z = Tensor::zeros([2], f32); let (a, b) = grad(f, wrt=[0, 1])(&z, &z); assert_eq(a[1], 1.0); assert_eq(b[0], 0.0); }`},
		{"closure", `fn apply(f: fn(float) -> float, x: float) -> float { f(f(x)) }
fn f(x: float) -> float { apply(|y| y * x, x) }
fn main() { assert_close(grad(f)(2.0), 12.0); }`},
		{"views", `fn f(x: &Tensor<[2, 3], f32>) -> Tensor<[1], f32> { let y = x.t().reshape([6]); sum(y * y) }
fn main() { let g = grad(f)(&Tensor::iota([2, 3], f32)); assert_eq(g[1, 2], 10.0); }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := run(t, c.name+".nl", c.src); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefuses holds what cannot be derived to its words.
func TestRefuses(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"fn f(x: float) -> float { var y = x; while y < 9.0 { y = y * 2.0; } y }\n" +
			"fn main() { print(grad(f)(1.0)); }", "a while loop cannot be derived"},
		{"fn f(x: float, n: int) -> float { var y = x; for i in 0..n { y = y * x; } y }\n" +
			"fn main() { print(grad(f)(1.0, 2)); }", "known at run time only"},
		{"@kernel\nfn k(x: Tensor<[N], f32>) -> Tensor<[N], f32> by [i: 8] { var s = x[i]; for n in 0..3 { s = s * 2.0; } s }\n" +
			"fn f(x: &Tensor<[8], f32>) -> Tensor<[1], f32> { sum(k(x)) }\n" +
			"fn main() { print(grad(f)(&Tensor::zeros([8], f32))); }", "not elementwise"},
	} {
		err := run(t, "x.nl", c.src)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n%v", c.src, err)
		}
	}
}
