package nvme

import (
	"os"
	"syscall"
)

// punch makes a hole in a file (fallocate(2): keep the size, punch a hole).
func punch(f *os.File, off, n uint64) error {
	const keepSize, punchHole = 1, 2
	return syscall.Fallocate(int(f.Fd()), keepSize|punchHole, int64(off), int64(n))
}
