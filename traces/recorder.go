package traces

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// Track is a place in the machine, named by a path such as board0/pcie/rp0/nvme0/sq1.
type Track uint32

// Recorder appends records in the native binary form. A nil Recorder records nothing, at the cost
// of one branch. It is for one goroutine.
type Recorder struct {
	buf     []byte
	last    Time
	records uint64
	tracks  map[string]Track
	texts   map[string]uint64
}

// Native form: magic, the kinds in use by the writer, then items, each led by a tag.
const (
	magic = "TOSTRACE1\n"

	tagTrack  = 1 // path
	tagText   = 2 // string
	tagRecord = 3
	tagEnd    = 4 // number of records, CRC-32 (IEEE) of all before the CRC
)

// NewRecorder starts an empty trace.
func NewRecorder() *Recorder {
	r := &Recorder{tracks: map[string]Track{}, texts: map[string]uint64{}}
	r.buf = append(r.buf, magic...)
	r.buf = binary.AppendUvarint(r.buf, uint64(Kinds))
	for k := range points {
		r.appendPoint(&points[k])
	}
	return r
}

func (r *Recorder) appendPoint(p *Point) {
	r.appendString(p.Name)
	r.buf = append(r.buf, byte(p.Shape), byte(len(p.Args)))
	for _, a := range p.Args {
		r.appendString(a.Name)
		r.buf = append(r.buf, byte(a.Unit))
	}
	r.appendString(p.Doc)
}

func (r *Recorder) appendString(s string) {
	r.buf = binary.AppendUvarint(r.buf, uint64(len(s)))
	r.buf = append(r.buf, s...)
}

// Track names a place; the same path gives the same track.
func (r *Recorder) Track(path string) Track {
	if r == nil {
		return 0
	}
	t, ok := r.tracks[path]
	if !ok {
		t = Track(len(r.tracks))
		r.tracks[path] = t
		r.buf = append(r.buf, tagTrack)
		r.appendString(path)
	}
	return t
}

// Text interns a string for use as a Text argument.
func (r *Recorder) Text(s string) uint64 {
	if r == nil {
		return 0
	}
	n, ok := r.texts[s]
	if !ok {
		n = uint64(len(r.texts))
		r.texts[s] = n
		r.buf = append(r.buf, tagText)
		r.appendString(s)
	}
	return n
}

// Span records that k lasted from start to end on a track. waits may be nil; what it leaves over
// is Work. Preconditions: start <= end, the waits fit, as many args as the kind has.
func (r *Recorder) Span(k Kind, t Track, start, end Time, waits *Waits, args ...uint64) {
	if r == nil {
		return
	}
	if end < start {
		panic(fmt.Sprintf("traces: %v ends at %v, before its start %v", k, end, start))
	}
	r.head(k, Span, t, start, len(args))
	r.buf = binary.AppendUvarint(r.buf, uint64(end-start))
	r.args(args)
	r.waits(k, end-start, waits)
}

// Mark records that k happened.
func (r *Recorder) Mark(k Kind, t Track, at Time, args ...uint64) {
	if r == nil {
		return
	}
	r.head(k, Mark, t, at, len(args))
	r.args(args)
}

// Level records that k has this value from now on.
func (r *Recorder) Level(k Kind, t Track, at Time, value uint64) {
	if r == nil {
		return
	}
	r.head(k, Level, t, at, 1)
	r.buf = binary.AppendUvarint(r.buf, value)
}

func (r *Recorder) head(k Kind, s Shape, t Track, at Time, args int) {
	p := &points[k]
	if p.Shape != s || len(p.Args) != args {
		panic(fmt.Sprintf("traces: %s is a %v of %d arguments, recorded as a %v of %d",
			p.Name, p.Shape, len(p.Args), s, args))
	}
	r.buf = append(r.buf, tagRecord)
	r.buf = binary.AppendUvarint(r.buf, uint64(k))
	r.buf = binary.AppendUvarint(r.buf, uint64(t))
	r.buf = binary.AppendVarint(r.buf, int64(at-r.last))
	r.last = at
	r.records++
}

func (r *Recorder) args(args []uint64) {
	for _, a := range args {
		r.buf = binary.AppendUvarint(r.buf, a)
	}
}

// waits are written as a mask of reasons and their lengths; Work is implied.
func (r *Recorder) waits(k Kind, d Time, w *Waits) {
	if w == nil {
		r.buf = append(r.buf, 0)
		return
	}
	var mask byte
	rest := d
	for i := Work + 1; i < Reasons; i++ {
		if w[i] != 0 {
			mask |= 1 << i
			rest -= w[i]
		}
	}
	if rest < 0 {
		panic(fmt.Sprintf("traces: the waits of %v exceed its length %v: %v", k, d, *w))
	}
	r.buf = append(r.buf, mask)
	for i := Work + 1; i < Reasons; i++ {
		if w[i] != 0 {
			r.buf = binary.AppendUvarint(r.buf, uint64(w[i]))
		}
	}
}

// Records is how many records there are.
func (r *Recorder) Records() uint64 {
	if r == nil {
		return 0
	}
	return r.records
}

// Bytes is the whole trace in the native form. The recorder may go on afterwards.
func (r *Recorder) Bytes() []byte {
	out := make([]byte, len(r.buf), len(r.buf)+16)
	copy(out, r.buf)
	out = append(out, tagEnd)
	out = binary.AppendUvarint(out, r.records)
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// WriteTo writes the native form.
func (r *Recorder) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.Bytes())
	return int64(n), err
}
