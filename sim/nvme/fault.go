package nvme

import (
	"fmt"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// Effect is what a fault does.
type Effect uint8

// Effects.
const (
	EffectMediaError Effect = iota
	EffectStatus
	EffectTimeout
	EffectDelay
	EffectAbort
	EffectLostInterrupt
	EffectCorruptDMA
	EffectCorruptCQE
	EffectFatal
	EffectResetStuck
	EffectRemoval
	EffectCount
)

// effectNames are the words of the plan file.
var effectNames = [EffectCount]string{"media-error", "status", "timeout", "delay", "abort",
	"lost-interrupt", "corrupt-dma", "corrupt-cqe", "fatal", "reset-stuck", "removal"}

// String is the word of the plan file.
func (e Effect) String() string { return effectNames[e] }

// effects are the faults that wait in a command.
type effects struct {
	bits  uint8
	delay sim.Time
}

// Bits of effects.
const (
	fxTimeout = 1 << iota
	fxLostInterrupt
	fxCorruptDMA
	fxCorruptCQE
	fxDetected // a corrupt-dma that the controller notices
)

func (f effects) has(bit uint8) bool { return f.bits&bit != 0 }

// faults is a plan at work.
type faults struct {
	rows  []faultRow
	seen  []uint64 // commands that matched each row
	times []uint64 // strikes of each row
	rand  *sim.Rand
	stuck bool // CSTS.RDY never comes
}

// SetFaults makes the controller suffer a plan from now on; nil ends all faults. Chance is drawn
// from the seed.
func (c *Controller) SetFaults(p *FaultPlan, seed uint64) {
	if p == nil {
		c.faults = nil
		return
	}
	c.faults = &faults{rows: p.rows, seen: make([]uint64, len(p.rows)),
		times: make([]uint64, len(p.rows)), rand: sim.NewRand(seed, c.fn.Path()+"/faults")}
	for i := range p.rows {
		if r := &p.rows[i]; !r.command() {
			c.eng.At(max(c.eng.Now(), r.at), c, evFault, uint64(i))
		}
	}
}

// faulted counts and traces a fault.
func (c *Controller) faulted(e Effect, format string, args ...any) {
	c.Faults[e]++
	if c.rec != nil {
		c.mark("fault/"+e.String(), fmt.Sprintf(format, args...))
	}
}

// due is a fault at a time of its own.
func (f *faults) due(c *Controller, i int) {
	if f != c.faults || f == nil || i >= len(f.rows) {
		return
	}
	f.controller(c, &f.rows[i])
}

// controller does what befalls the controller as a whole.
func (f *faults) controller(c *Controller, r *faultRow) {
	c.faulted(r.effect, "line %d", r.line)
	switch r.effect {
	case EffectFatal:
		c.fatal()
	case EffectResetStuck:
		f.stuck = true
	case EffectRemoval:
		c.fn.Remove()
		c.stopped = true
	}
}

// strike looks for faults of a command. It reports true when the command is dealt with.
func (f *faults) strike(c *Controller, cmd *command) bool {
	for i := range f.rows {
		r := &f.rows[i]
		if r.command() && f.hits(c, i, cmd) && f.hit(c, r, cmd) {
			return true
		}
	}
	return false
}

// hits reports whether a row strikes a command: it matches, and it is its turn.
func (f *faults) hits(c *Controller, i int, cmd *command) bool {
	r := &f.rows[i]
	if !r.matches(cmd) || c.eng.Now() < r.at || r.times > 0 && f.times[i] >= r.times {
		return false
	}
	f.seen[i]++
	switch {
	case r.nth > 0 && f.seen[i] != r.nth, r.every > 0 && f.seen[i]%r.every != 0,
		r.chance > 0 && f.rand.Float64() >= r.chance:
		return false
	}
	f.times[i]++
	return true
}

// hit does a row's effect to a command.
func (f *faults) hit(c *Controller, r *faultRow, cmd *command) bool {
	switch r.effect {
	case EffectFatal, EffectResetStuck, EffectRemoval:
		f.controller(c, r)
		if c.stopped {
			c.forget(cmd)
			c.free(cmd)
			return true
		}
		return false
	case EffectLostInterrupt: // counted when it is lost
		cmd.fx.bits |= fxLostInterrupt
		return false
	case EffectCorruptDMA: // counted when data moves
		cmd.fx.bits |= fxCorruptDMA
		if r.detected {
			cmd.fx.bits |= fxDetected
		}
		return false
	case EffectCorruptCQE:
		cmd.fx.bits |= fxCorruptCQE
		return false
	}
	c.faulted(r.effect, "line %d: command %d of queue %d", r.line, cmd.e.CID, cmd.sq.id)
	switch r.effect {
	case EffectTimeout:
		cmd.fx.bits |= fxTimeout
	case EffectDelay:
		cmd.fx.delay += r.delay
	case EffectMediaError:
		c.smart.MediaErrors++
		st := spec.UnrecoveredRead
		if cmd.verb != nil && cmd.verb.dir == spec.HostToDevice {
			st = spec.WriteFault
		}
		c.fail(cmd, st)
		return true
	case EffectStatus:
		c.fail(cmd, r.status)
		return true
	case EffectAbort:
		c.fail(cmd, spec.AbortRequested)
		return true
	}
	return false
}

// corruptData flips a bit of a piece of data, once a command.
func (f *faults) corruptData(c *Controller, s *slot) {
	cmd := s.cmd
	cmd.fx.bits &^= fxCorruptDMA
	bit := 0
	if f != nil {
		bit = f.rand.Intn(8 * s.n)
	}
	s.buf[bit/8] ^= 1 << (bit % 8)
	c.faulted(EffectCorruptDMA, "bit %d of command %d", s.off*8+bit, cmd.e.CID)
	if cmd.fx.has(fxDetected) {
		cmd.status = spec.DataTransferError
	}
}

// corruptEntry flips a bit of a completion entry, but not its phase: the host would not see it.
func (f *faults) corruptEntry(c *Controller, p []byte) {
	const phase = 14 * 8
	bit := 0
	if f != nil {
		if bit = f.rand.Intn(8*len(p) - 1); bit >= phase {
			bit++
		}
	}
	p[bit/8] ^= 1 << (bit % 8)
	c.faulted(EffectCorruptCQE, "bit %d", bit)
}
