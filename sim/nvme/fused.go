package nvme

import (
	"bytes"

	spec "tensoros/hw/spec/nvme"
)

// Values of FUSE (Base, figure 91).
const (
	fuseFirst  = 1
	fuseSecond = 2
)

// fusedMost is the blocks of a fused Compare and Write, ACWU + 1 [D].
const fusedMost = 256

// fuse checks the FUSE field and joins a Compare with the Write that must follow it in its queue
// (Base, 3.4.2; NVM, 2.1.2). Both move their data before either is done, so that nothing comes
// between them.
func (c *Controller) fuse(cmd *command) spec.Status {
	q := cmd.sq
	first := q.first
	q.first = nil
	switch spec.FlagFUSE.Get(uint64(cmd.e.Flags)) {
	case 0:
		if first != nil {
			c.cut(first, spec.FusedMissing|spec.DNR)
		}
		return spec.Success
	case fuseFirst:
		if first != nil {
			c.cut(first, spec.FusedMissing|spec.DNR)
		}
		if q.id == 0 || cmd.e.Opcode != spec.Compare {
			return cmd.bad(1, 0)
		}
		q.first = cmd
		return spec.Success
	case fuseSecond:
		switch {
		case q.id == 0:
			return cmd.bad(1, 0)
		case first == nil:
			return spec.FusedMissing
		case cmd.e.Opcode != spec.Write:
			c.cut(first, spec.FusedMissing|spec.DNR)
			return cmd.bad(1, 0)
		}
		cmd.pair, first.pair = first, cmd
		a, b := &first.e, &cmd.e
		switch {
		case a.NSID != b.NSID || a.SLBA() != b.SLBA() || uint16(a.CDW12) != uint16(b.CDW12):
			return cmd.bad(40, 0)
		case uint16(b.CDW12) >= fusedMost:
			return cmd.blame(48, 0, spec.AtomicExceeded)
		}
		return spec.Success
	}
	return cmd.bad(1, 0)
}

// lonely ends a first command when its queue has no second.
func (c *Controller) lonely(q *sq) {
	if first := q.first; first != nil && q.head == q.tail {
		q.first = nil
		c.cut(first, spec.FusedMissing|spec.DNR)
	}
}

// met is called when a fused command has its data; with both here, the deed is done.
func (c *Controller) met(cmd *command) spec.Status {
	cmd.ready = true
	p := cmd.pair
	if p == nil || !p.ready {
		return held // the first one may not have its second yet
	}
	first, second := cmd, p
	if cmd.e.Opcode == spec.Write {
		first, second = p, cmd
	}
	st := c.inspect(first.ns, first.at, first.length(), func(at uint64, p []byte) spec.Status {
		if !bytes.Equal(p, first.data[at-first.at:][:len(p)]) {
			return spec.CompareFailure
		}
		return spec.Success
	})
	d := c.senseTime(first.length())
	first.status |= final(st)
	if st != spec.Success {
		c.finish(first, d) // its completion fails the second
		return held
	}
	first.pair, second.pair = nil, nil
	first.ns.mend(second.at, second.length())
	if c.Store.WriteAt(second.at, second.data) != nil {
		second.status |= spec.WriteFault | spec.DNR
	}
	c.Writes++
	c.smart.wrote(second.bytes)
	c.finish(first, d)
	c.finish(second, d+c.writeDelay(second))
	return held
}

// forget takes a command out of its pair.
func (c *Controller) forget(cmd *command) {
	if cmd.sq.first == cmd {
		cmd.sq.first = nil
	}
	if cmd.pair != nil {
		cmd.pair.pair, cmd.pair = nil, nil
	}
}

// part completes a fused command. If its pair is not done yet, it fails; the first of the two has
// its completion first.
func (c *Controller) part(cmd *command) {
	p := cmd.pair
	c.forget(cmd)
	if p == nil {
		c.postRoom(cmd)
		return
	}
	if p.e.Flags&3 == fuseFirst {
		c.cut(p, spec.FusedFailed|spec.DNR)
		c.postRoom(cmd)
		return
	}
	c.postRoom(cmd)
	c.cut(p, spec.FusedFailed|spec.DNR)
}
