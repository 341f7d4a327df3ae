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
	Tries  int    // how often it was sent
	Blocks uint64 // that it named; 0 if it names none
	LBA    uint64 // the first of them
}

func (e *StatusError) Error() string {
	text := e.Op
	if e.Blocks > 0 {
		text += fmt.Sprintf(" of LBA %d to %d", e.LBA, e.LBA+e.Blocks-1)
	}
	if e.Tries > 1 {
		text += fmt.Sprintf(", tried %d times", e.Tries)
	}
	return fmt.Sprintf("%s: %v", text, e.Status)
}

// Errors of requests that cannot be made into commands, and of controllers that cannot be driven.
var (
	ErrAlign   = errors.New("segments must be whole blocks at addresses that 4 divides")
	ErrLength  = errors.New("the segments do not hold that many blocks")
	ErrNoQueue = errors.New("this processor has no queue: call AddQueue on it")
	ErrNoDrive = errors.New("no namespace that can be driven")
	ErrRefused = errors.New("not supported")
	ErrFatal   = errors.New("controller fatal status")
	ErrReset   = errors.New("the controller was reset under the driver")
	ErrChanged = errors.New("not the drive that it was")
	// ErrProtocol is a completion that no command of ours can have caused.
	ErrProtocol = errors.New("the controller breaks the protocol")
	// ErrWild says that a controller cannot be stopped: it may still write to the memory of the
	// request, which must not be used again.
	ErrWild = errors.New("the controller cannot be stopped and may still write to memory")

	errDoorbell  = errors.New("BAR 0 does not reach the doorbells")
	errRestarted = errors.New("interrupted by a reset")
)

func (d *Drive) fail(op, detail string, err error) error {
	return &hw.Error{Op: "nvme " + op, Addr: d.addr, Detail: detail, Err: err}
}

// sick looks at CSTS: a lost device reads all ones.
func (d *Drive) sick(op string) error {
	csts := d.bar.Read32(spec.CSTS)
	switch {
	case csts == lost:
		return d.fail(op, "", d.gone())
	case spec.CSTSCFS.Get(uint64(csts)) == 1:
		return d.fail(op, "", ErrFatal)
	case spec.CSTSRDY.Get(uint64(csts)) == 0:
		return d.fail(op, "", ErrReset)
	}
	return nil
}

// gone says why registers read all ones: nobody answers, or the function was reset and does not
// decode its BAR any more.
func (d *Drive) gone() error {
	if d.answers() {
		return ErrReset
	}
	return hw.ErrLost
}

// answers reports whether configuration space is there.
func (d *Drive) answers() bool {
	return d.fn.Err() == nil && d.fn.Config().Read32(pcie.VendorID) != lost
}

// lost is what every register of a lost device reads.
const lost = 0xffffffff
