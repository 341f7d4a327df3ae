// Package vm interprets Neuro-Lang host bytecode and turns kernel calls into launch requests,
// checked against what the tensors really are.
//
// It moves no data and runs no kernel: that is its Runtime, which the kernel or a test fills.
package vm
