// Package tensorfs is the flat object store of TensorOS: named tensors at page-aligned offsets of a
// drive, so that DMA moves them straight into VRAM. It knows the format, not the drive: whoever
// mounts it brings the reads and writes.
//
// Format 1: a superblock, one directory, extents. It is not crash-consistent: a power cut while an
// object is added can lose the directory.
package tensorfs
