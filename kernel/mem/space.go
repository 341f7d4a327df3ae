package mem

import (
	"fmt"
	"sort"
)

// Addr is a flat address: a tensor is an address, wherever its bytes are.
type Addr uint64

// Kind is what an address leads to.
type Kind uint8

// Kinds.
const (
	RAM Kind = iota
	VRAM
	NVMe
)

func (k Kind) String() string { return [...]string{"RAM", "VRAM", "NVMe"}[k] }

// The map. A GPU of 49 bits of virtual address (Ampere) reaches RAM and the VRAM of seven GPUs by
// the same numbers as the kernel; Hopper reaches all.
//
//	0x0000_0000_0000_0000  RAM, at its bus addresses (1 TiB)
//	0x0000_n000_0000_0000  VRAM of GPU n-1, 16 TiB each
//	0x0100_n000_0000_0000  drive n, 16 TiB each, byte addressed
const (
	RAMLen             = 1 << 40
	deviceBits         = 44
	nvmeBase      Addr = 0x0100 << 48
	MaxGPUs            = 16
	MaxDriveBytes      = 1 << deviceBits
)

// VRAMBase is where the VRAM of GPU i starts.
func VRAMBase(i int) Addr { return Addr(i+1) << deviceBits }

// NVMeBase is where drive i starts.
func NVMeBase(i int) Addr { return nvmeBase | Addr(i)<<deviceBits }

// Range is a named stretch of the space.
type Range struct {
	Base  Addr
	Len   uint64
	Kind  Kind
	Owner int // GPU or drive
	Name  string
}

// End is the address after the last.
func (r Range) End() Addr { return r.Base + Addr(r.Len) }

func (r Range) String() string {
	return fmt.Sprintf("%#018x-%#018x %-4v %s", uint64(r.Base), uint64(r.End())-1, r.Kind, r.Name)
}

// Space is the map: ranges that do not overlap, by address.
type Space struct {
	ranges []Range
}

// Add maps a range. It fails on overlap.
func (s *Space) Add(r Range) error {
	if r.Len == 0 || r.End() < r.Base {
		return fmt.Errorf("map %s: %d bytes at %#x", r.Name, r.Len, uint64(r.Base))
	}
	i := s.search(r.Base)
	if i > 0 && s.ranges[i-1].End() > r.Base {
		return fmt.Errorf("map %s at %#x: %s is there", r.Name, uint64(r.Base), s.ranges[i-1].Name)
	}
	if i < len(s.ranges) && s.ranges[i].Base < r.End() {
		return fmt.Errorf("map %s at %#x: it runs into %s", r.Name, uint64(r.Base),
			s.ranges[i].Name)
	}
	s.ranges = append(s.ranges, Range{})
	copy(s.ranges[i+1:], s.ranges[i:])
	s.ranges[i] = r
	return nil
}

// Remove unmaps the range that starts at base.
func (s *Space) Remove(base Addr) {
	if i := s.search(base) - 1; i >= 0 && s.ranges[i].Base == base {
		s.ranges = append(s.ranges[:i], s.ranges[i+1:]...)
	}
}

// Find is the range that holds an address.
func (s *Space) Find(a Addr) (Range, bool) {
	if i := s.search(a) - 1; i >= 0 && a < s.ranges[i].End() {
		return s.ranges[i], true
	}
	return Range{}, false
}

// Ranges lists the map by address.
func (s *Space) Ranges() []Range { return append([]Range(nil), s.ranges...) }

func (s *Space) search(a Addr) int {
	return sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Base > a })
}
