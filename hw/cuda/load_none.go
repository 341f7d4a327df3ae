//go:build nocuda || !(linux || windows) || !(amd64 || arm64)

package cuda

import (
	"fmt"
	"runtime"
)

func load() (*driver, error) {
	return nil, fmt.Errorf("%w for %s/%s in this build", ErrNoDriver, runtime.GOOS, runtime.GOARCH)
}
