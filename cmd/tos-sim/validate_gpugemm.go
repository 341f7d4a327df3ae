package main

import (
	_ "embed"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"tensoros/conformance/cuda"
	"tensoros/hw"
	"tensoros/hw/ptx"
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/chip"
)

//go:embed data/gemm_h100.csv
var gemmTable string

// shape is a batch of products of m x k with k x n.
type shape struct{ b, m, n, k int }

func (s shape) String() string { return fmt.Sprintf("%dx%dx%dx%d", s.b, s.m, s.n, s.k) }

func (s shape) flops() float64 {
	return 2 * float64(s.b) * float64(s.m) * float64(s.n) * float64(s.k)
}

const (
	srcXLAGEMM = "OpenXLA GEMM table, H100, 2025-08, bf16 [S]"
	noteKernel = "our own kernel (conformance/cuda/gemm.cu), the fastest of its tiles, against " +
		"cuBLAS and Triton; to its cycles comes the time of a tiny kernel in a row, 2.4 us " +
		"(gpu-benches, H200 [S]), because the table holds what a launch costs"
	gemmAllow = 15
	// gemmThreads simulate; the outcome does not depend on it.
	gemmThreads = 2
	// launchCost is that time, in seconds.
	launchCost = 2.4e-6
)

// gemmRows are the published products.
func gemmRows() []vrow {
	r := csv.NewReader(strings.NewReader(gemmTable))
	r.Comment = '#'
	list, err := r.ReadAll()
	if err != nil {
		panic("tos-sim: data/gemm_h100.csv: " + err.Error())
	}
	var rows []vrow
	for _, f := range list[1:] {
		var v [5]int
		for i := range v {
			if v[i], err = strconv.Atoi(f[i]); err != nil {
				panic("tos-sim: data/gemm_h100.csv: " + err.Error())
			}
		}
		s := shape{v[0], v[1], v[2], v[3]}
		rows = append(rows, vrow{"h100", "gemm " + s.String(), "TFLOP/s",
			s.flops() / float64(v[4]) / 1e3, 0, srcXLAGEMM, predicted, gemmAllow, noteKernel,
			func() (float64, error) {
				t, err := gemmTime(chip.H100, s)
				return s.flops() / (t + launchCost) / 1e12, err
			}})
	}
	return rows
}

// gemmTile is a kernel of gemm.cu: columns of a tile, stages, CTAs of a cluster.
type gemmTile struct {
	kernel                string
	cols, stages, cluster int
	splits                int
}

var (
	gemm256x2 = gemmTile{"gemm256x2", 256, 4, 2, 1}
	gemm128x2 = gemmTile{"gemm128x2", 128, 6, 2, 1}
	gemm64    = gemmTile{"gemm64", 64, 7, 1, 1}
)

// tilesFor picks the kernels that may be the fastest, as a library's heuristics do: wide tiles if
// they fill the SMs, narrower ones beside them if they do not.
func tilesFor(s shape, sms int) []gemmTile {
	wide := s.b * s.m / 128 * s.n / 256
	var list []gemmTile
	switch {
	case wide >= 4*sms:
		return []gemmTile{gemm256x2}
	case wide >= sms/2:
		list = []gemmTile{gemm256x2, gemm128x2}
	case wide*2 >= sms/2:
		list = []gemmTile{gemm128x2, gemm64}
	default:
		list = []gemmTile{gemm64}
	}
	// k is split where whole tiles leave half of the SMs idle and every part is long enough.
	for _, t := range []gemmTile{{"gemm256x2s", 256, 4, 2, 1}, {"gemm128x2s", 128, 6, 2, 1}} {
		tiles := s.b * s.m / 128 * s.n / t.cols
		for t.splits*2*tiles <= sms && s.k/(2*t.splits) >= 1024 {
			t.splits *= 2
		}
		if t.splits > 1 {
			list = append(list, t)
		}
	}
	return list
}

// gemmTime is the time of the fastest kernel in seconds, from the first CTA to the last.
func gemmTime(c *chip.Chip, s shape) (best float64, err error) {
	for _, t := range tilesFor(s, int(c.Get("sm.count"))) {
		v, err := gemmRun(c, s, &t)
		if err != nil {
			return 0, err
		}
		if best == 0 || v < best {
			best = v
		}
	}
	return best, nil
}

// gemmRun times one kernel; its operands come from HBM.
func gemmRun(c *chip.Chip, s shape, t *gemmTile) (float64, error) {
	a, err := gpu.New(c, gpu.Options{Timed: true, Dry: true, Threads: gemmThreads})
	if err != nil {
		return 0, err
	}
	defer a.Close()
	text, err := cuda.Text("gemm")
	if err != nil {
		return 0, err
	}
	parsed, err := parsedOnce("gemm.ptx", text)
	if err != nil {
		return 0, err
	}
	m, err := a.Place(parsed)
	if err != nil {
		return 0, err
	}
	k, err := m.Entry(t.kernel)
	if err != nil {
		return 0, err
	}
	var params []byte
	for _, x := range []struct{ rows, cols, high int }{
		{s.b * s.m, s.n, 64}, {s.b * s.m, s.k, 128}, {s.b * s.n, s.k, t.cols / t.cluster}} {
		p, err := matrixMap(a, x.rows, x.cols, x.high, 64)
		if err != nil {
			return 0, err
		}
		params = append(params, p...)
	}
	rows, across := s.b*s.m/128, s.n/t.cols
	for _, v := range []int{rows, across, s.k / 64, s.m / 128, t.splits} {
		params = binary.LittleEndian.AppendUint32(params, uint32(v))
	}
	sms := int(c.Get("sm.count"))
	r, err := k.Run(hw.Grid{Blocks: [3]uint32{uint32(min(sms, rows*across*t.splits)), 1, 1},
		Threads: [3]uint32{384, 1, 1}, Params: params,
		Shared: t.stages*(128+t.cols)*64*2 + 128*min(t.cols, 128)*2})
	return r.Elapsed * 1e-9, err
}

// matrixMap allocates a row-major matrix of bf16 and describes it, with boxes of so many rows and
// columns.
func matrixMap(a *gpu.Accelerator, rows, cols, high, wide int) ([]byte, error) {
	at, err := a.Alloc(rows * cols * 2)
	if err != nil {
		return nil, err
	}
	t := spec.TensorMap{Type: spec.TensorBF16, Rank: 2, Base: uint64(at), Swizzle: spec.Swizzle128}
	t.Dims[0], t.Dims[1] = uint64(cols), uint64(rows)
	t.Strides[0] = uint64(cols * 2)
	t.Box[0], t.Box[1] = uint32(wide), uint32(high)
	t.ElementStrides[0], t.ElementStrides[1] = 1, 1
	p, err := a.TensorMap(&t)
	return p[:], err
}

var parsedFiles = map[string]*ptx.Module{}

// parsedOnce reads and verifies PTX that many rows use.
func parsedOnce(name string, text []byte) (*ptx.Module, error) {
	if m := parsedFiles[name]; m != nil {
		return m, nil
	}
	m, err := ptx.Parse(name, text)
	if err == nil {
		err = ptx.Verify(m)
	}
	if err == nil {
		parsedFiles[name] = m
	}
	return m, err
}
