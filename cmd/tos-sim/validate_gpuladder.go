package main

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/chip"
)

// rung is a step of a published ladder of products of 4096 x 16384 by 16384 x 8192, and our kernel
// for it (conformance/cuda/ladder.cu): columns of a block's tile, shared memory.
type rung struct {
	name         string
	millis       float64 // published
	kernel       string
	cols, shared int
}

var ladder = []rung{
	{"f32, an element a thread", 296.2, "ladder_naive", 32, 0},
	{"mma.sync from global memory", 26.0, "ladder_mma", 128, 0},
	{"cp.async to shared memory, k 8", 17.9, "ladder_shared8", 128, 0},
	{"cp.async to shared memory, k 32", 11.6, "ladder_shared32", 128, 0},
	{"wgmma", 6.3, "ladder_wgmma", 128, 32 << 10},
	{"wgmma, two stages", 4.5, "ladder_double", 128, 64 << 10},
	{"wgmma, TMA, 128 x 128", 4.6, "ladder_tma", 128, 96 << 10},
	{"wgmma, TMA, 128 x 256", 3.65, "ladder_tma_wide", 256, 144 << 10},
}

const (
	srcLadder   = "public slide deck CUDA Performance Study - H100 SXM5 [S]"
	ladderAllow = 20
	ladderFLOP  = 2.0 * 4096 * 16384 * 8192
	ladderPart  = 11
	ladderRows  = 1024 // of the products that we time, 4 tiles of 128 x 128 an SM
	ladderCols  = 768
	ladderK     = 2048
	noteLadder  = "our kernel ladder.cu (conformance/cuda), not the authors', whose tiles are stated " +
		"for TMA only; 1/11 of the SMs with as much of the rates of L2 and HBM; 1024 x 2048 by " +
		"2048 x 768 (f32: 256 x 1024 by 1024 x 192), operands soon in L2, which those of the slides " +
		"never are"
)

// ladderTable is the rates, shown, and what each step gains over the one before it,
// gated.
func ladderTable() (rows []vrow) {
	rates := map[string]float64{}
	rate := func(r *rung) (float64, error) {
		if v, ok := rates[r.kernel]; ok {
			return v, nil
		}
		v, err := r.rate()
		rates[r.kernel] = v
		return v, err
	}
	for i := range ladder {
		r := &ladder[i]
		rows = append(rows, vrow{"h100", "tf32 " + r.name, "TFLOP/s",
			ladderFLOP / r.millis / 1e9, 0, srcLadder, shown, 0, noteLadder,
			func() (float64, error) { return rate(r) }})
	}
	for i := range ladder[1:] {
		from, to := &ladder[i], &ladder[i+1]
		rows = append(rows, vrow{"h100", "gain of " + to.name, "x", from.millis / to.millis, 0,
			srcLadder, predicted, ladderAllow, noteLadder, func() (float64, error) {
				v, err := rate(from)
				if err != nil {
					return 0, err
				}
				w, err := rate(to)
				return w / v, err
			}})
	}
	rows = append(rows, vrow{"h100", "steps up and down as published", "steps",
		float64(len(ladder) - 1), 0, srcLadder, predicted, 1, noteLadder,
		func() (n float64, err error) {
			for i := range ladder[1:] {
				v, err := rate(&ladder[i])
				if err != nil {
					return 0, err
				}
				w, err := rate(&ladder[i+1])
				if err != nil {
					return 0, err
				}
				if (w > v) == (ladder[i+1].millis < ladder[i].millis) {
					n++
				}
			}
			return n, nil
		}})
	return rows
}

// rate is a kernel's on a part of the chip, in TFLOP/s of the whole.
func (r *rung) rate() (float64, error) {
	c, err := partOf(chip.H100, ladderPart, chip.H100.Get("sm.clock"))
	if err != nil {
		return 0, err
	}
	a, k, err := entryOn(c, "ladder", r.kernel)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	rows, cols, depth := ladderRows, ladderCols, ladderK
	high, threads := 128, uint32(256)
	if r.cols == 32 {
		rows, cols, depth, high, threads = rows/4, cols/4, depth/2, 32, 1024
	}
	at, err := a.Alloc(rows * cols * 4)
	if err != nil {
		return 0, err
	}
	params := binary.LittleEndian.AppendUint64(nil, uint64(at))
	for _, m := range [][2]int{{rows, 128}, {cols, r.cols}} {
		p, err := ladderOperand(a, r, m[0], depth, m[1])
		if err != nil {
			return 0, err
		}
		for len(p) > 8 && len(params)%spec.TensorMapAlign != 0 {
			params = append(params, 0)
		}
		params = append(params, p...)
	}
	params = binary.LittleEndian.AppendUint32(params, uint32(cols))
	params = binary.LittleEndian.AppendUint32(params, uint32(depth))
	run, err := k.Run(hw.Grid{Blocks: [3]uint32{uint32(cols / r.cols), uint32(rows / high), 1},
		Threads: [3]uint32{threads, 1, 1}, Shared: r.shared, Params: params})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", r.kernel, err)
	}
	return 2 * float64(rows) * float64(cols) * float64(depth) / run.Elapsed / 1e3 * ladderPart, nil
}

// ladderOperand is an argument: a pointer to rows of f32, or a map of them.
func ladderOperand(a *gpu.Accelerator, r *rung, rows, cols, high int) ([]byte, error) {
	at, err := a.Alloc(rows * cols * 4)
	if err != nil || r.kernel != "ladder_tma" && r.kernel != "ladder_tma_wide" {
		return binary.LittleEndian.AppendUint64(nil, uint64(at)), err
	}
	t := spec.TensorMap{Type: spec.TensorF32, Rank: 2, Base: uint64(at), Swizzle: spec.Swizzle128}
	t.Dims = [5]uint64{uint64(cols), uint64(rows)}
	t.Strides[0] = uint64(cols * 4)
	t.Box = [5]uint32{32, uint32(high)}
	t.ElementStrides = [5]uint32{1, 1}
	p, err := a.TensorMap(&t)
	return p[:], err
}
