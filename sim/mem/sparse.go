package mem

import "encoding/binary"

const (
	pageBits  = 16 // 64 KiB
	pageSize  = 1 << pageBits
	groupBits = 10 // pages a group: 64 MiB of address space each
	groupSize = 1 << groupBits
)

type page = [pageSize]byte

// Sparse is memory of a fixed size that takes host memory only where it was written. Untouched
// bytes read zero. Accesses outside the size read zero and write nothing.
type Sparse struct {
	size   uint64
	groups []*[groupSize]*page
	pages  int
}

// NewSparse makes size bytes.
func NewSparse(size uint64) *Sparse {
	n := (size + pageSize<<groupBits - 1) >> (pageBits + groupBits)
	return &Sparse{size: size, groups: make([]*[groupSize]*page, n)}
}

// Size is the number of bytes; Resident how many of them take host memory.
func (m *Sparse) Size() uint64     { return m.size }
func (m *Sparse) Resident() uint64 { return uint64(m.pages) << pageBits }

func (m *Sparse) at(addr uint64) *page {
	if g := m.groups[addr>>(pageBits+groupBits)]; g != nil {
		return g[addr>>pageBits&(groupSize-1)]
	}
	return nil
}

func (m *Sparse) touch(addr uint64) *page {
	g := m.groups[addr>>(pageBits+groupBits)]
	if g == nil {
		g = new([groupSize]*page)
		m.groups[addr>>(pageBits+groupBits)] = g
	}
	p := g[addr>>pageBits&(groupSize-1)]
	if p == nil {
		p = new(page)
		g[addr>>pageBits&(groupSize-1)] = p
		m.pages++
	}
	return p
}

// Read copies memory at addr into p.
func (m *Sparse) Read(addr uint64, p []byte) {
	for len(p) > 0 {
		off := addr & (pageSize - 1)
		n := min(uint64(len(p)), pageSize-off)
		if addr >= m.size {
			clear(p[:n])
		} else if pg := m.at(addr); pg != nil {
			copy(p[:n], pg[off:])
		} else {
			clear(p[:n])
		}
		addr += n
		p = p[n:]
	}
}

// Write copies p into memory at addr.
func (m *Sparse) Write(addr uint64, p []byte) {
	for len(p) > 0 && addr < m.size {
		off := addr & (pageSize - 1)
		n := min(uint64(len(p)), pageSize-off)
		copy(m.touch(addr)[off:], p[:n])
		addr += n
		p = p[n:]
	}
}

// Discard makes n bytes from addr read zero and gives back pages that hold nothing else.
func (m *Sparse) Discard(addr, n uint64) {
	for n > 0 && addr < m.size {
		off := addr & (pageSize - 1)
		k := min(n, pageSize-off)
		g := m.groups[addr>>(pageBits+groupBits)]
		switch pg := m.at(addr); {
		case g == nil: // on to the next group
			k = min(n, pageSize<<groupBits-addr&(pageSize<<groupBits-1))
		case pg == nil:
		case k == pageSize:
			g[addr>>pageBits&(groupSize-1)] = nil
			m.pages--
		default:
			clear(pg[off : off+k])
		}
		addr, n = addr+k, n-k
	}
}

// Extents calls f for the stretches of pages that take host memory, in order.
func (m *Sparse) Extents(f func(addr, n uint64)) {
	from, n := uint64(0), uint64(0)
	for i, g := range m.groups {
		for j := 0; g != nil && j < groupSize; j++ {
			if g[j] == nil {
				continue
			}
			at := (uint64(i)<<groupBits + uint64(j)) << pageBits
			if n > 0 && from+n != at {
				f(from, n)
				n = 0
			}
			if n == 0 {
				from = at
			}
			n = min(n+pageSize, m.size-from)
		}
	}
	if n > 0 {
		f(from, n)
	}
}

// void is what was never written.
var void page

// Peek returns a view of n bytes at addr, which must not be written; nil if they are not in one
// page of 64 KiB of the memory.
func (m *Sparse) Peek(addr uint64, n int) []byte {
	off := addr & (pageSize - 1)
	if addr >= m.size || off+uint64(n) > pageSize {
		return nil
	}
	pg := m.at(addr)
	if pg == nil {
		pg = &void
	}
	return pg[off : off+uint64(n)]
}

// Span returns a view of the bytes from addr to the end of its page or n, whichever is less; they
// may be written. It returns nil outside the memory.
func (m *Sparse) Span(addr, n uint64) []byte {
	if addr >= m.size {
		return nil
	}
	off := addr & (pageSize - 1)
	return m.touch(addr)[off:min(pageSize, off+n)]
}

// U32 reads a little-endian word; addr must be a multiple of 4.
func (m *Sparse) U32(addr uint64) uint32 {
	if addr >= m.size {
		return 0
	}
	if pg := m.at(addr); pg != nil {
		off := addr & (pageSize - 4)
		return binary.LittleEndian.Uint32(pg[off : off+4])
	}
	return 0
}

// SetU32 writes a little-endian word; addr must be a multiple of 4.
func (m *Sparse) SetU32(addr uint64, v uint32) {
	if addr >= m.size {
		return
	}
	off := addr & (pageSize - 4)
	binary.LittleEndian.PutUint32(m.touch(addr)[off:off+4], v)
}

// U64 reads a little-endian double word; addr must be a multiple of 8.
func (m *Sparse) U64(addr uint64) uint64 {
	return uint64(m.U32(addr)) | uint64(m.U32(addr+4))<<32
}

// SetU64 writes a little-endian double word; addr must be a multiple of 8.
func (m *Sparse) SetU64(addr, v uint64) {
	m.SetU32(addr, uint32(v))
	m.SetU32(addr+4, uint32(v>>32))
}
