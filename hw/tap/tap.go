package tap

import (
	"bytes"

	"tensoros/hw"
)

// Sink is told about crossings. e and what it points at are only valid during the call.
type Sink interface {
	Crossing(e *Entry)
}

// Machine is a wrapped hw.Machine.
type Machine struct {
	inner    hw.Machine
	sinks    []Sink
	current  *cpu // nil outside of the processors
	memories []*memory
	watch    bool // DMA is looked for
}

// New wraps m. Changes of DMA memory are only looked for if one of the sinks is a Log: that costs a
// comparison of all of it at each crossing.
func New(m hw.Machine, sinks ...Sink) *Machine {
	t := &Machine{inner: m, sinks: sinks}
	for _, s := range sinks {
		if l, ok := s.(*Log); ok {
			l.CPUs = m.CPUs()
			t.watch = true
		}
	}
	return t
}

// cross runs a crossing on behalf of the processor that is running, and reports it.
func (t *Machine) cross(e *Entry, do func(e *Entry)) {
	c := t.current
	e.CPU = -1
	if c != nil {
		e.CPU = c.inner.ID()
		e.From = c.inner.Now()
	}
	do(e)
	t.current = c // others may have run meanwhile
	e.To = e.From
	if c != nil {
		e.To = c.inner.Now()
	}
	t.tell(e)
	if t.watch {
		t.changes(e.CPU, e.To)
	}
}

func (t *Machine) tell(e *Entry) {
	for _, s := range t.sinks {
		s.Crossing(e)
	}
}

// block is the grain in which changes of DMA memory are looked for.
const block = 4096

// changes reports what has changed in DMA memory, at most one stretch a block. The guest's own
// plain stores are among it; they do no harm.
func (t *Machine) changes(cpu int, now hw.Time) {
	for i, m := range t.memories {
		if m == nil {
			continue
		}
		data := m.inner.Bytes()
		for at := 0; at < len(data); at += block {
			end := min(at+block, len(data))
			was, is := m.seen[at:end], data[at:end]
			if bytes.Equal(was, is) {
				continue
			}
			first, last := 0, len(is)
			for was[first] == is[first] {
				first++
			}
			for was[last-1] == is[last-1] {
				last--
			}
			t.tell(&Entry{Op: DMA, CPU: cpu, Place: i, Off: at + first, Size: last - first,
				Data: is[first:last], From: now, To: now})
			copy(was, is)
		}
	}
}

// CPUs is the number of processors.
func (t *Machine) CPUs() int { return t.inner.CPUs() }

// Start runs body on a processor.
func (t *Machine) Start(id int, body func(hw.CPU)) {
	t.cross(&Entry{Op: Start, Value: uint64(id)}, func(*Entry) {
		t.inner.Start(id, func(inner hw.CPU) {
			c := &cpu{t, inner}
			t.current = c
			t.cross(&Entry{Op: Begin}, func(*Entry) {})
			defer func() { t.current = nil }()
			body(c)
			t.cross(&Entry{Op: End}, func(*Entry) {})
		})
	})
}

// Functions lists the PCI functions.
func (t *Machine) Functions() (list []hw.Address) {
	t.cross(&Entry{Op: Functions}, func(e *Entry) {
		list = t.inner.Functions()
		e.Funcs = list
	})
	return list
}

// Open opens a function.
func (t *Machine) Open(a hw.Address) (f hw.Function, err error) {
	t.cross(&Entry{Op: Open, Addr: a}, func(e *Entry) {
		f, err = t.inner.Open(a)
		e.Err = err
	})
	if err != nil {
		return nil, err
	}
	return &function{t, f, a}, nil
}

type function struct {
	tap   *Machine
	inner hw.Function
	addr  hw.Address
}

func (f *function) window(op Op, n int, w hw.Window) hw.Window {
	f.tap.cross(&Entry{Op: op, Addr: f.addr, Place: n}, func(e *Entry) {
		e.Size, e.Bus, e.Value = w.Len(), w.Bus(), uint64(w.Bus())
	})
	return &window{f.tap, w, f.addr, n}
}

func (f *function) Config() hw.Window { return f.window(Config, configSpace, f.inner.Config()) }

func (f *function) BAR(n int) (hw.Window, error) {
	w, err := f.inner.BAR(n)
	if err != nil {
		f.tap.cross(&Entry{Op: BAR, Addr: f.addr, Place: n}, func(e *Entry) { e.Err = err })
		return nil, err
	}
	return f.window(BAR, n, w), nil
}

func (f *function) Memory(size int) (hw.Memory, error) {
	t := f.tap
	m := &memory{tap: t, id: len(t.memories)}
	t.memories = append(t.memories, nil)
	var err error
	t.cross(&Entry{Op: Memory, Addr: f.addr, Place: m.id, Size: size}, func(e *Entry) {
		if m.inner, err = f.inner.Memory(size); err != nil {
			e.Err = err
			return
		}
		e.Bus, e.Value = m.inner.Bus(), uint64(m.inner.Bus())
	})
	if err != nil {
		return nil, err
	}
	if t.watch {
		m.seen = make([]byte, m.inner.Len())
		t.memories[m.id] = m
	}
	return m, nil
}

// call is a crossing that only gives an error.
func (f *function) call(e *Entry, do func() error) error {
	e.Addr = f.addr
	f.tap.cross(e, func(e *Entry) { e.Err = do() })
	return e.Err
}

func (f *function) Route(vector, cpu int) error {
	return f.call(&Entry{Op: Route, Place: vector, Off: cpu},
		func() error { return f.inner.Route(vector, cpu) })
}

func (f *function) Reset() error { return f.call(&Entry{Op: Reset}, f.inner.Reset) }
func (f *function) Err() error   { return f.call(&Entry{Op: Err}, f.inner.Err) }
func (f *function) Close() error { return f.call(&Entry{Op: Close}, f.inner.Close) }

var _ hw.Machine = (*Machine)(nil)
