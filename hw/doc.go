// Package hw is the only door between TensorOS and a machine: interfaces and value types, no state.
//
// The kernel imports hw and never a simulator; a simulator implements hw and never imports the
// kernel. Only the [Machine] handed to kernel.Boot differs between the simulator and real hardware.
package hw
