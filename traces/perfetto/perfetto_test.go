package perfetto

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"tensoros/internal/golden"
	"tensoros/traces"
)

// schema restates the published field numbers, apart from those of the writer: a second witness.
const schema = `syntax = "proto2";
package p;
message Trace { repeated TracePacket packet = 1; }
message TracePacket {
  optional uint64 timestamp = 8;
  optional uint32 trusted_packet_sequence_id = 10;
  optional TrackEvent track_event = 11;
  optional InternedData interned_data = 12;
  optional uint32 sequence_flags = 13;
  optional TrackDescriptor track_descriptor = 60;
  optional bool first_packet_on_sequence = 87;
  optional TraceAttributes trace_attributes = 126;
}
message TrackDescriptor {
  optional uint64 uuid = 1;
  optional string name = 2;
  optional uint64 parent_uuid = 5;
  optional CounterDescriptor counter = 8;
  enum ChildTracksOrdering { UNKNOWN = 0; LEXICOGRAPHIC = 1; CHRONOLOGICAL = 2; EXPLICIT = 3; }
  optional ChildTracksOrdering child_ordering = 11;
  optional int32 sibling_order_rank = 12;
  optional string description = 14;
}
message CounterDescriptor {
  enum Unit { UNSPECIFIED = 0; TIME_NS = 1; COUNT = 2; SIZE_BYTES = 3; }
  optional Unit unit = 3;
}
message TrackEvent {
  repeated uint64 category_iids = 3;
  repeated DebugAnnotation debug_annotations = 4;
  enum Type { NONE = 0; SLICE_BEGIN = 1; SLICE_END = 2; INSTANT = 3; COUNTER = 4; }
  optional Type type = 9;
  optional uint64 name_iid = 10;
  optional uint64 track_uuid = 11;
  optional int64 counter_value = 30;
}
message DebugAnnotation {
  optional uint64 name_iid = 1;
  optional uint64 uint_value = 3;
  optional string string_value = 6;
  optional uint64 pointer_value = 7;
}
message Interned { optional uint64 iid = 1; optional string name = 2; }
message InternedData {
  repeated Interned event_categories = 1;
  repeated Interned event_names = 2;
  repeated Interned debug_annotation_names = 3;
}
message TraceAttributes { repeated Attribute attribute = 1; }
message Attribute { optional string key = 1; optional string string_value = 3; }
`

func read(t testing.TB, data []byte) protoreflect.Message {
	t.Helper()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"p.proto": schema})}}
	files, err := c.Compile(context.Background(), "p.proto")
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(files[0].Messages().ByName("Trace"))
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func sample(t testing.TB) *traces.Trace {
	r := traces.NewRecorder()
	cpu, link := r.Track("cpu0"), r.Track("rc/gpu0/up")
	r.Span(traces.KernelBoot, cpu, 0, 9000, nil, r.Text("enumerate"))
	r.Span(traces.CPURead, cpu, 1234, 2345, nil, 0xfee00000, 4, 7)
	r.Span(traces.CPURead, cpu, 8000, 9000, nil, 0xfee00000, 4, 7)
	r.Mark(traces.CPUWrite, cpu, 5000, 0x1000, 4, 1)
	r.Span(traces.PCIeWrite, link, 1000, 5000, &traces.Waits{traces.Link: 100, traces.Credit: 200},
		0xfee00000, 64, 88)
	r.Span(traces.PCIeWrite, link, 2000, 3000, nil, 0, 64, 88) // nests by chance: its own lane
	r.Span(traces.PCIeWrite, link, 3000, 6000, nil, 0, 64, 88)
	r.Span(traces.PCIeWrite, link, 5000, 5000, nil, 0, 64, 88) // no length
	r.Level(traces.GPUTensor, r.Track("rc/gpu0/compute"), 6000, 512)
	tr, err := traces.Decode(r.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// random overlaps spans of all kinds in all ways.
func random(t testing.TB, n int) *traces.Trace {
	rng := rand.New(rand.NewPCG(7, 7))
	r := traces.NewRecorder()
	for range n {
		track := r.Track(fmt.Sprintf("a/b%d/c%d", rng.IntN(2), rng.IntN(3)))
		at := traces.Time(rng.IntN(20000))
		end := at + traces.Time(rng.IntN(6000))
		switch rng.IntN(5) {
		case 0:
			r.Mark(traces.CPUInterrupt, track, at, 3)
		case 1:
			r.Level(traces.GPUTensor, track, at, uint64(rng.IntN(1000)))
		case 2:
			r.Span(traces.KernelBoot, track, at, end, nil, r.Text("stage"))
		case 3:
			r.Span(traces.CPUIdle, track, at, end, nil)
		case 4:
			r.Span(traces.PCIeWrite, track, at, end, nil, 1, 2, 3)
		}
	}
	tr, err := traces.Decode(r.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func write(t testing.TB, tr *traces.Trace, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, tr, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func get(m protoreflect.Message, name string) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

func has(m protoreflect.Message, name string) bool {
	return m.Has(m.Descriptor().Fields().ByName(protoreflect.Name(name)))
}

// noUnknown fails when a message holds a field that the schema lacks.
func noUnknown(t *testing.T, m protoreflect.Message) {
	if len(m.GetUnknown()) > 0 {
		t.Errorf("%s: unknown fields %x", m.Descriptor().Name(), m.GetUnknown())
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				noUnknown(t, v.List().Get(i).Message())
			}
		default:
			noUnknown(t, v.Message())
		}
		return true
	})
}

// reader checks a file as trace_processor would, and collects what it holds.
type reader struct {
	t        *testing.T
	interned map[string]map[uint64]string
	tracks   map[uint64]string
	open     map[uint64][]uint64 // ends in ps of the open slices of a track
	last     uint64
	count    map[string]int
	lines    []string
}

func newReader(t *testing.T) *reader {
	return &reader{t: t, interned: map[string]map[uint64]string{}, tracks: map[uint64]string{0: ""},
		open: map[uint64][]uint64{}, count: map[string]int{}}
}

func (r *reader) packet(m protoreflect.Message) {
	if has(m, "track_descriptor") {
		d := get(m, "track_descriptor").Message()
		parent, ok := r.tracks[get(d, "parent_uuid").Uint()]
		if _, twice := r.tracks[get(d, "uuid").Uint()]; !ok || twice {
			r.t.Errorf("track %v: parent unknown, or there twice", d)
		}
		r.tracks[get(d, "uuid").Uint()] = parent + "/" + get(d, "name").String()
	}
	if has(m, "interned_data") {
		get(m, "interned_data").Message().Range(r.intern)
	}
	if has(m, "track_event") {
		at := get(m, "timestamp").Uint()
		if at < r.last {
			r.t.Errorf("time goes back from %d to %d", r.last, at)
		}
		r.last = at
		r.event(at, get(m, "track_event").Message())
	}
}

func (r *reader) intern(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	kind := string(f.Name())
	if r.interned[kind] == nil {
		r.interned[kind] = map[uint64]string{}
	}
	for i := range v.List().Len() {
		e := v.List().Get(i).Message()
		r.interned[kind][get(e, "iid").Uint()] = get(e, "name").String()
	}
	return true
}

func (r *reader) name(kind string, id uint64) string {
	s, ok := r.interned[kind][id]
	if !ok {
		r.t.Errorf("%s %d is used before it is interned", kind, id)
	}
	return s
}

func (r *reader) event(at uint64, e protoreflect.Message) {
	track := get(e, "track_uuid").Uint()
	path, ok := r.tracks[track]
	if !ok {
		r.t.Errorf("event on unknown track %d", track)
	}
	typ := string(e.Descriptor().Fields().ByName("type").Enum().Values().
		ByNumber(get(e, "type").Enum()).Name())
	r.count[typ]++
	line := fmt.Sprintf("%d %s %s", at, path, typ)
	if ids := get(e, "category_iids").List(); ids.Len() > 0 {
		line += " " + r.name("event_categories", ids.Get(0).Uint())
		line += " " + r.name("event_names", get(e, "name_iid").Uint())
	}
	notes := map[string]uint64{}
	for i := range get(e, "debug_annotations").List().Len() {
		a := get(e, "debug_annotations").List().Get(i).Message()
		key := r.name("debug_annotation_names", get(a, "name_iid").Uint())
		notes[key] = get(a, "uint_value").Uint()
		line += " " + key + "=" + value(a)
	}
	switch typ {
	case "SLICE_BEGIN":
		end := notes["ts_ps"] + notes["dur_ps"]
		if open := r.open[track]; len(open) > 0 && open[len(open)-1] < end {
			r.t.Errorf("%s: ends at %d ps, its parent at %d", line, end, open[len(open)-1])
		}
		r.open[track] = append(r.open[track], end)
	case "SLICE_END":
		open := r.open[track]
		if len(open) == 0 || open[len(open)-1]/1000 != at && open[len(open)-1] != at {
			r.t.Fatalf("%s: open slices end at %v ps", line, open)
		}
		r.open[track] = open[:len(open)-1]
	case "COUNTER":
		line += fmt.Sprintf(" %d", get(e, "counter_value").Int())
	}
	r.lines = append(r.lines, line)
}

func value(a protoreflect.Message) string {
	switch {
	case has(a, "string_value"):
		return fmt.Sprintf("%q", get(a, "string_value").String())
	case has(a, "pointer_value"):
		return fmt.Sprintf("%#x", get(a, "pointer_value").Uint())
	}
	return fmt.Sprint(get(a, "uint_value").Uint())
}

func readBack(t *testing.T, data []byte) *reader {
	t.Helper()
	m := read(t, data)
	noUnknown(t, m)
	r := newReader(t)
	packets := get(m, "packet").List()
	for i := range packets.Len() {
		p := packets.Get(i).Message()
		if has(p, "first_packet_on_sequence") != (i == 0) || !has(p, "sequence_flags") {
			t.Errorf("packet %d: wrong sequence state", i)
		}
		r.packet(p)
	}
	for track, open := range r.open {
		if len(open) > 0 {
			t.Errorf("%s: %d slices never end", r.tracks[track], len(open))
		}
	}
	return r
}

func counts(tr *traces.Trace) (n [3]int) {
	for i := range tr.Records {
		n[tr.Points[tr.Records[i].Kind].Shape]++
	}
	return n
}

func TestEveryRecordIsThereAndSlicesNest(t *testing.T) {
	for name, tr := range map[string]*traces.Trace{"sample": sample(t), "random": random(t, 3000)} {
		for _, unit := range []Time{Nanoseconds, PsAsNs} {
			r := readBack(t, write(t, tr, Options{unit}))
			n := counts(tr)
			if r.count["SLICE_BEGIN"] != n[traces.Span] || r.count["SLICE_END"] != n[traces.Span] ||
				r.count["INSTANT"] != n[traces.Mark] || r.count["COUNTER"] != n[traces.Level] {
				t.Errorf("%s %v: %v, want %v", name, unit, r.count, n)
			}
		}
	}
}

func TestGolden(t *testing.T) {
	for _, unit := range []Time{Nanoseconds, PsAsNs} {
		data := write(t, sample(t), Options{unit})
		golden.Check(t, "testdata/sample."+unit.String()+".hex", []byte(hex.Dump(data)))
		text := strings.Join(readBack(t, data).lines, "\n") + "\n"
		golden.Check(t, "testdata/sample."+unit.String()+".txt", []byte(text))
	}
}

func TestPsAsNsSaysSoOnTheRoots(t *testing.T) {
	r := readBack(t, write(t, sample(t), Options{PsAsNs}))
	for id, path := range r.tracks {
		if id != 0 && !strings.Contains(path, "(1 ns shown = 1 ps)") {
			t.Errorf("track %s does not say what its time is", path)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, want := range []Time{Nanoseconds, PsAsNs} {
		if got, err := ParseTime(want.String()); err != nil || got != want {
			t.Errorf("%v: %v, %v", want, got, err)
		}
	}
	if _, err := ParseTime("us"); err == nil {
		t.Error("us is taken")
	}
}

func TestATimeBeforePowerOnIsAnError(t *testing.T) {
	tr := sample(t)
	tr.Records[2].Start = -5
	if err := Write(&bytes.Buffer{}, tr, Options{}); err == nil {
		t.Error("a negative time is taken")
	}
}

// TestProtoc is an optional lane: another reader of the wire form, if it is there.
func TestProtoc(t *testing.T) {
	protoc := os.Getenv("TENSOROS_PROTOC")
	if protoc == "" {
		path, err := exec.LookPath("protoc")
		if err != nil {
			t.Skip("no protoc: set TENSOROS_PROTOC, or conformance/peers/protoc/get.sh fetches it")
		}
		protoc = path
	}
	cmd := exec.Command(protoc, "--decode_raw")
	cmd.Stdin = bytes.NewReader(write(t, random(t, 500), Options{}))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %.500s", err, out)
	}
}

func BenchmarkWrite(b *testing.B) {
	rec := traces.NewRecorder()
	link, w := rec.Track("rc/gpu0/up"), &traces.Waits{traces.Link: 100}
	for i := range 100_000 {
		at := traces.Time(i) * 1000
		rec.Span(traces.PCIeWrite, link, at, at+3500, w, 0xfee00000, 64, 88)
	}
	tr, err := traces.Decode(rec.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if err := Write(&out, tr, Options{}); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}
