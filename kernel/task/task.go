package task

import (
	"fmt"

	"tensoros/hw"
)

// Step does what can be done now. It reports whether the task is over; an error ends it too.
type Step func() (done bool, err error)

// Task is work under way.
type Task struct {
	Name string
	step Step
	done bool
	err  error
}

// Done reports whether the task is over, and how it failed.
func (t *Task) Done() (bool, error) { return t.done, t.err }

// Loop runs tasks in turn on a CPU.
type Loop struct {
	cpu   hw.CPU
	tasks []*Task
}

// NewLoop makes an empty loop.
func NewLoop(cpu hw.CPU) *Loop { return &Loop{cpu: cpu} }

// Go adds a task.
func (l *Loop) Go(name string, step Step) *Task {
	t := &Task{Name: name, step: step}
	l.tasks = append(l.tasks, t)
	return t
}

// Turn runs every task once.
func (l *Loop) Turn() {
	live := l.tasks[:0]
	for _, t := range l.tasks {
		t.done, t.err = t.step()
		t.done = t.done || t.err != nil
		if !t.done {
			live = append(live, t)
		}
	}
	clear(l.tasks[len(live):])
	l.tasks = live
}

// Wait runs the loop until a task is over. Between turns the CPU relaxes, so that time passes.
func (l *Loop) Wait(t *Task) error {
	for !t.done {
		if l.Turn(); !t.done {
			l.cpu.Relax()
		}
	}
	if t.err != nil {
		return fmt.Errorf("%s: %w", t.Name, t.err)
	}
	return nil
}

// Live is the number of tasks that are not over.
func (l *Loop) Live() int { return len(l.tasks) }
