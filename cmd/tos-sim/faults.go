package main

import (
	"errors"
	"os"

	"tensoros/sim/board"
	"tensoros/sim/nvme"
)

// faultText is the plan of --faults, which has been looked at; "" if there is none.
func (e *env) faultText() (string, error) {
	if e.faults == "" {
		return "", nil
	}
	text, err := os.ReadFile(e.faults)
	if err != nil {
		return "", input("", "--faults %s: %w", e.faults, reason(err))
	}
	_, err = nvme.ParseFaults(string(text))
	var bad *nvme.PlanError
	if errors.As(err, &bad) {
		return "", input(bad.Hint, "%s:%d:%d: %s", e.faults, bad.Line, bad.Column, bad.Text)
	}
	return string(text), err
}

// injectFaults gives the plan of --faults to every drive.
func (e *env) injectFaults(b *board.Board) error {
	text, err := e.faultText()
	if err != nil || text == "" {
		return err
	}
	plan, err := nvme.ParseFaults(text)
	if err != nil {
		return err
	}
	for _, d := range b.Drives {
		d.SetFaults(plan, e.seed)
	}
	return nil
}
