package nvme

import (
	"encoding/binary"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// features are the settings of the host. What is saved survives resets and, with the state of the
// drive, restarts.
type features struct {
	value    [256]uint32
	saved    map[uint8]uint32
	coalesce bool          // feature 08h holds interrupts back
	direct   [vectors]bool // feature 09h takes a vector out of that
	over     [sensors]uint16
	under    [sensors]uint16
	apst     [256]byte
	behavior [512]byte
	memory   [16]byte // host memory buffer: size, list address, count
	host     hostID
	clock    uint64   // timestamp that the host has set, ms,
	clockAt  sim.Time // and when
	clockBy  uint8    // origin: 0 cleared by a reset, 1 set by the host
}

// sensors are the composite temperature and one sensor [D].
const sensors = 2

func (f *features) reset(c *Controller) {
	keep, clock, at, by := f.saved, f.clock, f.clockAt, f.clockBy
	*f = features{saved: keep, clock: clock, clockAt: at, clockBy: by}
	for i := range spec.Features {
		r := &spec.Features[i]
		f.value[r.ID] = r.Default
		if v, ok := f.saved[r.ID]; ok {
			f.value[r.ID] = v
		}
	}
	for i := range f.over {
		f.over[i] = warnTemperature
	}
	f.over[1] = 0xffff
	f.apply(c, spec.FeatCoalescing)
}

// apply puts a value that has changed into effect.
func (f *features) apply(c *Controller, id uint8) {
	v := uint64(f.value[id])
	switch id {
	case spec.FeatCoalescing:
		f.coalesce = spec.CoalesceThr.Get(v) != 0 && spec.CoalesceTime.Get(v) != 0
	case spec.FeatPower:
		c.power.set(c, int(spec.PowerState.Get(v)))
	case spec.FeatAPST:
		c.power.active = c.power.state > 0 || v&1 == 1
	case spec.FeatAsyncEvents:
		c.checkHealth()
	}
}

// feature finds the row of a command's feature; nil if the drive does not have it.
func (c *Controller) feature(cmd *command) *spec.FeatureRow {
	row := spec.FindFeature(uint8(spec.FeatID.Get(uint64(cmd.e.CDW10))))
	switch {
	case row == nil:
	case row.ID == spec.FeatWriteCache && !c.Profile.VolatileCache:
		return nil
	case (row.ID == spec.FeatAPST || row.ID == spec.FeatNonOpPower) && !c.power.autonomous(c):
		return nil
	}
	return row
}

// setSize says what data Set Features brings, and checks what needs no data.
func (c *Controller) setSize(cmd *command) (int, spec.Status) {
	row := c.feature(cmd)
	if row == nil {
		return 0, cmd.bad(40, 0)
	}
	if spec.FeatSave.Get(uint64(cmd.e.CDW10)) == 1 && row.Caps&spec.CapSaveable == 0 {
		return 0, cmd.blame(43, 7, spec.FeatureNotSaveable)
	}
	if row.Caps&spec.CapChangeable == 0 {
		return 0, cmd.blame(40, 0, spec.FeatureNotChangeable)
	}
	if row.ID == spec.FeatHostMemory {
		return 0, spec.Success // its list stays with the host
	}
	if row.ID == spec.FeatHostID && cmd.e.CDW11&1 == 0 {
		return 8, spec.Success
	}
	return row.DataLen, spec.Success
}

// scope finds the namespaces that a feature command is about; nil for the controller.
func (c *Controller) scope(cmd *command, row *spec.FeatureRow, set bool) ([]*namespace,
	spec.Status) {
	id := cmd.e.NSID
	if row.Caps&spec.CapPerNamespace == 0 {
		if set && id != 0 && id != spec.AllNamespaces {
			return nil, cmd.blame(4, 0, spec.FeatureNotNamespace)
		}
		return nil, spec.Success
	}
	var which []*namespace
	for _, n := range c.spaces.all {
		if n != nil && n.Attached && (id == spec.AllNamespaces || id == n.ID) {
			which = append(which, n)
		}
	}
	switch {
	case row.ID == spec.FeatReserveKeep && id == spec.AllNamespaces:
		return nil, cmd.bad(4, 0) // Base, 5.27.1.29
	case id == 0 || id > maxSpaces && id != spec.AllNamespaces || id == spec.AllNamespaces && !set:
		return nil, cmd.blame(4, 0, spec.InvalidNamespace)
	case len(which) == 0:
		return nil, cmd.bad(4, 0)
	}
	return which, spec.Success
}

// setFeature does Set Features.
func (c *Controller) setFeature(cmd *command) spec.Status {
	row, v := c.feature(cmd), cmd.e.CDW11
	which, st := c.scope(cmd, row, true)
	if st != spec.Success {
		return st
	}
	f := &c.feats
	switch row.ID {
	case spec.FeatQueues:
		return c.grant(cmd)
	case spec.FeatHostID:
		return c.setHost(cmd)
	case spec.FeatRecovery, spec.FeatWriteProtect, spec.FeatReserveKeep:
		return c.setSpaces(cmd, row, which)
	case spec.FeatTemperature:
		return c.setThreshold(cmd)
	case spec.FeatPower:
		if int(spec.PowerState.Get(uint64(v))) >= c.power.count(c) {
			return cmd.bad(44, 0)
		}
	case spec.FeatVector:
		if v&0xffff >= vectors {
			return cmd.bad(44, 0)
		}
		f.direct[v&0xffff] = spec.VectorCD.Get(uint64(v)) == 1
		return spec.Success
	case spec.FeatAPST:
		copy(f.apst[:], cmd.data)
	case spec.FeatTimestamp:
		f.clock = binary.LittleEndian.Uint64(cmd.data) & (1<<48 - 1)
		f.clockAt, f.clockBy = c.eng.Now(), 1
		return spec.Success
	case spec.FeatHostBehavior:
		if cmd.data[0] > 1 || cmd.data[1] > 1 || cmd.data[2] > 1 {
			return spec.InvalidField
		}
		copy(f.behavior[:], cmd.data)
		return spec.Success
	case spec.FeatHostMemory:
		if st := c.setHostMemory(cmd); st != spec.Success {
			return st
		}
	case spec.FeatCommandSets:
		if v&0x1ff != 0 {
			return cmd.blame(44, 0, spec.CommandSetCombination)
		}
	case spec.FeatKeepAlive:
		c.alive = c.eng.Now()
	}
	f.value[row.ID] = v & row.Bits
	f.apply(c, row.ID)
	if spec.FeatSave.Get(uint64(cmd.e.CDW10)) == 1 {
		if f.saved == nil {
			f.saved = map[uint8]uint32{}
		}
		f.saved[row.ID] = f.value[row.ID]
		c.save()
	}
	return spec.Success
}

// setSpaces sets a feature of namespaces.
func (c *Controller) setSpaces(cmd *command, row *spec.FeatureRow, which []*namespace) spec.Status {
	v := cmd.e.CDW11 & row.Bits
	for _, n := range which {
		if row.ID == spec.FeatRecovery {
			if spec.RecoveryDULBE.Get(uint64(v)) == 1 {
				return cmd.bad(46, 0) // NSFEAT offers no DULBE
			}
			n.Recovery = v
			continue
		}
		if row.ID == spec.FeatReserveKeep {
			n.Reserved.Keep = v == 1
			continue
		}
		switch {
		case v > protectOn:
			return cmd.bad(44, 0) // NWPC offers no other kinds
		case n.formatting:
			return spec.FormatInProgress
		}
		n.Protect = v
	}
	c.save()
	return spec.Success
}

// setThreshold is Temperature Threshold, of the composite temperature, of a sensor, or of all.
func (c *Controller) setThreshold(cmd *command) spec.Status {
	v := uint64(cmd.e.CDW11)
	sensor, kind := spec.TempSensor.Get(v), spec.TempType.Get(v)
	if kind > 1 {
		return cmd.bad(46, 4)
	}
	if sensor >= sensors && sensor != 15 {
		return cmd.bad(46, 0)
	}
	for i := range uint64(sensors) {
		if sensor != 15 && sensor != i {
			continue
		}
		if kind == 0 {
			c.feats.over[i] = uint16(spec.TempThreshold.Get(v))
		} else {
			c.feats.under[i] = uint16(spec.TempThreshold.Get(v))
		}
	}
	c.checkHealth()
	return spec.Success
}

// setHostMemory takes a host memory buffer, or gives it back (Base, 5.27.1.10). Nothing is kept in
// it: the model has no use for it.
func (c *Controller) setHostMemory(cmd *command) spec.Status {
	e := &cmd.e
	on := spec.HostMemoryEHM.Get(uint64(e.CDW11)) == 1
	if on && c.feats.value[spec.FeatHostMemory]&1 == 1 {
		return spec.SequenceError
	}
	if on && (e.CDW13%16 != 0 || e.CDW12 == 0 || e.CDW15 == 0) {
		return cmd.bad(52, 0)
	}
	if on {
		for i, v := range [...]uint32{e.CDW12, e.CDW13, e.CDW14, e.CDW15} {
			binary.LittleEndian.PutUint32(c.feats.memory[4*i:], v)
		}
	}
	return spec.Success
}

// grant is Number of Queues (Base, 5.27.1.5): before the first I/O queue, never 65,536 of them,
// clamped to what there is. As many of either kind are given.
func (c *Controller) grant(cmd *command) spec.Status {
	for id := 1; id <= maxQueues; id++ {
		if c.sqs[id] != nil || c.cqs[id] != nil {
			return spec.SequenceError
		}
	}
	s, q := cmd.e.CDW11&0xffff, cmd.e.CDW11>>16
	if s == spec.MaxQueueRequest || q == spec.MaxQueueRequest {
		return cmd.bad(44, 0)
	}
	c.granted = int(min(max(s, q)+1, maxQueues))
	cmd.result = c.queuesGranted()
	return spec.Success
}

func (c *Controller) queuesGranted() uint32 {
	n := uint32(c.granted - 1)
	return n<<16 | n
}

// getSize says what data Get Features gives: of features that have a structure, for a value.
func (c *Controller) getSize(cmd *command) (int, spec.Status) {
	row := c.feature(cmd)
	sel := spec.FeatSelect.Get(uint64(cmd.e.CDW10))
	switch {
	case row == nil:
		return 0, cmd.bad(40, 0)
	case sel > spec.SelectSupported:
		return 0, cmd.bad(41, 0)
	case sel == spec.SelectSupported:
		return 0, spec.Success
	}
	if row.ID == spec.FeatHostID && cmd.e.CDW11&1 == 0 {
		return 8, spec.Success
	}
	return row.DataLen, spec.Success
}

// getFeature does Get Features: the present value, the default, what is saved, or what can be done.
func (c *Controller) getFeature(cmd *command) spec.Status {
	e := &cmd.e
	row := c.feature(cmd)
	which, st := c.scope(cmd, row, false)
	if st != spec.Success {
		return st
	}
	sel := spec.FeatSelect.Get(uint64(e.CDW10))
	switch sel {
	case spec.SelectSupported:
		cmd.result = row.Caps
		return spec.Success
	case spec.SelectDefault, spec.SelectSaved:
		cmd.result = row.Default
		if v, ok := c.feats.saved[row.ID]; ok && sel == spec.SelectSaved {
			cmd.result = v
		}
	default:
		st = c.current(cmd, row, which)
	}
	if cmd.bytes > 0 {
		cmd.data = make([]byte, cmd.bytes)
		if sel == spec.SelectCurrent {
			c.structure(row.ID, cmd.data)
		}
	}
	return st
}

// current is a feature's present value.
func (c *Controller) current(cmd *command, row *spec.FeatureRow, which []*namespace) spec.Status {
	v, f := uint64(cmd.e.CDW11), &c.feats
	cmd.result = f.value[row.ID]
	switch row.ID {
	case spec.FeatQueues:
		cmd.result = c.queuesGranted()
	case spec.FeatVector:
		if v&0xffff >= vectors {
			return cmd.bad(44, 0)
		}
		cmd.result = uint32(v & 0xffff)
		if f.direct[v&0xffff] {
			cmd.result |= uint32(spec.VectorCD.Mask())
		}
	case spec.FeatTemperature:
		sensor := spec.TempSensor.Get(v)
		if sensor >= sensors || spec.TempType.Get(v) > 1 {
			return cmd.bad(46, 0)
		}
		cmd.result = uint32(f.over[sensor])
		if spec.TempType.Get(v) == 1 {
			cmd.result = uint32(f.under[sensor])
		}
	case spec.FeatRecovery:
		cmd.result = which[0].Recovery
	case spec.FeatReserveKeep:
		cmd.result = 0
		if which[0].Reserved.Keep {
			cmd.result = 1
		}
	case spec.FeatWriteProtect:
		cmd.result = which[0].Protect
	case spec.FeatPower:
		cmd.result = uint32(c.power.state)
	}
	return spec.Success
}

// structure fills in a feature's data.
func (c *Controller) structure(id uint8, p []byte) {
	f := &c.feats
	switch id {
	case spec.FeatHostID:
		copy(p, f.host[:])
	case spec.FeatAPST:
		copy(p, f.apst[:])
	case spec.FeatHostBehavior:
		copy(p, f.behavior[:])
	case spec.FeatHostMemory:
		copy(p, f.memory[:])
	case spec.FeatTimestamp:
		ms := f.clock + uint64((c.eng.Now()-f.clockAt)/sim.Millisecond)
		binary.LittleEndian.PutUint64(p, ms&(1<<48-1))
		p[6] = f.clockBy << 1
	}
}

// heard is Keep Alive.
func (c *Controller) heard(*command) spec.Status {
	c.alive = c.eng.Now()
	return spec.Success
}

// keepAlive looks, whenever the host does something, whether it was silent for longer than it said:
// then the controller stops with a fatal status (Base, 3.9.3.1, memory-based transports).
func (c *Controller) keepAlive() {
	ms := c.feats.value[spec.FeatKeepAlive]
	if ms == 0 || c.stopped || !c.enabled {
		return
	}
	if c.eng.Now()-c.alive > sim.Time(ms)*sim.Millisecond {
		c.find("NVME-BASE-3.9.3", "no Keep Alive for more than %d ms", ms)
		c.errors.record(spec.ErrorEntry{SQID: 0xffff, CID: 0xffff, Status: spec.KeepAliveExpired,
			NoPlace: true})
		c.fatal()
	}
}
