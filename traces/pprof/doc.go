// Package pprof writes where the warps of kernels spent their cycles as a profile for go tool
// pprof, and reads it back.
package pprof
