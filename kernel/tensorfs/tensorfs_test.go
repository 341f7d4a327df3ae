package tensorfs

import (
	"bytes"
	"strings"
	"testing"
)

// disk is a volume in memory.
type disk []byte

func (d disk) WriteAt(p []byte, off int64) (int, error) { return copy(d[off:], p), nil }
func (d disk) read(off uint64, p []byte) error          { copy(p, d[off:]); return nil }

func sample(t *testing.T) disk {
	t.Helper()
	d := make(disk, 4<<20)
	err := Create(d, uint64(len(d)), []File{
		{Object{Name: "a", Elem: "f16", Shape: []int{4, 8}}, bytes.Repeat([]byte{1}, 64)},
		{Object{Name: "b", Elem: "f32", ColMajor: true, Shape: []int{100}},
			bytes.Repeat([]byte{2}, 400)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhatIsCreatedIsMounted(t *testing.T) {
	d := sample(t)
	v, err := Mount(d.read)
	if err != nil {
		t.Fatal(err)
	}
	b, ok := v.Lookup("b")
	if !ok || b.Elem != "f32" || !b.ColMajor || b.Shape[0] != 100 || b.Off%Page != 0 {
		t.Fatalf("b is %v", &b)
	}
	if data := d[b.Off : b.Off+b.Len]; Checksum(data) != b.CRC || data[0] != 2 {
		t.Error("data of b differ")
	}
	if _, ok := v.Lookup("c"); ok || strings.Join(v.Names(), " ") != "a b" {
		t.Errorf("names %v", v.Names())
	}
}

func TestReplacingKeepsTheOldUntilEntered(t *testing.T) {
	d := sample(t)
	v, _ := Mount(d.read)
	a, _ := v.Lookup("a")
	o, err := v.Place(Object{Name: "a", Elem: "f16", Shape: []int{4, 8}, Len: 64})
	if err != nil || o.Off == a.Off {
		t.Fatalf("placed over the old extent at %#x: %v", o.Off, err)
	}
	if now, _ := v.Lookup("a"); now.Off != a.Off {
		t.Fatal("the directory changed before Enter")
	}
	off, page := v.Enter(o)
	d.WriteAt(page, int64(off))
	v2, err := Mount(d.read)
	if err != nil || len(v2.Objects()) != 2 {
		t.Fatal(err)
	}
	if now, _ := v2.Lookup("a"); now.Off != o.Off {
		t.Error("the new extent is not in the directory")
	}
	if p, _ := v2.Place(Object{Name: "c", Len: 64}); p.Off != a.Off {
		t.Errorf("the old extent is not reused: %#x", p.Off)
	}
	if _, err := v.Place(Object{Name: "huge", Len: 8 << 20}); err == nil {
		t.Error("room for more than there is")
	}
	if _, err := v.Place(Object{Name: ""}); err == nil {
		t.Error("an object without a name")
	}
}

func TestEveryFlippedByteOfTheMetadataIsSeen(t *testing.T) {
	d := sample(t)
	for _, at := range []int{0, 9, 20, 2000, dirAt, dirAt + offExtent, dirAt + entryLen + 130,
		dirAt + 200, dirAt + offFlags} {
		bad := disk(bytes.Clone(d))
		bad[at] ^= 0x40
		if _, err := Mount(bad.read); err == nil {
			t.Errorf("byte %#x flipped unnoticed", at)
		}
	}
}

func FuzzMount(f *testing.F) {
	d := make(disk, dataAt)
	Create(d, 4<<20, nil)
	f.Add([]byte(d[:superLen]), []byte{})
	f.Fuzz(func(_ *testing.T, super, dir []byte) {
		d := make(disk, dataAt)
		copy(d, super)
		copy(d[dirAt:], dir)
		if v, err := Mount(d.read); err == nil {
			v.Names()
		}
	})
}
