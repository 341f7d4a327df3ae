// Package lower turns checked syntax trees into what runs: kernels into tile IR, host functions
// into
// bytecode.
//
// It reports nothing but the limits of the bytecode; what is wrong was found before (types).
package lower
