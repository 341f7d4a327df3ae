package nvme

import (
	spec "tensoros/hw/spec/nvme"
)

// event is an asynchronous event that waits to be told.
type event struct{ kind, info, page uint32 }

// eventQueue holds the requests of the host and the events that wait for them (Base, 5.2).
type eventQueue struct {
	requests []*command
	waiting  []event
	masked   [8]bool // by type: the page of an event told has not been read
}

func (q *eventQueue) reset() { *q = eventQueue{requests: q.requests[:0]} }

// awaitEvent is Asynchronous Event Request.
func (c *Controller) awaitEvent(cmd *command) spec.Status {
	if len(c.events.requests) == maxAERs {
		return spec.AERLimit
	}
	c.events.requests = append(c.events.requests, cmd)
	c.deliverEvents()
	return held
}

// raise tells of an event, once there is a request to complete. Until the log page is read, more
// events of its type are not told; one of a kind waits.
func (c *Controller) raise(e event) {
	for _, w := range c.events.waiting {
		if w == e {
			c.deliverEvents()
			return
		}
	}
	if len(c.events.waiting) < errorKept {
		c.events.waiting = append(c.events.waiting, e)
	}
	c.deliverEvents()
}

func (c *Controller) deliverEvents() {
	q := &c.events
	for i := 0; i < len(q.waiting) && len(q.requests) > 0; {
		e := q.waiting[i]
		if q.masked[e.kind] {
			i++
			continue
		}
		cmd := q.requests[0]
		q.requests = append(q.requests[:0], q.requests[1:]...)
		q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
		q.masked[e.kind] = true
		cmd.result = e.kind | e.info<<spec.EventInfoShift | e.page<<spec.EventLogPageShift
		c.complete(cmd)
	}
}

// pageRead unmasks the events that a log page clears.
func (c *Controller) pageRead(page uint32) {
	for kind, p := range eventPages {
		for _, id := range p {
			if id == page {
				c.events.masked[kind] = false
			}
		}
	}
	c.deliverEvents()
}

// eventPages are the pages that clear events, by type.
var eventPages = [8][]uint32{
	spec.EventError:      {spec.LogError},
	spec.EventSMART:      {spec.LogSMART},
	spec.EventNotice:     {spec.LogNamespaces, spec.LogFirmware, spec.LogTelemetryC},
	spec.EventIOSpecific: {spec.LogSanitize},
}

// countAbort checks how many Abort commands are under way.
func (c *Controller) countAbort(cmd *command) spec.Status {
	if c.aborts == abortsMost {
		return spec.AbortLimit
	}
	c.aborts++
	return spec.Success
}

// abort ends a command that has not got past the point where nothing more is to be done: one that
// waits for an event, for the firmware, for a die or for its data, or that never ends. The
// result's bit 0 says that nothing was aborted (Base, 5.1).
func (c *Controller) abort(cmd *command) spec.Status {
	c.aborts--
	sqid, cid := int(cmd.e.CDW10&0xffff), uint16(cmd.e.CDW10>>16)
	cmd.result = 1
	for _, t := range c.cmds.all {
		if t.sq == nil || t == cmd || t.dead || t.sq.id != sqid || t.e.CID != cid {
			continue
		}
		if !c.abortable(t) {
			break
		}
		cmd.result = 0
		c.cut(t, spec.AbortRequested)
		break
	}
	return spec.Success
}

// abortable reports whether a command still has something to do that can be left out.
func (c *Controller) abortable(t *command) bool {
	switch {
	case t.stuck:
		return true
	case t.verb == nil:
		return false
	case t.sq.id == 0:
		return t.e.Opcode == spec.AsyncEvent
	}
	return t.bytes > 0 && (t.left > 0 || t.refs > 0 && !t.toDev) && t.stalled == 0
}

// cut ends a command early with a status. What it has under way comes back to it and does nothing.
func (c *Controller) cut(t *command, st spec.Status) {
	if t.aborted || t.stalled != 0 {
		return
	}
	for i, a := range c.events.requests {
		if a == t {
			c.events.requests = append(c.events.requests[:i], c.events.requests[i+1:]...)
			break
		}
	}
	c.hold(t)
	t.dead, t.aborted, t.stuck, t.status = true, true, false, st
	t.fx.bits &^= fxTimeout
	c.complete(t)
	c.dma.purge()
}
