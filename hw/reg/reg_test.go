package reg

import "testing"

func TestBitsRoundTrip(t *testing.T) {
	for hi := range uint8(64) {
		for lo := range hi + 1 {
			b := Bits{hi, lo}
			for _, v := range []uint64{0, ^uint64(0), 0x0123456789abcdef} {
				const field = 0x5a5a5a5a5a5a5a5a
				if got := b.Get(b.Put(v, field)); got != field&(b.Mask()>>lo) {
					t.Fatalf("%v of %#x: %#x", b, v, got)
				}
				if b.Put(v, 0)|b.Mask() != v|b.Mask() {
					t.Fatalf("%v disturbs other bits of %#x", b, v)
				}
			}
		}
	}
}

func TestFileObeysTheMasks(t *testing.T) {
	f := NewFile(16, Table{
		{Name: "A", Off: 4, Size: 4, Reset: 0xff00, RW: 0x0f, W1C: 0xf000, Section: "test"},
	})
	f.Write(4, 4, 0xffffffff)
	if got := f.Get(4, 4); got != 0x0f0f {
		t.Errorf("after a write of ones: %#x", got)
	}
	f.Write(4, 1, 0)
	if got := f.Get(4, 4); got != 0x0f00 {
		t.Errorf("after a byte write: %#x", got)
	}
	f.Reset()
	if got := f.Get(4, 4); got != 0xff00 {
		t.Errorf("after reset: %#x", got)
	}
	if got := f.Get(14, 4); got != 0xffffffff {
		t.Errorf("beyond the end: %#x", got)
	}
	f.Write(14, 4, 1) // must not panic
}

func TestCheckFindsBadRows(t *testing.T) {
	good := Register{Name: "G", Off: 0, Size: 4, Section: "s"}
	for name, bad := range map[string]Table{
		"no section": {{Name: "X", Size: 4}},
		"size":       {{Name: "X", Size: 3, Section: "s"}},
		"alignment":  {{Name: "X", Off: 2, Size: 4, Section: "s"}},
		"overlap":    {good, good},
		"masks":      {{Name: "X", Size: 4, RW: 1, W1C: 1, Section: "s"}},
	} {
		if bad.Check() == nil {
			t.Errorf("%s passes", name)
		}
	}
	if err := (Table{good}).Check(); err != nil {
		t.Error(err)
	}
}
