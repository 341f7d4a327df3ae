package ir

import (
	"tensoros/hw/num"
	"tensoros/hw/spec/gpu"
	"tensoros/neurolang/tile"
)

var operandFormats = map[tile.Elem]num.Format{
	tile.F16: num.F16, tile.BF16: num.BF16, tile.TF32: num.TF32,
}

// unitOf looks the constants of mma.sync with f32 accumulation up.
func unitOf(target int, e tile.Elem) (unit, error) {
	r, err := gpu.LookupMMA(target, gpu.MMASync, operandFormats[e], num.F32)
	return unit{r.G, r.F}, err
}
