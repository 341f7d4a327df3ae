package sim

import (
	"errors"
	"fmt"
)

// Handler receives events. Kind and arg are the receiver's own.
type Handler interface {
	Fire(now Time, kind uint32, arg uint64)
}

type key struct {
	at   Time
	seq  uint64
	slot uint32
}

type event struct {
	to   Handler
	arg  uint64
	kind uint32
}

// Engine runs events in the order (time, sequence of scheduling). It is for one goroutine, which
// must not be locked to a thread (golang/go#65889: processes are coroutines).
type Engine struct {
	now     Time
	seq     uint64
	tie     uint64 // xor mask and multiplier seed of ShuffleTies; 0 = first come first served
	heap    []key
	slab    []event
	free    []uint32
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

// NextAt is the time of the earliest event, Forever if there is none.
func (e *Engine) NextAt() Time {
	if len(e.heap) == 0 {
		return Forever
	}
	return e.heap[0].at
}

// At schedules an event. Precondition: t is not in the past.
func (e *Engine) At(t Time, to Handler, kind uint32, arg uint64) {
	if t < e.now {
		panic(fmt.Sprintf("sim: event for %T kind %d at %v is in the past of %v",
			to, kind, t, e.now))
	}
	var slot uint32
	if n := len(e.free); n > 0 {
		slot, e.free = e.free[n-1], e.free[:n-1]
		e.slab[slot] = event{to, arg, kind}
	} else {
		slot = uint32(len(e.slab))
		e.slab = append(e.slab, event{to, arg, kind})
	}
	seq := e.seq
	e.seq++
	if e.tie != 0 {
		seq = mix(seq ^ e.tie)
	}
	e.push(key{t, seq, slot})
}

func before(a, b *key) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

// push and pop keep a 4-ary heap: half the depth of a binary one, children on one cache line.
func (e *Engine) push(k key) {
	e.heap = append(e.heap, k)
	i := len(e.heap) - 1
	for i > 0 {
		parent := (i - 1) >> 2
		if !before(&k, &e.heap[parent]) {
			break
		}
		e.heap[i] = e.heap[parent]
		i = parent
	}
	e.heap[i] = k
}

func (e *Engine) pop() key {
	top := e.heap[0]
	n := len(e.heap) - 1
	k := e.heap[n]
	e.heap = e.heap[:n]
	if n == 0 {
		return top
	}
	i := 0
	for {
		first := i<<2 + 1
		if first >= n {
			break
		}
		least := first
		for j := first + 1; j < min(first+4, n); j++ {
			if before(&e.heap[j], &e.heap[least]) {
				least = j
			}
		}
		if !before(&e.heap[least], &k) {
			break
		}
		e.heap[i] = e.heap[least]
		i = least
	}
	e.heap[i] = k
	return top
}

// Step runs the earliest event and reports whether there was one.
func (e *Engine) Step() bool {
	if len(e.heap) == 0 {
		return false
	}
	k := e.pop()
	ev := e.slab[k.slot]
	e.slab[k.slot].to = nil
	e.free = append(e.free, k.slot)
	e.now = k.at
	e.Fired++
	ev.to.Fire(k.at, ev.kind, ev.arg)
	return true
}

// Run runs events until none is left or the next is later than until.
func (e *Engine) Run(until Time) {
	for len(e.heap) > 0 && e.heap[0].at <= until {
		e.Step()
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
	e.heap, e.slab, e.free = nil, nil, nil
}

// mix is a bijection on 64 bits (the finaliser of SplitMix64, Steele et al., OOPSLA 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
