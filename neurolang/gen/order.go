package gen

import (
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// bandRows is how many rows of tiles go together, so that what they share stays in L2; bandHeads
// how many rows of programs of unlike length.
const (
	bandRows  = 8
	bandHeads = 16
)

// number finds this program's index on each axis; the last one runs fastest, but the two last ones
// of kernels with dots in bands of rows.
func (g *gen) number(program wir.Arg) {
	axes := g.k.Axes
	g.programs = make([]wir.Arg, len(axes))
	rest := program
	defer g.inPair()
	if g.hop != nil && g.hop.uneven {
		g.longest(program)
		return
	}
	for i := len(axes) - 1; i >= 0; i-- {
		if i == 0 {
			g.programs[0] = rest
			break
		}
		if i == 1 && len(g.dots()) > 0 && !chained(g.dots()) {
			g.programs[0], g.programs[1] = g.band(rest, g.count(0), g.count(1), bandRows)
			break
		}
		g.programs[i], rest = g.split(rest, g.count(i))
	}
}

// split takes the fastest index off a number.
func (g *gen) split(at, n wir.Arg) (index, rest wir.Arg) {
	if n.Is(1) {
		return wir.Int(0), at
	}
	rest = g.b.Op(wir.R, "div.u32", at, n)
	return g.b.Sub(at, g.b.Mul(rest, n)), rest
}

// band walks over rows and columns in bands of some rows, columns slower than the rows of a band.
func (g *gen) band(t, rows, cols wir.Arg, most int) (row, col wir.Arg) {
	b := g.b
	per := b.Mul(cols, wir.Int(most))
	first := b.Op(wir.R, "div.u32", t, b.Reg(wir.R, per))
	r := b.Sub(t, b.Mul(first, per))
	first = b.Mul(first, wir.Int(most))
	high := b.Op(wir.R, "min.s32", b.Reg(wir.R, b.Sub(rows, first)), wir.Int(most))
	col = b.Op(wir.R, "div.u32", r, high)
	return b.Add(first, b.Sub(r, b.Mul(col, high))), col
}

// longest starts with the programs that take longest.
func (g *gen) longest(t wir.Arg) {
	h, b := g.hop, g.b
	others := wir.Int(1)
	for i := range g.k.Axes {
		if i != h.long {
			others = b.Mul(others, g.count(i))
		}
	}
	row, col := g.band(t, others, g.count(h.long), bandHeads)
	if h.up {
		col = b.Sub(b.Sub(g.count(h.long), wir.Int(1)), col)
	}
	g.programs[h.long] = col
	for i := len(g.k.Axes) - 1; i >= 0; i-- {
		if i != h.long {
			g.programs[i], row = g.split(row, g.count(i))
		}
	}
}

// planUneven finds an axis along which loops with loads of rings run unequally often.
func (g *gen) planUneven() {
	for a := range g.k.Axes {
		g.k.Body.Walk(func(op *tir.Op) {
			if op.Kind == tir.For && g.loads(op) && !g.hop.uneven {
				hi, lo := g.varies(op.Args[1], a), g.varies(op.Args[0], a)
				if hi || lo {
					g.hop.uneven, g.hop.long, g.hop.up = true, a, hi
				}
			}
		})
	}
}
