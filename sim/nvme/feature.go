package nvme

import spec "tensoros/hw/spec/nvme"

// featureCount covers the identifiers that are kept.
const featureCount = spec.FeatAsyncEvents + 1

// featureRow says what software may set of a feature.
type featureRow struct {
	id       uint8
	writable uint32
	reset    uint32
	name     string
}

// features are the mandatory ones and the volatile write cache (Base, figure 317).
var features = []featureRow{
	{spec.FeatArbitration, 0xffffff07, 0, "Arbitration"},
	{spec.FeatPower, 0, 0, "Power Management"},
	{spec.FeatTemperature, 0x003fffff, 343, "Temperature Threshold"},
	{spec.FeatRecovery, 0x0001ffff, 0, "Error Recovery"},
	{spec.FeatWriteCache, 1, 1, "Volatile Write Cache"},
	{spec.FeatQueues, 0, 0, "Number of Queues"},
	{spec.FeatCoalescing, 0xffff, 0, "Interrupt Coalescing"},
	{spec.FeatVector, 0x1ffff, 0, "Interrupt Vector Configuration"},
	{spec.FeatAtomicity, 1, 0, "Write Atomicity Normal"},
	{spec.FeatAsyncEvents, 0xffff, 0, "Asynchronous Event Configuration"},
}

func feature(id uint8) *featureRow {
	for i := range features {
		if features[i].id == id {
			return &features[i]
		}
	}
	return nil
}

func (c *Controller) defaultFeatures() {
	for i := range features {
		c.features[features[i].id] = features[i].reset
	}
}

// setFeature does Set Features. Nothing is saveable; coalescing is kept but has no effect.
func (c *Controller) setFeature(cmd *command) spec.Status {
	e := &cmd.e
	row := feature(uint8(spec.FeatID.Get(uint64(e.CDW10))))
	switch {
	case row == nil || row.id == spec.FeatWriteCache && !c.Profile.VolatileCache:
		return spec.InvalidField
	case spec.FeatSave.Get(uint64(e.CDW10)) == 1:
		return spec.FeatureNotSaveable
	case row.id == spec.FeatQueues:
		return c.grant(cmd)
	case row.id == spec.FeatPower && e.CDW11&0x1f != 0:
		return spec.InvalidField // there is one power state
	case row.id == spec.FeatVector && e.CDW11&0xffff >= vectors:
		return spec.InvalidField
	}
	c.features[row.id] = e.CDW11 & row.writable
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
		return spec.InvalidField
	}
	c.granted = int(min(max(s, q)+1, maxQueues))
	cmd.result = c.queuesGranted()
	return spec.Success
}

func (c *Controller) queuesGranted() uint32 {
	n := uint32(c.granted - 1)
	return n<<16 | n
}

// getFeature does Get Features: the present value, the default, or that it can be changed.
func (c *Controller) getFeature(cmd *command) spec.Status {
	e := &cmd.e
	row := feature(uint8(spec.FeatID.Get(uint64(e.CDW10))))
	if row == nil || row.id == spec.FeatWriteCache && !c.Profile.VolatileCache {
		return spec.InvalidField
	}
	switch spec.FeatSelect.Get(uint64(e.CDW10)) {
	case 0:
		cmd.result = c.features[row.id]
		if row.id == spec.FeatQueues {
			cmd.result = c.queuesGranted()
		}
		if row.id == spec.FeatVector {
			cmd.result |= e.CDW11 & 0xffff
		}
	case 1, 2: // nothing is saved: the default
		cmd.result = row.reset
	case 3:
		cmd.result = 1 << 2 // changeable
	default:
		return spec.InvalidField
	}
	return spec.Success
}
