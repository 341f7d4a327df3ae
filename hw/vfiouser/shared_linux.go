package vfiouser

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// NewShared makes memory for a part of a region.
func NewShared(region int, off, length uint64) (*Shared, error) {
	fd, err := unix.MemfdCreate("region", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &Shared{Region: region, Off: off, Len: length, FD: fd}
	if err := unix.Ftruncate(fd, int64(off+length)); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	s.Data, err = unix.Mmap(fd, 0, int(off+length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return s, nil
}

// Close gives the memory back.
func (s *Shared) Close() error {
	return errors.Join(unix.Munmap(s.Data), unix.Close(s.FD))
}

// sparseLen is the length of a region's information with the capability of one mappable area
// (linux/vfio.h, VFIO_REGION_INFO_CAP_SPARSE_MMAP).
const sparseLen = regionInfoLen + 32

// sparse adds the capability to a region's information, if the client has left room for it; else it
// says how much it needs.
func (s *Shared) sparse(info []byte, room uint32) (out []byte, fds []int) {
	le := binary.LittleEndian
	le.PutUint32(info, sparseLen)
	le.PutUint32(info[4:], le.Uint32(info[4:])|regionMmap|regionCaps)
	if room < sparseLen {
		return info, nil
	}
	le.PutUint32(info[12:], regionInfoLen) // the capability follows
	info = append(info, words(capSparseMmap|1<<16, 0, 1, 0)...)
	info = le.AppendUint64(info, s.Off)
	return le.AppendUint64(info, s.Len), []int{s.FD}
}
