package tensorfs

import "fmt"

// Device is a drive as a volume sees it. Offsets and lengths are multiples of Block. A write may
// stay in a volatile cache until Flush; of what is there at a power cut, any part of 512-byte
// sectors may have reached the medium.
type Device interface {
	Size() uint64
	ReadAt(off uint64, p []byte) error
	WriteAt(off uint64, p []byte) error
	Flush() error
}

// Memory is a Device in memory.
type Memory []byte

// Size is the number of bytes.
func (m Memory) Size() uint64 { return uint64(len(m)) }

// ReadAt fills p from off.
func (m Memory) ReadAt(off uint64, p []byte) error {
	if off > m.Size() || uint64(len(p)) > m.Size()-off {
		return fmt.Errorf("read of %d bytes at %#x of %#x", len(p), off, m.Size())
	}
	copy(p, m[off:])
	return nil
}

// WriteAt stores p at off.
func (m Memory) WriteAt(off uint64, p []byte) error {
	if off > m.Size() || uint64(len(p)) > m.Size()-off {
		return fmt.Errorf("write of %d bytes at %#x of %#x", len(p), off, m.Size())
	}
	copy(m[off:], p)
	return nil
}

// Flush does nothing: memory has no cache.
func (m Memory) Flush() error { return nil }

// Run is a piece of a volume on one drive.
type Run struct {
	Drive int    // member
	Off   uint64 // bytes on that drive
	Len   uint64
}

// array is the drives of a volume as one address space: stripes in turn.
type array struct {
	Geometry
	devs []Device // by member
}

// end is the first address behind the volume; start the first that can be allocated.
func (a *array) end() uint64   { return a.Size * uint64(a.Members) }
func (a *array) start() uint64 { return uint64(a.Stripe) * uint64(a.Members) }

// locate is where an address lies, and how much follows there.
func (a *array) locate(addr uint64) Run {
	if a.Members == 1 {
		return Run{0, addr, a.Size - addr}
	}
	s, n := uint64(a.Stripe), uint64(a.Members)
	stripe, in := addr/s, addr%s
	return Run{int(stripe % n), stripe/n*s + in, s - in}
}

// each calls do for every piece of a range.
func (a *array) each(addr uint64, p []byte, do func(d Device, off uint64, p []byte) error) error {
	for len(p) > 0 {
		r := a.locate(addr)
		n := min(r.Len, uint64(len(p)))
		if err := do(a.devs[r.Drive], r.Off, p[:n]); err != nil {
			return fmt.Errorf("tensorfs: drive %d at %#x: %w", r.Drive, r.Off, err)
		}
		addr, p = addr+n, p[n:]
	}
	return nil
}

func (a *array) read(addr uint64, p []byte) error { return a.each(addr, p, Device.ReadAt) }

func (a *array) write(addr uint64, p []byte) error { return a.each(addr, p, Device.WriteAt) }

func (a *array) flush() error {
	for i, d := range a.devs {
		if err := d.Flush(); err != nil {
			return fmt.Errorf("tensorfs: flush of drive %d: %w", i, err)
		}
	}
	return nil
}

// blocks rounds up to whole blocks.
func blocks(n uint64) uint64 { return (n + Block - 1) &^ (Block - 1) }
