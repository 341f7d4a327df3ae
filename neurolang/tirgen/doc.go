// Package tirgen turns typed kernels (hir) into tile IR: it inlines functions, turns variables into
// what loops and branches carry, and lifts kernels over tiles to kernels over tensors.
package tirgen
