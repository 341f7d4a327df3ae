package nvme

import "tensoros/hw/reg"

// Log page identifiers (Base, figure 202).
const (
	LogSupported   = 0x00
	LogError       = 0x01
	LogSMART       = 0x02
	LogFirmware    = 0x03
	LogNamespaces  = 0x04
	LogEffects     = 0x05
	LogSelfTest    = 0x06
	LogTelemetry   = 0x07
	LogTelemetryC  = 0x08
	LogSanitize    = 0x81
	LogErrorEntry  = 64 // lengths in bytes (Base, 5.16.1)
	LogSMARTLen    = 512
	LogFirmwareLen = 512
	LogEffectsLen  = 4096
	LogListLen     = 4096 // changed namespaces: 1024 NSIDs
	LogSelfTestLen = 564
	LogSanitizeLen = 512
)

// LogScope says whom a log page is about (Base, figure 202).
type LogScope uint8

// Scopes.
const (
	ScopeController LogScope = iota
	ScopeSubsystem
	ScopeNamespace
)

// LogRow describes a log page; Len 0 means that its length is a controller's own.
type LogRow struct {
	ID      uint8
	Name    string
	Scope   LogScope
	Len     int
	Section string
}

// Logs lists the log pages that are modelled, in order.
var Logs = []LogRow{
	{LogSupported, "Supported Log Pages", ScopeController, 1024, "Base 2.0c, 5.16.1.1"},
	{LogError, "Error Information", ScopeController, 0, "Base 2.0c, 5.16.1.2"},
	{LogSMART, "SMART / Health Information", ScopeController, LogSMARTLen, "Base 2.0c, 5.16.1.3"},
	{LogFirmware, "Firmware Slot Information", ScopeSubsystem, LogFirmwareLen,
		"Base 2.0c, 5.16.1.4"},
	{LogNamespaces, "Changed Namespace List", ScopeController, LogListLen, "Base 2.0c, 5.16.1.5"},
	{LogEffects, "Commands Supported and Effects", ScopeController, LogEffectsLen,
		"Base 2.0c, 5.16.1.6"},
	{LogSelfTest, "Device Self-test", ScopeController, LogSelfTestLen, "Base 2.0c, 5.16.1.7"},
	{LogTelemetry, "Telemetry Host-Initiated", ScopeController, 0, "Base 2.0c, 5.16.1.8"},
	{LogTelemetryC, "Telemetry Controller-Initiated", ScopeController, 0, "Base 2.0c, 5.16.1.9"},
	{LogSanitize, "Sanitize Status", ScopeSubsystem, LogSanitizeLen, "Base 2.0c, 5.16.1.25"},
}

// FindLog returns the row of a log page; nil if it is not listed.
func FindLog(id uint8) *LogRow {
	for i := range Logs {
		if Logs[i].ID == id {
			return &Logs[i]
		}
	}
	return nil
}

// Fields of Get Log Page (Base, 5.16).
var (
	LogID    = reg.Bits{Hi: 7, Lo: 0}   // CDW10
	LogLSP   = reg.Bits{Hi: 14, Lo: 8}  // CDW10: log specific
	LogRAE   = reg.Bits{Hi: 15, Lo: 15} // CDW10: retain asynchronous event
	LogNUMDL = reg.Bits{Hi: 31, Lo: 16} // CDW10: double words, low half, 0's based
	LogNUMDU = reg.Bits{Hi: 15, Lo: 0}  // CDW11: high half
	LogOT    = reg.Bits{Hi: 23, Lo: 23} // CDW14: the offset is an index
	LogCSI   = reg.Bits{Hi: 31, Lo: 24} // CDW14
)

// Critical warnings of the SMART page (Base, figure 207).
const (
	WarnSpare       = 1 << 0
	WarnTemperature = 1 << 1
	WarnReliability = 1 << 2
	WarnReadOnly    = 1 << 3
	WarnBackup      = 1 << 4
)

// SMART is the SMART / Health Information page (Base, 5.16.1.3). Counters wider than 64 bits hold
// what fits.
type SMART struct {
	Warning              uint8
	Temperature          uint16 // kelvin
	Spare, SpareLimit    uint8  // per cent
	Used                 uint8  // per cent
	UnitsRead, UnitsWrit uint64 // thousands of 512 bytes
	Reads, Writes        uint64 // commands
	BusyMinutes          uint64
	PowerCycles          uint64
	PowerHours           uint64
	UnsafeShutdowns      uint64
	MediaErrors          uint64
	ErrorEntries         uint64
	WarnMinutes          uint32
	CriticalMinutes      uint32
}

// smartCounters are the 128-bit counters of the page in order, from byte 32 on.
func (s *SMART) counters() []*uint64 {
	return []*uint64{&s.UnitsRead, &s.UnitsWrit, &s.Reads, &s.Writes, &s.BusyMinutes,
		&s.PowerCycles, &s.PowerHours, &s.UnsafeShutdowns, &s.MediaErrors, &s.ErrorEntries}
}

// Encode writes the page into p, 512 bytes.
func (s *SMART) Encode(p []byte) {
	clear(p[:LogSMARTLen])
	p[0] = s.Warning
	le.PutUint16(p[1:], s.Temperature)
	p[3], p[4], p[5] = s.Spare, s.SpareLimit, s.Used
	for i, v := range s.counters() {
		le.PutUint64(p[32+16*i:], *v)
	}
	le.PutUint32(p[192:], s.WarnMinutes)
	le.PutUint32(p[196:], s.CriticalMinutes)
}

// DecodeSMART reads the page from 512 bytes.
func DecodeSMART(p []byte) (s SMART) {
	_ = p[LogSMARTLen-1]
	s.Warning, s.Temperature = p[0], le.Uint16(p[1:])
	s.Spare, s.SpareLimit, s.Used = p[3], p[4], p[5]
	for i, v := range s.counters() {
		*v = le.Uint64(p[32+16*i:])
	}
	s.WarnMinutes, s.CriticalMinutes = le.Uint32(p[192:]), le.Uint32(p[196:])
	return s
}

// ErrorEntry is an entry of the Error Information page (Base, 5.16.1.2).
type ErrorEntry struct {
	Count    uint64
	SQID     uint16
	CID      uint16
	Status   Status
	Phase    bool
	Byte     uint8 // of the command, that is wrong,
	Bit      uint8 // and its bit
	NoPlace  bool  // no byte is: Byte and Bit do not count
	LBA      uint64
	NSID     uint32
	Specific uint64
}

// Encode writes the entry into p, 64 bytes.
func (e *ErrorEntry) Encode(p []byte) {
	clear(p[:LogErrorEntry])
	le.PutUint64(p, e.Count)
	le.PutUint16(p[8:], e.SQID)
	le.PutUint16(p[10:], e.CID)
	status := uint16(e.Status) << 1
	if e.Phase {
		status |= 1
	}
	le.PutUint16(p[12:], status)
	at := uint16(e.Byte) | uint16(e.Bit)<<8
	if e.NoPlace {
		at = 0xffff
	}
	le.PutUint16(p[14:], at)
	le.PutUint64(p[16:], e.LBA)
	le.PutUint32(p[24:], e.NSID)
	le.PutUint64(p[32:], e.Specific)
}

// DecodeErrorEntry reads an entry of 64 bytes.
func DecodeErrorEntry(p []byte) (e ErrorEntry) {
	_ = p[LogErrorEntry-1]
	e.Count, e.SQID, e.CID = le.Uint64(p), le.Uint16(p[8:]), le.Uint16(p[10:])
	status, at := le.Uint16(p[12:]), le.Uint16(p[14:])
	e.Status, e.Phase = Status(status>>1), status&1 != 0
	if e.NoPlace = at == 0xffff; !e.NoPlace {
		e.Byte, e.Bit = uint8(at), uint8(at>>8&7)
	}
	e.LBA, e.NSID, e.Specific = le.Uint64(p[16:]), le.Uint32(p[24:]), le.Uint64(p[32:])
	return e
}
