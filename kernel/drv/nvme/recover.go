package nvme

import (
	"errors"
	"fmt"

	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/nvme"
	"tensoros/hw/spec/pcie"
)

// state is what a drive is up to.
//
//	state       Submit              Poll            becomes
//	live        sends               takes           recovering, when a deadline passes, CSTS is
//	                                                wrong or a completion cannot be; closed
//	recovering  waits               does nothing    live or dead, by the processor that recovers
//	dead        fails with a cause  does nothing    closed
//	closed      ErrNoQueue          does nothing
type state uint8

const (
	recovering state = iota
	live
	dead
	closed
)

// barrenMost is how many resets may follow one another without a command that succeeds [D].
const barrenMost = 3

// rungs are the ways to a controller that can be brought up, in the order of trying. After each
// of them the controller writes nothing to memory.
var rungs = [...]struct {
	name string
	down func(*Drive, hw.CPU) error
}{
	{"controller reset", (*Drive).disable},
	{"function level reset", (*Drive).functionReset},
}

// watch looks for what no completion tells: a controller that is gone or has failed, commands past
// their deadline, commands to be sent again, and events.
func (p *pair) watch(cpu hw.CPU, now hw.Time, idle bool) {
	d := p.d
	p.look = now + lookEvery
	if p.broken != nil {
		d.recover(cpu, p.broken)
		return
	}
	if idle {
		if err := d.sick("poll"); err != nil {
			d.recover(cpu, err)
			return
		}
	}
	epoch := d.epoch
	p.oldest = hw.Forever
	d.attend(cpu)
	for i := 0; i < len(p.slots) && d.epoch == epoch && d.state == live; i++ {
		p.deadline(cpu, uint16(i), now)
	}
	if d.state == live {
		p.ring()
	}
}

// deadline does what is due for a slot.
func (p *pair) deadline(cpu hw.CPU, i uint16, now hw.Time) {
	d, s := p.d, &p.slots[i]
	if s.flies() {
		p.oldest = min(p.oldest, s.at)
	}
	switch {
	case s.state == slotWaiting && now >= s.at:
		p.send(cpu, i, now)
	case s.state == slotWaiting:
		p.look = min(p.look, s.at)
	case s.state == slotFlying && now-s.at > d.Timeout:
		d.abort(cpu, p, s)
	case s.state == slotAborted && now-s.at > d.grace():
		d.recover(cpu, d.fail(p.reqs[s.req].op, "not ended by an Abort", hw.ErrTimeout))
	}
}

// grace is the time that an aborted command has to complete.
func (d *Drive) grace() hw.Time { return d.Timeout / 8 }

// settled waits until no recovery is under way, and returns why the drive is dead, if it is.
func (d *Drive) settled(cpu hw.CPU) error {
	for start := cpu.Now(); d.state == recovering; {
		rest(cpu, start)
	}
	if d.state == dead {
		return d.cause
	}
	return nil
}

// recover brings the controller to where commands flow again, by the rungs, and sends what was in
// flight once more. If that fails the drive is dead and every request ends.
func (d *Drive) recover(cpu hw.CPU, why error) {
	if d.state != live {
		return // another processor is at it
	}
	d.state, d.medic = recovering, cpu.ID()
	d.epoch++ // whoever is at a ring leaves it
	d.seize(cpu)
	defer d.release(cpu)
	if d.barren++; d.barren > barrenMost {
		d.giveUp(cpu, fmt.Errorf("%d resets did not help: %w", barrenMost, why))
		return
	}
	pci.Enable(d.fn.Config()) // if that is what it lacks
	if err := d.climb(cpu); err != nil {
		d.giveUp(cpu, fmt.Errorf("%w; %w", why, err))
		return
	}
	d.resend(cpu)
	d.state = live
}

// resend sends again what a reset took.
func (d *Drive) resend(cpu hw.CPU) {
	now := cpu.Now()
	for _, p := range d.pairs {
		if p == nil {
			continue
		}
		for i := range p.slots {
			if p.slots[i].state == slotResend {
				p.send(cpu, uint16(i), now)
			}
		}
		p.ring()
		p.cq.Load32(0) // orders the doorbell before the owner's next
	}
}

// climb tries the rungs.
func (d *Drive) climb(cpu hw.CPU) error {
	var err error
	for _, r := range rungs {
		if err = r.down(d, cpu); err == nil {
			d.Stats.Resets++
			d.empty(cpu)
			if err = d.bringUp(cpu); err == nil {
				return nil
			}
		}
		if d.hopeless(err) {
			return err
		}
		err = fmt.Errorf("after a %s: %w", r.name, err)
	}
	return err
}

// hopeless reports an error that another reset does not mend.
func (d *Drive) hopeless(err error) bool {
	for _, e := range [...]error{hw.ErrLost, hw.ErrNoMemory, ErrNoDrive} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// flrWait is how long a function may take to come back: 100 ms and once more as much (PCIe 5.0,
// 6.6.2).
const flrWait = 200 * millisecond

// functionReset resets the function, and brings back what it forgot.
func (d *Drive) functionReset(cpu hw.CPU) error {
	if !d.answers() {
		return d.fail("function reset", "", hw.ErrLost)
	}
	d.Stats.FunctionResets++
	if err := d.fn.Reset(); err != nil {
		return err
	}
	for start := cpu.Now(); !d.answers(); {
		if cpu.Now()-start > flrWait {
			return d.fail("function reset", "", hw.ErrLost)
		}
		rest(cpu, start)
	}
	pci.Enable(d.fn.Config())
	return d.disable(cpu)
}

// empty takes what has completed before the controller was stopped, and makes the rings new.
// Nothing is written to them any more.
func (d *Drive) empty(cpu hw.CPU) {
	for _, p := range append(d.pairs, d.admin) {
		if p == nil {
			continue
		}
		for p.broken == nil && p.next(cpu, d.epoch) {
			continue
		}
		p.restart()
	}
	d.epoch++
	d.events.armed = false
	for _, m := range d.loose {
		m.Free()
	}
	d.loose = d.loose[:0]
}

// restart makes the rings new. Commands of the admin queue end; others are sent again, unless they
// were too often.
func (p *pair) restart() {
	for i := range p.slots {
		s := &p.slots[i]
		switch {
		case !s.flies():
		case p.lists == nil:
			p.finish(uint16(i), errRestarted)
		case s.tries >= tries:
			p.finish(uint16(i), p.d.fail(p.reqs[s.req].op,
				fmt.Sprintf("tried %d times", s.tries), hw.ErrTimeout))
		default:
			p.d.Stats.Retries++
			s.state = slotResend
		}
	}
	clear(p.cq.Bytes())
	p.tail, p.head, p.rung, p.broken = 0, 0, 0, nil
	p.phase = spec.CQEPhase
}

// giveUp ends a drive: the controller is kept from memory, and every request fails.
func (d *Drive) giveUp(cpu hw.CPU, why error) {
	switch {
	case errors.Is(why, hw.ErrLost):
		why = hw.ErrLost
	case d.quiesce(cpu) != nil:
		why = fmt.Errorf("%w; %w", ErrWild, why)
	}
	d.cause = d.fail("drive given up", "", why)
	d.state = dead
	d.epoch++
	for _, p := range append(d.pairs, d.admin) {
		if p == nil {
			continue
		}
		for i := range p.slots {
			if p.slots[i].state != slotFree {
				p.finish(uint16(i), d.cause)
			}
		}
	}
	if !d.wild() {
		for _, m := range d.loose {
			m.Free()
		}
	}
	d.loose = nil
}

// wild reports a controller that may still write to memory.
func (d *Drive) wild() bool { return errors.Is(d.cause, ErrWild) }

// quiesce sees to it that the controller writes nothing to memory any more: by a reset, or else by
// taking bus mastering from it.
func (d *Drive) quiesce(cpu hw.CPU) error {
	if !d.answers() {
		return nil // gone: it reaches nothing
	}
	if d.disable(cpu) == nil {
		return nil
	}
	cfg := d.fn.Config()
	cfg.Write16(pcie.Command, cfg.Read16(pcie.Command)&^pcie.CommandMaster)
	if cfg.Read16(pcie.Command)&pcie.CommandMaster == 0 || !d.answers() {
		return nil // posted writes under way have come in before what was read here
	}
	return d.fail("stop", "", hw.ErrTimeout)
}

// abort asks the controller to end a command that is late (Base, 5.1). Whatever it answers, the
// command has the grace to complete.
func (d *Drive) abort(cpu hw.CPU, p *pair, s *slot) {
	d.Stats.Aborts++
	s.state, s.at = slotAborted, cpu.Now()
	c := spec.Command{Opcode: spec.Abort, CDW10: uint32(p.id) | uint32(s.cmd.CID)<<16}
	_, _ = d.command(cpu, c) // what it failed to do, the reset does
}
