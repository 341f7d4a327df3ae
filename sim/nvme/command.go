package nvme

import (
	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/traces"
)

// command is a command from its fetch to its completion.
type command struct {
	index  uint32
	e      spec.Command
	sq     *sq
	dead   bool // its queue is gone: no completion, no more DMA
	refs   int  // events and DMA that will come back to it
	status spec.Status
	result uint32

	bytes int       // to transfer
	toDev bool      // host to device
	segs  []segment // where to, in order
	data  []byte    // of commands whose data is not the medium's
	list  []byte    // page of the PRP list being read
	left  int       // bytes not yet transferred

	chained int // list pages that pointed on

	asked   sim.Time // its fetch was issued
	begun   sim.Time // its fetch was answered
	bank    sim.Time // of the piece that came last: until its die had sensed,
	moving  sim.Time // and from there until its data was on the link
	stalled sim.Time // when it found the completion queue full; 0 if it did not
}

// hold counts an event or DMA that will come back to the command.
func (c *Controller) hold(cmd *command) { cmd.refs++ }

// release takes back a hold; it reports false when the command is dead, and frees it if that was
// the last.
func (c *Controller) release(cmd *command) bool {
	cmd.refs--
	if !cmd.dead {
		return true
	}
	if cmd.refs == 0 {
		c.free(cmd)
	}
	return false
}

func (c *Controller) free(cmd *command) {
	i, segs, list := cmd.index, cmd.segs[:0], cmd.list[:0]
	*cmd = command{index: i, segs: segs, list: list}
	c.cmds.give(i)
}

// later fires an event for the command after d.
func (c *Controller) later(cmd *command, d sim.Time, kind uint32) {
	c.hold(cmd)
	c.eng.At(c.eng.Now()+d, c, kind, uint64(cmd.index))
}

// accept takes a fetched command: what is wrong with its header ends it, its PRPs are followed.
func (c *Controller) accept(q *sq, e spec.Command, asked, now sim.Time) {
	cmd, i := c.cmds.get()
	cmd.index, cmd.e, cmd.sq, cmd.asked, cmd.begun = i, e, q, asked, now
	flags := uint64(e.Flags)
	if spec.FlagFUSE.Get(flags) != 0 || spec.FlagPSDT.Get(flags) != 0 {
		// Neither fused commands nor SGLs are offered.
		c.fail(cmd, spec.InvalidField)
		return
	}
	var st spec.Status
	if q.id == 0 {
		st = c.decodeAdmin(cmd)
	} else {
		st = c.decodeIO(cmd)
	}
	switch {
	case st != spec.Success:
		c.fail(cmd, st)
	case cmd.bytes > c.Profile.MaxTransfer():
		c.fail(cmd, spec.InvalidField)
	case cmd.bytes > 0:
		c.follow(cmd)
	default:
		c.later(cmd, c.delay(cmd), evStart)
	}
}

// fail ends a command with a status, and says that trying again is no use.
func (c *Controller) fail(cmd *command, st spec.Status) {
	cmd.status = st | spec.DNR
	c.later(cmd, c.firmware(), evFinished)
}

// delay is the firmware's share before a command starts.
func (c *Controller) delay(cmd *command) sim.Time {
	p := c.Profile
	switch {
	case cmd.sq.id == 0:
		return c.firmware()
	case cmd.e.Opcode != spec.Read:
		return 0 // a write pays when its data is there
	case cmd.bytes <= 4096:
		return p.FirmwareRead4K
	}
	return p.FirmwareRead
}

// start runs a command that the firmware has seen.
func (c *Controller) start(cmd *command) {
	if !c.release(cmd) {
		return
	}
	cmd.left = cmd.bytes
	switch {
	case cmd.sq.id == 0:
		c.startAdmin(cmd)
	default:
		c.startIO(cmd)
	}
}

// finish ends a command after d.
func (c *Controller) finish(cmd *command, d sim.Time) { c.later(cmd, d, evFinished) }

// arrived is called when the last byte of a command's data is where it should be: on the link to
// the host, or in the controller.
func (c *Controller) arrived(cmd *command) {
	switch {
	case !cmd.toDev:
		if cmd.sq.id != 0 {
			c.Reads++
			c.smart.read(cmd.bytes)
		}
		c.complete(cmd)
	case cmd.e.Opcode == spec.DSM:
		c.checkRanges(cmd)
		c.finish(cmd, c.firmware())
	default:
		c.Writes++
		c.smart.wrote(cmd.bytes)
		c.finish(cmd, c.writeDelay(cmd))
	}
}

// writeDelay is what a write takes once its data is in the buffer; with FUA, until it is on the
// medium.
func (c *Controller) writeDelay(cmd *command) sim.Time {
	p := c.Profile
	d := p.FirmwareWrite + p.FirmwareWrite4K*sim.Time((cmd.bytes+4095)/4096)
	if p.VolatileCache && spec.RWFUA.Get(uint64(cmd.e.CDW12)) == 1 {
		d = max(d, c.flash.flush()-c.eng.Now())
	}
	return d
}

// traceCommand records the span of a command. What is neither die, data nor queue is Work: the
// firmware.
func (c *Controller) traceCommand(cmd *command) {
	if c.rec == nil {
		return
	}
	now := c.eng.Now()
	var w traces.Waits
	w[traces.Bank] = cmd.bank
	w[traces.Data] = cmd.begun - cmd.asked + cmd.moving
	if cmd.stalled != 0 {
		w[traces.InQueue] = now - cmd.stalled
	}
	slba := uint64(0)
	if cmd.sq.id != 0 {
		slba = cmd.e.SLBA()
	}
	c.rec.Span(traces.NVMeCommand, cmd.sq.track, cmd.asked, now, &w, uint64(cmd.e.Opcode),
		uint64(cmd.e.CID), slba, uint64(cmd.bytes), uint64(cmd.status.Code()))
}
