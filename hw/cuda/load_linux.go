//go:build !nocuda && (amd64 || arm64)

package cuda

import "github.com/ebitengine/purego"

func open() (uintptr, error) {
	return purego.Dlopen("libcuda.so.1", purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func lookup(lib uintptr, name string) (uintptr, error) { return purego.Dlsym(lib, name) }
