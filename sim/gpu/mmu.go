package gpu

import (
	"fmt"

	spec "tensoros/hw/spec/gpu"
)

// translation is a page: where it is, and its size.
type translation struct {
	aperture spec.Aperture
	readOnly bool
	va, pa   uint64
	size     uint64
}

// tlbKey is a page directory and a stretch of 2 MiB, the smallest page that is modelled.
type tlbKey struct{ pdb, stretch uint64 }

// translate walks the page table of a channel's instance block. Walks take no time yet.
func (g *GPU) translate(pdb, va uint64) (translation, error) {
	key := tlbKey{pdb, va >> 21}
	if t, ok := g.tlb[key]; ok && va-t.va < t.size {
		return t, nil
	}
	f := g.iface.MMU
	if va>>f.VABits != 0 {
		return translation{}, fmt.Errorf("virtual address %#x is beyond %d bits", va, f.VABits)
	}
	table := pdb
	for i, level := range f.Levels {
		e := f.Unpack(g.VRAM.U64(table + level.Index(va)))
		switch {
		case !e.Valid:
			return translation{}, fmt.Errorf("virtual address %#x is not mapped (level %d)", va, i)
		case e.Page && level.Leaf:
			size := uint64(1) << level.Lo
			t := translation{e.Aperture, e.ReadOnly, va &^ (size - 1), e.Addr, size}
			g.tlb[key] = t
			return t, nil
		case e.Page:
			return translation{}, fmt.Errorf("a page at level %d of the table for %#x", i, va)
		}
		table = e.Addr
	}
	return translation{}, fmt.Errorf("virtual address %#x: pages below 2 MiB are not modelled", va)
}

// space is memory as a channel sees it.
type space struct {
	gpu *GPU
	pdb uint64
}

// Span gives the SMs a view of VRAM. System memory is not reachable from kernels yet.
func (s *space) Span(addr uint64, n int, write bool) ([]byte, uint64) {
	t, err := s.gpu.translate(s.pdb, addr)
	if err != nil || t.aperture != spec.VRAM || write && t.readOnly {
		return nil, 0
	}
	pa := t.pa + addr - t.va
	return s.gpu.VRAM.Span(pa, uint64(n)), pa
}

// read copies from VRAM by virtual address.
func (s *space) read(va uint64, p []byte) error {
	for len(p) > 0 {
		t, err := s.gpu.translate(s.pdb, va)
		if err != nil {
			return err
		}
		if t.aperture != spec.VRAM {
			return fmt.Errorf("virtual address %#x is in system memory: "+
				"the front end reads VRAM only", va)
		}
		n := min(uint64(len(p)), t.va+t.size-va)
		s.gpu.VRAM.Read(t.pa+va-t.va, p[:n])
		va += n
		p = p[n:]
	}
	return nil
}
