package hw

import (
	"errors"
	"fmt"
)

// Sentinels that an [Error] may wrap.
var (
	ErrLost       = errors.New("device lost")
	ErrNotPresent = errors.New("not present")
	ErrTimeout    = errors.New("timed out")
	ErrNoMemory   = errors.New("out of memory")
)

// Error says which operation on which function failed, shaped like os.PathError.
type Error struct {
	Op     string
	Addr   Address
	Detail string // what exactly: "BAR 2", "vector 9"
	Err    error
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s %v: %v", e.Op, e.Addr, e.Err)
	}
	return fmt.Sprintf("%s %v %s: %v", e.Op, e.Addr, e.Detail, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
