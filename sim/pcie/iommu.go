package pcie

import "tensoros/sim"

// IOMMU translates the addresses of functions' requests at the root complex. A fabric has none
// unless Protect is called. Requests between peers below one switch do not pass it, unless access
// control redirects them.
type IOMMU struct {
	// Miss is the cost of a page walk: 330 ns, with 64 entries of IO-TLB (pcie-bench, section 6,
	// as recalled [R]).
	Miss sim.Time

	fabric *Fabric
	pages  map[iopage]iomap
	tlb    [ioEntries]iocached
	clock  uint64

	Hits, Misses, Faults uint64
}

const ioEntries = 64

type iopage struct {
	fn   *Function
	page uint64
}

type iomap struct {
	to    uint64 // bus address of the page
	write bool
}

type iocached struct {
	key  iopage
	used uint64 // 0: empty
}

// Protect puts an IOMMU into the root complex: from now on a function reaches what is mapped for
// it, and interrupt messages.
func (f *Fabric) Protect() *IOMMU {
	f.iommu = &IOMMU{Miss: 330 * sim.Nanosecond, fabric: f, pages: map[iopage]iomap{}}
	return f.iommu
}

// Map lets fn reach n bytes at bus address to under the address io. All three are multiples of the
// page, 4 KiB; what is not is rounded outwards.
func (m *IOMMU) Map(fn *Function, io, to uint64, n int, write bool) {
	for at := uint64(0); at < uint64(n)+io%page; at += page {
		m.pages[iopage{fn, (io + at) / page}] = iomap{(to + at) &^ (page - 1), write}
	}
}

// Unmap takes n bytes back, and drops them from the IO-TLB.
func (m *IOMMU) Unmap(fn *Function, io uint64, n int) {
	for at := io &^ (page - 1); at < io+uint64(n); at += page {
		key := iopage{fn, at / page}
		delete(m.pages, key)
		for i := range m.tlb {
			if m.tlb[i].key == key {
				m.tlb[i] = iocached{}
			}
		}
	}
}

// lookup looks in the IO-TLB and puts the page there in the place of the one unused for longest.
func (m *IOMMU) lookup(key iopage) (hit bool) {
	m.clock++
	oldest := 0
	for i := range m.tlb {
		e := &m.tlb[i]
		if e.used != 0 && e.key == key {
			e.used = m.clock
			m.Hits++
			return true
		}
		if e.used < m.tlb[oldest].used {
			oldest = i
		}
	}
	m.tlb[oldest] = iocached{key, m.clock}
	m.Misses++
	return false
}

// translate gives a request its bus address, and says when it may go on; requests of a function do
// not pass one another. A fault leaves ok false.
func (m *IOMMU) translate(t *tlp) (at sim.Time, ok bool) {
	f := m.fabric
	fn, now := t.from, f.eng.Now()
	key := iopage{fn, t.addr / page}
	e, mapped := m.pages[key]
	if !mapped || t.kind == memWrite && !e.write {
		m.Faults++
		f.find("IOMMU-FAULT", fn.path, "%s of %d bytes at %#x, which is not mapped for it",
			traceOf[t.kind], t.size, t.addr)
		return now, false
	}
	at = now
	if !m.lookup(key) {
		at += m.Miss
	}
	if fn.translated >= at && fn.translated > now {
		at = fn.translated + 1
	}
	if at > now {
		fn.translated = at
	}
	t.addr, t.translated = e.to+t.addr%page, true
	return at, true
}

// admit sends a request through the IOMMU. It reports whether the request may be routed now.
func (m *IOMMU) admit(b *bridge, t *tlp) bool {
	if t.from == nil || t.translated || t.kind != memWrite && t.kind != memRead ||
		t.addr >= msiBase && t.addr < msiLimit {
		return true
	}
	at, ok := m.translate(t)
	f := m.fabric
	if !ok {
		b.refuse(t, nil)
		return false
	}
	if at > f.eng.Now() {
		f.eng.At(at, f, evForward, uint64(t.index))
		return false
	}
	return true
}
