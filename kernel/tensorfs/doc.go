// Package tensorfs is the flat object store of TensorOS: named tensors at page-aligned places of
// one drive or of several in stripes, so that DMA moves them straight into VRAM. It knows the
// format, not the drives: whoever mounts a volume brings Devices, and moves tensors by the Runs
// that a volume names. docs/tensorfs.md has the format in tables and the argument why a power cut
// always leaves a committed state.
//
// Every block of metadata and every page of contents has a CRC-32C. Reads by the host check it
// always. DMA into VRAM cannot: no processor sees the bytes. Whoever needs certainty there scrubs
// (Scrub, Verify) or runs fsck (Check) before; checksums computed by the GPU are not here. What a
// GPU writes by DMA is marked Unsummed until Sum has read it once.
package tensorfs
