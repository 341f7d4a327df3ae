package pcie

import (
	"bytes"
	"testing"

	"tensoros/sim"
)

func TestIOMMUTranslatesCachesAndFaults(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "dev", gen4x4)
	addr, memory, _ := b.host.Alloc(3 * page)
	at := (addr + page - 1) &^ (page - 1)
	memory = memory[at-addr:]
	plain := func() sim.Time {
		var c clock
		start := b.eng.Now()
		fn.Read(at, make([]byte, 64), Done{To: &c})
		b.eng.Run(sim.Forever)
		return c.at[0] - start
	}()
	m := b.fabric.Protect()
	const io = 0x7000_0000
	m.Map(fn, io, at, page, true)
	m.Map(fn, io+page, at+page, page, false)
	read := func(from uint64) (sim.Time, []byte) {
		var c clock
		buf := make([]byte, 64)
		start := b.eng.Now()
		fn.Read(from, buf, Done{To: &c})
		b.eng.Run(sim.Forever)
		return c.at[0] - start, buf
	}
	copy(memory[page:], pattern(64))
	miss, got := read(io + page)
	if miss != plain+m.Miss || !bytes.Equal(got, memory[page:page+64]) {
		t.Errorf("a miss takes %v, want %v + %v", miss, plain, m.Miss)
	}
	if hit, _ := read(io + page); hit != plain {
		t.Errorf("a hit takes %v, want %v", hit, plain)
	}
	fn.Write(io+page-32, pattern(64), Done{}) // the second half is read-only
	b.eng.Run(sim.Forever)
	if !bytes.Equal(memory[page-32:page], pattern(64)[:32]) || m.Faults != 1 {
		t.Errorf("%d faults, want one and the first page written", m.Faults)
	}
	if !bytes.Equal(memory[page:page+32], pattern(64)[:32]) {
		t.Error("a read-only page was written")
	}
	m.Unmap(fn, io, page)
	if _, got := read(io); !bytes.Equal(got, ones(64)) || len(b.fabric.Findings) != 2 {
		t.Errorf("an unmapped page reads %x, findings %v", got, b.fabric.Findings)
	}
	for i := range uint64(70) {
		m.Map(fn, io+i*page, at, page, true)
	}
	misses := m.Misses
	for range 2 {
		for i := range uint64(70) {
			read(io + i*page)
		}
	}
	if m.Misses-misses < 139 { // 64 entries, least recently used out: 70 pages in turn never hit
		t.Errorf("%d misses of 140", m.Misses-misses)
	}
}

// TestIOMMUKeepsOrder: a write that hits does not pass one before it that misses.
func TestIOMMUKeepsOrder(t *testing.T) {
	b := newBench(t, DefaultTiming)
	fn, _ := b.add(b.fabric.Root(), "dev", gen4x4)
	addr, _, _ := b.host.Alloc(4 * page)
	at := (addr + page - 1) &^ (page - 1)
	m := b.fabric.Protect()
	m.Map(fn, 0, at, 2*page, true)
	fn.Write(0, []byte{1}, Done{})
	b.eng.Run(sim.Forever)
	c := &counted{}
	fn.Write(page, []byte{1}, Done{c, 0, 1})
	fn.Write(0, []byte{1}, Done{c, 0, 2})
	b.eng.Run(sim.Forever)
	if len(c.seen) != 2 || c.seen[0] != 1 {
		t.Errorf("writes ended in the order %v", c.seen)
	}
}
