//go:build !nocuda && (amd64 || arm64)

package cuda

import "syscall"

func open() (uintptr, error) {
	lib, err := syscall.LoadLibrary("nvcuda.dll")
	return uintptr(lib), err
}

func lookup(lib uintptr, name string) (uintptr, error) {
	at, err := syscall.GetProcAddress(syscall.Handle(lib), name)
	return uintptr(at), err
}
