package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
)

// dsmRange is the length of a Dataset Management range (NVM, 3.2.3).
const dsmRange = 16

// decodeIO checks a command of an I/O queue and says what it transfers.
func (c *Controller) decodeIO(cmd *command) spec.Status {
	e := &cmd.e
	switch e.Opcode {
	case spec.Flush:
		if e.NSID != 1 && e.NSID != spec.AllNamespaces {
			return spec.InvalidNamespace
		}
		return spec.Success
	case spec.Read, spec.Write, spec.WriteZeroes, spec.DSM:
	default:
		return spec.InvalidOpcode
	}
	if e.NSID != 1 {
		return spec.InvalidNamespace
	}
	if e.Opcode == spec.DSM {
		cmd.bytes = (int(e.CDW10&0xff) + 1) * dsmRange
		cmd.toDev, cmd.data = true, make([]byte, cmd.bytes)
		return spec.Success
	}
	n := spec.RWNLB.Get(uint64(e.CDW12)) + 1
	if !c.inRange(e.SLBA(), n) {
		return spec.LBAOutOfRange
	}
	if spec.RWPRACT.Get(uint64(e.CDW12)) != 0 {
		return spec.InvalidField // no protection information here
	}
	if e.Opcode != spec.WriteZeroes {
		cmd.bytes = int(n) << c.Profile.BlockShift
		cmd.toDev = e.Opcode == spec.Write
	}
	return spec.Success
}

func (c *Controller) inRange(lba, n uint64) bool {
	return lba < c.blocks() && n <= c.blocks()-lba
}

func (c *Controller) startIO(cmd *command) {
	switch cmd.e.Opcode {
	case spec.Read:
		c.flash.read(cmd)
	case spec.Write, spec.DSM:
		c.dma.receive(cmd)
	case spec.Flush:
		if c.Store.Flush() != nil {
			cmd.status = spec.WriteFault
		}
		d := c.firmware()
		if c.Profile.VolatileCache {
			d = max(d, c.flash.flush()-c.eng.Now())
		}
		c.finish(cmd, d)
	case spec.WriteZeroes:
		c.zero(cmd)
		c.finish(cmd, c.Profile.FirmwareWrite)
	}
}

var zeroes [64 << 10]byte

// zero clears blocks in the store; the flash is not charged, as with a deallocation.
func (c *Controller) zero(cmd *command) {
	at := cmd.e.SLBA() << c.Profile.BlockShift
	left := (spec.RWNLB.Get(uint64(cmd.e.CDW12)) + 1) << c.Profile.BlockShift
	for left > 0 {
		n := min(left, uint64(len(zeroes)))
		if c.Store.WriteAt(at, zeroes[:n]) != nil {
			cmd.status = spec.WriteFault
			return
		}
		at, left = at+n, left-n
	}
}

// checkRanges looks at the ranges of a Dataset Management. The advice itself is not taken, which
// the standard allows.
func (c *Controller) checkRanges(cmd *command) {
	for p := cmd.data; len(p) >= dsmRange; p = p[dsmRange:] {
		n, lba := binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint64(p[8:])
		if n > 0 && !c.inRange(lba, uint64(n)) {
			cmd.status = spec.LBAOutOfRange | spec.DNR
			return
		}
	}
}
