package vfiouser

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// conn frames messages on a socket. Reading and writing may go on at once, from one goroutine each.
type conn struct {
	sock *net.UnixConn
	oob  []byte
	head [headerLen]byte
	out  []byte
}

func newConn(sock *net.UnixConn) *conn {
	return &conn{sock: sock, oob: make([]byte, unix.CmsgSpace(4*maxFDs))}
}

// read gets the next message. File descriptors come with the first bytes, so the header is read by
// itself.
func (c *conn) read() (message, error) {
	n, oobn, flags, _, err := c.sock.ReadMsgUnix(c.head[:], c.oob)
	if err != nil || n == 0 {
		return message{}, errors.Join(err, io.EOF)
	}
	m := message{}
	if m.fds, err = descriptors(c.oob[:oobn]); err != nil {
		return m, err
	}
	if flags&unix.MSG_CTRUNC != 0 {
		closeAll(m.fds)
		return message{}, fmt.Errorf("vfio-user: more than %d file descriptors in a message", maxFDs)
	}
	if _, err = io.ReadFull(c.sock, c.head[n:]); err == nil {
		m.header, err = decodeHeader(c.head[:])
	}
	if err == nil {
		m.payload = make([]byte, m.size-headerLen)
		_, err = io.ReadFull(c.sock, m.payload)
	}
	if err != nil {
		closeAll(m.fds)
		return message{}, err
	}
	return m, nil
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
