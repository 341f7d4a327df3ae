package host

import (
	"strings"
	"testing"

	"tensoros/hw"
)

func TestPoolReusesGapsAndTellsWhenItIsFull(t *testing.T) {
	p := NewPool(make([]byte, 8*page), 0x10000)
	a, err := p.Alloc(hw.Address{}, page)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := p.Alloc(hw.Address{}, 5*page+1)
	if b.Bus() != 0x11000 {
		t.Errorf("the second region is at %#x", b.Bus())
	}
	if _, err := p.Alloc(hw.Address{}, 2*page); err == nil {
		t.Error("handed out more than there is")
	}
	a.Bytes()[3] = 9
	a.Free()
	if c, err := p.Alloc(hw.Address{}, 10); err != nil || c.Bus() != 0x10000 || c.Bytes()[3] != 0 {
		t.Errorf("the gap is not reused, or not cleared: %v", err)
	}
	if p.Live() != 2 {
		t.Errorf("%d regions live", p.Live())
	}
}

func TestProcessorsSleepAndWake(t *testing.T) {
	p := NewProcessors(2)
	irq := hw.Interrupt{Vector: 3}
	p.Start(1, func(c hw.CPU) {
		c.Idle(hw.Forever)
		c.Kick(0)
	})
	p.Start(0, func(c hw.CPU) {
		before := c.Now()
		c.Idle(before + 1_000_000)
		if c.Now()-before < 1_000_000 {
			t.Error("Idle ended early")
		}
		p.Latch(0, irq)
		c.Idle(hw.Forever)
		if got := c.Pending(nil); len(got) != 1 || got[0] != irq {
			t.Errorf("pending %v", got)
		}
		c.Kick(1)
		c.Idle(hw.Forever)
	})
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	p.Start(0, func(hw.CPU) { panic("oh") })
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "oh") {
		t.Errorf("a panic gives %v", err)
	}
}
