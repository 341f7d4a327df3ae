package nvme

import "tensoros/hw/reg"

// Feature identifiers (Base, figure 317; NVM, 4.1.3).
const (
	FeatArbitration  = 0x01
	FeatPower        = 0x02
	FeatLBARange     = 0x03
	FeatTemperature  = 0x04
	FeatRecovery     = 0x05
	FeatWriteCache   = 0x06
	FeatQueues       = 0x07
	FeatCoalescing   = 0x08
	FeatVector       = 0x09
	FeatAtomicity    = 0x0a
	FeatAsyncEvents  = 0x0b
	FeatAPST         = 0x0c
	FeatHostMemory   = 0x0d
	FeatTimestamp    = 0x0e
	FeatKeepAlive    = 0x0f
	FeatThermal      = 0x10
	FeatNonOpPower   = 0x11
	FeatHostBehavior = 0x16
	FeatSanitize     = 0x17
	FeatCommandSets  = 0x19
	FeatHostID       = 0x81
	FeatReserveKeep  = 0x83
	FeatWriteProtect = 0x84
)

// Fields of Get and Set Features (Base, 5.15 and 5.27).
var (
	FeatID     = reg.Bits{Hi: 7, Lo: 0}   // CDW10
	FeatSelect = reg.Bits{Hi: 10, Lo: 8}  // CDW10 of Get Features
	FeatSave   = reg.Bits{Hi: 31, Lo: 31} // CDW10 of Set Features
)

// Values of Get Features' Select; bits of what Select 3 answers.
const (
	SelectCurrent   = 0
	SelectDefault   = 1
	SelectSaved     = 2
	SelectSupported = 3
	CapSaveable     = 1 << 0
	CapPerNamespace = 1 << 1
	CapChangeable   = 1 << 2
)

// FeatureRow describes a feature.
type FeatureRow struct {
	ID        uint8
	Name      string
	Mandatory bool   // for an I/O controller
	Caps      uint32 // CapSaveable, CapPerNamespace, CapChangeable
	Bits      uint32 // of CDW11 that are kept
	Default   uint32
	DataLen   int // bytes of its data structure; 0 for none
	Section   string
}

const (
	featFixed = 0
	featLive  = CapChangeable
	featSaved = CapChangeable | CapSaveable
	featSpace = CapChangeable | CapPerNamespace
)

// Features lists the features that are modelled, in order. Defaults are a controller's own choice:
// arbitration without burst limit below 16, a temperature threshold of 343 K.
var Features = []FeatureRow{
	{FeatArbitration, "Arbitration", true, featSaved, 0xffffff07, 4, 0, "Base 2.0c, 5.27.1.1"},
	{FeatPower, "Power Management", true, featLive, 0xff, 0, 0, "Base 2.0c, 5.27.1.2"},
	{FeatTemperature, "Temperature Threshold", true, featLive, 0x003fffff, 343, 0,
		"Base 2.0c, 5.27.1.3"},
	{FeatRecovery, "Error Recovery", true, featSpace, 0x0001ffff, 0, 0, "NVM 1.0c, 4.1.3.2"},
	{FeatWriteCache, "Volatile Write Cache", false, featSaved, 1, 1, 0, "Base 2.0c, 5.27.1.4"},
	{FeatQueues, "Number of Queues", true, featLive, 0, 0, 0, "Base 2.0c, 5.27.1.5"},
	{FeatCoalescing, "Interrupt Coalescing", true, featSaved, 0xffff, 0, 0, "Base 2.0c, 5.27.1.6"},
	{FeatVector, "Interrupt Vector Configuration", true, featLive, 0x1ffff, 0, 0,
		"Base 2.0c, 5.27.1.7"},
	{FeatAtomicity, "Write Atomicity Normal", true, featLive, 1, 0, 0, "NVM 1.0c, 4.1.3.3"},
	{FeatAsyncEvents, "Asynchronous Event Configuration", true, featSaved, 0x0000ffff, 0, 0,
		"Base 2.0c, 5.27.1.8"},
	{FeatAPST, "Autonomous Power State Transition", false, featLive, 1, 0, 256,
		"Base 2.0c, 5.27.1.9"},
	{FeatHostMemory, "Host Memory Buffer", false, featLive, 3, 0, 4096, "Base 2.0c, 5.27.1.10"},
	{FeatTimestamp, "Timestamp", false, featLive, 0, 0, 8, "Base 2.0c, 5.27.1.11"},
	{FeatKeepAlive, "Keep Alive Timer", false, featLive, 0xffffffff, 0, 0, "Base 2.0c, 5.27.1.12"},
	{FeatThermal, "Host Controlled Thermal Management", false, featLive, 0xffffffff, 0, 0,
		"Base 2.0c, 5.27.1.13"},
	{FeatNonOpPower, "Non-Operational Power State Config", false, featLive, 1, 0, 0,
		"Base 2.0c, 5.27.1.14"},
	{FeatHostBehavior, "Host Behavior Support", false, featLive, 0, 0, 512, "Base 2.0c, 5.27.1.18"},
	{FeatSanitize, "Sanitize Config", false, featSaved, 1, 0, 0, "Base 2.0c, 5.27.1.19"},
	{FeatCommandSets, "I/O Command Set Profile", false, featLive, 0x1ff, 0, 0,
		"Base 2.0c, 5.27.1.21"},
	{FeatHostID, "Host Identifier", false, featLive, 1, 0, 16, "Base 2.0c, 5.27.1.27"},
	{FeatReserveKeep, "Reservation Persistence", false, featSpace, 1, 0, 0,
		"Base 2.0c, 5.27.1.29"},
	{FeatWriteProtect, "Namespace Write Protection Config", false, featSpace, 7, 0, 0,
		"Base 2.0c, 5.27.1.30"},
}

// FindFeature returns the row of a feature; nil if it is not listed.
func FindFeature(id uint8) *FeatureRow {
	for i := range Features {
		if Features[i].ID == id {
			return &Features[i]
		}
	}
	return nil
}

// Fields of features (Base, 5.27.1).
var (
	ArbBurst      = reg.Bits{Hi: 2, Lo: 0} // AB: 1 << AB commands at once, 7: no limit
	ArbLow        = reg.Bits{Hi: 15, Lo: 8}
	ArbMedium     = reg.Bits{Hi: 23, Lo: 16}
	ArbHigh       = reg.Bits{Hi: 31, Lo: 24}
	PowerState    = reg.Bits{Hi: 4, Lo: 0}
	TempThreshold = reg.Bits{Hi: 15, Lo: 0}  // TMPTH, kelvin
	TempSensor    = reg.Bits{Hi: 19, Lo: 16} // TMPSEL: 0 composite, 1 to 8, 15 all
	TempType      = reg.Bits{Hi: 21, Lo: 20} // THSEL: 0 over, 1 under
	CoalesceThr   = reg.Bits{Hi: 7, Lo: 0}   // THR: entries, 0's based
	CoalesceTime  = reg.Bits{Hi: 15, Lo: 8}  // TIME: units of 100 us
	VectorCD      = reg.Bits{Hi: 16, Lo: 16} // coalescing disable
	RecoveryDULBE = reg.Bits{Hi: 16, Lo: 16}
	HostMemoryEHM = reg.Bits{Hi: 0, Lo: 0}
)

// Bits of Asynchronous Event Configuration (Base, figure 327), which are those of OAES.
const (
	AsyncSMART     = 0xff // one for each critical warning
	AsyncNamespace = 1 << 8
	AsyncFirmware  = 1 << 9
	AsyncTelemetry = 1 << 10
)
