package traces

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Record is one entry of a trace. Its position in the trace is its stable id.
type Record struct {
	Kind  int // index into Trace.Points
	Track Track
	Start Time
	Dur   Time // 0 for marks and levels
	Args  []uint64
	Waits Waits // of a span; they add up to Dur
}

// End is Start + Dur.
func (r *Record) End() Time { return r.Start + r.Dur }

// Trace is a decoded trace. It carries its own table of points, so that a reader of one version
// understands a file of another.
type Trace struct {
	Points  []Point
	Tracks  []string
	Texts   []string
	Records []Record
}

// FormatError says where a trace is not what it should be.
type FormatError struct {
	Offset int
	Detail string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("trace: byte %d: %s", e.Offset, e.Detail)
}

type decoder struct {
	data []byte
	off  int
	last Time
	err  error
	args []uint64 // arena
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = &FormatError{d.off, fmt.Sprintf(format, args...)}
	}
}

func (d *decoder) truncated() {
	d.fail("the file ends in the middle of an item: it is truncated")
}

func (d *decoder) byte() byte {
	if d.err != nil || d.off >= len(d.data) {
		d.truncated()
		return 0
	}
	d.off++
	return d.data[d.off-1]
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.data[d.off:])
	if n <= 0 {
		d.truncated()
		return 0
	}
	d.off += n
	return v
}

func (d *decoder) varint() int64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Varint(d.data[d.off:])
	if n <= 0 {
		d.truncated()
		return 0
	}
	d.off += n
	return v
}

func (d *decoder) string() string {
	n := d.uvarint()
	if d.err == nil && n > uint64(len(d.data)-d.off) {
		d.truncated()
	}
	if d.err != nil {
		return ""
	}
	s := string(d.data[d.off : d.off+int(n)])
	d.off += int(n)
	return s
}

// Decode reads the native form. A truncated or corrupt file is an error with the byte offset.
func Decode(data []byte) (*Trace, error) {
	if len(data) < len(magic) || string(data[:len(magic)]) != magic {
		return nil, &FormatError{0, "this is not a TensorOS trace (make one with --trace FILE)"}
	}
	d := &decoder{data: data, off: len(magic)}
	t := &Trace{}
	n := d.uvarint()
	for i := uint64(0); i < n && d.err == nil; i++ {
		t.Points = append(t.Points, d.point())
	}
	for d.err == nil && d.item(t) {
	}
	if d.err != nil {
		return nil, d.err
	}
	return t, nil
}

func (d *decoder) point() Point {
	p := Point{Name: d.string(), Shape: Shape(d.byte())}
	if p.Shape > Level {
		d.fail("unknown shape %d of kind %q", p.Shape, p.Name)
	}
	args := int(d.byte())
	for range args {
		p.Args = append(p.Args, Arg{d.string(), Unit(d.byte())})
	}
	p.Doc = d.string()
	return p
}

// item decodes one item and reports whether more may follow.
func (d *decoder) item(t *Trace) bool {
	switch tag := d.byte(); tag {
	case tagTrack:
		t.Tracks = append(t.Tracks, d.string())
	case tagText:
		t.Texts = append(t.Texts, d.string())
	case tagRecord:
		d.record(t)
	case tagEnd:
		d.end(t)
		return false
	default:
		d.fail("unknown item %d", tag)
	}
	return true
}

func (d *decoder) record(t *Trace) {
	kind, track := d.uvarint(), d.uvarint()
	if d.err == nil && kind >= uint64(len(t.Points)) {
		d.fail("unknown kind %d", kind)
	}
	if d.err == nil && track >= uint64(len(t.Tracks)) {
		d.fail("unknown track %d", track)
	}
	if d.err != nil {
		return
	}
	d.last += Time(d.varint())
	r := Record{Kind: int(kind), Track: Track(track), Start: d.last}
	p := &t.Points[kind]
	if p.Shape == Span {
		r.Dur = Time(d.uvarint())
	}
	first := len(d.args)
	for range p.Args {
		d.args = append(d.args, d.uvarint())
	}
	r.Args = d.args[first:len(d.args):len(d.args)]
	if p.Shape == Span {
		d.waits(&r)
	}
	t.Records = append(t.Records, r)
}

func (d *decoder) waits(r *Record) {
	mask := d.byte()
	rest := r.Dur
	for i := Work + 1; i < Reasons; i++ {
		if mask&(1<<i) != 0 {
			r.Waits[i] = Time(d.uvarint())
			rest -= r.Waits[i]
		}
	}
	if rest < 0 || r.Dur < 0 {
		d.fail("the waits of a span exceed its length")
	}
	r.Waits[Work] = rest
}

func (d *decoder) end(t *Trace) {
	n := d.uvarint()
	if d.err != nil {
		return
	}
	if n != uint64(len(t.Records)) {
		d.fail("the file announces %d records and has %d", n, len(t.Records))
		return
	}
	body := d.off
	if len(d.data) < body+4 {
		d.truncated()
		return
	}
	if got := crc32.ChecksumIEEE(d.data[:body]); got != binary.LittleEndian.Uint32(d.data[body:]) {
		d.fail("the checksum does not match: the file is corrupt")
		return
	}
	if len(d.data) > body+4 {
		d.fail("%d bytes follow the end of the trace", len(d.data)-body-4)
	}
}
