package vfiouser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// mapDMA takes memory of the client: with a file it is mapped here, without one it is reached by
// messages.
func (s *Server) mapDMA(m *message) error {
	d := decodeMap(m.payload)
	switch {
	case !d.ends() || d.flags&dmaReadable == 0:
		return fmt.Errorf("%w: map of %#x bytes at %#x, flags %#x", unix.EINVAL, d.size, d.iova,
			d.flags)
	case len(m.fds) > 1:
		return fmt.Errorf("%w: %d files for one map", unix.EINVAL, len(m.fds))
	case len(s.maps) >= maxMaps:
		return fmt.Errorf("%w: more than %d maps", unix.ENOSPC, maxMaps)
	}
	for i := range s.maps {
		if o := &s.maps[i]; d.iova <= o.iova+o.size-1 && o.iova <= d.iova+d.size-1 {
			return fmt.Errorf("%w: map of %#x bytes at %#x overlaps that at %#x", unix.EEXIST,
				d.size,
				d.iova, o.iova)
		}
	}
	e := mapping{dmaMap: d}
	var data []byte
	if len(m.fds) == 1 {
		var err error
		if e.view, data, err = view(m.fds[0], d); err != nil {
			return err
		}
	}
	if err := s.dev.Map(d.iova, d.size, data, d.flags&dmaWritable != 0); err != nil {
		if e.view != nil {
			err = errors.Join(err, unix.Munmap(e.view))
		}
		return err
	}
	s.maps = append(s.maps, e)
	return nil
}

// view maps a file. Offsets need not be multiples of a page.
func view(fd int, d dmaMap) (whole, data []byte, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, nil, err
	}
	if size := uint64(st.Size); st.Mode&unix.S_IFMT == unix.S_IFREG &&
		(d.offset > size || size-d.offset < d.size) {
		return nil, nil, fmt.Errorf("%w: map of %#x bytes from %#x of a file of %#x", unix.EINVAL,
			d.size,
			d.offset, size) // an access beyond the end would be a SIGBUS
	}
	const page = 4096
	skip := d.offset % page
	if d.size > 1<<46 {
		return nil, nil, fmt.Errorf("%w: map of %#x bytes", unix.ENOMEM, d.size)
	}
	prot := unix.PROT_READ
	if d.flags&dmaWritable != 0 {
		prot |= unix.PROT_WRITE
	}
	whole, err = unix.Mmap(fd, int64(d.offset-skip), int(d.size+skip), prot, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return whole, whole[skip:], nil
}

// unmapDMA takes memory away once the device has let go of it.
func (s *Server) unmapDMA(p []byte) ([]byte, error) {
	d := decodeUnmap(p)
	if d.flags&unmapAll != 0 {
		for len(s.maps) > 0 {
			if err := s.unmap(len(s.maps) - 1); err != nil {
				return nil, err
			}
		}
		return p[:dmaUnmapLen], nil
	}
	for i := range s.maps {
		if s.maps[i].iova == d.iova && s.maps[i].size == d.size {
			return p[:dmaUnmapLen], s.unmap(i)
		}
	}
	return nil, fmt.Errorf("%w: nothing is mapped at %#x with %#x bytes", unix.ENOENT, d.iova,
		d.size)
}

func (s *Server) unmap(i int) error {
	e := s.maps[i]
	s.maps = append(s.maps[:i], s.maps[i+1:]...)
	err := s.dev.Unmap(e.iova, e.size)
	if e.view != nil {
		err = errors.Join(err, unix.Munmap(e.view))
	}
	return err
}

// ReadDMA reads memory of the client by messages.
func (s *Server) ReadDMA(addr uint64, p []byte) error {
	for len(p) > 0 {
		n := min(len(p), s.caps.MaxTransfer-dmaLen)
		reply, err := s.call(DMARead, dmaHead(addr, n))
		if err != nil {
			return err
		}
		if len(reply) != dmaLen+n {
			return fmt.Errorf("vfio-user: DMA_READ of %d bytes was answered with %d", n,
				len(reply)-dmaLen)
		}
		copy(p, reply[dmaLen:])
		addr, p = addr+uint64(n), p[n:]
	}
	return nil
}

// WriteDMA writes memory of the client by messages.
func (s *Server) WriteDMA(addr uint64, p []byte) error {
	for len(p) > 0 {
		n := min(len(p), s.caps.MaxTransfer-dmaLen)
		if _, err := s.call(DMAWrite, append(dmaHead(addr, n), p[:n]...)); err != nil {
			return err
		}
		addr, p = addr+uint64(n), p[n:]
	}
	return nil
}

func dmaHead(addr uint64, n int) []byte {
	p := binary.LittleEndian.AppendUint64(nil, addr)
	return binary.LittleEndian.AppendUint64(p, uint64(n))
}

// call sends a command to the client and waits for the reply. What else comes meanwhile waits.
func (s *Server) call(c Command, payload []byte) ([]byte, error) {
	s.next++
	id := s.next
	if err := s.conn.write(header{id: id, command: c}, payload); err != nil {
		return nil, err
	}
	for {
		m, err := s.conn.read(time.Time{})
		if err != nil {
			return nil, err // the loop meets it too
		}
		if !m.reply() || m.id != id || m.command != c {
			s.queue = append(s.queue, m)
			continue
		}
		closeAll(m.fds)
		if m.flags&isError != 0 {
			return nil, fmt.Errorf("vfio-user: %v: %w", c, unix.Errno(m.errno))
		}
		return m.payload, nil
	}
}
