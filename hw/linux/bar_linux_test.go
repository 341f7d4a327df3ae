package linux

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestFaultsReadAllOnes: a mapping that has nothing behind it, as the kernel leaves a BAR that is
// not decoded, reads all ones and takes writes.
func TestFaultsReadAllOnes(t *testing.T) {
	fd, err := unix.MemfdCreate("bar", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(fd, 4096); err != nil {
		t.Fatal(err)
	}
	p, err := unix.Mmap(fd, 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	b := &bar{p}
	b.Write32(8, 7)
	if b.Read32(8) != 7 || b.Read64(8) != 7 || b.Read8(9) != 0 {
		t.Error("memory that is there is not")
	}
	b.Write64(4096, 1)
	b.Copy(5000, []byte{1, 2, 3})
	if b.Read8(4096) != 0xff || b.Read16(4098) != 0xffff || b.Read32(4100) != 0xffffffff ||
		b.Read64(4104) != ^uint64(0) {
		t.Error("a fault does not read all ones")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an access beyond the window is no bug")
			}
		}()
		b.Read32(8192)
	}()
	if n := testing.AllocsPerRun(100, func() { b.Write32(8, 1); b.Read32(8) }); n != 0 {
		t.Errorf("%v allocations an access", n)
	}
}
