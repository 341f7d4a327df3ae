package tap

import (
	"fmt"

	"tensoros/hw"
	"tensoros/traces"
)

// Recorder is a sink that writes crossings to a trace: reads, writes, bursts, sleep and interrupts,
// on a track PREFIX/cpuN for each processor (PREFIX/host for what none did). Times are the
// processor's clock, so whole nanoseconds. On a machine whose clock costs something to read, the
// trace shows that.
func Recorder(rec *traces.Recorder, prefix string) Sink {
	return &recorder{rec: rec, prefix: prefix, tracks: map[int]traces.Track{}}
}

type recorder struct {
	rec    *traces.Recorder
	prefix string
	tracks map[int]traces.Track
}

func (r *recorder) track(cpu int) traces.Track {
	t, ok := r.tracks[cpu]
	if !ok {
		name := "host"
		if cpu >= 0 {
			name = fmt.Sprintf("cpu%d", cpu)
		}
		if r.prefix != "" {
			name = r.prefix + "/" + name
		}
		t = r.rec.Track(name)
		r.tracks[cpu] = t
	}
	return t
}

func moment(t hw.Time) traces.Time { return traces.Time(t) * traces.Nanosecond }

func (r *recorder) Crossing(e *Entry) {
	from, to := moment(e.From), moment(max(e.From, e.To))
	at := uint64(e.Bus) + uint64(e.Off)
	switch e.Op {
	case Read:
		r.rec.Span(traces.CPURead, r.track(e.CPU), from, to, nil, at, uint64(e.Size), e.Value)
	case Write:
		r.rec.Mark(traces.CPUWrite, r.track(e.CPU), from, at, uint64(e.Size), e.Value)
	case Copy:
		r.rec.Span(traces.CPUCopy, r.track(e.CPU), from, to, nil, at, uint64(e.Size))
	case Idle:
		r.rec.Span(traces.CPUIdle, r.track(e.CPU), from, to, nil)
	case Pending:
		for _, i := range e.IRQs {
			r.rec.Mark(traces.CPUInterrupt, r.track(e.CPU), to, uint64(i.Vector))
		}
	}
}
