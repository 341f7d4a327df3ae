package main

// deviceMemory holds the buffers, each on 64 KiB pages of its own, with a page between them that
// nothing maps: overruns fault.
type deviceMemory struct {
	base []uint64
	data [][]byte
}

const devicePage = 64 << 10

func (m *deviceMemory) add(p []byte) uint64 {
	at := uint64(1) << 44
	if n := len(m.base); n > 0 {
		last := m.base[n-1] + uint64(len(m.data[n-1]))
		at = (last+devicePage-1)/devicePage*devicePage + devicePage
	}
	m.base, m.data = append(m.base, at), append(m.data, p)
	return at
}

// Span implements sm.Memory.
func (m *deviceMemory) Span(addr uint64, n int, _ bool) ([]byte, uint64) {
	for i, b := range m.base {
		if off := addr - b; off < uint64(len(m.data[i])) {
			return m.data[i][off:min(off+uint64(n), uint64(len(m.data[i])))], addr - m.base[0]
		}
	}
	return nil, 0
}
