//go:build !nocuda && (linux || windows) && (amd64 || arm64)

package cuda

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// load opens the driver's library and fills the table.
func load() (*driver, error) {
	lib, err := open()
	if err != nil {
		return nil, fmt.Errorf("%w on this machine: %w", ErrNoDriver, err)
	}
	d := &driver{}
	for _, s := range d.symbols() {
		at, err := lookup(lib, s.name)
		if err != nil {
			return nil, fmt.Errorf("%w of CUDA 12.0 or later on this machine: %w", ErrNoDriver, err)
		}
		purego.RegisterFunc(s.fn, at)
	}
	return d, nil
}
