package main

import (
	"errors"
	"os"

	"tensoros/sim/board"
	"tensoros/sim/nvme"
)

// injectFaults gives the plan of --faults to every drive.
func (e *env) injectFaults(b *board.Board) error {
	if e.faults == "" {
		return nil
	}
	text, err := os.ReadFile(e.faults)
	if err != nil {
		return input("", "--faults %s: %w", e.faults, reason(err))
	}
	plan, err := nvme.ParseFaults(string(text))
	var bad *nvme.PlanError
	if errors.As(err, &bad) {
		return input(bad.Hint, "%s:%d:%d: %s", e.faults, bad.Line, bad.Column, bad.Text)
	}
	for _, d := range b.Drives {
		d.SetFaults(plan, e.seed)
	}
	return nil
}
