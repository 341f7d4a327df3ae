package tensorfs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// tiny is a volume with every kind of block: inline checksums and a table, a snapshot that shares,
// two superblocks.
func tiny(t testing.TB, drives int) []Device {
	t.Helper()
	devs := memories(drives, 256<<10)
	v := format(t, devs...)
	put(t, v, "a", 9000, 1, true)
	put(t, v, "big", 5*4096+100, 2, false)
	put(t, v, "empty", 0, 0, false)
	if err := v.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{v.Snapshot("s"), v.Append("a", make([]byte, 300)), v.Commit()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return devs
}

// used marks every byte of a one-drive volume that means something.
func used(t testing.TB, m Memory) []bool {
	members, err := identify([]Device{m})
	if err != nil {
		t.Fatal(err)
	}
	a, s, _, err := assemble(members)
	if err != nil {
		t.Fatal(err)
	}
	v := &Volume{array: a}
	l := newLoader(v, func(where string, err error) error {
		return fmt.Errorf("%s: %w", where, err)
	})
	if err := l.load(s); err != nil {
		t.Fatal(err)
	}
	out := make([]bool, len(m))
	mark := func(at, n uint64) {
		for i := range n {
			out[at+i] = true
		}
	}
	for i := range uint64(slots) {
		mark(i*slotAt, Block)
	}
	for _, n := range l.order {
		mark(n.at.addr, uint64(n.at.len))
	}
	for _, r := range l.records {
		for i := range v.pagesOf(r.Len) {
			mark(r.address(i, v.Page), min(uint64(v.Page), r.Len-i*uint64(v.Page)))
		}
		if r.table != nil {
			mark(r.table.page*uint64(v.Page), r.table.n*uint64(v.Page))
		}
	}
	return out
}

// TestEveryFlippedByteIsSeen flips each byte of a volume in turn: fsck sees it if and only if the
// byte means something.
func TestEveryFlippedByteIsSeen(t *testing.T) {
	m := tiny(t, 1)[0].(Memory)
	if r, err := Check(nil, m); err != nil || !r.Clean() {
		t.Fatal(err, r)
	}
	means, seen, slack := used(t, m), 0, 0
	for i := range m {
		if !means[i] && i%97 > 0 {
			continue
		}
		m[i] ^= 1 << (i % 8)
		r, err := Check(nil, m)
		m[i] ^= 1 << (i % 8)
		bad := err != nil || !r.Clean()
		if bad != means[i] {
			t.Fatalf("byte %#x flipped: seen %v, it means something: %v", i, bad, means[i])
		}
		if bad {
			seen++
		} else {
			slack++
		}
	}
	if seen < 40_000 || slack < 500 {
		t.Errorf("%d bytes seen, %d of slack", seen, slack)
	}
	t.Logf("%d bytes seen, %d of slack passed", seen, slack)
}

// TestReadsNeverGiveFlippedBytes: whatever byte is flipped, an object reads as it was or not at
// all.
func TestReadsNeverGiveFlippedBytes(t *testing.T) {
	m := tiny(t, 1)[0].(Memory)
	means := used(t, m)
	v, err := MountReadOnly(m)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{}
	for _, name := range v.Names() {
		f, err := v.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = f.Data
	}
	refused := 0
	for i := 0; i < len(m); i += 13 {
		if !means[i] {
			continue
		}
		m[i] ^= 0x10
		v, err := MountReadOnly(m)
		for name, data := range want {
			if err != nil {
				refused++
				break
			}
			f, err := v.Get(name)
			if err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("byte %#x: %s: %v", i, name, err)
			}
			if err == nil && !bytes.Equal(f.Data, data) {
				t.Fatalf("byte %#x: %s has other bytes", i, name)
			}
			if err != nil {
				refused++
			}
		}
		m[i] ^= 0x10
	}
	if refused < 1000 {
		t.Errorf("only %d reads were refused", refused)
	}
}

func TestProblemsNameTheirPlace(t *testing.T) {
	m := tiny(t, 1)[0].(Memory)
	v, _ := MountReadOnly(m)
	o, _ := v.Lookup("big")
	at := o.rec.address(2, v.Page)
	m[at+5] ^= 1
	r, err := Check(nil, m)
	if err != nil || len(r.Problems) != 1 {
		t.Fatal(err, r.Problems)
	}
	want := fmt.Sprintf("object big, bytes 8192 to 12287, drive 0 at %#x: checksum is ", at)
	if got := r.Problems[0].String(); !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q...", got, want)
	}
	m[slotAt+100] ^= 1
	if r, _ = Check(nil, m); len(r.Problems) != 2 || !r.Problems[0].Repairable ||
		!strings.HasPrefix(r.Problems[0].Where, "drive 0, superblock copy 1 at 0x4000") {
		t.Errorf("%v", r.Problems)
	}
	if v, err := Mount(m); err != nil || len(v.Notes) != 1 {
		t.Fatal(err, v.Notes)
	}
	if r, _ = Check(nil, m); len(r.Problems) != 1 {
		t.Errorf("the superblock is not repaired: %v", r.Problems)
	}
}

func TestMembersMustBelongTogether(t *testing.T) {
	three := tiny(t, 3)
	g := small
	g.UUID[0] = 99
	other := memories(1, 256<<10)
	if _, err := Format(g, other...); err != nil {
		t.Fatal(err)
	}
	blank := make(Memory, 256<<10)
	old := make(Memory, 256<<10)
	copy(old, magic)
	old[sbVersion] = 1
	for _, c := range []struct {
		name string
		devs []Device
		want string // "": mounts
	}{
		{"in order", three, ""},
		{"out of order", []Device{three[2], three[0], three[1]}, ""},
		{"missing", three[:2], "member 2 of the 3 of volume"},
		{"twice", []Device{three[0], three[1], three[1]}, "drive 2 is member 1"},
		{"foreign", []Device{three[0], three[1], other[0]}, "belongs to volume"},
		{"blank", []Device{three[0], three[1], blank}, "drive 2: tensorfs: no volume"},
		{"format 1", []Device{old}, "a volume of format 1"},
		{"short", []Device{make(Memory, 100)}, "a drive of 100 bytes"},
		{"cut", []Device{three[0].(Memory)[:128<<10], three[1], three[2]}, "which has 131072"},
		{"none", nil, "no drives"},
	} {
		_, err := Mount(c.devs...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestAlignmentAndRuns(t *testing.T) {
	devs := memories(2, 16<<20)
	v, err := Format(Geometry{}, devs...)
	if err != nil {
		t.Fatal(err)
	}
	put(t, v, "small", 100, 1, false)
	put(t, v, "large", 3<<20+5, 1, false)
	o, _ := v.Lookup("large")
	if at := o.rec.extents[0].page; len(o.rec.extents) != 1 || at%Huge != 0 {
		t.Errorf("a large object at page %d in %d extents", at, len(o.rec.extents))
	}
	runs, err := v.Runs(o, 0, o.Len)
	if err != nil {
		t.Fatal(err)
	}
	per, total := [2]uint64{}, uint64(0)
	for _, r := range runs {
		per[r.Drive] += r.Len
		total += r.Len
	}
	if total != blocks(o.Len) || per[0] < total*2/5 || per[1] < total*2/5 {
		t.Errorf("%v on the drives, %d in all", per, total)
	}
	if _, err := v.Runs(o, 100, 1); err == nil {
		t.Error("runs from the middle of a block")
	}
	if _, err := v.Runs(o, 0, o.Len+1); err == nil {
		t.Error("runs beyond the end")
	}
}

// TestDMAIsUnsummedUntilSummed plays a GPU that writes the pages itself.
func TestDMAIsUnsummedUntilSummed(t *testing.T) {
	devs := memories(2, 256<<10)
	v := format(t, devs...)
	data := bytes.Repeat([]byte("tensor! "), 5000)
	n := len(data)
	p, err := v.Place(Object{Name: "x", Elem: "u8", Shape: []int{n}, Len: uint64(n)})
	if err != nil {
		t.Fatal(err)
	}
	rest := data
	for _, r := range p.Runs() {
		n := min(r.Len, uint64(len(rest)))
		copy(devs[r.Drive].(Memory)[r.Off:], rest[:n])
		rest = rest[n:]
	}
	p.Enter()
	if err := v.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := Check(nil, devs...)
	if err != nil || !r.Clean() || r.Counts.Unsummed != uint64(len(data)) {
		t.Fatal(err, r)
	}
	for _, err := range []error{v.Sum("x"), v.Commit()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if r, err = Check(nil, devs...); err != nil || !r.Clean() || r.Counts.Unsummed != 0 {
		t.Fatal(err, r)
	}
	if f, err := v.Get("x"); err != nil || !bytes.Equal(f.Data, data) {
		t.Error("the contents differ", err)
	}
}

// TestAFullVolumeCanBeEmptied fills one until nothing fits, takes snapshots of it, and removes all.
func TestAFullVolumeCanBeEmptied(t *testing.T) {
	devs := memories(1, 512<<10)
	v := format(t, devs...)
	free := v.Usage().Free
	for i := 0; ; i++ {
		err := v.Put(File{Object{Name: fmt.Sprint(i), Elem: "u8", Shape: []int{4096}},
			make([]byte, 4096)})
		if errors.Is(err, ErrNoSpace) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := v.Snapshot(fmt.Sprint("s", i)); err == nil {
			err = v.Commit()
			if err != nil && !errors.Is(err, ErrNoSpace) {
				t.Fatal(err)
			}
		}
	}
	empty(t, v)
	if got := v.Usage().Free; got != free {
		t.Errorf("%d bytes free, %d at first", got, free)
	}
}

func TestWhatIsRefused(t *testing.T) {
	devs := memories(1, 512<<10)
	v := format(t, devs...)
	long := strings.Repeat("n", 256)
	for _, c := range []struct {
		o    Object
		want string
	}{
		{Object{}, "a name must have"},
		{Object{Name: long}, "a name must have"},
		{Object{Name: "a\nb"}, "control"},
		{Object{Name: "x", Elem: "sixteen-bytes-xx"}, "element type"},
		{Object{Name: "x", Shape: make([]int, 9)}, "9 dimensions"},
		{Object{Name: "x", Shape: []int{-1}}, "has the shape"},
		{Object{Name: "x", Elem: "f16", Shape: []int{3}, Len: 5}, "has 6 bytes, not 5"},
		{Object{Name: "x", Elem: "q8_0", Shape: []int{33}, Len: 5}, "whole blocks of 32"},
		{Object{Name: "x", Len: 1 << 40}, "no space"},
		{Object{Name: "x", Attrs: []Attr{{"k", strings.Repeat("v", 2000)}}}, "take more than"},
	} {
		if _, err := v.Create(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	put(t, v, "sealed", 10, 1, false)
	for _, err := range []error{v.Append("sealed", nil), v.Append("none", nil), v.Remove("none"),
		v.Restore("none"), v.RemoveSnapshot("none"), v.Snapshot("")} {
		if err == nil {
			t.Error("taken")
		}
	}
	if err := v.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := MountReadOnly(devs...)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Remove("sealed"); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
}

// TestExtentsOutsideOfTheVolumeAreRefused: also those whose address wraps around 64 bits.
func TestExtentsOutsideOfTheVolumeAreRefused(t *testing.T) {
	g := small
	g.Members, g.Size = 1, 256<<10
	for _, c := range []struct {
		page, n uint64
		ok      bool
	}{{8, 1, true}, {63, 1, true}, {7, 1, false}, {64, 1, false}, {63, 2, false}, {8, 0, false},
		{1<<52 + 8, 1, false}, {1<<64 - 1, 1, false}} {
		r := &record{extents: []*extent{{page: c.page, n: c.n}}}
		r.Len, r.Unsummed = min(c.n, 99)*4096, true
		if err := r.consistent(&g); (err == nil) != c.ok {
			t.Errorf("page %d, %d of them: %v", c.page, c.n, err)
		}
	}
}

// FuzzMount mends the checksums of what it is given, so that the decoders behind them are reached.
func FuzzMount(f *testing.F) {
	m := tiny(f, 1)[0].(Memory)
	v, _ := MountReadOnly(m)
	root := v.work.objects.at
	f.Add([]byte(m[:Block]), []byte(m[root.addr:root.addr+uint64(root.len)]))
	f.Add([]byte(magic), []byte{})
	f.Fuzz(func(_ *testing.T, head, block []byte) {
		d := bytes.Clone(m)
		copy(d[:Block], head)
		copy(d[root.addr:root.addr+uint64(v.Page)], block)
		if s, err := decodeSuper(sealed(d)); err == nil {
			n := uint64(s.objects.len)
			if n <= uint64(v.Page) && s.objects.addr <= uint64(len(d))-n {
				s.objects.crc = Checksum(d[s.objects.addr : s.objects.addr+n])
			}
			copy(d, s.encode())
		}
		if v, err := Mount(Memory(d)); err == nil {
			for _, name := range v.Names() {
				v.Get(name)
			}
			v.Versions("a")
		}
		Check(nil, Memory(d))
	})
}

// sealed is the first superblock with a right checksum.
func sealed(d []byte) []byte {
	p := d[:Block]
	sum := Checksum(p[:sbCRC])
	p[sbCRC], p[sbCRC+1], p[sbCRC+2], p[sbCRC+3] = byte(sum), byte(sum>>8), byte(sum>>16),
		byte(sum>>24)
	return p
}

func BenchmarkPut(b *testing.B) {
	d := make(Memory, 1<<30)
	v, err := Format(Geometry{}, d)
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 1<<20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		err := v.Put(File{Object{Name: "x", Elem: "u8", Shape: []int{1 << 20}}, data})
		if err != nil {
			b.Fatal(err)
		}
		if err := v.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	v, err := Format(Geometry{}, make(Memory, 64<<20))
	if err != nil {
		b.Fatal(err)
	}
	put(b, v, "x", 8<<20, 1, false)
	b.SetBytes(8 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Get("x"); err != nil {
			b.Fatal(err)
		}
	}
}

// many is a volume of n small objects.
func many(b testing.TB, n int) (Memory, *Volume) {
	d := make(Memory, uint64(n)*5000+8<<20)
	v, err := Format(Geometry{Page: 4096, Stripe: 64 << 10}, d)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		put(b, v, fmt.Sprintf("model.layers.%d.weight", i), 512, 1, false)
	}
	if err := v.Commit(); err != nil {
		b.Fatal(err)
	}
	return d, v
}

func BenchmarkMount10k(b *testing.B) {
	d, _ := many(b, 10_000)
	for b.Loop() {
		if _, err := Mount(d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit10k replaces one object of 10,000 and commits.
func BenchmarkCommit10k(b *testing.B) {
	_, v := many(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		put(b, v, "model.layers.5000.weight", 512, 2, false)
		if err := v.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup10k(b *testing.B) {
	_, v := many(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := v.Lookup("model.layers.7777.weight"); !ok {
			b.Fatal("it is not there")
		}
	}
}

func TestAHundredThousandObjects(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	d, v := many(t, 100_000)
	w, err := Mount(d)
	if err != nil || len(w.Names()) != 100_000 || w.Usage() != v.Usage() {
		t.Fatal(err, len(w.Names()))
	}
}
