package cuda

import "unsafe"

// address is where p lies, for tables of words that the driver reads; p must be pinned.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
