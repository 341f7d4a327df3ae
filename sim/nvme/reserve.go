package nvme

import (
	"encoding/binary"
	"slices"

	spec "tensoros/hw/spec/nvme"
)

// hostID is a host identifier of 128 bits; one of 64 is filled up with zeroes.
type hostID [16]byte

// registrant is a host with a key. There is one controller, so a second host is one that set
// another identifier after a reset or a restart.
type registrant struct {
	Host hostID
	Key  uint64
}

// reservation is the persistent reservation of a namespace (Base, 8.19).
type reservation struct {
	Generation uint32
	Type       uint8 // 0: none
	Holder     hostID
	Keep       bool // survives power: PTPL
	Hosts      []registrant
}

func (r *reservation) find(h hostID) *registrant {
	for i := range r.Hosts {
		if r.Hosts[i].Host == h {
			return &r.Hosts[i]
		}
	}
	return nil
}

// all reports a type that every registrant holds.
func (r *reservation) all() bool {
	return r.Type == spec.WriteExclusiveAll || r.Type == spec.ExclusiveAccessAll
}

func (r *reservation) holds(h hostID) bool {
	return r.Type != 0 && (r.Holder == h && !r.all() || r.all() && r.find(h) != nil)
}

// conflicts says whether the reservation forbids a command to a host (Base, figure 442).
func (r *reservation) conflicts(h hostID, opcode uint8) bool {
	read := false
	switch opcode {
	case spec.Read, spec.Compare, spec.Verify:
		read = true
	case spec.ReserveRegister, spec.ReserveReport, spec.ReserveAcquire, spec.ReserveRelease:
		return false // by their own rules
	}
	switch r.Type {
	case spec.WriteExclusive:
		return !read && r.Holder != h
	case spec.ExclusiveAccess:
		return r.Holder != h
	case spec.WriteExclusiveRegs, spec.WriteExclusiveAll:
		return !read && r.find(h) == nil
	}
	return r.find(h) == nil
}

// drop takes a registrant out; a reservation that it held ends.
func (r *reservation) drop(h hostID) {
	last := r.holds(h) && (!r.all() || len(r.Hosts) == 1)
	r.Hosts = slices.DeleteFunc(r.Hosts, func(g registrant) bool { return g.Host == h })
	if last {
		r.Type, r.Holder = 0, hostID{}
	}
}

// keys is the size rule of commands that bring reservation keys.
func keys(n int) sizeFunc {
	return func(*Controller, *command) (int, spec.Status) { return n, spec.Success }
}

// setHost is Host Identifier. It may not change while the host is registered somewhere.
func (c *Controller) setHost(cmd *command) spec.Status {
	var h hostID
	copy(h[:], cmd.data)
	for _, n := range c.spaces.all {
		if n != nil && h != c.feats.host && n.Reserved.find(c.feats.host) != nil &&
			c.feats.host != (hostID{}) {
			return spec.SequenceError
		}
	}
	c.feats.host = h
	return spec.Success
}

// reserveRegister is Reservation Register: 0 register, 1 unregister, 2 replace.
func (c *Controller) reserveRegister(cmd *command) spec.Status {
	r, h, v := &cmd.ns.Reserved, c.feats.host, uint64(cmd.e.CDW10)
	key, next := binary.LittleEndian.Uint64(cmd.data), binary.LittleEndian.Uint64(cmd.data[8:])
	mine := r.find(h)
	ignore := spec.ReserveIEKEY.Get(v) == 1
	action, keep := spec.ReserveAction.Get(v), spec.ReserveCPTPL.Get(v)
	switch {
	case action > 2:
		return cmd.bad(40, 0)
	case keep == 1:
		return cmd.bad(43, 6)
	case action == 0 && mine != nil && mine.Key != next,
		action == 1 && (mine == nil || !ignore && mine.Key != key),
		action == 2 && (mine == nil && !ignore || mine != nil && !ignore && mine.Key != key):
		return spec.ReservationConflict
	}
	switch {
	case action == 1:
		r.drop(h)
	case mine != nil:
		mine.Key = next
	default:
		r.Hosts = append(r.Hosts, registrant{h, next})
	}
	if keep >= 2 {
		r.Keep = keep == 3
	}
	r.Generation++
	c.save()
	return spec.Success
}

// reserveAcquire is Reservation Acquire: 0 acquire, 1 preempt, 2 preempt and abort. What another
// host had under way went with the reset between them: there is nothing to abort.
func (c *Controller) reserveAcquire(cmd *command) spec.Status {
	r, h, v := &cmd.ns.Reserved, c.feats.host, uint64(cmd.e.CDW10)
	key, other := binary.LittleEndian.Uint64(cmd.data), binary.LittleEndian.Uint64(cmd.data[8:])
	kind, action := uint8(spec.ReserveType.Get(v)), spec.ReserveAction.Get(v)
	mine := r.find(h)
	switch {
	case action > 2:
		return cmd.bad(40, 0)
	case kind == 0 || kind > spec.ExclusiveAccessAll:
		return cmd.bad(41, 0)
	case mine == nil || mine.Key != key:
		return spec.ReservationConflict
	case action == 0 && r.Type != 0 && (!r.holds(h) || r.Type != kind):
		return spec.ReservationConflict
	}
	if action == 0 {
		r.Type, r.Holder = kind, h
		c.save()
		return spec.Success
	}
	return c.preempt(cmd, kind, other)
}

// preempt takes registrants with a key out, and the reservation over if it was theirs.
func (c *Controller) preempt(cmd *command, kind uint8, key uint64) spec.Status {
	r, h := &cmd.ns.Reserved, c.feats.host
	held := r.find(r.Holder)
	take := r.Type == 0 || r.all() && key == 0 || !r.all() && held != nil && held.Key == key
	if key == 0 && !r.all() && r.Type != 0 {
		return cmd.bad(24, 0)
	}
	n := len(r.Hosts)
	r.Hosts = slices.DeleteFunc(r.Hosts, func(g registrant) bool {
		return g.Host != h && (g.Key == key || take && r.all())
	})
	if !take && n == len(r.Hosts) {
		return spec.ReservationConflict
	}
	if take && r.Type != 0 {
		r.Type, r.Holder = kind, h
	}
	r.Generation++
	c.save()
	return spec.Success
}

// reserveRelease is Reservation Release: 0 release, 1 clear.
func (c *Controller) reserveRelease(cmd *command) spec.Status {
	r, h, v := &cmd.ns.Reserved, c.feats.host, uint64(cmd.e.CDW10)
	mine := r.find(h)
	action := spec.ReserveAction.Get(v)
	switch {
	case action > 1:
		return cmd.bad(40, 0)
	case mine == nil || mine.Key != binary.LittleEndian.Uint64(cmd.data):
		return spec.ReservationConflict
	case action == 1:
		r.Hosts, r.Type, r.Holder = nil, 0, hostID{}
		r.Generation++
	case !r.holds(h): // nothing of its own to release: not an error
		return spec.Success
	case r.Type != uint8(spec.ReserveType.Get(v)):
		return cmd.bad(41, 0)
	default:
		r.Type, r.Holder = 0, hostID{}
	}
	c.save()
	return spec.Success
}

func (c *Controller) reportSize(cmd *command) (int, spec.Status) {
	n := (uint64(cmd.e.CDW10) + 1) * 4
	if n > uint64(c.Profile.MaxTransfer()) {
		return 0, cmd.bad(40, 0)
	}
	return int(n), spec.Success
}

// reserveReport is Reservation Report, plain or with 128-bit host identifiers (CDW11 bit 0).
func (c *Controller) reserveReport(cmd *command) spec.Status {
	le, r := binary.LittleEndian, &cmd.ns.Reserved
	ext := cmd.e.CDW11&1 == 1
	head, size := spec.ReserveReportHead, spec.ReserveReportEntry
	if ext {
		head, size = spec.ReserveReportHeadExt, spec.ReserveReportEntryExt
	}
	p := make([]byte, head+size*len(r.Hosts))
	le.PutUint32(p, r.Generation)
	p[4] = r.Type
	le.PutUint16(p[5:], uint16(len(r.Hosts)))
	if r.Keep {
		p[9] = 1
	}
	for i, g := range r.Hosts {
		e := p[head+size*i:]
		le.PutUint16(e, controllerID)
		if g.Host != c.feats.host {
			le.PutUint16(e, spec.AnyController) // a host that no controller has now
		}
		if r.holds(g.Host) {
			e[2] = 1
		}
		if ext {
			le.PutUint64(e[8:], g.Key)
			copy(e[16:32], g.Host[:])
		} else {
			copy(e[8:16], g.Host[:8])
			le.PutUint64(e[16:], g.Key)
		}
	}
	cmd.data = make([]byte, cmd.bytes)
	copy(cmd.data, p)
	return spec.Success
}
