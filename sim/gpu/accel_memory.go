package gpu

import (
	"fmt"
	"slices"

	"tensoros/hw"
	"tensoros/sim/mem"
)

// allotments is the memory of a chip that stands alone: every allocation has pages of its own with
// a hole behind it, and no address is given twice, so that what runs over or outlives an allocation
// meets nothing.
type allotments struct {
	limit, used uint64
	next        uint64
	list        []allotment // by address
}

type allotment struct {
	base, size uint64
	data       *mem.Sparse
}

const (
	allotBase = 1 << 44 // an address that no kernel makes up from small numbers
	allotPage = 64 << 10
)

func (m *allotments) alloc(n int) (hw.DevicePtr, error) {
	if n <= 0 {
		return 0, fmt.Errorf("allocate %d bytes: at least 1", n)
	}
	size := uint64(n)
	if size > m.limit-m.used {
		return 0, fmt.Errorf("allocate %d bytes: %w: %d of %d are taken", n, hw.ErrNoMemory, m.used,
			m.limit)
	}
	at := m.next
	m.next += (size+allotPage-1)/allotPage*allotPage + allotPage
	m.used += size
	m.list = append(m.list, allotment{at, size, mem.NewSparse(size)})
	return hw.DevicePtr(at), nil
}

func (m *allotments) free(p hw.DevicePtr) error {
	i, ok := slices.BinarySearchFunc(m.list, uint64(p), func(a allotment, p uint64) int {
		return compare(a.base, p)
	})
	if !ok {
		return fmt.Errorf("free %#x: no allocation starts there", uint64(p))
	}
	m.used -= m.list[i].size
	m.list = slices.Delete(m.list, i, i+1)
	return nil
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// find is the allocation that holds addr; nil if none does.
func (m *allotments) find(addr uint64) *allotment {
	i, ok := slices.BinarySearchFunc(m.list, addr, func(a allotment, p uint64) int {
		return compare(a.base, p)
	})
	if !ok {
		i--
	}
	if i < 0 || addr-m.list[i].base >= m.list[i].size {
		return nil
	}
	return &m.list[i]
}

// bounds is find for n bytes of the host's.
func (m *allotments) bounds(verb string, p hw.DevicePtr, n int) (*allotment, uint64, error) {
	a := m.find(uint64(p))
	if a == nil {
		return nil, 0, fmt.Errorf("%s %d bytes at %#x: no allocation holds that address", verb, n,
			uint64(p))
	}
	off := uint64(p) - a.base
	if uint64(n) > a.size-off {
		return nil, 0, fmt.Errorf("%s %d bytes at %#x: the allocation of %d bytes at %#x ends before",
			verb, n, uint64(p), a.size, a.base)
	}
	return a, off, nil
}

// Span implements sm.Memory.
func (m *allotments) Span(addr uint64, n int, _ bool) ([]byte, uint64) {
	a := m.find(addr)
	if a == nil {
		return nil, 0
	}
	off := addr - a.base
	return a.data.Span(off, min(uint64(n), a.size-off)), addr - allotBase
}
