package nvme

import (
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

// Memory is a Store in sparse memory.
type Memory struct{ m *mem.Sparse }

// NewMemory makes an empty store of size bytes.
func NewMemory(size uint64) *Memory { return &Memory{mem.NewSparse(size)} }

// Size is the number of bytes.
func (s *Memory) Size() uint64 { return s.m.Size() }

// ReadAt fills p from off.
func (s *Memory) ReadAt(off uint64, p []byte) error { s.m.Read(off, p); return nil }

// WriteAt stores p at off.
func (s *Memory) WriteAt(off uint64, p []byte) error { s.m.Write(off, p); return nil }

// Flush does nothing.
func (s *Memory) Flush() error { return nil }

// File is a Store in a sparse file of the machine that simulates.
type File struct {
	f    *os.File
	size uint64
}

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
	return &File{f, size}, nil
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

// Flush makes the file durable.
func (s *File) Flush() error { return s.f.Sync() }

// Close closes the file.
func (s *File) Close() error { return s.f.Close() }
