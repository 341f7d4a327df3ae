package vfiouser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tensoros/hw"
)

// Server exports a device to one client at a time.
type Server struct {
	// Log, if not nil, is told what a peer did wrong.
	Log func(format string, args ...any)
	// Counts is how many messages of each command have come.
	Counts map[Command]uint64

	dev     Device
	listen  *net.UnixListener
	start   time.Time
	conn    *conn
	queue   []message // that came while a reply was awaited
	next    uint16
	maps    []mapping
	vectors []*os.File // eventfds; nil where the vector is not armed
	caps    capabilities
}

type mapping struct {
	dmaMap
	view []byte // the whole mapping of the file, nil without one
}

// Listen makes the socket at path; a stale one is replaced.
func Listen(path string, dev Device) (*Server, error) {
	addr := &net.UnixAddr{Name: path, Net: "unix"}
	if st, err := os.Stat(path); err == nil && st.Mode()&os.ModeSocket != 0 {
		if c, err := net.DialUnix("unix", nil, addr); err == nil {
			return nil, errors.Join(fmt.Errorf("vfio-user: somebody serves at %s", path), c.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.ListenUnix("unix", addr)
	if err != nil {
		return nil, err
	}
	return &Server{dev: dev, listen: l, start: time.Now(), Counts: map[Command]uint64{},
		vectors: make([]*os.File, dev.Vectors())}, nil
}

// Close ends Serve.
func (s *Server) Close() error { return s.listen.Close() }

// Serve takes one client and serves it until it goes. The error is nil if it went in peace, and
// [net.ErrClosed] after Close.
func (s *Server) Serve() error {
	sock, err := s.listen.AcceptUnix()
	if err != nil {
		return err
	}
	s.conn, s.queue = newConn(sock), nil
	s.dev.Connect(s)
	err = errors.Join(s.loop(), sock.Close())
	s.forget()
	if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) {
		return nil
	}
	return err
}

// forget ends all that the client gave.
func (s *Server) forget() {
	for i := range s.vectors {
		s.arm(i, nil)
	}
	s.dev.Disconnect()
	for len(s.maps) > 0 {
		if err := s.unmap(0); err != nil {
			s.log("%v", err)
		}
	}
	for i := range s.queue {
		closeAll(s.queue[i].fds)
	}
	s.conn.drop()
}

func (s *Server) now() hw.Time { return hw.Time(time.Since(s.start)) }

// loop serves until the connection breaks.
func (s *Server) loop() error {
	for {
		m, err := s.wait(s.dev.Advance(s.now()))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return err
		}
		s.dev.Advance(s.now())
		if err := s.serve(&m); err != nil {
			return err
		}
	}
}

// wait gets the next message, until the device's time comes.
func (s *Server) wait(next hw.Time) (m message, err error) {
	if len(s.queue) > 0 {
		m, s.queue = s.queue[0], s.queue[1:]
		return m, nil
	}
	if next == hw.Forever {
		return s.conn.read(time.Time{})
	}
	return s.conn.read(s.start.Add(time.Duration(max(next, s.now()+leastWait))))
}

// leastWait, ns, leaves time to read what is there already however soon the device wants to go on:
// a deadline that has passed reads nothing.
const leastWait = 20_000

func (s *Server) log(format string, args ...any) {
	if s.Log != nil {
		s.Log(format, args...)
	}
}

// serve answers a message. What a peer asks wrongly is answered with an error; only a broken
// transport ends the connection.
func (s *Server) serve(m *message) error {
	s.Counts[m.command]++
	if m.reply() {
		s.log("a reply %d to %v that nobody waits for", m.id, m.command)
		return nil
	}
	payload, fds, err := s.execute(m)
	closeAll(m.fds)
	if m.flags&noReply != 0 {
		if err != nil {
			s.log("%v: %v", m.command, err)
		}
		return nil
	}
	h := header{id: m.id, command: m.command, flags: typeReply}
	if err != nil {
		s.log("%v: %v", m.command, err)
		h.flags, h.errno = typeReply|isError, errno(err)
		return s.conn.write(h, nil)
	}
	return s.conn.write(h, payload, fds...)
}

func (s *Server) execute(m *message) (payload []byte, fds []int, err error) {
	if err := m.check(); err != nil {
		return nil, nil, errors.Join(unix.EINVAL, err)
	}
	p := m.payload
	switch m.command {
	case Version:
		payload, err = s.version(p)
	case DMAMap:
		err = s.mapDMA(m)
	case DMAUnmap:
		payload, err = s.unmapDMA(p)
	case DeviceGetInfo:
		payload = words(deviceInfoLen, deviceReset|devicePCI, regionCount, irqCount)
	case GetRegionInfo:
		payload, fds, err = s.regionInfo(p)
	case GetIRQInfo:
		payload, err = s.irqInfo(p)
	case SetIRQs:
		err = s.setIRQs(m)
	case RegionRead:
		payload, err = s.regionRead(p)
	case RegionWrite:
		payload, err = s.regionWrite(p)
	case RegionWriteMulti:
		err = s.regionWriteMulti(p)
	case DeviceReset:
		s.dev.Reset()
	default:
		err = unix.ENOTSUP
	}
	return payload, fds, err
}

// words encodes 32-bit words.
func words(v ...uint32) []byte {
	p := make([]byte, 0, 4*len(v))
	for _, w := range v {
		p = binary.LittleEndian.AppendUint32(p, w)
	}
	return p
}

func (s *Server) version(p []byte) ([]byte, error) {
	v, err := decodeVersion(p)
	if err != nil {
		return nil, errors.Join(unix.EINVAL, err)
	}
	if v.major != 0 {
		return nil, fmt.Errorf("%w: version %d.%d; this is 0.1", unix.EINVAL, v.major, v.minor)
	}
	s.caps = v.caps
	mine := peerVersion{0, min(v.minor, 1), capabilities{MaxFDs: maxFDs, MaxTransfer: maxTransfer,
		WriteMulti: true}, v.bare}
	return mine.encode(len(p)), nil
}

// regionInfo describes a region. Most cannot be mapped: each access is an event of the model.
func (s *Server) regionInfo(p []byte) ([]byte, []int, error) {
	i := binary.LittleEndian.Uint32(p[8:])
	if i >= regionCount {
		return nil, nil, fmt.Errorf("%w: region %d of %d", unix.EINVAL, i, regionCount)
	}
	r := s.dev.Regions()[i]
	flags := uint32(0)
	if r.Len > 0 {
		flags = regionReadable | regionWritable
		if r.ReadOnly {
			flags = regionReadable
		}
	}
	out := words(regionInfoLen, flags, i, 0)
	out = binary.LittleEndian.AppendUint64(out, r.Len)
	out = binary.LittleEndian.AppendUint64(out, 0)
	if sharer, ok := s.dev.(Sharer); ok {
		if sh := sharer.Shared(); sh != nil && sh.Region == int(i) {
			out, fds := sh.sparse(out, binary.LittleEndian.Uint32(p))
			return out, fds, nil
		}
	}
	return out, nil, nil
}

func (s *Server) irqInfo(p []byte) ([]byte, error) {
	i := binary.LittleEndian.Uint32(p[8:])
	if i >= irqCount {
		return nil, fmt.Errorf("%w: interrupt type %d of %d", unix.EINVAL, i, irqCount)
	}
	count := uint32(0)
	if i == MSIX {
		count = uint32(len(s.vectors))
	}
	return words(irqInfoLen, irqEventFD|irqNoResize, i, count), nil
}

// span checks an access against its region.
func (s *Server) span(a access, limit int) error {
	switch {
	case a.region >= regionCount:
		return fmt.Errorf("%w: region %d of %d", unix.EINVAL, a.region, regionCount)
	case a.count == 0 || int64(a.count) > int64(limit):
		return fmt.Errorf("%w: %d bytes; from 1 to %d are allowed", unix.EINVAL, a.count, limit)
	}
	if n := s.dev.Regions()[a.region].Len; a.off > n || n-a.off < uint64(a.count) {
		return fmt.Errorf("%w: %d bytes at %#x of region %d of %#x bytes", unix.EINVAL, a.count,
			a.off, a.region, n)
	}
	return nil
}

func (s *Server) regionRead(p []byte) ([]byte, error) {
	a := decodeAccess(p)
	if err := s.span(a, maxTransfer); err != nil {
		return nil, err
	}
	out := make([]byte, accessLen+int(a.count))
	a.encode(out)
	s.dev.Read(int(a.region), a.off, out[accessLen:])
	return out, nil
}

func (s *Server) regionWrite(p []byte) ([]byte, error) {
	a := decodeAccess(p)
	data := p[accessLen:]
	if err := s.span(a, len(data)); err != nil {
		return nil, err
	}
	if s.dev.Regions()[a.region].ReadOnly {
		return nil, fmt.Errorf("%w: region %d is read only", unix.EINVAL, a.region)
	}
	s.dev.Write(int(a.region), a.off, data[:a.count])
	out := make([]byte, accessLen)
	a.encode(out)
	return out, nil
}

// regionWriteMulti is several posted writes of up to 8 bytes, in order.
func (s *Server) regionWriteMulti(p []byte) error {
	n := binary.LittleEndian.Uint64(p)
	p = p[8:]
	if n > uint64(len(p)/multiLen) {
		return fmt.Errorf("%w: %d writes in %d bytes", unix.EINVAL, n, len(p))
	}
	for ; n > 0; n, p = n-1, p[multiLen:] {
		if _, err := s.regionWrite(p[:multiLen]); err != nil {
			return err
		}
	}
	return nil
}
