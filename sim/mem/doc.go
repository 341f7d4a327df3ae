// Package mem is storage: sparse memory for VRAM and flash, and host memory in DMA regions. It
// knows contents and addresses, not time.
package mem
