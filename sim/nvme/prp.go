package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim/pcie"
)

// segment is a run of bus addresses that holds the bytes of a transfer from off on.
type segment struct {
	addr   uint64
	off, n int
	drop   bool // a bit bucket: its bytes go nowhere
}

// addSegment appends the next n bytes of a transfer; runs that touch become one.
func (cmd *command) addSegment(addr uint64, n int) {
	off := 0
	if k := len(cmd.segs); k > 0 {
		last := &cmd.segs[k-1]
		if last.addr+uint64(last.n) == addr && !last.drop {
			last.n += n
			return
		}
		off = last.off + last.n
	}
	cmd.segs = append(cmd.segs, segment{addr, off, n, false})
}

// mapped is how many bytes the segments hold.
func (cmd *command) mapped() int {
	if k := len(cmd.segs); k > 0 {
		return cmd.segs[k-1].off + cmd.segs[k-1].n
	}
	return 0
}

// find returns the index of the segment that holds byte off of the transfer.
func (cmd *command) find(off int) int {
	lo, hi := 0, len(cmd.segs)-1
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if cmd.segs[mid].off <= off {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// follow turns the data pointer into segments, reading lists if there are any (Base, 4.1.1).
func (c *Controller) follow(cmd *command) {
	if cmd.sgl() {
		c.starts.last = nil
		c.followSGL(cmd)
		return
	}
	page := uint64(c.pageSize)
	if cmd.e.PRP1%spec.PRPAlign != 0 {
		c.fail(cmd, cmd.blame(24, 0, spec.InvalidPRPOffset))
		return
	}
	first := min(cmd.bytes, int(page-cmd.e.PRP1%page))
	cmd.addSegment(cmd.e.PRP1, first)
	rest := cmd.bytes - first
	switch {
	case rest == 0:
		c.located(cmd)
	case rest <= c.pageSize:
		if cmd.e.PRP2%page != 0 {
			c.fail(cmd, spec.InvalidPRPOffset)
			return
		}
		cmd.addSegment(cmd.e.PRP2, rest)
		c.located(cmd)
	default:
		c.readList(cmd, cmd.e.PRP2)
	}
}

// readList fetches the part of a PRP list that lies in one page and is needed.
func (c *Controller) readList(cmd *command, at uint64) {
	c.starts.last = nil
	page := uint64(c.pageSize)
	if at%spec.PRPEntryLen != 0 {
		c.fail(cmd, spec.InvalidPRPOffset)
		return
	}
	need := (cmd.bytes - cmd.mapped() + c.pageSize - 1) / c.pageSize
	n := min(need*spec.PRPEntryLen, int(page-at%page))
	if cap(cmd.list) < n {
		cmd.list = make([]byte, n, max(n, 4096))
	}
	cmd.list = cmd.list[:n]
	c.hold(cmd)
	c.readBus(at, cmd.list, pcie.Done{To: c, Kind: evListed, Arg: uint64(cmd.index)})
}

// listed takes a page of the list. Its last slot points to the next page if more is needed.
func (c *Controller) listed(cmd *command) {
	if !c.release(cmd) {
		return
	}
	if cmd.sgl() {
		c.listedSGL(cmd)
		return
	}
	for i := 0; i < len(cmd.list); i += spec.PRPEntryLen {
		addr := binary.LittleEndian.Uint64(cmd.list[i:])
		rest := cmd.bytes - cmd.mapped()
		if i+spec.PRPEntryLen == len(cmd.list) && rest > c.pageSize {
			if addr%uint64(c.pageSize) != 0 || len(cmd.list) == spec.PRPEntryLen && addr == 0 {
				c.fail(cmd, spec.InvalidPRPOffset)
				return
			}
			cmd.chained++
			if cmd.chained > maxChain {
				c.fail(cmd, spec.InvalidPRPOffset)
				return
			}
			c.readList(cmd, addr)
			return
		}
		if addr%uint64(c.pageSize) != 0 {
			c.fail(cmd, spec.InvalidPRPOffset)
			return
		}
		cmd.addSegment(addr, min(rest, c.pageSize))
	}
	c.located(cmd)
}

// located goes on with a command whose data has a place.
func (c *Controller) located(cmd *command) {
	if c.cmb != nil {
		for i := range cmd.segs {
			if s := &cmd.segs[i]; c.cmb.straddles(s.addr, s.n) {
				c.fail(cmd, cmd.blame(24, 0, spec.InvalidCMBUse))
				return
			}
		}
	}
	c.begin(cmd)
}

// maxChain bounds a list whose pages hold nothing but a pointer: the largest transfer that MDTS
// allows, in pages.
const maxChain = 1024
