package nvme

import (
	"errors"
	"os"
	"syscall"
)

// punch makes a hole in a file (fallocate(2): keep the size, punch a hole).
func punch(f *os.File, off, n uint64) error {
	const keepSize, punchHole = 1, 2
	return syscall.Fallocate(int(f.Fd()), keepSize|punchHole, int64(off), int64(n))
}

// extents calls each for what lies between the holes of a file (lseek(2)).
func extents(f *os.File, size uint64, each func(off, n uint64)) error {
	const seekData, seekHole = 3, 4
	fd := int(f.Fd())
	for at := int64(0); uint64(at) < size; {
		from, err := syscall.Seek(fd, at, seekData)
		if errors.Is(err, syscall.ENXIO) {
			return nil // nothing but a hole is left
		}
		if err != nil {
			each(uint64(at), size-uint64(at)) // this file system does not tell
			return nil
		}
		to, err := syscall.Seek(fd, from, seekHole)
		if err != nil {
			return err
		}
		if uint64(from) < size {
			each(uint64(from), min(uint64(to), size)-uint64(from))
		}
		at = to
	}
	return nil
}
