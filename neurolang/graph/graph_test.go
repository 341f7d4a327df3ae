package graph

import (
	"bytes"
	"strings"
	"testing"

	"tensoros/internal/golden"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/vm"
)

func sym(names ...string) (out []abi.Dim) {
	for _, n := range names {
		out = append(out, abi.Dim{Sym: n})
	}
	return out
}

func tensor(name string, dims []abi.Dim, a abi.Access) abi.Param {
	return abi.Param{Name: name, Tensor: true, Elem: tile.F32, Dims: dims, Layout: tile.RowMajor,
		Access: a}
}

// kernel makes a kernel over results of M x N in blocks; body gives the tile.
func kernel(name string, bm, bn int, params []abi.Param,
	body func(b *tir.Builder, i, j *tir.Value) *tir.Value) *tir.Kernel {
	k := &tir.Kernel{Name: name, Params: params, Outs: []abi.Param{tensor("result", sym("M", "N"),
		abi.Write)}, Axes: []abi.Axis{{Name: "i", Dim: abi.Dim{Sym: "M"}, Block: bm},
		{Name: "j", Dim: abi.Dim{Sym: "N"}, Block: bn}}}
	b := tir.NewBuilder(k)
	start := func(axis, block int) *tir.Value {
		p := b.Op(tir.Program, tir.Attrs{Axis: axis}, tir.Scalar(tile.I32))
		if block == 1 {
			return p
		}
		return b.Binary(tir.Mul, p, b.Index(block))
	}
	i, j := start(0, bm), start(1, bn)
	b.Store(len(params), []int{bm, bn}, body(b, i, j), i, j)
	b.Yield()
	return k
}

func matmul(bm, bn int) *tir.Kernel {
	return kernel("matmul", bm, bn, []abi.Param{tensor("a", sym("M", "K"), abi.Read),
		tensor("b", sym("K", "N"), abi.Read)}, func(b *tir.Builder, i, j *tir.Value) *tir.Value {
		acc := b.Float(tir.Type{Dims: []int{bm, bn}, Elem: tile.F32}, 0)
		k := b.Op(tir.Extent, tir.Attrs{Sym: "K"}, tir.Scalar(tile.I32))
		return b.For(b.Index(0), k, b.Index(8), 0, []*tir.Value{acc},
			func(k *tir.Value, c []*tir.Value) []*tir.Value {
				x := b.Load(0, []int{bm, 8}, []*tir.Value{i, k}, nil)
				y := b.Load(1, []int{8, bn}, []*tir.Value{k, j}, nil)
				return []*tir.Value{b.Dot(x, y, c[0])}
			})[0]
	})
}

func add(bm, bn int) *tir.Kernel {
	return kernel("add", bm, bn, []abi.Param{tensor("x", sym("M", "N"), abi.Read),
		tensor("y", sym("M", "N"), abi.Read)}, func(b *tir.Builder, i, j *tir.Value) *tir.Value {
		at := []*tir.Value{i, j}
		x := b.Load(0, []int{bm, bn}, at, nil)
		return b.Binary(tir.Add, x, b.Load(1, []int{bm, bn}, at, nil))
	})
}

func bias(bm, bn int) *tir.Kernel {
	return kernel("bias", bm, bn, []abi.Param{tensor("x", sym("M", "N"), abi.Read),
		tensor("b", sym("N"), abi.Read)}, func(b *tir.Builder, i, j *tir.Value) *tir.Value {
		x := b.Load(0, []int{bm, bn}, []*tir.Value{i, j}, nil)
		y := b.Load(1, []int{bn}, []*tir.Value{j}, nil)
		return b.Binary(tir.Add, x, b.Broadcast(y, x.Type.Dims))
	})
}

func scale(bm, bn int) *tir.Kernel {
	p := []abi.Param{tensor("x", sym("M", "N"), abi.Read), {Name: "by", Elem: tile.F32}}
	return kernel("scale", bm, bn, p, func(b *tir.Builder, i, j *tir.Value) *tir.Value {
		x := b.Load(0, []int{bm, bn}, []*tir.Value{i, j}, nil)
		return b.Unary(tir.Exp, b.Binary(tir.Mul, x, b.Broadcast(b.K.Body.Args[0], x.Type.Dims)))
	})
}

// sums gives every element the sum of its block's row: not pointwise, it sees what lies outside.
func sums(bm, bn int) *tir.Kernel {
	return kernel("sums", bm, bn, []abi.Param{tensor("x", sym("M", "N"), abi.Read)},
		func(b *tir.Builder, i, j *tir.Value) *tir.Value {
			x := b.Load(0, []int{bm, bn}, []*tir.Value{i, j}, nil)
			return b.Broadcast(b.Reduce(tir.Add, 1, x), x.Type.Dims)
		})
}

func matrix(m, n string) Type {
	return Type{Tensor: true, Elem: tile.F32, Dims: sym(m, n), Layout: tile.RowMajor}
}

func constant(dims ...int) Type {
	t := Type{Tensor: true, Elem: tile.F32, Layout: tile.RowMajor}
	for _, d := range dims {
		t.Dims = append(t.Dims, abi.Dim{Const: d})
	}
	return t
}

func launch(t testing.TB, g *Graph, k *tir.Kernel, args ...*Value) *Value {
	t.Helper()
	n := &Node{Op: Launch, Kernel: k, Args: args}
	types, err := n.Infer()
	if err != nil {
		t.Fatal(err)
	}
	return g.Append(n, types...).Results[0]
}

// layer is exp(s * (x @ w + b + x @ w)) + x @ w, twice computed on purpose.
func layer(t testing.TB) *Graph {
	g := &Graph{Name: "layer"}
	x := g.Param("x", matrix("M", "K"), true)
	w := g.Param("w", matrix("K", "N"), true)
	b := g.Param("b", Type{Tensor: true, Elem: tile.F32, Dims: sym("N")}, true)
	mm := matmul(16, 16)
	h := launch(t, g, mm, x, w)
	again := launch(t, g, mm, x, w)
	s := g.Append(&Node{Op: Scalar, Num: 0.125}, Type{Elem: tile.F32}).Results[0]
	h2 := launch(t, g, bias(8, 32), h, b)
	launch(t, g, sums(16, 16), h2) // nobody wants it
	h3 := launch(t, g, add(1, 64), h2, again)
	h4 := launch(t, g, scale(8, 32), h3, s)
	g.Results = []*Value{launch(t, g, add(32, 8), h4, h)}
	return g
}

// chain is a graph of known sizes with a softmax of sorts that sees edges.
func chain(t testing.TB) *Graph {
	g := &Graph{Name: "chain"}
	x := g.Param("x", constant(20, 24), false)
	w := g.Param("w", constant(24, 36), true)
	h := launch(t, g, matmul(16, 16), x, w)
	ex := launch(t, g, scale(16, 16), h, g.Append(&Node{Op: Scalar, Num: 0.5},
		Type{Elem: tile.F32}).Results[0])
	s := launch(t, g, sums(16, 16), ex)
	f := &Node{Op: Fill, Fill: vm.Fill{Kind: vm.FillRandn, Seed: 3}}
	r := g.Append(f, constant(36, 20)).Results[0]
	tr := g.Append(&Node{Op: Transpose, Args: []*Value{r}}, Type{Tensor: true, Elem: tile.F32,
		Dims: constant(20, 36).Dims, Layout: tile.ColMajor}).Results[0]
	c := g.Append(&Node{Op: Copy, Args: []*Value{tr}}, tr.Type).Results[0]
	_ = c
	mm := matmul(32, 32)
	mm.Name = "large"
	y := launch(t, g, mm, s, r)
	z := launch(t, g, mm, y, g.Append(&Node{Op: Fill,
		Fill: vm.Fill{Kind: vm.FillUniform, Seed: 9}}, constant(20, 48)).Results[0])
	part := g.Append(&Node{Op: Slice, Args: []*Value{z}, Lo: 4, Hi: 12}, constant(8, 48)).Results[0]
	u := launch(t, g, add(8, 16), part, part)
	g.Results = []*Value{u}
	return g
}

func random(seed uint64, dims ...int) Arg {
	t := interp.NewTensor(tile.F32, tile.RowMajor, dims...)
	s := vm.Spec{Shape: dims, Elem: tile.F32, Layout: tile.RowMajor}
	copy(t.Data, vm.Fill{Kind: vm.FillRandn, Seed: seed}.Bytes(&s))
	return Arg{Tensor: t}
}

// result runs a graph on the same arguments every time.
func result(t testing.TB, g *Graph) []byte {
	t.Helper()
	args := []Arg{random(1, 20, 12), random(2, 12, 36), random(3, 36)}
	if g.Name == "chain" {
		args = []Arg{random(1, 20, 24), random(2, 24, 36)}
	}
	out, err := g.Run(args, interp.Options{Target: 90})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Tensor.Data
}

func TestPasses(t *testing.T) {
	for _, make := range []func(testing.TB) *Graph{layer, chain} {
		g := make(t)
		if err := g.Verify(); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "testdata/"+g.Name+".graph", []byte(g.Text()))
		want := result(t, g)
		for _, p := range Passes {
			p.Run(g)
			if err := g.Verify(); err != nil {
				t.Fatalf("%s: %v\n%s", p.Name, err, g.Text())
			}
			golden.Check(t, "testdata/"+g.Name+"."+p.Name+".graph", []byte(g.Text()))
			if !bytes.Equal(result(t, g), want) {
				t.Errorf("%s after %s computes something else", g.Name, p.Name)
			}
		}
		golden.Check(t, "testdata/"+g.Name+".plan", []byte(g.PlanText()))
	}
}

func TestTextRoundTrips(t *testing.T) {
	for _, g := range []*Graph{layer(t), chain(t)} {
		if err := g.Optimize(); err != nil {
			t.Fatal(err)
		}
		p, err := Parse(g.Text())
		if err != nil {
			t.Fatalf("%v\n%s", err, g.Text())
		}
		if p.Text() != g.Text() {
			t.Errorf("it became\n%s", p.Text())
		}
		if !bytes.Equal(result(t, p), result(t, g)) {
			t.Error("what was read computes something else")
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	const head = "graph @g {\n  param %0: f32[M, N] lent \"x\"\n  param %1: f32[4, 8]\n"
	for text, want := range map[string]string{
		"  %2: f32[M, N] = transpose %0\n":                           "is f32[N, M]",
		"  %2: f32[N, M] col = transpose %9\n":                       "not there yet",
		"  free %1\n  %2: f32[4, 8] = copy %1\n":                     "was freed",
		"  %2: f32[8, 8] = slice 0..8 %1\n":                          "slice 0..8",
		"  %2: f32[4, 8] = launch @k %1\n":                           "no kernel",
		"  %2: f32[4, 8] = copy %1, %0\n":                            "2 arguments",
		"  %2: f32[4, 8] = nonsense %1\n":                            "no operation",
		"  %1: f32[4, 8] = copy %1\n":                                "defined twice",
		"  %2: f33[4, 8] = copy %1\n":                                "no element type",
		"  %2: f32[8, 4] col = transpose %1\n  free %1\n  free %2\n": "was freed",
		"  %2: f32[4, 8] = fill zeroes\n":                            "no contents",
		"  %2: f32[4, 8] = scalar 1\n":                               "1 results",
		"  %2: f32[M, N] = reshape %0\n  return %2\n":                "is the caller's",
	} {
		if !strings.Contains(text, "return") {
			text += "  return\n"
		}
		_, err := Parse(head + text + "}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(layer(f).Text())
	f.Add(chain(f).Text())
	f.Fuzz(func(t *testing.T, text string) {
		g, err := Parse(text)
		if err != nil {
			return
		}
		if err := g.Optimize(); err != nil {
			t.Fatal(err)
		}
		if p, err := Parse(g.Text()); err != nil || p.Text() != g.Text() {
			t.Errorf("%v: %s", err, g.Text())
		}
	})
}
