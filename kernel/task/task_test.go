package task

import (
	"errors"
	"testing"

	"tensoros/hw"
)

// ticker is a CPU that only counts.
type ticker struct {
	hw.CPU
	relaxed int
}

func (c *ticker) Relax() { c.relaxed++ }

func TestTasksTakeTurns(t *testing.T) {
	cpu := &ticker{}
	l := NewLoop(cpu)
	var order []string
	count := func(name string, n int) Step {
		return func() (bool, error) {
			order = append(order, name)
			n--
			return n == 0, nil
		}
	}
	l.Go("a", count("a", 2))
	b := l.Go("b", count("b", 3))
	if err := l.Wait(b); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b", "a", "b", "b"}
	for i := range want {
		if order[i] != want[i] {
			t.Fatalf("order %v", order)
		}
	}
	if cpu.relaxed != 2 || l.Live() != 0 {
		t.Errorf("relaxed %d times, %d tasks live", cpu.relaxed, l.Live())
	}
}

func TestErrorsEndATaskAndNameIt(t *testing.T) {
	boom := errors.New("boom")
	l := NewLoop(&ticker{})
	err := l.Wait(l.Go("load a", func() (bool, error) { return false, boom }))
	if !errors.Is(err, boom) || err.Error() != "load a: boom" {
		t.Fatal(err)
	}
}
