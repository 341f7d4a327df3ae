// Package mem is the one flat address space of TensorOS: RAM, VRAM and NVMe objects as ranges of 64
// bits, and the allocator of VRAM. It maps nothing itself; drivers program the hardware.
package mem
