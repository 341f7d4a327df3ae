//go:build !linux

package vfiouser

import (
	"errors"
	"fmt"

	"tensoros/hw"
)

// errSystem: file descriptors beside messages, eventfds and shared memory are Linux's here.
var errSystem = fmt.Errorf("vfio-user: %w on this system: it is implemented for Linux",
	errors.ErrUnsupported)

// Server exports a device to one client at a time.
type Server struct {
	Log    func(format string, args ...any)
	Counts map[Command]uint64
}

// Listen fails on this system.
func Listen(string, Device) (*Server, error) { return nil, errSystem }

// Serve fails on this system.
func (s *Server) Serve() error { return errSystem }

// Close does nothing.
func (s *Server) Close() error { return nil }

// Machine is the function of a server.
type Machine struct{ hw.Machine }

// Dial fails on this system.
func Dial(string, Options) (*Machine, error) { return nil, errSystem }

// Run fails on this system.
func (m *Machine) Run() error { return errSystem }

// Close does nothing.
func (m *Machine) Close() error { return nil }

// Live is 0.
func (m *Machine) Live() int { return 0 }

// NewShared fails on this system.
func NewShared(int, uint64, uint64) (*Shared, error) { return nil, errSystem }

// Close does nothing.
func (s *Shared) Close() error { return nil }
