package main

import (
	"encoding/binary"
	"fmt"
	"math"

	"tensoros/conformance/cuda"
	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/chip"
)

// attention is a published point: so many heads over all batches, queries and keys, columns.
type attention struct {
	heads, len, dim int
	causal          bool
	micros, cycles  float64 // cycles: 0 if only a time is published
}

// The points of FlashGPU-Sim's tables [S]; its FA3 tests have batches of 16384 queries (or 8192 or
// 32768) and 2048 columns over all heads, FA2 32 batches of 256 queries.
var (
	flash2Points = []attention{
		{32 * 32, 256, 64, false, 99.168, 140113.924242},
		{32 * 16, 256, 128, false, 82.976, 120424.166667},
		{32 * 32, 256, 64, true, 86.016, 123712.439394},
		{32 * 16, 256, 128, true, 80.352, 112769.69697},
	}
	flash3Points = []attention{
		{16 * 32, 512, 64, false, 119.392, 0}, {16 * 32, 512, 64, true, 88.16, 0},
		{16 * 16, 512, 128, false, 71.712, 0}, {16 * 16, 512, 128, true, 65.312, 0},
		{64 * 32, 512, 64, false, 465.92, 0}, {64 * 32, 512, 64, true, 336.45, 0},
		{64 * 16, 512, 128, false, 268.26, 0}, {64 * 16, 512, 128, true, 244.06, 0},
		{32 * 32, 1024, 64, false, 804.06, 0}, {32 * 32, 1024, 64, true, 515.3, 0},
		{32 * 16, 1024, 128, false, 457.6, 0}, {32 * 16, 1024, 128, true, 305.12, 0},
		{16 * 32, 2048, 64, false, 1240, 0}, {16 * 32, 2048, 64, true, 734.4, 0},
		{16 * 16, 2048, 128, false, 842.72, 0}, {16 * 16, 2048, 128, true, 470.14, 0},
		{8 * 32, 4096, 64, false, 2350, 0}, {8 * 32, 4096, 64, true, 1300, 0},
		{8 * 16, 4096, 128, false, 1610, 0}, {8 * 16, 4096, 128, true, 841.18, 0},
		{4 * 32, 8192, 64, false, 4380, 0}, {4 * 32, 8192, 64, true, 2330, 0},
		{4 * 16, 8192, 128, false, 3110, 0}, {4 * 16, 8192, 128, true, 1590, 0},
	}
)

const (
	srcFlash2   = "FlashGPU-Sim, FA2 forward on H100, Nsight Compute [S]"
	srcFlash3   = "FlashGPU-Sim, FA3 forward on H100 [S]"
	flash2Allow = 10
	flash3Allow = 9
	// flash3Clock is implied by the name of the source's log and the ratio of its simulator's
	// cycles to time; it is not stated.
	flash3Clock = 1500e6
	noteFlash   = " (conformance/cuda), not the authors' build; 1/%d of the SMs with as much of " +
		"the rates of L2 and HBM, and as many heads of it; "
	noteFlash2 = "our kernel flash2.cu" + noteFlash + "the clock is the source's cycles over its " +
		"time; 168-248 bytes that ptxas spills are not modelled"
	noteFlash3 = "our kernel flash3.cu" + noteFlash + "%.1f of %.1f waves, the rest in " +
		"proportion; clock 1500 MHz, which the source implies and does not state"
)

func (p *attention) String() string {
	mask := "full"
	if p.causal {
		mask = "causal"
	}
	return fmt.Sprintf("%d heads, %d keys, %d columns, %s", p.heads, p.len, p.dim, mask)
}

func attentionRows() (rows []vrow) {
	for _, p := range flash2Points {
		rows = append(rows, vrow{"h100", "FA2 " + p.String(), "clk", p.cycles, 0, srcFlash2,
			predicted, flash2Allow, fmt.Sprintf(noteFlash2, flash2Part),
			func() (float64, error) { return flash2(&p) }})
	}
	for _, p := range flash3Points {
		f := flash3FormOf(&p)
		ran, all := f.waves(&p, f.heads(&p), flash3SMs), f.waves(&p, p.heads, 132)
		rows = append(rows, vrow{"h100", "FA3 " + p.String(), "us", p.micros, 0, srcFlash3,
			predicted, flash3Allow, fmt.Sprintf(noteFlash3, flash3Part, ran, all),
			func() (float64, error) { return f.run(&p) }})
	}
	return rows
}

// partOf is a chip with a part of the SMs and of what they share, at a clock. L2 keeps its size,
// for a head needs as much of it whoever works on it.
func partOf(c *chip.Chip, part, clock float64) (*chip.Chip, error) {
	rates := []struct {
		key   string
		whole bool
	}{{"sm.count", true}, {"l2.rate", false}, {"l2.slices", true}, {"hbm.rate", false},
		{"hbm.channels", true}}
	c, err := c.With("sm.clock", fmt.Sprint(clock))
	for _, r := range rates {
		if err != nil {
			return nil, err
		}
		v := c.Get(r.key) / part
		if r.whole {
			v = math.Round(v)
		}
		c, err = c.With(r.key, fmt.Sprint(v))
	}
	return c, err
}

// entryOn opens a chip alone, timed and without matrix arithmetic, and finds a kernel of the
// corpus.
func entryOn(c *chip.Chip, file, kernel string) (*gpu.Accelerator, *gpu.Kernel, error) {
	a, err := gpu.New(c, gpu.Options{Timed: true, Dry: true})
	if err != nil {
		return nil, nil, err
	}
	text, err := cuda.Text(file)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := parsedOnce(file+".ptx", text)
	if err != nil {
		return nil, nil, err
	}
	m, err := a.Place(parsed)
	if err != nil {
		return nil, nil, err
	}
	k, err := m.Entry(kernel)
	return a, k, err
}

func attentionKernel(p *attention) string {
	name := fmt.Sprintf("flash%d", p.dim)
	if p.causal {
		name += "_causal"
	}
	return name
}

// flash2Part is how much smaller the chip is that FA2 runs on: its grid has few waves, and has as
// many there.
const flash2Part = 11

func flash2(p *attention) (cycles float64, err error) {
	c, err := partOf(chip.H100, flash2Part, p.cycles/p.micros*1e6)
	if err != nil {
		return 0, err
	}
	a, k, err := entryOn(c, "flash2", attentionKernel(p))
	if err != nil {
		return 0, err
	}
	defer a.Close()
	heads := (p.heads + flash2Part/2) / flash2Part
	var params []byte
	for range 4 {
		at, err := a.Alloc(heads * p.len * p.dim * 2)
		if err != nil {
			return 0, err
		}
		params = binary.LittleEndian.AppendUint64(params, uint64(at))
	}
	params = binary.LittleEndian.AppendUint32(params, uint32(p.len))
	params = binary.LittleEndian.AppendUint32(params, scaleOf(p))
	keys := 128 * 64 / p.dim
	r, err := k.Run(hw.Grid{Blocks: [3]uint32{uint32(p.len / 128), uint32(heads), 1},
		Threads: [3]uint32{128, 1, 1}, Shared: (128 + 2*keys) * p.dim * 2, Params: params})
	return float64(r.Cycles), err
}

// scaleOf is the kernels' last argument: scores are taken to base 2.
func scaleOf(p *attention) uint32 {
	return math.Float32bits(float32(math.Log2E / math.Sqrt(float64(p.dim))))
}

// flash3Form is a kernel of flash3.cu: queries and keys of a tile, CTAs of a cluster.
type flash3Form struct {
	kernel                 string
	queries, keys, cluster int
}

const (
	// flash3Part is how much smaller the chip is that FA3 runs on. On all SMs the same waves take
	// 1 % less (128 columns, 512 keys, full, 4 waves) and 3 % more (1024 keys, causal, 12 waves).
	flash3Part = 22
	flash3SMs  = 132 / flash3Part
	// flash3Work is tiles of keys that are enough for an SM, so that long rows take no longer than
	// short ones; flash3Least the waves that it gets all the same.
	flash3Work  = 150
	flash3Least = 6
)

// flash3FormOf is the kernel that the paper's code picks, as recalled [R].
func flash3FormOf(p *attention) flash3Form {
	f := flash3Form{attentionKernel(p), 192, 128, 1}
	if p.dim == 128 {
		f.queries = 128
		if !p.causal {
			f.kernel, f.keys, f.cluster = f.kernel+"_pair", 176, 2
		}
	}
	return f
}

func (f *flash3Form) tiles(p *attention) int { return (p.len + f.queries - 1) / f.queries }

// waves are the tiles of queries an SM, of so many heads on so many. Without a mask CTAs take
// tiles in turn, so one has the most; else they take them as they get ready.
func (f *flash3Form) waves(p *attention, heads int, sms float64) float64 {
	w := float64(heads*f.tiles(p)) / sms
	if !p.causal {
		w = math.Ceil(w)
	}
	return w
}

// heads are as many as the part of the chip would have, or what is enough. A masked tile of keys is
// half of one on average.
func (f *flash3Form) heads(p *attention) int {
	each := (p.len + f.keys - 1) / f.keys
	if p.causal {
		each = each/2 + 1
	}
	tiles := max(flash3Work/each, flash3Least) * flash3SMs
	return min((tiles+f.tiles(p)-1)/f.tiles(p), (p.heads+flash3Part/2)/flash3Part)
}

func (f *flash3Form) run(p *attention) (micros float64, err error) {
	c, err := partOf(chip.H100, flash3Part, flash3Clock)
	if err != nil {
		return 0, err
	}
	a, k, err := entryOn(c, "flash3", f.kernel)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	tiles, heads := f.tiles(p), f.heads(p)
	var params []byte
	for _, high := range []int{64, f.queries, f.keys / f.cluster, f.keys / f.cluster} {
		m, err := headsMap(a, heads, p.len, p.dim, high)
		if err != nil {
			return 0, err
		}
		params = append(params, m...)
	}
	taken, err := a.Alloc(4)
	if err != nil {
		return 0, err
	}
	params = binary.LittleEndian.AppendUint64(params, uint64(taken))
	for _, v := range []uint32{uint32(tiles), uint32(heads), uint32(p.len), scaleOf(p)} {
		params = binary.LittleEndian.AppendUint32(params, v)
	}
	g := hw.Grid{Blocks: [3]uint32{flash3SMs, 1, 1}, Params: params,
		Threads: [3]uint32{uint32(2*f.queries + 128), 1, 1},
		Shared:  (f.queries + 4*f.keys) * p.dim * 2}
	if f.cluster > 1 {
		g.Cluster = [3]uint32{uint32(f.cluster), 1, 1}
	}
	r, err := k.Run(g)
	all, ran := f.waves(p, p.heads, flash3SMs*flash3Part), f.waves(p, heads, flash3SMs)
	return r.Elapsed / 1e3 * all / ran, err
}

// headsMap allocates heads of rows of bf16 and describes them, with boxes of so many rows.
func headsMap(a *gpu.Accelerator, heads, rows, cols, high int) ([]byte, error) {
	at, err := a.Alloc(heads * rows * cols * 2)
	if err != nil {
		return nil, err
	}
	t := spec.TensorMap{Type: spec.TensorBF16, Rank: 3, Base: uint64(at), Swizzle: spec.Swizzle128}
	t.Dims = [5]uint64{uint64(cols), uint64(rows), uint64(heads)}
	t.Strides[0], t.Strides[1] = uint64(cols*2), uint64(rows*cols*2)
	t.Box = [5]uint32{64, uint32(high), 1}
	t.ElementStrides = [5]uint32{1, 1, 1}
	p, err := a.TensorMap(&t)
	return p[:], err
}
