package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
	"tensoros/traces"
)

// Reset is a function level reset: registers as at power-on, queues gone, contents kept.
func (c *Controller) Reset() {
	nssro := spec.CSTSNSSRO.Get(c.status())
	c.kill(nil)
	c.regs.Reset()
	var v uint64
	v = spec.CapMQES.Put(v, mqes)
	v = spec.CapCQR.Put(v, 1)
	v = spec.CapAMS.Put(v, spec.AMSWeighted)
	v = spec.CapTO.Put(v, timeout)
	v = spec.CapNSSRS.Put(v, 1)
	v = spec.CapCSS.Put(v, spec.CSSNVM|spec.CSSSets|spec.CSSAdmin)
	v = spec.CapMPSMAX.Put(v, mpsMax)
	v = spec.CapCRWMS.Put(v, 1)
	if c.cmb != nil {
		v = spec.CapCMBS.Put(v, 1)
		c.cmb.reset()
	}
	c.regs.Set(spec.CAP, 8, v)
	c.regs.Set(spec.VS, 4, spec.Version20)
	c.regs.Set(spec.CRTO, 4, spec.CRTOCRWMT.Put(0, timeout))
	c.regs.Set(spec.CSTS, 4, spec.CSTSNSSRO.Put(0, nssro))
	c.enabled, c.stopped = false, false
	c.epoch++
	c.resetQueues()
	c.levelReset()
}

// levelReset is what every controller level reset does beside queues and registers: features to
// their saved values, a firmware image waiting to be run takes over (Base, 3.7.2).
func (c *Controller) levelReset() {
	c.feats.reset(c)
	c.firm.activate()
	c.test.resetBy(c)
	c.power.reset()
	c.alive = c.eng.Now()
}

func (c *Controller) resetQueues() {
	c.sqs = [maxQueues + 1]*sq{}
	c.cqs = [maxQueues + 1]*cq{}
	c.granted = maxQueues
	c.events.reset()
	c.arb = arbiter{}
	c.shadow = shadow{}
	c.aborts = 0
}

// Read answers a read of BAR 0, or of the memory buffer. Doorbells are write only; they read zero
// here (the standard leaves it open).
func (c *Controller) Read(bar int, off uint64, p []byte) sim.Time {
	clear(p)
	if bar == cmbBAR {
		c.cmb.read(off, p)
		return 0
	}
	if off >= spec.Doorbells {
		return 0
	}
	if n := len(p); n != 4 && n != 8 || off%4 != 0 {
		// Base 3.1.2 allows aligned 4 and 8 bytes; others are answered by bytes, and told.
		c.find("NVME-BASE-3.1.2", "register read of %d bytes at %#x", len(p), off)
	}
	c.keepAlive()
	for i := range p {
		p[i] = byte(c.regs.Get(int(off)+i, 1))
	}
	return 0
}

// Write takes a write to BAR 0, registers by 4 or 8 bytes, doorbells by 4, or to the memory buffer.
func (c *Controller) Write(bar int, off uint64, p []byte) {
	if bar == cmbBAR {
		c.cmb.write(off, p)
		return
	}
	if off >= spec.Doorbells {
		c.doorbell(off, p)
		return
	}
	if (len(p) != 4 && len(p) != 8) || off%4 != 0 {
		c.find("NVME-BASE-3.1.2", "register write of %d bytes at %#x", len(p), off)
		return
	}
	c.keepAlive()
	for ; len(p) > 0; off, p = off+4, p[4:] {
		c.writeRegister(int(off), binary.LittleEndian.Uint32(p))
	}
}

func (c *Controller) writeRegister(off int, v uint32) {
	switch off {
	case spec.CC:
		c.control(v)
	case spec.NSSR:
		if v == spec.NSSRMagic {
			c.subsystemReset()
		}
	case spec.INTMS: // with MSI-X, which is all there is, the mask has no effect
		c.setMask(c.regs.Get(spec.INTMS, 4) | uint64(v))
	case spec.INTMC:
		c.setMask(c.regs.Get(spec.INTMS, 4) &^ uint64(v))
	case spec.CMBMSC, spec.CMBMSC + 4:
		if c.cmb != nil {
			c.regs.Write(off, 4, uint64(v))
			c.cmb.control(c)
		}
	case spec.AQA, spec.ASQ, spec.ASQ + 4, spec.ACQ, spec.ACQ + 4:
		if c.enabled {
			c.find("NVME-BASE-3.1.3.8", "admin queue register %#x written while enabled", off)
			return
		}
		c.regs.Write(off, 4, uint64(v))
	default:
		c.regs.Write(off, 4, uint64(v))
	}
}

func (c *Controller) setMask(v uint64) {
	c.regs.Set(spec.INTMS, 4, v)
	c.regs.Set(spec.INTMC, 4, v)
}

func (c *Controller) status() uint64 { return c.regs.Get(spec.CSTS, 4) }

// subsystemReset is a write of "NVMe" to NSSR (Base, 3.7.1): every controller of the subsystem is
// reset - there is one - and CSTS.NSSRO says so afterwards.
func (c *Controller) subsystemReset() {
	c.regs.Set(spec.CSTS, 4, spec.CSTSNSSRO.Put(c.status(), 1))
	c.Reset()
}

// fatal sets CSTS.CFS: nothing is processed until a reset (Base, 9.5).
func (c *Controller) fatal() {
	c.regs.Set(spec.CSTS, 4, spec.CSTSCFS.Put(c.status(), 1))
	c.stopped = true
}

// control is a write of CC.
func (c *Controller) control(v uint32) {
	old := c.regs.Get(spec.CC, 4)
	c.regs.Write(spec.CC, 4, uint64(v))
	now := c.regs.Get(spec.CC, 4)
	on := spec.CCEN.Get(now) == 1
	const fixed = 0x3ff0 // CSS, MPS, AMS may change only while EN is 0 (Base, 3.1.3.5)
	if c.enabled && on && (old^now)&fixed != 0 {
		c.find("NVME-BASE-3.1.3.5", "CC changed from %#x to %#x while enabled", old, now)
		c.regs.Set(spec.CC, 4, now&^fixed|old&fixed)
	}
	switch {
	case on && !c.enabled:
		c.enable(now)
	case !on && c.enabled:
		c.disable()
	}
	if shn := spec.CCSHN.Get(now); shn != 0 && spec.CCSHN.Get(old) == 0 {
		c.shutdown(shn)
	}
}

// shutdown makes what is buffered durable; an abrupt one only as fast as the firmware goes, which
// counts as unsafe if a volatile cache was dirty.
func (c *Controller) shutdown(shn uint64) {
	c.regs.Set(spec.CSTS, 4, spec.CSTSSHST.Put(c.status(), spec.ShutdownBusy))
	at := c.eng.Now() + c.firmware()
	if shn == spec.ShutdownNormal {
		at = max(at, c.flash.flush())
	}
	c.eng.At(at, c, evShutdown, c.epoch)
}

// firmware is what a step of the controller's own takes: the constant of a small read. Bring-up
// and admin commands are charged it for want of a published figure [D].
func (c *Controller) firmware() sim.Time { return c.Profile.FirmwareRead4K + sim.Nanosecond }

func (c *Controller) enable(cc uint64) {
	c.enabled = true
	c.epoch++
	aqa := c.regs.Get(spec.AQA, 4)
	sqs, cqs := spec.AQASQS.Get(aqa), spec.AQACQS.Get(aqa)
	bases := c.regs.Get(spec.ASQ, 8) | c.regs.Get(spec.ACQ, 8)
	css := spec.CCCSS.Get(cc)
	bad := ""
	switch {
	case css != spec.CCNVM && css != spec.CCSets && css != spec.CCAdminOnly,
		spec.CCAMS.Get(cc) > spec.AMSWeighted:
		bad = "a command set or arbitration that CAP does not offer"
	case spec.CCMPS.Get(cc) > mpsMax:
		bad = "a page size beyond CAP.MPSMAX"
	case sqs == 0 || cqs == 0:
		bad = "an admin queue of one entry"
	case bases&(spec.MinPage<<spec.CCMPS.Get(cc)-1) != 0:
		bad = "an admin queue off its page"
	}
	if bad != "" {
		c.find("NVME-BASE-3.1.3.5", "enabled with %s (CC %#x, AQA %#x)", bad, cc, aqa)
		c.fatal()
		return
	}
	c.adminOnly = css == spec.CCAdminOnly
	c.pageSize = spec.MinPage << spec.CCMPS.Get(cc)
	c.resetQueues()
	c.alive = c.eng.Now()
	c.regs.Set(spec.CSTS, 4, spec.CSTSSHST.Put(c.status(), 0))
	c.cqs[0] = c.newCQ(0, c.regs.Get(spec.ACQ, 8), int(cqs)+1, 0, true)
	c.sqs[0] = c.newSQ(0, c.regs.Get(spec.ASQ, 8), int(sqs)+1, c.cqs[0], 0)
	if c.faults != nil && c.faults.stuck {
		return // CSTS.RDY never comes
	}
	c.eng.At(c.eng.Now()+c.firmware(), c, evReady, c.epoch)
}

func (c *Controller) becomeReady(epoch uint64) {
	if epoch == c.epoch && c.enabled && !c.stopped {
		c.regs.Set(spec.CSTS, 4, spec.CSTSRDY.Put(c.status(), 1))
		c.smart.started(c)
	}
}

// disable is a controller reset: all queues go, AQA, ASQ and ACQ stay (Base, 3.7.2).
func (c *Controller) disable() {
	c.kill(nil)
	c.resetQueues()
	c.levelReset()
	c.enabled, c.stopped = false, false
	// A host that finds RDY clear, as it is after a failed start, may enable again at once.
	c.regs.Set(spec.CSTS, 4, spec.CSTSCFS.Put(c.status(), 0))
	c.epoch++
	c.drains = drainTries
	c.eng.At(c.eng.Now()+c.firmware(), c, evDisabled, c.epoch)
}

// drainTries bounds the wait for DMA of the old life, which never ends if the guest turned bus
// mastering off under it.
const drainTries = 64

// becomeDisabled clears RDY once no DMA of the old life is under way.
func (c *Controller) becomeDisabled(epoch uint64) {
	if epoch != c.epoch || c.enabled {
		return
	}
	if c.slots.live() > 0 && c.drains > 0 {
		c.drains--
		c.eng.At(c.eng.Now()+c.firmware(), c, evDisabled, epoch)
		return
	}
	c.regs.Set(spec.CSTS, 4, c.status()&spec.CSTSNSSRO.Mask())
}

func (c *Controller) becomeShut(epoch uint64) {
	if epoch == c.epoch {
		c.regs.Set(spec.CSTS, 4, spec.CSTSSHST.Put(c.status(), spec.ShutdownDone))
		c.smart.stopped()
		c.save()
	}
}

// doorbell is a write behind the registers. A bad one is an asynchronous event (Base, 5.2.1).
func (c *Controller) doorbell(off uint64, p []byte) {
	if len(p) != 4 || off%4 != 0 {
		c.badDoorbell(spec.EventBadDoorbell, "%d bytes written to doorbell offset %#x", len(p), off)
		return
	}
	v := binary.LittleEndian.Uint32(p)
	n := int(off-spec.Doorbells) / 4
	id := n / 2
	c.rec.Mark(traces.NVMeDoorbell, c.track, c.eng.Now(), uint64(n), uint64(v))
	if c.keepAlive(); c.stopped {
		return
	}
	if !c.enabled || spec.CSTSRDY.Get(c.status()) == 0 {
		c.find("NVME-BASE-3.7.2", "doorbell %d rung while the controller is not ready", n)
		return
	}
	if id > maxQueues || n%2 == 0 && c.sqs[id] == nil || n%2 == 1 && c.cqs[id] == nil {
		c.badDoorbell(spec.EventBadDoorbell, "doorbell %d belongs to no queue", n)
		return
	}
	if c.shadow.on && id > 0 {
		c.kicked(id, n%2 == 1)
		return
	}
	if n%2 == 0 {
		c.ringSQ(c.sqs[id], v)
	} else {
		c.ringCQ(c.cqs[id], v)
	}
}

func (c *Controller) badDoorbell(info uint32, format string, args ...any) {
	c.find("NVME-BASE-5.2.1-DB", format, args...)
	c.raise(event{spec.EventError, info, spec.LogError})
}
