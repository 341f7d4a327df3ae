package vfiouser

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// conn frames messages on a socket. Reading and writing may go on at once, from one goroutine each.
type conn struct {
	sock       *net.UnixConn
	oob        []byte
	in         []byte // what has been read and not yet given out: in[start:end]
	start, end int
	fds        []int // that came with the byte before fdEnd
	fdEnd      int
	timed      bool // a deadline is set
	out        []byte
}

func newConn(sock *net.UnixConn) *conn {
	return &conn{sock: sock, oob: make([]byte, unix.CmsgSpace(4*maxFDs)), in: make([]byte, 1<<16)}
}

// read gets the next message. With a deadline that passes first, it fails with
// os.ErrDeadlineExceeded; what has come of the message is kept.
func (c *conn) read(deadline time.Time) (message, error) {
	for {
		if m, ok, err := c.take(); ok || err != nil {
			return m, err
		}
		if timed := !deadline.IsZero(); timed || c.timed {
			c.timed = timed
			if err := c.sock.SetReadDeadline(deadline); err != nil {
				return message{}, err
			}
		}
		if err := c.fill(); err != nil {
			return message{}, err
		}
	}
}

// take gives out a message that is there as a whole.
func (c *conn) take() (m message, ok bool, err error) {
	have := c.in[c.start:c.end]
	if len(have) < headerLen {
		return m, false, nil
	}
	if m.header, err = decodeHeader(have); err != nil {
		return m, false, err
	}
	if len(have) < int(m.size) {
		return m, false, nil
	}
	m.payload = append([]byte(nil), have[headerLen:m.size]...)
	c.start += int(m.size)
	if len(c.fds) > 0 && c.start >= c.fdEnd {
		m.fds, c.fds = c.fds, nil
	}
	return m, true, nil
}

// fill reads what the socket has. The kernel ends a read behind the data that file descriptors came
// with, so they belong to the message that holds the last byte.
func (c *conn) fill() error {
	if c.start > 0 {
		copy(c.in, c.in[c.start:c.end])
		c.end, c.fdEnd, c.start = c.end-c.start, c.fdEnd-c.start, 0
	}
	if c.end == len(c.in) {
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	n, oobn, flags, _, err := c.sock.ReadMsgUnix(c.in[c.end:], c.oob)
	if err != nil {
		return err
	}
	if n == 0 {
		return io.EOF
	}
	c.end += n
	fds, err := descriptors(c.oob[:oobn])
	if err == nil && (flags&unix.MSG_CTRUNC != 0 || len(c.fds)+len(fds) > maxFDs) {
		err = fmt.Errorf("vfio-user: more than %d file descriptors in a message", maxFDs)
	}
	if len(fds) > 0 {
		c.fds, c.fdEnd = append(c.fds, fds...), c.end
	}
	return err
}

// drop closes what nobody has taken.
func (c *conn) drop() {
	closeAll(c.fds)
	c.fds = nil
}

func descriptors(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("vfio-user: control message: %w", err)
	}
	var fds []int
	for i := range list {
		if got, err := unix.ParseUnixRights(&list[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd) // nothing can be done about it
	}
}

// write sends a message in one piece: QEMU takes a short read of a header for the end.
func (c *conn) write(h header, payload []byte, fds ...int) error {
	h.size = uint32(headerLen + len(payload))
	c.out = append(c.out[:0], make([]byte, headerLen)...)
	h.encode(c.out)
	c.out = append(c.out, payload...)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	n, _, err := c.sock.WriteMsgUnix(c.out, rights, nil)
	for err == nil && n < len(c.out) { // the rights went with the first byte
		var more int
		more, err = c.sock.Write(c.out[n:])
		n += more
	}
	return err
}

// errno is the number that an error travels as.
func errno(err error) uint32 {
	var e unix.Errno
	switch {
	case errors.As(err, &e):
		return uint32(e)
	case errors.Is(err, os.ErrInvalid):
		return uint32(unix.EINVAL)
	}
	return uint32(unix.EIO)
}
