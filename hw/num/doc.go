// Package num owns the number formats of GPUs (f16, bf16, tf32, e4m3, e5m2, f32) as one table,
// their decoding, and their rounding in every mode.
//
// It does not own arithmetic: adding and multiplying in these formats is the business of the
// machine models (see the Tensor Core constants in hw/spec/gpu).
package num
