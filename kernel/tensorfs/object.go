package tensorfs

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of an object. All of it, attributes and extents included, takes a quarter of a page at
// most.
const (
	MaxName = 255
	MaxDims = 8
	maxElem = 15
)

// Attr is a named note on an object.
type Attr struct{ Key, Value string }

// Object is a named tensor on the volume.
type Object struct {
	Name     string
	Elem     string // element type as Neuro-Lang spells it: f16; see LookupDType
	ColMajor bool
	Open     bool // may be appended to; an object that is not is immutable
	Shape    []int
	Attrs    []Attr // by key
	Len      uint64 // bytes
	Born     uint64 // generation of the commit that made this version
	// Unsummed: the bytes were written by a device that does not compute checksums. A scrub adds
	// them.
	Unsummed bool

	rec *record
}

func (o *Object) String() string {
	layout := "RowMajor"
	if o.ColMajor {
		layout = "ColMajor"
	}
	return fmt.Sprintf("%s %v %s %s, %d bytes", o.Name, o.Shape, o.Elem, layout, o.Len)
}

// Attr is the value of an attribute.
func (o *Object) Attr(key string) (string, bool) {
	for _, a := range o.Attrs {
		if a.Key == key {
			return a.Value, true
		}
	}
	return "", false
}

func checkName(name string) error {
	bad := func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) }
	if name == "" || len(name) > MaxName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("tensorfs: a name must have 1 to %d bytes of UTF-8 without control "+
			"characters, not %q", MaxName, name)
	}
	return nil
}

func (o *Object) check() error {
	if err := checkName(o.Name); err != nil {
		return err
	}
	if len(o.Elem) > maxElem {
		return fmt.Errorf("tensorfs: element type %q of %s has more than %d bytes", o.Elem, o.Name,
			maxElem)
	}
	if len(o.Shape) > MaxDims {
		return fmt.Errorf("tensorfs: %s has %d dimensions, %d at most", o.Name, len(o.Shape),
			MaxDims)
	}
	for _, d := range o.Shape {
		if d < 0 {
			return fmt.Errorf("tensorfs: %s has the shape %v", o.Name, o.Shape)
		}
	}
	for i, a := range o.Attrs {
		if len(a.Key) > 255 || len(a.Value) > 1<<16-1 || i > 0 && o.Attrs[i-1].Key >= a.Key {
			return fmt.Errorf("tensorfs: attributes of %s: keys up to 255 bytes, in order, once",
				o.Name)
		}
	}
	return nil
}

// record is a version of an object: what a leaf holds.
type record struct {
	Object
	extents []*extent
	sums    []uint32 // of each page of contents; nil if they are in the table
	table   *extent  // of checksums; nil if they are here
	refs    int      // leaves that hold it
}

// contents tells versions apart: two records that are equal in it hold the same bytes.
type contents struct {
	name        string
	born, len   uint64
	first, last *extent
	table       *extent
}

func (r *record) contents() contents {
	v := contents{name: r.Name, born: r.Born, len: r.Len, table: r.table}
	if n := len(r.extents); n > 0 {
		v.first, v.last = r.extents[0], r.extents[n-1]
	}
	return v
}

// Flags of a record.
const (
	recColMajor = 1 << iota
	recOpen
	recUnsummed
	recTable
	recAll = 1<<iota - 1
)

// inlineSums is how many checksums a record holds itself.
func inlineSums(page int) int { return page / 1024 }

// maxItem is the size of the largest item of a leaf.
func maxItem(page int) int { return page / 4 }

func (r *record) key() string { return r.Name }

func (r *record) size() int {
	n := 28 + 8*len(r.Shape) + len(r.Elem) + 12*len(r.extents) + 4*len(r.sums)
	for _, a := range r.Attrs {
		n += 3 + len(a.Key) + len(a.Value)
	}
	if r.table != nil {
		n += 12
	}
	return n
}

func (r *record) append(b []byte) []byte {
	var flags byte
	for i, on := range []bool{r.ColMajor, r.Open, r.Unsummed, r.table != nil} {
		if on {
			flags |= 1 << i
		}
	}
	le := binary.LittleEndian
	b = append(b, flags, byte(len(r.Shape)), byte(len(r.Elem)), 0)
	b = le.AppendUint16(b, uint16(len(r.Attrs)))
	b = le.AppendUint16(b, uint16(len(r.extents)))
	b = le.AppendUint32(b, uint32(len(r.sums)))
	b = le.AppendUint64(b, r.Len)
	b = le.AppendUint64(b, r.Born)
	for _, d := range r.Shape {
		b = le.AppendUint64(b, uint64(d))
	}
	b = append(b, r.Elem...)
	for _, a := range r.Attrs {
		b = append(b, byte(len(a.Key)))
		b = le.AppendUint16(b, uint16(len(a.Value)))
		b = append(append(b, a.Key...), a.Value...)
	}
	for _, e := range r.extents {
		b = appendExtent(b, e)
	}
	if r.table != nil {
		b = appendExtent(b, r.table)
	}
	for _, s := range r.sums {
		b = le.AppendUint32(b, s)
	}
	return b
}

func appendExtent(b []byte, e *extent) []byte {
	b = binary.LittleEndian.AppendUint64(b, e.page)
	return binary.LittleEndian.AppendUint32(b, uint32(e.n))
}

// reader takes fields off a block; what is missing reads as zero and is remembered.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.short = true
		r.b = nil
		return make([]byte, min(n, 1<<16))
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() int     { return int(r.bytes(1)[0]) }
func (r *reader) u16() int    { return int(binary.LittleEndian.Uint16(r.bytes(2))) }
func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

// decodeRecord reads a record. Its extents are checked by whoever knows the volume.
func decodeRecord(name string, b []byte, g *Geometry) (*record, error) {
	d := &reader{b: b}
	r := &record{}
	r.Name = name
	flags, dims, elem := d.u8(), d.u8(), d.u8()
	d.u8()
	attrs, extents, sums := d.u16(), d.u16(), d.u32()
	r.ColMajor, r.Open = flags&recColMajor != 0, flags&recOpen != 0
	r.Unsummed = flags&recUnsummed != 0
	r.Len, r.Born = d.u64(), d.u64()
	for range min(dims, MaxDims) {
		r.Shape = append(r.Shape, int(d.u64()))
	}
	r.Elem = string(d.bytes(elem))
	for range attrs {
		k, v := d.u8(), d.u16()
		if d.short {
			break
		}
		r.Attrs = append(r.Attrs, Attr{string(d.bytes(k)), string(d.bytes(v))})
	}
	for i := 0; i < extents && !d.short; i++ {
		r.extents = append(r.extents, &extent{page: d.u64(), n: uint64(d.u32())})
	}
	if flags&recTable != 0 {
		r.table = &extent{page: d.u64(), n: uint64(d.u32())}
	}
	for i := uint32(0); i < sums && !d.short; i++ {
		r.sums = append(r.sums, d.u32())
	}
	if d.short || len(d.b) > 0 || flags&^recAll != 0 || dims > MaxDims {
		return nil, fmt.Errorf("the record of %q is malformed", name)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, r.consistent(g)
}

// consistent checks the counts of a record against one another.
func (r *record) consistent(g *Geometry) error {
	var pages uint64
	page := uint64(g.Page)
	first := uint64(g.Stripe) * uint64(g.Members) / page
	end := g.Size * uint64(g.Members) / page
	inside := func(e *extent) bool {
		return e.n > 0 && e.page >= first && e.page < end && e.n <= end-e.page
	}
	for _, e := range r.extents {
		if !inside(e) {
			return fmt.Errorf("an extent of %q lies outside of the volume", r.Name)
		}
		pages += e.n
	}
	if r.table != nil && !inside(r.table) {
		return fmt.Errorf("the checksums of %q lie outside of the volume", r.Name)
	}
	want := r.Len / page
	if r.Len%page > 0 {
		want++
	}
	sums := want
	if r.Unsummed || r.table != nil {
		sums = 0
	}
	switch {
	case pages != want:
		return fmt.Errorf("%q has %d bytes on %d pages", r.Name, r.Len, pages)
	case uint64(len(r.sums)) != sums:
		return fmt.Errorf("%q has %d pages and %d checksums", r.Name, pages, len(r.sums))
	case r.table != nil && (r.Unsummed || r.table.n != tablePages(want, g.Page)):
		return fmt.Errorf("%q has %d pages and %d of checksums", r.Name, pages, r.table.n)
	}
	return nil
}

// perTable is how many checksums a page of a table has; the last word is its own.
func perTable(page int) uint64 { return uint64(page/4 - 1) }

func tablePages(pages uint64, page int) uint64 {
	return (pages + perTable(page) - 1) / perTable(page)
}

// sortAttrs puts attributes in order; of one key the last stays.
func sortAttrs(list []Attr) []Attr {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b Attr) int { return cmp.Compare(a.Key, b.Key) })
	kept := out[:0]
	for _, a := range out {
		if n := len(kept); n > 0 && kept[n-1].Key == a.Key {
			kept = kept[:n-1]
		}
		kept = append(kept, a)
	}
	return kept
}
