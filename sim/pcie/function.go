package pcie

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

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
	agent
	spec     pcie.Endpoint
	model    Model
	addr     hw.Address
	above    *bridge
	plug     *Port // of above
	up, down *half
	table    []byte // MSI-X table
	pending  []byte // MSI-X pending bits
	port     port
	checker  Checker // nil: every access is taken
	lost     bool
	master   bool // it may send requests: worked out by decode

	translated sim.Time // when the IOMMU lets its last held request go
}

// Add plugs a function into a bridge, alone on its link, as firmware leaves it: BARs placed,
// decoding and mastering off.
func (f *Fabric) Add(at Bridge, name string, spec pcie.Endpoint, model Model) (*Function, error) {
	if err := spec.Link.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	spec.BARs = slices.Clone(spec.BARs) // resizing changes them
	fn := &Function{spec: spec, model: model, above: at.b}
	fn.agent = agent{fabric: f, path: at.b.path + "/" + name, id: uint16(f.buses) << 8}
	if f.buses >= maxBuses {
		return nil, fmt.Errorf("%s: a tree has %d buses at most", fn.path, maxBuses)
	}
	fn.addr = hw.Address{Bus: uint8(f.buses)}
	fn.config = reg.NewFile(pcie.ConfigLen, spec.Header(), spec.Capabilities())
	if err := fn.placeBARs(); err != nil {
		return nil, err
	}
	f.buses++
	fn.checker, _ = model.(Checker)
	fn.plug = f.connect(at.b, fn, fn.path, spec.Link)
	fn.plug.fn, fn.down, fn.up, fn.root = fn, fn.plug.down, fn.plug.down.back, fn.plug.root
	fn.plug.cover(fn)
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

// tenBitTags is how many 10-bit tags do [R]: 256 of the 1024 are not used, so that they differ from
// 8-bit ones (PCIe 5.0, 2.2.6.2).
const tenBitTags = 768

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

// Remove takes the function out by surprise: reads give all ones, writes vanish, DMA stops. What it
// had been asked and has not answered runs into the completion timeout.
func (fn *Function) Remove() {
	if fn.lost {
		return
	}
	fn.lost = true
	fn.plug.report(&pcie.SurpriseDown, nil, false)
	fn.fabric.decode()
}

// Lost reports whether Remove was called.
func (fn *Function) Lost() bool { return fn.lost }

// decode rebuilds the address windows after a change of a BAR or of a command register.
func (f *Fabric) decode() {
	f.windows = f.windows[:0]
	f.reach = [2]struct{ low, high uint64 }{{^uint64(0), 0}, {^uint64(0), 0}}
	for _, fn := range f.funcs {
		fn.master = !fn.lost && !fn.asleep() &&
			fn.get(pcie.Command, 2)&pcie.CommandMaster != 0
		if !fn.decodes() {
			continue
		}
		for _, b := range fn.spec.BARs {
			base, size := fn.BAR(b.Index)
			f.windows = append(f.windows, window{base, size, fn, b.Index})
			r := &f.reach[min(base>>32, 1)]
			r.low, r.high = min(r.low, base), max(r.high, base+size-1)
		}
	}
}

// window finds the BAR that holds an address. Most addresses are host memory's: they lie outside
// of what the windows below and above 4 GiB span.
func (f *Fabric) window(addr uint64) *window {
	if (addr < f.reach[0].low || addr > f.reach[0].high) &&
		(addr < f.reach[1].low || addr > f.reach[1].high) {
		return nil
	}
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
	w := f.window(t.addr)
	switch {
	case fn.lost: // it vanishes
	case t.poison:
		fn.report(&pcie.PoisonedTLP, t, false)
		fn.or(pcie.Status, 2, pcie.StatusParity)
	case w == nil || w.fn != fn:
		f.refuse(t, &fn.agent, pcie.UnsupportedRequest)
	case fn.check(w, t, true) != pcie.Successful:
		f.refuse(t, &fn.agent, fn.check(w, t, true))
	default:
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
	if fn.lost {
		f.eng.At(f.lostAt(), f, evExpire, uint64(t.index))
		return
	}
	at := f.eng.Now() + f.Timing.Register
	switch t.kind {
	case memRead:
		if t.size <= len(t.inline) {
			t.data = t.inline[:t.size]
		} else {
			t.data = make([]byte, t.size)
		}
		w := f.window(t.addr)
		if w == nil || w.fn != fn {
			t.status = pcie.UnsupportedRequest
		} else {
			t.status = fn.check(w, t, false)
		}
		if t.status != pcie.Successful {
			f.refuse(t, &fn.agent, t.status)
			fill(t.data)
			break
		}
		at += fn.read(w.bar, t.addr-w.base, t.data)
	case cfgRead, cfgWrite:
		fn.configure(t)
	}
	f.eng.At(at, f, evReply, uint64(t.index))
}

// answer sends the completions of a request that the function has served.
func (f *Fabric) answer(t *tlp) {
	if t.target.lost {
		f.eng.At(f.lostAt(), f, evExpire, uint64(t.index))
		return
	}
	data := t.data
	t.data = nil
	t.size = len(data)
	f.reply(t, data, t.target.up)
}

func (fn *Function) configure(t *tlp) {
	off := int(t.addr)
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
	asleep, power := fn.asleep(), fn.get(pcie.PMAt+4, 2)
	fn.config.Write(off, size, v)
	if state := pcie.PowerState.Get(fn.get(pcie.PMAt+4, 2)); state != 0 && state != pcie.D3hot {
		// D1 and D2 are not offered: a write of them is discarded (PCIe 5.0, 7.5.2.2).
		fn.set(pcie.PMAt+4, 2, pcie.PowerState.Put(fn.get(pcie.PMAt+4, 2),
			pcie.PowerState.Get(power)))
	}
	fn.resize(off, size)
	if high := devCtlAt + 1 - off; high >= 0 && high < size && v>>(8*high)&0x80 != 0 {
		fn.FunctionReset() // the bit reads zero, so it is not stored
	}
	if asleep && !fn.asleep() {
		fn.softReset() // No_Soft_Reset is 0 (PCIe 5.0, 5.3.1.4.1)
	}
	fn.settings()
	fn.flushPending()
	fn.fabric.decode()
}

// settings follow the registers that the requester obeys.
func (fn *Function) settings() {
	fn.port.mps = min(128<<pcie.DevCtlMPS.Get(fn.deviceControl()), fn.spec.Link.MPS)
	fn.port.mrrs = min(128<<pcie.DevCtlMRRS.Get(fn.deviceControl()), page)
	fn.port.tags = extendedTags
	if fn.get(pcie.ExpressAt+pcie.ExpDevCtl2, 2)&pcie.DevCtl2Tags10 != 0 {
		fn.port.tags = tenBitTags
	}
}

// asleep is D3hot; decodes whether memory requests are taken.
func (fn *Function) asleep() bool {
	return pcie.PowerState.Get(fn.get(pcie.PMAt+4, 2)) == pcie.D3hot
}

func (fn *Function) decodes() bool {
	return fn.get(pcie.Command, 2)&pcie.CommandMemory != 0 && !fn.asleep()
}

// resize follows a write to a resizable BAR's control register: another size, the same place as
// far as the new alignment lets it. A size that is not offered is not taken.
func (fn *Function) resize(off, size int) {
	for i, r := range fn.spec.Resizable {
		at := pcie.ResizableAt + 8 + 8*i
		if off >= at+4 || off+size <= at {
			continue
		}
		for k := range fn.spec.BARs {
			b := &fn.spec.BARs[k]
			if b.Index != r.BAR {
				continue
			}
			now := uint64(bits.Len64(b.Size>>20) - 1)
			code := pcie.ResizableSize.Get(fn.get(at, 4))
			if code > 27 || r.Sizes>>code&1 == 0 {
				fn.set(at, 4, pcie.ResizableSize.Put(fn.get(at, 4), now))
				continue
			}
			if code != now {
				b.Size = 1 << (20 + code)
				fn.masks(b)
			}
		}
	}
}

// masks makes a BAR's writable bits those of its size.
func (fn *Function) masks(b *pcie.BAR) {
	at := pcie.BAR0 + 4*b.Index
	mask, flags, was := ^(b.Size - 1), fn.get(at, 4)&pcie.BARFlags, fn.get(at, 4)
	fn.config.Define(at, 4, flags, mask&0xfffffff0, 0)
	fn.config.Write(at, 4, was)
	if b.Is64 {
		high := fn.get(at+4, 4)
		fn.config.Define(at+4, 4, 0, mask>>32, 0)
		fn.config.Write(at+4, 4, high)
	}
}

func (fn *Function) deviceControl() uint64 {
	return fn.config.Get(devCtlAt, 2)
}

// devCtlAt is Device Control in the layout of the endpoint tables.
const devCtlAt = pcie.ExpressAt + pcie.ExpDevCtl

// keptOfFunction are the BARs, and the sizes that go with them: the model plays the firmware.
var keptOfFunction = []struct{ off, dwords int }{{pcie.BAR0, 6}, {pcie.ResizableAt, 13}}

// FunctionReset is a function level reset: everything but the BARs' places, the sticky error
// registers and MPS is as at power-on (PCIe 5.0, 6.6.2).
func (fn *Function) FunctionReset() {
	mps := pcie.DevCtlMPS.Get(fn.deviceControl())
	fn.softReset()
	fn.set(devCtlAt, 2, pcie.DevCtlMPS.Put(fn.deviceControl(), mps))
	fn.settings()
}

// HotReset is a reset by the link: as FunctionReset, and MPS as well (PCIe 5.0, 6.6.1).
func (fn *Function) HotReset() {
	if !fn.lost {
		fn.softReset()
		fn.settings()
	}
}

func (fn *Function) softReset() {
	var saved [32]uint64
	n := 0
	for _, list := range [][]struct{ off, dwords int }{kept, keptOfFunction} {
		for _, k := range list {
			for i := range k.dwords {
				saved[n] = fn.get(k.off+4*i, 4)
				n++
			}
		}
	}
	fn.config.Reset()
	n = 0
	for _, list := range [][]struct{ off, dwords int }{kept, keptOfFunction} {
		for _, k := range list {
			for i := range k.dwords {
				fn.set(k.off+4*i, 4, saved[n])
				n++
			}
		}
	}
	fn.resetTable()
	fn.model.Reset()
	fn.fabric.decode()
}

// Write posts data to a bus address. data of more than 16 bytes must not change until done fires,
// at delivery. With bus mastering off, or the function gone, nothing happens and done never fires.
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

// WritePoisoned is Write with the poison bit: the data are known to be bad (PCIe 5.0, 2.7.2). The
// completer takes the packet, logs it and does not store it.
func (fn *Function) WritePoisoned(addr uint64, data []byte, done Done) {
	fn.port.poison = true
	fn.Write(addr, data, done)
	fn.port.poison = false
}

// Checker is a Model that may refuse accesses: with UnsupportedRequest, or CompleterAbort if they
// break its programming model (PCIe 5.0, 2.3.1). It must answer the same when asked twice.
type Checker interface {
	Check(bar int, off uint64, n int, write bool) pcie.CompletionStatus
}

func (fn *Function) check(w *window, t *tlp, write bool) pcie.CompletionStatus {
	if t.addr-w.base+uint64(t.size) > w.size {
		return pcie.UnsupportedRequest
	}
	if fn.checker == nil {
		return pcie.Successful
	}
	return fn.checker.Check(w.bar, t.addr-w.base, t.size, write)
}

func (fn *Function) mayMaster(op string, addr uint64) bool {
	if fn.master || fn.lost {
		return fn.master
	}
	if fn.asleep() {
		fn.fabric.find("PCIE-5.3.1.4-D3", fn.path, "DMA %s of %#x in D3hot", op, addr)
		return false
	}
	if fn.config.Get(pcie.Command, 2)&pcie.CommandMaster == 0 {
		fn.fabric.find("PCIE-7.5.1.1.3-BME", fn.path, "DMA %s of %#x with bus mastering off",
			op, addr)
		return false
	}
	return true
}
