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
