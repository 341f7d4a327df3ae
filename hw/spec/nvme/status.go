package nvme

import (
	"fmt"
	"strconv"
)

// Status is the status field of a completion without its phase tag: status code 7:0, status code
// type 10:8, command retry delay 12:11, more 13, do not retry 14 (Base, 3.3.3.2.1).
type Status uint16

// Bits of a Status beside type and code.
const (
	More Status = 1 << 13
	DNR  Status = 1 << 14
)

// Code is type and code, the three hex digits that tools print.
func (s Status) Code() Status { return s & 0x7ff }

// Type is the status code type.
func (s Status) Type() int { return int(s >> 8 & 7) }

// CRD is the command retry delay: 0 none, else which of Identify Controller's CRDT1 to CRDT3.
func (s Status) CRD() int { return int(s >> 11 & 3) }

// OK reports success.
func (s Status) OK() bool { return s.Code() == Success }

// Generic command status (type 0), command specific (1), media and data integrity (2).
const (
	Success              Status = 0x000
	InvalidOpcode        Status = 0x001
	InvalidField         Status = 0x002
	IDConflict           Status = 0x003
	DataTransferError    Status = 0x004
	PowerLoss            Status = 0x005
	InternalError        Status = 0x006
	AbortRequested       Status = 0x007
	AbortedSQDeletion    Status = 0x008
	FusedFailed          Status = 0x009
	FusedMissing         Status = 0x00a
	InvalidNamespace     Status = 0x00b
	SequenceError        Status = 0x00c
	InvalidSGLDescriptor Status = 0x00d
	InvalidSGLCount      Status = 0x00e
	InvalidSGLLength     Status = 0x00f
	InvalidMetaSGLLength Status = 0x010
	InvalidSGLType       Status = 0x011
	InvalidCMBUse        Status = 0x012
	InvalidPRPOffset     Status = 0x013
	AtomicExceeded       Status = 0x014
	OperationDenied      Status = 0x015
	InvalidSGLOffset     Status = 0x016
	KeepAliveExpired     Status = 0x019
	KeepAliveInvalid     Status = 0x01a
	PreemptAborted       Status = 0x01b
	SanitizeFailed       Status = 0x01c
	SanitizeInProgress   Status = 0x01d
	SGLGranularity       Status = 0x01e
	WriteProtected       Status = 0x020
	Interrupted          Status = 0x021
	TransientTransport   Status = 0x022

	LBAOutOfRange       Status = 0x080
	CapacityExceeded    Status = 0x081
	NamespaceNotReady   Status = 0x082
	ReservationConflict Status = 0x083
	FormatInProgress    Status = 0x084

	CQInvalid                    Status = 0x100
	InvalidQueueID               Status = 0x101
	InvalidQueueSize             Status = 0x102
	AbortLimit                   Status = 0x103
	AERLimit                     Status = 0x105
	InvalidFirmwareSlot          Status = 0x106
	InvalidFirmwareImage         Status = 0x107
	InvalidVector                Status = 0x108
	InvalidLogPage               Status = 0x109
	InvalidFormat                Status = 0x10a
	FirmwareNeedsReset           Status = 0x10b
	InvalidQueueDeletion         Status = 0x10c
	FeatureNotSaveable           Status = 0x10d
	FeatureNotChangeable         Status = 0x10e
	FeatureNotNamespace          Status = 0x10f
	FirmwareNeedsSubsystemReset  Status = 0x110
	FirmwareNeedsControllerReset Status = 0x111
	FirmwareProhibited           Status = 0x113
	OverlappingRange             Status = 0x114
	InsufficientCapacity         Status = 0x115
	NSIDUnavailable              Status = 0x116
	AlreadyAttached              Status = 0x118
	NamespacePrivate             Status = 0x119
	NotAttached                  Status = 0x11a
	ThinUnsupported              Status = 0x11b
	InvalidControllerList        Status = 0x11c
	SelfTestInProgress           Status = 0x11d
	InvalidControllerID          Status = 0x11f
	CommandSetUnsupported        Status = 0x129
	CommandSetNotEnabled         Status = 0x12a
	CommandSetCombination        Status = 0x12b
	InvalidCommandSet            Status = 0x12c
	ConflictingAttributes        Status = 0x180
	InvalidProtection            Status = 0x181
	ReadOnlyRange                Status = 0x182
	SizeLimitExceeded            Status = 0x183

	WriteFault      Status = 0x280
	UnrecoveredRead Status = 0x281
	GuardCheck      Status = 0x282
	AppTagCheck     Status = 0x283
	RefTagCheck     Status = 0x284
	CompareFailure  Status = 0x285
	AccessDenied    Status = 0x286
	Deallocated     Status = 0x287
)

// StatusRow describes a status code.
type StatusRow struct {
	Code    Status
	Name    string
	Section string
}

const (
	generic  = "Base 2.0c, figure 95"
	specific = "Base 2.0c, figure 96"
	media    = "Base 2.0c, figure 98"
	nvmCodes = "NVM 1.0c, 3.1.2"
)

// Statuses lists the status codes, in order.
var Statuses = []StatusRow{
	{Success, "Successful Completion", generic},
	{InvalidOpcode, "Invalid Command Opcode", generic},
	{InvalidField, "Invalid Field in Command", generic},
	{IDConflict, "Command ID Conflict", generic},
	{DataTransferError, "Data Transfer Error", generic},
	{PowerLoss, "Commands Aborted due to Power Loss Notification", generic},
	{InternalError, "Internal Error", generic},
	{AbortRequested, "Command Abort Requested", generic},
	{AbortedSQDeletion, "Command Aborted due to SQ Deletion", generic},
	{FusedFailed, "Command Aborted due to Failed Fused Command", generic},
	{FusedMissing, "Command Aborted due to Missing Fused Command", generic},
	{InvalidNamespace, "Invalid Namespace or Format", generic},
	{SequenceError, "Command Sequence Error", generic},
	{InvalidSGLDescriptor, "Invalid SGL Segment Descriptor", generic},
	{InvalidSGLCount, "Invalid Number of SGL Descriptors", generic},
	{InvalidSGLLength, "Data SGL Length Invalid", generic},
	{InvalidMetaSGLLength, "Metadata SGL Length Invalid", generic},
	{InvalidSGLType, "SGL Descriptor Type Invalid", generic},
	{InvalidCMBUse, "Invalid Use of Controller Memory Buffer", generic},
	{InvalidPRPOffset, "PRP Offset Invalid", generic},
	{AtomicExceeded, "Atomic Write Unit Exceeded", generic},
	{OperationDenied, "Operation Denied", generic},
	{InvalidSGLOffset, "SGL Offset Invalid", generic},
	{KeepAliveExpired, "Keep Alive Timer Expired", generic},
	{KeepAliveInvalid, "Keep Alive Timeout Invalid", generic},
	{PreemptAborted, "Command Aborted due to Preempt and Abort", generic},
	{SanitizeFailed, "Sanitize Failed", generic},
	{SanitizeInProgress, "Sanitize In Progress", generic},
	{SGLGranularity, "SGL Data Block Granularity Invalid", generic},
	{WriteProtected, "Namespace is Write Protected", generic},
	{Interrupted, "Command Interrupted", generic},
	{TransientTransport, "Transient Transport Error", generic},
	{LBAOutOfRange, "LBA Out of Range", nvmCodes},
	{CapacityExceeded, "Capacity Exceeded", nvmCodes},
	{NamespaceNotReady, "Namespace Not Ready", generic},
	{ReservationConflict, "Reservation Conflict", generic},
	{FormatInProgress, "Format In Progress", generic},
	{CQInvalid, "Completion Queue Invalid", specific},
	{InvalidQueueID, "Invalid Queue Identifier", specific},
	{InvalidQueueSize, "Invalid Queue Size", specific},
	{AbortLimit, "Abort Command Limit Exceeded", specific},
	{AERLimit, "Asynchronous Event Request Limit Exceeded", specific},
	{InvalidFirmwareSlot, "Invalid Firmware Slot", specific},
	{InvalidFirmwareImage, "Invalid Firmware Image", specific},
	{InvalidVector, "Invalid Interrupt Vector", specific},
	{InvalidLogPage, "Invalid Log Page", specific},
	{InvalidFormat, "Invalid Format", specific},
	{FirmwareNeedsReset, "Firmware Activation Requires Conventional Reset", specific},
	{InvalidQueueDeletion, "Invalid Queue Deletion", specific},
	{FeatureNotSaveable, "Feature Identifier Not Saveable", specific},
	{FeatureNotChangeable, "Feature Not Changeable", specific},
	{FeatureNotNamespace, "Feature Not Namespace Specific", specific},
	{FirmwareNeedsSubsystemReset, "Firmware Activation Requires NVM Subsystem Reset", specific},
	{FirmwareNeedsControllerReset, "Firmware Activation Requires Controller Level Reset", specific},
	{FirmwareProhibited, "Firmware Activation Prohibited", specific},
	{OverlappingRange, "Overlapping Range", specific},
	{InsufficientCapacity, "Namespace Insufficient Capacity", specific},
	{NSIDUnavailable, "Namespace Identifier Unavailable", specific},
	{AlreadyAttached, "Namespace Already Attached", specific},
	{NamespacePrivate, "Namespace Is Private", specific},
	{NotAttached, "Namespace Not Attached", specific},
	{ThinUnsupported, "Thin Provisioning Not Supported", specific},
	{InvalidControllerList, "Controller List Invalid", specific},
	{SelfTestInProgress, "Device Self-test In Progress", specific},
	{InvalidControllerID, "Invalid Controller Identifier", specific},
	{CommandSetUnsupported, "I/O Command Set Not Supported", specific},
	{CommandSetNotEnabled, "I/O Command Set Not Enabled", specific},
	{CommandSetCombination, "I/O Command Set Combination Rejected", specific},
	{InvalidCommandSet, "Invalid I/O Command Set", specific},
	{ConflictingAttributes, "Conflicting Attributes", nvmCodes},
	{InvalidProtection, "Invalid Protection Information", nvmCodes},
	{ReadOnlyRange, "Attempted Write to Read Only Range", nvmCodes},
	{SizeLimitExceeded, "Command Size Limit Exceeded", nvmCodes},
	{WriteFault, "Write Fault", media},
	{UnrecoveredRead, "Unrecovered Read Error", media},
	{GuardCheck, "End-to-end Guard Check Error", media},
	{AppTagCheck, "End-to-end Application Tag Check Error", media},
	{RefTagCheck, "End-to-end Reference Tag Check Error", media},
	{CompareFailure, "Compare Failure", media},
	{AccessDenied, "Access Denied", media},
	{Deallocated, "Deallocated or Unwritten Logical Block", media},
}

// String names the status and gives its number.
func (s Status) String() string {
	for i := range Statuses {
		if Statuses[i].Code == s.Code() {
			return fmt.Sprintf("%s (%03xh)", Statuses[i].Name, uint16(s.Code()))
		}
	}
	return fmt.Sprintf("status %03xh", uint16(s.Code()))
}

// FindStatus returns the status of a name as Statuses gives it, or of three hex digits; false if
// there is none.
func FindStatus(name string) (Status, bool) {
	for i := range Statuses {
		if Statuses[i].Name == name {
			return Statuses[i].Code, true
		}
	}
	n, err := strconv.ParseUint(name, 16, 12)
	return Status(n), err == nil && len(name) == 3 && n&^0x7ff == 0
}
