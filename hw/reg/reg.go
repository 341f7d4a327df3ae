package reg

import (
	"encoding/binary"
	"fmt"
)

// Bits is a field of a register: bits Hi to Lo, both counted from 0 and both inside.
type Bits struct{ Hi, Lo uint8 }

// Mask is the field's ones in place.
func (b Bits) Mask() uint64 { return (1<<(b.Hi-b.Lo+1) - 1) << b.Lo }

// Get extracts the field.
func (b Bits) Get(v uint64) uint64 { return (v & b.Mask()) >> b.Lo }

// Put returns v with the field set to x; what does not fit is cut off.
func (b Bits) Put(v, x uint64) uint64 { return v&^b.Mask() | x<<b.Lo&b.Mask() }

// Field is a named field.
type Field struct {
	Name string
	Bits
	Doc string
}

// Register is a row of a table: where it is, how it starts, and which bits software can change.
type Register struct {
	Name    string
	Off     int    // byte offset
	Size    int    // 1, 2, 4 or 8 bytes
	Reset   uint64 // value after reset
	RW      uint64 // bits that software writes
	W1C     uint64 // bits that software clears by writing one
	Section string // document and section that define it
	Fields  []Field
}

// Table is a list of registers in order of offset.
type Table []Register

// Lookup finds the register that holds byte off.
func (t Table) Lookup(off int) *Register {
	for i := range t {
		if off >= t[i].Off && off < t[i].Off+t[i].Size {
			return &t[i]
		}
	}
	return nil
}

// Check reports rows that overlap, are out of order, misaligned, or cite nothing.
func (t Table) Check() error {
	end := 0
	for i := range t {
		r := &t[i]
		switch {
		case r.Section == "":
			return fmt.Errorf("reg: %s cites no section", r.Name)
		case r.Size != 1 && r.Size != 2 && r.Size != 4 && r.Size != 8 || r.Off%r.Size != 0:
			return fmt.Errorf("reg: %s has size %d at %#x", r.Name, r.Size, r.Off)
		case r.Off < end:
			return fmt.Errorf("reg: %s at %#x overlaps its predecessor", r.Name, r.Off)
		case r.RW&r.W1C != 0:
			return fmt.Errorf("reg: %s has bits both RW and W1C", r.Name)
		}
		end = r.Off + r.Size
	}
	return nil
}

// File is the storage of registers or of a configuration space: bytes with access masks.
type File struct {
	data, rw, w1c, reset []byte
}

// NewFile makes a file of n bytes, all read-only zero, and adds the tables to it.
func NewFile(n int, tables ...Table) *File {
	f := &File{make([]byte, n), make([]byte, n), make([]byte, n), make([]byte, n)}
	for _, t := range tables {
		for i := range t {
			r := &t[i]
			f.Define(r.Off, r.Size, r.Reset, r.RW, r.W1C)
		}
	}
	return f
}

// Define sets a register's reset value and masks, and its present value.
func (f *File) Define(off, size int, reset, rw, w1c uint64) {
	put(f.reset[off:], size, reset)
	put(f.data[off:], size, reset)
	put(f.rw[off:], size, rw)
	put(f.w1c[off:], size, w1c)
}

// Reset returns every register to its reset value.
func (f *File) Reset() { copy(f.data, f.reset) }

// Len is the number of bytes.
func (f *File) Len() int { return len(f.data) }

// Get reads size bytes (1, 2, 4 or 8); outside the file it reads all ones.
func (f *File) Get(off, size int) uint64 {
	if off < 0 || off+size > len(f.data) {
		return 1<<(8*size) - 1
	}
	return get(f.data[off:], size)
}

// Set stores regardless of the masks: what the device itself does.
func (f *File) Set(off, size int, v uint64) { put(f.data[off:], size, v) }

// Write stores as software does, by the masks; outside the file it does nothing.
func (f *File) Write(off, size int, v uint64) {
	if off < 0 || off+size > len(f.data) {
		return
	}
	old, rw, w1c := get(f.data[off:], size), get(f.rw[off:], size), get(f.w1c[off:], size)
	put(f.data[off:], size, old&^rw&^(v&w1c)|v&rw)
}

func get(p []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(p))
	case 4:
		return uint64(binary.LittleEndian.Uint32(p))
	case 8:
		return binary.LittleEndian.Uint64(p)
	}
	panic(fmt.Sprintf("reg: access of %d bytes", size))
}

func put(p []byte, size int, v uint64) {
	switch size {
	case 1:
		p[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(p, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(v))
	case 8:
		binary.LittleEndian.PutUint64(p, v)
	default:
		panic(fmt.Sprintf("reg: access of %d bytes", size))
	}
}
