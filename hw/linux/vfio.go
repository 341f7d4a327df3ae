package linux

import "tensoros/hw"

// The ioctls of VFIO: _IO(';', 100 + n), with structures that begin with their size
// (include/uapi/linux/vfio.h).
const (
	vfioBase             = ';'<<8 | 100
	getAPIVersion        = vfioBase + 0
	checkExtension       = vfioBase + 1
	setIOMMU             = vfioBase + 2
	groupGetStatus       = vfioBase + 3
	groupSetContainer    = vfioBase + 4
	groupGetDeviceFD     = vfioBase + 6
	deviceGetInfo        = vfioBase + 7
	deviceGetRegionInfo  = vfioBase + 8
	deviceGetIRQInfo     = vfioBase + 9
	deviceSetIRQs        = vfioBase + 10
	deviceReset          = vfioBase + 11
	iommuMapDMA          = vfioBase + 13
	iommuUnmapDMA        = vfioBase + 14
	apiVersion           = 0
	type1v2              = 3
	groupViable          = 1 << 0
	regionMmap           = 1 << 2
	configRegion         = 7
	msixIndex            = 2
	dataEventFD, trigger = 1 << 2, 1 << 5
	dmaRead, dmaWrite    = 1 << 0, 1 << 1
)

// Options of a machine.
type Options struct {
	// CPUs is the number of processors, goroutines of this process; 0 is 1.
	CPUs int
	// Memory is the size of DMA memory in bytes; 0 is 32 MiB.
	Memory int
	// Functions are those to open; none: all that are bound to vfio-pci.
	Functions []hw.Address
}
