package main

import (
	"encoding/binary"
	"fmt"
	"strings"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
)

// probe is a microbenchmark: a kernel that reads %clock64 before and after what it measures. Each
// thread stores both readings. Cycles come from these alone, never from the chip's tables.
type probe struct {
	setup string // runs before the clock; %rd2 is the input buffer, %r1 the thread, %r4 the same
	// over all CTAs
	body     string // what is measured
	ctas     int
	threads  int
	input    []byte
	prepare  func(at uint64, p []byte) // fills input, which lies at that address
	warm     bool                      // a first run fills L2
	shared   int
	wholeGPU bool   // all SMs, not one
	after    string // runs after the clock
	hopper   bool   // for sm_90a
	cluster  int    // CTAs of a cluster; 0 for none
}

const probeHead = `.version 8.0
.target sm_80
.address_size 64
.visible .entry probe(.param .u64 out, .param .u64 in)
{
	.reg .pred %p<4>;
	.reg .b16 %h<4>;
	.reg .b32 %r<64>;
	.reg .f32 %f<64>;
	.reg .f64 %d<16>;
	.reg .b64 %rd<32>;
	ld.param.u64 %rd1, [out];
	ld.param.u64 %rd2, [in];
	mov.u32 %r1, %tid.x;
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mad.lo.s32 %r4, %r2, %r3, %r1;
`

const probeTail = `
	mul.wide.u32 %rd5, %r4, 16;
	add.s64 %rd5, %rd1, %rd5;
	st.global.u64 [%rd5], %rd3;
	st.global.u64 [%rd5+8], %rd4;
	ret;
}
`

func (p *probe) text() string {
	var b strings.Builder
	head := probeHead
	if p.hopper {
		head = strings.Replace(head, "sm_80", "sm_90a", 1)
	}
	b.WriteString(head)
	if p.shared > 0 {
		fmt.Fprintf(&b, "\t.shared .align 1024 .b8 store[%d];\n\tmov.u32 %%r5, store;\n", p.shared)
	}
	b.WriteString(p.setup + "\n\tmov.u64 %rd3, %clock64;\n" + p.body +
		"\n\tmov.u64 %rd4, %clock64;\n" + p.after + probeTail)
	return b.String()
}

// repeat is n lines; i counts them.
func repeat(n int, line func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("\t" + line(i) + "\n")
	}
	return b.String()
}

// cycles runs the probe on a chip: from the first reading of any thread to the last.
func (p *probe) cycles(c *chip.Chip) (float64, error) {
	m, err := ptx.Parse("probe.ptx", []byte(p.text()))
	if err == nil {
		err = ptx.Verify(m)
	}
	if err != nil {
		return 0, err
	}
	cfg := c.Core()
	prog, err := sm.LoadAt(m, "probe", cfg.Target(), sm.ModuleWindow)
	if err != nil {
		return 0, err
	}
	out := make([]byte, 16*p.ctas*p.threads)
	var dev deviceMemory
	at := dev.add(out)
	params := binary.LittleEndian.AppendUint64(nil, at)
	in := uint64(0)
	if p.input != nil {
		in = dev.add(p.input)
		if p.prepare != nil {
			p.prepare(in, p.input)
		}
	}
	params = binary.LittleEndian.AppendUint64(params, in)
	h := memory.New(c.Memory())
	start := int64(1)
	runs := 1
	if p.warm {
		runs = 2
	}
	for range runs {
		l := sm.Launch{Prog: prog, Grid: [3]uint32{uint32(p.ctas), 1, 1},
			Block: [3]uint32{uint32(p.threads), 1, 1}, Params: params, Mem: &dev}
		cores := 1
		if p.cluster > 0 {
			l.Cluster, cores = [3]uint32{uint32(p.cluster), 1, 1}, p.cluster
		}
		if p.wholeGPU {
			cores = int(c.Get("sm.count"))
		}
		g, err := sm.NewGrid(cfg, cores, h, &l, prog.Registers(), start)
		if err != nil {
			return 0, err
		}
		if _, _, err := g.Run(1 << 62); err != nil {
			return 0, err
		}
		start = g.End() + 10_000
	}
	first, last := ^uint64(0), uint64(0)
	for i := 0; i < len(out); i += 16 {
		first = min(first, binary.LittleEndian.Uint64(out[i:]))
		last = max(last, binary.LittleEndian.Uint64(out[i+8:]))
	}
	return float64(last - first), nil
}

// chainOf measures a dependent instruction in one warp: cycles of each, once the chain runs.
func chainOf(c *chip.Chip, setup, op string) (float64, error) {
	const warm, n = 4, 64
	line := func(int) string { return op }
	p := probe{setup: setup + "\n" + repeat(warm, line), body: repeat(n, line), ctas: 1,
		threads: 32, shared: 1024}
	v, err := p.cycles(c)
	return v / n, err
}

// rateOf measures independent instructions in all warps of one SM: cycles of the SM for each warp
// instruction. op makes instruction i.
func rateOf(c *chip.Chip, setup string, threads, n int, op func(i int) string) (float64, error) {
	p := probe{setup: setup, body: repeat(n, op), ctas: 1, threads: threads, shared: 32 << 10}
	v, err := p.cycles(c)
	return v / float64(n*threads/32), err
}

// chase measures dependent loads over lines of 128 bytes, in one warp: cycles of each. Loads with a
// cache operator of .cg pass L1 by.
func chase(c *chip.Chip, cache string, warm bool) (float64, error) {
	const lines, stride = 512, 37 // coprime: every line once
	step := func(int) string { return "ld.global" + cache + ".u64 %rd6, [%rd6];" }
	p := probe{setup: "mov.u64 %rd6, %rd2;\n" + repeat(4, step), body: repeat(256, step), ctas: 1,
		threads: 32, input: make([]byte, lines*memory.LineLen), warm: warm,
		prepare: func(at uint64, b []byte) {
			for i := range lines {
				next := at + uint64((i+stride)%lines*memory.LineLen)
				binary.LittleEndian.PutUint64(b[i*memory.LineLen:], next)
			}
		}}
	v, err := p.cycles(c)
	return v / 256, err
}

// mix is what a stream kernel does for each element of 16 bytes.
type mix struct{ loads, stores int }

// span is a set of bytes that is walked over so many times.
type span struct{ bytes, times int }

// stream measures bandwidth with all SMs, 64 warps each: bytes a cycle that kernels load and store.
// Every thread walks over the arrays with a stride of the whole grid, so many times. Two lengths
// are run, and what the second has more in bytes and cycles counts: the start is left out.
func (m mix) stream(c *chip.Chip, short, long span, warm bool) (float64, error) {
	n1, t1, err := m.pass(c, short.bytes, short.times, warm)
	if err != nil {
		return 0, err
	}
	n2, t2, err := m.pass(c, long.bytes, long.times, warm)
	return (n2 - n1) / (t2 - t1), err
}

// pass runs one stream over a set of bytes: bytes and cycles.
func (m mix) pass(c *chip.Chip, set, again int, warm bool) (bytes, cycles float64, err error) {
	const threads, wide = 1024, 16
	ctas := 2 * int(c.Get("sm.count"))
	arrays, turn := m.loads+m.stores, ctas*threads*wide
	turns := set / arrays / turn
	array := turns * turn
	var b strings.Builder
	for i := range turns * again {
		at, r := i%turns*turn, 0
		for k := range m.loads {
			// Three loads have registers of their own, so that they are in flight together.
			r = 4 * ((i*m.loads + k) % 3)
			fmt.Fprintf(&b, "\tld.global.cg.v4.f32 {%%f%d,%%f%d,%%f%d,%%f%d}, [%%rd6+%d];\n", r, r+1,
				r+2, r+3, k*array+at)
		}
		for k := range m.stores { // of what was loaded, as in those kernels
			fmt.Fprintf(&b, "\tst.global.v4.f32 [%%rd6+%d], {%%f%d,%%f%d,%%f%d,%%f%d};\n",
				(m.loads+k)*array+at, r, r+1, r+2, r+3)
		}
	}
	// The clock is read when the last loads are there.
	b.WriteString("\tadd.f32 %f0, %f0, %f4;\n\tadd.f32 %f0, %f0, %f8;\n")
	p := probe{setup: "\tmul.wide.u32 %rd6, %r4, 16;\n\tadd.s64 %rd6, %rd2, %rd6;\n" +
		repeat(12, func(i int) string { return fmt.Sprintf("mov.f32 %%f%d, 0f00000000;", i) }),
		body: b.String(), ctas: ctas, threads: threads, input: make([]byte, arrays*array),
		warm: warm, wholeGPU: true}
	cycles, err = p.cycles(c)
	return float64(arrays * array * again), cycles, err
}

// cycles runs the compiled example on all SMs of a chip.
func (m *matmul) cycles(c *chip.Chip, h *memory.Hierarchy) (float64, error) {
	l := m.launch
	g, err := sm.NewGrid(c.Core(), int(c.Get("sm.count")), h, &l, m.prog.Registers(), 0)
	if err != nil {
		return 0, err
	}
	_, _, err = g.Run(1 << 62)
	return float64(g.End()), err
}
