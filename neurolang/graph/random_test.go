package graph

import (
	"bytes"
	"fmt"
	"math/rand"
	"testing"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/tir/interp"
	"tensoros/neurolang/vm"
)

// vector is a pointwise kernel over vectors.
func vector(name string, block int, op tir.Kind) *tir.Kernel {
	k := &tir.Kernel{Name: name, Params: []abi.Param{tensor("x", sym("N"), abi.Read),
		tensor("y", sym("N"), abi.Read)}, Outs: []abi.Param{tensor("result", sym("N"), abi.Write)},
		Axes: []abi.Axis{{Name: "i", Dim: abi.Dim{Sym: "N"}, Block: block}}}
	b := tir.NewBuilder(k)
	p := b.Op(tir.Program, tir.Attrs{}, tir.Scalar(tile.I32))
	i := []*tir.Value{b.Binary(tir.Mul, p, b.Index(block))}
	x, y := b.Load(0, []int{block}, i, nil), b.Load(1, []int{block}, i, nil)
	b.Store(2, []int{block}, b.Binary(op, x, y), i...)
	b.Yield()
	return k
}

// update adds y to x in place.
func update(bm, bn int) *tir.Kernel {
	k := add(bm, bn)
	k.Name, k.Outs = "update", nil
	k.Params[0].Access = abi.Update
	k.Body.Walk(func(op *tir.Op) {
		if op.Kind == tir.Store {
			op.Param = 0
		}
	})
	return k
}

// both has two results.
func both(bm, bn int) *tir.Kernel {
	k := &tir.Kernel{Name: "both", Params: []abi.Param{tensor("x", sym("M", "N"), abi.Read)},
		Outs: []abi.Param{tensor("p", sym("M", "N"), abi.Write),
			tensor("q", sym("M", "N"), abi.Write)},
		Axes: []abi.Axis{{Name: "i", Dim: abi.Dim{Sym: "M"}, Block: bm},
			{Name: "j", Dim: abi.Dim{Sym: "N"}, Block: bn}}}
	b := tir.NewBuilder(k)
	var at []*tir.Value
	for axis, n := range []int{bm, bn} {
		p := b.Op(tir.Program, tir.Attrs{Axis: axis}, tir.Scalar(tile.I32))
		at = append(at, b.Binary(tir.Mul, p, b.Index(n)))
	}
	x := b.Load(0, []int{bm, bn}, at, nil)
	b.Store(1, []int{bm, bn}, b.Binary(tir.Mul, x, x), at...)
	b.Store(2, []int{bm, bn}, b.Unary(tir.Neg, x), at...)
	b.Yield()
	return k
}

// randomGraph makes a graph over matrices of 20 x 20.
func randomGraph(t *testing.T, r *rand.Rand) *Graph {
	g := &Graph{Name: "random"}
	square := constant(20, 20)
	alive := []*Value{g.Param("a", square, true), g.Param("b", square, false)}
	row := g.Param("c", constant(20), true)
	any := func() *Value { return alive[r.Intn(len(alive))] }
	block := func() int { return 1 << (1 + r.Intn(5)) }
	made := map[string]*tir.Kernel{}
	kernel := func(name string, make func(bm, bn int) *tir.Kernel) *tir.Kernel {
		bm, bn := block(), block()
		key := fmt.Sprintf("%s_%d_%d", name, bm, bn)
		if made[key] == nil {
			made[key] = make(bm, bn)
			made[key].Name = key
		}
		return made[key]
	}
	s := g.Append(&Node{Op: Scalar, Num: 0.01}, Type{Elem: tile.F32}).Results[0]
	for range 4 + r.Intn(10) {
		var v *Value
		switch r.Intn(11) {
		case 0:
			v = launch(t, g, kernel("matmul", matmul), any(), any())
		case 1, 2:
			v = launch(t, g, kernel("add", add), any(), any())
		case 3:
			v = launch(t, g, kernel("bias", bias), any(), row)
		case 4:
			v = launch(t, g, kernel("scale", scale), any(), s)
		case 5:
			v = launch(t, g, kernel("sums", sums), any())
		case 6:
			n := &Node{Op: Launch, Kernel: kernel("both", both), Args: []*Value{any()}}
			g.Append(n, square, square)
			alive = append(alive, n.Results[0])
			v = n.Results[1]
		case 7:
			v = g.Append(&Node{Op: Copy, Args: []*Value{any()}}, square).Results[0]
		case 8:
			x := g.Append(&Node{Op: Reshape, Args: []*Value{any()}}, constant(400)).Results[0]
			y := g.Append(&Node{Op: Reshape, Args: []*Value{any()}}, constant(400)).Results[0]
			k := kernel("vector", func(bm, _ int) *tir.Kernel { return vector("v", 8*bm, tir.Sub) })
			z := launch(t, g, k, x, y)
			v = g.Append(&Node{Op: Reshape, Args: []*Value{z}}, square).Results[0]
		case 9:
			v = g.Append(&Node{Op: Transpose, Args: []*Value{any()}}, square).Results[0]
		case 10:
			c := g.Append(&Node{Op: Copy, Args: []*Value{any()}}, square).Results[0]
			v = launch(t, g, kernel("update", update), c, any())
		}
		alive = append(alive, v)
	}
	f := g.Append(&Node{Op: Fill, Fill: vm.Fill{Kind: vm.FillUniform, Seed: 4}}, square).Results[0]
	g.Results = []*Value{launch(t, g, kernel("add", add), any(), f)}
	if v := alive[len(alive)-1]; !v.source().Lent && v.source().Node != nil {
		g.Results = append(g.Results, v)
	}
	return g
}

func TestRandomGraphsKeepTheirMeaning(t *testing.T) {
	launches := [2]int{}
	for seed := range int64(300) {
		g := randomGraph(t, rand.New(rand.NewSource(seed)))
		if err := g.Verify(); err != nil {
			t.Fatal(err)
		}
		args := []Arg{random(1, 20, 20), random(2, 20, 20), random(3, 20)}
		want, err := g.Run(args, interp.Options{Target: 90})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			for _, n := range g.Nodes {
				if n.Op == Launch {
					launches[i]++
				}
			}
			if i > 0 {
				break
			}
			if err := g.Optimize(); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, g)
			}
		}
		got, err := g.Run(args, interp.Options{Target: 90})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i := range want {
			if !bytes.Equal(got[i].Tensor.Data, want[i].Tensor.Data) {
				t.Errorf("seed %d: result %d is another\n%s", seed, i, g)
			}
		}
	}
	t.Logf("%d launches became %d", launches[0], launches[1])
}
