// Package lane is arithmetic over the 32 lanes of a warp: whole rows of registers at once, with
// AVX2 where the processor has it, and in Go with the same bits where it has not.
package lane
