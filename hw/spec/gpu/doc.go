// Package gpu is the paper contract of an NVIDIA-class GPU as tables: registers, classes, methods,
// launch descriptors, page tables, and the constants of its Tensor Core arithmetic.
//
// Both sides, driver and device model, read it; it holds no behaviour.
package gpu
