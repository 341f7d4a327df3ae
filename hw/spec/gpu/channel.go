package gpu

import "tensoros/hw/reg"

// Instance block: RAMFC and the page directory (doc ga100/dev_ram).
const (
	InstanceLen    = 4096
	RAMFCBaseLo    = 4 * 18 // NV_RAMFC_GP_BASE
	RAMFCBaseHi    = 4 * 19 // offset 7:0, log2 of entries 20:16
	InstancePDBLow = 4 * 128
	InstancePDBHi  = 4 * 129
)

// Fields of the instance block.
var (
	GPBaseOffsetHi = reg.Bits{Hi: 7, Lo: 0}
	GPBaseEntries  = reg.Bits{Hi: 20, Lo: 16}
	PDBTarget      = reg.Bits{Hi: 1, Lo: 0}
	PDBNewFormat   = uint32(1) << 10
	PDBBigPages64K = uint32(1) << 11
)

// USERD, 512 bytes a channel.
const (
	UserdLen   = 512
	UserdGPGet = 0x88
	UserdGPPut = 0x8c
)

// Runlist entries of 16 bytes (doc ga100/dev_ram).
const (
	RunlistEntryLen = 16
	EntryTSG        = 1 // bit 0 of dword 0: a time-slice group header
)

// Fields of a channel's runlist entry: USERD address in dwords 0 and 1, channel and instance in
// dwords 2 and 3.
var (
	EntryUserdTarget = reg.Bits{Hi: 7, Lo: 6}
	EntryInstTarget  = reg.Bits{Hi: 5, Lo: 4}
	EntryChannel     = reg.Bits{Hi: 11, Lo: 0}
	TSGLength        = reg.Bits{Hi: 7, Lo: 0} // dword 1
)

// GP entry of 8 bytes (doc classes/host; ogkm class/clc56f.h).
var (
	GPAddress    = reg.Bits{Hi: 39, Lo: 2} // dwords
	GPSubroutine = reg.Bits{Hi: 41, Lo: 41}
	GPLength     = reg.Bits{Hi: 62, Lo: 42} // dwords; 0 is a control entry
	GPSync       = reg.Bits{Hi: 63, Lo: 63}
	GPControl    = reg.Bits{Hi: 39, Lo: 32}
	GPOperand    = reg.Bits{Hi: 24, Lo: 8}
)

// GPEntryLen is the size of a GP entry in bytes.
const GPEntryLen = 8

// Control opcodes of GP entries of length 0.
const (
	GPOpNOP          = 0
	GPOpSetExtension = 4 // Hopper: address bits 56:40 for the entries that follow
)

// GPEntry makes an entry for a segment at addr of n dwords.
func GPEntry(addr uint64, n int) uint64 {
	return GPLength.Put(addr&(1<<40-4), uint64(n))
}

// Pushbuffer header (doc clc56f.h).
var (
	MethodAddress = reg.Bits{Hi: 11, Lo: 0} // dwords
	MethodSub     = reg.Bits{Hi: 15, Lo: 13}
	MethodCount   = reg.Bits{Hi: 28, Lo: 16}
	MethodOp      = reg.Bits{Hi: 31, Lo: 29}
)

// Pushbuffer opcodes.
const (
	OpIncrementing    = 1
	OpNonIncrementing = 3
	OpImmediate       = 4
	OpIncrementOnce   = 5
	OpEndSegment      = 7
)

// Method makes an incrementing header for n data dwords to a method at byte offset at.
func Method(sub, at, n int) uint32 {
	h := MethodAddress.Put(0, uint64(at/4))
	h = MethodSub.Put(h, uint64(sub))
	h = MethodCount.Put(h, uint64(n))
	return uint32(MethodOp.Put(h, OpIncrementing))
}

// Immediate makes a header that carries its data, 13 bits.
func Immediate(sub, at int, data uint32) uint32 {
	h := MethodAddress.Put(0, uint64(at/4))
	h = MethodSub.Put(h, uint64(sub))
	h = MethodCount.Put(h, uint64(data))
	return uint32(MethodOp.Put(h, OpImmediate))
}

// Host methods (doc classes/host; byte offsets).
const (
	HostSetObject   = 0x00
	HostNOP         = 0x08
	HostNonStall    = 0x20
	HostMemOpD      = 0x34
	HostSemAddrLo   = 0x5c
	HostSemAddrHi   = 0x60
	HostSemPayload  = 0x64
	HostSemPayload1 = 0x68
	HostSemExecute  = 0x6c
	HostWFI         = 0x78
)

// SEM_EXECUTE.
var (
	SemOperation = reg.Bits{Hi: 2, Lo: 0}
	SemWFI       = reg.Bits{Hi: 20, Lo: 20}
	Sem64        = reg.Bits{Hi: 24, Lo: 24}
	SemTimestamp = reg.Bits{Hi: 25, Lo: 25}
)

// Operations of SEM_EXECUTE.
const (
	SemAcquire    = 0
	SemRelease    = 1
	SemAcquireGEq = 3 // circular
)

// Compute methods (doc classes/compute).
const (
	ComputeSetObject    = 0x0000
	ComputeNOP          = 0x0100
	ComputeWaitForIdle  = 0x0110
	ComputeInvalidate   = 0x021c
	ComputeInvalidateNW = 0x1698
	ComputeSendPCAS     = 0x02b4 // QMD address >> 8
	ComputeSignaling    = 0x02c0 // SEND_SIGNALING_PCAS2_B
)

// Actions of SEND_SIGNALING_PCAS2_B.
const (
	PCASSchedule         = 2
	PCASPrefetchSchedule = 9
)

// Copy methods (doc classes/dma-copy).
const (
	CopySetObject  = 0x000
	CopySemHi      = 0x240
	CopySemLo      = 0x244
	CopySemPayload = 0x248
	CopyLaunch     = 0x300
	CopyInHi       = 0x400
	CopyInLo       = 0x404
	CopyOutHi      = 0x408
	CopyOutLo      = 0x40c
	CopyPitchIn    = 0x410
	CopyPitchOut   = 0x414
	CopyLineLength = 0x418
	CopyLineCount  = 0x41c
)

// LAUNCH_DMA.
var (
	CopyTransfer  = reg.Bits{Hi: 1, Lo: 0} // 1 pipelined, 2 not
	CopyFlush     = reg.Bits{Hi: 2, Lo: 2}
	CopySemType   = reg.Bits{Hi: 4, Lo: 3} // 1 one word, 2 four words with time
	CopySrcPitch  = reg.Bits{Hi: 7, Lo: 7}
	CopyDstPitch  = reg.Bits{Hi: 8, Lo: 8}
	CopyMultiLine = reg.Bits{Hi: 9, Lo: 9}
)
