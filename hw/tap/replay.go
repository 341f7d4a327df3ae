package tap

import (
	"encoding/binary"
	"fmt"
	"iter"

	"tensoros/hw"
)

// Divergence is the first crossing at which a guest does something else than the log says.
type Divergence struct {
	Index     int    // in the log
	Want, Got *Entry // Want is nil beyond the end of the log, Got when the guest stopped before it
}

func (d *Divergence) Error() string {
	switch {
	case d.Want == nil:
		return fmt.Sprintf("replay: crossing %d: the log has ended, the guest goes on: %v", d.Index, d.Got)
	case d.Got == nil:
		return fmt.Sprintf("replay: crossing %d: the guest has ended, the log goes on: %v", d.Index, d.Want)
	}
	return fmt.Sprintf("replay: crossing %d: the log has %v, the guest does %v", d.Index, d.Want, d.Got)
}

// Player is a machine that answers from a log.
type Player struct {
	log      *Log
	at       int
	cpus     []*player
	current  *player
	memories map[int]*playedMemory
	next     int // memory
	err      error
}

// player is a processor: a coroutine that runs when the log says that it is its turn.
type player struct {
	*Player
	id     int
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	done   bool
}

// halted unwinds a body after a divergence.
type halted struct{}

// Replay makes a machine of a log.
func Replay(l *Log) *Player {
	return &Player{log: l, cpus: make([]*player, l.CPUs), memories: map[int]*playedMemory{}}
}

// Err is the first divergence so far, nil if there is none.
func (p *Player) Err() error { return p.err }

// Run runs the processors until their bodies have returned, and reports the first divergence. A
// guest that stops before the log does is one.
func (p *Player) Run() error {
	for p.err == nil {
		c := p.turn()
		if c == nil {
			break
		}
		outer := p.current
		p.current = c
		c.resume()
		p.current = outer
	}
	for _, c := range p.cpus {
		if c != nil && !c.done {
			c.stop()
			c.done = true
		}
	}
	if p.err == nil && p.at < len(p.log.Entries) {
		p.err = &Divergence{p.at, &p.log.Entries[p.at], nil}
	}
	return p.err
}

// turn is the processor whose crossing is next; any that is not done, once the log has ended.
func (p *Player) turn() *player {
	if p.at < len(p.log.Entries) {
		want := p.log.Entries[p.at].CPU
		if want < 0 || want >= len(p.cpus) || p.cpus[want] == nil || p.cpus[want].done {
			return nil
		}
		return p.cpus[want]
	}
	for _, c := range p.cpus {
		if c != nil && !c.done {
			return c
		}
	}
	return nil
}

// cross matches a crossing with the log and gives the log's entry. After a divergence it unwinds
// the body; outside of a processor it answers all ones.
func (p *Player) cross(e *Entry) *Entry {
	e.CPU = -1
	if c := p.current; c != nil {
		e.CPU = c.id
		for p.err == nil && p.at < len(p.log.Entries) && p.log.Entries[p.at].CPU != c.id {
			if !c.yield(struct{}{}) {
				panic(halted{})
			}
		}
	}
	if p.err == nil {
		p.match(e)
	}
	if p.err != nil {
		if p.current != nil {
			panic(halted{})
		}
		err := &hw.Error{Op: e.Op.String(), Addr: e.Addr, Err: p.err}
		return &Entry{Value: ^uint64(0), Err: err}
	}
	got := &p.log.Entries[p.at]
	p.at++
	for p.at < len(p.log.Entries) && p.log.Entries[p.at].Op == DMA {
		d := &p.log.Entries[p.at]
		if m := p.memories[d.Place]; m != nil {
			copy(m.data[d.Off:], d.Data)
		}
		p.at++
	}
	return got
}

func (p *Player) match(e *Entry) {
	if p.at >= len(p.log.Entries) {
		p.err = &Divergence{p.at, nil, e}
		return
	}
	if want := &p.log.Entries[p.at]; !want.same(e) {
		p.err = &Divergence{p.at, want, e}
	}
}

// CPUs is the number of processors.
func (p *Player) CPUs() int { return len(p.cpus) }

// Start gives a processor its body; Run runs it.
func (p *Player) Start(id int, body func(hw.CPU)) {
	p.cross(&Entry{Op: Start, Value: uint64(id)})
	if p.err != nil {
		return
	}
	c := &player{Player: p, id: id}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		defer c.leave()
		c.cross(&Entry{Op: Begin})
		body(c)
		c.cross(&Entry{Op: End})
	})
	p.cpus[id] = c
}

func (c *player) leave() {
	c.done = true
	if v := recover(); v != nil {
		if _, ok := v.(halted); !ok {
			panic(v)
		}
	}
}

// Functions lists the PCI functions that the log has.
func (p *Player) Functions() []hw.Address {
	return append([]hw.Address(nil), p.cross(&Entry{Op: Functions}).Funcs...)
}

// Open opens a function.
func (p *Player) Open(a hw.Address) (hw.Function, error) {
	if err := p.cross(&Entry{Op: Open, Addr: a}).Err; err != nil {
		return nil, err
	}
	return &playedFunction{p, a}, nil
}

type playedFunction struct {
	p    *Player
	addr hw.Address
}

func (f *playedFunction) Config() hw.Window {
	e := f.p.cross(&Entry{Op: Config, Addr: f.addr, Place: configSpace})
	return &playedWindow{f.p, f.addr, configSpace, e.Size, e.Bus}
}

func (f *playedFunction) BAR(n int) (hw.Window, error) {
	e := f.p.cross(&Entry{Op: BAR, Addr: f.addr, Place: n})
	if e.Err != nil {
		return nil, e.Err
	}
	return &playedWindow{f.p, f.addr, n, e.Size, e.Bus}, nil
}

func (f *playedFunction) Memory(size int) (hw.Memory, error) {
	id := f.p.next
	f.p.next++
	e := f.p.cross(&Entry{Op: Memory, Addr: f.addr, Place: id, Size: size})
	if e.Err != nil {
		return nil, e.Err
	}
	m := &playedMemory{f.p, id, e.Bus, make([]byte, size)}
	f.p.memories[id] = m
	return m, nil
}

func (f *playedFunction) Route(vector, cpu int) error {
	return f.p.cross(&Entry{Op: Route, Addr: f.addr, Place: vector, Off: cpu}).Err
}

func (f *playedFunction) Reset() error { return f.p.cross(&Entry{Op: Reset, Addr: f.addr}).Err }
func (f *playedFunction) Err() error   { return f.p.cross(&Entry{Op: Err, Addr: f.addr}).Err }
func (f *playedFunction) Close() error { return f.p.cross(&Entry{Op: Close, Addr: f.addr}).Err }

type playedWindow struct {
	p     *Player
	addr  hw.Address
	place int
	len   int
	bus   hw.BusAddr
}

func (w *playedWindow) Len() int        { return w.len }
func (w *playedWindow) Bus() hw.BusAddr { return w.bus }

func (w *playedWindow) cross(op Op, off, size int, v uint64, data []byte) uint64 {
	return w.p.cross(&Entry{Op: op, Addr: w.addr, Place: w.place, Off: off, Size: size, Value: v,
		Data: data}).Value
}

func (w *playedWindow) Read8(off int) uint8   { return uint8(w.cross(Read, off, 1, 0, nil)) }
func (w *playedWindow) Read16(off int) uint16 { return uint16(w.cross(Read, off, 2, 0, nil)) }
func (w *playedWindow) Read32(off int) uint32 { return uint32(w.cross(Read, off, 4, 0, nil)) }
func (w *playedWindow) Read64(off int) uint64 { return w.cross(Read, off, 8, 0, nil) }

func (w *playedWindow) Write8(off int, v uint8)   { w.cross(Write, off, 1, uint64(v), nil) }
func (w *playedWindow) Write16(off int, v uint16) { w.cross(Write, off, 2, uint64(v), nil) }
func (w *playedWindow) Write32(off int, v uint32) { w.cross(Write, off, 4, uint64(v), nil) }
func (w *playedWindow) Write64(off int, v uint64) { w.cross(Write, off, 8, v, nil) }
func (w *playedWindow) Copy(off int, p []byte)    { w.cross(Copy, off, len(p), 0, p) }

type playedMemory struct {
	p    *Player
	id   int
	bus  hw.BusAddr
	data []byte
}

func (m *playedMemory) Len() int        { return len(m.data) }
func (m *playedMemory) Bus() hw.BusAddr { return m.bus }
func (m *playedMemory) Bytes() []byte   { return m.data }

func (m *playedMemory) cross(op Op, off, size int, v uint64) uint64 {
	return m.p.cross(&Entry{Op: op, Place: m.id, Off: off, Size: size, Value: v}).Value
}

func (m *playedMemory) Load32(off int) uint32 { return uint32(m.cross(Load, off, 4, 0)) }
func (m *playedMemory) Load64(off int) uint64 { return m.cross(Load, off, 8, 0) }

func (m *playedMemory) Store32(off int, v uint32) {
	m.cross(Store, off, 4, uint64(v))
	binary.LittleEndian.PutUint32(m.data[off:], v)
}

func (m *playedMemory) Store64(off int, v uint64) {
	m.cross(Store, off, 8, v)
	binary.LittleEndian.PutUint64(m.data[off:], v)
}

func (m *playedMemory) Free() {
	m.cross(Free, 0, 0, 0)
	delete(m.p.memories, m.id)
}

func (c *player) ID() int      { return c.id }
func (c *player) Now() hw.Time { return hw.Time(c.cross(&Entry{Op: Now}).Value) }
func (c *player) Relax()       { c.cross(&Entry{Op: Relax}) }

func (c *player) Idle(until hw.Time) { c.cross(&Entry{Op: Idle, Value: uint64(until)}) }

func (c *player) Pending(dst []hw.Interrupt) []hw.Interrupt {
	return append(dst, c.cross(&Entry{Op: Pending}).IRQs...)
}

func (c *player) Kick(id int) { c.cross(&Entry{Op: Kick, Value: uint64(id)}) }

func (c *player) Work(instructions int) { c.cross(&Entry{Op: Work, Value: uint64(instructions)}) }

var _ hw.Machine = (*Player)(nil)
