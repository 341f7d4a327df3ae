package tensorfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// File is an object with its contents.
type File struct {
	Object
	Data []byte
}

// Placed is a new object that has pages but is not in the directory: contents are to be written,
// then it is entered or abandoned.
type Placed struct {
	v   *Volume
	rec *record
}

// Place finds pages for an object of o.Len bytes, beside what is there: an object of the same name
// stays until the new one is entered and that is committed. Whoever fills the pages by DMA finds
// them with Runs; the object is then Unsummed.
func (v *Volume) Place(o Object) (*Placed, error) {
	if err := v.writable(); err != nil {
		return nil, err
	}
	o.Attrs = sortAttrs(o.Attrs)
	o.Shape = slices.Clone(o.Shape)
	o.rec = nil
	if err := o.check(); err != nil {
		return nil, err
	}
	if d, ok := LookupDType(o.Elem); ok {
		n, err := d.Size(o.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensorfs: %s: %w", o.Name, err)
		}
		if n != o.Len {
			return nil, fmt.Errorf("tensorfs: %s of shape %v %s has %d bytes, not %d", o.Name,
				o.Shape, o.Elem, n, o.Len)
		}
	}
	o.Unsummed = true
	r := &record{Object: o, refs: 1}
	if err := v.room(r, o.Len); err != nil {
		return nil, err
	}
	return &Placed{v, r}, nil
}

// pagesOf is how many pages n bytes take.
func (v *Volume) pagesOf(n uint64) uint64 {
	return (n + uint64(v.Page) - 1) / uint64(v.Page)
}

// room adds pages for n bytes to a record. The last page of an open object is an extent of its own
// if it is not full: appending replaces it.
func (v *Volume) room(r *record, n uint64) error {
	sums := 4 * inlineSums(v.Page)
	most := (maxItem(v.Page)-r.size()-sums)/12 - 2
	if most < 1 {
		return fmt.Errorf("tensorfs: attributes, shape and extents of %s take more than %d bytes",
			r.Name, maxItem(v.Page)-sums)
	}
	if n == 0 {
		return nil
	}
	if v.pagesOf(n) > math.MaxUint32 {
		return fmt.Errorf("%s: %d bytes on pages of %d: %w", r.Name, n, v.Page, ErrNoSpace)
	}
	list, err := v.space.alloc(v.pagesOf(n), most, dataFloor)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	if last := list[len(list)-1]; r.Open && n%uint64(v.Page) != 0 && last.n > 1 {
		last.n--
		list = append(list, &extent{page: last.page + last.n, n: 1})
	}
	for _, e := range list {
		e.refs = 1
	}
	r.extents = append(r.extents, list...)
	return nil
}

// Runs lists where the bytes of the object lie, in order; the last run ends with a whole block.
func (p *Placed) Runs() []Run { return p.v.runs(p.rec, 0, p.rec.Len) }

// Enter puts the object into the directory, in place of one of the same name.
func (p *Placed) Enter() {
	p.rec.Born = p.v.gen + 1
	p.v.work.objects = p.v.insert(p.v.work.objects, p.rec)
}

// Abandon gives the pages back.
func (p *Placed) Abandon() { p.v.drop(p.rec) }

// Runs lists where n bytes of an object from off lie, in order; off must be a multiple of Block,
// and the last run ends with a whole block.
func (v *Volume) Runs(o Object, off, n uint64) ([]Run, error) {
	if o.rec == nil || off%Block != 0 || off > o.Len || n > o.Len-off {
		return nil, fmt.Errorf("tensorfs: %d bytes at %d of %s, which has %d", n, off, o.Name,
			o.Len)
	}
	return v.runs(o.rec, off, n), nil
}

// Pin keeps the pages of an object from being used again, whatever happens to it, until the
// function that it returns is called.
func (v *Volume) Pin(o Object) (unpin func()) {
	v.hold(o.rec)
	return func() { v.drop(o.rec) }
}

func (v *Volume) runs(r *record, off, n uint64) (out []Run) {
	n = blocks(n)
	for _, e := range r.extents {
		size := e.n * uint64(v.Page)
		if off >= size {
			off -= size
			continue
		}
		at := e.page*uint64(v.Page) + off
		for left := min(size-off, n); left > 0; {
			run := v.locate(at)
			run.Len = min(run.Len, left)
			out = append(out, run)
			at, left, n = at+run.Len, left-run.Len, n-run.Len
		}
		off = 0
	}
	return out
}

// address is where page i of a record lies.
func (r *record) address(i uint64, page int) uint64 {
	for _, e := range r.extents {
		if i < e.n {
			return (e.page + i) * uint64(page)
		}
		i -= e.n
	}
	panic(fmt.Sprintf("tensorfs: page %d of %s", i, r.Name))
}

// Writer fills a new object in order. Close enters it; Abort gives its pages back.
type Writer struct {
	p    *Placed
	buf  []byte // whole pages
	fill int
	at   uint64 // pages written
	sums []uint32
	err  error
}

// writerPages is how many pages a Writer writes at a time.
const writerPages = 16

// Create starts an object of o.Len bytes.
func (v *Volume) Create(o Object) (*Writer, error) {
	p, err := v.Place(o)
	if err != nil {
		return nil, err
	}
	return p.writer(), nil
}

func (p *Placed) writer() *Writer {
	pages := max(1, min(writerPages, p.v.pagesOf(p.rec.Len)))
	return &Writer{p: p, buf: make([]byte, pages*uint64(p.v.Page))}
}

// Write takes the next bytes.
func (w *Writer) Write(b []byte) (int, error) {
	n := 0
	for len(b) > 0 && w.err == nil {
		if w.at*uint64(w.p.v.Page)+uint64(w.fill) >= w.p.rec.Len {
			w.err = fmt.Errorf("tensorfs: more than the %d bytes of %s", w.p.rec.Len,
				w.p.rec.Name)
			break
		}
		m := copy(w.buf[w.fill:], b)
		w.fill, b, n = w.fill+m, b[m:], n+m
		if w.fill == len(w.buf) {
			w.err = w.flush()
		}
	}
	return n, w.err
}

// flush writes the pages gathered, the last perhaps short.
func (w *Writer) flush() error {
	v := w.p.v
	for off := 0; off < w.fill; off += v.Page {
		part := w.buf[off:min(off+v.Page, w.fill)]
		w.sums = append(w.sums, Checksum(part))
		whole := w.buf[off : off+int(blocks(uint64(len(part))))]
		clear(whole[len(part):])
		if err := v.write(w.p.rec.address(w.at, v.Page), whole); err != nil {
			return err
		}
		w.at++
	}
	w.fill = 0
	return nil
}

// Close ends the object and enters it. On an error its pages are given back.
func (w *Writer) Close() error {
	r := w.p.rec
	if have := w.at*uint64(w.p.v.Page) + uint64(w.fill); w.err == nil && have != r.Len {
		w.err = fmt.Errorf("tensorfs: %d of the %d bytes of %s", have, r.Len, r.Name)
	}
	if w.err == nil {
		w.err = w.flush()
	}
	if w.err == nil {
		w.err = w.p.v.keepSums(r, w.sums)
	}
	if w.err != nil {
		w.p.Abandon()
		return w.err
	}
	w.p.Enter()
	return nil
}

// Abort gives the pages back.
func (w *Writer) Abort() { w.p.Abandon() }

// keepSums gives a record its checksums: a few of them itself, more in a table.
func (v *Volume) keepSums(r *record, sums []uint32) error {
	if len(sums) <= inlineSums(v.Page) {
		r.sums, r.Unsummed = sums, false
		return nil
	}
	n := tablePages(uint64(len(sums)), v.Page)
	list, err := v.space.alloc(n, 1, dataFloor)
	if err != nil {
		return fmt.Errorf("checksums of %s: %w", r.Name, err)
	}
	list[0].refs = 1
	r.table = list[0]
	p := make([]byte, v.Page)
	for i := range n {
		clear(p)
		end := min((i+1)*perTable(v.Page), uint64(len(sums)))
		for k, s := range sums[i*perTable(v.Page) : end] {
			binary.LittleEndian.PutUint32(p[4*k:], s)
		}
		binary.LittleEndian.PutUint32(p[v.Page-4:], tableSum(p))
		if err := v.write((r.table.page+i)*uint64(v.Page), p); err != nil {
			return err
		}
	}
	r.Unsummed = false
	return nil
}

func tableSum(p []byte) uint32 { return Checksum(p[:len(p)-4]) }

// table reads page i of the checksums of a record and checks it.
func (v *Volume) table(r *record, i uint64) ([]byte, error) {
	p := make([]byte, v.Page)
	if err := v.read((r.table.page+i)*uint64(v.Page), p); err != nil {
		return nil, err
	}
	return p, checkTable(p)
}

func checkTable(p []byte) error {
	if sum, want := tableSum(p), binary.LittleEndian.Uint32(p[len(p)-4:]); sum != want {
		return fmt.Errorf("checksum is %#08x, should be %#08x", sum, want)
	}
	return nil
}

// allSums are the checksums of a record.
func (v *Volume) allSums(r *record) ([]uint32, error) {
	if r.table == nil {
		return slices.Clone(r.sums), nil
	}
	n := v.pagesOf(r.Len)
	out := make([]uint32, 0, n)
	for i := range r.table.n {
		p, err := v.table(r, i)
		if err != nil {
			return nil, fmt.Errorf("tensorfs: checksums of %s at %#x: %w", r.Name,
				(r.table.page+i)*uint64(v.Page), err)
		}
		for k := uint64(0); k < perTable(v.Page) && uint64(len(out)) < n; k++ {
			out = append(out, binary.LittleEndian.Uint32(p[4*k:]))
		}
	}
	return out, nil
}

// Put writes an object with its contents. The length is that of the data.
func (v *Volume) Put(f File) error {
	f.Len = uint64(len(f.Data))
	w, err := v.Create(f.Object)
	if err != nil {
		return err
	}
	if _, err := w.Write(f.Data); err != nil {
		w.Abort()
		return err
	}
	return w.Close()
}

// Reader reads an object in order; every page is checked against its checksum before any of its
// bytes is handed out.
type Reader struct {
	v    *Volume
	r    *record
	sums []uint32
	buf  []byte
	rest []byte
	at   uint64 // next page
}

// ErrCorrupt is what an error wraps when bytes do not have their checksum.
var ErrCorrupt = errors.New("corrupt")

// Open starts to read an object.
func (v *Volume) Open(o Object) (*Reader, error) {
	if o.rec == nil {
		return nil, fmt.Errorf("tensorfs: object %q: %w", o.Name, ErrNotFound)
	}
	sums, err := v.allSums(o.rec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrCorrupt)
	}
	return &Reader{v: v, r: o.rec, sums: sums, buf: make([]byte, v.Page)}, nil
}

// Read gives the next bytes, then io.EOF.
func (r *Reader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *Reader) next() error {
	page := uint64(r.v.Page)
	off := r.at * page
	if off >= r.r.Len {
		return io.EOF
	}
	n := min(page, r.r.Len-off)
	at := r.r.address(r.at, r.v.Page)
	if err := r.v.read(at, r.buf[:blocks(n)]); err != nil {
		return err
	}
	r.rest = r.buf[:n]
	if len(r.sums) > 0 && Checksum(r.rest) != r.sums[r.at] {
		r.rest = nil
		return fmt.Errorf("tensorfs: bytes %d to %d of %s, at %#x: checksum is %#08x, should be "+
			"%#08x: %w", off, off+n-1, r.r.Name, at, Checksum(r.buf[:n]), r.sums[r.at], ErrCorrupt)
	}
	r.at++
	return nil
}

// Get reads a whole object.
func (v *Volume) Get(name string) (File, error) {
	o, ok := v.Lookup(name)
	if !ok {
		return File{}, fmt.Errorf("tensorfs: object %q: %w", name, ErrNotFound)
	}
	return v.Read(o)
}

// Read is Get for an object that was looked up.
func (v *Volume) Read(o Object) (File, error) {
	r, err := v.Open(o)
	if err != nil {
		return File{}, err
	}
	f := File{Object: o, Data: make([]byte, o.Len)}
	_, err = io.ReadFull(r, f.Data)
	return f, err
}
