package gpu

import (
	"encoding/binary"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/gpu"
)

// The driver keeps the page tables in host memory while it builds them: reading them back over
// PCI Express would cost more than all the rest.
type shadow struct {
	bytes  []byte
	tables map[[2]uint64]uint64 // (table, index) -> lower table
}

// mapPage enters a page of 512 MiB.
func (d *Device) mapPage(va uint64, e spec.Entry) error {
	if d.shadow.bytes == nil {
		d.shadow = shadow{make([]byte, tablesLen), map[[2]uint64]uint64{}}
	}
	f := d.Iface.MMU
	at := d.root
	for i, level := range f.Levels {
		slot := at + level.Index(va)
		if level.Leaf {
			binary.LittleEndian.PutUint64(d.shadow.bytes[slot:], f.Pack(e))
			return nil
		}
		key := [2]uint64{at, level.Index(va)}
		lower, ok := d.shadow.tables[key]
		if !ok {
			lower = d.table(i + 1)
			if d.next > tablesLen {
				return d.fail("map", fmt.Sprintf("%#x: page tables are full", va), hw.ErrNoMemory)
			}
			d.shadow.tables[key] = lower
			dir := f.Pack(spec.Entry{Valid: true, Aperture: spec.VRAM, Addr: lower})
			binary.LittleEndian.PutUint64(d.shadow.bytes[slot:], dir)
		}
		at = lower
	}
	return nil
}

// flushTables writes what has been built.
func (d *Device) flushTables() {
	d.vram.Copy(tablesAt, d.shadow.bytes[:d.next])
	d.shadow = shadow{}
}
