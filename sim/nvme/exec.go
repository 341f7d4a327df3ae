package nvme

import (
	"bytes"
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// Limits of the commands that name ranges, as Identify tells them [D].
const (
	copyRanges = 128      // MSRC + 1
	copyRange  = 1 << 15  // MSSRL, blocks
	copyAll    = 1 << 18  // MCL, blocks
	dsmRanges  = 256      // DMRL
	zeroMost   = 64 << 10 // bytes cleared in the store at once
)

// extent checks the blocks that SLBA and NLB name, and puts their place in the store into cmd.at.
func (c *Controller) extent(cmd *command) spec.Status {
	e := &cmd.e
	n := spec.RWNLB.Get(uint64(e.CDW12)) + 1
	if !cmd.ns.inRange(e.SLBA(), n) {
		return cmd.blame(40, 0, spec.LBAOutOfRange)
	}
	cmd.at = cmd.ns.Base + e.SLBA()<<cmd.ns.shift
	switch e.Opcode {
	case spec.Write, spec.WriteZeroes, spec.WriteUncorrectable:
		if cmd.ns.protected() {
			return spec.WriteProtected
		}
	}
	return spec.Success
}

// blocks is the size rule of commands that move the blocks they name.
func (c *Controller) blocks(cmd *command) (int, spec.Status) {
	st := c.extent(cmd)
	return int(spec.RWNLB.Get(uint64(cmd.e.CDW12))+1) << cmd.shift(), st
}

func (cmd *command) shift() uint8 {
	if cmd.ns == nil {
		return 0
	}
	return cmd.ns.shift
}

// length is the bytes of the blocks that a command names.
func (cmd *command) length() uint64 {
	return (spec.RWNLB.Get(uint64(cmd.e.CDW12)) + 1) << cmd.ns.shift
}

func (c *Controller) read(cmd *command) spec.Status {
	c.flash.read(cmd)
	return held
}

// wrote is called when a write's data is in the buffer.
func (c *Controller) wrote(cmd *command) spec.Status {
	c.Writes++
	c.smart.wrote(cmd.bytes)
	c.finish(cmd, c.writeDelay(cmd))
	return held
}

// writeDelay is what a write takes once its data is in the buffer; with FUA, or with the volatile
// cache off, until it is on the medium.
func (c *Controller) writeDelay(cmd *command) sim.Time {
	p := c.Profile
	d := p.FirmwareWrite + p.FirmwareWrite4K*sim.Time((cmd.bytes+4095)/4096)
	if p.VolatileCache && (spec.RWFUA.Get(uint64(cmd.e.CDW12)) == 1 ||
		c.feats.value[spec.FeatWriteCache] == 0) {
		d = max(d, c.flash.flush()-c.eng.Now())
	}
	return d
}

// flushCache is Flush, of a namespace or of all: the buffer is one.
func (c *Controller) flushCache(cmd *command) spec.Status {
	if c.Store.Flush() != nil {
		cmd.status = spec.WriteFault | spec.DNR
	}
	d := c.firmware()
	if c.Profile.VolatileCache {
		d = max(d, c.flash.flush()-c.eng.Now())
	}
	c.finish(cmd, d)
	return held
}

// senseTime is what reading n bytes for the controller's own use takes: the firmware, a page, and
// the channels side by side [D].
func (c *Controller) senseTime(n uint64) sim.Time {
	p := c.Profile
	return p.FirmwareRead + p.ReadPage + p.ChannelRate.Span(n)/sim.Time(p.Channels)
}

// each calls f for pieces of a stretch of the store.
func (c *Controller) each(at, n uint64, f func(at uint64, p []byte) spec.Status) spec.Status {
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		p := buf[:min(n, uint64(len(buf)))]
		if st := f(at, p); st != spec.Success {
			return st
		}
		at, n = at+uint64(len(p)), n-uint64(len(p))
	}
	return spec.Success
}

// inspect reads a stretch of the store and hands its pieces to f, which may be nil.
func (c *Controller) inspect(ns *namespace, at, n uint64, f func(at uint64, p []byte) spec.Status,
) spec.Status {
	if ns.spoiled(at, int(n)) {
		c.smart.MediaErrors++
		return spec.UnrecoveredRead
	}
	return c.each(at, n, func(at uint64, p []byte) spec.Status {
		if c.Store.ReadAt(at, p) != nil {
			c.smart.MediaErrors++
			return spec.UnrecoveredRead
		}
		if f == nil {
			return spec.Success
		}
		return f(at, p)
	})
}

// compare holds the host's data against the blocks (NVM, 3.2.1).
func (c *Controller) compare(cmd *command) spec.Status {
	st := c.inspect(cmd.ns, cmd.at, cmd.length(), func(at uint64, p []byte) spec.Status {
		if !bytes.Equal(p, cmd.data[at-cmd.at:][:len(p)]) {
			return spec.CompareFailure
		}
		return spec.Success
	})
	cmd.status = final(st)
	c.smart.read(cmd.bytes)
	c.finish(cmd, c.senseTime(cmd.length()))
	return held
}

// verify reads blocks and sends nothing (NVM, 3.2.5).
func (c *Controller) verify(cmd *command) spec.Status {
	cmd.status = final(c.inspect(cmd.ns, cmd.at, cmd.length(), nil))
	c.finish(cmd, c.senseTime(cmd.length()))
	return held
}

// spoil makes blocks unreadable until they are written (NVM, 3.2.7).
func (c *Controller) spoil(cmd *command) spec.Status {
	cmd.ns.spoil(cmd.at, cmd.length())
	c.finish(cmd, c.Profile.FirmwareWrite)
	return held
}

// zero is Write Zeroes, with or without DEAC: blocks read zero afterwards; the flash is not
// charged, as with a deallocation.
func (c *Controller) zero(cmd *command) spec.Status {
	cmd.status = final(c.discard(cmd.ns, cmd.at, cmd.length()))
	c.finish(cmd, c.Profile.FirmwareWrite)
	return held
}

// discard makes a stretch of the store read zero.
func (c *Controller) discard(ns *namespace, at, n uint64) spec.Status {
	ns.mend(at, n)
	if c.clear(at, n) != nil {
		c.smart.MediaErrors++
		return spec.WriteFault
	}
	return spec.Success
}

func (c *Controller) clear(at, n uint64) error {
	c.undo.zeroed(at, n)
	c.flash.ftl.trim(at, n)
	if d, ok := c.Store.(Discarder); ok {
		return d.Discard(at, n)
	}
	var err error
	zeroes := make([]byte, min(n, zeroMost))
	for n > 0 && err == nil {
		p := zeroes[:min(n, uint64(len(zeroes)))]
		err = c.Store.WriteAt(at, p)
		at, n = at+uint64(len(p)), n-uint64(len(p))
	}
	return err
}

func (c *Controller) rangesSize(cmd *command) (int, spec.Status) {
	if cmd.ns.protected() && cmd.e.CDW11&spec.DSMDealloc != 0 {
		return 0, spec.WriteProtected
	}
	return (int(cmd.e.CDW10&0xff) + 1) * spec.DSMRangeLen, spec.Success
}

// advise is Dataset Management: all ranges are checked, then, if asked to, deallocated. Other
// advice is not taken, which the standard allows.
func (c *Controller) advise(cmd *command) spec.Status {
	for pass := range 2 {
		for p := cmd.data; len(p) >= spec.DSMRangeLen; p = p[spec.DSMRangeLen:] {
			n, lba := binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint64(p[8:])
			switch {
			case n == 0:
			case !cmd.ns.inRange(lba, uint64(n)):
				return spec.LBAOutOfRange
			case pass == 1 && cmd.e.CDW11&spec.DSMDealloc != 0:
				at := cmd.ns.Base + lba<<cmd.ns.shift
				if st := c.discard(cmd.ns, at, uint64(n)<<cmd.ns.shift); st != spec.Success {
					return st
				}
			}
		}
	}
	return spec.Success
}

// copySize checks what a Copy says of itself (NVM, 3.2.2): CDW12 7:0 is the number of source
// ranges, 0's based, 11:8 their format.
func (c *Controller) copySize(cmd *command) (int, spec.Status) {
	e := &cmd.e
	n := int(e.CDW12&0xff) + 1
	switch {
	case n > copyRanges:
		return 0, cmd.blame(48, 0, spec.SizeLimitExceeded)
	case e.CDW12>>8&0xf != 0:
		return 0, cmd.bad(49, 0) // OCFS: format 0 only
	case cmd.ns.protected():
		return 0, spec.WriteProtected
	}
	return n * spec.CopyRangeLen, spec.Success
}

// copy reads the source ranges and writes them behind one another. The result is the range that
// failed, or how many were copied.
func (c *Controller) copy(cmd *command) spec.Status {
	ns, le := cmd.ns, binary.LittleEndian
	total := uint64(0)
	each := func(f func(lba, n uint64) spec.Status) spec.Status {
		for i, p := 0, cmd.data; len(p) >= spec.CopyRangeLen; i, p = i+1, p[spec.CopyRangeLen:] {
			lba, n := le.Uint64(p[spec.CopySLBAAt:]), uint64(le.Uint16(p[spec.CopyNLBAt:]))+1
			if st := f(lba, n); st != spec.Success {
				cmd.result = uint32(i)
				return st
			}
		}
		return spec.Success
	}
	st := each(func(lba, n uint64) spec.Status {
		total += n
		switch {
		case n > copyRange:
			return spec.SizeLimitExceeded
		case !ns.inRange(lba, n):
			return spec.LBAOutOfRange
		}
		return spec.Success
	})
	switch {
	case st != spec.Success:
		return st
	case total > copyAll:
		return spec.SizeLimitExceeded
	case !ns.inRange(cmd.e.SLBA(), total):
		return cmd.blame(40, 0, spec.LBAOutOfRange)
	}
	to := ns.Base + cmd.e.SLBA()<<ns.shift
	st = each(func(lba, n uint64) spec.Status {
		st := c.copyRange(ns, to, ns.Base+lba<<ns.shift, n<<ns.shift)
		to += n << ns.shift
		return st
	})
	if st == spec.Success {
		cmd.result = uint32(len(cmd.data) / spec.CopyRangeLen)
	}
	cmd.status = final(st)
	c.smart.read(int(total << ns.shift))
	c.smart.wrote(int(total << ns.shift))
	c.finish(cmd, c.senseTime(total<<ns.shift)+c.Profile.FirmwareWrite)
	return held
}

func (c *Controller) copyRange(ns *namespace, to, from, n uint64) spec.Status {
	return c.inspect(ns, from, n, func(at uint64, p []byte) spec.Status {
		dst := to + (at - from)
		ns.mend(dst, uint64(len(p)))
		c.dma.buffered += len(p)
		if !c.flash.write(dst, len(p)) || c.Store.WriteAt(dst, p) != nil {
			return spec.WriteFault
		}
		return spec.Success
	})
}
