// Package run executes compiled programs: it fills the runtime of Neuro-Lang's virtual machine with
// the kernel's drivers. Objects go from NVMe to VRAM by peer-to-peer DMA, launches are plans that
// lie in VRAM, and only what a program prints comes back to the host.
package run
