package board_test

import (
	"errors"
	"slices"
	"testing"

	"tensoros/hw"
	"tensoros/hw/hwtest"
)

// faulty is a machine that breaks one rule of the door: the suite must notice each.
type faulty struct {
	hw.Machine
	rule string
	last hw.Time
}

func (m *faulty) Functions() []hw.Address {
	list := m.Machine.Functions()
	if m.rule == "bus order" {
		slices.Reverse(list)
	}
	return list
}

func (m *faulty) Open(a hw.Address) (hw.Function, error) {
	f, err := m.Machine.Open(a)
	if err != nil {
		if m.rule == "plain error" {
			return nil, errors.New("no")
		}
		return nil, err
	}
	return &faultyFunction{f, m}, nil
}

func (m *faulty) Start(id int, body func(hw.CPU)) {
	m.Machine.Start(id, func(c hw.CPU) { body(&faultyCPU{c, m}) })
}

type faultyCPU struct {
	hw.CPU
	m *faulty
}

func (c *faultyCPU) Now() hw.Time {
	switch c.m.rule {
	case "frozen clock":
		return 5
	case "clock goes back":
		if c.m.last++; c.m.last%7 == 0 {
			return c.CPU.Now() - 100
		}
	}
	return c.CPU.Now()
}

func (c *faultyCPU) Idle(until hw.Time) {
	if c.m.rule == "idle ends early" {
		until -= 50
	}
	c.CPU.Idle(until)
}

func (c *faultyCPU) Kick(cpu int) {
	if c.m.rule != "no kick" {
		c.CPU.Kick(cpu)
	}
}

func (c *faultyCPU) Pending(dst []hw.Interrupt) []hw.Interrupt {
	if c.m.rule == "pending forgets" {
		dst = nil
	}
	return c.CPU.Pending(dst)
}

type faultyFunction struct {
	hw.Function
	m *faulty
}

func (f *faultyFunction) BAR(n int) (hw.Window, error) {
	w, err := f.Function.BAR(n)
	if err == nil && f.m.rule == "short window" {
		return shortWindow{w}, nil
	}
	return w, err
}

func (f *faultyFunction) Config() hw.Window {
	if f.m.rule == "bytes swapped" {
		return zeroWindow{f.Function.Config()}
	}
	return f.Function.Config()
}

func (f *faultyFunction) Err() error {
	if f.m.rule == "never lost" {
		return nil
	}
	return f.Function.Err()
}

func (f *faultyFunction) Memory(size int) (hw.Memory, error) {
	mem, err := f.Function.Memory(size)
	if err != nil {
		return nil, err
	}
	switch f.m.rule {
	case "dirty memory":
		mem.Bytes()[size-1] = 1
	case "leak":
		return leaky{mem}, nil
	case "unaligned":
		return unaligned{mem}, nil
	}
	return mem, nil
}

type shortWindow struct{ hw.Window }

func (w shortWindow) Len() int { return w.Window.Len() / 2 }

type zeroWindow struct{ hw.Window }

func (zeroWindow) Read8(int) uint8 { return 0 }

type leaky struct{ hw.Memory }

func (leaky) Free() {}

type unaligned struct{ hw.Memory }

func (m unaligned) Bus() hw.BusAddr { return m.Memory.Bus() + 8 }

// counter counts complaints instead of failing.
type counter struct {
	testing.TB
	n int
}

func (c *counter) Helper()               {}
func (c *counter) Errorf(string, ...any) { c.n++ }

func TestTheSuiteNoticesEachFault(t *testing.T) {
	for _, rule := range []string{"", "bus order", "plain error", "frozen clock", "clock goes back",
		"idle ends early", "no kick", "pending forgets", "short window", "bytes swapped",
		"never lost",
		"dirty memory", "leak", "unaligned"} {
		b := newBoard(t, nil)
		c := &counter{TB: t}
		hwtest.Run(c, &faulty{Machine: b, rule: rule}, options(b))
		if (c.n > 0) != (rule != "") {
			t.Errorf("%q: %d complaints", rule, c.n)
		}
	}
}
