package perfetto

import (
	"bufio"
	"fmt"
	"io"

	"tensoros/traces"
)

// Time is what a unit of Perfetto's clock stands for. Its files count whole nanoseconds.
type Time uint8

// Times.
const (
	Nanoseconds Time = iota // rounded down; exact values are in the arguments
	PsAsNs                  // a picosecond is shown as a nanosecond: every label reads 1000 times
)

var timeNames = [...]string{"ns", "ps-as-ns"}

func (t Time) String() string { return timeNames[t] }

// ParseTime reads the value of --perfetto-time.
func ParseTime(s string) (Time, error) {
	for i, name := range timeNames {
		if s == name {
			return Time(i), nil
		}
	}
	return 0, fmt.Errorf("perfetto time %q: write ns or ps-as-ns", s)
}

// Options of Write.
type Options struct {
	Time Time
}

// sequence is the id of our one packet sequence; any but 0.
const sequence = 1

type writer struct {
	out      *bufio.Writer
	trace    *traces.Trace
	tree     *tree
	scale    traces.Time // picoseconds a unit of the file's clock
	names    interner
	cats     interner
	notes    interner
	started  bool
	labels   [traces.Reasons]string
	pkt, evt pb
	note     pb
	fresh    pb // interned data of the packet under way
	head     [20]byte
	err      error
}

// interner numbers strings from 1, in the order of first use.
type interner struct {
	field int
	ids   map[string]uint64
}

// Write writes a trace. The same trace gives the same bytes.
func Write(w io.Writer, t *traces.Trace, o Options) error {
	for i := range t.Records {
		if t.Records[i].Start < 0 {
			return fmt.Errorf("perfetto: record %d starts at %d ps, before power-on", i,
				t.Records[i].Start)
		}
	}
	x := &writer{out: bufio.NewWriterSize(w, 1<<16), trace: t, tree: newTree(t),
		scale: traces.Nanosecond,
		names: interner{internedNames, map[string]uint64{}},
		cats:  interner{internedCategories, map[string]uint64{}},
		notes: interner{internedNotes, map[string]uint64{}}}
	suffix := ""
	if o.Time == PsAsNs {
		x.scale, suffix = traces.Picosecond, " (1 ns shown = 1 ps)"
	}
	for r := range traces.Reasons {
		x.labels[r] = traces.Reason(r).String() + "_ps"
	}
	events := x.tree.events(t)
	x.attributes(o)
	for i := range x.tree.nodes {
		x.evt.reset()
		x.tree.descriptor(&x.evt, i, suffix)
		x.pkt.message(packetTrack, &x.evt)
		x.packet()
	}
	for _, e := range events {
		x.event(e)
	}
	if x.err != nil {
		return x.err
	}
	return x.out.Flush()
}

// packet ends the packet under way.
func (x *writer) packet() {
	x.pkt.uint(packetSequence, sequence)
	if x.started {
		x.pkt.uint(packetFlags, flagNeeds)
	} else {
		x.pkt.uint(packetFlags, flagCleared|flagNeeds)
		x.pkt.uint(packetFirst, 1)
		x.started = true
	}
	if len(x.fresh.b) > 0 {
		x.pkt.message(packetInterned, &x.fresh)
		x.fresh.reset()
	}
	h := pb{x.head[:0]}
	h.tag(tracePacket, 2)
	h.b = appendLen(h.b, len(x.pkt.b))
	x.write(h.b)
	x.write(x.pkt.b)
	x.pkt.reset()
}

func appendLen(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func (x *writer) write(p []byte) {
	if _, err := x.out.Write(p); err != nil && x.err == nil {
		x.err = err
	}
}

func (x *writer) attributes(o Options) {
	var all pb
	put := func(key, value string) {
		var a pb
		a.text(attributeKey, key)
		a.text(attributeString, value)
		all.message(attribute, &a)
	}
	put("writer", "TensorOS")
	put("time", o.Time.String())
	if o.Time == PsAsNs {
		put("note", "one nanosecond shown is one picosecond of simulated time")
	}
	x.pkt.message(packetAttributes, &all)
	x.packet()
}

func (x *writer) event(e event) {
	r := &x.trace.Records[e.record]
	p := &x.trace.Points[r.Kind]
	x.evt.reset()
	x.evt.uint(eventType, uint64(e.typ))
	x.evt.uint(eventTrack, uint64(e.lane)+1)
	switch e.typ {
	case typeEnd:
	case typeCounter:
		x.evt.uint(eventCounter, r.Args[0])
	default:
		x.evt.uint(eventCategories, x.intern(&x.cats, p.Name))
		x.evt.uint(eventName, x.intern(&x.names, x.title(p, r)))
		x.annotate(p, r)
	}
	x.pkt.uint(packetTimestamp, uint64(e.at/x.scale))
	x.pkt.message(packetEvent, &x.evt)
	x.packet()
}

// title is what a slice is called: its first text, as in the name of a kernel, else its kind.
func (x *writer) title(p *traces.Point, r *traces.Record) string {
	for i, a := range p.Args {
		if s, ok := x.textOf(a, r.Args[i]); ok {
			return s
		}
	}
	return p.Name
}

func (x *writer) textOf(a traces.Arg, v uint64) (string, bool) {
	if a.Unit != traces.Text || v >= uint64(len(x.trace.Texts)) {
		return "", false
	}
	return x.trace.Texts[v], true
}

func (x *writer) annotate(p *traces.Point, r *traces.Record) {
	for i, a := range p.Args {
		x.note.reset()
		x.note.uint(noteName, x.intern(&x.notes, a.Name))
		if s, ok := x.textOf(a, r.Args[i]); ok {
			x.note.text(noteString, s)
		} else if a.Unit == traces.Address {
			x.note.uint(notePointer, r.Args[i])
		} else {
			x.note.uint(noteUint, r.Args[i])
		}
		x.evt.message(eventNotes, &x.note)
	}
	x.number("ts_ps", uint64(r.Start))
	if p.Shape != traces.Span {
		return
	}
	x.number("dur_ps", uint64(r.Dur))
	for reason, d := range r.Waits {
		if d != 0 {
			x.number(x.labels[reason], uint64(d))
		}
	}
}

func (x *writer) number(name string, v uint64) {
	x.note.reset()
	x.note.uint(noteName, x.intern(&x.notes, name))
	x.note.uint(noteUint, v)
	x.evt.message(eventNotes, &x.note)
}

func (x *writer) intern(in *interner, s string) uint64 {
	id, ok := in.ids[s]
	if !ok {
		id = uint64(len(in.ids)) + 1
		in.ids[s] = id
		var m pb
		m.uint(internedID, id)
		m.text(internedText, s)
		x.fresh.message(in.field, &m)
	}
	return id
}
