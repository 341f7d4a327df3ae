// Package ir owns the tile IR of kernels: typed SSA over tiles, its verifier, its text form, and a
// reference interpreter over whole tensors that gives the bits of the target's Tensor Cores.
//
// It does not choose instructions (codegen) and does not read source text (lower).
package ir
