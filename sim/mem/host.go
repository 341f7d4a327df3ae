package mem

import "sort"

// Host is the memory of the computer: regions handed out for DMA, at fixed bus addresses.
type Host struct {
	base, limit uint64
	regions     []region // by address
	used        uint64
}

type region struct {
	base uint64
	data []byte
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
	r := region{at, make([]byte, n)}
	i := h.search(at)
	h.regions = append(h.regions, region{})
	copy(h.regions[i+1:], h.regions[i:])
	h.regions[i] = r
	h.used += n
	return at, r.data[:size], true
}

// gap finds n free bytes: after the last region, else the first hole.
func (h *Host) gap(n uint64) (uint64, bool) {
	end := h.base
	if k := len(h.regions); k > 0 {
		end = h.regions[k-1].base + uint64(len(h.regions[k-1].data))
	}
	if end+n <= h.limit {
		return end, true
	}
	at := h.base
	for _, r := range h.regions {
		if r.base-at >= n {
			return at, true
		}
		at = r.base + uint64(len(r.data))
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
	if i < 0 || h.regions[i].base != base {
		panic("mem: free of an address that is not allocated")
	}
	h.used -= uint64(len(h.regions[i].data))
	h.regions = append(h.regions[:i], h.regions[i+1:]...)
}

// Live is the number of regions handed out and not freed, and their bytes.
func (h *Host) Live() (regions int, bytes uint64) { return len(h.regions), h.used }

// Contains reports whether addr is host memory, allocated or not.
func (h *Host) Contains(addr uint64) bool { return addr >= h.base && addr < h.limit }

// At is the view of n bytes at a bus address; nil when they are not all in one region.
func (h *Host) At(addr uint64, n int) []byte {
	i := h.search(addr) - 1
	if i < 0 || n < 0 {
		return nil
	}
	off := addr - h.regions[i].base
	if off+uint64(n) > uint64(len(h.regions[i].data)) {
		return nil
	}
	return h.regions[i].data[off : off+uint64(n)]
}
