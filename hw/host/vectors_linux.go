package host

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"tensoros/hw"
)

// Vectors are the MSI-X vectors of a function as eventfds: each that is routed has a goroutine that
// latches it on its processor whenever it fires.
type Vectors struct {
	cpus *Processors
	addr hw.Address
	mu   sync.Mutex
	list []vector
}

type vector struct {
	fd  int // of its eventfd; 0 while it is not routed
	cpu int
}

// NewVectors makes n vectors of a function.
func NewVectors(cpus *Processors, addr hw.Address, n int) *Vectors {
	return &Vectors{cpus: cpus, addr: addr, list: make([]vector, n)}
}

func (v *Vectors) fail(detail string, err error) error {
	return &hw.Error{Op: "route", Addr: v.addr, Detail: detail, Err: err}
}

// Route sends a vector to a processor. The first time it calls arm with the eventfd that is to
// fire.
func (v *Vectors) Route(n, cpu int, arm func(fd int) error) error {
	switch {
	case n < 0 || n >= len(v.list):
		return v.fail(fmt.Sprintf("vector %d of %d", n, len(v.list)), hw.ErrNotPresent)
	case cpu < 0 || cpu >= v.cpus.Len():
		return v.fail(fmt.Sprintf("to CPU %d", cpu), hw.ErrNotPresent)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.list[n].cpu = cpu
	if v.list[n].fd != 0 {
		return nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return v.fail("eventfd", err)
	}
	if err := arm(fd); err != nil {
		return v.fail(fmt.Sprintf("vector %d", n), errors.Join(err, unix.Close(fd)))
	}
	v.list[n].fd = fd
	go v.listen(n, fd)
	return nil
}

// listen latches a vector whenever its eventfd fires, until the file is given up.
func (v *Vectors) listen(n, fd int) {
	defer unix.Close(fd)
	var p [8]byte
	for {
		got, err := unix.Read(fd, p[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		v.mu.Lock()
		cpu, open := v.list[n].cpu, v.list[n].fd == fd
		v.mu.Unlock()
		if err != nil || got != len(p) || !open {
			return
		}
		v.cpus.Latch(cpu, hw.Interrupt{From: v.addr, Vector: n})
	}
}

// Close ends the goroutines: each wakes, finds its file given up, and closes it.
func (v *Vectors) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.list {
		if fd := v.list[i].fd; fd != 0 {
			v.list[i].fd = 0
			_, _ = unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		}
	}
}
