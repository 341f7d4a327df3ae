package nvme

import (
	"errors"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// Event is an asynchronous event that the controller told of (Base, 5.2.1).
type Event struct {
	At   hw.Time
	Type uint8
	Info uint8
	Page uint8 // log page that says more
}

func (e Event) String() string {
	name := "vendor specific"
	for _, t := range eventTypes {
		if t.kind == uint32(e.Type) {
			name = t.name
		}
	}
	return fmt.Sprintf("%s, information %02xh, log page %02xh", name, e.Info, e.Page)
}

var eventTypes = []struct {
	kind uint32
	name string
}{
	{spec.EventError, "error"},
	{spec.EventSMART, "health"},
	{spec.EventNotice, "notice"},
	{spec.EventIOSpecific, "I/O command set"},
}

// eventsKept is how many events a drive remembers.
const eventsKept = 16

// events is the request that waits for the next event, and the last ones.
type events struct {
	armed bool
	came  bool // the request completed with
	word  uint32
	kept  []Event
}

// take keeps what an Asynchronous Event Request completed with.
func (v *events) take(e *spec.Completion) {
	v.armed = false
	if e.Status == spec.Success {
		v.came, v.word = true, e.Result
	}
}

// Events are the last asynchronous events, oldest first.
func (d *Drive) Events() []Event { return d.events.kept }

// arm asks for the events that the controller offers, and leaves a request for the first. A
// controller that does not take that is driven without.
func (d *Drive) arm(cpu hw.CPU) error {
	want := uint32(spec.AsyncSMART) & healthWarnings
	want |= d.id.OAES & (spec.AsyncNamespace | spec.AsyncFirmware)
	_, err := d.command(cpu, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatAsyncEvents,
		CDW11: want})
	var refused *StatusError
	if errors.As(err, &refused) {
		return nil
	}
	if err == nil {
		d.listen(cpu)
	}
	return err
}

// healthWarnings are the critical warnings that every controller has (Base 2.0c, figure 327).
const healthWarnings = 0x1f

// listen leaves an Asynchronous Event Request with the controller.
func (d *Drive) listen(cpu hw.CPU) {
	p := d.admin
	if d.events.armed || len(p.free) == 0 || len(p.spare) == 0 {
		return
	}
	d.events.armed = true
	req := p.begin("Asynchronous Event Request")
	r := &p.reqs[req]
	r.open, r.orphan = false, true
	p.place(cpu, &spec.Command{Opcode: spec.AsyncEvent}, req, cpu.Now())
	p.ring()
}

// attend takes events: keeps them, reads the log page that has the controller tell of more, and
// looks at the namespaces again if they changed.
func (d *Drive) attend(cpu hw.CPU) {
	if !d.trySeize(cpu) {
		return
	}
	d.admin.reap(cpu)
	d.release(cpu)
	if d.admin.broken != nil {
		d.recover(cpu, d.admin.broken)
		return
	}
	if !d.events.came {
		return
	}
	v := &d.events
	v.came = false
	e := Event{At: cpu.Now(), Type: uint8(v.word & 7), Info: uint8(v.word >> spec.EventInfoShift),
		Page: uint8(v.word >> spec.EventLogPageShift)}
	d.Stats.Events++
	if len(v.kept) == eventsKept {
		v.kept = append(v.kept[:0], v.kept[1:]...)
	}
	v.kept = append(v.kept, e)
	var page [spec.LogErrorEntry * 8]byte
	if err := d.Log(cpu, e.Page, page[:]); err != nil {
		return // the request for the next event stays out: it would only repeat
	}
	if uint32(e.Type) == spec.EventNotice && e.Page == spec.LogNamespaces {
		d.rescan(cpu)
	}
	if d.state == live && d.trySeize(cpu) {
		d.listen(cpu)
		d.release(cpu)
	}
}

// rescan reads the namespaces again. One that went away or has other blocks than before is the end
// of the drive.
func (d *Drive) rescan(cpu hw.CPU) {
	err := d.persist(cpu, func() error {
		return d.page(func(buf hw.Memory) error { return d.scan(cpu, buf) })
	})
	if err != nil && d.state == live && (errors.Is(err, ErrNoDrive) || errors.Is(err, ErrChanged)) {
		d.state, d.medic = recovering, cpu.ID()
		d.giveUp(cpu, err)
	}
}
