package nvme

import (
	"fmt"

	"tensoros/conformance/script"
	"tensoros/hw"
	"tensoros/hw/pci"
	hwpcie "tensoros/hw/spec/pcie"
)

// table finds the MSI-X table and the pending bits.
func (s *suite) table() (table, pending hw.Window, at, bits, n int, err error) {
	capability := pci.Capability(s.cfg, hwpcie.CapMSIX)
	if capability == 0 {
		return nil, nil, 0, 0, 0, fmt.Errorf("%w: no MSI-X", script.ErrSkip)
	}
	n = int(hwpcie.MSIXSize.Get(uint64(s.cfg.Read16(capability+2)))) + 1
	t, p := s.cfg.Read32(capability+4), s.cfg.Read32(capability+8)
	if table, err = s.fn.BAR(int(hwpcie.MSIXBIR.Get(uint64(t)))); err == nil {
		pending, err = s.fn.BAR(int(hwpcie.MSIXBIR.Get(uint64(p))))
	}
	return table, pending, int(t &^ 7), int(p &^ 7), n, err
}

// vectors is the size of the MSI-X table; 0 without one.
func (s *suite) vectors() uint64 {
	_, _, _, _, n, err := s.table()
	if err != nil {
		return 0
	}
	return uint64(n)
}

// interrupts does the verbs route, mask, unmask and forget.
func (s *suite) interrupts(verb string, v uint64) (known bool, err error) {
	switch verb {
	case "route":
		if err := s.fn.Route(int(v), s.cpu.ID()); err != nil {
			return true, fmt.Errorf("%w: %w", script.ErrSkip, err)
		}
	case "forget":
		s.drain()
		clear(s.irqs)
	case "mask", "unmask":
		return true, s.mask(int(v), verb == "mask")
	default:
		return false, nil
	}
	return true, nil
}

func (s *suite) mask(v int, on bool) error {
	table, _, at, _, n, err := s.table()
	if err != nil || v >= n {
		return fmt.Errorf("%w: vector %d of %d: %w", script.ErrSkip, v, n, err)
	}
	off := at + v*hwpcie.MSIXEntryLen + 12
	if off+4 > table.Len() {
		return script.Failure("the MSI-X table lies out of its BAR")
	}
	want := table.Read32(off) &^ 1
	if on {
		want |= 1
		s.masked = append(s.masked, v)
	}
	table.Write32(off, want)
	if table.Read32(off) != want {
		return fmt.Errorf("%w: the MSI-X table is out of reach", script.ErrSkip)
	}
	return nil
}

// pending is a pending bit of MSI-X.
func (s *suite) pendingBit(v int) (uint64, error) {
	_, pending, _, bits, n, err := s.table()
	if err != nil || v >= n {
		return 0, fmt.Errorf("%w: vector %d of %d: %w", script.ErrSkip, v, n, err)
	}
	off := bits + v/32*4
	if off+4 > pending.Len() {
		return 0, script.Failure("the pending bits of MSI-X lie out of their BAR")
	}
	return uint64(pending.Read32(off)) >> (v % 32) & 1, nil
}

// unmaskAll undoes what a case left masked.
func (s *host) unmaskAll() {
	for _, v := range s.masked {
		capability := pci.Capability(s.cfg, hwpcie.CapMSIX)
		t := s.cfg.Read32(capability + 4)
		if w, err := s.fn.BAR(int(hwpcie.MSIXBIR.Get(uint64(t)))); err == nil {
			w.Write32(int(t&^7)+v*hwpcie.MSIXEntryLen+12, 0)
		}
	}
	s.masked = s.masked[:0]
}
