package vfiouser

import "tensoros/hw"

// Region is a span of the device that the peer may access: a BAR, the ROM or configuration space.
type Region struct {
	Len      uint64 // bytes; 0: there is none
	ReadOnly bool
}

// Regions are indexed as VFIO does: BARs 0 to 5, ROM, configuration space ([ConfigRegion]), VGA.
type Regions [regionCount]Region

// Device is what a server exports: one PCI function. Its methods are called by one goroutine.
type Device interface {
	Regions() Regions
	// Vectors is how many MSI-X vectors there are.
	Vectors() int
	// Connect hands over the peer that the device talks to from now on; Disconnect ends that.
	Connect(p Peer)
	Disconnect()
	// Read fills p from a region, Write takes p; offsets and lengths are within the region.
	Read(region int, off uint64, p []byte)
	Write(region int, off uint64, p []byte)
	// Map adds memory of the peer at a bus address. data is a view of it; nil if the peer gave no
	// file, then it is reached through the Peer.
	Map(iova, size uint64, data []byte, writable bool) error
	// Unmap takes memory away. When it returns, the device no longer touches it.
	Unmap(iova, size uint64) error
	// Arm says whether an MSI-X vector is delivered now.
	Arm(vector int, on bool)
	// Reset is a function level reset.
	Reset()
	// Advance lets the device's time pass up to now (ns since Serve began). It returns when the
	// device has something to do next, [hw.Forever] if only the peer can cause that.
	Advance(now hw.Time) (next hw.Time)
}

// Sharer is a Device with a part of a region that a peer may map, as SPDK demands of an NVMe
// controller's doorbells. QEMU gives up posted writes for a device that has one.
type Sharer interface {
	Device
	// Shared is that part; nil if there is none.
	Shared() *Shared
}

// Shared is a part of a region in memory that both sides see.
type Shared struct {
	Region int
	Off    uint64 // in the region and in the memory
	Len    uint64
	Data   []byte // the memory, from the region's start
	FD     int
}

// Peer is the other side of a connection, as a device sees it.
type Peer interface {
	// Interrupt delivers an MSI-X vector.
	Interrupt(vector int)
	// ReadDMA and WriteDMA reach memory that was mapped without a file, and other devices.
	ReadDMA(addr uint64, p []byte) error
	WriteDMA(addr uint64, p []byte) error
}

// Options of a client.
type Options struct {
	// CPUs is the number of processors, goroutines of this process; 0 is 1.
	CPUs int
	// Memory is the size of DMA memory in bytes; 0 is 64 MiB.
	Memory int
	// Address names the function; the zero value is replaced by 0000:01:00.0.
	Address hw.Address
}
