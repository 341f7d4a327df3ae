package pci

import (
	"fmt"

	"tensoros/hw"
	"tensoros/hw/spec/pcie"
)

// Identity is what a function says it is.
type Identity struct {
	Addr           hw.Address
	Vendor, Device uint16
	Class          uint32 // 24 bits: base class, subclass, programming interface
	Revision       uint8
}

// Class codes (PCI Code and ID Assignment Specification 1.11).
const (
	ClassNVMe    = 0x010802
	ClassDisplay = 0x03 // base class
	ClassNetwork = 0x02
)

// Base is the base class.
func (id Identity) Base() uint8 { return uint8(id.Class >> 16) }

func (id Identity) String() string {
	return fmt.Sprintf("%v %04x:%04x class %06x", id.Addr, id.Vendor, id.Device, id.Class)
}

// Identify reads a function's identity; it fails when nothing answers.
func Identify(addr hw.Address, cfg hw.Window) (Identity, error) {
	word := cfg.Read32(pcie.VendorID)
	if uint16(word) == 0xffff {
		return Identity{}, &hw.Error{Op: "identify", Addr: addr, Err: hw.ErrNotPresent}
	}
	class := cfg.Read32(pcie.Revision)
	return Identity{addr, uint16(word), uint16(word >> 16), class >> 8, uint8(class)}, nil
}

// maxCaps bounds a walk, so that a list that loops ends: 48 dwords fit after the header.
const maxCaps = 48

// Capability finds a capability's offset; 0 if the function has none of that id.
func Capability(cfg hw.Window, id uint8) int {
	if cfg.Read16(pcie.Status)&pcie.StatusCapList == 0 {
		return 0
	}
	at := int(cfg.Read8(pcie.CapPointer)) &^ 3
	for range maxCaps {
		if at < 0x40 {
			return 0
		}
		head := cfg.Read16(at)
		if uint8(head) == id {
			return at
		}
		at = int(head>>8) &^ 3
	}
	return 0
}

// BAR is a base address register as found.
type BAR struct {
	Index        int
	Base, Size   uint64
	Is64         bool
	Prefetchable bool
}

// BARs sizes the memory BARs as PCIe 5.0, 7.5.1.2.1 says: all ones written with decoding off, the
// old value put back.
func BARs(cfg hw.Window) []BAR {
	command := cfg.Read16(pcie.Command)
	cfg.Write16(pcie.Command, command&^pcie.CommandMemory)
	defer cfg.Write16(pcie.Command, command)
	var found []BAR
	for i := 0; i < 6; i++ {
		b := BAR{Index: i}
		low, mask := probe(cfg, i)
		if mask == 0 || low&1 != 0 {
			continue // none, or I/O space
		}
		b.Prefetchable = low&pcie.BARPrefetchable != 0
		b.Base = uint64(low &^ pcie.BARFlags)
		sizes := uint64(mask&^pcie.BARFlags) | 0xffffffff_00000000
		if low&6 == pcie.BARIs64 && i < 5 {
			b.Is64 = true
			i++
			high, highMask := probe(cfg, i)
			b.Base |= uint64(high) << 32
			sizes = uint64(mask&^pcie.BARFlags) | uint64(highMask)<<32
		}
		b.Size = -sizes
		found = append(found, b)
	}
	return found
}

func probe(cfg hw.Window, i int) (old, mask uint32) {
	at := pcie.BAR0 + 4*i
	old = cfg.Read32(at)
	cfg.Write32(at, 0xffffffff)
	mask = cfg.Read32(at)
	cfg.Write32(at, old)
	return old, mask
}

// Enable turns on memory decoding and bus mastering, INTx off, and sets the largest payload that
// the function offers, with read requests of 512 bytes or that payload if it is larger.
func Enable(cfg hw.Window) {
	if at := Capability(cfg, pcie.CapPCIe); at != 0 {
		control := uint64(cfg.Read16(at + pcie.ExpDevCtl))
		payload := uint64(cfg.Read32(at+pcie.ExpDevCap) & 7)
		control = pcie.DevCtlMPS.Put(control, payload)
		control = pcie.DevCtlMRRS.Put(control, max(payload, readCode))
		cfg.Write16(at+pcie.ExpDevCtl, uint16(control))
	}
	command := cfg.Read16(pcie.Command)
	cfg.Write16(pcie.Command, command|pcie.CommandMemory|pcie.CommandMaster|pcie.CommandINTxOff)
}

// readCode is a read request of 512 bytes, the default after reset (PCIe 5.0, 7.5.3.4).
const readCode = 2
