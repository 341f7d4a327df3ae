package nvme

import "tensoros/hw/reg"

// Offsets of controller registers in BAR 0 (Base, 3.1.3).
const (
	CAP    = 0x00
	VS     = 0x08
	INTMS  = 0x0c
	INTMC  = 0x10
	CC     = 0x14
	CSTS   = 0x1c
	NSSR   = 0x20
	AQA    = 0x24
	ASQ    = 0x28
	ACQ    = 0x30
	CMBLOC = 0x38
	CMBSZ  = 0x3c
	BPINFO = 0x40
	CMBMSC = 0x50
	CMBSTS = 0x58
	CRTO   = 0x68

	// Doorbells is where the doorbells start (PCIe Transport 1.0c, 3.1.2).
	Doorbells = 0x1000
)

// Fields of CAP (Base, 3.1.3.1).
var (
	CapMQES   = reg.Bits{Hi: 15, Lo: 0}  // largest queue, 0's based
	CapCQR    = reg.Bits{Hi: 16, Lo: 16} // queues must be contiguous
	CapAMS    = reg.Bits{Hi: 18, Lo: 17}
	CapTO     = reg.Bits{Hi: 31, Lo: 24} // worst wait for CSTS.RDY, in 500 ms
	CapDSTRD  = reg.Bits{Hi: 35, Lo: 32} // doorbell stride, 4 << DSTRD bytes
	CapNSSRS  = reg.Bits{Hi: 36, Lo: 36}
	CapCSS    = reg.Bits{Hi: 44, Lo: 37} // bit 0: NVM command set
	CapMPSMIN = reg.Bits{Hi: 51, Lo: 48} // smallest page, 4096 << MPSMIN bytes
	CapMPSMAX = reg.Bits{Hi: 55, Lo: 52}
	CapCMBS   = reg.Bits{Hi: 57, Lo: 57} // there is a controller memory buffer
	CapCRWMS  = reg.Bits{Hi: 59, Lo: 59} // CRTO tells the time to ready with media
)

// Values of CAP and CC.
const (
	CSSNVM      = 1 << 0 // CAP.CSS: the NVM command set
	CSSSets     = 1 << 6 // I/O command sets, by CC.CSS = CCSets
	CSSAdmin    = 1 << 7 // no I/O command set, by CC.CSS = CCAdminOnly
	CCNVM       = 0
	CCSets      = 6
	CCAdminOnly = 7
	AMSWeighted = 1 // CAP.AMS and CC.AMS: weighted round robin with urgent class
)

// Fields of CMBLOC, CMBSZ and CMBMSC (Base, 3.1.3.11, 3.1.3.12, 3.1.3.16).
var (
	CMBBIR  = reg.Bits{Hi: 2, Lo: 0}
	CMBCQMM = reg.Bits{Hi: 3, Lo: 3} // queues may lie in parts in the buffer
	CMBCQPD = reg.Bits{Hi: 4, Lo: 4} // data may while queues do
	CMBCDPM = reg.Bits{Hi: 5, Lo: 5}
	CMBCDPC = reg.Bits{Hi: 6, Lo: 6}
	CMBOFST = reg.Bits{Hi: 31, Lo: 12}
	CMBSQS  = reg.Bits{Hi: 0, Lo: 0}
	CMBCQS  = reg.Bits{Hi: 1, Lo: 1}
	CMBLS   = reg.Bits{Hi: 2, Lo: 2}
	CMBRDS  = reg.Bits{Hi: 3, Lo: 3}
	CMBWDS  = reg.Bits{Hi: 4, Lo: 4}
	CMBSZU  = reg.Bits{Hi: 11, Lo: 8} // unit, 4096 << 4*SZU bytes
	CMBSZN  = reg.Bits{Hi: 31, Lo: 12}
	CMBCRE  = reg.Bits{Hi: 0, Lo: 0} // CMBLOC and CMBSZ are to be seen
	CMBMSE  = reg.Bits{Hi: 1, Lo: 1} // the buffer is at CBA
	CMBCBA  = reg.Bits{Hi: 63, Lo: 12}
)

// CRTOCRWMT is the time to ready with media in units of ReadyUnit (Base, 3.1.3.23).
var CRTOCRWMT = reg.Bits{Hi: 15, Lo: 0}

// Fields of CC (Base, 3.1.3.5).
var (
	CCEN     = reg.Bits{Hi: 0, Lo: 0}
	CCCSS    = reg.Bits{Hi: 6, Lo: 4}
	CCMPS    = reg.Bits{Hi: 10, Lo: 7}
	CCAMS    = reg.Bits{Hi: 13, Lo: 11}
	CCSHN    = reg.Bits{Hi: 15, Lo: 14}
	CCIOSQES = reg.Bits{Hi: 19, Lo: 16}
	CCIOCQES = reg.Bits{Hi: 23, Lo: 20}
)

// Fields of CSTS (Base, 3.1.3.6).
var (
	CSTSRDY   = reg.Bits{Hi: 0, Lo: 0}
	CSTSCFS   = reg.Bits{Hi: 1, Lo: 1}
	CSTSSHST  = reg.Bits{Hi: 3, Lo: 2}
	CSTSNSSRO = reg.Bits{Hi: 4, Lo: 4}
)

// Fields of AQA (Base, 3.1.3.8): sizes of the admin queues, 0's based.
var (
	AQASQS = reg.Bits{Hi: 11, Lo: 0}
	AQACQS = reg.Bits{Hi: 27, Lo: 16}
)

// Values of those fields.
const (
	ShutdownNormal = 1 // CC.SHN
	ShutdownAbrupt = 2
	ShutdownBusy   = 1 // CSTS.SHST
	ShutdownDone   = 2

	NSSRMagic  = 0x4e564d65 // "NVMe": resets the subsystem
	Version20  = 0x00020000
	ReadyUnit  = 500 // milliseconds of CAP.TO
	MinPage    = 4096
	SQELen     = 64
	CQELen     = 16
	SQELog     = 6 // CC.IOSQES
	CQELog     = 4 // CC.IOCQES
	AdminQueue = 4096
)

const base313 = "Base 2.0c, 3.1.3"

// Registers is the table of controller registers. CAP and VS have no reset value here: they are a
// controller's own.
var Registers = reg.Table{
	{Name: "CAP", Off: CAP, Size: 8, Section: base313 + ".1", Fields: []reg.Field{
		{Name: "MQES", Bits: CapMQES, Doc: "maximum queue entries, 0's based"},
		{Name: "CQR", Bits: CapCQR, Doc: "contiguous queues required"},
		{Name: "AMS", Bits: CapAMS, Doc: "arbitration mechanisms beside round robin"},
		{Name: "TO", Bits: CapTO, Doc: "time to ready, units of 500 ms"},
		{Name: "DSTRD", Bits: CapDSTRD, Doc: "doorbell stride"},
		{Name: "NSSRS", Bits: CapNSSRS, Doc: "subsystem reset supported"},
		{Name: "CSS", Bits: CapCSS, Doc: "command sets"},
		{Name: "MPSMIN", Bits: CapMPSMIN, Doc: "smallest memory page"},
		{Name: "MPSMAX", Bits: CapMPSMAX, Doc: "largest memory page"}}},
	{Name: "VS", Off: VS, Size: 4, Section: base313 + ".2"},
	{Name: "INTMS", Off: INTMS, Size: 4, Section: base313 + ".3"},
	{Name: "INTMC", Off: INTMC, Size: 4, Section: base313 + ".4"},
	{Name: "CC", Off: CC, Size: 4, RW: 0x00fffff1, Section: base313 + ".5", Fields: []reg.Field{
		{Name: "EN", Bits: CCEN, Doc: "enable"},
		{Name: "CSS", Bits: CCCSS, Doc: "command set selected"},
		{Name: "MPS", Bits: CCMPS, Doc: "memory page size"},
		{Name: "AMS", Bits: CCAMS, Doc: "arbitration selected"},
		{Name: "SHN", Bits: CCSHN, Doc: "shutdown notification"},
		{Name: "IOSQES", Bits: CCIOSQES, Doc: "submission entry size, log2"},
		{Name: "IOCQES", Bits: CCIOCQES, Doc: "completion entry size, log2"}}},
	{Name: "CSTS", Off: CSTS, Size: 4, W1C: 0x10, Section: base313 + ".6", Fields: []reg.Field{
		{Name: "RDY", Bits: CSTSRDY, Doc: "ready"},
		{Name: "CFS", Bits: CSTSCFS, Doc: "controller fatal status"},
		{Name: "SHST", Bits: CSTSSHST, Doc: "shutdown status"},
		{Name: "NSSRO", Bits: CSTSNSSRO, Doc: "subsystem reset occurred"}}},
	{Name: "NSSR", Off: NSSR, Size: 4, Section: base313 + ".7"},
	{Name: "AQA", Off: AQA, Size: 4, RW: 0x0fff0fff, Section: base313 + ".8", Fields: []reg.Field{
		{Name: "ASQS", Bits: AQASQS, Doc: "admin submission queue size, 0's based"},
		{Name: "ACQS", Bits: AQACQS, Doc: "admin completion queue size, 0's based"}}},
	{Name: "ASQ", Off: ASQ, Size: 8, RW: ^uint64(0xfff), Section: base313 + ".9"},
	{Name: "ACQ", Off: ACQ, Size: 8, RW: ^uint64(0xfff), Section: base313 + ".10"},
	{Name: "CMBLOC", Off: CMBLOC, Size: 4, Section: base313 + ".11"},
	{Name: "CMBSZ", Off: CMBSZ, Size: 4, Section: base313 + ".12"},
	{Name: "BPINFO", Off: BPINFO, Size: 4, Section: base313 + ".13"},
	{Name: "CMBMSC", Off: CMBMSC, Size: 8, RW: ^uint64(0xffc), Section: base313 + ".16"},
	{Name: "CMBSTS", Off: CMBSTS, Size: 4, Section: base313 + ".17"},
	{Name: "CRTO", Off: CRTO, Size: 4, Section: base313 + ".23"},
}

// Doorbell is the offset of a queue's doorbell: the tail of submission queue id, or the head of
// completion queue id (PCIe Transport 1.0c, 3.1.2.1 and 3.1.2.2).
func Doorbell(id int, completion bool, stride uint) int {
	n := 2 * id
	if completion {
		n++
	}
	return Doorbells + n*(4<<stride)
}
