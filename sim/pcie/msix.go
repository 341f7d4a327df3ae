package pcie

import (
	"encoding/binary"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
)

// The MSI-X table and pending bits live in a BAR but belong to the function, not to its model
// (PCIe 5.0, 7.7.2).

func (fn *Function) resetTable() {
	clear(fn.table)
	clear(fn.pending)
	for v := range fn.spec.Vectors {
		fn.table[v*pcie.MSIXEntryLen+12] = pcie.MSIXEntryMasked
	}
}

// inTable finds the part of the MSI-X structures that an access means.
func (fn *Function) inTable(bar int, off uint64, n int) (p []byte, writable bool) {
	if bar != fn.spec.VectorBAR || fn.spec.Vectors == 0 {
		return nil, false
	}
	for i, p := range [][]byte{fn.table, fn.pending} {
		base := uint64(fn.spec.VectorTable)
		if i == 1 {
			base = uint64(fn.spec.VectorPending)
		}
		if off >= base && off+uint64(n) <= base+uint64(len(p)) {
			return p[off-base : off-base+uint64(n)], i == 0
		}
	}
	return nil, false
}

func (fn *Function) read(bar int, off uint64, p []byte) sim.Time {
	if part, _ := fn.inTable(bar, off, len(p)); part != nil {
		copy(p, part)
		return 0
	}
	return fn.model.Read(bar, off, p)
}

func (fn *Function) write(bar int, off uint64, p []byte) {
	part, writable := fn.inTable(bar, off, len(p))
	if part == nil {
		fn.model.Write(bar, off, p)
		return
	}
	if writable {
		copy(part, p)
		fn.wire(off - uint64(fn.spec.VectorTable))
		fn.flushPending()
	}
}

// wire zeroes the reserved bits of Vector Control in the entry at off of the table and the one
// behind it, which 8 bytes may reach (PCIe 5.0, 7.7.2.8).
func (fn *Function) wire(off uint64) {
	first := int(off) / pcie.MSIXEntryLen
	for i := first; i <= min(first+1, fn.spec.Vectors-1); i++ {
		control := fn.table[i*pcie.MSIXEntryLen+12:][:4]
		control[0] &= pcie.MSIXEntryMasked
		clear(control[1:])
	}
}

// msixControl is Message Control.
func (fn *Function) msixControl() uint64 { return fn.config.Get(pcie.MSIXAt+2, 2) }

// Interrupt raises a vector, of MSI if that is on and else of MSI-X: a message, or a pending bit
// while it is masked.
func (fn *Function) Interrupt(vector int) {
	if fn.spec.MSI > 0 && fn.get(pcie.MSIAt+pcie.MSIFlags, 2)&pcie.MSIEnable != 0 {
		fn.interruptMSI(vector)
		return
	}
	if vector >= fn.spec.Vectors || fn.msixControl()&pcie.MSIXEnable == 0 {
		return
	}
	entry := fn.table[vector*pcie.MSIXEntryLen:][:pcie.MSIXEntryLen]
	if fn.msixControl()&pcie.MSIXMaskAll != 0 || entry[12]&pcie.MSIXEntryMasked != 0 {
		fn.pending[vector/8] |= 1 << (vector % 8)
		return
	}
	fn.pending[vector/8] &^= 1 << (vector % 8)
	fn.Write(binary.LittleEndian.Uint64(entry), entry[8:12], Done{})
}

// flushPending sends what was held back, once it may go.
func (fn *Function) flushPending() {
	if fn.spec.MSI > 0 && fn.get(pcie.MSIAt+pcie.MSIFlags, 2)&pcie.MSIEnable != 0 {
		held := fn.get(pcie.MSIAt+pcie.MSIPending, 4) &^ fn.get(pcie.MSIAt+pcie.MSIMask, 4)
		for v := range fn.spec.MSI {
			if held>>v&1 != 0 {
				fn.interruptMSI(v)
			}
		}
		return
	}
	for v := range fn.spec.Vectors {
		if fn.pending[v/8]&(1<<(v%8)) != 0 {
			fn.Interrupt(v)
		}
	}
}

// Program sets an entry of the MSI-X table past the bus: for a host that keeps the table which its
// software sees to itself, as QEMU does.
func (fn *Function) Program(vector int, addr uint64, data uint32, masked bool) {
	entry := fn.table[vector*pcie.MSIXEntryLen:][:pcie.MSIXEntryLen]
	binary.LittleEndian.PutUint64(entry, addr)
	binary.LittleEndian.PutUint32(entry[8:], data)
	entry[12] &^= pcie.MSIXEntryMasked
	if masked {
		entry[12] |= pcie.MSIXEntryMasked
	}
	fn.flushPending()
}

// interruptMSI sends an MSI: the vector replaces the low bits of the data that software has
// granted (PCIe 5.0, 7.7.1).
func (fn *Function) interruptMSI(vector int) {
	granted := min(1<<pcie.MSIMany.Get(fn.get(pcie.MSIAt+pcie.MSIFlags, 2)), fn.spec.MSI)
	if vector < 0 || vector >= fn.spec.MSI {
		return
	}
	vector %= granted
	bit := uint64(1) << vector
	pending := fn.get(pcie.MSIAt+pcie.MSIPending, 4)
	if fn.get(pcie.MSIAt+pcie.MSIMask, 4)&bit != 0 {
		fn.set(pcie.MSIAt+pcie.MSIPending, 4, pending|bit)
		return
	}
	fn.set(pcie.MSIAt+pcie.MSIPending, 4, pending&^bit)
	data := fn.get(pcie.MSIAt+pcie.MSIData, 2)&^uint64(granted-1) | uint64(vector)
	var p [4]byte
	binary.LittleEndian.PutUint32(p[:], uint32(data))
	fn.Write(fn.get(pcie.MSIAt+pcie.MSIAddr, 8), p[:], Done{})
}
