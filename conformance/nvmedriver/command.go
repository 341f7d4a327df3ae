package nvmedriver

import spec "tensoros/hw/spec/nvme"

// load looks for submission entries in what the controller has read.
func (w *Watcher) load(addr uint64, p []byte) {
	for _, q := range w.sqs {
		end := q.base + uint64(q.size*spec.SQELen)
		if addr < q.base || addr >= end || (addr-q.base)%spec.SQELen != 0 {
			continue
		}
		for ; len(p) >= spec.SQELen; p = p[spec.SQELen:] {
			c := spec.DecodeCommand(p)
			w.submit(q, &c)
		}
		return
	}
}

// Bits of command double word 0 that are reserved (Base 2.0c, figure 86): 13:10.
const reservedFlags = 0x3c

func (w *Watcher) submit(q *queue, c *spec.Command) {
	_, twice := q.out[c.CID]
	w.keep(!twice, "HOST-3.3.3.1-CID", "command identifier %d of queue %d is outstanding", c.CID,
		q.id)
	w.keep(c.CID != 0xffff, "HOST-3.3.3.1-CID-FFFF", "command identifier FFFFh on queue %d", q.id)
	w.keep(c.Flags&reservedFlags == 0, "HOST-3.3.3.1-RESERVED", "flags %#x of opcode %#x", c.Flags,
		c.Opcode)
	name := spec.OpcodeName(c.Opcode, q.id == 0)
	vendor := c.Opcode >= 0xc0 || q.id > 0 && c.Opcode >= 0x80
	w.keep(name != "" || vendor, "HOST-3.3.3.1-OPCODE", "opcode %#x on queue %d", c.Opcode, q.id)
	q.out[c.CID] = *c
	if q.id == 0 {
		w.keep(spec.FlagPSDT.Get(uint64(c.Flags)) == 0, "HOST-3.3.3.1-PSDT",
			"admin opcode %#x with SGLs",
			c.Opcode)
		w.admin(c)
		return
	}
	w.io(c)
}

// prps checks the pointers of a transfer of n bytes.
func (w *Watcher) prps(c *spec.Command, n int) {
	if spec.FlagPSDT.Get(uint64(c.Flags)) != 0 || n == 0 {
		return
	}
	page := uint64(spec.MinPage) << spec.CCMPS.Get(w.reg32(spec.CC))
	w.keep(c.PRP1%4 == 0, "HOST-4.1.1-PRP1", "PRP1 %#x of opcode %#x", c.PRP1, c.Opcode)
	rest := n - int(page-c.PRP1%page)
	switch {
	case rest <= 0:
	case rest <= int(page):
		w.keep(c.PRP2%page == 0, "HOST-4.1.1-PRP2", "PRP2 %#x, the second page of opcode %#x",
			c.PRP2,
			c.Opcode)
	default:
		w.keep(c.PRP2%8 == 0, "HOST-4.1.1-PRP2", "PRP2 %#x, the list of opcode %#x", c.PRP2,
			c.Opcode)
	}
}

func (w *Watcher) admin(c *spec.Command) {
	id, size := field(spec.QueueID, uint64(c.CDW10)), field(spec.QueueSize, uint64(c.CDW10))+1
	switch c.Opcode {
	case spec.CreateCQ:
		w.shape(c, size)
		w.keep(id != 0 && w.cqs[id] == nil && (w.granted == 0 || id <= w.granted), "HOST-5.4-CQ-ID",
			"completion queue %d, %d granted", id, w.granted)
		if spec.QueueIEN.Get(uint64(c.CDW11)) == 1 && w.msix {
			v := field(spec.QueueVector, uint64(c.CDW11))
			w.keep(v < w.vectors, "HOST-5.4-CQ-VECTOR", "vector %d of %d", v, w.vectors)
		}
	case spec.CreateSQ:
		w.shape(c, size)
		w.keep(id != 0 && w.sqs[id] == nil && (w.granted == 0 || id <= w.granted), "HOST-5.5-SQ-ID",
			"submission queue %d, %d granted", id, w.granted)
		cq := field(spec.QueueCQID, uint64(c.CDW11))
		w.keep(cq != 0 && w.cqs[cq] != nil, "HOST-5.5-SQ-CQ",
			"submission queue %d for completion queue %d",
			id, cq)
	case spec.DeleteSQ:
		w.keep(w.sqs[id] != nil, "HOST-5.7-EXISTS", "submission queue %d", id)
	case spec.DeleteCQ:
		w.keep(w.cqs[id] != nil, "HOST-5.7-EXISTS", "completion queue %d", id)
		for _, q := range w.sqs {
			w.keep(q.id == 0 || q.cq != id, "HOST-5.6-ORDER",
				"completion queue %d before submission queue %d",
				id, q.id)
		}
	case spec.SetFeatures:
		if spec.FeatID.Get(uint64(c.CDW10)) == spec.FeatQueues {
			w.keep(!w.made, "HOST-5.27.1.5-QUEUES-EARLY", "Number of Queues with I/O queues there")
		}
	case spec.Identify:
		w.prps(c, spec.IdentifyLen)
		w.want[c.CID] = &answer{addr: c.PRP1}
	case spec.Abort:
		if w.identified {
			w.limit(spec.Abort, int(w.id.ACL)+1, "HOST-5.1-ABORTS")
		}
	case spec.AsyncEvent:
		if w.identified {
			w.limit(spec.AsyncEvent, int(w.id.AERL)+1, "HOST-5.2-AERS")
		}
	}
}

// limit holds the number of outstanding admin commands of an opcode, this one included.
func (w *Watcher) limit(opcode uint8, most int, rule string) {
	n := 0
	for _, c := range w.sqs[0].out {
		if c.Opcode == opcode {
			n++
		}
	}
	w.keep(n <= most, rule, "%d outstanding, %d allowed", n, most)
}

// shape holds what both Create commands say of a queue.
func (w *Watcher) shape(c *spec.Command, size int) {
	most := field(spec.CapMQES, w.cap) + 1
	w.keep(size >= 2 && size <= most, "HOST-5.4-SIZE", "a queue of %d entries; %d are the most",
		size, most)
	page := uint64(spec.MinPage) << spec.CCMPS.Get(w.reg32(spec.CC))
	if spec.CapCQR.Get(w.cap) == 1 {
		w.keep(spec.QueuePC.Get(uint64(c.CDW11)) == 1 && c.PRP1%page == 0, "HOST-5.4-CONTIGUOUS",
			"a queue at %#x, CDW11 %#x", c.PRP1, c.CDW11)
	}
	cc := w.reg32(spec.CC)
	w.keep(spec.CCIOSQES.Get(cc) == spec.SQELog && spec.CCIOCQES.Get(cc) == spec.CQELog,
		"HOST-3.1.3.5-CC-SIZES", "a queue with CC %#x", cc)
	w.keep(w.identified, "HOST-5.17-IDENTIFY", "an I/O queue before Identify Controller")
}

func (w *Watcher) io(c *spec.Command) {
	if c.Opcode != spec.Read && c.Opcode != spec.Write {
		return
	}
	w.keep(c.NSID != 0 && c.NSID != spec.AllNamespaces, "HOST-NVM-3.2-NSID", "namespace %#x",
		c.NSID)
	ns, known := w.spaces[c.NSID]
	if !known || ns.BlockShift() == 0 {
		return
	}
	blocks := spec.RWNLB.Get(uint64(c.CDW12)) + 1
	w.keep(c.SLBA() < ns.Size && blocks <= ns.Size-c.SLBA(), "HOST-NVM-3.2-RANGE",
		"%d blocks at %d of %d", blocks, c.SLBA(), ns.Size)
	n := int(blocks) << ns.BlockShift()
	if w.identified && w.id.MDTS != 0 {
		most := spec.MinPage << w.id.MDTS
		w.keep(n <= most, "HOST-5.17.2.1-MDTS", "%d bytes; %d are the most", n, most)
	}
	w.prps(c, n)
}

// store looks for completion entries and for the data of Identify in what the controller has
// written.
func (w *Watcher) store(addr uint64, p []byte) {
	for _, a := range w.want {
		if addr >= a.addr && addr+uint64(len(p)) <= a.addr+spec.IdentifyLen {
			a.got += copy(a.data[addr-a.addr:], p)
			return
		}
	}
	for _, q := range w.cqs {
		end := q.base + uint64(q.size*spec.CQELen)
		if addr < q.base || addr >= end || (addr-q.base)%spec.CQELen != 0 {
			continue
		}
		for ; len(p) >= spec.CQELen; p = p[spec.CQELen:] {
			q.used++
			e := spec.DecodeCompletion(p)
			w.complete(&e)
		}
		return
	}
}

func (w *Watcher) complete(e *spec.Completion) {
	q := w.sqs[int(e.SQID)]
	if q == nil {
		return // it was deleted
	}
	c, ok := q.out[e.CID]
	delete(q.out, e.CID)
	if int(e.SQHD) < q.size {
		q.head = int(e.SQHD)
	}
	if !ok || q.id != 0 {
		return
	}
	a := w.want[e.CID]
	delete(w.want, e.CID)
	if e.Status.OK() {
		w.done(&c, e, a)
	}
}

// done follows an admin command that the controller has done.
func (w *Watcher) done(c *spec.Command, e *spec.Completion, a *answer) {
	id, size := field(spec.QueueID, uint64(c.CDW10)), field(spec.QueueSize, uint64(c.CDW10))+1
	switch c.Opcode {
	case spec.CreateCQ:
		w.cqs[id] = &queue{id: id, base: c.PRP1, size: size}
	case spec.CreateSQ:
		w.sqs[id] = &queue{id: id, base: c.PRP1, size: size, out: map[uint16]spec.Command{},
			cq: field(spec.QueueCQID, uint64(c.CDW11))}
	case spec.DeleteSQ:
		delete(w.sqs, id)
	case spec.DeleteCQ:
		delete(w.cqs, id)
	case spec.SetFeatures:
		if spec.FeatID.Get(uint64(c.CDW10)) == spec.FeatQueues {
			w.granted = int(min(e.Result&0xffff, e.Result>>16)) + 1
		}
	case spec.Identify:
		w.learn(c, a)
	case spec.DoorbellBuffer:
		w.shadow = true
	}
	w.made = len(w.sqs)+len(w.cqs) > 2
}

// learn keeps what Identify told.
func (w *Watcher) learn(c *spec.Command, a *answer) {
	if a == nil || a.got != len(a.data) {
		return // over two pages: not followed
	}
	switch c.CDW10 & 0xff {
	case spec.CNSController:
		w.identified, w.id = true, spec.DecodeController(a.data[:])
	case spec.CNSNamespace:
		w.spaces[c.NSID] = spec.DecodeNamespace(a.data[:])
	}
}
