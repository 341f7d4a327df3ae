package gpu

import (
	spec "tensoros/hw/spec/gpu"
	"tensoros/sim"
)

// write is a method: data for an engine's state, or an order.
func (c *channel) write(sub int, method, data uint32) {
	if c.method[sub] == nil {
		c.method[sub] = methods{}
	}
	if method == spec.HostSetObject {
		c.bind(sub, data)
		return
	}
	c.method[sub][method] = data
	if sub == spec.SubHost || method < 0x100 && method >= spec.HostNOP {
		c.hostMethod(sub, method, data)
		return
	}
	switch c.object[sub] {
	case c.gpu.iface.Compute:
		c.computeMethod(sub, method, data)
	case c.gpu.iface.Copy:
		if method == spec.CopyLaunch {
			c.gpu.copier.order(c, c.method[sub], data)
		}
	default:
		c.fault("method %#x on subchannel %d, where no object is bound", method, sub)
	}
}

// bind is SET_OBJECT.
func (c *channel) bind(sub int, data uint32) {
	switch class := data & 0xffff; class {
	case c.gpu.iface.Compute, c.gpu.iface.Copy, c.gpu.iface.Channel:
		c.object[sub] = class
	default:
		c.fault("class %#x does not exist on this chip (compute %#x, copy %#x)", class,
			c.gpu.iface.Compute, c.gpu.iface.Copy)
	}
}

func (c *channel) hostMethod(sub int, method, data uint32) {
	m := c.method[sub]
	switch method {
	case spec.HostWFI:
		c.wait = (*channel).idle
	case spec.HostSemExecute:
		va := uint64(m[spec.HostSemAddrHi])<<32 | uint64(m[spec.HostSemAddrLo])
		payload := uint64(m[spec.HostSemPayload])
		n := 4
		if spec.Sem64.Get(uint64(data)) == 1 {
			payload |= uint64(m[spec.HostSemPayload1]) << 32
			n = 8
		}
		c.semaphore(va, payload, n, data)
	}
}

// idle reports whether the grids and copies of the channel have ended.
func (c *channel) idle() bool { return c.pending == 0 }

func (c *channel) semaphore(va, payload uint64, n int, data uint32) {
	timed := spec.SemTimestamp.Get(uint64(data)) == 1
	switch op := spec.SemOperation.Get(uint64(data)); op {
	case spec.SemRelease:
		if spec.SemWFI.Get(uint64(data)) == 0 {
			c.release(va, payload, n, timed)
			return
		}
		c.wait = func(c *channel) bool {
			if !c.idle() {
				return false
			}
			c.release(va, payload, n, timed)
			return true
		}
	case spec.SemAcquire, spec.SemAcquireGEq:
		circular := op == spec.SemAcquireGEq
		c.wait = func(c *channel) bool { return c.acquire(va, payload, n, circular) }
	default:
		c.fault("semaphore operation %d is not modelled", op)
	}
}

// acquire looks at a semaphore in VRAM, and again later if it does not hold.
func (c *channel) acquire(va, want uint64, n int, circular bool) bool {
	p := make([]byte, 8)
	if !c.must(c.space.read(va, p[:n]), "semaphore acquire") {
		return false
	}
	var have uint64
	for i := n - 1; i >= 0; i-- {
		have = have<<8 | uint64(p[i])
	}
	if have == want || circular && int64(have-want) >= 0 {
		return true
	}
	c.retry = true
	c.gpu.at(c.gpu.eng.Now()+retryEvery, evRetry, c.id)
	return false
}

func (c *channel) computeMethod(sub int, method, data uint32) {
	switch method {
	case spec.ComputeWaitForIdle:
		c.wait = (*channel).idle
	case spec.ComputeSignaling:
		if a := data & 15; a != spec.PCASSchedule && a != spec.PCASPrefetchSchedule && a != 3 {
			return
		}
		c.gpu.compute.order(c, uint64(c.method[sub][spec.ComputeSendPCAS])<<8)
	}
}

// ended is called when a grid or a copy of the channel is over.
func (c *channel) ended(now sim.Time) {
	c.pending--
	c.resume(now)
}
