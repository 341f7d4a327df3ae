package nvme

import (
	"encoding/binary"

	"tensoros/hw/reg"
)

// Command is a submission queue entry (Base, 3.3.3.1, common command format).
type Command struct {
	Opcode uint8  // CDW0 7:0
	Flags  uint8  // CDW0 15:8: FUSE 1:0, PSDT 7:6
	CID    uint16 // CDW0 31:16
	NSID   uint32
	CDW2   uint32
	CDW3   uint32
	MPTR   uint64
	PRP1   uint64
	PRP2   uint64
	CDW10  uint32
	CDW11  uint32
	CDW12  uint32
	CDW13  uint32
	CDW14  uint32
	CDW15  uint32
}

// Fields of Command.Flags.
var (
	FlagFUSE = reg.Bits{Hi: 1, Lo: 0}
	FlagPSDT = reg.Bits{Hi: 7, Lo: 6} // 0: PRPs
)

// Encode writes the 64 bytes of c into p.
func (c *Command) Encode(p []byte) {
	le := binary.LittleEndian
	_ = p[SQELen-1]
	le.PutUint32(p[0:], uint32(c.Opcode)|uint32(c.Flags)<<8|uint32(c.CID)<<16)
	le.PutUint32(p[4:], c.NSID)
	le.PutUint32(p[8:], c.CDW2)
	le.PutUint32(p[12:], c.CDW3)
	le.PutUint64(p[16:], c.MPTR)
	le.PutUint64(p[24:], c.PRP1)
	le.PutUint64(p[32:], c.PRP2)
	for i, v := range [...]uint32{c.CDW10, c.CDW11, c.CDW12, c.CDW13, c.CDW14, c.CDW15} {
		le.PutUint32(p[40+4*i:], v)
	}
}

// DecodeCommand reads a submission queue entry of 64 bytes.
func DecodeCommand(p []byte) (c Command) {
	le := binary.LittleEndian
	_ = p[SQELen-1]
	c.Opcode, c.Flags, c.CID = p[0], p[1], le.Uint16(p[2:])
	c.NSID, c.CDW2, c.CDW3 = le.Uint32(p[4:]), le.Uint32(p[8:]), le.Uint32(p[12:])
	c.MPTR, c.PRP1, c.PRP2 = le.Uint64(p[16:]), le.Uint64(p[24:]), le.Uint64(p[32:])
	c.CDW10, c.CDW11, c.CDW12 = le.Uint32(p[40:]), le.Uint32(p[44:]), le.Uint32(p[48:])
	c.CDW13, c.CDW14, c.CDW15 = le.Uint32(p[52:]), le.Uint32(p[56:]), le.Uint32(p[60:])
	return c
}

// SLBA is the starting LBA of a Read, Write, Compare or Write Zeroes (NVM, 3.2).
func (c *Command) SLBA() uint64 { return uint64(c.CDW11)<<32 | uint64(c.CDW10) }

// SetSLBA stores the starting LBA.
func (c *Command) SetSLBA(lba uint64) { c.CDW10, c.CDW11 = uint32(lba), uint32(lba>>32) }

// Fields of CDW12 of Read and Write (NVM, 3.2.4 and 3.2.6).
var (
	RWNLB   = reg.Bits{Hi: 15, Lo: 0} // blocks, 0's based
	RWPRACT = reg.Bits{Hi: 29, Lo: 29}
	RWFUA   = reg.Bits{Hi: 30, Lo: 30}
	RWLR    = reg.Bits{Hi: 31, Lo: 31}
)

// Completion is a completion queue entry (Base, 3.3.3.2).
type Completion struct {
	Result uint32 // DW0, command specific
	DW1    uint32
	SQHD   uint16
	SQID   uint16
	CID    uint16
	Phase  bool
	Status Status
}

// Encode writes the 16 bytes of c into p.
func (c *Completion) Encode(p []byte) {
	le := binary.LittleEndian
	_ = p[CQELen-1]
	le.PutUint32(p[0:], c.Result)
	le.PutUint32(p[4:], c.DW1)
	le.PutUint32(p[8:], uint32(c.SQHD)|uint32(c.SQID)<<16)
	word := uint32(c.CID) | uint32(c.Status)<<17
	if c.Phase {
		word |= CQEPhase
	}
	le.PutUint32(p[12:], word)
}

// CQEPhase is the phase tag in the last double word of a completion entry.
const CQEPhase = 1 << 16

// CQEStatusAt is the offset of the double word with command id, phase and status.
const CQEStatusAt = 12

// DecodeCompletion reads a completion queue entry of 16 bytes.
func DecodeCompletion(p []byte) (c Completion) {
	le := binary.LittleEndian
	_ = p[CQELen-1]
	c.Result, c.DW1 = le.Uint32(p[0:]), le.Uint32(p[4:])
	c.SQHD, c.SQID = le.Uint16(p[8:]), le.Uint16(p[10:])
	word := le.Uint32(p[12:])
	c.CID, c.Phase, c.Status = uint16(word), word&CQEPhase != 0, Status(word>>17)
	return c
}
