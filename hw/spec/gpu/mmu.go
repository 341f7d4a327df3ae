package gpu

// MMULevel is a level of the page table.
type MMULevel struct {
	Hi, Lo uint // bits of the virtual address that index it
	Entry  int  // bytes an entry: 8, or 16 where big and small tables hang side by side
	Leaf   bool // an entry here may be a page of 1 << Lo bytes
}

// MMUFormat is a version of the page tables.
// Sources: ogkm kernel-open/nvidia-uvm/hwref/{turing/tu102,hopper/gh100}/dev_mmu.h.
type MMUFormat struct {
	Name   string
	Levels []MMULevel // root first, down to the level of 2 MiB pages
	VABits uint
	// Addresses in entries: field of an entry shifted by, for VRAM and for system memory.
	vramHi, sysHi uint
	inPlace       bool // the address stands at its own bits; else bits from 8 up, times 4 KiB
}

// MMUv2 is Turing to Ada; MMUv3 Hopper.
var (
	MMUv2 = MMUFormat{Name: "GMMU v2", VABits: 49, vramHi: 32, sysHi: 53, Levels: []MMULevel{
		{48, 47, 8, false}, {46, 38, 8, false}, {37, 29, 8, true}, {28, 21, 16, true}}}
	MMUv3 = MMUFormat{Name: "GMMU v3", VABits: 57, vramHi: 51, sysHi: 51, inPlace: true,
		Levels: []MMULevel{{56, 56, 8, false}, {55, 47, 8, false}, {46, 38, 8, false},
			{37, 29, 8, true}, {28, 21, 16, true}}}
)

// Apertures of a page: where its memory is.
type Aperture uint8

// Apertures.
const (
	VRAM Aperture = iota
	Peer
	SystemCoherent
	SystemNonCoherent
)

// TableLen is the size of a table of a level in bytes.
func (l MMULevel) TableLen() int { return l.Entry << (l.Hi - l.Lo + 1) }

// Index is the byte offset of the entry for va.
func (l MMULevel) Index(va uint64) uint64 {
	return va >> l.Lo & (1<<(l.Hi-l.Lo+1) - 1) * uint64(l.Entry)
}

// Entry is a page directory entry or a page table entry.
type Entry struct {
	Valid    bool
	Page     bool // of memory, not of a further table
	Aperture Aperture
	ReadOnly bool
	Addr     uint64
}

const (
	pageBit    = 1 // of an entry: it is a page
	readOnlyV2 = 1 << 6

	// directoryVRAM is the code of VRAM in a directory; the others are those of pages.
	directoryVRAM = 1
)

// Pack encodes an entry. Tables live in VRAM. The aperture codes of the two kinds differ: a
// directory says 1 for VRAM, a page 0.
func (f *MMUFormat) Pack(e Entry) uint64 {
	if !e.Valid {
		return 0
	}
	addr := f.packAddr(e.Addr)
	if !e.Page {
		return addr | uint64(max(e.Aperture, directoryVRAM))<<1
	}
	v := addr | uint64(e.Aperture)<<1 | pageBit
	if e.ReadOnly {
		if f.inPlace {
			v |= 1 << 5 // PCF bit 2: read only
		} else {
			v |= readOnlyV2
		}
	}
	return v
}

func (f *MMUFormat) packAddr(a uint64) uint64 {
	if f.inPlace {
		return a &^ 0xfff
	}
	return a >> 12 << 8
}

// Unpack decodes an entry.
func (f *MMUFormat) Unpack(v uint64) Entry {
	var e Entry
	if v&pageBit != 0 {
		e = Entry{Valid: true, Page: true, Aperture: Aperture(v >> 1 & 3)}
		e.ReadOnly = v&readOnlyV2 != 0 && !f.inPlace || v&(1<<5) != 0 && f.inPlace
	} else {
		target := v >> 1 & 3
		if target == 0 {
			return e
		}
		e = Entry{Valid: true}
		if target != directoryVRAM {
			e.Aperture = Aperture(target)
		}
	}
	hi := f.sysHi
	if e.Aperture == VRAM {
		hi = f.vramHi
	}
	if f.inPlace {
		e.Addr = v & (1<<(hi+1) - 1) &^ 0xfff
	} else {
		e.Addr = v & (1<<(hi+1) - 1) >> 8 << 12
	}
	return e
}
