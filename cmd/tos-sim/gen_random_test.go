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
	n := 150
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
