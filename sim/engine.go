package sim

import (
	"errors"
	"fmt"
)

// Handler receives events. Kind and arg are the receiver's own.
type Handler interface {
	Fire(now Time, kind uint32, arg uint64)
}

// event is a node of the slab; next links it into its bucket or into the free list.
type event struct {
	to   Handler
	arg  uint64
	at   Time
	tie  uint64 // order among equals when ties are shuffled
	kind uint32
	next uint32
}

// Engine runs events in the order (time, sequence of scheduling). It is for one goroutine, which
// must not be locked to a thread (golang/go#65889: processes are coroutines).
type Engine struct {
	now     Time
	seq     uint64
	tie     uint64 // xor mask and multiplier seed of ShuffleTies; 0 = first come first served
	queue   radix
	running *Proc
	procs   []*Proc
	closed  bool

	// Fired counts events, Switches coroutine switches.
	Fired, Switches uint64
}

// NewEngine returns an engine at time zero.
func NewEngine() *Engine { return &Engine{} }

// ShuffleTies orders simultaneous events by a hash of the seed instead of by scheduling. A model
// that is right gives the same answers whatever the seed. Call it before scheduling anything.
func (e *Engine) ShuffleTies(seed uint64) { e.tie = seed | 1 }

// Now is the time of the event being run, or the local clock of the process being run.
func (e *Engine) Now() Time {
	if e.running != nil {
		return e.running.now
	}
	return e.now
}

// World is the time of the event being run, whatever the local clock of a process says.
func (e *Engine) World() Time { return e.now }

// NextAt is the time of the earliest event, Forever if there is none.
func (e *Engine) NextAt() Time { return e.queue.next() }

// At schedules an event. Precondition: t is not in the past.
func (e *Engine) At(t Time, to Handler, kind uint32, arg uint64) {
	if t < e.now {
		panic(fmt.Sprintf("sim: event for %T kind %d at %v is in the past of %v",
			to, kind, t, e.now))
	}
	n := e.queue.node()
	v := &e.queue.slab[n]
	v.to, v.arg, v.at, v.kind = to, arg, t, kind
	if e.tie != 0 {
		v.tie = mix(e.seq ^ e.tie)
		e.seq++
		e.queue.pushShuffled(n)
		return
	}
	e.queue.push(n)
}

// Step runs the earliest event and reports whether there was one.
func (e *Engine) Step() bool {
	if e.queue.full == 0 {
		return false
	}
	e.step()
	return true
}

func (e *Engine) step() {
	v := e.queue.pop(e.tie != 0)
	to, arg, at, kind := v.to, v.arg, v.at, v.kind
	v.to = nil
	e.now = at
	e.Fired++
	to.Fire(at, kind, arg)
}

// Run runs events until none is left or the next is later than until.
func (e *Engine) Run(until Time) {
	for e.queue.full != 0 && e.queue.next() <= until {
		e.step()
	}
}

// ErrStuck means that processes wait for events which nobody will send.
var ErrStuck = errors.New("sim: every process waits and no event is due")

// RunUntil runs until done reports true. It fails when the events end before that.
func (e *Engine) RunUntil(done func() bool) error {
	for !done() {
		if !e.Step() {
			return ErrStuck
		}
	}
	return nil
}

// Parked counts the processes that have not ended.
func (e *Engine) Parked() int {
	n := 0
	for _, p := range e.procs {
		if !p.done {
			n++
		}
	}
	return n
}

// Close ends every process, so that no coroutine leaks. The engine must not be used again.
func (e *Engine) Close() {
	if e.closed {
		return
	}
	e.closed = true
	for _, p := range e.procs {
		p.stop()
	}
	e.queue = radix{}
}

// mix is a bijection on 64 bits (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
