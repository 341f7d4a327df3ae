// Package emu runs programs without a GPU: a runtime of the virtual machine over host memory, whose
// kernels the reference interpreter of the tile IR computes.
package emu
