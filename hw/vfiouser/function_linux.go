package vfiouser

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	"tensoros/hw/host"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/pcie"
)

// function is the server's function.
type function struct {
	m       *Machine
	addr    hw.Address
	sizes   [regionCount]uint64
	bars    []pci.BAR
	vectors *host.Vectors
}

// barBase is where BARs are put, above DMA memory.
const barBase = 1 << 40

func (f *function) open() error {
	p, err := f.m.wire.call(DeviceGetInfo, words(deviceInfoLen, 0, 0, 0))
	if p, err = reply(p, err, deviceInfoLen); err != nil {
		return err
	}
	n := min(binary.LittleEndian.Uint32(p[8:]), regionCount)
	for i := range n {
		q := append(words(regionInfoLen, 0, i, 0), make([]byte, 16)...)
		r, err := f.m.wire.call(GetRegionInfo, q)
		if r, err = reply(r, err, regionInfoLen); err != nil {
			return err
		}
		f.sizes[i] = binary.LittleEndian.Uint64(r[16:])
	}
	if f.sizes[ConfigRegion] < 256 {
		return fmt.Errorf("configuration space of %d bytes", f.sizes[ConfigRegion])
	}
	p, err = f.m.wire.call(GetIRQInfo, words(irqInfoLen, 0, MSIX, 0))
	if p, err = reply(p, err, irqInfoLen); err != nil {
		return err
	}
	f.vectors = host.NewVectors(f.m.cpus, f.addr, int(min(binary.LittleEndian.Uint32(p[12:]),
		2048)))
	next := uint64(barBase)
	f.bars = pci.BARs(f.Config())
	for i := range f.bars {
		b := &f.bars[i]
		b.Base = 0xc000_0000
		if b.Is64 {
			next = (next + b.Size - 1) &^ (b.Size - 1)
			b.Base = next
			next += b.Size
		}
	}
	f.restore()
	return f.Err()
}

// restore writes the BARs.
func (f *function) restore() {
	cfg := f.Config()
	for _, b := range f.bars {
		cfg.Write32(spec.BAR0+4*b.Index, uint32(b.Base))
		if b.Is64 {
			cfg.Write32(spec.BAR0+4*b.Index+4, uint32(b.Base>>32))
		}
	}
}

func (f *function) fail(op, detail string, err error) error {
	return &hw.Error{Op: op, Addr: f.addr, Detail: detail, Err: err}
}

func (f *function) Config() hw.Window {
	return &window{f, ConfigRegion, int(f.sizes[ConfigRegion])}
}

func (f *function) BAR(n int) (hw.Window, error) {
	if n < 0 || n > 5 || f.sizes[n] == 0 {
		return nil, f.fail("map", fmt.Sprintf("BAR %d", n), hw.ErrNotPresent)
	}
	return &window{f, n, int(f.sizes[n])}, nil
}

func (f *function) Memory(size int) (hw.Memory, error) { return f.m.pool.Alloc(f.addr, size) }

// Route gives a vector an eventfd that latches it on a processor, and turns MSI-X on.
func (f *function) Route(vector, cpu int) error {
	err := f.vectors.Route(vector, cpu, func(fd int) error {
		p := make([]byte, setIRQsLen)
		irqSet{setDataEventFD | setTrigger, MSIX, uint32(vector), 1}.encode(p)
		_, err := f.m.wire.call(SetIRQs, p, fd)
		return err
	})
	if err != nil {
		return err
	}
	cfg := f.Config()
	if at := pci.Capability(cfg, spec.CapMSIX); at != 0 {
		cfg.Write16(at+2, cfg.Read16(at+2)&^spec.MSIXMaskAll|spec.MSIXEnable)
	}
	return nil
}

// Reset is DEVICE_RESET, with the BARs and the command register put back.
func (f *function) Reset() error {
	command := f.Config().Read16(spec.Command)
	if _, err := f.m.wire.call(DeviceReset, nil); err != nil {
		return f.fail("reset", "", hw.ErrLost)
	}
	f.restore()
	f.Config().Write16(spec.Command, command)
	return f.Err()
}

func (f *function) Err() error {
	if err := f.m.wire.broken(); err != nil {
		return f.fail("reach", err.Error(), hw.ErrLost)
	}
	return nil
}

func (f *function) Close() error { return f.Err() }

// window is a region of the server.
type window struct {
	f      *function
	region int
	size   int
}

func (w *window) Len() int { return w.size }

// Bus is 0: no peer of the device is on this bus.
func (w *window) Bus() hw.BusAddr { return 0 }

func (w *window) check(off, n int) {
	if off < 0 || off+n > w.size || off%n != 0 {
		panic(fmt.Sprintf("vfio-user: %d byte access at %#x of a window of %#x bytes", n, off,
			w.size))
	}
}

func (w *window) read(off, n int) uint64 {
	w.check(off, n)
	p := make([]byte, accessLen)
	access{uint64(off), uint32(w.region), uint32(n)}.encode(p)
	p, err := w.f.m.wire.call(RegionRead, p)
	if err != nil || len(p) < accessLen+n {
		return ^uint64(0)
	}
	var v [8]byte
	copy(v[:n], p[accessLen:])
	return binary.LittleEndian.Uint64(v[:])
}

// write is posted to a BAR and waited for in configuration space.
func (w *window) write(off int, data []byte) {
	p := make([]byte, accessLen, accessLen+len(data))
	access{uint64(off), uint32(w.region), uint32(len(data))}.encode(p)
	p = append(p, data...)
	if w.region != ConfigRegion {
		w.f.m.wire.post(RegionWrite, p)
		return
	}
	_, _ = w.f.m.wire.call(RegionWrite, p) // a broken connection is sticky: Err tells
}

func (w *window) put(off, n int, v uint64) {
	w.check(off, n)
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], v)
	w.write(off, p[:n])
}

func (w *window) Read8(off int) uint8       { return uint8(w.read(off, 1)) }
func (w *window) Read16(off int) uint16     { return uint16(w.read(off, 2)) }
func (w *window) Read32(off int) uint32     { return uint32(w.read(off, 4)) }
func (w *window) Read64(off int) uint64     { return w.read(off, 8) }
func (w *window) Write8(off int, v uint8)   { w.put(off, 1, uint64(v)) }
func (w *window) Write16(off int, v uint16) { w.put(off, 2, uint64(v)) }
func (w *window) Write32(off int, v uint32) { w.put(off, 4, uint64(v)) }
func (w *window) Write64(off int, v uint64) { w.put(off, 8, v) }

// Copy writes p in messages as large as the server takes.
func (w *window) Copy(off int, p []byte) {
	if off < 0 || off+len(p) > w.size {
		panic(fmt.Sprintf("vfio-user: copy of %d bytes to %#x of %#x", len(p), off, w.size))
	}
	for len(p) > 0 {
		n := min(len(p), w.f.m.wire.caps.MaxTransfer)
		w.write(off, p[:n])
		off, p = off+n, p[n:]
	}
}
