package board_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
	"tensoros/hw/tap"
	"tensoros/sim/board"
	"tensoros/traces"
)

const twoGPUs = `
name = "two"
cpus = 2
memory = "1 GiB"
slots = 5
[[switch]]
name = "sw0"
[[gpu]]
chip = "a100"
[[gpu]]
chip = "h100"
switch = "sw0"
`

func newBoard(t *testing.T, rec *traces.Recorder) *board.Board {
	t.Helper()
	spec, err := board.Parse("two.toml", []byte(twoGPUs))
	if err != nil {
		t.Fatal(err)
	}
	b, err := board.New(spec, rec, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func options(b *board.Board) hwtest.Options {
	return hwtest.Options{Drive: b.Run, Remove: b.Remove,
		Live: func() int { n, _ := b.Host.Live(); return n }}
}

func TestBoardIsAMachine(t *testing.T) {
	b := newBoard(t, nil)
	hwtest.Run(t, b, options(b))
	b.Settle()
	if n := b.Fabric.InFlight(); n != 0 {
		t.Errorf("%d packets are in flight after all is quiet", n)
	}
}

// TestPresetsAreMachines holds every board that comes with the program against the door.
func TestPresetsAreMachines(t *testing.T) {
	for _, name := range board.Names() {
		t.Run(name, func(t *testing.T) {
			spec, err := board.Preset(name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := board.New(spec, nil, 0)
			if name == "b200" { // a chip for kernels alone
				if err == nil || !strings.Contains(err.Error(), "ptx run") {
					t.Fatalf("%v; want an error that names ptx run", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			hwtest.Run(t, b, options(b))
		})
	}
}

func record(t *testing.T, sinks ...tap.Sink) *tap.Log {
	b := newBoard(t, nil)
	log := &tap.Log{}
	hwtest.Run(t, tap.New(b, append(sinks, log)...), options(b))
	return log
}

func TestTapIsTransparentAndReplays(t *testing.T) {
	log := record(t)
	if len(log.Entries) < 1000 {
		t.Fatalf("only %d crossings", len(log.Entries))
	}
	p := tap.Replay(log)
	gone := func(hw.Address) error { return nil }
	hwtest.Run(t, p, hwtest.Options{Drive: p.Run, Remove: gone})
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

func TestTwoRecordingsAreEqual(t *testing.T) {
	a, b := record(t), record(t)
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs of one machine cross the door differently")
	}
}

// quiet swallows what the suite says on a machine that diverges.
type quiet struct{ testing.TB }

func (quiet) Helper()               {}
func (quiet) Error(...any)          {}
func (quiet) Errorf(string, ...any) {}

func TestReplayReportsTheFirstDivergence(t *testing.T) {
	whole := record(t)
	at := -1
	for i := range whole.Entries {
		if e := &whole.Entries[i]; e.Op == tap.Write && e.Place < 0 {
			at = i
			break
		}
	}
	cases := map[string]struct {
		change func(l *tap.Log)
		want   string
	}{
		"value":  {func(l *tap.Log) { l.Entries[at].Value ^= 4 }, "write16"},
		"offset": {func(l *tap.Log) { l.Entries[at].Off += 2 }, "config+0x"},
		"op":     {func(l *tap.Log) { l.Entries[at].Op = tap.Read }, "read16"},
		"short":  {func(l *tap.Log) { l.Entries = l.Entries[:at] }, "the log has ended"},
		"long": {func(l *tap.Log) {
			l.Entries = append(l.Entries, tap.Entry{Op: tap.Relax})
			at = len(l.Entries) - 1
		}, "the guest has ended"},
	}
	for name, c := range cases {
		first := at
		l := &tap.Log{CPUs: whole.CPUs, Entries: append([]tap.Entry(nil), whole.Entries...)}
		c.change(l)
		p := tap.Replay(l)
		gone := func(hw.Address) error { return nil }
		hwtest.Run(quiet{t}, p, hwtest.Options{Drive: p.Run, Remove: gone})
		var d *tap.Divergence
		if !errors.As(p.Err(), &d) || d.Index != at || !strings.Contains(d.Error(), c.want) {
			t.Errorf("%s: %v, want one at %d with %q", name, p.Err(), at, c.want)
		}
		at = first
	}
}

// TestTapTracesAsTheBoardDoes compares the tap's own trace with the board's.
func TestTapTracesAsTheBoardDoes(t *testing.T) {
	inner, outer := traces.NewRecorder(), traces.NewRecorder()
	b := newBoard(t, inner)
	o := options(b)
	o.NoReset = true // a reset is one crossing at the tap, and configuration accesses below it
	hwtest.Run(t, tap.New(b, tap.Recorder(outer, "")), o)
	count := func(r *traces.Recorder) map[string]int {
		tr, err := traces.Decode(r.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		for _, rec := range tr.Records {
			if k := tr.Points[rec.Kind].Name; strings.HasPrefix(k, "cpu/") {
				n[k]++
			}
		}
		return n
	}
	want, got := count(inner), count(outer)
	if want["cpu/read"] == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("the tap records %v, the board %v", got, want)
	}
}
