package main

import (
	"fmt"

	"tensoros/hw"
	"tensoros/kernel/drv/gpu"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
)

const (
	srcBenches  = "te42kyfo/gpu-benches [S]"
	srcBenchPCI = "te42kyfo/gpu-benches, H100 PCIe [S]"
	srcSlides   = "CUDA Performance Study - H100 SXM5, slides [S]"
	srcStall    = "stall count tests of reprospect; B300 catalogue [S]"
	srcFlash    = "FlashGPU-Sim, H100 configuration: measured [S]"
	srcFlashFit = "FlashGPU-Sim, H100 configuration: a fit [S]"
	srcXLA      = "OpenXLA operation table, H100 [S]"
	srcAccel    = "Accel-Sim configuration [S]"
	srcH200Job  = "H200 job of FlashGPU-Sim [S]"
	srcFastCU   = "pranjalssh/fast.cu, sum reduction [S]"
	srcLuo      = "Luo et al., IPDPS 2024 [N]"
	srcSun      = "Sun et al., arXiv 2206.02874 [R]"
	srcSheet    = "NVIDIA datasheet [R]"
	srcCopyM    = "measured on one H200 [M]"
	srcGEMM     = "OpenXLA GEMM table, H100, 2025-08, bf16 [S]"
)

const (
	noteTable    = "the chip's table holds this figure"
	noteStrides  = "published for L1 hits, run on shared memory: the same array and banks"
	notePCIeCard = "the PCIe card, other clock; the table takes 260 of the SXM part"
	noteSimFit   = "a value that makes another simulator agree, not a measurement"
	noteOneMMA   = "the table has one latency for all types of mma"
	noteLaunch   = "the model has no cost of scheduling"
	noteSpan     = "what the published span holds is not described; ours is from call to semaphore, " +
		"polling included"
	noteGEMM = "not comparable: mma.sync kernel of our compiler against cuBLAS"
	noteTwo  = "two sources that contradict one another; the table has the other"
)

var gpuLeft = []string{
	"tcgen05: not modelled",
	"cluster sizes, whole models, collectives: not modelled",
	"V100, B300: no tables; RTX 4090, B200: no rows",
}

// gpuAllow is the allowance of a microbenchmark, in per cent.
const gpuAllow = 5

func gpuRows() []vrow {
	var rows []vrow
	for _, part := range [][]vrow{chainRows(), rateRows(), tensorRows(), memoryRows(), hopperRows(),
		systemRows()} {
		rows = append(rows, part...)
	}
	return rows
}

// on binds a measurement to a chip.
func on(c *chip.Chip, f func(*chip.Chip) (float64, error)) func() (float64, error) {
	return func() (float64, error) { return f(c) }
}

func chainRow(c *chip.Chip, name, setup, op string, value float64, source, mark string,
	allow float64, note string) vrow {
	return vrow{c.Name, name + ", dependent", "clk", value, 0, source, mark, allow, note,
		func() (float64, error) { return chainOf(c, setup, op) }}
}

const (
	floats  = "mov.f32 %f1, 0f3f800000; mov.f32 %f2, 0f3f800000; mov.f32 %f3, 0f00000000;"
	ints    = "mov.u32 %r10, 1; mov.u32 %r11, 1; mov.u32 %r12, 0;"
	doubles = "mov.f64 %d1, 0d3ff0000000000000; mov.f64 %d2, 0d3ff0000000000000; " +
		"mov.f64 %d3, 0d0000000000000000;"
	// A word of shared memory that holds its own address.
	selfRing = "mov.u32 %r10, %r5; st.shared.u32 [%r10], %r10; bar.sync 0;"
)

func chainRows() []vrow {
	var rows []vrow
	for _, c := range []*chip.Chip{chip.A100, chip.H100} {
		for _, o := range []struct{ name, setup, op string }{
			{"fma.f32", floats, "fma.rn.f32 %f1, %f1, %f2, %f3;"},
			{"add.f32", floats, "add.f32 %f1, %f1, %f3;"},
			{"mul.f32", floats, "mul.f32 %f1, %f1, %f2;"},
			{"add.s32", ints, "add.s32 %r10, %r10, %r12;"},
			{"xor.b32", ints, "xor.b32 %r10, %r10, %r12;"},
			{"mad.lo.s32", ints, "mad.lo.s32 %r10, %r10, %r11, %r12;"},
		} {
			rows = append(rows, chainRow(c, o.name, o.setup, o.op, 4, srcStall, fitted, gpuAllow,
				noteTable))
		}
	}
	h, a := chip.H100, chip.A100
	return append(rows,
		chainRow(h, "ex2.approx.f32", floats, "ex2.approx.ftz.f32 %f1, %f1;", 18.9, srcFlash,
			fitted, gpuAllow, noteTable),
		chainRow(h, "add.f64", doubles, "add.f64 %d1, %d1, %d3;", 8, srcXLA, fitted, gpuAllow,
			noteTable),
		chainRow(h, "fma.f64", doubles, "fma.rn.f64 %d1, %d1, %d2, %d3;", 8, srcXLA, fitted,
			gpuAllow, noteTable),
		chainRow(h, "ld.shared.u32", selfRing, "ld.shared.u32 %r10, [%r10];", 28, srcSlides,
			predicted, gpuAllow, ""),
		chainRow(chip.H200, "ld.shared.u32", selfRing, "ld.shared.u32 %r10, [%r10];", 29, srcAccel,
			shown, 0, noteSimFit),
		chainRow(a, "ld.shared.u32", selfRing, "ld.shared.u32 %r10, [%r10];", 28, srcAccel, shown,
			0, noteSimFit),
		chainRow(a, "ld.shared.u32", selfRing, "ld.shared.u32 %r10, [%r10];", 29, srcLuo, fitted, 0,
			noteTable))
}

// rotate names one of eight registers, so that instructions do not wait for one another.
func rotate(format string) func(i int) string {
	return func(i int) string {
		r := 10 + i%8
		return fmt.Sprintf(format, r)
	}
}

func rateRows() []vrow {
	var rows []vrow
	// lanes is results a clock and SM.
	lanes := func(c *chip.Chip, name, setup, op string, value float64, source, mark string,
		allow float64, note string) {
		rows = append(rows, vrow{c.Name, name + ", throughput", "lane/clk", value, 0, source, mark,
			allow, note, func() (float64, error) {
				v, err := rateOf(c, setup, 1024, 256, rotate(op))
				return 32 / v, err
			}})
	}
	const fma, ex2 = "fma.rn.f32 %%f%[1]d, %%f2, %%f2, %%f%[1]d;", "ex2.approx.ftz.f32 %%f%d, %%f2;"
	const dfma = "fma.rn.f64 %%d%[1]d, %%d2, %%d2, %%d3;"
	lanes(chip.A100, "fma.f32", floats, fma, 64, srcSheet, fitted, 0, noteTable)
	lanes(chip.H100, "fma.f32", floats, fma, 128, srcSheet, fitted, 0, noteTable)
	lanes(chip.H100, "ex2.approx.f32", floats, ex2, 16, srcFlash, predicted, gpuAllow, "")
	rows = append(rows, vrow{"h100", "fma.f64, interval a sub-core", "clk", 2, 0, srcXLA, predicted,
		gpuAllow, "", func() (float64, error) {
			v, err := rateOf(chip.H100, doubles, 1024, 256, func(i int) string {
				return fmt.Sprintf(dfma, 4+i%8)
			})
			return 4 * v, err
		}})
	for _, s := range []struct {
		stride int
		bytes  float64
		mark   string
	}{{1, 126, fitted}, {2, 64, predicted}, {4, 32, predicted}, {8, 16, predicted}} {
		rows = append(rows, vrow{"h200", fmt.Sprintf("ld.shared.f32, stride %d", s.stride), "B/clk",
			s.bytes, 0, srcBenches, s.mark, gpuAllow, noteStrides,
			func() (float64, error) { return sharedRate(chip.H200, s.stride, 1) }})
	}
	rows = append(rows, vrow{"h100", "ld.shared.v4.f32", "B/clk", 128, 0, srcSheet, predicted, 0,
		"", func() (float64, error) { return sharedRate(chip.H100, 4, 4) }})
	return rows
}

// sharedRate is bytes a cycle of loads of n words from shared memory, lanes a stride of words
// apart.
func sharedRate(c *chip.Chip, stride, n int) (float64, error) {
	setup := fmt.Sprintf("\tand.b32 %%r6, %%r1, 31;\n\tmad.lo.s32 %%r6, %%r6, %d, %%r5;\n", 4*stride)
	v, err := rateOf(c, setup, 1024, 256, func(i int) string {
		f := 4 * (i % 4)
		if n == 1 {
			return fmt.Sprintf("ld.shared.f32 %%f%d, [%%r6];", f)
		}
		return fmt.Sprintf("ld.shared.v4.f32 {%%f%d,%%f%d,%%f%d,%%f%d}, [%%r6];", f, f+1, f+2, f+3)
	})
	return float64(32*4*n) / v, err
}

// mmaOp is an mma with accumulators of some kind.
type mmaOp struct {
	name     string
	op       string // shape and types
	half, i8 bool   // accumulators are f16x2, s32
}

var (
	mmaF32 = mmaOp{name: "mma m16n8k16 f16, f32 sums",
		op: "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"}
	mmaF16 = mmaOp{name: "mma m16n8k16 f16, f16 sums", half: true,
		op: "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16"}
	mmaS8 = mmaOp{name: "mma m16n8k32 s8", i8: true,
		op: "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32"}
)

// line is the instruction with its set of accumulators, of four registers.
func (m mmaOp) line(set int) string {
	r := 16 + 4*set
	acc := fmt.Sprintf("{%%f%d,%%f%d,%%f%d,%%f%d}", r, r+1, r+2, r+3)
	switch {
	case m.half:
		acc = fmt.Sprintf("{%%r%d,%%r%d}", r, r+1)
	case m.i8:
		acc = fmt.Sprintf("{%%r%d,%%r%d,%%r%d,%%r%d}", r, r+1, r+2, r+3)
	}
	return fmt.Sprintf("%s %s, {%%r6,%%r7,%%r8,%%r9}, {%%r10,%%r11}, %s;", m.op, acc, acc)
}

const mmaSets = 4

func (m mmaOp) setup() string {
	s := repeat(6, func(i int) string { return fmt.Sprintf("mov.u32 %%r%d, 0;", 6+i) })
	return s + repeat(4*mmaSets, func(i int) string {
		return fmt.Sprintf("mov.u32 %%r%[1]d, 0; mov.f32 %%f%[1]d, 0f00000000;", 16+i)
	})
}

func (m mmaOp) latency(c *chip.Chip) (float64, error) { return chainOf(c, m.setup(), m.line(0)) }

// interval is cycles of a sub-core for each.
func (m mmaOp) interval(c *chip.Chip) (float64, error) {
	v, err := rateOf(c, m.setup(), 512, 64, func(i int) string { return m.line(i % mmaSets) })
	return v * c.Get("sm.subcores"), err
}

func tensorRows() []vrow {
	row := func(c *chip.Chip, m mmaOp, what, unit string, value float64, source, mark, note string,
		f func(*chip.Chip) (float64, error)) vrow {
		return vrow{c.Name, m.name + ", " + what, unit, value, 0, source, mark, 0, note, on(c, f)}
	}
	tflops := func(c *chip.Chip) (float64, error) {
		v, err := mmaF32.interval(c)
		return 4096 / v * c.Get("sm.subcores") * c.Get("sm.count") * c.Get("sm.clock") / 1e12, err
	}
	ratio := func(c *chip.Chip) (float64, error) {
		f, err := mmaF32.interval(c)
		if err != nil {
			return 0, err
		}
		i, err := mmaS8.interval(c)
		return 2 * f / i, err
	}
	const lat, dep = "dependent", "interval a sub-core"
	a, h := chip.A100, chip.H100
	return []vrow{
		row(a, mmaF32, lat, "clk", 33, srcSun, fitted, noteTable, mmaF32.latency),
		row(a, mmaF16, lat, "clk", 24.6, srcLuo, predicted, noteOneMMA, mmaF16.latency),
		row(a, mmaS8, lat, "clk", 26, srcLuo, predicted, noteOneMMA, mmaS8.latency),
		row(h, mmaF32, lat, "clk", 24.1, srcLuo, predicted, "", mmaF32.latency),
		row(h, mmaF32, lat, "clk", 22, srcFlashFit, fitted, noteTable, mmaF32.latency),
		row(h, mmaS8, lat, "clk", 24, srcLuo, predicted, noteOneMMA, mmaS8.latency),
		row(a, mmaF32, "peak", "TFLOP/s", 310.6, srcLuo, fitted, noteTable, tflops),
		row(h, mmaF32, dep, "clk", 6.4, srcLuo+", 62.9 % of peak [D]", fitted, noteTable,
			mmaF32.interval),
		row(h, mmaF32, dep, "clk", 6, srcFlashFit, shown, noteSimFit, mmaF32.interval),
		row(a, mmaS8, "operations against f16", "x", 607.6/310.6, srcLuo, predicted, "", ratio),
		row(h, mmaS8, "operations against f16", "x", 977.9/494.4, srcLuo, predicted, "", ratio),
	}
}

const (
	l2Set = 8 << 20
	// Beyond L2: the first run fills it, so that what counts writes back as much as it dirties.
	hbmShort, hbmLong = 80 << 20, 128 << 20
)

func memoryRows() []vrow {
	hit := func(c *chip.Chip) (float64, error) { return chase(c, ".cg", true) }
	miss := func(c *chip.Chip) (float64, error) { return chase(c, ".cg", false) }
	clk := func(c *chip.Chip, name string, value float64, source, mark string, allow float64,
		note string, f func(*chip.Chip) (float64, error)) vrow {
		return vrow{c.Name, name, "clk", value, 0, source, mark, allow, note, on(c, f)}
	}
	a, h, g := chip.A100, chip.H100, chip.H200
	rows := []vrow{
		clk(a, "ld.global, L2 hit", 211, srcBenches, fitted, gpuAllow, noteTable, hit),
		clk(h, "ld.global, L2 hit", 260, srcSlides, fitted, gpuAllow, noteTable, hit),
		clk(h, "ld.global, L2 hit", 265, srcBenchPCI, predicted, gpuAllow, notePCIeCard, hit),
		clk(a, "ld.global, HBM", 567, srcBenches, fitted, gpuAllow, noteTable, miss),
		clk(h, "ld.global, HBM", 571, srcSlides, fitted, gpuAllow, noteTable, miss),
		clk(h, "ld.global, HBM", 626, srcBenchPCI, shown, 0, "the PCIe card: other memory (HBM2e)",
			miss),
	}
	l2 := streams(func(c *chip.Chip, m mix) (float64, error) {
		return m.stream(c, span{l2Set, 2}, span{l2Set, 6}, true)
	})
	hbm := streams(func(c *chip.Chip, m mix) (float64, error) {
		return m.stream(c, span{hbmShort, 1}, span{hbmLong, 1}, false)
	})
	perClock := func(c *chip.Chip) (float64, error) { return l2(c, mix{1, 0}) }
	bytes := func(c *chip.Chip, name string, low, high float64, source, mark string, allow float64,
		note string, f func(*chip.Chip) (float64, error)) vrow {
		return vrow{c.Name, name, "B/clk", low, high, source, mark, allow, note, on(c, f)}
	}
	rows = append(rows,
		bytes(a, "L2 reads", 3700, 3900, srcBenches, fitted, gpuAllow, noteTable, perClock),
		bytes(h, "L2 reads", 3950, 4100, srcBenchPCI, fitted, gpuAllow, noteTable, perClock),
		bytes(g, "L2 reads", 3743, 0, srcH200Job, predicted, gpuAllow, "", perClock),
		bytes(g, "L2 reads", 4950, 5360, srcBenches, predicted, gpuAllow, noteTwo, perClock),
		bytes(g, "HBM reads", 2235, 0, srcH200Job, predicted, gpuAllow, "",
			func(c *chip.Chip) (float64, error) { return hbm(c, mix{1, 0}) }))
	for _, s := range []struct {
		c      *chip.Chip
		name   string
		m      mix
		gbs    float64
		source string
		mark   string
		note   string
	}{
		{a, "read", mix{1, 0}, 1769, srcBenches, fitted, noteTable},
		{a, "scale", mix{1, 1}, 1732, srcBenches, predicted, ""},
		{a, "triad", mix{2, 1}, 1759, srcBenches, predicted, ""},
		{h, "read", mix{1, 0}, 3240, srcFastCU, fitted, noteTable},
		{g, "read", mix{1, 0}, 3888, srcBenches, fitted, noteTable},
		{g, "init", mix{0, 1}, 3890, srcBenches, predicted, ""},
		{g, "scale", mix{1, 1}, 3165, srcBenches, predicted, ""},
		{g, "triad", mix{2, 1}, 3534, srcBenches, predicted, ""},
	} {
		rows = append(rows, vrow{s.c.Name, "HBM " + s.name, "GB/s", s.gbs, 0, s.source, s.mark,
			gpuAllow, s.note, func() (float64, error) {
				v, err := hbm(s.c, s.m)
				return v * s.c.Get("sm.clock") / 1e9, err
			}})
	}
	return rows
}

// rateFunc is bytes a clock of a mix on a chip.
type rateFunc func(*chip.Chip, mix) (float64, error)

// streams remembers what was measured: some figures are published in two ways.
func streams(measure rateFunc) rateFunc {
	type key struct {
		c *chip.Chip
		m mix
	}
	known := map[key]float64{}
	return func(c *chip.Chip, m mix) (float64, error) {
		k := key{c, m}
		if v, ok := known[k]; ok {
			return v, nil
		}
		v, err := measure(c, m)
		if err == nil {
			known[k] = v
		}
		return v, err
	}
}

func systemRows() []vrow {
	rows := []vrow{
		{"a100", "tiny kernels back to back", "us", 2.6, 2.73, srcBenches, predicted, gpuAllow,
			noteLaunch, func() (float64, error) { return backToBack("a100") }},
		{"h200", "tiny kernels back to back", "us", 2.4, 2.5, srcBenches, predicted, gpuAllow,
			noteLaunch, func() (float64, error) { return backToBack("h200") }},
		{"h200", "launch, end to end", "clk", 8699, 0, srcH200Job, shown, 0, noteSpan, launchAlone},
		{"h200", "copy in VRAM, read + write", "GB/s", 4300, 0, srcCopyM, predicted, 0, "",
			deviceToDevice},
	}
	for _, s := range []struct {
		n      int
		tflops float64
	}{{512, 40.7}} {
		rows = append(rows, vrow{"h100", fmt.Sprintf("examples/matmul.nl, %d^3", s.n), "TFLOP/s",
			s.tflops, 0, srcGEMM, shown, 0, noteGEMM, func() (float64, error) { return gemm(s.n) }})
	}
	return rows
}

// gemm runs the compiled example on an H100 and gives TFLOP/s of the kernel.
func gemm(n int) (float64, error) {
	m, err := newMatmul(n)
	if err != nil {
		return 0, err
	}
	c := chip.H100
	cycles, err := m.cycles(c, memory.New(c.Memory()))
	if err != nil {
		return 0, err
	}
	return 2 * float64(n) * float64(n) * float64(n) / (cycles / c.Get("sm.clock")) / 1e12, nil
}

// tiny is a scale kernel over 64 KiB, as small as the published chain starts with.
const tiny = `.version 8.0
.target sm_80
.address_size 64
.visible .entry tiny(.param .u64 p)
{
	.reg .b32 %r<4>;
	.reg .f32 %f<2>;
	.reg .b64 %rd<4>;
	ld.param.u64 %rd1, [p];
	mov.u32 %r1, %tid.x;
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mad.lo.s32 %r1, %r2, %r3, %r1;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd3, %rd1, %rd2;
	ld.global.f32 %f1, [%rd3];
	add.f32 %f1, %f1, %f1;
	st.global.f32 [%rd3], %f1;
	ret;
}
`

// launches starts a number of tiny kernels at once and calls done when each is over, with the
// GPU's time of its end in ns.
func launches(boardName string, n int, done func(cpu hw.CPU, start, end hw.Time)) error {
	const bytes = 32 << 10 // read and written: 64 KiB
	return onBoard(boardName, func(cpu hw.CPU, _ hw.Function, d *gpu.Device) error {
		at, err := d.Heap.Alloc(bytes)
		if err != nil {
			return err
		}
		defer d.Heap.Release(at, bytes)
		var plans []*gpu.Plan
		for range n {
			p, err := d.Prepare(&gpu.Grid{Entry: "tiny", PTX: tiny, Grid: [3]uint32{32, 1, 1},
				Block: [3]uint32{256, 1, 1}, Params: le64(uint64(at))})
			if err != nil {
				return err
			}
			defer p.Release()
			plans = append(plans, p)
		}
		start := cpu.Now()
		for _, p := range plans {
			if err := p.Start(); err != nil {
				return err
			}
		}
		for _, p := range plans {
			end, err := p.Wait()
			if err != nil {
				return err
			}
			done(cpu, start, end)
		}
		return nil
	})
}

func le64(v uint64) []byte {
	p := make([]byte, 8)
	putBits(p, v)
	return p
}

// backToBack is the time of one of many kernels in a row, in us.
func backToBack(boardName string) (float64, error) {
	const n = 33
	var ends []hw.Time
	err := launches(boardName, n, func(_ hw.CPU, _, end hw.Time) { ends = append(ends, end) })
	if err != nil {
		return 0, err
	}
	return float64(ends[n-1]-ends[0]) / (n - 1) / 1e3, nil
}

// launchAlone is one kernel from the call to the semaphore that the processor sees, in SM cycles.
func launchAlone() (clk float64, err error) {
	err = launches("h200", 1, func(cpu hw.CPU, start, _ hw.Time) {
		clk = float64(cpu.Now()-start) * 1e-9 * chip.H200.Get("sm.clock")
	})
	return clk, err
}

// deviceToDevice copies 64 MiB within VRAM and counts what is read and written.
func deviceToDevice() (rate float64, err error) {
	const n = 64 << 20
	err = onBoard("h200", func(cpu hw.CPU, _ hw.Function, d *gpu.Device) error {
		at, err := d.Heap.Alloc(2 * n)
		if err != nil {
			return err
		}
		defer d.Heap.Release(at, 2*n)
		rate, err = deviceCopy(cpu, d, at+n, at, n)
		return err
	})
	return 2 * rate, err
}
