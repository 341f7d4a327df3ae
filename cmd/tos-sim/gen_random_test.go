package main

import (
	"fmt"
	"testing"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// chance is a small generator with a fixed course.
type chance uint32

func (c *chance) n(n int) int {
	*c = *c*1664525 + 1013904223
	return int(*c>>8) % n
}

func oneOf[T any](c *chance, list ...T) T { return list[c.n(len(list))] }

// genRandom makes a kernel of random operations on integers, which are exact in any order.
func genRandom(seed, steps int) *tir.Kernel {
	c := chance(seed*7919 + 1)
	rows, cols := oneOf(&c, 1, 4, 8, 12, 32, 64), oneOf(&c, 2, 8, 16, 20, 64, 128)
	m, n := abi.Dim{Sym: "M"}, abi.Dim{Sym: "N"}
	layouts := []tile.Layout{tile.RowMajor, tile.ColMajor}
	k := &tir.Kernel{Name: "random",
		Params: []abi.Param{{Name: "x", Tensor: true, Elem: tile.I32, Dims: []abi.Dim{m, n},
			Layout: layouts[c.n(2)]}},
		Outs: []abi.Param{{Name: "y", Tensor: true, Elem: tile.I32, Dims: []abi.Dim{m, n},
			Layout: layouts[c.n(2)], Access: abi.Write}},
		Axes: []abi.Axis{{Name: "i", Dim: m, Block: rows}, {Name: "j", Dim: n, Block: cols}}}
	b := tir.NewBuilder(k)
	at := func(axis int) *tir.Value {
		return b.Binary(tir.Mul, b.Op(tir.Program, tir.Attrs{Axis: axis}, tir.Scalar(tile.I32)),
			b.Index(k.Axes[axis].Block))
	}
	i, j := at(0), at(1)
	x := b.Load(0, []int{rows, cols}, []*tir.Value{i, j}, nil)
	full := x.Type
	pool := []*tir.Value{x, b.Op(tir.Iota, tir.Attrs{Axis: c.n(2)}, full)}
	any := func() *tir.Value { return pool[c.n(len(pool))] }
	for range steps {
		pool = append(pool, randomStep(&c, b, any(), any(), full))
	}
	if c.n(2) == 0 {
		last := pool[len(pool)-1]
		pool = append(pool, b.For(b.Index(0), b.Index(3), b.Index(1), 0,
			[]*tir.Value{last, any()}, func(i *tir.Value, v []*tir.Value) []*tir.Value {
				return []*tir.Value{randomStep(&c, b, v[1], v[0], full),
					b.Binary(tir.Add, v[0], b.Broadcast(i, full.Dims))}
			})...)
	}
	b.Store(1, []int{rows, cols}, b.Binary(tir.Add, pool[len(pool)-1], any()), i, j)
	b.Yield()
	return k
}

// randomStep makes a tile of the full shape out of two.
func randomStep(c *chance, b *tir.Builder, x, y *tir.Value, t tir.Type) *tir.Value {
	axis := c.n(2)
	swap := []int{1, 0}
	flat := []int{t.Len()}
	switch c.n(12) {
	case 0:
		return b.Binary(oneOf(c, tir.Add, tir.Sub, tir.Max, tir.Min, tir.Xor), x, y)
	case 1:
		return b.Op(tir.Select, tir.Attrs{}, t, b.Binary(oneOf(c, tir.Lt, tir.Ge, tir.Ne), x, y),
			x, y)
	case 2, 3:
		r := b.Reduce(oneOf(c, tir.Add, tir.Max, tir.Min, tir.Xor), axis, x)
		return b.Binary(tir.Add, b.Broadcast(r, t.Dims), y)
	case 4:
		return b.Op(tir.Scan, tir.Attrs{Axis: axis, Comb: oneOf(c, tir.Add, tir.Max)}, t, x)
	case 5:
		z := b.Transpose(x, swap)
		r := b.Reduce(tir.Add, axis, z)
		z = b.Binary(tir.Sub, z, b.Broadcast(r, z.Type.Dims))
		return b.Binary(tir.Add, b.Transpose(z, swap), y)
	case 6:
		z := b.Reshape(x, flat)
		z = b.Op(tir.Scan, tir.Attrs{Comb: tir.Xor}, z.Type, z)
		return b.Reshape(z, t.Dims)
	case 7:
		if n := t.Dims[axis]; n&(n-1) == 0 && n > 1 {
			return b.Op(tir.XorShuffle, tir.Attrs{Axis: axis, Mask: c.n(n)}, t, x)
		}
		return b.Binary(tir.Or, x, y)
	case 8:
		if n := t.Dims[axis]; n&(n-1) == 0 {
			s := b.Append(tir.Sort, tir.Attrs{Axis: axis}, []tir.Type{t, t}, x, y)
			return s.Results[c.n(2)]
		}
		return b.Binary(tir.And, x, y)
	case 9:
		z := b.Cast(b.Cast(x, oneOf(c, tile.I8, tile.U8)), tile.I32)
		return b.Binary(tir.Mul, z, b.Cast(b.Binary(tir.Lt, x, y), tile.I32))
	case 10:
		n := t.Dims[axis]
		z := b.Op(tir.Join, tir.Attrs{Axis: axis}, t.Keep(axis, 2*n), x, y)
		return b.Op(tir.Slice, tir.Attrs{Axis: axis, Int: int64(c.n(n + 1))}, t, z)
	}
	r := b.Op(tir.ArgReduce, tir.Attrs{Axis: axis, Comb: oneOf(c, tir.Max, tir.Min)},
		t.Keep(axis, 1), x)
	return b.Binary(tir.Sub, x, b.Broadcast(r, t.Dims))
}

func TestGenRandom(t *testing.T) {
	n := 80
	if testing.Short() {
		n = 30
	}
	for seed := range n {
		k := genRandom(seed, 2+seed%9)
		if err := k.Verify(); err != nil {
			t.Fatal(seed, err)
		}
		c := &genCase{text: k.String(), dims: map[string]int{"M": 64 + seed%3, "N": 128 + seed%2},
			fill: func(_, i int) float64 { return float64(i*i%173 - 80) }}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			genRun(t, c, []int{80, 90, 89}[seed%3])
		})
	}
}

// genRandomDot makes a kernel whose loop adds up products of halves, perhaps twice in a chain. Its
// numbers are small integers, so that sums are exact in any order.
func genRandomDot(seed int) *tir.Kernel {
	c := chance(seed*104729 + 3)
	e := oneOf(&c, tile.F16, tile.BF16)
	m, n, kk := oneOf(&c, 16, 64, 128), oneOf(&c, 16, 64, 128), oneOf(&c, 16, 64)
	d := oneOf(&c, 32, 64)
	layouts := []tile.Layout{tile.RowMajor, tile.ColMajor}
	dm, dn, dk := abi.Dim{Sym: "M"}, abi.Dim{Sym: "N"}, abi.Dim{Sym: "K"}
	turned := c.n(2) == 0 // b is stored [N, K]
	bDims := []abi.Dim{dk, dn}
	if turned {
		bDims = []abi.Dim{dn, dk}
	}
	chained := c.n(2) == 0
	if chained { // a: M x d whole, b: K x d keys, v: K x n
		bDims = []abi.Dim{dk, {Const: d}}
	}
	aDims := []abi.Dim{dm, dk}
	if chained {
		aDims = []abi.Dim{dm, {Const: d}}
	}
	k := &tir.Kernel{Name: "dots", Params: []abi.Param{
		{Name: "a", Tensor: true, Elem: e, Dims: aDims, Layout: layouts[c.n(2)]},
		{Name: "b", Tensor: true, Elem: e, Dims: bDims, Layout: layouts[c.n(2)]},
		{Name: "v", Tensor: true, Elem: e, Dims: []abi.Dim{dk, dn}, Layout: layouts[c.n(2)]}},
		Outs: []abi.Param{{Name: "c", Tensor: true, Elem: oneOf(&c, tile.F32, e),
			Dims: []abi.Dim{dm, dn}, Layout: layouts[c.n(2)], Access: abi.Write}},
		Axes: []abi.Axis{{Name: "i", Dim: dm, Block: m}, {Name: "j", Dim: dn, Block: n}}}
	b := tir.NewBuilder(k)
	at := func(axis int) *tir.Value {
		return b.Binary(tir.Mul, b.Op(tir.Program, tir.Attrs{Axis: axis}, tir.Scalar(tile.I32)),
			b.Index(k.Axes[axis].Block))
	}
	i, j := at(0), at(1)
	zero := b.Float(tir.Of(tile.F32, m, n), 0)
	a0 := b.Index(0)
	var whole *tir.Value
	if chained {
		whole = b.Load(0, []int{m, d}, []*tir.Value{i, a0}, nil)
	}
	swap := []int{1, 0}
	end := b.Op(tir.Extent, tir.Attrs{Sym: "K"}, tir.Scalar(tile.I32))
	body := func(at *tir.Value, v []*tir.Value) []*tir.Value {
		if chained {
			keys := b.Transpose(b.Load(1, []int{kk, d}, []*tir.Value{at, a0}, nil), swap)
			s := b.Dot(whole, keys, b.Float(tir.Of(tile.F32, m, kk), 0))
			top := b.Broadcast(b.Reduce(tir.Min, 1, s), s.Type.Dims)
			s = b.Binary(tir.Max, b.Binary(tir.Sub, s, top), b.Float(s.Type, 2))
			s = b.Binary(tir.Min, s, b.Float(s.Type, 5))
			vals := b.Load(2, []int{kk, n}, []*tir.Value{at, j}, nil)
			acc := v[0]
			if c.n(2) == 0 {
				acc = b.Binary(tir.Mul, acc, b.Float(acc.Type, -1))
			}
			return []*tir.Value{b.Dot(b.Cast(s, e), vals, acc)}
		}
		x := b.Load(0, []int{m, kk}, []*tir.Value{i, at}, nil)
		var y *tir.Value
		if turned {
			y = b.Transpose(b.Load(1, []int{n, kk}, []*tir.Value{j, at}, nil), swap)
		} else {
			y = b.Load(1, []int{kk, n}, []*tir.Value{at, j}, nil)
		}
		if c.n(3) == 0 {
			x = b.Binary(tir.Add, x, x)
		}
		return []*tir.Value{b.Dot(x, y, v[0])}
	}
	sum := b.For(a0, end, b.Index(kk), 0, []*tir.Value{zero}, body)[0]
	if c.n(2) == 0 {
		sum = b.Binary(tir.Sub, sum, b.Broadcast(b.Reduce(tir.Max, c.n(2), sum), sum.Type.Dims))
	}
	b.Store(3, []int{m, n}, b.Cast(sum, k.Outs[0].Elem), i, j)
	b.Yield()
	return k
}

func TestGenRandomDot(t *testing.T) {
	n := 36
	if testing.Short() {
		n = 15
	}
	for seed := range n {
		k := genRandomDot(seed)
		if err := k.Verify(); err != nil {
			t.Fatal(seed, err)
		}
		c := &genCase{text: k.String(), fill: func(_, i int) float64 { return float64(i*i%7 - 3) },
			dims: map[string]int{"M": []int{256, 72, 129}[seed%3], "N": []int{128, 136, 65}[seed%3],
				"K": []int{128, 72, 50}[seed/3%3]}}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			genRun(t, c, []int{90, 80}[seed%2])
		})
	}
}
