// Package tensor owns the bit-exact arithmetic of Tensor Cores: dot products and whole-warp mma
// fragments, computed by the rules tabled in hw/spec/gpu.
//
// It does not own time (latencies belong to the SM model), nor the constants of the rules.
package tensor
