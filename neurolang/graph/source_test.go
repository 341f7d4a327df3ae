package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/internal/golden"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/check"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/emu"
	"tensoros/neurolang/graph"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/hostgen"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tirgen"
	"tensoros/neurolang/vm"
)

const network = `
@kernel
fn product(a: Tensor<[M, K], f32>, b: Tensor<[K, N], f32>) -> Tensor<[M, N], f32> by [i: 16, j: 16] {
    var acc = zeros([16, 16], f32);
    for k in spans(K, 8) {
        acc += a[i, k] @ b[k, j];
    }
    acc
}

@kernel
fn shift(x: Tensor<[M, N], f32>, b: Tensor<[N], f32>) -> Tensor<[M, N], f32> by [i: 1, j: 64] { x[i, j] + b[j] }

@kernel
fn squash(x: Tensor<[M, N], f32>) -> Tensor<[M, N], f32> by [i: 8, j: 8] { tanh(x[i, j]) }

@kernel
fn sum2(x: Tensor<[M, N], f32>, y: Tensor<[M, N], f32>, s: f32) -> Tensor<[M, N], f32> by [i: 8, j: 8] {
    x[i, j] * s + y[i, j]
}

struct Layer { w: Tensor<[24, 24], f32>, b: Tensor<[24], f32> }

fn layer(x: &Tensor<[20, 24], f32>, l: &Layer) -> Tensor<[20, 24], f32> {
    squash(shift(product(x, l.w), l.b))
}

@graph
fn network(x: &Tensor<[20, 24], f32>, l: &Layer, s: float) -> Tensor<[20, 24], f32> {
    let one = layer(x, l);
    let two = layer(&one, l);
    let unused = product(two, l.w);
    let three = product(two.t().copy().t(), l.w);
    sum2(layer(&three, l), three, s * 2.0)
}

fn main() {
    let x = Tensor::randn([20, 24], f32, seed=1);
    let l = Layer { w: Tensor::randn([24, 24], f32, seed=2), b: Tensor::randn([24], f32, seed=3) };
    print(network(&x, &l, 0.25));
    print(network(&x, &l, 0.5));
}
`

// built is a program, with its graphs optimised or not.
func built(t *testing.T, optimise bool) (*program.Program, []*graph.Function) {
	t.Helper()
	set := &source.Set{}
	var errs diag.List
	tree, _ := syntax.Parse(set.Add("network.nl", []byte(network)), syntax.Items, &errs)
	p, _ := check.Program(set, tree, &errs, check.Options{})
	if errs.Failed() {
		var b strings.Builder
		_ = diag.Render(&b, set, errs.Sorted(), diag.Style{})
		t.Fatal(b.String())
	}
	code := map[*hir.Kernel]*tir.Kernel{}
	back := map[*tir.Kernel]*hir.Kernel{}
	for _, k := range p.Kernels {
		x, err := tirgen.Kernel(k, set)
		if err != nil {
			t.Fatal(err)
		}
		code[k], back[x] = x, k
	}
	var graphs []*graph.Function
	for _, f := range p.Funcs {
		if !f.Graph || !optimise {
			continue
		}
		g, err := graph.Build(f, func(k *hir.Kernel) *tir.Kernel { return code[k] })
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "testdata/network.graph", []byte(g.String()))
		if err := g.Optimize(); err != nil {
			t.Fatal(err)
		}
		graphs = append(graphs, g)
		f.Body = g.Lower(func(k *tir.Kernel) *hir.Kernel {
			if back[k] == nil {
				back[k] = &hir.Kernel{Name: k.Name}
				code[back[k]] = k
				p.Kernels = append(p.Kernels, back[k])
			}
			return back[k]
		})
	}
	out := &program.Program{Name: "network.nl", Main: -1, Sources: set}
	l := hostgen.NewLinker(out)
	for _, k := range p.Kernels {
		x := code[k]
		l.Kernel(k, &abi.Kernel{Name: x.Name, Params: x.Params, Outs: x.Outs, Axes: x.Axes,
			Source: x.String()})
	}
	l.Link(p, &errs)
	if err := out.Verify(); err != nil || errs.Failed() {
		t.Fatal(err, errs.Sorted())
	}
	return out, graphs
}

func run(t *testing.T, p *program.Program) (out string, launches, peak int) {
	t.Helper()
	var b strings.Builder
	rt := emu.New(func(s string) { b.WriteString(s + "\n") })
	rt.OnLaunch = func(*vm.Launch) error { launches++; return nil }
	if err := vm.Run(p, rt, vm.Options{}); err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	return b.String(), launches, rt.Peak
}

func TestGraphOfSourceText(t *testing.T) {
	plain, _ := built(t, false)
	want, before, peak := run(t, plain)
	p, graphs := built(t, true)
	got, after, arena := run(t, p)
	if got != want || !strings.HasPrefix(got, "[[") {
		t.Errorf("the graph computes something else:\n%s\n%s", got, want)
	}
	golden.Check(t, "testdata/network.plan", []byte(graphs[0].PlanText()))
	cost := fmt.Sprintf("launches %d, then %d; peak %d bytes, then %d\n", before, after,
		peak, arena)
	golden.Check(t, "testdata/network.cost", []byte(cost))
}
