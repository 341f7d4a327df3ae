package vfiouser

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// setIRQs arms, disarms or fires interrupts (linux/vfio.h, VFIO_DEVICE_SET_IRQS). Only MSI-X is
// delivered; the other types are taken and never fire, as QEMU arms them for every device.
func (s *Server) setIRQs(m *message) error {
	r := decodeIRQSet(m.payload)
	if r.index >= irqCount {
		return fmt.Errorf("%w: interrupt type %d of %d", unix.EINVAL, r.index, irqCount)
	}
	if r.index != MSIX || r.flags&setTrigger == 0 {
		return nil
	}
	if r.flags&setDataNone != 0 && r.count == 0 {
		for i := range s.vectors {
			s.arm(i, nil)
		}
		return nil
	}
	n := uint32(len(s.vectors))
	if r.start > n || r.count > n-r.start {
		return fmt.Errorf("%w: vectors %d to %d of %d", unix.EINVAL, r.start,
			uint64(r.start)+uint64(r.count), n)
	}
	return s.setVectors(m, r)
}

func (s *Server) setVectors(m *message, r irqSet) error {
	data := m.payload[setIRQsLen:]
	switch {
	case r.flags&setDataEventFD != 0:
		if len(m.fds) != 0 && len(m.fds) != int(r.count) {
			return fmt.Errorf("%w: %d eventfds for %d vectors", unix.EINVAL, len(m.fds), r.count)
		}
		for i := range int(r.count) {
			var f *os.File
			if len(m.fds) > 0 {
				f = os.NewFile(uintptr(m.fds[i]), "eventfd")
			}
			s.arm(int(r.start)+i, f)
		}
		m.fds = nil // they are kept
	case r.flags&setDataBool != 0 && len(data) < int(r.count):
		return fmt.Errorf("%w: %d flags for %d vectors", unix.EINVAL, len(data), r.count)
	default: // a test of the wiring: fire
		for i := range int(r.count) {
			if r.flags&setDataBool == 0 || data[i] != 0 {
				s.Interrupt(int(r.start) + i)
			}
		}
	}
	return nil
}

// arm sets a vector's eventfd and tells the device if that changes whether it is delivered.
func (s *Server) arm(vector int, f *os.File) {
	old := s.vectors[vector]
	s.vectors[vector] = f
	if old != nil {
		_ = old.Close() // nothing was buffered
	}
	if (old != nil) != (f != nil) {
		s.dev.Arm(vector, f != nil)
	}
}

// Interrupt fires a vector's eventfd.
func (s *Server) Interrupt(vector int) {
	if vector < 0 || vector >= len(s.vectors) || s.vectors[vector] == nil {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	if _, err := s.vectors[vector].Write(one[:]); err != nil {
		s.log("vector %d: %v", vector, err)
	}
}
