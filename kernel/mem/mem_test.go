package mem

import "testing"

func TestSpaceFindsAndRefusesOverlap(t *testing.T) {
	var s Space
	for _, r := range []Range{{Base: VRAMBase(0), Len: 1 << 30, Kind: VRAM, Name: "gpu0"},
		{Base: 0, Len: RAMLen, Kind: RAM, Name: "ram"},
		{Base: NVMeBase(0), Len: 1 << 20, Kind: NVMe, Name: "d"}} {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if s.Add(Range{Base: VRAMBase(0) + 5, Len: 1, Name: "x"}) == nil ||
		s.Add(Range{Base: VRAMBase(0) - 5, Len: 10, Name: "x"}) == nil ||
		s.Add(Range{Name: "empty"}) == nil {
		t.Error("an overlap or an empty range was mapped")
	}
	if r, ok := s.Find(VRAMBase(0) + 77); !ok || r.Name != "gpu0" {
		t.Errorf("found %v", r)
	}
	if _, ok := s.Find(VRAMBase(0) + 1<<30); ok {
		t.Error("found a range beyond its end")
	}
	s.Remove(VRAMBase(0))
	if _, ok := s.Find(VRAMBase(0)); ok || len(s.Ranges()) != 2 {
		t.Error("not removed")
	}
}

func TestHeapMergesWhatComesBack(t *testing.T) {
	h := NewHeap(Addr(Page/2), 20*Page)
	total := h.Free()
	var at []Addr
	for range 19 {
		a, err := h.Alloc(Page - 1)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, a)
	}
	if _, err := h.Alloc(1); err == nil {
		t.Fatal("allocated from nothing")
	}
	for _, i := range []int{3, 1, 2, 0, 18, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 16, 15, 17} {
		h.Release(at[i], Page-1)
	}
	if h.Free() != total || h.Live() != 0 || len(h.free) != 1 {
		t.Fatalf("%d of %d free in %d holes", h.Free(), total, len(h.free))
	}
}
