package host

import (
	"sync/atomic"
	"unsafe"
)

// word32 and word64 are the aligned words at off, which must lie within p: ordered accesses are
// atomic ones, and Go has those on pointers only.
func word32(p []byte, off int) *uint32 {
	_ = p[off+3]
	return (*uint32)(unsafe.Pointer(&p[off]))
}

func word64(p []byte, off int) *uint64 {
	_ = p[off+7]
	return (*uint64)(unsafe.Pointer(&p[off]))
}

// Load32 reads a word of memory that a device writes, before everything after it.
func Load32(p []byte, off int) uint32 { return atomic.LoadUint32(word32(p, off)) }

// Load64 reads a double word of memory that a device writes, before everything after it.
func Load64(p []byte, off int) uint64 { return atomic.LoadUint64(word64(p, off)) }

// Store32 writes a word for a device, after everything before it.
func Store32(p []byte, off int, v uint32) { atomic.StoreUint32(word32(p, off), v) }

// Store64 writes a double word for a device, after everything before it.
func Store64(p []byte, off int, v uint64) { atomic.StoreUint64(word64(p, off), v) }

// Swap32 writes a word and gives what was there.
func Swap32(p []byte, off int, v uint32) uint32 { return atomic.SwapUint32(word32(p, off), v) }

// Registers is a mapping of a device's registers: each access is made once, at its width, in
// program order. The functions are not inlined, so that the compiler neither joins nor drops
// accesses.
type Registers []byte

// Read8 reads a byte.
//
//go:noinline
func (r Registers) Read8(off int) uint8 { return r[off] }

// Read16 reads a half word.
//
//go:noinline
func (r Registers) Read16(off int) uint16 {
	_ = r[off+1]
	return *(*uint16)(unsafe.Pointer(&r[off]))
}

// Read32 reads a word.
func (r Registers) Read32(off int) uint32 { return Load32(r, off) }

// Read64 reads a double word.
func (r Registers) Read64(off int) uint64 { return Load64(r, off) }

// Write8 writes a byte.
//
//go:noinline
func (r Registers) Write8(off int, v uint8) { r[off] = v }

// Write16 writes a half word.
//
//go:noinline
func (r Registers) Write16(off int, v uint16) {
	_ = r[off+1]
	*(*uint16)(unsafe.Pointer(&r[off])) = v
}

// Write32 writes a word. An atomic store would be an exchange on x86, which reads the register too.
//
//go:noinline
func (r Registers) Write32(off int, v uint32) { *word32(r, off) = v }

// Write64 writes a double word.
//
//go:noinline
func (r Registers) Write64(off int, v uint64) { *word64(r, off) = v }
