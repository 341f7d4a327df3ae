package nvme

import (
	spec "tensoros/hw/spec/nvme"
	"tensoros/sim/pcie"
)

// sglPiece is how much of an SGL segment is read at once [D].
const sglPiece = 4096

// sgl reports whether the data pointer is an SGL.
func (cmd *command) sgl() bool { return cmd.e.Flags&^3 != 0 }

// followSGL takes the descriptor in the command, which is a data block or a segment of them
// (Base, 4.1.2).
func (c *Controller) followSGL(cmd *command) {
	if spec.FlagPSDT.Get(uint64(cmd.e.Flags)) == spec.PSDTSGLInMPTR {
		c.fail(cmd, cmd.bad(1, 6)) // there is no metadata that an SGL could be for
		return
	}
	d := cmd.e.SGL1()
	if d.Type == spec.SGLSegment || d.Type == spec.SGLLastSegment {
		c.openSegment(cmd, d)
		return
	}
	if st := c.place(cmd, d); st != spec.Success {
		c.fail(cmd, cmd.blame(24, 0, st))
		return
	}
	c.endSGL(cmd)
}

// place adds what a data descriptor describes.
func (c *Controller) place(cmd *command, d spec.SGL) spec.Status {
	switch {
	case d.Type != spec.SGLDataBlock && d.Type != spec.SGLBitBucket:
		return spec.InvalidSGLType // keyed and transport descriptors are of other transports
	case d.Subtype != spec.SGLAddress:
		return spec.InvalidSGLType
	}
	off := cmd.mapped()
	n := min(int(d.Len), cmd.bytes-off)
	switch {
	case n == 0:
	case d.Type == spec.SGLDataBlock:
		cmd.addSegment(d.Addr, n)
	case !cmd.toDev: // for data to the device a bit bucket holds nothing
		cmd.segs = append(cmd.segs, segment{0, off, n, true})
	}
	return spec.Success
}

// endSGL goes on once all descriptors are seen: they may describe more than the data, not less.
func (c *Controller) endSGL(cmd *command) {
	if cmd.mapped() < cmd.bytes {
		c.fail(cmd, cmd.blame(24, 0, spec.InvalidSGLLength))
		return
	}
	c.located(cmd)
}

// openSegment starts to read a segment.
func (c *Controller) openSegment(cmd *command, d spec.SGL) {
	if d.Len == 0 || d.Len%spec.SGLLen != 0 || d.Addr%8 != 0 || d.Subtype != spec.SGLAddress {
		c.fail(cmd, cmd.blame(24, 0, spec.InvalidSGLDescriptor))
		return
	}
	cmd.sglAt, cmd.sglLeft, cmd.sglLast = d.Addr, d.Len, d.Type == spec.SGLLastSegment
	c.readSegment(cmd)
}

func (c *Controller) readSegment(cmd *command) {
	if cmd.chained++; cmd.chained > maxChain {
		c.fail(cmd, spec.InvalidSGLDescriptor)
		return
	}
	n := int(min(cmd.sglLeft, sglPiece))
	if cap(cmd.list) < n {
		cmd.list = make([]byte, n, sglPiece)
	}
	cmd.list = cmd.list[:n]
	at := cmd.sglAt
	cmd.sglAt += uint64(n)
	cmd.sglLeft -= uint32(n)
	c.hold(cmd)
	c.readBus(at, cmd.list, pcie.Done{To: c, Kind: evListed, Arg: uint64(cmd.index)})
}

// listedSGL takes a piece of a segment. Only the last descriptor of a segment may point on, and
// unless the segment is the last one, it must.
func (c *Controller) listedSGL(cmd *command) {
	for p := cmd.list; len(p) > 0; p = p[spec.SGLLen:] {
		d := spec.DecodeSGL(p)
		end := cmd.sglLeft == 0 && len(p) == spec.SGLLen
		st := spec.Success
		switch on := d.Type == spec.SGLSegment || d.Type == spec.SGLLastSegment; {
		case on && cmd.sglLast:
			st = spec.InvalidSGLDescriptor
		case on && !end:
			st = spec.InvalidSGLCount
		case on:
			c.openSegment(cmd, d)
			return
		case end && !cmd.sglLast:
			st = spec.InvalidSGLDescriptor
		default:
			st = c.place(cmd, d)
		}
		if st != spec.Success {
			c.fail(cmd, cmd.blame(24, 0, st))
			return
		}
	}
	if cmd.sglLeft > 0 {
		c.readSegment(cmd)
		return
	}
	c.endSGL(cmd)
}
