package main

import (
	_ "embed"
	"fmt"
	"slices"

	"tensoros/hw/num"
	"tensoros/hw/ptx"
	spec "tensoros/hw/spec/gpu"
	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/neurolang"
	"tensoros/neurolang/abi"
	"tensoros/neurolang/vm"
	"tensoros/sim"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"
	"tensoros/sim/gpu/tensor"
	"tensoros/sim/mem"
	"tensoros/sim/pcie"
)

// chain is events that each schedule the next, until none is left to schedule.
type chain struct {
	eng  *sim.Engine
	left int
}

func (c *chain) Fire(now sim.Time, _ uint32, arg uint64) {
	if c.left > 0 {
		c.left--
		c.eng.At(now+sim.Time(arg%97)+1, c, 0, arg*6364136223846793005+1)
	}
}

func engineWork() (func() (float64, error), error) {
	const chains, events = 1024, 100_000
	c := &chain{eng: sim.NewEngine()}
	return func() (float64, error) {
		before := c.eng.Fired
		c.left = events
		for i := range uint64(chains) {
			c.eng.At(c.eng.Now()+sim.Time(i), c, 0, i)
		}
		c.eng.Run(sim.Forever)
		return float64(c.eng.Fired - before), nil
	}, nil
}

// idle is a device that only sends.
type idle struct{}

func (idle) Read(int, uint64, []byte) sim.Time { return 0 }
func (idle) Write(int, uint64, []byte)         {}
func (idle) Reset()                            {}

func pcieWork() (func() (float64, error), error) {
	const size, mps = 1 << 20, 256
	eng := sim.NewEngine()
	host := mem.NewHost(1<<20, 1<<30)
	f := pcie.New(eng, nil, host, pcie.DefaultTiming, func(uint64, uint32) {})
	fn, err := f.Add(f.Root(), "dev", hwpcie.Endpoint{
		Link: hwpcie.Link{Gen: 5, Lanes: 16, MPS: mps, MRRS: 512}}, idle{})
	if err != nil {
		return nil, err
	}
	on := uint16(hwpcie.CommandMemory | hwpcie.CommandMaster)
	f.CPU(0).ConfigWrite(fn, hwpcie.Command, []byte{byte(on), byte(on >> 8)}, pcie.Done{})
	eng.Run(sim.Forever)
	addr, _, ok := host.Alloc(size)
	if !ok {
		return nil, fmt.Errorf("no %d bytes of host memory", size)
	}
	data := make([]byte, size)
	return func() (float64, error) {
		fn.Write(addr, data, pcie.Done{})
		eng.Run(sim.Forever)
		return size / mps, nil
	}, nil
}

// vram is memory for kernels that run outside of a GPU.
type vram []byte

// vramBase is where it lies: not at 0, so that a lost pointer faults.
const vramBase = 1 << 32

func (v vram) Span(addr uint64, n int, _ bool) ([]byte, uint64) {
	off := addr - vramBase
	if off >= uint64(len(v)) {
		return nil, 0
	}
	return v[off:][:min(n, len(v)-int(off))], off
}

// seedProgramText is examples/matmul.nl, which no embedding of this folder reaches; a test keeps
// the copy equal.
//
//go:embed matmul.nl
var seedProgramText []byte

// matmul is examples/matmul.nl, compiled, with operands of n x n in memory.
type matmul struct {
	prog   *sm.Program
	launch sm.Launch
}

func newMatmul(n int) (*matmul, error) {
	const name = "matmul.nl"
	p, _, _ := neurolang.Compile(name, seedProgramText, neurolang.Options{Target: 80})
	if p == nil || len(p.Kernels) != 1 {
		return nil, fmt.Errorf("%s does not compile to one kernel", name)
	}
	k := p.Kernels[0]
	m, target := &matmul{}, chip.H100.Core()
	call, v, err := operands(k, n, int(chip.H100.Get("sm.count")))
	if err != nil {
		return nil, err
	}
	mod, err := ptx.Parse(k.Name+".ptx", []byte(call.Variant.PTX))
	if err != nil {
		return nil, err
	}
	m.prog, err = sm.LoadAt(mod, call.Variant.Entry, target.Target(), sm.ModuleWindow)
	m.launch = sm.Launch{Prog: m.prog, Grid: call.Blocks, Block: [3]uint32{call.Threads, 1, 1},
		Cluster: call.Cluster, Shared: call.Shared, Params: call.Params, Mem: v}
	return m, err
}

// operands lays operands and result out in memory, n x n each, and encodes the launch.
func operands(k *abi.Kernel, n, sms int) (*abi.Call, vram, error) {
	var v vram
	a := abi.Args{Scalars: make([]uint64, len(k.Params)), Dim: func(string) int { return n }}
	for i, p := range append(slices.Clone(k.Params), k.Outs...) {
		s := vm.Spec{Shape: []int{n, n}, Elem: p.Elem, Layout: p.Layout}
		fill := vm.Fill{Kind: vm.FillRandn, Seed: uint64(i + 1)}
		if i >= len(k.Params) {
			fill.Kind = vm.FillZero
		}
		a.Addrs = append(a.Addrs, vramBase+uint64(len(v)))
		a.Shapes = append(a.Shapes, s.Shape)
		v = append(v, fill.Bytes(&s)...)
	}
	call, err := k.Call(&a, &abi.Device{SMs: sms})
	return call, v, err
}

// functional runs it without time and returns the warp instructions.
func (m *matmul) functional() (float64, error) {
	l := m.launch
	s, err := l.Run()
	return float64(s.Instructions), err
}

// timed runs it on all SMs of a chip.
func (m *matmul) timed(c *chip.Chip, h *memory.Hierarchy) (float64, error) {
	l := m.launch
	g, err := sm.NewGrid(c.Core(), int(c.Get("sm.count")), h, &l, m.prog.Registers(), 0)
	if err != nil {
		return 0, err
	}
	const never = int64(1) << 62
	if _, _, err := g.Run(never); err != nil {
		return 0, err
	}
	return float64(g.Stats().Instructions), nil
}

const benchSize = 512

func functionalWork() (func() (float64, error), error) {
	m, err := newMatmul(benchSize)
	if err != nil {
		return nil, err
	}
	return m.functional, nil
}

func timedWork() (func() (float64, error), error) {
	m, err := newMatmul(benchSize)
	if err != nil {
		return nil, err
	}
	h := memory.New(chip.H100.Memory())
	return func() (float64, error) { return m.timed(chip.H100, h) }, nil
}

func tensorWork() (func() (float64, error), error) {
	rule, err := spec.LookupMMA(chip.H100.SM, spec.MMASync, num.F16, num.F32)
	if err != nil {
		return nil, err
	}
	shape := tensor.Shape{M: 16, N: 8, K: 16}
	u, err := tensor.NewUnit(rule, shape, num.F16, num.F16)
	if err != nil {
		return nil, err
	}
	a, b, c, d := fragment(u.RegsA(), 0x3c01_bbff), fragment(u.RegsB(), 0x3801_4400),
		fragment(4, 0x3f80_0000), fragment(4, 0)
	const times = 10_000
	return func() (float64, error) {
		for range times {
			u.MMA(d, a, b, c)
		}
		return float64(times * shape.M * shape.N * shape.K), nil
	}, nil
}

// fragment is registers that all hold one value; the arithmetic takes as long whatever it is.
func fragment(n int, v uint32) []*tensor.Reg {
	regs := make([]*tensor.Reg, n)
	for i := range regs {
		regs[i] = new(tensor.Reg)
		for l := range regs[i] {
			regs[i][l] = v
		}
	}
	return regs
}
