package nvme

import (
	"cmp"
	"fmt"

	spec "tensoros/hw/spec/nvme"
	"tensoros/hw/spec/pcie"
	"tensoros/sim"
)

// Profile is a drive as numbers.
type Profile struct {
	Name, Source   string
	Vendor, Device uint16
	Model          string

	Channels, Dies, Planes int       // dies a channel, planes a die
	Page                   int       // bytes a plane senses at once; the unit of striping
	PlaneReads             bool      // planes of a die sense independently
	ChannelRate            sim.Rate  // bytes a second
	ChannelChunk           int       // bytes moved over a channel before another die gets it
	Read4K, ReadPage       sim.Time  // tR of up to 4 KiB, and of a page
	CellSpread             sim.Time  // LSB pages are that much faster, MSB pages slower
	Program                sim.Time  // tPROG of a page in every plane of a die
	CommandInterval        sim.Time  // the firmware takes an I/O command no faster; 0: at once
	FirmwareRead4K         sim.Time  // added to a read of up to 4 KiB,
	FirmwareRead           sim.Time  // of more
	FirmwareWrite          sim.Time  // added to a write once its data is in the buffer,
	FirmwareWrite4K        sim.Time  // for each 4 KiB of it
	WriteBuffer            int       // bytes
	BlockPages             int       // pages of an erase block; 0: 256
	Spare                  int       // raw capacity beyond the logical one, per mille; 0: 70
	Erase                  sim.Time  // tERASE
	Endurance              uint32    // rated program and erase cycles; 0: nothing wears
	RetryPPM               int       // pages of a million that need a second sense, as new
	VolatileCache          bool      // the buffer is lost with power: Flush has work to do
	Link                   pcie.Link // as trained
	MDTS                   uint8     // largest transfer, 4096 << MDTS bytes
	BlockShift             uint8     // 9 or 12
	CMB                    uint64    // bytes of controller memory buffer, a power of two; 0: none
	Power                  []spec.PowerDescriptor
}

// Marks: [S] read in the source named, [D] derived here, [R] recalled and not re-read.

// Samsung970Pro is NVMeVirt's calibration of a Samsung 970 Pro (snu-csl/nvmevirt, ssd_config.h)
// [S]; that FirmwareWrite4K counts for each 4 KiB [R].
var Samsung970Pro = Profile{
	Name: "970pro", Source: "snu-csl/nvmevirt ssd_config.h",
	Vendor: 0x144d, Device: 0xa808, Model: "Samsung 970 PRO (NVMeVirt)",
	Channels: 8, Dies: 2, Planes: 1, Page: 32 << 10,
	ChannelRate: 800_000_000, ChannelChunk: 16 << 10,
	Read4K: 35760 * sim.Nanosecond, ReadPage: 36013 * sim.Nanosecond,
	CellSpread: 6 * sim.Microsecond, Program: 185 * sim.Microsecond,
	FirmwareRead4K: 21500 * sim.Nanosecond, FirmwareRead: 30490 * sim.Nanosecond,
	FirmwareWrite: 4 * sim.Microsecond, FirmwareWrite4K: 460 * sim.Nanosecond,
	WriteBuffer: 8 * 2 * 32 << 10 * 2, VolatileCache: true, Power: clientPower,
	Link: pcie.Link{Gen: 3, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 6, BlockShift: 9,
}

// clientPower are the states that such drives tell: 6.2, 4.3 and 2.1 W in operation, 40 and 5 mW
// asleep, with entry and exit latencies in microseconds [R].
var clientPower = []spec.PowerDescriptor{
	{MaxPower: 620},
	{MaxPower: 430, ReadThr: 1, ReadLat: 1, WriteThr: 1, WriteLat: 1},
	{MaxPower: 210, ReadThr: 2, ReadLat: 2, WriteThr: 2, WriteLat: 2},
	{MaxPower: 4, NonOperational: true, EntryLat: 210, ExitLat: 1200, ReadThr: 3, ReadLat: 3,
		WriteThr: 3, WriteLat: 3},
	{MaxPower: 1, NonOperational: true, EntryLat: 2000, ExitLat: 8000, ReadThr: 4, ReadLat: 4,
		WriteThr: 4, WriteLat: 4},
}

// MQSim is the default drive of MQSim (CMU-SAFARI/MQSim, ssdconfig.xml) [S]. That simulator has no
// firmware constant. Its link is taken to be Gen3 x4 [R], its channel chunk a page [D].
var MQSim = Profile{
	Name: "mqsim", Source: "CMU-SAFARI/MQSim ssdconfig.xml",
	Vendor: 0x1b36, Device: 0x0010, Model: "MQSim default",
	Channels: 8, Dies: 4 * 2, Planes: 2, Page: 8 << 10,
	ChannelRate: 333_000_000, ChannelChunk: 8 << 10,
	Read4K: 75 * sim.Microsecond, ReadPage: 75 * sim.Microsecond, Program: 750 * sim.Microsecond,
	Erase:       3800 * sim.Microsecond,
	WriteBuffer: 256 << 20, VolatileCache: true,
	Link: pcie.Link{Gen: 3, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 7, BlockShift: 9,
}

// Micron9550 meets the published figures of a Micron 9550 (StorageReview's table [S]): sequential
// 14.0 and 10.0 GB/s, 4 KiB at depth 1 60 us read, 15 us write. Its inside is not published; what
// stands here is derived [D] and FITTED to those four figures and to nothing else:
//   - the structure, 16 channels of 8 dies with 4 independent planes of 16 KiB at 2400 MT/s, lies
//     within what 176-232 layer TLC is recalled to have (4-6 planes, 1600-3200 MT/s) [R];
//   - tR 50 us is the middle of the recalled 40-60 us [R]; FirmwareRead is what is left of 60 us
//     after fetch, tR, channel and link;
//   - Program is the effective time of a 64 KiB stripe that gives 10.0 GB/s from 128 dies:
//     128 * 65536 B / 10.0 GB/s = 838.9 us, not a tPROG;
//   - FirmwareWrite is what is left of 15 us after fetch and link;
//   - sequential reads are bound by the link (Gen5 x4, MPS 256).
//
// Random read rates are predictions and not fitted. The PCI device id is not known to us.
var Micron9550 = Profile{
	Name: "micron9550", Source: "derived; fitted to StorageReview's table of published figures",
	Vendor: 0x1344, Model: "Micron 9550 (fitted)",
	Channels: 16, Dies: 8, Planes: 4, Page: 16 << 10, PlaneReads: true,
	ChannelRate: 2400 * sim.Megahertz, ChannelChunk: 16 << 10,
	Read4K: 50 * sim.Microsecond, ReadPage: 50 * sim.Microsecond,
	Program: 838900 * sim.Nanosecond, Erase: flashErase,
	FirmwareRead4K: 7150 * sim.Nanosecond, FirmwareRead: 7150 * sim.Nanosecond,
	FirmwareWrite: 13370 * sim.Nanosecond,
	WriteBuffer:   16 * 8 * 64 << 10 * 2, // two stripes a die, NVMeVirt's rule
	Link:          pcie.Link{Gen: 5, Lanes: 4, MPS: 256, MRRS: 512}, MDTS: 8, BlockShift: 9,
}

// Find returns the profile of a name; nil if there is none.
func Find(name string) *Profile {
	for _, p := range Profiles {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// WithBlocks returns a copy with blocks of 1 << shift bytes.
func (p Profile) WithBlocks(shift uint8) *Profile {
	p.BlockShift = shift
	return &p
}

// WithCMB returns a copy with a controller memory buffer of n bytes.
func (p Profile) WithCMB(n uint64) *Profile {
	p.CMB = n
	return &p
}

// MaxTransfer is the largest transfer in bytes.
func (p *Profile) MaxTransfer() int { return 4096 << p.MDTS }

// stripe is the bytes a die programs at once.
func (p *Profile) stripe() int { return p.Planes * p.Page }

func (p *Profile) blockPages() int { return cmp.Or(p.BlockPages, 256) }

func (p *Profile) spare() int { return cmp.Or(p.Spare, 70) }

// Check reports a profile that cannot work.
func (p *Profile) Check() error {
	switch {
	case p.Channels < 1 || p.Dies < 1 || p.Planes < 1:
		return fmt.Errorf("nvme %s: needs channels, dies and planes", p.Name)
	case p.Page < 4096 || p.Page&(p.Page-1) != 0 || p.ChannelChunk < 512 || p.ChannelChunk > p.Page:
		return fmt.Errorf("nvme %s: page %d, channel chunk %d", p.Name, p.Page, p.ChannelChunk)
	case p.WriteBuffer < 2*p.stripe():
		return fmt.Errorf("nvme %s: write buffer below two stripes of %d", p.Name, p.stripe())
	case p.BlockShift != 9 && p.BlockShift != 12:
		return fmt.Errorf("nvme %s: blocks of %d bytes; 512 and 4096 are modelled",
			p.Name, 1<<p.BlockShift)
	case p.ChannelRate == 0 || p.MDTS == 0 || p.MDTS > 10:
		return fmt.Errorf("nvme %s: channel rate %d, MDTS %d", p.Name, p.ChannelRate, p.MDTS)
	case p.CMB != 0 && (p.CMB < 64<<10 || p.CMB&(p.CMB-1) != 0):
		return fmt.Errorf("nvme %s: a controller memory buffer of %d bytes; a power of two of at "+
			"least 64 KiB is needed", p.Name, p.CMB)
	case len(p.Power) > 32:
		return fmt.Errorf("nvme %s: %d power states; 32 are the most", p.Name, len(p.Power))
	}
	return p.Link.Check()
}

// Names lists the names of the profiles, in order.
func Names() []string {
	var names []string
	for _, p := range Profiles {
		names = append(names, p.Name)
	}
	return names
}
