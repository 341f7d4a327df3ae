package board

import (
	"fmt"

	"tensoros/hw"
	"tensoros/sim"
	"tensoros/sim/gpu"
	"tensoros/sim/mem"
	"tensoros/sim/nvme"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// Board is a simulated computer. It implements hw.Machine.
type Board struct {
	Engine *sim.Engine
	Fabric *pcie.Fabric
	Host   *mem.Host
	Spec   Spec
	GPUs   []*gpu.GPU
	Drives []*nvme.Controller
	// Tick, if not nil, is called now and then while the machine runs, to show progress. It must
	// not touch the machine.
	Tick func()

	rec    *traces.Recorder
	cpus   []*cpu
	funcs  map[hw.Address]*function
	order  []hw.Address
	routes []hw.Interrupt // by message data
	closed bool
}

// hostBase is where DMA memory starts: above the 32-bit hole in which firmware places small BARs.
const (
	hostBase = 4 << 30
	apicBase = 0xfee0_0000
)

// MaxCPUs is how many processors a board may have: the APIC ids of an interrupt message.
const MaxCPUs = 255

func newBoard(s Spec, rec *traces.Recorder) *Board {
	b := &Board{Engine: sim.NewEngine(), Spec: s, rec: rec, funcs: map[hw.Address]*function{}}
	b.Host = mem.NewHost(hostBase, s.Memory.Bytes())
	b.Fabric = pcie.New(b.Engine, rec, b.Host, pcie.DefaultTiming, b.deliver)
	for id := range s.CPUs {
		c := &cpu{board: b, id: id, timing: &Xeon6442Y, track: rec.Track(fmt.Sprintf("cpu%d", id))}
		c.port = b.Fabric.CPU(id)
		b.cpus = append(b.cpus, c)
	}
	return b
}

func (b *Board) attach(dev *pcie.Function) {
	b.funcs[dev.Address()] = &function{board: b, dev: dev}
	b.order = append(b.order, dev.Address())
}

// message numbers a route: the data of its interrupt message.
func (b *Board) message(f *function, vector int) uint32 {
	want := hw.Interrupt{From: f.dev.Address(), Vector: vector}
	for i, r := range b.routes {
		if r == want {
			return uint32(i)
		}
	}
	b.routes = append(b.routes, want)
	return uint32(len(b.routes) - 1)
}

// deliver takes an interrupt message at the root complex.
func (b *Board) deliver(addr uint64, data uint32) {
	if id := int(addr >> 12 & 0xff); id < len(b.cpus) && int(data) < len(b.routes) {
		b.cpus[id].latch(b.routes[data])
	}
}

// CPUs is the number of processors.
func (b *Board) CPUs() int { return len(b.cpus) }

// Start runs body on a processor once the engine runs.
func (b *Board) Start(id int, body func(hw.CPU)) {
	c := b.cpus[id]
	if c.proc != nil && !c.proc.Done() {
		panic(fmt.Sprintf("board: CPU %d is started twice", id))
	}
	c.proc = b.Engine.Go(fmt.Sprintf("cpu%d", id), func(*sim.Proc) { body(c) })
}

// Functions lists the PCI functions in bus order.
func (b *Board) Functions() []hw.Address { return append([]hw.Address(nil), b.order...) }

// Open opens a function.
func (b *Board) Open(a hw.Address) (hw.Function, error) {
	f, ok := b.funcs[a]
	if !ok {
		return nil, &hw.Error{Op: "open", Addr: a, Err: hw.ErrNotPresent}
	}
	return f, nil
}

// current is the processor whose code touches the door.
func (b *Board) current() *cpu {
	p := b.Engine.Running()
	for _, c := range b.cpus {
		if c.proc == p && p != nil {
			return c
		}
	}
	panic("board: a device is touched from outside the processors")
}

// tickEvery is how many events lie between two calls of Tick.
const tickEvery = 256

// Run runs until every processor's body has returned. It fails when they wait for ever.
func (b *Board) Run() error {
	events := 0
	return b.Engine.RunUntil(func() bool {
		if events++; b.Tick != nil && events%tickEvery == 0 {
			b.Tick()
		}
		for _, c := range b.cpus {
			if c.proc != nil && !c.proc.Done() {
				return false
			}
		}
		return true
	})
}

// Settle runs what is still under way once the processors have stopped.
func (b *Board) Settle() { b.Engine.Run(sim.Forever) }

// Close ends the machine.
func (b *Board) Close() {
	if !b.closed {
		b.closed = true
		b.Engine.Close()
	}
}
