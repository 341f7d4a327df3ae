package sim

import (
	"fmt"
	"iter"
	"runtime/debug"
)

// Proc is sequential code that lives in simulated time, one coroutine. Its local clock may run
// ahead of the engine (temporal decoupling); it meets the world again in Sync and Wait.
type Proc struct {
	eng     *Engine
	name    string
	now     Time
	gen     uint64 // wake-up generation: an overtaken timer does not fire
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	waiting bool
	woken   bool
	done    bool
	failure *Failure
}

// Failure is a panic inside a process, with the stack that iter.Pull would lose.
type Failure struct {
	Proc  string
	At    Time
	Value any
	Stack []byte
}

func (f *Failure) Error() string {
	return fmt.Sprintf("sim: process %s panicked at %v: %v\n%s", f.Proc, f.At, f.Value, f.Stack)
}

// stopped unwinds a process when the engine closes.
type stopped struct{}

// Go starts body as a process at the present time.
func (e *Engine) Go(name string, body func(*Proc)) *Proc {
	p := &Proc{eng: e, name: name}
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		defer p.leave()
		body(p)
	})
	e.procs = append(e.procs, p)
	e.At(e.Now(), p, 0, p.gen)
	return p
}

func (p *Proc) leave() {
	p.done = true
	v := recover()
	if v == nil {
		return
	}
	if _, ok := v.(stopped); !ok {
		p.failure = &Failure{p.name, p.now, v, debug.Stack()}
	}
}

// Fire resumes the process; it is called by the engine.
func (p *Proc) Fire(now Time, _ uint32, gen uint64) {
	if gen != p.gen || p.done {
		return
	}
	p.now = now
	p.gen++
	outer := p.eng.running
	p.eng.running = p
	p.eng.Switches++
	p.next()
	p.eng.running = outer
	if p.failure != nil {
		panic(p.failure)
	}
}

func (p *Proc) park() {
	if !p.yield(struct{}{}) {
		panic(stopped{})
	}
}

// Name is the track path given at the start.
func (p *Proc) Name() string { return p.name }

// Now is the local clock.
func (p *Proc) Now() Time { return p.now }

// Done reports whether the body has returned.
func (p *Proc) Done() bool { return p.done }

// Spend moves the local clock on without letting the world catch up.
func (p *Proc) Spend(d Time) { p.now += d }

// Sync parks until the world has reached the local clock. If nothing is due before that, it does
// not leave at all.
func (p *Proc) Sync() {
	if p.eng.NextAt() > p.now {
		p.eng.now = p.now
		return
	}
	p.eng.At(p.now, p, 0, p.gen)
	p.park()
}

// Wait parks until Wake, or until the given time; it reports whether it was woken. A Wake that
// came since the last Wait counts.
func (p *Proc) Wait(until Time) bool {
	p.Sync()
	if p.woken {
		p.woken = false
		return true
	}
	if until <= p.now {
		return false
	}
	p.waiting = true
	if until < Forever {
		p.eng.At(until, p, 0, p.gen)
	}
	p.park()
	p.waiting = false
	woken := p.woken
	p.woken = false
	return woken
}

// Wake ends the present or next Wait of p, now.
func (p *Proc) Wake() {
	if p.woken {
		return
	}
	p.woken = true
	if p.waiting {
		p.gen++
		p.eng.At(p.eng.Now(), p, 0, p.gen)
	}
}

// Running is the process being run, nil between events.
func (e *Engine) Running() *Proc { return e.running }
