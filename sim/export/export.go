package export

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	"tensoros/hw/host"
	spec "tensoros/hw/spec/pcie"
	"tensoros/hw/tap"
	"tensoros/hw/vfiouser"
	"tensoros/sim"
	"tensoros/sim/mem"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// Options of an exported function.
type Options struct {
	// Free lets simulated time run ahead of the peer's clock while the device has work: answers
	// come as fast as they can be computed. Otherwise they come when the model says.
	Free bool
	// Doorbells lets a peer map the page of doorbells of BAR 0, as SPDK demands; it is then looked
	// at many times a millisecond.
	Doorbells bool
	// Tape, if not nil, records.
	Tape *tap.Tape
	// Watch, if not nil, is told of every event. The event is only valid during the call.
	Watch func(*tap.TapeEvent)
	// Log, if not nil, is told of memory that cannot be reached.
	Log func(format string, args ...any)
}

// Attach plugs the device into a bridge of a fabric.
type Attach func(*sim.Engine, *traces.Recorder, *pcie.Fabric) (*pcie.Function, error)

// Function is an exported function. It implements vfiouser.Device.
type Function struct {
	Engine *sim.Engine
	Fabric *pcie.Fabric
	Dev    *pcie.Function

	o        Options
	host     *mem.Host
	cpu      *pcie.Processor
	peer     vfiouser.Peer
	armed    []bool
	answered bool
	clock    sim.Time // the peer's, in simulated time
	ahead    sim.Time // that simulated time is of it
	play     *player  // of a tape; nil with a peer
	shared   *shared  // doorbells in memory; nil without
}

// Events of a Function.
const (
	evNow uint32 = iota
	evAnswered
)

// New builds the function below a root complex of its own. rec may be nil.
func New(rec *traces.Recorder, attach Attach, o Options) (*Function, error) {
	f := &Function{Engine: sim.NewEngine(), host: mem.NewHost(0, 0), o: o}
	f.Fabric = pcie.New(f.Engine, rec, f.host, pcie.DefaultTiming, f.deliver)
	f.cpu = f.Fabric.CPU(0)
	var err error
	if f.Dev, err = attach(f.Engine, rec, f.Fabric); err != nil {
		return nil, err
	}
	f.armed = make([]bool, f.Dev.Spec().Vectors)
	if o.Doorbells {
		err = f.share(0, doorbells, doorbellsLen)
	}
	return f, err
}

// A page of doorbells (NVM Express PCIe Transport 1.0c, 3.1).
const doorbells, doorbellsLen = 0x1000, 0x1000

// Fire runs the function's events.
func (f *Function) Fire(_ sim.Time, kind uint32, _ uint64) { f.answered = kind == evAnswered }

// Regions are the BARs and configuration space.
func (f *Function) Regions() (r vfiouser.Regions) {
	for _, b := range f.Dev.Spec().BARs {
		r[b.Index].Len = b.Size
	}
	r[vfiouser.ConfigRegion].Len = spec.ConfigLen
	return r
}

// Vectors is the number of MSI-X vectors.
func (f *Function) Vectors() int { return f.Dev.Spec().Vectors }

// Connect takes a peer. One that maps doorbells is no PCI host: SPDK neither places BARs nor turns
// decoding on, so that is done here, as firmware would.
func (f *Function) Connect(p vfiouser.Peer) {
	f.peer = p
	if f.shared != nil {
		f.shared.clear()
		f.firmware()
	}
}

// barBase is where firmware puts BARs: above any memory that a peer maps.
const barBase = 1 << 44

func (f *Function) firmware() {
	next := uint64(barBase)
	var p [8]byte
	for _, b := range f.Dev.Spec().BARs {
		if b.Is64 {
			next = (next + b.Size - 1) &^ (b.Size - 1)
			binary.LittleEndian.PutUint64(p[:], next)
			f.Write(vfiouser.ConfigRegion, uint64(spec.BAR0+4*b.Index), p[:])
			next += b.Size
		}
	}
	f.Write(vfiouser.ConfigRegion, spec.Command, []byte{spec.CommandMemory, 0})
}

// Close ends the engine.
func (f *Function) Close() error {
	f.Engine.Close()
	if f.shared != nil {
		return f.shared.Close()
	}
	return nil
}

// Disconnect is what a bus reset and a power-on would find: the peer has gone, nothing decodes.
func (f *Function) Disconnect() {
	f.begin(tap.TapeLeave, 0, 0, 0, nil)
	f.Dev.FunctionReset()
	f.drain()
	f.peer = nil
}

// lookAhead is how far beyond the peer's clock a free run follows events: longer than any command
// of a drive that works, shorter than the seconds of background work.
const lookAhead = 10 * sim.Millisecond

// Advance runs events up to the peer's time.
func (f *Function) Advance(now hw.Time) hw.Time {
	f.clock = sim.Time(now)*sim.Nanosecond + f.ahead
	if f.shared != nil {
		f.poll(now)
	}
	f.Engine.Run(f.clock)
	if f.o.Free {
		for next := f.Engine.NextAt(); next-f.Engine.Now() < lookAhead; next = f.Engine.NextAt() {
			f.Engine.Step()
		}
		f.ahead += max(0, f.Engine.Now()-f.clock)
	}
	due := hw.Forever
	if f.shared != nil {
		due = f.shared.next
	}
	if next := f.Engine.NextAt(); next != sim.Forever {
		due = min(due, hw.Time((next-f.ahead+sim.Nanosecond-1)/sim.Nanosecond))
	}
	return due
}

// begin brings the engine to the peer's time with everything due run, and records what the peer
// does then.
func (f *Function) begin(op tap.TapeOp, region int, off, size uint64, data []byte) {
	t := max(f.clock, f.Engine.Now())
	f.Engine.Run(t)
	f.Engine.At(t, f, evNow, 0)
	f.Engine.Run(t)
	f.note(op, region, off, size, data)
}

// drain runs until no packet is under way: memory that goes away is not touched any more.
func (f *Function) drain() {
	end := f.Engine.Now() + lookAhead
	for f.Fabric.InFlight() > 0 && f.Engine.NextAt() <= end {
		f.Engine.Step()
	}
}

// note records an event, or holds it against the tape that is played.
func (f *Function) note(op tap.TapeOp, region int, off, size uint64, data []byte) {
	e := tap.TapeEvent{At: f.Engine.Now(), Op: op, Region: region, Off: off, Size: size, Data: data}
	if f.o.Watch != nil {
		f.o.Watch(&e)
	}
	if f.play != nil {
		f.play.check(&e)
		return
	}
	f.o.Tape.Event(&e)
}

// Read answers a read of a region in simulated time; the peer waits.
func (f *Function) Read(region int, off uint64, p []byte) {
	f.begin(tap.TapeRead, region, off, uint64(len(p)), nil)
	at := off
	for q := p; len(q) > 0; {
		n := natural(at, len(q), f.widest(region))
		f.read(region, at, q[:n])
		at, q = at+uint64(n), q[n:]
	}
	f.note(tap.TapeAnswer, region, off, uint64(len(p)), p)
}

func (f *Function) read(region int, off uint64, p []byte) {
	var buf [8]byte
	done := pcie.Done{To: f, Kind: evAnswered}
	f.answered = false
	if region == vfiouser.ConfigRegion {
		f.cpu.ConfigRead(f.Dev, int(off), buf[:len(p)], done)
	} else {
		base, _ := f.Dev.BAR(region)
		f.cpu.Read(base+off, buf[:len(p)], done)
	}
	for !f.answered && f.Engine.Step() {
	}
	copy(p, buf[:])
}

// Write takes a write of a region: posted, but for configuration space.
func (f *Function) Write(region int, off uint64, p []byte) {
	f.begin(tap.TapeWrite, region, off, uint64(len(p)), p)
	for len(p) > 0 {
		n := natural(off, len(p), f.widest(region))
		if region == vfiouser.ConfigRegion {
			f.answered = false
			f.cpu.ConfigWrite(f.Dev, int(off), p[:n], pcie.Done{To: f, Kind: evAnswered})
			for !f.answered && f.Engine.Step() {
			}
		} else {
			base, _ := f.Dev.BAR(region)
			f.cpu.Write(base+off, p[:n], pcie.Done{})
		}
		off, p = off+uint64(n), p[n:]
	}
}

// widest is the widest access of a region: a double word of configuration space, 8 bytes of a BAR.
func (f *Function) widest(region int) int {
	if region == vfiouser.ConfigRegion {
		return 4
	}
	return 8
}

// natural is the largest naturally aligned access at off of at most n and most bytes.
func natural(off uint64, n, most int) int {
	w := most
	for w > n || off%uint64(w) != 0 {
		w /= 2
	}
	return w
}

// The message of a vector: this address, and the vector as data.
const message = 0xfee0_0000

// Arm programs the vector's table entry: the peer keeps the table that its guest sees to itself.
func (f *Function) Arm(vector int, on bool) {
	size := uint64(0)
	if on {
		size = 1
	}
	f.begin(tap.TapeArm, 0, uint64(vector), size, nil)
	f.armed[vector] = on
	f.Dev.Program(vector, message, uint32(vector), !on)
}

// deliver takes an interrupt message.
func (f *Function) deliver(_ uint64, data uint32) {
	f.note(tap.TapeInterrupt, 0, uint64(data), 0, nil)
	if f.peer != nil {
		f.peer.Interrupt(int(data))
	}
}

// Reset is a function level reset. The peer's vectors stay as it armed them.
func (f *Function) Reset() {
	f.begin(tap.TapeReset, 0, 0, 0, nil)
	f.Dev.FunctionReset()
	for v, on := range f.armed {
		f.Dev.Program(v, message, uint32(v), !on)
	}
	if f.shared != nil {
		f.firmware()
	}
}

// memory is the peer's, as the fabric sees it.
type memory struct {
	f        *Function
	base     uint64
	data     []byte // nil: by messages
	writable bool
}

// Map adds memory of the peer.
func (f *Function) Map(iova, size uint64, data []byte, writable bool) error {
	if data != nil && uint64(len(data)) != size {
		return fmt.Errorf("export: a view of %d bytes of %d at %#x", len(data), size, iova)
	}
	f.begin(tap.TapeMap, 0, iova, size, nil)
	return f.host.Map(iova, size, &memory{f, iova, data, writable})
}

// Unmap takes memory away once no packet is under way to it.
func (f *Function) Unmap(iova, size uint64) error {
	f.begin(tap.TapeUnmap, 0, iova, size, nil)
	f.drain()
	if !f.host.Unmap(iova) {
		return fmt.Errorf("export: nothing is mapped at %#x", iova)
	}
	return nil
}

// Load copies the peer's memory into p. What cannot be reached reads all ones, as a master abort
// does.
func (m *memory) Load(addr uint64, p []byte) {
	switch {
	case m.f.play != nil:
		m.f.play.load(p)
	case m.data != nil:
		copy(p, m.data[addr-m.base:])
	default:
		m.fetch(addr, p)
	}
	m.f.note(tap.TapeLoad, 0, addr, uint64(len(p)), p)
}

func (m *memory) fetch(addr uint64, p []byte) {
	if err := m.f.peer.ReadDMA(addr, p); err != nil {
		m.lost("read", addr, len(p), err)
		for i := range p {
			p[i] = 0xff
		}
	}
}

// Store copies p into the peer's memory.
func (m *memory) Store(addr uint64, p []byte) {
	m.f.note(tap.TapeStore, 0, addr, uint64(len(p)), p)
	switch {
	case m.f.play != nil:
	case !m.writable:
		m.lost("write", addr, len(p), fmt.Errorf("the peer mapped it read only"))
	case m.data != nil:
		store(m.data[addr-m.base:], p, addr%uint64(len(p)) == 0)
	default:
		if err := m.f.peer.WriteDMA(addr, p); err != nil {
			m.lost("write", addr, len(p), err)
		}
	}
}

// store copies p in ascending order: a completion entry must not show its phase before the rest. A
// word or double word is stored with a full fence behind it: a controller that has stored EventIdx
// then looks at the shadow doorbell (NVM Express Base 2.0c, appendix B.5), and must not see it as
// it was before.
func store(dst, p []byte, aligned bool) {
	switch {
	case aligned && len(p) == 4:
		host.Store32(dst, 0, binary.NativeEndian.Uint32(p))
		return
	case aligned && len(p) == 8:
		host.Store64(dst, 0, binary.NativeEndian.Uint64(p))
		return
	}
	for len(p) >= 8 {
		binary.NativeEndian.PutUint64(dst, binary.NativeEndian.Uint64(p))
		dst, p = dst[8:], p[8:]
	}
	copy(dst, p)
}

func (m *memory) lost(op string, addr uint64, n int, err error) {
	if m.f.o.Log != nil {
		m.f.o.Log("DMA %s of %d bytes at %#x: %v", op, n, addr, err)
	}
}

var _ vfiouser.Device = (*Function)(nil)
