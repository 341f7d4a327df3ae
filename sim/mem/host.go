package mem

import (
	"fmt"
	"sort"
)

// Host is the memory of the computer: regions handed out for DMA, at fixed bus addresses, and
// foreign ones.
type Host struct {
	base, limit uint64
	regions     []region // by address
	used        uint64
}

type region struct {
	base, size uint64
	data       []byte
	foreign    Foreign // or nil
}

const hostPage = 4096

// NewHost makes a host memory of size bytes that starts at bus address base.
func NewHost(base, size uint64) *Host {
	return &Host{base: base, limit: base + size}
}

// Alloc hands out size bytes, page aligned, at a bus address that is free. It reports false when
// the memory is full.
func (h *Host) Alloc(size int) (uint64, []byte, bool) {
	n := (uint64(size) + hostPage - 1) &^ (hostPage - 1)
	if size <= 0 || h.used+n > h.limit-h.base {
		return 0, nil, false
	}
	at, ok := h.gap(n)
	if !ok {
		return 0, nil, false
	}
	r := region{base: at, size: n, data: make([]byte, n)}
	h.insert(h.search(at), r)
	h.used += n
	return at, r.data[:size], true
}

func (h *Host) insert(i int, r region) {
	h.regions = append(h.regions, region{})
	copy(h.regions[i+1:], h.regions[i:])
	h.regions[i] = r
}

// gap finds n free bytes: after the last region, else the first hole.
func (h *Host) gap(n uint64) (uint64, bool) {
	end := h.base
	if k := len(h.regions); k > 0 {
		end = h.regions[k-1].base + h.regions[k-1].size
	}
	if end+n <= h.limit {
		return end, true
	}
	at := h.base
	for _, r := range h.regions {
		if r.base-at >= n {
			return at, true
		}
		at = r.base + r.size
	}
	return 0, false
}

// search finds the first region that starts after addr.
func (h *Host) search(addr uint64) int {
	return sort.Search(len(h.regions), func(i int) bool { return h.regions[i].base > addr })
}

// Free takes back what Alloc gave.
func (h *Host) Free(base uint64) {
	i := h.search(base) - 1
	if i < 0 || h.regions[i].base != base || h.regions[i].foreign != nil {
		panic("mem: free of an address that is not allocated")
	}
	h.used -= h.regions[i].size
	h.regions = append(h.regions[:i], h.regions[i+1:]...)
}

// Live is the number of regions handed out and not freed, and their bytes.
func (h *Host) Live() (regions int, bytes uint64) { return len(h.regions), h.used }

// Contains reports whether addr is host memory, allocated or not.
func (h *Host) Contains(addr uint64) bool { return addr >= h.base && addr < h.limit }

// At is the view of n bytes at a bus address; nil when they are not all in one region of this
// memory's own.
func (h *Host) At(addr uint64, n int) []byte {
	r := h.find(addr, n)
	if r == nil || r.foreign != nil {
		return nil
	}
	off := addr - r.base
	return r.data[off : off+uint64(n)]
}

// Foreign is memory that lies elsewhere - a guest's - and is reached by copies. Addresses are bus
// addresses within what was mapped.
type Foreign interface {
	Load(addr uint64, p []byte)
	Store(addr uint64, p []byte)
}

// Map adds foreign memory at a bus address. It must not overlap what is there.
func (h *Host) Map(base, size uint64, m Foreign) error {
	i := h.search(base)
	switch {
	case size == 0 || base+size-1 < base || m == nil:
		return fmt.Errorf("mem: map of %#x bytes at %#x", size, base)
	case i > 0 && base-h.regions[i-1].base < h.regions[i-1].size,
		i < len(h.regions) && h.regions[i].base-base < size:
		return fmt.Errorf("mem: map of %#x bytes at %#x overlaps another region", size, base)
	}
	h.insert(i, region{base: base, size: size, foreign: m})
	return nil
}

// Unmap takes back what Map added; it reports false if nothing was.
func (h *Host) Unmap(base uint64) bool {
	i := h.search(base) - 1
	if i < 0 || h.regions[i].base != base || h.regions[i].foreign == nil {
		return false
	}
	h.regions = append(h.regions[:i], h.regions[i+1:]...)
	return true
}

// find is the region that holds n bytes at addr, nil if they are not all in one.
func (h *Host) find(addr uint64, n int) *region {
	i := h.search(addr) - 1
	if i < 0 || n < 0 {
		return nil
	}
	r := &h.regions[i]
	if off := addr - r.base; off > r.size || uint64(n) > r.size-off {
		return nil
	}
	return r
}

// Read copies memory of either kind into p; it reports false when nothing, or not all, is there.
func (h *Host) Read(addr uint64, p []byte) bool {
	r := h.find(addr, len(p))
	switch {
	case r == nil:
		return false
	case r.foreign != nil:
		r.foreign.Load(addr, p)
	default:
		copy(p, r.data[addr-r.base:])
	}
	return true
}

// Write copies p into memory of either kind; it reports false when nothing, or not all, is there.
func (h *Host) Write(addr uint64, p []byte) bool {
	r := h.find(addr, len(p))
	switch {
	case r == nil:
		return false
	case r.foreign != nil:
		r.foreign.Store(addr, p)
	default:
		copy(r.data[addr-r.base:], p)
	}
	return true
}
