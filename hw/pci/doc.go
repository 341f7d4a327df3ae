// Package pci finds and prepares PCI functions through hw.Window, on any backend: identity,
// capabilities, BARs, decoding and mastering. It keeps no state.
package pci
