package nvme

import (
	"errors"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// command runs an admin command to its end and returns its result. One that the controller would
// have again is sent again. A controller that does not answer is recovered; the error then is
// errRestarted and the caller may try anew.
func (d *Drive) command(cpu hw.CPU, c spec.Command) (uint32, error) {
	for tries := uint8(1); ; tries++ {
		if !d.medical(cpu) {
			if err := d.settled(cpu); err != nil {
				return 0, err
			}
		}
		result, err := d.issue(cpu, c)
		var refused *StatusError
		switch {
		case err == nil:
			return result, nil
		case errors.As(err, &refused):
			wait, again := d.policy(refused.Status, tries)
			if !again {
				return 0, err
			}
			d.Stats.Retries++
			for until := cpu.Now() + wait; cpu.Now() < until; {
				rest(cpu, until-wait)
			}
		case d.medical(cpu) || errors.Is(err, errRestarted):
			return 0, err
		default:
			d.recover(cpu, err)
			if err := d.settled(cpu); err != nil {
				return 0, err
			}
			return 0, errRestarted
		}
	}
}

// medical reports whether this processor recovers or stops the drive: nobody helps it.
func (d *Drive) medical(cpu hw.CPU) bool {
	return d.state == closed || d.state == recovering && d.medic == cpu.ID()
}

// seize gives the admin queue to this processor, which may have it already: doorbells of a queue
// must be rung in order.
func (d *Drive) seize(cpu hw.CPU) {
	for start := cpu.Now(); !d.trySeize(cpu); {
		rest(cpu, start)
	}
}

func (d *Drive) trySeize(cpu hw.CPU) bool {
	if d.holds > 0 && d.holder != cpu.ID() {
		return false
	}
	d.holder = cpu.ID()
	d.holds++
	return true
}

// release ends a seize. The ordered load has what was rung before come first.
func (d *Drive) release(_ hw.CPU) {
	if d.holds == 1 && d.admin != nil {
		d.admin.cq.Load32(0)
	}
	d.holds--
}

// persist does something again that a reset interrupted.
func (d *Drive) persist(cpu hw.CPU, do func() error) error {
	var err error
	for range barrenMost + 1 {
		if err = do(); !errors.Is(err, errRestarted) {
			return err
		}
	}
	return d.fail("admin", "", err)
}

// issue sends an admin command once and waits for it. On trouble the command stays with the
// controller, and only a reset takes it back.
func (d *Drive) issue(cpu hw.CPU, c spec.Command) (uint32, error) {
	d.seize(cpu)
	defer d.release(cpu)
	p := d.admin
	op := spec.OpcodeName(c.Opcode, true)
	if !d.medical(cpu) && d.state != live {
		return 0, errRestarted
	}
	if len(p.free) == 0 || len(p.spare) == 0 {
		return 0, d.fail(op, "the admin queue is full", hw.ErrTimeout)
	}
	req := p.begin(op)
	p.place(cpu, &c, req, cpu.Now())
	p.ring()
	r := &p.reqs[req]
	r.open = false
	start := cpu.Now()
	look := start + lookEvery
	for r.pending > 0 {
		if p.reap(cpu) > 0 {
			continue
		}
		err := p.broken
		now := cpu.Now()
		if d.state == recovering && d.medic != cpu.ID() {
			err = errRestarted // the other processor needs the queue
		}
		if err == nil && now >= look {
			look = now + lookEvery
			err = d.sick(op)
		}
		if err == nil && now-start > d.Timeout {
			err = d.fail(op, "", hw.ErrTimeout)
		}
		if err != nil && r.pending > 0 {
			r.orphan = true
			d.orphans++
			return 0, err
		}
		rest(cpu, start)
	}
	result, err := r.result, r.err
	p.forget(req)
	return result, err
}

// page runs do with a page of memory for the controller to write to.
func (d *Drive) page(do func(buf hw.Memory) error) error {
	buf, err := d.fn.Memory(spec.IdentifyLen)
	if err != nil {
		return err
	}
	err = do(buf)
	if d.orphans == 0 && !d.wild() {
		buf.Free()
	} else {
		d.loose = append(d.loose, buf) // freed by the next reset
	}
	return err
}

// ask runs Identify into buf.
func (d *Drive) ask(cpu hw.CPU, buf hw.Memory, cns, nsid uint32) error {
	_, err := d.command(cpu, spec.Command{Opcode: spec.Identify, NSID: nsid,
		PRP1: uint64(buf.Bus()), CDW10: cns})
	return err
}

// Describe identifies an active namespace. An error tells what keeps it from being driven.
func (d *Drive) Describe(cpu hw.CPU, id uint32) (ns Namespace, err error) {
	err = d.persist(cpu, func() error {
		return d.page(func(buf hw.Memory) error {
			ns, err = d.describe(cpu, buf, id)
			return err
		})
	})
	return ns, err
}

// Use makes another namespace the one that is driven, while no request is in flight.
func (d *Drive) Use(cpu hw.CPU, id uint32) error {
	for _, p := range d.pairs {
		if p != nil && p.inFlight() > 0 {
			return d.fail("use", fmt.Sprintf("namespace %d while requests are in flight", id),
				ErrRefused)
		}
	}
	ns, err := d.Describe(cpu, id)
	if err != nil {
		return err
	}
	return d.drive(&ns)
}

// Controller is the Identify Controller structure as last read.
func (d *Drive) Controller() spec.Controller { return d.id }

// Log reads the first len(p) bytes of a log page, a multiple of 4 and at most 4096.
func (d *Drive) Log(cpu hw.CPU, id uint8, p []byte) error {
	if len(p) == 0 || len(p)%4 != 0 || len(p) > spec.IdentifyLen {
		return d.fail("log", fmt.Sprintf("%d bytes; 4, 8 ... 4096 can be read", len(p)), ErrRefused)
	}
	return d.persist(cpu, func() error {
		return d.page(func(buf hw.Memory) error {
			c := spec.Command{Opcode: spec.GetLogPage, NSID: spec.AllNamespaces,
				PRP1: uint64(buf.Bus()), CDW10: uint32(id) | uint32(len(p)/4-1)<<16}
			_, err := d.command(cpu, c)
			if err == nil {
				copy(p, buf.Bytes())
			}
			return err
		})
	})
}

// Health reads the SMART page.
func (d *Drive) Health(cpu hw.CPU) (spec.SMART, error) {
	p := make([]byte, spec.LogSMARTLen)
	err := d.Log(cpu, spec.LogSMART, p)
	return spec.DecodeSMART(p), err
}

// Errors reads what the controller keeps of its last errors, newest first.
func (d *Drive) Errors(cpu hw.CPU) ([]spec.ErrorEntry, error) {
	n := min(int(d.id.ELPE)+1, spec.IdentifyLen/spec.LogErrorEntry)
	p := make([]byte, n*spec.LogErrorEntry)
	if err := d.Log(cpu, spec.LogError, p); err != nil {
		return nil, err
	}
	var list []spec.ErrorEntry
	for ; len(p) > 0; p = p[spec.LogErrorEntry:] {
		if e := spec.DecodeErrorEntry(p); e.Count != 0 {
			list = append(list, e)
		}
	}
	return list, nil
}
