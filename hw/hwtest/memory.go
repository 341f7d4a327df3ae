package hwtest

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
)

const page = 4096

// memory: DMA memory is page aligned, zero, its own, ordered accesses and plain view are one.
func (s *suite) memory(a hw.Address, f hw.Function) {
	live := 0
	if s.o.Live != nil {
		live = s.o.Live()
	}
	var got []hw.Memory
	for i, size := range []int{page, 8, 3*page + 16, page} {
		m, err := f.Memory(size)
		if err != nil {
			s.Errorf("%v: %d bytes of memory: %v", a, size, err)
			continue
		}
		s.fresh(a, m, size)
		for j := range m.Bytes() {
			m.Bytes()[j] = byte(i + 1)
		}
		got = append(got, m)
	}
	s.distinct(a, got)
	for _, m := range got {
		s.words(a, m)
	}
	for _, m := range got {
		m.Free()
	}
	if m, err := f.Memory(2 * page); err != nil {
		s.Errorf("%v: memory after Free: %v", a, err)
	} else {
		s.fresh(a, m, 2*page)
		m.Free()
	}
	for _, size := range []int{0, -1} {
		_, err := f.Memory(size)
		s.is(fmt.Sprintf("%v: %d bytes of memory", a, size), err, nil)
	}
	_, err := f.Memory(1 << 60)
	s.is(fmt.Sprintf("%v: an exbibyte of memory", a), err, hw.ErrNoMemory)
	if s.o.Live != nil && s.o.Live() != live {
		s.Errorf("%v: %d regions of memory live before, %d after all were freed", a, live, s.o.Live())
	}
}

func (s *suite) fresh(a hw.Address, m hw.Memory, size int) {
	if m.Len() != size || len(m.Bytes()) != size {
		s.Errorf("%v: %d bytes of memory have length %d, a view of %d", a, size, m.Len(),
			len(m.Bytes()))
	}
	if m.Bus() == 0 || m.Bus()%page != 0 {
		s.Errorf("%v: memory at bus address %#x, not a page's", a, m.Bus())
	}
	for i, b := range m.Bytes() {
		if b != 0 {
			s.Errorf("%v: fresh memory holds %#x at %#x", a, b, i)
			return
		}
	}
}

// distinct: no two share a bus address or a byte.
func (s *suite) distinct(a hw.Address, list []hw.Memory) {
	for i, m := range list {
		for _, b := range m.Bytes() {
			if b != byte(i+1) {
				s.Errorf("%v: memory %d was overwritten through another", a, i)
				break
			}
		}
		for _, n := range list[:i] {
			if m.Bus() < n.Bus()+hw.BusAddr(n.Len()) && n.Bus() < m.Bus()+hw.BusAddr(m.Len()) {
				s.Errorf("%v: memory at %#x overlaps memory at %#x", a, m.Bus(), n.Bus())
			}
		}
	}
}

// words: ordered accesses are little endian and see the plain view, and the other way round.
func (s *suite) words(a hw.Address, m hw.Memory) {
	p := m.Bytes()
	m.Store64(0, 0x1122334455667788)
	if v := binary.LittleEndian.Uint64(p); v != 0x1122334455667788 {
		s.Errorf("%v: a 64-bit store reads %#x in the plain view", a, v)
	}
	if v := m.Load32(4); v != 0x11223344 {
		s.Errorf("%v: the upper half of a 64-bit store loads as %#x", a, v)
	}
	m.Store32(4, 0xdeadbeef)
	if v := m.Load64(0); v != 0xdeadbeef55667788 {
		s.Errorf("%v: after a 32-bit store, a 64-bit load gives %#x", a, v)
	}
	binary.LittleEndian.PutUint32(p[m.Len()-8:], 0xcafef00d)
	if v := m.Load32(m.Len() - 8); v != 0xcafef00d {
		s.Errorf("%v: a plain write loads as %#x", a, v)
	}
}
