package sm

import "sync"

// pages is the launch's memory as threads see it: Memory need not stand several at once.
type pages struct {
	mu    sync.Mutex
	mem   Memory
	known map[uint64]page
}

type page struct {
	base, phys uint64
	view       []byte
}

// find is the page of an address; its view is nil if nothing is mapped there.
func (p *pages) find(base uint64, write bool) page {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g, ok := p.known[base]; ok {
		return g
	}
	v, phys := p.mem.Span(base, pageBytes, write)
	g := page{base, phys, v}
	if v != nil {
		if p.known == nil {
			p.known = map[uint64]page{}
		}
		p.known[base] = g
	}
	return g
}

// physical translates an address that has been found mapped.
func (p *pages) physical(addr uint64) uint64 {
	g := p.find(addr&^(pageBytes-1), false)
	return g.phys + addr&(pageBytes-1)
}
