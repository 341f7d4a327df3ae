package pcie

import "tensoros/hw/reg"

// Offsets in configuration space. Source: pci_regs.h; PCIe 5.0, 7.5.1.
const (
	VendorID     = 0x00
	DeviceID     = 0x02
	Command      = 0x04
	Status       = 0x06
	Revision     = 0x08
	ClassCode    = 0x09 // programming interface, subclass, base class
	HeaderType   = 0x0e
	BAR0         = 0x10
	SubsystemVID = 0x2c
	SubsystemID  = 0x2e
	CapPointer   = 0x34
	IntLine      = 0x3c
	ConfigLen    = 4096
	ExtendedCaps = 0x100
)

// Bits of the command register.
const (
	CommandMemory    = 1 << 1
	CommandMaster    = 1 << 2
	CommandSERR      = 1 << 8
	CommandINTxOff   = 1 << 10
	CommandWritable  = 0x0547
	StatusCapList    = 1 << 4
	BARIs64          = 0x4
	BARPrefetchable  = 0x8
	BARFlags         = 0xf
	FunctionReset    = 1 << 15 // in Device Control
	MSIXEnable       = 1 << 15
	MSIXMaskAll      = 1 << 14
	MSIXEntryMasked  = 1
	MSIXEntryLen     = 16
	DevCapFLR        = 1 << 28
	DevCapRoleErrors = 1 << 15
	DevCap2Tags10    = 3 << 16 // as completer and as requester
	DevCtl2Tags10    = 1 << 12
)

// Capability identifiers. Source: pci_regs.h.
const (
	CapPM   = 0x01
	CapMSI  = 0x05
	CapPCIe = 0x10
	CapMSIX = 0x11

	ExtCapAER = 0x0001
	ExtCapDSN = 0x0003
)

// Offsets inside the PCI Express capability. Source: pci_regs.h; PCIe 5.0, 7.5.3.
const (
	ExpFlags   = 0x02
	ExpDevCap  = 0x04
	ExpDevCtl  = 0x08
	ExpDevSta  = 0x0a
	ExpLnkCap  = 0x0c
	ExpLnkCtl  = 0x10
	ExpLnkSta  = 0x12
	ExpDevCap2 = 0x24
	ExpDevCtl2 = 0x28
	ExpLnkCap2 = 0x2c
	ExpLnkCtl2 = 0x30
	ExpLen     = 0x3c
)

// CompletionStatus is the status of a completion (PCIe 5.0, 2.2.9, table 2-34).
type CompletionStatus uint8

// Completion statuses.
const (
	Successful         CompletionStatus = 0
	UnsupportedRequest CompletionStatus = 1
	CompleterAbort     CompletionStatus = 4
)

// Fields of Device Control and of the link registers.
var (
	DevCtlMPS  = reg.Bits{Hi: 7, Lo: 5}
	DevCtlMRRS = reg.Bits{Hi: 14, Lo: 12}
	LinkSpeed  = reg.Bits{Hi: 3, Lo: 0}
	LinkWidth  = reg.Bits{Hi: 9, Lo: 4}
	MSIXSize   = reg.Bits{Hi: 10, Lo: 0}
	MSIXBIR    = reg.Bits{Hi: 2, Lo: 0}
)

// Endpoint describes the configuration space of a type 0 function.
type Endpoint struct {
	Vendor, Device       uint16
	SubVendor, SubDevice uint16
	Class                uint32 // 24 bits: base class, subclass, programming interface
	Revision             uint8
	BARs                 []BAR
	Vectors              int // MSI-X vectors; 0 for none
	VectorBAR            int // BAR that holds the MSI-X table and pending bits,
	VectorTable          int // at these offsets
	VectorPending        int
	Link                 Link

	// What may be there besides; the zero value leaves the capability out.
	MSI       int    // MSI vectors: 1, 2, 4, 8, 16 or 32
	Serial    uint64 // device serial number
	Virtual   *Virtual
	Resizable []Resizable // at most 6
	ATS       bool
	Tags10    bool // 10-bit tags as a requester
}

// BAR is a memory base address register.
type BAR struct {
	Index        int
	Size         uint64 // a power of two, at least 16
	Is64         bool
	Prefetchable bool
}

// Places of the capabilities that every function here has. Linux, lspci and QEMU take this layout
// without complaint (measured with Linux 6.12, QEMU 11.1).
const (
	PMAt      = 0x40
	MSIXAt    = 0x50
	ExpressAt = 0x60
)

// Header is the table of registers of an endpoint.
func (e *Endpoint) Header() reg.Table {
	const hdr = "PCIe 5.0, 7.5.1"
	t := reg.Table{
		{Name: "VID", Off: VendorID, Size: 2, Reset: uint64(e.Vendor), Section: hdr + ".1.1"},
		{Name: "DID", Off: DeviceID, Size: 2, Reset: uint64(e.Device), Section: hdr + ".1.2"},
		{Name: "CMD", Off: Command, Size: 2, RW: CommandWritable, Section: hdr + ".1.3"},
		{Name: "STS", Off: Status, Size: 2, Reset: StatusCapList, W1C: 0xf900,
			Section: hdr + ".1.4"},
		{Name: "RID", Off: Revision, Size: 1, Reset: uint64(e.Revision), Section: hdr + ".1.5"},
		{Name: "PI", Off: 0x09, Size: 1, Reset: uint64(e.Class & 0xff), Section: hdr + ".1.6"},
		{Name: "SCC", Off: 0x0a, Size: 1, Reset: uint64(e.Class >> 8 & 0xff),
			Section: hdr + ".1.6"},
		{Name: "BCC", Off: 0x0b, Size: 1, Reset: uint64(e.Class >> 16 & 0xff),
			Section: hdr + ".1.6"},
		{Name: "CLS", Off: 0x0c, Size: 1, RW: 0xff, Section: hdr + ".1.7"},
		{Name: "HTYPE", Off: HeaderType, Size: 1, Section: hdr + ".1.9"},
	}
	t = append(t, bars(e.BARs, BAR0, "PCIe 5.0, 7.5.1.2.1")...)
	return append(t, reg.Table{
		{Name: "SSVID", Off: SubsystemVID, Size: 2, Reset: uint64(e.SubVendor),
			Section: hdr + ".2.3"},
		{Name: "SSID", Off: SubsystemID, Size: 2, Reset: uint64(e.SubDevice),
			Section: hdr + ".2.3"},
		{Name: "CAP", Off: CapPointer, Size: 1, Reset: PMAt, Section: hdr + ".1.11"},
		{Name: "ILINE", Off: IntLine, Size: 1, RW: 0xff, Section: hdr + ".1.12"},
	}...)
}

func bars(list []BAR, at int, section string) reg.Table {
	var t reg.Table
	for _, b := range list {
		flags := uint64(0)
		if b.Is64 {
			flags |= BARIs64
		}
		if b.Prefetchable {
			flags |= BARPrefetchable
		}
		mask := ^(b.Size - 1)
		t = append(t, reg.Register{Name: "BAR", Off: at + 4*b.Index, Size: 4, Reset: flags,
			RW: mask & 0xfffffff0, Section: section})
		if b.Is64 {
			t = append(t, reg.Register{Name: "BARH", Off: at + 4*b.Index + 4, Size: 4,
				RW: mask >> 32, Section: section})
		}
	}
	return t
}

// Capabilities is the table of the capability registers: power management, MSI-X, PCI Express, MSI,
// and from advanced error reporting on those in extended space.
func (e *Endpoint) Capabilities() reg.Table {
	next := uint64(MSIXAt)
	if e.Vectors == 0 {
		next = ExpressAt
	}
	t := reg.Table{
		{Name: "PMCAP", Off: PMAt, Size: 4, Reset: 3<<16 | next<<8 | CapPM,
			Section: "PCIe 5.0, 7.5.2.1"},
		{Name: "PMCSR", Off: PMAt + 4, Size: 4, RW: 0x0103, Section: "PCIe 5.0, 7.5.2.2"},
	}
	if e.Vectors > 0 {
		bir := uint64(e.VectorBAR)
		t = append(t, reg.Table{
			{Name: "MXID", Off: MSIXAt, Size: 2, Reset: ExpressAt<<8 | CapMSIX,
				Section: "PCIe 5.0, 7.7.2"},
			{Name: "MXC", Off: MSIXAt + 2, Size: 2, Reset: uint64(e.Vectors - 1), RW: 0xc000,
				Section: "PCIe 5.0, 7.7.2.2"},
			{Name: "MTAB", Off: MSIXAt + 4, Size: 4, Reset: uint64(e.VectorTable) | bir,
				Section: "PCIe 5.0, 7.7.2.3"},
			{Name: "MPBA", Off: MSIXAt + 8, Size: 4, Reset: uint64(e.VectorPending) | bir,
				Section: "PCIe 5.0, 7.7.2.4"},
		}...)
	}
	next = 0
	if e.MSI > 0 {
		next = MSIAt
	}
	caps2 := uint64(0x1f)
	if e.Tags10 {
		caps2 |= DevCap2Tags10
	}
	t = append(t, e.Link.express(2, next, caps2)...)
	if e.MSI > 0 {
		t = append(t, e.msi()...)
	}
	return append(t, e.extended()...)
}

// express is the PCI Express capability with the given flags.
func (l Link) express(flags, next, caps2 uint64) reg.Table {
	const sec = "PCIe 5.0, 7.5.3"
	caps := uint64(SizeCode(l.MPS)) | DevCapRoleErrors
	if flags>>4 == 0 { // an endpoint
		caps |= DevCapFLR
	}
	link := uint64(l.Gen) | uint64(l.Lanes)<<4
	speeds := uint64(1<<(l.Gen+1) - 2)
	return reg.Table{
		{Name: "PXID", Off: ExpressAt, Size: 2, Reset: next<<8 | CapPCIe, Section: sec + ".1"},
		{Name: "PXCAP", Off: ExpressAt + ExpFlags, Size: 2, Reset: flags, Section: sec + ".2"},
		{Name: "DEVCAP", Off: ExpressAt + ExpDevCap, Size: 4, Reset: caps, Section: sec + ".3"},
		{Name: "DEVCTL", Off: ExpressAt + ExpDevCtl, Size: 2, Reset: 0x2810, RW: 0x7fff,
			Section: sec + ".4"},
		{Name: "DEVSTA", Off: ExpressAt + ExpDevSta, Size: 2, W1C: 0xf, Section: sec + ".5"},
		{Name: "LNKCAP", Off: ExpressAt + ExpLnkCap, Size: 4, Reset: link, Section: sec + ".6"},
		{Name: "LNKCTL", Off: ExpressAt + ExpLnkCtl, Size: 2, RW: 0x0fcb, Section: sec + ".7"},
		{Name: "LNKSTA", Off: ExpressAt + ExpLnkSta, Size: 2, Reset: link, Section: sec + ".8"},
		{Name: "DEVCAP2", Off: ExpressAt + ExpDevCap2, Size: 4, Reset: caps2,
			Section: sec + ".15"},
		{Name: "DEVCTL2", Off: ExpressAt + ExpDevCtl2, Size: 2,
			RW: 0x1f | caps2>>17&1*DevCtl2Tags10, Section: sec + ".16"},
		{Name: "LNKCAP2", Off: ExpressAt + ExpLnkCap2, Size: 4, Reset: speeds,
			Section: sec + ".18"},
		{Name: "LNKCTL2", Off: ExpressAt + ExpLnkCtl2, Size: 2, Reset: uint64(l.Gen), RW: 0xf,
			Section: sec + ".19"},
	}
}

// aer is advanced error reporting, with the registers of a root port if root.
func aer(root bool) reg.Table {
	const sec = "PCIe 5.0, 7.8.4"
	t := reg.Table{
		{Name: "AERID", Off: AERAt, Size: 4, Reset: 2<<16 | ExtCapAER, Section: sec + ".1"},
		{Name: "AERUCES", Off: 0x104, Size: 4, W1C: 0x07fff030, Section: sec + ".2"},
		{Name: "AERUCEM", Off: 0x108, Size: 4, RW: 0x07fff030, Section: sec + ".3"},
		{Name: "AERUCESEV", Off: 0x10c, Size: 4, Reset: 0x00462030, RW: 0x07fff030,
			Section: sec + ".4"},
		{Name: "AERCS", Off: 0x110, Size: 4, W1C: 0xf1c1, Section: sec + ".5"},
		{Name: "AERCM", Off: 0x114, Size: 4, Reset: 0x2000, RW: 0xf1c1, Section: sec + ".6"},
		{Name: "AERCC", Off: 0x118, Size: 4, Section: sec + ".7"},
	}
	for i := range 4 {
		t = append(t, reg.Register{Name: "AERHL", Off: AERAt + AERHeader + 4*i, Size: 4,
			Section: sec + ".8"})
	}
	if root {
		t = append(t, reg.Table{
			{Name: "AERRC", Off: AERAt + AERRootCommand, Size: 4, RW: 7, Section: sec + ".9"},
			{Name: "AERRS", Off: AERAt + AERRootStatus, Size: 4, W1C: 0x7f, Section: sec + ".10"},
			{Name: "AERSRC", Off: AERAt + AERRootSource, Size: 4, Section: sec + ".11"}}...)
	}
	return t
}
