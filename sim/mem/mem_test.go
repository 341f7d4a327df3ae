package mem

import (
	"bytes"
	"testing"
)

func TestSparseAcrossPages(t *testing.T) {
	m := NewSparse(1 << 30)
	want := make([]byte, 3*pageSize)
	for i := range want {
		want[i] = byte(i * 7)
	}
	const at = 5*pageSize - 13
	m.Write(at, want)
	got := make([]byte, len(want)+20)
	m.Read(at-10, got)
	if !bytes.Equal(got[10:10+len(want)], want) || got[0] != 0 || got[len(got)-1] != 0 {
		t.Fatal("contents differ")
	}
	if m.Resident() != 4*pageSize {
		t.Fatalf("%d bytes resident", m.Resident())
	}
}

func TestSparseOutsideIsVoid(t *testing.T) {
	m := NewSparse(pageSize)
	m.Write(pageSize-2, []byte{1, 2, 3, 4})
	p := []byte{9, 9, 9, 9}
	m.Read(pageSize-2, p)
	if !bytes.Equal(p, []byte{1, 2, 0, 0}) || m.U32(1<<40) != 0 || m.Span(pageSize, 4) != nil {
		t.Fatalf("read %v", p)
	}
	m.SetU32(1<<40, 1)
}

func TestSparsePeek(t *testing.T) {
	m := NewSparse(4 * pageSize)
	m.Write(pageSize+5, []byte{7})
	if p := m.Peek(pageSize, 8); len(p) != 8 || p[5] != 7 {
		t.Errorf("peek %v", p)
	}
	if p := m.Peek(0, 8); len(p) != 8 || p[0] != 0 || m.Resident() != pageSize {
		t.Errorf("peek of what was never written: %v, %d bytes resident", p, m.Resident())
	}
	if m.Peek(pageSize-1, 2) != nil || m.Peek(4*pageSize, 1) != nil {
		t.Error("a view across pages, or outside")
	}
}

func TestSparseWords(t *testing.T) {
	m := NewSparse(80 << 30)
	m.SetU64(79<<30, 0x1122334455667788)
	if m.U64(79<<30) != 0x1122334455667788 || m.U32(79<<30+4) != 0x11223344 {
		t.Fatal("words differ")
	}
}

func TestHostAllocFreeReuse(t *testing.T) {
	h := NewHost(0x1000, 16*hostPage)
	a, _, _ := h.Alloc(5000)
	b, bytesB, _ := h.Alloc(14 * hostPage)
	if _, _, ok := h.Alloc(1); ok {
		t.Fatal("allocated beyond the end")
	}
	bytesB[3] = 7
	if got := h.At(b+3, 1); got == nil || got[0] != 7 {
		t.Fatal("view is not the region")
	}
	if h.At(b-1, 2) != nil || h.At(0, 1) != nil {
		t.Fatal("a view across regions")
	}
	h.Free(a)
	if c, _, ok := h.Alloc(2 * hostPage); !ok || c != a {
		t.Fatalf("hole not reused: %#x", c)
	}
	if n, used := h.Live(); n != 2 || used != 16*hostPage {
		t.Fatalf("%d regions, %d bytes", n, used)
	}
}

type guest map[uint64]byte

func (g guest) Load(addr uint64, p []byte) {
	for i := range p {
		p[i] = g[addr+uint64(i)]
	}
}

func (g guest) Store(addr uint64, p []byte) {
	for i := range p {
		g[addr+uint64(i)] = p[i]
	}
}

func TestHostMapsForeignMemory(t *testing.T) {
	h := NewHost(0x10_0000, 1<<20)
	own, _, _ := h.Alloc(hostPage)
	g := guest{}
	if err := h.Map(0x4000, 0x3000, g); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 2)
	if !h.Write(0x4fff, []byte{7, 9}) || g[0x5000] != 9 || !h.Read(0x4fff, p) || p[0] != 7 {
		t.Error("foreign memory is not reached")
	}
	if !h.Write(own+1, []byte{5}) || h.At(own+1, 1)[0] != 5 || !h.Read(own, p) || p[1] != 5 {
		t.Error("own memory is not reached")
	}
	for _, c := range []struct{ base, n uint64 }{{0x4000, 1}, {0x3fff, 2}, {0x6fff, 1},
		{0x3000, 0x4000}, {own, 8}, {^uint64(0), 2}, {0, 0}} {
		if h.Map(c.base, c.n, g) == nil {
			t.Errorf("map of %#x bytes at %#x", c.n, c.base)
		}
	}
	if h.At(0x4000, 1) != nil || h.Read(0x6fff, p) || h.Write(0x3fff, p) {
		t.Error("a view of foreign memory, or beyond it")
	}
	if h.Unmap(own) || h.Unmap(0x5000) || !h.Unmap(0x4000) || h.Read(0x4000, p) {
		t.Error("unmapped wrongly")
	}
	if n, used := h.Live(); n != 1 || used != hostPage {
		t.Errorf("%d regions of %d bytes are left", n, used)
	}
}
