// Package pcie holds a PCI Express function against what the PCI Express Base Specification asks of
// its configuration space, BARs and resets, as software sees them: any function of any hw.Machine.
package pcie
