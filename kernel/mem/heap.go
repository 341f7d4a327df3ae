package mem

import (
	"fmt"

	"tensoros/hw"
)

// Page is the granularity of VRAM: the smallest GPU page that DMA and TensorFS share.
const Page = 64 << 10

// Heap hands out pages of one stretch of memory, first fit, merging what comes back.
type Heap struct {
	base Addr
	size uint64
	free []hole // by address
	live int
}

type hole struct{ at, n uint64 }

// NewHeap manages size bytes at base; both are rounded inwards to pages.
func NewHeap(base Addr, size uint64) *Heap {
	start := (uint64(base) + Page - 1) &^ (Page - 1)
	end := (uint64(base) + size) &^ (Page - 1)
	h := &Heap{base: Addr(start), size: end - start}
	h.free = []hole{{start, end - start}}
	return h
}

// Alloc takes n bytes, page aligned.
func (h *Heap) Alloc(n uint64) (Addr, error) {
	want := (max(n, 1) + Page - 1) &^ (Page - 1)
	for i := range h.free {
		f := &h.free[i]
		if f.n < want {
			continue
		}
		at := f.at
		f.at += want
		f.n -= want
		if f.n == 0 {
			h.free = append(h.free[:i], h.free[i+1:]...)
		}
		h.live++
		return Addr(at), nil
	}
	return 0, fmt.Errorf("device %w: %d bytes wanted, %d free in all", hw.ErrNoMemory, n,
		h.Free())
}

// Release gives back n bytes at an address that Alloc returned for n.
func (h *Heap) Release(a Addr, n uint64) {
	want := (max(n, 1) + Page - 1) &^ (Page - 1)
	i := 0
	for i < len(h.free) && h.free[i].at < uint64(a) {
		i++
	}
	h.free = append(h.free, hole{})
	copy(h.free[i+1:], h.free[i:])
	h.free[i] = hole{uint64(a), want}
	h.live--
	h.merge(i)
	h.merge(i - 1)
}

// merge joins hole i with the next.
func (h *Heap) merge(i int) {
	if i < 0 || i+1 >= len(h.free) || h.free[i].at+h.free[i].n < h.free[i+1].at {
		return
	}
	if h.free[i].at+h.free[i].n > h.free[i+1].at {
		panic("mem: released twice")
	}
	h.free[i].n += h.free[i+1].n
	h.free = append(h.free[:i+1], h.free[i+2:]...)
}

// Free is how many bytes are free; Live how many allocations are not released.
func (h *Heap) Free() (n uint64) {
	for _, f := range h.free {
		n += f.n
	}
	return n
}

// Live is the number of allocations that have not been released.
func (h *Heap) Live() int { return h.live }
