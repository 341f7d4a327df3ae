// Package pcie is the paper contract of PCI Express as tables: link rates, TLP overheads,
// configuration registers and capabilities. It holds no behaviour.
//
// Sources: PCI Express Base Specification 5.0 ("PCIe 5.0"); Linux include/uapi/linux/pci_regs.h
// ("pci_regs.h"); Neugebauer et al., "Understanding PCIe performance for end host networking",
// SIGCOMM 2018, with its model ("pcie-bench").
package pcie
