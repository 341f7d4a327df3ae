package host

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"tensoros/hw"
)

// Processors are goroutines that run bodies in real time.
type Processors struct {
	start time.Time
	list  []*processor
	wait  sync.WaitGroup
	mu    sync.Mutex
	died  error
}

// NewProcessors makes n.
func NewProcessors(n int) *Processors {
	p := &Processors{start: time.Now()}
	for id := range n {
		p.list = append(p.list, &processor{all: p, id: id, wake: make(chan struct{}, 1)})
	}
	return p
}

// Len is how many there are.
func (p *Processors) Len() int { return len(p.list) }

// Start runs body on a processor, now. A panic of body ends it; Wait tells.
func (p *Processors) Start(cpu int, body func(hw.CPU)) {
	c := p.list[cpu]
	p.wait.Add(1)
	go func() {
		defer p.wait.Done()
		defer func() {
			if v := recover(); v != nil {
				buf := make([]byte, 8<<10)
				p.mu.Lock()
				p.died = fmt.Errorf("host: CPU %d: panic: %v\n%s", cpu, v, buf[:runtime.Stack(buf,
					false)])
				p.mu.Unlock()
			}
		}()
		body(c)
	}()
}

// Wait waits until every body has returned.
func (p *Processors) Wait() error {
	p.wait.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.died
}

// Latch makes an interrupt pending on a processor, and ends its Idle.
func (p *Processors) Latch(cpu int, i hw.Interrupt) {
	c := p.list[cpu]
	c.mu.Lock()
	if !slices.Contains(c.pending, i) {
		c.pending = append(c.pending, i)
	}
	c.mu.Unlock()
	c.stir()
}

type processor struct {
	all     *Processors
	id      int
	wake    chan struct{} // holds one wake-up that nobody has taken
	mu      sync.Mutex
	pending []hw.Interrupt
	kicked  bool
	turns   int
}

func (c *processor) ID() int      { return c.id }
func (c *processor) Now() hw.Time { return hw.Time(time.Since(c.all.start)) }
func (c *processor) Work(int)     {}

// Relax yields now and then: what is waited for may need this thread.
func (c *processor) Relax() {
	if c.turns++; c.turns%64 == 0 {
		runtime.Gosched()
	}
}

func (c *processor) stir() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// due takes a kick, and reports whether there is a reason not to sleep.
func (c *processor) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	kicked := c.kicked
	c.kicked = false
	return kicked || len(c.pending) > 0
}

func (c *processor) Idle(until hw.Time) {
	timer := time.NewTimer(max(0, time.Duration(until-c.Now())))
	defer timer.Stop()
	for !c.due() {
		select {
		case <-c.wake:
		case <-timer.C:
			return
		}
	}
}

func (c *processor) Pending(dst []hw.Interrupt) []hw.Interrupt {
	c.mu.Lock()
	defer c.mu.Unlock()
	dst = append(dst, c.pending...)
	c.pending = c.pending[:0]
	return dst
}

func (c *processor) Kick(cpu int) {
	o := c.all.list[cpu]
	o.mu.Lock()
	o.kicked = true
	o.mu.Unlock()
	o.stir()
}
