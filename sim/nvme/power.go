package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// power is the power state (Base, 8.15). Autonomous transitions are worked out when they matter:
// when a command finds the drive idle.
type power struct {
	state  int
	last   int // operational state to go back to
	active bool
	idle   sim.Time // since when nothing was asked
}

func (p *power) reset() { *p = power{} }

func (p *power) count(c *Controller) int { return max(1, len(c.Profile.Power)) }

// autonomous reports whether the drive has states to go to by itself.
func (p *power) autonomous(c *Controller) bool { return len(c.Profile.Power) > 1 }

func (p *power) sleeps(c *Controller) bool {
	return p.state < len(c.Profile.Power) && c.Profile.Power[p.state].NonOperational
}

func (p *power) set(c *Controller, state int) {
	p.state, p.idle = state, c.eng.Now()
	if !p.sleeps(c) {
		p.last = state
	}
	p.active = state > 0 || c.feats.value[spec.FeatAPST]&1 == 1
}

// doze follows the table of feature 0Ch for the time that has passed: for each state the state to
// go to (ITPS, 7:3) and after how many ms of idleness (ITPT, 31:8).
func (p *power) doze(c *Controller) {
	if c.feats.value[spec.FeatAPST]&1 == 0 {
		return
	}
	since := p.idle
	for range p.count(c) {
		e := binary.LittleEndian.Uint64(c.feats.apst[8*p.state:])
		to, after := int(e>>3&0x1f), sim.Time(e>>8&0xffffff)*sim.Millisecond
		if after == 0 || to >= p.count(c) || to == p.state || c.eng.Now()-since < after {
			return
		}
		since += after
		p.state = to
	}
}

// wake brings a sleeping drive back for an I/O command, and returns how long that takes.
func (p *power) wake(c *Controller, cmd *command) sim.Time {
	if c.cmds.live()-len(c.events.requests) <= 1 {
		p.doze(c)
	}
	p.idle = c.eng.Now()
	if cmd.sq.id == 0 || !p.sleeps(c) {
		return 0
	}
	d := sim.Time(c.Profile.Power[p.state].ExitLat) * sim.Microsecond
	p.state = p.last
	return d
}
