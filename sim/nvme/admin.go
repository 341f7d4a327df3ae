package nvme

import spec "tensoros/hw/spec/nvme"

// Limits that Identify Controller tells.
const (
	maxAERs    = 4  // AERL 3
	abortsMost = 4  // ACL 3
	errorKept  = 64 // ELPE 63
)

// queueShape checks what both Create commands say of a queue.
func (c *Controller) queueShape(cmd *command) (id, size int, st spec.Status) {
	e := &cmd.e
	id = int(spec.QueueID.Get(uint64(e.CDW10)))
	size = int(spec.QueueSize.Get(uint64(e.CDW10))) + 1
	switch {
	case id == 0 || id > c.granted:
		st = cmd.blame(40, 0, spec.InvalidQueueID)
	case size < 2 || size > mqes+1:
		st = cmd.blame(42, 0, spec.InvalidQueueSize)
	case spec.QueuePC.Get(uint64(e.CDW11)) == 0:
		st = cmd.bad(44, 0) // CAP.CQR
	case e.PRP1%uint64(c.pageSize) != 0:
		st = cmd.blame(24, 0, spec.InvalidPRPOffset)
	}
	return id, size, st
}

func (c *Controller) createCQ(cmd *command) spec.Status {
	id, size, st := c.queueShape(cmd)
	e := &cmd.e
	vector := int(spec.QueueVector.Get(uint64(e.CDW11)))
	ien := spec.QueueIEN.Get(uint64(e.CDW11)) == 1
	switch {
	case st == spec.InvalidQueueID || st == spec.Success && c.cqs[id] != nil:
		return cmd.blame(40, 0, spec.InvalidQueueID)
	case st != spec.Success:
		return st
	case spec.CCIOCQES.Get(c.regs.Get(spec.CC, 4)) != spec.CQELog:
		return spec.InvalidQueueSize // the entry size is not set (Base, 3.1.3.5)
	case ien && vector >= vectors:
		return cmd.blame(46, 0, spec.InvalidVector)
	case c.cmb != nil && c.cmb.straddles(e.PRP1, size*spec.CQELen):
		return cmd.blame(24, 0, spec.InvalidCMBUse)
	}
	c.cqs[id] = c.newCQ(id, e.PRP1, size, vector, ien)
	if c.shadow.on {
		c.tellIndex(id, true, 0)
	}
	return spec.Success
}

func (c *Controller) createSQ(cmd *command) spec.Status {
	id, size, st := c.queueShape(cmd)
	e := &cmd.e
	cqid := int(spec.QueueCQID.Get(uint64(e.CDW11)))
	switch {
	case st == spec.InvalidQueueID || st == spec.Success && c.sqs[id] != nil:
		return cmd.blame(40, 0, spec.InvalidQueueID)
	case cqid > maxQueues && cqid != 0:
		return cmd.blame(46, 0, spec.InvalidQueueID)
	case cqid == 0 || c.cqs[cqid] == nil:
		return cmd.blame(46, 0, spec.CQInvalid)
	case st != spec.Success:
		return st
	case spec.CCIOSQES.Get(c.regs.Get(spec.CC, 4)) != spec.SQELog:
		return spec.InvalidQueueSize
	case c.cmb != nil && c.cmb.straddles(e.PRP1, size*spec.SQELen):
		return cmd.blame(24, 0, spec.InvalidCMBUse)
	}
	prio := spec.QueuePrio.Get(uint64(e.CDW11))
	c.sqs[id] = c.newSQ(id, e.PRP1, size, c.cqs[cqid], prio)
	if c.shadow.on {
		c.tellIndex(id, false, 0)
	}
	return spec.Success
}

// deleteCQ refuses while a submission queue uses the queue (Base, 5.6).
func (c *Controller) deleteCQ(cmd *command) spec.Status {
	id := int(spec.QueueID.Get(uint64(cmd.e.CDW10)))
	switch {
	case id == 0 || id > maxQueues || c.cqs[id] == nil:
		return cmd.blame(40, 0, spec.InvalidQueueID)
	case c.cqs[id].users > 0:
		return cmd.blame(40, 0, spec.InvalidQueueDeletion)
	}
	c.cqs[id] = nil
	return spec.Success
}

// deleteSQ ends what the queue still holds without completions, which Base 5.7 allows.
func (c *Controller) deleteSQ(cmd *command) spec.Status {
	id := int(spec.QueueID.Get(uint64(cmd.e.CDW10)))
	if id == 0 || id > maxQueues || c.sqs[id] == nil {
		return cmd.blame(40, 0, spec.InvalidQueueID)
	}
	q := c.sqs[id]
	q.cq.users--
	c.kill(q)
	return spec.Success
}
