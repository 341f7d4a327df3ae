package hwtest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"tensoros/hw"
	"tensoros/hw/pci"
	"tensoros/hw/spec/pcie"
)

// Options say what a machine can do beside the door.
type Options struct {
	// Drive runs the machine until the bodies of its processors have returned; it is needed.
	Drive func() error
	// Remove takes a function out by surprise; nil where nobody can. It is called from a body.
	Remove func(hw.Address) error
	// Live is how many regions of DMA memory are handed out; nil where nobody knows.
	Live func() int
	// Missing is an address where nothing is. The zero value is the host bridge's, which no
	// Machine hands out.
	Missing hw.Address
	// NoReset leaves function level resets out.
	NoReset bool
}

// Run holds m against the contract of package hw. It uses CPU 0, and CPU 1 where there is one. The
// checks report all they find and end no goroutine, so that a body may run in a coroutine.
func Run(t testing.TB, m hw.Machine, o Options) {
	t.Helper()
	if m.CPUs() < 1 {
		t.Errorf("%d processors", m.CPUs())
		return
	}
	s := &suite{TB: t, m: m, o: o}
	m.Start(0, s.main)
	if m.CPUs() > 1 {
		m.Start(1, s.sleeper)
	}
	if err := o.Drive(); err != nil {
		t.Errorf("drive: %v", err)
	}
	if !s.finished {
		t.Error("the body on CPU 0 has not returned")
	}
}

type suite struct {
	testing.TB
	m        hw.Machine
	o        Options
	cpu      hw.CPU
	asleep   atomic.Bool
	finished bool
}

// wait bounds what must happen at once in a machine's own time: generous, for slow backends.
const wait hw.Time = 1_000_000_000

func (s *suite) main(c hw.CPU) {
	s.cpu = c
	if c.ID() != 0 {
		s.Errorf("CPU 0 says that it is %d", c.ID())
	}
	s.time()
	list := s.functions()
	for _, a := range list {
		s.function(a)
	}
	if s.m.CPUs() > 1 {
		s.kick()
	}
	if s.o.Remove != nil && len(list) > 0 {
		s.remove(list[len(list)-1])
	}
	s.finished = true
}

// time: the clock never goes back, and passes at the door.
func (s *suite) time() {
	c := s.cpu
	last := c.Now()
	start := last
	for range 1000 {
		c.Relax()
		c.Work(10)
		now := c.Now()
		if now < last {
			s.Errorf("the clock goes back from %d to %d ns", last, now)
		}
		last = now
	}
	if last == start {
		s.Errorf("1000 turns of a spin loop took no time")
	}
	c.Pending(nil) // what was latched before
	for _, d := range []hw.Time{0, 1, 999, 100_000} {
		deadline := c.Now() + d
		c.Idle(deadline)
		if now := c.Now(); now < deadline && len(c.Pending(nil)) == 0 {
			s.Errorf("Idle for %d ns ended %d ns early without cause", d, deadline-now)
		}
	}
	before := c.Now()
	c.Idle(before - 1)
	if now := c.Now(); now-before > wait {
		s.Errorf("Idle until a moment that is over took %d ns", now-before)
	}
	if p := c.Pending([]hw.Interrupt{{Vector: 77}}); len(p) == 0 || p[0].Vector != 77 {
		s.Errorf("Pending does not append to what it is given: %v", p)
	}
}

// is reports whether err is a *hw.Error, and one of the sentinel if that is not nil.
func (s *suite) is(what string, err, sentinel error) {
	var e *hw.Error
	if !errors.As(err, &e) {
		s.Errorf("%s: error %v (%T); want a *hw.Error", what, err, err)
		return
	}
	if e.Op == "" || sentinel != nil && !errors.Is(err, sentinel) {
		s.Errorf("%s: error %q; want one of %v that names the operation", what, err, sentinel)
	}
}

func (s *suite) functions() []hw.Address {
	list := s.m.Functions()
	for i, a := range list {
		if i > 0 && !list[i-1].Less(a) {
			s.Errorf("functions %v and %v are not in bus order", list[i-1], a)
		}
	}
	if len(list) > 0 {
		kept := list[0]
		list[0] = hw.Address{Bus: 0xff, Device: 31, Func: 7}
		if s.m.Functions()[0] != kept {
			s.Errorf("Functions hands out its own list")
		}
		list[0] = kept
	}
	_, err := s.m.Open(s.o.Missing)
	s.is(fmt.Sprintf("open of %v, where nothing is", s.o.Missing), err, hw.ErrNotPresent)
	return list
}

func (s *suite) function(a hw.Address) {
	f, err := s.m.Open(a)
	if err != nil {
		s.Errorf("open %v: %v", a, err)
		return
	}
	if err := f.Err(); err != nil {
		s.Errorf("%v: error %v just after Open", a, err)
	}
	cfg := f.Config()
	s.config(a, cfg)
	s.bars(a, f, cfg)
	s.memory(a, f)
	s.routes(a, f)
	if !s.o.NoReset {
		s.reset(a, f, cfg)
	}
	if err := f.Close(); err != nil {
		s.Errorf("close %v: %v", a, err)
	}
}

// config: reads of all sizes agree, little endian.
func (s *suite) config(a hw.Address, cfg hw.Window) {
	if n := cfg.Len(); n != 256 && n != pcie.ConfigLen {
		s.Errorf("%v: configuration space of %d bytes", a, n)
	}
	if cfg.Bus() != 0 {
		s.Errorf("%v: peers reach configuration space at %#x", a, cfg.Bus())
	}
	if _, err := pci.Identify(a, cfg); err != nil {
		s.Errorf("identify: %v", err)
	}
	for _, off := range []int{pcie.VendorID, pcie.Revision} { // these do not change by themselves
		word := cfg.Read32(off)
		var bytes, halves uint32
		for i := range 4 {
			bytes |= uint32(cfg.Read8(off+i)) << (8 * i)
		}
		for i := range 2 {
			halves |= uint32(cfg.Read16(off+2*i)) << (16 * i)
		}
		if bytes != word || halves != word {
			s.Errorf("%v: configuration at %#x reads %08x, in bytes %08x, in halves %08x", a, off,
				word, bytes, halves)
		}
	}
}

// bars: sizing them leaves all as it was, and agrees with the windows.
func (s *suite) bars(a hw.Address, f hw.Function, cfg hw.Window) {
	snapshot := func() (r [7]uint32) {
		for i := range 6 {
			r[i] = cfg.Read32(pcie.BAR0 + 4*i)
		}
		r[6] = uint32(cfg.Read16(pcie.Command))
		return r
	}
	before := snapshot()
	found := pci.BARs(cfg)
	if after := snapshot(); after != before {
		s.Errorf("%v: sizing the BARs changed them from %x to %x", a, before, after)
	}
	implemented := [6]bool{}
	for _, b := range found {
		implemented[b.Index] = true
		if b.Size == 0 || b.Size&(b.Size-1) != 0 || b.Base&(b.Size-1) != 0 {
			s.Errorf("%v: BAR %d of %#x bytes at %#x: not a power of two, or not aligned to it", a,
				b.Index, b.Size, b.Base)
		}
		w, err := f.BAR(b.Index)
		if err != nil {
			s.Errorf("%v: %v", a, err)
			continue
		}
		if uint64(w.Len()) != b.Size {
			s.Errorf("%v: BAR %d is sized %#x, its window has %#x bytes", a, b.Index, b.Size, w.Len())
		}
	}
	for i := -1; i <= 6; i++ {
		if i < 0 || i == 6 || !implemented[i] {
			_, err := f.BAR(i)
			s.is(fmt.Sprintf("%v: BAR %d, which is not implemented", a, i), err, hw.ErrNotPresent)
		}
	}
}

// routes: what cannot be routed is an error.
func (s *suite) routes(a hw.Address, f hw.Function) {
	for _, r := range [][2]int{{-1, 0}, {1 << 20, 0}, {0, -1}, {0, s.m.CPUs()}} {
		what := fmt.Sprintf("%v: route of vector %d to CPU %d", a, r[0], r[1])
		s.is(what, f.Route(r[0], r[1]), nil)
	}
}

// reset: the function answers again, with its BARs in place (a door does what Linux does).
func (s *suite) reset(a hw.Address, f hw.Function, cfg hw.Window) {
	before := pci.BARs(cfg)
	if err := f.Reset(); err != nil {
		s.Errorf("reset %v: %v", a, err)
		return
	}
	s.cpu.Idle(s.cpu.Now() + 100_000_000) // PCIe 5.0, 6.6.2: software waits 100 ms
	if _, err := pci.Identify(a, cfg); err != nil {
		s.Errorf("after its reset: %v", err)
	}
	after := pci.BARs(cfg)
	if fmt.Sprint(before) != fmt.Sprint(after) {
		s.Errorf("%v: a reset moved the BARs from %v to %v", a, before, after)
	}
}

// sleeper is the body of CPU 1: it sleeps until it is kicked.
func (s *suite) sleeper(c hw.CPU) {
	if c.ID() != 1 {
		s.Errorf("CPU 1 says that it is %d", c.ID())
	}
	s.asleep.Store(true)
	for s.asleep.Load() {
		start := c.Now()
		c.Idle(start + 100*wait)
		if c.Now()-start >= 100*wait {
			s.Errorf("a kick did not end Idle")
			return
		}
	}
}

func (s *suite) kick() {
	for s.cpu.Relax(); !s.asleep.Load(); {
		s.cpu.Relax()
	}
	s.cpu.Idle(s.cpu.Now() + 1000)
	s.asleep.Store(false)
	s.cpu.Kick(1)
}

// remove: a lost device reads all ones, takes writes, and its error is sticky.
func (s *suite) remove(a hw.Address) {
	f, err := s.m.Open(a)
	if err != nil {
		s.Errorf("open %v: %v", a, err)
		return
	}
	windows := []hw.Window{f.Config()}
	for i := range 6 {
		if w, err := f.BAR(i); err == nil {
			windows = append(windows, w)
		}
	}
	if err := s.o.Remove(a); err != nil {
		s.Errorf("remove %v: %v", a, err)
		return
	}
	for i, w := range windows {
		w.Write32(0, 0)
		w.Write64(8, 0)
		w.Copy(16, make([]byte, 16))
		if w.Read8(0) != 0xff || w.Read16(0) != 0xffff || w.Read32(0) != 0xffffffff ||
			w.Read64(0) != ^uint64(0) {
			s.Errorf("%v: window %d of a lost device does not read all ones", a, i)
		}
	}
	s.is("error of a lost device", f.Err(), hw.ErrLost)
	s.is("error of a lost device, again", f.Err(), hw.ErrLost)
	s.is("reset of a lost device", f.Reset(), hw.ErrLost)
}
