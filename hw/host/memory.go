package host

import (
	"fmt"
	"slices"
	"sync"

	"tensoros/hw"
)

const page = 4096

// Pool hands out pages of an arena that devices see at a bus address. It may be used from several
// goroutines.
type Pool struct {
	mu    sync.Mutex
	data  []byte
	bus   uint64
	spans []span // handed out, by offset
}

type span struct{ off, n int }

// NewPool makes a pool of data, whose first byte devices see at bus, a page's.
func NewPool(data []byte, bus uint64) *Pool { return &Pool{data: data, bus: bus} }

// Live is how many regions are handed out.
func (p *Pool) Live() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.spans)
}

// Alloc hands out size bytes, zero, page aligned.
func (p *Pool) Alloc(addr hw.Address, size int) (hw.Memory, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fail := &hw.Error{Op: "allocate", Addr: addr, Detail: fmt.Sprintf("%d bytes", size),
		Err: hw.ErrNoMemory}
	if size <= 0 || size > len(p.data) {
		return nil, fail
	}
	n := (size + page - 1) &^ (page - 1)
	at, i := 0, 0
	for ; i < len(p.spans) && p.spans[i].off-at < n; i++ {
		at = p.spans[i].off + p.spans[i].n
	}
	if i == len(p.spans) && len(p.data)-at < n {
		return nil, fail
	}
	p.spans = slices.Insert(p.spans, i, span{at, n})
	data := p.data[at : at+size : at+size]
	clear(data)
	return &memory{p, data, p.bus + uint64(at)}, nil
}

func (p *Pool) free(bus uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.spans, func(s span) bool { return p.bus+uint64(s.off) == bus })
	if i < 0 {
		panic("host: memory is freed twice")
	}
	p.spans = slices.Delete(p.spans, i, i+1)
}

// memory is a hw.Memory of a pool.
type memory struct {
	pool *Pool
	data []byte
	bus  uint64
}

func (m *memory) Len() int                  { return len(m.data) }
func (m *memory) Bus() hw.BusAddr           { return hw.BusAddr(m.bus) }
func (m *memory) Bytes() []byte             { return m.data }
func (m *memory) Load32(off int) uint32     { return Load32(m.data, off) }
func (m *memory) Load64(off int) uint64     { return Load64(m.data, off) }
func (m *memory) Store32(off int, v uint32) { Store32(m.data, off, v) }
func (m *memory) Store64(off int, v uint64) { Store64(m.data, off, v) }

func (m *memory) Free() {
	m.pool.free(m.bus)
	m.data = nil
}
