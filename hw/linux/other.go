//go:build !linux

package linux

import (
	"errors"
	"fmt"

	"tensoros/hw"
)

var errSystem = fmt.Errorf("linux: VFIO: %w on this system", errors.ErrUnsupported)

// Machine is the functions of this computer that vfio-pci has.
type Machine struct{ hw.Machine }

// Bind fails on this system.
func Bind(hw.Address) error { return errSystem }

// Open fails on this system.
func Open(Options) (*Machine, error) { return nil, errSystem }

// Run fails on this system.
func (m *Machine) Run() error { return errSystem }

// Close does nothing.
func (m *Machine) Close() error { return nil }

// Live is 0.
func (m *Machine) Live() int { return 0 }
