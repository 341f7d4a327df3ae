package pcie

import "tensoros/hw/reg"

// Optional capabilities of an endpoint, and where they lie.
const (
	MSIAt       = 0xa0
	SerialAt    = 0x148
	ACSAt       = 0x158
	SRIOVAt     = 0x160
	ResizableAt = 0x1a0
	ATSAt       = 0x1d8

	ExtCapACS       = 0x000d
	ExtCapATS       = 0x000f
	ExtCapSRIOV     = 0x0010
	ExtCapResizable = 0x0015
)

// Virtual describes the SR-IOV capability. The registers are there; virtual functions are not.
type Virtual struct {
	Total          int
	Offset, Stride int
	Device         uint16
	BARs           []BAR
}

// Resizable lets a BAR take other sizes: bit i of Sizes allows 1 MiB << i.
type Resizable struct {
	BAR   int
	Sizes uint32
}

// Registers of the optional capabilities (pci_regs.h).
const (
	MSIEnable   = 1 << 0
	MSIFlags    = 2
	MSIAddr     = 4
	MSIData     = 0xc
	MSIMask     = 0x10
	MSIPending  = 0x14
	ACSRedirect = 1 << 2 // request redirect
	ACSComplete = 1 << 3 // completion redirect
	ACSEgress   = 1 << 5 // egress control
	ACSControl  = 6
	ACSVector   = 8
	ATSEnable   = 1 << 15
)

var (
	MSIMany       = reg.Bits{Hi: 6, Lo: 4}
	ResizableSize = reg.Bits{Hi: 13, Lo: 8}
	PowerState    = reg.Bits{Hi: 1, Lo: 0}
)

// D3hot in the power state field.
const D3hot = 3

func log2(n int) (l uint64) {
	for ; n > 1; n /= 2 {
		l++
	}
	return l
}

func (e *Endpoint) msi() reg.Table {
	const sec = "PCIe 5.0, 7.7.1"
	vectors := uint64(1)<<e.MSI - 1
	return reg.Table{
		{Name: "MID", Off: MSIAt, Size: 2, Reset: CapMSI, Section: sec + ".1"},
		{Name: "MC", Off: MSIAt + MSIFlags, Size: 2, Reset: 1<<8 | 1<<7 | log2(e.MSI)<<1, RW: 0x71,
			Section: sec + ".2"},
		{Name: "MA", Off: MSIAt + MSIAddr, Size: 4, RW: 0xfffffffc, Section: sec + ".3"},
		{Name: "MUA", Off: MSIAt + MSIAddr + 4, Size: 4, RW: 0xffffffff, Section: sec + ".4"},
		{Name: "MD", Off: MSIAt + MSIData, Size: 2, RW: 0xffff, Section: sec + ".5"},
		{Name: "MMASK", Off: MSIAt + MSIMask, Size: 4, RW: vectors, Section: sec + ".7"},
		{Name: "MPEND", Off: MSIAt + MSIPending, Size: 4, Section: sec + ".8"},
	}
}

// extended is the chain of the extended capabilities that are there, from AER on.
func (e *Endpoint) extended() reg.Table {
	parts := []reg.Table{aer(false)}
	if e.Serial != 0 {
		parts = append(parts, reg.Table{
			{Name: "DSNID", Off: SerialAt, Size: 4, Reset: 1<<16 | ExtCapDSN,
				Section: "PCIe 5.0, 7.9.3.1"},
			{Name: "DSN", Off: SerialAt + 4, Size: 4, Reset: e.Serial & 0xffffffff,
				Section: "PCIe 5.0, 7.9.3.2"},
			{Name: "DSNH", Off: SerialAt + 8, Size: 4, Reset: e.Serial >> 32,
				Section: "PCIe 5.0, 7.9.3.2"}})
	}
	if e.Virtual != nil {
		parts = append(parts, e.Virtual.table())
	}
	if len(e.Resizable) > 0 {
		parts = append(parts, e.resizable())
	}
	if e.ATS {
		parts = append(parts, reg.Table{
			{Name: "ATSID", Off: ATSAt, Size: 4, Reset: 1<<16 | ExtCapATS,
				Section: "PCIe 5.0, 10.5.1.1"},
			{Name: "ATSCAP", Off: ATSAt + 4, Size: 2, Reset: 1 << 5, Section: "PCIe 5.0, 10.5.1.2"},
			{Name: "ATSCTL", Off: ATSAt + 6, Size: 2, RW: 0x801f, Section: "PCIe 5.0, 10.5.1.3"}})
	}
	return chain(parts)
}

// chain links extended capabilities: the offset of the next is in bits 31:20 of the first dword.
func chain(parts []reg.Table) (t reg.Table) {
	for i, p := range parts {
		if i+1 < len(parts) {
			p[0].Reset |= uint64(parts[i+1][0].Off) << 20
		}
		t = append(t, p...)
	}
	return t
}

func (v *Virtual) table() reg.Table {
	const sec = "PCIe 5.0, 9.3.3"
	n := uint64(v.Total)
	t := reg.Table{
		{Name: "SRID", Off: SRIOVAt, Size: 4, Reset: 1<<16 | ExtCapSRIOV, Section: sec + ".1"},
		{Name: "SRCAP", Off: SRIOVAt + 4, Size: 4, Section: sec + ".2"},
		{Name: "SRCTL", Off: SRIOVAt + 8, Size: 2, RW: 0x19, Section: sec + ".3"},
		{Name: "SRSTA", Off: SRIOVAt + 0xa, Size: 2, Section: sec + ".4"},
		{Name: "INITVF", Off: SRIOVAt + 0xc, Size: 2, Reset: n, Section: sec + ".5"},
		{Name: "TOTVF", Off: SRIOVAt + 0xe, Size: 2, Reset: n, Section: sec + ".6"},
		{Name: "NUMVF", Off: SRIOVAt + 0x10, Size: 2, RW: 0xffff, Section: sec + ".7"},
		{Name: "VFOFF", Off: SRIOVAt + 0x14, Size: 2, Reset: uint64(v.Offset), Section: sec + ".9"},
		{Name: "VFSTR", Off: SRIOVAt + 0x16, Size: 2, Reset: uint64(v.Stride),
			Section: sec + ".10"},
		{Name: "VFDID", Off: SRIOVAt + 0x1a, Size: 2, Reset: uint64(v.Device),
			Section: sec + ".11"},
		{Name: "VFPS", Off: SRIOVAt + 0x1c, Size: 4, Reset: 1, Section: sec + ".12"},
		{Name: "SYSPS", Off: SRIOVAt + 0x20, Size: 4, Reset: 1, RW: 0xffffffff,
			Section: sec + ".13"},
	}
	return append(t, bars(v.BARs, SRIOVAt+0x24, sec+".14")...)
}

func (e *Endpoint) resizable() reg.Table {
	const sec = "PCIe 5.0, 7.8.6"
	t := reg.Table{{Name: "RBID", Off: ResizableAt, Size: 4, Reset: 1<<16 | ExtCapResizable,
		Section: sec + ".1"}}
	for i, r := range e.Resizable {
		at := ResizableAt + 4 + 8*i
		control := uint64(r.BAR) | uint64(len(e.Resizable))<<5
		for _, b := range e.BARs {
			if b.Index == r.BAR {
				control |= (log2(int(b.Size>>20)) & 0x3f) << 8
			}
		}
		t = append(t, reg.Register{Name: "RBCAP", Off: at, Size: 4, Reset: uint64(r.Sizes) << 4,
			Section: sec + ".2"}, reg.Register{Name: "RBCTL", Off: at + 4, Size: 4, Reset: control,
			RW: ResizableSize.Mask(), Section: sec + ".3"})
	}
	return t
}

// PortKind is the device and port type of a bridge (PCIe 5.0, 7.5.3.2).
type PortKind uint8

// Port kinds.
const (
	RootPort       PortKind = 4
	UpstreamPort   PortKind = 5
	DownstreamPort PortKind = 6
)

// Offsets in a type 1 header (pci_regs.h; PCIe 5.0, 7.5.1.3).
const (
	PrimaryBus      = 0x18
	SecondaryBus    = 0x19
	SubordinateBus  = 0x1a
	SecondaryStatus = 0x1e
	MemoryBase      = 0x20
	MemoryLimit     = 0x22
	PrefetchBase    = 0x24
	PrefetchLimit   = 0x26
	PrefetchBaseHi  = 0x28
	PrefetchLimitHi = 0x2c
	BridgeControl   = 0x3e
	SecondaryReset  = 1 << 6
)

// Bridge is the configuration space of a port: type 1 header, power management, PCI Express, AER,
// and ACS where peers may meet.
func (l Link) Bridge(kind PortKind) reg.Table {
	const hdr = "PCIe 5.0, 7.5.1"
	t := reg.Table{
		{Name: "VID", Off: VendorID, Size: 2, Reset: 0x1b36, Section: hdr + ".1.1"},
		{Name: "DID", Off: DeviceID, Size: 2, Reset: 0x000c, Section: hdr + ".1.2"},
		{Name: "CMD", Off: Command, Size: 2, RW: CommandWritable, Section: hdr + ".1.3"},
		{Name: "STS", Off: Status, Size: 2, Reset: StatusCapList, W1C: 0xf900,
			Section: hdr + ".1.4"},
		{Name: "CC", Off: Revision, Size: 4, Reset: 0x060400 << 8, Section: hdr + ".1.6"},
		{Name: "CLS", Off: 0x0c, Size: 1, RW: 0xff, Section: hdr + ".1.7"},
		{Name: "HTYPE", Off: HeaderType, Size: 1, Reset: 1, Section: hdr + ".1.9"},
		{Name: "PBN", Off: PrimaryBus, Size: 1, RW: 0xff, Section: hdr + ".3.1"},
		{Name: "SBN", Off: SecondaryBus, Size: 1, RW: 0xff, Section: hdr + ".3.2"},
		{Name: "SUBN", Off: SubordinateBus, Size: 1, RW: 0xff, Section: hdr + ".3.3"},
		{Name: "SSTS", Off: SecondaryStatus, Size: 2, W1C: 0xf900, Section: hdr + ".3.7"},
		{Name: "MB", Off: MemoryBase, Size: 2, Reset: 0xfff0, RW: 0xfff0, Section: hdr + ".3.8"},
		{Name: "ML", Off: MemoryLimit, Size: 2, RW: 0xfff0, Section: hdr + ".3.8"},
		{Name: "PMB", Off: PrefetchBase, Size: 2, Reset: 0xfff1, RW: 0xfff0, Section: hdr + ".3.9"},
		{Name: "PML", Off: PrefetchLimit, Size: 2, Reset: 1, RW: 0xfff0, Section: hdr + ".3.9"},
		{Name: "PBU", Off: PrefetchBaseHi, Size: 4, RW: 0xffffffff, Section: hdr + ".3.10"},
		{Name: "PLU", Off: PrefetchLimitHi, Size: 4, RW: 0xffffffff, Section: hdr + ".3.10"},
		{Name: "CAP", Off: CapPointer, Size: 1, Reset: PMAt, Section: hdr + ".1.11"},
		{Name: "BCTL", Off: BridgeControl, Size: 2, RW: 0x43, Section: hdr + ".3.13"},
		{Name: "PMCAP", Off: PMAt, Size: 4, Reset: 3<<16 | ExpressAt<<8 | CapPM,
			Section: "PCIe 5.0, 7.5.2.1"},
		{Name: "PMCSR", Off: PMAt + 4, Size: 4, RW: 0x0103, Section: "PCIe 5.0, 7.5.2.2"},
	}
	t = append(t, l.express(uint64(kind)<<4|2, 0, 0)...)
	parts := []reg.Table{aer(kind == RootPort)}
	if kind != UpstreamPort {
		const sec = "PCIe 5.0, 7.7.8"
		parts = append(parts, reg.Table{
			{Name: "ACSID", Off: ACSAt, Size: 4, Reset: 1<<16 | ExtCapACS, Section: sec + ".1"},
			{Name: "ACSCAP", Off: ACSAt + 4, Size: 2, Section: sec + ".2",
				Reset: 32<<8 | ACSRedirect | ACSComplete | ACSEgress},
			{Name: "ACSCTL", Off: ACSAt + ACSControl, Size: 2, Section: sec + ".3",
				RW: ACSRedirect | ACSComplete | ACSEgress},
			{Name: "ACSEGR", Off: ACSAt + ACSVector, Size: 4, RW: 0xffffffff, Section: sec + ".4"}})
	}
	return append(t, chain(parts)...)
}
