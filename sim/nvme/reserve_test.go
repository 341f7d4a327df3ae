package nvme

import (
	"encoding/binary"
	"testing"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// Two hosts, one after the other, share a namespace; each row is a step and how it ends.
func TestReservations(t *testing.T) {
	g := ready(t, &MQSim, NewMemory(1<<20), nil)
	become := func(id byte) {
		g.write(spec.CC, 0x460000)
		g.eng.Run(sim.Forever)
		g.enable()
		g.queue(1, guestRing)
		g.ask(0, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatHostID, CDW11: 1},
			[]byte{15: id}, spec.Success)
	}
	keyed := func(op uint8, cdw10 uint32, a, b uint64, want spec.Status) {
		t.Helper()
		p := binary.LittleEndian.AppendUint64(nil, a)
		p = binary.LittleEndian.AppendUint64(p, b)
		g.ask(1, spec.Command{Opcode: op, NSID: 1, CDW10: cdw10}, p, want)
	}
	io := func(op uint8, want spec.Status) {
		t.Helper()
		g.ask(1, g.rw(op, 0, 0, 512), nil, want)
	}
	become(1)
	keyed(spec.ReserveAcquire, spec.WriteExclusive<<8, 7, 0, spec.ReservationConflict)
	keyed(spec.ReserveRegister, 3<<30, 0, 7, spec.Success)
	keyed(spec.ReserveRegister, 0, 0, 8, spec.ReservationConflict)
	keyed(spec.ReserveRegister, 5, 0, 8, spec.InvalidField)
	keyed(spec.ReserveAcquire, 9<<8, 7, 0, spec.InvalidField)
	keyed(spec.ReserveAcquire, spec.WriteExclusive<<8, 7, 0, spec.Success)
	keyed(spec.ReserveAcquire, spec.ExclusiveAccess<<8, 7, 0, spec.ReservationConflict)
	io(spec.Write, spec.Success)
	g.ask(0, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatHostID, CDW11: 1},
		[]byte{15: 9}, spec.SequenceError)
	become(2)
	io(spec.Read, spec.Success)
	io(spec.Write, spec.ReservationConflict)
	keyed(spec.ReserveRegister, 0, 0, 70, spec.Success)
	io(spec.Write, spec.ReservationConflict)
	keyed(spec.ReserveRelease, spec.WriteExclusive<<8, 70, 0, spec.Success) // not its own: nothing
	io(spec.Write, spec.ReservationConflict)
	keyed(spec.ReserveAcquire, 1|spec.ExclusiveAccessRegs<<8, 70, 99, spec.ReservationConflict)
	keyed(spec.ReserveAcquire, 1|spec.ExclusiveAccessRegs<<8, 70, 7, spec.Success)
	io(spec.Write, spec.Success)
	e, p := g.ask(1, spec.Command{Opcode: spec.ReserveReport, NSID: 1, CDW10: 31, CDW11: 1}, nil,
		spec.Success)
	if !e.Status.OK() || p[4] != spec.ExclusiveAccessRegs || p[5] != 1 || p[9] != 1 ||
		p[64] != controllerID || p[66] != 1 || p[72] != 70 || p[64+31] != 2 {
		t.Errorf("% x", p[:96])
	}
	become(1)
	io(spec.Read, spec.ReservationConflict)
	become(2)
	keyed(spec.ReserveRelease, spec.WriteExclusive<<8, 70, 0, spec.InvalidField)
	keyed(spec.ReserveRelease, spec.ExclusiveAccessRegs<<8, 70, 0, spec.Success)
	become(1)
	io(spec.Write, spec.Success)
	become(2)
	keyed(spec.ReserveRelease, 1, 70, 0, spec.Success) // clear
	keyed(spec.ReserveRelease, 1, 70, 0, spec.ReservationConflict)
	g.quiet()
}

// A reservation survives a restart only if the host asked for it.
func TestReservationPersistence(t *testing.T) {
	for _, keep := range []bool{false, true} {
		s := NewMemory(1 << 20)
		g := ready(t, &MQSim, s, nil)
		c := spec.Command{Opcode: spec.ReserveRegister, NSID: 1}
		if keep {
			c.CDW10 = 3 << 30
		}
		g.ask(1, c, make([]byte, 16), spec.Success)
		g.ask(1, spec.Command{Opcode: spec.ReserveAcquire, NSID: 1,
			CDW10: spec.ExclusiveAccess << 8}, make([]byte, 16), spec.Success)
		g = ready(t, &MQSim, s, nil)
		g.ask(0, spec.Command{Opcode: spec.SetFeatures, CDW10: spec.FeatHostID, CDW11: 1},
			[]byte{4}, spec.Success)
		want := spec.Success
		if keep {
			want = spec.ReservationConflict
		}
		g.ask(1, g.rw(spec.Read, 0, 0, 512), nil, want)
	}
}
