package nvme

import (
	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// counters are what the SMART page counts. The exported ones survive restarts.
type counters struct {
	ReadBytes, WroteBytes, ReadCommands, WriteCommands uint64
	MediaErrors                                        uint64
	PowerCycles, UnsafeShutdowns                       uint64
	On                                                 sim.Time // in former lives
	Dirty                                              bool     // started and not shut down

	temperature uint16 // kelvin; no thermal model stands behind it
	spare       uint8  // per cent
	told        uint8  // warnings told of
	captured    []byte
	captures    uint8
}

func (s *counters) read(n int)  { s.ReadCommands++; s.ReadBytes += uint64(n) }
func (s *counters) wrote(n int) { s.WriteCommands++; s.WroteBytes += uint64(n) }

// started counts a power cycle at the first start, and a shutdown that did not happen before it.
func (s *counters) started(c *Controller) {
	if s.Dirty {
		return
	}
	s.Dirty = true
	c.save()
}

func (s *counters) stopped() { s.Dirty = false }

// boot is what a restart does to the counters.
func (s *counters) boot() {
	s.PowerCycles++
	if s.Dirty {
		s.UnsafeShutdowns++
	}
	s.Dirty = false
	s.temperature, s.spare = 310, 100
}

// dataUnit is what SMART counts data in: thousands of 512 bytes, rounded up (Base, 5.16.1.3).
const dataUnit = 512 * 1000

// spareLimit is the available spare below which the drive warns, per cent [R].
const spareLimit = 10

// SetHealth sets the composite temperature in kelvin and the available spare in per cent, which
// nothing here works out. Crossed thresholds become warnings and asynchronous events.
func (c *Controller) SetHealth(temperature uint16, spare uint8) {
	c.smart.temperature, c.smart.spare = temperature, spare
	c.checkHealth()
}

// spare is the available spare: blocks kept against bad ones, or what SetHealth says, if that is
// less.
func (c *Controller) spare() uint8 {
	t := &c.flash.ftl
	left := max(0, t.spares-int(t.Retired))
	return min(c.smart.spare, uint8(100*left/t.spares))
}

// used is the mean of the blocks' cycles by what they are rated for, in per cent, at most 255
// (Base, 5.16.1.3).
func (c *Controller) used() uint8 {
	if c.Profile.Endurance == 0 {
		return 0
	}
	mean, _ := c.flash.ftl.wear()
	return uint8(min(255, 100*mean/float64(c.Profile.Endurance)))
}

// warnings are the critical warnings that hold.
func (c *Controller) warnings() (w uint8) {
	if c.spare() < spareLimit {
		w |= spec.WarnSpare
	}
	if c.flash.worn {
		w |= spec.WarnReadOnly
	}
	if t := c.smart.temperature; t >= c.feats.over[0] || t <= c.feats.under[0] {
		w |= spec.WarnTemperature
	}
	return w
}

// checkHealth tells of warnings that have come up and that the host asked for.
func (c *Controller) checkHealth() {
	w := c.warnings()
	for _, r := range []struct {
		bit  uint8
		info uint32
	}{{spec.WarnSpare, spec.EventSpare}, {spec.WarnTemperature, spec.EventTemperature}} {
		wanted := uint8(c.feats.value[spec.FeatAsyncEvents]) & r.bit
		if w&wanted != 0 && c.smart.told&r.bit == 0 {
			c.smart.told |= r.bit
			c.raise(event{spec.EventSMART, r.info, spec.LogSMART})
		}
	}
	c.smart.told &= w
}

func (c *Controller) encodeSMART(p []byte) {
	s := &c.smart
	page := spec.SMART{Warning: c.warnings(), Temperature: s.temperature, Spare: c.spare(),
		Used:       c.used(),
		SpareLimit: spareLimit, UnitsRead: (s.ReadBytes + dataUnit - 1) / dataUnit,
		UnitsWrit: (s.WroteBytes + dataUnit - 1) / dataUnit, Reads: s.ReadCommands,
		Writes: s.WriteCommands, PowerCycles: s.PowerCycles,
		PowerHours:      uint64((s.On + c.eng.Now()) / (3600 * sim.Second)),
		UnsafeShutdowns: s.UnsafeShutdowns, MediaErrors: s.MediaErrors,
		ErrorEntries: c.errors.count}
	page.Encode(p)
}
