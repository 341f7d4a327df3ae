package nvme

import (
	"errors"
	"fmt"

	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
	"tensoros/hw/spec/pcie"
)

// StatusError is a command that the controller refused or could not do.
type StatusError struct {
	Op     string
	Status spec.Status
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s: %v", e.Op, e.Status) }

// Errors of requests that cannot be made into commands.
var (
	ErrAlign    = errors.New("segments must be whole blocks at addresses that 4 divides")
	ErrLength   = errors.New("the segments do not hold that many blocks")
	ErrNoQueue  = errors.New("this processor has no queue: call AddQueue on it")
	ErrNoDrive  = errors.New("no active namespace, or blocks of an unknown size")
	ErrFatal    = errors.New("controller fatal status")
	ErrReset    = errors.New("the controller was reset under the driver: open it again")
	errDoorbell = errors.New("BAR 0 does not reach the doorbells")
)

func (d *Drive) fail(op, detail string, err error) error {
	return &hw.Error{Op: "nvme " + op, Addr: d.addr, Detail: detail, Err: err}
}

// trouble says why an answer does not come: the device is lost, has failed, or is late.
func (d *Drive) trouble(op string) error {
	if err := d.sick(op); err != nil {
		return err
	}
	return d.fail(op, "", hw.ErrTimeout)
}

// sick looks at CSTS: a lost device reads all ones.
func (d *Drive) sick(op string) error {
	csts := d.bar.Read32(spec.CSTS)
	switch {
	case csts == lost && d.answers():
		return d.fail(op, "", ErrReset)
	case csts == lost:
		return d.fail(op, "", hw.ErrLost)
	case spec.CSTSCFS.Get(uint64(csts)) == 1:
		return d.fail(op, "", ErrFatal)
	case spec.CSTSRDY.Get(uint64(csts)) == 0:
		return d.fail(op, "", ErrReset)
	}
	return nil
}

// answers reports whether configuration space is there: then registers that read all ones are not
// decoded, which is how a function level reset leaves them, and the device is not lost.
func (d *Drive) answers() bool {
	return d.fn.Err() == nil && d.fn.Config().Read32(pcie.VendorID) != lost
}

// lost is what every register of a lost device reads.
const lost = 0xffffffff
