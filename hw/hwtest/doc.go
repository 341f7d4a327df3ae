// Package hwtest is what every hw.Machine must pass, whoever makes it: one suite, many machines.
//
// It knows the door and the PCI papers, not devices; what is in the BARs is left alone.
package hwtest
