package nvme

import "fmt"

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
	InvalidNamespace     Status = 0x00b
	SequenceError        Status = 0x00c
	InvalidSGLDescriptor Status = 0x00d
	InvalidPRPOffset     Status = 0x013
	LBAOutOfRange        Status = 0x080
	CapacityExceeded     Status = 0x081
	NamespaceNotReady    Status = 0x082

	CQInvalid             Status = 0x100
	InvalidQueueID        Status = 0x101
	InvalidQueueSize      Status = 0x102
	AbortLimit            Status = 0x103
	AERLimit              Status = 0x105
	InvalidVector         Status = 0x108
	InvalidLogPage        Status = 0x109
	InvalidFormat         Status = 0x10a
	InvalidQueueDeletion  Status = 0x10c
	FeatureNotSaveable    Status = 0x10d
	FeatureNotChangeable  Status = 0x10e
	FeatureNotNamespace   Status = 0x10f
	ConflictingAttributes Status = 0x180
	ReadOnlyRange         Status = 0x182

	WriteFault      Status = 0x280
	UnrecoveredRead Status = 0x281
	CompareFailure  Status = 0x285
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
	{InvalidNamespace, "Invalid Namespace or Format", generic},
	{SequenceError, "Command Sequence Error", generic},
	{InvalidSGLDescriptor, "Invalid SGL Segment Descriptor", generic},
	{InvalidPRPOffset, "PRP Offset Invalid", generic},
	{LBAOutOfRange, "LBA Out of Range", nvmCodes},
	{CapacityExceeded, "Capacity Exceeded", nvmCodes},
	{NamespaceNotReady, "Namespace Not Ready", generic},
	{CQInvalid, "Completion Queue Invalid", specific},
	{InvalidQueueID, "Invalid Queue Identifier", specific},
	{InvalidQueueSize, "Invalid Queue Size", specific},
	{AbortLimit, "Abort Command Limit Exceeded", specific},
	{AERLimit, "Asynchronous Event Request Limit Exceeded", specific},
	{InvalidVector, "Invalid Interrupt Vector", specific},
	{InvalidLogPage, "Invalid Log Page", specific},
	{InvalidFormat, "Invalid Format", specific},
	{InvalidQueueDeletion, "Invalid Queue Deletion", specific},
	{FeatureNotSaveable, "Feature Identifier Not Saveable", specific},
	{FeatureNotChangeable, "Feature Not Changeable", specific},
	{FeatureNotNamespace, "Feature Not Namespace Specific", specific},
	{ConflictingAttributes, "Conflicting Attributes", nvmCodes},
	{ReadOnlyRange, "Attempted Write to Read Only Range", nvmCodes},
	{WriteFault, "Write Fault", media},
	{UnrecoveredRead, "Unrecovered Read Error", media},
	{CompareFailure, "Compare Failure", media},
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
