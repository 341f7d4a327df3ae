package nvme

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"tensoros/sim/mem"
)

// Store holds the contents of a drive. Offsets are bytes; what was never written reads zero.
// Accesses lie within Size: the controller checks. An error becomes a media error status.
type Store interface {
	Size() uint64
	ReadAt(off uint64, p []byte) error
	WriteAt(off uint64, p []byte) error
	Flush() error
}

// Discarder is a Store that can make bytes read zero without storing zeroes.
type Discarder interface {
	Discard(off, n uint64) error
}

// Durable is a Store that keeps the state of a drive beside its contents: namespaces, saved
// features, firmware slots, counters. Load returns nil when there is none.
type Durable interface {
	Load() ([]byte, error)
	Save(state []byte) error
}

// Memory is a Store in sparse memory.
type Memory struct {
	m     *mem.Sparse
	state []byte
}

// NewMemory makes an empty store of size bytes.
func NewMemory(size uint64) *Memory { return &Memory{m: mem.NewSparse(size)} }

// Size is the number of bytes.
func (s *Memory) Size() uint64 { return s.m.Size() }

// ReadAt fills p from off.
func (s *Memory) ReadAt(off uint64, p []byte) error { s.m.Read(off, p); return nil }

// WriteAt stores p at off.
func (s *Memory) WriteAt(off uint64, p []byte) error { s.m.Write(off, p); return nil }

// Peek is a view of the contents, to be read before anything else is done; nil if there is none.
func (s *Memory) Peek(off uint64, n int) []byte { return s.m.Peek(off, n) }

// Discard makes n bytes from off read zero.
func (s *Memory) Discard(off, n uint64) error { s.m.Discard(off, n); return nil }

// Extents tells what was written, in pieces of 64 KiB.
func (s *Memory) Extents(f func(off, n uint64)) error { s.m.Extents(f); return nil }

// Load returns the state that was saved.
func (s *Memory) Load() ([]byte, error) { return s.state, nil }

// Save keeps a drive's state for the next controller of this store.
func (s *Memory) Save(state []byte) error { s.state = state; return nil }

// Flush does nothing.
func (s *Memory) Flush() error { return nil }

// File is a Store in a sparse file of the machine that simulates. The state of the drive lies
// beside it, in a file with StateSuffix.
type File struct {
	f    *os.File
	path string
	size uint64
}

// StateSuffix is appended to the name of a backing file for the state of its drive.
const StateSuffix = ".nvme"

// OpenFile opens or makes a backing file of size bytes; 0 takes the size that it has.
func OpenFile(path string, size uint64) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && size == 0 {
		size = uint64(st.Size())
	}
	if err == nil && size == 0 {
		err = fmt.Errorf("nvme: backing file %s is empty: give a size", path)
	}
	if err == nil && uint64(st.Size()) < size {
		err = f.Truncate(int64(size))
	}
	if err != nil {
		return nil, closeAfter(f, err)
	}
	return &File{f, path, size}, nil
}

func closeAfter(f *os.File, err error) error {
	_ = f.Close() // the first error is the one to tell
	return err
}

// Size is the number of bytes.
func (s *File) Size() uint64 { return s.size }

// ReadAt fills p from off.
func (s *File) ReadAt(off uint64, p []byte) error {
	_, err := s.f.ReadAt(p, int64(off))
	return err
}

// WriteAt stores p at off.
func (s *File) WriteAt(off uint64, p []byte) error {
	_, err := s.f.WriteAt(p, int64(off))
	return err
}

// Discard makes n bytes from off read zero, as a hole where the system can make one.
func (s *File) Discard(off, n uint64) error {
	if punch(s.f, off, n) == nil {
		return nil
	}
	buf := make([]byte, zeroMost)
	zero := make([]byte, zeroMost)
	for n > 0 {
		p := buf[:min(n, uint64(len(buf)))]
		if err := s.ReadAt(off, p); err != nil {
			return err
		}
		if !bytes.Equal(p, zero[:len(p)]) { // holes stay holes
			if err := s.WriteAt(off, zero[:len(p)]); err != nil {
				return err
			}
		}
		off, n = off+uint64(len(p)), n-uint64(len(p))
	}
	return nil
}

// Extents tells what was written: everything but the holes, where the system knows them.
func (s *File) Extents(f func(off, n uint64)) error { return extents(s.f, s.size, f) }

// Load reads the state file; nil if there is none.
func (s *File) Load() ([]byte, error) {
	p, err := os.ReadFile(s.path + StateSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return p, err
}

// Save replaces the state file: the old one stays whole until the new one is.
func (s *File) Save(state []byte) error {
	next := s.path + StateSuffix + ".new"
	if err := os.WriteFile(next, state, 0o644); err != nil {
		return err
	}
	return os.Rename(next, s.path+StateSuffix)
}

// Flush makes the file durable.
func (s *File) Flush() error { return s.f.Sync() }

// Close closes the file.
func (s *File) Close() error { return s.f.Close() }
