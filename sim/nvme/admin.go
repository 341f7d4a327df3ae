package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
)

// Limits that Identify Controller tells.
const (
	maxAERs   = 4 // AERL 3
	aborts    = 4 // ACL 3
	errorKept = 8 // ELPE 7
)

// decodeAdmin checks an admin command, and builds what it returns.
func (c *Controller) decodeAdmin(cmd *command) spec.Status {
	e := &cmd.e
	switch e.Opcode {
	case spec.Identify:
		return c.identify(cmd)
	case spec.GetLogPage:
		return c.logPage(cmd)
	case spec.DeleteSQ, spec.CreateSQ, spec.DeleteCQ, spec.CreateCQ, spec.Abort, spec.SetFeatures,
		spec.GetFeatures:
		return spec.Success
	case spec.AsyncEvent:
		if len(c.aers) == maxAERs {
			return spec.AERLimit
		}
		return spec.Success
	}
	return spec.InvalidOpcode // Fabrics commands among them
}

// startAdmin runs an admin command that the firmware has seen.
func (c *Controller) startAdmin(cmd *command) {
	e := &cmd.e
	switch e.Opcode {
	case spec.Identify, spec.GetLogPage:
		for off := 0; off < cmd.bytes; off += c.Profile.ChannelChunk {
			s := c.dma.chunk(cmd, off, min(c.Profile.ChannelChunk, cmd.bytes-off))
			c.dma.out.Push(s)
		}
		c.dma.pump()
		return
	case spec.AsyncEvent:
		if len(c.aers) == maxAERs {
			cmd.status = spec.AERLimit | spec.DNR
			break
		}
		c.aers = append(c.aers, cmd)
		c.deliverEvents()
		return
	case spec.CreateCQ:
		cmd.status = c.createCQ(e)
	case spec.CreateSQ:
		cmd.status = c.createSQ(e)
	case spec.DeleteCQ:
		cmd.status = c.deleteCQ(e)
	case spec.DeleteSQ:
		cmd.status = c.deleteSQ(e)
	case spec.SetFeatures:
		cmd.status = c.setFeature(cmd)
	case spec.GetFeatures:
		cmd.status = c.getFeature(cmd)
	case spec.Abort:
		cmd.result = c.abort(e)
	}
	if !cmd.status.OK() {
		cmd.status |= spec.DNR
	}
	c.complete(cmd)
}

// queueShape checks what both Create commands say of a queue.
func (c *Controller) queueShape(e *spec.Command) (id, size int, st spec.Status) {
	id = int(spec.QueueID.Get(uint64(e.CDW10)))
	size = int(spec.QueueSize.Get(uint64(e.CDW10))) + 1
	switch {
	case id == 0 || id > c.granted:
		st = spec.InvalidQueueID
	case size < 2 || size > mqes+1:
		st = spec.InvalidQueueSize
	case spec.QueuePC.Get(uint64(e.CDW11)) == 0:
		st = spec.InvalidField // CAP.CQR
	case e.PRP1%uint64(c.pageSize) != 0:
		st = spec.InvalidPRPOffset
	}
	return id, size, st
}

func (c *Controller) createCQ(e *spec.Command) spec.Status {
	id, size, st := c.queueShape(e)
	vector := int(spec.QueueVector.Get(uint64(e.CDW11)))
	ien := spec.QueueIEN.Get(uint64(e.CDW11)) == 1
	switch {
	case st == spec.InvalidQueueID || st == spec.Success && c.cqs[id] != nil:
		return spec.InvalidQueueID
	case st != spec.Success:
		return st
	case spec.CCIOCQES.Get(c.regs.Get(spec.CC, 4)) != spec.CQELog:
		return spec.InvalidQueueSize // the entry size is not set (Base, 3.1.3.5)
	case ien && vector >= vectors:
		return spec.InvalidVector
	}
	c.cqs[id] = c.newCQ(id, e.PRP1, size, vector, ien)
	return spec.Success
}

func (c *Controller) createSQ(e *spec.Command) spec.Status {
	id, size, st := c.queueShape(e)
	cqid := int(spec.QueueCQID.Get(uint64(e.CDW11)))
	switch {
	case st == spec.InvalidQueueID || st == spec.Success && c.sqs[id] != nil:
		return spec.InvalidQueueID
	case cqid > maxQueues && cqid != 0:
		return spec.InvalidQueueID
	case cqid == 0 || c.cqs[cqid] == nil:
		return spec.CQInvalid
	case st != spec.Success:
		return st
	case spec.CCIOSQES.Get(c.regs.Get(spec.CC, 4)) != spec.SQELog:
		return spec.InvalidQueueSize
	}
	c.sqs[id] = c.newSQ(id, e.PRP1, size, c.cqs[cqid])
	return spec.Success
}

// deleteCQ refuses while a submission queue uses the queue (Base, 5.6).
func (c *Controller) deleteCQ(e *spec.Command) spec.Status {
	id := int(spec.QueueID.Get(uint64(e.CDW10)))
	switch {
	case id == 0 || id > maxQueues || c.cqs[id] == nil:
		return spec.InvalidQueueID
	case c.cqs[id].users > 0:
		return spec.InvalidQueueDeletion
	}
	c.cqs[id] = nil
	return spec.Success
}

// deleteSQ ends what the queue still holds without completions, which Base 5.7 allows.
func (c *Controller) deleteSQ(e *spec.Command) spec.Status {
	id := int(spec.QueueID.Get(uint64(e.CDW10)))
	if id == 0 || id > maxQueues || c.sqs[id] == nil {
		return spec.InvalidQueueID
	}
	q := c.sqs[id]
	q.cq.users--
	c.kill(q)
	return spec.Success
}

// abort ends an Asynchronous Event Request; other commands are past aborting, which the result's
// bit 0 says.
func (c *Controller) abort(e *spec.Command) uint32 {
	sqid, cid := uint16(e.CDW10), uint16(e.CDW10>>16)
	for i, a := range c.aers {
		if sqid == 0 && a.e.CID == cid {
			c.aers = append(c.aers[:i], c.aers[i+1:]...)
			a.status = spec.AbortRequested
			c.complete(a)
			return 0
		}
	}
	return 1
}

// event is an asynchronous event that waits to be told.
type event struct{ kind, info, page uint32 }

// raise tells of an event, once there is a request to complete. Until the log page is read, more
// events of its type are not told (Base, 5.2).
func (c *Controller) raise(e event) {
	if len(c.events) < errorKept {
		c.events = append(c.events, e)
	}
	c.deliverEvents()
}

func (c *Controller) deliverEvents() {
	if c.masked || len(c.events) == 0 || len(c.aers) == 0 {
		return
	}
	e, cmd := c.events[0], c.aers[0]
	c.events, c.aers = c.events[1:], c.aers[1:]
	c.masked = true
	cmd.result = e.kind | e.info<<spec.EventInfoShift | e.page<<spec.EventLogPageShift
	c.complete(cmd)
}

// identify builds the data of Identify (Base, 5.17).
func (c *Controller) identify(cmd *command) spec.Status {
	e := &cmd.e
	p := make([]byte, spec.IdentifyLen)
	switch e.CDW10 & 0xff {
	case spec.CNSController:
		id := c.identity()
		id.Encode(p)
	case spec.CNSNamespace:
		// NSID all ones would ask for what namespaces share, which needs namespace management.
		if e.NSID != 1 {
			return spec.InvalidNamespace
		}
		n := c.namespace()
		n.Encode(p)
	case spec.CNSActive:
		if e.NSID > spec.MaxNamespaces-1 {
			return spec.InvalidNamespace
		}
		if e.NSID == 0 {
			binary.LittleEndian.PutUint32(p, 1)
		}
	case spec.CNSDescriptors:
		if e.NSID != 1 {
			return spec.InvalidNamespace
		}
		n := c.namespace()
		p[0], p[1] = spec.NIDTypeNGUID, 16
		copy(p[4:], n.NGUID[:])
	default:
		return spec.InvalidField
	}
	cmd.data, cmd.bytes = p, len(p)
	return spec.Success
}

// identity is the minimum that Linux 6.1 to 7.3, SPDK, SeaBIOS and nvme-cli took (measured), with
// the profile's numbers.
func (c *Controller) identity() spec.Controller {
	p := c.Profile
	id := spec.Controller{VID: p.Vendor, SSVID: p.Vendor,
		Serial: "TENSOROS" + c.fn.Address().String()[5:7],
		Model:  p.Model, Firmware: "1", MDTS: p.MDTS, CNTLID: 1, Version: spec.Version20,
		CNTRLTYPE: 1,
		ACL:       aborts - 1, AERL: maxAERs - 1, FRMW: 2, LPA: 6, ELPE: errorKept - 1, WCTEMP: 343,
		CCTEMP: 353, SQES: 0x66, CQES: 0x44, NN: 1, ONCS: spec.ONCSDSM | spec.ONCSWriteZeroes,
		SUBNQN: "nqn.2026-01.tensoros:sim:" + p.Name}
	if p.VolatileCache {
		id.VWC = spec.VWCPresent
	}
	return id
}

func (c *Controller) namespace() spec.Namespace {
	n := spec.Namespace{Size: c.blocks(), Capacity: c.blocks(), Used: c.blocks()}
	n.LBADS[0] = c.Profile.BlockShift
	// NGUID: a vendor identifier, then what tells drives apart: the bus they are on.
	copy(n.NGUID[:], "TOS-SIM")
	n.NGUID[15] = c.fn.Address().Bus
	return n
}
