package interp

import (
	"fmt"
	"math"
	"sort"

	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
	"tensoros/neurolang/tile"
	"tensoros/neurolang/tir"
)

// lines calls f for every line of a tile along an axis with the places of its elements.
func lines(dims []int, axis int, f func(places []int)) {
	inner := 1
	for _, d := range dims[axis+1:] {
		inner *= d
	}
	n := dims[axis]
	places := make([]int, n)
	total := 1
	for _, d := range dims {
		total *= d
	}
	for start := 0; start < total; start += inner * n {
		for j := range inner {
			for i := range places {
				places[i] = start + i*inner + j
			}
			f(places)
		}
	}
}

// along computes Reduce, ArgReduce and Scan.
func (m *machine) along(op *tir.Op, out *Tile) {
	x := m.vals[op.Args[0]]
	e := x.Type.Elem
	line := 0
	// A kept dimension of 1 leaves the lines' order as it is.
	lines(x.Type.Dims, op.Axis, func(at []int) {
		switch op.Kind {
		case tir.Reduce:
			out.V[line] = tree(op.Comb, e, x.V, at)
		case tir.ArgReduce:
			best := 0
			for i := range at {
				a, b := x.V[at[i]], x.V[at[best]]
				if op.Comb == tir.Max && a > b || op.Comb == tir.Min && a < b || b != b && a == a {
					best = i
				}
			}
			out.V[line] = float64(best)
		case tir.Scan:
			out.V[at[0]] = x.V[at[0]]
			for i := 1; i < len(at); i++ {
				out.V[at[i]] = round(e, pair(op.Comb, e, out.V[at[i-1]], x.V[at[i]]))
			}
		}
		line++
	})
}

// tree combines a line by halves; an odd middle waits for the next round.
func tree(k tir.Kind, e tile.Elem, v []float64, at []int) float64 {
	x := make([]float64, len(at))
	for i, p := range at {
		x[i] = v[p]
	}
	for n := len(x); n > 1; {
		half := (n + 1) / 2
		for i := 0; i+half < n; i++ {
			x[i] = round(e, pair(k, e, x[i], x[i+half]))
		}
		n = half
	}
	return x[0]
}

func (m *machine) sort(op *tir.Op) {
	x := m.vals[op.Args[0]]
	out := []*Tile{newTile(x.Type)}
	vals := []*Tile{x}
	if len(op.Args) == 2 {
		vals = append(vals, m.vals[op.Args[1]])
		out = append(out, newTile(vals[1].Type))
	}
	lines(x.Type.Dims, op.Axis, func(at []int) {
		order := append([]int{}, at...)
		sort.SliceStable(order, func(i, j int) bool { return x.V[order[i]] < x.V[order[j]] })
		for t := range out {
			for i, p := range at {
				out[t].V[p] = vals[t].V[order[i]]
			}
		}
	})
	for t, r := range op.Results {
		m.vals[r] = out[t]
	}
}

// shape computes operations that only move elements.
func (m *machine) shape(op *tir.Op, out *Tile) {
	x := m.vals[op.Args[0]]
	if op.Kind == tir.Reshape {
		copy(out.V, x.V)
		return
	}
	at := make([]int, out.Type.Rank())
	from := make([]int, x.Type.Rank())
	for i := range out.V {
		src := x
		switch op.Kind {
		case tir.Broadcast:
			skip := len(at) - len(from)
			for d := range from {
				from[d] = min(at[skip+d], x.Type.Dims[d]-1)
			}
		case tir.Transpose:
			for d, p := range op.Perm {
				from[p] = at[d]
			}
		default:
			copy(from, at)
			switch n := x.Type.Dims[op.Axis]; {
			case op.Kind == tir.XorShuffle:
				from[op.Axis] ^= op.Mask
			case op.Kind == tir.Slice:
				from[op.Axis] += int(op.Int)
			case at[op.Axis] >= n: // Join
				from[op.Axis] -= n
				src = m.vals[op.Args[1]]
			}
		}
		out.V[i] = src.V[linear(from, src.Type.Dims)]
		next(at, out.Type.Dims)
	}
}

func linear(at, dims []int) int {
	i := 0
	for d, n := range dims {
		i = i*n + at[d]
	}
	return i
}

var operandFormats = map[tile.Elem]num.Format{tile.F16: num.F16, tile.BF16: num.BF16,
	tile.TF32: num.TF32, tile.E4M3: num.E4M3, tile.E5M2: num.E5M2}

// dot adds a product to an accumulator: Tensor Core arithmetic in increasing k.
func (m *machine) dot(op *tir.Op) (*Tile, error) {
	a, b, c := m.vals[op.Args[0]], m.vals[op.Args[1]], m.vals[op.Args[2]]
	out := newTile(c.Type)
	rows, cols, kk := c.Type.Dims[0], c.Type.Dims[1], a.Type.Dims[1]
	m.steps += rows * cols * kk
	e := a.Type.Elem
	if format, ok := operandFormats[e]; ok {
		kind := gpu.MMASync
		if m.opt.WGMMA {
			kind = gpu.WGMMA
		}
		r, err := gpu.LookupMMA(m.opt.Target, kind, format, num.F32)
		if err == nil && r.Method == gpu.MMATwoHMMA {
			return out, m.twice(e, a, b, c, out)
		}
		if err != nil || r.Method != gpu.MMADot {
			return out, fmt.Errorf("on %s for sm_%d: no rule of the interpreter (%w)", e,
				m.opt.Target, err)
		}
		unitDot(unit{r.G, r.F}, r.Out, e, a, b, c, out)
		return out, nil
	}
	right := make([]float64, len(b.V)) // by columns
	for i, x := range b.V {
		right[i%cols*kk+i/cols] = x
	}
	for i := range out.V {
		x, y := a.V[i/cols*kk:][:kk], right[i%cols*kk:][:kk]
		acc := c.V[i]
		for k := range x {
			if tir.IsFloat(e) {
				acc = fma(e, x[k], y[k], acc)
			} else {
				acc = round(tile.I32, acc+x[k]*y[k])
			}
		}
		out.V[i] = acc
	}
	return out, nil
}

// unitDot computes a dot by one kind of Tensor Core.
func unitDot(u unit, how gpu.MMAOut, e tile.Elem, a, b, c, out *Tile) {
	cols, kk := c.Type.Dims[1], a.Type.Dims[1]
	f := formats[e]
	left := make([]number, len(a.V))
	for i, x := range a.V {
		left[i] = f.decode(operand(e, x))
	}
	right := make([]number, len(b.V)) // by columns
	for i, x := range b.V {
		right[i%cols*kk+i/cols] = f.decode(operand(e, x))
	}
	for i := range out.V {
		x, y := left[i/cols*kk:][:kk], right[i%cols*kk:][:kk]
		acc := math.Float32bits(float32(c.V[i]))
		if how == gpu.MMAOutE8M13 {
			for len(x) > 0 {
				n := min(u.g, len(x))
				acc = u.dot(x[:n], y[:n], f.frac, acc) &^ 0x3ff
				x, y = x[n:], y[n:]
			}
		} else {
			acc = u.dot(x, y, f.frac, acc)
		}
		out.V[i] = float64(math.Float32frombits(acc))
	}
}

// twice computes a dot of fp8 that runs as two products of f16 an instruction of 32: those whose k
// modulo 4 is 0 or 1, then the others, beginning with 0; c is added last (gpu.MMATwoHMMA).
func (m *machine) twice(e tile.Elem, a, b, c, out *Tile) error {
	r, err := gpu.LookupMMA(m.opt.Target, gpu.MMASync, num.F16, num.F32)
	if err != nil {
		return err
	}
	u, f := unit{r.G, r.F}, formats[tile.F16]
	cols, kk := c.Type.Dims[1], a.Type.Dims[1]
	half := func(x float64) number { return f.decode(uint32(encode(tile.F16, x))) }
	for i := range out.V {
		sum := float32(c.V[i])
		for k := 0; k < kk; k += 32 {
			var acc uint32
			for part := range 2 {
				var x, y []number
				for j := k; j < min(k+32, kk); j++ {
					if j%4/2 == part {
						x = append(x, half(a.V[i/cols*kk+j]))
						y = append(y, half(b.V[j*cols+i%cols]))
					}
				}
				acc = u.dot(x, y, f.frac, acc)
			}
			sum += math.Float32frombits(acc)
		}
		out.V[i] = float64(sum)
	}
	return nil
}

// operand gives the bits of an element as the Tensor Core reads them; tf32 keeps the bits that it
// ignores.
func operand(e tile.Elem, x float64) uint32 {
	if e == tile.TF32 {
		return math.Float32bits(float32(x))
	}
	return uint32(encode(e, x))
}
