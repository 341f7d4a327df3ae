package nvme

import (
	"encoding/binary"
	"strings"
)

var le = binary.LittleEndian

// Identify CNS values (Base, figure 274).
const (
	CNSNamespace         = 0x00
	CNSController        = 0x01
	CNSActive            = 0x02
	CNSDescriptors       = 0x03
	CNSNamespaceCSI      = 0x05 // what is a command set's own
	CNSControllerCSI     = 0x06
	CNSActiveCSI         = 0x07
	CNSNamespaceGeneral  = 0x08 // what is the same for every command set
	CNSAllocated         = 0x10
	CNSAllocatedIdentify = 0x11
	CNSAttached          = 0x12 // controllers a namespace is attached to
	CNSControllers       = 0x13 // controllers of the subsystem
	CNSPrimary           = 0x14 // virtualization: not offered here
	CNSSecondary         = 0x15
	CNSGranularity       = 0x16
	CNSUUIDs             = 0x17
	CNSDomains           = 0x18
	CNSEnduranceGroups   = 0x19
	CNSAllocatedCSI      = 0x1a
	CNSCommandSets       = 0x1c
)

// Fields of Identify (Base, 5.17): CNS and CNTID in CDW10, CSI in CDW11.
const (
	CNSMask       = 0xff
	CNTIDShift    = 16
	CSIShift      = 24
	CSINVM        = 0 // the NVM command set (Base, figure 273)
	AnyController = 0xffff
)

// Namespace identification descriptor types (Base, figure 277).
const (
	NIDTypeEUI64 = 1 // 8 bytes
	NIDTypeNGUID = 2 // 16
	NIDTypeUUID  = 3 // 16
	NIDTypeCSI   = 4 // 1: the command set
)

// PowerState is a power state descriptor (Base, figure 277 of 5.17.2.1).
type PowerDescriptor struct {
	MaxPower             uint16 // of a hundredth of a watt
	NonOperational       bool
	EntryLat, ExitLat    uint32 // microseconds
	ReadThr, ReadLat     uint8  // relative: 0 is best
	WriteThr, WriteLat   uint8
	IdlePower, IdleScale uint16
}

// Controller is what is used of the Identify Controller structure (Base, 5.17.2.1, figure 276).
type Controller struct {
	VID, SSVID   uint16
	Serial       string // 20 ASCII characters
	Model        string // 40
	Firmware     string // 8
	RAB          uint8  // recommended arbitration burst
	IEEE         [3]uint8
	MDTS         uint8 // largest transfer, 2^MDTS smallest pages; 0: no limit
	CNTLID       uint16
	Version      uint32
	RTD3R, RTD3E uint32 // microseconds
	OAES         uint32
	CTRATT       uint32
	CNTRLTYPE    uint8
	CRDT         [3]uint16 // command retry delay times, 100 ms
	NVMSR        uint8     // this is an NVM subsystem of a storage device: 1
	OACS         uint16
	ACL, AERL    uint8 // 0's based
	FRMW, LPA    uint8
	ELPE         uint8 // 0's based
	NPSS         uint8 // 0's based
	APSTA        uint8
	WCTEMP       uint16
	CCTEMP       uint16
	MTFA         uint16 // 100 ms
	HMPRE, HMMIN uint32 // 4 KiB
	TNVMCAP      uint64 // bytes
	UNVMCAP      uint64 // bytes
	EDSTT        uint16 // minutes
	DSTO         uint8
	FWUG         uint8  // 4 KiB
	KAS          uint16 // 100 ms
	HCTMA        uint16
	SANICAP      uint32
	SQES, CQES   uint8 // smallest 3:0, largest 7:4, log2
	MAXCMD       uint16
	NN           uint32
	ONCS         uint16
	FUSES        uint16
	FNA          uint8
	VWC          uint8
	AWUN, AWUPF  uint16 // blocks, 0's based
	NWPC         uint8
	ACWU         uint16 // blocks, 0's based
	OCFS         uint16 // copy descriptor formats
	SGLS         uint32
	MNAN         uint32
	SUBNQN       string
	Power        [32]PowerDescriptor
}

// Bits of OACS, ONCS, FNA, VWC, LPA, FRMW, SGLS, SANICAP, FUSES and CTRATT (Base, figure 276).
const (
	OACSFormat         = 1 << 1
	OACSFirmware       = 1 << 2
	OACSNamespaces     = 1 << 3
	OACSSelfTest       = 1 << 4
	OACSDoorbellBuffer = 1 << 8

	ONCSCompare       = 1 << 0
	ONCSUncorrectable = 1 << 1
	ONCSDSM           = 1 << 2
	ONCSWriteZeroes   = 1 << 3
	ONCSSave          = 1 << 4
	ONCSReservations  = 1 << 5
	ONCSTimestamp     = 1 << 6
	ONCSVerify        = 1 << 7
	ONCSCopy          = 1 << 8

	CTRATTHostID  = 1 << 0 // host identifiers of 128 bits
	FNACrypto     = 1 << 2
	VWCPresent    = 1 << 0
	VWCFlushAll   = 3 << 1 // Flush with NSID FFFFFFFFh is supported
	LPASMART      = 1 << 0 // SMART of each namespace
	LPAEffects    = 1 << 1
	LPAExtended   = 1 << 2 // offsets and 32-bit lengths
	LPATelemetry  = 1 << 3
	LPASupported  = 1 << 5 // LID 0
	FRMWReadOnly1 = 1 << 0
	FRMWNoReset   = 1 << 4

	SGLSAligned   = 1 << 0 // no alignment is asked for
	SGLSDword     = 2 << 0
	SGLSBitBucket = 1 << 16
	SGLSMPTRByte  = 1 << 17
	SGLSLonger    = 1 << 18 // an SGL may be longer than the data

	SanitizeCapCrypto    = 1 << 0
	SanitizeCapBlock     = 1 << 1
	SanitizeCapOverwrite = 1 << 2
	SanitizeCapNDI       = 1 << 29 // no-deallocate is inhibited
	SanitizeCapNoModify  = 1 << 30 // media is not modified once a sanitize is over

	FuseCompareWrite = 1 << 0
	DSTOOne          = 1 << 0 // one self-test in the subsystem
)

// Encode writes the structure into p, 4096 bytes.
func (c *Controller) Encode(p []byte) {
	clear(p[:IdentifyLen])
	le.PutUint16(p[0:], c.VID)
	le.PutUint16(p[2:], c.SSVID)
	pad(p[4:24], c.Serial)
	pad(p[24:64], c.Model)
	pad(p[64:72], c.Firmware)
	copy(p[73:76], c.IEEE[:])
	copy(p[768:1023], c.SUBNQN)
	c.numbers(p, func(off int, v any) {
		switch v := v.(type) {
		case *uint8:
			p[off] = *v
		case *uint16:
			le.PutUint16(p[off:], *v)
		case *uint32:
			le.PutUint32(p[off:], *v)
		case *uint64:
			le.PutUint64(p[off:], *v)
		}
	})
	for i := range c.Power {
		c.Power[i].encode(p[2048+32*i:])
	}
}

// DecodeController reads the structure from 4096 bytes.
func DecodeController(p []byte) (c Controller) {
	_ = p[IdentifyLen-1]
	c.VID, c.SSVID = le.Uint16(p[0:]), le.Uint16(p[2:])
	c.Serial, c.Model, c.Firmware = text(p[4:24]), text(p[24:64]), text(p[64:72])
	copy(c.IEEE[:], p[73:76])
	c.SUBNQN = text(p[768:1024])
	c.numbers(p, func(off int, v any) {
		switch v := v.(type) {
		case *uint8:
			*v = p[off]
		case *uint16:
			*v = le.Uint16(p[off:])
		case *uint32:
			*v = le.Uint32(p[off:])
		case *uint64:
			*v = le.Uint64(p[off:])
		}
	})
	for i := range c.Power {
		c.Power[i] = decodePower(p[2048+32*i:])
	}
	return c
}

// numbers calls f for each number of the structure with its offset.
func (c *Controller) numbers(_ []byte, f func(off int, v any)) {
	for _, r := range []struct {
		off int
		v   any
	}{
		{72, &c.RAB}, {77, &c.MDTS}, {78, &c.CNTLID}, {80, &c.Version}, {84, &c.RTD3R},
		{88, &c.RTD3E}, {92, &c.OAES}, {96, &c.CTRATT}, {111, &c.CNTRLTYPE},
		{128, &c.CRDT[0]}, {130, &c.CRDT[1]}, {132, &c.CRDT[2]}, {253, &c.NVMSR},
		{256, &c.OACS}, {258, &c.ACL}, {259, &c.AERL}, {260, &c.FRMW}, {261, &c.LPA},
		{262, &c.ELPE}, {263, &c.NPSS}, {265, &c.APSTA}, {266, &c.WCTEMP}, {268, &c.CCTEMP},
		{270, &c.MTFA}, {272, &c.HMPRE}, {276, &c.HMMIN}, {280, &c.TNVMCAP}, {296, &c.UNVMCAP},
		{316, &c.EDSTT}, {318, &c.DSTO}, {319, &c.FWUG}, {320, &c.KAS}, {322, &c.HCTMA},
		{328, &c.SANICAP}, {512, &c.SQES}, {513, &c.CQES}, {514, &c.MAXCMD}, {516, &c.NN},
		{520, &c.ONCS}, {522, &c.FUSES}, {524, &c.FNA}, {525, &c.VWC}, {526, &c.AWUN},
		{528, &c.AWUPF}, {531, &c.NWPC}, {532, &c.ACWU}, {534, &c.OCFS}, {536, &c.SGLS},
		{540, &c.MNAN},
	} {
		f(r.off, r.v)
	}
}

func (d *PowerDescriptor) encode(p []byte) {
	le.PutUint16(p, d.MaxPower)
	if d.NonOperational {
		p[3] = 2
	}
	le.PutUint32(p[4:], d.EntryLat)
	le.PutUint32(p[8:], d.ExitLat)
	p[12], p[13], p[14], p[15] = d.ReadThr, d.ReadLat, d.WriteThr, d.WriteLat
	le.PutUint16(p[16:], d.IdlePower)
	p[18] = uint8(d.IdleScale << 6)
}

func decodePower(p []byte) PowerDescriptor {
	return PowerDescriptor{MaxPower: le.Uint16(p), NonOperational: p[3]&2 != 0,
		EntryLat: le.Uint32(p[4:]), ExitLat: le.Uint32(p[8:]), ReadThr: p[12], ReadLat: p[13],
		WriteThr: p[14], WriteLat: p[15], IdlePower: le.Uint16(p[16:]),
		IdleScale: uint16(p[18] >> 6)}
}

// pad stores ASCII filled up with spaces, as the structure's strings are.
func pad(p []byte, s string) {
	for i := copy(p, s); i < len(p); i++ {
		p[i] = ' '
	}
}

func text(p []byte) string { return strings.TrimRight(string(p), " \x00") }

// Namespace is what is used of the Identify Namespace structure (NVM, 4.1.5.1, figure 97).
type Namespace struct {
	Size, Capacity, Used uint64 // NSZE, NCAP, NUSE in blocks
	NSFEAT               uint8
	FLBAS                uint8
	MC, DPC, DPS         uint8
	NMIC                 uint8
	RESCAP               uint8
	FPI                  uint8 // bit 7: supported; 6:0 per cent of a Format that is left
	DLFEAT               uint8
	NAWUN, NAWUPF, NACWU uint16 // blocks, 0's based
	NVMCAP               uint64 // bytes
	NPWG, NPWA           uint16 // blocks, 0's based
	NPDG, NPDA, NOWS     uint16
	MSSRL                uint16 // blocks of a source range of Copy
	MCL                  uint32 // blocks of a Copy
	MSRC                 uint8  // source ranges of a Copy, 0's based
	NSATTR               uint8  // bit 0: write protected
	LBADS                [16]uint8
	MS                   [16]uint16 // bytes of metadata a block, by format
	RP                   [16]uint8  // relative performance, 0 is best
	NGUID                [16]byte
	EUI64                [8]byte
}

// Bits of NSFEAT and DLFEAT (NVM, figure 97).
const (
	NSFEATAtomic   = 1 << 1 // NAWUN and its kin count
	NSFEATDULBE    = 1 << 2
	NSFEATUniqueID = 1 << 3 // NGUID and EUI64 are never used again
	NSFEATPerf     = 1 << 4 // NPWG and its kin count
	DLFEATZero     = 1      // deallocated blocks read zero
	DLFEATWZDeac   = 1 << 3 // Write Zeroes takes DEAC
)

// BlockShift is log2 of the block size in use.
func (n *Namespace) BlockShift() uint8 { return n.LBADS[n.FLBAS&0xf] }

// Encode writes the structure into p, 4096 bytes.
func (n *Namespace) Encode(p []byte) {
	clear(p[:IdentifyLen])
	le.PutUint64(p[0:], n.Size)
	le.PutUint64(p[8:], n.Capacity)
	le.PutUint64(p[16:], n.Used)
	formats := 0
	for i, ds := range n.LBADS {
		if ds != 0 {
			formats = i
		}
		le.PutUint32(p[128+4*i:], uint32(n.MS[i])|uint32(ds)<<16|uint32(n.RP[i]&3)<<24)
	}
	p[24], p[25], p[26], p[27], p[28], p[29] = n.NSFEAT, uint8(formats), n.FLBAS, n.MC, n.DPC, n.DPS
	p[30], p[31], p[32], p[33] = n.NMIC, n.RESCAP, n.FPI, n.DLFEAT
	for i, v := range n.halves() {
		if i < 3 {
			le.PutUint16(p[34+2*i:], *v)
		} else {
			le.PutUint16(p[64+2*(i-3):], *v)
		}
	}
	le.PutUint64(p[48:], n.NVMCAP)
	le.PutUint32(p[76:], n.MCL)
	p[80], p[99] = n.MSRC, n.NSATTR
	copy(p[104:120], n.NGUID[:])
	copy(p[120:128], n.EUI64[:])
}

// halves are the 16-bit numbers: three at byte 34, six at byte 64.
func (n *Namespace) halves() []*uint16 {
	return []*uint16{&n.NAWUN, &n.NAWUPF, &n.NACWU, &n.NPWG, &n.NPWA, &n.NPDG, &n.NPDA, &n.NOWS,
		&n.MSSRL}
}

// DecodeNamespace reads the structure from 4096 bytes.
func DecodeNamespace(p []byte) (n Namespace) {
	_ = p[IdentifyLen-1]
	n.Size, n.Capacity, n.Used = le.Uint64(p[0:]), le.Uint64(p[8:]), le.Uint64(p[16:])
	n.NSFEAT, n.FLBAS, n.MC, n.DPC, n.DPS = p[24], p[26], p[27], p[28], p[29]
	n.NMIC, n.RESCAP, n.FPI, n.DLFEAT = p[30], p[31], p[32], p[33]
	for i, v := range n.halves() {
		if i < 3 {
			*v = le.Uint16(p[34+2*i:])
		} else {
			*v = le.Uint16(p[64+2*(i-3):])
		}
	}
	n.NVMCAP, n.MCL, n.MSRC, n.NSATTR = le.Uint64(p[48:]), le.Uint32(p[76:]), p[80], p[99]
	for i := range n.LBADS {
		v := le.Uint32(p[128+4*i:])
		n.MS[i], n.LBADS[i], n.RP[i] = uint16(v), uint8(v>>16), uint8(v>>24&3)
	}
	copy(n.NGUID[:], p[104:120])
	copy(n.EUI64[:], p[120:128])
	return n
}

// Limits is the controller structure of the NVM command set, CNS 06h (NVM, 4.1.5.4, figure 102).
type Limits struct {
	VSL, WZSL, WUSL uint8  // largest Verify, Write Zeroes, Write Uncorrectable: as MDTS
	DMRL            uint8  // ranges of a Dataset Management
	DMRSL           uint32 // blocks of a range
	DMSL            uint64 // blocks in all
}

// Encode writes the structure into p, 4096 bytes.
func (l *Limits) Encode(p []byte) {
	clear(p[:IdentifyLen])
	p[0], p[1], p[2], p[3] = l.VSL, l.WZSL, l.WUSL, l.DMRL
	le.PutUint32(p[4:], l.DMRSL)
	le.PutUint64(p[8:], l.DMSL)
}

// DecodeLimits reads the structure from 4096 bytes.
func DecodeLimits(p []byte) Limits {
	_ = p[IdentifyLen-1]
	return Limits{p[0], p[1], p[2], p[3], le.Uint32(p[4:]), le.Uint64(p[8:])}
}
