//go:build !linux

package qtest

import (
	"errors"
	"fmt"

	"tensoros/hw"
)

// Options describe the machine.
type Options struct {
	QEMU   string
	Args   []string
	Memory int
}

// Machine is a QEMU without a guest.
type Machine struct{ hw.Machine }

// Start fails on this system: memory that two processes share is Linux's here.
func Start(Options) (*Machine, error) {
	return nil, fmt.Errorf("qtest: %w on this system", errors.ErrUnsupported)
}

// Run fails on this system.
func (m *Machine) Run() error { return errors.ErrUnsupported }

// Close does nothing.
func (m *Machine) Close() error { return nil }

// Live is 0.
func (m *Machine) Live() int { return 0 }
