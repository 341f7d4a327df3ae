package nvme_test

import (
	"encoding/binary"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"tensoros/conformance"
	"tensoros/conformance/nvme"
	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// lie is a way for a controller to be wrong. It stands between the suite and a right one.
type lie struct {
	name  string
	early bool // also while the suite finds out what the controller is
	// read changes what a register reads as; write changes what is written, false drops it.
	read  func(l *liar, off int, v uint64) uint64
	write func(l *liar, off int, v uint64) (uint64, bool)
	// sent changes a command before the controller sees it; done changes its completion and, with
	// memory at hand, its data.
	sent func(admin bool, c *spec.Command)
	done func(l *liar, admin bool, c *spec.Command, e *spec.Completion)
	irq  func(v int) int // what vector it is said to be; -1: none
	// config changes what configuration space reads as.
	config func(off int, v uint32) uint32
	drive  string // its profile; "": the one with most features
	// fails are cases that have to find it out.
	fails string
}

// liar is a machine whose drive lies.
type liar struct {
	hw.Machine
	lie    *lie
	starts int // of the controller
	bar    hw.Window
	mem    hw.Memory
	sqs    map[int]*lyingQueue
	cqs    map[int]*lyingQueue
	sent   map[uint32]spec.Command
	told   int // reads of CSTS that said what was waited for, since CC was written
}

type lyingQueue struct {
	at         uint64
	size, next int
	phase      bool
}

func (l *liar) on() bool { return l.lie.early || l.starts > 1 }

func (l *liar) Open(a hw.Address) (hw.Function, error) {
	fn, err := l.Machine.Open(a)
	return &lyingFunction{fn, l}, err
}

// at is memory at a bus address, from there to its end; nil if it is not the suite's.
func (l *liar) at(bus uint64) []byte {
	off := bus - uint64(l.mem.Bus())
	if off >= uint64(l.mem.Len()) {
		return nil
	}
	return l.mem.Bytes()[off:]
}

type lyingFunction struct {
	hw.Function
	l *liar
}

func (f *lyingFunction) Config() hw.Window { return &lyingConfig{f.Function.Config(), f.l} }

type lyingConfig struct {
	hw.Window
	l *liar
}

func (w *lyingConfig) Read32(off int) uint32 {
	v := w.Window.Read32(off)
	if w.l.on() && w.l.lie.config != nil {
		return w.l.lie.config(off, v)
	}
	return v
}

func (f *lyingFunction) BAR(n int) (hw.Window, error) {
	w, err := f.Function.BAR(n)
	if n == 0 {
		f.l.bar = w
		w = &lyingWindow{w, f.l}
	}
	return w, err
}

func (f *lyingFunction) Memory(n int) (hw.Memory, error) {
	m, err := f.Function.Memory(n)
	f.l.mem = m
	return &lyingMemory{m, f.l}, err
}

type lyingWindow struct {
	hw.Window
	l *liar
}

func (w *lyingWindow) told(off int, v uint64) uint64 {
	if w.l.on() && w.l.lie.read != nil {
		return w.l.lie.read(w.l, off, v)
	}
	return v
}

func (w *lyingWindow) Read32(off int) uint32 {
	return uint32(w.told(off, uint64(w.Window.Read32(off))))
}

func (w *lyingWindow) Read64(off int) uint64 {
	return w.told(off, w.Window.Read64(off))
}

func (w *lyingWindow) Write32(off int, v uint32) {
	l := w.l
	if off == spec.CC {
		l.told = 0
	}
	if off == spec.CC && v&1 == 1 {
		l.start()
	}
	if off >= spec.Doorbells && (off-spec.Doorbells)%8 == 0 {
		l.rung((off-spec.Doorbells)/8, int(v))
	}
	if l.on() && l.lie.write != nil {
		n, ok := l.lie.write(l, off, uint64(v))
		if !ok {
			return
		}
		v = uint32(n)
	}
	w.Window.Write32(off, v)
}

// start follows the admin queues of a controller that is enabled.
func (l *liar) start() {
	l.starts++
	aqa := uint64(l.bar.Read32(spec.AQA))
	l.sent = map[uint32]spec.Command{}
	l.sqs = map[int]*lyingQueue{0: {at: l.bar.Read64(spec.ASQ),
		size: int(spec.AQASQS.Get(aqa)) + 1}}
	l.cqs = map[int]*lyingQueue{0: {at: l.bar.Read64(spec.ACQ),
		size: int(spec.AQACQS.Get(aqa)) + 1, phase: true}}
}

// rung looks at what was submitted.
func (l *liar) rung(id, tail int) {
	q := l.sqs[id]
	if q == nil || tail >= q.size {
		return
	}
	for ; q.next != tail; q.next = (q.next + 1) % q.size {
		p := l.at(q.at + uint64(q.next)*spec.SQELen)
		c := spec.DecodeCommand(p)
		l.sent[uint32(id)<<16|uint32(c.CID)] = c
		made := &lyingQueue{at: c.PRP1, size: int(c.CDW10>>16) + 1, phase: true}
		switch {
		case id != 0:
		case c.Opcode == spec.CreateSQ && l.sqs[int(c.CDW10&0xffff)] == nil:
			l.sqs[int(c.CDW10&0xffff)] = made
		case c.Opcode == spec.CreateCQ && l.cqs[int(c.CDW10&0xffff)] == nil:
			l.cqs[int(c.CDW10&0xffff)] = made
		}
		if l.on() && l.lie.sent != nil {
			l.lie.sent(id == 0, &c)
			c.Encode(p)
		}
	}
}

type lyingMemory struct {
	hw.Memory
	l *liar
}

func (m *lyingMemory) Load32(off int) uint32 {
	l, bus := m.l, uint64(m.Bus())+uint64(off)
	for _, q := range l.cqs {
		if bus != q.at+uint64(q.next)*spec.CQELen+spec.CQEStatusAt {
			continue
		}
		v := m.Memory.Load32(off)
		if v&spec.CQEPhase != 0 != q.phase {
			return v
		}
		if q.next++; q.next == q.size {
			q.next, q.phase = 0, !q.phase
		}
		l.completed(l.at(bus - spec.CQEStatusAt))
	}
	return m.Memory.Load32(off)
}

// completed changes a completion that has just come.
func (l *liar) completed(p []byte) {
	e := spec.DecodeCompletion(p)
	c := l.sent[uint32(e.SQID)<<16|uint32(e.CID)]
	admin := e.SQID == 0
	if e.Status.OK() && admin && c.Opcode == spec.DeleteSQ {
		delete(l.sqs, int(c.CDW10&0xffff))
	}
	if e.Status.OK() && admin && c.Opcode == spec.DeleteCQ {
		delete(l.cqs, int(c.CDW10&0xffff))
	}
	if l.on() && l.lie.done != nil {
		l.lie.done(l, admin, &c, &e)
		e.Encode(p)
	}
}

type lyingCPU struct {
	hw.CPU
	l *liar
}

func (c *lyingCPU) Pending(dst []hw.Interrupt) []hw.Interrupt {
	all := c.CPU.Pending(dst)
	if c.l.lie.irq == nil {
		return all
	}
	out := all[:0]
	for _, i := range all {
		if i.Vector = c.l.lie.irq(i.Vector); i.Vector >= 0 {
			out = append(out, i)
		}
	}
	return out
}

// TestMutants: each wrong controller is found out by the cases that are there for it, and each case
// that runs on the simulator finds out some wrong controller.
func TestMutants(t *testing.T) {
	caught, ran := map[string]bool{}, map[string]bool{}
	only := os.Getenv("CONFORM_MUTANT")
	lies := slices.Concat(lies, adminLies, registerLies)
	for i := range lies {
		if only != "" && lies[i].name != only {
			continue
		}
		failed := mutant(t, &lies[i], ran)
		for name := range failed {
			caught[name] = true
		}
		for want := range strings.FieldsSeq(lies[i].fails) {
			if !failed[want] {
				t.Errorf("%s: %s does not fail", lies[i].name, want)
			}
		}
		if len(failed) == 0 {
			t.Errorf("%s: not found out", lies[i].name)
		}
		if only != "" {
			t.Logf("%s: %v", only, slices.Sorted(maps.Keys(failed)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ran)) {
		if only == "" && !caught[name] {
			t.Errorf("%s fails for no mutant", name)
		}
	}
	t.Logf("%d mutants, %d cases", len(lies), len(ran))
}

// mutant runs the suite against a wrong controller and returns the cases that failed.
func mutant(t *testing.T, l *lie, ran map[string]bool) map[string]bool {
	t.Helper()
	failed := map[string]bool{}
	profile := l.drive
	if profile == "" {
		profile = "970pro"
	}
	simulator(t, profile, func(cpu hw.CPU, m hw.Machine) {
		w := &liar{Machine: m, lie: l}
		r, err := nvme.Run(&lyingCPU{cpu, w}, w, drive(t, m), l.name)
		if err != nil && r == nil {
			t.Errorf("%s: %v", l.name, err)
			return
		}
		for _, c := range r.Results {
			if c.Verdict == conformance.Pass || c.Verdict == conformance.Fail {
				ran[c.Case] = true
			}
			if c.Verdict == conformance.Fail {
				failed[c.Case] = true
			}
		}
	})
	return failed
}

var le = binary.LittleEndian
