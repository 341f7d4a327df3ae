//go:build linux

package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func ioctl(fd int, request, arg uintptr) (uintptr, error) {
	v, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
	if e != 0 {
		return 0, e
	}
	return v, nil
}

// ioctlWords passes a structure of 32-bit words.
func ioctlWords(fd int, request uintptr, words []uint32) error {
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request,
		uintptr(unsafe.Pointer(unsafe.SliceData(words))))
	if e != 0 {
		return e
	}
	return nil
}

// ioctlString passes a string that ends in NUL and gives what the call returns.
func ioctlString(fd int, request uintptr, s string) (int, error) {
	p := append([]byte(s), 0)
	v, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request,
		uintptr(unsafe.Pointer(unsafe.SliceData(p))))
	if e != 0 {
		return 0, e
	}
	return int(v), nil
}

// mapDMA lets functions of the container reach data, which is not the collector's to move, at iova.
func mapDMA(container int, data []byte, iova uint64) error {
	arg := struct {
		argsz, flags      uint32
		vaddr, iova, size uint64
	}{32, dmaRead | dmaWrite, uint64(uintptr(unsafe.Pointer(unsafe.SliceData(data)))), iova,
		uint64(len(data))}
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(container), iommuMapDMA,
		uintptr(unsafe.Pointer(&arg)))
	if e != 0 {
		return e
	}
	return nil
}
