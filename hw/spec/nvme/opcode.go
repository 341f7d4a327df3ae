package nvme

import "tensoros/hw/reg"

// Admin opcodes (Base, figure 138). Bits 1:0 tell the direction of the data.
const (
	DeleteSQ    = 0x00
	CreateSQ    = 0x01
	GetLogPage  = 0x02
	DeleteCQ    = 0x04
	CreateCQ    = 0x05
	Identify    = 0x06
	Abort       = 0x08
	SetFeatures = 0x09
	GetFeatures = 0x0a
	AsyncEvent  = 0x0c
	Fabrics     = 0x7f // must fail on PCIe with Invalid Opcode
)

// NVM command set opcodes (NVM, figure 17).
const (
	Flush       = 0x00
	Write       = 0x01
	Read        = 0x02
	Compare     = 0x05
	WriteZeroes = 0x08
	DSM         = 0x09
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

// OpcodeRow describes an opcode.
type OpcodeRow struct {
	Opcode  uint8
	Name    string
	Section string
}

// AdminOpcodes and NVMOpcodes list what is modelled, in order.
var (
	AdminOpcodes = []OpcodeRow{
		{DeleteSQ, "Delete I/O Submission Queue", "Base 2.0c, 5.7"},
		{CreateSQ, "Create I/O Submission Queue", "Base 2.0c, 5.5"},
		{GetLogPage, "Get Log Page", "Base 2.0c, 5.16"},
		{DeleteCQ, "Delete I/O Completion Queue", "Base 2.0c, 5.6"},
		{CreateCQ, "Create I/O Completion Queue", "Base 2.0c, 5.4"},
		{Identify, "Identify", "Base 2.0c, 5.17"},
		{Abort, "Abort", "Base 2.0c, 5.1"},
		{SetFeatures, "Set Features", "Base 2.0c, 5.27"},
		{GetFeatures, "Get Features", "Base 2.0c, 5.15"},
		{AsyncEvent, "Asynchronous Event Request", "Base 2.0c, 5.2"},
	}
	NVMOpcodes = []OpcodeRow{
		{Flush, "Flush", "Base 2.0c, 7.1"},
		{Write, "Write", "NVM 1.0c, 3.2.6"},
		{Read, "Read", "NVM 1.0c, 3.2.4"},
		{Compare, "Compare", "NVM 1.0c, 3.2.1"},
		{WriteZeroes, "Write Zeroes", "NVM 1.0c, 3.2.8"},
		{DSM, "Dataset Management", "NVM 1.0c, 3.2.3"},
	}
)

// OpcodeName names an opcode of the admin or of an I/O queue; "" if it is not listed.
func OpcodeName(opcode uint8, admin bool) string {
	rows := NVMOpcodes
	if admin {
		rows = AdminOpcodes
	}
	for i := range rows {
		if rows[i].Opcode == opcode {
			return rows[i].Name
		}
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
	QueuePrio   = reg.Bits{Hi: 2, Lo: 1}   // CDW11 of Create SQ
)

// Feature identifiers (Base, figure 317).
const (
	FeatArbitration = 0x01
	FeatPower       = 0x02
	FeatTemperature = 0x04
	FeatRecovery    = 0x05
	FeatWriteCache  = 0x06
	FeatQueues      = 0x07
	FeatCoalescing  = 0x08
	FeatVector      = 0x09
	FeatAtomicity   = 0x0a
	FeatAsyncEvents = 0x0b
)

// Fields of Get and Set Features (Base, 5.15 and 5.27).
var (
	FeatID     = reg.Bits{Hi: 7, Lo: 0}   // CDW10
	FeatSelect = reg.Bits{Hi: 10, Lo: 8}  // CDW10 of Get Features
	FeatSave   = reg.Bits{Hi: 31, Lo: 31} // CDW10 of Set Features
)

// Identify CNS values (Base, figure 274).
const (
	CNSNamespace    = 0x00
	CNSController   = 0x01
	CNSActive       = 0x02
	CNSDescriptors  = 0x03
	IdentifyLen     = 4096
	AllNamespaces   = 0xffffffff
	MaxNamespaces   = 0xfffffffe
	NIDTypeEUI64    = 1 // namespace identification descriptor types (Base, figure 277)
	NIDTypeNGUID    = 2
	NIDTypeUUID     = 3
	MaxQueueRequest = 0xffff // in either half: reserved in Set Features 07h (Base, 5.27.1.5)
)

// Log page identifiers (Base, figure 202).
const (
	LogError    = 0x01
	LogSMART    = 0x02
	LogFirmware = 0x03
	LogEffects  = 0x05
)

// Lengths of log pages in bytes (Base, 5.16.1).
const (
	LogErrorEntry  = 64
	LogSMARTLen    = 512
	LogFirmwareLen = 512
	LogEffectsLen  = 4096
)

// Fields of Get Log Page (Base, 5.16).
var (
	LogID    = reg.Bits{Hi: 7, Lo: 0}   // CDW10
	LogRAE   = reg.Bits{Hi: 15, Lo: 15} // CDW10: retain asynchronous event
	LogNUMDL = reg.Bits{Hi: 31, Lo: 16} // CDW10: double words, low half, 0's based
	LogNUMDU = reg.Bits{Hi: 15, Lo: 0}  // CDW11: high half
)

// Asynchronous events (Base, 5.2.1): type 2:0, information 15:8, log page 23:16 of the result.
const (
	EventError        = 0 // type
	EventBadDoorbell  = 0 // information: write to an invalid doorbell register
	EventBadValue     = 1 // information: invalid doorbell write value
	EventInfoShift    = 8
	EventLogPageShift = 16
)

// PRP rules (Base, 4.1.1). A command's first page starts at any double word; further pages start
// at offset 0; a list's entries are 8 bytes; its last slot in a page points to the next list page
// when more entries than fit are needed.
const (
	PRPAlign    = 4
	PRPEntryLen = 8
)
