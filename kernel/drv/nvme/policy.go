package nvme

import (
	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// tries is how often a command is sent at most: once and five times again, as Linux does
// (nvme_max_retries) [R].
const tries = 6

// backoff is the wait before the second try; it doubles with every other one [D].
const backoff = 100 * microsecond

// policies are statuses that are not tried so often. Reading a block that cannot be read takes a
// drive its longest: once again is enough.
var policies = []struct {
	code  spec.Status
	tries uint8
}{
	{spec.UnrecoveredRead, 2},
	{spec.WriteFault, 2},
	{spec.GuardCheck, 2},
	{spec.AppTagCheck, 2},
	{spec.RefTagCheck, 2},
	{spec.CompareFailure, 1}, // that is an answer
	{spec.ReservationConflict, 1},
	{spec.WriteProtected, 1},
}

// policy says whether a command that ended with a status for the tries-th time is to be sent
// again, and after which wait: the controller's own, if it gives one (Base, 3.3.3.2.1: CRD).
func (d *Drive) policy(st spec.Status, tried uint8) (hw.Time, bool) {
	if st&spec.DNR != 0 {
		return 0, false
	}
	most := uint8(tries)
	for i := range policies {
		if policies[i].code == st.Code() {
			most = policies[i].tries
		}
	}
	if tried >= most {
		return 0, false
	}
	if crd := st.CRD(); crd > 0 {
		return min(hw.Time(d.id.CRDT[crd-1])*100*millisecond, d.Timeout), true
	}
	return backoff << (tried - 1), true
}
