// Package interp is the reference interpreter of the tile IR: program after program, operation
// after operation, with the rounding that the table of tir states and dots in the arithmetic of a
// target's Tensor Cores.
//
// Sums run along their axis as a tree of halves (element i meets i + n/2); transcendental functions
// are rounded once from binary64, where GPUs approximate.
package interp
