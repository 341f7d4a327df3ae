// Package linux is a hw.Machine of real PCI functions on Linux: those that are bound to vfio-pci,
// reached through VFIO's group and container (include/uapi/linux/vfio.h) and sysfs. DMA goes
// through the IOMMU to memory of this process and nowhere else.
//
// Bind binds a function; that and /dev/vfio need root or the owner's leave.
package linux
