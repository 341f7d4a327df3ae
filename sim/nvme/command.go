package nvme

import (
	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/traces"
)

// command is a command from its fetch to its completion.
type command struct {
	index   uint32
	e       spec.Command
	sq      *sq
	verb    *verb
	ns      *namespace
	at      uint64 // of its blocks in the store, bytes
	dead    bool   // no more DMA, and no completion unless it was aborted
	aborted bool   // its completion is due or posted
	ready   bool   // fused, and its data is here
	pair    *command
	next    *command // that starts in the same event
	stuck   bool     // it never completes: a fault
	fx      effects
	place   uint16 // byte and bit of the entry that is wrong, for the error log; 0: none is known
	refs    int    // events and DMA that will come back to it
	status  spec.Status
	result  uint32

	bytes int       // to transfer
	toDev bool      // host to device
	segs  []segment // where to, in order
	data  []byte    // of commands whose data is not the medium's
	list  []byte    // page of the PRP list, or SGL segment, being read
	left  int       // bytes not yet transferred

	chained int    // list pages that pointed on
	sglAt   uint64 // what is left of the SGL segment being read
	sglLeft uint32
	sglLast bool // it is the last one

	asked   sim.Time // its fetch was issued
	begun   sim.Time // its fetch was answered
	bank    sim.Time // of the piece that came last: until its die had sensed,
	moving  sim.Time // and from there until its data was on the link
	stalled sim.Time // when it found the completion queue full; 0 if it did not
}

// held is what a verb's run answers when the command is completed later.
const held spec.Status = 0xffff

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

// bad blames a bit of a byte of the entry and says Invalid Field.
func (cmd *command) bad(at, bit uint8) spec.Status { return cmd.blame(at, bit, spec.InvalidField) }

func (cmd *command) blame(at, bit uint8, st spec.Status) spec.Status {
	cmd.place = uint16(at) | uint16(bit)<<8
	return st
}

// accept takes a fetched command: what is wrong with it ends it, its data pointer is followed.
func (c *Controller) accept(q *sq, entry []byte, asked, now sim.Time) {
	cmd, i := c.cmds.get()
	cmd.index, cmd.e, cmd.sq, cmd.asked, cmd.begun = i, spec.DecodeCommand(entry), q, asked, now
	st := c.decode(cmd)
	if c.faults != nil && c.faults.strike(c, cmd) {
		return
	}
	switch {
	case st != spec.Success:
		c.starts.last = nil
		c.fail(cmd, st)
	case cmd.bytes > c.Profile.MaxTransfer():
		c.starts.last = nil
		c.fail(cmd, spec.InvalidField)
	case cmd.bytes > 0:
		c.follow(cmd)
	default:
		c.begin(cmd)
	}
}

// decode checks a command by its row and says what it transfers.
func (c *Controller) decode(cmd *command) spec.Status {
	e := &cmd.e
	admin := cmd.sq.id == 0
	v := ioVerbs[e.Opcode]
	if admin {
		v = adminVerbs[e.Opcode]
	}
	if v == nil && cmd.sq.first != nil {
		c.fuse(cmd)
	}
	if v == nil || !admin && c.adminOnly {
		return cmd.blame(0, 0, spec.InvalidOpcode)
	}
	cmd.verb = v
	if e.Flags&3 != 0 || cmd.sq.first != nil {
		if st := c.fuse(cmd); st != spec.Success {
			return st
		}
	}
	if e.Flags != 0 {
		if p := spec.FlagPSDT.Get(uint64(e.Flags)); p == 3 || admin && p != spec.PSDTPRP {
			return cmd.bad(1, 6) // admin commands use PRPs on PCIe (Base, 4.1.2)
		}
	}
	if c.sanitize.guard && !c.sanitize.allows(cmd) {
		return c.sanitize.refusal()
	}
	if st := c.aim(cmd); st != spec.Success {
		return st
	}
	cmd.toDev = v.dir == spec.HostToDevice
	if v.size == nil {
		return spec.Success
	}
	n, st := v.size(c, cmd)
	cmd.bytes = n
	return st
}

// aim finds the namespace that a command means (Base, 3.2.1).
func (c *Controller) aim(cmd *command) spec.Status {
	id := cmd.e.NSID
	switch use := cmd.verb.row.NSID; {
	case use == spec.NSIDUnused || use == spec.NSIDHandler:
		return spec.Success
	case id == spec.AllNamespaces && use == spec.NSIDOneAll:
		return spec.Success
	case id == spec.AllNamespaces:
		return cmd.bad(4, 0)
	case id == 0 || id > maxSpaces:
		return cmd.blame(4, 0, spec.InvalidNamespace)
	}
	ns := c.spaces.active(id)
	if ns == nil {
		return cmd.bad(4, 0)
	}
	if ns.formatting {
		return spec.FormatInProgress
	}
	if ns.Reserved.Type != 0 && ns.Reserved.conflicts(c.feats.host, cmd.e.Opcode) {
		return spec.ReservationConflict
	}
	cmd.ns = ns
	return spec.Success
}

// fail ends a command with a status.
func (c *Controller) fail(cmd *command, st spec.Status) {
	cmd.status = final(st)
	c.later(cmd, c.firmware(), evFinished)
}

// final adds to a failure that trying again is no use, where it is none.
func final(st spec.Status) spec.Status {
	switch st.Code() {
	case spec.Success, spec.FormatInProgress, spec.SanitizeInProgress, spec.NamespaceNotReady,
		spec.AbortRequested, spec.AbortedSQDeletion, spec.SelfTestInProgress, spec.Interrupted,
		spec.DataTransferError, spec.AbortLimit:
		return st
	}
	return st | spec.DNR
}

// begin starts a command whose data pointer is known, after the firmware's share.
func (c *Controller) begin(cmd *command) {
	d := c.delay(cmd)
	if d == 0 {
		c.starts.last, c.flash.last = nil, nil
		c.start(cmd)
		c.flash.last = nil
		return
	}
	if s := &c.starts; s.last != nil && s.at == c.eng.Now()+d {
		c.hold(cmd)
		s.last.next, s.last = cmd, cmd
		return
	}
	c.starts.last, c.starts.at = cmd, c.eng.Now()+d
	c.later(cmd, d, evStart)
}

// starts are commands that one fetch has brought, one behind the other, and that start at the same
// time: one event serves them all, as nothing has been scheduled between them.
type starts struct {
	last *command // nil: the next one needs an event
	at   sim.Time // when; while it is to come, the command is there
}

// startAll starts a command and those that came with it.
func (c *Controller) startAll(cmd *command) {
	c.flash.last = nil
	for cmd != nil {
		next := cmd.next
		if cmd.dead && cmd.verb == formatEnds {
			c.formatted(cmd) // a Format outlives its queue
		}
		if c.release(cmd) {
			c.start(cmd)
		}
		cmd = next
	}
	c.flash.last = nil
}

// delay is the firmware's share before a command starts.
func (c *Controller) delay(cmd *command) sim.Time {
	p := c.Profile
	d := cmd.fx.delay
	if c.power.active {
		d += c.power.wake(c, cmd)
	}
	if p.CommandInterval > 0 && cmd.sq.id > 0 {
		now := c.eng.Now()
		d += c.pace.Reserve(now, p.CommandInterval) - now
	}
	switch {
	case cmd.sq.id == 0:
		return d + c.firmware()
	case cmd.e.Opcode != spec.Read:
		return d // a write pays when its data is there
	case cmd.bytes <= 4096:
		return d + p.FirmwareRead4K
	}
	return d + p.FirmwareRead
}

// start runs a command that the firmware has seen.
func (c *Controller) start(cmd *command) {
	cmd.left = cmd.bytes
	if cmd.sq.id == 0 || cmd.e.Opcode != spec.Read {
		c.flash.last = nil
	}
	if cmd.toDev && cmd.bytes > 0 {
		if !cmd.verb.medium || cmd.e.Flags&3 != 0 {
			cmd.data = make([]byte, cmd.bytes)
		}
		c.dma.receive(cmd)
		return
	}
	st := cmd.verb.run(c, cmd)
	switch {
	case st == held:
	case st == spec.Success && cmd.data != nil:
		c.give(cmd)
	default:
		cmd.status |= final(st)
		c.complete(cmd)
	}
}

// give sends a command's own data to the host.
func (c *Controller) give(cmd *command) {
	for off := 0; off < cmd.bytes; off += c.Profile.ChannelChunk {
		c.dma.out.Push(c.dma.chunk(cmd, off, min(c.Profile.ChannelChunk, cmd.bytes-off)))
	}
	c.dma.pump()
}

// finish ends a command after d.
func (c *Controller) finish(cmd *command, d sim.Time) { c.later(cmd, d, evFinished) }

// arrived is called when the last byte of a command's data is where it should be: on the link to
// the host, or in the controller.
func (c *Controller) arrived(cmd *command) {
	if !cmd.toDev {
		if cmd.sq.id != 0 {
			c.Reads++
			c.smart.read(cmd.bytes)
		}
		c.complete(cmd)
		return
	}
	if cmd.e.Flags&3 != 0 {
		c.met(cmd)
		return
	}
	if st := cmd.verb.run(c, cmd); st != held {
		cmd.status |= final(st)
		c.finish(cmd, c.firmware())
	}
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
