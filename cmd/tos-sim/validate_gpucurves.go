package main

import (
	"encoding/binary"
	"fmt"
	"slices"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
)

// Points of the curves that gpu-benches publishes (commit 1c36d50), quoted singly.

// latencyPoints are cycles of a dependent load against the size of the set in kB, and which
// parameters a point set.
var latencyPoints = []struct {
	on     *chip.Chip
	kB     int
	cycles float64
	set    string
}{
	{chip.A100, 64, 36.1, "l1.latency"}, {chip.A100, 130, 36.4, ""},
	{chip.A100, 177, 149.4, setVictim + " and l1.bytes"}, {chip.A100, 291, 210.4, ""},
	{chip.A100, 2016, 211.0, "l2.latency"}, {chip.A100, 16482, 211.0, ""},
	{chip.A100, 24136, 345.3, setVictim}, {chip.A100, 32129, 424.5, "l2.far"},
	{chip.A100, 47045, 483.7, ""}, {chip.A100, 62620, 567.3, "hbm.latency"},
	{chip.H100PCIe, 64, 34.2, "l1.latency"}, {chip.H100PCIe, 196, 34.7, ""},
	{chip.H100PCIe, 264, 205.8, setVictim + " and l1.bytes"}, {chip.H100PCIe, 431, 265.5, ""},
	{chip.H100PCIe, 2016, 265.4, "l2.latency"}, {chip.H100PCIe, 19946, 265.5, ""},
	{chip.H100PCIe, 29207, 403.2, setVictim}, {chip.H100PCIe, 38878, 477.8, "l2.far"},
	{chip.H100PCIe, 51750, 484.3, ""}, {chip.H100PCIe, 75772, 649.2, "hbm.latency"},
}

const setVictim = "the victim out of five"

// fitNote says by its note that a point set a parameter, and marks it so.
func fitNote(set string) (mark, note string) {
	if set == "" {
		return predicted, ""
	}
	return fitted, "set by it: " + set
}

// streamPoints are GB/s of read, scale, triad and init against the threads of a CTA, two CTAs a SM.
var streamPoints = []struct {
	on      *chip.Chip
	threads int
	gbs     [4]float64
}{
	{chip.A100, 256, [4]float64{619, 1026, 1372, 1506}},
	{chip.A100, 512, [4]float64{1122, 1577, 1659, 1897}},
	{chip.A100, 768, [4]float64{1490, 1678, 1710, 1889}},
	{chip.A100, 1024, [4]float64{1769, 1732, 1759, 1880}},
	{chip.H100PCIe, 256, [4]float64{702, 1037, 1399, 1686}},
	{chip.H100PCIe, 512, [4]float64{1261, 1583, 1675, 2017}},
	{chip.H100PCIe, 768, [4]float64{1680, 1666, 1755, 2016}},
	{chip.H100PCIe, 1024, [4]float64{1942, 1704, 1832, 2016}},
	{h200Boost, 256, [4]float64{935, 1395, 1905, 2196}},
	{h200Boost, 512, [4]float64{1707, 2263, 2919, 3670}},
	{h200Boost, 768, [4]float64{2297, 2844, 3333, 3891}},
	{h200Boost, 1024, [4]float64{2756, 3165, 3534, 3884}},
}

// streamFits are the points that parameters were set by.
var streamFits = map[string]string{"a100 init 256": "cta.refill", "a100 scale 256": "hbm.batch",
	"h100-pcie init 256": "cta.refill", "h200 read 256": "hbm.latency",
	"a100 read 1024": "hbm.rate", "h100-pcie read 1024": "hbm.rate", "a100 scale 1024": "hbm.turn",
	"h100-pcie scale 1024": "hbm.turn", "h200 scale 1024": "hbm.turn"}

// h200Boost is the H200 at the clock that gpu-benches ran it with.
var h200Boost = func() *chip.Chip {
	c, err := chip.H200.With("sm.clock", "1980e6")
	if err != nil {
		panic(err)
	}
	return c
}()

// stridePoints are B/clk of f32 loads that hit L1, lanes a stride of words apart, on H200.
var stridePoints = []struct {
	stride int
	bytes  float64
	set    string
}{{1, 126, "pipe.access"}, {2, 64, ""}, {3, 79, setLines}, {4, 32, ""}, {5, 64, ""}, {6, 55, ""},
	{7, 53, ""}, {8, 16, ""}, {9, 42.6, ""}, {11, 37.5, setLines}}

const setLines = "l1.line_base and l1.line_each"

const curveAllow = 10

func curveRows() []vrow {
	var rows []vrow
	add := func(c *chip.Chip, name, unit string, value float64, set string,
		f func() (float64, error)) {
		mark, note := fitNote(set)
		rows = append(rows, vrow{c.Name, name, unit, value, 0, srcBenches, mark, curveAllow, note,
			f})
	}
	for _, p := range latencyPoints {
		add(p.on, fmt.Sprintf("dependent ld.global, %d kB", p.kB), "clk", p.cycles, p.set,
			func() (float64, error) { return chaseOver(p.on, p.kB*1000) })
	}
	for _, p := range stridePoints {
		add(h200Boost, fmt.Sprintf("ld.global of L1, stride %d", p.stride), "B/clk", p.bytes, p.set,
			func() (float64, error) { return l1Rate(h200Boost, p.stride) })
	}
	for _, p := range streamPoints {
		for i, k := range streamKinds {
			set := streamFits[fmt.Sprintf("%s %s %d", p.on.Name, k.name, p.threads)]
			add(p.on, fmt.Sprintf("%s, 2 x %d threads a SM", k.name, p.threads), "GB/s", p.gbs[i],
				set, func() (float64, error) { return k.rate(p.on, p.threads) })
		}
	}
	return rows
}

// chaseOver is cycles of a load that depends on the one before, over a set visited in a random
// order: one thread, after one pass over the set.
func chaseOver(c *chip.Chip, bytes int) (float64, error) {
	const measured = 4096
	lines := bytes / memory.LineLen
	loop := func(label string, n int) string {
		return fmt.Sprintf("mov.u32 %%r20, %d;\n%s:\n", n, label) +
			repeat(8, func(int) string { return "ld.global.u64 %rd6, [%rd6];" }) +
			fmt.Sprintf("sub.s32 %%r20, %%r20, 8;\nsetp.gt.s32 %%p1, %%r20, 0;\n@%%p1 bra %s;\n", label)
	}
	p := probe{setup: "mov.u64 %rd6, %rd2;\n" + loop("warm", lines), body: loop("run", measured),
		ctas: 1, threads: 1, input: make([]byte, lines*memory.LineLen),
		prepare: func(at uint64, b []byte) { ring(at, b, lines) }}
	v, err := p.cycles(c)
	return v / measured, err
}

// ring links the lines of b to one cycle in a random order (Sattolo's shuffle).
func ring(at uint64, b []byte, lines int) {
	next := make([]uint32, lines)
	for i := range next {
		next[i] = uint32(i)
	}
	x := uint64(88172645463325252)
	for i := lines - 1; i > 0; i-- {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		j := int(x % uint64(i))
		next[i], next[j] = next[j], next[i]
	}
	for i := range next {
		binary.LittleEndian.PutUint64(b[i*memory.LineLen:], at+uint64(next[i])*memory.LineLen)
	}
}

// l1Rate is bytes a cycle of loads from L1.
func l1Rate(c *chip.Chip, stride int) (float64, error) {
	const n = 256
	setup := fmt.Sprintf("\tand.b32 %%r6, %%r1, 31;\n\tmul.wide.u32 %%rd6, %%r6, %d;\n"+
		"\tadd.s64 %%rd6, %%rd6, %%rd2;\n\tld.global.f32 %%f1, [%%rd6];\n\tbar.sync 0;\n", 4*stride)
	load := func(i int) string { return fmt.Sprintf("ld.global.f32 %%f%d, [%%rd6];", 4*(i%8)) }
	p := probe{setup: setup, body: repeat(n, load), ctas: 1, threads: 1024,
		input: make([]byte, 32*4*stride)}
	v, err := p.cycles(c)
	return 32 * 4 * n * 1024 / 32 / v, err
}

// streamKind is one of gpu-benches' streaming kernels: one element of f64 a thread.
type streamKind struct {
	name   string
	arrays int
	body   string // %rd1 ... %rd3 are the element's addresses in the arrays
}

var streamKinds = []streamKind{
	{"read", 2, "ld.global.f64 %d1, [%rd1];\n\tsetp.eq.f64 %p1, %d1, 0d405EC00000000000;\n" +
		"\t@%p1 st.global.f64 [%rd2], %d1;"},
	{"scale", 2, "ld.global.f64 %d1, [%rd1];\n\tmul.f64 %d1, %d1, 0d3FF3333333333333;\n" +
		"\tst.global.f64 [%rd2], %d1;"},
	{"triad", 3, "ld.global.f64 %d1, [%rd1];\n\tld.global.f64 %d2, [%rd3];\n" +
		"\tfma.rn.f64 %d1, %d1, 0d3FF3333333333333, %d2;\n\tst.global.f64 [%rd2], %d1;"},
	{"init", 2, "mov.f64 %d1, 0d405EC00000000000;\n\tst.global.f64 [%rd2], %d1;"},
}

func (k *streamKind) text() string {
	return `.version 8.0
.target sm_80
.address_size 64
.visible .entry stream(.param .u64 b, .param .u64 a, .param .u64 c, .param .u32 n)
{
	.reg .pred %p<2>;
	.reg .b32 %r<8>;
	.reg .b64 %rd<8>;
	.reg .f64 %d<4>;
	ld.param.u64 %rd1, [b];
	ld.param.u64 %rd2, [a];
	ld.param.u64 %rd3, [c];
	ld.param.u32 %r5, [n];
	mov.u32 %r1, %tid.x;
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mad.lo.s32 %r4, %r2, %r3, %r1;
	setp.ge.s32 %p0, %r4, %r5;
	@%p0 bra end;
	mul.wide.s32 %rd4, %r4, 8;
	add.s64 %rd1, %rd1, %rd4;
	add.s64 %rd2, %rd2, %rd4;
	add.s64 %rd3, %rd3, %rd4;
	` + k.body + `
end:
	ret;
}
`
}

// moved is the bytes that a thread reads and writes; dirty is how much of what it touches.
func (k *streamKind) moved() (bytes, dirty float64) {
	switch k.name {
	case "scale":
		return 16, 1. / 2
	case "triad":
		return 24, 1. / 3
	case "init":
		return 8, 1
	}
	return 8, 0
}

// rate is GB/s of the kernel in its middle, over arrays beyond L2; L2 starts with as many lines to
// write back as it will have.
func (k *streamKind) rate(c *chip.Chip, threads int) (float64, error) {
	const elements = 4 << 20
	m, err := ptx.Parse("stream.ptx", []byte(k.text()))
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		return 0, err
	}
	cfg := c.Core()
	prog, err := sm.LoadAt(m, "stream", cfg.Target(), sm.ModuleWindow)
	if err != nil {
		return 0, err
	}
	var dev deviceMemory
	var params []byte
	for range 3 {
		params = binary.LittleEndian.AppendUint64(params, dev.add(make([]byte, 8*elements)))
	}
	params = binary.LittleEndian.AppendUint32(params, elements)
	const perSM, start = 2, 1 << 30
	l := sm.Launch{Prog: prog, Grid: [3]uint32{uint32(elements / threads), 1, 1},
		Block: [3]uint32{uint32(threads), 1, 1}, Params: params, Mem: &dev,
		Shared: cfg.Shared/perSM - cfg.Reserved}
	bytes, dirty := k.moved()
	g, err := sm.NewGrid(cfg, int(c.Get("sm.count")), used(c, dirty), &l, prog.Registers(), start)
	if err != nil {
		return 0, err
	}
	var ends []int64
	g.OnCTA = func(_, _ int, _, end int64, _ int, _ uint64) { ends = append(ends, end) }
	if _, _, err := g.Run(1 << 62); err != nil {
		return 0, err
	}
	slices.Sort(ends)
	from, to := len(ends)*4/10, len(ends)*9/10
	seconds := float64(ends[to]-ends[from]) / c.Get("sm.clock")
	return bytes * float64((to-from)*threads) / seconds / 1e9, nil
}

// used is L2 full of lines that nobody wants again, some of them to be written back.
func used(c *chip.Chip, dirty float64) *memory.Hierarchy {
	h := memory.New(c.Memory())
	if dirty == 0 {
		return h
	}
	owed := 0.0
	for at := uint64(0); at < uint64(2*c.Get("l2.bytes")); at += memory.LineLen {
		owed += dirty
		h.Warm(1<<40+at, owed >= 1)
		if owed >= 1 {
			owed--
		}
	}
	return h
}
