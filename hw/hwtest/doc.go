// Package hwtest is what every hw.Machine and every hw.Accelerator must pass, whoever makes it.
//
// It knows the door and the PCI papers, not devices; what is in the BARs is left alone.
package hwtest
