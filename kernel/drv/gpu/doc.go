// Package gpu drives a GPU function: page tables, one channel, copies, code upload, and launches
// through command buffers that are encoded once, lie in VRAM, and start with one doorbell.
//
// It polls; it takes no interrupts. Tensors and their placement are the caller's.
package gpu
