package pcie

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	"tensoros/hw/reg"
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
)

// Model is the device behind a function. It is called at the time of the access.
type Model interface {
	// Read fills p from a BAR; the answer leaves later by the time returned, beside the common
	// cost of a register read.
	Read(bar int, off uint64, p []byte) sim.Time
	// Write takes p, which is only valid during the call.
	Write(bar int, off uint64, p []byte)
	// Reset is a function level reset.
	Reset()
}

// Function is an endpoint: configuration space, BARs, MSI-X table, and a requester for DMA.
type Function struct {
	fabric   *Fabric
	spec     pcie.Endpoint
	model    Model
	addr     hw.Address
	path     string
	above    *bridge
	up, down *half
	config   *reg.File
	table    []byte // MSI-X table
	pending  []byte // MSI-X pending bits
	port     port
	lost     bool
}

// Add plugs a function into a bridge, alone on its link, as firmware leaves it: BARs placed,
// decoding and mastering off.
func (f *Fabric) Add(at Bridge, name string, spec pcie.Endpoint, model Model) (*Function, error) {
	if err := spec.Link.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	fn := &Function{fabric: f, spec: spec, model: model, above: at.b, path: at.b.path + "/" + name}
	if f.buses >= maxBuses {
		return nil, fmt.Errorf("%s: a tree has %d buses at most", fn.path, maxBuses)
	}
	fn.addr = hw.Address{Bus: uint8(f.buses)}
	fn.config = reg.NewFile(pcie.ConfigLen, spec.Header(), spec.Capabilities())
	if err := fn.placeBARs(); err != nil {
		return nil, err
	}
	f.buses++
	fn.down, fn.up = f.connect(at.b, fn, fn.path, spec.Link)
	fn.table = make([]byte, spec.Vectors*pcie.MSIXEntryLen)
	fn.pending = make([]byte, (spec.Vectors+63)/64*8)
	fn.port = port{fabric: f, fn: fn, tags: extendedTags, mps: spec.Link.MPS, mrrs: spec.Link.MRRS}
	fn.resetTable()
	f.funcs = append(f.funcs, fn)
	return fn, nil
}

// maxBuses is what 8 bits of bus number tell apart.
const maxBuses = 256

// extendedTags is how many reads 8-bit tags tell apart (PCIe 5.0, 2.2.6.2).
const extendedTags = 256

// placeBARs does the firmware's work: each BAR at a multiple of its size, 32-bit ones below 4 GiB.
func (fn *Function) placeBARs() error {
	for _, b := range fn.spec.BARs {
		next := &fn.fabric.mmio32
		if b.Is64 {
			next = &fn.fabric.mmio
		}
		at := (*next + b.Size - 1) &^ (b.Size - 1)
		if !b.Is64 && at+b.Size > msiBase {
			return fmt.Errorf("%s: no room below 4 GiB for BAR %d of %d bytes: "+
				"put fewer devices on the board", fn.path, b.Index, b.Size)
		}
		*next = at + b.Size
		fn.config.Write(pcie.BAR0+4*b.Index, 4, at&0xffffffff)
		if b.Is64 {
			fn.config.Write(pcie.BAR0+4*b.Index+4, 4, at>>32)
		}
	}
	return nil
}

// Address is bus, device and function; Path the track.
func (fn *Function) Address() hw.Address { return fn.addr }
func (fn *Function) Path() string        { return fn.path }

// Spec is what the function was made from.
func (fn *Function) Spec() *pcie.Endpoint { return &fn.spec }

// BAR is the bus address of a BAR as programmed, and its size; 0, 0 if there is none.
func (fn *Function) BAR(n int) (base, size uint64) {
	for _, b := range fn.spec.BARs {
		if b.Index == n {
			base = fn.config.Get(pcie.BAR0+4*n, 4) &^ pcie.BARFlags
			if b.Is64 {
				base |= fn.config.Get(pcie.BAR0+4*n+4, 4) << 32
			}
			return base, b.Size
		}
	}
	return 0, 0
}

// Remove takes the function out by surprise: reads give all ones, writes vanish, DMA stops.
func (fn *Function) Remove() {
	fn.lost = true
	fn.fabric.decode()
}

// Lost reports whether Remove was called.
func (fn *Function) Lost() bool { return fn.lost }

// decode rebuilds the address windows after a change of a BAR or of a command register.
func (f *Fabric) decode() {
	f.windows = f.windows[:0]
	for _, fn := range f.funcs {
		if fn.config.Get(pcie.Command, 2)&pcie.CommandMemory == 0 {
			continue
		}
		for _, b := range fn.spec.BARs {
			base, size := fn.BAR(b.Index)
			f.windows = append(f.windows, window{base, size, fn, b.Index})
		}
	}
}

func (f *Fabric) window(addr uint64) *window {
	for i := range f.windows {
		if w := &f.windows[i]; addr-w.base < w.size {
			return w
		}
	}
	return nil
}

// sink takes what is for the function; requests that are answered come one by one.
func (fn *Function) sink(t *tlp) (sim.Time, uint32, bool) {
	t.target = t.destination(fn)
	if t.kind == memWrite || t.kind == completion {
		return 0, evDeliver, true
	}
	return 0, evArrive, false
}

// destination is the completer; completions have their requester there already.
func (t *tlp) destination(fn *Function) *Function {
	if t.kind == completion {
		return t.target
	}
	return fn
}

// deliver takes writes and completions. The model sees each write packet.
func (fn *Function) deliver(t *tlp) {
	f := fn.fabric
	if t.kind == completion {
		f.complete(t)
		return
	}
	if w := f.window(t.addr); w != nil && !fn.lost {
		off := t.addr - w.base
		for data := t.data; ; off += uint64(t.piece) {
			n := min(t.piece, len(data))
			fn.write(w.bar, off, data[:n])
			if data = data[n:]; len(data) == 0 {
				break
			}
		}
	}
	f.drop(t)
}

// serve takes a request that is answered.
func (fn *Function) serve(t *tlp) {
	f := fn.fabric
	at := f.eng.Now() + f.Timing.Register
	switch t.kind {
	case memRead:
		if t.size <= len(t.inline) {
			t.data = t.inline[:t.size]
		} else {
			t.data = make([]byte, t.size)
		}
		if w := f.window(t.addr); w == nil || fn.lost {
			fill(t.data)
		} else {
			at += fn.read(w.bar, t.addr-w.base, t.data)
		}
	case cfgRead, cfgWrite:
		fn.configure(t)
	}
	f.eng.At(at, f, evReply, uint64(t.index))
}

// answer sends the completions of a request that the function has served.
func (f *Fabric) answer(t *tlp) {
	data := t.data
	t.data = nil
	t.size = len(data)
	f.reply(t, data, t.target.up)
}

func (fn *Function) configure(t *tlp) {
	off := int(t.addr)
	if fn.lost {
		t.data = t.inline[:t.size]
		fill(t.data)
		return
	}
	if t.kind == cfgWrite {
		fn.writeConfig(off, t.size, little(t.data))
		t.data = t.data[:1]
		return
	}
	v := fn.config.Get(off, t.size)
	binary.LittleEndian.PutUint64(t.inline[:], v)
	t.data = t.inline[:t.size]
}

func little(p []byte) (v uint64) {
	for i, b := range p {
		v |= uint64(b) << (8 * i)
	}
	return v
}

func (fn *Function) writeConfig(off, size int, v uint64) {
	fn.config.Write(off, size, v)
	if high := devCtlAt + 1 - off; high >= 0 && high < size && v>>(8*high)&0x80 != 0 {
		fn.FunctionReset() // the bit reads zero, so it is not stored
	}
	fn.port.mps = min(128<<pcie.DevCtlMPS.Get(fn.deviceControl()), fn.spec.Link.MPS)
	fn.port.mrrs = 128 << pcie.DevCtlMRRS.Get(fn.deviceControl())
	fn.flushPending()
	fn.fabric.decode()
}

func (fn *Function) deviceControl() uint64 {
	return fn.config.Get(devCtlAt, 2)
}

// devCtlAt is Device Control in the layout of the endpoint tables.
const devCtlAt = pcie.ExpressAt + pcie.ExpDevCtl

// FunctionReset is a function level reset: everything but the BARs' places is as at power-on.
func (fn *Function) FunctionReset() {
	var bars [6]uint64
	for i := range bars {
		bars[i] = fn.config.Get(pcie.BAR0+4*i, 4)
	}
	fn.config.Reset()
	for i, v := range bars {
		fn.config.Write(pcie.BAR0+4*i, 4, v)
	}
	fn.resetTable()
	fn.model.Reset()
	fn.fabric.decode()
}

// Write posts data to a bus address. data must not change until done fires, at delivery. With bus
// mastering off, or the function gone, nothing happens and done never fires.
func (fn *Function) Write(addr uint64, data []byte, done Done) {
	if fn.mayMaster("write", addr) {
		fn.port.write(addr, data, done)
	}
}

// Read fills buf from a bus address, then fires done. All ones come back from where nothing is.
// With bus mastering off, or the function gone, nothing happens and done never fires.
func (fn *Function) Read(addr uint64, buf []byte, done Done) {
	if fn.mayMaster("read", addr) {
		fn.port.read(addr, buf, done)
	}
}

func (fn *Function) mayMaster(op string, addr uint64) bool {
	if fn.lost {
		return false
	}
	if fn.config.Get(pcie.Command, 2)&pcie.CommandMaster == 0 {
		fn.fabric.find("PCIE-7.5.1.1.3-BME", fn.path, "DMA %s of %#x with bus mastering off",
			op, addr)
		return false
	}
	return true
}
