package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"tensoros/hw"
	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/mem"
	simnvme "tensoros/sim/nvme"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// nvmeRig is a computer of one processor, a drive, and a peer with nothing but memory in a BAR. It
// crosses the door with the same costs as sim/board, and without what the drive does not need.
type nvmeRig struct {
	eng    *sim.Engine
	fabric *pcie.Fabric
	host   *mem.Host
	rec    *traces.Recorder
	ctl    *simnvme.Controller
	drive  *nvmeFunction
	peer   *nvmePeer
	peerFn *pcie.Function
}

const (
	nvmePeerSize = 64 << 20
	nvmeHostBase = 1 << 20
	nvmeHostSize = 1 << 30
)

// nvmePeer is a device with memory behind BAR 0.
type nvmePeer struct{ mem *mem.Sparse }

func (p *nvmePeer) Read(_ int, off uint64, b []byte) sim.Time { p.mem.Read(off, b); return 0 }
func (p *nvmePeer) Write(_ int, off uint64, b []byte)         { p.mem.Write(off, b) }
func (p *nvmePeer) Reset()                                    {}

func nvmeNewRig(t testing.TB, prof *simnvme.Profile, store simnvme.Store, rec *traces.Recorder,
	ties uint64) *nvmeRig {
	t.Helper()
	r := &nvmeRig{eng: sim.NewEngine(), host: mem.NewHost(nvmeHostBase, nvmeHostSize), rec: rec,
		peer: &nvmePeer{mem.NewSparse(nvmePeerSize)}}
	if ties != 0 {
		r.eng.ShuffleTies(ties)
	}
	r.fabric = pcie.New(r.eng, rec, r.host, pcie.DefaultTiming, func(uint64, uint32) {})
	ctl, fn, err := simnvme.Attach(r.eng, rec, r.fabric, r.fabric.Root(), "nvme0", prof, store)
	if err != nil {
		t.Fatal(err)
	}
	r.ctl, r.drive = ctl, &nvmeFunction{r: r, dev: fn}
	r.peerFn, err = r.fabric.Add(r.fabric.Root(), "peer", hwpcie.Endpoint{Vendor: 0x10de,
		Link: hwpcie.Link{Gen: 5, Lanes: 16, MPS: 256, MRRS: 512},
		BARs: []hwpcie.BAR{{Index: 0, Size: nvmePeerSize, Is64: true, Prefetchable: true}}}, r.peer)
	if err != nil {
		t.Fatal(err)
	}
	on := []byte{hwpcie.CommandMemory | hwpcie.CommandMaster, 0}
	r.fabric.CPU(0).ConfigWrite(r.peerFn, hwpcie.Command, on, pcie.Done{})
	r.eng.Run(sim.Forever)
	t.Cleanup(r.eng.Close)
	return r
}

// run runs body on the processor to its end, and everything that is under way after it.
func (r *nvmeRig) run(t testing.TB, body func(cpu hw.CPU)) {
	t.Helper()
	c := &nvmeCPU{r: r}
	r.drive.cpu = c
	c.proc = r.eng.Go("cpu0", func(*sim.Proc) { body(c) })
	if err := r.eng.RunUntil(c.proc.Done); err != nil {
		t.Fatal(err)
	}
	r.eng.Run(sim.Forever)
}

// clean checks that nothing is left: no DMA memory, no packet, no command.
func (r *nvmeRig) clean(t testing.TB) {
	t.Helper()
	if n, b := r.host.Live(); n != 0 {
		t.Errorf("%d regions of DMA memory leak, %d bytes", n, b)
	}
	if n := r.fabric.InFlight(); n != 0 {
		t.Errorf("%d packets in flight", n)
	}
	if n := r.ctl.InFlight(); n != 0 {
		t.Errorf("%d commands in the controller", n)
	}
	if len(r.ctl.Findings) != 0 || len(r.fabric.Findings) != 0 {
		t.Errorf("findings: %v %v", r.ctl.Findings, r.fabric.Findings)
	}
	if n := r.eng.Parked(); n != 0 {
		t.Errorf("%d processes parked", n)
	}
}

// nvmeCPU is the processor, with the costs of sim/board's Xeon.
type nvmeCPU struct {
	r        *nvmeRig
	proc     *sim.Proc
	answered bool
	buf      [8]byte
}

func (c *nvmeCPU) Fire(sim.Time, uint32, uint64) { c.answered = true; c.proc.Wake() }

func (c *nvmeCPU) await() {
	for !c.answered {
		c.proc.Wait(sim.Forever)
	}
	c.answered = false
}

func (c *nvmeCPU) ID() int      { return 0 }
func (c *nvmeCPU) Now() hw.Time { return hw.Time(c.proc.Now() / sim.Nanosecond) }
func (c *nvmeCPU) Relax()       { c.proc.Spend(54 * sim.Nanosecond); c.proc.Sync() }
func (c *nvmeCPU) Kick(int)     {}
func (c *nvmeCPU) Work(n int)   { c.proc.Spend((2600 * sim.Megahertz).Span(uint64(n))) }

func (c *nvmeCPU) Idle(until hw.Time) { c.proc.Wait(sim.Time(until) * sim.Nanosecond) }

func (c *nvmeCPU) Pending(dst []hw.Interrupt) []hw.Interrupt { return dst }

// nvmeFunction is the drive's function, opened.
type nvmeFunction struct {
	r   *nvmeRig
	dev *pcie.Function
	cpu *nvmeCPU
}

func (f *nvmeFunction) Config() hw.Window { return &nvmeWindow{f, -1, 0, hwpcie.ConfigLen} }

func (f *nvmeFunction) BAR(n int) (hw.Window, error) {
	base, size := f.dev.BAR(n)
	if size == 0 {
		return nil, hw.ErrNotPresent
	}
	return &nvmeWindow{f, n, base, int(size)}, nil
}

func (f *nvmeFunction) Memory(size int) (hw.Memory, error) {
	base, data, ok := f.r.host.Alloc(size)
	if !ok {
		return nil, &hw.Error{Op: "allocate", Addr: f.dev.Address(), Err: hw.ErrNoMemory}
	}
	return &nvmeMemory{f, base, data}, nil
}

func (f *nvmeFunction) Route(int, int) error { return nil }
func (f *nvmeFunction) Close() error         { return nil }

func (f *nvmeFunction) Reset() error {
	if f.dev.Lost() {
		return hw.ErrLost
	}
	f.Config().Write16(0x68, hwpcie.FunctionReset)
	return nil
}

func (f *nvmeFunction) Err() error {
	if f.dev.Lost() {
		return &hw.Error{Op: "reach", Addr: f.dev.Address(), Err: hw.ErrLost}
	}
	return nil
}

type nvmeWindow struct {
	f    *nvmeFunction
	bar  int
	base uint64
	len  int
}

func (w *nvmeWindow) Len() int          { return w.len }
func (w *nvmeWindow) Bus() hw.BusAddr   { return hw.BusAddr(w.base) }
func (w *nvmeWindow) at(o int) uint64   { return w.base + uint64(o) }
func (w *nvmeWindow) fab() *pcie.Fabric { return w.f.r.fabric }

func (w *nvmeWindow) read(off, n int) uint64 {
	c := w.f.cpu
	if off < 0 || off+n > w.len || off%n != 0 {
		panic(fmt.Sprintf("access of %d at %#x", n, off))
	}
	c.proc.Sync()
	clear(c.buf[:])
	if w.bar < 0 {
		w.fab().CPU(0).ConfigRead(w.f.dev, off, c.buf[:n], pcie.Done{To: c})
	} else {
		w.fab().CPU(0).Read(w.at(off), c.buf[:n], pcie.Done{To: c})
	}
	c.await()
	return binary.LittleEndian.Uint64(c.buf[:])
}

func (w *nvmeWindow) write(off, n int, v uint64) {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], v)
	c := w.f.cpu
	if w.bar >= 0 {
		c.proc.Spend(175 * sim.Nanosecond)
		w.fab().CPU(0).Write(w.at(off), p[:n], pcie.Done{})
		return
	}
	c.proc.Sync()
	w.fab().CPU(0).ConfigWrite(w.f.dev, off, p[:n], pcie.Done{To: c})
	c.await()
}

func (w *nvmeWindow) Read8(off int) uint8       { return uint8(w.read(off, 1)) }
func (w *nvmeWindow) Read16(off int) uint16     { return uint16(w.read(off, 2)) }
func (w *nvmeWindow) Read32(off int) uint32     { return uint32(w.read(off, 4)) }
func (w *nvmeWindow) Read64(off int) uint64     { return w.read(off, 8) }
func (w *nvmeWindow) Write8(off int, v uint8)   { w.write(off, 1, uint64(v)) }
func (w *nvmeWindow) Write16(off int, v uint16) { w.write(off, 2, uint64(v)) }
func (w *nvmeWindow) Write32(off int, v uint32) { w.write(off, 4, uint64(v)) }
func (w *nvmeWindow) Write64(off int, v uint64) { w.write(off, 8, v) }

func (w *nvmeWindow) Copy(off int, p []byte) {
	w.f.cpu.proc.Spend((20 * sim.Gigahertz).Span(uint64(len(p))))
	w.fab().CPU(0).Write(w.at(off), bytes.Clone(p), pcie.Done{})
}

type nvmeMemory struct {
	f    *nvmeFunction
	base uint64
	data []byte
}

func (m *nvmeMemory) order() { m.f.cpu.proc.Spend(2 * sim.Nanosecond); m.f.cpu.proc.Sync() }

func (m *nvmeMemory) Len() int        { return len(m.data) }
func (m *nvmeMemory) Bus() hw.BusAddr { return hw.BusAddr(m.base) }
func (m *nvmeMemory) Bytes() []byte   { return m.data }
func (m *nvmeMemory) Free()           { m.f.r.host.Free(m.base) }

func (m *nvmeMemory) Load32(off int) uint32 {
	m.order()
	return binary.LittleEndian.Uint32(m.data[off:])
}

func (m *nvmeMemory) Load64(off int) uint64 {
	m.order()
	return binary.LittleEndian.Uint64(m.data[off:])
}

func (m *nvmeMemory) Store32(off int, v uint32) {
	m.order()
	binary.LittleEndian.PutUint32(m.data[off:], v)
}

func (m *nvmeMemory) Store64(off int, v uint64) {
	m.order()
	binary.LittleEndian.PutUint64(m.data[off:], v)
}
