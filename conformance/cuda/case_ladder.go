package cuda

import (
	"tensoros/hw/spec/gpu"
)

// The steps of ladder.cu, with the columns of C that a block takes.
var ladderCases = []Case{
	ladder("naive", 32, 0), ladder("mma", 128, 0), ladder("shared8", 128, 0),
	ladder("shared32", 128, 0), ladder("wgmma", 128, 2*128*32*4), ladder("double", 128, 4*128*32*4),
	ladder("tma", 128, 3*(128+128)*32*4), ladder("tma_wide", 256, 3*(128+256)*32*4),
}

// ladder multiplies two tiles by two of whole numbers, whose sums are exact.
func ladder(step string, cols, shared int) Case {
	grid := with(plane(2, 2, 256, 1), shared)
	if step == "naive" {
		grid = with(plane(8, 8, 1024, 1), shared)
	}
	return Case{Name: "ladder/ladder_" + step, Arch: 90, Grid: grid, Args: func() []any {
		const m, k = 256, 224
		n := cols * int(grid.Blocks[0])
		a, b := wholes(m*k, 41, whole), wholes(n*k, 42, whole)
		c := out(byRows[float32, float32](a, b, m, n, k))
		tile := Map{Type: gpu.TensorF32, Cols: k, BoxRows: 128, BoxCols: 32,
			Swizzle: gpu.Swizzle128}
		ta, tb := tile, tile
		ta.Of, ta.Rows = in(a), m
		tb.Of, tb.Rows, tb.BoxRows = in(b), n, cols
		switch step {
		case "naive":
			columns := table(n*k, func(i int) float32 { return b[i%n*k+i/n] })
			return []any{c, ta.Of, in(columns), int32(n), int32(k)}
		case "tma", "tma_wide":
			return []any{c, &ta, &tb, int32(n), int32(k)}
		}
		return []any{c, ta.Of, tb.Of, int32(n), int32(k)}
	}}
}
