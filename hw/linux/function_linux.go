package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"tensoros/hw"
	"tensoros/hw/host"
	spec "tensoros/hw/spec/pcie"
)

// function is a function that VFIO has handed over.
type function struct {
	m       *Machine
	addr    hw.Address
	fd      int
	config  region
	bars    [6]host.Registers
	vectors *host.Vectors
}

type region struct {
	off  int64
	size int
	mmap bool
}

func (m *Machine) function(a hw.Address) (*function, error) {
	g, err := group(a)
	if err != nil {
		return nil, err
	}
	f := &function{m: m, addr: a, fd: -1}
	if f.fd, err = ioctlString(m.groups[g], groupGetDeviceFD, a.String()); err != nil {
		return nil, f.fail("open", "", err)
	}
	if err := f.open(); err != nil {
		return nil, errors.Join(f.fail("open", "", err), f.close())
	}
	return f, nil
}

func (f *function) region(i int) (region, error) {
	w := []uint32{32, 0, uint32(i), 0, 0, 0, 0, 0}
	if err := ioctlWords(f.fd, deviceGetRegionInfo, w); err != nil {
		return region{}, err
	}
	return region{int64(w[6]) | int64(w[7])<<32, int(w[4]) | int(w[5])<<32,
		w[1]&regionMmap != 0}, nil
}

func (f *function) open() (err error) {
	if f.config, err = f.region(configRegion); err != nil {
		return err
	}
	for i := range f.bars {
		r, err := f.region(i)
		if err != nil {
			return err
		}
		if r.size == 0 || !r.mmap { // I/O ports among them: not a memory BAR
			continue
		}
		p, err := unix.Mmap(f.fd, r.off, r.size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return fmt.Errorf("BAR %d: %w", i, err)
		}
		f.bars[i] = p
	}
	w := []uint32{16, 0, msixIndex, 0}
	if err := ioctlWords(f.fd, deviceGetIRQInfo, w); err != nil {
		return err
	}
	f.vectors = host.NewVectors(f.m.cpus, f.addr, int(w[3]))
	return nil
}

// close gives the function back; VFIO resets it.
func (f *function) close() error {
	if f.vectors != nil {
		f.vectors.Close()
	}
	var errs []error
	for i, b := range f.bars {
		if b != nil {
			errs = append(errs, unix.Munmap(b))
			f.bars[i] = nil
		}
	}
	if f.fd >= 0 {
		errs = append(errs, unix.Close(f.fd))
		f.fd = -1
	}
	return errors.Join(errs...)
}

func (f *function) fail(op, detail string, err error) error {
	return &hw.Error{Op: op, Addr: f.addr, Detail: detail, Err: err}
}

func (f *function) Config() hw.Window { return &configuration{f} }

func (f *function) BAR(n int) (hw.Window, error) {
	if n < 0 || n > 5 || f.bars[n] == nil {
		return nil, f.fail("map", fmt.Sprintf("BAR %d", n), hw.ErrNotPresent)
	}
	return &bar{f.bars[n]}, nil
}

func (f *function) Memory(size int) (hw.Memory, error) { return f.m.pool.Alloc(f.addr, size) }

// Route gives a vector an eventfd that latches it on a processor.
func (f *function) Route(vector, cpu int) error {
	return f.vectors.Route(vector, cpu, func(fd int) error {
		return ioctlWords(f.fd, deviceSetIRQs, []uint32{24, dataEventFD | trigger, msixIndex,
			uint32(vector), 1, uint32(fd)})
	})
}

// Reset is VFIO's: a function level reset where there is one, with configuration space put back.
func (f *function) Reset() error {
	if _, err := ioctl(f.fd, deviceReset, 0); err != nil {
		return f.fail("reset", "", err)
	}
	return f.Err()
}

func (f *function) Err() error {
	var p [2]byte
	n, err := unix.Pread(f.fd, p[:], f.config.off+spec.VendorID)
	if err != nil || n != 2 || p == [2]byte{0xff, 0xff} {
		return f.fail("reach", "", hw.ErrLost)
	}
	return nil
}

func (f *function) Close() error { return f.Err() }

// configuration is configuration space, through the kernel.
type configuration struct{ f *function }

func (c *configuration) Len() int        { return c.f.config.size }
func (c *configuration) Bus() hw.BusAddr { return 0 }

func (c *configuration) read(off, n int) uint64 {
	p := [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for i := 0; i < n; i += 4 { // the kernel takes up to 4 bytes at a time
		k := min(4, n-i)
		if got, err := unix.Pread(c.f.fd, p[i:i+k], c.f.config.off+int64(off+i)); err != nil ||
			got != k {
			return ^uint64(0)
		}
	}
	v := binary.LittleEndian.Uint64(p[:])
	if n < 8 {
		v &= 1<<(8*n) - 1
	}
	return v
}

func (c *configuration) write(off, n int, v uint64) {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], v)
	c.Copy(off, p[:n])
}

func (c *configuration) Read8(off int) uint8       { return uint8(c.read(off, 1)) }
func (c *configuration) Read16(off int) uint16     { return uint16(c.read(off, 2)) }
func (c *configuration) Read32(off int) uint32     { return uint32(c.read(off, 4)) }
func (c *configuration) Read64(off int) uint64     { return c.read(off, 8) }
func (c *configuration) Write8(off int, v uint8)   { c.write(off, 1, uint64(v)) }
func (c *configuration) Write16(off int, v uint16) { c.write(off, 2, uint64(v)) }
func (c *configuration) Write32(off int, v uint32) { c.write(off, 4, uint64(v)) }
func (c *configuration) Write64(off int, v uint64) { c.write(off, 8, v) }

// Copy writes p, a double word at a time. A write to a function that has gone is lost, as on the
// bus.
func (c *configuration) Copy(off int, p []byte) {
	for len(p) > 0 {
		n := min(4, len(p))
		_, _ = unix.Pwrite(c.f.fd, p[:n], c.f.config.off+int64(off))
		off, p = off+n, p[n:]
	}
}

// bar is a mapped BAR. While the function does not decode, or once it has gone, the kernel answers
// an access with SIGBUS; the door's answer is all ones, and writes vanish.
type bar struct{ regs host.Registers }

func (b *bar) Len() int { return len(b.regs) }

// Bus is 0: where the IOMMU would let peers reach it is not known here.
func (b *bar) Bus() hw.BusAddr { return 0 }

// reading makes an access that may fault.
func reading[T uint8 | uint16 | uint32 | uint64](read func(int) T, off int) (v T) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if fault(recover()) {
			v = ^T(0)
		}
	}()
	return read(off)
}

func writing[T uint8 | uint16 | uint32 | uint64](write func(int, T), off int, v T) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		fault(recover())
	}()
	write(off, v)
}

// fault reports whether a panic is a memory fault; others go on.
func fault(v any) bool {
	if v == nil {
		return false
	}
	if _, ok := v.(interface{ Addr() uintptr }); ok {
		return true
	}
	panic(v)
}

func (b *bar) Read8(off int) uint8       { return reading(b.regs.Read8, off) }
func (b *bar) Read16(off int) uint16     { return reading(b.regs.Read16, off) }
func (b *bar) Read32(off int) uint32     { return reading(b.regs.Read32, off) }
func (b *bar) Read64(off int) uint64     { return reading(b.regs.Read64, off) }
func (b *bar) Write8(off int, v uint8)   { writing(b.regs.Write8, off, v) }
func (b *bar) Write16(off int, v uint16) { writing(b.regs.Write16, off, v) }
func (b *bar) Write32(off int, v uint32) { writing(b.regs.Write32, off, v) }
func (b *bar) Write64(off int, v uint64) { writing(b.regs.Write64, off, v) }

// Copy writes p in double words.
func (b *bar) Copy(off int, p []byte) {
	for ; len(p) >= 8; off, p = off+8, p[8:] {
		b.Write64(off, binary.LittleEndian.Uint64(p))
	}
	for i := range p {
		b.Write8(off+i, p[i])
	}
}
