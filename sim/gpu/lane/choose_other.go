//go:build !amd64

package lane

func choose() Table { return Portable() }
