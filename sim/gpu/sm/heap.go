package sm

import "slices"

// DefaultHeap is the size of a kernel's heap in bytes (CUDA programming guide, "Heap Memory
// Allocation": 8 MB unless cudaDeviceSetLimit says otherwise).
const DefaultHeap = 8 << 20

// heapAlign is the alignment of what malloc gives (the same section: 16 bytes).
const heapAlign = 16

// Heap is the memory of malloc and free in kernels. Its addresses lie in HeapWindow. The first gap
// that is large enough is taken, so the same calls get the same addresses.
type Heap struct {
	limit uint64
	data  []byte
	used  []heapBlock // by address
}

type heapBlock struct{ at, size uint64 }

// NewHeap is an empty heap.
func NewHeap(limit uint64) *Heap { return &Heap{limit: limit} }

// take is malloc: an address, or 0 if there is no room.
func (h *Heap) take(n uint64) uint64 {
	if n == 0 || n > h.limit {
		return 0
	}
	at, i := uint64(heapAlign), 0 // offset 0 is left free: no address ends in zeros only
	for ; i < len(h.used) && h.used[i].at-at < n; i++ {
		at = (h.used[i].at + h.used[i].size + heapAlign - 1) &^ (heapAlign - 1)
	}
	if at+n > h.limit {
		return 0
	}
	if end := at + n; end > uint64(len(h.data)) {
		h.data = append(h.data, make([]byte, end-uint64(len(h.data)))...)
	}
	h.used = slices.Insert(h.used, i, heapBlock{at, n})
	return HeapWindow | at
}

// give is free: false for an address that take has not given. Nothing is done for 0.
func (h *Heap) give(address uint64) bool {
	if address == 0 {
		return true
	}
	i := slices.IndexFunc(h.used, func(b heapBlock) bool { return HeapWindow|b.at == address })
	if i < 0 {
		return false
	}
	h.used = slices.Delete(h.used, i, i+1)
	return true
}
