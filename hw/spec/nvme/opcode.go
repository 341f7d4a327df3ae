package nvme

import "tensoros/hw/reg"

// Admin opcodes (Base, figure 138). Bits 1:0 tell the direction of the data.
const (
	DeleteSQ         = 0x00
	CreateSQ         = 0x01
	GetLogPage       = 0x02
	DeleteCQ         = 0x04
	CreateCQ         = 0x05
	Identify         = 0x06
	Abort            = 0x08
	SetFeatures      = 0x09
	GetFeatures      = 0x0a
	AsyncEvent       = 0x0c
	NamespaceManage  = 0x0d
	FirmwareCommit   = 0x10
	FirmwareDownload = 0x11
	SelfTest         = 0x14
	NamespaceAttach  = 0x15
	KeepAlive        = 0x18
	DoorbellBuffer   = 0x7c
	Fabrics          = 0x7f // must fail on PCIe with Invalid Opcode
	FormatNVM        = 0x80
	Sanitize         = 0x84
)

// NVM command set opcodes (NVM, figure 17).
const (
	Flush              = 0x00
	Write              = 0x01
	Read               = 0x02
	WriteUncorrectable = 0x04
	Compare            = 0x05
	WriteZeroes        = 0x08
	DSM                = 0x09
	Verify             = 0x0c
	ReserveRegister    = 0x0d
	ReserveReport      = 0x0e
	ReserveAcquire     = 0x11
	ReserveRelease     = 0x15
	Copy               = 0x19
)

// Transfer is the direction of a command's data, from its opcode's bits 1:0 (Base, figure 88).
type Transfer uint8

// Directions.
const (
	NoData         Transfer = 0
	HostToDevice   Transfer = 1
	DeviceToHost   Transfer = 2
	BothDirections Transfer = 3
)

// Direction of an opcode's data.
func Direction(opcode uint8) Transfer { return Transfer(opcode & 3) }

// NSIDUse is what a command makes of its NSID (Base, figures 138 and 139).
type NSIDUse uint8

// Uses of the NSID.
const (
	NSIDUnused  NSIDUse = iota // not looked at
	NSIDOne                    // an active namespace
	NSIDOneAll                 // an active namespace, or all of them
	NSIDHandler                // by the command's own rules
)

// Bits of a row of the Commands Supported and Effects page (Base, figure 212).
const (
	EffectSupported    = 1 << 0  // CSUPP
	EffectContent      = 1 << 1  // LBCC: logical block content may change
	EffectCapability   = 1 << 2  // NCC: namespace capability may change
	EffectInventory    = 1 << 3  // NIC: namespace inventory may change
	EffectController   = 1 << 4  // CCC: controller capability may change
	EffectOneNamespace = 1 << 16 // CSE 18:16 = 1: no other command to the same namespace
	EffectExclusive    = 2 << 16 // CSE 18:16 = 2: no other command to any namespace
)

// OpcodeRow describes an opcode.
type OpcodeRow struct {
	Opcode  uint8
	Name    string
	NSID    NSIDUse
	Effects uint32
	Section string
}

const (
	effManage = EffectSupported | EffectInventory
	effWrite  = EffectSupported | EffectContent
	effFormat = effWrite | EffectCapability | EffectOneNamespace
	effErase  = effWrite | EffectExclusive
)

// AdminOpcodes and NVMOpcodes list what is modelled, in order.
var (
	AdminOpcodes = []OpcodeRow{
		{DeleteSQ, "Delete I/O Submission Queue", NSIDUnused, EffectSupported, "Base 2.0c, 5.7"},
		{CreateSQ, "Create I/O Submission Queue", NSIDUnused, EffectSupported, "Base 2.0c, 5.5"},
		{GetLogPage, "Get Log Page", NSIDHandler, EffectSupported, "Base 2.0c, 5.16"},
		{DeleteCQ, "Delete I/O Completion Queue", NSIDUnused, EffectSupported, "Base 2.0c, 5.6"},
		{CreateCQ, "Create I/O Completion Queue", NSIDUnused, EffectSupported, "Base 2.0c, 5.4"},
		{Identify, "Identify", NSIDHandler, EffectSupported, "Base 2.0c, 5.17"},
		{Abort, "Abort", NSIDUnused, EffectSupported, "Base 2.0c, 5.1"},
		{SetFeatures, "Set Features", NSIDHandler, EffectSupported, "Base 2.0c, 5.27"},
		{GetFeatures, "Get Features", NSIDHandler, EffectSupported, "Base 2.0c, 5.15"},
		{AsyncEvent, "Asynchronous Event Request", NSIDUnused, EffectSupported, "Base 2.0c, 5.2"},
		{NamespaceManage, "Namespace Management", NSIDHandler, effManage, "Base 2.0c, 5.23"},
		{FirmwareCommit, "Firmware Commit", NSIDUnused, EffectSupported | EffectController,
			"Base 2.0c, 5.12"},
		{FirmwareDownload, "Firmware Image Download", NSIDUnused, EffectSupported,
			"Base 2.0c, 5.13"},
		{SelfTest, "Device Self-test", NSIDHandler, EffectSupported, "Base 2.0c, 5.9"},
		{NamespaceAttach, "Namespace Attachment", NSIDHandler, effManage, "Base 2.0c, 5.22"},
		{KeepAlive, "Keep Alive", NSIDUnused, EffectSupported, "Base 2.0c, 5.18"},
		{DoorbellBuffer, "Doorbell Buffer Config", NSIDUnused, EffectSupported, "Base 2.0c, 5.10"},
		{FormatNVM, "Format NVM", NSIDHandler, effFormat, "Base 2.0c, 5.14"},
		{Sanitize, "Sanitize", NSIDUnused, effErase, "Base 2.0c, 5.24"},
	}
	NVMOpcodes = []OpcodeRow{
		{Flush, "Flush", NSIDOneAll, EffectSupported, "Base 2.0c, 7.1"},
		{Write, "Write", NSIDOne, effWrite, "NVM 1.0c, 3.2.6"},
		{Read, "Read", NSIDOne, EffectSupported, "NVM 1.0c, 3.2.4"},
		{WriteUncorrectable, "Write Uncorrectable", NSIDOne, effWrite, "NVM 1.0c, 3.2.7"},
		{Compare, "Compare", NSIDOne, EffectSupported, "NVM 1.0c, 3.2.1"},
		{WriteZeroes, "Write Zeroes", NSIDOne, effWrite, "NVM 1.0c, 3.2.8"},
		{DSM, "Dataset Management", NSIDOne, effWrite, "NVM 1.0c, 3.2.3"},
		{Verify, "Verify", NSIDOne, EffectSupported, "NVM 1.0c, 3.2.5"},
		{ReserveRegister, "Reservation Register", NSIDOne, EffectSupported, "Base 2.0c, 7.3"},
		{ReserveReport, "Reservation Report", NSIDOne, EffectSupported, "Base 2.0c, 7.5"},
		{ReserveAcquire, "Reservation Acquire", NSIDOne, EffectSupported, "Base 2.0c, 7.2"},
		{ReserveRelease, "Reservation Release", NSIDOne, EffectSupported, "Base 2.0c, 7.4"},
		{Copy, "Copy", NSIDOne, effWrite, "NVM 1.0c, 3.2.2"},
	}
)

// FindOpcode returns the row of an opcode of the admin or of an I/O queue; nil if it is not listed.
func FindOpcode(opcode uint8, admin bool) *OpcodeRow {
	rows := NVMOpcodes
	if admin {
		rows = AdminOpcodes
	}
	for i := range rows {
		if rows[i].Opcode == opcode {
			return &rows[i]
		}
	}
	return nil
}

// OpcodeName names an opcode of the admin or of an I/O queue; "" if it is not listed.
func OpcodeName(opcode uint8, admin bool) string {
	if r := FindOpcode(opcode, admin); r != nil {
		return r.Name
	}
	return ""
}

// Fields of the queue commands (Base, 5.4 to 5.7).
var (
	QueueID     = reg.Bits{Hi: 15, Lo: 0}  // CDW10
	QueueSize   = reg.Bits{Hi: 31, Lo: 16} // CDW10, 0's based
	QueuePC     = reg.Bits{Hi: 0, Lo: 0}   // CDW11: physically contiguous
	QueueIEN    = reg.Bits{Hi: 1, Lo: 1}   // CDW11 of Create CQ: interrupts enabled
	QueueVector = reg.Bits{Hi: 31, Lo: 16} // CDW11 of Create CQ
	QueueCQID   = reg.Bits{Hi: 31, Lo: 16} // CDW11 of Create SQ
	QueuePrio   = reg.Bits{Hi: 2, Lo: 1}   // CDW11 of Create SQ: 0 urgent, 1 high, 2 medium, 3 low
)

// Fields of Namespace Management and Attachment, Format NVM, Sanitize, Firmware Commit and Device
// Self-test (Base, 5.22 to 5.24, 5.9, 5.12, 5.14).
var (
	ManageSelect   = reg.Bits{Hi: 3, Lo: 0}   // CDW10: 0 create or attach, 1 delete or detach
	ManageCSI      = reg.Bits{Hi: 31, Lo: 24} // CDW11
	FormatLBAF     = reg.Bits{Hi: 3, Lo: 0}   // CDW10
	FormatMSET     = reg.Bits{Hi: 4, Lo: 4}
	FormatPI       = reg.Bits{Hi: 7, Lo: 5}
	FormatSES      = reg.Bits{Hi: 11, Lo: 9}
	FormatLBAFU    = reg.Bits{Hi: 13, Lo: 12}
	SanitizeAct    = reg.Bits{Hi: 2, Lo: 0} // CDW10
	SanitizeAUSE   = reg.Bits{Hi: 3, Lo: 3}
	SanitizeOWPASS = reg.Bits{Hi: 7, Lo: 4}
	SanitizeOIPBP  = reg.Bits{Hi: 8, Lo: 8}
	SanitizeNDAS   = reg.Bits{Hi: 9, Lo: 9}
	FirmwareSlot   = reg.Bits{Hi: 2, Lo: 0} // CDW10 of Firmware Commit
	FirmwareAction = reg.Bits{Hi: 5, Lo: 3}
	SelfTestCode   = reg.Bits{Hi: 3, Lo: 0} // CDW10
)

// Fields of CDW10 of the reservation commands (Base, 7.2 to 7.5).
var (
	ReserveAction = reg.Bits{Hi: 2, Lo: 0}
	ReserveIEKEY  = reg.Bits{Hi: 3, Lo: 3}
	ReserveType   = reg.Bits{Hi: 15, Lo: 8}
	ReserveCPTPL  = reg.Bits{Hi: 31, Lo: 30} // 2 lost with power, 3 kept
)

// Reservation types (Base, figure 389), and lengths of Reservation Report's parts.
const (
	WriteExclusive        = 1
	ExclusiveAccess       = 2
	WriteExclusiveRegs    = 3 // registrants only
	ExclusiveAccessRegs   = 4
	WriteExclusiveAll     = 5 // all registrants hold it
	ExclusiveAccessAll    = 6
	ReserveReportHead     = 24
	ReserveReportEntry    = 24
	ReserveReportHeadExt  = 64
	ReserveReportEntryExt = 64
)

// Values of those fields.
const (
	SanitizeExitFailure = 1
	SanitizeBlockErase  = 2
	SanitizeOverwrite   = 3
	SanitizeCrypto      = 4
	SelfTestShort       = 1
	SelfTestExtended    = 2
	SelfTestAbort       = 0xf
)

// Copy descriptors, format 0 (NVM, 3.2.2): 32 bytes, SLBA at 8, NLB (0's based) at 16.
const (
	CopyRangeLen = 32
	CopySLBAAt   = 8
	CopyNLBAt    = 16
	DSMRangeLen  = 16 // attributes, blocks, SLBA (NVM, 3.2.3)
	DSMDealloc   = 1 << 2
	IdentifyLen  = 4096
)

// NSID values (Base, 3.2.1).
const (
	AllNamespaces   = 0xffffffff
	MaxNamespaces   = 0xfffffffe
	MaxQueueRequest = 0xffff // in either half: reserved in Set Features 07h (Base, 5.27.1.5)
)

// Asynchronous events (Base, 5.2.1): type 2:0, information 15:8, log page 23:16 of the result.
const (
	EventError        = 0 // type
	EventSMART        = 1
	EventNotice       = 2
	EventIOSpecific   = 6
	EventInfoShift    = 8
	EventLogPageShift = 16

	EventBadDoorbell  = 0 // information of EventError: write to an invalid doorbell register
	EventBadValue     = 1 // invalid doorbell write value
	EventPersistent   = 3 // persistent internal error
	EventReliability  = 0 // information of EventSMART
	EventTemperature  = 1
	EventSpare        = 2
	EventNamespace    = 0 // information of EventNotice
	EventFirmware     = 1
	EventTelemetry    = 2
	EventSanitizeDone = 1 // information of EventIOSpecific
	// EventSanitizeDealloc: done, with an unexpected deallocation.
	EventSanitizeDealloc = 2
)

// PRP rules (Base, 4.1.1). A command's first page starts at any double word; further pages start
// at offset 0; a list's entries are 8 bytes; its last slot in a page points to the next list page
// when more entries than fit are needed.
const (
	PRPAlign    = 4
	PRPEntryLen = 8
)
