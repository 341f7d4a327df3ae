package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// What sanitize operations take: a key is thrown away at once, blocks of all dies are erased side
// by side, an overwrite writes all there is. No drive's figures [D].
const (
	cryptoTime    = 100 * sim.Millisecond
	eraseTime     = 2 * sim.Second
	overwriteRate = sim.Rate(1 << 30) // bytes a second
)

// Values of the log page's status (Base, figure 268).
const (
	sanitizeNever   = 0
	sanitizeDone    = 1
	sanitizeRunning = 2
	sanitizeFailed  = 3
	// sanitizeDeallocated: done, and deallocated though the host asked not to.
	sanitizeDeallocated = 4
)

// sanitize is the operation that runs, or the last one.
type sanitize struct {
	Status     uint8
	Passes     uint8 // of overwrite that are done
	Command    uint32
	Restricted bool // AUSE was clear: a failure can only be undone by another sanitize
	Pattern    uint32
	guard      bool // commands must be looked at: one runs, or has failed
	from, to   sim.Time
	generation uint64
}

func (s *sanitize) refusal() spec.Status {
	if s.Status == sanitizeFailed {
		return spec.SanitizeFailed
	}
	return spec.SanitizeInProgress
}

// allows says whether a command may run beside a sanitize, or after one that failed (Base, 5.24
// and 8.21, figure 473).
func (s *sanitize) allows(cmd *command) bool {
	if cmd.sq.id != 0 {
		return false
	}
	switch cmd.e.Opcode {
	case spec.Abort, spec.AsyncEvent, spec.CreateCQ, spec.CreateSQ, spec.DeleteCQ, spec.DeleteSQ,
		spec.GetFeatures, spec.SetFeatures, spec.Identify, spec.KeepAlive, spec.DoorbellBuffer:
		return true
	case spec.GetLogPage:
		switch spec.LogID.Get(uint64(cmd.e.CDW10)) {
		case spec.LogError, spec.LogSMART, spec.LogNamespaces, spec.LogEffects, spec.LogSanitize,
			spec.LogSupported, spec.LogFirmware:
			return true
		}
	case spec.Sanitize:
		return s.Status == sanitizeFailed
	}
	return false
}

// startSanitize is Sanitize: it answers at once and goes on behind, over resets.
func (c *Controller) startSanitize(cmd *command) spec.Status {
	s, v := &c.sanitize, uint64(cmd.e.CDW10)
	act := spec.SanitizeAct.Get(v)
	d := cryptoTime
	switch act {
	case spec.SanitizeExitFailure:
		if s.Status == sanitizeFailed && s.Restricted {
			return spec.SanitizeFailed
		}
		if s.Status == sanitizeFailed {
			s.Status, s.guard = sanitizeNever, false
			c.save()
		}
		return spec.Success
	case spec.SanitizeBlockErase:
		d = eraseTime
	case spec.SanitizeOverwrite:
		passes := spec.SanitizeOWPASS.Get(v)
		if passes == 0 {
			passes = 16
		}
		d = overwriteRate.Span(c.Store.Size()) * sim.Time(passes)
	case spec.SanitizeCrypto:
	default:
		return cmd.bad(40, 0)
	}
	if spec.SanitizeNDAS.Get(v) == 1 && c.feats.value[spec.FeatSanitize]&1 == 0 {
		return cmd.bad(41, 1) // SANICAP.NDI: always deallocates
	}
	for _, n := range c.spaces.all {
		switch {
		case n != nil && n.protected():
			return spec.WriteProtected
		case n != nil && n.formatting:
			return spec.FormatInProgress
		}
	}
	if c.test.running() {
		c.test.end(c, testAbortedBySanitize)
	}
	for _, t := range c.cmds.all {
		if t.sq != nil && t.sq.id != 0 && !t.dead {
			c.cut(t, spec.SanitizeInProgress)
		}
	}
	s.Status, s.guard, s.Command, s.Pattern, s.Passes = sanitizeRunning, true, cmd.e.CDW10,
		cmd.e.CDW11, 0
	s.Restricted = spec.SanitizeAUSE.Get(v) == 0
	s.run(c, d)
	c.save()
	return spec.Success
}

func (s *sanitize) run(c *Controller, d sim.Time) {
	s.from, s.to = c.eng.Now(), c.eng.Now()+d
	s.generation++
	c.eng.At(s.to, c, evSanitized, s.generation)
}

// sanitized ends the operation: everything is gone. Deallocated blocks read zero, whatever the
// pattern of an overwrite was.
func (c *Controller) sanitized(generation uint64) {
	s := &c.sanitize
	if s.generation != generation || s.Status != sanitizeRunning {
		return
	}
	s.Status, s.guard = sanitizeDone, false
	err := c.clear(0, c.Store.Size())
	v := uint64(s.Command)
	info := uint32(spec.EventSanitizeDone)
	if spec.SanitizeAct.Get(v) == spec.SanitizeOverwrite {
		s.Passes = uint8(spec.SanitizeOWPASS.Get(v))
	}
	if spec.SanitizeNDAS.Get(v) == 1 {
		s.Status, info = sanitizeDeallocated, spec.EventSanitizeDealloc
	}
	if err != nil {
		s.Status, s.guard = sanitizeFailed, true
	}
	for _, n := range c.spaces.all {
		if n != nil {
			n.Bad = nil
		}
	}
	c.save()
	c.raise(event{spec.EventIOSpecific, info, spec.LogSanitize})
}

// encode fills the Sanitize Status page (Base, 5.16.1.25): progress in 65536ths, status, the
// command's double word, and what operations are estimated to take in seconds.
func (s *sanitize) encode(c *Controller, p []byte) {
	le := binary.LittleEndian
	progress := uint16(0xffff)
	if s.Status == sanitizeRunning && s.to > s.from {
		progress = uint16(min(65535, 65536*(c.eng.Now()-s.from)/(s.to-s.from)))
	}
	le.PutUint16(p, progress)
	le.PutUint16(p[2:], uint16(s.Status)|uint16(s.Passes&0x1f)<<3)
	le.PutUint32(p[4:], s.Command)
	over := uint32(overwriteRate.Span(c.Store.Size())/sim.Second) + 1
	for i, v := range []uint32{over, 2, 1, over, 2, 1} {
		le.PutUint32(p[8+4*i:], v)
	}
}
